//! One log across rotation, truncation and replacement while it grows.
//!
//! A [`Follower`] decides which open files to read, in which order; whoever reads takes the lines of each [`Tail`] and
//! says where it got to. Nothing is decided by inode or size alone: a file is what its content says (see
//! [`super::fingerprint`]).
//!
//! What is lost all the same, as with every follower: lines that were written and truncated away between two looks, with
//! no copy of them beside the log. That is reported wherever it can be known.

mod tail;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use mailtally_model::Time;

use super::SourceState;
use super::files::{LogFile, Refused};
use super::pieces::{self, Names, Pieces};
use super::position::{self, Opened};
use tail::Registry;
pub use tail::Tail;

/// Listings of the pieces in one look; a rotation is over after one or two.
const MAX_LISTINGS: usize = 5;

/// One log, by the path it has while it is written.
pub struct Follower {
    path: PathBuf,
    current: Option<Tail>,
    /// Pieces that were rotated away and may not be read to their end, oldest first.
    rotated: Vec<Tail>,
    /// What lay there at the last look. As long as that stays, nothing was rotated.
    seen: Seen,
    /// What was wrong at the last look: said once.
    wrong: Option<String>,
}

/// The log and its pieces as a look found them. Sizes and times of the pieces are in it: a file system uses an inode again
/// at once, so that another piece may have both the name and the inode of the one before.
type Seen = (Names, Vec<(u64, Time, i64)>);

/// What a look found beside lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Bytes were overwritten before they were read: after this source's last line there is a hole.
    Lost { source: u64 },
    /// The log cannot be read now; it is tried again at each look.
    Waiting(String),
    /// It can be read again.
    Resumed,
}

/// What one listing leads to.
struct Found {
    file: LogFile,
    /// What has the log's path now; `None` where that is what was read before.
    log: Option<Opened>,
    /// The rotated pieces that may hold more than was read, newest first: those that are not known, and the newest that
    /// is, unless it is open.
    pieces: Vec<(LogFile, Opened)>,
    seen: Seen,
}

