//! The box that narrows a Mode's rows to names that hold what is typed. Asks the server nothing.

use leptos::html;
use leptos::prelude::*;
use mailtally_model::By;

use super::icon::{self, Icon};
use super::show::Show;
use crate::context::View;
use crate::page::Sheet;
use crate::{anew, effect, intl, text, view};

/// The box's id: a key leads there.
pub const ID: &str = "filter";

#[component]
pub fn Filter() -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let input = NodeRef::<html::Input>::new();
    // A property of its own: the attribute is only what it begins with.
    effect(move |_| {
        let state = view.state.read();
        if let Some(input) = input.get().filter(|input| input.value() != state.filter) {
            input.set_value(&state.filter);
        }
    });
    let count = move || {
        let is_filtered = !view.state.read().filter.trim().is_empty();
        let all = sheet.table.read().as_ref()?.rows.len();
        is_filtered.then(|| text::filtered(&whole(sheet.order.read().len()), &whole(all)))
    };
    view! {
        <Show when=move || sheet.by.get() != By::Time>
            <div class="filter">
                <label class="filter-box">
                    <Icon path=icon::FILTER/>
                    <span class="sr">{text::FILTER}</span>
                    <input
                        id=ID
                        type="search"
                        placeholder=text::FILTER
                        spellcheck="false"
                        autocomplete="off"
                        node_ref=input
                        on:input=move |event| view.change(|state| state.filter = event_target_value(&event))
                    />
                </label>
                <span class="filter-count" role="status">{anew(count)}</span>
            </div>
        </Show>
    }
}

fn whole(count: usize) -> String {
    intl::number(count as f64, 0)
}
