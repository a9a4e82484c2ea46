//! From an answer to what people see: rows, totals, and for each cell a value or "not observed".

use crate::basis::Basis;
use crate::catalogue::{Column, Report};
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
    pub zone_name: String,
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
    Step {
        /// As [`Step::key`] spells it.
        key: String,
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
/// For a Trend every step between the first and the last is a row. For a Mode one row a child, by name, then `(other)`,
/// then `(unattributed)` where the measure is additive and something is left.
pub fn build(
    report: &'static Report,
    columns: &[&'static Column],
    answer: &Answer,
    span: Span,
    step: Step,
    zone: &Zone,
) -> Table {
    todo!()
}

impl Row {
    /// The name or step key: what JSON and CSV carry.
    pub fn key(&self) -> String {
        match self {
            Row::Step { key, .. } => key.clone(),
            Row::Child(subject) => subject.to_string(),
            Row::Rest(name) => (*name).to_owned(),
        }
    }
}

impl Table {
    /// The rows' order under a sort: positions in `rows`. Stable; not observed comes last either way; rest rows stay last.
    pub fn order(&self, sort: Option<Sort>) -> Vec<u32> {
        todo!()
    }

    /// The label of the first column: Hour, Day, Week, Month, Quarter, or Domain, User, Service.
    pub fn first_label(&self) -> &'static str {
        todo!()
    }
}
