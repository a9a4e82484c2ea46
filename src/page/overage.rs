//! Overage: what each domain or mailbox used of its monthly allowance, and what the rest costs.

use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDate};
use leptos::prelude::*;
use mailtally_model::Subject;
use mailtally_model::overage::{self, Counts};
use mailtally_model::wire::{Overage, OverageRow};

use super::frame::Frame;
use crate::api::{Asked, Failure};
use crate::context::Host;
use crate::intl::DateStyle;
use crate::parts::icon::{self, Icon};
use crate::parts::notes::FailedAt;
use crate::range::{self, Dates, Range, date_at, midnight_secs, month_of};
use crate::route::Router;
use crate::state::{ViewState, ZoneChoice};
use crate::window::{self, Window};
use crate::{download, format, intl, text};

#[component]
pub fn OveragePage() -> impl IntoView {
    let host = Host::get();
    Effect::new(|_| document().set_title(&format!("{} · {}", text::OVERAGE, text::BRAND)));
    let address = Router::get().address();
    let month = Memo::new(move |_| Arc::new(Month::of(&address.read().search, host)));
    view! {
        <Frame>
            <h1 class="title">{text::OVERAGE}</h1>
            <p class="sentence">{text::OVERAGE_SAYS}</p>
            {move || view! { <OfMonth month=month.get()/> }}
        </Frame>
    }
    .into_any()
}

/// A calendar month in the viewer's zone.
#[derive(Clone, PartialEq)]
struct Month {
    first: NaiveDate,
    window: Window,
    zone: ZoneChoice,
}

/// `2026-11`, as addresses and files name a month. By hand: chrono's patterns bring a language of their own.
fn key_of(first: NaiveDate) -> String {
    format!("{:04}-{:02}", first.year(), first.month())
}

impl Month {
    /// The one that the address names, else the present one.
    fn of(search: &str, host: Host) -> Month {
        let word = |key: &str| {
            form_urlencoded::parse(search.as_bytes()).find(|(known, _)| known == key).map(|(_, word)| word.into_owned())
        };
        let zone = ZoneChoice::parse(&word("zone").unwrap_or_default());
        let session = host.session();
        let name = window::zone_name(&zone, session.as_ref().map(|session| session.zone.as_str()));
        let now = host.now.get();
        let today = date_at(now.0 + i64::from(intl::offset_secs(&name, now))).unwrap_or_default();
        let named = word("month").and_then(|month| range::date(&format!("{month}-01")));
        let first = month_of(named.filter(|first| *first <= today).unwrap_or(today));
        let dates =
            last_of(first).and_then(|last| Dates::new(first, last)).unwrap_or(Dates { first: today, last: today });
        Month { first, window: window::window(Range::Dates(dates), &name, now), zone }
    }

    fn name(&self) -> String {
        intl::date(midnight_secs(self.first), DateStyle::Month)
    }

    fn key(&self) -> String {
        key_of(self.first)
    }

    /// The month before or after; none after the present one.
    fn beside(&self, later: bool) -> Option<String> {
        let first = if later {
            self.first.checked_add_months(Months::new(1)).filter(|first| *first <= self.window.today)
        } else {
            self.first.checked_sub_months(Months::new(1)).filter(|first| first.year() > 1971)
        }?;
        let zone = self.zone.id().map_or_else(String::new, |zone| format!("&zone={zone}"));
        Some(format!("/overage?month={}{zone}", key_of(first)))
    }

    fn request(&self) -> String {
        format!("/api/overage?from={}&until={}", self.window.span.from.0, self.window.span.until.0)
    }

    /// The report that shows the same number.
    fn report(&self, subject: &Subject, counts: Counts) -> Option<String> {
        let mut state = ViewState::new(mailtally_model::catalogue::find(counts.report())?);
        state.subject = Some(subject.clone());
        state.range = Range::Dates(self.window.dates);
        state.zone = self.zone.clone();
        Some(state.url())
    }
}

fn last_of(first: NaiveDate) -> Option<NaiveDate> {
    first.checked_add_months(Months::new(1))?.pred_opt()
}

