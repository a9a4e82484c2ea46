//! The browser half: from an answer to what a person sees, beside peers in the same run.
//!
//! The peers live outside of this repository, in a folder that `MAILTALLY_BENCH_WEB` names (docs/benchmarks.md says what
//! is in it). The app's functions go there as one more contender; what comes back are samples, and goals to hold to them.

mod contender;
mod frames;
mod goals;
mod page;
mod product;
mod samples;
mod sizes;
mod whole;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Depth;
use crate::app;
use crate::progress::Progress;
use crate::shell;
use product::Product;
use samples::Samples;

/// The steps of [`run`].
pub const STEPS: usize = 9;

const FOLDER: &str = "MAILTALLY_BENCH_WEB";
const RESULTS: &str = "results/ours.json";

/// Tasks, and the contenders that a goal names for them, `hand` and `wasm` being the limits written by hand. All tasks of
/// all of them take a quarter of an hour, in which a machine changes its mind.
const GROUPS: [(&str, &str); 5] = [
    ("t4,t5", "tanstack,uplot"),
    ("t2", "wasm,duckdb"),
    ("t3", "arquero,duckdb"),
    ("limits,t1", "hand"),
    ("t6", "hand,d3"),
];

/// Rounds of five runs each, of which the first warms up; every other one in the reverse order, against drift. With two of them
/// the same peer took 8.7 and 12.3 ms within ten minutes.
const ROUNDS: &str = "4";

pub fn run(progress: &mut Progress, _depth: Depth) -> Result<String> {
    let folder = folder()?;
    app::build(app::Profile::Wasm, progress)?;
    let product = progress.step("count a hundred thousand mailboxes", Product::of_many_mailboxes)?;
    let frames = progress.step("trace a hundred thousand rows", || frames::table(&folder, &product))?;
    let visits = progress.step("visit two reports in turn", || page::visits(&folder, &product))?;
    let samples = measured(progress, &folder, |_| true)?;
    let growth = progress.step("pages of ever more rows", || page::growth(&folder))?;
    Ok(format!("{}\n{frames}\n{growth}\n{visits}\n{}", goals::table(&samples, |_| true), sizes::table()?))
}

/// The steps of [`look`].
pub const LOOK_STEPS: usize = 2;

/// The figures of some tasks, with the app and its sheet as they were built last.
pub fn look(progress: &mut Progress, tasks: &[String]) -> Result<String> {
    match tasks {
        [task] if task == "frames" => {
            return progress
                .step("trace a hundred thousand rows", || frames::table(&folder()?, &Product::of_many_mailboxes()?));
        }
        [task] if task == "visits" => {
            return progress
                .step("visit two reports in turn", || page::visits(&folder()?, &Product::of_many_mailboxes()?));
        }
        [task] if task == "pages" => return progress.step("pages of ever more rows", || page::growth(&folder()?)),
        _ => {}
    }
    // T1 is held to a limit.
    let is_wanted = |task: &str| tasks.iter().any(|wanted| wanted == if task == "limits" { "t1" } else { task });
    let samples = measured(progress, &folder()?, is_wanted)?;
    Ok(goals::table(&samples, is_wanted))
}

fn measured(progress: &mut Progress, folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Samples> {
    progress.step("compile the app as a contender", || contender::build(&folder.join("ours")))?;
    progress.step("run beside the peers", || run_all(folder, is_wanted))
}

/// Each group with the app beside its peers.
fn run_all(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Samples> {
    let mut samples = Samples::default();
    for (tasks, peers) in GROUPS {
        let wanted: Vec<&str> = tasks.split(',').filter(|task| is_wanted(task)).collect();
        if wanted.is_empty() {
            continue;
        }
        let what = ["run.mjs", "--tasks", &wanted.join(","), "--sizes", "1000000", "--rounds", ROUNDS];
        let who = ["--only", peers, "--url", "/ours/contender.js", "--name", "ours", "--out", RESULTS];
        shell::run(Command::new("node").args(what).args(who).current_dir(folder))?;
        samples.add(&folder.join(RESULTS))?;
    }
    if is_wanted("t7") {
        whole::run(folder, &mut samples)?;
    }
    Ok(samples)
}

fn folder() -> Result<PathBuf> {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let folder = folder.with_context(|| format!("set {FOLDER} to a copy of the peers' folder (docs/benchmarks.md)"))?;
    let is_ready = folder.join("run.mjs").is_file() && folder.join("dist/bench.js").is_file();
    ensure!(is_ready, "{} is not ready: run `npm install && sh run-all.sh` in it once", folder.display());
    Ok(folder)
}
