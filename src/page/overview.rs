//! The overview: each report's main figure beside the four weeks before, what has become worse first. It says where to look;
//! the reports say what it is.
//!
//! Each report is asked for sums between days over both periods at once: a few hundred numbers, however long the log.

use std::sync::Arc;

use chrono::Days;
use leptos::prelude::*;
use mailtally_model::coverage::{Covered, observed_secs};
use mailtally_model::table::{self, TableColumn, largest_first};
use mailtally_model::{Answer, Basis, Column, Family, Few, Report, SLOT_SECS, Span, Step, Time, Zone, alike};

use super::frame::{self, Frame};
use crate::api::{Asked, Failure};
use crate::compare::{self, Change, Compare, Earlier, Missing};
use crate::context::Host;
use crate::memo::Memo;
use crate::parts::notes::{FailedAt, FirstSteps};
use crate::parts::spark;
use crate::parts::unusual::{self, UnusualShort};
use crate::query::Query;
use crate::range::{Dates, Preset, Range, date_of};
use crate::state::ViewState;
use crate::window::{self, Window};
use crate::{anew, context, format, order, text, view};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let host = Host::get();
    frame::entitle(text::OVERVIEW);
    let period = Memo::new(move |_| Period::of(host).map(Arc::new));
    let read_until = RwSignal::new(None::<Time>);
    let dates = move || {
        let period = period.get()?;
        Some(text::overview_of(&format::dates(period.now.dates), &format::dates(period.before.dates)))
    };
    view! {
        <Frame read_until>
            <h1 class="title">{text::OVERVIEW}</h1>
            <p class="sentence overview-says">{text::OVERVIEW_SAYS}" "{anew(dates)}</p>
            {move || match period.get() {
                Some(period) => view! { <Cards period read_until/> },
                None if host.is_unknown() => view! { <Loading/> },
                None if host.session().is_none() => {
                    let retry = Callback::new(move |()| host.refresh());
                    view! { <FailedAt failure=Failure::Unreachable retry/> }
                }
                None => view! { <FirstSteps/> },
            }}
        </Frame>
    }
}

/// The last four weeks of what is stored, and the four before.
#[derive(Clone, PartialEq)]
struct Period {
    now: Window,
    before: Window,
    shift: Earlier,
    /// The range that says the same in a report.
    range: Range,
    /// Up to where there is something to compare.
    until: Time,
}

impl Period {
    /// `None` while nothing is stored, or nobody has said so.
    fn of(host: Host) -> Option<Period> {
        let session = host.session()?;
        let (_, stored_until) = session.stored?;
        let (zone, clock) = (host.zone_name(), host.now.get());
        let today = window::window(Range::Preset(Preset::Today), &zone, clock);
        // An old log that was imported is looked at where it ends.
        let last = date_of(stored_until.plus_secs(-1), &today.zone)?.min(today.today);
        let dates = Dates::new(last.checked_sub_days(Days::new(27))?, last)?;
        let preset = Range::Preset(Preset::Last28Days);
        let range = if preset.dates(today.today) == dates { preset } else { Range::Dates(dates) };
        let now = window::window(range, &zone, clock);
        let shift = Compare::Previous.earlier(dates)?;
        let before = window::window(Range::Dates(shift.dates), &zone, clock);
        let until = clock.min(stored_until.slot().start()).min(now.span.until);
        Some(Period { now, before, shift, range, until })
    }

    fn span_before(&self) -> Span {
        self.shift.span(&self.before.zone, Some(self.now.zone.local(self.until)))
    }

    /// The days, and what there is of today, that were observed whole in both periods, of each family.
    fn whole_days(&self, answer: &Answer) -> Few<Family, Vec<Span>> {
        let days = |span: Span, zone: &Zone| -> Vec<Span> {
            let mut edges = Step::Day.edges(span, zone);
            edges.retain(|edge| *edge < span.until);
            edges.push(span.until);
            edges.windows(2).map(|edges| Span::new(edges[0], edges[1])).collect()
        };
        let now = days(Span { until: self.until, ..self.now.span }, &self.now.zone);
        let before = days(self.span_before(), &self.before.zone);
        let of_family = |coverage: &Vec<Covered>| {
            // A quarter hour without samples is a restart, and makes no day a half.
            let is_whole = |day: &Span| day.secs() - observed_secs(coverage, *day) <= SLOT_SECS;
            let both = before.iter().zip(&now).filter(|(before, now)| is_whole(before) && is_whole(now));
            let (mut kept, of_now): (Vec<Span>, Vec<Span>) = both.unzip();
            kept.extend(of_now);
            kept
        };
        answer.coverage.iter().map(|(family, coverage)| (*family, of_family(coverage))).collect()
    }

