//! More points than pixels: what is left of them. No extreme is lost. Pure.

/// A point on the canvas, in its units.
pub type Point = (i32, i32);

/// A line through at most four points a pixel column (where it enters, its lowest, its highest, where it leaves), so that
/// it covers the very pixels that the whole line would. `points` go from left to right; `dot` units make a pixel.
pub fn line(points: &[Point], dot: i32) -> Vec<Point> {
    let mut kept = Vec::new();
    let mut from = 0;
    while let Some(first) = points.get(from) {
        // Where the next pixel begins: to divide for each point, or to walk along a pixel's points once for each extreme, took longer
        // than all else here.
        let next = (first.0.div_euclid(dot) + 1) * dot;
        let (mut until, mut low, mut high) = (from + 1, from, from);
        while let Some(point) = points.get(until).filter(|point| point.0 < next) {
            if point.1 < points[low].1 {
                low = until;
            }
            if point.1 > points[high].1 {
                high = until;
            }
            until += 1;
        }
        if until - from <= 4 {
            kept.extend_from_slice(&points[from..until]);
        } else {
            let stay = [from, low.min(high), low.max(high), until - 1];
            for (nth, at) in stay.into_iter().enumerate() {
                if nth == 0 || stay[nth - 1] != at {
                    kept.push(points[at]);
                }
            }
        }
        from = until;
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

/// Columns that are seen: of those that share their pixels the tallest, of those without height none. `columns` go from left
/// to right and stand on `base`.
pub fn tallest(columns: &[Standing], base: i32) -> Vec<Standing> {
    let sharing = columns.chunk_by(|a, b| a.left == b.left);
    let seen = sharing.filter_map(|sharing| sharing.iter().min_by_key(|column| column.top).copied());
    seen.filter(|column| column.top < base).collect()
}

/// The area between two courses with a row or more in each pixel column, as upright bars: from the highest of the rows in a
/// column down to the highest of what they stand on, so that areas on each other meet. Both have the same places.
pub fn bars(top: &[Point], floor: &[Point], dot: i32) -> Vec<(Standing, i32)> {
    let rows: Vec<(Point, Point)> = top.iter().copied().zip(floor.iter().copied()).collect();
    let mut bars: Vec<(Standing, i32)> = Vec::new();
    for column in rows.chunk_by(|a, b| a.0.0.div_euclid(dot) == b.0.0.div_euclid(dot)) {
        let highest = |of: fn(&(Point, Point)) -> i32| column.iter().map(of).min().unwrap_or(0).div_euclid(dot) * dot;
        let left = column[0].0.0.div_euclid(dot) * dot;
        let standing = Standing { left, right: left + dot, top: highest(|row| row.0.1) };
        let floor = highest(|row| row.1.1);
        match bars.last_mut() {
            Some((last, stood)) if last.right == left && (last.top, *stood) == (standing.top, floor) => {
                last.right += dot
            }
            _ if standing.top < floor => bars.push((standing, floor)),
            _ => {}
        }
    }
    bars
}

/// More points than this make an outline that is filled in slices, each so many pixels wide.
const MANY_POINTS: usize = 200;
const SLICE: i32 = 16;

/// The area between two courses that begin and end at the same places, as outlines to fill.
///
/// Long ones in upright slices: without a graphics card a browser's time to fill an outline grows with the square of its
/// points, and took a quarter of a second for six series of two thousand. Slices meet on edges of pixels, so that no seam
/// is seen.
pub fn outlines(top: &[Point], floor: &[Point], dot: i32) -> Vec<Vec<Point>> {
    let (Some(first), Some(last)) = (top.first(), top.last()) else { return Vec::new() };
    if top.len() <= MANY_POINTS {
        return vec![top.iter().chain(floor.iter().rev()).copied().collect()];
    }
    let width = SLICE * dot;
    let mut outlines = Vec::new();
    let mut left = first.0;
    while left < last.0 {
        let right = ((left.div_euclid(width) + 1) * width).min(last.0);
        let mut outline = between(top, left, right);
        outline.extend(between(floor, left, right).into_iter().rev());
        outlines.push(outline);
        left = right;
    }
    outlines
}

/// A course from one place to another, cut at both.
fn between(course: &[Point], left: i32, right: i32) -> Vec<Point> {
    let within = course.partition_point(|point| point.0 <= left)..course.partition_point(|point| point.0 < right);
    let within = course.get(within).unwrap_or_default().iter().copied();
    [(left, height(course, left))].into_iter().chain(within).chain([(right, height(course, right))]).collect()
}

/// Where a course passes at a place.
fn height(course: &[Point], x: i32) -> i32 {
    let after = course.partition_point(|point| point.0 < x);
    match (after.checked_sub(1).and_then(|before| course.get(before)), course.get(after)) {
        (Some(before), Some(after)) => {
            let part = f64::from(x - before.0) / f64::from(after.0 - before.0);
            before.1 + (f64::from(after.1 - before.1) * part).round() as i32
        }
        (Some(end), None) | (None, Some(end)) => end.1,
        (None, None) => 0,
    }
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
    fn bars_of_areas_on_each_other_meet() {
        let course = |rises: i32| -> Vec<Point> { (0..400).map(|n| (n, 900 - rises - (n * 7919) % 101)).collect() };
        let (base, lower, upper) = (vec![(0, 900); 400], course(50), course(300));
        let below = bars(&lower, &base, 4);
        let above = bars(&upper, &lower, 4);
        let at = |bars: &[(Standing, i32)], x: i32| {
            *bars.iter().find(|(bar, _)| (bar.left..bar.right).contains(&x)).expect("a bar")
        };
        for x in 0..400 {
            let ((below, base), (above, stands_on)) = (at(&below, x), at(&above, x));
            assert_eq!((stands_on, base), (below.top, 900), "at {x}");
            let highest = (x / 4 * 4..x / 4 * 4 + 4).map(|row| upper[row as usize].1).min().expect("four rows");
            assert_eq!(above.top, highest / 4 * 4, "at {x}");
        }
        assert_eq!(bars(&base, &base, 4), [], "what has no height is not drawn");
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points = [(0, 5), (1, 9), (2, 1), (40, 7)];
        assert_eq!(line(&points, 4), points);
    }

    #[test]
    fn columns_on_one_pixel_show_the_tallest() {
        let at = |left, top| Standing { left, right: left + 4, top };
        let columns = [at(0, 50), at(0, 20), at(0, 90), at(4, 100), at(8, 70)];
        assert_eq!(tallest(&columns, 100), [at(0, 20), at(8, 70)]);
    }

    #[test]
    fn slices_of_an_area_are_the_area() {
        let top: Vec<Point> = (0..500).map(|n| (7 + n * 3, 400 + (n * 7919) % 101)).collect();
        let floor: Vec<Point> = top.iter().step_by(7).chain(top.last()).map(|(x, _)| (*x, 900 + x % 13)).collect();
        // Twice the area inside an outline, exact in whole numbers.
        let area = |outline: &[Point]| -> i64 {
            let next = outline.iter().skip(1).chain(outline.first());
            let twice = |((x0, y0), (x1, y1)): (&Point, &Point)| {
                i64::from(*x0) * i64::from(*y1) - i64::from(*x1) * i64::from(*y0)
            };
            outline.iter().zip(next).map(twice).sum::<i64>().abs()
        };
        let whole: Vec<Point> = top.iter().chain(floor.iter().rev()).copied().collect();
        let slices = outlines(&top, &floor, 4);
        assert!(slices.len() > 20 && slices.iter().all(|slice| slice.len() < 60));
        let sum: i64 = slices.iter().map(|slice| area(slice)).sum();
        // A cut between two points is rounded to a unit.
        assert!((sum - area(&whole)).abs() < area(&whole) / 1_000, "{sum} for {}", area(&whole));
        for pair in slices.windows(2) {
            let edge = |slice: &[Point], x: i32| slice.iter().filter(|point| point.0 == x).count();
            let meet = pair[1][0].0;
            assert!(meet % (SLICE * 4) == 0 && edge(&pair[0], meet) == 2, "a seam at {meet}");
        }
        assert_eq!(outlines(&top[..3], &floor[..1], 4), [[top[0], top[1], top[2], floor[0]]]);
    }
}
