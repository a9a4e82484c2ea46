//! T2: a million rows of six counters, folded by step in New York, by domain and by user.

use mailtally_app::intl;
use mailtally_model::catalogue;
use mailtally_model::table::{Row, Table, build};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Answer, By, Column, Names, Report, SLOT_SECS, Span, Step, Subject, Time, Zone};
use wasm_bindgen::prelude::*;

use crate::COLUMNS;

/// A report with as many sums as the benchmark has counters.
pub(crate) fn report() -> &'static Report {
    catalogue::find("message-traffic").expect("a report of the catalogue")
}

pub(crate) fn columns() -> Vec<&'static Column> {
    report().columns.iter().take(COLUMNS).collect()
}

/// What the server would answer to three questions, and the zone that the rows are folded in.
#[wasm_bindgen]
pub struct Counters {
    by_time: Answer,
    /// The same values by the children that the rows are of.
    by_child: [(By, Answer); 2],
    span: Span,
    zone: Zone,
}

#[wasm_bindgen]
impl Counters {
    /// `time` ascends. `values` has six lists, one after the other.
    #[wasm_bindgen(constructor)]
    pub fn new(time: &[i32], domain: &[u32], user: &[u32], values: &[i32], zone: &str) -> Counters {
        let from = time.first().map_or(0, |first| i64::from(*first));
        let last = time.last().map_or(0, |last| i64::from(*last));
        let span = Span::new(Time(from), Time(last / SLOT_SECS * SLOT_SECS + SLOT_SECS));
        let around = Span::new(span.from.plus_secs(-400 * DAY_SECS), span.until.plus_secs(400 * DAY_SECS));
        let zone = intl::zone(zone, around);
        let empty = |by| empty(by, span);
        let mut by_time = with_values(empty(By::Time), values, time.len());
        let mut before = 0;
        for t in time {
            let slot = Time(i64::from(*t)).slot().0;
            by_time.slot.push((slot - before) as i32);
            before = slot;
        }
        let of_children = |by, index: &[u32]| {
            let mut answer = with_values(empty(by), values, index.len());
            let count = index.iter().max().map_or(0, |highest| highest + 1);
            // In order, as the server sends them.
            answer.subjects = (0..count).map(|number| format!("{number:07}")).collect();
            answer.subject_index = index.to_vec();
            answer
        };
        let by_child = [(By::Domains, of_children(By::Domains, domain)), (By::Users, of_children(By::Users, user))];
        Counters { by_time, by_child, span, zone }
    }

    /// A list of the rows' keys (when a step begins, or the child's number), then one list for each column.
    pub fn fold(&self, by: &str) -> Vec<f64> {
        let step = Step::from_id(by).unwrap_or(Step::Day);
        let by = match by {
            "domain" => Some(By::Domains),
            "user" => Some(By::Users),
            _ => None,
        };
        let of_children = |by| self.by_child.iter().find(|(of, _)| *of == by).map(|(_, answer)| answer);
        let answer = by.and_then(of_children).unwrap_or(&self.by_time);
        let table = build(report(), &columns(), answer, self.span, step, &self.zone);
        listed(&table)
    }
}

fn listed(table: &Table) -> Vec<f64> {
    let key = |row: &Row| match row {
        Row::Step { span, .. } => span.from.0 as f64,
        Row::Child(subject) => subject.name().parse::<u32>().map_or(f64::NAN, f64::from),
        Row::Rest(_) => f64::NAN,
    };
    let known = || table.rows.iter().map(key).enumerate().filter(|(_, key)| !key.is_nan());
    let keys = known().map(|(_, key)| key);
    let cells = table.columns.iter().flat_map(|column| known().map(|(row, _)| column.cells[row].unwrap_or(0.0)));
    keys.chain(cells).collect()
}

fn empty(by: By, span: Span) -> Answer {
    Answer {
        report: report().id.to_owned(),
        subject: Subject::Server,
        by,
        from: span.from,
        until: span.until,
        slot_seconds: SLOT_SECS,
        read_until: Some(span.until),
        coverage: Default::default(),
        basis: Default::default(),
        subjects: Names::default(),
        slot: Vec::new(),
        subject_index: Vec::new(),
        values: Default::default(),
        totals: Default::default(),
    }
}

fn with_values(mut answer: Answer, values: &[i32], rows: usize) -> Answer {
    for (column, values) in columns().iter().zip(values.chunks(rows.max(1))) {
        let values = values.iter().map(|value| u64::from(value.unsigned_abs())).collect();
        answer.values.insert(column.measure().id.to_owned(), values);
    }
    answer
}
