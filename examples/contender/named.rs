//! T3 and T6: a Table of named rows, put in order and written as a file.

use std::sync::Arc;

use mailtally_model::csv::{self, CsvOptions};
use mailtally_model::subject::in_order;
use mailtally_model::table::{Row, Sort, Table, TableColumn};
use mailtally_model::{Basis, By, Span, Step, Subject, Time, Zone};
use wasm_bindgen::prelude::*;

use crate::counters::{columns, report};

/// A Table whose rows are mailboxes or domains in the order in which they came.
#[wasm_bindgen]
pub struct Named(Arc<Table>);

#[wasm_bindgen]
impl Named {
    /// `names` are parted by line ends; `values` has `lists` lists, one after the other.
    #[wasm_bindgen(constructor)]
    pub fn new(names: &str, values: &[i32], lists: usize) -> Named {
        let rows: Vec<Row> = names.split('\n').filter_map(|name| name.parse().ok()).map(Row::Child).collect();
        // There are more lists than the report has columns of one kind: what a column is called does not matter here.
        let known = columns();
        let columns = values.chunks(rows.len().max(1)).take(lists).zip(known.iter().cycle());
        let columns = columns.map(|(list, column)| TableColumn {
            column,
            basis: Basis::Exact,
            cells: list.iter().map(|value| Some(f64::from(*value))).collect(),
            total: None,
        });
        let span = Span::new(Time(0), Time(0));
        Named(Arc::new(Table {
            report: report(),
            subject: Subject::Server,
            by: By::Users,
            step: Step::Day,
            zone: Zone::utc(),
            span,
            columns: columns.collect(),
            rows,
        }))
    }

    /// Positions of rows by a column's cells; by no column, by their names, as a fold puts them in order.
    pub fn order(&self, column: Option<usize>, descending: bool) -> Vec<u32> {
        if column.is_some() {
            return self.0.order(Some(Sort { column, descending }));
        }
        let subject = |row: &Row| match row {
            Row::Child(subject) => Some(subject.clone()),
            Row::Step { .. } | Row::Rest(_) => None,
        };
        let subjects: Vec<Option<Subject>> = self.0.rows.iter().map(subject).collect();
        let mut order = in_order(&subjects);
        if descending {
            order.reverse();
        }
        order
    }

    pub fn csv(&self) -> Vec<u8> {
        let order: Vec<u32> = (0..self.0.rows.len() as u32).collect();
        csv::write(&self.0, &order, &Zone::utc(), CsvOptions::default())
    }
}

impl Named {
    pub(crate) fn table(&self) -> Arc<Table> {
        self.0.clone()
    }
}
