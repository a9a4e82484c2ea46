//! What the tests of this crate share: instants, spans and answers written as people write them, and real zones.

use chrono::{DateTime, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use crate::catalogue::{self, Column, Report};
use crate::coverage::Covered;
use crate::measure::{Family, Measure};
use crate::names::Names;
use crate::report_json::Number;
use crate::table::{Row, Table};
use crate::time::{SLOT_SECS, Span, Time};
use crate::wire::{Answer, By};
use crate::zone::Zone;

/// An instant from RFC 3339.
pub(crate) fn utc(text: &str) -> Time {
    Time(DateTime::parse_from_rfc3339(text).expect(text).timestamp())
}

/// Both days and all between, in the zone.
pub(crate) fn days(first: &str, last: &str, zone: &Zone) -> Span {
    let date = |text: &str| text.parse::<NaiveDate>().expect(text);
    let midnight = |date: NaiveDate| zone.instant(date.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp());
    Span::new(midnight(date(first)), midnight(date(last).succ_opt().expect("a next day")))
}

pub(crate) fn offset_of(tz: Tz, t: Time) -> i32 {
    let at = DateTime::from_timestamp(t.0, 0).expect("in range").naive_utc();
    tz.offset_from_utc_datetime(&at).fix().local_minus_utc()
}

/// A zone of the database, probed over 2010 to 2030.
pub(crate) fn zone(name: &str) -> Zone {
    zone_over(name, Span::new(utc("2010-01-01T00:00:00Z"), utc("2030-01-01T00:00:00Z")))
}

pub(crate) fn zone_over(name: &str, span: Span) -> Zone {
    let tz: Tz = name.parse().expect(name);
    Zone::probe(name, span, |t| offset_of(tz, t))
}

/// An answer for `span` without a single counter, read to its end without a gap.
pub(crate) fn answer(report: &Report, subject: &str, by: By, span: Span) -> Answer {
    let measures = || report.columns.iter().map(Column::measure);
    Answer {
        report: report.id.to_owned(),
        subject: subject.parse().expect(subject),
        by,
        from: span.from,
        until: span.until,
        slot_seconds: SLOT_SECS,
        read_until: Some(span.until),
        coverage: Family::ALL.map(|family| (family, vec![Covered { span, missing_hosts: 0 }])).into(),
        basis: measures().map(|measure| (measure.id.to_owned(), measure.basis)).collect(),
        subjects: Names::default(),
        slot: Vec::new(),
        subject_index: Vec::new(),
        values: measures().map(|measure| (measure.id.to_owned(), Default::default())).collect(),
        totals: measures().map(|measure| (measure.id.to_owned(), 0)).collect(),
    }
}

/// Adds counters to the answer of a Trend: for each instant (ascending) one value for each of the named columns.
pub(crate) fn with_slots(mut answer: Answer, columns: &[&str], rows: &[(&str, &[u64])]) -> Answer {
    let mut before = 0;
    for (at, values) in rows {
        let slot = utc(at).slot().0;
        answer.slot.push((slot - before) as i32);
        before = slot;
        push(&mut answer, columns, values);
    }
    answer
}

/// Adds counters to the answer of a Mode: for each child one value for each of the named columns, then the totals.
pub(crate) fn with_children(mut answer: Answer, columns: &[&str], rows: &[(&str, &[u64])], totals: &[u64]) -> Answer {
    for (child, values) in rows {
        answer.subject_index.push(answer.subjects.len() as u32);
        answer.subjects.push(child);
        push(&mut answer, columns, values);
    }
    for (column, total) in columns.iter().zip(totals) {
        let measure = measure(&answer, column);
        answer.totals.insert(measure.id.to_owned(), *total);
    }
    answer
}

fn push(answer: &mut Answer, columns: &[&str], values: &[u64]) {
    let given: Vec<(&str, u64)> =
        columns.iter().map(|column| measure(answer, column).id).zip(values.iter().copied()).collect();
    for (id, list) in answer.values.iter_mut() {
        let value = given.iter().find(|(given, _)| given == id).map_or(0, |(_, value)| *value);
        *list = list.iter().chain([value]).collect();
    }
}

fn measure(answer: &Answer, column: &str) -> &'static Measure {
    let report = catalogue::find(&answer.report).expect("a report");
    report.columns.iter().find(|of_report| of_report.id == column).expect(column).measure()
}

/// The report's columns by id.
pub(crate) fn columns(report: &'static Report, ids: &[&str]) -> Vec<&'static Column> {
    ids.iter().map(|id| report.columns.iter().find(|column| column.id == *id).expect(id)).collect()
}

/// The Table as a person would jot it down: key, cells and what is partial; `-` is not observed.
pub(crate) fn text(table: &Table) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| Number(value).to_string());
    let mut lines = Vec::new();
    for (position, row) in table.rows.iter().enumerate() {
        let cells = table.columns.iter().map(|column| number(column.cells[position]));
        let partial = match row {
            Row::Step { partial: Some(partial), .. } => {
                Some(format!("{partial:?}").replace("InProgress", "In progress "))
            }
            _ => None,
        };
        lines
            .push([table.key(row).into_owned()].into_iter().chain(cells).chain(partial).collect::<Vec<_>>().join("  "));
    }
    let totals = table.columns.iter().map(|column| number(column.total));
    lines.push(["Total".to_owned()].into_iter().chain(totals).collect::<Vec<_>>().join("  "));
    lines.join("\n")
}
