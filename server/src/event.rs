//! An event is something a daemon did once. This is the only place where an event becomes numbers.
//!
//! [`Event::counters`] is pure: the counters are the sum of it over all kept events, and a revision is the
//! difference of two of them. Which line makes which event is the tracker's business ([`crate::track`]).

mod told;

use std::hint::black_box;
use std::sync::Arc;

use mailtally_model::subject::ServiceKind;
use mailtally_model::time::SLOT_SECS;
use mailtally_model::{Measure, Slot, Subject, Time, measure};
use serde::{Deserialize, Serialize};

use crate::host::HostSample;
use crate::text::Text;
pub use told::Words;

/// Nothing that a mail server does lasts longer. A number of milliseconds above it is of a damaged line and no time at all:
/// it would be booked to each quarter hour of as many centuries as its digits say.
pub const MAX_LASTS_MS: u64 = 30 * 86_400_000;

/// Given by the tracker, rising, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// Names in the order in which an event has them, held together as a [`Text`] is.
pub type Subjects = Arc<[Subject]>;

/// How MessagePack begins an array of the fields of an [`Event`]: a "fixarray".
const ARRAY_OF_EIGHT: u8 = 0x98;

/// Appends subjects as [`Event::pack`] does.
pub fn pack_subjects(subjects: &Subjects, bytes: &mut Vec<u8>) {
    rmp_serde::encode::write(bytes, subjects).expect("plain data, written to memory");
}

/// Adds the names that are not there, up to `max` in all. Most often none is new, or all are; and most often both are one list.
pub fn join(subjects: &mut Subjects, more: &Subjects, max: usize) {
    if Arc::ptr_eq(subjects, more) {
        return;
    }
    if subjects.is_empty() && more.len() <= max {
        subjects.clone_from(more);
    } else if more.iter().any(|subject| !subjects.contains(subject)) {
        let fresh = more.iter().filter(|subject| !subjects.contains(subject));
        *subjects = subjects.iter().chain(fresh).take(max).cloned().collect();
    }
}

/// Something a daemon did once, at one time, for the subjects it touches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When it began; what has a duration lasts from here on, except an [`Kind::Attempt`], a scan and a sample,
    /// which are logged when they end.
    pub time: Time,
    /// The host that logged it.
    pub host: Text,
    /// Each once; the server is always touched and not named.
    pub subjects: Subjects,
    pub peer: Option<Text>,
    pub bytes: Option<u64>,
    pub duration_ms: Option<u64>,
    /// Short, from the log, never trusted.
    pub detail: Text,
    pub kind: Kind,
}

impl PartialEq for Event {
    /// By what a revision changes most often, and names last: two forms of one event share theirs, so that they stand at one
    /// place and are not read.
    fn eq(&self, other: &Event) -> bool {
        let Event { time, host, subjects, peer, bytes, duration_ms, detail, kind } = self;
        (time, bytes, duration_ms) == (&other.time, &other.bytes, &other.duration_ms)
            && kind == &other.kind
            && (detail, peer, host) == (&other.detail, &other.peer, &other.host)
            && (Arc::ptr_eq(subjects, &other.subjects) || subjects == &other.subjects)
    }
}

