//! Which chart is drawn.

use leptos::prelude::*;

use super::icon::{self, Icon};
use super::popover::Popover;
use crate::chart::ChartKind;
use crate::context::View;
use crate::memo::Memo;
use crate::page::Sheet;
use crate::text;
use crate::{anew, view};

#[component]
pub fn ChartMenu() -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let open = RwSignal::new(false);
    let offered = Memo::new(move |_| match sheet.table.read().as_ref() {
        Some(table) => ChartKind::offered(table).collect(),
        None => ChartKind::of_mode(sheet.by.get()).to_vec(),
    });
    let chosen = Memo::new(move |_| {
        let asked = view.state.read().chart;
        let offered = offered.read();
        asked.filter(|kind| offered.contains(kind)).or(offered.first().copied()).unwrap_or(ChartKind::Line)
    });
    let label = move || format!("{}: {}", text::CHART_KIND, chosen.get().label());
    let choose = move |kind| {
        open.set(false);
        view.change(|state| state.chart = Some(kind));
    };
    let item = move |kind: ChartKind| {
        view! {
            <li>
                <button
                    type="button"
                    class="menu-item"
                    aria-pressed=move || (chosen.get() == kind).to_string()
                    on:click=move |_| choose(kind)
                >
                    <Icon path=kind_icon(kind)/>
                    {kind.label()}
                </button>
            </li>
        }
    };
    view! {
        <Popover
            open
            label=text::CHART_KIND
            button_class="button"
            button=move || {
                view! {
                    <Icon path=Signal::derive(move || kind_icon(chosen.get()))/>
                    <span class="sr">{anew(label)}</span>
                    <Icon path=icon::DOWN/>
                }
            }
        >
            <ul class="menu-items">{move || offered.get().into_iter().map(item).collect_view()}</ul>
        </Popover>
    }
}

fn kind_icon(kind: ChartKind) -> &'static str {
    match kind {
        ChartKind::Line => icon::LINE,
        ChartKind::Area => icon::AREA,
        ChartKind::StackedArea => icon::STACKED_AREA,
        ChartKind::Column => icon::COLUMN,
        ChartKind::StackedColumn => icon::STACKED_COLUMN,
        ChartKind::Bar => icon::BAR,
        ChartKind::Share => icon::SHARE,
    }
}
