//! The journal as a source beside the logs: its entries become lines, and its cursor is committed with what they did.

use std::io;

use anyhow::Result;
use mailtally_model::{Span, Time};

use super::stream::{Book, Stopped};
use super::{Collector, Reading};
use crate::source::SourceState;
use crate::source::journal::{Entries, Entry, From, Journal};
use crate::syslog::Line;

/// The journal, and where it was read to.
pub struct JournalLog {
    journal: Journal,
    book: Book,
    /// The host of entries that name none.
    host: String,
    /// The place was gone: it is read from the second of the last entry on, and what lies between is not known.
    lost_since: Option<Time>,
    /// Why it cannot be read now.
    pub wrong: Option<String>,
}

impl JournalLog {
    /// Goes on where the last commit ended; `new_id` is its id where there was none.
    pub fn new(journal: Journal, known: &[SourceState], new_id: u64, reading: &Reading) -> JournalLog {
        let path = journal.name();
        let last =
            known.iter().filter(|state| state.cursor.is_some() && state.path == path).max_by_key(|state| state.id);
        let state = last.cloned().unwrap_or_else(|| SourceState { id: new_id, path, ..SourceState::default() });
        let book = Book { state, ..Book::default() };
        JournalLog { journal, book, host: reading.host.clone(), lost_since: None, wrong: None }
    }

    pub fn state(&self) -> &SourceState {
        &self.book.state
    }

    /// Takes what came since; true when the batch is full before the end.
    pub fn read(&mut self, collector: &mut Collector, new_id: &mut dyn FnMut() -> u64) -> Result<bool> {
        let read = self.open(new_id).map(|(mut entries, first)| {
            let stopped = self.take_all(&mut entries, first, collector);
            collector.cut(self.book.state.id, entries.skipped);
            stopped
        });
        let stopped = match read {
            Ok(stopped) => stopped?,
            Err(error) => Stopped::Unreadable(error),
        };
        self.wrong = match &stopped {
            Stopped::Unreadable(error) => Some(format!("cannot read the {}: {error}", self.book.state.path)),
            _ => None,
        };
        Ok(matches!(stopped, Stopped::Full))
    }

    /// The entries that were not taken, with the first of them.
    fn open(&mut self, new_id: &mut dyn FnMut() -> u64) -> io::Result<(Entries, Option<Entry>)> {
        let Some(cursor) = self.book.state.cursor.clone() else {
            let from = self.lost_since.map_or(From::Beginning, From::Second);
            return first(self.journal.read(&from)?);
        };
        if let Ok((mut entries, Some(entry))) = self.journal.read(&From::Cursor(cursor.clone())).and_then(first)
            && entry.cursor == cursor
        {
            let next = entries.take()?;
            return Ok((entries, next));
        }
        // The entry is gone, or journalctl does not run at all: then it does not from a second on either.
        let last = self.book.state.last.unwrap_or(Time(0));
        let opened = first(self.journal.read(&From::Second(last))?)?;
        tracing::warn!("the place in the journal is gone; it is read on from the time of the last entry");
        // Another source: what was counted of that second are copies.
        let state = SourceState { id: new_id(), path: self.book.state.path.clone(), ..SourceState::default() };
        self.book = Book { state, ..Book::default() };
        self.lost_since = Some(last);
        Ok(opened)
    }

    fn take_all(&mut self, entries: &mut Entries, first: Option<Entry>, collector: &mut Collector) -> Result<Stopped> {
        let mut next = first;
        while let Some(entry) = next {
            if collector.is_full() {
                return Ok(Stopped::Full);
            }
            self.take(entry, collector)?;
            next = match entries.take() {
                Ok(next) => next,
                Err(error) => return Ok(Stopped::Unreadable(error)),
            };
        }
        Ok(Stopped::AtEnd)
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

fn first(mut entries: Entries) -> io::Result<(Entries, Option<Entry>)> {
    let first = entries.take()?;
    Ok((entries, first))
}
