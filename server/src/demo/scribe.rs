//! The hand that writes: chance, process numbers, ids and the page. The parts of the story share it.
//! Knows how daemons name things, not what happens.

use std::fmt;

use super::page::{Moment, Page};
use super::rng::Rng;

/// Our queue manager, which lives as long as Postfix runs.
const QMGR: u32 = 1127;

/// Alphabets of the ids that Dovecot and Postfix make.
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";

#[derive(Debug)]
pub struct Scribe {
    pub page: Page,
    pub rng: Rng,
    last_pid: u32,
    last_inode: u32,
}

impl Scribe {
    pub fn new(rng: Rng) -> Scribe {
        Scribe { page: Page::default(), rng, last_pid: 2_400, last_inode: 0 }
    }

    /// A line of a daemon that names itself and its process.
    pub fn daemon(&mut self, at: Moment, program: &str, pid: u32, message: fmt::Arguments<'_>) {
        self.page.say(at, format_args!("{program}[{pid}]"), message);
    }

    /// A line of one of Postfix's daemons: `smtpd`, `submission/smtpd`, `cleanup`.
    pub fn postfix(&mut self, at: Moment, service: &str, pid: u32, message: fmt::Arguments<'_>) {
        self.page.say(at, format_args!("postfix/{service}[{pid}]"), message);
    }

    pub fn qmgr(&mut self, at: Moment, message: fmt::Arguments<'_>) {
        self.postfix(at, "qmgr", QMGR, message);
    }

    /// Dovecot names its processes in the message.
    pub fn dovecot(&mut self, at: Moment, message: fmt::Arguments<'_>) {
        self.page.say(at, format_args!("dovecot"), message);
    }

    /// A time some milliseconds later, to the microsecond.
    pub fn later(&mut self, at: Moment, from_ms: u64, to_ms: u64) -> Moment {
        at.after_micros(self.rng.within(from_ms * 1_000..=to_ms * 1_000))
    }

    /// A process number that no open session has: each session and delivery of the story is a process of its own.
    pub fn pid(&mut self) -> u32 {
        self.last_pid = match self.last_pid + self.rng.within(1..=5) as u32 {
            pid if pid > 32_767 => 2_400,
            pid => pid,
        };
        self.last_pid
    }

    /// A short queue id: the microsecond and the file's number, in hexadecimal.
    pub fn queue_id(&mut self, at: Moment) -> String {
        self.last_inode = (self.last_inode + 1) % 0x400;
        format!("{:05X}{:05X}", at.micros(), 0xB4400 + self.last_inode)
    }

    pub fn message_id(&mut self, at: Moment, domain: &str) -> String {
        format!("{:x}.{}@{domain}", at.time().0, self.rng.letters(HEX, 10))
    }

    /// What Dovecot calls a session, and Postfix calls a queue file of another server.
    pub fn session_id(&mut self) -> String {
        self.rng.letters(BASE64, 16)
    }
}
