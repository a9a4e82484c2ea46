//! Hour, day, ISO week, month, quarter: calendar steps in the viewer's zone, never fixed lengths.
//!
//! A step is a stretch of instants between two edges, and edges are instants at which the wall clock begins a new hour,
//! date, week, month or quarter. So a day may have 23 or 25 hours, a skipped day is no step at all, and an hour that the
//! clock shows twice is two steps. Knows nothing of counters.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde::{Deserialize, Serialize};

use crate::json::reads_word;
use crate::time::{CALENDAR, DAY_SECS, Span, Time};
use crate::zone::Zone;

/// More hours than this (92 days: the longest quarter) are more rows than anyone reads.
const HOURS_UP_TO_DAYS: i64 = 92;
/// More days than this (ten years) are more rows than anyone reads.
const DAYS_UP_TO_MONTHS: u32 = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
}

reads_word!(Step, Step::from_id);

/// Why a step is not offered for a range: said on the disabled button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOffered {
    /// The range holds no whole unit of the step.
    TooShort(Step),
    /// More rows than anyone reads: Hour up to 92 days, Day up to ten years.
    TooLong(Step),
}

/// Written out rather than by chrono's patterns: their reader and writer are more code than the rest of this crate, and a
/// browser loads it.
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `2026-03-02`
pub(crate) fn iso_date(clock: NaiveDateTime) -> String {
    format!("{:04}-{:02}-{:02}", clock.year(), clock.month(), clock.day())
}

/// `Monday`
pub(crate) fn weekday(clock: NaiveDateTime) -> &'static str {
    WEEKDAYS[clock.weekday().num_days_from_monday() as usize]
}

/// `Mon 2 Mar`
fn english_day(clock: NaiveDateTime) -> String {
    format!("{} {} {}", &weekday(clock)[..3], clock.day(), MONTHS[clock.month0() as usize])
}

impl Step {
    pub const ALL: [Step; 5] = [Step::Hour, Step::Day, Step::Week, Step::Month, Step::Quarter];

