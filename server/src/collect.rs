//! From lines to commits: which lines count, in what time they were observed, and when they are written.
//!
//! The way of a line: [`source`](crate::source) gives its bytes, [`syslog`](crate::syslog) its envelope; here it is
//! held back if its stamp cannot be true, if it comes far too late, or if another copy of the stream brought it
//! already; else the tracker takes it, and what it did goes into the batch. A batch is written with the places of all
//! its sources, or not at all. Knows nothing of what a line means.

mod behind;
mod copies;
mod import;
mod journal;
mod live;
mod merge;
mod observed;
mod pending;
mod stream;
mod survey;
mod tally;

use std::borrow::Cow;

use anyhow::Result;
use mailtally_model::time::DAY_SECS;
use mailtally_model::wire::Rules;
use mailtally_model::{Slot, Span, Subject, Time, Zone};
use rustc_hash::FxHashSet;

pub use import::{Imported, ImportedFile, Outcome, Progress, import, import_growing};
pub use live::{Live, Watch};

use crate::batch::{Batch, COPIED, Counters, Events, LineCounts};
use crate::command::{escape, zones};
use crate::event::Update;
use crate::rules;
use crate::settings::MailSettings;
use crate::source::SourceState;
use crate::source::lines::LastLine;
use crate::store::{Settled, Store};
use crate::syslog::{self, Line, NotALine};
use crate::track::{Tracker, Verdict};
use crate::unusual;
use behind::Behind;
use copies::Copies;
use observed::Observed;
use pending::Pending;
use stream::Book;
use tally::Tally;

/// A batch of so many lines is written, in one transaction of a part of a second. What comes and goes within a batch costs
/// the store nothing, and a sum that rises in it is written once, so fewer and larger ones are cheaper.
pub const MAX_BATCH_LINES: usize = 600_000;
/// Or of so many events that are kept, which take some 150 bytes each, and there are two batches in memory.
const MAX_BATCH_EVENTS: usize = 96_000;
/// Or of so many sums, which take some 20 bytes each, or 300 where one is all that a stranger has.
const MAX_BATCH_SUMS: usize = 300_000;
/// On a busy day what is open or ended lately takes the room, once where it stands and once more packed: each row of it
/// makes a batch smaller by so many lines and so many events.
const LINES_A_ROW: usize = 20;
const EVENTS_A_ROW: usize = 4;
/// But no smaller than this.
const LEAST_BATCH_LINES: usize = 150_000;
const LEAST_BATCH_EVENTS: usize = 16_000;
/// Log time that is no older than this may be looked at while it is read: the time of open sessions is booked at each slot of
/// it, and of older logs when all is read.
const LOOKED_AT_SECS: i64 = 6 * 3600;
/// Events that changed are counted when they are so many: most are revised a few times within seconds (a session from
/// its first to its last line), and only the last form counts.
const MAX_CHANGED: usize = 8_000;
/// Clocks differ by minutes and zones by hours; a stamp that is a day ahead is no time.
const MAX_AHEAD_SECS: i64 = DAY_SECS;
/// A line that is older than the newest of its stream by more than this changes no closed slot (SEMANTICS R13).
pub const LATE_WINDOW_SECS: i64 = 7 * DAY_SECS;
/// Examples of lines that were not understood, for each program in a batch.
const MAX_EXAMPLES: usize = 5;
/// Longer examples are cut: what matters stands at the beginning.
const MAX_EXAMPLE_CHARS: usize = 240;
/// Programs of a source counted apart in a batch; a host has tens, and a name is text from outside.
const MAX_PROGRAMS: usize = 200;
/// Names that were handed on are remembered, so that evidence that comes with every line is written once; beyond this
/// they are forgotten and written again.
const MAX_LEARNED: usize = 200_000;

/// Rows of data health that are no program.
const NO_ENVELOPE: &str = "(no log line)";
const AHEAD: &str = "(stamp in the future)";
const TOO_LATE: &str = "(too late)";
const REPEATED: &str = "(repeated, not known what)";
const CUT: &str = "(line over 64 KiB, cut)";
const OTHER_PROGRAMS: &str = "(other)";

