//! `cargo xtask dist`: one binary with the app inside.

use std::fs;

use anyhow::{Context, Result};

use crate::progress::{Progress, say};
use crate::{app, asset, root, shell};

/// The steps of [`build`].
pub const STEPS: usize = 4;

pub fn command() -> Result<()> {
    let mut progress = Progress::new(STEPS);
    build(&mut progress)?;
    say(&format!("── {} in {}", root::dist().join("mailtally").display(), progress.elapsed()));
    Ok(())
}

pub fn build(progress: &mut Progress) -> Result<()> {
    app::build(app::Profile::Wasm, progress)?;
    progress.step("compile the server with the app inside", || {
        shell::run(&mut shell::cargo(["build", "--release", "--package", "mailtally-server", "--features", "embed"]))?;
        let (built, place) = (root::cargo_target().join("release/mailtally"), root::dist().join("mailtally"));
        fs::create_dir_all(root::dist()).context("cannot create target/dist")?;
        // A running binary cannot be overwritten, but its name can be given to another file.
        let next = asset::with_suffix(&place, "next");
        fs::copy(&built, &next).with_context(|| format!("cannot copy {}", built.display()))?;
        fs::rename(&next, &place).with_context(|| format!("cannot write {}", place.display()))?;
        sizes()
    })
}

/// Says how large the product is: what is stored, and what a browser loads.
fn sizes() -> Result<()> {
    let binary = fs::metadata(root::dist().join("mailtally")).context("cannot measure the binary")?.len();
    say(&format!("mailtally: {} with the app inside", kilobytes(binary)));
    let assets = root::app().join("assets");
    let mut files: Vec<_> = fs::read_dir(&assets)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot list {}", assets.display()))?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        let packed = asset::with_suffix(&file.path(), "br");
        if let (Ok(raw), Ok(packed)) = (fs::metadata(file.path()), fs::metadata(packed)) {
            let name = file.file_name();
            say(&format!("{}: {}, brotli {}", name.display(), kilobytes(raw.len()), kilobytes(packed.len())));
        }
    }
    Ok(())
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1} KB", bytes as f64 / 1024.0)
}
