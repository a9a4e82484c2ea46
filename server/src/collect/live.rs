//! Follows the logs while they grow, and commits: soon while someone looks on, seldom while nobody does.
//!
//! A thread of its own, with the store's one writer. What it has read and not committed is nowhere but in memory: after a
//! crash the log is read again from the last commit, so that nothing is lost and nothing counts twice.

#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use mailtally_model::{Span, Time};
use rustc_hash::{FxHashMap, FxHashSet};

use super::import::import_listed;
use super::journal::JournalLog;
use super::stream::{At, Stopped, Stream, envelope, follows, predecessor};
use super::{Collector, Outcome, Reading, survey};
use crate::command::escape;
use crate::sampler::{Places, Sampler};
use crate::settings::Settings;
use crate::source::files::{self, Age, LogFile};
use crate::source::follow::{Follower, Notice, Tail};
use crate::source::journal::Journal;
use crate::source::lines::LastLine;
use crate::source::{SourceState, pieces};
use crate::store::Store;

/// How often the logs are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Between commits while someone looks on: what they see is no older than this.
const WATCHED_SECS: i64 = 1;
/// Between commits while nobody does: the log is the journal, so nothing is at risk.
const UNWATCHED_SECS: i64 = 10;
/// Someone who asked for something so long ago has gone.
const WATCHING_SECS: i64 = 60;
/// A commit that failed (a full disk) is tried again after this; nothing is read before it succeeds.
const RETRY_SECS: i64 = 10;
/// Before the following begins again after a fault.
const RESTART: Duration = Duration::from_secs(10);
/// How often patterns are looked up for logs that are new.
const NEW_LOGS_SECS: i64 = 60;
/// Listings of the logs at the beginning; a rotation is over after one or two.
const MAX_LISTINGS: usize = 20;
/// How often old events are forgotten.
const PRUNE_SECS: i64 = 3_600;
/// The source of the lines that this process samples itself: the store has none of this id.
pub(super) const SAMPLES: u64 = u64::MAX;

/// What the follower and the other threads tell each other.
#[derive(Default)]
pub struct Watch {
    looked: AtomicI64,
    stopped: Mutex<bool>,
    wake: Condvar,
    status: Mutex<Status>,
    pace: Option<Duration>,
}

/// How the following goes at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Bytes that are there and not read, by the path of the log.
    pub unread_bytes: Vec<(String, u64)>,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

impl Watch {
    /// Looks and commits at this pace instead of its own: for tests that need many of both in little time.
    pub fn paced(pace: Option<Duration>) -> Watch {
        Watch { pace, ..Watch::default() }
    }

    /// Someone asked for numbers.
    pub fn looked(&self, now: Time) {
        self.looked.store(now.0, Ordering::Relaxed);
    }

    /// Commit and end.
    pub fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, status: Status) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_watched(&self, now: Time) -> bool {
        now.secs_since(Time(self.looked.load(Ordering::Relaxed))) < WATCHING_SECS
    }

    /// Waits, but not longer than until it is told to stop.
    fn wait(&self, time: Duration) {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        // Waking early is harmless: the logs are looked at a moment sooner.
        drop(self.wake.wait_timeout_while(stopped, time, |stopped| !*stopped));
    }
}

/// The logs that are followed.
pub struct Live {
    collector: Collector,
    reading: Reading,
    patterns: Vec<String>,
    keep_days: u32,
    logs: Vec<Log>,
    /// What the settings say of the journal, until it is read for the first time.
    journal_settings: Option<Journal>,
    journal: Option<JournalLog>,
    /// All sources, with the places that the last look brought them to.
    known: Vec<SourceState>,
    /// Those that were read on since the last commit, whether they are still open or not.
    moved: FxHashSet<u64>,
    next_id: u64,
    sampler: Option<Sampler>,
    samples: Stream,
    committed: Time,
    looked_for_logs: Time,
    pruned: Time,
    /// Why the last commit failed; it is said once.
    failed: Option<String>,
}

/// One log, across rotation.
struct Log {
    follower: Follower,
    streams: FxHashMap<u64, Stream>,
    /// Something was lost after this time; what comes next shows on which host and until when.
    lost_since: Option<Time>,
}

