//! Where everything of a chart goes, and what lies under a pointer. Pure: a function of Table, size and text widths, with
//! no signal, canvas or colour in it; `draw` only joins the dots.

mod bars;
mod share;
mod trend;

use std::collections::BTreeSet;

use mailtally_model::table::Row;
use mailtally_model::{Basis, By, Subject as Viewed, Table};

pub use bars::{Bars, MOST_ROWS};
pub use share::Share;
pub use trend::{Spike, Trend};

use super::kind::ChartKind;
use super::reduce::Point;
use super::scale::Unit;
use super::usual::Usual;
use crate::compare::Before;
use crate::format::visible;
use crate::text;

/// What is drawn: a Table, the rows' order on screen, a kind, the ids of the columns that are not drawn, and an earlier
/// period's values to draw beside.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub table: &'a Table,
    pub order: &'a [u32],
    pub kind: ChartKind,
    pub hidden: &'a BTreeSet<String>,
    pub before: Option<&'a Before>,
    /// A longer stretch of the same, for what is usual.
    pub past: Option<&'a Table>,
}

/// The surface. Its units are finer than its pixels, so that a slope is smooth while an edge can be sharp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// In units.
    pub width: i32,
    pub height: i32,
    /// Units in a CSS pixel.
    pub px: f64,
    /// Units in a pixel of the screen.
    pub dot: i32,
}

impl Frame {
    /// Units in so many CSS pixels.
    pub fn css(&self, pixels: f64) -> i32 {
        (pixels * self.px).round() as i32
    }

    /// The edge of a screen pixel nearest to a place in units.
    pub fn snap(&self, place: f64) -> i32 {
        (place / f64::from(self.dot)).round() as i32 * self.dot
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Rect {
    pub fn width(&self) -> i32 {
        self.right - self.left
    }

    pub fn height(&self) -> i32 {
        self.bottom - self.top
    }

    fn contains(&self, (x, y): Point) -> bool {
        (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y)
    }
}

/// Where everything goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Layout {
    Trend(Trend),
    Bars(Bars),
    Share(Share),
}

/// Why there is nothing to draw: said on the page instead of an empty chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    NoRows,
    AllHidden,
    NotObserved,
    NotAvailable,
    NotConfigured,
    NoShares,
}

impl Nothing {
    pub fn sentence(self) -> &'static str {
        match self {
            Nothing::NoRows => text::CHART_NO_ROWS,
            Nothing::AllHidden => text::CHART_ALL_HIDDEN,
            Nothing::NotObserved => text::CHART_NOT_OBSERVED,
            Nothing::NotAvailable => text::CHART_NOT_AVAILABLE,
            Nothing::NotConfigured => text::CHART_NOT_CONFIGURED,
            Nothing::NoShares => text::CHART_NO_SHARES,
        }
    }
}

/// How a row is marked when it is pointed at, in units.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The whole of the row.
    pub band: Rect,
    /// A point for each series drawn as a line: its column and place.
    pub points: Vec<(usize, Point)>,
}

/// At most this many units on one chart: one axis at the left, one at the right.
const MOST_UNITS: usize = 2;

impl Layout {
    /// Lays a Trend out on `frame`. `room` measures a label's width in units.
    pub fn trend(subject: Subject, frame: Frame, room: &dyn Fn(&str) -> i32) -> Result<Layout, Nothing> {
        let drawn = Drawn::of(subject)?;
        Ok(Layout::Trend(Trend::new(subject, &drawn, frame, room)))
    }

    /// The same for any chart.
    pub fn new(subject: Subject, frame: Frame, room: &dyn Fn(&str) -> i32) -> Result<Layout, Nothing> {
        let drawn = Drawn::of(subject)?;
        match subject.kind {
            ChartKind::Bar => Ok(Layout::Bars(Bars::new(subject, &drawn, frame, room))),
            ChartKind::Share => Share::new(subject, &drawn, frame, room).map(Layout::Share),
            ChartKind::Line
            | ChartKind::Area
            | ChartKind::StackedArea
            | ChartKind::Column
            | ChartKind::StackedColumn => Ok(Layout::Trend(Trend::new(subject, &drawn, frame, room))),
        }
    }

    /// The row at a point; for a trend any row above or below it.
    pub fn hit(&self, at: Point) -> Option<usize> {
        match self {
            Layout::Trend(trend) => trend.hit(at),
            Layout::Bars(bars) => bars.hit(at),
            Layout::Share(share) => share.hit(at),
        }
    }

    /// The rows that can be pointed at, in the order in which the arrow keys visit them.
    pub fn rows(&self) -> Vec<usize> {
        match self {
            Layout::Trend(trend) => (0..trend.partial.len()).collect(),
            Layout::Bars(bars) => bars.lines.iter().map(|line| line.row).collect(),
            Layout::Share(share) => share.rows(),
        }
    }