#[component]
fn OfMonth(month: Arc<Month>) -> impl IntoView {
    let url = month.request();
    let asked = Asked::<Overage>::new(move || url.clone());
    let name = month.name();
    let beside = |later: bool, label: &'static str, path: &'static str| match month.beside(later) {
        Some(href) => {
            view! { <a class="button square" href=href aria-label=label title=label><Icon path/></a> }.into_any()
        }
        None => view! { <button type="button" class="button square" aria-label=label disabled><Icon path/></button> }
            .into_any(),
    };
    let (earlier, later) = (beside(false, text::EARLIER, icon::EARLIER), beside(true, text::LATER, icon::LATER));
    let export = {
        let month = month.clone();
        move || {
            let overage = asked.get().and_then(Result::ok).filter(|overage| !overage.rows.is_empty())?;
            let month = month.clone();
            let save = move |_| {
                let file = overage::csv(&month.key(), &overage);
                // A browser that refuses says so itself.
                let _ = download::save(&format!("overage_{}.csv", month.key()), "text/csv;charset=utf-8", &file);
            };
            Some(view! {
                <button type="button" class="button" on:click=save><Icon path=icon::EXPORT/>{text::OVERAGE_CSV}</button>
            })
        }
    };
    view! {
        <div class="toolbar">
            {earlier}
            <h2 class="month">{name}</h2>
            {later}
            <span class="head-space"></span>
            {export}
        </div>
        {move || match asked.get() {
            None => view! { <p class="note" role="status">{text::LOADING}</p> }.into_any(),
            Some(Err(failure)) => failed(failure, asked),
            Some(Ok(overage)) => shown(&overage, &month),
        }}
    }
    .into_any()
}

fn failed(failure: Failure, asked: Asked<Overage>) -> AnyView {
    let retry = Callback::new(move |()| asked.again());
    view! { <FailedAt failure retry/> }.into_any()
}

fn shown(overage: &Overage, month: &Month) -> AnyView {
    if !overage.is_set_up {
        return view! { <p class="note"><strong>{text::OVERAGE_UNSET_HEAD}</strong>" "{text::OVERAGE_UNSET}</p> }
            .into_any();
    }
    let notes = notes(overage, month).into_iter().map(|note| view! { <p class="note" role="status">{note}</p> });
    let has_prices = overage.price.is_some();
    let heads = text::OVERAGE_HEADS.iter().map(|head| view! { <th scope="col">{*head}</th> }).collect_view();
    let price_head = has_prices.then(|| view! { <th scope="col">{text::overage_price(&overage.currency)}</th> });
    let rows = overage.rows.iter().map(|row| table_row(row, month, has_prices)).collect_view();
    let total = overage.price.clone().map(|price| {
        view! { <tfoot><tr><th scope="row">{text::TOTAL}</th><td colspan="4"></td><td class="number">{price}</td></tr></tfoot> }
    });
    view! {
        {notes.collect_view()}
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::OVERAGE>
            <table class="report-table overage-table">
                <thead><tr>{heads}{price_head}</tr></thead>
                <tbody>{rows}</tbody>
                {total}
            </table>
        </div>
    }
    .into_any()
}

/// What is to be known of the numbers: the month goes on, or was not read whole.
fn notes(overage: &Overage, month: &Month) -> Vec<String> {
    let mut notes = Vec::new();
    let span = month.window.span;
    match overage.read_until {
        None => notes.push(text::NO_DATA.to_owned()),
        Some(until) => {
            if until < span.until {
                notes.push(text::overage_until(&format::date_and_clock(until, &month.window.zone)));
            }
            let readable = span.until.min(until).secs_since(span.from).max(0);
            let missing_hours = (readable - overage.observed_secs) / 3_600;
            if missing_hours > 0 {
                notes.push(text::overage_missing(missing_hours));
            }
        }
    }
    if overage.rows.is_empty() {
        notes.push(text::OVERAGE_NONE.to_owned());
    }
    if overage.left_out > 0 {
        notes.push(text::overage_left_out(overage.left_out));
    }
    notes
}

fn table_row(row: &OverageRow, month: &Month, has_prices: bool) -> Option<AnyView> {
    let counts = Counts::from_id(&row.counts)?;
    let amount = |amount: u64| {
        if counts.is_bytes() { format::scaled_bytes(amount as f64) } else { intl::number(amount as f64, 0) }
    };
    // Exact, where the cell is rounded.
    let exact = counts.is_bytes().then(|| format!("{} B", intl::number(row.used as f64, 0)));
    let price = has_prices.then(|| {
        view! { <td class="number">{row.price.clone().unwrap_or_else(|| text::DASH.to_owned())}</td> }
    });
    let href = month.report(&row.subject, counts);
    let view = view! {
        <tr class:over=row.over != 0>
            <th scope="row"><bdi>{format::visible(&row.subject.to_string())}</bdi></th>
            <td class="words">{counts.label()}</td>
            <td>{amount(row.allowance)}</td>
            <td title=exact><a href=href>{amount(row.used)}</a></td>
            <td>{if row.over == 0 { text::DASH.to_owned() } else { amount(row.over) }}</td>
            {price}
        </tr>
    };
    Some(view.into_any())
}
