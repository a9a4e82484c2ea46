//! The native half: from log lines to stored numbers to answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Depth;
use super::document::Table;
use super::measure::{self, Cost};
use crate::progress::Progress;
use crate::{root, shell};

/// The steps of [`run`].
pub const STEPS: usize = 2;
/// Each program is run so often, and the cheapest run counts.
const RUNS: usize = 3;

pub fn run(progress: &mut Progress, depth: Depth) -> Result<String> {
    progress.step("compile the server", || {
        shell::run(&mut shell::cargo(["build", "--release", "--package", "mailtally-server"]))
    })?;
    let folder = root::cargo_target().join("bench");
    progress.step("import the demo's year", || import(&folder, depth))
}

fn import(folder: &Path, depth: Depth) -> Result<String> {
    let mut table = Table::new(&["lines", "CPU s", "s", "peak MiB"]);
    let sizes: &[u64] = if depth == Depth::Long { &[1_000_000, 10_000_000] } else { &[1_000_000] };
    for &lines in sizes {
        let cost = import_of(folder, lines)?;
        table.row([
            lines.to_string(),
            format!("{:.2}", cost.cpu.as_secs_f64()),
            format!("{:.2}", cost.wall.as_secs_f64()),
            (cost.peak_bytes >> 20).to_string(),
        ]);
    }
    Ok(table.markdown())
}

fn import_of(folder: &Path, lines: u64) -> Result<Cost> {
    let (logs, data) = (folder.join("logs"), folder.join("data"));
    let mailtally = root::cargo_target().join("release/mailtally");
    fresh(&logs)?;
    measure::run(Command::new(&mailtally).args(["demo", "--lines", &lines.to_string(), "--write"]).arg(&logs))?;
    let mut files: Vec<_> = fs::read_dir(&logs)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .with_context(|| format!("cannot list {}", logs.display()))?;
    files.sort();
    measure::least(RUNS, || {
        fresh(&data)?;
        let mut import = Command::new(&mailtally);
        import.args(["import", "--log-zone", "UTC", "--data"]).arg(&data).args(&files);
        Ok(import)
    })
}

/// An empty folder.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
