//! `mailtally report`: the very Table that the browser shows, for scripts and cron jobs. Takes no lock.

mod text;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate};
use clap::{Args, ValueEnum};
use mailtally_model::csv::{self, CsvOptions};
use mailtally_model::table::{self, Sort};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{By, Column, Report, Span, Step, Subject, Table, Time, Zone, catalogue};

use super::{Usage, zones};
use crate::collect;
use crate::settings::Settings;
use crate::store::{IfAbsent, MAX_CELLS, Question, ReadError, Reader};

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The report, such as pop-sessions or message-traffic
    #[arg(value_name = "ID")]
    report: String,
    /// The data directory [default: from the settings]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Whose numbers: (server), a domain, a mailbox, or a service such as clamav:NAME
    #[arg(long, value_name = "NAME", default_value = "(server)")]
    subject: String,
    /// What the rows are: time, domains, users or services
    #[arg(long, value_name = "ROWS", default_value = "time")]
    by: String,
    /// The first day, as 2026-03-01 [default: where the data begins]
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// The last day, inclusive [default: where the data ends]
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// Rows of time: hour, day, week, month or quarter
    #[arg(long, value_name = "STEP", default_value = "day")]
    step: String,
    /// The zone of days and hours, such as Europe/Berlin [default: from the settings, else the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Columns by id, separated by commas, or all [default: those that the browser shows first]
    #[arg(long, value_name = "COLUMNS")]
    columns: Option<String>,
    /// The column to sort by, largest first
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

