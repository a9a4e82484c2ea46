//! The pointer's layer over the picture: crosshair, values, and a brush to zoom. It moves elements; nothing is drawn
//! again for it.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html::Div;
use leptos::prelude::*;
use mailtally_model::report_json::Number;
use mailtally_model::table::Row;
use mailtally_model::{Span, Table};
use web_sys::HtmlDivElement;

use super::layout::{Layout, Mark, Rect};
use super::legend::Key;
use super::theme::SERIES;
use super::words::{Tip, TipBeside};
use super::{ChartEvent, Shown};
use crate::compare::Before;
use crate::memo::Memo;
use crate::text;
use crate::{anew, view};

/// A layout, and how many of its units are a CSS pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub layout: Layout,
    pub px: f64,
    pub width: f64,
}

impl Placed {
    fn row_at(&self, event: &PointerEvent) -> Option<usize> {
        let units = |css: i32| (f64::from(css) * self.px) as i32;
        self.layout.hit((units(event.offset_x()), units(event.offset_y())))
    }

    /// The same for a drag that left the plot: its first row before it, its last one after.
    fn row_beyond(&self, event: &PointerEvent) -> Option<usize> {
        let rows = self.layout.rows();
        let first = self.mark(*rows.first()?)?;
        let is_before = f64::from(event.offset_x()) * self.px < f64::from(first.band.left);
        if is_before { rows.first() } else { rows.last() }.copied()
    }

    fn mark(&self, row: usize) -> Option<Mark> {
        self.layout.mark(row)
    }

    fn css(&self, units: i32) -> String {
        px(f64::from(units) / self.px)
    }
}

/// What the pointer is laid over.
#[derive(Clone, Copy)]
pub struct Pointed {
    pub placed: Signal<Option<Arc<Placed>>>,
    pub shown: Signal<Shown>,
    pub before: Signal<Option<Arc<Before>>>,
    /// Whether the hand was on the layer that stood here before.
    pub hand: StoredValue<bool>,
    pub on: Callback<ChartEvent>,
}

