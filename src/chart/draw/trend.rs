//! Draws a Trend: what lies behind the series, the series, and the labels.

use std::ops::Range;

use mailtally_model::table::largest_first;
use plotters::element::{DashedPathElement, PathElement};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, RGBAColor, ShapeStyle};
use plotters_backend::DrawingBackend;

use super::{Drawing, Pen};
use crate::chart::kind::ChartKind;
use crate::chart::layout::Trend;
use crate::chart::reduce::{self, Point};

impl<DB: DrawingBackend> Pen<'_, DB> {
    pub(super) fn trend(&self, trend: &Trend) -> Drawing<DB> {
        self.background(trend)?;
        self.earlier(trend)?;
        let all: Vec<usize> = (0..trend.series.len()).collect();
        let (lines, shapes): (Vec<usize>, Vec<usize>) = all.iter().partition(|nth| trend.is_line(**nth));
        match trend.kind {
            ChartKind::Line => self.lines(trend, &all, &|_, _| Ok(())),
            ChartKind::Area => self.lines(trend, &all, &|nth, run| self.area_under(trend, nth, run, 0.14)),
            ChartKind::StackedArea => {
                for nth in &shapes {
                    for run in trend.runs(*nth) {
                        self.area_under(trend, *nth, run, 0.82)?;
                    }
                }
                self.separators(trend, &shapes)?;
                shapes.iter().try_for_each(|nth| self.cues(trend, *nth, Cues::Alone))?;
                self.lines(trend, &lines, &|nth, run| self.rim(trend, nth, run))
            }
            ChartKind::Column | ChartKind::StackedColumn | ChartKind::Bar | ChartKind::Share => {
                self.columns(trend, &shapes)?;
                self.lines(trend, &lines, &|nth, run| self.rim(trend, nth, run))
            }
        }?;
        self.spikes(trend)?;
        self.foreground(trend)
    }

    /// The earlier period, behind the present one: thin and pale. Dashes say that a row is not whole.
    fn earlier(&self, trend: &Trend) -> Drawing<DB> {
        for series in &trend.before {
            let style = self.course(trend, 1.25, self.theme.series(series.column).mix(0.5));
            for points in trend.before_points(series) {
                self.element(&PathElement::new(reduce::line(&points, self.frame.dot), style))?;
            }
        }
        Ok(())
    }

    /// A mark above each value that is far from usual, its tip towards the value.
    fn spikes(&self, trend: &Trend) -> Drawing<DB> {
        let (half, high, away) = (self.frame.css(4.5), self.frame.css(7.0), self.frame.css(6.0));
        for spike in &trend.spikes {
            let Some((x, top)) = trend.spike_at(*spike) else { continue };
            let tip = (top - away).max(high);
            self.polygon(vec![(x - half, tip - high), (x + half, tip - high), (x, tip)], self.theme.warn)?;
        }
        Ok(())
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

    /// Some series as lines with what `under` puts below, then the shapes that tell them apart.
    fn lines(&self, trend: &Trend, some: &[usize], under: &dyn Fn(usize, Range<usize>) -> Drawing<DB>) -> Drawing<DB> {
        // The first column is the report's main figure: it lies on top.
        for nth in some.iter().rev() {
            for run in trend.runs(*nth) {
                under(*nth, run.clone())?;
                self.line(trend, *nth, run)?;
            }
        }
        some.iter().rev().try_for_each(|nth| self.cues(trend, *nth, Cues::Spread))
    }

    /// One stroke for each stretch of whole rows, dashed for those that are not.
    fn line(&self, trend: &Trend, nth: usize, run: Range<usize>) -> Drawing<DB> {
        let style = self.course(trend, 1.75, self.theme.series(trend.series[nth].column));
        let points = trend.points(nth, run.clone());
        for (points, partial) in stretches(points, &trend.partial[run]) {
            if partial {
                self.dashed(points, style)?;
            } else {
                self.element(&PathElement::new(reduce::line(&points, self.frame.dot), style))?;
            }
        }
        Ok(())
    }

    /// What parts a line from the areas and columns that it passes.
    fn rim(&self, trend: &Trend, nth: usize, run: Range<usize>) -> Drawing<DB> {
        let points = reduce::line(&trend.points(nth, run), self.frame.dot);
        self.element(&PathElement::new(points, self.course(trend, 4.5, self.theme.panel)))
    }

    /// The style of a line along the rows. Where rows are a few pixels apart, one pixel of the screen: without a graphics
    /// card a browser draws a line of that width as such, and any wider one as the outline around it, which took a tenth of
    /// a second for two thousand rows.
    fn course(&self, trend: &Trend, width: f64, colour: RGBAColor) -> ShapeStyle {
        let is_dense = trend.pitch() < 3.0 * self.frame.px;
        if is_dense { colour.stroke_width(self.frame.dot as u32) } else { self.stroke(width, colour) }
    }

    fn area_under(&self, trend: &Trend, nth: usize, run: Range<usize>, strength: f64) -> Drawing<DB> {
        let colour = self.theme.series(trend.series[nth].column);
        let dot = self.frame.dot;
        let (tops, floors) = (trend.points(nth, run.clone()), trend.floor(nth, run.clone()));
        let partial = &trend.partial[run];
        for ((top, partial), (floor, _)) in stretches(tops, partial).into_iter().zip(stretches(floors, partial)) {
            let colour = colour.mix(if partial { strength * 0.4 } else { strength });
            // With a row or more in each pixel no slope is seen, and a browser fills a rectangle with the least effort.
            if trend.pitch() <= f64::from(dot) {
                for (bar, floor) in reduce::bars(&top, &floor, dot) {
                    self.fill(bar.left, bar.top, bar.right, floor, colour)?;
                }
                continue;
            }
            for outline in reduce::outlines(&reduce::line(&top, dot), &reduce::line(&floor, dot), dot) {
                self.polygon(outline, colour)?;
            }
        }
        Ok(())
    }

    /// Each stacked area's upper edge in the panel's colour parts it from the next without a colour of its own.
    fn separators(&self, trend: &Trend, stack: &[usize]) -> Drawing<DB> {
        for nth in stack {
            let top = Some(nth) == stack.last();
            let colour = if top { self.theme.series(trend.series[*nth].column) } else { self.theme.panel };
            for run in trend.runs(*nth) {
                let points = reduce::line(&trend.points(*nth, run), self.frame.dot);
                self.element(&PathElement::new(points, self.course(trend, if top { 1.25 } else { 1.0 }, colour)))?;
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
        let spread = which == Cues::Spread && (trend.series.len() > 1 || every == 1);
        let places = trend.runs(nth).into_iter().flat_map(|run| {
            let away = (offset + every - run.start % every) % every;
            let rows = match run.len() {
                1 => run,
                _ if spread => run.start + away..run.end,
                _ => 0..0,
            };
            rows.step_by(every)
        });
        let places: Vec<Point> = places.filter_map(|row| Some((trend.x(row), series.tops[row]?))).collect();
        self.cues_at(series.column, &places, if every == 1 { 3.0 } else { 3.25 })
    }

    /// Whole rows series by series, from the highest down, so that what stands lower is seen before it; rows that
    /// are not whole lighter, with a dashed outline.
    fn columns(&self, trend: &Trend, shapes: &[usize]) -> Drawing<DB> {
        let base = trend.plot.bottom;
        for nth in back_to_front(trend, shapes) {
            let colour = self.theme.series(trend.series[nth].column);
            let whole: Vec<_> = (0..trend.partial.len())
                .filter(|row| !trend.partial[*row])
                .filter_map(|row| trend.standing(nth, row))
                .collect();
            for column in reduce::tallest(&whole, base) {
                self.fill(column.left, column.top, column.right, base, colour)?;
            }
        }
        for row in (0..trend.partial.len()).filter(|row| trend.partial[*row]) {
            for nth in shapes {
                let (series, Some(column)) = (&trend.series[*nth], trend.standing(*nth, row)) else { continue };
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
}

/// The order in which columns on one place hide least of each other: the highest first, and of a stack its top.
fn back_to_front(trend: &Trend, shapes: &[usize]) -> Vec<usize> {
    if trend.kind.is_stacked() {
        return shapes.iter().rev().copied().collect();
    }
    let height = |top: &Option<i32>| top.map_or(0.0, |top| f64::from(trend.plot.bottom - top));
    let heights: Vec<f64> = shapes.iter().map(|nth| trend.series[*nth].tops.iter().map(height).sum()).collect();
    largest_first(&heights).into_iter().map(|at| shapes[at as usize]).collect()
}

/// Which rows of a line carry its shape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cues {
    Spread,
    /// Only those that have no neighbour.
    Alone,
}

/// A course cut where it turns from whole rows to such as are not, halfway between the two: each row has the stretch beside
/// it on both sides, so that a whole row among others is seen to be whole.
fn stretches(points: Vec<Point>, partial: &[bool]) -> Vec<(Vec<Point>, bool)> {
    if points.len() > 1 && !partial.contains(&true) {
        return vec![(points, false)];
    }
    let halfway = |a: Point, b: Point| (i32::midpoint(a.0, b.0), i32::midpoint(a.1, b.1));
    let mut stretches: Vec<(Vec<Point>, bool)> = Vec::new();
    let mut last = None;
    for (point, partial) in points.into_iter().zip(partial.iter().copied()) {
        match (stretches.last_mut(), last) {
            (Some((stretch, is_partial)), _) if *is_partial == partial => stretch.push(point),
            (Some((stretch, _)), Some(last)) => {
                let cut = halfway(last, point);
                stretch.push(cut);
                stretches.push((vec![cut, point], partial));
            }
            _ => stretches.push((vec![point], partial)),
        }
        last = Some(point);
    }
    // A row alone has no course.
    stretches.retain(|(stretch, _)| stretch.len() > 1);
    stretches
}

#[cfg(test)]
mod tests {
    use super::stretches;

    #[test]
    fn a_whole_row_among_others_is_whole() {
        let points = [(0, 0), (10, 20), (20, 0), (30, 8)];
        let cut = stretches(points.to_vec(), &[true, false, true, true]);
        let expected = [
            (vec![(0, 0), (5, 10)], true),
            (vec![(5, 10), (10, 20), (15, 10)], false),
            (vec![(15, 10), (20, 0), (30, 8)], true),
        ];
        assert_eq!(cut, expected);
        assert_eq!(stretches(points.to_vec(), &[false; 4]), [(points.to_vec(), false)]);
        assert_eq!(stretches(points[..1].to_vec(), &[true]), []);
    }
}
