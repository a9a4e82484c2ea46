//! Data health: what was read, and until when.

use leptos::prelude::*;
use mailtally_model::Zone;

use super::frame::Frame;
use crate::context::Host;
use crate::{format, text};

#[component]
pub fn HealthPage() -> impl IntoView {
    Effect::new(|_| document().set_title(&format!("{} · {}", text::HEALTH, text::BRAND)));
    view! {
        <Frame>
            <h1 class="title">{text::HEALTH}</h1>
            <p class="sentence">{text::HEALTH_SAYS}</p>
            <Facts/>
        </Frame>
    }
    .into_any()
}

#[component]
fn Facts() -> impl IntoView {
    let host = Host::get();
    move || {
        host.session().map(|session| {
            let stored = session.stored.map_or_else(
                || text::NO_DATA_HEAD.to_owned(),
                |(from, until)| {
                    let words = |t| format::date_and_clock(t, &Zone::utc());
                    format!("{} – {} UTC", words(from), words(until))
                },
            );
            let facts = [
                (text::HEALTH_STORED, stored),
                (text::HEALTH_ZONE, session.zone.clone()),
                (text::HEALTH_VERSION, session.version.clone()),
            ];
            let fact = |(name, value)| view! { <div class="fact"><dt>{name}</dt><dd>{value}</dd></div> };
            view! { <dl class="card facts">{facts.map(fact).collect_view()}</dl> }
        })
    }
}
