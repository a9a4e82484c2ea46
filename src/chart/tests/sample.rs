//! Tables made by hand, with a rhythm of weekdays: enough like real ones to be looked at.

use chrono::{Datelike, NaiveDate};
use mailtally_model::catalogue::{self, ShownAs};
use mailtally_model::table::{Partial, Row, TableColumn};
use mailtally_model::{Basis, By, Scope, Span, Step, Subject, Table, Time, Zone};

pub struct Sample(Table);

/// Days of a report from a date on.
pub fn days(report: &str, from: &str, count: usize) -> Sample {
    let first: NaiveDate = from.parse().unwrap();
    let dates: Vec<NaiveDate> = first.iter_days().take(count).collect();
    let start = |date: &NaiveDate| Time(date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp());
    let rows = dates.iter().map(|date| {
        let span = Span::new(start(date), start(date).plus_secs(86_400));
        Row::Step { span, partial: None }
    });
    let quiet = |row: usize| if dates[row].weekday().number_from_monday() > 5 { 0.4 } else { 1.0 };
    table(report, By::Time, Subject::Server, rows.collect(), quiet)
}

/// Mailboxes of a domain, each with half as much as the one before.
pub fn users(report: &str, count: usize) -> Sample {
    let names = ["ann", "bo", "carla.with.a.rather.long.name", "dan", "eve"];
    let rows = (0..count).map(|nth| {
        let name = names.get(nth).map_or_else(|| format!("user{nth}"), |name| (*name).to_owned());
        Row::Child(Subject::Mailbox(format!("{name}@example.com")))
    });
    let domain = Subject::Domain("example.com".to_owned());
    table(report, By::Users, domain, rows.collect(), |row| 1.0 / (row + 1) as f64)
}

fn table(report: &str, by: By, subject: Subject, rows: Vec<Row>, weight: impl Fn(usize) -> f64) -> Sample {
    let report = catalogue::find(report).unwrap();
    let columns = report.columns_at(Scope::Server).filter(|column| !column.extra).enumerate().map(|(nth, column)| {
        let size = match column.shown_as {
            ShownAs::Number => 2000.0 / (nth * nth + 1) as f64,
            ShownAs::Kilobytes => 150.0 * 1_048_576.0,
            ShownAs::Megabytes => 900.0 * 1_048_576.0 / nth as f64,
            ShownAs::Percent => 37.0,
        };
        let wave = |row: usize| 1.0 + ((row * 97 + nth * 31) % 26) as f64 / 100.0;
        let cells: Vec<Option<f64>> =
            (0..rows.len()).map(|row| Some((size * weight(row) * wave(row)).round())).collect();
        TableColumn { column, basis: Basis::Exact, total: cells.iter().copied().sum(), cells }
    });
    let columns = columns.collect();
    let span = Span::new(Time(0), Time(86_400));
    Sample(Table { report, subject, by, step: Step::Day, zone: Zone::utc(), span, columns, rows })
}

impl Sample {
    pub fn without_row(mut self, row: usize) -> Sample {
        self.0.columns.iter_mut().for_each(|column| column.cells[row] = None);
        self
    }

    /// The last row is being counted: a third of it, until 14:32.
    pub fn in_progress(mut self) -> Sample {
        if let Some(Row::Step { span, partial, .. }) = self.0.rows.last_mut() {
            *partial = Some(Partial::InProgress(span.from.plus_secs(14 * 3600 + 32 * 60)));
        }
        for cell in self.0.columns.iter_mut().filter_map(|column| column.cells.last_mut()) {
            *cell = cell.map(|value| (value / 3.0).round());
        }
        self
    }

    pub fn table(self) -> Table {
        self.0
    }
}
