//! The period that a range is compared with: as many whole weeks earlier, so that Mondays meet Mondays, and cut where the
//! present one has been read to and was not observed, so that half a day is held against half a day.
//!
//! Plain values: no clock, no signal, no request.

use chrono::Days;
use mailtally_model::coverage::observed_secs;
use mailtally_model::table::{self, Row, TableColumn};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Answer, By, Column, Family, Few, Span, Step, Table, Time, Zone, alike};

use crate::range::Dates;
use crate::{format, text};

mod change;

pub use change::{Change, Tone, rank, said};

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
    /// For each row of the present Table its counterpart's span, where its steps have one: empty for a Mode, and for months
    /// and quarters, which are no whole weeks.
    pub rows: Vec<Option<Span>>,
    /// The zone of these spans.
    pub zone: Zone,
    /// How much of either period was not observed, and is left out of both.
    pub unobserved_secs: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BeforeColumn {
    /// The column's id.
    pub id: &'static str,
    pub total: Result<f64, Missing>,
    /// A cell for each row of the present Table that has a counterpart.
    pub cells: Vec<Option<f64>>,
    /// What of the present column is held against these, where that is not all of it: the earlier period has a gap.
    pub held: Option<Held>,
}

/// The present values of the time that was observed of both periods.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub total: Option<f64>,
    pub cells: Vec<Option<f64>>,
}

impl BeforeColumn {
    /// What of the present total is held against the earlier one.
    pub fn held_total(&self, all: f64) -> f64 {
        self.held.as_ref().and_then(|held| held.total).unwrap_or(all)
    }

    /// What of a present cell is held against the earlier one.
    pub fn held_cell(&self, row: usize, all: f64) -> f64 {
        self.held.as_ref().and_then(|held| held.cells.get(row).copied().flatten()).unwrap_or(all)
    }
}

/// Why there is nothing to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing of the earlier period was observed.
    NotObserved,
    /// Too little of it was.
    Partly,
    /// Too little of the present period was, where the earlier one cannot be cut to it.
    PartlyHere,
    /// More slots than are asked for at once.
    TooLong,
    /// The server did not say.
    NoAnswer,
}

impl Before {
    /// Puts the answer over an earlier period beside the present Table; or why there is none.
    pub fn told(
        present: &Table,
        answer: &Answer,
        then: Result<&Answer, Missing>,
        then_zone: &Zone,
        shift: Earlier,
    ) -> Before {
        match then {
            Ok(then) => Before::new(present, answer, then, then_zone, shift),
            Err(why) => Before::without(present, shift, why),
        }
    }

    /// Puts the answer over an earlier period beside the present Table and the answer that it was made of: rows by their
    /// wall clocks, and of both periods only time that was observed of both. What a Mode shows cannot be cut: where that is
    /// more than nothing to speak of, there is no comparison.
    pub fn new(present: &Table, answer: &Answer, then: &Answer, then_zone: &Zone, shift: Earlier) -> Before {
        let read = span_read(present, answer);
        let span = shift.span(then_zone, Some(present.zone.local(read.until)));
        let back = shift.days * DAY_SECS;
        let earlier = |t: Time| then_zone.instant(present.zone.local(t) - back);
        let later = |t: Time| present.zone.instant(then_zone.local(t) + back);
        let moved = |stretch: &Span| Span::new(earlier(stretch.from), slot_end(earlier(stretch.until))).intersect(span);
        let forth = |stretch: &Span| Span::new(later(stretch.from), slot_end(later(stretch.until))).intersect(read);
        let observed = observed(present, answer);
        let mut wanted: Few<Family, Vec<Span>> = Few::new();
        let mut held: Few<Family, Vec<Span>> = Few::new();
        for (family, stretches) in &observed {
            let coverage = then.coverage.get(family).map_or(&[][..], Vec::as_slice);
            let then: Vec<Span> = alike::observed_stretches(coverage, span).iter().map(forth).collect();
            held.insert(*family, alike::common(stretches, &then));
            wanted.insert(*family, stretches.iter().map(moved).collect());
        }
        let (now_secs, held_secs) = (unobserved_secs(&observed, read), unobserved_secs(&held, read));
        let is_cut = present.by == By::Time && held_secs > now_secs;
        let is_askew = !is_cut && (held_secs - now_secs) * ASKEW_PARTS > read.secs();
        let columns: Vec<&'static Column> = present.columns.iter().map(|column| column.column).collect();
        let present_cut = is_cut.then(|| {
            let cut = alike::only_within(answer, &held);
            table::of_steps(present.report, &columns, &cut, present.span, present.step, &present.zone)
        });
        let cut = (now_secs > 0).then(|| alike::only_within(then, &wanted));
        let then = cut.as_ref().unwrap_or(then);
        let built = table::of_steps(present.report, &columns, then, span, present.step, then_zone);

        let counterparts = counterparts(present, &present.zone, &built, then_zone, back);
        let column = |(at, column): (usize, &TableColumn)| {
            let cells = counterparts.iter().map(|row| column.cells.get((*row)?).copied().flatten());
            let family = column.column.measure().family;
            let wanted = wanted.get(&family).map_or(&[][..], Vec::as_slice);
            let total = enough(then, family, wanted).and_then(|()| column.total.ok_or(Missing::NotObserved));
            let total = if is_askew { total.and(Err(Missing::Partly)) } else { total };
            let held = present_cut.as_ref().and_then(|table| table.columns.get(at));
            let held = held.map(|held| Held { total: held.total, cells: held.cells.clone() });
            BeforeColumn { id: column.column.id, total, cells: cells.collect(), held }
        };
        let span_of = |row: &Option<usize>| match built.rows.get((*row)?)? {
            Row::Step { span, .. } => Some(*span),
            Row::Child(_) | Row::Rest(_) => None,
        };
        Before {
            dates: shift.dates,
            columns: built.columns.iter().enumerate().map(column).collect(),
            rows: counterparts.iter().map(span_of).collect(),
            zone: then_zone.clone(),
            unobserved_secs: if is_cut { held_secs } else { now_secs },
        }
    }

