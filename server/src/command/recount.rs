//! `mailtally recount`: counts the logs that are still there anew, after a change of settings or rules, and says what
//! changed.
//!
//! The logs are read into a second store; [`Store::recount`] then decides which slots it may speak for and puts them in
//! place at once. What is new in files that are given is imported first. Of a log that has grown only what was counted
//! before is read: the rest is a matter of `import` and `serve`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use mailtally_model::measure::Unit;
use mailtally_model::wire::Rules;
use mailtally_model::{Span, Time};
use tempfile::TempDir;

use super::escape;
use super::import::{Given, ReadingArgs, read, say_files, status};
use crate::collect::{self, Collector, Imported, Outcome, Reading};
use crate::settings::Settings;
use crate::source::SourceState;
use crate::source::files::{self, Extent, LogFile};
use crate::source::position;
use crate::store::{self, Anew, Change, Reader, Recounted, Store};
use crate::track::Tracker;

/// Directories of runs begin with this, so that what a killed one left behind is found.
const WORK_DIR: &str = "recount-";
/// Stretches named on each side; health has them all.
const MAX_SPANS_SAID: usize = 20;
/// Listings of a log's pieces; a rotation is over after one or two.
const MAX_LISTINGS: usize = 20;

/// Count the logs that are still there anew, and say what changed
///
/// For a change of settings, or a Mailtally with better rules. Reads again what was counted before, from the files where it was last seen, their rotated pieces beside them, and the files given. Log time of which a line is gone keeps its numbers. Takes effect at once at the end, or not at all.
#[derive(Args, Clone, Debug)]
pub struct RecountArgs {
    /// Data directory [default: from the settings]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Say what would change and store nothing; works beside a running server
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Logs that lie elsewhere now; what is new in them is imported
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
}

pub fn run(args: &RecountArgs, settings: &Settings) -> Result<ExitCode> {
    let now = collect::now();
    let reading = args.reading.reading(settings, now)?;
    let given = Given::look(&args.files, now)?;
    let dir = args.data.as_deref().unwrap_or(&settings.data);
    let counted = Reader::open(dir)?;
    if args.dry_run {
        let copy = tempfile::tempdir().context("cannot make a temporary directory for a copy of the data")?;
        counted.copy_to(copy.path())?;
        drop(counted);
        let status = recount(copy.path(), settings, &reading, &given)?;
        println!("dry run: nothing was stored");
        return Ok(status);
    }
    drop(counted);
    recount(dir, settings, &reading, &given)
}

fn recount(dir: &Path, settings: &Settings, reading: &Reading, given: &Given) -> Result<ExitCode> {
    let alone = "a recount needs the data directory for itself: stop the server first, or look with --dry-run";
    let mut store = Store::open(dir).context(alone)?;
    let mut imported = Imported::default();
    if !given.files.is_empty() {
        let mut collector = Collector::into_store(store, &settings.mail, reading)?.in_zone(settings.zone_name());
        imported = read(given, &mut collector, reading)?;
        say_files(&mut io::stderr().lock(), &imported)?;
        store = collector.into_store_again().context("the import did not end")?;
    }
    let first_event = Tracker::restore(&settings.mail, store.open_state()?.into_iter())?.next_event();
    let known = store.sources()?;
    let logs = logs(&known, &given.files);
    forget_killed_runs(dir);
    let work =
        tempfile::Builder::new().prefix(WORK_DIR).tempdir_in(dir).context("cannot make a directory to work in")?;
    let again = count_again(&store, &logs, &work, first_event, settings, reading)?;
    let recounted = store.recount(&Anew {
        file: &work.path().join(store::FILE),
        sources: &again.sources,
        rules: &again.rules,
        next_event: again.next_event,
    })?;
    say(&mut io::stdout().lock(), &recounted, &again.rules)?;
    Ok(status(given, &imported))
}

/// A log that is there, and the source that it was counted as.
struct Log {
    file: LogFile,
    source: u64,
}

/// The files that hold what was counted, each source once.
fn logs(known: &[SourceState], given: &[LogFile]) -> Vec<Log> {
    let mut files: Vec<LogFile> = given.to_vec();
    let mut add = |file: LogFile| {
        if !files.iter().any(|other| other.inode == file.inode) {
            files.push(file);
        }
    };
    let mut beside: Vec<PathBuf> = Vec::new();
    for state in known {
        let path = PathBuf::from(&state.path);
        let log = files::rotation(&path).log;
        [path.as_path(), log.as_path()].into_iter().filter_map(|path| files::look(path).ok()).for_each(&mut add);
        if !beside.contains(&log) {
            // Listed again where a rotation came in between.
            let pieces = (0..MAX_LISTINGS).find_map(|_| files::rotated_pieces(&log));
            pieces.into_iter().flatten().for_each(&mut add);
            beside.push(log);
        }
    }
    let mut logs: Vec<Log> = Vec::new();
    for file in files {
        let found: Vec<u64> = logs.iter().map(|log| log.source).collect();
        let Ok(Some(source)) = position::open(&file, known, &found).map(|opened| opened.known) else { continue };
        let Some(state) = known.iter().find(|state| state.id == source) else { continue };
        if !found.contains(&source) {
            let extent = Some(Extent { until: state.position, year: state.year });
            logs.push(Log { file: LogFile { extent, ..file }, source });
        }
    }
    logs
}

