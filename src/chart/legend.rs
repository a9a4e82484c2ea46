//! The legend: a button for each column, which shows or hides it.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use mailtally_model::report_json::Number;
use web_sys::Element;

use super::cue::Cue;
use super::layout::Layout;
use super::pointer::Placed;
use super::theme::SERIES;
use super::{ChartEvent, Shown, layout};
use crate::memo::Memo;
use crate::{anew, effect, format, text, view};

/// Its buttons are one piece of HTML, which the browser reads: what changes of them is set where it stands, so that the hand
/// stays on the one that was pressed.
#[component]
pub fn Legend(shown: Signal<Shown>, placed: Signal<Option<Arc<Placed>>>, on: Callback<ChartEvent>) -> impl IntoView {
    let entries = NodeRef::<Div>::new();
    let columns = Memo::new(move |_| {
        let table = &shown.read().table;
        let columns = table.columns.iter().enumerate().filter(|(_, column)| column.column.is_told_by(table.by));
        columns.map(|(at, column)| (at, column.column.id, column.column.label)).collect::<Vec<_>>()
    });
    let states = Memo::new(move |_| {
        let shown = shown.read();
        let right = on_the_right(shown.subject());
        let as_lines = placed
            .read()
            .as_ref()
            .is_some_and(|placed| matches!(&placed.layout, Layout::Trend(trend) if trend.right_as_lines));
        let axis = if as_lines { text::RIGHT_AXIS_LINE } else { text::RIGHT_AXIS };
        let state = |(at, id, _): &(usize, &'static str, &'static str)| {
            (!shown.hidden.contains(*id), if right.contains(at) { axis } else { "" })
        };
        columns.read().iter().map(state).collect::<Vec<_>>()
    });
    let mut last = Vec::new();
    effect(move |_| {
        let (Some(entries), columns, states) = (entries.get(), columns.read(), states.read()) else { return };
        if last != *columns {
            last.clone_from(&columns);
            let html: String = columns.iter().map(|(at, _, label)| button(*at, label)).collect();
            entries.set_inner_html(&html);
        }
        let mut button = entries.first_element_child();
        for (is_shown, axis) in states.iter() {
            let Some(entry) = button else { return };
            // Attributes of a button that stands on the page: nothing refuses them.
            let _ = entry.set_attribute("aria-pressed", &is_shown.to_string());
            if let Some(words) = entry.last_element_child() {
                words.set_text_content(Some(axis));
            }
            button = entry.next_element_sibling();
        }
    });
    // The id of the column whose button an event came from.
    let pressed = move |event: &MouseEvent| {
        let entry = event.target()?.dyn_into::<Element>().ok()?.closest("button").ok()??;
        let before = std::iter::successors(entry.previous_element_sibling(), Element::previous_element_sibling).count();
        columns.read_untracked().get(before).map(|(_, id, _)| *id)
    };
    let earlier = Memo::new(move |_| {
        let is_drawn = placed.read().as_ref().is_some_and(|placed| placed.layout.has_earlier());
        shown.with(|shown| Some(format::dates(shown.before.as_ref().filter(|_| is_drawn)?.dates)))
    });
    view! {
        <div class="chart-legend" role="group" aria-label=text::SERIES>
            <div
                class="chart-legend-entries"
                node_ref=entries
                on:click=move |event| if let Some(id) = pressed(&event) { on.run(ChartEvent::Toggle(id)) }
            ></div>
            {anew(move || earlier.get().map(|dates| view! {
                <span class="chart-legend-earlier">
                    <svg class="chart-key" viewBox="0 -6 18 12" aria-hidden="true"><path d="M0 0H18"/></svg>
                    {dates}
                </span>
            }))}
        </div>
    }
}

/// The labels of columns are texts of the catalogue, none of which HTML would read as its own.
fn button(at: usize, label: &str) -> String {
    let (class, shape) = (key_class(at), key_shape(at));
    format!(
        "<button type=\"button\" class=\"chart-legend-entry\">\
         <svg class=\"{class}\" viewBox=\"{KEY_BOX}\" aria-hidden=\"true\">{shape}</svg>\
         {label} <span class=\"chart-legend-axis\"></span></button>"
    )
}

/// A series' colour and shape, as on the plot.
#[component]
pub fn Key(
    /** The column's place in the table. */
    at: usize,
) -> impl IntoView {
    view! { <svg class=key_class(at) viewBox=KEY_BOX aria-hidden="true" inner_html=key_shape(at)></svg> }
}

const KEY_BOX: &str = "-6 -6 12 12";

fn key_class(at: usize) -> String {
    format!("chart-key series-{}", at % SERIES + 1)
}

fn key_shape(at: usize) -> String {
    let cue = Cue::of(at);
    if cue == Cue::Circle {
        return "<circle r=\"4\"/>".to_owned();
    }
    let points = cue.outline(4.0).into_iter().map(|(x, y)| format!("{},{} ", Number(x), Number(y)));
    format!("<polygon points=\"{}\"/>", points.collect::<String>())
}

/// Which columns are on the right axis of a chart.
#[inline(never)]
pub fn on_the_right(subject: layout::Subject) -> Vec<usize> {
    let Ok(drawn) = layout::Drawn::of(subject) else { return Vec::new() };
    if subject.kind.is_trend() {
        drawn.columns.iter().copied().filter(|column| drawn.axis(subject.table, *column) == 1).collect()
    } else {
        Vec::new()
    }
}
