//! Instants, quarter hours and half-open spans, all in UTC. Zones and calendars are in [`crate::zone`] and [`crate::step`].

use serde::{Deserialize, Serialize};

use crate::json::{BadJson, FromJson, Json, reads};

/// Seconds in a slot. Every zone in use is a multiple of 15 minutes from UTC, so any viewer's hour is a whole number of slots.
pub const SLOT_SECS: i64 = 900;

/// Seconds in a UTC day (UTC has no days of other lengths; zones have, see [`crate::step`]).
pub const DAY_SECS: i64 = 86_400;

/// The time that spans, zones and steps are worked out for: the years 1970 to 2199. No mail log is older, and a span that
/// someone writes by hand cannot ask for millions of years of rows.
pub const CALENDAR: Span = Span { from: Time(0), until: Time(7_258_118_400) };

/// An instant: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The slot that holds this instant.
    pub fn slot(self) -> Slot {
        Slot(self.0.div_euclid(SLOT_SECS))
    }

    pub fn plus_secs(self, secs: i64) -> Time {
        Time(self.0.saturating_add(secs))
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is later.
    pub fn secs_since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl FromJson for Time {
    fn from_json(json: &mut Json) -> Result<Time, BadJson> {
        i64::from_json(json).map(Time)
    }
}

/// A quarter hour of UTC: its number since 1970-01-01T00:00Z. The finest time that counters have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub i64);

impl Slot {
    pub fn start(self) -> Time {
        Time(self.0 * SLOT_SECS)
    }

    pub fn span(self) -> Span {
        Span { from: self.start(), until: Slot(self.0 + 1).start() }
    }

    /// The UTC day that holds this slot: its number since 1970-01-01.
    pub fn utc_day(self) -> i64 {
        self.start().0.div_euclid(DAY_SECS)
    }
}

/// A half-open span of time: `from <= t && t < until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    pub from: Time,
    pub until: Time,
}

reads!(Span { from, until });

impl Span {
    pub fn new(from: Time, until: Time) -> Span {
        Span { from, until }
    }

    pub fn is_empty(self) -> bool {
        self.until <= self.from
    }

    /// Length in seconds; zero when empty.
    pub fn secs(self) -> i64 {
        self.until.secs_since(self.from).max(0)
    }

    pub fn contains(self, t: Time) -> bool {
        self.from <= t && t < self.until
    }

    /// What both spans hold; empty when they do not meet.
    pub fn intersect(self, other: Span) -> Span {
        Span { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_before_1970_round_down() {
        assert_eq!(Time(-1).slot(), Slot(-1));
        assert_eq!(Time(899).slot(), Slot(0));
        assert_eq!(Time(900).slot(), Slot(1));
        assert_eq!(Slot(-1).utc_day(), -1);
    }

    #[test]
    fn spans_are_half_open() {
        let span = Span::new(Time(10), Time(20));
        assert!(span.contains(Time(10)) && !span.contains(Time(20)));
        assert!(span.intersect(Span::new(Time(20), Time(30))).is_empty());
        assert_eq!(span.intersect(Span::new(Time(15), Time(30))).secs(), 5);
    }
}
