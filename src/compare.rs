//! The period that a range is compared with: as many whole weeks earlier, so that Mondays meet Mondays, and cut where the
//! present one has been read to, so that half a day is held against half a day.
//!
//! Plain values: no clock, no signal, no request.

use chrono::Days;
use mailtally_model::table::{Row, TableColumn};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Column, Span, Step, Table, Time, Zone};

use crate::range::Dates;
use crate::{format, intl, text};

/// What the person compares with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    #[default]
    Previous,
    /// The same weeks a year ago.
    Year,
    Nothing,
}

impl Compare {
    pub const ALL: [Compare; 3] = [Compare::Previous, Compare::Year, Compare::Nothing];

    /// The word in URLs.
    pub fn id(self) -> &'static str {
        match self {
            Compare::Previous => "previous",
            Compare::Year => "year",
            Compare::Nothing => "nothing",
        }
    }

    pub fn from_id(id: &str) -> Option<Compare> {
        Compare::ALL.into_iter().find(|compare| compare.id() == id)
    }

    /// How many days earlier the period lies: the fewest whole weeks in which the two do not meet.
    fn days_back(self, dates: Dates) -> Option<u64> {
        let length = u64::try_from((dates.last - dates.first).num_days()).ok()? + 1;
        match self {
            Compare::Previous => Some(length.div_ceil(7) * 7),
            Compare::Year => Some(length.div_ceil(WEEKS_OF_YEAR * 7) * WEEKS_OF_YEAR * 7),
            Compare::Nothing => None,
        }
    }

    /// The dates to compare `dates` with.
    pub fn earlier(self, dates: Dates) -> Option<Earlier> {
        let days = self.days_back(dates)?;
        let back = Days::new(days);
        let dates = Dates::new(dates.first.checked_sub_days(back)?, dates.last.checked_sub_days(back)?)?;
        Some(Earlier { dates, days: i64::try_from(days).ok()? })
    }
}

/// A year in whole weeks.
const WEEKS_OF_YEAR: u64 = 52;

/// The dates compared with, and how many days before the range they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    pub dates: Dates,
    pub days: i64,
}

impl Earlier {
    /// The earlier period as instants of `zone`, up to the wall clock that the present one has been read to.
    pub fn span(self, zone: &Zone, read_until_local_secs: Option<i64>) -> Span {
        let whole = self.dates.span(zone);
        let read = read_until_local_secs.map(|local| zone.instant(local - self.days * DAY_SECS));
        let until = read.map_or(whole.until, |read| slot_end(read).clamp(whole.from, whole.until));
        Span { until, ..whole }
    }
}

/// Counters have no finer time than slots.
fn slot_end(t: Time) -> Time {
    let start = t.slot().start();
    if start == t { t } else { start.plus_secs(mailtally_model::SLOT_SECS) }
}

/// The earlier period's values, each beside the present one's.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    pub dates: Dates,
    pub columns: Vec<BeforeColumn>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BeforeColumn {
    /// The column's id.
    pub id: &'static str,
    /// `None` where too little of the earlier period was observed to say anything.
    pub total: Option<f64>,
    /// A cell for each row of the present Table, where its steps have a counterpart: empty for a Mode, and for months and
    /// quarters, which are no whole weeks.
    pub cells: Vec<Option<f64>>,
}

impl Before {
    /// Puts the rows of `earlier` beside those of `present`, by their wall clocks.
    pub fn new(present: &Table, zone: &Zone, earlier: &Table, earlier_zone: &Zone, shift: Earlier) -> Before {
        let counterparts = counterparts(present, zone, earlier, earlier_zone, shift.days * DAY_SECS);
        let column = |column: &TableColumn| {
            let cells = counterparts.iter().map(|row| column.cells.get((*row)?).copied().flatten());
            let total = column.total.filter(|_| is_known(column));
            BeforeColumn { id: column.column.id, total, cells: cells.collect() }
        };
        Before { dates: shift.dates, columns: earlier.columns.iter().map(column).collect() }
    }

    pub fn of(&self, column: &Column) -> Option<&BeforeColumn> {
        self.columns.iter().find(|known| known.id == column.id)
    }
}

/// A period that was hardly read is no yardstick: nine of ten steps must have been.
fn is_known(column: &TableColumn) -> bool {
    let observed = column.cells.iter().filter(|cell| cell.is_some()).count();
    observed > 0 && observed * 10 >= column.cells.len() * 9
}

