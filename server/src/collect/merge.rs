//! Reads many logs as one, by the time of their lines: the pieces of a log one after the other, the logs side by side.
//!
//! The order inside a file is never changed: daemons write through different queues, so stamps go back by a second now
//! and then, and a session's lines must stay in the order in which they were written.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use mailtally_model::Time;

use super::stream::{At, Book, Stopped, Stream, follows, predecessor};
use super::survey::{self, Look, Surveyed};
use super::{Collector, Reading};
use crate::source::SourceState;
use crate::source::files::{self, Age, LogFile};
use crate::source::lines::{LastLine, Lines};
use crate::source::position;
use crate::source::unpack::Damage;

/// A file that was read to where it goes.
pub struct Done {
    pub path: PathBuf,
    pub book: Book,
    pub cut: u64,
    pub damage: Option<Damage>,
    /// Why it was read no further.
    pub error: Option<io::Error>,
}

/// Several logs, read as one.
pub struct Merge<'a> {
    reading: &'a Reading,
    /// Pieces that are still being written, oldest first; each waits until there is one, or no more.
    more: &'a mut dyn Iterator<Item = LogFile>,
    /// Not begun yet, in the order of their first line.
    waiting: VecDeque<Log>,
    /// Begun and not ended.
    active: Vec<Log>,
    known: Vec<SourceState>,
    /// Logs that ended, by the last source of each.
    ended: Vec<SourceState>,
    /// Files that ended since the last commit.
    done: Vec<Done>,
    /// Bytes of files that ended.
    bytes_done: u64,
}

/// A log with its pieces.
struct Log {
    /// Of two that stand at the same time the lower goes first.
    order: usize,
    pieces: VecDeque<Surveyed>,
    open: Option<Open>,
    /// The time of the next line.
    at: At,
    /// The piece that was read before.
    previous: Option<SourceState>,
}

/// A piece that is being read.
struct Open {
    path: PathBuf,
    lines: Lines,
    stream: Stream,
    last_line: LastLine,
}