/// What was done. The rules that say when stand in docs/rules.md, by the report's number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// A message entered the queue for the first time (R3).
    Message {
        class: Class,
        /// It has an owner of ours (R9): a log-in, a local user, a trusted client.
        is_outgoing: bool,
        /// It came over SMTP, so its bytes are SMTP In bandwidth.
        is_over_smtp: bool,
        is_spam: bool,
        /// The first so many subjects are whose message it is; the others it only concerns.
        owners: u8,
    },
    /// A message reached a mailbox (R4, R5). Its peer is the client that the message came from, as far as one is known.
    Delivery {
        class: Class,
        is_spam: bool,
        /// None where no line said who sent it, and of those that were kept before they said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Sender>,
    },
    /// This server made a non-delivery notification.
    Bounce,
    /// A filter refused or discarded a message as spam.
    SpamBlocked { is_outgoing: bool },
    /// A connection of an SMTP client, from connect to disconnect. Its bytes are data that broke off.
    SmtpSession {
        /// Its beginning is in the log: else it is no new connection.
        #[serde(default = "is_logged")]
        has_start: bool,
        /// Its daemon logs no connect: it stands for one connection or more.
        #[serde(default)]
        is_inferred: bool,
        is_blocked: bool,
        bad_commands: u32,
        is_terminated: bool,
        /// What the log said that made it blocked, bad or terminated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Text>,
    },
    /// An SMTP client's recipient or message was refused; nothing more is counted where the connection was.
    Refused {
        what: Refused,
        in_blocked_session: bool,
        /// The client had logged in: it is a user of ours, and not of the refused recipient's domain, who tried.
        #[serde(default)]
        has_login: bool,
    },
    /// An SMTP client failed to log in.
    SmtpLoginFailed,
    /// A limit refused or delayed mail.
    Throttled {
        limit: Limit,
        /// Mail of our own senders, or bounces to us: it is in Throttle Traffic. Else it is a stranger's.
        is_traffic: bool,
        /// The limit was not passed before: it is in Throttle Violations.
        is_violation: bool,
    },
    /// One attempt to hand a message to another server, with all its recipients. Bytes if it was taken.
    Attempt {
        class: Class,
        /// Connections that this attempt made: none if it used an open one again.
        connections: u32,
        /// Of these, those that came to nothing.
        failed: u32,
        is_bad_command: bool,
        is_terminated: bool,
        deferred: u32,
        bounced: u32,
    },
    /// A connection of a POP3 or IMAP client. The duration runs from log-in.
    MailboxSession {
        protocol: Protocol,
        /// Its beginning is in the log: else only its end is known, and it is no new connection.
        has_start: bool,
        is_login: bool,
        is_blocked: bool,
        /// Bad commands that the log shows, or 1 for a session dropped for them.
        bad_commands: u32,
        auth_failed: u32,
        end: Option<End>,
        /// What the log said of its end, or of why there was no log-in, unless it ended well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Text>,
    },
    /// spamd took a connection.
    SpamConnection,
    /// spamd scanned a message; logged when it ended.
    SpamScan { is_spam: bool },
    /// clamd scanned something.
    VirusScan { is_infected: bool },
    /// A filter could not be reached.
    FilterFailed(ServiceKind),
    /// The host's figures over the period that ends at the event's time. Apart, since they are larger than all else here.
    HostSample(Box<HostSample>),
    /// Given out before, and later lines show that it is not to be counted: the same message under another
    /// queue-id, a probe, a hand-over to a filter.
    Withdrawn,
}

/// Of sessions that were kept before they said so.
fn is_logged() -> bool {
    true
}

/// Who sent a message that was delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    /// As the envelope has it; empty for a notification.
    pub address: Text,
    /// Those of ours whose affair it is who sent it and from where; none where it came from elsewhere, and whoever got it
    /// may know. Empty where it is one of ours of whom no subject is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whose: Option<Subjects>,
}

/// Priority class of a message, fixed when it first enters the queue (1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    System,
    Lists,
    Urgent,
    Submission,
    Normal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    Recipient,
    Message,
}

/// What a limit is on (1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    BouncesReceived,
    MessagesSent,
    Bandwidth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    Pop,
    Imap,
}

/// How a POP3 or IMAP session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// Logged out, or closed where that is the usual way.
    Clean,
    /// Broke off on the client's or the network's side.
    Broken,
    /// Idle too long, too many bad commands, an error, an administrator: the server ended it.
    ByServer,
    /// No more lines of it: the end is not known.
    Lost,
}

/// Milliseconds after its beginning in which a session went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Went {
    measure: &'static Measure,
    from_ms: u64,
    until_ms: u64,
}

/// An event as it is now, and as it was when it was last given out: the store gets counters(after) − counters(before).
/// Shared with the tracker, which may revise it later, and with the batch: an event has a dozen texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub id: EventId,
    pub before: Option<Arc<Event>>,
    pub after: Arc<Event>,
}

