//! A Mode as lying bars: a row each, its name at the left, its values at the ends of its bars.

use mailtally_model::Table;

use super::{Drawn, Frame, Mark, Rect, Subject, name_of, shorten};
use crate::chart::reduce::Point;
use crate::{format, text};

#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    pub frame: Frame,
    pub lines: Vec<Line>,
    /// Where each unit's bars begin.
    pub bases: Vec<i32>,
    /// Rows that are on screen and not in the chart.
    pub more: usize,
    /// Columns whose unit has no room.
    pub left_out: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its place in the table.
    pub row: usize,
    pub name: String,
    pub top: i32,
    pub bottom: i32,
    pub bars: Vec<Bar>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub column: usize,
    /// `None` is not observed.
    pub rect: Option<Rect>,
    pub text: String,
    pub text_at: Point,
}

/// A bar, and the room between two rows, in CSS pixels.
const BAR: f64 = 16.0;
const BETWEEN: f64 = 10.0;
/// More bars than this are a table, not a picture.
const MOST_BARS: usize = 32;
/// Rows drawn when a row is one bar: more belong to the table.
pub const MOST_ROWS: usize = 20;
/// Narrower than this, in CSS pixels, a second unit has no room beside the first.
const TWO_PANELS: f64 = 560.0;

fn rows_drawn(rows: usize, columns: usize) -> usize {
    rows.min((MOST_BARS / columns.max(1)).clamp(5, MOST_ROWS))
}

/// The units that have room at a width in CSS pixels.
fn panels(drawn: &Drawn, width: f64) -> usize {
    if width < TWO_PANELS { 1 } else { drawn.units.len() }
}

/// The bars of a row that lie under each other: those of the unit with the most columns.
fn bars_under(table: &Table, drawn: &Drawn, panels: usize) -> usize {
    let in_panel = |axis| drawn.columns.iter().filter(|column| drawn.axis(table, **column) == axis).count();
    (0..panels).map(in_panel).max().unwrap_or(0)
}

/// In CSS pixels.
pub(super) fn height(subject: Subject, drawn: &Drawn, width: f64) -> f64 {
    let bars = bars_under(subject.table, drawn, panels(drawn, width));
    rows_drawn(subject.order.len(), bars) as f64 * (BAR * bars as f64 + BETWEEN) + BETWEEN
}

impl Bars {
    pub(super) fn new(subject: Subject, drawn: &Drawn, frame: Frame, room: &dyn Fn(&str) -> i32) -> Bars {
        let Subject { table, order, .. } = subject;
        let panels = panels(drawn, f64::from(frame.width) / frame.px);
        let count = rows_drawn(order.len(), bars_under(table, drawn, panels));
        let rows: Vec<usize> = order[..count].iter().map(|row| *row as usize).collect();

        let pad = frame.css(12.0);
        let names: Vec<String> = rows
            .iter()
            .map(|row| shorten(&name_of(table, *row), (f64::from(frame.width) * 0.36) as i32, room))
            .collect();
        let names_end = pad + names.iter().map(|name| room(name)).max().unwrap_or(0) + pad;
        let panel = (frame.width - names_end) / panels as i32;
        let bases: Vec<i32> = (0..panels as i32).map(|nth| frame.snap(f64::from(names_end + nth * panel))).collect();

        let value_text = |column: usize, row: usize| match table.columns[column].cells[row] {
            value @ Some(_) => format::headline(table.columns[column].column, value),
            None => text::NOT_OBSERVED.to_owned(),
        };
        // The longest bar and its text fill the panel.
        let reach: Vec<(f64, i32)> = (0..panels)
            .map(|axis| {
                let cells = || {
                    let columns = drawn.columns.iter().filter(move |at| drawn.axis(table, **at) == axis);
                    columns.flat_map(|column| rows.iter().map(|row| (*column, *row)))
                };
                let max = cells().filter_map(|(column, row)| table.columns[column].cells[row]).fold(0.0, f64::max);
                let texts = cells().map(|(column, row)| room(&value_text(column, row))).max().unwrap_or(0);
                (max, (panel - texts - 2 * pad).max(frame.css(8.0)))
            })
            .collect();

        let (bar, between) = (frame.css(BAR), frame.css(BETWEEN));
        let mut top = between;
        let mut lines = Vec::with_capacity(rows.len());
        for (row, name) in rows.into_iter().zip(names) {
            let mut used = vec![0; panels];
            let mut bars = Vec::new();
            for column in &drawn.columns {
                let axis = drawn.axis(table, *column);
                if axis >= panels {
                    continue;
                }
                let ((max, longest), base) = (reach[axis], bases[axis]);
                let bar_top = top + used[axis] * bar;
                used[axis] += 1;
                let rect = table.columns[*column].cells[row].map(|value| {
                    let length = if max > 0.0 { value / max * f64::from(longest) } else { 0.0 };
                    // A zero is seen as one: a hair at the base.
                    let right = base + frame.snap(length).max(frame.dot);
                    Rect { left: base, right, top: bar_top, bottom: bar_top + bar - frame.css(2.0) }
                });
                let end = rect.map_or(base, |rect| rect.right);
                let text_at = (end + frame.css(6.0), bar_top + (bar - frame.css(2.0)) / 2);
                bars.push(Bar { column: *column, rect, text: value_text(*column, row), text_at });
            }
            let tallest = used.into_iter().max().unwrap_or(1);
            let bottom = top + tallest * bar;
            lines.push(Line { row, name, top, bottom, bars });
            top = bottom + between;
        }
        let no_room = drawn.columns.iter().filter(|column| drawn.axis(table, **column) >= panels);
        let left_out = no_room.chain(&drawn.left_out).copied().collect();
        Bars { frame, lines, bases, more: order.len() - count, left_out }
    }

    /// Rows meet halfway between their bars.
    fn band(&self, line: &Line) -> Rect {
        let half = self.frame.css(BETWEEN / 2.0);
        Rect { left: 0, right: self.frame.width, top: line.top - half, bottom: line.bottom + half }
    }

    pub(super) fn hit(&self, at: Point) -> Option<usize> {
        self.lines.iter().find(|line| self.band(line).contains(at)).map(|line| line.row)
    }

    pub(super) fn mark(&self, row: usize) -> Option<Mark> {
        let line = self.lines.iter().find(|line| line.row == row)?;
        Some(Mark { band: self.band(line), points: Vec::new() })
    }
}
