//! The app's own code behind the entry points of the browser benchmark, so that it runs beside its peers: read the wire,
//! fold, sort, draw a chart, show a table, write a CSV, and a whole report. `cargo xtask bench browser` builds it and says what came of it.
//!
//! It turns the benchmark's columns into an Answer or a Table and hands out what the app's functions make of them; nothing
//! is counted, ordered, drawn or written here.

mod counters;
mod mounted;
mod named;
mod whole;

use mailtally_model::{Few, Numbers, json};
use wasm_bindgen::prelude::*;

/// T1: lists of numbers by name, as `values` stands in an answer.
#[wasm_bindgen]
pub struct Columns(Few<String, Numbers>);

#[wasm_bindgen]
impl Columns {
    pub fn read(bytes: &[u8]) -> Result<Columns, JsError> {
        Ok(Columns(json::read(bytes)?))
    }

    pub fn rows(&self) -> usize {
        self.0.values().next().map_or(0, Numbers::len)
    }
}

/// The columns of the benchmark's tables, in an order that all sides keep.
pub(crate) const COLUMNS: usize = 6;
