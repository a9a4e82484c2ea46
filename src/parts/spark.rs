//! A column's course as a small line: no axis, no value, only the shape.

use leptos::prelude::*;
use mailtally_model::report_json::Number;

use crate::view;

use super::tiles::SERIES_COLOURS;

/// The line of the `nth` column.
pub fn line(nth: usize, stretches: Vec<String>) -> AnyView {
    let class = format!("spark series-{}", nth % SERIES_COLOURS + 1);
    let view_box = format!("0 -1 {} {}", Number(WIDTH), Number(HEIGHT + 2.0));
    view! {
        <svg class=class viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
            {stretches.into_iter().map(|points| view! { <polyline points=points></polyline> }).collect_view()}
        </svg>
    }
}

/// The points of a polyline in a box of `WIDTH` by `HEIGHT`: one list for each stretch without gaps.
pub fn stretches(cells: &[Option<f64>]) -> Vec<String> {
    let cells = reduced(cells);
    if cells.len() < 2 {
        return Vec::new();
    }
    // Nothing at all is a line at the bottom.
    let highest = cells.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let step = WIDTH / (cells.len() - 1) as f64;
    let mut stretches = vec![String::new()];
    for (i, cell) in cells.iter().enumerate() {
        match (cell, stretches.last_mut()) {
            (Some(value), Some(points)) => {
                let (x, y) = (i as f64 * step, HEIGHT - value / highest * HEIGHT);
                let (x, y) = ((x * 10.0).round() / 10.0, (y * 10.0).round() / 10.0);
                points.push_str(&format!("{},{} ", Number(x), Number(y)));
            }
            _ => stretches.push(String::new()),
        }
    }
    // A point alone draws no line.
    stretches.retain(|points| points.matches(',').count() > 1);
    stretches
}

pub const WIDTH: f64 = 100.0;
pub const HEIGHT: f64 = 20.0;

/// More points than pixels are only noise and cost.
const MOST_POINTS: usize = 120;

/// The highest of each run of neighbours, so that a spike stays one.
fn reduced(cells: &[Option<f64>]) -> Vec<Option<f64>> {
    let run = cells.len().div_ceil(MOST_POINTS).max(1);
    let highest = |run: &[Option<f64>]| run.iter().flatten().copied().reduce(f64::max);
    cells.chunks(run).map(highest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_stays_open() {
        let cells = [Some(0.0), Some(10.0), None, Some(5.0), Some(10.0)];
        assert_eq!(stretches(&cells), ["0,20 25,0 ", "75,10 100,0 "]);
    }

    #[test]
    fn nothing_has_no_shape() {
        assert!(stretches(&[]).is_empty());
        assert!(stretches(&[None, None]).is_empty());
    }

    #[test]
    fn zeros_are_a_line_at_the_bottom() {
        assert_eq!(stretches(&[Some(0.0), Some(0.0)]), ["0,20 100,20 "]);
    }

    #[test]
    fn a_spike_survives_the_reduction() {
        let mut cells = vec![Some(1.0); 5_000];
        cells[2_345] = Some(100.0);
        let kept = reduced(&cells);
        assert!(kept.len() <= MOST_POINTS && kept.contains(&Some(100.0)));
    }
}