impl Live {
    /// `reading.now` is the time of the beginning; `sampler` looks at this host between the lines.
    pub fn new(store: Store, settings: &Settings, reading: Reading, sampler: Option<Sampler>) -> Result<Live> {
        let reading = Reading { last_line: LastLine::HoldBack, ..reading };
        let now = reading.now;
        let collector = Collector::into_store(store, &settings.mail, &reading)?.in_zone(settings.zone_name());
        let samples = SourceState { id: SAMPLES, ..SourceState::default() };
        Ok(Live {
            samples: Stream::new(samples, &reading),
            collector,
            reading,
            patterns: settings.collect.files.clone(),
            keep_days: settings.events.keep_days,
            logs: Vec::new(),
            journal_settings: settings.collect.journal.journal(),
            journal: None,
            known: Vec::new(),
            moved: FxHashSet::default(),
            next_id: 0,
            sampler,
            committed: now,
            looked_for_logs: now,
            pruned: now,
            failed: None,
        })
    }

    /// Reads what there is, then follows it until `watch` says stop. An error is of the beginning alone: later ones are
    /// waited out.
    pub fn run(mut self, watch: &Watch) -> Result<()> {
        self.catch_up(watch)?;
        if watch.is_stopped() {
            // What the import had not committed has no place yet: it is read again.
            return Ok(());
        }
        while !watch.is_stopped() {
            let now = super::now();
            if let Some(sampler) = &mut self.sampler
                && let Some(line) = sampler.sample(Instant::now(), now)
                && let Err(error) = self.samples.take(line.as_bytes(), &mut self.collector)
            {
                tracing::warn!(%error, "cannot take a sample");
            }
            self.look(now);
            if watch.pace.is_some() && self.failed.is_none() {
                self.commit(now);
            }
            self.commit_if_due(now, watch.is_watched(now));
            watch.tell(self.status());
            watch.wait(watch.pace.unwrap_or(LOOK));
        }
        self.commit(super::now());
        Ok(())
    }

    /// Follows the logs into a data directory, in a thread of its own, until `watch` says stop. What ends the following
    /// before that is said, and the following begins anew from the last commit: a fault in one line or an hour without a
    /// disk must not end the collecting for good.
    pub fn spawn(
        store: Store,
        data: PathBuf,
        settings: Settings,
        reading: Reading,
        watch: Arc<Watch>,
    ) -> JoinHandle<()> {
        std::thread::spawn(move || {
            let mut store = Some(store);
            while !watch.is_stopped() {
                let run = || {
                    let store = store.take().map_or_else(|| Store::open(&data), Ok)?;
                    let sampler = settings.host.sample.then(|| Sampler::new(Places::of_host(reading.host.clone())));
                    let reading = Reading { now: super::now(), ..reading.clone() };
                    Live::new(store, &settings, reading, sampler)?.run(&watch)
                };
                let wrong = match catch_unwind(AssertUnwindSafe(run)) {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => format!("cannot follow the logs: {error:#}"),
                    Err(_) => "a fault ended the following of the logs; it begins again".to_owned(),
                };
                tracing::error!("{wrong}");
                watch.tell(Status { problems: vec![wrong], ..Status::default() });
                watch.wait(RESTART);
            }
        })
    }

    /// How it goes, for people.
    fn status(&mut self) -> Status {
        let cannot_commit = |why: &String| format!("cannot write, so reading pauses: {why}");
        let wrong = self.logs.iter().filter_map(|log| log.follower.wrong().map(str::to_owned));
        let wrong = wrong.chain(self.journal.iter().filter_map(|journal| journal.wrong.clone()));
        let problems = wrong.chain(self.failed.as_ref().map(cannot_commit)).collect();
        let unread = self.logs.iter_mut().flat_map(|log| log.follower.tails()).map(Tail::unread);
        Status { unread_bytes: unread.collect(), problems }
    }

    /// Reads all that matches the patterns and was not read before, rotated pieces included, merged by time.
    pub fn catch_up(&mut self, watch: &Watch) -> Result<()> {
        let mut news = |_| if watch.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        for refused in files::expand(&self.patterns).1 {
            tracing::warn!("{}", escape(&refused.to_string()));
        }
        let list = || list(&self.patterns);
        let mut imported = import_listed(&list, &mut self.collector, &self.reading, &mut news)?;
        for _ in 0..MAX_LISTINGS {
            if !imported.was_rotated() || watch.is_stopped() {
                break;
            }
            imported = import_listed(&list, &mut self.collector, &self.reading, &mut news)?;
        }
        for file in &imported.files {
            let path = escape(&file.path.display().to_string());
            match &file.outcome {
                Outcome::Failed(why) => tracing::warn!(path, why = escape(why), "cannot read a log"),
                Outcome::Read => tracing::info!(path, lines = file.lines, "read a log"),
                Outcome::AlreadyIngested | Outcome::CopyOf(_) | Outcome::Rotated => {}
            }
        }
        self.known = self.collector.sources()?;
        self.next_id = self.known.iter().map(|state| state.id).max().unwrap_or(0) + 1;
        let (id, known, reading) = (self.next_id, &self.known, &self.reading);
        self.journal = self.journal_settings.take().map(|journal| JournalLog::new(journal, known, id, reading));
        self.next_id += 1;
        self.find_logs();
        Ok(())
    }

