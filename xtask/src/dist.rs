//! `cargo xtask dist`: one binary with the app inside.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::progress::{Progress, say};
use crate::{app, asset, root, tools, train};

/// What a browser may load before the first report, compressed: at a megabyte a second it is there in a quarter of a second.
/// The goal is 220 KiB, and this is a little more than what the app comes to (docs/performance.md). A dependency that brings its tables
/// along, or views that are not erased any more, pass this at once, and are weighed before it is raised. What opens on a
/// report, or is another page, belongs into a part that comes later (src/apart.rs).
const MOST_LOADED: u64 = 209 * 1024;

/// The same with all parts that come later.
const MOST_IN_ALL: u64 = 368 * 1024;

/// How the server is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// In one go: for tests, which have to be quick.
    Plain,
    /// As it is shipped: watched at work, and compiled again by that.
    Trained,
}

impl Server {
    /// The steps of [`build`].
    pub fn steps(self) -> usize {
        app::STEPS
            + match self {
                Server::Plain => 1,
                Server::Trained => train::STEPS,
            }
    }
}

pub fn command() -> Result<()> {
    let mut progress = Progress::new(Server::Trained.steps());
    build(Server::Trained, &mut progress)?;
    say(&format!("── {} in {}", root::dist().join("mailtally").display(), progress.elapsed()));
    Ok(())
}

pub fn build(server: Server, progress: &mut Progress) -> Result<()> {
    tools::ensure_make()?;
    app::build(app::Profile::Wasm, progress)?;
    let built = match server {
        Server::Plain => train::plain(progress)?,
        Server::Trained => train::trained(progress)?,
    };
    let place = root::dist().join("mailtally");
    fs::create_dir_all(root::dist()).context("cannot create target/dist")?;
    // A running binary cannot be overwritten, but its name can be given to another file.
    let next = asset::with_suffix(&place, "next");
    fs::copy(&built, &next).with_context(|| format!("cannot copy {}", built.display()))?;
    fs::rename(&next, &place).with_context(|| format!("cannot write {}", place.display()))?;
    sizes()
}

/// Says how large the product is: what is stored, and what a browser loads.
fn sizes() -> Result<()> {
    let binary = fs::metadata(root::dist().join("mailtally")).context("cannot measure the binary")?.len();
    say(&format!("mailtally: {} with the app inside", kilobytes(binary)));
    let files = asset::sizes()?;
    for file in &files {
        say(&format!("{}: {}, brotli {}", file.name, kilobytes(file.raw), kilobytes(file.packed)));
    }
    let (_, loaded) = asset::total(files.iter().filter(|file| !file.comes_later()));
    let (_, all) = asset::total(&files);
    say(&format!("a browser loads {} before a report, {} in all", kilobytes(loaded), kilobytes(all)));
    for (bytes, most) in [(loaded, MOST_LOADED), (all, MOST_IN_ALL)] {
        ensure!(
            bytes <= most,
            "{} is more than {}: see docs/performance.md on what is large",
            kilobytes(bytes),
            kilobytes(most)
        );
    }
    Ok(())
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}
