//! From an answer to what people see: rows, totals, and for each cell a value or "not observed".

use std::borrow::Cow;

use crate::basis::Basis;
use crate::catalogue::{Column, Report};
use crate::fold;
pub use crate::fold::Children;
use crate::step::Step;
use crate::subject::Subject;
use crate::time::{Span, Time};
use crate::wire::{Answer, By};
use crate::zone::Zone;

/// What people see. Chart and CSV are other faces of the same Table.
#[derive(Clone, Debug)]
pub struct Table {
    pub report: &'static Report,
    pub subject: Subject,
    pub by: By,
    /// The step of a Trend; kept for a Mode too, so that going back finds it.
    pub step: Step,
    /// The zone that it was folded in: steps begin on its wall clock.
    pub zone: Zone,
    pub span: Span,
    pub columns: Vec<TableColumn>,
    pub rows: Vec<Row>,
}

/// A column with its cells: one for each row, in the rows' natural order.
#[derive(Clone, Debug)]
pub struct TableColumn {
    pub column: &'static Column,
    /// The worst basis in the range.
    pub basis: Basis,
    /// In the unit that is sent; `None` is not observed, or not available.
    pub cells: Vec<Option<f64>>,
    /// The viewed subject's own total (or mean) over the span; `None` when nothing of it was observed.
    pub total: Option<f64>,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A step's key is not kept: it is spelled from the span where it is read, for one row in twenty on a long Trend.
    Step {
        /// The whole calendar step, whether or not the range and the reading cover it.
        span: Span,
        /// `None` when the whole step lies in the range, was read and is over.
        partial: Option<Partial>,
    },
    /// A child that can be viewed.
    Child(Subject),
    /// `(other)` or `(unattributed)`: a row, not a subject.
    Rest(&'static str),
}

/// Why a step is not whole, the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// The range begins or ends inside it.
    Clipped,
    /// It is not over, or was not read to its end: read up to here.
    InProgress(Time),
    /// Part of it was not observed.
    Gap,
}

/// Which column sorts the rows. `column: None` is the first column: the step or the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub column: Option<usize>,
    pub descending: bool,
}

