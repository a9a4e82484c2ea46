//! The legend: a button for each column, which shows or hides it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::Element;

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
    let legend = NodeRef::<Div>::new();
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
    let mut buttons = None::<Rc<Buttons>>;
    effect(move |_| {
        let (Some(legend), columns, states) = (legend.get(), columns.read(), states.read()) else { return };
        if buttons.as_ref().is_none_or(|buttons| buttons.of != *columns) {
            if let Some(buttons) = &buttons {
                buttons.group.remove();
            }
            let next = Buttons::of(&columns);
            // Before what is said of the earlier period. A place that stands takes a child.
            let _ = legend.insert_before(&next.group, legend.first_child().as_ref());
            buttons = Some(next);
        }
        if let Some(buttons) = &buttons {
            buttons.show(&states);
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
        <div
            class="chart-legend"
            role="group"
            aria-label=text::SERIES
            node_ref=legend
            on:click=move |event| if let Some(id) = pressed(&event) { on.run(ChartEvent::Toggle(id)) }
        >
            {anew(move || earlier.get().map(|dates| view! {
                <span class="chart-legend-earlier">
                    <svg class="chart-key" viewBox="0 -6 18 12" aria-hidden="true"><path d="M0 0H18"/></svg>
                    {dates}
                </span>
            }))}
        </div>
    }
}

/// A column that has a button: its place in the table, its id and its label.
type Entry = (usize, &'static str, &'static str);

/// The buttons of some columns, which stay for the next chart of the same: to read their HTML takes a browser as long as to lay
/// them out.
struct Buttons {
    of: Vec<Entry>,
    group: Element,
    /// For each whether its column is shown, and what is said of its axis, as it stands on the page.
    states: RefCell<Vec<(bool, &'static str)>>,
}

thread_local! {
    static LAST: RefCell<Option<Rc<Buttons>>> = RefCell::default();
}

impl Buttons {
    fn of(columns: &[Entry]) -> Rc<Buttons> {
        // Those on the page are another chart's.
        let free = LAST.take().filter(|last| last.of == columns && !last.group.is_connected());
        let buttons = free.unwrap_or_else(|| {
            let group = document().create_element("div").expect("div is a name of an element");
            group.set_class_name("chart-legend-entries");
            let html: String = columns.iter().map(button).collect();
            group.set_inner_html(&html);
            Rc::new(Buttons { of: columns.to_vec(), group, states: RefCell::new(vec![(true, ""); columns.len()]) })
        });
        LAST.set(Some(Rc::clone(&buttons)));
        buttons
    }

    fn show(&self, states: &[(bool, &'static str)]) {
        let mut button = self.group.first_element_child();
        for (known, state) in self.states.borrow_mut().iter_mut().zip(states) {
            let Some(entry) = button else { return };
            if known != state {
                let (was, is) = (std::mem::replace(known, *state), *state);
                // Attributes and children of a button that stands on the page: nothing refuses them.
                let _ = entry.set_attribute("aria-pressed", &is.0.to_string());
                if let Some(words) = entry.last_element_child().filter(|_| !was.1.is_empty()) {
                    words.remove();
                }
                if !is.1.is_empty() {
                    let words = format!("<span class=\"chart-legend-axis\">{}</span>", is.1);
                    let _ = entry.insert_adjacent_html("beforeend", &words);
                }
            }
            button = entry.next_element_sibling();
        }
    }
}

/// The labels of columns are texts of the catalogue, none of which HTML would read as its own.
fn button((at, _, label): &Entry) -> String {
    format!(
        "<button type=\"button\" class=\"chart-legend-entry\" aria-pressed=\"true\">\
         <i class=\"{}\"></i>{label}</button>",
        key_class(*at)
    )
}

/// A series' colour and shape, as on the plot: style/chart.css has both.
#[component]
pub fn Key(
    /** The column's place in the table. */
    at: usize,
) -> impl IntoView {
    view! { <i class=key_class(at)></i> }
}

fn key_class(at: usize) -> String {
    format!("chart-key series-{}", at % SERIES + 1)
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
