//! The Table as a picture: one component, [`Chart`].
//!
//! `kind` says what can be drawn, `layout` computes where (pure, tested natively), `draw` draws it on any plotters
//! backend (`canvas` in the browser, SVG text in tests), `pointer` lays crosshair and values over it without drawing.
//! Knows nothing of where the Table came from or of the URL.

mod calendar;
mod canvas;
mod cue;
mod draw;
mod kind;
mod layout;
mod legend;
pub mod picture;
mod pointer;
mod reduce;
mod scale;
mod spare;
#[cfg(test)]
mod tests;
mod theme;
mod turn;
mod usual;
mod watch;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use mailtally_model::report_json::Number;
use mailtally_model::{Span, Table};

use canvas::{NotDrawn, Surface};
use layout::{Frame, Layout, Nothing, Subject};
use legend::Legend;
use spare::Spare;

pub use kind::ChartKind;
pub use layout::MOST_ROWS;
pub use pointer::{Placed, Pointed, layer as pointer_layer};
pub use watch::expect;

use crate::apart::Apart;
use crate::compare::Before;
use crate::memo::Memo;
use crate::parts::show::Show;
use crate::text;
use crate::{anew, effect, view};

/// What a person asked of the chart; the page decides what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartEvent {
    /// Show or hide the column with this id.
    Toggle(&'static str),
    /// Zoom to this span of whole steps.
    Zoom(Span),
    /// Go back to where the last zoom began.
    ZoomOut,
}

/// What is drawn, and how: all of one moment, so that no part of it belongs to another Table.
#[derive(Clone, Debug)]
pub struct Shown {
    pub table: Arc<Table>,
    /// The rows' order on screen (positions in `table.rows`): a Mode follows it and shows only those rows, a Trend stays in
    /// time.
    pub order: Arc<Vec<u32>>,
    pub kind: ChartKind,
    /// The ids of columns that are not drawn.
    pub hidden: BTreeSet<String>,
    /// The same steps of an earlier period, where they are drawn, too.
    pub before: Option<Arc<Before>>,
    /// A longer stretch of the same Trend, if one was on screen: a step is not less unusual for being looked at closely.
    pub past: Option<Arc<Table>>,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Shown) -> bool {
        Arc::ptr_eq(&self.table, &other.table)
            && (&self.order, self.kind, &self.hidden) == (&other.order, other.kind, &other.hidden)
            && self.before == other.before
    }
}

impl Shown {
    /// Each series that is drawn: its place in the table, and its name with its axis, as the legend has them.
    pub fn key(&self) -> Vec<(usize, String)> {
        let right = legend::on_the_right(self.subject());
        let columns = self.table.columns.iter().enumerate();
        let drawn = columns
            .filter(|(_, column)| column.column.is_told_by(self.table.by) && !self.hidden.contains(column.column.id));
        let named = drawn.map(|(at, column)| match right.contains(&at) {
            true => (at, format!("{} ({})", column.column.label, text::RIGHT_AXIS)),
            false => (at, column.column.label.to_owned()),
        });
        named.collect()
    }

    fn subject(&self) -> Subject<'_> {
        let Shown { table, order, kind, hidden, before, past } = self;
        Subject { table, order, kind: *kind, hidden, before: before.as_deref(), past: past.as_deref() }
    }
}

/// The picture in a sentence.
pub fn summary(table: &Table, kind: ChartKind, placed: &Placed, hidden: &BTreeSet<String>) -> String {
    words::summary(table, kind, &placed.layout, hidden)
}

/// What lays a chart out on a frame, with a measure of labels.
type LayOut = fn(Subject, Frame, &dyn Fn(&str) -> i32) -> Result<Layout, Nothing>;

/// What charts of Modes come with.
pub struct Modes {
    lay_out: LayOut,
    draw: canvas::Draw,
}

pub static MODES: Modes = Modes { lay_out: Layout::new, draw: draw::draw };

/// What became of a chart before anything is drawn.
#[derive(Clone, Debug, PartialEq)]
enum Laid {
    Out(Arc<Placed>, Surface),
    Nothing(Nothing),
    Failed(NotDrawn),
}

