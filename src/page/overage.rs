//! Overage: what each domain or mailbox used of its monthly allowance, and what the rest costs. How the rows are sorted is in
//! the address, and the CSV has the rows as they stand.

use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDate};
use leptos::prelude::*;
use mailtally_model::overage::{self, Counts};
use mailtally_model::wire::{Overage, OverageRow};
use mailtally_model::{Span, Subject, Time, table};

use super::frame::{self, Frame};
use crate::api::{Asked, Failure};
use crate::context::Host;
use crate::intl::DateStyle;
use crate::memo::Memo;
use crate::parts::card::cell;
use crate::parts::icon::{self, Icon};
use crate::parts::notes::FailedAt;
use crate::parts::table::walk;
use crate::range::{self, Dates, Range, date_at, midnight_secs, month_of};
use crate::route::{Leaves, Router};
use crate::state::{ViewState, ZoneChoice};
use crate::window::{self, Window};
use crate::{anew, download, effect, format, intl, order, text, view};

/// Rows that are on the page at once: to lay out twenty thousand takes a browser seconds, and nobody reads them.
const SHOWN_ROWS: usize = 500;

#[component]
pub fn OveragePage() -> impl IntoView {
    let host = Host::get();
    frame::entitle(text::OVERAGE);
    let address = Router::get().address();
    let order = Memo::new(move |_| Order::of(&address.read().search));
    let month = Memo::new(move |_| Arc::new(Month::of(&address.read().search, host)));
    let read_until = RwSignal::new(None);
    view! {
        <Frame read_until>
            <h1 class="title">{text::OVERAGE}</h1>
            <p class="sentence">{text::OVERAGE_SAYS}" "{move || text::month_of(&month.read().window.zone.name)}</p>
            {move || view! { <OfMonth month=month.get() order read_until/> }}
        </Frame>
    }
}

