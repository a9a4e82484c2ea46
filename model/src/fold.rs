//! From counters to the rows and cells of a Table: sums by step, sums by child, and what was not observed.
//!
//! Edges of steps are worked out once and the answer's slots are walked once: a million of them cost milliseconds, in the
//! browser too. Knows nothing of sorting, names on screen or files.

use std::borrow::Cow;
use std::ops::Range;

use crate::basis::Basis;
use crate::catalogue::{Column, Formula};
use crate::coverage::{Covered, Observed, observed_of_each};
use crate::few::Few;
use crate::measure::Family;
use crate::numbers::Numbers;
use crate::step::Step;
use crate::subject::{self, OTHER, Subject, UNATTRIBUTED};
use crate::table::{Partial, Row, TableColumn};
use crate::time::{SLOT_SECS, Span, Time};
use crate::wire::Answer;
use crate::zone::Zone;

/// One row a step, each step between the first and the last of `span`. The answer may be wider than `span`; slots outside
/// are left out, of the totals too.
pub(crate) fn by_step(
    columns: &[&'static Column],
    answer: &Answer,
    span: Span,
    step: Step,
    zone: &Zone,
) -> (Vec<Row>, Vec<TableColumn>) {
    let edges = step.edges(span, zone);
    let steps: Vec<Span> = edges.windows(2).map(|edge| Span::new(edge[0], edge[1])).collect();
    let read = span_read(answer, span);
    let steps_read: Vec<Span> = steps.iter().map(|step| step.intersect(read)).collect();
    let observed = observed_by_family(columns, answer, &steps_read);
    let slots = slots_of_each(&answer.slot, &steps, span);

    let cells = columns.iter().map(|column| {
        let observed = &observed[&column.measure().family];
        let observed_secs = observed.iter().map(|observed| observed.secs).sum();
        let Some(values) = values(answer, column) else { return not_available(column, answer, steps.len()) };
        let sums: Vec<u64> = slots.iter().map(|range| values.sum(range.clone())).collect();
        TableColumn {
            column,
            basis: basis(answer, column),
            cells: sums.iter().zip(observed).map(|(sum, observed)| cell(column, *sum, observed.secs)).collect(),
            total: cell(column, sum(&sums), observed_secs),
        }
    });
    let cells = cells.collect();

    // What has no source here was not missed.
    let has_source = |family: &Family| {
        columns.iter().any(|column| column.measure().family == *family && values(answer, column).is_some())
    };
    let of_sources = observed.iter().filter(|(family, _)| has_source(family));
    let of_sources: Vec<&Vec<Observed>> = of_sources.map(|(_, observed)| observed).collect();
    let rows = steps.iter().enumerate().map(|(position, whole)| Row::Step {
        span: *whole,
        partial: partial(*whole, span, answer.read_until, of_sources.iter().map(|observed| observed[position])),
    });
    (rows.collect(), cells)
}

/// One row a child, by name, then `(other)`, then `(unattributed)` where something is left of a column that adds up.
pub(crate) fn by_child(
    columns: &[&'static Column],
    answer: &Answer,
    span: Span,
    children: Children,
) -> (Vec<Row>, Vec<TableColumn>) {
    let observed = observed_by_family(columns, answer, &[span_read(answer, span)]);
    let Children { mut rows, row_of_name } = children;
    // Looked up once for all columns.
    let row_of_each = match row_of_name {
        None => Cow::Borrowed(&answer.subject_index),
        Some(row_of_name) => {
            let row_of = |name: &u32| row_of_name.get(*name as usize).copied().unwrap_or(u32::MAX);
            Cow::Owned(answer.subject_index.iter().map(row_of).collect())
        }
    };
    let mut cells: Vec<TableColumn> = Vec::with_capacity(columns.len());
    let mut left: Vec<Option<u64>> = Vec::with_capacity(columns.len());
    // Of the column after, where both were summed at once.
    let mut sums_of_next: Option<Vec<u64>> = None;
    for (nth, column) in columns.iter().enumerate() {
        let Some(of_column) = values(answer, column) else {
            cells.push(not_available(column, answer, rows.len()));
            left.push(None);
            continue;
        };
        let observed_secs = observed[&column.measure().family][0].secs;
        let own = answer.totals.get(column.measure().id).copied().unwrap_or_default();
        let of_children = column.is_told_by(answer.by);
        let sums = sums_of_next.take().unwrap_or_else(|| {
            let of_next = columns.get(nth + 1).and_then(|next| values(answer, next));
            let (sums, besides) = of_column.sums_by_row(of_next, &row_of_each, rows.len());
            sums_of_next = besides;
            sums
        });
        left.push((of_children && column.is_additive()).then(|| own.saturating_sub(sum(&sums))));
        cells.push(TableColumn {
            column,
            basis: basis(answer, column),
            cells: sums.iter().map(|sum| if of_children { cell(column, *sum, observed_secs) } else { None }).collect(),
            total: cell(column, own, observed_secs),
        });
    }
    if left.iter().flatten().any(|left| *left > 0) {
        rows.push(Row::Rest(UNATTRIBUTED));
        for (column, left) in cells.iter_mut().zip(left) {
            column.cells.push(left.map(|left| left as f64));
        }
    }
    (rows, cells)
}

/// What a sum shows as. Something counted was observed, even where the log begins and ends within one second.
fn cell(column: &Column, sum: u64, observed_secs: i64) -> Option<f64> {
    match column.formula {
        Formula::Sum(_) => (sum > 0 || observed_secs > 0).then_some(sum as f64),
        Formula::Average { scale, .. } => (observed_secs > 0).then(|| sum as f64 * scale / observed_secs as f64),
    }
}

/// Why a step is not whole, the first reason that holds.
fn partial(
    whole: Span,
    range: Span,
    read_until: Option<Time>,
    mut observed: impl Iterator<Item = Observed>,
) -> Option<Partial> {
    if whole.from < range.from || range.until < whole.until {
        return Some(Partial::Clipped);
    }
    if let Some(read_until) = read_until
        && read_until < whole.until
    {
        return Some(Partial::InProgress(read_until));
    }
    observed.any(|observed| observed.hosts_missing || observed.secs < whole.secs()).then_some(Partial::Gap)
}

/// For each step the positions in `slot` (first a number, then distances) that lie in it and in `span`.
///
/// One walk over the distances that compares slots' numbers: a list of their starts would be 8 MB at a million slots.
fn slots_of_each(slot: &[i32], steps: &[Span], span: Span) -> Vec<Range<usize>> {
    let (mut at, mut number) = (0, slot.first().copied().map_or(0, i64::from));
    // The position of the first slot that starts at `until` or later.
    let mut walk_to = |until: Time| {
        let first = until.plus_secs(SLOT_SECS - 1).slot().0;
        // As long as a whole stride stays before it, none of its slots is looked at.
        while let Some(stretch) = slot.get(at + 1..=at + STRIDE)
            && let Some(ahead) = distance(stretch)
            && number.saturating_add(ahead) < first
        {
            at += STRIDE;
            number = number.saturating_add(ahead);
        }
        while at < slot.len() && number < first {
            at += 1;
            number = number.saturating_add(slot.get(at).copied().map_or(0, i64::from));
        }
        at
    };
    let mut from = walk_to(span.from);
    steps
        .iter()
        .map(|step| {
            let until = walk_to(step.until.min(span.until));
            let slots = from..until;
            from = until;
            slots
        })
        .collect()
}

/// Slots that are passed over at once.
const STRIDE: usize = 64;

/// How far a stretch of distances leads; `None` where one of them leads back, or further than any calendar. Four at a time,
/// as [`Numbers::sum`].
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn distance(stretch: &[i32]) -> Option<i64> {
    let add = |(sum, bits): (i32, i32), distance: &i32| (sum.wrapping_add(*distance), bits | distance);
    let (sum, bits) = stretch.iter().fold((0, 0), add);
    // So many distances below this cannot pass 2^31.
    (0..i32::MAX / STRIDE as i32).contains(&bits).then_some(i64::from(sum))
}

/// The rows of a Mode, by name, then `(other)`.
#[derive(Debug, PartialEq)]
pub struct Children {
    rows: Vec<Row>,
    /// For each name of the answer its row; `None` where each has its own, as sent. One that is no subject belongs to `(other)`.
    row_of_name: Option<Vec<u32>>,
}

impl Children {
    pub fn of(answer: &Answer) -> Children {
        let subjects = || answer.subjects.iter().map(|name| name.parse().ok());
        Children::as_sent(subjects()).unwrap_or_else(|| Children::sorted(subjects().collect()))
    }

    /// The server sends subjects in order, each once, and then what is none: each is a row where it stands. `None` where it is
    /// not so.
    fn as_sent(subjects: impl ExactSizeIterator<Item = Option<Subject>>) -> Option<Children> {
        let count = subjects.len();
        // And one for what belongs to none of them.
        let mut rows: Vec<Row> = Vec::with_capacity(count + 1);
        for subject in subjects {
            let is_next = match (rows.last(), &subject) {
                (Some(Row::Child(last)), Some(subject)) => last < subject,
                (last, _) => !matches!(last, Some(Row::Rest(_))),
            };
            if !is_next {
                return None;
            }
            rows.push(subject.map_or(Row::Rest(OTHER), Row::Child));
        }
        Some(Children { rows, row_of_name: None })
    }

    fn sorted(mut subjects: Vec<Option<Subject>>) -> Children {
        let has_other = subjects.iter().any(Option::is_none);
        let mut rows: Vec<Row> = Vec::with_capacity(subjects.len() + 1);
        let mut row_of_name = vec![u32::MAX; subjects.len()];
        for position in subject::in_order(&subjects) {
            let Some(child) = subjects[position as usize].take() else { continue };
            // A name that is sent twice is one child.
            if !matches!(rows.last(), Some(Row::Child(last)) if *last == child) {
                rows.push(Row::Child(child));
            }
            row_of_name[position as usize] = rows.len() as u32 - 1;
        }
        if has_other {
            rows.push(Row::Rest(OTHER));
            let other = rows.len() as u32 - 1;
            row_of_name.iter_mut().filter(|row| **row == u32::MAX).for_each(|row| *row = other);
        }
        Children { rows, row_of_name: Some(row_of_name) }
    }
}

/// The part of `span` that may have been observed: nothing after `read_until` was.
fn span_read(answer: &Answer, span: Span) -> Span {
    let until = answer.read_until.unwrap_or(span.from);
    Span::new(span.from, span.until.min(until))
}

fn observed_by_family(columns: &[&'static Column], answer: &Answer, spans: &[Span]) -> Few<Family, Vec<Observed>> {
    let mut by_family = Few::new();
    for column in columns {
        let family = column.measure().family;
        by_family.get_or_make(family, || {
            let coverage: &[Covered] = answer.coverage.get(&family).map_or(&[], Vec::as_slice);
            observed_of_each(coverage, spans)
        });
    }
    by_family
}

/// The worst basis in the range, and the measure's best where the answer does not say.
fn basis(answer: &Answer, column: &Column) -> Basis {
    answer.basis.get(column.measure().id).copied().unwrap_or(column.best_basis())
}

/// The answer's values for a column; `None` when its source does not log it or is not set up.
fn values<'a>(answer: &'a Answer, column: &Column) -> Option<&'a Numbers> {
    let values = answer.values.get(column.measure().id)?;
    basis(answer, column).has_values().then_some(values)
}

fn not_available(column: &'static Column, answer: &Answer, rows: usize) -> TableColumn {
    TableColumn { column, basis: basis(answer, column), cells: vec![None; rows], total: None }
}

/// Saturating: a wrong number must not become a small one by wrapping.
fn sum(sums: &[u64]) -> u64 {
    sums.iter().fold(0, |sum, value| sum.saturating_add(*value))
}

#[cfg(test)]
mod tests;
