//! The audit log: who was let in, who was not, and what became of accounts. Newest first, page below page.

use leptos::{ev, prelude::*};
use mailtally_model::account::{AuditLog, AuditRow};

use super::frame::{self, Frame};
use crate::api::Asked;
use crate::context::Host;
use crate::parts::notes::FailedAt;
use crate::{anew, format, text, view};

pub const PATH: &str = "/audit";

#[component]
pub fn AuditPage() -> impl IntoView {
    frame::entitle(text::AUDIT);
    view! {
        <Frame>
            <h1 class="title">{text::AUDIT}</h1>
            <p class="sentence">{text::AUDIT_SAYS}" "{move || text::times_are_of(&Host::get().zone_name())}</p>
            {frame::of_server(Box::new(|| view! { <Log/> }))}
        </Frame>
    }
}

#[component]
fn Log() -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let holds = RwSignal::new(String::new());
    let apply = move |event: ev::SubmitEvent| {
        event.prevent_default();
        holds.set(typed.get_untracked().trim().to_owned());
    };
    view! {
            <form class="toolbar narrow" on:submit=apply>
                <label class="field-inline">
                    <span>{text::EVENT_TEXT}</span>
                    <input type="search" spellcheck="false" bind:value=typed/>
                </label>
                <button type="submit" class="button">{text::EVENT_APPLY}</button>
            </form>
            <div class="card table-scroll" tabindex="0" role="region" aria-label=text::AUDIT>
                <table class="report-table account-list audit-table stacked">
                    <thead><tr>{text::AUDIT_HEADS.map(|head| view! { <th scope="col">{head}</th> })}</tr></thead>
                    // A narrower log begins anew.
                    {move || view! { <Page text=holds.get() after=String::new()/> }}
                </table>
            </div>
    }
}

/// A page of the log, and below it the next, once that is asked for: its cursor is in this one.
#[component]
fn Page(text: String, after: String) -> AnyView {
    let mut url = format!("/api/audit?limit=100&text={}", String::from(js_sys::encode_uri_component(&text)));
    if !after.is_empty() {
        url = format!("{url}&after={after}");
    }
    let page = Asked::<AuditLog>::new(move || url.clone());
    let next = RwSignal::new(None::<String>);
    let body = move || match page.get() {
        None => view! { <tbody><tr><td colspan="4">{text::LOADING}</td></tr></tbody> },
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| page.again());
            view! { <tbody><tr><td colspan="4"><FailedAt failure retry/></td></tr></tbody> }
        }
        Some(Ok(log)) => {
            let cursor = log.next.clone();
            let more = move || {
                let cursor = cursor.clone().filter(|_| next.read().is_none())?;
                let ask = move |_| next.set(Some(cursor.clone()));
                Some(view! {
                    <tr><td colspan="4"><button type="button" class="button" on:click=ask>{text::MORE}</button></td></tr>
                })
            };
            let nothing = log.entries.is_empty().then(|| view! { <tr><td colspan="4">{text::AUDIT_NONE}</td></tr> });
            let rows = log.entries.iter().map(row).collect_view();
            view! { <tbody>{rows}{nothing}{anew(more)}</tbody> }
        }
    };
    view! {
        {anew(body)}
        {move || next.get().map(|after| view! { <Page text=text.clone() after/> })}
    }
}

fn row(entry: &AuditRow) -> AnyView {
    let address = if entry.address.is_empty() { text::DASH } else { &entry.address };
    view! {
        <tr>
            <th scope="row">{format::date_and_seconds(entry.time, &Host::get().zone_at(entry.time))}</th>
            <td>{text::audit_what(&entry.what)}</td>
            <td><bdi>{format::visible(&entry.name)}</bdi></td>
            <td>{format::visible(address)}</td>
        </tr>
    }
}
