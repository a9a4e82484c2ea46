//! The events behind a number: what the log said, newest first, with everything that came from outside as text.

use std::sync::Arc;

use leptos::{ev, prelude::*};
use mailtally_model::wire::{EventPage, EventRow, EventTotal};
use mailtally_model::{Time, Zone, catalogue, measure};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::frame::{self, Frame};
use super::not_found::NotFound;
use crate::api::Asked;
use crate::context::Host;
use crate::evidence::Evidence;
use crate::memo::Memo;
use crate::parts::notes::FailedAt;
use crate::route::{Leaves, Router};
use crate::{format, intl, text, window};

#[component]
pub fn EventsPage() -> impl IntoView {
    let address = Router::get().address();
    let evidence = Memo::new(move |_| Evidence::parse(&address.read().search));
    Effect::new(move |_| {
        let label = evidence.with(|evidence| evidence.as_ref().map_or(text::EVENTS, |evidence| evidence.column.label));
        frame::entitle(&text::events_behind(label));
    });
    let read_until = RwSignal::new(None);
    view! {
        <Frame read_until>
            {move || match evidence.get() {
                Some(evidence) => view! { <Shown evidence=Arc::new(evidence) read_until/> }.into_any(),
                None => view! { <NotFound/> }.into_any(),
            }}
        </Frame>
    }
    .into_any()
}

#[component]
fn Shown(evidence: Arc<Evidence>, read_until: RwSignal<Option<Time>>) -> impl IntoView {
    let host = Host::get();
    let zone = Arc::new(zone_of(&evidence, host));
    let url = evidence.request(None);
    let first = Asked::<EventPage>::new(move || url.clone());
    // Cursors of the pages that were asked for, one below the other; the first has none.
    let asked = RwSignal::new(vec![None::<String>]);
    let subject = text::subject_name(&evidence.subject.clone().unwrap_or_else(|| untrack(|| host.root())));
    let heads = text::EVENT_HEADS.map(|head| view! { <th scope="col">{head}</th> });
    let pages = {
        let (evidence, zone) = (evidence.clone(), zone.clone());
        move |after: Option<String>| {
            let page = match &after {
                None => first,
                Some(after) => {
                    let url = evidence.request(Some(after));
                    Asked::new(move || url.clone())
                }
            };
            view! { <Page page after asked zone=zone.clone()/> }
        }
    };
    Effect::new(move |_| {
        if let Some(Ok(page)) = first.get() {
            read_until.set(page.total.as_ref().and_then(|total| total.read_until));
        }
    });
    let total = {
        let evidence = evidence.clone();
        move || match first.get() {
            None => Some(text::LOADING.to_owned()),
            Some(page) => Some(sum(&evidence, page.ok()?.total.as_ref()?)),
        }
    };
    view! {
        <h1 class="title">{text::events_behind(evidence.column.label)}</h1>
        <p class="sentence">
            <a class="link" href=back(&evidence, &zone)>{evidence.report.title}</a>
            " · "<bdi>{subject}</bdi>" · "{when(&evidence, &zone)}
        </p>
        <Narrow evidence=evidence.clone()/>
        <p class="note" role="status">{total}</p>
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::EVENTS>
            <table class="report-table event-table stacked">
                <thead><tr>{heads}</tr></thead>
                <For each=move || asked.get() key=Clone::clone children=pages/>
            </table>
        </div>
    }
    .into_any()
}

fn zone_of(evidence: &Evidence, host: Host) -> Zone {
    let session = untrack(|| host.session());
    let name = window::zone_name(&evidence.zone, session.as_ref().map(|session| session.zone.as_str()));
    intl::zone(&name, evidence.span)
}

/// The report around the number, for those who did not come from there.
fn back(evidence: &Evidence, zone: &Zone) -> String {
    let mut state = crate::state::ViewState::new(evidence.report);
    state.subject.clone_from(&evidence.subject);
    state.zone = evidence.zone.clone();
    if let Some(dates) = crate::range::Dates::of_span(evidence.span, zone) {
        state.range = crate::range::Range::Dates(dates);
    }
    if evidence.column.extra {
        state.toggle_column(evidence.column.id);
    }
    state.url()
}

