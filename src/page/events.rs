//! The events behind a number: what the log said, newest first, with everything that came from outside as text.

mod row;

use std::sync::Arc;

use leptos::{ev, prelude::*};
use mailtally_model::wire::{EventPage, EventTotal};
use mailtally_model::{Subject, Time, Zone, events};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use self::row::Row;
use super::frame::{self, Frame};
use super::not_found::NotFound;
use crate::api::Asked;
use crate::context::Host;
use crate::evidence::Evidence;
use crate::memo::Memo;
use crate::parts::breadcrumb::Path;
use crate::parts::icon::{self, Icon};
use crate::parts::notes::FailedAt;
use crate::route::{Leaves, Router};
use crate::state::{ViewState, ZoneChoice};
use crate::{anew, download, effect, format, intl, order, text, view, window};

/// As many columns as the table has heads.
const COLUMNS: usize = text::EVENT_HEADS.len();

#[component]
pub fn EventsPage() -> impl IntoView {
    let (address, host) = (Router::get().address(), Host::get());
    let evidence = Memo::new(move |_| Evidence::parse(&address.read().search));
    // The server's is not known before the server has said it: times of another would stand there, and be saved.
    let zone = Memo::new(move |_| {
        let evidence = evidence.read();
        let choice = &evidence.as_ref()?.zone;
        let session = host.session();
        let is_known = *choice != ZoneChoice::Server || !host.is_unknown();
        is_known.then(|| window::zone_name(choice, session.as_ref().map(|session| session.zone.as_str())))
    });
    effect(move |_| {
        let label = evidence.with(|evidence| evidence.as_ref().map_or(text::EVENTS, |evidence| evidence.column.label));
        frame::entitle(&text::events_behind(label));
    });
    let read_until = RwSignal::new(None);
    view! {
        <Frame read_until path=move || evidence.get().map(way_to)>
            {move || match (evidence.get(), zone.get()) {
                (Some(evidence), Some(name)) => {
                    let zone = Arc::new(intl::zone(&name, evidence.span));
                    view! { <Shown evidence=Arc::new(evidence) zone read_until/> }
                }
                (Some(_), None) => view! { <p class="note" role="status">{text::LOADING}</p> },
                (None, _) => view! { <NotFound/> },
            }}
        </Frame>
    }
}

/// The way to what the events are of; each step leads to the same number there.
fn way_to(evidence: Evidence) -> impl IntoView {
    let host = Host::get();
    let subject = evidence.subject.clone();
    let href = Callback::new(move |to: Option<Subject>| evidence.of_subject(to).url());
    view! { <Path subject=Signal::derive(move || subject.clone().unwrap_or_else(|| host.root())) href/> }
}

