//! The time axis: which steps get a label, by the room there is. Pure.

use chrono::{Datelike, NaiveDate, Weekday};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Step, Table, Zone, table::Row};

use crate::intl::{self, DateStyle};
use crate::range::{self, midnight_secs};

/// Where a step begins on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub date: NaiveDate,
    /// The hour of the day; 0 for steps from a day up.
    pub hour: u32,
}

impl Stamp {
    /// Where each row begins; none for rows that are not steps.
    #[inline(never)]
    pub fn of_each(table: &Table) -> Vec<Stamp> {
        let mut stamps = Vec::with_capacity(table.rows.len());
        let mut day = None;
        for row in &table.rows {
            let Some(stamp) = Stamp::of(row, table.step, &table.zone, &mut day) else { break };
            stamps.push(stamp);
        }
        stamps
    }

    /// `day` is that of a row that is near, with its midnight: the same as a rule, and the calendar need not be asked again.
    fn of(row: &Row, step: Step, zone: &Zone, day: &mut Option<(NaiveDate, i64)>) -> Option<Stamp> {
        let Row::Step { span, .. } = row else { return None };
        let local = zone.local(span.from);
        let (date, midnight) = match *day {
            Some((date, midnight)) if (0..DAY_SECS).contains(&(local - midnight)) => (date, midnight),
            _ => range::date_at(local).map(|date| (date, midnight_secs(date)))?,
        };
        *day = Some((date, midnight));
        // A day whose midnight the clock skips begins at one.
        let hour = if step == Step::Hour { (local - midnight) / 3600 } else { 0 };
        Some(Stamp { date, hour: hour as u32 })
    }

    /// The wall clock at which it begins (seconds as if UTC).
    pub fn local_secs(&self) -> i64 {
        midnight_secs(self.date) + i64::from(self.hour) * 3600
    }

    pub fn is_weekend(self) -> bool {
        matches!(self.date.weekday(), Weekday::Sat | Weekday::Sun)
    }
}

/// A rhythm of labels, from dense to sparse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rhythm {
    Hours(u32),
    /// Each day, with its weekday or without.
    Weekdays,
    Days,
    Mondays,
    Weeks,
    Quarters,
    Months(u32),
    Years(i32),
}

use Rhythm::{Days, Hours, Mondays, Months, Quarters, Weekdays, Weeks, Years};

/// The rhythms of a step, the first that fits is taken.
fn rhythms(step: Step) -> &'static [Rhythm] {
    match step {
        Step::Hour => &[
            Hours(1),
            Hours(2),
            Hours(3),
            Hours(6),
            Hours(12),
            Weekdays,
            Days,
            Mondays,
            Months(1),
            Months(3),
            Years(1),
        ],
        Step::Day => {
            &[Weekdays, Days, Mondays, Months(1), Months(2), Months(3), Months(6), Years(1), Years(2), Years(5)]
        }
        Step::Week => &[Weeks, Months(1), Months(2), Months(3), Months(6), Years(1), Years(2), Years(5)],
        Step::Month => &[Months(1), Months(2), Months(3), Months(6), Years(1), Years(2), Years(5)],
        Step::Quarter => &[Quarters, Years(1), Years(2), Years(5), Years(10)],
    }
}

/// A label under the axis, for the row it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeTick {
    pub row: usize,
    pub label: String,
    /// Opens a new day among hours, or a new year among months: drawn stronger.
    pub strong: bool,
}

/// The densest labels that fit: each at its row's place, `room(label)` units wide, rows `pitch` units apart.
pub fn ticks(stamps: &[Stamp], step: Step, pitch: f64, room: &dyn Fn(&str) -> i32) -> Vec<TimeTick> {
    rhythms(step).iter().find_map(|rhythm| rhythm.ticks(stamps, step, pitch, room)).unwrap_or_default()
}

impl Rhythm {
    /// Its labels, if it has any and all have room. Left at the first that has none: a label costs more to write and to
    /// measure than all else here, and the densest rhythm of a quarter's hours has two thousand.
    #[inline(never)]
    fn ticks(self, stamps: &[Stamp], step: Step, pitch: f64, room: &dyn Fn(&str) -> i32) -> Option<Vec<TimeTick>> {
        let mut ticks: Vec<TimeTick> = Vec::new();
        let mut before: Option<Stamp> = None;
        let mut width_before = 0;
        for (row, stamp) in stamps.iter().enumerate() {
            // The hour that autumn repeats has its label once.
            if self.falls_on(*stamp, step) && before.is_none_or(|before| before != *stamp) {
                let (label, strong) = self.label(*stamp);
                let width = room(&label);
                if let Some(last) = ticks.last()
                    && f64::from(width_before + width) / 2.0 > (row - last.row) as f64 * pitch
                {
                    return None;
                }
                width_before = width;
                ticks.push(TimeTick { row, label, strong });
            }
            before = Some(*stamp);
        }
        (!ticks.is_empty()).then_some(ticks)
    }

