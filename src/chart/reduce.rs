//! More points than pixels: what is left of them. No extreme is lost. Pure.

/// A point on the canvas, in its units.
pub type Point = (i32, i32);

/// A line through at most four points a pixel column (where it enters, its lowest, its highest, where it leaves), so that
/// it covers the very pixels that the whole line would. `points` go from left to right; `dot` units make a pixel.
pub fn line(points: &[Point], dot: i32) -> Vec<Point> {
    let mut kept = Vec::with_capacity(points.len());
    for column in points.chunk_by(|a, b| a.0.div_euclid(dot) == b.0.div_euclid(dot)) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let extreme = |better: fn(i32, i32) -> bool| {
            (0..column.len()).fold(0, |best, at| if better(column[at].1, column[best].1) { at } else { best })
        };
        let (low, high) = (extreme(|y, best| y < best), extreme(|y, best| y > best));
        let stay = [0, low.min(high), low.max(high), column.len() - 1];
        for (nth, at) in stay.into_iter().enumerate() {
            if nth == 0 || stay[nth - 1] != at {
                kept.push(column[at]);
            }
        }
    }
    kept
}

/// A column of a chart: from `left` to `right`, up to `top`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub left: i32,
    pub right: i32,
    pub top: i32,
}

/// Columns that stand on `base`, as the outline of one polygon: one fill for a whole series, and for columns that share
/// their pixels the tallest. `columns` go from left to right.
pub fn skyline(columns: &[Standing], base: i32) -> Vec<Point> {
    let mut outline = Vec::with_capacity(columns.len() * 4);
    for sharing in columns.chunk_by(|a, b| a.left == b.left) {
        let Some(tallest) = sharing.iter().min_by_key(|column| column.top) else { continue };
        if tallest.top < base {
            let Standing { left, right, top } = *tallest;
            outline.extend([(left, base), (left, top), (right, top), (right, base)]);
        }
    }
    outline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reduced_line_keeps_each_pixels_extremes() {
        // 100,000 points over 250 pixels of four units, with one spike that a stride would miss.
        let mut points: Vec<Point> = (0..100_000).map(|n| (n / 100, 500 + (n * 7919) % 101)).collect();
        points[54_321].1 = 3;
        let kept = line(&points, 4);
        assert!(kept.len() <= 4 * 250, "{} points kept", kept.len());
        for pixel in 0..250 {
            let within = |of: &[Point]| -> Option<(i32, i32)> {
                let ys = of.iter().filter(|point| point.0 / 4 == pixel).map(|point| point.1);
                Some((ys.clone().min()?, ys.max()?))
            };
            assert_eq!(within(&kept), within(&points), "pixel {pixel}");
        }
        assert!(kept.is_sorted_by_key(|point| point.0));
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points = [(0, 5), (1, 9), (2, 1), (40, 7)];
        assert_eq!(line(&points, 4), points);
    }

    #[test]
    fn columns_on_one_pixel_show_the_tallest() {
        let at = |left, top| Standing { left, right: left + 4, top };
        assert_eq!(
            skyline(&[at(0, 50), at(0, 20), at(0, 90), at(4, 100), at(8, 70)], 100),
            [(0, 100), (0, 20), (4, 20), (4, 100), (8, 100), (8, 70), (12, 70), (12, 100)]
        );
    }
}
