//! The table's head: a click sorts, the (i) says how a column is counted.

use std::sync::Arc;

use leptos::{ev, prelude::*};
use mailtally_model::report_json::Number;
use mailtally_model::table::TableColumn;
use mailtally_model::{Basis, By, Column, Table};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::apart::Apart;
use crate::context::View;
use crate::memo::Memo;
use crate::parts::icon::{self, Icon};
use crate::{anew, format, text, view};

#[component]
pub fn Head(table: Signal<Arc<Table>>) -> impl IntoView {
    let view = View::get();
    let explained = RwSignal::new(None::<Explained>);
    let rest = Apart::get().rest;
    let here = rest.here();
    // Columns come and go under one head: a signal would keep a place for each that ever read it, a memo forgets.
    let open = Memo::new(move |_| explained.read().as_ref().map(|explained| explained.column.id));
    let close = move || {
        if explained.read_untracked().is_some() {
            explained.set(None);
        }
    };
    // One listener for all buttons: a head has fifteen, and is made anew with each report.
    let clicked = move |event: ev::MouseEvent| {
        here.does(move |rest| (rest.head_pressed)(&event, table, explained, view));
    };
    let keyed = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && explained.read_untracked().is_some() {
            // Of what is open, Escape closes one thing: the hand stays in the table.
            event.prevent_default();
            close();
        }
    };
    let first = move || {
        let label = table.read().first_label();
        let sorted = sorted_by(None);
        view! { <SortButton sorted label=label.to_owned() said=text::sort_by(label)/> }
    };
    let columns = move || {
        let table = table.read();
        table.columns.iter().map(|column| view! { <ColumnHead column=column.into() open/> }).collect_view()
    };
    view! {
        <tr on:click=clicked on:focusout=move |_| close() on:keydown=keyed>
            <th scope="col" aria-sort=aria_sort(sorted_by(None))>{anew(first)}</th>
            {anew(columns)}
        </tr>
        {move || explained.get().map(|explained| rest.beside(move |rest| (rest.rule)(explained)))}
    }
}

/// A click on a head sorts by its column, or says how it is counted.
pub fn head_pressed(event: &ev::MouseEvent, table: Signal<Arc<Table>>, explained: Explaining, view: View) {
    let Some(button) = pressed(event) else { return };
    let id = button.closest("th").ok().flatten().and_then(|head| head.get_attribute("data-column"));
    let table = table.read_untracked();
    let column = table.columns.iter().find(|column| Some(column.column.id) == id.as_deref());
    match column {
        Some(column) if button.class_list().contains("info") => toggle(explained, column.into(), &button),
        _ => view.go(view.state.get_untracked().sorted_by(column.map(|column| column.column.id))),
    }
}

/// The button that a click was on.
fn pressed(event: &ev::MouseEvent) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest("button").ok()?
}

/// What the head needs of a column.
#[derive(Clone, Copy)]
struct HeadColumn {
    column: &'static Column,
    basis: Basis,
}

impl From<&TableColumn> for HeadColumn {
    fn from(column: &TableColumn) -> HeadColumn {
        HeadColumn { column: column.column, basis: column.basis }
    }
}

#[component]
fn ColumnHead(
    column: HeadColumn,
    /** The column whose rule is shown. */
    open: Memo<Option<&'static str>>,
) -> impl IntoView {
    let HeadColumn { column, basis } = column;
    let sorted = sorted_by(Some(column.id));
    view! {
        <th scope="col" data-column=column.id aria-sort=aria_sort(sorted)>
            <SortButton sorted label=format::column_head(column) said=String::new()/>
            <button
                type="button"
                class="info"
                tabindex="-1"
                aria-label=text::how_counted(column.label)
                aria-expanded=move || (open.get() == Some(column.id)).to_string()
                data-basis=text::basis_mark(basis)
                title=basis_title(basis)
            >
                <Icon path=icon::INFO/>
            </button>
        </th>
    }
}

/// `said` names the button where its label alone would be another button's name, too.
#[component]
fn SortButton(sorted: Memo<Option<bool>>, label: String, said: String) -> impl IntoView {
    let arrow = move || match sorted.get() {
        Some(true) => icon::DESCENDING,
        _ => icon::ASCENDING,
    };
    view! {
        <button
            type="button"
            class="sort"
            tabindex="-1"
            class:sorted=move || sorted.get().is_some()
            aria-label=(!said.is_empty()).then_some(said)
        >
            <Icon path=Signal::derive(arrow)/>
            {label}
        </button>
    }
}

/// Whether the column orders the rows, and if so, whether downwards.
fn sorted_by(column: Option<&'static str>) -> Memo<Option<bool>> {
    let view = View::get();
    Memo::new(move |_| {
        let state = view.state.read();
        if state.sort.is_none() && column.is_none() && state.by == By::Time {
            return Some(true);
        }
        state.sort.as_ref().filter(|sort| sort.column.as_deref() == column).map(|sort| sort.descending)
    })
}

fn aria_sort(sorted: Memo<Option<bool>>) -> impl Fn() -> Option<&'static str> {
    move || sorted.get().map(|descending| if descending { "descending" } else { "ascending" })
}

fn basis_title(basis: Basis) -> Option<&'static str> {
    (basis != Basis::Exact).then(|| basis.label())
}

/// The one that is shown.
pub type Explaining = RwSignal<Option<Explained>>;

/// The column whose rule is shown, and where in the viewport, in pixels: the table scrolls, and would cut off what
/// stands in it.
#[derive(Clone, Copy)]
pub struct Explained {
    column: &'static Column,
    basis: Basis,
    right: f64,
    /// From the viewport's top where there is room below the (i), else from its bottom.
    top: Option<f64>,
    bottom: Option<f64>,
}

fn toggle(explained: RwSignal<Option<Explained>>, head: HeadColumn, button: &Element) {
    let HeadColumn { column, basis } = head;
    let shown = explained.read_untracked().as_ref().is_some_and(|shown| shown.column.id == column.id);
    let (Some(root), false) = (document().document_element(), shown) else {
        return explained.set(None);
    };
    let (width, height) = (f64::from(root.client_width()), f64::from(root.client_height()));
    let place = button.get_bounding_client_rect();
    let right = (width - place.right()).min(width - RULE_WIDTH - RULE_GAP).max(RULE_GAP);
    let below = place.bottom() + RULE_GAP;
    let has_room = below + RULE_HEIGHT < height;
    let top = has_room.then_some(below);
    let bottom = (!has_room).then_some(height - place.top() + RULE_GAP);
    explained.set(Some(Explained { column, basis, right, top, bottom }));
}

/// As style/table.css has it.
const RULE_WIDTH: f64 = 320.0;
/// Enough for the longest rule with its basis.
const RULE_HEIGHT: f64 = 180.0;
const RULE_GAP: f64 = 8.0;

/// How a column is counted.
pub fn rule(Explained { column, basis, right, top, bottom }: Explained) -> AnyView {
    let pixels = |at: Option<f64>| at.map(|at| format!("{}px", Number(at)));
    view! {
        <leptos::portal::Portal>
            <div class="rule" role="status" style:right=pixels(Some(right)) style:top=pixels(top) style:bottom=pixels(bottom)>
                <strong>{column.label}</strong>
                <p>{column.measure().rule()}{column.overlaps().then_some(text::OVERLAPS)}</p>
                {text::basis_says(basis).map(|says| view! { <p class="rule-basis">{says}</p> })}
            </div>
        </leptos::portal::Portal>
    }
}
