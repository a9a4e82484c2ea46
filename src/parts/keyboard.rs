//! Keys on the page: [`crate::keys`] says what they ask for, and this does it.

use leptos::{ev, prelude::*};
use mailtally_model::{By, Step, Subject};

use crate::apart::Apart;
use crate::chart::ChartKind;
use crate::compare::Compare;
use crate::context::{Host, View};
use crate::keys::{self, Action};
use crate::page::Sheet;
use crate::range::Range;

/// Where keys are heard: on a page, and of which report, if it is one's.
#[derive(Clone, Copy)]
pub struct Listener {
    host: Host,
    report: Option<(View, Sheet)>,
}

/// Listens while the page that asks stands.
pub fn listen() {
    let listener = Listener { host: Host::get(), report: use_context::<View>().zip(use_context::<Sheet>()) };
    let here = Apart::get().rest.here();
    let handle = window_event_listener(ev::keydown, move |event| {
        here.does(move |rest| (rest.key)(&event, listener));
    });
    on_cleanup(move || handle.remove());
}

/// Does what a key asks for.
pub fn hear(event: &ev::KeyboardEvent, Listener { host, report }: Listener) {
    if !keys::is_free(event) {
        return;
    }
    let key = event.key();
    let of_report = report.and_then(|(view, sheet)| Some((view, sheet, keys::on_report(&key)?)));
    let is_done = match (of_report, keys::anywhere(&key)) {
        (Some((view, sheet, action)), _) => untrack(|| act(host, view, &sheet, action)),
        (None, Some(action)) => keys::press(action),
        (None, None) => false,
    };
    if is_done {
        event.prevent_default();
    }
}

/// `false` if there is nothing to do.
fn act(host: Host, view: View, sheet: &Sheet, action: Action) -> bool {
    let state = view.state.get_untracked();
    match action {
        Action::Preset(preset) => view.change(|state| state.range = Range::Preset(preset)),
        Action::Move(towards) => {
            let today = sheet.window.with_untracked(|window| window.today);
            let Some(range) = state.range.moved(towards, today) else { return false };
            view.change(|state| state.range = range);
        }
        Action::Step(nth) => {
            let step = Step::ALL[nth.min(Step::ALL.len() - 1)];
            let is_offered = sheet.window.with_untracked(|window| step.offered(window.span, &window.zone).is_ok());
            if !is_offered || sheet.by.get_untracked() != By::Time {
                return false;
            }
            sheet.choose_step(view, step);
        }
        Action::NextMode => {
            let modes = sheet.subject.with_untracked(|subject| state.report.modes(subject));
            view.go(state.with_mode(after(&modes, sheet.by.get_untracked())));
        }
        Action::NextChart => {
            let Some(table) = sheet.table.get_untracked() else { return false };
            let offered: Vec<ChartKind> = ChartKind::offered(&table).collect();
            let Some(first) = offered.first() else { return false };
            let now = state.chart.unwrap_or(*first).or_default(&table);
            view.change(|state| state.chart = Some(after(&offered, now)));
        }
        Action::NextComparison => view.change(|state| state.compare = after(&Compare::ALL, state.compare)),
        Action::ZoomOut => sheet.zoom_out(view),
        Action::Climb => {
            let subject = sheet.subject.get_untracked();
            let root = host.root();
            let Some(above) = subject.parent().filter(|_| subject != root) else { return false };
            view.go(state.climb(Some(above).filter(|above| *above != root && *above != Subject::Server)));
        }
        Action::Press(_) | Action::Focus(_) => return keys::press(action),
    }
    true
}

/// The one behind `now`, the first behind the last.
fn after<T: Copy + PartialEq>(all: &[T], now: T) -> T {
    let at = all.iter().position(|one| *one == now).map_or(0, |at| at + 1);
    all[at % all.len()]
}