    /// Both periods, summed between their days and where the earlier one is cut.
    fn query(&self, report: &'static Report) -> Query {
        let mut edges = Step::Day.edges(self.before.span, &self.before.zone);
        edges.extend(Step::Day.edges(self.now.span, &self.now.zone));
        edges.push(self.span_before().until);
        let mut edges: Vec<Time> = order::sorted(&edges, Time::cmp).copied().collect();
        edges.dedup();
        let span = Span::new(self.before.span.from, self.now.span.until);
        Query::between_edges(report, None, span, edges)
    }
}

/// What a card says of a report.
struct Card {
    report: &'static Report,
    headline: Figure,
    /// Another column that is to be looked at first.
    other: Option<Figure>,
    stretches: Vec<String>,
    rank: f64,
}

struct Figure {
    column: &'static Column,
    basis: Basis,
    now: Option<f64>,
    /// What of it is held against the period before.
    held: f64,
    before: Result<f64, Missing>,
    rank: f64,
}

fn card(report: &'static Report, answer: &Answer, period: &Period) -> Option<Card> {
    let columns = report.columns_for(&answer.subject).filter(|column| !column.extra && answer.has(column));
    let columns: Vec<&'static Column> = columns.collect();
    let built = |answer: &Answer, span, zone| table::of_steps(report, &columns, answer, span, Step::Day, zone);
    let now = built(answer, period.now.span, &period.now.zone);
    // Days that were not whole in either period are left out of both.
    let whole = alike::only_within(answer, &period.whole_days(answer));
    let held = built(&whole, period.now.span, &period.now.zone);
    let before = built(&whole, period.span_before(), &period.before.zone);
    let held = held.columns.iter().zip(&before.columns);
    let mut figures: Vec<Figure> =
        now.columns.iter().zip(held).map(|(now, held)| figure(now, held, answer, period)).collect();
    let nth = headline(&figures);
    let stretches = spark::stretches(&now.columns.get(nth)?.cells);
    let headline = figures.remove(nth);
    let others = figures.into_iter().max_by(|a, b| a.rank.total_cmp(&b.rank));
    let other = others.filter(|other| other.rank > headline.rank);
    let rank = other.as_ref().map_or(headline.rank, |other| other.rank);
    Some(Card { report, headline, other, stretches, rank })
}

/// Which column speaks for a report: the first that counted anything. A mean of connections that last a second is near
/// zero on most servers, and says nothing beside a count; it speaks where there is no count.
fn headline(figures: &[Figure]) -> usize {
    let says = |figure: &Figure| [figure.now, figure.before.ok()].into_iter().flatten().any(|value| value > 0.0);
    let counted = figures.iter().position(|figure| !figure.column.is_average() && says(figure));
    let counted = counted.or_else(|| figures.iter().position(says));
    counted.or_else(|| figures.iter().position(|figure| figure.basis.has_values())).unwrap_or(0)
}

fn figure(now: &TableColumn, (held, before): (&TableColumn, &TableColumn), answer: &Answer, period: &Period) -> Figure {
    let then = may_compare(answer, now.column.measure().family, period);
    let before = then.and_then(|()| before.total.ok_or(Missing::NotObserved));
    let rank = held.total.zip(before.ok()).map_or(0.0, |(value, then)| compare::rank(now.column, value, then));
    let held = held.total.or(now.total).unwrap_or(0.0);
    Figure { column: now.column, basis: now.basis, now: now.total, held, before, rank }
}

/// Sums between days cannot be cut to what was observed of both: enough of either must have been.
fn may_compare(answer: &Answer, family: Family, period: &Period) -> Result<(), Missing> {
    compare::enough(answer, family, &[period.span_before()])?;
    let now = Span { until: period.until, ..period.now.span };
    compare::enough(answer, family, &[now]).map_err(|_| Missing::PartlyHere)
}

