//! `mailtally import`: old logs, plain or packed, in any order, into a data directory.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use mailtally_model::{Span, Time};
use tempfile::NamedTempFile;

use super::{escape, zones};
use crate::batch::{Batch, LineCounts};
use crate::collect::{self, Collector, Imported, ImportedFile, Outcome, Reading};
use crate::settings::Settings;
use crate::source::files::{self, LogFile};
use crate::source::lines::LastLine;
use crate::store::{Reader, Store};

/// The path that stands for standard input.
const STDIN: &str = "-";
/// A bar that moves more often is not seen to move.
const BAR_HERTZ: u8 = 10;
/// 1990 to 2050: no mail log is older, and no rule of a zone is known for later.
const ZONE_SPAN: Span = Span { from: Time(631_152_000), until: Time(2_524_608_000) };
/// Programs that are named when the import ends; data health has them all.
const MAX_PROGRAMS_SAID: usize = 10;

/// Read logs into the data directory
///
/// Files may be plain or packed by gzip, xz or zstd, rotated pieces in any order, and partly imported before: each line counts once.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// Data directory; made if it is absent
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Log files; `-` is standard input
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
}

/// How logs are read; the same for every command that reads them.
#[derive(Args, Clone, Debug)]
pub struct ReadingArgs {
    /// Time zone of stamps that have none, as Europe/Berlin [default: the settings', else the system's]
    #[arg(long, value_name = "ZONE")]
    pub log_zone: Option<String>,
    /// Year of a log's first stamp, where stamps have none [default: the latest that the file's time allows]
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i32).range(1970..=9999))]
    pub year: Option<i32>,
    /// Lines in a commit: fewer make more commits, for tests that end the process between them
    #[arg(long, hide = true, default_value_t = collect::MAX_BATCH_LINES)]
    pub batch_lines: usize,
}

impl Default for ReadingArgs {
    fn default() -> ReadingArgs {
        ReadingArgs { log_zone: None, year: None, batch_lines: collect::MAX_BATCH_LINES }
    }
}

impl ReadingArgs {
    pub fn reading(&self, settings: &Settings, now: Time) -> Result<Reading> {
        let zone = self.log_zone.clone().unwrap_or_else(|| settings.collect.zone_name());
        Ok(Reading {
            zone: zones::probe(&zone, ZONE_SPAN)?,
            year: self.year,
            host: collect::this_host(),
            silence_gap_secs: i64::from(settings.collect.silence_gap_hours) * 3600,
            now,
            last_line: LastLine::Take,
            keeps_events: settings.events.keep_days > 0,
            batch_lines: self.batch_lines,
        })
    }
}

pub fn run(args: &ImportArgs, settings: &Settings) -> Result<ExitCode> {
    let now = collect::now();
    let reading = args.reading.reading(settings, now)?;
    let given = Given::look(&args.files, now)?;
    let dir = args.data.as_deref().unwrap_or(&settings.data);
    let mut collector =
        Collector::into_store(Store::open(dir)?, &settings.mail, &reading)?.in_zone(settings.zone_name());
    let before = programs(dir)?;
    let imported = read(&given, &mut collector, &reading)?;
    drop(collector);
    let after = programs(dir)?;
    let mut out = io::stderr().lock();
    say_files(&mut out, &imported)?;
    let since = after.into_iter().map(|(program, counts)| {
        let before = before.iter().find(|(name, _)| *name == program).map_or(0, |(_, counts)| counts.unparsed);
        let unparsed = counts.unparsed.saturating_sub(before);
        (program, LineCounts { unparsed, ..counts })
    });
    say_unparsed(&mut out, since.collect())?;
    Ok(status(&given, &imported))
}

fn programs(dir: &Path) -> Result<Vec<(String, LineCounts)>> {
    let health = Reader::open(dir)?.health()?;
    let counts = health.programs.into_iter().map(|program| {
        let counts = LineCounts {
            understood: program.understood,
            ignored: program.ignored,
            unparsed: program.unparsed,
            examples: program.examples,
        };
        (program.program, counts)
    });
    Ok(counts.collect())
}

/// The files that were given, looked at before anything is read.
#[derive(Default)]
pub struct Given {
    pub files: Vec<LogFile>,
    /// Whether a path was refused; the sentence was said.
    pub refused: bool,
    /// Standard input, kept as long as it is read.
    stdin: Option<NamedTempFile>,
}

impl Given {
    /// Files that were looked at already.
    pub fn of(files: Vec<LogFile>) -> Given {
        Given { files, ..Given::default() }
    }

    pub fn look(paths: &[PathBuf], now: Time) -> Result<Given> {
        let mut given = Given::default();
        for path in paths {
            let looked = if path.as_os_str() == STDIN { given.stdin(now)? } else { files::look(path) };
            match looked {
                Ok(file) if given.files.iter().any(|other| other.inode == file.inode) => {
                    eprintln!("{}: given twice", escape(&path.display().to_string()));
                }
                Ok(file) => given.files.push(file),
                Err(refused) => {
                    eprintln!("{}", escape(&refused.to_string()));
                    given.refused = true;
                }
            }
        }
        Ok(given)
    }