/// How lines are read, beside what they mean.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The zone of stamps that have none.
    pub zone: Zone,
    /// The year of a log's first stamp, where stamps have none and the person knows better than the file's time.
    pub year: Option<i32>,
    /// The host of files whose lines name none.
    pub host: String,
    /// A silence over all lines of a host that is longer was not observed.
    pub silence_gap_secs: i64,
    /// The time of the reading: later stamps cannot be true.
    pub now: Time,
    /// What to do with a last line without a newline in a log that may still be written; a rotated one is whole.
    pub last_line: LastLine,
    /// Whether events are kept as evidence beside the counters.
    pub keeps_events: bool,
    /// Lines in a batch; [`MAX_BATCH_LINES`] but for tests.
    pub batch_lines: usize,
}

/// Where the numbers go.
enum Sink {
    Store(Box<Store>),
    /// Written while the next batch is read.
    Behind(Behind),
    /// Summed up in memory and written nowhere.
    Sums(Box<Batch>),
}

impl Default for Sink {
    fn default() -> Sink {
        Sink::Sums(Box::default())
    }
}

/// Takes lines in order and writes what they did.
pub struct Collector {
    tracker: Tracker,
    /// Before the sink, so that it is dropped first: the last to leave the data file must be the one who may write, who
    /// then leaves all of it in one file.
    copies: Copies,
    sink: Sink,
    batch: Batch,
    /// Lines taken since the last commit.
    lines: usize,
    batch_lines: usize,
    keeps_events: bool,
    /// By which rules it counts.
    rules: Rules,
    settled: Settled,
    observed: Observed,
    tally: Tally,
    learned: FxHashSet<Subject>,
    /// Whose days what is unusual is looked for in: an IANA name.
    zone: String,
    /// The slot of the last look.
    looked: Option<Slot>,
    now: Time,
    updates: Vec<Update>,
    /// Events given out since they were last counted.
    changed: Pending,
    known: Vec<Subject>,
}

impl Collector {
    /// Goes on where the store's last commit ended.
    pub fn into_store(mut store: Store, settings: &MailSettings, reading: &Reading) -> Result<Collector> {
        store.commit(&Batch { known: settings.own_subjects(), ..Batch::default() })?;
        let tracker = Tracker::restore(settings, store.open_state()?.into_iter())?;
        let copies = Copies::beside(store.reader()?)?;
        let settled = store.reader()?.settled()?;
        let collector = Collector::new(tracker, copies, Sink::Store(Box::new(store)), settings, reading);
        Ok(Collector { settled, ..collector })
    }

    /// Writes nothing: the sums are in memory.
    pub fn into_memory(settings: &MailSettings, reading: &Reading) -> Result<Collector> {
        let tracker = Tracker::restore(settings, std::iter::empty())?;
        let reading = Reading { keeps_events: false, ..reading.clone() };
        Ok(Collector::new(tracker, Copies::of_this_run(), Sink::Sums(Box::default()), settings, &reading))
    }

    fn new(mut tracker: Tracker, copies: Copies, sink: Sink, settings: &MailSettings, reading: &Reading) -> Collector {
        if !reading.keeps_events {
            tracker.be_silent();
        }
        tracker.book_from(reading.now.plus_secs(-LOOKED_AT_SECS));
        Collector {
            tracker,
            sink,
            batch: Batch::default(),
            lines: 0,
            batch_lines: reading.batch_lines,
            keeps_events: reading.keeps_events,
            rules: rules::now(settings, &reading.zone, reading.silence_gap_secs),
            settled: Settled::default(),
            copies,
            observed: Observed::new(reading.silence_gap_secs),
            tally: Tally::default(),
            learned: FxHashSet::default(),
            zone: "UTC".to_owned(),
            looked: None,
            now: reading.now,
            updates: Vec::new(),
            changed: Pending::default(),
            known: Vec::new(),
        }
    }

