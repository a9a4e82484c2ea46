//! The time axis: which steps get a label, by the room there is. Pure; reads a step's key, so it needs no zone.

use chrono::{Datelike, NaiveDate, Weekday};
use mailtally_model::{Step, table::Row};

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
    /// Reads a step's key: `2026-03-02T14:00+01:00`, `2026-03-02`, `2026-W10`, `2026-03` or `2026-Q1`.
    /// `None` for a row that is not a step.
    pub fn of(row: &Row, step: Step) -> Option<Stamp> {
        let Row::Step { key, .. } = row else { return None };
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
        let year = key.get(..4)?.parse().ok()?;
        let (date, hour) = match step {
            Step::Hour => (range::date(key.get(..10)?)?, number(key.get(11..13))?),
            Step::Day => (range::date(key)?, 0),
            Step::Week => (NaiveDate::from_isoywd_opt(year, number(key.get(6..))?, Weekday::Mon)?, 0),
            Step::Month => (NaiveDate::from_ymd_opt(year, number(key.get(5..))?, 1)?, 0),
            Step::Quarter => {
                let quarter = number(key.get(6..))?;
                (NaiveDate::from_ymd_opt(year, (quarter * 3).checked_sub(2)?, 1)?, 0)
            }
        };
        Some(Stamp { date, hour })
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
    for rhythm in rhythms(step) {
        let ticks = rhythm.ticks(stamps, step);
        let wide = ticks.windows(2).all(|pair| {
            let distance = (pair[1].row - pair[0].row) as f64 * pitch;
            f64::from(room(&pair[0].label) + room(&pair[1].label)) / 2.0 <= distance
        });
        if wide && !ticks.is_empty() {
            return ticks;
        }
    }
    Vec::new()
}

impl Rhythm {
    fn ticks(self, stamps: &[Stamp], step: Step) -> Vec<TimeTick> {
        let mut ticks: Vec<TimeTick> = Vec::new();
        let mut before: Option<Stamp> = None;
        for (row, stamp) in stamps.iter().enumerate() {
            // The hour that autumn repeats has its label once.
            if self.falls_on(*stamp, step) && before.is_none_or(|before| before != *stamp) {
                let (label, strong) = self.label(*stamp);
                ticks.push(TimeTick { row, label, strong });
            }
            before = Some(*stamp);
        }
        ticks
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

    fn stamp(step: Step, key: &str) -> Option<Stamp> {
        Stamp::of(&Row::Step { key: key.to_owned(), span: Span::new(Time(0), Time(1)), partial: None }, step)
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
    fn a_key_says_where_its_step_begins() {
        let at = |year, month, day, hour| {
            Some(Stamp { date: NaiveDate::from_ymd_opt(year, month, day).expect("a date"), hour })
        };
        assert_eq!(stamp(Step::Hour, "2026-03-02T14:00+01:00"), at(2026, 3, 2, 14));
        assert_eq!(stamp(Step::Day, "2026-03-02"), at(2026, 3, 2, 0));
        assert_eq!(stamp(Step::Week, "2026-W10"), at(2026, 3, 2, 0));
        assert_eq!(stamp(Step::Month, "2026-03"), at(2026, 3, 1, 0));
        assert_eq!(stamp(Step::Quarter, "2026-Q4"), at(2026, 10, 1, 0));
        assert_eq!(stamp(Step::Quarter, "ann@example.com"), None);
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
