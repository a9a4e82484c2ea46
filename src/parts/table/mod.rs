//! The report's table: the long form of the chart. Up to [`WHOLE_ROWS`] rows are all there (find, print and screen
//! readers work); of longer ones only those on screen are. Of a table that has just come those on screen are painted first.

mod body;
mod head;
mod row;
mod scroll;
mod walk;

use std::sync::Arc;

use leptos::{ev, html, prelude::*};
use mailtally_model::{By, Table};

use crate::apart::Apart;
use crate::context::View;
use crate::memo::Memo;
use crate::parts::show::Show;
use crate::window::Window;
use crate::{anew, effect, format, intl, text, view};
use head::Head;
pub use head::{Explained, Explaining, head_pressed, rule};
use scroll::{Rows, rows_shown};
pub use walk::on_key as walk;

/// Rows up to which a table is rendered whole.
const WHOLE_ROWS: usize = 500;

/// Rows that are printed: some hundred and thirty pages. Nobody reads more on paper, and laying them out takes a browser long.
const PRINTED_ROWS: usize = 5_000;

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
    let here = Apart::get().rest.here();
    let top = RwSignal::new(0);
    let room = scroll::room(scroller);
    let just_come = scroll::just_come();
    let prints = printing();
    let rows = Memo::new(move |_| {
        let count = order.read().len();
        if count > WHOLE_ROWS && !prints.get() {
            rows_shown(top.get(), count, room.get().rows, just_come.get())
        } else {
            let most = if just_come.get() && !prints.get() { scroll::rows_below_head() } else { PRINTED_ROWS };
            Rows { first: 0, until: count.min(most) }
        }
    });
    // Another table in the same place begins at its top.
    let shown = Memo::new(move |_| table.with(|table| (table.report.id, table.subject.clone(), table.by)));
    effect(move |last: Option<()>| {
        shown.track();
        if let (Some(()), Some(scroller)) = (last, scroller.get_untracked()) {
            scroller.scroll_to_with_x_and_y(0.0, 0.0);
            top.set(0);
        }
    });
    let place = NodeRef::new();
    let is_windowed = Memo::new(move |_| order.read().len() > WHOLE_ROWS);
    body::fill(place, table, order, window, rows, is_windowed);
    let on_scroll = move |_: ev::Event| {
        if is_windowed.get_untracked() {
            top.set(scroller.get_untracked().map_or(0, |scroller| scroller.scroll_top()));
        }
    };
    let caption = move || {
        let table = table.read();
        text::table_caption(table.report.title, &text::subject_name(&table.subject), table.first_label())
    };
    let count = |rows: usize| intl::number(rows as f64, 0);
    // Head and totals count as rows, too.
    let row_count = move || is_windowed.get().then(|| order.read().len() + 2);
    view! {
        <div
            class="card table-scroll"
            class:windowed=move || is_windowed.get()
            class:fits=move || room.get().fits
            tabindex="0"
            role="region"
            aria-label=caption
            aria-busy=move || (!is_windowed.get() && rows.get().until < order.read().len()).then_some("true")
            node_ref=scroller
            on:scroll=on_scroll
            on:keydown=move |event| here.does(move |rest| (rest.walk)(&event))
        >
            <table class="report-table" aria-rowcount=row_count>
                <caption class="sr">{anew(caption)}</caption>
                <thead><Head table/></thead>
                <tbody node_ref=place></tbody>
                <tfoot><Totals table order/></tfoot>
            </table>
        </div>
        <Show when=move || prints.get() && order.read().len().gt(&PRINTED_ROWS)>
            <p class="note">{move || text::printed_rows(&count(PRINTED_ROWS), &count(order.read().len()))}</p>
        </Show>
    }
}

/// Whether the page is on its way to paper, which shows no row that is not there.
fn printing() -> ReadSignal<bool> {
    let (prints, set_prints) = signal(false);
    let begins = window_event_listener(ev::Custom::<web_sys::Event>::new("beforeprint"), move |_| set_prints.set(true));
    let ends = window_event_listener(ev::Custom::<web_sys::Event>::new("afterprint"), move |_| set_prints.set(false));
    on_cleanup(move || {
        begins.remove();
        ends.remove();
    });
    prints
}

/// The viewed subject's own totals; means and ratios are computed, never summed.
#[component]
fn Totals(table: Signal<Arc<Table>>, order: Signal<Arc<Vec<u32>>>) -> impl IntoView {
    let view = View::get();
    let is_filtered = Memo::new(move |_| table.read().by != By::Time && !view.state.read().filter.trim().is_empty());
    let of_shown = move || is_filtered.get().then(|| sums(&table.read(), &order.read()));
    let own = move || {
        let table = table.read();
        // Another report or zone is another Table, and makes new totals.
        let state = view.state.get_untracked();
        let cells = table.columns.iter().map(|column| {
            let said = column.total.is_none().then_some(text::no_value(column.basis));
            let (words, link) =
                row::number(&table, &state, None, (column.column, format::largest(column), column.total));
            let number = match link {
                Some(href) => view! { <a class="cell" href=href tabindex="-1">{words}</a> },
                None => words.into_any(),
            };
            view! { <td title=said>{number}</td> }
        });
        // The subject's own, whatever a filter leaves of its rows.
        let are_means = table.columns.iter().all(|column| column.column.is_average());
        let label = move || match is_filtered.get() {
            true => text::TOTAL_OF_ALL,
            false if are_means => text::MEAN,
            false => text::TOTAL,
        };
        view! { <tr><th scope="row">{anew(label)}</th>{cells.collect_view()}</tr> }
    };
    view! { {anew(of_shown)}{anew(own)} }
}

/// What a filter leaves, added up where that is a number of anything: a connection may serve two domains, and means are not
/// added.
fn sums(table: &Table, order: &[u32]) -> AnyView {
    let cells = table.columns.iter().enumerate().map(|(at, column)| {
        let sum = table.sum_shown(order, at);
        let words = format::cell_beside(column.column, format::largest(column), sum);
        view! { <td title=sum.is_none().then_some(text::NOT_ADDED_UP)>{words}</td> }
    });
    view! { <tr><th scope="row">{text::TOTAL_SHOWN}</th>{cells.collect_view()}</tr> }
}
