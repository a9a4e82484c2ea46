//! The journal as a source beside the logs: its entries become lines, and its cursor is committed with what they did.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;
use mailtally_model::{Span, Time};

use super::stream::Book;
use super::{Collector, Reading};
use crate::source::SourceState;
use crate::source::journal::{Entries, Entry, From, Journal, Next};
use crate::syslog::Line;

/// In one look; what takes longer is taken at the next one, and the logs are read meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// One that has said nothing for so long is slow: most of a look, whose patience begins before journalctl does.
const SILENT: Duration = Duration::from_millis(500);
/// One that said nothing meanwhile is not waited for again before it has said something.
const NO_PATIENCE: Duration = Duration::from_millis(10);

/// The journal, and where it was read to.
pub struct JournalLog {
    journal: Journal,
    book: Book,
    /// The host of entries that name none.
    host: String,
    /// The place was gone: it is read from the second of the last entry on, and what lies between is not known.
    lost_since: Option<Time>,
    /// A journalctl that has not said all yet.
    under_way: Option<(Entries, Stage)>,
    /// It says nothing.
    hung: bool,
    /// Why it cannot be read now.
    pub wrong: Option<String>,
}

/// What comes first of a journalctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The entry that was read last, if the journal still has it.
    Last,
    /// What was not read, from the second of that entry on, since it is gone.
    Anew,
    /// What was not read.
    New,
}

/// Where a look stopped.
enum Stopped {
    AtEnd,
    Full,
    Later,
    /// And nothing was said for most of the look.
    Silent,
}

impl JournalLog {
    /// Goes on where the last commit ended; `new_id` is its id where there was none.
    pub fn new(journal: Journal, known: &[SourceState], new_id: u64, reading: &Reading) -> JournalLog {
        let path = journal.name();
        let last =
            known.iter().filter(|state| state.cursor.is_some() && state.path == path).max_by_key(|state| state.id);
        let state = last.cloned().unwrap_or_else(|| SourceState { id: new_id, path, ..SourceState::default() });
        let book = Book { state, ..Book::default() };
        JournalLog {
            journal,
            book,
            host: reading.host.clone(),
            lost_since: None,
            under_way: None,
            hung: false,
            wrong: None,
        }
    }

    pub fn state(&self) -> &SourceState {
        &self.book.state
    }

    /// Whether a journalctl has more to say than a look waited for.
    #[cfg(test)]
    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Takes what came since; true when the batch is full before the end.
    pub fn read(&mut self, collector: &mut Collector, new_id: &mut dyn FnMut() -> u64) -> Result<bool> {
        let deadline = Instant::now() + if self.hung { NO_PATIENCE } else { PATIENCE };
        let stopped = match self.take_all(deadline, collector, new_id) {
            Ok(stopped) => stopped?,
            Err(error) => {
                self.hung |= error.kind() == io::ErrorKind::TimedOut;
                self.wrong = Some(format!("cannot read the {}: {error}", self.book.state.path));
                return Ok(false);
            }
        };
        match stopped {
            Stopped::Silent => {
                let wrong = || format!("the {} is slow: journalctl has not answered yet", self.book.state.path);
                self.wrong.get_or_insert_with(wrong);
                self.hung = true;
            }
            Stopped::AtEnd | Stopped::Full | Stopped::Later => self.wrong = None,
        }
        Ok(matches!(stopped, Stopped::Full))
    }

    /// The outer error is of the journal, the inner one of the store.
    fn take_all(
        &mut self,
        deadline: Instant,
        collector: &mut Collector,
        new_id: &mut dyn FnMut() -> u64,
    ) -> io::Result<Result<Stopped>> {
        loop {
            if collector.is_full() {
                return Ok(Ok(Stopped::Full));
            }
            let (mut entries, stage) = match self.under_way.take() {
                Some(under_way) => under_way,
                None => self.begin()?,
            };
            let next = entries.take(deadline);
            collector.cut(self.book.state.id, std::mem::take(&mut entries.skipped));
            self.hung &= !matches!(next, Ok(Next::Entry(_) | Next::End));
            let is_hanging = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
            match (stage, next) {
                (_, Ok(Next::Later)) => {
                    let is_silent = entries.silence() >= SILENT;
                    self.under_way = Some((entries, stage));
                    return Ok(Ok(if is_silent { Stopped::Silent } else { Stopped::Later }));
                }
                (Stage::New, Ok(Next::Entry(entry))) => {
                    if let Err(error) = self.take(entry, collector) {
                        return Ok(Err(error));
                    }
                    self.under_way = Some((entries, Stage::New));
                }
                (Stage::New, Ok(Next::End)) => return Ok(Ok(Stopped::AtEnd)),
                (Stage::Last, Ok(Next::Entry(entry))) if Some(&entry.cursor) == self.book.state.cursor.as_ref() => {
                    self.under_way = Some((entries, Stage::New));
                }
                (Stage::New | Stage::Anew, Err(error)) => return Err(error),
                (Stage::Last, Err(error)) if is_hanging(&error) => return Err(error),
                // The entry is gone, or journalctl does not run at all: then it does not from a second on either.
                (Stage::Last, Ok(Next::Entry(_) | Next::End) | Err(_)) => {
                    let last = self.book.state.last.unwrap_or(Time(0));
                    self.under_way = Some((self.journal.read(&From::Second(last))?, Stage::Anew));
                }
                (Stage::Anew, Ok(Next::Entry(entry))) => {
                    self.go_on_anew(new_id);
                    if let Err(error) = self.take(entry, collector) {
                        return Ok(Err(error));
                    }
                    self.under_way = Some((entries, Stage::New));
                }
                (Stage::Anew, Ok(Next::End)) => {
                    self.go_on_anew(new_id);
                    return Ok(Ok(Stopped::AtEnd));
                }
            }
        }
    }

    fn begin(&self) -> io::Result<(Entries, Stage)> {
        let (from, stage) = match (&self.book.state.cursor, self.lost_since) {
            (Some(cursor), _) => (From::Cursor(cursor.clone()), Stage::Last),
            (None, Some(since)) => (From::Second(since), Stage::New),
            (None, None) => (From::Beginning, Stage::New),
        };
        Ok((self.journal.read(&from)?, stage))
    }

    /// The place is gone, and journalctl runs: it is read on from the second of the last entry, as another source, so that
    /// what was counted of that second are copies.
    fn go_on_anew(&mut self, new_id: &mut dyn FnMut() -> u64) {
        tracing::warn!("the place in the journal is gone; it is read on from the time of the last entry");
        self.lost_since = Some(self.book.state.last.unwrap_or(Time(0)));
        let state = SourceState { id: new_id(), path: self.book.state.path.clone(), ..SourceState::default() };
        self.book = Book { state, ..Book::default() };
    }

    fn take(&mut self, entry: Entry, collector: &mut Collector) -> Result<()> {
        let host = if entry.host.is_empty() { &self.host } else { &entry.host };
        if let Some(since) = self.lost_since.take() {
            let hole = Span::new(since.plus_secs(1), entry.time);
            if !hole.is_empty() {
                collector.lost(host, hole);
                self.book.state.lost(hole);
            }
        }
        let line = Line {
            time: entry.time,
            host,
            program: entry.program.as_bytes(),
            pid: entry.pid,
            message: &entry.message,
            times: 1,
            own_file: false,
        };
        collector.take(Ok(line), &entry.message, &mut self.book)?;
        self.book.state.position += 1;
        self.book.state.cursor = Some(entry.cursor);
        Ok(())
    }
}