/// A calendar month: in the server's zone, unless the address says otherwise. A bill is the same for whoever looks.
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
        let word = |key: &str| word(search, key);
        let zone = match ZoneChoice::of_search(search) {
            ZoneChoice::Browser => ZoneChoice::Server,
            named => named,
        };
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
fn OfMonth(month: Arc<Month>, order: Memo<Order>, read_until: RwSignal<Option<Time>>) -> impl IntoView {
    let url = month.request();
    let asked = Asked::<Overage>::new(move || url.clone());
    effect(move |_| {
        if let Some(Ok(overage)) = asked.get() {
            read_until.set(overage.read_until);
        }
    });
    let name = month.name();
    let write = write_to_address();
    let beside = |later: bool, label: &'static str, path: &'static str| match month.beside(later) {
        Some(href) => {
            view! { <a class="button square" href=href aria-label=label title=label><Icon path/></a> }
        }
        None => view! { <button type="button" class="button square" aria-label=label disabled><Icon path/></button> },
    };
    let (earlier, later) = (beside(false, text::EARLIER, icon::EARLIER), beside(true, text::LATER, icon::LATER));
    let export = {
        let month = month.clone();
        move || {
            let overage = asked.get().and_then(Result::ok).filter(|overage| !overage.rows.is_empty())?;
            let month = month.clone();
            let save = move |_| {
                let file =
                    overage::csv(&month.key(), month.window.span.secs(), &order.read_untracked().of_rows(&overage));
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
            <h2 class="of-month">{name}</h2>
            {later}
            <span class="head-space"></span>
            <label class="filter-box">
                <Icon path=icon::FILTER/>
                <span class="sr">{text::FILTER}</span>
                <input
                    type="search"
                    placeholder=text::FILTER
                    spellcheck="false"
                    autocomplete="off"
                    prop:value=move || order.read().filter.clone()
                    on:input=move |event| write("filter", Some(&event_target_value(&event)))
                />
            </label>
            {anew(export)}
        </div>
        {move || match asked.get() {
            None => view! { <p class="note" role="status">{text::LOADING}</p> },
            Some(Err(failure)) => failed(failure, asked),
            Some(Ok(overage)) => shown(&order.read().of_rows(&overage), &month, order),
        }}
    }
}

fn failed(failure: Failure, asked: Asked<Overage>) -> AnyView {
    let retry = Callback::new(move |()| asked.again());
    view! { <FailedAt failure retry/> }
}

fn shown(overage: &Overage, month: &Month, order: Memo<Order>) -> AnyView {
    if !overage.is_set_up {
        return view! { <p class="note"><strong>{text::OVERAGE_UNSET_HEAD}</strong>" "{text::OVERAGE_UNSET}</p> };
    }
    // Rows of zeros would say that nothing was used.
    if overage.observed_secs == 0 && overage.rows.iter().all(|row| row.used == 0) {
        return view! { <p class="note" role="status">{text::OVERAGE_UNOBSERVED}</p> };
    }
    let is_filtered = !order.read().filter.is_empty();
    let notes =
        notes(overage, month, is_filtered).into_iter().map(|note| view! { <p class="note" role="status">{note}</p> });
    let price_head = overage.price.is_some().then(|| text::overage_price(&overage.currency));
    let heads = text::OVERAGE_HEADS.iter().map(|head| (*head).to_owned()).chain(price_head.clone());
    let heads = heads.zip(SortBy::ALL).map(|(words, by)| head(words, by, order)).collect_view();
    let rows =
        overage.rows.iter().take(SHOWN_ROWS).map(|row| table_row(row, month, price_head.as_ref())).collect_view();
    let count = |rows: usize| intl::number(rows as f64, 0);
    let all = overage.rows.len();
    let first = (all > SHOWN_ROWS).then(|| text::first_rows(&count(SHOWN_ROWS), &count(all)));
    let total = |name: &'static str, price: &str| {
        view! { <tr><th scope="row">{name}</th><td colspan="4"></td><td class="number">{format::price(price)}</td></tr> }
    };
    let total = overage.price.as_ref().map(|price| match is_filtered {
        true => {
            let shown = overage::total(&overage.rows).map(|shown| total(text::TOTAL_SHOWN, &shown));
            view! { <tfoot>{shown}{total(text::TOTAL_OF_ALL, price)}</tfoot> }
        }
        false => view! { <tfoot>{total(text::TOTAL, price)}</tfoot> },
    });
    view! {
        {notes.collect_view()}
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::OVERAGE on:keydown=|event| walk(&event)>
            <table class="report-table overage-table stacked">
                <thead><tr>{heads}</tr></thead>
                <tbody>{rows}</tbody>
                {total}
            </table>
        </div>
        {first.map(|first| view! { <p class="note">{first}</p> })}
    }
}

/// A column's header: a click sorts downwards, the next upwards, a third restores the order.
fn head(words: String, by: SortBy, order: Memo<Order>) -> AnyView {
    let shown = move || order.read().sort.filter(|sort| sort.by == by).map(|sort| sort.descending);
    let path = move || if shown() == Some(true) { icon::DESCENDING } else { icon::ASCENDING };
    let aria = move || shown().map(|descending| if descending { "descending" } else { "ascending" });
    let write = write_to_address();
    let click = move |_| match untrack(shown) {
        None => write("sort", Some(&format!("-{}", by.id()))),
        Some(true) => write("sort", Some(by.id())),
        Some(false) => write("sort", None),
    };
    view! {
        <th scope="col" aria-sort=aria>
            <button type="button" class="sort" tabindex="-1" class:sorted=move || shown().is_some() on:click=click>
                <Icon path=Signal::derive(path)/>
                {words}
            </button>
        </th>
    }
}

/// Writes a word of the address, or takes it out.
fn write_to_address() -> impl Fn(&'static str, Option<&str>) + Copy {
    let router = Router::get();
    move |key, word| {
        let address = router.address().get_untracked();
        let kept = form_urlencoded::parse(address.search.as_bytes()).filter(|(known, _)| known != key);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        if let Some(word) = word.filter(|word| !word.is_empty()) {
            query.append_pair(key, word);
        }
        router.go(format!("{}?{}", address.path, query.finish()).trim_end_matches('?'), Leaves::Nothing);
    }
}

/// Which rows are shown, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    sort: Option<Sort>,
    /// What a name must hold.
    filter: String,
}

/// How the rows are sorted; else the server's order stands: what is most over first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sort {
    by: SortBy,
    descending: bool,
}

/// The columns, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SortBy {
    Name,
    Counts,
    Allowance,
    Used,
    Over,
    Price,
}

impl SortBy {
    const ALL: [SortBy; 6] =
        [SortBy::Name, SortBy::Counts, SortBy::Allowance, SortBy::Used, SortBy::Over, SortBy::Price];

