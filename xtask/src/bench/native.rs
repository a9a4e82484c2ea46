//! The native half: from log lines to stored numbers. Whole programs beside their peers on the same file, then the parts
//! of ours by themselves with what they allocate.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use super::document::Table;
use super::goal::{self, Goal};
use super::measure::{self, Cost, Start};
use super::{Depth, follow, log};
use crate::product::{Program, fresh};
use crate::progress::Progress;
use crate::{root, shell, tools};

/// The steps of [`run`].
pub const STEPS: usize = 6;
/// Each program is run so often at a size.
const ROUNDS: usize = 5;
/// For how many days an import keeps events.
const WITHOUT_EVENTS: u32 = 0;
const WITH_EVENTS: u32 = 400;
/// Logs of so many lines: growth is seen in a hundred times the first.
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
const LONG_SIZES: [u64; 3] = [100_000, 1_000_000, 10_000_000];
/// Enough for tens of samples of the slowest part; a hundred of each would take most of an hour.
const MAX_SECS_A_PART: &str = "2";

pub fn run(progress: &mut Progress, depth: Depth) -> Result<String> {
    progress.step("make what is shipped", dist)?;
    progress.step("peers", || {
        tools::ensure_peers();
        Ok(())
    })?;
    let folder = root::cargo_target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut goals = Vec::new();
    let import = progress.step("import beside its peers", || import(&folder, depth, &mut goals))?;
    let following = progress.step("follow a log that grows", || {
        let path = folder.join("follow-from.log");
        log::write(&path, follow::LINES as u64)?;
        follow::run(&folder, &path, &mut goals)
    })?;
    let answers = progress.step("answers beside a bare server", answers)?;
    let parts = progress.step("the parts by themselves", parts)?;
    Ok(format!("{}{import}{following}{answers}{parts}", goal::table(&goals)))
}

/// By a process of its own: what this one holds counts as held by each program that it starts, until that has begun.
fn dist() -> Result<()> {
    let xtask = env::current_exe().context("cannot find this program")?;
    shell::run(Command::new(xtask).arg("dist"))
}

fn import(folder: &Path, depth: Depth, goals: &mut Vec<Goal>) -> Result<String> {
    let mut table =
        Table::new(&["lines", "program", "CPU s", "s", "lines per CPU second", "CPU, pflogsumm = 1", "peak MiB"]);
    let mut kept = Table::new(&["lines", "bytes of log", "bytes stored without events", "bytes stored with events"]);
    let mut grown = Vec::new();
    let sizes: &[u64] = if depth == Depth::Long { &LONG_SIZES } else { &SIZES };
    for &size in sizes {
        let path = folder.join("bench.log");
        let lines = log::write(&path, size)?;
        let bench = Bench { folder, log: &path };
        let ours: [Start; 3] = [&|| bench.check(), &|| bench.import(WITHOUT_EVENTS), &|| bench.import(WITH_EVENTS)];
        let peers: [Start; 2] = [&|| Ok(bench.other("wc", &["-l"])), &|| Ok(bench.other("pflogsumm", &[]))];
        let peers = if shell::is_installed("pflogsumm") { &peers[..] } else { &peers[..1] };
        let rounds = if size > 1_000_000 { 1 } else { ROUNDS };
        let costs = measure::in_turns(rounds, &[&ours, peers].concat())?;
        let [bare, without, with, wc, ref pflogsumm @ ..] = costs[..] else { bail!("not every program was measured") };
        let pflogsumm = pflogsumm.first().copied();
        let without_bytes = bench.stored_bytes(WITHOUT_EVENTS)?;
        let with_bytes = bench.stored_bytes(WITH_EVENTS)?;
        let log_bytes = fs::metadata(&path).context("cannot measure the log")?.len();
        kept.row([lines, log_bytes, without_bytes, with_bytes].map(|number| number.to_string()));
        grown.push(Grown { without, with, without_bytes, with_bytes, pflogsumm });
        if size >= 1_000_000 {
            goals.extend(held(lines, &without, &with, &bare, pflogsumm.as_ref()));
        }
        let table_rows = [
            ("`wc -l`", Some(wc)),
            ("pflogsumm", pflogsumm),
            ("bare: parse, join, count, store nothing (`mailtally check`)", Some(bare)),
            ("import, counters and state", Some(without)),
            ("import, events too", Some(with)),
        ];
        for (name, cost) in table_rows {
            table.row(match cost {
                Some(cost) => row(lines, name, &cost, pflogsumm.as_ref()),
                None => [&lines.to_string(), name, "not installed", "", "", "", ""].map(str::to_owned),
            });
        }
    }
    Ok(format!(
        "### Import\n\nOne file of mixed Postfix and Dovecot lines, a million a day ([the generator](../xtask/src/bench/log.rs)), of \
         20 domains with 50 mailboxes each; all programs in turns, {ROUNDS} times: the least time, the largest peak. Peers keep no state and store nothing.\n\n{}{}{}",
        table.markdown(),
        kept.markdown(),
        growth(&grown)
    ))
}