#[component]
fn Shown(evidence: Arc<Evidence>, zone: Arc<Zone>, read_until: RwSignal<Option<Time>>) -> impl IntoView {
    let host = Host::get();
    let url = evidence.request(None);
    let first = Asked::<EventPage>::new(move || url.clone());
    let subject = text::subject_name(&evidence.subject.clone().unwrap_or_else(|| untrack(|| host.root())));
    let is_number = |at: usize| matches!(at, 4 | 5);
    let heads = text::EVENT_HEADS.iter().enumerate();
    let heads =
        heads.map(|(at, head)| view! { <th scope="col" class:number=is_number(at)>{*head}</th> }).collect_view();
    // The pages that are on the way or here, in their order.
    let listed = RwSignal::new(Vec::<Asked<EventPage>>::new());
    effect(move |_| {
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
    let peers = {
        let evidence = evidence.clone();
        move || came_from(&evidence, first.get()?.ok()?.total.as_ref()?)
    };
    // How many there are in it, where that is not all of them.
    let saves =
        move || text::events_csv(&intl::number(pages(listed).map(|page| page.events.len()).sum::<usize>() as f64, 0));
    let save = {
        let (evidence, zone) = (evidence.clone(), zone.clone());
        move |_: ev::MouseEvent| {
            let pages: Vec<Arc<EventPage>> = untrack(|| pages(listed).collect());
            let rows = pages.iter().flat_map(|page| &page.events);
            let file = events::csv(rows, evidence.column.measure().id, &zone);
            let name = evidence.file_name(&when(&evidence, &zone));
            // A browser that refuses says so itself.
            let _ = download::save(&name, "text/csv;charset=utf-8", &file);
        }
    };
    view! {
        <h1 class="title">{text::events_behind(evidence.column.label)}</h1>
        <p class="sentence">
            <a class="link" href=back(&evidence, &zone)>{evidence.report.title}</a>
            " · "<bdi>{subject}</bdi>" · "{when(&evidence, &zone)}
        </p>
        <Narrow evidence=evidence.clone() first/>
        <div class="event-head">
            <p class="note" role="status">{anew(total)}</p>
            {anew(move || first.get()?.ok().filter(|page| !page.events.is_empty()).map(|_| view! {
                <button type="button" class="button" on:click=save.clone()><Icon path=icon::EXPORT/>{anew(saves)}</button>
            }))}
        </div>
        {anew(peers)}
        // What stands above it comes with its rows, and would push it down.
        <div class="card table-scroll" class:is-coming=move || first.get().is_none() tabindex="0" role="region" aria-label=text::EVENTS>
            <table class="report-table event-table stacked">
                <thead><tr>{heads}</tr></thead>
                <Page page=first evidence=evidence.clone() listed zone=zone.clone()/>
            </table>
        </div>
    }
}

/// The pages that are here.
fn pages(listed: RwSignal<Vec<Asked<EventPage>>>) -> impl Iterator<Item = Arc<EventPage>> {
    listed.get().into_iter().filter_map(|page| page.get()?.ok())
}

/// The report as one left it; else, for those who did not come from there, the report around the number.
fn back(evidence: &Evidence, zone: &Zone) -> String {
    let last = Router::get().last();
    if let Some(last) = last.filter(|last| last.id_after(super::report::PATH) == Some(evidence.report.id)) {
        return format!("{}?{}", last.path, last.search);
    }
    let mut state = ViewState::new(evidence.report);
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
        _ if i64::try_from(counted) == Ok(total.amount) => text::events_make(total.events, &whole),
        Some(kept) if kept > evidence.span.from => {
            text::events_forgotten(&events, &amount, &whole, &format::date_and_clock(kept, &Host::get().zone_at(kept)))
        }
        _ => text::events_fewer(&events, &amount, &whole),
    }
}

/// The peers that most came from, each leading to its own; `None` where there is no more than one event.
fn came_from(evidence: &Evidence, total: &EventTotal) -> Option<AnyView> {
    if total.events < 2 || total.peers.is_empty() {
        return None;
    }
    let peers: Vec<(&String, u64)> = total.peers.iter().map(|(peer, events)| (peer, *events)).collect();
    let count = |number: u64| intl::number(number as f64, 0);
    let peers = order::sorted(&peers, |a, b| b.1.cmp(&a.1)).enumerate().map(|(nth, (peer, events))| {
        let own = Evidence { text: (*peer).clone(), ..evidence.clone() }.url();
        let comma = if nth == 0 { " " } else { ", " };
        view! { {comma}<a class="link" href=own><bdi>{format::visible(peer)}</bdi></a>" ("{count(*events)}")" }
    });
    let more = (total.more_peers > 0).then(|| text::more_peers(total.more_peers));
    Some(view! { <p class="sentence event-peers">{text::MOST_CAME_FROM}{peers.collect_view()}{more}</p> })
}

/// Kind and text, as a form that the address remembers.
#[component]
fn Narrow(evidence: Arc<Evidence>, first: Asked<EventPage>) -> impl IntoView {
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
    // Those that there are, once that is known; the one that is asked for stands there from the beginning.
    let kinds = move || {
        let total = first.get().and_then(Result::ok).and_then(|page| page.total.clone());
        let (there, is_all) = total.map_or_else(Default::default, |total| (total.kinds, total.is_all));
        let options = text::EVENT_KINDS.iter().filter_map(|(id, name)| {
            let is_chosen = *kind.read_untracked() == **id;
            let name = match there.get(*id) {
                Some(count) if is_all => text::event_kinds(name, *count),
                Some(_) => (*name).to_owned(),
                None if is_chosen => (*name).to_owned(),
                None => return None,
            };
            Some(view! { <option value=*id selected=is_chosen>{name}</option> })
        });
        options.collect_view()
    };
    view! {
        <form class="toolbar narrow" on:submit=apply>
            <label class="field-inline">
                <span>{text::EVENT_KIND}</span>
                <select on:change=move |event| kind.set(event_target_value(&event))>
                    <option value="">{text::EVENT_ANY}</option>
                    {kinds}
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

/// One page of events as a body of the table, and below it the next, once that is asked for: its cursor is in this one.
#[component]
fn Page(
    page: Asked<EventPage>,
    evidence: Arc<Evidence>,
    /// To which it adds itself.
    listed: RwSignal<Vec<Asked<EventPage>>>,
    zone: Arc<Zone>,
) -> AnyView {
    untrack(|| listed.update(|listed| listed.push(page)));
    let is_narrowed = evidence.is_narrowed();
    let next = RwSignal::new(None::<String>);
    let below = {
        let zone = zone.clone();
        move || {
            let url = evidence.request(Some(&next.get()?));
            let page = Asked::new(move || url.clone());
            Some(view! { <Page page evidence=evidence.clone() listed zone=zone.clone()/> })
        }
    };
    let body = move || match page.get() {
        None => view! { <tbody><tr><td class="event-rest" colspan=COLUMNS>{text::LOADING}</td></tr></tbody> },
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| page.again());
            view! { <tbody><tr><td class="event-rest" colspan=COLUMNS><FailedAt failure retry/></td></tr></tbody> }
        }
        Some(Ok(events)) => {
            let cursor = events.next.clone();
            let more = move || {
                let cursor = cursor.clone().filter(|_| next.read().is_none())?;
                let ask = move |event: ev::MouseEvent| {
                    stay(&event);
                    next.set(Some(cursor.clone()));
                };
                Some(view! {
                    <tr>
                        <td class="event-rest" colspan=COLUMNS>
                            <button type="button" class="button" on:click=ask>{text::MORE}</button>
                        </td>
                    </tr>
                })
            };
            let nothing = (events.events.is_empty() && events.next.is_none()).then(|| {
                let nothing = if is_narrowed { text::EVENTS_NO_MATCH } else { text::EVENTS_NONE };
                view! { <tr><td class="event-rest" colspan=COLUMNS>{nothing}</td></tr> }
            });
            let row = |at| view! { <Row page=events.clone() at zone=zone.clone()/> };
            let rows = (0..events.events.len()).map(row).collect_view();
            view! { <tbody>{rows}{nothing}{anew(more)}</tbody> }
        }
    };
    view! { {anew(body)}{anew(below)} }
}

/// The button goes, and the hand stays where it was: at the last event above, from where Tab leads to the next.
fn stay(event: &ev::MouseEvent) {
    let button = event.current_target().and_then(|button| button.dyn_into::<Element>().ok());
    let mut row = button.and_then(|button| button.closest("tr").ok().flatten());
    // The last one may be open, and its facts stand between.
    let opener = |row: &Element| row.query_selector(".event-more").ok().flatten();
    while let Some(above) = row.and_then(|row| row.previous_element_sibling()) {
        if let Some(last) = opener(&above).and_then(|last| last.dyn_into::<HtmlElement>().ok()) {
            let _ = last.focus();
            return;
        }
        row = Some(above);
    }
}