impl<'a> Merge<'a> {
    /// `more` goes on with whichever log ends first: it is for one log alone.
    pub fn new(
        logs: Vec<Vec<Surveyed>>,
        more: &'a mut dyn Iterator<Item = LogFile>,
        known: Vec<SourceState>,
        reading: &'a Reading,
    ) -> Merge<'a> {
        let log = |(order, pieces): (usize, Vec<Surveyed>)| Log {
            order,
            at: pieces.first().and_then(|piece| piece.first).map_or(At::BEGINNING, At::second),
            pieces: pieces.into(),
            open: None,
            previous: None,
        };
        let waiting = logs.into_iter().enumerate().map(log).collect();
        Merge { reading, more, waiting, active: Vec::new(), known, ended: Vec::new(), done: Vec::new(), bytes_done: 0 }
    }

    /// Reads on in the log that stands earliest. False when all are read.
    pub fn step(&mut self, collector: &mut Collector) -> Result<bool> {
        let earliest =
            self.active.iter().enumerate().min_by_key(|(_, log)| (log.at, log.order)).map(|(index, _)| index);
        let next = self.waiting.front().map(|log| log.at);
        let index = match (earliest, next) {
            (Some(index), None) => index,
            (Some(index), Some(next)) if self.active[index].at <= next => index,
            _ => {
                let Some(log) = self.waiting.pop_front() else { return Ok(false) };
                self.active.push(log);
                return Ok(true);
            }
        };
        let until = self.until(index, next);
        self.read(index, until, collector)?;
        Ok(true)
    }

    /// Up to when a log may be read before another one stands earlier.
    fn until(&self, index: usize, next: Option<At>) -> At {
        let this = &self.active[index];
        let others = self.active.iter().filter(|other| other.order != this.order);
        // At the same moment the one with the lower order goes first, whole.
        let bound = |other: &Log| if this.order < other.order { other.at } else { other.at.before() };
        others.map(bound).chain(next).min().unwrap_or(At::END)
    }

    fn read(&mut self, index: usize, until: At, collector: &mut Collector) -> Result<()> {
        if self.active[index].open.is_none() && !self.open_next(index) {
            let log = self.active.swap_remove(index);
            self.ended.extend(log.previous);
            return Ok(());
        }
        let log = &mut self.active[index];
        let Some(open) = &mut log.open else { return Ok(()) };
        match open.stream.read(&mut open.lines, until, open.last_line, collector)? {
            Stopped::Full => {}
            Stopped::Later(at) => log.at = at,
            Stopped::AtEnd => self.close(index, None),
            Stopped::Unreadable(error) => self.close(index, Some(error)),
        }
        Ok(())
    }

    /// Opens the next piece of a log; false when there is none.
    fn open_next(&mut self, index: usize) -> bool {
        let piece = self.active[index].pieces.pop_front().or_else(|| self.next_written());
        let Some(piece) = piece else { return false };
        let open = self.active.iter().filter_map(|log| log.open.as_ref());
        let elsewhere: Vec<u64> = open.map(|open| open.stream.book.state.id).collect();
        let log = &mut self.active[index];
        let opened = position::open(&piece.file, &self.known, &elsewhere);
        let opened = opened.and_then(|opened| match piece.is_still(&opened)? {
            true => Ok(opened),
            false => Err(position::rotated()),
        });
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.bytes_done += piece.file.size_bytes;
                if position::was_rotated(&error) {
                    // The pieces after it wait until it is found again: they are read in order or not at all.
                    log.pieces.clear();
                }
                self.done.push(Done::unread(&piece.file.path, error));
                return true;
            }
        };
        let id = self.known.iter().map(|state| state.id).max().unwrap_or(0) + 1;
        let state = self.known.iter().find(|state| Some(state.id) == opened.known);
        let state = state.map(|state| match elsewhere.contains(&state.id) {
            true => position::twin(state, id),
            false => state.clone(),
        });
        let state = state.unwrap_or_else(|| {
            let previous = log.previous.as_ref().or_else(|| continued(&self.ended, piece.first));
            let previous = previous.or_else(|| predecessor(&self.known, &piece.file.path, id, piece.first));
            let follows = previous.map(follows).unwrap_or_default();
            // A given year is that of a log's first piece; the others follow by order.
            let last = log.previous.as_ref().and_then(|previous| previous.last).filter(|_| self.reading.year.is_some());
            SourceState { id, follows, year: piece.year, last, ..SourceState::default() }
        });
        let path = piece.file.path.clone();
        let state = SourceState { path: path.display().to_string(), ..state };
        self.known.retain(|other| other.id != state.id);
        self.known.push(state.clone());
        // The writer of the newest piece may not have been told yet to go on in another file.
        let is_written = files::rotation(&path).age == Age::Current || log.pieces.is_empty();
        let last_line = if is_written { self.reading.last_line } else { LastLine::Take };
        let mut stream = Stream::new(state, self.reading);
        stream.come_after(log.previous.as_ref().and_then(|previous| previous.last));
        log.open = Some(Open { path, lines: opened.lines, stream, last_line });
        true
    }

    /// The next piece that is written while the ones before it are read.
    fn next_written(&mut self) -> Option<Surveyed> {
        loop {
            let file = self.more.next()?;
            match survey::survey(&file, &self.known, self.reading) {
                Ok(Look::Read(piece)) => return Some(piece),
                Ok(Look::AlreadyIngested(_)) => {}
                Err(error) => self.done.push(Done::unread(&file.path, error)),
            }
        }
    }

    fn close(&mut self, index: usize, error: Option<io::Error>) {
        let log = &mut self.active[index];
        let Some(Open { path, mut lines, mut stream, .. }) = log.open.take() else { return };
        stream.book.state.damage = lines.damage().map(|damage| damage.to_string());
        let state = stream.mark(&mut lines).clone();
        self.bytes_done += lines.packed_read();
        log.previous = Some(state.clone());
        if let Some(known) = self.known.iter_mut().find(|known| known.id == state.id) {
            known.clone_from(&state);
        }
        let (cut, damage) = (lines.cut(), lines.damage());
        self.done.push(Done { path, book: stream.book, cut, damage, error });
    }

    /// The places that the sources have come to, and the files that ended since this was last asked.
    pub fn mark(&mut self) -> (Vec<SourceState>, Vec<Done>) {
        let done = std::mem::take(&mut self.done);
        let ended = done.iter().map(|done| done.book.state.clone());
        let open = self.active.iter_mut().filter_map(|log| log.open.as_mut());
        let open = open.map(|open| open.stream.mark(&mut open.lines).clone());
        let sources = ended.chain(open).filter(|state| state.position > 0).collect();
        (sources, done)
    }

    /// Bytes of the files read so far, packed as they are.
    pub fn bytes_read(&mut self) -> u64 {
        let open = self.active.iter_mut().filter_map(|log| log.open.as_mut());
        self.bytes_done + open.map(|open| open.lines.packed_read()).sum::<u64>()
    }
}

/// The log that one beginning at `first` may go on with: one that ended in the same second.
fn continued(ended: &[SourceState], first: Option<Time>) -> Option<&SourceState> {
    ended.iter().find(|state| state.last.is_some() && state.last == first)
}

impl Done {
    pub fn unread(path: &Path, error: io::Error) -> Done {
        Done { path: path.to_owned(), book: Book::default(), cut: 0, damage: None, error: Some(error) }
    }
}