    /// The zone of reports, where days are compared; UTC if nothing is said.
    pub fn in_zone(self, zone: String) -> Collector {
        Collector { zone, ..self }
    }

    /// Numbers events from here on; for a second store beside one that has numbered its own.
    pub fn number_events_from(&mut self, id: u64) {
        self.tracker.number_events_from(id);
    }

    /// The number of the next event.
    pub fn next_event(&self) -> u64 {
        self.tracker.next_event()
    }

    /// By which rules it counts.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The store, with all that was committed; none where nothing is written.
    pub fn into_store_again(self) -> Option<Store> {
        match self.sink {
            Sink::Store(store) => Some(*store),
            Sink::Behind(_) | Sink::Sums(_) => None,
        }
    }

    /// Every source that was read before, and where to.
    pub fn sources(&self) -> Result<Vec<SourceState>> {
        match &self.sink {
            Sink::Store(store) => store.sources(),
            Sink::Behind(_) | Sink::Sums(_) => Ok(Vec::new()),
        }
    }

    /// From now on batches are written while the next one is read, until [`Collector::catch_up`].
    fn write_behind(&mut self) {
        self.sink = match std::mem::take(&mut self.sink) {
            Sink::Store(store) => Sink::Behind(Behind::new(*store)),
            other => other,
        };
    }

    /// Waits until all that was handed over is written; an error of the writing comes out here.
    fn write_out(&mut self) -> Result<()> {
        match std::mem::take(&mut self.sink) {
            Sink::Behind(behind) => {
                let (store, written) = behind.finish()?;
                self.sink = Sink::Store(Box::new(store));
                written
            }
            other => {
                self.sink = other;
                Ok(())
            }
        }
    }

    /// The time of the reading has moved on.
    pub fn set_now(&mut self, now: Time) {
        // A clock that was set back makes no stamp a stamp of the future (FAULTS 61).
        self.now = self.now.max(now);
    }

    /// Takes one line of a stream.
    fn take(&mut self, line: Result<Line<'_>, NotALine>, raw: &[u8], book: &mut Book) -> Result<()> {
        self.lines += 1;
        book.lines += 1;
        book.state.lines += 1;
        let line = match line {
            Ok(line) => line,
            Err(NotALine::Empty) => return Ok(()),
            Err(_) => {
                book.no_envelope += 1;
                self.not_counted(book.state.id, NO_ENVELOPE, raw);
                return Ok(());
            }
        };
        if self.is_ahead(line.time) {
            book.ahead += 1;
            self.not_counted(book.state.id, AHEAD, raw);
            return Ok(());
        }
        if book.newest().is_some_and(|newest| newest.secs_since(line.time) > LATE_WINDOW_SECS) {
            book.too_late += 1;
            self.not_counted(book.state.id, TOO_LATE, raw);
            return Ok(());
        }
        book.saw(line.time, line.host);
        // A sample of our own stands in no log: there is no copy of it, and no log to look for at a recount.
        if book.state.id != live::SAMPLES && self.copies.is_copy(&line, &book.state)? {
            book.held_back += 1;
            self.counts(book.state.id, COPIED).ignored += 1;
            return Ok(());
        }
        if let Some(slot_began) = self.observed.line(&line, &mut self.batch) {
            self.tracker.advance(line.host, slot_began, &mut self.updates);
        }
        if is_unknown_repetition(&line) {
            self.not_counted(book.state.id, REPEATED, raw);
            return Ok(());
        }
        let verdict = self.tracker.line(&line, &mut self.updates, &mut self.known);
        self.book(verdict, &line, raw, book.state.id);
        Ok(())
    }

    /// Whether a stamp cannot be true.
    fn is_ahead(&self, time: Time) -> bool {
        time.secs_since(self.now) > MAX_AHEAD_SECS
    }

    /// Books what the tracker gave.
    fn book(&mut self, verdict: Verdict, line: &Line<'_>, raw: &[u8], source: u64) {
        self.book_updates();
        match self.tracker.program() {
            Some(program) if verdict != Verdict::Unparsed => {
                if !self.tally.count(source, program, verdict) {
                    self.take_tally();
                    self.tally.count(source, program, verdict);
                }
            }
            _ => self.not_counted(source, &String::from_utf8_lossy(line.program), raw),
        }
    }