    pub fn id(self) -> &'static str {
        match self {
            Step::Hour => "hour",
            Step::Day => "day",
            Step::Week => "week",
            Step::Month => "month",
            Step::Quarter => "quarter",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Step::Hour => "Hour",
            Step::Day => "Day",
            Step::Week => "Week",
            Step::Month => "Month",
            Step::Quarter => "Quarter",
        }
    }

    #[inline]
    pub fn from_id(id: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.id() == id)
    }

    /// The start of the step that holds `t`.
    pub fn start(self, t: Time, zone: &Zone) -> Time {
        let t = t.clamp(CALENDAR.from, CALENDAR.until);
        if self == Step::Hour {
            return hour_start(t, zone);
        }
        let mut date = self.first_date(zone.wall_clock(t).date());
        let mut start = midnight(date, zone);
        // A clock set back over midnight shows the old date again: that stretch belongs to the step already begun.
        loop {
            date = self.following(date);
            let next = midnight(date, zone);
            if next > t {
                return start;
            }
            start = next;
        }
    }

    /// The start of the step after the one that holds `t`.
    pub fn next(self, t: Time, zone: &Zone) -> Time {
        let t = t.clamp(CALENDAR.from, CALENDAR.until);
        if self == Step::Hour {
            let hour_end = t.plus_secs(HOUR_SECS - zone.local(t).rem_euclid(HOUR_SECS));
            return hour_end.min(zone.stretch_of(t).until);
        }
        let mut date = self.first_date(zone.wall_clock(t).date());
        // More than one turn where a date is skipped whole (Samoa, 30 December 2011) or shown again.
        loop {
            date = self.following(date);
            let start = midnight(date, zone);
            if start > t {
                return start;
            }
        }
    }

    /// The starts of all steps that meet `span`, and the start after the last: n steps give n + 1 edges. None for an
    /// empty span; what lies outside [`CALENDAR`] is left out.
    pub fn edges(self, span: Span, zone: &Zone) -> Vec<Time> {
        let span = span.intersect(CALENDAR);
        if span.is_empty() {
            return Vec::new();
        }
        let mut edges = vec![self.start(span.from, zone)];
        while let Some(&edge) = edges.last()
            && edge < span.until
        {
            edges.push(self.next(edge, zone));
        }
        edges
    }

    /// `span` up to the end of the step that is under way: steps that have not begun are no gaps. A span that has not begun at
    /// all stays as it is.
    pub fn begun(self, span: Span, now: Time, zone: &Zone) -> Span {
        if now < span.from || span.until <= now {
            return span;
        }
        Span::new(span.from, span.until.min(self.next(now, zone)))
    }

    /// The key of the step that starts at `start`: `2026-03-02T14:00+01:00`, `2026-03-02`, `2026-W10`, `2026-03` or `2026-Q1`.
    pub fn key(self, start: Time, zone: &Zone) -> String {
        let clock = zone.wall_clock(start);
        match self {
            Step::Hour => {
                let (hour, minute) = (clock.hour(), clock.minute());
                format!("{}T{hour:02}:{minute:02}{}", iso_date(clock), zone.offset_text(start))
            }
            Step::Day => iso_date(clock),
            Step::Week => format!("{:04}-W{:02}", clock.iso_week().year(), clock.iso_week().week()),
            Step::Month => format!("{:04}-{:02}", clock.year(), clock.month()),
            Step::Quarter => format!("{:04}-Q{}", clock.year(), quarter(clock)),
        }
    }

    /// The step that starts at `start` for a person who reads English: `Sat 21 Nov 14:00`, with the offset only where the
    /// clock shows the hour twice; `Sat 21 Nov`, `2026-W47`, `Nov 2026`, `2026 Q4`.
    pub fn name(self, start: Time, zone: &Zone) -> String {
        let clock = zone.wall_clock(start);
        match self {
            Step::Hour => {
                let offset = if zone.is_repeated(start) { zone.offset_text(start) } else { String::new() };
                let hour = format!("{} {:02}:{:02} {offset}", english_day(clock), clock.hour(), clock.minute());
                hour.trim_end().to_owned()
            }
            Step::Day => english_day(clock),
            Step::Week => self.key(start, zone),
            Step::Month => format!("{} {:04}", MONTHS[clock.month0() as usize], clock.year()),
            Step::Quarter => format!("{:04} Q{}", clock.year(), quarter(clock)),
        }
    }

    /// Whether the step is offered for a range: it holds a whole unit of the step (for a quarter: three full months on
    /// end), and not more rows than anyone reads.
    #[inline]
    pub fn offered(self, span: Span, zone: &Zone) -> Result<(), NotOffered> {
        let span = span.intersect(CALENDAR);
        let (unit, needed) = if self == Step::Quarter { (Step::Month, 3) } else { (self, 1) };
        let mut whole_until = unit.start(span.from, zone);
        if whole_until < span.from {
            whole_until = unit.next(span.from, zone);
        }
        for _ in 0..needed {
            whole_until = unit.next(whole_until, zone);
        }
        if span.is_empty() || span.until < whole_until {
            return Err(NotOffered::TooShort(self));
        }
        let too_long = match self {
            Step::Hour => span.until > zone.instant(zone.local(span.from) + HOURS_UP_TO_DAYS * DAY_SECS),
            Step::Day => {
                let last = zone.wall_clock(span.from) + Months::new(DAYS_UP_TO_MONTHS);
                span.until > zone.instant(last.and_utc().timestamp())
            }
            Step::Week | Step::Month | Step::Quarter => false,
        };
        if too_long { Err(NotOffered::TooLong(self)) } else { Ok(()) }
    }

    /// The first date of the calendar unit that holds `date`; its own date for hours and days.
    fn first_date(self, date: NaiveDate) -> NaiveDate {
        let first = match self {
            Step::Hour | Step::Day => Some(date),
            Step::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
            Step::Month => date.with_day(1),
            Step::Quarter => date.with_day(1).and_then(|date| date.with_month0(date.month0() / 3 * 3)),
        };
        first.expect("chrono's calendar is wider than ours")
    }

    /// The first date of the unit after the one that begins at `first`.
    fn following(self, first: NaiveDate) -> NaiveDate {
        match self {
            Step::Hour | Step::Day => first + Days::new(1),
            Step::Week => first + Days::new(7),
            Step::Month => first + Months::new(1),
            Step::Quarter => first + Months::new(3),
        }
    }
}

impl fmt::Display for NotOffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotOffered::TooShort(Step::Quarter) => f.write_str("needs three full months"),
            NotOffered::TooShort(step) => write!(f, "needs a full {}", step.id()),
            NotOffered::TooLong(Step::Hour) => write!(f, "shown for up to {HOURS_UP_TO_DAYS} days"),
            NotOffered::TooLong(_) => write!(f, "shown for up to {} years", DAYS_UP_TO_MONTHS / 12),
        }
    }
}

const HOUR_SECS: i64 = 3600;

/// The full hour of the wall clock, or the change of offset inside it: Lord Howe's half hour splits one.
fn hour_start(t: Time, zone: &Zone) -> Time {
    t.plus_secs(-zone.local(t).rem_euclid(HOUR_SECS)).max(zone.stretch_of(t).from)
}

