//! A time zone as a list of offset changes over a span, found by bisection from whoever knows the zone.
//!
//! Knows nothing of steps or calendars beyond the wall clock, and nothing of zone databases: the browser's Intl and
//! the server's chrono-tz are asked through a closure, so that both sides fold alike.

use chrono::{DateTime, NaiveDateTime, Timelike};

use crate::step::iso_date;
use crate::time::{CALENDAR, DAY_SECS, SLOT_SECS, Slot, Span, Time};

/// How far apart the probe looks: five days. Two changes inside one stride that cancel each other would be missed; the
/// closest pair of any zone since 1975 is six days (Recife tried summer time for a week in October 2000; Morocco's pair
/// around Ramadan is five weeks), and a year costs the browser 73 questions.
const STRIDE_SLOTS: i64 = 5 * DAY_SECS / SLOT_SECS;

/// How far the probe looks beyond both ends of its span: the step that holds the first instant may begin a quarter
/// earlier (92 days), and a day of wall clock may lie beyond that.
const MARGIN_SECS: i64 = 100 * DAY_SECS;

/// No wall clock is further from UTC (the date line's zones reach +14 h; a local mean time of the past a little more).
const WIDEST_OFFSET_SECS: i64 = 26 * 3600;

/// A named zone over a span: the browser's Intl or the server's chrono-tz says the offset at an instant,
/// [`Zone::probe`] finds the changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: String,
    /// (from this instant on, this many seconds east of UTC), sorted; the first holds for all time before, too.
    /// Instants and offsets are whole slots, so that every hour and every day is a whole number of slots.
    changes: Vec<(Time, i32)>,
}

