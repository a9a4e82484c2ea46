//! Which dates a report covers: presets that stay relative, or two inclusive dates.
//!
//! Calendar arithmetic only: no clock (`today` is passed), no signals, and no URL beyond its own word.

use chrono::{Datelike, Days, Months, NaiveDate};
use mailtally_model::{Span, Time, Zone};

/// What the person chose. A preset stays relative: a link to "the last 90 days" shows another 90 days tomorrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    Preset(Preset),
    Dates(Dates),
}

/// Two inclusive dates, `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dates {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    Today,
    Yesterday,
    Last7Days,
    Last28Days,
    Last90Days,
    ThisMonth,
    LastMonth,
    ThisQuarter,
    LastQuarter,
    ThisYear,
}

/// How far ‹ and › move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Days(u64),
    Months(u32),
}

/// Where ‹ and › go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    Earlier,
    Later,
}

impl Default for Range {
    fn default() -> Range {
        Range::Preset(Preset::Last90Days)
    }
}

impl Preset {
    pub const ALL: [Preset; 10] = [
        Preset::Today,
        Preset::Yesterday,
        Preset::Last7Days,
        Preset::Last28Days,
        Preset::Last90Days,
        Preset::ThisMonth,
        Preset::LastMonth,
        Preset::ThisQuarter,
        Preset::LastQuarter,
        Preset::ThisYear,
    ];

    /// The word in URLs.
    pub fn id(self) -> &'static str {
        match self {
            Preset::Today => "today",
            Preset::Yesterday => "yesterday",
            Preset::Last7Days => "last-7-days",
            Preset::Last28Days => "last-28-days",
            Preset::Last90Days => "last-90-days",
            Preset::ThisMonth => "this-month",
            Preset::LastMonth => "last-month",
            Preset::ThisQuarter => "this-quarter",
            Preset::LastQuarter => "last-quarter",
            Preset::ThisYear => "this-year",
        }
    }

    /// The key that chooses it while the range dialog is open.
    pub fn key(self) -> char {
        match self {
            Preset::Today => 't',
            Preset::Yesterday => 'y',
            Preset::Last7Days => '7',
            Preset::Last28Days => '8',
            Preset::Last90Days => '9',
            Preset::ThisMonth => 'm',
            Preset::LastMonth => 'l',
            Preset::ThisQuarter => 'q',
            Preset::LastQuarter => 'p',
            Preset::ThisYear => 'a',
        }
    }

    pub fn dates(self, today: NaiveDate) -> Dates {
        let month = month_of(today);
        let quarter = quarter_of(today);
        match self {
            Preset::Today => Dates { first: today, last: today },
            Preset::Yesterday => Dates { first: days_before(today, 1), last: days_before(today, 1) },
            Preset::Last7Days => Dates { first: days_before(today, 6), last: today },
            Preset::Last28Days => Dates { first: days_before(today, 27), last: today },
            Preset::Last90Days => Dates { first: days_before(today, 89), last: today },
            Preset::ThisMonth => Dates { first: month, last: today },
            Preset::LastMonth => Dates { first: months_before(month, 1), last: days_before(month, 1) },
            Preset::ThisQuarter => Dates { first: quarter, last: today },
            Preset::LastQuarter => Dates { first: months_before(quarter, 3), last: days_before(quarter, 1) },
            Preset::ThisYear => Dates { first: today.with_ordinal(1).unwrap_or(today), last: today },
        }
    }

    fn period(self) -> Period {
        match self {
            Preset::Today | Preset::Yesterday => Period::Days(1),
            Preset::Last7Days => Period::Days(7),
            Preset::Last28Days => Period::Days(28),
            Preset::Last90Days => Period::Days(90),
            Preset::ThisMonth | Preset::LastMonth => Period::Months(1),
            Preset::ThisQuarter | Preset::LastQuarter => Period::Months(3),
            Preset::ThisYear => Period::Months(12),
        }
    }
}

impl Range {
    /// The word in URLs: a preset's, or `2026-03-01..2026-03-31`.
    pub fn id(self) -> String {
        match self {
            Range::Preset(preset) => preset.id().to_owned(),
            Range::Dates(Dates { first, last }) => format!("{first}..{last}"),
        }
    }

