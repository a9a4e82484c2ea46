//! The row of controls above the report: range, chart, step, Mode, and the box that narrows a Mode's rows.

use leptos::prelude::*;
use mailtally_model::{By, Step};

use super::chart_menu::ChartMenu;
use super::filter::Filter;
use super::range_picker::RangePicker;
use super::segments::{Segment, Segments};
use crate::context::View;
use crate::memo::Memo;
use crate::page::Sheet;
use crate::text;
use crate::view;

#[component]
pub fn Toolbar() -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let steps = Memo::new(move |_| {
        let by = sheet.by.get();
        sheet.window.with(|window| Step::ALL.map(|step| step_segment(step, by, window)).to_vec())
    });
    let modes = Memo::new(move |_| {
        let modes = sheet.subject.with(|subject| view.state.read().report.modes(subject));
        modes.into_iter().map(|by| Segment { value: by, label: by.label(), refused: None }).collect::<Vec<_>>()
    });
    view! {
        <div class="toolbar">
            <RangePicker/>
            <ChartMenu/>
            <Segments
                label=text::STEP
                segments=steps
                chosen=sheet.step
                on_choose=Callback::new(move |step| sheet.choose_step(view, step))
            />
            <Segments
                label=text::MODE
                segments=modes
                chosen=sheet.by
                on_choose=Callback::new(move |by: By| view.go(view.state.get_untracked().with_mode(by)))
            />
            // Above all that it narrows: the chart is lower with fewer names, and a box below it would move while one types.
            <Filter/>
        </div>
    }
}

/// A Mode's rows are sums of the whole range: there is nothing to divide.
fn step_segment(step: Step, by: By, window: &crate::window::Window) -> Segment<Step> {
    let refused = match by {
        By::Time => step.offered(window.span, &window.zone).err().map(|reason| reason.to_string()),
        _ => Some(text::STEP_OF_TREND.to_owned()),
    };
    Segment { value: step, label: step.label(), refused }
}