/// The dates of whole days, else from when to when.
fn when(evidence: &Evidence, zone: &Zone) -> String {
    let dates = crate::range::Dates::of_span(evidence.span, zone);
    let whole = dates.filter(|dates| dates.span(zone) == evidence.span);
    whole.map_or_else(|| format::stretch(evidence.span, zone), format::dates)
}

/// What the events come to, held against the number: honest where some are no longer there.
fn sum(evidence: &Evidence, total: &EventTotal) -> String {
    let events = text::events_count(total.events);
    if evidence.is_narrowed() {
        return if total.is_all { text::events_match(&events) } else { text::events_match_more(&events) };
    }
    if evidence.column.is_average() {
        return text::events_mean(&events);
    }
    let number = |amount: f64| {
        let unit = evidence.column.shown_as.unit_shown();
        format!("{} {unit}", format::cell(evidence.column, Some(amount))).trim_end().to_owned()
    };
    let counted = total.counted.unwrap_or(0);
    let (amount, whole) = (number(total.amount as f64), number(counted as f64));
    match total.kept_from {
        _ if !total.is_all => text::events_more(&events, &whole),
        _ if i64::try_from(counted) == Ok(total.amount) => text::events_make(&events, &whole),
        Some(kept) if kept > evidence.span.from => {
            text::events_forgotten(&events, &amount, &whole, &format::date_and_clock(kept, &Zone::utc()))
        }
        _ => text::events_fewer(&events, &amount, &whole),
    }
}

/// Kind and text, as a form that the address remembers.
#[component]
fn Narrow(evidence: Arc<Evidence>) -> impl IntoView {
    let router = Router::get();
    let kind = RwSignal::new(evidence.kind.clone());
    let holds = RwSignal::new(evidence.text.clone());
    let everything = Evidence { kind: String::new(), text: String::new(), ..(*evidence).clone() }.url();
    let is_narrowed = evidence.is_narrowed();
    let apply = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let (kind, text) = (kind.get_untracked(), holds.get_untracked().trim().to_owned());
        let next = Evidence { kind, text, ..(*evidence).clone() };
        router.go(&next.url(), Leaves::Entry);
    };
    let kinds = text::EVENT_KINDS.iter().map(|(id, name)| {
        view! { <option value=*id selected=move || *kind.read_untracked() == **id>{*name}</option> }
    });
    view! {
        <form class="toolbar narrow" on:submit=apply>
            <label class="field-inline">
                <span>{text::EVENT_KIND}</span>
                <select on:change=move |event| kind.set(event_target_value(&event))>
                    <option value="">{text::EVENT_ANY}</option>
                    {kinds.collect_view()}
                </select>
            </label>
            <label class="field-inline">
                <span>{text::EVENT_TEXT}</span>
                <input type="search" spellcheck="false" bind:value=holds/>
            </label>
            <button type="submit" class="button">{text::EVENT_APPLY}</button>
            {is_narrowed.then(|| view! { <a class="link" href=everything>{text::EVENT_ALL}</a> })}
        </form>
    }
}

/// One page of events as a body of the table, and the way to the next.
#[component]
fn Page(
    page: Asked<EventPage>,
    after: Option<String>,
    asked: RwSignal<Vec<Option<String>>>,
    zone: Arc<Zone>,
) -> impl IntoView {
    let after = StoredValue::new(after);
    let is_last = move || asked.with(|asked| asked.last() == Some(&after.get_value()));
    move || match page.get() {
        None => view! { <tbody><tr><td class="event-rest" colspan="7">{text::LOADING}</td></tr></tbody> }.into_any(),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| page.again());
            view! { <tbody><tr><td class="event-rest" colspan="7"><FailedAt failure retry/></td></tr></tbody> }
                .into_any()
        }
        Some(Ok(events)) => {
            let next = events.next.clone();
            let more = move || {
                let next = next.clone().filter(|_| is_last())?;
                let ask = move |event: ev::MouseEvent| {
                    stay(&event);
                    asked.update(|asked| asked.push(Some(next.clone())));
                };
                Some(view! {
                    <tr>
                        <td class="event-rest" colspan="7">
                            <button type="button" class="button" on:click=ask>{text::MORE}</button>
                        </td>
                    </tr>
                })
            };
            let nothing = events.events.is_empty().then(|| {
                view! { <tr><td class="event-rest" colspan="7">{text::EVENTS_NONE}</td></tr> }
            });
            let rows = events.events.iter().map(|event| row(event, &zone)).collect_view();
            view! { <tbody>{rows}{nothing}{more}</tbody> }.into_any()
        }
    }
}