    /// Adds to the batch how lines fared since the last time.
    fn take_tally(&mut self) {
        let (source, programs) = self.tally.take();
        for (program, fared) in programs {
            let program = self.tracker.program_name(program);
            let counts = self.counts(source, &program);
            counts.understood += fared.understood;
            counts.ignored += fared.ignored;
        }
    }

    fn book_updates(&mut self) {
        // Many lines do nothing.
        if self.updates.is_empty() && self.known.is_empty() {
            return;
        }
        for update in self.updates.drain(..) {
            if update.before.is_some() && self.settled.has(update.id, update.after.time) {
                continue;
            }
            self.changed.put(update);
        }
        if self.changed.len() >= MAX_CHANGED {
            self.count_changed();
        }
        for subject in self.known.drain(..) {
            if !self.learned.contains(&subject) {
                if self.learned.len() >= MAX_LEARNED {
                    self.learned.clear();
                }
                self.learned.insert(subject.clone());
                self.batch.known.push(subject);
            }
        }
    }

    /// Turns what became of events since the last time into sums, each event once.
    fn count_changed(&mut self) {
        let (batch, keeps_events) = (&mut self.batch, self.keeps_events);
        self.changed.take(|update| {
            if keeps_events {
                batch.book(update);
            } else {
                batch.count(&update);
            }
        });
    }

    /// A hole in what was read of a host: its lines were overwritten before they were read.
    fn lost(&mut self, host: &str, hole: Span) {
        self.batch.gaps.push((host.to_owned(), hole));
    }

    /// A line was longer than any log line is.
    fn cut(&mut self, source: u64, lines: u64) {
        if lines > 0 {
            self.counts(source, CUT).unparsed += lines;
        }
    }

    fn not_counted(&mut self, source: u64, program: &str, raw: &[u8]) {
        let counts = self.counts(source, program);
        counts.unparsed += 1;
        if counts.examples.len() < MAX_EXAMPLES {
            counts.examples.push(shown(raw));
        }
    }

    fn counts(&mut self, source: u64, program: &str) -> &mut LineCounts {
        let programs = self.batch.health.entry(source).or_default();
        let is_full = programs.len() >= MAX_PROGRAMS;
        let name = if is_full && !programs.contains_key(program) { OTHER_PROGRAMS } else { program };
        let name = printable(name);
        // Asked before, so that the name is copied only when it is new.
        if !programs.contains_key(&*name) {
            programs.insert(name.clone().into_owned(), LineCounts::default());
        }
        programs.get_mut(&*name).expect("it was inserted above")
    }

    /// As a disk that has no room for more pages.
    #[cfg(test)]
    fn limit_pages(&self, pages: i64) {
        if let Sink::Store(store) = &self.sink {
            store.limit_pages(pages);
        }
    }

    /// Whether it is time to commit.
    fn is_full(&self) -> bool {
        let (lines, events) = (self.lines, self.batch.events.len());
        // Asked at each line, and rows only where they may matter.
        let rows = || self.tracker.rows();
        lines >= self.batch_lines
            || lines >= LEAST_BATCH_LINES && lines + LINES_A_ROW * rows() >= MAX_BATCH_LINES
            || events >= LEAST_BATCH_EVENTS && events + EVENTS_A_ROW * rows() >= MAX_BATCH_EVENTS
            || self.batch.counters.len() >= MAX_BATCH_SUMS
    }

    /// Whether a commit would write anything.
    fn has_news(&self) -> bool {
        self.lines > 0
    }

    /// The logs end here for now: books what is open up to the last line of each host.
    fn settle(&mut self) {
        for (host, last) in self.observed.last_of_each() {
            self.tracker.settle(&host, last, &mut self.updates);
        }
        self.book_updates();
    }

