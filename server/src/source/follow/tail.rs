//! The open files of a log, and the sources that they turned out to be.

use std::io;
use std::path::Path;

use mailtally_model::Time;

use crate::source::SourceState;
use crate::source::files::{Inode, LogFile};
use crate::source::lines::{LastLine, Lines};
use crate::source::position::{self, Opened};

/// A writer may keep a rotated file open until it is told to reopen: syslog daemons are told at once.
const KEEP_ROTATED_SECS: i64 = 300;
/// Rotated files held open at once that were read to their end; more rotations than this in five minutes are a fault of
/// the rotation.
const MAX_ROTATED: usize = 8;

/// An open file that is read to its end.
pub struct Tail {
    pub lines: Lines,
    /// The source that its content is; the reader keeps position and counts in it.
    pub state: SourceState,
    /// Of the file that stays open; `None` for a packed one, and once the file holds something else.
    pub(super) inode: Option<Inode>,
    pub(super) rotated_at: Option<Time>,
    /// Whether its writer has gone on to another file.
    pub(super) left: bool,
}

impl Tail {
    /// A file without writer has no partial last line: nobody will finish it.
    pub fn last_line(&self) -> LastLine {
        if self.left { LastLine::Take } else { LastLine::HoldBack }
    }

    /// Its path, and the bytes that are there and not read.
    pub fn unread(&mut self) -> (String, u64) {
        (self.state.path.clone(), self.lines.unread())
    }

    /// The place after the last line that was taken.
    pub fn mark(&mut self) -> &SourceState {
        self.lines.cursor().mark(&mut self.state);
        &self.state
    }

    /// Left by the log at a rotation.
    pub(super) fn rotated(mut self, now: Time) -> Tail {
        self.rotated_at = Some(now);
        self.lines.go_on();
        self
    }

    /// A piece that another was copied over is no longer what has its inode.
    pub(super) fn leave_overwritten(&mut self) {
        // One that gives an error is looked at as any other piece.
        if self.lines.is_overwritten().unwrap_or(true) {
            self.inode = None;
        }
    }

    fn is_read(&mut self) -> bool {
        let last = self.last_line();
        // One that gives an error gives no lines, now or later.
        !matches!(self.lines.peek(last), Ok(Some(_)))
    }
}

/// Closes rotated files that were read to their end and that nobody writes any more.
pub fn close_read(rotated: &mut Vec<Tail>, now: Time) {
    let mut excess = rotated.len().saturating_sub(MAX_ROTATED);
    rotated.retain_mut(|tail| {
        let is_old = tail.rotated_at.is_some_and(|at| now.secs_since(at).abs() >= KEEP_ROTATED_SECS);
        if (is_old || excess > 0) && tail.is_read() {
            excess = excess.saturating_sub(1);
            return false;
        }
        true
    });
}

/// The sources that are known during one look.
pub struct Registry<'a> {
    known: Vec<SourceState>,
    /// Those that other followers have open.
    elsewhere: &'a [u64],
    new_id: &'a mut dyn FnMut() -> u64,
    now: Time,
}

impl<'a> Registry<'a> {
    pub fn new(
        known: &[SourceState],
        elsewhere: &'a [u64],
        new_id: &'a mut dyn FnMut() -> u64,
        now: Time,
    ) -> Registry<'a> {
        Registry { known: known.to_vec(), elsewhere, new_id, now }
    }

    /// Opens a file where we left it. What another follower reads at the moment is a copy here, with an id of its own.
    pub fn open(&mut self, file: &LogFile) -> io::Result<Opened> {
        let mut opened = position::open(file, &self.known, self.elsewhere)?;
        let of = opened.known.filter(|id| self.elsewhere.contains(id));
        if let Some(twin) = of.and_then(|id| self.state(id).cloned()).map(|of| position::twin(&of, (self.new_id)())) {
            opened.known = Some(twin.id);
            self.known.push(twin);
        }
        Ok(opened)
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn remember(&mut self, state: &SourceState) {
        match self.known.iter_mut().find(|other| other.id == state.id) {
            Some(other) => other.clone_from(state),
            None => self.known.push(state.clone()),
        }
    }

    pub fn state(&self, id: u64) -> Option<&SourceState> {
        self.known.iter().find(|state| state.id == id)
    }

    /// The source that was read last at a path.
    pub fn last_at(&self, path: &Path) -> Option<&SourceState> {
        let at_path = self.known.iter().filter(|state| Path::new(&state.path) == path && state.position > 0);
        at_path.max_by_key(|state| state.last)
    }

    /// An opened file as a tail, of the source that it is or a new one.
    pub fn tail(&mut self, opened: Opened, file: &LogFile) -> Tail {
        let known = opened.known.and_then(|id| self.state(id)).cloned();
        let mut state = known.unwrap_or_else(|| SourceState { id: (self.new_id)(), ..SourceState::default() });
        state.path = file.path.display().to_string();
        self.remember(&state);
        let inode = opened.lines.is_plain().then_some(file.inode);
        Tail { lines: opened.lines, state, inode, rotated_at: None, left: false }
    }
}
