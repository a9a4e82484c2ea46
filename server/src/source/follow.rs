//! One log across rotation, truncation and replacement while it grows.
//!
//! A [`Follower`] decides which open files to read, in which order; whoever reads takes the lines of each [`Tail`] and
//! says where it got to. Nothing is decided by inode or size alone: a file is what its content says (see
//! [`super::fingerprint`]).
//!
//! What is lost all the same, as with every follower: lines that were written and truncated away between two looks, with
//! no copy of them beside the log. That is reported wherever it can be known.

use std::io;
use std::path::{Path, PathBuf};

use mailtally_model::Time;

use super::SourceState;
use super::files::{self, Inode, LogFile, Refused};
use super::lines::{LastLine, Lines};
use super::position::{self, Opened};

/// A writer may keep a rotated file open until it is told to reopen: syslog daemons are told at once.
const KEEP_ROTATED_SECS: i64 = 300;
/// Rotated files held open at once; more rotations than this in five minutes are a fault of the rotation.
const MAX_ROTATED: usize = 8;

/// Listings of the pieces in one look; a rotation is over after one or two.
const MAX_LISTINGS: usize = 5;

/// One log, by the path it has while it is written.
pub struct Follower {
    path: PathBuf,
    current: Option<Tail>,
    /// Pieces that were rotated away and may not be read to their end, oldest first.
    rotated: Vec<Tail>,
    /// What was wrong at the last look: said once.
    wrong: Option<String>,
}

/// An open file that is read to its end.
pub struct Tail {
    pub lines: Lines,
    /// The source that its content is; the reader keeps position and counts in it.
    pub state: SourceState,
    inode: Inode,
    rotated_at: Option<Time>,
    /// Whether its writer has gone on to another file.
    left: bool,
}

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
}

