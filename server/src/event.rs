//! An event is something a daemon did once. This is the only place where an event becomes numbers.

use mailtally_model::{Measure, Slot, Subject, Time};
use serde::{Deserialize, Serialize};

/// Given by the tracker, rising, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// Something a daemon did once, at one time, for the subjects it touches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub time: Time,
    /// The host that logged it.
    pub host: String,
    /// Each once; the server is always touched and not named.
    pub subjects: Vec<Subject>,
    pub peer: Option<String>,
    pub bytes: Option<u64>,
    pub duration_ms: Option<u64>,
    /// Short, from the log, never trusted.
    pub detail: String,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {}

/// An event as it is now, and as it was when it was last given out: the store gets counters(after) − counters(before).
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub id: EventId,
    pub before: Option<Event>,
    pub after: Event,
}

impl Kind {
    /// A stable word for filters and the events page: `delivery`, `pop-session`.
    pub fn id(&self) -> &'static str {
        match *self {}
    }
}

impl Event {
    /// What this event adds to the counters, at every level it touches (server, domains, mailboxes, service).
    /// Pure: the law is that the counters are the sum of this over all kept events.
    pub fn counters(&self, add: &mut dyn FnMut(&'static Measure, &Subject, Slot, i64)) {
        let _ = add;
    }
}