impl Kind {
    /// A stable word for filters and the events page: `delivery`, `pop-session`.
    pub fn id(&self) -> &'static str {
        match self {
            Kind::Message { .. } => "message",
            Kind::Delivery { .. } => "delivery",
            Kind::Bounce => "bounce",
            Kind::SpamBlocked { .. } => "spam-blocked",
            Kind::SmtpSession { .. } => "smtp-session",
            Kind::Refused { what: Refused::Recipient, .. } => "refused-recipient",
            Kind::Refused { what: Refused::Message, .. } => "refused-message",
            Kind::SmtpLoginFailed => "smtp-login-failed",
            Kind::Throttled { .. } => "throttled",
            Kind::Attempt { .. } => "smtp-attempt",
            Kind::MailboxSession { protocol: Protocol::Pop, .. } => "pop-session",
            Kind::MailboxSession { protocol: Protocol::Imap, .. } => "imap-session",
            Kind::SpamConnection => "spam-connection",
            Kind::SpamScan { .. } => "spam-scan",
            Kind::VirusScan { .. } => "virus-scan",
            Kind::FilterFailed(_) => "filter-failed",
            Kind::HostSample(_) => "host-sample",
            Kind::Withdrawn => "withdrawn",
        }
    }
}

impl Event {
    /// Reads it and its texts, so that they come to the processor: of many that are needed soon and were made long ago it
    /// waits for all at once, where each would be waited for when it is used. `black_box` keeps the compiler from leaving out
    /// a read whose value nobody uses.
    pub fn fetch(&self) {
        black_box((self.time, self.duration_ms, self.subjects.as_ptr()));
        black_box((self.peer.as_ref().map(|peer| peer.len()), self.detail.as_bytes().first()));
    }

    /// Appends it as it is stored: as MessagePack with its fields in their order, by which the tracker keeps its open state,
    /// too. So fields are added at the end, with a default, and are not moved.
    pub fn pack(&self, bytes: &mut Vec<u8>) {
        rmp_serde::encode::write(bytes, self).expect("plain data, written to memory");
    }

    /// The same without its subjects, which many events share and [`pack_subjects`] packs. Gives after how many bytes they
    /// belong.
    pub fn pack_but_subjects(&self, bytes: &mut Vec<u8>) -> usize {
        fn put(field: &impl Serialize, bytes: &mut Vec<u8>) {
            rmp_serde::encode::write(bytes, field).expect("plain data, written to memory");
        }
        let Event { time, host, subjects: _, peer, bytes: size, duration_ms, detail, kind } = self;
        let from = bytes.len();
        bytes.push(ARRAY_OF_EIGHT);
        put(time, bytes);
        put(host, bytes);
        let head_bytes = bytes.len() - from;
        put(peer, bytes);
        put(size, bytes);
        put(duration_ms, bytes);
        put(detail, bytes);
        put(kind, bytes);
        head_bytes
    }

    /// None for what this build does not understand.
    pub fn unpack(bytes: &[u8]) -> Option<Event> {
        rmp_serde::from_slice(bytes).ok()
    }