    /// As the address spells it.
    fn id(self) -> &'static str {
        match self {
            SortBy::Name => "name",
            SortBy::Counts => "counts",
            SortBy::Allowance => "allowance",
            SortBy::Used => "used",
            SortBy::Over => "over",
            SortBy::Price => "price",
        }
    }
}

/// A word of the address.
fn word(search: &str, key: &str) -> Option<String> {
    form_urlencoded::parse(search.as_bytes()).find(|(known, _)| known == key).map(|(_, word)| word.into_owned())
}

impl Order {
    fn of(search: &str) -> Order {
        let filter = word(search, "filter").unwrap_or_default();
        Order { sort: Sort::of(search), filter }
    }

    fn of_rows(&self, overage: &Overage) -> Overage {
        let mut overage = sorted(overage, self.sort);
        let text = self.filter.trim();
        overage.rows.retain(|row| table::holds(&row.subject.to_string(), text));
        overage
    }
}

impl Sort {
    fn of(search: &str) -> Option<Sort> {
        let word = word(search, "sort")?;
        let id = word.trim_start_matches('-');
        let by = SortBy::ALL.into_iter().find(|by| by.id() == id)?;
        Some(Sort { by, descending: word.starts_with('-') })
    }
}

fn sorted(overage: &Overage, sort: Option<Sort>) -> Overage {
    let Some(Sort { by, descending }) = sort else { return overage.clone() };
    // Prices have as many decimals as each other: the longer text is the larger number.
    let price = |row: &OverageRow| row.price.as_ref().map(|price| (price.len(), price.clone()));
    let compare = |a: &OverageRow, b: &OverageRow| {
        let order = match by {
            SortBy::Name => a.subject.to_string().cmp(&b.subject.to_string()),
            SortBy::Counts => a.counts.cmp(&b.counts),
            SortBy::Allowance => a.allowance.cmp(&b.allowance),
            SortBy::Used => a.used.cmp(&b.used),
            SortBy::Over => a.over.cmp(&b.over),
            SortBy::Price => price(a).cmp(&price(b)),
        };
        if descending { order.reverse() } else { order }
    };
    Overage { rows: order::sorted(&overage.rows, compare).cloned().collect(), ..overage.clone() }
}

/// What is to be known of the numbers: the month goes on, or was not read whole.
fn notes(overage: &Overage, month: &Month, is_filtered: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let span = month.window.span;
    match overage.read_until {
        None => notes.push(text::NOTHING_READ.to_owned()),
        Some(until) => {
            if until < span.until {
                let zone = month.window.zone_over(Span::new(until, until));
                notes.push(text::overage_until(&format::date_and_clock(until, &zone)));
            }
            let readable = span.until.min(until).secs_since(span.from).max(0);
            let missing = readable - overage.observed_secs;
            if missing >= 60 {
                notes.push(text::overage_missing(&format::duration(missing.unsigned_abs() * 1_000)));
            }
        }
    }
    if overage.rows.is_empty() && !is_filtered {
        notes.push(text::OVERAGE_NONE.to_owned());
    }
    if overage.left_out > 0 {
        notes.push(text::overage_left_out(overage.left_out));
    }
    notes
}

fn table_row(row: &OverageRow, month: &Month, price_head: Option<&String>) -> Option<AnyView> {
    let heads = text::OVERAGE_HEADS;
    let counts = Counts::from_id(&row.counts)?;
    let amount = |amount: u64| {
        if counts.is_bytes() { format::scaled_bytes(amount as f64) } else { intl::number(amount as f64, 0) }
    };
    // Exact, where the cell is rounded.
    let exact = |amount: u64| counts.is_bytes().then(|| format!("{} B", intl::number(amount as f64, 0)));
    let price = price_head.cloned().map(|price_head| {
        view! { <td class="number" data-label=price_head>{row.price.as_deref().map_or_else(|| text::DASH.to_owned(), format::price)}</td> }
    });
    let href = month.report(&row.subject, counts);
    Some(view! {
        <tr class:over=row.over != 0>
            <th scope="row"><bdi>{format::visible(&row.subject.to_string())}</bdi></th>
            <td class="words">{counts.label()}</td>
            {cell(heads[2], amount(row.allowance))}
            <td data-label=heads[3] title=exact(row.used)><a href=href tabindex="-1">{amount(row.used)}</a></td>
            <td data-label=heads[4] title=exact(row.over)>
                {if row.over == 0 { text::DASH.to_owned() } else { amount(row.over) }}
            </td>
            {price}
        </tr>
    })
}
