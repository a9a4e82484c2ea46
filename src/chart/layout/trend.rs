//! A Trend: steps from left to right, one or two value axes, series as lines, areas or columns.

use mailtally_model::table::{Partial, Row, largest_first};
use mailtally_model::{Step, Table, Time};

use super::{Drawn, Frame, Mark, Rect, Subject};
use crate::chart::calendar::{self, Stamp};
use crate::chart::kind::ChartKind;
use crate::chart::reduce::{Point, Standing};
use crate::chart::scale::Scale;
use crate::chart::usual::{Kinds, Usual};
use crate::compare::Before;

#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    pub frame: Frame,
    pub kind: ChartKind,
    /// Where the values are.
    pub plot: Rect,
    /// One or two: left and right.
    pub axes: Vec<Axis>,
    pub labels: Vec<TimeLabel>,
    /// Stretches of weekend, in days and hours only: the rhythm of the week.
    pub weekends: Vec<(i32, i32)>,
    /// Stretches in which nothing was observed.
    pub gaps: Vec<(i32, i32)>,
    pub series: Vec<Series>,
    /// Whether the right axis' series are lines, since areas or columns of two units in one place would read as one stack.
    pub right_as_lines: bool,
    /// For each row whether it is not whole.
    pub partial: Vec<bool>,
    /// An earlier period's course of a column beside it: the place of each row's value.
    pub before: Vec<Series>,
    /// Rows far above what is usual for their kind, and the series that is.
    /// What is far above the usual: all of it.
    pub unusual: Vec<Spike>,
    /// Those that have a mark: the strongest, and of neighbours one.
    pub spikes: Vec<Spike>,
    /// Columns of a third unit.
    pub left_out: Vec<usize>,
}

/// A value that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    pub row: usize,
    /// The place of its series in [`Trend::series`].
    pub nth: usize,
    /// What its kind of step shows else.
    pub usual: Usual,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub scale: Scale,
    /// Places and labels, from the bottom up.
    pub ticks: Vec<(i32, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeLabel {
    pub row: usize,
    /// The label's centre; moved inward where it would leave the frame.
    pub x: i32,
    pub text: String,
    pub strong: bool,
}

/// A column of the table on the plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its place in the table: gives colour and shape, whatever else is hidden.
    pub column: usize,
    /// The place of its axis in [`Trend::axes`].
    pub axis: usize,
    /// For each row the place of the value; `None` is not observed.
    pub tops: Vec<Option<i32>>,
    /// For each row what it stands on: the base line, or the series below.
    pub floors: Vec<i32>,
}

/// Consecutive rows that were observed: a line breaks between runs.
pub type Run = std::ops::Range<usize>;

/// The height of a label's line, and the least distance of two value ticks, in CSS pixels.
const LINE: f64 = 16.0;
const TICK_DISTANCE: f64 = 46.0;
/// Where more rows share a pixel of the screen, a mark would point at none of them: a year's hours are the most that fits.
const MOST_ROWS_A_PIXEL: f64 = 12.0;
/// Narrower, in CSS pixels, a column is not told from its neighbour.
const LEAST_COLUMN: f64 = 2.0;
/// How much of a row its columns take.
const COLUMNS_OF_ROW: f64 = 0.68;
/// What a series does more often, and more often than in one of so many rows, is usual.
const MOST_OF_SERIES: usize = 20;
const LEAST_BETWEEN: usize = 50;
/// How wide a mark is, in CSS pixels.
const MARK: f64 = 10.0;
/// More marks than this are no marks.
const MOST_SPIKES: usize = 40;

