//! The CSV: made in the browser from the Table, in the order and with the columns on screen, named by the person.

use leptos::{ev, html, prelude::*};
use mailtally_model::csv::{self, CsvOptions};

use super::icon::{self, Icon};
use crate::download;
use crate::page::Sheet;
use crate::text;

#[component]
pub fn Export() -> impl IntoView {
    let sheet = Sheet::get();
    let dialog = NodeRef::<html::Dialog>::new();
    let name = RwSignal::new(String::new());
    let open = move |_| {
        name.set(proposed_name(sheet).unwrap_or_default());
        if let Some(dialog) = dialog.get_untracked() {
            // It can only refuse if it is open already.
            let _ = dialog.show_modal();
        }
    };
    view! {
        <button type="button" class="button export" disabled=move || sheet.table.read().is_none() on:click=open>
            <Icon path=icon::EXPORT/>
            {text::EXPORT}
        </button>
        <dialog class="dialog" role="dialog" node_ref=dialog aria-labelledby="export-head">
            <Form dialog name/>
        </dialog>
    }
}

#[component]
fn Form(dialog: NodeRef<html::Dialog>, name: RwSignal<String>) -> impl IntoView {
    let sheet = Sheet::get();
    let byte_order_mark = RwSignal::new(false);
    let failed = RwSignal::new(false);
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let download = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let saved =
            save(sheet, &name.read_untracked(), CsvOptions { byte_order_mark: byte_order_mark.get_untracked() });
        failed.set(!saved);
        if saved {
            close();
        }
    };
    let print = move |_| {
        close();
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
            <Show when=move || failed.get()><p class="note note-warn" role="alert">{text::EXPORT_FAILED}</p></Show>
            <div class="dialog-buttons">
                <button type="button" class="link" on:click=print>{text::EXPORT_PRINT}</button>
                <span class="head-space"></span>
                <button type="button" class="button" on:click=move |_| close()>{text::CANCEL}</button>
                <button type="submit" class="button primary">{text::EXPORT_DOWNLOAD}</button>
            </div>
        </form>
    }
}

fn proposed_name(sheet: Sheet) -> Option<String> {
    let table = sheet.table.get_untracked()?;
    sheet.window.with_untracked(|window| Some(csv::file_name(&table, &window.zone)))
}

fn save(sheet: Sheet, name: &str, options: CsvOptions) -> bool {
    let Some(table) = sheet.table.get_untracked() else { return false };
    let order = sheet.order.get_untracked();
    let bytes = sheet.window.with_untracked(|window| csv::write(&table, &order, &window.zone, options));
    download::save(&with_extension(name), "text/csv;charset=utf-8", &bytes).is_ok()
}

/// The person's name, with `.csv` where it has none.
fn with_extension(name: &str) -> String {
    let name = name.trim();
    if name.to_ascii_lowercase().ends_with(".csv") { name.to_owned() } else { format!("{name}.csv") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_the_person_called_it() {
        assert_eq!(with_extension(" November "), "November.csv");
        assert_eq!(with_extension("pop.CSV"), "pop.CSV");
        assert_eq!(with_extension("v1.2"), "v1.2.csv");
    }
}