/// What is asked of an import of many lines.
fn held(lines: u64, without: &Cost, with: &Cost, bare: &Cost, pflogsumm: Option<&Cost>) -> [Goal; 5] {
    let cpu = |cost: &Cost| cost.cpu.as_secs_f64();
    let megabytes = |cost: &Cost| cost.peak_bytes as f64 / 1e6;
    let goal = |what: &str, measured, at_most| Goal::new(&format!("{lines} lines: {what}"), measured, at_most);
    [
        goal(
            "counters and state, CPU, pflogsumm = 1",
            pflogsumm.map_or(f64::NAN, |peer| cpu(without) / cpu(peer)),
            1.0 / 6.0,
        ),
        goal("counters and state, CPU, bare = 1", cpu(without) / cpu(bare), 1.8),
        goal("what events cost more, CPU, counters and state = 1", (cpu(with) - cpu(without)) / cpu(without), 1.0),
        goal("peak memory, MB", megabytes(without), 96.0),
        goal("peak memory with events, MB", megabytes(with), 96.0),
    ]
}

/// What an import came to at one size.
struct Grown {
    without: Cost,
    with: Cost,
    without_bytes: u64,
    with_bytes: u64,
    pflogsumm: Option<Cost>,
}

/// How costs rise with the log, and why so.
fn growth(sizes: &[Grown]) -> String {
    let mut table = Table::new(&["what", "1×", "10×", "100×", "why"]);
    let cpu = |cost: &Cost| cost.cpu.as_secs_f64();
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let mut row = |what: &str, of: &dyn Fn(&Grown) -> f64, why: &str| {
        let cells = sizes.iter().map(|size| format!("{:.2}", of(size)));
        table.row([what.to_owned()].into_iter().chain(cells).chain([why.to_owned()]));
    };
    let is_bounded = "each line costs the same: what is open is bounded by time, not by what was read";
    row("import, CPU s", &|size| cpu(&size.without), is_bounded);
    row(
        "import with events, CPU s",
        &|size| cpu(&size.with),
        "an index larger than the cache is written in more places",
    );
    row("pflogsumm, CPU s", &|size| size.pflogsumm.as_ref().map_or(f64::NAN, cpu), "a line at a time");
    row("peak memory, MB", &|size| megabytes(size.without.peak_bytes), "rises until the largest batch, then not");
    row("peak memory with events, MB", &|size| megabytes(size.with.peak_bytes), "likewise");
    row(
        "stored, MB",
        &|size| megabytes(size.without_bytes),
        "hashes against copies are most of it: 8 bytes a line of one source",
    );
    row(
        "stored with events, MB",
        &|size| megabytes(size.with_bytes),
        "an event and an entry for each subject it touches",
    );
    format!("How that grows, the first size being 1×:\n\n{}", table.markdown())
}

