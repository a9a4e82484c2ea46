//! Reading, on a connection of its own that cannot write. Every question is answered from one snapshot, so that its
//! numbers add up while a batch comes in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mailtally_model::coverage::observed_secs;
use mailtally_model::overage::Counts;
use mailtally_model::wire::{Answer, EventPage, Health};
use mailtally_model::{Family, SLOT_SECS, Slot, Span, Subject, Time, catalogue};
use rusqlite::{Connection, InterruptHandle, OptionalExtension, Transaction};
use rustc_hash::FxHashSet;

use super::answer::{self, IfAbsent, Question};
use super::names::{NOBODY_ID, SERVER_ID};
use super::{counters, coverage, days, events, findings, health, recount, schema, seen, usage, writer};
use crate::batch::{LineKey, SeenAs, SeenLines};
use crate::settings::Of;
use crate::source::SourceState;
use crate::store::{EventQuery, Kept, Settled};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such subject, or nothing shows that it is ours.
    #[error("nothing is stored under this name")]
    NotFound,
    /// The answer would pass [`super::MAX_CELLS`].
    #[error(
        "the answer would have more than {} cells: ask for a shorter span, or for sums between edges",
        super::MAX_CELLS
    )]
    TooLarge,
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

/// A state of the data under a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub file: i64,
    pub commit: i64,
}

/// One connection to the data file, to read.
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the data file of a directory; it must be there.
    pub fn open(dir: &Path) -> anyhow::Result<Reader> {
        Reader::of_file(&dir.join(schema::FILE))
    }

    pub(super) fn of_file(path: &Path) -> anyhow::Result<Reader> {
        Ok(Reader { connection: schema::open_reader(path)?, path: path.to_owned() })
    }

    /// Whether a subject may be viewed; refused as any question about it is.
    pub fn look_for(&self, subject: &Subject, if_absent: IfAbsent) -> Result<(), ReadError> {
        self.snapshot(|tx| find(tx, subject, if_absent).map(drop))
    }

    /// One report's counters.
    pub fn answer(&self, question: &Question) -> Result<Answer, ReadError> {
        self.snapshot(|tx| {
            let subject = find(tx, &question.subject, question.if_absent)?;
            answer::read(tx, subject, question)
        })
    }

    /// A page of events; `visible` says which subjects may be named to the asker.
    pub fn events(&self, query: &EventQuery, visible: impl Fn(&Subject) -> bool) -> Result<EventPage, ReadError> {
        self.snapshot(|tx| {
            let subject = find(tx, &query.subject, query.if_absent)?;
            Ok(events::page(tx, subject, query, visible)?)
        })
    }

    /// What each of these used in a span, of all that lie in or above `root`: the same sums that the reports show.
    pub fn used(&self, of: &Of, counts: Counts, span: Span, root: &Subject) -> anyhow::Result<Vec<(Subject, u64)>> {
        self.plain(|tx| usage::used(tx, of, counts, span, root))
    }

    /// Up to when a family was read, and how many seconds of a span.
    pub fn observed(&self, family: Family, span: Span) -> anyhow::Result<(Option<Time>, i64)> {
        self.plain(|tx| {
            let covered = coverage::within(tx, family, span)?;
            Ok((coverage::read_until(tx, &[family])?, observed_secs(&covered, span)))
        })
    }

    /// Up to when any log was read.
    pub fn read_until(&self) -> anyhow::Result<Option<Time>> {
        self.plain(|tx| coverage::read_until(tx, &Family::LOGS))
    }

    /// What stood out of its own past in a span, by subject and day; `visible` says whose the asker may see.
    pub fn findings(
        &self,
        span: Span,
        visible: impl Fn(&Subject) -> bool,
    ) -> anyhow::Result<BTreeMap<(Subject, Time), Vec<Kept>>> {
        self.plain(|tx| findings::within(tx, span, visible))
    }

    /// The last commit that touched a span: while it is the same, so is every answer over it.
    pub fn version(&self, span: Span) -> anyhow::Result<Version> {
        self.plain(|tx| Ok(Version { file: days::identity(tx)?, commit: days::last_touched(tx, span)? }))
    }

    /// The span of all that is stored, on slot edges; `None` while nothing is.
    pub fn stored(&self) -> anyhow::Result<Option<Span>> {
        self.plain(|tx| {
            let read = coverage::hull(tx)?;
            let counted = counted(tx)?;
            let span = match (read, counted) {
                (Some(a), Some(b)) => Some(Span::new(a.from.min(b.from), a.until.max(b.until))),
                (one, other) => one.or(other),
            };
            Ok(span.map(|span| {
                let last = span.until.plus_secs(SLOT_SECS - 1).slot();
                Span::new(span.from.slot().start(), last.start())
            }))
        })
    }

    /// Every stored sum, by subject, measure and slot: `each(subject, measure's number, slot, sum)`.
    pub fn each_counter(&self, each: impl FnMut(&str, u16, Slot, i64)) -> anyhow::Result<()> {
        self.plain(|tx| counters::all(tx, each))
    }

    /// Hashes of the lines of a slot that were read.
    pub fn seen(&self, slot: Slot) -> anyhow::Result<Vec<(SeenAs, SeenLines)>> {
        self.plain(|tx| seen::of(tx, slot))
    }

    /// By which lines are hashed.
    pub fn line_key(&self) -> anyhow::Result<LineKey> {
        self.plain(|tx| seen::key(tx))
    }

    /// The settled events of a recount: see [`super::Settled`].
    pub fn settled(&self) -> anyhow::Result<Settled> {
        self.plain(|tx| recount::settled(tx))
    }

    /// The slots that lines were read of.
    pub fn slots_seen(&self) -> anyhow::Result<FxHashSet<Slot>> {
        self.plain(|tx| seen::slots(tx))
    }

    /// Whether the data is made up by `mailtally demo`.
    pub fn is_demo(&self) -> anyhow::Result<bool> {
        self.plain(|tx| tx.prepare_cached("SELECT 1 FROM meta WHERE key = 'demo' AND value = 1")?.exists([]))
    }

    /// Every source that was ever read, and where to.
    pub fn sources(&self) -> anyhow::Result<Vec<SourceState>> {
        writer::sources(&self.connection, &self.path)
    }

    /// Copies the data, as it is at this moment, into a directory that has none; works beside a writer.
    pub fn copy_to(&self, dir: &Path) -> anyhow::Result<()> {
        let copy = dir.join(schema::FILE);
        let copied = self.connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]);
        copied.map(drop).map_err(|error| schema::explain(error, &copy))
    }

    /// What was read, and how its lines fared.
    pub fn health(&self) -> anyhow::Result<Health> {
        let sources = writer::sources(&self.connection, &self.path)?;
        self.plain(|tx| health::read(tx, sources))
    }

    /// Ends a reading that nobody waits for any more, from another thread.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    fn plain<T>(&self, read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> anyhow::Result<T> {
        let run = || read(&self.connection.unchecked_transaction()?);
        run().map_err(|error| schema::explain(error, &self.path))
    }

    fn snapshot<T>(&self, read: impl FnOnce(&Transaction<'_>) -> Result<T, Stop>) -> Result<T, ReadError> {
        let run = || read(&self.connection.unchecked_transaction()?);
        run().map_err(|stop| match stop {
            Stop::NotFound => ReadError::NotFound,
            Stop::TooLarge => ReadError::TooLarge,
            Stop::Sqlite(error) => ReadError::Store(schema::explain(error, &self.path)),
        })
    }
}

