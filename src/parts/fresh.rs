//! Up to when the logs are read.

use leptos::prelude::*;
use mailtally_model::Time;

use crate::format;
use crate::page::Sheet;
use crate::text;

#[component]
pub fn Fresh(read_until: Signal<Option<Time>>) -> impl IntoView {
    let sheet = use_context::<Sheet>();
    let is_stale = move || sheet.is_some_and(|sheet| sheet.is_stale());
    let words = move || {
        let (sheet, read_until) = (sheet?, read_until.get()?);
        Some(text::read_to(&sheet.window.with(|window| format::moment(read_until, window))))
    };
    move || {
        words().map(|words| {
            view! {
                <p class="fresh" class:stale=is_stale title=move || is_stale().then_some(text::UNREACHABLE)>
                    <span class="fresh-dot" aria-hidden="true"></span>
                    {words}
                </p>
            }
        })
    }
}
