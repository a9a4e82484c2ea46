//! A Mode as rings: for each additive column how its total divides over the rows.
use super::{Drawn, Frame, Mark, Nothing, Rect, Subject, name_of, shorten};
use crate::chart::reduce::Point;
use crate::chart::turn;
use crate::{format, intl, text};

#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub frame: Frame,
    pub rings: Vec<Ring>,
    /// Columns whose rows do not add up to their total.
    pub left_out: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    pub title: String,
    pub title_at: Point,
    /// What the whole ring is.
    pub total: String,
    pub centre: Point,
    pub radius: i32,
    pub slices: Vec<Slice>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its place in the table; `None` for the rows that are folded into one.
    pub row: Option<usize>,
    /// The place of its colour among the slices; `None` for what is left.
    pub colour: Option<usize>,
    /// Parts of the ring, clockwise from the top.
    pub from: f64,
    pub until: f64,
    pub name: String,
    pub part: String,
    /// Where its line in the list stands.
    pub line: Rect,
}

/// Slices that have a colour of their own; the rest is one.
const MOST_SLICES: usize = 6;
/// A ring and its list, in CSS pixels.
const CELL_HEIGHT: f64 = 216.0;
const CELL_WIDTH: f64 = 340.0;
const LINE: f64 = 20.0;
/// A wider list parts the names from their shares.
const LIST_WIDTH: f64 = 272.0;

/// Rings beside each other at a width in CSS pixels.
fn abreast(rings: usize, width: f64) -> usize {
    ((width / CELL_WIDTH).floor() as usize).clamp(1, rings.max(1))
}

/// In CSS pixels.
pub(super) fn height(subject: Subject, drawn: &Drawn, width: f64) -> f64 {
    let rings = rings(subject, drawn).max(1);
    rings.div_ceil(abreast(rings, width)) as f64 * CELL_HEIGHT
}

impl Share {
    pub(super) fn new(
        subject: Subject,
        drawn: &Drawn,
        frame: Frame,
        room: &dyn Fn(&str) -> i32,
    ) -> Result<Share, Nothing> {
        let table = subject.table;
        let wholes = wholes(subject, drawn);
        if wholes.is_empty() {
            return Err(Nothing::NoShares);
        }
        // The largest, in the order of the screen: that of the bars, or the one that the person chose. The same colour in
        // every ring.
        let largest = table.largest_shares(subject.order, &wholes, MOST_SLICES);
        let chosen = subject.order.iter().filter(|row| largest.contains(row));
        let chosen: Vec<usize> = chosen.map(|row| *row as usize).collect();
        let others = subject.order.len() - chosen.len();

        let across = abreast(wholes.len(), f64::from(frame.width) / frame.px);
        let cell_width = frame.width / across as i32;
        let rings = wholes.iter().enumerate().map(|(nth, (column, whole))| {
            let left = (nth % across) as i32 * cell_width;
            let top = (nth / across) as i32 * frame.css(CELL_HEIGHT);
            let cell = Rect { left, right: left + cell_width, top, bottom: top + frame.css(CELL_HEIGHT) };
            let parts = parts(subject, *column, *whole, &chosen, others);
            Ring::new(Shown { column: &table.columns[*column], whole: *whole }, parts, cell, frame, room)
        });
        Ok(Share { frame, rings: rings.collect(), left_out: drawn.left_out.clone() })
    }

    /// The rows that have a slice of their own.
    pub(super) fn rows(&self) -> Vec<usize> {
        self.rings.first().map_or_else(Vec::new, |ring| ring.slices.iter().filter_map(|slice| slice.row).collect())
    }

    /// The row's line in the first ring's list.
    pub(super) fn mark(&self, row: usize) -> Option<Mark> {
        let slice = self.rings.first()?.slices.iter().find(|slice| slice.row == Some(row))?;
        let reach = self.frame.css(4.0);
        let band = Rect { left: slice.line.left - reach, right: slice.line.right + reach, ..slice.line };
        Some(Mark { band, points: Vec::new() })
    }

    pub(super) fn hit(&self, at: Point) -> Option<usize> {
        self.rings.iter().find_map(|ring| ring.hit(at))
    }
}

/// What a ring shows.
struct Shown<'a> {
    column: &'a mailtally_model::table::TableColumn,
    whole: f64,
}

/// A part of the whole before it has a place: name, row, colour, value.
struct Part {
    name: String,
    row: Option<usize>,
    colour: Option<usize>,
    value: f64,
}

/// The viewed subject's own total; the rows' sum where that is more (it never should be) or is not known.
fn whole(subject: Subject, column: usize) -> f64 {
    let rows = subject.table.sum(subject.order, column);
    subject.table.columns[column].total.unwrap_or(rows).max(rows)
}

/// The columns that have something to share out, each with its whole.
fn wholes(subject: Subject, drawn: &Drawn) -> Vec<(usize, f64)> {
    let wholes = drawn.columns.iter().map(|column| (*column, whole(subject, *column)));
    wholes.filter(|(_, whole)| *whole > 0.0).collect()
}