/// Folds an answer into rows. `span` lies within the answer's own (a Trend is fetched a day wider, so that a zone change
/// only refolds); `columns` are those to show, in order.
///
/// For a Trend every step between the first and the last is a row, and totals are of the slots in `span`. For a Mode one
/// row a child, by name, then `(other)`, then `(unattributed)` where the measure is additive and something is left; totals
/// are the viewed subject's own.
pub fn build(
    report: &'static Report,
    columns: &[&'static Column],
    answer: &Answer,
    span: Span,
    step: Step,
    zone: &Zone,
) -> Table {
    match answer.by {
        By::Time => of_steps(report, columns, answer, span, step, zone),
        By::Domains | By::Users | By::Services => {
            of_children(Children::of(answer), report, columns, answer, span, step, zone)
        }
    }
}

/// The same of a Mode whose rows were made before: of a hundred thousand names, to make them takes a third of it all.
pub fn of_children(
    children: Children,
    report: &'static Report,
    columns: &[&'static Column],
    answer: &Answer,
    span: Span,
    step: Step,
    zone: &Zone,
) -> Table {
    let folded = fold::by_child(columns, answer, span, children);
    of_folded(folded, report, answer, span, step, zone)
}

/// The same of a Trend.
pub fn of_steps(
    report: &'static Report,
    columns: &[&'static Column],
    answer: &Answer,
    span: Span,
    step: Step,
    zone: &Zone,
) -> Table {
    let folded = fold::by_step(columns, answer, span, step, zone);
    of_folded(folded, report, answer, span, step, zone)
}

fn of_folded(
    (rows, columns): (Vec<Row>, Vec<TableColumn>),
    report: &'static Report,
    answer: &Answer,
    span: Span,
    step: Step,
    zone: &Zone,
) -> Table {
    Table { report, subject: answer.subject.clone(), by: answer.by, step, zone: zone.clone(), span, columns, rows }
}

impl Row {
    /// The row's name for a person who reads English: as [`Step::name`] has it, or the child's name as such, without the
    /// prefix that tells one kind of service from another.
    pub fn label(&self, step: Step, zone: &Zone) -> String {
        match self {
            Row::Step { span, .. } => step.name(span.from, zone),
            Row::Child(Subject::Service(_, name)) => name.clone(),
            Row::Child(subject) => subject.name().into_owned(),
            Row::Rest(name) => (*name).to_owned(),
        }
    }
}

impl Table {
    /// A row's name or step key: what JSON and CSV carry.
    pub fn key<'a>(&self, row: &'a Row) -> Cow<'a, str> {
        match row {
            Row::Step { span, .. } => Cow::Owned(self.step.key(span.from, &self.zone)),
            Row::Child(subject) => subject.name(),
            Row::Rest(name) => Cow::Borrowed(name),
        }
    }

    /// The rows' order under a sort: positions in `rows`. Stable; not observed comes last either way; rest rows stay last in
    /// an order by name.
    pub fn order(&self, sort: Option<Sort>) -> Vec<u32> {
        // They stand last as it is.
        let subjects = self.rows.iter().rposition(|row| !matches!(row, Row::Rest(_))).map_or(0, |last| last + 1) as u32;
        let rests = subjects..self.rows.len() as u32;
        let mut order: Vec<u32> = (0..subjects).collect();
        match sort {
            None | Some(Sort { column: None, descending: false }) => {}
            Some(Sort { column: None, descending: true }) => order.reverse(),
            Some(Sort { column: Some(column), descending }) => {
                if let Some(column) = self.columns.get(column) {
                    order.extend(rests);
                    return sorted(&order, &column.cells, descending);
                }
            }
        }
        order.extend(rests);
        order
    }

    /// Some of the rows, the `most` with the most in a column first, largest first, the others as they stood; rows that are
    /// no subject stay last.
    pub fn largest_first(&self, rows: &[u32], column: usize, most: usize) -> Vec<u32> {
        let is_rest = |row: &&u32| matches!(self.rows.get(**row as usize), Some(Row::Rest(_)));
        let rests = rows.iter().rev().take_while(is_rest).count();
        let Some(column) = self.columns.get(column) else { return rows.to_vec() };
        let (subjects, rests) = rows.split_at(rows.len() - rests);
        let cell = |row: u32| column.cells.get(row as usize).copied().flatten();
        let first = largest(subjects, most, |row| cell(row).map_or(0, rank));
        let others = subjects.iter().filter(|row| !first.contains(row));
        first.iter().chain(others).chain(rests).copied().collect()
    }

    /// What some of the rows have in a column together.
    pub fn sum(&self, rows: &[u32], column: usize) -> f64 {
        let Some(column) = self.columns.get(column) else { return 0.0 };
        rows.iter().filter_map(|row| column.cells.get(*row as usize).copied().flatten()).sum()
    }

    /// The same where it is a number of anything: a connection may serve two domains, and means are not added.
    pub fn sum_shown(&self, rows: &[u32], column: usize) -> Option<f64> {
        let of = self.columns.get(column)?.column;
        (of.is_additive() && of.is_told_by(self.by)).then(|| self.sum(rows, column))
    }

    /// Of some of the rows at most `most`, those with the largest shares over some columns, largest first. Each column comes
    /// with its whole.
    pub fn largest_shares(&self, rows: &[u32], wholes: &[(usize, f64)], most: usize) -> Vec<u32> {
        // To multiply is a fifth of to divide.
        let columns =
            wholes.iter().filter_map(|(column, whole)| Some((&self.columns.get(*column)?.cells, 1.0 / whole)));
        let columns: Vec<(&Vec<Option<f64>>, f64)> = columns.collect();
        let share = |row: u32| -> f64 {
            columns.iter().map(|(cells, part)| cells.get(row as usize).copied().flatten().unwrap_or(0.0) * part).sum()
        };
        largest(rows, most, |row| Some(share(row)).filter(|share| *share > 0.0).map_or(0, rank))
    }

    /// Leaves in an order the rows of subjects whose names hold a text, in letters of either case.
    pub fn retain_named(&self, order: &mut Vec<u32>, text: &str) {
        if text.is_empty() {
            return;
        }
        order.retain(|row| match self.rows.get(*row as usize) {
            Some(Row::Child(subject)) => holds(&subject.name(), text),
            Some(Row::Step { .. } | Row::Rest(_)) | None => false,
        });
    }

    /// The label of the first column: Hour, Day, Week, Month, Quarter, or Domain, User, Service.
    pub fn first_label(&self) -> &'static str {
        match self.by {
            By::Time => self.step.label(),
            By::Domains => "Domain",
            By::Users => "User",
            By::Services => "Service",
        }
    }
}

