//! A laid-out chart on any plotters backend: canvas in the browser, SVG text in tests. Decides colours and strokes and
//! nothing of where things are.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, DashedPathElement, Drawable, PathElement, PointCollection, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle, TextStyle};
use plotters_backend::{BackendCoord, DrawingBackend};

use super::cue::Cue;
use super::kind::ChartKind;
use super::layout::{Bars, Frame, Layout, Share, Trend};
use super::reduce::{self, Point};
use super::theme::Theme;

/// plotters counts a font's size with its leading; this much of it is the em.
pub const LEADING: f64 = 1.24;
/// The size of every label, in CSS pixels.
pub const TEXT: f64 = 12.0;
const TEXT_LARGE: f64 = 16.0;

type Drawing<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Draws a chart over the whole of `area`, which has the size of the layout's frame.
pub fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, layout: &Layout, theme: &Theme) -> Drawing<DB> {
    area.fill(&theme.panel)?;
    match layout {
        Layout::Trend(trend) => Pen::new(area, trend.frame, theme).trend(trend)?,
        Layout::Bars(bars) => Pen::new(area, bars.frame, theme).bars(bars)?,
        Layout::Share(share) => Pen::new(area, share.frame, theme).share(share)?,
    }
    area.present()
}

/// The width of a label in units, as the backend measures it; an error measures as no width, and shows when it is drawn.
pub fn room<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, frame: Frame, text: &str) -> i32 {
    let style = text_style(TEXT, FontStyle::Normal, RGBAColor(0, 0, 0, 1.0), (HPos::Left, VPos::Top), frame);
    area.estimate_text_size(text, &style).map_or(0, |(width, _)| width as i32)
}

fn text_style(
    size: f64,
    style: FontStyle,
    colour: RGBAColor,
    (h_pos, v_pos): (HPos, VPos),
    frame: Frame,
) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, size * frame.px * LEADING, style);
    TextStyle { font, color: colour.to_backend_color(), pos: Pos::new(h_pos, v_pos) }
}

/// Everything that a stroke needs.
struct Pen<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    frame: Frame,
    theme: &'a Theme,
}