/// What the second store is like.
struct Again {
    rules: Rules,
    next_event: u64,
    /// Its numbers of sources, and those of the first store.
    sources: Vec<(u64, u64)>,
}

fn count_again(
    first: &Store,
    logs: &[Log],
    work: &TempDir,
    first_event: u64,
    settings: &Settings,
    reading: &Reading,
) -> Result<Again> {
    let mut store = Store::open(work.path())?;
    store.hash_lines_as(first)?;
    let mut collector = Collector::into_store(store, &settings.mail, reading)?.in_zone(settings.zone_name());
    collector.number_events_from(first_event);
    let there = Given::of(logs.iter().map(|log| log.file.clone()).collect());
    let imported = read(&there, &mut collector, reading)?;
    for file in &imported.files {
        if let Outcome::Failed(why) = &file.outcome {
            eprintln!("{}: cannot be read: {}", escape(&file.path.display().to_string()), escape(why));
        }
    }
    let same = |log: &Log| {
        let file = imported.files.iter().find(|file| file.path == log.file.path && file.outcome == Outcome::Read)?;
        Some((file.state.id, log.source))
    };
    Ok(Again {
        rules: collector.rules().clone(),
        next_event: collector.next_event(),
        sources: logs.iter().filter_map(same).collect(),
    })
}

/// Under the lock nobody else works in there.
fn forget_killed_runs(dir: &Path) {
    let names = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    for left in names.filter(|name| name.file_name().as_encoded_bytes().starts_with(WORK_DIR.as_bytes())) {
        if let Err(error) = fs::remove_dir_all(left.path()) {
            tracing::warn!(path = escape(&left.path().display().to_string()), %error, "cannot remove what a killed recount left");
        }
    }
}

fn say(out: &mut dyn Write, recounted: &Recounted, rules: &Rules) -> io::Result<()> {
    if recounted.anew.is_empty() {
        writeln!(out, "nothing was counted anew: no log that is there has all lines of its time")?;
    } else {
        writeln!(out, "counted anew by {}:", named(rules))?;
        say_spans(out, recounted.anew.iter().map(|span| between(*span)))?;
    }
    if !recounted.kept.is_empty() {
        writeln!(out, "kept as it was, since lines of it or beside it are in no log that is there:")?;
        let kept = recounted.kept.iter().map(|(span, rules)| {
            let rules: Vec<String> = rules.iter().map(named).collect();
            format!("{}, counted by {}", between(*span), rules.join(" and "))
        });
        say_spans(out, kept)?;
    }
    if recounted.is_unchanged() {
        return writeln!(out, "nothing changed");
    }
    if !recounted.changes.is_empty() {
        writeln!(out, "changed (sums of a month in UTC; before, after, difference):")?;
    }
    for unit in [Unit::Count, Unit::Bytes, Unit::Millis] {
        recounted
            .changes
            .iter()
            .filter(|change| change.measure.unit == unit)
            .try_for_each(|change| say_change(out, change))?;
    }
    if recounted.more > 0 {
        writeln!(out, "  and {} more", recounted.more)?;
    }
    for (what, names) in [("ours now", &recounted.now_ours), ("no longer ours", &recounted.not_ours)] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
            writeln!(out, "{what}: {}", names.join(", "))?;
        }
    }
    Ok(())
}

fn say_spans(out: &mut dyn Write, spans: impl ExactSizeIterator<Item = String>) -> io::Result<()> {
    let more = spans.len().saturating_sub(MAX_SPANS_SAID);
    for span in spans.take(MAX_SPANS_SAID) {
        writeln!(out, "  {span}")?;
    }
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

fn say_change(out: &mut dyn Write, change: &Change) -> io::Result<()> {
    let Change { measure, subject, month, before, after } = change;
    writeln!(
        out,
        "  {month} {:<28} {:<32} {before:>12} {after:>12} {:>+12}",
        measure.id,
        escape(subject),
        after - before
    )
}

/// Rules as a person names them.
pub fn named(rules: &Rules) -> String {
    if rules.version == 0 {
        return "rules of before they were written down".to_owned();
    }
    format!("rules {} with settings {}", rules.version, rules.settings)
}

fn between(span: Span) -> String {
    format!("{} to {} (UTC)", minute(span.from), minute(span.until))
}

fn minute(time: Time) -> String {
    let utc = chrono::DateTime::from_timestamp(time.0, 0);
    utc.map_or_else(|| time.0.to_string(), |utc| utc.format("%Y-%m-%d %H:%M").to_string())
}