/// Whether a name holds a text, in letters of either case.
pub fn holds(name: &str, text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return true };
    let either_case = [first.to_ascii_lowercase(), first.to_ascii_uppercase()];
    let mut places = name.as_bytes().windows(text.len());
    places.any(|place| either_case.contains(&place[0]) && place.eq_ignore_ascii_case(text.as_bytes()))
}

/// `rows` by their cells, not observed last whatever the direction, equal ones as they stood.
///
/// The same as a stable sort that compares cells, with the values in the list that is sorted, as numbers that order as they
/// do.
fn sorted(rows: &[u32], cells: &[Option<f64>], descending: bool) -> Vec<u32> {
    let mut observed: Vec<(u64, u32)> = Vec::with_capacity(rows.len());
    let mut unobserved = Vec::new();
    for row in rows {
        match cells.get(*row as usize).copied().flatten() {
            Some(value) => observed.push((if descending { !rank(value) } else { rank(value) }, *row)),
            None => unobserved.push(*row),
        }
    }
    let observed = in_order(observed);
    observed.into_iter().map(|(_, row)| row).chain(unobserved).collect()
}

/// At most so many of the rows, the heaviest first, equal ones as they stand; what weighs nothing is left out. Found in one
/// walk, since a sort of a hundred thousand rows for the first few takes longer than a frame.
fn largest(rows: &[u32], most: usize, weight: impl Fn(u32) -> u64) -> Vec<u32> {
    let mut largest: Vec<(u64, u32)> = Vec::with_capacity(most + 1);
    let mut least = 0;
    for row in rows {
        let weight = weight(*row);
        if weight > least {
            let place = largest.partition_point(|(other, _)| *other >= weight);
            largest.insert(place, (weight, *row));
            largest.truncate(most);
            least = if largest.len() == most { largest[most - 1].0 } else { 0 };
        }
    }
    largest.into_iter().map(|(_, row)| row).collect()
}

/// Positions of the values, the largest first, equal ones as they stand.
pub fn largest_first(values: &[f64]) -> Vec<u32> {
    let ranks = values.iter().zip(0..).map(|(value, position)| (!rank(*value), position));
    in_order(ranks.collect()).into_iter().map(|(_, position)| position).collect()
}

/// Pairs by their ranks, equal ones as they stood: byte by byte from the lowest, each time by counting, which compares
/// nothing. A hundred thousand rows take a fifth of the time that comparing takes; a byte that all share costs nothing.
fn in_order(mut pairs: Vec<(u64, u32)>) -> Vec<(u64, u32)> {
    let Some((first, _)) = pairs.first().copied() else { return pairs };
    // The bits in which not all are alike: of whole numbers a few at the top.
    let varying = pairs.iter().fold(0, |varying, (rank, _)| varying | (rank ^ first));
    let mut moved = pairs.clone();
    for shift in (0..u64::BITS).step_by(8).filter(|shift| (varying >> shift) & 0xff != 0) {
        let byte = |pair: &(u64, u32)| (pair.0 >> shift) as usize & 0xff;
        let mut places = [0_usize; 256];
        for pair in &pairs {
            places[byte(pair)] += 1;
        }
        // From how many have a byte to where the first of them goes.
        places.iter_mut().fold(0, |first, place| first + std::mem::replace(place, first));
        for pair in &pairs {
            let place = &mut places[byte(pair)];
            moved[*place] = *pair;
            *place += 1;
        }
        std::mem::swap(&mut pairs, &mut moved);
    }
    pairs
}

