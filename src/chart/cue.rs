//! What tells two series apart without colour: a shape each, the same in the legend and on the plot.

use super::reduce::Point;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
    Bar,
}

/// The one that points down is last: few charts have seven series, and what points down besides is a spike.
const ALL: [Cue; 7] = [Cue::Circle, Cue::Square, Cue::Triangle, Cue::Diamond, Cue::Cross, Cue::Bar, Cue::Down];

impl Cue {
    /// The shape of a column by its place in the table.
    pub fn of(column: usize) -> Cue {
        ALL[column % ALL.len()]
    }

    /// Its outline around the origin, `r` from the centre to the rim; a circle has none of its own (it is drawn as one).
    pub fn outline(self, r: f64) -> Vec<(f64, f64)> {
        let a = r * 0.38;
        match self {
            Cue::Circle => Vec::new(),
            Cue::Square => {
                vec![(-0.85 * r, -0.85 * r), (0.85 * r, -0.85 * r), (0.85 * r, 0.85 * r), (-0.85 * r, 0.85 * r)]
            }
            Cue::Triangle => vec![(0.0, -1.1 * r), (1.1 * r, 0.85 * r), (-1.1 * r, 0.85 * r)],
            Cue::Diamond => vec![(0.0, -1.25 * r), (1.25 * r, 0.0), (0.0, 1.25 * r), (-1.25 * r, 0.0)],
            Cue::Down => vec![(-1.1 * r, -0.85 * r), (1.1 * r, -0.85 * r), (0.0, 1.1 * r)],
            Cue::Cross => vec![
                (-a, -r),
                (a, -r),
                (a, -a),
                (r, -a),
                (r, a),
                (a, a),
                (a, r),
                (-a, r),
                (-a, a),
                (-r, a),
                (-r, -a),
                (-a, -a),
            ],
            Cue::Bar => vec![(-1.2 * r, -0.5 * r), (1.2 * r, -0.5 * r), (1.2 * r, 0.5 * r), (-1.2 * r, 0.5 * r)],
        }
    }

    /// Its outline around a place on the plot.
    pub fn at(self, (x, y): Point, r: f64) -> Vec<Point> {
        self.outline(r).into_iter().map(|(dx, dy)| (x + dx.round() as i32, y + dy.round() as i32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_shapes_of_the_plot() {
        let sheet = include_str!("../../style/chart.css");
        for (nth, cue) in ALL.into_iter().enumerate() {
            let points = cue.outline(4.0).into_iter().map(|(x, y)| {
                let px = |place: f64| format!("{}px", ((place + 6.0) * 100.0).round() / 100.0);
                format!("{} {}", px(x), px(y))
            });
            let shape = match cue {
                Cue::Circle => "circle(4px)".to_owned(),
                _ => format!("polygon({})", points.collect::<Vec<_>>().join(", ")),
            };
            let rule = format!(".chart-key.series-{} {{\n  clip-path: {shape};\n}}", nth + 1);
            assert!(sheet.contains(&rule), "no {rule}");
        }
    }
}