#[component]
fn Cards(period: Arc<Period>, read_until: RwSignal<Option<Time>>) -> impl IntoView {
    let host = Host::get();
    let reports = untrack(|| host.reports());
    let asked = StoredValue::new(period.clone());
    let answers: Vec<_> = reports.iter().map(|report| Asked::<Answer>::numbers(period.query(report).url())).collect();
    let answers = StoredValue::new_local(answers);
    let found = unusual::ask_short(host);
    let is_heard = Memo::new(move |last: Option<&bool>| last == Some(&true) || found.get().is_some());
    let again = Callback::new(move |()| answers.with_value(|answers| answers.iter().for_each(|answer| answer.again())));
    // All at once: what has become worse stands first, and must not jump there; and what is unusual stands above it, and must
    // not push it down.
    anew(move || {
        let all: Option<Vec<Result<Arc<Answer>, Failure>>> =
            answers.with_value(|answers| answers.iter().map(|answer| answer.get()).collect());
        let Some(all) = all.filter(|_| is_heard.get()) else { return view! { <Loading/> } };
        if let Some(Err(failure)) = all.iter().find(|answer| answer.is_err()) {
            return view! { <FailedAt failure=failure.clone() retry=again/> };
        }
        let answers = all.iter().flatten();
        // The sampler of host figures goes on when logs stand still.
        let of_logs = reports.iter().zip(answers.clone()).filter(|(report, _)| is_of_logs(report));
        read_until.set(of_logs.filter_map(|(_, answer)| answer.read_until).max());
        let period = asked.get_value();
        let mut cards: Vec<Option<Card>> =
            reports.iter().zip(answers).map(|(report, answer)| card(report, answer, &period)).collect();
        let ranks: Vec<f64> = cards.iter().map(|card| card.as_ref().map_or(0.0, |card| card.rank)).collect();
        let cards = largest_first(&ranks).into_iter().filter_map(|nth| cards[nth as usize].take());
        view! {
            <UnusualShort found/>
            <ul class="overview">{cards.map(|card| shown(card, period.range)).collect_view()}</ul>
        }
    })
}

fn is_of_logs(report: &Report) -> bool {
    report.columns.iter().any(|column| Family::LOGS.contains(&column.measure().family))
}

fn shown(card: Card, range: Range) -> AnyView {
    let zone = untrack(context::zone_choice);
    let href = ViewState { range, zone, ..ViewState::new(card.report) }.url();
    let mark = text::basis_mark(card.headline.basis).filter(|_| card.headline.now.is_some());
    let value = card.headline.now.map_or_else(
        || text::no_value(card.headline.basis).to_owned(),
        |value| format::headline(card.headline.column, Some(value)),
    );
    let is_known = card.headline.now.is_some();
    view! {
        <li class="card overview-card">
            <h2 class="overview-title"><a href=href>{card.report.title}</a></h2>
            <p class="overview-label">{card.headline.column.label}</p>
            <p class="tile-value" class:tile-note=!is_known>
                {mark.map(|mark| view! { <span class="tile-mark">{mark}</span> })}{value}
            </p>
            <p class="tile-change">{changed(&card.headline)}</p>
            {spark::line(0, card.stretches)}
            <p class="overview-other">
                {card.other.map(|other| view! { <span>{other.column.label}</span>" "{change_alone(&other)} })}
            </p>
        </li>
    }
}

/// `+4 % on 46,357`, or why that cannot be said.
fn changed(figure: &Figure) -> Option<AnyView> {
    let now = figure.now?;
    Some(match figure.before {
        Ok(before) => {
            let (change, on) = compare::said(figure.column, now, figure.held, before);
            view! { <span class=change.tone.class()>{change.words}</span>" "{on} }
        }
        Err(missing) => text::not_compared(missing).into_any(),
    })
}

/// `+216 %`, where there is room for no more.
fn change_alone(figure: &Figure) -> Option<AnyView> {
    let change = Change::of(figure.column, figure.held, figure.before.ok()?);
    Some(view! { <span class=change.tone.class()>{change.words}</span> })
}

/// As many empty cards as there will be, so that nothing moves.
#[component]
fn Loading() -> impl IntoView {
    let cards = untrack(|| Host::get().reports().len());
    view! {
        <ul class="overview skeleton-list" role="status" aria-busy="true" aria-label=text::LOADING>
            {(0..cards).map(|_| view! { <li class="card overview-card empty" aria-hidden="true"></li> }).collect_view()}
        </ul>
    }
}
