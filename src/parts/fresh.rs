//! Up to when the logs are read.

use leptos::prelude::*;
use mailtally_model::Time;

use crate::context::Host;
use crate::page::Sheet;
use crate::range::{Preset, Range};
use crate::{anew, format, intl, text, view, window};

pub fn fresh(read_until: Signal<Option<Time>>) -> AnyView {
    let sheet = use_context::<Sheet>();
    let host = Host::get();
    let hours_ago =
        move || Some((host.now.get().secs_since(read_until.get()?) / 3_600).max(0)).filter(|hours| *hours > 0);
    let is_stale = move || sheet.is_some_and(|sheet| sheet.is_stale());
    let words = move || {
        let read_until = read_until.get()?;
        let today = window::window(Range::Preset(Preset::Today), &host.zone_name(), host.now.get());
        let moment = format::moment(read_until, &today);
        // Which zone's, where it is not the one on the wall.
        let is_own = today.zone.name == intl::browser_zone();
        Some(text::read_to(&if is_own { moment } else { format!("{moment} {}", today.zone.name) }))
    };
    let says = move || match hours_ago() {
        _ if is_stale() => text::UNREACHABLE.to_owned(),
        Some(hours) => text::read_long_ago(hours),
        None => text::READ_TO_SAYS.to_owned(),
    };
    anew(move || {
        words().map(|words| {
            view! {
                <p class="fresh" class:stale=is_stale class:late=move || hours_ago().is_some() title=says>
                    <span class="fresh-dot" aria-hidden="true"></span>
                    {words}
                </p>
            }
        })
    })
}
