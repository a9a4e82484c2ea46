//! A log and its follower, act by act.

mod model;

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::source::SourceState;

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
        let notices = self.follower.look(&self.known, &[], &mut new_id, self.now);
        self.notices.extend(notices);
        for tail in self.follower.tails() {
            let last = tail.last_line();
            while let Some(line) = tail.lines.peek(last).expect("a temporary file") {
                self.read.push(String::from_utf8_lossy(line).into_owned());
                tail.lines.take();
            }
            if tail.lines.cursor().position() > tail.state.position {
                // Stands for the time of the last line.
                tail.state.last = Some(Time(self.read.len() as i64));
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
    assert!(matches!(&world.notices[..], [Notice::Waiting(why)] if why.contains("mail.log")), "{:?}", world.notices);
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

// FAULTS 22, 24: copied over the piece before, which keeps its inode or gives it on, and cut before a line of it was read.
#[test]
fn a_piece_with_the_name_and_inode_of_another_is_read() {
    let mut world = world();
    world.lines("mail.log", 0..10);
    world.poll();
    world.copy("mail.log", "mail.log.1");
    world.truncate("mail.log");
    world.poll();
    world.lines("mail.log", 10..15);
    world.copy("mail.log", "mail.log.1");
    world.truncate("mail.log");
    world.poll();
    world.check(0..15);
    world.lines("mail.log", 15..20);
    world.poll();
    world.check(0..20);
    assert_eq!(world.lost(), 0);
}
