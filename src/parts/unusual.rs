//! Findings as a list, each a sentence that leads to its report: for the page and for the overview.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::wire::{Finding, FoundJump, Unusual};
use mailtally_model::{SLOT_SECS, Span, Subject, Time, Zone};

use crate::api::Asked;
use crate::context::{Host, View};
use crate::format::Years;
use crate::memo::Memo;
use crate::page::Sheet;
use crate::{anew, format, jump, text, view, window};

/// Further counts of a day that are told beside the first.
const MAX_ALSO: usize = 4;
/// What the overview has room for.
const SHORT: usize = 5;
/// How far back the overview looks.
const SHORT_DAYS: i64 = 28;
/// Findings of one day below a subject, among which its own is looked for.
const SAME_DAY: usize = 100;
const DAY_SECS: i64 = 86_400;

/// Where the server is asked for the days before `now`.
pub fn request(days: i64, now: Time, skip: usize, limit: usize) -> String {
    let until = now.slot().start().plus_secs(SLOT_SECS);
    let from = until.plus_secs(-days * DAY_SECS);
    format!("/api/unusual?from={}&until={}&skip={skip}&limit={limit}", from.0, until.0)
}

/// Asks for the most unusual of the last four weeks.
pub fn ask_short(host: Host) -> Asked<Unusual> {
    Asked::new(move || request(SHORT_DAYS, host.now.get(), 0, SHORT))
}

/// These, for a place on another page. Nothing while there is nothing.
#[component]
pub fn UnusualShort(found: Asked<Unusual>) -> impl IntoView {
    let some = move || found.get().and_then(Result::ok).filter(|unusual| !unusual.findings.is_empty());
    anew(move || {
        some().map(|unusual| {
            let more = unusual.total > unusual.findings.len();
            view! {
                <section class="card unusual-short" aria-labelledby="unusual-short">
                    <h2 class="part-title" id="unusual-short">{text::UNUSUAL}</h2>
                    <Findings unusual=unusual.clone() first=0/>
                    {more.then(|| view! { <a class="link" href="/unusual">{text::unusual_all(unusual.total)}</a> })}
                </section>
            }
        })
    })
}

/// Why one was led to a report from a finding: its words, and its events. Nothing where the address names none.
pub fn found() -> AnyView {
    let (sheet, view) = (Sheet::get(), View::get());
    let named = Memo::new(move |_| Some((view.state.read().found?, sheet.subject.get())));
    anew(move || named.get().map(|(day, subject)| view! { <Found day subject/> }))
}

#[component]
fn Found(day: Time, subject: Subject) -> impl IntoView {
    let view = View::get();
    let name = subject.to_string();
    let of_subject = format!("&subject={}", js_sys::encode_uri_component(&name));
    let found = Asked::<Unusual>::numbers(request(1, day.plus_secs(DAY_SECS - SLOT_SECS), 0, SAME_DAY) + &of_subject);
    let shown = text::subject_name(&subject);
    let words = move |unusual: &Unusual| {
        let finding = unusual.findings.iter().find(|found| found.subject == subject && found.day == day)?;
        let zone = zone_of(unusual, day.plus_secs(DAY_SECS));
        let shown = view.state.with(|state| jump::shown_in(finding, state))?;
        let (what, usual) = jump::words(shown, Years::Shown, &zone)?;
        let href = jump::events(finding, shown).map(|events| events.url());
        Some(view! { {what}"; "{usual}". "<a class="link" href=href>{text::SEE_EVENTS}</a> })
    };
    anew(move || {
        // It stands from the first, so that nothing moves when its words come; and goes where there are none.
        let words = match found.get() {
            None => Some(None),
            Some(found) => found.ok().and_then(|unusual| words(&unusual)).map(Some),
        };
        words.map(|words| {
            view! {
                <p class="note note-found">
                    <span aria-hidden="true">"▲ "</span><strong><bdi>{shown.clone()}</bdi></strong>" "{words}
                </p>
            }
        })
    })
}

/// One answer: a ranked list that begins after `first` others.
#[component]
pub fn Findings(unusual: Arc<Unusual>, first: usize) -> impl IntoView {
    let now = Host::get().now.get_untracked();
    // The days are the server's: in another zone they would begin in the middle of ours.
    let zone = untrack(|| zone_of(&unusual, now));
    let today = format::year_of(now, &zone);
    let items = unusual.findings.iter().map(|finding| {
        let years = if format::year_of(finding.day, &zone) == today { Years::Understood } else { Years::Shown };
        item(finding, years, now, &zone)
    });
    view! { <ol class="findings" style:counter-reset=format!("rank {first}")>{items.collect_view()}</ol> }
}

fn zone_of(unusual: &Unusual, now: Time) -> Zone {
    let name = window::zone_name(&crate::state::ZoneChoice::Server, Some(&unusual.zone));
    let days = unusual.findings.iter().map(|finding| finding.day);
    let first = days.min().unwrap_or(now).plus_secs(-120 * DAY_SECS);
    crate::intl::zone(&name, Span::new(first, now))
}

fn item(finding: &Finding, years: Years, now: Time, zone: &Zone) -> Option<AnyView> {
    let (strongest, rest) = finding.jumps.split_first()?;
    let (what, usual) = jump::words(strongest, years, zone)?;
    let href = jump::report(finding, strongest, now, zone).map(|state| state.url());
    let also = rest.iter().take(MAX_ALSO).filter_map(|also| also_item(finding, also, now, zone)).collect_view();
    let has_more = !rest.is_empty();
    let name = text::subject_name(&finding.subject);
    let is_domain = matches!(finding.subject, Subject::Domain(_));
    Some(view! {
        <li class="finding">
            <p class="finding-says">
                <a class="finding-link" href=href>
                    <bdi class="finding-name">{name}</bdi>
                    {is_domain.then_some(text::UNUSUAL_DOMAIN)}" "{what}
                </a>
                <span class="finding-usual">"; "{usual}</span>
            </p>
            {has_more.then(|| view! { <ul class="finding-also" aria-label=text::UNUSUAL_ALSO>{also}</ul> })}
        </li>
    })
}

fn also_item(finding: &Finding, also: &FoundJump, now: Time, zone: &Zone) -> Option<AnyView> {
    let (what, usual) = jump::words_short(also)?;
    let href = jump::report(finding, also, now, zone).map(|state| state.url());
    Some(view! { <li><a href=href>{what}</a>" "<span class="finding-usual">"("{usual}")"</span></li> })
}