/// What ends a reading early, inside the store.
pub enum Stop {
    NotFound,
    TooLarge,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Sqlite(error)
    }
}

/// The row of a subject that may be viewed: a stranger's name is as if absent.
fn find(tx: &Connection, subject: &Subject, if_absent: IfAbsent) -> Result<i64, Stop> {
    if *subject == Subject::Server {
        return Ok(SERVER_ID);
    }
    let known = tx
        .prepare_cached("SELECT id FROM name WHERE subject = ?1 AND known = 1")?
        .query_row([subject.to_string()], |row| row.get(0))
        .optional()?;
    match (known, if_absent) {
        (Some(row), _) => Ok(row),
        (None, IfAbsent::BeEmpty) => Ok(NOBODY_ID),
        (None, IfAbsent::Refuse) => Err(Stop::NotFound),
    }
}

/// From the first to the last slot that the server has a number in.
fn counted(tx: &Connection) -> rusqlite::Result<Option<Span>> {
    let mut span: Option<Span> = None;
    for measure in catalogue::measures() {
        let Some((first, last)) = counters::ends(tx, SERVER_ID, measure)? else { continue };
        let (from, until): (Time, Time) = (Slot(first).start(), Slot(last + 1).start());
        span = Some(span.map_or(Span::new(from, until), |s| Span::new(s.from.min(from), s.until.max(until))));
    }
    Ok(span)
}