fn counterparts(present: &Table, zone: &Zone, earlier: &Table, earlier_zone: &Zone, secs: i64) -> Vec<Option<usize>> {
    if present.step > Step::Week {
        return Vec::new();
    }
    let began = |row: &Row, zone: &Zone| match row {
        Row::Step { span, .. } => Some(zone.local(span.from)),
        Row::Child(_) | Row::Rest(_) => None,
    };
    let before: Vec<i64> = earlier.rows.iter().filter_map(|row| began(row, earlier_zone)).collect();
    let beside = |row: &Row| before.binary_search(&(began(row, zone)? - secs)).ok();
    if present.rows.iter().any(|row| matches!(row, Row::Step { .. })) {
        present.rows.iter().map(beside).collect()
    } else {
        Vec::new()
    }
}

/// How a number stands to the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// `+4 %`, `×12`, `new`
    pub words: String,
    /// More than chance and habit explain.
    pub is_notable: bool,
}

impl Change {
    pub fn of(column: &Column, now: f64, before: f64) -> Change {
        let is_notable = weight(column, now, before).abs() >= NOTABLE;
        Change { words: words(now, before), is_notable }
    }
}

/// A doubling or a halving, of numbers large enough.
const NOTABLE: f64 = std::f64::consts::LN_2;

/// How much a change matters: the logarithm of the ratio, damped so that a handful against two does not shout.
pub fn weight(column: &Column, now: f64, before: f64) -> f64 {
    let damp = if column.is_average() { 0.5 } else { 20.0 } * column.shown_as.divisor();
    ((now + damp) / (before + damp)).ln()
}

fn words(now: f64, before: f64) -> String {
    if now == before {
        return text::CHANGE_NONE.to_owned();
    }
    if before == 0.0 {
        return text::CHANGE_NEW.to_owned();
    }
    let ratio = now / before;
    if ratio >= 10.0 {
        return format!("×{}", intl::number(ratio, 0));
    }
    let percent = ((ratio - 1.0) * 100.0).round();
    match percent {
        0.0 => text::CHANGE_NONE.to_owned(),
        up if up > 0.0 => format!("+{} %", intl::number(up, 0)),
        down => format!("−{} %", intl::number(-down, 0)),
    }
}

/// `+4 % on 46,357`: the change, and what it is a change of. Of nothing that stayed nothing there is none.
pub fn said(column: &Column, now: f64, before: f64) -> (Change, String) {
    if now == 0.0 && before == 0.0 {
        return (Change { words: String::new(), is_notable: false }, text::NONE_BEFORE.to_owned());
    }
    (Change::of(column, now, before), text::on_before(&format::headline(column, Some(before))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailtally_model::catalogue;

    fn dates(first: &str, last: &str) -> Dates {
        Dates::new(first.parse().expect("a date"), last.parse().expect("a date")).expect("dates")
    }

    #[test]
    fn weekdays_meet_and_periods_do_not() {
        for (first, last) in [
            ("2026-11-22", "2026-11-22"),
            ("2026-11-16", "2026-11-22"),
            ("2026-10-01", "2026-10-31"),
            ("2026-08-25", "2026-11-22"),
            ("2025-01-01", "2026-11-22"),
        ] {
            let now = dates(first, last);
            for compare in [Compare::Previous, Compare::Year] {
                let earlier = compare.earlier(now).expect("a period");
                assert_eq!(earlier.days % 7, 0, "{first}..{last}");
                assert!(earlier.dates.last < now.first, "{first}..{last} meets {:?}", earlier.dates);
                assert_eq!(earlier.dates.last - earlier.dates.first, now.last - now.first);
            }
        }
        assert_eq!(Compare::Nothing.earlier(dates("2026-11-22", "2026-11-22")), None);
    }

    #[test]
    fn half_a_day_is_held_against_half_a_day() {
        let today = dates("2026-11-22", "2026-11-22");
        let earlier = Compare::Previous.earlier(today).expect("a period");
        let zone = Zone::utc();
        let noon = today.span(&zone).from.plus_secs(12 * 3600 + 60);
        let span = earlier.span(&zone, Some(zone.local(noon)));
        // Up to the end of the slot in which the present one ends.
        assert_eq!(span.secs(), 12 * 3600 + 900);
        assert_eq!(earlier.span(&zone, None).secs(), DAY_SECS);
    }

    #[test]
    fn a_change_is_said_in_few_words() {
        let column = &catalogue::find("pop-sessions").expect("a report").columns[0];
        let words = |now, before| Change::of(column, now, before).words;
        assert_eq!(words(104.0, 100.0), "+4 %");
        assert_eq!(words(88.0, 100.0), "−12 %");
        assert_eq!(words(100.1, 100.0), "±0 %");
        assert_eq!(words(4_100.0, 100.0), "×41");
        assert_eq!(words(7.0, 0.0), "new");
        assert!(Change::of(column, 1_204.0, 294.0).is_notable);
        assert!(!Change::of(column, 5.0, 2.0).is_notable, "few are not many");
    }
}
