//! One row: its name, which digs in where it can, and its cells.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::table::Row;
use mailtally_model::{Column, Table};

use crate::context::View;
use crate::evidence::Evidence;
use crate::format::{self, Years};
use crate::state::ViewState;
use crate::text;
use crate::window::Window;

/// What names need beside the row itself.
#[derive(Clone)]
pub struct NamedBy {
    window: Arc<Window>,
    years: Years,
}

impl NamedBy {
    /// Years are shown unless all dates lie in the current one.
    pub fn new(window: &Arc<Window>) -> NamedBy {
        NamedBy { window: window.clone(), years: window.years() }
    }
}

pub fn row(table: &Table, at: usize, named: &NamedBy) -> impl IntoView + use<> {
    // An order may be one Table older than its rows, for as long as it takes to say so.
    let row = table.rows.get(at)?;
    let cells = table.columns.iter().map(|column| {
        let value = column.cells.get(at).copied().flatten();
        let says = value.is_none().then_some(text::NOT_OBSERVED);
        let number = number(table, Some(row), column.column, value);
        view! { <td class:none=value.is_none() title=says>{number}</td> }
    });
    let cells = cells.collect_view();
    let note = match row {
        Row::Step { .. } if format::is_unobserved(table, at) => Some(text::NOT_OBSERVED.to_owned()),
        Row::Step { partial: Some(partial), .. } => Some(format::partial_note(*partial, &named.window.zone)),
        _ => None,
    };
    let is_partial = note.is_some();
    Some(view! {
        <tr class:partial=is_partial>
            // The note is drawn by style/table.css: the cell holds the name alone.
            <th scope="row" data-key=table.key(row).into_owned() data-note=note>{name(row, table, named)}</th>
            {cells}
        </tr>
    })
}

/// A number, as a link to the events that it was made of; `row` is `None` for the totals.
pub fn number(table: &Table, row: Option<&Row>, column: &'static Column, value: Option<f64>) -> AnyView {
    let words = format::cell(column, value);
    let (subject, span) = match row {
        // What belongs to none of the names has no address of its own.
        Some(Row::Rest(_)) => return words.into_any(),
        Some(Row::Step { span, .. }) => (&table.subject, span.intersect(table.span)),
        Some(Row::Child(child)) => (child, table.span),
        None => (&table.subject, table.span),
    };
    if value.is_none_or(|value| value <= 0.0) {
        return words.into_any();
    }
    // Another report or zone is another Table, and makes new rows.
    let of_cell = |state: &ViewState| Evidence::of_cell(state, column, Some(subject.clone()), span).url();
    let href = View::get().state.with_untracked(of_cell);
    view! { <a class="cell" href=href>{words}</a> }.into_any()
}

/// The name, as a link where it can be viewed by itself.
fn name(row: &Row, table: &Table, named: &NamedBy) -> AnyView {
    let words = format::row_name(row, table.step, named.years, &named.window.zone);
    let Row::Child(child) = row else { return words.into_any() };
    if !table.report.exists_for(child) {
        return words.into_any();
    }
    let (view, child) = (View::get(), child.clone());
    view! { <a href=move || view.state.read().dig(&child).url()>{words}</a> }.into_any()
}
