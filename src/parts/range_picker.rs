//! The range: ‹ and › by one period, and a dialog with presets, two dates, calendars and the zone.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::calendar::Calendar;
use super::icon::{self, Icon};
use super::popover::Popover;
use super::show::Show;
use super::zone_picker::ZonePicker;
use crate::apart::Apart;
use crate::context::View;
use crate::keys::Action;
use crate::memo::Memo;
use crate::page::Sheet;
use crate::range::{Dates, Preset, Range, Towards};
use crate::{format, keys, text, view};

#[component]
pub fn RangePicker() -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let open = RwSignal::new(false);
    let choose = Callback::new(move |range| {
        open.set(false);
        view.change(|state| state.range = range);
    });
    let rest = Apart::get().rest;
    let here = rest.here();
    let on_key = move |event: ev::KeyboardEvent| {
        if open.get_untracked() {
            here.does(move |rest| (rest.range_key)(&event, choose));
        }
    };
    view! {
        <div class="range" on:keydown=on_key>
            <Move towards=Towards::Earlier/>
            <Popover
                open
                label=text::RANGE
                button_class="button range-button"
                id=keys::RANGE_BUTTON
                button=move || {
                    view! {
                        <span>{move || sheet.window.with(|window| format::dates(window.dates))}</span>
                        <Icon path=icon::DOWN/>
                    }
                }
            >
                {rest.opened(move |rest| (rest.range)(choose))}
            </Popover>
            <Move towards=Towards::Later/>
        </div>
        <Show when=move || sheet.zoomed_from(view).is_some()>
            <button
                type="button"
                class="button zoom-out"
                title=text::ZOOM_OUT
                on:click=move |_| {
                    sheet.zoom_out(view);
                    // It goes with what it undoes, and must not take the hand along.
                    keys::press(Action::Focus(keys::RANGE_BUTTON));
                }
            >
                <Icon path=icon::ZOOM_OUT/>
                {text::ZOOM_OUT}
            </button>
        </Show>
    }
}

#[component]
fn Move(towards: Towards) -> impl IntoView {
    let (sheet, view) = (Sheet::get(), View::get());
    let (label, path) = match towards {
        Towards::Earlier => (text::EARLIER, icon::EARLIER),
        Towards::Later => (text::LATER, icon::LATER),
    };
    let target = Memo::new(move |_| view.state.read().range.moved(towards, sheet.window.read().today));
    let refused = move || target.get().is_none().then_some(text::LATER_ENDS);
    view! {
        <button
            type="button"
            class="button square"
            aria-label=label
            title=move || refused().unwrap_or(label)
            disabled=move || refused().is_some()
            on:click=move |_| {
                if let Some(range) = target.get_untracked() {
                    view.change(|state| state.range = range);
                }
            }
        >
            <Icon path/>
        </button>
    }
}

/// The dialog's content.
pub fn choices(choose: Callback<Range>) -> AnyView {
    view! {
        <div class="range-choices">
            <Presets choose/>
            <div class="range-custom">
                <CustomDates choose/>
                <Calendar choose=Callback::new(move |dates| choose.run(Range::Dates(dates)))/>
                <ZonePicker/>
            </div>
        </div>
    }
}

/// While the dialog is open, a preset's key chooses it.
pub fn key(event: &ev::KeyboardEvent, choose: Callback<Range>) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typed_into(event) {
        return;
    }
    let chosen = Preset::ALL.into_iter().find(|preset| event.key().eq_ignore_ascii_case(&preset.key().to_string()));
    if let Some(preset) = chosen {
        event.prevent_default();
        choose.run(Range::Preset(preset));
    }
}

/// Letters typed into a date field are the field's.
fn is_typed_into(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "SELECT"))
}

/// One stop for Tab: arrows walk the list.
#[component]
fn Presets(choose: Callback<Range>) -> impl IntoView {
    let view = View::get();
    let stop = move || match view.state.read().range {
        Range::Preset(preset) => preset,
        Range::Dates(_) => Preset::ALL[0],
    };
    let item = move |preset: Preset| {
        let range = Range::Preset(preset);
        view! {
            <li>
                <button
                    type="button"
                    class="menu-item"
                    tabindex=move || if stop() == preset { "0" } else { "-1" }
                    aria-pressed=move || (view.state.read().range == range).to_string()
                    on:click=move |_| choose.run(range)
                >
                    <span>{text::preset(preset)}</span>
                    <kbd aria-hidden="true">{preset.key().to_ascii_uppercase()}</kbd>
                </button>
            </li>
        }
    };
    view! {
        <ul class="menu-items range-presets" aria-label=text::PRESETS on:keydown=|event| walk(&event)>
            {Preset::ALL.map(item).collect_view()}
        </ul>
    }
}

/// Moves the hand along a list of buttons.
fn walk(event: &ev::KeyboardEvent) {
    let item = event.target().and_then(|target| target.dyn_into::<Element>().ok()?.closest("li").ok()?);
    let Some(item) = item else { return };
    let to = match event.key().as_str() {
        "ArrowDown" => item.next_element_sibling(),
        "ArrowUp" => item.previous_element_sibling(),
        _ => return,
    };
    event.prevent_default();
    let button = to.and_then(|item| item.first_element_child()?.dyn_into::<HtmlElement>().ok());
    if let Some(button) = button {
        // It can only refuse if it has just left the page.
        let _ = button.focus();
    }
}

/// Two date fields: quickest to type, and what a screen reader knows best.
#[component]
fn CustomDates(choose: Callback<Range>) -> impl IntoView {
    let shown = Sheet::get().window.with_untracked(|window| window.dates);
    let first = RwSignal::new(shown.first.to_string());
    let last = RwSignal::new(shown.last.to_string());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let range = Range::parse(&format!("{}..{}", first.read_untracked(), last.read_untracked()));
        if let Some(Range::Dates(Dates { first, last })) = range {
            choose.run(Range::Dates(Dates { first, last }));
        }
    };
    view! {
        <form class="range-fields" on:submit=submit>
            <label class="field"><span>{text::FROM}</span><input type="date" required bind:value=first/></label>
            <label class="field"><span>{text::UNTIL}</span><input type="date" required bind:value=last/></label>
            <button type="submit" class="button">{text::APPLY}</button>
        </form>
    }
}