    /// Reads what [`Range::id`] wrote, and one date for a single day. Dates the wrong way round are turned.
    pub fn parse(word: &str) -> Option<Range> {
        if let Some(preset) = Preset::ALL.into_iter().find(|preset| preset.id() == word) {
            return Some(Range::Preset(preset));
        }
        // One dot, then the other: to look for a text of two brings along how any text is looked for.
        let (first, last) = match word.split_once('.') {
            Some((first, rest)) => (first, rest.strip_prefix('.')?),
            None => (word, word),
        };
        Dates::new(date(first)?, date(last)?).map(Range::Dates)
    }

    pub fn dates(self, today: NaiveDate) -> Dates {
        match self {
            Range::Preset(preset) => preset.dates(today),
            Range::Dates(dates) => dates,
        }
    }

    /// The neighbouring period of the same length, whole months for whole months; `None` past today or the calendar's
    /// beginning. What a preset names becomes that preset, so that ‹ and › come back to where they began.
    pub fn moved(self, towards: Towards, today: NaiveDate) -> Option<Range> {
        let Dates { first, last } = self.dates(today);
        let (first, last) = match (self.period(), towards) {
            (Period::Days(n), Towards::Earlier) => (first.checked_sub_days(Days::new(n))?, days_before(first, 1)),
            (Period::Days(n), Towards::Later) => (last.checked_add_days(Days::new(1))?, last + Days::new(n)),
            (Period::Months(n), Towards::Earlier) => (first.checked_sub_months(Months::new(n))?, days_before(first, 1)),
            (Period::Months(n), Towards::Later) => {
                let next = first.checked_add_months(Months::new(n))?;
                (next, days_before(next.checked_add_months(Months::new(n))?, 1))
            }
        };
        let moved = Dates::new(first, last.min(today)).filter(|_| first <= today)?;
        let named = Preset::ALL.into_iter().find(|preset| preset.dates(today) == moved);
        Some(named.map_or(Range::Dates(moved), Range::Preset))
    }

    fn period(self) -> Period {
        match self {
            Range::Preset(preset) => preset.period(),
            Range::Dates(dates) => dates.period(),
        }
    }
}

impl Dates {
    /// Years that calendars on both sides of the wire can name in four digits.
    const YEARS: std::ops::RangeInclusive<i32> = 1971..=2999;

    pub fn new(a: NaiveDate, b: NaiveDate) -> Option<Dates> {
        let within = |date: &NaiveDate| Dates::YEARS.contains(&date.year());
        (within(&a) && within(&b)).then(|| Dates { first: a.min(b), last: a.max(b) })
    }

    /// The instants they hold: from the first midnight up to the midnight after the last date.
    pub fn span(self, zone: &Zone) -> Span {
        let after = self.last + Days::new(1);
        Span::new(zone.instant(midnight_secs(self.first)), zone.instant(midnight_secs(after)))
    }

    pub fn contains(self, date: NaiveDate) -> bool {
        self.first <= date && date <= self.last
    }

    /// The dates at both ends of what a span of whole steps covers.
    pub fn of_span(span: Span, zone: &Zone) -> Option<Dates> {
        Dates::new(date_of(span.from, zone)?, date_of(span.until.plus_secs(-1), zone)?)
    }

    fn period(self) -> Period {
        let after = self.last + Days::new(1);
        if self.first.day() == 1 && after.day() == 1 {
            let months = (after.year() - self.first.year()) * 12 + after.month() as i32 - self.first.month() as i32;
            return Period::Months(u32::try_from(months).unwrap_or(1));
        }
        Period::Days(u64::try_from((after - self.first).num_days()).unwrap_or(1))
    }
}

/// The calendar date at an instant.
pub fn date_of(t: Time, zone: &Zone) -> Option<NaiveDate> {
    date_at(zone.local(t))
}

/// The calendar date of a wall clock (seconds as if UTC).
pub fn date_at(local_secs: i64) -> Option<NaiveDate> {
    chrono::DateTime::from_timestamp(local_secs, 0).map(|at| at.date_naive())
}

/// The wall clock at a date's midnight (seconds as if UTC).
pub fn midnight_secs(date: NaiveDate) -> i64 {
    date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}

