//! A time zone as a list of offset changes over a span, found by bisection from whoever knows the zone.

use crate::time::{Span, Time};

/// A named zone over a span: the browser's Intl or the server's chrono-tz says the offset at an instant,
/// [`Zone::probe`] finds the changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: String,
    /// (from this instant on, this many seconds east of UTC), sorted; the first holds for all time before, too.
    changes: Vec<(Time, i32)>,
}

impl Zone {
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), changes: vec![(Time(i64::MIN), 0)] }
    }

    /// Asks `offset_at` (seconds east of UTC at an instant) over `span` and finds each change to the second.
    /// Changes closer than the probe's stride (to be named and reasoned) may be missed.
    pub fn probe(name: &str, span: Span, offset_at: impl FnMut(Time) -> i32) -> Zone {
        todo!()
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_secs(&self, t: Time) -> i32 {
        todo!()
    }

    /// Wall clock seconds (as if UTC) at an instant.
    pub fn local(&self, t: Time) -> i64 {
        t.0 + i64::from(self.offset_secs(t))
    }

    /// The first instant at which the wall clock shows `local_secs` or later: the earlier of two in a repeated hour,
    /// the instant of the jump for a time that a spring day skips.
    pub fn instant(&self, local_secs: i64) -> Time {
        todo!()
    }

    /// `2026-03-02T14:00:00+01:00` (RFC 3339 with offset).
    pub fn rfc3339(&self, t: Time) -> String {
        todo!()
    }
}