    /// Follows the logs that match the patterns and are not yet followed.
    fn find_logs(&mut self) {
        let (found, _) = files::expand(&self.patterns);
        // A plain path that is absent is waited for; of a pattern only what is there.
        let named = self.patterns.iter().filter(|pattern| !pattern.contains(['*', '?'])).map(PathBuf::from);
        let current = |path: &PathBuf| {
            let rotation = files::rotation(path);
            rotation.age == Age::Current && rotation.log == *path
        };
        let followed: Vec<PathBuf> = self.logs.iter().map(|log| log.follower.path().to_owned()).collect();
        let found = found.into_iter().map(|file| file.path).filter(current);
        let mut paths: Vec<PathBuf> = found.chain(named).filter(|path| !followed.contains(path)).collect();
        paths.sort();
        paths.dedup();
        let log =
            |path: PathBuf| Log { follower: Follower::new(&path), streams: FxHashMap::default(), lost_since: None };
        self.logs.extend(paths.into_iter().map(log));
    }

    /// Takes what was written since the last look.
    pub fn look(&mut self, now: Time) {
        if self.failed.is_some() {
            return;
        }
        self.collector.set_now(now);
        if now.secs_since(self.looked_for_logs).abs() >= NEW_LOGS_SECS {
            self.looked_for_logs = now;
            self.find_logs();
        }
        for index in 0..self.logs.len() {
            let next_id = &mut self.next_id;
            let mut new_id = || {
                *next_id += 1;
                *next_id - 1
            };
            let others = self.logs.iter_mut().enumerate().filter(|(other, _)| *other != index);
            let open = others.flat_map(|(_, log)| log.follower.tails());
            let elsewhere: Vec<u64> = open.map(|tail| tail.state.id).collect();
            let log = &mut self.logs[index];
            for notice in log.follower.look(&self.known, &elsewhere, &mut new_id, now) {
                log.notice(notice, &self.known);
            }
            while self.read(index) {
                self.commit(now);
                if self.failed.is_some() {
                    return;
                }
            }
        }
        while self.read_journal() {
            self.commit(now);
            if self.failed.is_some() {
                return;
            }
        }
    }

    /// Reads what the journal has since the last look; true when the batch is full before.
    fn read_journal(&mut self) -> bool {
        let Some(journal) = &mut self.journal else { return false };
        let next_id = &mut self.next_id;
        let mut new_id = || {
            *next_id += 1;
            *next_id - 1
        };
        let (before, was_wrong) = (journal.state().position, journal.wrong.is_some());
        let full = journal.read(&mut self.collector, &mut new_id).unwrap_or_else(|error| {
            tracing::warn!("{error:#}");
            false
        });
        if let Some(wrong) = journal.wrong.as_ref().filter(|_| !was_wrong) {
            tracing::warn!("{}", escape(wrong));
        }
        let state = journal.state();
        if state.position > 0 && state.position != before {
            self.moved.insert(state.id);
            self.known.retain(|other| other.id != state.id);
            self.known.push(state.clone());
        }
        full
    }

    /// Reads one log to its end; true when the batch is full before.
    fn read(&mut self, index: usize) -> bool {
        let log = &mut self.logs[index];
        let mut broken = false;
        let mut full = false;
        let mut before = None;
        for tail in log.follower.tails() {
            // Read in order of writing: after a full batch the rest waits, too.
            if full {
                break;
            }
            // Before the first line nothing tells the year of stamps that have none.
            let last = tail.last_line();
            if !log.streams.contains_key(&tail.state.id) && matches!(tail.lines.peek(last), Ok(None)) {
                continue;
            }
            let stream = match log.streams.entry(tail.state.id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(begin(tail, before.as_ref(), &self.known, &self.reading)),
            };
            let lines_before = stream.book.lines;
            match stream.read(&mut tail.lines, At::END, last, &mut self.collector) {
                Ok(Stopped::Full) => full = true,
                Ok(Stopped::AtEnd | Stopped::Later(_)) => {}
                Ok(Stopped::Unreadable(error)) => {
                    tracing::warn!(path = escape(&tail.state.path), %error, "cannot read on in a log");
                    broken = true;
                }
                Err(error) => {
                    tracing::warn!("{error:#}");
                    broken = true;
                }
            }
            stream.mark(&mut tail.lines);
            if stream.book.lines > lines_before
                && let Some(hole) = log.lost_since.and_then(|since| hole(since, &stream.book.state))
            {
                log.lost_since = None;
                self.collector.lost(&stream.book.host, hole);
                stream.book.state.lost(hole);
            }
            let position = stream.book.state.clone();
            tail.state.clone_from(&position);
            before = Some(position.clone());
            if position.position > 0 {
                self.moved.insert(position.id);
                self.known.retain(|other| other.id != position.id);
                self.known.push(position);
            }
        }
        let open: Vec<u64> = log.follower.tails().map(|tail| tail.state.id).collect();
        log.streams.retain(|id, _| open.contains(id));
        if broken {
            log.follower.reopen();
        }
        full
    }