impl Zone {
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), changes: vec![(Time(i64::MIN), 0)] }
    }

    /// Asks `offset_at` (seconds east of UTC at an instant) over `span` and a quarter beyond, and finds each change.
    ///
    /// A change on a slot's edge, as all are since 2011, is found to the second. One inside a slot (St. John's changed at
    /// a minute past midnight) is taken at that slot's start, and offsets are rounded to whole slots: counters are no
    /// finer. A change that is taken back within five days may be missed.
    pub fn probe(name: &str, span: Span, mut offset_at: impl FnMut(Time) -> i32) -> Zone {
        let span = span.intersect(CALENDAR);
        // A slot's last second speaks for the slot: one that holds a change goes with what comes after.
        let mut ask = |slot: Slot| whole_slots(offset_at(slot.span().until.plus_secs(-1)));
        let mut at = span.from.plus_secs(-MARGIN_SECS).slot();
        let last = span.until.plus_secs(MARGIN_SECS).slot();
        let mut offset = ask(at);
        let mut changes = vec![(Time(i64::MIN), offset)];
        while at < last {
            let ahead = Slot((at.0 + STRIDE_SLOTS).min(last.0));
            let offset_ahead = ask(ahead);
            while offset != offset_ahead {
                at = first_other(&mut ask, at, ahead, offset);
                offset = ask(at);
                changes.push((at.start(), offset));
            }
            at = ahead;
        }
        Zone { name: name.to_owned(), changes }
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_secs(&self, t: Time) -> i32 {
        self.changes[self.position(t)].1
    }

    /// Wall clock seconds (as if UTC) at an instant.
    pub fn local(&self, t: Time) -> i64 {
        t.0.saturating_add(i64::from(self.offset_secs(t)))
    }

    /// The first instant at which the wall clock shows `local_secs` or later: the earlier of two in a repeated hour,
    /// the instant of the jump for a time that a spring day skips.
    pub fn instant(&self, local_secs: i64) -> Time {
        let first = self.position(Time(local_secs.saturating_sub(WIDEST_OFFSET_SECS)));
        (first..self.changes.len())
            .map(|position| (self.shown_at(local_secs, position), self.stretch(position)))
            .find(|(t, stretch)| *t < stretch.until)
            .map(|(t, stretch)| t.max(stretch.from))
            .expect("the last offset holds for all time after")
    }

    /// `2026-03-02T14:00:00+01:00` (RFC 3339 with offset).
    pub fn rfc3339(&self, t: Time) -> String {
        let clock = self.wall_clock(t);
        let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
        format!("{}T{hour:02}:{minute:02}:{second:02}{}", iso_date(clock), self.offset_text(t))
    }

    /// `+01:00`, as RFC 3339 spells it.
    pub fn offset_text(&self, t: Time) -> String {
        let offset = self.offset_secs(t);
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Whether the wall clock shows the time of `t` twice, so that its label needs the offset.
    pub fn is_repeated(&self, t: Time) -> bool {
        let (here, local) = (self.position(t), self.local(t));
        let neighbours = [here.checked_sub(1), Some(here + 1)];
        neighbours
            .into_iter()
            .flatten()
            .filter(|position| *position < self.changes.len())
            .any(|position| self.stretch(position).contains(self.shown_at(local, position)))
    }

    /// The wall clock at an instant, for chrono's calendar; instants outside [`CALENDAR`] are taken for its ends.
    pub(crate) fn wall_clock(&self, t: Time) -> NaiveDateTime {
        let t = t.clamp(CALENDAR.from, CALENDAR.until);
        DateTime::from_timestamp(self.local(t), 0).expect("chrono's calendar is wider than ours").naive_utc()
    }

    /// The stretch of one offset that holds `t`.
    pub(crate) fn stretch_of(&self, t: Time) -> Span {
        self.stretch(self.position(t))
    }

    /// When the wall clock shows `local_secs` under the offset at `position`, whether or not that offset holds then.
    fn shown_at(&self, local_secs: i64, position: usize) -> Time {
        Time(local_secs.saturating_sub(i64::from(self.changes[position].1)))
    }

    fn stretch(&self, position: usize) -> Span {
        let until = self.changes.get(position + 1).map_or(Time(i64::MAX), |(from, _)| *from);
        Span::new(self.changes[position].0, until)
    }

    /// The position in `changes` of the offset that holds at `t`.
    fn position(&self, t: Time) -> usize {
        self.changes.partition_point(|(from, _)| *from <= t).saturating_sub(1)
    }
}

/// The first slot after `before`, and not after `after`, whose offset is not `offset`: by bisection.
fn first_other(ask: &mut impl FnMut(Slot) -> i32, mut before: Slot, mut after: Slot, offset: i32) -> Slot {
    while after.0 - before.0 > 1 {
        let middle = Slot(before.0 + (after.0 - before.0) / 2);
        if ask(middle) == offset {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

fn whole_slots(offset_secs: i32) -> i32 {
    const SLOT: i32 = SLOT_SECS as i32;
    (offset_secs + SLOT / 2).div_euclid(SLOT) * SLOT
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use chrono_tz::Tz;

    use super::*;
    use crate::testing::{offset_of, utc, zone_over as zone};

    fn year(year: i32) -> Span {
        Span::new(utc(&format!("{year}-01-01T00:00:00Z")), utc(&format!("{}-01-01T00:00:00Z", year + 1)))
    }

    #[test]
    fn the_probe_agrees_with_the_database_from_1990_to_2040() {
        let names = [
            "Europe/Berlin",
            "America/New_York",
            "America/Sao_Paulo",
            "Africa/Casablanca",
            "Africa/Cairo",
            "Asia/Kathmandu",
            "Asia/Gaza",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Antarctica/Troll",
        ];
        let span = Span::new(utc("1990-01-01T00:00:00Z"), utc("2040-01-01T00:00:00Z"));
        for name in names {
            let tz: Tz = name.parse().expect(name);
            let probed = zone(name, span);
            let mut at = span.from;
            let mut before = offset_of(tz, at);
            while at < span.until {
                let next = at.plus_secs(3600);
                let after = offset_of(tz, next);
                // Where nothing changes over an hour its start is enough; a change is looked at slot by slot.
                let stride = if before == after { 3600 } else { SLOT_SECS };
                for quarter in (at.0..next.0).step_by(stride as usize).map(|t| Time(t + SLOT_SECS - 1)) {
                    assert_eq!(probed.offset_secs(quarter), offset_of(tz, quarter), "{name} at {quarter:?}");
                }
                (at, before) = (next, after);
            }
        }
    }

    #[test]
    fn both_changes_of_a_year_are_found_to_the_second() {
        let berlin = zone("Europe/Berlin", year(2026));
        let (spring, autumn) = (utc("2026-03-29T01:00:00Z"), utc("2026-10-25T01:00:00Z"));
        assert_eq!(berlin.offset_secs(spring.plus_secs(-1)), 3600);
        assert_eq!(berlin.offset_secs(spring), 7200);
        assert_eq!(berlin.offset_secs(autumn.plus_secs(-1)), 7200);
        assert_eq!(berlin.offset_secs(autumn), 3600);
        // Ramadan 2026: Morocco leaves +01:00 for five weeks.
        let morocco = zone("Africa/Casablanca", year(2026));
        let inside = morocco.changes.iter().filter(|(t, _)| year(2026).contains(*t)).count();
        assert_eq!(inside, 2);
    }

    #[test]
    fn a_skipped_time_is_the_jump_and_a_repeated_one_the_earlier() {
        let berlin = zone("Europe/Berlin", year(2026));
        let local = |day: u32, month: u32, hour: u32, minute: u32| {
            let date = NaiveDate::from_ymd_opt(2026, month, day).expect("a date");
            date.and_hms_opt(hour, minute, 0).expect("a time").and_utc().timestamp()
        };
        assert_eq!(berlin.instant(local(29, 3, 2, 30)), utc("2026-03-29T01:00:00Z"));
        assert_eq!(berlin.instant(local(25, 10, 2, 30)), utc("2026-10-25T00:30:00Z"));
        assert_eq!(berlin.instant(local(25, 10, 3, 0)), utc("2026-10-25T02:00:00Z"));
        assert!(berlin.is_repeated(utc("2026-10-25T00:30:00Z")) && berlin.is_repeated(utc("2026-10-25T01:30:00Z")));
        assert!(!berlin.is_repeated(utc("2026-10-25T02:00:00Z")) && !berlin.is_repeated(utc("2026-03-29T01:00:00Z")));
    }

    #[test]
    fn odd_offsets_are_spelled_out() {
        assert_eq!(
            zone("Asia/Kathmandu", year(2026)).rfc3339(utc("2026-03-02T13:00:00Z")),
            "2026-03-02T18:45:00+05:45"
        );
        assert_eq!(
            zone("America/St_Johns", year(2026)).rfc3339(utc("2026-01-02T13:00:00Z")),
            "2026-01-02T09:30:00-03:30"
        );
        assert_eq!(Zone::utc().rfc3339(utc("2026-03-02T13:00:00Z")), "2026-03-02T13:00:00+00:00");
    }

    #[test]
    fn a_change_inside_a_slot_is_taken_at_its_start() {
        // Until 2011 St. John's left summer time at 00:01, in the middle of a slot.
        let zone = zone("America/St_Johns", year(2010));
        let change = utc("2010-11-07T02:30:00Z");
        assert_eq!(zone.offset_secs(change.plus_secs(-1)), -2 * 3600 - 1800);
        assert_eq!(zone.offset_secs(change), -3 * 3600 - 1800);
    }
}