pub fn layer(Pointed { placed, shown, before, hand, on }: Pointed) -> AnyView {
    let layer = NodeRef::<Div>::new();
    let is_on = |layer: &HtmlDivElement| document().active_element().is_some_and(|at| at.is_same_node(Some(layer)));
    on_cleanup(move || hand.set_value(layer.get_untracked().is_some_and(|layer| is_on(&layer))));
    layer.on_load(move |layer| {
        // A zoom by key asks for another answer, and the chart goes until it is there: the hand stays on it.
        if hand.get_value() && document().active_element().is_none_or(|at| at.tag_name() == "BODY") {
            let _ = layer.focus();
        }
    });
    let at = RwSignal::new(None::<usize>);
    // The row at which a drag began.
    let brush = RwSignal::new(None::<usize>);
    // The fingers on a Trend and the row that each is on: two of them span a stretch.
    let fingers = StoredValue::new(Vec::<(i32, usize)>::new());
    let spanned = move || {
        fingers.with_value(|fingers| match fingers.as_slice() {
            [(_, from), (_, to)] => Some((*from, *to)),
            _ => None,
        })
    };
    let rows = Memo::new(move |_| placed.read().as_ref().map(|placed| placed.layout.rows()).unwrap_or_default());
    let tip = Memo::new(move |_| {
        let row = at.get().filter(|row| rows.read().contains(row))?;
        let (placed, shown, before) = (placed.get()?, shown.read(), before.read());
        let beside = TipBeside { layout: &placed.layout, before: before.as_deref() };
        Tip::of(&shown.table, row, &shown.hidden, beside)
    });

    let row_at = move |event: &PointerEvent| placed.read_untracked().as_ref()?.row_at(event);
    let moved = move |event: PointerEvent| {
        let row = row_at(&event);
        fingers.update_value(|fingers| {
            let finger = fingers.iter_mut().find(|(id, _)| *id == event.pointer_id());
            if let (Some((_, on)), Some(row)) = (finger, row) {
                *on = row;
            }
        });
        let row = match spanned() {
            Some((from, to)) => {
                brush.set(Some(from));
                Some(to)
            }
            // Beyond the edge one means all that there is up to it.
            None => row.or_else(|| brush.get_untracked().and(placed.read_untracked().as_ref()?.row_beyond(&event))),
        };
        if *at.read_untracked() != row {
            at.set(row);
        }
    };
    let pressed = move |event: PointerEvent| {
        // A finger that taps has not moved.
        at.set(row_at(&event));
        let zooms = placed.read_untracked().as_ref().is_some_and(|placed| matches!(placed.layout, Layout::Trend(_)));
        // One finger scrolls and reads, two choose a stretch, as does a mouse or a pen that is dragged.
        if event.pointer_type() == "touch" {
            let finger = row_at(&event).filter(|_| zooms).map(|row| (event.pointer_id(), row));
            fingers.update_value(|fingers| fingers.extend(finger));
            brush.set(spanned().map(|(from, _)| from));
        } else if zooms && event.button() == 0 {
            brush.set(row_at(&event));
            if let Some(layer) = layer.get_untracked() {
                // Without capture a drag that leaves the plot ends there.
                let _ = layer.set_pointer_capture(event.pointer_id());
            }
        }
    };
    let zoom = move |from: usize, to: usize| {
        if let Some(span) = shown.with_untracked(|shown| span_of(&shown.table, from.min(to), from.max(to))) {
            at.set(None);
            on.run(ChartEvent::Zoom(span));
        }
    };
    let cancelled = move || {
        fingers.set_value(Vec::new());
        brush.set(None);
    };
    let released = move |_: PointerEvent| {
        let (from, to) = (brush.get_untracked(), at.get_untracked());
        cancelled();
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            zoom(from, to);
        }
    };
    let keyed = move |event: KeyboardEvent| {
        let here = at.get_untracked();
        if let ("Enter", Some(here)) = (event.key().as_str(), here) {
            event.prevent_default();
            let from = brush.get_untracked().unwrap_or(here);
            brush.set(None);
            return zoom(from, here);
        }
        let rows = rows.read_untracked();
        let place = here.and_then(|row| rows.iter().position(|known| *known == row));
        let Some(next) = step_by_key(&event.key(), place, rows.len()) else { return };
        event.prevent_default();
        // With Shift the arrows choose a stretch, as in a text.
        brush.set(event.shift_key().then(|| brush.get_untracked().or(here)).flatten());
        at.set(next.and_then(|place| rows.get(place).copied()));
    };

    let place = move || at.get().and_then(|row| rows.read().iter().position(|known| *known == row));
    view! {
        <div
            node_ref=layer
            class="chart-pointer"
            tabindex="0"
            role="slider"
            aria-label=text::CHART_VALUES
            aria-valuemin="0"
            aria-valuemax=move || rows.read().len().saturating_sub(1).to_string()
            aria-valuenow=move || place().unwrap_or(0).to_string()
            aria-valuetext=move || tip.read().as_ref().map_or_else(|| text::CHART_NO_VALUE.to_owned(), Tip::spoken)
            on:pointermove=moved
            on:pointerdown=pressed
            on:pointerup=released
            on:pointercancel=move |_| cancelled()
            // A finger that is lifted leaves, too: what it pointed at is to be read.
            on:pointerleave=move |event| if event.pointer_type() != "touch" { at.set(None) }
            on:blur=move |_| {
                at.set(None);
                brush.set(None);
            }
            on:keydown=keyed
            on:dblclick=move |_| on.run(ChartEvent::ZoomOut)
        >
            <Brush placed at brush/>
            <Crosshair placed at/>
            <Values placed at tip/>
        </div>
    }
}

