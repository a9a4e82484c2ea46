//! The browser half: from an answer to what a person sees, beside peers in the same run.
//!
//! The peers live outside of this repository, in a folder that `MAILTALLY_BENCH_WEB` names (docs/benchmarks.md says what
//! is in it). The app's functions go there as one more contender; what comes back are samples, and goals to hold to them.

mod contender;
mod goals;
mod samples;
mod sizes;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Depth;
use crate::app;
use crate::progress::Progress;
use crate::shell;
use samples::Samples;

/// The steps of [`run`].
pub const STEPS: usize = 5;

const FOLDER: &str = "MAILTALLY_BENCH_WEB";
const RESULTS: &str = "results/ours.json";

/// The contenders that a goal names, and the two limits written by hand.
const PEERS: &str = "hand,wasm,duckdb,arquero,d3,tanstack,uplot";

/// Rounds of five runs each, of which the first warms up.
const ROUNDS: &str = "2";

pub fn run(progress: &mut Progress, _depth: Depth) -> Result<String> {
    let folder = folder()?;
    app::build(app::Profile::Wasm, progress)?;
    progress.step("compile the app as a contender", || contender::build(&folder.join("ours")))?;
    let samples = progress.step("run beside the peers", || {
        let tasks = ["run.mjs", "--tasks", "limits,t1,t2,t3,t4,t5,t6", "--sizes", "1000000", "--rounds", ROUNDS];
        let who = ["--only", PEERS, "--url", "/ours/contender.js", "--name", "ours", "--out", RESULTS];
        shell::run(Command::new("node").args(tasks).args(who).current_dir(&folder))?;
        Samples::read(&folder.join(RESULTS))
    })?;
    Ok(format!("{}\n{}", goals::table(&samples), sizes::table()?))
}

fn folder() -> Result<PathBuf> {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let folder = folder.with_context(|| format!("set {FOLDER} to a copy of the peers' folder (docs/benchmarks.md)"))?;
    let is_ready = folder.join("run.mjs").is_file() && folder.join("dist/bench.js").is_file();
    ensure!(is_ready, "{} is not ready: run `npm install && sh run-all.sh` in it once", folder.display());
    Ok(folder)
}
