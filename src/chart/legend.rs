//! The legend: a button for each column, which shows or hides it.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::report_json::Number;

use super::cue::Cue;
use super::layout::Layout;
use super::pointer::Placed;
use super::theme::SERIES;
use super::{ChartEvent, Shown, layout};
use crate::memo::Memo;
use crate::parts::show::Show;
use crate::{anew, format, text, view};

#[component]
pub fn Legend(shown: Signal<Shown>, placed: Signal<Option<Arc<Placed>>>, on: Callback<ChartEvent>) -> impl IntoView {
    let columns = Memo::new(move |_| {
        let table = &shown.read().table;
        let columns = table.columns.iter().enumerate().filter(|(_, column)| column.column.is_told_by(table.by));
        columns.map(|(at, column)| (at, column.column.id)).collect::<Vec<_>>()
    });
    let right = Memo::new(move |_| shown.with(|shown| on_the_right(shown.subject())));
    let as_lines = Memo::new(move |_| {
        placed
            .read()
            .as_ref()
            .is_some_and(|placed| matches!(&placed.layout, Layout::Trend(trend) if trend.right_as_lines))
    });
    let earlier = Memo::new(move |_| {
        let is_drawn = placed.read().as_ref().is_some_and(|placed| placed.layout.has_earlier());
        shown.with(|shown| Some(format::dates(shown.before.as_ref().filter(|_| is_drawn)?.dates)))
    });
    let entry = move |(at, id): (usize, &'static str)| {
        let label = move || shown.read().table.columns.get(at).map_or("", |column| column.column.label);
        let is_shown = move || !shown.read().hidden.contains(id);
        let axis = move || {
            let words = if as_lines.get() { text::RIGHT_AXIS_LINE } else { text::RIGHT_AXIS };
            right.read().contains(&at).then_some(words)
        };
        view! {
            <button
                type="button"
                class="chart-legend-entry"
                aria-pressed=move || is_shown().to_string()
                on:click=move |_| on.run(ChartEvent::Toggle(id))
            >
                <Key at/>
                {anew(label)}" "
                <Show when=move || axis().is_some()>
                    <span class="chart-legend-axis">{anew(axis)}</span>
                </Show>
            </button>
        }
    };
    view! {
        <div class="chart-legend" role="group" aria-label=text::SERIES>
            // No `For`: its owner keeps a note of each entry that ever was, and a chart goes from report to report.
            {move || columns.get().into_iter().map(entry).collect_view()}
            {move || earlier.get().map(|dates| view! {
                <span class="chart-legend-earlier">
                    <svg class="chart-key" viewBox="0 -6 18 12" aria-hidden="true"><path d="M0 0H18"/></svg>
                    {dates}
                </span>
            })}
        </div>
    }
}

/// A series' colour and shape, as on the plot.
#[component]
pub fn Key(
    /** The column's place in the table. */
    at: usize,
) -> impl IntoView {
    let cue = Cue::of(at);
    let points =
        cue.outline(4.0).into_iter().map(|(x, y)| format!("{},{}", Number(x), Number(y))).collect::<Vec<_>>().join(" ");
    view! {
        <svg class=format!("chart-key series-{}", at % SERIES + 1) viewBox="-6 -6 12 12" aria-hidden="true">
            {if cue == Cue::Circle {
                view! { <circle r="4"/> }
            } else {
                view! { <polygon points=points/> }
            }}
        </svg>
    }
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
