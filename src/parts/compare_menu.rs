//! What the range is compared with, and whether that is drawn.

use leptos::prelude::*;

use super::icon::{self, Icon};
use super::popover::Popover;
use crate::apart::Apart;
use crate::compare::Compare;
use crate::context::View;
use crate::memo::Memo;
use crate::page::Sheet;
use crate::{format, text, view};

#[component]
pub fn CompareMenu() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <Popover
            open
            label=text::COMPARE
            button_class="button"
            button=|| view! { <Icon path=icon::COMPARE/>{text::COMPARE} }
        >
            {Apart::get().rest.opened(move |rest| (rest.compare)(open))}
        </Popover>
    }
}

/// What is in the panel.
pub fn choices(open: RwSignal<bool>) -> AnyView {
    let (sheet, view) = (Sheet::get(), View::get());
    let chosen = Memo::new(move |_| view.state.read().compare);
    let dates = move |compare: Compare| {
        let earlier = sheet.window.with(|window| compare.earlier(window.dates))?;
        Some(view! { <small>{format::dates(earlier.dates)}</small> })
    };
    let item = move |compare: Compare| {
        let choose = move |_| {
            open.set(false);
            view.change(|state| state.compare = compare);
        };
        view! {
            <li>
                <button
                    type="button"
                    class="menu-item tall"
                    aria-pressed=move || (chosen.get() == compare).to_string()
                    on:click=choose
                >
                    <span>{text::compare(compare)}{move || dates(compare)}</span>
                </button>
            </li>
        }
    };
    view! {
        <ul class="menu-items">{Compare::ALL.map(item).collect_view()}</ul>
        <label class="check">
            <input
                type="checkbox"
                prop:checked=move || view.state.read().overlay
                prop:disabled=move || chosen.get() == Compare::Nothing
                on:change=move |_| view.change(|state| state.overlay = !state.overlay)
            />
            <span>{text::COMPARE_DRAW}<small>{text::COMPARE_DRAW_SAYS}</small></span>
        </label>
    }
}