    /// Standard input is kept in a file first: its years are known by its last line, and logs are merged by time.
    fn stdin(&mut self, now: Time) -> Result<Result<LogFile, files::Refused>> {
        let mut kept = NamedTempFile::new().context("cannot make a temporary file for standard input")?;
        io::copy(&mut io::stdin().lock().by_ref(), kept.as_file_mut()).context("cannot read standard input")?;
        let file = files::look(kept.path()).map(|file| LogFile { modified: now, ..file });
        self.stdin = Some(kept);
        Ok(file)
    }
}

/// Reads all files, with a bar where a person looks on, and says how fast it was.
pub fn read(given: &Given, collector: &mut Collector, reading: &Reading) -> Result<Imported> {
    read_growing(given, &mut std::iter::empty(), collector, reading)
}

/// The same, with pieces of the log that are still being written.
pub fn read_growing(
    given: &Given,
    more: &mut dyn Iterator<Item = LogFile>,
    collector: &mut Collector,
    reading: &Reading,
) -> Result<Imported> {
    let began = Instant::now();
    let bar = bar(given.files.iter().map(|file| file.size_bytes).sum());
    let imported = collect::import_growing(&given.files, more, collector, reading, &mut |progress| {
        bar.set_position(progress.bytes);
        let rate = progress.lines as f64 / began.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!("{}, {} lines/s", lines(progress.lines), HumanCount(rate as u64)));
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    let taken = began.elapsed();
    let rate = imported.lines as f64 / taken.max(Duration::from_millis(1)).as_secs_f64();
    eprintln!("{} in {:.1} s, {} lines/s", lines(imported.lines), taken.as_secs_f64(), HumanCount(rate as u64));
    Ok(imported)
}

fn bar(bytes: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = indicatif::ProgressDrawTarget::stderr_with_hz(BAR_HERTZ);
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg} {eta}");
    let style = style.expect("the template above is well formed");
    ProgressBar::with_draw_target(Some(bytes), target).with_style(style)
}

pub fn status(given: &Given, imported: &Imported) -> ExitCode {
    ExitCode::from(u8::from(given.refused || !imported.is_whole()))
}

/// A line for each file.
pub fn say_files(out: &mut dyn Write, imported: &Imported) -> io::Result<()> {
    for file in &imported.files {
        let path = escape(&file.path.display().to_string());
        match &file.outcome {
            Outcome::Read => writeln!(out, "{path}: {}", counts(file))?,
            Outcome::AlreadyIngested => writeln!(out, "{path}: already ingested")?,
            Outcome::CopyOf(other) => {
                writeln!(out, "{path}: already ingested, as {}", escape(&other.display().to_string()))?
            }
            Outcome::Rotated => writeln!(out, "{path}: rotated while it was read: run the command again")?,
            Outcome::Failed(why) => writeln!(out, "{path}: cannot be read: {}", escape(why))?,
        }
        if let Some(damage) = file.damage {
            writeln!(out, "{path}: {damage}")?;
        }
    }
    Ok(())
}

/// So many lines, in words.
pub fn lines(count: u64) -> String {
    let noun = if count == 1 { "line" } else { "lines" };
    format!("{} {noun}", HumanCount(count))
}

fn counts(file: &ImportedFile) -> String {
    let mut text = lines(file.lines);
    for (count, what) in [
        (file.held_back, "already counted from another log"),
        (file.ahead, "stamped in the future, left out"),
        (file.too_late, "more than a week late, left out"),
        (file.no_envelope, "without stamp, host or program"),
        (file.cut, "longer than 64 KiB, cut"),
    ] {
        if count > 0 {
            text += &format!(", {} {what}", HumanCount(count));
        }
    }
    text
}

/// What was not understood, by program, with examples.
pub fn say_unparsed(out: &mut dyn Write, mut programs: Vec<(String, LineCounts)>) -> io::Result<()> {
    programs.retain(|(_, counts)| counts.unparsed > 0);
    programs.sort_by_key(|(program, counts)| (std::cmp::Reverse(counts.unparsed), program.clone()));
    if !programs.is_empty() {
        writeln!(out, "not understood:")?;
    }
    for (program, counts) in programs.iter().take(MAX_PROGRAMS_SAID) {
        writeln!(out, "  {program}: {}", lines(counts.unparsed))?;
        for example in &counts.examples {
            writeln!(out, "    {example}")?;
        }
    }
    let rest = programs.len().saturating_sub(MAX_PROGRAMS_SAID);
    if rest > 0 {
        writeln!(out, "  and {rest} more programs")?;
    }
    Ok(())
}

/// The counts of a batch by program, for those that write nothing.
pub fn by_program(batch: &Batch) -> Vec<(String, LineCounts)> {
    let mut all: BTreeMap<String, LineCounts> = BTreeMap::new();
    for (program, counts) in batch.health.values().flatten() {
        all.entry(program.clone()).or_default().add(counts.clone(), usize::MAX);
    }
    all.into_iter().collect()
}
