//! The report page: one page for every report, because there is one kind of thing.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::table::TableColumn;
use mailtally_model::{Answer, By, Report, Step, Table};

use super::frame::{self, Frame, Skeleton};
use super::not_found::NotFoundPage;
use super::{Outcome, Sheet};
use crate::apart::{Apart, Part, Rest};
use crate::chart::{Chart, ChartEvent, ChartKind, MOST_ROWS, Shown};
use crate::compare::Before;
use crate::context::{Host, View};
use crate::later;
use crate::memo::Memo;
use crate::parts::columns::ColumnChooser;
use crate::parts::compare_menu::CompareMenu;
use crate::parts::export::Export;
use crate::parts::notes::{self, Failed, Notes};
use crate::parts::show::Show;
use crate::parts::table::ReportTable;
use crate::parts::tiles::Tiles;
use crate::parts::toolbar::Toolbar;
use crate::range::{Dates, Range};
use crate::route::Router;
use crate::state::ViewState;
use crate::{anew, compare, effect, text, view};

/// What the addresses of reports begin with.
pub const PATH: &str = "/reports/";

#[component]
pub fn ReportPage() -> impl IntoView {
    let address = Router::get().address();
    let asked = Memo::new(move |_| {
        let address = address.read();
        ViewState::parse(address.id_after(PATH)?, &address.search)
    });
    // The address of another page is not for this one to judge: that page is about to take its place.
    let is_ours = Memo::new(move |_| address.read().id_after(PATH).is_some());
    let known = Memo::new(move |_| asked.read().is_some() || !is_ours.get());
    anew(move || {
        if known.get() {
            let state = Memo::new(move |last: Option<&ViewState>| {
                let first = || ViewState::new(&mailtally_model::catalogue::REPORTS[0]);
                asked.get().or_else(|| last.cloned()).unwrap_or_else(first)
            });
            view! { <Sheeted state/> }
        } else {
            view! { <NotFoundPage/> }
        }
    })
}

/// The page around a known report.
#[component]
fn Sheeted(state: Memo<ViewState>) -> impl IntoView {
    let host = Host::get();
    let view = View::provide(state);
    let sheet = Sheet::provide(host, view);
    let report = Memo::new(move |_| state.read().report);
    effect(move |_| {
        let subject = sheet.subject.with(text::subject_name);
        frame::entitle(&format!("{} · {subject}", report.get().title));
    });
    view! {
        <Frame read_until=Signal::derive(move || sheet.read_until())>
            <Head report/>
            <Toolbar/>
            <Body/>
        </Frame>
    }
}

#[component]
fn Head(report: Memo<&'static Report>) -> impl IntoView {
    view! {
        <div class="title-row">
            <div>
                <h1 class="title">{move || report.get().title}</h1>
                <p class="sentence">{move || report.get().sentence}</p>
            </div>
            <div class="title-actions panel-right">
                <CompareMenu/>
                <ColumnChooser/>
                <Export/>
            </div>
        </div>
    }
}

/// What the answer's state lets be shown.
#[derive(Clone, PartialEq)]
enum Phase {
    Loading,
    Failed(crate::api::Failure),
    Ready,
}

#[component]
fn Body() -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let apart = Apart::get();
    effect(move |_| {
        if !matches!(*sheet.outcome.read(), Outcome::Loading) {
            apart.fetch_rest();
        }
    });
    // What is said above the numbers comes later, and would move them: where there is such a thing, it is waited for.
    let is_found = move || view.state.read().found.is_some();
    let is_empty = move |answer: &Answer| {
        sheet.table.read().as_ref().is_some_and(|table| notes::why_empty(table, answer).is_some())
    };
    let is_told =
        move |answer: &Answer| apart.rest.is_here() || apart.rest.has_failed() || !(is_found() || is_empty(answer));
    let phase = Memo::new(move |_| match sheet.outcome.get() {
        Outcome::Loading => Phase::Loading,
        Outcome::Failed(failure) => Phase::Failed(failure),
        // A Table of very many rows is some moments later than its answer.
        Outcome::Ready { .. } if sheet.table.read().is_none() => Phase::Loading,
        Outcome::Ready { answer, .. } if !is_told(&answer) => Phase::Loading,
        Outcome::Ready { .. } => Phase::Ready,
    });
    anew(move || match phase.get() {
        Phase::Loading => view! { <Skeleton/> },
        Phase::Failed(failure) => view! { <Failed failure/> },
        Phase::Ready => view! { <Ready/> },
    })
}

#[component]
fn Ready() -> impl IntoView {
    let (sheet, view, apart) = (Sheet::get(), View::get(), Apart::get());
    let is_found = Memo::new(move |_| view.state.read().found.is_some());
    // Between an answer that goes and the parts that go with it, the last Table stands.
    let table = Memo::new_with_compare(
        move |last: Option<&Option<Arc<Table>>>| sheet.table.get().or_else(|| last.cloned().flatten()),
        |_, _| true,
    );
    let shows_chart = Memo::new(move |_| table.read().as_ref().is_some_and(|table| has_values(table)));
    let is_known = Memo::new(move |_| table.read().is_some());
    anew(move || {
        is_known.get().then(|| {
            let table = Signal::derive(move || table.get().expect("known while this stands"));
            view! {
                <Notes table/>
                <Show when=move || is_found.get()>{apart.rest.beside(|rest| (rest.found)())}</Show>
                // Where nothing was ever read, rows of dashes would only hide what to do.
                <Show when=move || sheet.read_until().is_some()>
                    <section class="card">
                        <Tiles table/>
                        <Show when=move || shows_chart.get()>
                            <Picture table/>
                        </Show>
                    </section>
                    <ReportTable table order=sheet.order window=sheet.window/>
                </Show>
            }
        })
    })
}