impl<'a, DB: DrawingBackend> Pen<'a, DB> {
    fn new(area: &'a DrawingArea<DB, Shift>, frame: Frame, theme: &'a Theme) -> Pen<'a, DB> {
        Pen { area, frame, theme }
    }

    fn element<E>(&self, element: &E) -> Drawing<DB>
    where
        for<'b> &'b E: PointCollection<'b, BackendCoord>,
        E: Drawable<DB>,
    {
        self.area.draw(element)
    }

    fn fill(&self, left: i32, top: i32, right: i32, bottom: i32, colour: RGBAColor) -> Drawing<DB> {
        self.element(&Rectangle::new([(left, top), (right, bottom)], colour.filled()))
    }

    fn polygon(&self, outline: Vec<Point>, colour: RGBAColor) -> Drawing<DB> {
        if outline.len() < 3 { Ok(()) } else { self.element(&Polygon::new(outline, colour.filled())) }
    }

    fn stroke(&self, width: f64, colour: RGBAColor) -> ShapeStyle {
        colour.stroke_width(self.frame.css(width).max(self.frame.dot) as u32)
    }

    /// A level line, one screen pixel thick.
    fn hairline(&self, left: i32, right: i32, y: i32, colour: RGBAColor) -> Drawing<DB> {
        self.fill(left, y, right, y + self.frame.dot, colour)
    }

    fn dashed(&self, points: Vec<Point>, style: ShapeStyle) -> Drawing<DB> {
        let (dash, space) = (self.frame.css(4.0), self.frame.css(4.0));
        self.element(&DashedPathElement::new(points, dash, space, style))
    }

    fn text(&self, text: &str, at: Point, anchor: (HPos, VPos), colour: RGBAColor) -> Drawing<DB> {
        self.area.draw_text(text, &text_style(TEXT, FontStyle::Normal, colour, anchor, self.frame), at)
    }

    fn strong(&self, text: &str, at: Point, anchor: (HPos, VPos), size: f64) -> Drawing<DB> {
        self.area.draw_text(text, &text_style(size, FontStyle::Bold, self.theme.ink, anchor, self.frame), at)
    }

    fn cue(&self, column: usize, at: Point, radius: f64) -> Drawing<DB> {
        let (colour, radius) = (self.theme.series(column), radius * self.frame.px);
        // A rim in the panel's colour keeps the shape off its line.
        let rim = 1.5 * self.frame.px;
        match Cue::of(column) {
            Cue::Circle => {
                self.element(&Circle::new(at, (radius + rim) as i32, self.theme.panel.filled()))?;
                self.element(&Circle::new(at, radius as i32, colour.filled()))
            }
            cue => {
                self.polygon(cue.at(at, radius + rim), self.theme.panel)?;
                self.polygon(cue.at(at, radius), colour)
            }
        }
    }

    fn trend(&self, trend: &Trend) -> Drawing<DB> {
        self.background(trend)?;
        match trend.kind {
            ChartKind::Line => self.lines(trend, &|_, _| Ok(())),
            ChartKind::Area => self.lines(trend, &|nth, run| self.area_under(trend, nth, run, 0.14)),
            ChartKind::StackedArea => {
                for nth in 0..trend.series.len() {
                    for run in trend.runs(nth) {
                        self.area_under(trend, nth, run, 0.82)?;
                    }
                }
                self.separators(trend)?;
                (0..trend.series.len()).try_for_each(|nth| self.cues(trend, nth, Cues::Alone))
            }
            ChartKind::Column | ChartKind::StackedColumn | ChartKind::Bar | ChartKind::Share => self.columns(trend),
        }?;
        self.foreground(trend)
    }

    /// Weekends, gaps and the grid.
    fn background(&self, trend: &Trend) -> Drawing<DB> {
        let plot = trend.plot;
        for (left, right) in &trend.weekends {
            self.fill(*left, plot.top, *right, plot.bottom, self.theme.gap.mix(0.5))?;
        }
        for (left, right) in &trend.gaps {
            self.gap(trend, *left, *right)?;
        }
        let Some(axis) = trend.axes.first() else { return Ok(()) };
        for (y, _) in axis.ticks.iter().skip(1) {
            self.hairline(plot.left, plot.right, *y, self.theme.grid)?;
        }
        Ok(())
    }

    /// Hatching says "not observed" where a plain tint could be a weekend.
    fn gap(&self, trend: &Trend, left: i32, right: i32) -> Drawing<DB> {
        let plot = trend.plot;
        self.fill(left, plot.top, right, plot.bottom, self.theme.panel)?;
        self.fill(left, plot.top, right, plot.bottom, self.theme.gap)?;
        let pace = self.frame.css(7.0).max(1);
        let style = self.stroke(1.0, self.theme.axis.mix(0.7));
        // Each stroke is one of the lines x + y = n · pace, cut to the stretch, so that stretches share one pattern.
        let first = (left + plot.top).div_euclid(pace) + 1;
        let last = (right + plot.bottom).div_euclid(pace);
        for sum in (first..=last).map(|n| n * pace) {
            let (x0, x1) = (left.max(sum - plot.bottom), right.min(sum - plot.top));
            if x0 < x1 {
                self.element(&PathElement::new(vec![(x0, sum - x0), (x1, sum - x1)], style))?;
            }
        }
        Ok(())
    }

    /// The base line and the labels.
    fn foreground(&self, trend: &Trend) -> Drawing<DB> {
        let plot = trend.plot;
        self.hairline(plot.left, plot.right, plot.bottom, self.theme.axis)?;
        let sides = [(plot.left - self.frame.css(8.0), HPos::Right), (plot.right + self.frame.css(8.0), HPos::Left)];
        for (axis, (x, side)) in trend.axes.iter().zip(sides) {
            for (y, label) in &axis.ticks {
                self.text(label, (x, *y), (side, VPos::Center), self.theme.label)?;
            }
        }
        for label in &trend.labels {
            let (tick, colour) = if label.strong { (6.0, self.theme.ink) } else { (4.0, self.theme.label) };
            let x = self.frame.snap(f64::from(trend.x(label.row)));
            self.fill(x, plot.bottom, x + self.frame.dot, plot.bottom + self.frame.css(tick), self.theme.axis)?;
            self.text(&label.text, (label.x, plot.bottom + self.frame.css(9.0)), (HPos::Center, VPos::Top), colour)?;
        }
        Ok(())
    }

    /// Each series as lines with what `under` puts below, then the shapes that tell them apart.
    fn lines(&self, trend: &Trend, under: &dyn Fn(usize, std::ops::Range<usize>) -> Drawing<DB>) -> Drawing<DB> {
        // The first column is the report's main figure: it lies on top.
        for nth in (0..trend.series.len()).rev() {
            for run in trend.runs(nth) {
                under(nth, run.clone())?;
                self.line(trend, nth, run)?;
            }
        }
        for nth in (0..trend.series.len()).rev() {
            self.cues(trend, nth, Cues::Spread)?;
        }
        Ok(())
    }

    /// One stroke for each stretch of whole rows; dashed where either end is not whole.
    fn line(&self, trend: &Trend, nth: usize, run: std::ops::Range<usize>) -> Drawing<DB> {
        let width = if trend.pitch() < 3.0 * self.frame.px { 1.25 } else { 1.75 };
        let style = self.stroke(width, self.theme.series(trend.series[nth].column));
        for (stretch, partial) in stretches(trend, run) {
            let points = trend.points(nth, stretch);
            if partial {
                self.dashed(points, style)?;
            } else {
                self.element(&PathElement::new(reduce::line(&points, self.frame.dot), style))?;
            }
        }
        Ok(())
    }

    fn area_under(&self, trend: &Trend, nth: usize, run: std::ops::Range<usize>, strength: f64) -> Drawing<DB> {
        let colour = self.theme.series(trend.series[nth].column);
        for (stretch, partial) in stretches(trend, run) {
            let mut outline = reduce::line(&trend.points(nth, stretch.clone()), self.frame.dot);
            let floor = reduce::line(&trend.floor(nth, stretch), self.frame.dot);
            outline.extend(floor.into_iter().rev());
            self.polygon(outline, colour.mix(if partial { strength * 0.4 } else { strength }))?;
        }
        Ok(())
    }

    /// Each stacked area's upper edge in the panel's colour parts it from the next without a colour of its own.
    fn separators(&self, trend: &Trend) -> Drawing<DB> {
        for (nth, series) in trend.series.iter().enumerate() {
            let top = nth + 1 == trend.series.len();
            let colour = if top { self.theme.series(series.column) } else { self.theme.panel };
            for run in trend.runs(nth) {
                let points = reduce::line(&trend.points(nth, run), self.frame.dot);
                self.element(&PathElement::new(points, self.stroke(if top { 1.25 } else { 1.0 }, colour)))?;
            }
        }
        Ok(())
    }

    /// A shape on every row where there is room, else now and then, each series at its own places; and on every row that
    /// stands alone, which has no line to be seen by.
    fn cues(&self, trend: &Trend, nth: usize, which: Cues) -> Drawing<DB> {
        let series = &trend.series[nth];
        let every = if trend.pitch() >= 22.0 * self.frame.px {
            1
        } else {
            (f64::from(self.frame.css(132.0)) / trend.pitch()).ceil().max(1.0) as usize
        };
        let offset = every * (nth + 1) / (trend.series.len() + 1);
        for run in trend.runs(nth) {
            let alone = run.len() == 1;
            let spread = which == Cues::Spread && (trend.series.len() > 1 || every == 1);
            for row in run.filter(|row| alone || spread && row % every == offset % every) {
                let Some(top) = series.tops[row] else { continue };
                self.cue(series.column, (trend.x(row), top), if every == 1 { 3.0 } else { 3.25 })?;
            }
        }
        Ok(())
    }

    /// Whole rows as one polygon a series, from the highest down, so that what stands lower is seen before it; rows that
    /// are not whole lighter, with a dashed outline.
    fn columns(&self, trend: &Trend) -> Drawing<DB> {
        let base = trend.plot.bottom;
        for nth in back_to_front(trend) {
            let colour = self.theme.series(trend.series[nth].column);
            let whole: Vec<_> = (0..trend.partial.len())
                .filter(|row| !trend.partial[*row])
                .filter_map(|row| trend.standing(nth, row))
                .collect();
            self.polygon(reduce::skyline(&whole, base), colour)?;
        }
        for row in (0..trend.partial.len()).filter(|row| trend.partial[*row]) {
            for (nth, series) in trend.series.iter().enumerate() {
                let Some(column) = trend.standing(nth, row) else { continue };
                let floor = self.frame.snap(f64::from(series.floors[row]));
                let colour = self.theme.series(series.column);
                if column.top < floor {
                    self.fill(column.left, column.top, column.right, floor, colour.mix(0.28))?;
                    self.outline(column.left, column.top, column.right, floor, colour)?;
                }
            }
        }
        Ok(())
    }

    /// A dashed outline, drawn inside the edges.
    fn outline(&self, left: i32, top: i32, right: i32, bottom: i32, colour: RGBAColor) -> Drawing<DB> {
        let half = self.frame.dot / 2;
        let (left, top, right) = (left + half, top + half, right - half.max(1));
        let path = vec![(left, bottom), (left, top), (right, top), (right, bottom)];
        let (dash, space) = (self.frame.css(3.0), self.frame.css(3.0));
        self.element(&DashedPathElement::new(path, dash, space, self.stroke(1.0, colour)))
    }

    fn bars(&self, bars: &Bars) -> Drawing<DB> {
        for line in &bars.lines {
            let middle = (line.top + line.bottom) / 2 - self.frame.css(1.0);
            let names_end = bars.bases.first().map_or(0, |base| base - self.frame.css(12.0));
            self.text(&line.name, (names_end, middle), (HPos::Right, VPos::Center), self.theme.ink)?;
            for bar in &line.bars {
                if let Some(rect) = bar.rect {
                    self.fill(rect.left, rect.top, rect.right, rect.bottom, self.theme.series(bar.column))?;
                }
                let ink = if bar.rect.is_some() { self.theme.ink_2 } else { self.theme.label };
                self.text(&bar.text, bar.text_at, (HPos::Left, VPos::Center), ink)?;
            }
        }
        let (Some(first), Some(last)) = (bars.lines.first(), bars.lines.last()) else { return Ok(()) };
        for base in &bars.bases {
            let over = self.frame.css(4.0);
            self.fill(base - self.frame.dot, first.top - over, *base, last.bottom + over, self.theme.axis)?;
        }
        Ok(())
    }

    fn share(&self, share: &Share) -> Drawing<DB> {
        for ring in &share.rings {
            self.strong(&ring.title, ring.title_at, (HPos::Left, VPos::Center), TEXT)?;
            for slice in &ring.slices {
                let colour = slice.colour.map_or(self.theme.axis, |nth| self.theme.series(nth));
                let outline = ring.outline(slice);
                self.polygon(outline.clone(), colour)?;
                if slice.until - slice.from < 1.0 {
                    let rim = outline.iter().chain(outline.first()).copied().collect::<Vec<_>>();
                    self.element(&PathElement::new(rim, self.stroke(1.5, self.theme.panel)))?;
                }
                let middle = (slice.line.top + slice.line.bottom) / 2;
                let key = self.frame.css(9.0);
                let left = slice.line.left;
                self.fill(left, middle - key / 2, left + key, middle + key / 2, colour)?;
                let name_at = (left + self.frame.css(16.0), middle);
                self.text(&slice.name, name_at, (HPos::Left, VPos::Center), self.theme.ink_2)?;
                let part_at = (slice.line.right, middle);
                self.text(&slice.part, part_at, (HPos::Right, VPos::Center), self.theme.ink)?;
            }
            self.strong(&ring.total, ring.centre, (HPos::Center, VPos::Center), TEXT_LARGE)?;
        }
        Ok(())
    }
}

/// The order in which columns on one place hide least of each other: the highest first.
fn back_to_front(trend: &Trend) -> Vec<usize> {
    let mut order: Vec<usize> = (0..trend.series.len()).collect();
    // Places count downward: the smallest sum is the highest series.
    order.sort_by_cached_key(|nth| {
        let floor = trend.plot.bottom;
        trend.series[*nth].tops.iter().map(|top| i64::from(top.unwrap_or(floor))).sum::<i64>()
    });
    order
}

/// Which rows of a line carry its shape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cues {
    Spread,
    /// Only those that have no neighbour.
    Alone,
}

/// A run cut where it turns from whole to not whole. Neighbours share the row at which they meet.
fn stretches(trend: &Trend, run: std::ops::Range<usize>) -> Vec<(std::ops::Range<usize>, bool)> {
    // A piece of the line is not whole if either of its ends is not.
    let pieces: Vec<usize> = (run.start..run.end.saturating_sub(1)).collect();
    let dashed = |piece: usize| trend.partial[piece] || trend.partial[piece + 1];
    pieces
        .chunk_by(|a, b| dashed(*a) == dashed(*b))
        .map(|chunk| (chunk[0]..chunk[chunk.len() - 1] + 2, dashed(chunk[0])))
        .collect()
}
