//! Which rows of a long table are on screen, and whether the table is wider than its place. Plain arithmetic beside one
//! observer: rows of windowed tables have one height.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use web_sys::{HtmlElement, ResizeObserver};

use crate::{effect, later};

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

/// The highest that the table is, as style/table.css has it: in pixels, and as a part of the window.
const HIGHEST: f64 = 900.0;
const PART: f64 = 0.76;

/// The rows that fit into the table in a window of this height, beside its head and its totals, which are as high as a row at
/// least.
pub fn rows_in(window_height: f64) -> usize {
    let rows = (window_height * PART).min(HIGHEST) / ROW_HEIGHT as f64;
    // A row more, since the first and the last may be seen in part.
    (rows.ceil() as usize + 1).saturating_sub(2)
}

/// The rows that fit into the window below what stands above a table that is a part of the page: its head, at the least.
pub fn rows_below_head() -> usize {
    (window_height() * PART / ROW_HEIGHT as f64).ceil() as usize
}

fn window_height() -> f64 {
    window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(HIGHEST)
}

/// The rows to show of `count`, `screen` at a time, when the table is scrolled down by `top` pixels. Those of a table that has
/// `just_come` are the ones on screen: it is painted sooner, and nobody scrolls yet.
pub fn rows_shown(top: i32, count: usize, screen: usize, just_come: bool) -> Rows {
    let at = usize::try_from(top).unwrap_or(0) / ROW_HEIGHT;
    let stride = at / SPARE * SPARE;
    let first = stride.saturating_sub(SPARE).min(count.saturating_sub(screen + SPARE));
    // A table that has not been scrolled yet is made at every change of it, and most never are.
    let spare = match at {
        0 if just_come => 0,
        _ if stride == 0 => SPARE,
        _ => 2 * SPARE,
    };
    Rows { first, until: (stride + screen + spare).min(count) }
}

/// How long a table has just come once it is painted: sooner than a hand is at it.
const JUST_COME: Duration = Duration::from_millis(120);

/// Whether the table that is made here has just come.
pub fn just_come() -> ReadSignal<bool> {
    let (just_come, set_just_come) = signal(true);
    let settle = move || {
        // The table may be gone by then.
        let _ = set_just_come.try_set(false);
    };
    later::when_painted(move || set_timeout(settle, JUST_COME));
    just_come
}

/// What the table's place is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Rows that fit.
    pub rows: usize,
    /// Whether the table is no wider than its place, so that names need not stay while numbers scroll.
    pub fits: bool,
}

/// Watches the table in `scroller`. Told by the browser when it has laid the page out: to ask it would make it do so twice.
pub fn room(scroller: NodeRef<html::Div>) -> ReadSignal<Room> {
    let (room, set_room) = signal(Room { rows: rows_in(window_height()), fits: true });
    let observer = StoredValue::new_local(None);
    effect(move |_| {
        let Some(place) = scroller.get() else { return };
        let seen = place.clone();
        let table = place.first_element_child().and_then(|table| table.dyn_into::<HtmlElement>().ok());
        let width = {
            let table = table.clone();
            move || table.as_ref().map_or(0, HtmlElement::offset_width)
        };
        let look = Closure::<dyn Fn()>::new(move || {
            let now = Room { rows: rows_in(window_height()), fits: width() <= seen.client_width() };
            if room.get_untracked() != now {
                set_room.set(now);
            }
        });
        // Without it names scroll away with the numbers.
        let Ok(sizes) = ResizeObserver::new(look.as_ref().unchecked_ref()) else { return };
        sizes.observe(&place);
        if let Some(table) = &table {
            sizes.observe(table);
        }
        observer.set_value(Some((sizes, look)));
    });
    on_cleanup(move || {
        observer.try_with_value(|observer| observer.as_ref().map(|(sizes, _)| sizes.disconnect()));
    });
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_screen_is_there() {
        let screen = rows_in(2_000.0);
        assert_eq!(screen, 27);
        for count in [501, 2_000, 100_000] {
            for at in [0, 1, 7, 8, 9, 15, 16, 499, count - screen] {
                let end = (at + screen).min(count);
                for just_come in [true, false] {
                    let rows = rows_shown((at * ROW_HEIGHT) as i32, count, screen, just_come);
                    assert!(rows.first <= at && rows.until >= end, "{rows:?} does not hold {at}..{end} of {count}");
                }
            }
        }
    }

    #[test]
    fn a_bounce_above_the_top_is_the_top() {
        assert_eq!(rows_shown(-20, 1_000, 28, false).first, 0);
    }
}