    fn commit_if_due(&mut self, now: Time, is_watched: bool) {
        let every = match (&self.failed, is_watched) {
            (Some(_), _) => RETRY_SECS,
            (None, true) => WATCHED_SECS,
            (None, false) => UNWATCHED_SECS,
        };
        if now.secs_since(self.committed).abs() >= every {
            self.commit(now);
        }
        if now.secs_since(self.pruned).abs() >= PRUNE_SECS {
            self.pruned = now;
            if let Err(error) = self.collector.prune_events(self.keep_days) {
                tracing::warn!("cannot forget old events: {error:#}");
            }
        }
    }

    /// Writes what was read. If that fails it is kept, nothing more is read, and it is tried again.
    pub fn commit(&mut self, now: Time) {
        self.committed = now;
        if !self.collector.has_news() {
            return;
        }
        let moved = self.known.iter().filter(|state| self.moved.contains(&state.id));
        match self.collector.commit(moved.cloned().collect()) {
            Ok(()) => {
                self.moved.clear();
                if self.failed.take().is_some() {
                    tracing::info!("commits succeed again; nothing was lost");
                }
                // What is due stays due.
                if let Err(error) = self.collector.look_as_slots_close() {
                    tracing::warn!("cannot look for what is unusual: {error:#}");
                }
            }
            Err(error) => {
                let why = format!("{error:#}");
                if self.failed.as_ref() != Some(&why) {
                    tracing::error!("cannot commit: reading pauses until it succeeds: {why}");
                }
                self.failed = Some(why);
            }
        }
    }
}

/// The files that match the patterns, without copies that are being made.
fn list(patterns: &[String]) -> Vec<LogFile> {
    pieces::without_unfinished(files::expand(patterns).0)
}

impl Log {
    fn notice(&mut self, notice: Notice, known: &[SourceState]) {
        let path = escape(&self.follower.path().display().to_string());
        match notice {
            Notice::Lost { source } => {
                tracing::warn!(path, "lines were overwritten before they were read: there is a gap");
                let last = known.iter().find(|state| state.id == source).and_then(|state| state.last);
                self.lost_since = self.lost_since.or(last);
            }
            Notice::Waiting(why) => tracing::warn!("{}", escape(&why)),
            Notice::Resumed => tracing::info!(path, "the log can be read again"),
        }
    }
}

/// A stream for a file that was just opened, which goes on with the one `before` it by rotation, else with the one of
/// those `known` that ends where it begins. A year that its stamps do not have is told by its last line and the time of
/// the file.
fn begin(tail: &mut Tail, before: Option<&SourceState>, known: &[SourceState], reading: &Reading) -> Stream {
    let mut state = tail.state.clone();
    let path = PathBuf::from(&state.path);
    let last_before = before.and_then(|before| before.last);
    if state.last.is_none() {
        state.year = files::look(&path).ok().and_then(|file| survey::year(&file, reading).ok().flatten());
    }
    if state.position == 0 {
        let last = tail.last_line();
        let first = tail.lines.peek(last).ok().flatten();
        let mut envelope = envelope(&state, reading);
        last_before.into_iter().for_each(|last| envelope.come_after(last));
        let first = first.and_then(|raw| Some(envelope.parse(raw).ok()?.time));
        let before = before.or_else(|| predecessor(known, &path, state.id, first));
        state.follows = before.map(follows).unwrap_or_default();
    }
    // It was rotated before it could be scanned: what is new was written lately.
    if state.last.is_none() && state.year.is_none() {
        state.year = chrono::DateTime::from_timestamp(reading.now.0, 0).map(|now| chrono::Datelike::year(&now));
    }
    let mut stream = Stream::new(state, reading);
    stream.come_after(last_before);
    stream
}

/// From the last line that was read to the first that was read after the loss.
fn hole(since: Time, state: &SourceState) -> Option<Span> {
    let hole = Span::new(since.plus_secs(1), state.first?);
    (!hole.is_empty()).then_some(hole)
}