    /// What this event adds to the counters, at every level it touches (server, domains, mailboxes, service).
    /// Pure: the law is that the counters are the sum of this over all kept events.
    pub fn counters(&self, add: &mut dyn FnMut(&'static Measure, &Subject, Slot, i64)) {
        self.amounts(&mut |measure, owners, slot, amount| {
            add(measure, &Subject::Server, slot, amount);
            self.subjects[..owners].iter().for_each(|subject| add(measure, subject, slot, amount));
        });
    }

    /// What a session that merely went on since `before` adds to the counters: its time since then, as [`Event::amounts`]
    /// would book it, and nothing else. None if anything else is new, or hangs on when it ends.
    pub fn time_since(&self, before: &Event) -> Option<Went> {
        let Kind::MailboxSession { protocol, is_login: true, bad_commands: 0, end: None, .. } = &self.kind else {
            return None;
        };
        let (from_ms, until_ms) = (before.lasts_ms(), self.lasts_ms());
        let is_same = self.kind == before.kind
            && self.time == before.time
            && Arc::ptr_eq(&self.subjects, &before.subjects)
            && (self.bytes, before.bytes) == (None, None)
            && from_ms <= until_ms;
        is_same.then(|| Went { measure: protocol.measures().active, from_ms, until_ms })
    }

    /// How long it lasts, as far as that can be.
    fn lasts_ms(&self) -> u64 {
        self.duration_ms.filter(|millis| *millis <= MAX_LASTS_MS).unwrap_or(0)
    }

    /// The amounts of a time that a session went on.
    pub fn amounts_of(&self, went: &Went, add: &mut dyn FnMut(&'static Measure, usize, Slot, i64)) {
        let mut book = Book { event: self, owners: self.subjects.len(), add };
        let from_ms = self.time.0.saturating_mul(1000).saturating_add_unsigned(went.from_ms);
        let millis = went.until_ms - went.from_ms;
        book.spread(went.measure, from_ms, millis, millis);
    }

    /// The same, said once for all levels: an amount goes to the server and to each of the first so many subjects. For
    /// the hot path, which knows subjects by number. No amount is zero.
    pub fn amounts(&self, add: &mut dyn FnMut(&'static Measure, usize, Slot, i64)) {
        let bytes = self.bytes.unwrap_or(0).min(i64::MAX as u64) as i64;
        let mut book = Book { event: self, owners: self.subjects.len(), add };
        match &self.kind {
            Kind::Message { class, is_outgoing, is_over_smtp, is_spam, owners } => {
                if *is_over_smtp {
                    book.start(&measure::SMTP_IN_BYTES, bytes);
                }
                book.owners = self.subjects.len().min(usize::from(*owners));
                book.start(class.messages(), 1);
                if *is_outgoing {
                    book.start(&measure::OUTGOING, 1);
                    book.start(&measure::OUTGOING_SPAM, i64::from(*is_spam));
                    book.start(&measure::DATA_SENT, bytes);
                }
            }
            Kind::Delivery { class, is_spam, from: _ } => {
                book.start(&measure::INCOMING, 1);
                book.start(&measure::INCOMING_SPAM, i64::from(*is_spam));
                book.start(&measure::DATA_RECEIVED, bytes);
                book.start(&measure::SIZE_UNKNOWN, i64::from(self.bytes.is_none()));
                book.start(class.bytes(), bytes);
            }
            Kind::Bounce => book.start(&measure::BOUNCES, 1),
            Kind::SpamBlocked { is_outgoing: false } => book.start(&measure::SPAM_BLOCKED, 1),
            Kind::SpamBlocked { is_outgoing: true } => book.start(&measure::SPAM_BLOCKED_OUT, 1),
            Kind::SmtpSession { has_start, is_inferred, is_blocked, bad_commands, is_terminated, why: _ } => {
                book.start(&measure::SMTP_IN_CONNECTIONS, i64::from(*has_start));
                book.start(&measure::SMTP_IN_INFERRED, i64::from(*is_inferred));
                book.end(&measure::SMTP_IN_BLOCKED, i64::from(*is_blocked));
                book.end(&measure::SMTP_IN_BAD_COMMANDS, i64::from(*bad_commands));
                book.end(&measure::SMTP_IN_TERMINATIONS, i64::from(*is_terminated));
                book.end(&measure::SMTP_IN_BYTES, bytes);
                book.spread_on(&measure::SMTP_IN_ACTIVE);
            }
            Kind::Refused { in_blocked_session: true, .. } => {}
            Kind::Refused { what: Refused::Recipient, .. } => book.start(&measure::SMTP_IN_REJECTED_RECIPIENTS, 1),
            Kind::Refused { what: Refused::Message, .. } => book.start(&measure::SMTP_IN_REJECTED_MESSAGES, 1),
            Kind::SmtpLoginFailed => book.start(&measure::SMTP_IN_AUTH_FAILED, 1),
            Kind::Throttled { limit, is_traffic, is_violation } => {
                let (traffic, amount, violations) = match limit {
                    Limit::BouncesReceived => (&measure::THROTTLED_BOUNCES, 1, &measure::VIOLATION_BOUNCES),
                    Limit::MessagesSent => (&measure::THROTTLED_MESSAGES, 1, &measure::VIOLATION_MESSAGES),
                    Limit::Bandwidth => (&measure::THROTTLED_BYTES, bytes, &measure::VIOLATION_BYTES),
                };
                if *is_traffic {
                    book.start(traffic, amount);
                    book.start(&measure::THROTTLED_SIZE_UNKNOWN, i64::from(*limit == Limit::Bandwidth && bytes == 0));
                } else {
                    book.start(&measure::THROTTLED_INBOUND, 1);
                }
                book.start(violations, i64::from(*is_violation));
            }
            Kind::Attempt { class, connections, failed, is_bad_command, is_terminated, deferred, bounced } => {
                book.start(&measure::SMTP_OUT_BYTES, bytes);
                book.start(class.bytes(), bytes);
                book.start(&measure::SMTP_OUT_CONNECTIONS, i64::from(*connections));
                book.start(&measure::SMTP_OUT_FAILED, i64::from(*failed));
                book.start(&measure::SMTP_OUT_BAD_COMMANDS, i64::from(*is_bad_command));
                book.start(&measure::SMTP_OUT_TERMINATIONS, i64::from(*is_terminated));
                book.start(&measure::SMTP_OUT_DEFERRALS, i64::from(*deferred));
                book.start(&measure::SMTP_OUT_BOUNCED, i64::from(*bounced));
                book.spread_back(&measure::SMTP_OUT_ACTIVE);
            }
            Kind::MailboxSession {
                protocol, has_start, is_login, is_blocked, bad_commands, auth_failed, end, ..
            } => {
                let measures = protocol.measures();
                book.start(measures.connections, i64::from(*has_start));
                book.start(measures.logins, i64::from(*is_login));
                book.start(measures.blocked, i64::from(*is_blocked));
                book.start(measures.auth_failed, i64::from(*auth_failed));
                book.end(measures.bad_commands, i64::from(*bad_commands));
                book.end(measures.terminations, i64::from(matches!(end, Some(End::Broken | End::ByServer))));
                book.end(measures.bytes, bytes);
                if *protocol == Protocol::Pop {
                    book.end(&measure::POP_BAD_SESSIONS, i64::from(*bad_commands > 0));
                    book.end(&measure::POP_BROKEN_SESSIONS, i64::from(*end == Some(End::ByServer)));
                }
                if *is_login {
                    book.spread_on(measures.active);
                }
            }
            Kind::SpamConnection => book.start(&measure::SPAMASSASSIN_CONNECTIONS, 1),
            Kind::SpamScan { .. } => book.spread_back(&measure::SPAMASSASSIN_ACTIVE),
            Kind::VirusScan { .. } => {
                book.start(&measure::CLAMAV_CONNECTIONS, 1);
            }
            Kind::FilterFailed(ServiceKind::SpamAssassin) => book.start(&measure::SPAMASSASSIN_FAILED, 1),
            Kind::FilterFailed(ServiceKind::ClamAv) => book.start(&measure::CLAMAV_FAILED, 1),
            Kind::HostSample(sample) => book.host_sample(sample),
            Kind::Withdrawn => {}
        }
    }
}

/// The measures of a protocol, side by side: POP3 and IMAP are counted by one rule.
struct SessionMeasures {
    connections: &'static Measure,
    logins: &'static Measure,
    blocked: &'static Measure,
    auth_failed: &'static Measure,
    bad_commands: &'static Measure,
    terminations: &'static Measure,
    bytes: &'static Measure,
    active: &'static Measure,
}

impl Protocol {
    fn measures(self) -> &'static SessionMeasures {
        static POP: SessionMeasures = SessionMeasures {
            connections: &measure::POP_CONNECTIONS,
            logins: &measure::POP_LOGINS,
            blocked: &measure::POP_BLOCKED,
            auth_failed: &measure::POP_AUTH_FAILED,
            bad_commands: &measure::POP_BAD_COMMANDS,
            terminations: &measure::POP_TERMINATIONS,
            bytes: &measure::POP_BYTES,
            active: &measure::POP_ACTIVE,
        };
        static IMAP: SessionMeasures = SessionMeasures {
            connections: &measure::IMAP_CONNECTIONS,
            logins: &measure::IMAP_LOGINS,
            blocked: &measure::IMAP_BLOCKED,
            auth_failed: &measure::IMAP_AUTH_FAILED,
            bad_commands: &measure::IMAP_BAD_COMMANDS,
            terminations: &measure::IMAP_TERMINATIONS,
            bytes: &measure::IMAP_BYTES,
            active: &measure::IMAP_ACTIVE,
        };
        match self {
            Protocol::Pop => &POP,
            Protocol::Imap => &IMAP,
        }
    }
}

impl Class {
    fn messages(self) -> &'static Measure {
        match self {
            Class::System => &measure::PRIORITY_SYSTEM,
            Class::Lists => &measure::PRIORITY_LISTS,
            Class::Urgent => &measure::PRIORITY_URGENT,
            Class::Submission => &measure::PRIORITY_SUBMISSION,
            Class::Normal => &measure::PRIORITY_NORMAL,
        }
    }

    fn bytes(self) -> &'static Measure {
        match self {
            Class::System => &measure::PRIORITY_BYTES_SYSTEM,
            Class::Lists => &measure::PRIORITY_BYTES_LISTS,
            Class::Urgent => &measure::PRIORITY_BYTES_URGENT,
            Class::Submission => &measure::PRIORITY_BYTES_SUBMISSION,
            Class::Normal => &measure::PRIORITY_BYTES_NORMAL,
        }
    }
}