impl Follower {
    pub fn new(path: &Path) -> Follower {
        Follower { path: path.to_owned(), current: None, rotated: Vec::new(), wrong: None }
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
    /// are now; `new_id` gives the id of a source that is new.
    pub fn look(&mut self, known: &[SourceState], new_id: &mut dyn FnMut() -> u64, now: Time) -> Vec<Notice> {
        let mut registry = Registry { known: known.to_vec(), new_id, now };
        self.tails().for_each(|tail| registry.remember(tail.mark()));
        let mut notices = Vec::new();
        self.rotated.retain(|tail| tail.rotated_at.is_none_or(|at| now.secs_since(at).abs() < KEEP_ROTATED_SECS));
        if let Err(error) = self.check_current(&mut registry, &mut notices) {
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

    fn check_current(&mut self, registry: &mut Registry<'_>, notices: &mut Vec<Notice>) -> Result<(), Refused> {
        let path = self.path.display().to_string();
        let unreadable = |error| Refused::Unreadable { path: path.clone(), error };
        let mut was_truncated = false;
        if let Some(tail) = &mut self.current
            && tail.lines.is_overwritten().map_err(unreadable)?
        {
            was_truncated = true;
            let source = tail.state.id;
            // Bytes that were read and make no line, or as many new bytes as had been read: there was more than we took.
            let had_more = tail.lines.holds_back() || self.grew_back();
            if !self.catch_up(registry) && had_more {
                notices.push(Notice::Lost { source });
            }
            self.current = None;
        }
        let file = files::look(&self.path)?;
        if self.current.as_ref().is_none_or(|tail| tail.inode != file.inode) {
            let opened = position::open(&file, &registry.known).map_err(unreadable)?;
            let lost = self.switch_to(&file, opened, registry);
            if !was_truncated {
                notices.extend(lost);
            }
        }
        // As long as the new file is empty its writer may not have been told yet, and the old one may still grow.
        self.rotated.iter_mut().for_each(|old| old.left |= file.size_bytes > 0);
        Ok(())
    }

    /// Goes over to the file that has the log's path now.
    fn switch_to(&mut self, file: &LogFile, opened: Opened, registry: &mut Registry<'_>) -> Option<Notice> {
        let is_held = |tail: &Tail| Some(tail.state.id) == opened.known;
        let mut lost = None;
        // The same content under a new inode: the old file is not needed any more.
        self.rotated.retain(|tail| !is_held(tail));
        match self.current.take() {
            Some(old) if is_held(&old) => {}
            Some(mut old) => {
                old.rotated_at = Some(registry.now);
                self.rotated.push(old);
                self.catch_up(registry);
            }
            None if opened.known.is_none() => {
                let before = registry.last_at(&self.path);
                let caught_up = self.catch_up(registry) || !self.rotated.is_empty();
                lost = before.filter(|_| !caught_up).map(|source| Notice::Lost { source });
            }
            None => {}
        }
        let tail = registry.tail(opened, file);
        self.current = Some(tail);
        let excess = self.rotated.len().saturating_sub(MAX_ROTATED);
        self.rotated.drain(..excess);
        lost
    }

    /// Opens the rotated pieces beside the log that hold more than was read: the rest of the newest piece that is known,
    /// and all that are newer. False when no piece is known: then nothing tells how much is missing.
    fn catch_up(&mut self, registry: &mut Registry<'_>) -> bool {
        let mut unread = None;
        for _ in 0..MAX_LISTINGS {
            match self.unread_pieces(registry) {
                Ok(pieces) => {
                    unread = pieces;
                    break;
                }
                // The next rotation has begun: the names mean other pieces now.
                Err(error) => tracing::debug!(%error, "a piece of a log was rotated while it was looked at"),
            }
        }
        let Some(unread) = unread else { return false };
        for (file, opened) in unread.into_iter().rev() {
            let is_held = |tail: &Tail| tail.inode == file.inode || Some(tail.state.id) == opened.known;
            if self.rotated.iter().any(is_held) {
                continue;
            }
            let mut tail = registry.tail(opened, &file);
            tail.rotated_at = Some(registry.now);
            tail.left = true;
            self.rotated.push(tail);
        }
        true
    }

    /// The newest piece that is known, and before it those that are newer; `None` when no piece is known. An error if a
    /// piece was renamed meanwhile.
    fn unread_pieces(&self, registry: &Registry<'_>) -> io::Result<Option<Vec<(LogFile, Opened)>>> {
        let mut unread = Vec::new();
        for file in files::rotated_pieces(&self.path).into_iter().rev() {
            let opened = match position::open(&file, &registry.known) {
                Ok(opened) => opened,
                Err(error) if position::was_rotated(&error) => return Err(error),
                // A piece that cannot be read now (it is being packed) is tried at the next rotation or start.
                Err(_) => continue,
            };
            let is_known = opened.known.is_some();
            unread.push((file, opened));
            if is_known {
                return Ok(Some(unread));
            }
        }
        Ok(None)
    }

    /// Whether the log, truncated, holds as much as was read of it.
    fn grew_back(&self) -> bool {
        let read = self.current.as_ref().map_or(0, |tail| tail.state.position);
        read > 0 && files::look(&self.path).is_ok_and(|file| file.size_bytes >= read)
    }
}

/// The sources that are known during one look.
struct Registry<'a> {
    known: Vec<SourceState>,
    new_id: &'a mut dyn FnMut() -> u64,
    now: Time,
}

impl Registry<'_> {
    fn remember(&mut self, state: &SourceState) {
        match self.known.iter_mut().find(|other| other.id == state.id) {
            Some(other) => other.clone_from(state),
            None => self.known.push(state.clone()),
        }
    }

    /// The source that was read last at a path.
    fn last_at(&self, path: &Path) -> Option<u64> {
        let at_path = self.known.iter().filter(|state| Path::new(&state.path) == path && state.position > 0);
        at_path.max_by_key(|state| state.last).map(|state| state.id)
    }

    fn tail(&mut self, opened: Opened, file: &LogFile) -> Tail {
        let known = self.known.iter().find(|state| Some(state.id) == opened.known).cloned();
        let mut state = known.unwrap_or_else(|| SourceState { id: (self.new_id)(), ..SourceState::default() });
        state.path = file.path.display().to_string();
        self.remember(&state);
        Tail { lines: opened.lines, state, inode: file.inode, rotated_at: None, left: false }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    const POLL_SECS: i64 = 1;

    /// A directory of logs, a follower of `mail.log`, and what it read.
    struct World {
        dir: tempfile::TempDir,
        follower: Follower,
        known: Vec<SourceState>,
        ids: u64,
        now: Time,
        read: Vec<String>,
        notices: Vec<Notice>,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let follower = Follower::new(&dir.path().join("mail.log"));
        World { dir, follower, known: Vec::new(), ids: 0, now: Time(0), read: Vec::new(), notices: Vec::new() }
    }

    impl World {
        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn open(&self, name: &str) -> fs::File {
            OpenOptions::new().create(true).append(true).open(self.path(name)).expect("a temporary file")
        }

        fn write(&self, name: &str, text: &str) {
            self.open(name).write_all(text.as_bytes()).expect("a temporary file");
        }

        fn lines(&self, name: &str, numbers: std::ops::Range<u32>) {
            self.write(name, &text(numbers));
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.path(from), self.path(to)).expect("a temporary file");
        }

        fn copy(&self, from: &str, to: &str) {
            fs::copy(self.path(from), self.path(to)).expect("a temporary file");
        }

        fn truncate(&self, name: &str) {
            fs::File::create(self.path(name)).expect("a temporary file");
        }

        fn pack(&self, from: &str, to: &str) {
            let bytes = fs::read(self.path(from)).expect("a temporary file");
            let out = fs::File::create(self.path(to)).expect("a temporary file");
            let mut gz = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
            gz.write_all(&bytes).and_then(|()| gz.finish().map(drop)).expect("a temporary file");
            fs::remove_file(self.path(from)).expect("a temporary file");
        }

        /// Looks, reads all there is and keeps the places, as a commit does.
        fn poll(&mut self) {
            self.now = self.now.plus_secs(POLL_SECS);
            let ids = &mut self.ids;
            let mut new_id = || {
                *ids += 1;
                *ids
            };
            let notices = self.follower.look(&self.known, &mut new_id, self.now);
            self.notices.extend(notices);
            for tail in self.follower.tails() {
                let last = tail.last_line();
                while let Some(line) = tail.lines.peek(last).expect("a temporary file") {
                    self.read.push(String::from_utf8_lossy(line).into_owned());
                    tail.lines.take();
                }
                let state = tail.mark();
                self.known.retain(|other| other.id != state.id);
                if state.position > 0 {
                    self.known.push(state.clone());
                }
            }
        }

        /// The process ends and another one begins; the places are kept.
        fn restart(&mut self) {
            self.follower = Follower::new(&self.path("mail.log"));
        }

        fn check(&self, numbers: std::ops::Range<u32>) {
            let expected: Vec<String> = text(numbers).lines().map(str::to_owned).collect();
            assert_eq!(self.read, expected);
        }

        fn lost(&self) -> usize {
            self.notices.iter().filter(|notice| matches!(notice, Notice::Lost { .. })).count()
        }
    }

    fn text(numbers: std::ops::Range<u32>) -> String {
        numbers.map(|n| format!("Mar  2 00:00:00 mx1 postfix/smtpd[1]: line {n}\n")).collect()
    }

    // FAULTS 21
    #[test]
    fn a_writer_that_stays_on_the_renamed_file_loses_nothing() {
        let mut world = world();
        world.lines("mail.log", 0..10);
        world.poll();
        let mut old = world.open("mail.log");
        world.rename("mail.log", "mail.log.1");
        world.truncate("mail.log");
        world.poll();
        old.write_all(text(10..15).as_bytes()).expect("a temporary file");
        world.poll();
        world.lines("mail.log", 15..20);
        world.poll();
        world.check(0..20);
        world.poll();
        world.check(0..20);
        assert_eq!(world.notices, []);
    }

    // FAULTS 22: with the copy beside it, nothing is lost; without one, the loss is said.
    #[test]
    fn a_log_that_was_copied_and_truncated_and_grew_back_is_read_again() {
        for has_copy in [true, false] {
            let mut world = world();
            world.lines("mail.log", 0..10);
            world.poll();
            world.lines("mail.log", 10..15);
            if has_copy {
                world.copy("mail.log", "mail.log.1");
            }
            world.truncate("mail.log");
            world.lines("mail.log", 15..100);
            world.poll();
            if has_copy {
                world.check(0..100);
                assert_eq!(world.lost(), 0);
            } else {
                assert_eq!(world.read.len(), 95);
                assert_eq!(world.lost(), 1);
            }
        }
    }

    // FAULTS 23
    #[test]
    fn a_log_truncated_to_nothing_is_read_from_its_beginning() {
        let mut world = world();
        world.lines("mail.log", 0..10);
        world.poll();
        world.truncate("mail.log");
        world.poll();
        world.lines("mail.log", 10..12);
        world.poll();
        world.poll();
        world.check(0..12);
        assert_eq!(world.lost(), 0);
    }

    // FAULTS 24
    #[test]
    fn other_content_in_the_same_inode_is_read_and_the_same_content_in_another_is_not() {
        let mut world = world();
        world.lines("mail.log", 0..10);
        world.poll();
        world.copy("mail.log", "copy");
        world.rename("copy", "mail.log");
        world.lines("mail.log", 10..11);
        world.poll();
        world.check(0..11);
        fs::write(world.path("mail.log"), text(11..20)).expect("a temporary file");
        world.poll();
        world.check(0..20);
    }

    // FAULTS 25: the rest is found in the packed file, and so is a file that came and went in between.
    #[test]
    fn rotations_while_down_are_caught_up() {
        let mut world = world();
        world.lines("mail.log", 0..10);
        world.poll();
        world.lines("mail.log", 10..20);
        world.rename("mail.log", "mail.log.1");
        world.restart();
        world.pack("mail.log.1", "mail.log.2.gz");
        world.lines("mail.log.1", 20..30);
        world.lines("mail.log", 30..40);
        let earlier = std::time::SystemTime::UNIX_EPOCH;
        for (name, secs) in [("mail.log.2.gz", 1), ("mail.log.1", 2)] {
            let time = earlier + std::time::Duration::from_secs(secs);
            world.open(name).set_modified(time).expect("a temporary file");
        }
        world.poll();
        world.check(0..40);
        assert_eq!(world.notices, []);
        world.restart();
        world.poll();
        world.check(0..40);
    }

    // FAULTS 27
    #[test]
    fn a_partial_line_waits_for_its_end() {
        let mut world = world();
        let all = text(0..2);
        world.write("mail.log", &all[..60]);
        for _ in 0..600 {
            world.poll();
        }
        world.check(0..1);
        world.restart();
        world.poll();
        world.write("mail.log", &all[60..]);
        world.poll();
        world.check(0..2);
    }

    // FAULTS 28
    #[test]
    fn a_last_line_without_a_newline_is_taken_at_rotation() {
        let mut world = world();
        world.write("mail.log", text(0..2).trim_end());
        world.poll();
        world.check(0..1);
        world.rename("mail.log", "mail.log.1");
        world.lines("mail.log", 2..3);
        world.poll();
        world.check(0..3);
    }

    // FAULTS 30
    #[test]
    fn an_empty_log_waits() {
        let mut world = world();
        world.truncate("mail.log");
        world.poll();
        world.poll();
        world.lines("mail.log", 0..1);
        world.poll();
        world.restart();
        world.poll();
        world.lines("mail.log", 1..2);
        world.poll();
        world.check(0..2);
    }

    // FAULTS 31
    #[test]
    fn a_log_that_is_absent_is_picked_up_later_and_one_deleted_while_down_is_a_loss() {
        let mut world = world();
        world.poll();
        world.poll();
        assert!(
            matches!(&world.notices[..], [Notice::Waiting(why)] if why.contains("mail.log")),
            "{:?}",
            world.notices
        );
        world.lines("mail.log", 0..5);
        world.poll();
        assert_eq!(world.notices.pop(), Some(Notice::Resumed));
        fs::remove_file(world.path("mail.log")).expect("a temporary file");
        world.restart();
        world.lines("mail.log", 5..10);
        world.poll();
        world.check(0..10);
        assert_eq!(world.lost(), 1);
    }

    // FAULTS 33
    #[test]
    fn a_log_that_becomes_a_directory_is_waited_for() {
        let mut world = world();
        world.lines("mail.log", 0..5);
        world.poll();
        world.rename("mail.log", "mail.log.1");
        fs::create_dir(world.path("mail.log")).expect("a temporary directory");
        world.poll();
        assert!(matches!(&world.notices[..], [Notice::Waiting(why)] if why.contains("it is a directory")));
        fs::remove_dir(world.path("mail.log")).expect("a temporary directory");
        world.lines("mail.log", 5..6);
        world.poll();
        world.check(0..6);
    }

    // FAULTS 38: after a read failed the file is opened again at the place.
    #[test]
    fn a_reopened_log_goes_on_where_it_was() {
        let mut world = world();
        world.lines("mail.log", 0..5);
        world.poll();
        world.follower.reopen();
        world.lines("mail.log", 5..6);
        world.poll();
        world.check(0..6);
    }

    /// What may happen to a log between two polls.
    #[derive(Clone, Copy, Debug)]
    enum Act {
        Write(u8),
        WritePart,
        Rename,
        CopyTruncate,
        Pack,
        Poll,
        Restart,
    }

    fn act() -> impl proptest::strategy::Strategy<Value = Act> {
        use proptest::prelude::*;
        prop_oneof![
            4 => (1..40u8).prop_map(Act::Write),
            1 => Just(Act::WritePart),
            1 => Just(Act::Rename),
            1 => Just(Act::CopyTruncate),
            1 => Just(Act::Pack),
            4 => Just(Act::Poll),
            1 => Just(Act::Restart),
        ]
    }

    proptest::proptest! {
        // The toy is the list of all lines ever written: the follower reads each of them once, in order.
        #[test]
        fn every_line_is_read_once(acts in proptest::collection::vec(act(), 1..40)) {
            let mut world = world();
            world.lines("mail.log", 0..1);
            world.poll();
            let (mut written, mut part, mut pieces) = (1, false, 0);
            for act in acts {
                match act {
                    Act::Write(lines) => {
                        let from = if part { 30 } else { 0 };
                        let numbers = written..written + u32::from(lines);
                        world.write("mail.log", &text(numbers.clone())[from..]);
                        (written, part) = (numbers.end, false);
                    }
                    Act::WritePart if !part => {
                        world.write("mail.log", &text(written..written + 1)[..30]);
                        part = true;
                    }
                    // A rotation comes between two lines, and the first line after it is on its way.
                    Act::Rename | Act::CopyTruncate if !part => {
                        for n in (1..=pieces).rev() {
                            for suffix in ["", ".gz"] {
                                let from = format!("mail.log.{n}{suffix}");
                                if world.path(&from).exists() {
                                    world.rename(&from, &format!("mail.log.{}{suffix}", n + 1));
                                }
                            }
                        }
                        pieces += 1;
                        if matches!(act, Act::Rename) {
                            world.rename("mail.log", "mail.log.1");
                        } else {
                            world.copy("mail.log", "mail.log.1");
                            world.truncate("mail.log");
                        }
                        world.lines("mail.log", written..written + 1);
                        written += 1;
                    }
                    Act::Pack if pieces >= 2 && world.path("mail.log.2").exists() => {
                        let time = fs::metadata(world.path("mail.log.2")).and_then(|m| m.modified()).expect("a time");
                        world.pack("mail.log.2", "mail.log.2.gz");
                        world.open("mail.log.2.gz").set_modified(time).expect("a temporary file");
                    }
                    Act::Poll => world.poll(),
                    Act::Restart => world.restart(),
                    _ => {}
                }
            }
            world.poll();
            world.poll();
            world.check(0..written);
            proptest::prop_assert_eq!(world.lost(), 0);
        }
    }
}