/// The button goes, and the hand stays where it was: at the last event above, from where Tab leads to the next.
fn stay(event: &ev::MouseEvent) {
    let button = event.current_target().and_then(|button| button.dyn_into::<Element>().ok());
    let row = button.and_then(|button| button.closest("tr").ok().flatten()?.previous_element_sibling());
    let last = row.and_then(|row| row.query_selector("summary").ok().flatten());
    if let Some(last) = last.and_then(|last| last.dyn_into::<HtmlElement>().ok()) {
        let _ = last.focus();
    }
}

fn row(event: &EventRow, zone: &Zone) -> AnyView {
    let dash = || text::DASH.to_owned();
    // A mailbox says its domain, too.
    let says_more = |name: &&String| !event.subjects.iter().any(|other| other.ends_with(&format!("@{name}")));
    let names = event.subjects.iter().filter(says_more);
    let names = names.map(|name| view! { <bdi>{format::visible(name)}</bdi> }).collect_view();
    let names = if event.subjects.is_empty() { text::DASH.into_any() } else { names.into_any() };
    let counts = event.counts.iter().map(|(id, amount)| {
        let rule = measure_words(id);
        view! { <li>{intl::number(*amount as f64, 0)}" "{rule}</li> }
    });
    let detail = format::visible(&event.detail);
    let withheld = event.is_withheld.then(|| view! { <p>{text::EVENT_WITHHELD}</p> });
    view! {
        <tr>
            <th scope="row">{format::date_and_seconds(event.time, zone)}</th>
            <td>{text::event_kind(&event.kind)}</td>
            <td class="event-names">{names}</td>
            <td><bdi>{event.peer.as_deref().map_or_else(dash, format::visible)}</bdi></td>
            <td class="number">{event.bytes.map_or_else(dash, |bytes| format::scaled_bytes(bytes as f64))}</td>
            <td class="number">{event.duration_ms.map_or_else(dash, format::duration)}</td>
            <td class="event-detail">
                <details>
                    <summary><bdi>{if detail.is_empty() { text::EVENT_FACTS.to_owned() } else { detail.clone() }}</bdi></summary>
                    <dl class="event-facts">
                        <dt>{text::EVENT_HOST}</dt><dd><bdi>{format::visible(&event.host)}</bdi></dd>
                        <dt>{text::EVENT_SAID}</dt>
                        <dd><bdi>{if detail.is_empty() { dash() } else { detail }}</bdi>{withheld}</dd>
                        <dt>{text::EVENT_UTC}</dt><dd>{format::date_and_seconds(event.time, &Zone::utc())}</dd>
                        <dt>{text::EVENT_COUNTED}</dt><dd><ul>{counts.collect_view()}</ul></dd>
                        <dt>{text::EVENT_NUMBER}</dt><dd>{event.id.to_string()}</dd>
                    </dl>
                </details>
            </td>
        </tr>
    }
    .into_any()
}

/// What a measure counts, by the words of the first column that shows it; two reports may have columns of one name.
fn measure_words(id: &str) -> String {
    let columns =
        catalogue::REPORTS.iter().flat_map(|report| report.columns.iter().map(move |column| (report, column)));
    let Some((report, column)) = columns.into_iter().find(|(_, column)| column.measure().id == id) else {
        return id.to_owned();
    };
    let unit = match column.measure().unit {
        measure::Unit::Bytes => "B ",
        measure::Unit::Millis => "ms ",
        _ => "",
    };
    format!("{unit}{} ({})", column.label, report.title)
}
