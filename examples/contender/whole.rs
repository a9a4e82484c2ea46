//! T7: a report from the wire's bytes to its chart and its table, by the functions that the report page calls.

use std::sync::Arc;

use mailtally_app::apart::Apart;
use mailtally_app::chart::expect;
use mailtally_app::intl;
use mailtally_model::json;
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Answer, Column, Span, Step, Table, table};
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

use crate::counters::{columns, report};
use crate::mounted::{Mounted, chart, rows};

/// What the server answered.
#[wasm_bindgen]
pub struct Answered(Answer);

#[wasm_bindgen]
impl Answered {
    pub fn read(bytes: &[u8]) -> Result<Answered, JsError> {
        Ok(Answered(json::read(bytes)?))
    }

    /// Its counters by day.
    pub fn fold(&self, zone: &str) -> Whole {
        let span = Span::new(self.0.from, self.0.until);
        let around = Span::new(span.from.plus_secs(-100 * DAY_SECS), span.until.plus_secs(100 * DAY_SECS));
        let zone = intl::zone(zone, around);
        let columns: Vec<&'static Column> = columns();
        Whole(Arc::new(table::build(report(), &columns, &self.0, span, Step::Day, &zone)))
    }
}

#[wasm_bindgen]
pub struct Whole(Arc<Table>);

#[wasm_bindgen]
impl Whole {
    /// The chart in one place and the table in the other.
    pub fn show(&self, picture: HtmlElement, list: HtmlElement) -> Vec<Mounted> {
        // As the product takes its still frame away (src/main.rs).
        if let Some(still) = picture.first_element_child() {
            expect(&picture);
            still.remove();
        }
        vec![chart(picture, self.0.clone(), "line", Apart::fetch_rest), rows(list, self.0.clone())]
    }

    pub fn rows(&self) -> usize {
        self.0.rows.len()
    }

    /// The sum of a column, to hold against what the others make of the same data.
    pub fn sum(&self, column: usize) -> f64 {
        self.0.columns.get(column).map_or(0.0, |column| column.cells.iter().flatten().sum())
    }
}