/// A Table drawn, with a legend, a crosshair and a text alternative.
#[component]
pub fn Chart(
    #[prop(into)] shown: Signal<Shown>,
    /// The same steps of an earlier period: the crosshair says how values stand to them.
    #[prop(into)]
    before: Signal<Option<Arc<Before>>>,
    /// Where the picture is, for those who want to save it.
    canvas: NodeRef<html::Canvas>,
    /// Whether the hand was on the last chart, which may have gone for a moment.
    hand: StoredValue<bool>,
    #[prop(into)] on: Callback<ChartEvent>,
) -> impl IntoView {
    let plot = NodeRef::<html::Div>::new();
    let surroundings = watch::surroundings(plot);
    let drawn_on = spare::canvas(canvas);
    effect(move |_| {
        if let (Some(plot), Some(canvas)) = (plot.get(), drawn_on.try_get_value()) {
            // Behind all else that is in it. A place that stands takes a child.
            let _ = plot.insert_before(&canvas, plot.first_child().as_ref());
        }
    });

    let rest = Apart::get().rest;
    let laid = Memo::new(move |_| {
        let (canvas, seen) = (drawn_on.try_get_value()?, surroundings.get()?);
        shown.with(|shown| {
            let subject = shown.subject();
            let height = layout::height(subject, seen.width);
            let surface = Surface { width: seen.width, height, ratio: seen.ratio };
            let frame = surface.frame();
            let lay_out: LayOut = if shown.kind.is_trend() { Layout::trend } else { rest.get()?.modes.lay_out };
            Some(match canvas::measured(&canvas, frame, &seen.family, |room| lay_out(subject, frame, room)) {
                Ok(Ok(layout)) => Laid::Out(Arc::new(Placed { layout, px: frame.px, width: seen.width }), surface),
                Ok(Err(nothing)) => Laid::Nothing(nothing),
                Err(failed) => Laid::Failed(failed),
            })
        })
    });
    let failure = draw_when_laid(drawn_on, laid, surroundings);

    let placed = Signal::derive(move || match laid.get() {
        Some(Laid::Out(placed, _)) => Some(placed),
        _ => None,
    });
    let height = move || match &*laid.read() {
        Some(Laid::Out(_, surface)) => format!("{}px", Number(surface.height)),
        _ => "220px".to_owned(),
    };
    let words = move || match laid.get() {
        Some(Laid::Nothing(nothing)) => Some(nothing.sentence().to_owned()),
        Some(Laid::Failed(failed)) => Some(text::chart_failed(&failed.to_string())),
        _ => failure.get().map(|failed| text::chart_failed(&failed.to_string())),
    };
    let summary = move || {
        let placed = placed.get()?;
        let rest = rest.get()?;
        Some(shown.with(|shown| (rest.summary)(&shown.table, shown.kind, &placed, &shown.hidden)))
    };
    effect(move |_| {
        if let Some(canvas) = drawn_on.try_get_value() {
            // A name of an attribute that every browser takes.
            let _ = canvas.set_attribute("aria-label", &summary().unwrap_or_default());
        }
    });
    let notes = move || {
        let notes = placed.get().map(|placed| words::notes(&shown.read().table, &placed.layout)).unwrap_or_default();
        notes.into_iter().map(|note| view! { <p class="chart-note">{note}</p> }).collect::<Vec<_>>()
    };

    let pointed = Pointed { placed, shown, before, hand, on };
    view! {
        <figure class="chart" data-kind=move || shown.read().kind.id()>
            <Legend shown placed on/>
            <div class="chart-plot" node_ref=plot style:height=height>
                <Show when=move || placed.read().is_some()>
                    {rest.beside(move |rest| (rest.pointer)(pointed))}
                </Show>
                {move || words().map(|words| view! { <p class="chart-words" role="status">{words}</p> })}
            </div>
            {anew(notes)}
        </figure>
    }
}

/// Draws whenever the layout or the colours change, and only then: `data-draws` on the canvas counts, so that a test can
/// hold that a moving pointer draws nothing. The signal says why the last drawing failed.
fn draw_when_laid(
    canvas: Spare,
    laid: Memo<Option<Laid>>,
    surroundings: ReadSignal<Option<watch::Surroundings>>,
) -> ReadSignal<Option<NotDrawn>> {
    let (failure, set_failure) = signal(None);
    let rest = Apart::get().rest;
    Effect::new(move |draws: Option<u32>| {
        let draws = draws.unwrap_or(0);
        let (Some(canvas), Some(seen)) = (canvas.try_get_value(), surroundings.get()) else { return draws };
        let Some(Laid::Out(placed, surface)) = laid.get() else {
            // What was drawn belongs to something else.
            canvas.set_width(0);
            return draws;
        };
        let draw = match &placed.layout {
            Layout::Trend(_) => draw::draw_trend,
            Layout::Bars(_) | Layout::Share(_) => match rest.get() {
                Some(rest) => rest.modes.draw,
                None => return draws,
            },
        };
        set_failure.set(canvas::paint(&canvas, surface, &seen.family, &placed.layout, &seen.theme, draw).err());
        // Only a test reads it: a browser that refuses it has drawn all the same.
        let _ = canvas.set_attribute("data-draws", &(draws + 1).to_string());
        draws + 1
    });
    failure
}