impl Trend {
    /// What goes over all rows is not inlined here: a browser compiles a function that has become hot once more, and whole. With
    /// its loops this one took it 50 ms.
    pub(super) fn new(subject: Subject, drawn: &Drawn, frame: Frame, room: &dyn Fn(&str) -> i32) -> Trend {
        let Subject { table, kind, .. } = subject;
        let (top, bottom) = (frame.css(LINE * 0.75), frame.height - frame.css(LINE * 1.75));
        let most = (f64::from(bottom - top) / frame.px / TICK_DISTANCE).floor().clamp(2.0, 6.0) as u32;

        let right_as_lines = right_as_lines(kind, drawn, f64::from(frame.width) / frame.px / table.rows.len() as f64);
        let stacked = stacked_axes(kind, right_as_lines);
        let scales = scales(subject, drawn, stacked, most);
        let ticks: Vec<Vec<(f64, String)>> = scales.iter().map(Scale::ticks).collect();
        let widest = |at: usize| ticks.get(at).and_then(|ticks| ticks.iter().map(|(_, label)| room(label)).max());
        let margin = |at: usize| widest(at).map_or(frame.css(12.0), |width| width + frame.css(12.0));
        let plot = Rect {
            left: frame.snap(f64::from(margin(0))),
            right: frame.snap(f64::from(frame.width - margin(1))),
            top: frame.snap(f64::from(top)),
            bottom: frame.snap(f64::from(bottom)),
        };
        let place = |scale: &Scale, value: f64| plot.bottom - (scale.part(value) * f64::from(plot.height())) as i32;
        let axes = scales
            .iter()
            .zip(&ticks)
            .map(|(scale, ticks)| {
                let ticks = ticks
                    .iter()
                    .cloned()
                    .map(|(value, label)| (frame.snap(f64::from(place(scale, value))), label))
                    .collect();
                Axis { scale: scale.clone(), ticks }
            })
            .collect();

        let stamps = Stamp::of_each(table);
        let mut trend = Trend {
            frame,
            kind,
            plot,
            axes,
            labels: Vec::new(),
            weekends: Vec::new(),
            gaps: Vec::new(),
            series: series(table, drawn, stacked, |axis, value| place(&scales[axis], value), plot.bottom),
            right_as_lines,
            partial: partial(table),
            before: Vec::new(),
            unusual: Vec::new(),
            spikes: Vec::new(),
            left_out: drawn.left_out.clone(),
        };
        if let Some(before) = subject.before.filter(|_| !kind.is_stacked()) {
            let place = |axis: usize, value: f64| place(&scales[axis], value);
            trend.before = series_before(table, drawn, before, place, plot.bottom);
        }
        trend.labels = trend.labels(&stamps, table.step, room);
        if trend.pitch() * MOST_ROWS_A_PIXEL > f64::from(frame.dot) {
            trend.unusual = unusual(&subject, drawn, &stamps);
            let apart = (MARK * frame.px / trend.pitch()).ceil() as usize;
            trend.spikes = marked(table, drawn, &trend.unusual, apart);
        }
        let day_pixels = trend.pitch() / frame.px * if table.step == Step::Hour { 24.0 } else { 1.0 };
        if matches!(table.step, Step::Hour | Step::Day) && day_pixels >= 4.0 {
            trend.weekends = trend.stretches(|row| stamps.get(row).is_some_and(|stamp| stamp.is_weekend()));
        }
        trend.gaps = trend.unobserved(table, drawn);
        trend
    }

    /// The stretches in which no column that is drawn was observed.
    #[inline(never)]
    fn unobserved(&self, table: &Table, drawn: &Drawn) -> Vec<(i32, i32)> {
        let last = observable(table);
        let cells: Vec<&[Option<f64>]> = drawn.columns.iter().map(|at| table.columns[*at].cells.as_slice()).collect();
        // One column that has them all says for all that there is no gap.
        if cells.iter().any(|cells| cells.iter().all(Option::is_some)) {
            return Vec::new();
        }
        self.stretches(|row| row < last && cells.iter().all(|cells| cells[row].is_none()))
    }

    /// The distance of two rows in units.
    pub fn pitch(&self) -> f64 {
        f64::from(self.plot.width()) / self.partial.len().max(1) as f64
    }

    /// The middle of a row.
    pub fn x(&self, row: usize) -> i32 {
        self.middle(row, self.pitch())
    }

    fn middle(&self, row: usize, pitch: f64) -> i32 {
        // Rounded: `round` is a call in WebAssembly, and this is asked for each row of a drawing.
        self.plot.left + ((row as f64 + 0.5) * pitch + 0.5).floor() as i32
    }

    /// The left and right edge of a row, on edges of screen pixels; neighbours meet.
    pub fn edges(&self, row: usize) -> (i32, i32) {
        let edge = |row: usize| self.frame.snap(f64::from(self.plot.left) + row as f64 * self.pitch());
        (edge(row), edge(row + 1))
    }

    /// Whether a series is a line, whatever the others are.
    pub fn is_line(&self, nth: usize) -> bool {
        self.right_as_lines && self.series[nth].axis > 0
    }

