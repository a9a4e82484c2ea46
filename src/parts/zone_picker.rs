//! Whose wall clock decides what a day is: the browser's zone, the server's, or UTC.

use leptos::prelude::*;

use crate::context::{Host, View};
use crate::intl;
use crate::state::ZoneChoice;
use crate::text;
use crate::view;

#[component]
pub fn ZonePicker() -> impl IntoView {
    let (host, view) = (Host::get(), View::get());
    let chosen = move || view.state.read().zone.id().unwrap_or_default();
    let choices = move || {
        let server = host.session().map(|session| session.zone.clone()).unwrap_or_default();
        let named =
            |choice: &str, zone: &str| if zone.is_empty() { choice.to_owned() } else { format!("{choice} ({zone})") };
        let mut choices = vec![
            (ZoneChoice::Browser, named(text::ZONE_BROWSER, &intl::browser_zone())),
            (ZoneChoice::Server, named(text::ZONE_SERVER, &server)),
            (ZoneChoice::utc(), "UTC".to_owned()),
        ];
        // A link may name any other.
        let from_link = view.state.read().zone.clone();
        if let ZoneChoice::Named(name) = &from_link
            && choices.iter().all(|(choice, _)| *choice != from_link)
        {
            choices.push((from_link.clone(), name.clone()));
        }
        choices
    };
    let option = move |(choice, label): (ZoneChoice, String)| {
        let id = choice.id().unwrap_or_default();
        let selected = id == chosen();
        view! { <option value=id selected=selected>{label}</option> }
    };
    view! {
        <label class="field">
            <span>{text::ZONE}</span>
            <select on:change=move |event| {
                let zone = ZoneChoice::parse(&event_target_value(&event));
                view.change(|state| state.zone = zone);
            }>{move || choices().into_iter().map(option).collect_view()}</select>
        </label>
    }
}