/// A number that orders as `f64::total_cmp` orders the value: its bits, but that negative values count downward.
fn rank(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The order as it reads: compare two cells.
    fn plainly_sorted(rows: &[u32], cells: &[Option<f64>], descending: bool) -> Vec<u32> {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| match (cells[*a as usize], cells[*b as usize]) {
            (Some(a), Some(b)) if descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        rows
    }

    #[test]
    fn names_are_found_in_either_case() {
        let rows = ["Ann@example.com", "ben@example.com", "joann@example.net"];
        let rows = rows.map(|name| Row::Child(Subject::Mailbox(name.to_owned())));
        let table = Table {
            report: &crate::catalogue::REPORTS[0],
            subject: Subject::Server,
            by: By::Users,
            step: Step::Day,
            zone: Zone::utc(),
            span: Span::new(Time(0), Time(900)),
            columns: Vec::new(),
            rows: rows.into_iter().chain([Row::Rest(crate::subject::OTHER)]).collect(),
        };
        let named = |text: &str| {
            let mut order = table.order(None);
            table.retain_named(&mut order, text);
            order
        };
        assert_eq!(named("aNN"), [0, 2]);
        assert_eq!(named("@example.com"), [0, 1]);
        assert_eq!(named("joann@example.net."), [] as [u32; 0]);
        assert_eq!(named("other"), [] as [u32; 0], "a rest is no name");
        assert_eq!(named(""), [0, 1, 2, 3]);
        assert_eq!(table.order(Some(Sort { column: None, descending: true })), [2, 1, 0, 3]);

        // What is no name's may be the largest, and then stands first.
        let column = TableColumn {
            column: &table.report.columns[0],
            basis: Basis::Exact,
            cells: vec![Some(3.0), Some(1.0), None, Some(140.0)],
            total: Some(144.0),
        };
        let table = Table { columns: vec![column], ..table };
        assert_eq!(table.order(Some(Sort { column: Some(0), descending: true })), [3, 0, 1, 2]);
        assert_eq!(table.order(Some(Sort { column: Some(0), descending: false })), [1, 0, 3, 2]);
    }

    proptest! {
        #[test]
        fn the_largest_are_those_of_the_plain_order(
            cells in prop::collection::vec(prop::option::of(0_u32..9), 0..60), most in 1_usize..9,
        ) {
            let cells: Vec<Option<f64>> = cells.into_iter().map(|cell| Some(f64::from(cell?))).collect();
            let rows: Vec<u32> = (0..cells.len() as u32).rev().collect();
            let found = largest(&rows, most, |row| cells[row as usize].map_or(0, rank));
            let plain = plainly_sorted(&rows, &cells, true).into_iter().filter(|row| cells[*row as usize].is_some());
            prop_assert_eq!(found, plain.take(most).collect::<Vec<u32>>());
        }

        #[test]
        fn the_quick_order_is_the_plain_one(
            cells in prop::collection::vec(prop::option::of(prop_oneof![-3_i32..4, any::<i32>()]), 0..60), descending: bool,
        ) {
            // Few different values, so that many are equal, and some zeros with a minus.
            let cells: Vec<Option<f64>> = cells.into_iter().map(|cell| Some(f64::from(cell?) * -0.25)).collect();
            let rows: Vec<u32> = (0..cells.len() as u32).rev().collect();
            prop_assert_eq!(sorted(&rows, &cells, descending), plainly_sorted(&rows, &cells, descending));
        }
    }
}