    /// The column that a series draws in a row: beside all others, or on one place with those of its unit.
    pub fn standing(&self, nth: usize, row: usize) -> Option<Standing> {
        let top = self.frame.snap(f64::from(self.series[nth].tops[row]?));
        let (left, right) = self.edges(row);
        let least = self.frame.dot;
        // Room between the rows, as long as a row is wide enough to be seen as one.
        let gap = if self.pitch() >= 3.0 * self.frame.px { self.pitch() * (1.0 - COLUMNS_OF_ROW) } else { 0.0 };
        let (slot, slots) = match self.side_by_side() {
            true => (nth, self.series.len()),
            false if self.right_as_lines => (0, 1),
            false => (self.series[nth].axis, self.axes.len()),
        };
        let width = (f64::from(right - left) - gap) / slots as f64;
        let left = self.frame.snap(f64::from(left) + gap / 2.0 + width * slot as f64);
        // A hair between neighbours of one row, if they are wide enough to spare it.
        let hair = if slots > 1 && width >= 4.0 * self.frame.px { least } else { 0 };
        let right = self.frame.snap(f64::from(left) + width).max(left + least) - hair;
        Some(Standing { left, right, top })
    }

    /// Whether a row's columns have the room to stand beside each other; else, of one unit, the smaller stand before the
    /// larger.
    pub fn side_by_side(&self) -> bool {
        let least = LEAST_COLUMN * self.frame.px * self.series.len() as f64;
        self.kind == ChartKind::Column && !self.right_as_lines && self.pitch() * COLUMNS_OF_ROW >= least
    }

    /// The runs of a series: rows that follow each other and were observed.
    pub fn runs(&self, nth: usize) -> Vec<Run> {
        self.series[nth].runs()
    }

    /// Where the earlier period's line of a series passes, run by run.
    pub fn before_points(&self, series: &Series) -> Vec<Vec<Point>> {
        let point = |row: usize| Some((self.x(row), series.tops[row]?));
        series.runs().into_iter().map(|run| run.filter_map(point).collect()).collect()
    }

    /// The middle and the top of what a spike's mark stands on.
    pub fn spike_at(&self, spike: Spike) -> Option<Point> {
        let middle = match self.kind {
            ChartKind::Column | ChartKind::StackedColumn if !self.is_line(spike.nth) => {
                let column = self.standing(spike.nth, spike.row)?;
                (column.left + column.right) / 2
            }
            _ => self.x(spike.row),
        };
        Some((middle, self.series[spike.nth].tops[spike.row]?))
    }

    /// Where a line or an area passes in a run.
    pub fn points(&self, nth: usize, run: Run) -> Vec<Point> {
        let (pitch, tops) = (self.pitch(), &self.series[nth].tops);
        let mut points = Vec::with_capacity(run.len());
        for row in run {
            if let Some(top) = tops[row] {
                points.push((self.middle(row, pitch), top));
            }
        }
        points
    }

    pub fn floor(&self, nth: usize, run: Run) -> Vec<Point> {
        run.map(|row| (self.x(row), self.series[nth].floors[row])).collect()
    }

    pub(super) fn hit(&self, (x, _): Point) -> Option<usize> {
        let reach = self.frame.css(8.0);
        if x < self.plot.left - reach || x > self.plot.right + reach || self.partial.is_empty() {
            return None;
        }
        let last = self.partial.len() - 1;
        let near = (f64::from(x - self.plot.left) / self.pitch()).clamp(0.0, last as f64) as usize;
        // Edges are on screen pixels: the row is the one that is seen there.
        let (left, right) = self.edges(near);
        Some(if x < left {
            near.saturating_sub(1)
        } else if x >= right {
            (near + 1).min(last)
        } else {
            near
        })
    }

    pub(super) fn mark(&self, row: usize) -> Option<Mark> {
        if row >= self.partial.len() {
            return None;
        }
        let (left, right) = self.edges(row);
        let columns = matches!(self.kind, ChartKind::Column | ChartKind::StackedColumn);
        let of_series = |series: &Series| Some((series.column, (self.x(row), series.tops[row]?)));
        Some(Mark {
            band: Rect { left, right, ..self.plot },
            points: if columns { Vec::new() } else { self.series.iter().filter_map(of_series).collect() },
        })
    }

