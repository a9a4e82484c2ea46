//! Unusual activity: counts that stand out of their own past, ranked, in words.

use leptos::prelude::*;
use mailtally_model::Time;
use mailtally_model::wire::Unusual;

use super::frame::{self, Frame};
use crate::api::{Asked, Failure};
use crate::context::Host;
use crate::memo::Memo;
use crate::parts::notes::FailedAt;
use crate::parts::show::Show;
use crate::parts::unusual::{Findings, request};
use crate::route::Router;
use crate::text;
use crate::{anew, effect, view};

/// What the page offers, in days; the first that fits an incident of this month is shown if nothing is said.
const PERIODS: [(i64, &str); 4] =
    [(7, text::UNUSUAL_WEEK), (28, text::UNUSUAL_FOUR_WEEKS), (90, text::UNUSUAL_QUARTER), (366, text::UNUSUAL_YEAR)];
const USUAL_PERIOD: i64 = 28;
/// Findings of one page; more come when they are asked for.
const PAGE: usize = 50;

#[component]
pub fn UnusualPage() -> impl IntoView {
    frame::entitle(text::UNUSUAL);
    let address = Router::get().address();
    let days = Memo::new(move |_| period(&address.read().search));
    let read_until = RwSignal::new(None);
    view! {
        <Frame read_until>
            <h1 class="title">{text::UNUSUAL}</h1>
            <p class="sentence">{text::UNUSUAL_SAYS}</p>
            <div class="toolbar">
                <nav class="segments" aria-label=text::RANGE>
                    {PERIODS.map(|period| view! { <Period period days/> })}
                </nav>
            </div>
            {move || view! { <Ranking days=days.get() read_until/> }}
        </Frame>
    }
}

fn period(search: &str) -> i64 {
    let mut words = form_urlencoded::parse(search.as_bytes());
    let days = words.find(|(key, _)| key == "days").and_then(|(_, word)| word.parse().ok());
    days.filter(|days| PERIODS.iter().any(|(known, _)| known == days)).unwrap_or(USUAL_PERIOD)
}

#[component]
fn Period(period: (i64, &'static str), days: Memo<i64>) -> impl IntoView {
    let (own, name) = period;
    let href = if own == USUAL_PERIOD { "/unusual".to_owned() } else { format!("/unusual?days={own}") };
    view! { <a class="segment" href=href aria-current=move || (days.get() == own).then_some("true")>{name}</a> }
}

/// A page of findings, and below it the next, once that is asked for.
#[component]
fn Ranking(days: i64, #[prop(optional)] first: usize, read_until: RwSignal<Option<Time>>) -> AnyView {
    let host = Host::get();
    let goes_on = RwSignal::new(false);
    let found = Asked::<Unusual>::new(move || request(days, host.now.get(), first, PAGE));
    effect(move |_| {
        if let Some(Ok(unusual)) = found.get() {
            read_until.set(unusual.read_until);
        }
    });
    let page = move || match found.get() {
        None => view! { <p class="note" role="status">{text::LOADING}</p> },
        Some(Err(failure)) => failed(failure, found),
        Some(Ok(unusual)) if unusual.total == 0 => view! {
            <p class="note" role="status">
                <strong>{text::UNUSUAL_NONE_HEAD}</strong>" "{text::UNUSUAL_NONE}
            </p>
        },
        Some(Ok(unusual)) => {
            let has_more = unusual.total > first + unusual.findings.len();
            view! {
                <section class="card"><Findings unusual first/></section>
                <Show when=move || has_more && !goes_on.get()>
                    <button type="button" class="button more" on:click=move |_| goes_on.set(true)>
                        {text::MORE}
                    </button>
                </Show>
            }
        }
    };
    view! {
        {anew(page)}
        {move || goes_on.get().then(|| view! { <Ranking days first=first + PAGE read_until/> })}
    }
}

fn failed(failure: Failure, found: Asked<Unusual>) -> AnyView {
    let retry = Callback::new(move |()| found.again());
    view! { <FailedAt failure retry/> }
}
