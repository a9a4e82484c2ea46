//! The audit log: who was let in, who was not, and what became of accounts. Newest first, page below page.

use leptos::{ev, prelude::*};
use mailtally_model::Zone;
use mailtally_model::account::{AuditLog, AuditRow};

use super::frame::{self, Frame};
use crate::api::Asked;
use crate::parts::notes::FailedAt;
use crate::{format, text, view};

pub const PATH: &str = "/audit";

#[component]
pub fn AuditPage() -> impl IntoView {
    frame::entitle(text::AUDIT);
    let typed = RwSignal::new(String::new());
    let holds = RwSignal::new(String::new());
    // Cursors of the pages that were asked for, one below the other; the first has none. A narrower log begins anew.
    let asked = RwSignal::new(vec![(String::new(), String::new())]);
    let apply = move |event: ev::SubmitEvent| {
        event.prevent_default();
        holds.set(typed.get_untracked().trim().to_owned());
        asked.set(vec![(holds.get_untracked(), String::new())]);
    };
    let page = move |(text, after): (String, String)| view! { <Page text after asked/> };
    view! {
        <Frame>
            <h1 class="title">{text::AUDIT}</h1>
            <p class="sentence">{text::AUDIT_SAYS}</p>
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
                    <For each=move || asked.get() key=Clone::clone children=page/>
                </table>
            </div>
        </Frame>
    }
    .into_any()
}

#[component]
fn Page(text: String, after: String, asked: RwSignal<Vec<(String, String)>>) -> impl IntoView {
    let mut url = format!("/api/audit?limit=100&text={}", String::from(js_sys::encode_uri_component(&text)));
    if !after.is_empty() {
        url = format!("{url}&after={after}");
    }
    let page = Asked::<AuditLog>::new(move || url.clone());
    let own = StoredValue::new((text, after));
    let is_last = move || asked.with(|asked| asked.last() == Some(&own.get_value()));
    move || match page.get() {
        None => view! { <tbody><tr><td colspan="4">{text::LOADING}</td></tr></tbody> }.into_any(),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| page.again());
            view! { <tbody><tr><td colspan="4"><FailedAt failure retry/></td></tr></tbody> }.into_any()
        }
        Some(Ok(log)) => {
            let next = log.next.clone();
            let more = move || {
                let next = next.clone().filter(|_| is_last())?;
                let ask = move |_| asked.update(|asked| asked.push((own.get_value().0, next.clone())));
                Some(view! {
                    <tr><td colspan="4"><button type="button" class="button" on:click=ask>{text::MORE}</button></td></tr>
                })
            };
            let nothing = log.entries.is_empty().then(|| view! { <tr><td colspan="4">{text::AUDIT_NONE}</td></tr> });
            let rows = log.entries.iter().map(row).collect_view();
            view! { <tbody>{rows}{nothing}{more}</tbody> }.into_any()
        }
    }
}

fn row(entry: &AuditRow) -> AnyView {
    let address = if entry.address.is_empty() { text::DASH } else { &entry.address };
    view! {
        <tr>
            <th scope="row">{format::date_and_seconds(entry.time, &Zone::utc())}</th>
            <td>{text::audit_what(&entry.what)}</td>
            <td><bdi>{format::visible(&entry.name)}</bdi></td>
            <td>{format::visible(address)}</td>
        </tr>
    }
    .into_any()
}