    fn labels(&self, stamps: &[Stamp], step: Step, room: &dyn Fn(&str) -> i32) -> Vec<TimeLabel> {
        let spaced = |text: &str| room(text) + self.frame.css(20.0);
        let ticks = calendar::ticks(stamps, step, self.pitch(), &spaced);
        let inward = |x: i32, text: &str| {
            let half = room(text) / 2 + self.frame.css(2.0);
            x.min(self.frame.width - half).max(half)
        };
        ticks
            .into_iter()
            .map(|tick| TimeLabel {
                row: tick.row,
                x: inward(self.x(tick.row), &tick.label),
                text: tick.label,
                strong: tick.strong,
            })
            .collect()
    }

    /// Rows that follow each other and for which `is` holds, as stretches of the plot.
    #[inline(never)]
    fn stretches(&self, is: impl Fn(usize) -> bool) -> Vec<(i32, i32)> {
        let rows: Vec<usize> = (0..self.partial.len()).filter(|row| is(*row)).collect();
        rows.chunk_by(|a, b| a + 1 == *b)
            .map(|stretch| (self.edges(stretch[0]).0, self.edges(stretch[stretch.len() - 1]).1))
            .collect()
    }
}

impl Series {
    /// Rows that follow each other and were observed.
    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut from = 0;
        for observed in self.tops.chunk_by(|a, b| a.is_some() == b.is_some()) {
            if observed[0].is_some() {
                runs.push(from..from + observed.len());
            }
            from += observed.len();
        }
        runs
    }
}

/// What is far above the usual of its kind; of a range that is a part of one seen before, by all of that.
#[inline(never)]
fn unusual(subject: &Subject, drawn: &Drawn, stamps: &[Stamp]) -> Vec<Spike> {
    let Subject { table, past, .. } = *subject;
    let of_past = past.map(Stamp::of_each);
    let (whole, stamps) = (past.unwrap_or(table), of_past.as_deref().unwrap_or(stamps));
    let kinds = Kinds::of(whole, stamps);
    let row_of = |row: usize| {
        let begin = begins(whole.rows.get(row)?)?;
        table.rows.binary_search_by_key(&Some(begin), begins).ok()
    };
    let of_column = |(nth, column): (usize, &usize)| {
        let id = table.columns[*column].column.id;
        let of_whole = whole.columns.iter().find(|column| column.column.id == id);
        let spikes = of_whole.map_or_else(Vec::new, |column| kinds.spikes(column));
        // A series that leaps all the time is one that leaps.
        let is_leaping = spikes.len() > MOST_OF_SERIES.max(whole.rows.len() / LEAST_BETWEEN);
        let spikes = spikes.into_iter().filter(|_| !is_leaping);
        spikes.filter_map(|(row, usual)| Some(Spike { row: row_of(row)?, nth, usual })).collect::<Vec<_>>()
    };
    drawn.columns.iter().enumerate().flat_map(of_column).collect()
}

fn begins(row: &Row) -> Option<Time> {
    match row {
        Row::Step { span, .. } => Some(span.from),
        Row::Child(_) | Row::Rest(_) => None,
    }
}

/// The strongest, and of those that would stand within `apart` rows of each other the strongest: marks on everything mark
/// nothing.
fn marked(table: &Table, drawn: &Drawn, unusual: &[Spike], apart: usize) -> Vec<Spike> {
    let strength = |spike: &Spike| {
        let column = drawn.columns.get(spike.nth).and_then(|column| table.columns.get(*column));
        let value = column.and_then(|column| column.cells.get(spike.row).copied().flatten());
        value.map_or(0.0, |value| spike.usual.exceeded_by(value))
    };
    let strengths: Vec<f64> = unusual.iter().map(strength).collect();
    let mut marked: Vec<Spike> = Vec::new();
    for at in largest_first(&strengths) {
        let spike = unusual[at as usize];
        let is_near = |other: &Spike| other.nth == spike.nth && other.row.abs_diff(spike.row) < apart;
        if marked.len() < MOST_SPIKES && !marked.iter().any(is_near) {
            marked.push(spike);
        }
    }
    marked
}

#[inline(never)]
fn partial(table: &Table) -> Vec<bool> {
    table.rows.iter().map(is_partial).collect()
}

fn is_partial(row: &Row) -> bool {
    matches!(row, Row::Step { partial: Some(_), .. })
}