    /// There is nothing to put beside the present Table.
    pub fn without(present: &Table, shift: Earlier, why: Missing) -> Before {
        let column = |column: &TableColumn| BeforeColumn {
            id: column.column.id,
            total: Err(why),
            cells: Vec::new(),
            held: None,
        };
        Before {
            dates: shift.dates,
            columns: present.columns.iter().map(column).collect(),
            rows: Vec::new(),
            zone: present.zone.clone(),
            unobserved_secs: 0,
        }
    }

    pub fn of(&self, column: &Column) -> Option<&BeforeColumn> {
        self.columns.iter().find(|known| known.id == column.id)
    }

    /// Why no column has anything to be compared with.
    fn missing(&self) -> Option<Missing> {
        let first = self.columns.first()?.total.err()?;
        self.columns.iter().all(|column| column.total.is_err()).then_some(first)
    }

    /// What is compared with what, or why it cannot be.
    pub fn sentence(&self) -> String {
        let dates = format::dates(self.dates);
        match self.missing() {
            Some(missing) => text::why_not_compared(missing, &dates),
            None => compared_with(self.dates, self.unobserved_secs),
        }
    }
}

/// A hundredth of a period that was observed of one and not of the other makes a change that is not one.
const ASKEW_PARTS: i64 = 100;

/// What is compared with what, as long as nothing speaks against it.
pub fn compared_with(dates: Dates, unobserved_secs: i64) -> String {
    let left_out = (unobserved_secs > 0).then(|| format::duration(unobserved_secs.unsigned_abs() * 1_000));
    text::compared_with(&format::dates(dates), left_out.as_deref())
}

/// What was read of a Table's span.
fn span_read(present: &Table, answer: &Answer) -> Span {
    let until = answer.read_until.map_or(present.span.until, |read| read.min(present.span.until));
    Span { until, ..present.span }
}

/// The stretches of that which were observed of a family.
fn observed_of(present: &Table, answer: &Answer, family: Family) -> Vec<Span> {
    let coverage = answer.coverage.get(&family).map_or(&[][..], Vec::as_slice);
    alike::observed_stretches(coverage, span_read(present, answer))
}

/// The same for each family that its columns are of.
fn observed(present: &Table, answer: &Answer) -> Few<Family, Vec<Span>> {
    let mut observed = Few::new();
    for column in &present.columns {
        let family = column.column.measure().family;
        observed.get_or_make(family, || observed_of(present, answer, family));
    }
    observed
}

/// How much of a span some stretches leave out, of the family that has most of it left out.
fn unobserved_secs(stretches: &Few<Family, Vec<Span>>, span: Span) -> i64 {
    stretches.values().map(|stretches| left_out_secs(stretches, span)).max().unwrap_or(0)
}

/// How much of a span some stretches leave out; what was not observed at all has no change that could be wrong.
fn left_out_secs(stretches: &[Span], span: Span) -> i64 {
    if stretches.is_empty() { 0 } else { span.secs() - stretches.iter().map(|stretch| stretch.secs()).sum::<i64>() }
}

/// How much of a Table's time was not observed, of the family of which that is most.
pub fn unobserved_secs_of(present: &Table, answer: &Answer) -> i64 {
    let read = span_read(present, answer);
    let left_out =
        |column: &TableColumn| left_out_secs(&observed_of(present, answer, column.column.measure().family), read);
    present.columns.iter().map(left_out).max().unwrap_or(0)
}

/// Whether so much of some stretches was observed that a sum over them is a yardstick: nine tenths.
pub fn enough(answer: &Answer, family: Family, stretches: &[Span]) -> Result<(), Missing> {
    let coverage = answer.coverage.get(&family).map_or(&[][..], Vec::as_slice);
    let wanted: i64 = stretches.iter().map(|stretch| stretch.secs()).sum();
    let observed: i64 = stretches.iter().map(|stretch| observed_secs(coverage, *stretch)).sum();
    match observed {
        0 => Err(Missing::NotObserved),
        observed if observed * 10 < wanted * 9 => Err(Missing::Partly),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests;
