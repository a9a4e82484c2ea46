//! How far a page was scrolled and which link was followed, kept in the browser's history: Back shows what one was looking
//! at, with the hand where it was.
//!
//! Browsers do this by themselves only for pages that are whole at once. Ours grow as answers come, so it is done here: an
//! entry of the history holds how far the window and the page's table were scrolled, and they are scrolled there once
//! nothing is on its way any more; then the hand goes back to the link, where it has nowhere better to be. Knows nothing of
//! what a page shows.

use std::cell::Cell;

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, FocusOptions, HtmlElement, ScrollRestoration};

use crate::later;

/// What scrolls by itself within a page.
const REGION: &str = "main [role=region]";
/// What the hand goes back to.
const LINK: &str = "main a[href]";
/// What says that a page is not whole yet.
const BUSY: &str = "main [aria-busy=true]";
/// An entry that was not scrolled.
const TOP: &str = "0,0,";
/// Frames after which a page that does not grow as high as it was is left as it is: some ten seconds.
const PATIENCE: u32 = 600;

thread_local! {
    /// Which restoring is under way, if any: while a page grows, how far it is scrolled is nothing to remember.
    static RESTORING: Cell<Option<u32>> = const { Cell::new(None) };
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// Remembers where each scroll ends, from now on.
pub fn watch() {
    if let Ok(history) = window().history() {
        // A browser without it scrolls by itself, too.
        let _ = history.set_scroll_restoration(ScrollRestoration::Manual);
    }
    restore();
    let remember = || {
        let is_at_rest = RESTORING.get().is_none();
        if let (true, Ok(history)) = (is_at_rest, window().history()) {
            // Refused when there are hundreds within seconds: then the one before is good enough.
            let _ = history.replace_state_with_url(&here(), "", None);
        }
    };
    // In a turn of its own: to ask how far a table is scrolled whose rows have just changed would lay the page out twice.
    let scrolled = document_listener("scrollend", move |_| later::then(remember));
    let left = window_event_listener(ev::Custom::<web_sys::Event>::new("pagehide"), move |_| remember());
    on_cleanup(move || {
        scrolled();
        left.remove();
    });
}

/// What scrolls within the page does not bubble, so this listens on its way down.
fn document_listener(name: &'static str, listen: impl Fn(web_sys::Event) + 'static) -> impl FnOnce() + Send + Sync {
    use wasm_bindgen::closure::Closure;
    let closure = Closure::<dyn Fn(web_sys::Event)>::new(listen);
    let _ = document().add_event_listener_with_callback_and_bool(name, closure.as_ref().unchecked_ref(), true);
    let closure = StoredValue::new_local(closure);
    move || {
        closure.try_with_value(|closure| {
            document().remove_event_listener_with_callback_and_bool(name, closure.as_ref().unchecked_ref(), true)
        });
    }
}

/// How far the window and the table are scrolled and where the hand is, as an entry of the history holds it: pixels of each
/// and the link's address, parted by commas.
pub fn here() -> JsValue {
    let window_top = window().scroll_y().unwrap_or_default().round() as i32;
    let table_top = region().map_or(0, |region| region.scroll_top());
    let link = document().active_element().and_then(|at| at.closest(LINK).ok()?);
    let link = link.and_then(|link| link.get_attribute("href")).unwrap_or_default();
    JsValue::from_str(&format!("{window_top},{table_top},{link}"))
}

/// A page that is entered anew begins at its top.
pub fn to_top() {
    RESTORING.set(None);
    window().scroll_to_with_x_and_y(0.0, 0.0);
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::from_str(TOP), "", None);
    }
}

/// Scrolls to where the present entry of the history was left, once the page is there.
pub fn restore() {
    let state = window().history().and_then(|history| history.state()).ok();
    let state = state.and_then(|state| state.as_string());
    let Some(left) = state.as_deref().and_then(Left::parse) else { return };
    let turn = NEXT.get();
    NEXT.set(turn.wrapping_add(1));
    RESTORING.set(Some(turn));
    request_animation_frame(move || settle(turn, left, PATIENCE));
}

/// What an entry of the history holds.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    window_top: i32,
    table_top: i32,
    /// The address of the link that the hand was on; empty where it was on none.
    link: String,
}

impl Left {
    fn parse(state: &str) -> Option<Left> {
        let mut parts = state.splitn(3, ',');
        let mut top = || parts.next()?.parse().ok();
        Some(Left { window_top: top()?, table_top: top()?, link: parts.next()?.to_owned() })
    }
}

fn settle(turn: u32, left: Left, patience: u32) {
    if RESTORING.get() != Some(turn) {
        return;
    }
    let is_busy = document().query_selector(BUSY).is_ok_and(|busy| busy.is_some());
    let root = document().document_element();
    let region = region();
    let is_high = |element: &Option<Element>, top: i32| {
        top == 0 || element.as_ref().is_some_and(|element| element.scroll_height() - element.client_height() >= top)
    };
    let is_there = !is_busy && is_high(&root, left.window_top) && is_high(&region, left.table_top);
    if !is_there && patience > 0 {
        return request_animation_frame(move || settle(turn, left, patience - 1));
    }
    window().scroll_to_with_x_and_y(0.0, f64::from(left.window_top));
    if let Some(region) = region.filter(|_| left.table_top > 0) {
        region.set_scroll_top(left.table_top);
    }
    RESTORING.set(None);
    if !left.link.is_empty() {
        // Once a long table has the rows that it was scrolled to.
        request_animation_frame(move || request_animation_frame(move || take_up(&left.link)));
    }
}

/// Puts the hand back on a link, where the page gave it to its head, or nobody did.
fn take_up(link: &str) {
    let is_free = document().active_element().is_none_or(|at| matches!(at.tag_name().as_str(), "BODY" | "H1"));
    let links = document().query_selector_all(LINK).ok().filter(|_| is_free);
    let mut links = links.iter().flat_map(|links| (0..links.length()).filter_map(|nth| links.item(nth)));
    let same = links.find_map(|node| {
        let element = node.dyn_into::<HtmlElement>().ok()?;
        (element.get_attribute("href").as_deref() == Some(link)).then_some(element)
    });
    if let Some(link) = same {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = link.focus_with_options(&options);
    }
}

fn region() -> Option<Element> {
    document().query_selector(REGION).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_holds_two_numbers_and_a_link() {
        let left = |window_top, table_top, link: &str| Left { window_top, table_top, link: link.to_owned() };
        assert_eq!(Left::parse("120,3300,/events?x=a,b"), Some(left(120, 3300, "/events?x=a,b")));
        assert_eq!(Left::parse(TOP), Some(left(0, 0, "")));
        for other in ["", "12", "a,b,", "1.5,2,", ",", "1,2"] {
            assert_eq!(Left::parse(other), None, "{other}");
        }
    }
}