/// The number of rows that could have been observed: those after the step in progress are not missing, they are to come.
fn observable(table: &Table) -> usize {
    let in_progress = |row: &Row| matches!(row, Row::Step { partial: Some(Partial::InProgress(_)), .. });
    table.rows.iter().position(in_progress).map_or(table.rows.len(), |row| row + 1)
}

/// Whether a second unit is drawn as lines: over stacked areas always; over columns where a row, so many CSS pixels wide, has
/// no room for a column of each unit. The width is that of the frame, a little more than the rows have: what the axes take
/// is known only after this.
fn right_as_lines(kind: ChartKind, drawn: &Drawn, row_width: f64) -> bool {
    let two_units = drawn.units.len() > 1;
    match kind {
        ChartKind::StackedArea => two_units,
        ChartKind::Column | ChartKind::StackedColumn => {
            two_units && row_width * COLUMNS_OF_ROW < LEAST_COLUMN * drawn.units.len() as f64
        }
        ChartKind::Line | ChartKind::Area | ChartKind::Bar | ChartKind::Share => false,
    }
}

/// How many axes, from the left, have series that stand on each other.
fn stacked_axes(kind: ChartKind, right_as_lines: bool) -> usize {
    match (kind.is_stacked(), right_as_lines) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => super::MOST_UNITS,
    }
}

/// A scale for each axis, the second with as many ticks as the first.
#[inline(never)]
fn scales(subject: Subject, drawn: &Drawn, stacked: usize, most: u32) -> Vec<Scale> {
    let Subject { table, kind, .. } = subject;
    let before = subject.before.filter(|_| !kind.is_stacked());
    let highest_before = |at: usize| {
        let cells = before.and_then(|before| before.of(table.columns[at].column));
        cells.into_iter().flat_map(|column| column.cells.iter().flatten()).copied().fold(0.0, f64::max)
    };
    let mut scales: Vec<Scale> = Vec::new();
    for (axis, unit) in drawn.units.iter().enumerate() {
        let of_axis = || drawn.columns.iter().filter(|at| drawn.axis(table, **at) == axis);
        let cells: Vec<&[Option<f64>]> = of_axis().map(|at| table.columns[*at].cells.as_slice()).collect();
        let max = if axis < stacked {
            let stack = |row: usize| cells.iter().map(|cells| cells[row].unwrap_or(0.0)).sum();
            (0..table.rows.len()).map(stack).fold(0.0, f64::max)
        } else {
            cells.into_iter().flatten().flatten().copied().fold(0.0, f64::max)
        };
        let max = of_axis().map(|at| highest_before(*at)).fold(max, f64::max);
        scales.push(match scales.first() {
            None => Scale::new(*unit, max, most),
            Some(left) => Scale::beside(*unit, max, left),
        });
    }
    scales
}

#[inline(never)]
fn series_before(
    table: &Table,
    drawn: &Drawn,
    before: &Before,
    place: impl Fn(usize, f64) -> i32,
    base: i32,
) -> Vec<Series> {
    let beside = |column: &usize| {
        let cells = &before.of(table.columns[*column].column)?.cells;
        let axis = drawn.axis(table, *column);
        let tops = (0..table.rows.len()).map(|row| Some(place(axis, cells.get(row).copied().flatten()?)));
        Some(Series { column: *column, axis, tops: tops.collect(), floors: vec![base; table.rows.len()] })
    };
    drawn.columns.iter().filter_map(beside).collect()
}

#[inline(never)]
fn series(table: &Table, drawn: &Drawn, stacked: usize, place: impl Fn(usize, f64) -> i32, base: i32) -> Vec<Series> {
    let rows = table.rows.len();
    let mut below = vec![vec![0.0; rows]; drawn.units.len()];
    drawn
        .columns
        .iter()
        .map(|column| {
            let axis = drawn.axis(table, *column);
            let mut series = Series { column: *column, axis, tops: vec![None; rows], floors: vec![base; rows] };
            let cells = &table.columns[*column].cells;
            if axis >= stacked {
                series.tops = cells.iter().map(|cell| Some(place(axis, (*cell)?))).collect();
                return series;
            }
            for (row, cell) in cells.iter().enumerate() {
                let floor = below[axis][row];
                series.floors[row] = place(axis, floor);
                let Some(value) = cell else { continue };
                series.tops[row] = Some(place(axis, floor + value));
                below[axis][row] = floor + value;
            }
            series
        })
        .collect()
}