/// How many they are, which the first row that has something says.
fn rings(subject: Subject, drawn: &Drawn) -> usize {
    let has_some = |column: &&usize| {
        let column = &subject.table.columns[**column];
        let is_some = |value: Option<f64>| value.is_some_and(|value| value > 0.0);
        is_some(column.total) || subject.order.iter().any(|row| is_some(column.cells[*row as usize]))
    };
    drawn.columns.iter().filter(has_some).count()
}

fn parts(subject: Subject, column: usize, whole: f64, chosen: &[usize], others: usize) -> Vec<Part> {
    let table = subject.table;
    let mut parts: Vec<Part> = chosen
        .iter()
        .enumerate()
        .map(|(nth, row)| Part {
            name: name_of(table, *row),
            row: Some(*row),
            colour: Some(nth),
            value: table.columns[column].cells[*row].unwrap_or(0.0),
        })
        .collect();
    let left = whole - parts.iter().map(|part| part.value).sum::<f64>();
    if left > 0.0 {
        parts.push(Part { name: text::chart_others(others), row: None, colour: None, value: left });
    }
    parts
}

impl Ring {
    fn new(shown: Shown, parts: Vec<Part>, cell: Rect, frame: Frame, room: &dyn Fn(&str) -> i32) -> Ring {
        let pad = frame.css(12.0);
        let radius = frame.css(if f64::from(cell.width()) / frame.px < 320.0 { 52.0 } else { 72.0 });
        let head = frame.css(28.0);
        let centre = (cell.left + pad + radius, cell.top + head + (cell.height() - head) / 2 - frame.css(4.0));
        let line_height = frame.css(LINE);
        let list_left = centre.0 + radius + frame.css(20.0);
        let list_top = centre.1 - line_height * parts.len() as i32 / 2;
        let mut from = 0.0;
        let slices = parts
            .into_iter()
            .enumerate()
            .map(|(nth, part)| {
                let top = list_top + nth as i32 * line_height;
                let right = (cell.right - pad).min(list_left + frame.css(LIST_WIDTH));
                let line = Rect { left: list_left, right, top, bottom: top + line_height };
                let until = from + part.value / shown.whole;
                let percent = percent(part.value / shown.whole);
                let name_room = line.width() - frame.css(16.0) - room(&percent) - pad;
                let name = shorten(&part.name, name_room, room);
                let slice = Slice { row: part.row, colour: part.colour, from, until, name, part: percent, line };
                from = until;
                slice
            })
            .collect();
        Ring {
            title: shorten(shown.column.column.label, cell.width() - 2 * pad, room),
            title_at: (cell.left + pad, cell.top + frame.css(14.0)),
            total: format::headline(shown.column.column, Some(shown.whole)),
            centre,
            radius,
            slices,
        }
    }

    /// The hole's radius.
    pub fn hole(&self) -> i32 {
        self.radius * 16 / 25
    }

    /// The outline of a slice, from the top clockwise.
    pub fn outline(&self, slice: &Slice) -> Vec<Point> {
        // An arc of this many chords is round to the eye at any radius here.
        let chords = ((slice.until - slice.from) * 180.0).ceil().max(1.0) as i32;
        let arc = |radius: i32, nth: i32| {
            let at = slice.from + (slice.until - slice.from) * f64::from(nth) / f64::from(chords);
            let (sin, cos) = turn::sin_cos(at);
            let radius = f64::from(radius);
            (self.centre.0 + (radius * sin).round() as i32, self.centre.1 - (radius * cos).round() as i32)
        };
        let outer = (0..=chords).map(|nth| arc(self.radius, nth));
        outer.chain((0..=chords).rev().map(|nth| arc(self.hole(), nth))).collect()
    }

    fn hit(&self, at: Point) -> Option<usize> {
        if let Some(slice) = self.slices.iter().find(|slice| slice.line.contains(at)) {
            return slice.row;
        }
        let (x, y) = (f64::from(at.0 - self.centre.0), f64::from(at.1 - self.centre.1));
        let distance = (x * x + y * y).sqrt();
        if distance > f64::from(self.radius) || distance < f64::from(self.hole()) {
            return None;
        }
        let at = turn::of(x, y);
        self.slices.iter().find(|slice| slice.from <= at && at < slice.until)?.row
    }
}

/// A part in per cent. What is there is never said to be nothing, and what is not all is never said to be all.
fn percent(part: f64) -> String {
    match part * 100.0 {
        0.0 => "0 %".to_owned(),
        value if value < 0.1 => format!("<{} %", intl::number(0.1, 1)),
        value if value < 99.95 => format!("{} %", intl::number(value, 1)),
        _ if part < 1.0 => format!(">{} %", intl::number(99.9, 1)),
        _ => "100 %".to_owned(),
    }
}
