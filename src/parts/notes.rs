//! Empty is explained: no data yet, not observed, nothing happened, not configured, no names. And a lost server is said.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::{Answer, Basis, By, Span, Table};

use super::show::Show;
use crate::apart::Apart;
use crate::api::Failure;
use crate::context::{Host, View};
use crate::format;
use crate::memo::Memo;
use crate::page::{Outcome, Sheet};
use crate::range::{Dates, Range};
use crate::route::Router;
use crate::state::ViewState;
use crate::text;
use crate::{anew, effect, view};

/// Why a Table shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// No log was ever read.
    NoData,
    /// No source is set up for any column.
    NoSource,
    /// The range was not read.
    Unobserved,
    /// The Mode has no rows.
    NoRows,
    /// A true zero.
    Nothing,
}

/// Why there is nothing to see; `None` when there is something.
pub fn why_empty(table: &Table, answer: &Answer) -> Option<Empty> {
    if answer.read_until.is_none() {
        return Some(Empty::NoData);
    }
    let mut with_values = table.columns.iter().filter(|column| column.basis.has_values()).peekable();
    if with_values.peek().is_none() {
        let configured = table.columns.iter().any(|column| column.basis != Basis::NotConfigured);
        return Some(if configured { Empty::Unobserved } else { Empty::NoSource });
    }
    let totals: Vec<Option<f64>> = with_values.map(|column| column.total).collect();
    if totals.iter().all(Option::is_none) {
        return Some(Empty::Unobserved);
    }
    // Of what nobody could look at nothing is said.
    let is_whole = table.columns.iter().all(|column| column.basis != Basis::NotAvailable);
    if is_whole && totals.iter().flatten().all(|total| *total == 0.0) {
        return Some(Empty::Nothing);
    }
    (table.by != By::Time && table.rows.is_empty()).then_some(Empty::NoRows)
}

#[component]
pub fn Notes(table: Signal<Arc<Table>>) -> impl IntoView {
    let (sheet, rest) = (Sheet::get(), Apart::get().rest);
    let empty = Memo::new(move |_| match sheet.outcome.get() {
        Outcome::Ready { answer, .. } => why_empty(&table.read(), &answer),
        Outcome::Loading | Outcome::Failed(_) => None,
    });
    let host = Host::get();
    effect(move |_| {
        if matches!(&*sheet.outcome.read(), Outcome::Ready { stale: Some(failure), .. } if failure.is_signed_out()) {
            host.refresh();
        }
    });
    let address = Router::get().address();
    let odd = move || {
        let report = View::get().state.read_untracked().report;
        let odd = ViewState::misread(report, &address.read().search)?;
        Some(view! { <p class="note note-warn" role="status">{text::misread(&format::visible(&odd))}</p> })
    };
    view! {
        {anew(odd)}
        <Show when=move || sheet.is_stale()>
            <p class="note note-warn" role="status">
                {text::UNREACHABLE}" "
                <button type="button" class="link" on:click=move |_| sheet.ask_again()>{text::RETRY}</button>
            </p>
        </Show>
        {move || empty.get().map(|empty| rest.beside(move |rest| (rest.empty)(empty)))}
    }
}

/// Says why there is nothing to see.
pub fn empty(why: Empty) -> AnyView {
    match why {
        Empty::NoData => view! { <FirstSteps/> },
        _ => view! { <EmptyNote empty=why/> },
    }
}

/// Nothing was ever read: what to do first.
#[component]
pub fn FirstSteps() -> impl IntoView {
    view! {
        <div class="note first-steps" role="status">
            <strong>{text::NO_DATA_HEAD}</strong>" "{text::NO_DATA}
            <pre tabindex="0">{text::FIRST_STEPS}</pre>
        </div>
    }
}

#[component]
fn EmptyNote(empty: Empty) -> impl IntoView {
    let words = move || match empty {
        Empty::NoData => (text::NO_DATA_HEAD, text::NO_DATA.to_owned()),
        Empty::NoSource => (text::NO_SOURCE_HEAD, text::NO_SOURCE.to_owned()),
        Empty::Unobserved => (text::UNOBSERVED_HEAD, text::unobserved(stored_words())),
        Empty::NoRows => (text::NO_ROWS_HEAD, text::NO_ROWS.to_owned()),
        Empty::Nothing => (text::NOTHING_HEAD, text::NOTHING.to_owned()),
    };
    view! {
        <div class="note" role="status">
            {move || {
                let (head, says) = words();
                view! { <strong>{head}</strong>" "{says} }
            }}
            {(empty == Empty::Unobserved).then(|| view! { " "<ShowStored/> })}
        </div>
    }
}

/// Leads to the dates that hold something.
#[component]
fn ShowStored() -> impl IntoView {
    let view = View::get();
    anew(move || {
        stored_dates().map(|dates| {
            let show = move |_| view.change(|state| state.range = Range::Dates(dates));
            view! { <button type="button" class="link" on:click=show>{text::SHOW_STORED}</button> }
        })
    })
}

fn stored_dates() -> Option<Dates> {
    let (from, until) = Host::get().session()?.stored?;
    let span = Span::new(from, until);
    Sheet::get().window.with(|window| Dates::of_span(span, &window.zone_over(span)))
}

fn stored_words() -> Option<(String, String)> {
    // Up to where this report's logs were read: samples of the host go on when logs stand still.
    let (from, until) = (Host::get().session()?.stored?.0, Sheet::get().read_until()?);
    let zone = Sheet::get().window.with(|window| window.zone_over(Span::new(from, until)));
    Some((format::date_and_clock(from, &zone), format::date_and_clock(until, &zone)))
}

/// The report's answer did not come.
#[component]
pub fn Failed(failure: Failure) -> impl IntoView {
    let (host, sheet) = (Host::get(), Sheet::get());
    let retry = Callback::new(move |()| {
        host.refresh();
        sheet.ask_again();
    });
    let state = View::get().state;
    let is_of_a_name = failure.is_not_found() && state.with_untracked(|state| state.subject.is_some());
    if !is_of_a_name {
        return view! { <FailedAt failure retry/> };
    }
    // To ask again for a name that nobody knows says the same; the way up is another.
    view! {
        <div class="card failed" role="alert">
            <p class="failed-head">{failure.head()}</p>
            <p>{text::NOTHING_HERE}</p>
            <p><a class="link" href=move || state.read().climb(None).url()>{text::TO_THE_ROOT}</a></p>
        </div>
    }
}

/// What failed, in a sentence, and a way to try again.
#[component]
pub fn FailedAt(failure: Failure, retry: Callback<()>) -> impl IntoView {
    // A session that has ended leads to the log-in, at this address.
    if failure.is_signed_out() {
        Host::get().refresh();
    }
    view! {
        <div class="card failed" role="alert">
            <p class="failed-head">{failure.head()}</p>
            <p>{failure.sentence()}</p>
            <button type="button" class="button" on:click=move |_| retry.run(())>{text::RETRY}</button>
        </div>
    }
}
