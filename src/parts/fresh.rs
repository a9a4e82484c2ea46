//! Up to when the logs are read.

use leptos::prelude::*;
use mailtally_model::Time;

use crate::context::Host;
use crate::page::Sheet;
use crate::range::{Preset, Range};
use crate::{format, intl, text, window};

#[component]
pub fn Fresh(read_until: Signal<Option<Time>>) -> impl IntoView {
    let sheet = use_context::<Sheet>();
    let is_stale = move || sheet.is_some_and(|sheet| sheet.is_stale());
    let words = move || {
        let read_until = read_until.get()?;
        let moment = match sheet {
            Some(sheet) => sheet.window.with(|window| format::moment(read_until, window)),
            None => {
                let now = Host::get().now.get();
                let today = window::window(Range::Preset(Preset::Today), &intl::browser_zone(), now);
                format::moment(read_until, &today)
            }
        };
        Some(text::read_to(&moment))
    };
    move || {
        words().map(|words| {
            view! {
                <p class="fresh" class:stale=is_stale title=move || if is_stale() { text::UNREACHABLE } else { text::READ_TO_SAYS }>
                    <span class="fresh-dot" aria-hidden="true"></span>
                    {words}
                </p>
            }
        })
    }
}