/// The line, band and dots of the row that is pointed at.
#[component]
fn Crosshair(placed: Signal<Option<Arc<Placed>>>, at: RwSignal<Option<usize>>) -> impl IntoView {
    anew(move || {
        let placed = placed.get()?;
        let mark = placed.mark(at.get()?)?;
        let dots = mark.points.iter().map(|(column, (x, y))| {
            let class = format!("chart-dot series-{}", column % SERIES + 1);
            view! { <i class=class style:left=placed.css(*x) style:top=placed.css(*y)></i> }
        });
        let dots: Vec<_> = dots.collect();
        let Rect { left, right, top, bottom } = mark.band;
        let line = (!dots.is_empty()).then(|| {
            let middle = placed.css((left + right) / 2);
            view! { <i class="chart-line" style:left=middle style:top=placed.css(top) style:height=placed.css(bottom - top)></i> }
        });
        let band = dots.is_empty().then(|| view! { <Band placed=placed.clone() band=mark.band class="chart-band"/> });
        Some(view! { {band} {line} {dots} })
    })
}

/// The stretch that a drag has chosen so far.
#[component]
fn Brush(
    placed: Signal<Option<Arc<Placed>>>,
    at: RwSignal<Option<usize>>,
    brush: RwSignal<Option<usize>>,
) -> impl IntoView {
    anew(move || {
        let (placed, from, to) = (placed.get()?, brush.get()?, at.get()?);
        let (from, to) = (placed.mark(from.min(to))?.band, placed.mark(to.max(from))?.band);
        Some(view! { <Band placed band=Rect { right: to.right, ..from } class="chart-brush"/> })
    })
}

#[component]
fn Band(placed: Arc<Placed>, band: Rect, class: &'static str) -> impl IntoView {
    view! {
        <i
            class=class
            style:left=placed.css(band.left)
            style:top=placed.css(band.top)
            style:width=placed.css(band.width())
            style:height=placed.css(band.height())
        ></i>
    }
}

/// The values of the row, beside it, on the side that has the room.
#[component]
fn Values(placed: Signal<Option<Arc<Placed>>>, at: RwSignal<Option<usize>>, tip: Memo<Option<Tip>>) -> impl IntoView {
    let side = Memo::new(move |_| {
        let placed = placed.get()?;
        let mark = placed.mark(at.get()?);
        let middle = mark.as_ref().map_or(0.0, |mark| f64::from(mark.band.left + mark.band.right) / 2.0 / placed.px);
        let is_row = matches!(placed.layout, Layout::Bars(_) | Layout::Share(_));
        Some(Side {
            middle,
            width: placed.width,
            top: mark.filter(|_| is_row).map(|mark| f64::from(mark.band.bottom) / placed.px),
        })
    });
    anew(move || {
        let (tip, side) = (tip.get()?, side.get()?);
        let lines = tip.lines.into_iter().map(|line| {
            let known = line.value.is_some();
            view! {
                <div class="chart-tip-line">
                    <dt><Key at=line.column/>{line.label}</dt>
                    <dd class="chart-tip-value" class:is-missing=!known>
                        {line.value.unwrap_or_else(|| text::NOT_OBSERVED.to_owned())}
                    </dd>
                    {line.change.map(|change| view! { <dd class=change.tone.class()>{change.words}</dd> })}
                    {line.before.map(|before| view! { <dd class="chart-tip-before">{before}</dd> })}
                    {line.usual.map(|usual| view! { <dd class="chart-tip-usual">{usual}</dd> })}
                </div>
            }
        });
        Some(view! {
            // The rail is what it may slide along, so as to stay in sight of a page that is scrolled.
            <div class="chart-tip-rail" aria-hidden="true" style:left=side.left() style:right=side.right()>
                <i style:height=side.top()></i>
                <div class="chart-tip">
                    <p class="chart-tip-title">{tip.title}</p>
                    {tip.note.map(|note| view! { <p class="chart-tip-note">{note}</p> })}
                    {tip.against.map(|against| view! { <p class="chart-tip-note">{against}</p> })}
                    <dl>{lines.collect::<Vec<_>>()}</dl>
                </div>
            </div>
        })
    })
}

