//! Follow mode: what it costs to wait for lines, and whether it keeps up with a log that grows fast. Drives the finished
//! binary as an administrator and a browser do: by files, the command line and HTTP.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::document::Table;
use super::goal::Goal;
use crate::product::{Program, Server, fresh};

const LINES_A_SECOND: usize = 100_000;
/// Long enough for batches to be written and what ended to be forgotten many times.
const SECS: usize = 60;
/// Lines that the log to follow has.
pub const LINES: usize = SECS * LINES_A_SECOND;
/// The log grows so often a second.
const PIECES_A_SECOND: usize = 20;
/// How long nothing happens, to see what that costs.
const IDLE: Duration = Duration::from_secs(30);
/// Lines that are written one at a time, each followed until it shows.
const SINGLE_LINES: usize = 10;
/// A line shows after so long.
const SHOWN_WITHIN_SECS: f64 = 2.0;
/// What does not show after this is lost.
const MAX_WAIT: Duration = Duration::from_secs(120);
/// How often the answer is asked for, as a browser that looks on; the figure is no more exact than this.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// What the kernel counts CPU time in.
const TICK_MS: u64 = 10;

/// Follows the lines of `log`, which begins and ends the whole measurement's stamps; what came of it is held to goals, too.
pub fn run(folder: &Path, log: &Path, goals: &mut Vec<Goal>) -> Result<String> {
    let mut table = Table::new(&["following", "measured"]);
    let mut row = |what: String, measured: String| table.row([what, measured]);
    for (what, sample, at_most) in [("idle, no sampler", false, 0.1), ("idle, with the sampler", true, 0.5)] {
        let server = Following::start(folder, sample)?;
        // What is done once at the start is no cost of waiting.
        sleep(Duration::from_secs(5));
        let before = server.cpu()?;
        sleep(IDLE);
        let share = (server.cpu()? - before).as_secs_f64() / IDLE.as_secs_f64();
        row(format!("{what}, {} s", IDLE.as_secs()), format!("{:.2} % of a core", share * 100.0));
        goals.push(Goal::new(&format!("following, {what}, % of a core"), share * 100.0, at_most));
    }
    let server = Following::start(folder, false)?;
    let mut lines = BufReader::new(File::open(log).with_context(|| format!("cannot read {}", log.display()))?);
    let (written, behind) = server.grow(&mut lines, SECS)?;
    row(
        format!("{LINES_A_SECOND} lines a second for {SECS} s ({written} lines)"),
        format!(
            "all shown {:.2} s after the last was written, {:.0} % of a core",
            behind.as_secs_f64(),
            server.cpu()?.as_secs_f64() / SECS as f64 * 100.0
        ),
    );
    goals.push(Goal::new(
        &format!("{LINES_A_SECOND} lines a second, s behind"),
        behind.as_secs_f64(),
        SHOWN_WITHIN_SECS,
    ));
    let mut waits = Vec::new();
    for _ in 0..SINGLE_LINES {
        let before = server.understood()?;
        server.append(session_of(waits.len()).as_bytes())?;
        waits.push(server.wait_for(before + 1)?);
    }
    waits.sort_unstable();
    let (middle, most) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    row(
        format!("a line until it shows, {SINGLE_LINES} times, while someone looks on"),
        format!("{:.2} s, at most {:.2} s", middle.as_secs_f64(), most.as_secs_f64()),
    );
    goals.push(Goal::new("a line until it shows, s at most", most.as_secs_f64(), SHOWN_WITHIN_SECS));
    Ok(format!("### Following\n\n{}", table.markdown()))
}

/// A line later than all that the generator writes.
fn session_of(nth: usize) -> String {
    let (process, second) = (nth + 1, nth % 60);
    format!("May  1 00:00:{second:02} mx1 postfix/smtpd[{process}]: connect from new.outside.example[203.0.113.9]\n")
}

/// A server that follows one log, from an empty data directory.
struct Following {
    server: Server,
    log: PathBuf,
}

impl Following {
    fn start(folder: &Path, sample: bool) -> Result<Following> {
        let (data, log, settings) = (folder.join("follow"), folder.join("follow.log"), folder.join("follow.toml"));
        fresh(&data)?;
        fs::write(&log, "").context("cannot write the log")?;
        fs::write(&settings, format!("[host]\nsample = {sample}\n[events]\nkeep_days = 0\n"))
            .context("cannot write settings")?;
        let server = Program::shipped().serve(&data, Some(&settings), Some(&log))?;
        Ok(Following { server, log })
    }

    fn append(&self, bytes: &[u8]) -> Result<()> {
        File::options().append(true).open(&self.log)?.write_all(bytes).context("cannot write the log")
    }

    /// Writes lines at a fixed rate, someone looking on; how many, and how long the last took to show.
    fn grow(&self, lines: &mut BufReader<File>, secs: usize) -> Result<(u64, Duration)> {
        let (mut written, mut piece) = (0, Vec::new());
        let began = Instant::now();
        for nth in 1..=secs * PIECES_A_SECOND {
            piece.clear();
            for _ in 0..LINES_A_SECOND / PIECES_A_SECOND {
                written += u64::from(lines.read_until(b'\n', &mut piece)? > 0);
            }
            self.append(&piece)?;
            if nth % PIECES_A_SECOND == 0 {
                self.understood()?;
            }
            let due = Duration::from_secs_f64(nth as f64 / PIECES_A_SECOND as f64);
            sleep(due.saturating_sub(began.elapsed()));
        }
        Ok((written, self.wait_for(written)?))
    }

    /// Until so many lines are in the numbers.
    fn wait_for(&self, lines: u64) -> Result<Duration> {
        let began = Instant::now();
        while self.understood()? < lines {
            if began.elapsed() > MAX_WAIT {
                bail!("{} of {lines} lines show after {} s", self.understood()?, MAX_WAIT.as_secs());
            }
            sleep(ASK_EVERY);
        }
        Ok(began.elapsed())
    }

    /// Lines that the page of data health says were read.
    fn understood(&self) -> Result<u64> {
        let health: serde_json::Value = serde_json::from_str(&self.server.get("/api/health")?)?;
        let sources = health["sources"].as_array().context("no sources in the answer")?;
        Ok(sources.iter().filter_map(|source| source["lines"].as_u64()).sum())
    }

    /// The CPU time of the process so far.
    fn cpu(&self) -> Result<Duration> {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.server.process_id())).context("the server is gone")?;
        // After the name in brackets: utime and stime are fields 14 and 15.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * TICK_MS))
    }
}