    /// Writes the batch, with the places that it brings the sources to, in one transaction.
    fn commit(&mut self, sources: Vec<SourceState>) -> Result<()> {
        if let Sink::Behind(behind) = &mut self.sink
            && !behind.wait()
        {
            return self.write_out();
        }
        self.count_changed();
        self.take_tally();
        self.batch.sources = sources;
        self.tracker.take_changes(&mut self.batch.open);
        self.batch.silence_gap_secs = self.observed.silence_gap_secs();
        self.observed.write(&mut self.batch);
        self.copies.write(&mut self.batch);
        self.batch.rules = Some(self.rules.clone());
        let counters = Counters::as_large_as(&self.batch.counters);
        let events = Events::as_large_as(&self.batch.events);
        match &mut self.sink {
            Sink::Store(store) => {
                store.commit(&self.batch)?;
                self.copies.handed_over(0);
            }
            Sink::Behind(behind) => {
                if !behind.commit(std::mem::take(&mut self.batch)) {
                    return self.write_out();
                }
                self.copies.handed_over(1);
            }
            Sink::Sums(sums) => {
                add(sums, &mut self.batch);
                self.copies.handed_over(0);
            }
        }
        self.batch = Batch { counters, events, ..Batch::default() };
        self.lines = 0;
        Ok(())
    }

    /// Looks for what is unusual in what was committed since the last look.
    fn look(&mut self) -> Result<()> {
        let Sink::Store(store) = &mut self.sink else { return Ok(()) };
        unusual::look(store, |span| zones::probe(&self.zone, span).unwrap_or_else(|_| Zone::utc()))
    }

    /// The same, once for each slot of log time.
    fn look_as_slots_close(&mut self) -> Result<()> {
        let newest = self.observed.last_of_each().into_iter().map(|(_, last)| last.slot()).max();
        if newest <= self.looked {
            return Ok(());
        }
        self.looked = newest;
        self.look()
    }

    /// Forgets events that are older than `keep_days` before the newest line; the counters stay.
    fn prune_events(&mut self, keep_days: u32) -> Result<usize> {
        let newest = self.observed.last_of_each().into_iter().map(|(_, last)| last).max();
        match (&mut self.sink, newest) {
            (Sink::Store(store), Some(newest)) => {
                store.prune_events(newest.plus_secs(-i64::from(keep_days) * DAY_SECS))
            }
            _ => Ok(0),
        }
    }

    /// The sums, where nothing was written.
    pub fn into_sums(self) -> Option<Batch> {
        match self.sink {
            Sink::Sums(sums) => Some(*sums),
            Sink::Store(_) | Sink::Behind(_) => None,
        }
    }
}

/// sysklogd's form of folding: what was repeated is some line before, and which is not said (FAULTS 40).
fn is_unknown_repetition(line: &Line<'_>) -> bool {
    line.program == b"syslogd" && line.message.starts_with(syslog::UNKNOWN_REPEATED)
}

/// The name of this host, for logs whose lines name none.
pub fn this_host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim().split('.').next().unwrap_or_default();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// The wall clock; asked at the edge alone.
pub fn now() -> Time {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX))
}

fn add(sums: &mut Batch, batch: &mut Batch) {
    sums.counters.append(&batch.counters);
    for (source, programs) in batch.health.drain() {
        let sums = sums.health.entry(source).or_default();
        for (program, counts) in programs {
            sums.entry(program).or_default().add(counts, MAX_EXAMPLES);
        }
    }
    sums.gaps.append(&mut batch.gaps);
    sums.known.append(&mut batch.known);
    sums.coverage.append(&mut batch.coverage);
}

/// A line from outside as a person may see it: cut, and nothing in it that moves a terminal.
fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    escape(&text.chars().take(MAX_EXAMPLE_CHARS).collect::<String>())
}

/// The same for a program's name, which is most often plain.
fn printable(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(escape(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FAULTS 49
    #[test]
    fn lines_from_outside_move_no_terminal() {
        assert_eq!(shown(b"a\x1b]0;x\x07b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(shown(&[b'x'; 10_000]).len(), MAX_EXAMPLE_CHARS);
    }
}
