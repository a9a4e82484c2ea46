//! What a step usually shows, from its own kind: Mondays with Mondays, the hour of nine with the hours of nine. A value far
//! above is a spike, and marked. A range of a few weeks has too few Mondays: there all working days are looked at, and a spike
//! stands out of its Mondays, too. Pure.

use mailtally_model::table::TableColumn;
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Step, Table};

use super::calendar::Stamp;

/// Between which values most steps of a kind lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    pub low: f64,
    pub high: f64,
    /// Above this a value is a spike.
    limit: f64,
}

impl Usual {
    /// How many times the limit a value is.
    pub fn exceeded_by(&self, value: f64) -> f64 {
        value / self.limit
    }

    pub fn is_spike(&self, value: f64) -> bool {
        value > self.limit
    }
}

/// Fewer steps of a kind say nothing of what is usual.
const FEWEST: usize = 5;
/// A spike is so many spreads above the middle, and at least so many times it.
const SPREADS: f64 = 6.0;
const TIMES: f64 = 2.0;
/// And at least so much above it, so that small numbers do not shout.
const LEAST: f64 = 20.0;
/// Saturday and Sunday, counted from the Thursday that time begins with.
const WEEKEND: [usize; 2] = [2, 3];

/// The rows of each kind, the same for all columns.
pub struct Kinds {
    step: Step,
    /// By the number of the kind.
    rows: Vec<Vec<usize>>,
}

impl Kinds {
    /// `stamps` are those of the table's rows.
    #[inline(never)]
    pub fn of(table: &Table, stamps: &[Stamp]) -> Kinds {
        let mut rows = vec![Vec::new(); kinds(table.step)];
        for (row, stamp) in stamps.iter().enumerate() {
            rows[kind_of(table.step, stamp)].push(row);
        }
        Kinds { step: table.step, rows }
    }

    /// The rows of a column that are spikes, and what such rows show else; none where too few are of their kind.
    #[inline(never)]
    pub fn spikes(&self, column: &TableColumn) -> Vec<(usize, Usual)> {
        let least = if column.column.is_average() { 0.0 } else { LEAST * column.column.shown_as.divisor() };
        let mut spikes = Vec::new();
        for (kind, rows) in self.rows.iter().enumerate() {
            let own = observed(column, rows);
            if own.len() < FEWEST || may_have_spikes(&own, least) {
                self.spikes_of(kind, own, least, column, &mut spikes);
            }
        }
        spikes
    }

    /// Those of one kind, whose rows show `own`.
    fn spikes_of(
        &self,
        kind: usize,
        own: Vec<f64>,
        least: f64,
        column: &TableColumn,
        spikes: &mut Vec<(usize, Usual)>,
    ) {
        let is_few = own.len() < FEWEST;
        let values = if is_few { self.like(kind, column) } else { own.clone() };
        if !may_have_spikes(&values, least) {
            return;
        }
        let Some(usual) = of_kind(values, least) else { return };
        let is_spike = |value: f64| usual.is_spike(value) && (!is_few || stands_out(value, &own));
        let value = |row: usize| column.cells.get(row).copied().flatten();
        let rows = self.rows[kind].iter().filter(|row| value(**row).is_some_and(is_spike));
        spikes.extend(rows.map(|row| (*row, usual)));
    }

    /// What a column shows in the rows of a kind and of those that are much like it.
    fn like(&self, kind: usize, column: &TableColumn) -> Vec<f64> {
        let of = wider(self.step, kind);
        let alike = self.rows.iter().enumerate().filter(|(other, _)| wider(self.step, *other) == of);
        alike.flat_map(|(_, rows)| observed(column, rows)).collect()
    }
}

/// What a column shows in some rows, where it was observed.
#[inline(never)]
fn observed(column: &TableColumn, rows: &[usize]) -> Vec<f64> {
    rows.iter().filter_map(|row| column.cells.get(*row).copied().flatten()).collect()
}

/// Whether a kind is of a weekend, and of which hour.
fn wider(step: Step, kind: usize) -> (bool, usize) {
    let (day, hour) = match step {
        Step::Hour => (kind / 24, kind % 24),
        Step::Day | Step::Week | Step::Month | Step::Quarter => (kind, 0),
    };
    (WEEKEND.contains(&day), hour)
}

