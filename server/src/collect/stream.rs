//! One file as it is read: its lines, how their stamps are read, and what came of them.

use std::io;
use std::path::Path;

use anyhow::Result;
use mailtally_model::Time;

use super::{Collector, Reading};
use crate::source::lines::{LastLine, Lines};
use crate::source::{SourceState, files};
use crate::syslog::{self, Envelope};
use crate::text::is_same;

/// Pieces of one log in one second: a second's lines are not rotated more often than this, not even by a test that
/// rotates at each line of a burst.
const MAX_FOLLOWED: usize = 1_024;

/// What came of the lines of one source.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub state: SourceState,
    /// The host of the last line.
    pub host: String,
    /// Lines that another stream had brought already.
    pub held_back: u64,
    /// Lines taken in this run.
    pub lines: u64,
    /// Lines stamped later than now.
    pub ahead: u64,
    /// Lines that came after newer ones of this stream, by days.
    pub too_late: u64,
    /// Lines without stamp, host or program.
    pub no_envelope: u64,
}

impl Book {
    pub fn newest(&self) -> Option<Time> {
        self.state.last
    }

    pub fn saw(&mut self, time: Time, host: &str) {
        if !is_same(self.host.as_bytes(), host.as_bytes()) {
            host.clone_into(&mut self.host);
        }
        self.state.first.get_or_insert(time);
        self.state.last = self.state.last.max(Some(time));
    }
}

/// What a source that goes on with `previous` follows: that one, and what stands in the same second before it.
pub fn follows(previous: &SourceState) -> Vec<u64> {
    let mut follows = vec![previous.id];
    if previous.first == previous.last {
        follows.extend(&previous.follows);
        follows.truncate(MAX_FOLLOWED);
    }
    follows
}

/// The source that a new one at `path`, which begins at `first`, goes on with after a rotation: of the same log by its
/// name, the newest of those that end where this one begins. One that goes beyond is no predecessor: then this is a copy
/// of its beginning, as a log that is being packed shows it.
pub fn predecessor<'a>(known: &'a [SourceState], path: &Path, id: u64, first: Option<Time>) -> Option<&'a SourceState> {
    let log = files::rotation(path).log;
    let same_log = |state: &&SourceState| state.id != id && files::rotation(Path::new(&state.path)).log == log;
    let newest = known.iter().filter(same_log).max_by_key(|state| (state.last, state.id));
    newest.filter(|state| first.is_some() && state.last == first)
}

/// A moment in a log, as exactly as its stamps tell: logs that are read side by side are merged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub time: Time,
    pub micros: u32,
}

impl At {
    /// Before every time.
    pub const BEGINNING: At = At { time: Time(i64::MIN), micros: 0 };
    /// After every time.
    pub const END: At = At { time: Time(i64::MAX), micros: 0 };

    /// The beginning of a second.
    pub fn second(time: Time) -> At {
        At { time, micros: 0 }
    }

    /// The moment before.
    pub fn before(self) -> At {
        match self.micros.checked_sub(1) {
            Some(micros) => At { micros, ..self },
            None => At { time: self.time.plus_secs(-1), micros: 999_999 },
        }
    }
}

/// How the stamps of a source are read, from where it was left.
pub fn envelope(state: &SourceState, reading: &Reading) -> Envelope {
    let mut envelope = Envelope::new(reading.zone.clone(), &reading.host);
    match (state.last, state.year) {
        (Some(last), _) => envelope.resume(last),
        (None, Some(year)) => envelope.set_year(year),
        (None, None) => {}
    }
    envelope
}

/// Why reading a stream stopped.
#[derive(Debug)]
pub enum Stopped {
    /// Nothing more to read, for now.
    AtEnd,
    /// The next line is later than was asked for.
    Later(At),
    /// The batch is to be written first.
    Full,
    /// The file; whatever else may be read can be.
    Unreadable(io::Error),
}

/// How the lines of one source are read and what came of them.
pub struct Stream {
    envelope: Envelope,
    pub book: Book,
    /// Lines cut so far that were reported.
    cut: u64,
}

impl Stream {
    pub fn new(state: SourceState, reading: &Reading) -> Stream {
        Stream { envelope: envelope(&state, reading), book: Book { state, ..Book::default() }, cut: 0 }
    }

    /// It was written after `last`, which stands in the piece before it.
    pub fn come_after(&mut self, last: Option<Time>) {
        last.into_iter().for_each(|last| self.envelope.come_after(last));
    }

    /// Gives `lines` to the collector as long as they stand at or before `until`. A line without a time stands where the
    /// one before it stands.
    pub fn read(&mut self, lines: &mut Lines, until: At, last: LastLine, collector: &mut Collector) -> Result<Stopped> {
        loop {
            if collector.is_full() {
                return Ok(Stopped::Full);
            }
            let raw = match lines.peek(last) {
                Ok(Some(raw)) => raw,
                Ok(None) => {
                    collector.cut(self.book.state.id, lines.cut() - self.cut);
                    self.cut = lines.cut();
                    return Ok(Stopped::AtEnd);
                }
                Err(error) => return Ok(Stopped::Unreadable(error)),
            };
            let line = self.envelope.parse(raw);
            if let Ok(line) = &line
                && line.time >= until.time
                && !collector.is_ahead(line.time)
            {
                let at = At { time: line.time, micros: syslog::micros(raw) };
                if at > until {
                    return Ok(Stopped::Later(at));
                }
            }
            collector.take(line, raw, &mut self.book)?;
            lines.take();
        }
    }

    /// Takes a line that stands in no file.
    pub fn take(&mut self, raw: &[u8], collector: &mut Collector) -> Result<()> {
        collector.take(self.envelope.parse(raw), raw, &mut self.book)
    }

    /// Where it was read to.
    pub fn mark(&mut self, lines: &mut Lines) -> &SourceState {
        lines.cursor().mark(&mut self.book.state);
        &self.book.state
    }
}
