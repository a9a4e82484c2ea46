//! What a message consists of: its queue files, who handed it in, whom it reached, the attempts to send it on, and what
//! came of it afterwards.

use mailtally_model::{Subject, Time};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::event::Subjects;
use crate::queue_id::QueueId;
use crate::text::Text;
use crate::track::few::Seldom;
use crate::track::names::Mailbox;
use crate::track::state::Booked;

/// The name of a queue file: host and instance by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileKey {
    pub host: u16,
    pub instance: u16,
    pub id: QueueId,
}

/// One generation of a queue file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    pub key: FileKey,
    pub opened: Time,
    pub closed: Option<Time>,
    /// As qmgr logs it: content after our own headers.
    pub size: Option<u64>,
    /// Its `client=` or pickup line was seen.
    pub has_origin: bool,
    pub client_is_internal: bool,
    pub sender: Option<Text>,
    /// A hash of the Message-ID: it is compared and never shown.
    pub message_id: Option<u64>,
    /// The SMTP session that brought it.
    pub session: Option<u64>,
    /// Recipients put off by other servers, who fail if the message expires.
    pub put_off: Seldom<FxHashSet<u64>>,
    /// First activation (R3).
    pub active: Option<Time>,
    /// qmgr gave up.
    pub is_expired: bool,
    /// The parent that its own line names and that was not seen yet.
    pub named_parent: Option<Box<QueueId>>,
    /// Refusals by cleanup, until the line that says in which session.
    pub refused: Seldom<Vec<Refused>>,
}

impl File {
    /// A generation of which nothing is known yet.
    pub fn new(key: FileKey) -> File {
        File {
            key,
            opened: Time(0),
            closed: None,
            size: None,
            has_origin: false,
            client_is_internal: false,
            sender: None,
            message_id: None,
            session: None,
            put_off: Seldom::default(),
            active: None,
            is_expired: false,
            named_parent: None,
            refused: Seldom::default(),
        }
    }
}

/// What a refusal at the end of a message means for the session that it was in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub is_termination: bool,
    pub domain: Option<Subject>,
    pub booked: Option<Booked>,
}

/// A next hop took the message and calls it `id`, which may be one of ours whose lines are still to be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub id: QueueId,
    pub host: u16,
    pub time: Time,
    /// local(8) made it: no next hop said so.
    pub is_forward: bool,
    pub is_internal: bool,
    /// The recipient, and the attempt that was counted for it.
    pub recipient: u64,
    pub attempt: Option<u64>,
}

impl Expected {
    /// Handed on by this host as a new queue file.
    pub fn forward(id: QueueId, host: u16, time: Time) -> Expected {
        Expected { id, host, time, is_forward: true, is_internal: false, recipient: 0, attempt: None }
    }
}

/// A notification that this server made, or a refusal as spam: it counts for whose message it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aftermath {
    pub time: Time,
    pub what: What,
    pub detail: Text,
    pub booked: Option<Booked>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    Bounce,
    /// For its recipient, where it came from outside.
    SpamBlocked {
        recipient: Subjects,
    },
}

/// Who handed the message in (R9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Made here (a bounce, a probe), or the log begins in the middle of its life.
    #[default]
    Unknown,
    Smtp {
        ip: Text,
        user: Option<Text>,
        is_submission: bool,
    },
    Pickup {
        uid: u32,
    },
    /// By a user of this host whose name, not number, is logged (Exim).
    Local {
        login: Text,
    },
}

/// A recipient's mailbox was reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// The queue file that was delivered.
    pub file: FileKey,
    pub time: Time,
    pub mailbox: Option<Mailbox>,
    pub recipient: u64,
    pub size: Option<u64>,
    /// The pipe that took it, which may turn out to be a filter.
    pub pipe: Option<Text>,
    pub detail: Text,
    pub booked: Option<Booked>,
}

/// An attempt to hand the message to another server, and what tells it from the next one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// The queue file that was handed over.
    pub file: FileKey,
    /// Process, next hop and delays up to the connection: the same for all its recipients.
    pub group: u64,
    /// Replies to the end of data: each is a transfer.
    pub transfers: Vec<u64>,
    pub time: Time,
    pub duration_ms: u64,
    pub size: Option<u64>,
    pub peer: Text,
    pub connections: u32,
    pub failed: u32,
    pub is_bad_command: bool,
    pub is_terminated: bool,
    pub deferred: u32,
    pub bounced: u32,
    pub detail: Text,
    pub booked: Option<Booked>,
}

impl Attempt {
    /// An attempt of which nothing is known yet but when it was.
    pub fn at(file: FileKey, time: Time, group: u64) -> Attempt {
        Attempt {
            file,
            group,
            transfers: Vec::new(),
            time,
            duration_ms: 0,
            size: None,
            peer: Text::default(),
            connections: 0,
            failed: 0,
            is_bad_command: false,
            is_terminated: false,
            deferred: 0,
            bounced: 0,
            detail: Text::default(),
            booked: None,
        }
    }
}