/// The chart, wired to the URL.
#[component]
fn Picture(table: Signal<Arc<Table>>) -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let wanted = Memo::new(move |_| pictured(&sheet, view, table.get()));
    // The table is there first, and the chart in a turn of its own: both in one are more than a frame for many rows.
    let (shown, show) = signal(wanted.get_untracked());
    effect(move |last: Option<()>| {
        let next = wanted.get();
        if last.is_some() {
            // It may be gone by then.
            later::then(move || drop(show.try_set(next)));
        }
    });
    let (canvas, hand) = (sheet.canvas, sheet.hand);
    let rest = Apart::get().rest;
    let here = rest.here();
    let on = Callback::new(move |event| here.does(move |rest| (rest.asked_of_chart)(event, sheet, view)));
    view! {
        <Chart shown before=sheet.before canvas hand on/>
        {rest.beside(move |rest| (rest.below_chart)(shown))}
        <p class="chart-note compared">{move || comparison(&sheet, view, shown, rest)}</p>
    }
}

/// What a person asks of the chart.
pub fn asked_of_chart(event: ChartEvent, sheet: Sheet, view: View) {
    match event {
        ChartEvent::Toggle(column) => view.change(|state| state.toggle_series(column)),
        ChartEvent::Zoom(span) => {
            let dates = sheet.window.with_untracked(|window| Dates::of_span(span, &window.zone));
            if let Some(dates) = dates {
                sheet.zoom(view, Range::Dates(dates));
            }
        }
        ChartEvent::ZoomOut => sheet.zoom_out(view),
    }
}

/// What the chart of a Table shows.
pub fn pictured(sheet: &Sheet, view: View, table: Arc<Table>) -> Shown {
    let state = view.state.read();
    let first = ChartKind::offered(&table).next().unwrap_or(ChartKind::Bar);
    let kind = state.chart.unwrap_or(first).or_default(&table);
    // Unsorted rows are by name, which says nothing in a picture: the largest are drawn.
    let order = sheet.order.get();
    let is_sorted = table.by == By::Time || state.sort.is_some();
    let first = table.columns.iter().position(|column| !state.hidden.contains(column.column.id));
    let order = match first {
        Some(first) if !is_sorted => Arc::new(table.largest_first(&order, first, MOST_ROWS)),
        _ => order,
    };
    let before = sheet.before.get().filter(|_| state.overlay);
    let past = sheet.wider.get().filter(|wider| !Arc::ptr_eq(wider, &table));
    Shown { table, order, kind, hidden: state.hidden.clone(), before, past }
}

/// What is said of the numbers below their chart, and on paper of the clock.
pub fn below_chart(shown: ReadSignal<Shown>) -> AnyView {
    let sheet = Sheet::get();
    let not_adding_up = move || {
        let says = shown.with(|shown| not_adding_up(&shown.table));
        says.map(|says| view! { <p class="chart-note compared">{says}</p> })
    };
    view! {
        {anew(not_adding_up)}
        <p class="chart-note compared paper">{move || text::times_are_of(&sheet.window.read().zone.name)}</p>
    }
}

/// Which columns of a Mode have rows that do not add up to the total, if any.
fn not_adding_up(table: &Table) -> Option<String> {
    let overlaps = |column: &&TableColumn| column.column.overlaps() && column.column.is_told_by(table.by);
    let columns = table.columns.iter().filter(|_| table.by != By::Time).filter(overlaps);
    let labels: Vec<&str> = columns.map(|column| column.column.label).collect();
    (!labels.is_empty()).then(|| format!("{}:{}", labels.join(", "), text::OVERLAPS))
}

/// What is compared with what, or why that cannot be. Said at once, as far as it is known, so that nothing moves when the
/// numbers come.
fn comparison(sheet: &Sheet, view: View, shown: ReadSignal<Shown>, rest: Part<Rest>) -> Option<String> {
    let chosen = view.state.read().compare;
    let dates = sheet.window.with(|window| chosen.earlier(window.dates))?.dates;
    let unobserved_secs = || match &*sheet.outcome.read() {
        Outcome::Ready { answer, .. } => shown.with(|shown| compare::unobserved_secs_of(&shown.table, answer)),
        Outcome::Loading | Outcome::Failed(_) => 0,
    };
    let before = sheet.before.read();
    match before.as_ref() {
        Some(before) => Some((rest.get()?.compared)(before, view, shown)),
        None => Some(compare::compared_with(dates, unobserved_secs())),
    }
}

/// What is compared with what, once it is known.
pub fn compared(before: &Before, view: View, shown: ReadSignal<Shown>) -> String {
    let is_wanted = view.state.read().overlay;
    let why_not_drawn = shown.with(|shown| match shown {
        Shown { kind, .. } if !is_wanted || !kind.is_trend() => None,
        Shown { kind, .. } if kind.is_stacked() => Some(text::NOT_DRAWN_STACKED),
        Shown { table, .. } if table.step > Step::Week => Some(text::NOT_DRAWN_MONTHS),
        _ => None,
    });
    let sentences = [Some(before.sentence()), why_not_drawn.map(str::to_owned)];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn has_values(table: &Table) -> bool {
    table.columns.iter().any(|column| column.cells.iter().any(Option::is_some))
}