fn row(lines: u64, name: &str, cost: &Cost, pflogsumm: Option<&Cost>) -> [String; 7] {
    let cpu = cost.cpu.as_secs_f64();
    [
        lines.to_string(),
        name.to_owned(),
        format!("{cpu:.2}"),
        format!("{:.2}", cost.wall.as_secs_f64()),
        format!("{:.0}", lines as f64 / cpu.max(0.001)),
        pflogsumm.map_or_else(String::new, |peer| format!("{:.2}", cpu / peer.cpu.as_secs_f64().max(0.001))),
        (cost.peak_bytes >> 20).to_string(),
    ]
}

/// One log, and where it is counted.
struct Bench<'a> {
    folder: &'a Path,
    log: &'a Path,
}

impl Bench<'_> {
    /// A data directory for each of the two imports, which run in turns.
    fn data(&self, keep_days: u32) -> PathBuf {
        self.folder.join(format!("data-{keep_days}"))
    }

    /// Imports into a fresh directory, with events kept so many days.
    fn import(&self, keep_days: u32) -> Result<Command> {
        let data = self.data(keep_days);
        fresh(&data)?;
        let mut import = Program::shipped().command();
        import.arg("--config").arg(self.settings(keep_days)?).args(["import", "--log-zone", "UTC", "--data"]);
        import.arg(data).arg(self.log);
        Ok(import)
    }

    fn settings(&self, keep_days: u32) -> Result<PathBuf> {
        let settings = self.folder.join("bench.toml");
        fs::write(&settings, format!("[events]\nkeep_days = {keep_days}\n")).context("cannot write settings")?;
        Ok(settings)
    }

    /// With what is still in the write-ahead log, which of a small import is all.
    fn stored_bytes(&self, keep_days: u32) -> Result<u64> {
        let measured = |name: &str| fs::metadata(self.data(keep_days).join(name)).map(|file| file.len());
        let file = measured("mailtally.sqlite").context("cannot measure the data file")?;
        Ok(file + measured("mailtally.sqlite-wal").unwrap_or(0))
    }

    fn check(&self) -> Result<Command> {
        let mut check = Program::shipped().command();
        check.arg("--config").arg(self.settings(WITHOUT_EVENTS)?).args(["check", "--log-zone", "UTC"]).arg(self.log);
        Ok(check)
    }

    /// Another program on the same file.
    fn other(&self, program: &str, arguments: &[&str]) -> Command {
        let mut other = Command::new(program);
        other.args(arguments).arg(self.log);
        other
    }
}

/// Two years of a thousand domains, as server/benches/answers.rs prints it.
fn answers() -> Result<String> {
    let printed = shell::output(&mut shell::cargo(["bench", "--package", "mailtally-server", "--bench", "answers"]))?;
    let printed = String::from_utf8_lossy(&printed);
    Ok(format!(
        "### Answers\n\nTwo years of one report: the server in each quarter hour, each domain in each second hour, a tenth of \
         the mailboxes on each day ([how](../server/benches/answers.rs)). Medians of 21. *Answer* is reading and JSON \
         alone; *first byte* and *not modified* are over HTTP with a token; *static file* is a file of the same bytes \
         and *bare axum* sends them from memory, both without a token.\n\n{}\n\n",
        printed.trim()
    ))
}

/// What divan prints, as it prints it: times, and allocations on the hot paths.
fn parts() -> Result<String> {
    let mut bench = shell::cargo(["bench", "--package", "mailtally-server", "--bench", "parts"]);
    let printed = shell::output(bench.env("DIVAN_MAX_TIME", MAX_SECS_A_PART))?;
    let printed = String::from_utf8_lossy(&printed);
    Ok(format!("### The parts by themselves\n\n```text\n{}\n```\n", printed.trim()))
}