impl Follower {
    pub fn new(path: &Path) -> Follower {
        Follower { path: path.to_owned(), current: None, rotated: Vec::new(), seen: Seen::default(), wrong: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why the log cannot be read now.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// The files to read now, in the order in which they were written.
    pub fn tails(&mut self) -> impl Iterator<Item = &mut Tail> {
        self.rotated.iter_mut().chain(&mut self.current)
    }

    /// Drops an open file that could not be read; it is opened again where we got to (a stale handle, a bad disk).
    pub fn reopen(&mut self) {
        self.current = None;
    }

    /// Looks for rotation, truncation and replacement. `known` are the sources of the store and of all followers as they
    /// are now, `elsewhere` those that the other followers have open; `new_id` gives the id of a source that is new.
    pub fn look(
        &mut self,
        known: &[SourceState],
        elsewhere: &[u64],
        new_id: &mut dyn FnMut() -> u64,
        now: Time,
    ) -> Vec<Notice> {
        let mut registry = Registry::new(known, elsewhere, new_id, now);
        self.tails().for_each(|tail| registry.remember(tail.mark()));
        let mut notices = Vec::new();
        tail::close_read(&mut self.rotated, now);
        self.rotated.iter_mut().for_each(Tail::leave_overwritten);
        if let Err(error) = self.check(&mut registry, &mut notices) {
            let wrong = error.to_string();
            if self.wrong.as_ref() != Some(&wrong) {
                notices.push(Notice::Waiting(wrong.clone()));
            }
            self.wrong = Some(wrong);
        } else if self.wrong.take().is_some() {
            notices.push(Notice::Resumed);
        }
        notices
    }

    fn check(&mut self, registry: &mut Registry<'_>, notices: &mut Vec<Notice>) -> Result<(), Refused> {
        let path = self.path.display().to_string();
        let unreadable = |error| Refused::Unreadable { path: path.clone(), error };
        for _ in 0..MAX_LISTINGS {
            let Some(listing) = Pieces::beside(&self.path) else { continue };
            let names = listing.names();
            let mut is_cut = false;
            if let Some(tail) = &mut self.current {
                tail.lines.read_first().map_err(unreadable)?;
                is_cut = !tail.lines.waits() && tail.lines.is_overwritten().map_err(unreadable)?;
            }
            let found = match self.find(listing, is_cut, registry) {
                Ok(found) => found,
                Err(Refused::Unreadable { error, .. }) if position::was_rotated(&error) && self.is_there() => continue,
                Err(refused) => return Err(refused),
            };
            // Listed twice alike: what was opened in between is what the names say.
            if Pieces::beside(&self.path).is_some_and(|again| again.names() == names) {
                self.accept(found, is_cut, registry, notices);
                return Ok(());
            }
        }
        // The rotation goes on; what is open is read meanwhile.
        Ok(())
    }

    fn is_there(&self) -> bool {
        super::files::look(&self.path).is_ok()
    }

    /// Opens what a listing shows and is not open. The log comes before its pieces: what is cut off it after that is
    /// noticed at the next look, and what was cut off it before is in a piece that is done.
    fn find(&self, listing: Pieces, is_cut: bool, registry: &mut Registry<'_>) -> Result<Found, Refused> {
        let stamp = |piece: &LogFile| (piece.size_bytes, piece.modified, piece.modified_nanos);
        let mut seen: Seen = (listing.names(), listing.rotated.iter().map(stamp).collect());
        let Pieces { log, rotated } = listing;
        let file = log?;
        let unreadable = |error| Refused::Unreadable { path: self.path.display().to_string(), error };
        let is_current = !is_cut && self.current.as_ref().is_some_and(|tail| tail.inode == Some(file.inode));
        let log = match is_current {
            true => None,
            false => Some(registry.open(&file).map_err(unreadable)?),
        };
        let mut found = Found { file, log, pieces: Vec::new(), seen: Seen::default() };
        if found.log.is_some() || seen != self.seen {
            for piece in rotated.iter().rev() {
                if self.is_open(piece, is_cut) {
                    break;
                }
                let is_packed_from = rotated.iter().any(|other| pieces::is_packed_from(piece, other));
                if is_packed_from || pieces::is_beginning(piece, &found.file) {
                    // Not seen before it is done.
                    seen.0.retain(|(path, _)| *path != piece.path);
                    continue;
                }
                let opened = match registry.open(piece) {
                    Ok(opened) => opened,
                    Err(error) if position::was_rotated(&error) => return Err(unreadable(error)),
                    // A piece that cannot be read now is tried again after the next rotation, or at the next start.
                    Err(_) => continue,
                };
                let is_known = opened.known.is_some();
                found.pieces.push((piece.clone(), opened));
                if is_known {
                    break;
                }
            }
        }
        // Cut after it was opened: what was read of it may stand in one of the pieces as well.
        if let Some(log) = &mut found.log
            && log.lines.is_overwritten().map_err(unreadable)?
        {
            return Err(unreadable(position::rotated()));
        }
        found.seen = seen;
        Ok(found)
    }

    /// Whether a piece is a file that is open, renamed. Not so for one of which nothing was read: what else was rotated
    /// before its first line is not known.
    fn is_open(&self, piece: &LogFile, is_cut: bool) -> bool {
        let current = self.current.iter().filter(|tail| !is_cut && !tail.lines.waits());
        self.rotated.iter().chain(current).any(|tail| tail.inode == Some(piece.inode))
    }

    /// Goes over to what was found.
    fn accept(&mut self, found: Found, is_cut: bool, registry: &mut Registry<'_>, notices: &mut Vec<Notice>) {
        if is_cut {
            self.leave_cut(&found, registry, notices);
        } else if self.current.is_none()
            && found.log.as_ref().is_some_and(|log| log.known.is_none())
            && let Some(before) = registry.last_at(&self.path)
            && !found.holds(before, registry)
            && !self.rotated.iter().any(|tail| tail.state.id == before.id)
        {
            notices.push(Notice::Lost { source: before.id });
        }
        let Found { file, log, pieces, seen } = found;
        let is_log = |tail: &Tail| log.as_ref().is_some_and(|log| log.known == Some(tail.state.id));
        // The same content under a new inode: the old file is not needed any more.
        self.rotated.retain(|tail| !is_log(tail));
        let old = self.current.take_if(|_| log.is_some()).filter(|old| !is_log(old));
        // One of which nothing was read is told by its first bytes alone, if it was packed meanwhile.
        let is_piece = |old: &Tail| {
            let mut pieces = pieces.iter();
            pieces.any(|(piece, opened)| Some(piece.inode) == old.inode || opened.lines.begins_like(&old.lines))
        };
        let old = old.filter(|old| !is_piece(old));
        self.rotated.extend(old.map(|old| old.rotated(registry.now())));
        for (piece, opened) in pieces.into_iter().rev() {
            let is_held = |id: u64| log.as_ref().is_some_and(|log| log.known == Some(id));
            if opened.known.is_some_and(|id| is_held(id) || self.tails().any(|tail| tail.state.id == id)) {
                continue;
            }
            // What comes after it was written later, so nobody writes the ones before it.
            self.rotated.iter_mut().for_each(|older| older.left = true);
            let tail = registry.tail(opened, &piece).rotated(registry.now());
            self.rotated.push(tail);
        }
        if let Some(log) = log {
            let mut tail = registry.tail(log, &file);
            tail.lines.wait();
            self.current = Some(tail);
        }
        // No rotation came between it and the pieces before it.
        self.current.iter_mut().for_each(|tail| tail.lines.go_on());
        // As long as the new file is empty its writer may not have been told yet, and the old one may still grow.
        self.rotated.iter_mut().for_each(|old| old.left |= file.size_bytes > 0);
        self.seen = seen;
    }

    /// Leaves what was cut under us. If no piece holds it, what was read of it before is all there is.
    fn leave_cut(&mut self, found: &Found, registry: &Registry<'_>, notices: &mut Vec<Notice>) {
        let Some(mut cut) = self.current.take() else { return };
        let before = cut.mark();
        if found.holds(before, registry) {
            return;
        }
        // Bytes that make no line yet, or as many new bytes as had been read: there was more than was read.
        let grew_back = before.position > 0 && found.file.size_bytes >= before.position;
        if cut.lines.holds_back() || grew_back {
            notices.push(Notice::Lost { source: cut.state.id });
        }
        (cut.left, cut.inode) = (true, None);
        self.rotated.push(cut.rotated(registry.now()));
    }
}

impl Found {
    /// Whether what was read last is still there, so that nothing is missing after it.
    fn holds(&self, before: &SourceState, registry: &Registry<'_>) -> bool {
        // Nothing of it was read: whatever is new may be it.
        let is_new = before.position == 0 && self.pieces.iter().any(|(_, opened)| opened.known.is_none());
        let is_later = |id| registry.state(id).is_some_and(|state| state.last.is_some() && state.last >= before.last);
        let opened = self.pieces.iter().map(|(_, opened)| opened).chain(&self.log);
        is_new || opened.filter_map(|opened| opened.known).any(|id| id == before.id || is_later(id))
    }
}
