//! What is on screen as a file: the CSV, made in the browser from the Table, in the order and with the columns on screen;
//! the chart as a picture; and paper.

use leptos::{ev, prelude::*};
use mailtally_model::By;
use mailtally_model::csv::{self, CsvOptions};
use web_sys::HtmlInputElement;

use super::dialog::{Dialog, Handle};
use super::icon::{self, Icon};
use super::show::Show;
use crate::chart::picture::{self, Caption};
use crate::context::View;
use crate::page::{self, Sheet};
use crate::range::Range;
use crate::state::ZoneChoice;
use crate::{download, effect, format, keys, text, view};

#[component]
pub fn Export() -> impl IntoView {
    let sheet = Sheet::get();
    let handle = Handle::closed();
    view! {
        <button type="button" id=keys::EXPORT_BUTTON class="button export" disabled=move || sheet.table.read().is_none() on:click=move |_| handle.open()>
            <Icon path=icon::EXPORT/>
            {text::EXPORT}
        </button>
        {handle.sheet(move |rest| (rest.export)(handle))}
    }
}

pub fn sheet(handle: Handle) -> AnyView {
    view! {
        <Dialog handle class="dialog" head="export-head">
            <Form handle/>
        </Dialog>
    }
}

#[component]
fn Form(handle: Handle) -> impl IntoView {
    let sheet = Sheet::get();
    let (name, link) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    // Each time, for what is on screen then.
    effect(move |_| {
        handle.opened().track();
        name.set(proposed_name(&sheet).unwrap_or_default());
        link.set(lasting_link(&sheet, View::get()));
    });
    let (byte_order_mark, observed, without_totals) =
        (RwSignal::new(false), RwSignal::new(false), RwSignal::new(false));
    let failed = RwSignal::new(false);
    let download = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let options = CsvOptions {
            byte_order_mark: byte_order_mark.get_untracked(),
            observed: observed.get_untracked(),
            without_totals: without_totals.get_untracked(),
        };
        let saved = save(&sheet, &name.read_untracked(), options);
        failed.set(!saved);
        if saved {
            handle.close();
        }
    };
    let picture = move |_| {
        let saved = save_picture(&sheet, &name.read_untracked(), failed);
        failed.set(saved.is_none());
    };
    let select = |event: ev::FocusEvent| event_target::<HtmlInputElement>(&event).select();
    let has_chart = move || sheet.canvas.get().is_some();
    let print = move |_| {
        handle.close();
        let _ = window().print();
    };
    view! {
        <form class="dialog-form" on:submit=download>
            <h2 id="export-head" class="dialog-head">{text::EXPORT_HEAD}</h2>
            <p>{text::EXPORT_SAYS}</p>
            <label class="field">
                <span>{text::EXPORT_NAME}</span>
                <input type="text" required autofocus spellcheck="false" bind:value=name/>
            </label>
            <label class="check">
                <input type="checkbox" bind:checked=byte_order_mark/>
                <span>{text::EXPORT_BOM}</span>
            </label>
            <label class="check">
                <input type="checkbox" bind:checked=without_totals/>
                <span>{text::EXPORT_ROWS_ALONE}</span>
            </label>
            <Show when=move || sheet.by.get() == By::Time>
                <label class="check">
                    <input type="checkbox" bind:checked=observed/>
                    <span>{text::EXPORT_OBSERVED}</span>
                </label>
            </Show>
            <label class="field">
                <span>{text::EXPORT_LINK}</span>
                <input type="text" readonly prop:value=link on:focus=select/>
            </label>
            <Show when=move || failed.get()><p class="note note-warn" role="alert">{text::EXPORT_FAILED}</p></Show>
            <div class="dialog-more">
                <button type="button" class="button" disabled=move || !has_chart() on:click=picture>
                    <Icon path=icon::LINE/>
                    {text::EXPORT_PNG}
                </button>
                <button type="button" class="button" on:click=print>{text::EXPORT_PRINT}</button>
            </div>
            <div class="dialog-buttons">
                <span class="head-space"></span>
                <button type="button" class="button" on:click=move |_| handle.close()>{text::CANCEL}</button>
                <button type="submit" class="button primary">{text::EXPORT_DOWNLOAD}</button>
            </div>
        </form>
    }
}

fn proposed_name(sheet: &Sheet) -> Option<String> {
    let table = sheet.table.get_untracked()?;
    sheet.window.with_untracked(|window| Some(csv::file_name(&table, &sheet.order.read_untracked(), &window.zone)))
}

/// The address of what is on screen, whenever and wherever it is opened: with its dates and its zone by their names.
fn lasting_link(sheet: &Sheet, view: View) -> String {
    let mut state = view.state.get_untracked();
    sheet.window.with_untracked(|window| {
        state.range = Range::Dates(window.dates);
        state.zone = ZoneChoice::Named(window.zone.name.to_string());
    });
    window().location().origin().unwrap_or_default() + &state.url()
}

fn save(sheet: &Sheet, name: &str, options: CsvOptions) -> bool {
    let Some(table) = sheet.table.get_untracked() else { return false };
    let order = sheet.order.get_untracked();
    let bytes = sheet.window.with_untracked(|window| csv::write(&table, &order, &window.zone, options));
    download::save(&with_extension(name, "csv"), "text/csv;charset=utf-8", &bytes).is_ok()
}

/// The chart as it is on screen, under the same name; `None` if there is none, or no browser to make it.
fn save_picture(sheet: &Sheet, name: &str, failed: RwSignal<bool>) -> Option<()> {
    let (table, canvas) = (sheet.table.get_untracked()?, sheet.canvas.get_untracked()?);
    let shown = untrack(|| page::pictured(sheet, View::get(), table.clone()));
    let dates = sheet.window.with_untracked(|window| format::dates(window.dates));
    let caption = Caption {
        title: table.report.title.to_owned(),
        says: format!("{} · {dates} · {}", text::subject_name(&table.subject), table.zone.name),
        series: shown.key(),
    };
    let name = name.trim();
    let base = name.strip_suffix(".csv").unwrap_or(name).to_owned();
    picture::png(&canvas, &caption, move |blob| {
        let saved = blob.is_some_and(|blob| download::save_blob(&with_extension(&base, "png"), &blob).is_ok());
        failed.set(!saved);
    })
}

/// The person's name, with the extension where it has none.
fn with_extension(name: &str, extension: &str) -> String {
    let name = name.trim();
    if name.to_ascii_lowercase().ends_with(&format!(".{extension}")) {
        name.to_owned()
    } else {
        format!("{name}.{extension}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_the_person_called_it() {
        assert_eq!(with_extension(" November ", "csv"), "November.csv");
        assert_eq!(with_extension("pop.CSV", "csv"), "pop.CSV");
        assert_eq!(with_extension("v1.2", "csv"), "v1.2.csv");
    }
}