/// Where the tooltip stands: right of what it tells of in the left half, left of it in the right half.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    middle: f64,
    width: f64,
    /// Under the row, for rows that lie; else at the top of the plot.
    top: Option<f64>,
}

/// A length as CSS spells it, to a hundredth.
fn px(length: f64) -> String {
    format!("{}px", Number((length * 100.0).round() / 100.0))
}

/// The distance of the tooltip from the crosshair, in CSS pixels.
const AWAY: f64 = 14.0;
/// How far above the plot the tooltip may slide: style/chart.css says so, too.
const ABOVE: f64 = 240.0;
/// Narrower charts, in CSS pixels, have no room beside a crosshair in their middle.
const NARROW: f64 = 560.0;
const EDGE: &str = "4px";

impl Side {
    fn is_right(self) -> bool {
        self.middle <= self.width / 2.0
    }

    /// On a phone either side of the crosshair may be too narrow: the values stand at the far edge.
    fn is_narrow(self) -> bool {
        self.width < NARROW
    }

    fn left(self) -> String {
        match (self.is_narrow(), self.is_right()) {
            (true, false) => EDGE.to_owned(),
            (false, true) => px(self.middle + AWAY),
            _ => "auto".to_owned(),
        }
    }

    fn right(self) -> String {
        match (self.is_narrow(), self.is_right()) {
            (true, true) => EDGE.to_owned(),
            (false, false) => px(self.width - self.middle + AWAY),
            _ => "auto".to_owned(),
        }
    }

    /// The distance from the rail's top, which lies above the plot.
    fn top(self) -> String {
        px(ABOVE + self.top.unwrap_or(8.0))
    }
}

/// The span from one row to another, both included.
fn span_of(table: &Table, first: usize, last: usize) -> Option<Span> {
    match (table.rows.get(first)?, table.rows.get(last)?) {
        (Row::Step { span: first, .. }, Row::Step { span: last, .. }) => Some(Span::new(first.from, last.until)),
        _ => None,
    }
}

/// Where a key leads from a place among `count` rows: `None` if the key is not ours, `Some(None)` to no row.
fn step_by_key(key: &str, place: Option<usize>, count: usize) -> Option<Option<usize>> {
    let last = count.checked_sub(1);
    match key {
        "ArrowRight" | "ArrowDown" => {
            Some(place.map_or(last.map(|_| 0), |place| last.map(|last| (place + 1).min(last))))
        }
        "ArrowLeft" | "ArrowUp" => Some(place.map_or(last, |place| Some(place.saturating_sub(1)))),
        "PageDown" => Some(last.map(|last| place.map_or(0, |place| (place + 7).min(last)))),
        "PageUp" => Some(last.map(|last| place.map_or(last, |place| place.saturating_sub(7)))),
        "Home" => Some(last.map(|_| 0)),
        "End" => Some(last),
        "Escape" if place.is_some() => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_walk_along_the_rows() {
        assert_eq!(step_by_key("ArrowRight", None, 3), Some(Some(0)));
        assert_eq!(step_by_key("ArrowRight", Some(2), 3), Some(Some(2)));
        assert_eq!(step_by_key("ArrowLeft", None, 3), Some(Some(2)));
        assert_eq!(step_by_key("ArrowLeft", Some(0), 3), Some(Some(0)));
        assert_eq!(step_by_key("End", Some(0), 3), Some(Some(2)));
        assert_eq!(step_by_key("Escape", Some(1), 3), Some(None));
        assert_eq!(step_by_key("ArrowRight", None, 0), Some(None));
        assert_eq!(step_by_key("Tab", Some(1), 3), None);
    }
}
