//! Which columns the table, the tiles and the chart have. All are in the answer already: choosing asks the server nothing.

use leptos::prelude::*;
use mailtally_model::Column;
use mailtally_model::table::TableColumn;

use super::icon::{self, Icon};
use super::popover::Popover;
use super::show::Show;
use crate::apart::Apart;
use crate::context::{Host, View};
use crate::memo::Memo;
use crate::page::Sheet;
use crate::text;
use crate::view;

#[component]
pub fn ColumnChooser() -> impl IntoView {
    let open = RwSignal::new(false);
    let columns = offered();
    view! {
        <Show when=move || { columns().len() > 1 }>
            <Popover
                open
                label=text::COLUMNS
                button_class="button"
                button=|| view! { <Icon path=icon::COLUMNS/>{text::COLUMNS} }
            >
                {Apart::get().rest.opened(|rest| (rest.columns)())}
            </Popover>
        </Show>
    }
}

/// Those of the report for the subject at hand.
fn offered() -> impl Fn() -> Vec<&'static Column> {
    let (host, sheet, view) = (Host::get(), Sheet::get(), View::get());
    let report = Memo::new(move |_| view.state.read().report);
    move || host.columns(report.get(), &sheet.subject.read())
}

/// What is in the panel.
pub fn choices() -> AnyView {
    let columns = offered();
    view! {
        <p class="panel-hint">{text::COLUMNS_HINT}</p>
        <ul class="menu-items">
            {move || columns().into_iter().map(|column| view! { <Choice column/> }).collect_view()}
        </ul>
    }
}

#[component]
fn Choice(column: &'static Column) -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    // What the table has, not what the address says: one that hides all columns shows the usual ones.
    let is_shown = move || {
        let is_it = |shown: &TableColumn| shown.column.id == column.id;
        sheet.table.read().as_ref().is_some_and(|table| table.columns.iter().any(is_it))
    };
    let is_last = move || sheet.table.read().as_ref().is_some_and(|table| table.columns.len() == 1);
    view! {
        <li>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=is_shown
                    // The last one stays: a report without columns says nothing.
                    prop:disabled=move || is_shown() && is_last()
                    on:change=move |_| view.change(|state| state.toggle_column(column.id))
                />
                <span>{column.label}<small>{column.measure().rule()}</small></span>
            </label>
        </li>
    }
}