    /// Columns that are wanted and found no axis, and rows that are on screen and not drawn.
    pub fn not_drawn(&self) -> (&[usize], usize) {
        match self {
            Layout::Trend(trend) => (&trend.left_out, 0),
            Layout::Bars(bars) => (&bars.left_out, bars.more),
            Layout::Share(share) => (&share.left_out, 0),
        }
    }

    /// Whether an earlier period is drawn, too.
    pub fn has_earlier(&self) -> bool {
        matches!(self, Layout::Trend(trend) if trend.before.iter().any(|series| series.tops.iter().any(Option::is_some)))
    }

    /// What is usual where a column's value in a row is far above it.
    pub fn usual(&self, row: usize, column: usize) -> Option<Usual> {
        let Layout::Trend(trend) = self else { return None };
        let is_it = |spike: &&Spike| spike.row == row && trend.series[spike.nth].column == column;
        trend.unusual.iter().find(is_it).map(|spike| spike.usual)
    }

    pub fn mark(&self, row: usize) -> Option<Mark> {
        match self {
            Layout::Trend(trend) => trend.mark(row),
            Layout::Bars(bars) => bars.mark(row),
            Layout::Share(share) => share.mark(row),
        }
    }
}

/// The height that a chart wants at a width, both in CSS pixels.
pub fn height(subject: Subject, width: f64) -> f64 {
    match (subject.kind, Drawn::of(subject)) {
        (ChartKind::Bar, Ok(drawn)) => bars::height(subject, &drawn, width),
        (ChartKind::Share, Ok(drawn)) => share::height(subject, &drawn, width),
        _ if width < 560.0 => 220.0,
        _ if width < 1600.0 => 300.0,
        _ => 380.0,
    }
}

/// Which columns are drawn, by their place in the table, and which found no axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub columns: Vec<usize>,
    /// The axes' units, left first.
    pub units: Vec<Unit>,
    /// Columns of a third unit.
    pub left_out: Vec<usize>,
}

impl Drawn {
    pub fn of(subject: Subject) -> Result<Drawn, Nothing> {
        let Subject { table, kind, hidden, .. } = subject;
        if table.rows.is_empty() || (table.by != By::Time && subject.order.is_empty()) {
            return Err(Nothing::NoRows);
        }
        let wanted: Vec<usize> =
            (0..table.columns.len()).filter(|at| !hidden.contains(table.columns[*at].column.id)).collect();
        if wanted.is_empty() {
            return Err(Nothing::AllHidden);
        }
        let is_known = |at: &usize| {
            let column = &table.columns[*at];
            column.basis.has_values() && column.column.is_told_by(table.by)
        };
        let known: Vec<usize> = wanted.iter().copied().filter(is_known).collect();
        if known.is_empty() {
            let unset = wanted.iter().any(|at| table.columns[*at].basis == Basis::NotConfigured);
            return Err(if unset { Nothing::NotConfigured } else { Nothing::NotAvailable });
        }
        let observed = |at: &usize| table.columns[*at].cells.iter().any(Option::is_some);
        if !known.iter().any(observed) {
            return Err(Nothing::NotObserved);
        }
        if kind == ChartKind::Share {
            let (columns, left_out) = known.into_iter().partition(|at| table.columns[*at].column.is_additive());
            return Ok(Drawn { columns, units: Vec::new(), left_out });
        }
        let mut units: Vec<Unit> = Vec::new();
        for at in &known {
            let unit = unit_of(table, *at);
            if units.len() < MOST_UNITS && !units.contains(&unit) {
                units.push(unit);
            }
        }
        let (columns, left_out) = known.into_iter().partition(|at| units.contains(&unit_of(table, *at)));
        Ok(Drawn { columns, units, left_out })
    }

    /// The place of a column's axis: 0 at the left, 1 at the right.
    pub fn axis(&self, table: &Table, column: usize) -> usize {
        let unit = unit_of(table, column);
        self.units.iter().position(|of_axis| *of_axis == unit).unwrap_or(0)
    }
}

pub fn unit_of(table: &Table, column: usize) -> Unit {
    table.columns[column].column.shown_as.into()
}

/// A row's name where room is scarce: of the mailboxes of one domain the part that tells them apart.
fn name_of(table: &Table, row: usize) -> String {
    let key = table.key(&table.rows[row]);
    let name = match (&table.rows[row], &table.subject) {
        (Row::Child(_), Viewed::Domain(domain)) => {
            key.strip_suffix(domain).and_then(|local| local.strip_suffix('@')).unwrap_or(&key)
        }
        (Row::Child(Viewed::Service(_, name)), _) => name,
        _ => &key,
    };
    visible(name)
}

/// `name` cut at its end to at most `width` units.
fn shorten(name: &str, width: i32, room: &dyn Fn(&str) -> i32) -> String {
    if room(name) <= width {
        return name.to_owned();
    }
    let cut = |end: usize| format!("{}…", name.get(..end).unwrap_or(name));
    let ends: Vec<usize> = name.char_indices().map(|(at, _)| at).collect();
    let fits = ends.partition_point(|end| room(&cut(*end)) <= width);
    cut(ends[fits.saturating_sub(1)])
}
