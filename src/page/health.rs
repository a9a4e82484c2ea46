//! Data health: which logs were read, until when, and what in them was not understood. A number is only as good as the
//! log behind it.

use leptos::prelude::*;
use mailtally_model::wire::{Health, ProgramHealth, SourceHealth};
use mailtally_model::{Time, Zone};

use super::frame::Frame;
use crate::api::{Asked, Failure};
use crate::format;
use crate::intl;
use crate::text;

#[component]
pub fn HealthPage() -> impl IntoView {
    Effect::new(|_| document().set_title(&format!("{} · {}", text::HEALTH, text::BRAND)));
    let health = Asked::<Health>::new(|| "/api/health".to_owned());
    view! {
        <Frame>
            <h1 class="title">{text::HEALTH}</h1>
            <p class="sentence">{text::HEALTH_SAYS}</p>
            {move || match health.get() {
                None => view! { <p class="note" role="status">{text::LOADING}</p> }.into_any(),
                Some(Err(failure)) => view! { <NoHealth failure health/> }.into_any(),
                Some(Ok(health)) => tables(&health).into_any(),
            }}
        </Frame>
    }
    .into_any()
}

#[component]
fn NoHealth(failure: Failure, health: Asked<Health>) -> impl IntoView {
    view! {
        <p class="note note-warn" role="alert">
            {failure.sentence()}" "
            <button type="button" class="link" on:click=move |_| health.again()>{text::RETRY}</button>
        </p>
    }
}

fn tables(health: &Health) -> impl IntoView + use<> {
    if health.sources.is_empty() {
        return view! { <p class="note"><strong>{text::NO_DATA_HEAD}</strong>" "{text::NO_DATA}</p> }.into_any();
    }
    view! {
        <h2 class="part-title">{text::HEALTH_SOURCES}</h2>
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::HEALTH_SOURCES>
            <table class="report-table">
                <thead><tr>{text::HEALTH_SOURCE_HEADS.map(head)}</tr></thead>
                <tbody>{health.sources.iter().map(source).collect_view()}</tbody>
            </table>
        </div>
        <h2 class="part-title">{text::HEALTH_PROGRAMS}</h2>
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::HEALTH_PROGRAMS>
            <table class="report-table">
                <thead><tr>{text::HEALTH_PROGRAM_HEADS.map(head)}</tr></thead>
                <tbody>{health.programs.iter().map(program).collect_view()}</tbody>
            </table>
        </div>
        {health.programs.iter().filter(|program| !program.examples.is_empty()).map(examples).collect_view()}
    }
    .into_any()
}

fn head(label: &'static str) -> impl IntoView {
    view! { <th scope="col">{label}</th> }
}

fn source(source: &SourceHealth) -> impl IntoView + use<> {
    view! {
        <tr>
            <th scope="row">{source.path.clone()}</th>
            <td>{count(source.lines)}</td>
            <td>{format::scaled_bytes(source.position as f64)}</td>
            <td>{instant(source.first)}</td>
            <td>{instant(source.last)}</td>
        </tr>
    }
}

fn program(program: &ProgramHealth) -> impl IntoView + use<> {
    view! {
        <tr>
            <th scope="row">{program.program.clone()}</th>
            <td>{count(program.understood)}</td>
            <td>{count(program.ignored)}</td>
            <td>{count(program.unparsed)}</td>
        </tr>
    }
}

/// Lines that were not understood, as they stood in the log.
fn examples(program: &ProgramHealth) -> impl IntoView + use<> {
    view! {
        <details class="examples">
            <summary>{text::not_understood(&program.program)}</summary>
            <pre>{program.examples.join("\n")}</pre>
        </details>
    }
}

fn count(count: u64) -> String {
    intl::number(count as f64, 0)
}

/// In UTC: this page is about logs of any zone.
fn instant(t: Option<Time>) -> String {
    t.map_or_else(|| text::DASH.to_owned(), |t| format::date_and_clock(t, &Zone::utc()))
}
