//! One tile for each column: its name and colour, its total, how it stands to the period before, its course.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::table::TableColumn;
use mailtally_model::{By, Column, Table};

use super::spark;
use crate::apart::{Apart, Part, Rest};
use crate::compare::{self, Before};
use crate::memo::Memo;
use crate::page::Sheet;
use crate::{anew, format, text, view};

/// How many series colours there are; a column further right takes the first again.
pub const SERIES_COLOURS: usize = 7;

#[component]
pub fn Tiles(table: Signal<Arc<Table>>) -> impl IntoView {
    let sheet = Sheet::get();
    let (before, rest) = (sheet.before, Apart::get().rest);
    view! {
        <dl class="tiles" aria-busy=move || sheet.comparing.get().to_string()>
            {move || {
                let table = table.read();
                let is_trend = table.by == By::Time;
                table.columns.iter().enumerate().map(|(i, column)| tile(i, column, is_trend, before, rest)).collect_view()
            }}
        </dl>
    }
}

fn tile(
    i: usize,
    column: &TableColumn,
    is_trend: bool,
    before: Memo<Option<Arc<Before>>>,
    rest: Part<Rest>,
) -> impl IntoView + use<> {
    let series = format!("swatch series-{}", i % SERIES_COLOURS + 1);
    // No value is said in words, never as a bare dash.
    let value = match column.total {
        Some(_) => format::headline(column.column, column.total),
        None => String::new(),
    };
    let note = column.total.is_none().then(|| match column.basis {
        basis if basis.has_values() => text::NOT_OBSERVED,
        basis => basis.label(),
    });
    let mark = text::basis_mark(column.basis).filter(|_| column.total.is_some());
    let stretches = if is_trend { spark::stretches(&column.cells) } else { Vec::new() };
    let (declared, total) = (column.column, column.total);
    let change = move || (rest.get()?.change)(before.read().as_deref()?, declared, total?);
    view! {
        <div class="tile">
            <dt class="tile-name"><span class=series aria-hidden="true"></span>{column.column.label}</dt>
            <dd class="tile-value">
                {mark.map(|mark| view! { <span class="tile-mark" title=column.basis.label()>{mark}</span> })}
                {value}
                {note.map(|note| view! { <span class="tile-note">{note}</span> })}
            </dd>
            // Always there, so that nothing moves when it is known.
            <dd class="tile-change">{anew(change)}</dd>
            {(!stretches.is_empty()).then(|| view! { <dd class="tile-spark" aria-hidden="true">{spark::line(i, stretches)}</dd> })}
        </div>
    }
}

/// `+4 % on 46,357`, or why that cannot be said.
pub fn change(before: &Before, column: &'static Column, now: f64) -> Option<AnyView> {
    let says = before.sentence();
    let beside = before.of(column)?;
    Some(match beside.total {
        Ok(then) => {
            let (change, on) = compare::said(column, now, beside.held_total(now), then);
            view! { <span title=says><span class=change.tone.class()>{change.words}</span>" "{on}</span> }
        }
        Err(missing) => view! { <span title=says>{text::not_compared(missing)}</span> },
    })
}
