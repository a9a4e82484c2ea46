//! One tile for each column: its name and colour, its total, its course.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::table::TableColumn;
use mailtally_model::{By, Table};

use super::spark;
use crate::{format, text};

/// How many series colours there are; a column further right takes the first again.
pub const SERIES_COLOURS: usize = 7;

#[component]
pub fn Tiles(table: Signal<Arc<Table>>) -> impl IntoView {
    view! {
        <dl class="tiles">
            {move || {
                let table = table.read();
                let is_trend = table.by == By::Time;
                table.columns.iter().enumerate().map(|(i, column)| tile(i, column, is_trend)).collect_view()
            }}
        </dl>
    }
}

fn tile(i: usize, column: &TableColumn, is_trend: bool) -> impl IntoView + use<> {
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
    let mark = text::basis_mark(column.basis).filter(|_| column.basis.has_values());
    let stretches = if is_trend { spark::stretches(&column.cells) } else { Vec::new() };
    view! {
        <div class="tile">
            <dt class="tile-name"><span class=series aria-hidden="true"></span>{column.column.label}</dt>
            <dd class="tile-value">
                {mark.map(|mark| view! { <span class="tile-mark" title=column.basis.label()>{mark}</span> })}
                {value}
                {note.map(|note| view! { <span class="tile-note">{note}</span> })}
            </dd>
            {(!stretches.is_empty()).then(|| spark_line(i, stretches))}
        </div>
    }
}

fn spark_line(i: usize, stretches: Vec<String>) -> impl IntoView {
    let class = format!("spark series-{}", i % SERIES_COLOURS + 1);
    let view_box = format!("0 -1 {} {}", spark::WIDTH, spark::HEIGHT + 2.0);
    view! {
        <svg class=class viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
            {stretches.into_iter().map(|points| view! { <polyline points=points></polyline> }).collect_view()}
        </svg>
    }
}
