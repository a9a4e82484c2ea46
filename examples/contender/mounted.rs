//! T4 and T5: the app's table and chart on a page, each by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::mount::{UnmountHandle, mount_to};
use leptos::prelude::*;
use mailtally_app::apart::Apart;
use mailtally_app::chart::{Chart, ChartKind, Shown};
use mailtally_app::context::View;
use mailtally_app::memo::Memo;
use mailtally_app::parts::table::ReportTable;
use mailtally_app::range::Range;
use mailtally_app::route::Router;
use mailtally_app::state::ViewState;
use mailtally_app::window::{self, Window};
use mailtally_model::table::{Row, Table, TableColumn};
use mailtally_model::{Basis, By, Span, Step, Subject, Time, Zone};
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

use crate::counters::{columns, report};
use crate::named::Named;

thread_local! {
    /// What a page knows before it has a table.
    static WINDOW: Arc<Window> = Arc::new(window::window(Range::default(), "UTC", Time(1_733_000_000)));
}

/// A part of the app on the page; freeing it takes it away.
#[wasm_bindgen]
pub struct Mounted {
    _until_dropped: UnmountHandle<<AnyView as Render>::State>,
}

#[wasm_bindgen]
pub fn show_table(place: HtmlElement, named: &Named) -> Mounted {
    rows(place, named.table())
}

pub(crate) fn rows(place: HtmlElement, table: Arc<Table>) -> Mounted {
    let order: Arc<Vec<u32>> = Arc::new((0..table.rows.len() as u32).collect());
    let shown = move || {
        // What a report's page gives to its parts.
        Apart::provide();
        Router::provide();
        View::provide(Memo::new(|_| ViewState::new(report())));
        let window = Signal::stored(WINDOW.with(Arc::clone));
        let (table, order) = (Signal::stored(table), Signal::stored(order));
        view! { <ReportTable table order window/> }.into_any()
    };
    Mounted { _until_dropped: mount_to(place, shown) }
}

/// Rows begin at `time`, a fixed step apart; `values` has a list for each of `lists` columns, one after the other.
#[wasm_bindgen]
pub fn show_chart(place: HtmlElement, kind: &str, time: &[f64], values: &[f64], lists: usize) -> Mounted {
    // As a further chart of a page, which has had it since its first.
    chart(place, Arc::new(trend(time, values, lists)), kind, |apart| apart.rest.want())
}

/// `asks` for what a chart comes with later, as its page does.
pub(crate) fn chart(place: HtmlElement, table: Arc<Table>, kind: &str, asks: fn(Apart)) -> Mounted {
    let order: Arc<Vec<u32>> = Arc::new((0..table.rows.len() as u32).collect());
    let kind = ChartKind::from_id(kind).unwrap_or(ChartKind::Line);
    let shown = move || {
        asks(Apart::provide());
        let shown = Signal::stored(Shown { table, order, kind, hidden: BTreeSet::new(), before: None, past: None });
        let (before, canvas, hand) = (Signal::stored(None), NodeRef::new(), StoredValue::new(false));
        view! { <Chart shown before canvas hand on=Callback::new(|_| {})/> }.into_any()
    };
    Mounted { _until_dropped: mount_to(place, shown) }
}

/// Not inlined where it is called: a browser compiles what is hot once more, and the less of it the better.
#[inline(never)]
fn observed(list: &[f64]) -> Vec<Option<f64>> {
    list.iter().map(|value| Some(*value)).collect()
}

#[inline(never)]
fn trend(time: &[f64], values: &[f64], lists: usize) -> Table {
    let distance = time.get(1).zip(time.first()).map_or(3_600.0, |(second, first)| second - first) as i64;
    let step = if distance < 86_400 { Step::Hour } else { Step::Day };
    let rows = time.iter().map(|from| {
        let from = Time(*from as i64);
        Row::Step { span: Span::new(from, from.plus_secs(distance)), partial: None }
    });
    let columns = columns().into_iter().zip(values.chunks(time.len().max(1))).take(lists);
    let columns =
        columns.map(|(column, list)| TableColumn { column, basis: Basis::Exact, cells: observed(list), total: None });
    Table {
        report: report(),
        subject: Subject::Server,
        by: By::Time,
        step,
        zone: Zone::utc(),
        span: Span::new(Time(0), Time(0)),
        columns: columns.collect(),
        rows: rows.collect(),
    }
}
