//! One event: a line of the table, and below it, where it is opened, the facts of which it consists.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::wire::{EventPage, EventRow};
use mailtally_model::{Subject, Zone, catalogue, measure};

use super::COLUMNS;
use crate::{anew, format, intl, text, view};

/// The event at a place of a page.
#[component]
pub fn Row(page: Arc<EventPage>, at: usize, zone: Arc<Zone>) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let event = &page.events[at];
    let words = StoredValue::new(words(event));
    // What stands whole below the row does not stand in it, too.
    let label = move || match words.get_value() {
        Some(words) if !is_open.get() => words,
        _ => text::EVENT_FACTS.to_owned(),
    };
    // A mailbox says its domain, too.
    let says_more = |name: &&String| !event.subjects.iter().any(|other| other.ends_with(&format!("@{name}")));
    let names = event.subjects.iter().filter(says_more);
    let names = names.map(|name| view! { <bdi>{format::visible(name)}</bdi> }).collect_view();
    let names = if event.subjects.is_empty() { text::DASH.into_any() } else { names.into_any() };
    let from = [event.sender.as_deref().map(sender), event.peer.as_deref().map(format::visible)];
    let from = from.into_iter().flatten().map(|from| view! { <bdi>{from}</bdi> }).collect_view();
    let from = if event.peer.is_none() && event.sender.is_none() { text::DASH.into_any() } else { from.into_any() };
    let dash = || text::DASH.to_owned();
    view! {
        <tr>
            <th scope="row">{format::date_and_seconds(event.time, &zone)}</th>
            <td>{text::event_kind(&event.kind)}</td>
            <td class="event-names">{names}</td>
            <td class="event-names">{from}</td>
            <td class="number">{event.bytes.map_or_else(dash, |bytes| format::scaled_bytes(bytes as f64))}</td>
            <td class="number">{event.duration_ms.map_or_else(dash, format::duration)}</td>
            <td class="event-detail">
                <button
                    type="button"
                    class="event-more"
                    aria-expanded=move || is_open.get().to_string()
                    on:click=move |_| is_open.update(|open| *open = !*open)
                >
                    <bdi>{label}</bdi>
                </button>
            </td>
        </tr>
        {anew(move || is_open.get().then(|| facts(&page.events[at], words.get_value())))}
    }
}

/// Who sent it, as the envelope has it: a notification is sent by nobody.
fn sender(address: &str) -> String {
    if address.is_empty() { text::EVENT_NO_SENDER.to_owned() } else { format::visible(address) }
}

/// What a line shows of the log's words: the reason if there is one, and no name that stands beside it.
fn words(event: &EventRow) -> Option<String> {
    let name = user_name(event);
    let said = if name.is_some() { name.filter(|name| !is_named(event, name)) } else { Some(&*event.detail) };
    let words = [said, event.why.as_deref()].into_iter().flatten().filter(|words| !words.is_empty());
    let words: Vec<String> = words.map(format::visible).collect();
    Some(words.join(" · ")).filter(|words| !words.is_empty())
}

/// What a client called itself, of an event whose words are that.
fn user_name(event: &EventRow) -> Option<&str> {
    let is_name = matches!(&*event.kind, "pop-session" | "imap-session" | "smtp-session" | "smtp-login-failed");
    Some(&*event.detail).filter(|name| is_name && !name.is_empty())
}

/// Whether a name is that of a mailbox that the event is of.
fn is_named(event: &EventRow, name: &str) -> bool {
    let is_it = |subject: &String| match subject.parse() {
        Ok(Subject::Mailbox(address)) => {
            let local = address.rsplit_once('@').map_or(&*address, |(local, _)| local);
            name.eq_ignore_ascii_case(&address) || name.eq_ignore_ascii_case(local)
        }
        _ => false,
    };
    event.subjects.iter().any(is_it)
}

/// Below the row and as wide as the table: what does not stand in the row.
fn facts(event: &EventRow, words: Option<String>) -> AnyView {
    let fact = |what: &'static str, is: AnyView| view! { <div><dt>{what}</dt><dd>{is}</dd></div> };
    let counts = event.counts.iter().map(|(id, amount)| {
        let rule = measure_words(id);
        view! { <li>{intl::number(*amount as f64, 0)}" "{rule}</li> }
    });
    let counts = view! { <ul>{counts.collect_view()}</ul> };
    let name = user_name(event).map(|name| fact(text::EVENT_USER, view! { <bdi>{format::visible(name)}</bdi> }));
    let said = (words.is_some() || event.is_withheld).then(|| {
        let withheld = event.is_withheld.then(|| view! { <p>{text::EVENT_WITHHELD}</p> });
        let words = words.map(|words| view! { <bdi>{words}</bdi> });
        view! { <div class="event-said"><dt>{text::EVENT_SAID}</dt><dd>{words}{withheld}</dd></div> }
    });
    view! {
        <tr class="event-open">
            <td colspan=COLUMNS>
                <dl class="event-facts">
                    {said}
                    {name}
                    <div class="event-counted"><dt>{text::EVENT_COUNTED}</dt><dd>{counts}</dd></div>
                    {fact(text::EVENT_HOST, view! { <bdi>{format::visible(&event.host)}</bdi> })}
                    {fact(text::EVENT_UTC, format::date_and_seconds(event.time, &Zone::utc()).into_any())}
                    {fact(text::EVENT_NUMBER, event.id.to_string().into_any())}
                </dl>
            </td>
        </tr>
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mailtally_model::Time;

    use super::*;

    fn event(kind: &str, detail: &str, why: Option<&str>) -> EventRow {
        EventRow {
            id: 1,
            time: Time(0),
            kind: kind.to_owned(),
            host: "mx1".to_owned(),
            subjects: vec!["example.com".to_owned(), "ann@example.com".to_owned()],
            peer: None,
            sender: None,
            bytes: None,
            duration_ms: None,
            counts: BTreeMap::new(),
            detail: detail.to_owned(),
            why: why.map(str::to_owned),
            is_withheld: false,
        }
    }

    #[test]
    fn a_line_shows_the_reason_and_no_name_that_stands_beside_it() {
        let words = |kind, detail, why| words(&event(kind, detail, why));
        let said = |words: &str| Some(words.to_owned());
        for name in ["ann@example.com", "ANN@example.com", "ann", ""] {
            assert_eq!(words("pop-session", name, Some("Inactivity")), said("Inactivity"), "{name}");
            assert_eq!(words("pop-session", name, None), None, "{name}");
        }
        assert_eq!(words("imap-session", "root", Some("auth failed")), said("root · auth failed"));
        assert_eq!(words("delivery", "ann", None), said("ann"));
    }
}
