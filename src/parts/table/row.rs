//! One row: its name, which digs in where it can, and its cells.
//!
//! Rows are made by hand and not by `view!`: each is a copy of one empty row, filled with texts and addresses. Of a long
//! table that is most of what is on the page, and nothing in a row changes by itself.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::table::Row;
use mailtally_model::{Column, Table};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use crate::evidence::Evidence;
use crate::format::{self, Years};
use crate::state::ViewState;
use crate::text;
use crate::window::Window;

/// What rows are made from.
pub struct Maker {
    table: Arc<Table>,
    /// Where links lead from.
    state: ViewState,
    window: Arc<Window>,
    /// Shown unless all dates lie in the current one.
    years: Years,
    /// Of each column.
    largest: Vec<f64>,
    /// A row with a name and cells that say nothing.
    empty: Element,
}

impl Maker {
    pub fn new(table: Arc<Table>, state: ViewState, window: Arc<Window>) -> Result<Maker, JsValue> {
        let document = document();
        let empty = document.create_element("tr")?;
        let name = document.create_element("th")?;
        name.set_attribute("scope", "row")?;
        let link = document.create_element("a")?;
        // One stop for Tab: arrows walk the cells (`walk`).
        link.set_attribute("tabindex", "-1")?;
        name.append_child(&link)?;
        empty.append_child(&name)?;
        for _ in &table.columns {
            let cell = document.create_element("td")?;
            let link = document.create_element("a")?;
            link.set_class_name("cell");
            link.set_attribute("tabindex", "-1")?;
            cell.append_child(&link)?;
            empty.append_child(&cell)?;
        }
        let years = window.years();
        let largest = table.columns.iter().map(format::largest).collect();
        Ok(Maker { table, state, window, years, largest, empty })
    }

    /// The row at a place in the Table. An order may be one Table older than its rows, for as long as it takes to say so:
    /// a row that is not there says nothing.
    pub fn row(&self, at: usize) -> Result<Element, JsValue> {
        let made: Element = self.empty.clone_node_with_deep(true)?.unchecked_into();
        let (Some(row), Some(head)) = (self.table.rows.get(at), made.first_element_child()) else { return Ok(made) };
        head.set_attribute("data-key", &self.table.key(row))?;
        if let Some(note) = self.note(row, at) {
            // Drawn by style/table.css: the cell holds the name alone.
            head.set_attribute("data-note", &note)?;
            made.set_class_name("partial");
        }
        fill(&head, &format::row_name(row, self.table.step, self.years, &self.window.zone), self.leads_to(row))?;
        let mut cell = head.next_element_sibling();
        for (column, largest) in self.table.columns.iter().zip(&self.largest) {
            let Some(here) = cell else { break };
            let value = column.cells.get(at).copied().flatten();
            if value.is_none() {
                here.set_class_name("none");
                let is_told = column.column.is_told_by(self.table.by);
                here.set_attribute("title", if is_told { text::NOT_OBSERVED } else { text::OF_THE_SERVER })?;
            }
            let (words, link) = number(&self.table, &self.state, Some(row), (column.column, *largest, value));
            fill(&here, &words, link)?;
            cell = here.next_element_sibling();
        }
        Ok(made)
    }

    /// Why a row is not whole.
    fn note(&self, row: &Row, at: usize) -> Option<String> {
        match row {
            Row::Step { .. } if format::is_unobserved(&self.table, at) => Some(text::NOT_OBSERVED.to_owned()),
            Row::Step { partial: Some(partial), .. } => Some(format::partial_note(*partial, &self.window.zone)),
            _ => None,
        }
    }

    /// The address of a child that can be viewed by itself.
    fn leads_to(&self, row: &Row) -> Option<String> {
        match row {
            Row::Child(child) if self.table.report.exists_for(child) => Some(self.state.dig(child).url()),
            _ => None,
        }
    }
}

/// Writes a cell of an empty row: its link, or its words alone.
fn fill(cell: &Element, words: &str, link: Option<String>) -> Result<(), JsValue> {
    match (link, cell.first_element_child()) {
        (Some(address), Some(link)) => {
            link.set_attribute("href", &address)?;
            link.set_text_content(Some(words));
        }
        _ => cell.set_text_content(Some(words)),
    }
    Ok(())
}

/// A number in words, beside the largest of its column, and the address of the events that it was made of; `row` is `None`
/// for the totals.
pub fn number(
    table: &Table,
    state: &ViewState,
    row: Option<&Row>,
    (column, largest, value): (&'static Column, f64, Option<f64>),
) -> (String, Option<String>) {
    let words = format::cell_beside(column, largest, value);
    let (subject, span) = match row {
        // What belongs to none of the names has no address of its own.
        Some(Row::Rest(_)) => return (words, None),
        Some(Row::Step { span, .. }) => (&table.subject, span.intersect(table.span)),
        Some(Row::Child(child)) => (child, table.span),
        None => (&table.subject, table.span),
    };
    let is_made_of_events = value.is_some_and(|value| value > 0.0);
    let link = is_made_of_events.then(|| Evidence::of_cell(state, column, Some(subject.clone()), span).url());
    (words, link)
}