/// Whether a value is far above the others of its few: what comes each Tuesday is usual on Tuesdays.
fn stands_out(value: f64, few: &[f64]) -> bool {
    let is_far_below = |other: &&f64| **other * TIMES < value;
    few.len() > 1 && few.iter().filter(is_far_below).count() == few.len() - 1
}

/// How many kinds there are: each hour of a week, each of its days, or one of longer steps, which are few.
fn kinds(step: Step) -> usize {
    match step {
        Step::Hour => 7 * 24,
        Step::Day => 7,
        Step::Week | Step::Month | Step::Quarter => 1,
    }
}

fn kind_of(step: Step, stamp: &Stamp) -> usize {
    let week = stamp.local_secs().rem_euclid(7 * DAY_SECS);
    let kind = match step {
        Step::Hour => week / 3600,
        Step::Day => week / DAY_SECS,
        Step::Week | Step::Month | Step::Quarter => 0,
    };
    kind as usize
}

/// Whether the highest value is above what the limit is at least. Most kinds have no spike, and one walk says so.
#[inline(never)]
fn may_have_spikes(values: &[f64], least: f64) -> bool {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The limit is taken from the middle, which is not below the lowest.
    highest > (lowest * TIMES).max(lowest + least)
}

fn of_kind(values: Vec<f64>, least: f64) -> Option<Usual> {
    if values.len() < FEWEST {
        return None;
    }
    let values = in_order(values);
    let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
    let (low, middle, high) = (at(0.1), at(0.5), at(0.9));
    let away = in_order(values.iter().map(|value| (value - middle).abs()));
    // As wide as chance alone makes counts, even where they were the same each time.
    let spread = (1.4826 * away[away.len() / 2]).max(middle.max(0.0).sqrt()).max(middle * 0.05);
    let limit = (middle + SPREADS * spread).max(middle * TIMES).max(middle + least);
    // A spike that is itself among the highest tenth is not what is usual.
    let high = values.iter().rev().copied().find(|value| *value <= limit.min(high)).unwrap_or(middle);
    Some(Usual { low, high, limit })
}

/// Values from the lowest on. Those of a kind are some dozens, and a sort of floats would be all the code that is loaded
/// for sorting before a report.
fn in_order(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = Vec::new();
    for value in values {
        let place = sorted.partition_point(|other| *other <= value);
        sorted.insert(place, value);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_stands_out_and_an_ordinary_day_does_not() {
        let mut values = vec![2012.0, 2101.0, 2077.0, 2163.0, 2240.0, 2094.0, 1998.0, 2056.0, 2130.0, 2005.0, 2042.0];
        let usual = of_kind(values.clone(), 20.0).expect("enough");
        assert!(values.iter().all(|value| !usual.is_spike(*value)));
        values.push(9_400.0);
        let usual = of_kind(values, 20.0).expect("enough");
        assert!(usual.is_spike(9_400.0) && !usual.is_spike(2_400.0));
        assert!(usual.high < 3_000.0, "the spike itself is not usual: {usual:?}");
    }

    #[test]
    fn working_days_are_like_each_other_and_weekends_are_not() {
        // Friday, Saturday, Sunday, Monday.
        let weekends = [1, 2, 3, 4].map(|day| wider(Step::Day, day).0);
        assert_eq!(weekends, [false, true, true, false]);
        assert_eq!(wider(Step::Hour, 24 + 9), wider(Step::Hour, 4 * 24 + 9));
        assert_ne!(wider(Step::Hour, 24 + 9), wider(Step::Hour, 2 * 24 + 9));
        assert_ne!(wider(Step::Hour, 24 + 9), wider(Step::Hour, 24 + 10));
    }

    #[test]
    fn small_numbers_do_not_shout() {
        let usual = of_kind(vec![0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 12.0], 20.0).expect("enough");
        assert!(!usual.is_spike(12.0) && usual.is_spike(600.0));
        assert_eq!(of_kind(vec![1.0; 4], 20.0), None);
    }
}
