//! The report's table: the long form of the chart. Up to [`WHOLE_ROWS`] rows are all there (find, print and screen
//! readers work); of longer ones only those on screen are.

mod head;
mod row;
mod scroll;

use std::sync::Arc;

use leptos::{ev, html, prelude::*};
use mailtally_model::Table;

use crate::text;
use crate::window::Window;
use head::Head;
use row::{NamedBy, row};
use scroll::{Rows, rows_shown};

/// Rows up to which a table is rendered whole.
const WHOLE_ROWS: usize = 500;

#[component]
pub fn ReportTable(
    #[prop(into)] table: Signal<Arc<Table>>,
    /// The rows' order on screen: positions in the table's rows.
    #[prop(into)]
    order: Signal<Arc<Vec<u32>>>,
    /// What names of steps are spelled by.
    #[prop(into)]
    window: Signal<Arc<Window>>,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let top = RwSignal::new(0);
    let rows = Memo::new(move |_| {
        let count = order.read().len();
        if count <= WHOLE_ROWS { Rows { first: 0, until: count } } else { rows_shown(top.get(), count) }
    });
    let is_windowed = Memo::new(move |_| order.read().len() > WHOLE_ROWS);
    let on_scroll = move |_: ev::Event| {
        if is_windowed.get_untracked() {
            top.set(scroller.get_untracked().map_or(0, |scroller| scroller.scroll_top()));
        }
    };
    let caption = move || {
        let table = table.read();
        text::table_caption(table.report.title, &text::subject_name(&table.subject), table.first_label())
    };
    // Head and totals count as rows, too.
    let row_count = move || is_windowed.get().then(|| order.read().len() + 2);
    view! {
        <div
            class="card table-scroll"
            class:windowed=move || is_windowed.get()
            tabindex="0"
            role="region"
            aria-label=caption
            node_ref=scroller
            on:scroll=on_scroll
        >
            <table class="report-table" aria-rowcount=row_count>
                <caption class="sr">{caption}</caption>
                <thead><Head table/></thead>
                <tbody>
                    <Spacer rows=Signal::derive(move || rows.read().first)/>
                    {move || body(table.get(), order, window, rows)}
                    <Spacer rows=Signal::derive(move || order.read().len().saturating_sub(rows.read().until))/>
                </tbody>
                <tfoot><Totals table/></tfoot>
            </table>
        </div>
    }
    .into_any()
}

/// The rows of one Table; another order moves them, another Table makes new ones.
fn body(
    table: Arc<Table>,
    order: Signal<Arc<Vec<u32>>>,
    window: Signal<Arc<Window>>,
    rows: Memo<Rows>,
) -> impl IntoView {
    let named = NamedBy::new(&window.get_untracked());
    let shown = move || {
        let order = order.read();
        let Rows { first, until } = rows.get();
        order.get(first..until.min(order.len())).unwrap_or_default().to_vec()
    };
    let make = move |at| row(&table, at as usize, &named);
    view! { <For each=shown key=|at| *at children=make/> }
}

/// Stands for the rows above or below those on screen.
#[component]
fn Spacer(rows: Signal<usize>) -> impl IntoView {
    move || {
        let height = format!("{}px", rows.get() * scroll::ROW_HEIGHT);
        (rows.get() > 0).then(|| view! { <tr class="spacer" aria-hidden="true" style:height=height></tr> })
    }
}

/// The viewed subject's own totals; means and ratios are computed, never summed.
#[component]
fn Totals(table: Signal<Arc<Table>>) -> impl IntoView {
    move || {
        let table = table.read();
        let cells = table.columns.iter().map(|column| {
            let said = column.total.is_none().then_some(text::NOT_OBSERVED);
            view! { <td title=said>{row::number(&table, None, column.column, column.total)}</td> }
        });
        view! { <tr><th scope="row">{text::TOTAL}</th>{cells.collect_view()}</tr> }
    }
}