/// The first day of a date's month.
pub fn month_of(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

fn quarter_of(date: NaiveDate) -> NaiveDate {
    months_before(month_of(date), date.month0() % 3)
}

fn days_before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

fn months_before(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_sub_months(Months::new(months)).unwrap_or(date)
}

/// Reads `2026-11-22`. By hand: chrono's reader of patterns is more code than this module, and a browser loads it.
pub fn date(word: &str) -> Option<NaiveDate> {
    let mut numbers = word.splitn(3, '-').map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then_some(part));
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        date(text).expect("a date")
    }

    /// What a range is on 22 November 2026, a Sunday.
    fn check(word: &str, expected: &str) {
        let range = Range::parse(word).expect(word);
        let Dates { first, last } = range.dates(day("2026-11-22"));
        assert_eq!(format!("{first}..{last}"), expected, "{word}");
    }

    fn check_moved(word: &str, towards: Towards, expected: Option<&str>) {
        let range = Range::parse(word).expect(word);
        let moved = range.moved(towards, day("2026-11-22")).map(Range::id);
        assert_eq!(moved.as_deref(), expected, "{word} {towards:?}");
    }

    #[test]
    fn presets_count_today_as_their_last_day() {
        check("today", "2026-11-22..2026-11-22");
        check("yesterday", "2026-11-21..2026-11-21");
        check("last-7-days", "2026-11-16..2026-11-22");
        check("last-90-days", "2026-08-25..2026-11-22");
        check("this-month", "2026-11-01..2026-11-22");
        check("last-month", "2026-10-01..2026-10-31");
        check("this-quarter", "2026-10-01..2026-11-22");
        check("last-quarter", "2026-07-01..2026-09-30");
        check("this-year", "2026-01-01..2026-11-22");
    }

    #[test]
    fn dates_are_read_leniently() {
        check("2026-03-01..2026-03-31", "2026-03-01..2026-03-31");
        check("2026-03-31..2026-03-01", "2026-03-01..2026-03-31");
        check("2026-03-31", "2026-03-31..2026-03-31");
        for word in ["", "..", "yesteryear", "2026-02-30", "9999-01-01..9999-01-02"] {
            assert_eq!(Range::parse(word), None, "{word}");
        }
    }

    #[test]
    fn moves_are_by_the_period() {
        check_moved("last-7-days", Towards::Earlier, Some("2026-11-09..2026-11-15"));
        check_moved("2026-11-09..2026-11-15", Towards::Later, Some("last-7-days"));
        check_moved("this-month", Towards::Earlier, Some("last-month"));
        check_moved("last-month", Towards::Later, Some("this-month"));
        check_moved("last-month", Towards::Earlier, Some("2026-09-01..2026-09-30"));
        check_moved("2026-02-01..2026-02-28", Towards::Later, Some("2026-03-01..2026-03-31"));
        check_moved("last-quarter", Towards::Earlier, Some("2026-04-01..2026-06-30"));
        check_moved("this-year", Towards::Earlier, Some("2025-01-01..2025-12-31"));
        check_moved("yesterday", Towards::Later, Some("today"));
        check_moved("today", Towards::Later, None);
        check_moved("last-90-days", Towards::Later, None);
    }

    #[test]
    fn every_preset_has_a_key_of_its_own() {
        for (i, preset) in Preset::ALL.iter().enumerate() {
            let twin = Preset::ALL[..i].iter().find(|other| other.key() == preset.key());
            assert_eq!(twin, None, "{preset:?}");
        }
    }

    proptest! {
        #[test]
        fn a_range_reads_what_it_wrote(first in 0i64..20_000, days in 0i64..4_000) {
            let first = date_at(first * 86_400 + 400 * 86_400).expect("a date");
            let dates = Dates::new(first, first + Days::new(days as u64)).expect("within the years");
            let range = Range::Dates(dates);
            prop_assert_eq!(Range::parse(&range.id()), Some(range));
        }

        #[test]
        fn earlier_touches_what_it_left(days in 0u64..400, length in 0u64..400) {
            let today = day("2026-11-22");
            let last = today - Days::new(days);
            let range = Range::Dates(Dates::new(last - Days::new(length), last).expect("within the years"));
            let earlier = range.moved(Towards::Earlier, today).expect("not at the calendar's beginning").dates(today);
            prop_assert_eq!(earlier.last + Days::new(1), range.dates(today).first);
        }
    }
}