    fn falls_on(self, stamp: Stamp, step: Step) -> bool {
        let midnight = stamp.hour == 0;
        // The first step that begins in the month: a week rarely begins with it.
        let opens_month = midnight && stamp.date.day() <= if step == Step::Week { 7 } else { 1 };
        match self {
            Hours(every) => stamp.hour.is_multiple_of(every),
            Weekdays | Days => midnight,
            Mondays => midnight && stamp.date.weekday() == Weekday::Mon,
            Weeks | Quarters => true,
            Months(every) => opens_month && stamp.date.month0().is_multiple_of(every),
            Years(every) => opens_month && stamp.date.month() == 1 && stamp.date.year() % every == 0,
        }
    }

    fn label(self, stamp: Stamp) -> (String, bool) {
        let date = |style| intl::date(midnight_secs(stamp.date), style);
        match self {
            Hours(_) if stamp.hour == 0 => (date(DateStyle::ShortDate), true),
            Hours(_) => (format!("{:02}:00", stamp.hour), false),
            Weekdays => (date(DateStyle::Day), false),
            Days | Mondays => (date(DateStyle::ShortDate), false),
            Weeks => (format!("W{:02}", stamp.date.iso_week().week()), false),
            Quarters if stamp.date.month() == 1 => (stamp.date.year().to_string(), true),
            Quarters => (format!("Q{}", stamp.date.month0() / 3 + 1), false),
            Months(_) if stamp.date.month() == 1 => (stamp.date.year().to_string(), true),
            Months(_) => (date(DateStyle::ShortMonth), false),
            Years(_) => (stamp.date.year().to_string(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailtally_model::{Span, Time};

    fn stamp(step: Step, from: Time, zone: &Zone) -> Option<Stamp> {
        Stamp::of(&Row::Step { span: Span::new(from, from.plus_secs(1)), partial: None }, step, zone, &mut None)
    }

    fn days(from: &str, count: usize) -> Vec<Stamp> {
        let first: NaiveDate = from.parse().expect("a date");
        first.iter_days().take(count).map(|date| Stamp { date, hour: 0 }).collect()
    }

    fn labels(stamps: &[Stamp], step: Step, width: f64) -> String {
        let ticks = ticks(stamps, step, width / stamps.len() as f64, &|text| text.len() as i32 * 7 + 16);
        ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn a_step_begins_on_its_zones_wall() {
        let utc = Time(1_772_456_400); // 2026-03-02T13:00Z
        let berlin = Zone::probe("Europe/Berlin", Span::new(utc, utc), |_| 3600);
        let date = NaiveDate::from_ymd_opt(2026, 3, 2).expect("a date");
        assert_eq!(stamp(Step::Hour, utc, &berlin), Some(Stamp { date, hour: 14 }));
        let midnight = Time(1_772_406_000); // 2026-03-01T23:00Z
        for step in [Step::Day, Step::Week, Step::Month, Step::Quarter] {
            assert_eq!(stamp(step, midnight, &berlin), Some(Stamp { date, hour: 0 }));
        }
        let child = Row::Child("ann@example.com".parse().expect("a subject"));
        assert_eq!(Stamp::of(&child, Step::Day, &berlin, &mut None), None);
    }

    #[test]
    fn labels_thin_out_with_the_width() {
        let stamps = days("2026-10-27", 26);
        assert_eq!(labels(&days("2026-11-02", 7), Step::Day, 900.0).split(" | ").count(), 7);
        assert_eq!(labels(&stamps, Step::Day, 1000.0), "2 Nov | 9 Nov | 16 Nov");
        assert_eq!(labels(&days("2026-01-01", 365), Step::Day, 300.0), "2026 | Mar | May | Jul | Sep | Nov");
        assert_eq!(labels(&days("2017-01-01", 3650), Step::Day, 300.0), "2018 | 2020 | 2022 | 2024 | 2026");
    }

    #[test]
    fn hours_name_the_day_at_midnight_and_a_repeated_hour_once() {
        let mut stamps: Vec<Stamp> =
            days("2026-10-25", 2).into_iter().flat_map(|day| (0..24).map(move |hour| Stamp { hour, ..day })).collect();
        stamps.insert(3, stamps[2]);
        assert_eq!(
            labels(&stamps, Step::Hour, 500.0),
            "25 Oct | 06:00 | 12:00 | 18:00 | 26 Oct | 06:00 | 12:00 | 18:00"
        );
    }
}