/// Books an event's amounts on the server and on the first so many of its subjects.
struct Book<'a> {
    event: &'a Event,
    owners: usize,
    add: &'a mut dyn FnMut(&'static Measure, usize, Slot, i64),
}

impl Book<'_> {
    fn book(&mut self, measure: &'static Measure, slot: Slot, amount: i64) {
        if amount != 0 {
            (self.add)(measure, self.owners, slot, amount);
        }
    }

    /// In the slot in which the event began.
    fn start(&mut self, measure: &'static Measure, amount: i64) {
        self.book(measure, self.event.time.slot(), amount);
    }

    /// In the slot in which what is known of the event ends.
    fn end(&mut self, measure: &'static Measure, amount: i64) {
        let secs = self.event.lasts_ms() / 1000;
        self.book(measure, self.event.time.plus_secs(secs as i64).slot(), amount);
    }

    /// The milliseconds from the event's time on, for as long as it lasts.
    fn spread_on(&mut self, measure: &'static Measure) {
        let millis = self.event.lasts_ms();
        self.spread(measure, self.event.time.0.saturating_mul(1000), millis, millis);
    }

    /// The milliseconds up to the event's time.
    fn spread_back(&mut self, measure: &'static Measure) {
        let millis = self.event.lasts_ms();
        self.back(measure, millis, millis);
    }

    /// `amount` evenly over the `millis` up to the event's time.
    fn back(&mut self, measure: &'static Measure, millis: u64, amount: u64) {
        let from = self.event.time.0.saturating_mul(1000).saturating_sub_unsigned(millis);
        self.spread(measure, from, millis, amount);
    }

    /// `amount` evenly over `millis` from `from_ms`, to each slot its part; the parts sum to the amount exactly.
    fn spread(&mut self, measure: &'static Measure, from_ms: i64, millis: u64, amount: u64) {
        const SLOT_MS: i64 = SLOT_SECS * 1000;
        let until_ms = from_ms.saturating_add_unsigned(millis);
        let slot = from_ms.div_euclid(SLOT_MS);
        // Most lie in one slot; the shares below are slow divisions.
        if millis > 0 && (until_ms - 1).div_euclid(SLOT_MS) == slot {
            return self.book(measure, Slot(slot), amount.min(i64::MAX as u64) as i64);
        }
        let share = |at_ms: i64| (i128::from(amount) * i128::from(at_ms - from_ms) / i128::from(millis)) as i64;
        let mut at_ms = from_ms;
        while at_ms < until_ms {
            let slot = Slot(at_ms.div_euclid(SLOT_MS));
            let next_ms = ((slot.0 + 1) * SLOT_MS).min(until_ms);
            self.book(measure, slot, share(next_ms) - share(at_ms));
            at_ms = next_ms;
        }
    }

    fn host_sample(&mut self, sample: &HostSample) {
        let period = sample.period_ms;
        let level = |value: Option<u64>| value.unwrap_or(0).saturating_mul(period);
        self.back(&measure::HOST_CPU, period, sample.cpu_ms.unwrap_or(0));
        self.back(&measure::HOST_MEMORY, period, level(sample.memory_kib) / 1000);
        self.back(&measure::HOST_NONPAGED, period, level(sample.nonpaged_kib) / 1000);
        self.back(&measure::HOST_HANDLES, period, level(sample.handles));
        self.back(&measure::HOST_THREADS, period, level(sample.threads));
        self.back(&measure::HOST_CONNECTIONS, period, level(sample.connections));
        self.back(&measure::HOST_SPOOL, period, level(sample.spool));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: i64, kind: Kind) -> Event {
        Event {
            time: Time(time),
            host: "mx1".into(),
            subjects: [Subject::Domain("a.example".to_owned()), Subject::Mailbox("ann@a.example".to_owned())].into(),
            peer: None,
            bytes: None,
            duration_ms: None,
            detail: "".into(),
            kind,
        }
    }

    fn booked(event: &Event, wanted: &Measure, subject: &Subject) -> Vec<(i64, i64)> {
        let mut slots = Vec::new();
        event.counters(&mut |measure, of, slot, amount| {
            if measure == wanted && of == subject {
                slots.push((slot.0, amount));
            }
        });
        slots
    }

    #[test]
    fn a_session_is_booked_to_the_slots_it_passed() {
        let kind = Kind::MailboxSession {
            protocol: Protocol::Imap,
            has_start: true,
            is_login: true,
            is_blocked: false,
            bad_commands: 0,
            auth_failed: 0,
            end: Some(End::ByServer),
            why: None,
        };
        let session = Event { duration_ms: Some(1_000_000), bytes: Some(7), ..event(890, kind) };
        let server = Subject::Server;
        let active = [(0, 10_000), (1, 900_000), (2, 90_000)];
        assert_eq!(booked(&session, &measure::IMAP_ACTIVE, &server), active);
        assert_eq!(booked(&session, &measure::IMAP_CONNECTIONS, &server), [(0, 1)]);
        assert_eq!(booked(&session, &measure::IMAP_BYTES, &session.subjects[1]), [(2, 7)]);
        assert_eq!(booked(&session, &measure::IMAP_TERMINATIONS, &server), [(2, 1)]);
    }

    #[test]
    fn a_sample_fills_its_period_and_no_more() {
        let sample = HostSample {
            period_ms: 10_000,
            cpu_ms: Some(333),
            memory_kib: Some(u64::from(u32::MAX)),
            ..Default::default()
        };
        let sample = event(903, Kind::HostSample(Box::new(sample)));
        let cpu = booked(&sample, &measure::HOST_CPU, &Subject::Server);
        assert_eq!(cpu, [(0, 233), (1, 100)]);
        let memory = booked(&sample, &measure::HOST_MEMORY, &Subject::Server);
        assert_eq!(memory.iter().map(|(_, amount)| amount).sum::<i64>(), i64::from(u32::MAX) * 10);
    }

    #[test]
    fn a_message_counts_for_its_owner_and_its_bytes_for_all_it_concerns() {
        let mut message = event(
            0,
            Kind::Message {
                class: Class::Submission,
                is_outgoing: true,
                is_over_smtp: true,
                is_spam: false,
                owners: 2,
            },
        );
        message.bytes = Some(100);
        let other = Subject::Domain("b.example".to_owned());
        message.subjects = message.subjects.iter().chain([&other]).cloned().collect();
        assert_eq!(booked(&message, &measure::OUTGOING, &message.subjects[1]), [(0, 1)]);
        assert_eq!(booked(&message, &measure::OUTGOING, &other), []);
        assert_eq!(booked(&message, &measure::SMTP_IN_BYTES, &other), [(0, 100)]);
        message.kind = Kind::Withdrawn;
        assert_eq!(booked(&message, &measure::SMTP_IN_BYTES, &other), []);
    }
}
