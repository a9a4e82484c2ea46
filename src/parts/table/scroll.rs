//! Which rows of a long table are on screen. Plain arithmetic: rows of windowed tables have one height.

/// Which rows are there: positions in the order, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    pub first: usize,
    pub until: usize,
}

/// As style/table.css has it.
pub const ROW_HEIGHT: usize = 33;

/// Rows kept ready above and below, so that a scroll shows no hole; also the stride at which rows change. Each costs as
/// much to make as one that is seen, at every change of the table.
const SPARE: usize = 8;

/// The highest that the table is (900 pixels, as style/table.css has it), in rows.
const SCREEN: usize = 28;

/// The rows to show of `count` when the table is scrolled down by `top` pixels.
pub fn rows_shown(top: i32, count: usize) -> Rows {
    let at = usize::try_from(top).unwrap_or(0) / ROW_HEIGHT;
    let first = (at / SPARE * SPARE).saturating_sub(SPARE).min(count.saturating_sub(SCREEN + SPARE));
    Rows { first, until: (first + SCREEN + 3 * SPARE).min(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_screen_is_there() {
        for count in [501, 2_000, 100_000] {
            for at in [0, 1, 7, 8, 9, 499, count - SCREEN] {
                let rows = rows_shown((at * ROW_HEIGHT) as i32, count);
                let end = (at + SCREEN).min(count);
                assert!(rows.first <= at && rows.until >= end, "{rows:?} does not hold {at}..{end} of {count}");
            }
        }
    }

    #[test]
    fn a_bounce_above_the_top_is_the_top() {
        assert_eq!(rows_shown(-20, 1_000).first, 0);
    }
}