pub fn run(args: &ReportArgs, settings: &Settings) -> Result<()> {
    let view = View::parse(args)?;
    let zone_name = args.zone.clone().unwrap_or_else(|| settings.zone_name());
    // The zone's name is checked before the data is looked for, as all that was typed.
    zones::probe(&zone_name, Span::new(Time(0), Time(1)))?;
    let reader = Reader::open(args.data.as_ref().unwrap_or(&settings.data))?;
    let (span, zone) = span(args, &reader, &zone_name)?;
    let table = build(&view, &reader, span, &zone, !settings.mail.throttle_reply_patterns.is_empty())?;
    let sort = view.sort.map(|column| Sort { column: Some(column), descending: true });
    let order = table.order(sort);
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => text::write(&mut out, &table, &order)?,
        Format::Csv => out.write_all(&csv::write(&table, &order, &zone, CsvOptions::default()))?,
        Format::Json => {
            serde_json::to_writer(&mut out, &table.to_json(&order, &zone)).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush().context("cannot write the report")
}

/// What is to be seen, checked against the catalogue.
struct View {
    report: &'static Report,
    subject: Subject,
    by: By,
    step: Step,
    columns: Vec<&'static Column>,
    /// A position in `columns`.
    sort: Option<usize>,
}

impl View {
    fn parse(args: &ReportArgs) -> Result<View, Usage> {
        let report = catalogue::find(&args.report)
            .ok_or_else(|| unknown("report", &args.report, catalogue::REPORTS.iter().map(|report| report.id)))?;
        let subject: Subject =
            args.subject.parse().map_err(|error| Usage(format!("--subject {}: {error}", args.subject)))?;
        if !report.exists_for(&subject) {
            return Err(Usage(format!("the report {} does not exist for {subject}", report.id)));
        }
        let modes = report.modes(&subject);
        let by = By::from_id(&args.by)
            .filter(|by| modes.contains(by))
            .ok_or_else(|| unknown("--by for this report and subject", &args.by, modes.iter().map(|by| by.id())))?;
        let step = Step::from_id(&args.step)
            .ok_or_else(|| unknown("--step", &args.step, Step::ALL.iter().map(|step| step.id())))?;
        let all: Vec<&'static Column> = report.columns_for(&subject).collect();
        let columns = match args.columns.as_deref() {
            None => all.iter().copied().filter(|column| !column.extra).collect(),
            Some("all") => all.clone(),
            Some(ids) => ids.split(',').map(|id| find_column(&all, id)).collect::<Result<_, _>>()?,
        };
        let position = |id: &String| {
            let column = find_column(&columns, id)?;
            Ok(columns.iter().position(|shown| shown.id == column.id).unwrap_or_default())
        };
        let sort = args.sort.as_ref().map(position).transpose()?;
        Ok(View { report, subject, by, step, columns, sort })
    }
}

fn find_column(columns: &[&'static Column], id: &str) -> Result<&'static Column, Usage> {
    let found = columns.iter().find(|column| column.id == id.trim()).copied();
    found.ok_or_else(|| unknown("column here", id, columns.iter().map(|column| column.id)))
}

fn unknown(what: &str, typed: &str, choices: impl Iterator<Item = &'static str>) -> Usage {
    Usage(format!("there is no {what} {typed:?}; there is {}", choices.collect::<Vec<_>>().join(", ")))
}

/// The days that were asked for, and the zone over them. What was not said is all that is stored.
fn span(args: &ReportArgs, reader: &Reader, zone_name: &str) -> Result<(Span, Zone)> {
    let stored = reader.stored()?;
    // A day lies within a day and a half of its UTC namesake, wherever the zone.
    let about = |date: NaiveDate| Time(local_midnight(date));
    let first = args.from.map(about).or(stored.map(|stored| stored.from));
    let last = args.until.map(about).or(stored.map(|stored| stored.until));
    let (Some(first), Some(last)) = (first.or(last), last.or(first)) else {
        anyhow::bail!("nothing is stored yet: no log was read");
    };
    let around = Span::new(first.min(last).plus_secs(-3 * DAY_SECS), last.max(first).plus_secs(3 * DAY_SECS));
    let zone = zones::probe(zone_name, around)?;
    let start = |date: NaiveDate| zone.instant(local_midnight(date));
    let after = |date: NaiveDate| start(date.checked_add_days(Days::new(1)).unwrap_or(date));
    let from = args.from.map_or(first, start);
    let until = match (args.until, args.from) {
        (Some(date), _) => after(date),
        // Nothing is stored so late: the one day that was named.
        (None, Some(date)) if last <= from => after(date),
        (None, _) => last,
    };
    if let (Some(first), Some(last)) = (args.from, args.until)
        && first > last
    {
        return Err(Usage(format!("--from {first} is later than --until {last}")).into());
    }
    Ok((Span::new(from.min(until), until), zone))
}

/// Wall clock seconds at which a day begins.
fn local_midnight(date: NaiveDate) -> i64 {
    date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}

fn build(view: &View, reader: &Reader, span: Span, zone: &Zone, throttling: bool) -> Result<Table> {
    // Each step is a row of the Table, whether or not anything happened.
    let most = span.secs() / 3_600 + 2;
    if view.by == By::Time && view.step == Step::Hour && most as usize * view.columns.len() > MAX_CELLS {
        return Err(
            Usage(format!("{most} hours are too many rows: name --from and --until, or a longer --step")).into()
        );
    }
    let inside = |edge: &Time| span.from <= *edge && *edge < span.until;
    let edges = match view.by {
        By::Time => Some(view.step.edges(span, zone).into_iter().filter(inside).collect()),
        By::Domains | By::Users | By::Services => None,
    };
    let (report, subject, by) = (view.report, view.subject.clone(), view.by);
    let question = Question { report, subject, by, span, edges, throttling, if_absent: IfAbsent::Refuse };
    let answer = reader.answer(&question).map_err(|error| match error {
        ReadError::Store(error) => error,
        ReadError::NotFound | ReadError::TooLarge => anyhow::Error::new(error).context(view.subject.to_string()),
    })?;
    // As on the screen: hours to come are no rows. What was read is no hour to come, whatever the clock says.
    let now = answer.read_until.map_or(collect::now(), |read| collect::now().max(read));
    let begun = view.step.begun(span, now, zone);
    Ok(table::build(view.report, &view.columns, &answer, begun, view.step, zone))
}
