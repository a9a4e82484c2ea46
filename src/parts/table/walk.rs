//! Arrow keys walk the cells: for Tab a table is one stop, however many of its numbers are links.
//!
//! Nothing in a table can be reached by Tab (rows give their links `tabindex="-1"`), but the region around it can. From
//! there an arrow leads in, and Escape back out. It knows rows and cells, and nothing of what they say.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Rows that Page Down goes further: fewer than a windowed table keeps ready beyond the screen.
const PAGE: isize = 8;

/// Where a key leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    /// So many rows down, or up.
    Row(isize),
    /// So many stops to the right, or to the left: a head has more than one.
    Stop(isize),
    FirstStop,
    LastStop,
    Top,
    Bottom,
    Out,
}

fn towards(event: &ev::KeyboardEvent) -> Option<Towards> {
    if event.alt_key() || event.meta_key() || event.shift_key() {
        return None;
    }
    Some(match (event.key().as_str(), event.ctrl_key()) {
        ("ArrowDown", false) => Towards::Row(1),
        ("ArrowUp", false) => Towards::Row(-1),
        ("ArrowRight", false) => Towards::Stop(1),
        ("ArrowLeft", false) => Towards::Stop(-1),
        ("PageDown", false) => Towards::Row(PAGE),
        ("PageUp", false) => Towards::Row(-PAGE),
        ("Home", false) => Towards::FirstStop,
        ("End", false) => Towards::LastStop,
        ("Home", true) => Towards::Top,
        ("End", true) => Towards::Bottom,
        ("Escape", false) => Towards::Out,
        _ => return None,
    })
}

/// What a key pressed in the region around a table does.
pub fn on_key(event: &ev::KeyboardEvent) {
    let Some(towards) = towards(event).filter(|_| !event.default_prevented()) else { return };
    let element = |target: Option<web_sys::EventTarget>| target.and_then(|target| target.dyn_into::<Element>().ok());
    let (Some(region), Some(from)) = (element(event.current_target()), element(event.target())) else { return };
    let here = from.closest("th, td").ok().flatten();
    let there = match (&here, towards) {
        // A key that leads nowhere from here is the browser's: it scrolls.
        (None, Towards::Out | Towards::FirstStop | Towards::LastStop) => None,
        (None, _) => rows(&region).first().and_then(|row| stops(row).into_iter().next()),
        (Some(_), Towards::Out) => region.clone().dyn_into().ok(),
        (Some(_), Towards::Top | Towards::Bottom) => return to_end(event, region, towards),
        (Some(cell), _) => next(&region, cell, &from, towards),
    };
    if let Some(there) = there {
        event.prevent_default();
        focus(&there);
    } else if here.is_some() {
        event.prevent_default();
    }
}

fn next(region: &Element, cell: &Element, from: &Element, towards: Towards) -> Option<HtmlElement> {
    let row = cell.closest("tr").ok()??;
    match towards {
        Towards::Row(by) => {
            let rows = rows(region);
            let at = rows.iter().position(|other| *other == row)?;
            let mut to = at.saturating_add_signed(by).min(rows.len() - 1);
            // Rows that are not on the page yet are on their way: walk up to them, not over them.
            let (low, high) = (at.min(to), at.max(to));
            if let Some(gap) = (low..=high).find(|other| rows[*other].class_list().contains("spacer")) {
                to = if by > 0 { gap - 1 } else { gap + 1 };
            }
            let column = list(&row, "th, td").iter().position(|other| other == cell)?;
            let cell = list(&rows[to], "th, td").into_iter().nth(column)?;
            stops_of(cell).into_iter().next()
        }
        Towards::Stop(by) => {
            let stops = stops(&row);
            let at = stops.iter().position(|stop| **stop == *from).or_else(|| {
                // The hand was on something within a stop.
                stops.iter().position(|stop| stop.contains(Some(from)))
            })?;
            stops.into_iter().nth(at.checked_add_signed(by)?)
        }
        Towards::FirstStop => stops(&row).into_iter().next(),
        Towards::LastStop => stops(&row).pop(),
        Towards::Top | Towards::Bottom | Towards::Out => None,
    }
}

/// The first or the last row of all: of a windowed table it is on the page a frame after it has been scrolled to.
fn to_end(event: &ev::KeyboardEvent, region: Element, towards: Towards) {
    event.prevent_default();
    region.set_scroll_top(if towards == Towards::Top { 0 } else { region.scroll_height() });
    request_animation_frame(move || {
        let mut rows = list(&region, "tbody tr:not(.spacer)");
        let row = if towards == Towards::Top { rows.into_iter().next() } else { rows.pop() };
        if let Some(stop) = row.and_then(|row| stops(&row).into_iter().next()) {
            focus(&stop);
        }
    });
}

/// All rows on the page, those that stand for others included.
fn rows(region: &Element) -> Vec<Element> {
    list(region, "tr")
}

/// What can be stood on in a row, from left to right.
fn stops(row: &Element) -> Vec<HtmlElement> {
    list(row, "th, td").into_iter().flat_map(stops_of).collect()
}

/// The links and buttons of a cell, or the cell itself.
fn stops_of(cell: Element) -> Vec<HtmlElement> {
    let mut stops = list(&cell, "a[href], button, summary");
    if stops.is_empty() {
        stops.push(cell);
    }
    stops.into_iter().filter_map(|stop| stop.dyn_into().ok()).collect()
}

fn focus(stop: &HtmlElement) {
    if stop.tab_index() < 0 {
        stop.set_tab_index(-1);
    }
    // It can only refuse if it has just left the page.
    let _ = stop.focus();
}

fn list(within: &Element, css: &str) -> Vec<Element> {
    let Ok(found) = within.query_selector_all(css) else { return Vec::new() };
    (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
}
