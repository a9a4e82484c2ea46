//! A message and what is known of it: its queue files, its origin, what became of its recipients. Every event of
//! it is derived from these facts, so a late line changes a fact and the events follow (SEMANTICS R1 to R11).

mod events;
mod owner;
mod parts;

use std::hint::black_box;

use mailtally_model::{Subject, Time};
use serde::{Deserialize, Serialize};

use super::few::{Few, FewHashes, Seldom};
use super::names::Mailbox;
use super::state::{Booked, Out};
use crate::event::{Subjects, join};
use crate::text::Text;

pub use owner::{Owner, owner_subjects};
pub use parts::{Aftermath, Attempt, Delivered, Expected, File, FileKey, Origin, Refused, What};

/// A message concerns as many subjects as have their bytes booked; a list of thousands is for the server.
pub const MAX_CONCERNED: usize = 64;

/// Attempts that may still be revised; older ones are as they were given out.
const MAX_ATTEMPTS: usize = 128;

/// Names that next hops gave and that are not seen yet, for each message.
const MAX_EXPECTED: usize = 64;

/// A message has one refusal and few notifications.
const MAX_AFTERMATHS: usize = 32;

/// A root message (R2).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Message {
    /// As logged.
    pub host: Text,
    pub files: Few<File>,
    pub origin: Origin,
    pub is_bulk: bool,
    pub is_urgent: bool,
    pub is_spam: bool,
    /// An address was verified with it.
    pub was_probed: bool,
    /// Scans that were matched to it.
    pub scans: u32,
    /// Hand-overs to filter pipes, and messages that came back from them.
    pub hand_overs: u32,
    pub returns: u32,
    /// Recipients with a final outcome, by hash (R4).
    pub finals: FewHashes,
    pub delivered: Few<Delivered>,
    pub attempts: Vec<Attempt>,
    pub aftermaths: Seldom<Vec<Aftermath>>,
    pub expected: Seldom<Vec<Expected>>,
    /// Domains and mailboxes that it reached.
    pub concerned: Subjects,
    pub touched: Option<Time>,
    pub booked: Option<Booked>,
}

impl Message {
    /// The queue file whose activation counts: the first of the message, or of those that the log shows.
    fn accepted_file(&self) -> Option<&File> {
        self.files.iter().find(|file| file.active.is_some())
    }

    /// First activation: when, how large (R3).
    pub fn accepted(&self) -> Option<(Time, Option<u64>)> {
        self.accepted_file().and_then(|file| Some((file.active?, file.size)))
    }

    pub fn sender(&self) -> Option<&str> {
        self.sender_text().map(|sender| &**sender)
    }

    pub fn sender_text(&self) -> Option<&Text> {
        self.accepted_file().and_then(|file| file.sender.as_ref())
    }

    pub fn is_null_sender(&self) -> bool {
        self.sender().is_some_and(str::is_empty)
    }

    /// Mail whose only outcome is that an address was verified is no mail (R6).
    fn is_probe(&self) -> bool {
        let is_of_ours =
            self.is_null_sender() || self.sender().is_some_and(|sender| sender.starts_with("double-bounce@"));
        self.was_probed && self.origin == Origin::Unknown && is_of_ours && self.finals.is_empty()
    }

    /// The size of a queue file is known now; what it was delivered as may wait for it.
    pub fn fill_sizes(&mut self, file: FileKey, size: Option<u64>) {
        for reached in self.delivered.iter_mut().filter(|reached| reached.file == file) {
            reached.size = reached.size.or(size);
        }
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.file == file) {
            attempt.size = attempt.size.or(size);
        }
    }

    /// Reads what is dropped with it, so that it comes to the processor, as [`fetch`](crate::event::Event::fetch) of an event does.
    pub fn fetch(&self) {
        black_box((self.touched, self.is_spam, self.concerned.as_ptr(), self.sender().map(str::len)));
        if let Origin::Smtp { ip, .. } = &self.origin {
            black_box(ip.len());
        }
        let booked = self.delivered.iter().map(|reached| &reached.booked);
        let booked = booked.chain(self.attempts.iter().map(|attempt| &attempt.booked)).chain([&self.booked]);
        booked.flatten().for_each(|booked| booked.event.fetch());
    }

    /// Whether all its queue files are gone.
    pub fn is_closed(&self) -> bool {
        self.files.iter().all(|file| file.closed.is_some())
    }

    /// Where and when a message was touched last whose queue files are gone.
    pub fn closed(&self) -> Option<(u16, Time)> {
        let host = self.files.first()?.key.host;
        Some((host, self.touched?)).filter(|_| self.is_closed())
    }

    /// Adds an attempt; the oldest are given up where there are too many. Its place.
    pub fn push_attempt(&mut self, attempt: Attempt) -> usize {
        if self.attempts.len() >= MAX_ATTEMPTS {
            self.attempts.drain(..MAX_ATTEMPTS / 2);
        }
        if self.attempts.is_empty() {
            // Most messages are sent on once; a list grows to four places at once.
            self.attempts.reserve_exact(1);
        }
        self.attempts.push(attempt);
        self.attempts.len() - 1
    }

    pub fn expect(&mut self, expected: Expected) -> bool {
        let is_room = self.expected.len() < MAX_EXPECTED;
        if is_room {
            self.expected.push(expected);
        }
        is_room
    }

    /// Takes in another queue file's message that turned out to be this one. What both have counted, counts once.
    pub fn absorb(&mut self, mut other: Message, out: &mut Out<'_>) {
        out.withdraw(&mut other.booked);
        other.files.into_iter().for_each(|file| self.files.push(file));
        self.is_spam |= other.is_spam;
        self.scans += other.scans;
        self.hand_overs += other.hand_overs;
        self.returns += other.returns;
        self.is_bulk |= other.is_bulk;
        self.is_urgent |= other.is_urgent;
        self.was_probed |= other.was_probed;
        for mut reached in other.delivered {
            if self.finals.contains(reached.recipient) {
                out.withdraw(&mut reached.booked);
            } else {
                self.finals.insert(reached.recipient);
                self.delivered.push(reached);
            }
        }
        self.finals.absorb(other.finals);
        self.attempts.append(&mut other.attempts);
        self.aftermaths.append(other.aftermaths);
        self.expected.append(other.expected);
        self.concern(&other.concerned);
        self.touched = self.touched.max(other.touched);
    }

    /// The pipe turned out to be a filter: nobody was reached through it.
    pub fn take_back(&mut self, pipe: &str, out: &mut Out<'_>) {
        let (filtered, kept): (Vec<Delivered>, Vec<Delivered>) =
            std::mem::take(&mut self.delivered).into_iter().partition(|reached| reached.pipe.as_deref() == Some(pipe));
        self.delivered = kept.into_iter().collect();
        for mut reached in filtered {
            self.finals.remove(reached.recipient);
            self.hand_overs += 1;
            out.withdraw(&mut reached.booked);
        }
        let mailboxes = || self.delivered.iter().filter_map(|reached| reached.mailbox.as_ref());
        let is_reached = |subject: &&Subject| mailboxes().any(|mailbox| mailbox.subjects().contains(subject));
        self.concerned = self.concerned.iter().filter(is_reached).cloned().collect();
    }

    /// The mailboxes that it reached, as many as a session concerns.
    pub fn reached(&self) -> Vec<Mailbox> {
        self.delivered.iter().filter_map(|reached| reached.mailbox.clone()).take(MAX_CONCERNED).collect()
    }

    pub fn concern(&mut self, more: &Subjects) {
        join(&mut self.concerned, more, MAX_CONCERNED);
    }
}
