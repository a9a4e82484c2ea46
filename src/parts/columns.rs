//! Further columns of the report, hidden until chosen. They are in the answer already: choosing asks the server nothing.

use leptos::prelude::*;
use mailtally_model::Column;

use super::icon::{self, Icon};
use super::popover::Popover;
use crate::context::View;
use crate::page::Sheet;
use crate::text;

#[component]
pub fn ColumnChooser() -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let open = RwSignal::new(false);
    let report = Memo::new(move |_| view.state.read().report);
    let extra = move || {
        let subject = sheet.subject.read();
        report.get().columns_for(&subject).filter(|column| column.extra).collect::<Vec<_>>()
    };
    view! {
        <Show when=move || !extra().is_empty()>
            <Popover
                open
                label=text::COLUMNS
                button_class="button"
                button=|| view! { <Icon path=icon::COLUMNS/>{text::COLUMNS} }
            >
                <p class="panel-hint">{text::COLUMNS_HINT}</p>
                <ul class="menu-items">
                    {move || extra().into_iter().map(|column| view! { <Choice column/> }).collect_view()}
                </ul>
            </Popover>
        </Show>
    }
}

#[component]
fn Choice(column: &'static Column) -> impl IntoView {
    let view = View::get();
    view! {
        <li>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || view.state.read().columns.contains(column.id)
                    on:change=move |_| view.change(|state| state.toggle_column(column.id))
                />
                <span>{column.label}<small>{column.measure().rule}</small></span>
            </label>
        </li>
    }
}