/// The first instant of a date.
fn midnight(date: NaiveDate, zone: &Zone) -> Time {
    zone.instant(date.and_time(NaiveTime::MIN).and_utc().timestamp())
}

fn quarter(clock: NaiveDateTime) -> u32 {
    clock.month0() / 3 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{days, utc, zone};

    /// Keys of all steps of a range of whole days in a zone.
    fn keys(step: Step, zone_name: &str, first_day: &str, last_day: &str) -> Vec<String> {
        let zone = zone(zone_name);
        let edges = step.edges(days(first_day, last_day, &zone), &zone);
        edges[..edges.len() - 1].iter().map(|start| step.key(*start, &zone)).collect()
    }

    #[test]
    fn a_day_has_23_or_25_hours_where_the_clock_changes() {
        let spring = keys(Step::Hour, "Europe/Berlin", "2026-03-29", "2026-03-29");
        assert_eq!(spring.len(), 23);
        assert_eq!(spring[1..3], ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]);
        let autumn = keys(Step::Hour, "Europe/Berlin", "2026-10-25", "2026-10-25");
        assert_eq!(autumn.len(), 25);
        assert_eq!(autumn[2..4], ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]);
    }

    #[test]
    fn what_has_not_begun_is_left_out() {
        let zone = zone("Europe/Berlin");
        let day = days("2026-11-23", "2026-11-23", &zone);
        let last = |step: Step, now: &str| step.begun(day, utc(now), &zone).until;
        assert_eq!(last(Step::Hour, "2026-11-23T02:15:00Z"), utc("2026-11-23T03:00:00Z"));
        assert_eq!(last(Step::Hour, "2026-11-23T02:00:00Z"), utc("2026-11-23T03:00:00Z"));
        assert_eq!(last(Step::Week, "2026-11-23T02:15:00Z"), day.until, "the range ends first");
        assert_eq!(last(Step::Hour, "2026-11-24T02:15:00Z"), day.until, "it is over");
        assert_eq!(last(Step::Hour, "2026-11-22T02:15:00Z"), day.until, "none of it has begun");
    }

    #[test]
    fn lord_howe_moves_by_half_an_hour_and_every_edge_stays_a_slot_edge() {
        let autumn = keys(Step::Hour, "Australia/Lord_Howe", "2026-04-05", "2026-04-05");
        assert_eq!(autumn[1..4], ["2026-04-05T01:00+11:00", "2026-04-05T01:30+10:30", "2026-04-05T02:00+10:30"]);
        let spring = keys(Step::Hour, "Australia/Lord_Howe", "2026-10-04", "2026-10-04");
        assert_eq!(spring[1..4], ["2026-10-04T01:00+10:30", "2026-10-04T02:30+11:00", "2026-10-04T03:00+11:00"]);
    }

    #[test]
    fn hours_of_kathmandu_begin_at_quarters_of_utc() {
        let zone = zone("Asia/Kathmandu");
        assert_eq!(Step::Hour.start(utc("2026-03-02T13:20:00Z"), &zone), utc("2026-03-02T13:15:00Z"));
        assert_eq!(Step::Day.start(utc("2026-03-02T13:20:00Z"), &zone), utc("2026-03-01T18:15:00Z"));
    }

    #[test]
    fn weeks_are_iso_weeks_over_the_turn_of_a_year() {
        assert_eq!(keys(Step::Week, "Europe/Berlin", "2026-12-27", "2027-01-04"), ["2026-W52", "2026-W53", "2027-W01"]);
        assert_eq!(keys(Step::Week, "Europe/Berlin", "2024-12-30", "2024-12-30"), ["2025-W01"]);
    }

    #[test]
    fn months_and_quarters_follow_the_calendar() {
        assert_eq!(
            keys(Step::Month, "America/New_York", "2025-12-31", "2026-02-01"),
            ["2025-12", "2026-01", "2026-02"]
        );
        assert_eq!(
            keys(Step::Quarter, "America/New_York", "2025-12-31", "2026-04-01"),
            ["2025-Q4", "2026-Q1", "2026-Q2"]
        );
    }

    #[test]
    fn a_day_without_midnight_begins_at_the_jump() {
        // São Paulo went from 0:00 to 1:00 that day.
        let zone = zone("America/Sao_Paulo");
        let start = Step::Day.start(utc("2018-11-04T12:00:00Z"), &zone);
        assert_eq!(zone.rfc3339(start), "2018-11-04T01:00:00-02:00");
        assert_eq!(Step::Day.key(start, &zone), "2018-11-04");
    }

    #[test]
    fn a_day_that_a_zone_skipped_is_no_row() {
        assert_eq!(
            keys(Step::Day, "Pacific/Apia", "2011-12-29", "2012-01-01"),
            ["2011-12-29", "2011-12-31", "2012-01-01"]
        );
    }

    #[test]
    fn a_clock_set_back_over_midnight_goes_on_with_the_day_begun() {
        // A zone of no country: at half past midnight the clock goes back to half past eleven.
        let change = utc("2026-06-15T00:30:00Z");
        let span = Span::new(change.plus_secs(-DAY_SECS), change.plus_secs(DAY_SECS));
        let zone = Zone::probe("Test", span, |t| if t < change { 0 } else { -3600 });
        let day = utc("2026-06-15T00:00:00Z");
        assert_eq!(Step::Day.start(utc("2026-06-15T00:45:00Z"), &zone), day);
        assert_eq!(Step::Day.next(utc("2026-06-15T00:45:00Z"), &zone), utc("2026-06-16T01:00:00Z"));
    }

    #[test]
    fn names_carry_the_offset_only_in_the_repeated_hour() {
        let zone = zone("Europe/Berlin");
        assert_eq!(Step::Hour.name(utc("2026-10-25T00:00:00Z"), &zone), "Sun 25 Oct 02:00 +02:00");
        assert_eq!(Step::Hour.name(utc("2026-10-25T01:00:00Z"), &zone), "Sun 25 Oct 02:00 +01:00");
        assert_eq!(Step::Hour.name(utc("2026-10-25T02:00:00Z"), &zone), "Sun 25 Oct 03:00");
        let start = utc("2026-10-31T23:00:00Z");
        assert_eq!(Step::Day.name(start, &zone), "Sun 1 Nov");
        assert_eq!(Step::Week.name(start, &zone), "2026-W44");
        assert_eq!(Step::Month.name(start, &zone), "Nov 2026");
        assert_eq!(Step::Quarter.name(start, &zone), "2026 Q4");
    }

    #[test]
    fn a_step_is_offered_where_the_range_holds_a_whole_one() {
        use NotOffered::{TooLong, TooShort};
        use Step::{Day, Hour, Month, Quarter, Week};
        let zone = zone("Europe/Berlin");
        let check = |first, last, step: Step, expected| {
            assert_eq!(step.offered(days(first, last, &zone), &zone), expected, "{step:?} of {first} to {last}");
        };
        check("2026-11-21", "2026-11-21", Hour, Ok(()));
        check("2026-11-21", "2026-11-21", Day, Ok(()));
        check("2026-11-21", "2026-11-27", Week, Err(TooShort(Week)));
        check("2026-11-22", "2026-11-29", Week, Ok(()));
        check("2026-11-01", "2026-11-30", Month, Ok(()));
        check("2026-11-02", "2026-12-30", Month, Err(TooShort(Month)));
        check("2026-01-01", "2026-03-31", Quarter, Ok(()));
        check("2026-02-01", "2026-04-30", Quarter, Ok(()));
        check("2026-01-02", "2026-03-31", Quarter, Err(TooShort(Quarter)));
        // 92 days over both changes of the clock.
        check("2026-01-01", "2026-04-02", Hour, Ok(()));
        check("2026-08-01", "2026-10-31", Hour, Ok(()));
        check("2026-08-01", "2026-11-01", Hour, Err(TooLong(Hour)));
        check("2016-03-01", "2026-02-28", Day, Ok(()));
        check("2016-03-01", "2026-03-01", Day, Err(TooLong(Day)));
        let noon = utc("2026-11-21T12:00:00Z");
        assert_eq!(Hour.offered(Span::new(noon, noon), &zone), Err(TooShort(Hour)));
        assert_eq!(Day.offered(Span::new(noon, noon.plus_secs(DAY_SECS)), &zone), Err(TooShort(Day)));
    }

    #[test]
    fn the_reason_fits_a_button() {
        assert_eq!(NotOffered::TooShort(Step::Month).to_string(), "needs a full month");
        assert_eq!(NotOffered::TooShort(Step::Quarter).to_string(), "needs three full months");
        assert_eq!(NotOffered::TooLong(Step::Hour).to_string(), "shown for up to 92 days");
        assert_eq!(NotOffered::TooLong(Step::Day).to_string(), "shown for up to 10 years");
    }

    #[test]
    fn a_span_of_all_time_is_cut_to_the_calendar() {
        let all = Span::new(Time(i64::MIN), Time(i64::MAX));
        assert_eq!(Step::Quarter.edges(all, &Zone::utc()).len(), (2200 - 1970) * 4 + 1);
        assert_eq!(Step::Day.edges(Span::new(Time(900), Time(900)), &Zone::utc()), []);
        assert_eq!(CALENDAR.until, utc("2200-01-01T00:00:00Z"));
    }
}
