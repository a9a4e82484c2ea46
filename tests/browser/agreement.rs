//! Screen, command line and CSV say the same.

use anyhow::{Context, Result, bail, ensure};
use mailtally_tests::page::Table;
use mailtally_tests::{Page, chrome, product};
use serde_json::Value;

use crate::menu::REPORTS;
use crate::stage::Stage;

/// A range that is over, so that it stays as it is while the demo runs: days before today.
const FIRST: u32 = 75;
const LAST: u32 = 5;

/// The dates as the page's URL spells them, and as the command line does.
struct Dates {
    first: String,
    last: String,
}

async fn dates(page: &Page) -> Result<Dates> {
    Ok(Dates { first: page.date(FIRST).await?, last: page.date(LAST).await? })
}

impl Dates {
    /// With the rows as the command line prints them: the screen has the newest step first.
    fn range(&self) -> String {
        format!("range={}..{}&sort=row", self.first, self.last)
    }

    /// The report on the command line over the same dates in the browser's zone.
    fn report(&self, stage: &Stage, id: &str, arguments: &[&str]) -> Result<Value> {
        let dates = ["--from", &self.first, "--until", &self.last, "--zone", chrome::ZONE];
        product::report(&stage.demo()?.data, id, &[&dates, arguments].concat())
    }
}

pub async fn totals_are_those_of_the_command_line(stage: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let dates = dates(page).await?;
    for (id, title) in REPORTS {
        page.goto(&format!("/reports/{id}?{}", dates.range())).await?;
        same(&page.table().await?, &dates.report(stage, id, &[])?).with_context(|| format!("in {title}"))?;
    }
    Ok(())
}

pub async fn steps_agree_with_the_command_line(stage: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let dates = dates(page).await?;
    page.goto(&format!("/reports/message-traffic?{}", dates.range())).await?;
    for (step, word) in [("Week", "week"), ("Month", "month"), ("Day", "day")] {
        page.choose(step).await?;
        let expected = dates.report(stage, "message-traffic", &["--step", word])?;
        same(&page.table().await?, &expected).with_context(|| format!("by {step}"))?;
    }
    Ok(())
}

pub async fn modes_agree_with_the_command_line(stage: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let dates = dates(page).await?;
    for (id, mode) in [("message-traffic", "domains"), ("pop-sessions", "domains"), ("clamav", "services")] {
        page.goto(&format!("/reports/{id}?{}&by={mode}", dates.range())).await?;
        let expected = dates.report(stage, id, &["--by", mode])?;
        same(&page.table().await?, &expected).with_context(|| format!("{id} by {mode}"))?;
    }
    Ok(())
}

pub async fn the_downloaded_csv_is_the_table(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let dates = dates(page).await?;
    page.goto(&format!("/reports/message-data?{}&sort=-sent", dates.range())).await?;
    page.click("button", "Export").await?;
    page.until("the export is offered", "return document.querySelector('[role=dialog] input')", vec![]).await?;
    page.click("button", "Download").await?;
    let file = page.downloaded("csv").await?;
    let table = page.table().await?;
    let mut reader = csv::Reader::from_path(&file).context("cannot open the CSV")?;
    let head = reader.headers().context("the CSV has no head")?.clone();
    let sent = head.iter().position(|name| name.starts_with("Data Sent")).context("the CSV lacks Data Sent")?;
    let records = reader.records().collect::<Result<Vec<_>, _>>().context("the CSV cannot be parsed")?;
    let (total, records) = records.split_last().context("the CSV is empty")?;
    ensure!(records.len() == table.rows.len(), "{} records for {} rows", records.len(), table.rows.len());
    let lines = records.iter().zip(table.rows.iter().map(|row| &row.cells)).chain([(total, &table.totals)]);
    for (record, cells) in lines {
        let raw = record.get(sent).context("a record is short")?;
        let value = if raw.is_empty() { None } else { Some(raw.parse::<f64>().context("not a number")?) };
        shown_as(&cells[0], "Data Sent (KB)", value).with_context(|| format!("in {record:?}"))?;
    }
    std::fs::remove_file(file)?;
    // And, if asked, with what was observed of each step: of the running one a part.
    page.goto("/reports/message-data?range=last-7-days").await?;
    page.click("button", "Export").await?;
    let ask = "const label = [...document.querySelectorAll('dialog[open] label')]
        .find(label => label.textContent.includes('observed')); label?.querySelector('input').click(); return !!label";
    page.until("what was observed can be asked for", ask, vec![]).await?;
    page.fill("File name", "observed").await?;
    page.click("button", "Download").await?;
    let file = std::fs::read_to_string(page.downloaded("csv").await?)?;
    let lines: Vec<&str> = file.lines().collect();
    ensure!(lines[0].starts_with("Day,Start,Weekday,Observed,"), "{}", lines[0]);
    ensure!(lines[1].contains(",partly,") && lines[2..8].iter().all(|line| line.contains(",yes,")), "{file}");
    Ok(())
}

/// What is downloaded is what the command line prints, byte for byte.
pub async fn the_downloaded_csv_is_the_command_lines(stage: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let dates = dates(page).await?;
    page.goto(&format!("/reports/pop-sessions?{}&sort=-new_connections&step=week", dates.range())).await?;
    page.click("button", "Export").await?;
    page.until("the export is offered", "return document.querySelector('dialog[open] input')", vec![]).await?;
    page.click("button", "Download").await?;
    let downloaded = std::fs::read(page.downloaded("csv").await?)?;
    let words = ["report", "pop-sessions", "--format", "csv", "--step", "week", "--sort", "new_connections"];
    let when = ["--from", &dates.first, "--until", &dates.last, "--zone", chrome::ZONE, "--data"];
    let arguments = words.iter().chain(&when).map(std::ffi::OsStr::new);
    let printed = product::mailtally(arguments.chain([stage.demo()?.data.as_os_str()]))?;
    ensure!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let (downloaded, printed) = (String::from_utf8(downloaded)?, String::from_utf8(printed.stdout)?);
    ensure!(downloaded == printed, "downloaded:\n{downloaded}\nprinted:\n{printed}");
    Ok(())
}

/// The table on screen has the columns, rows and totals of `mailtally report --format json`.
fn same(table: &Table, report: &Value) -> Result<()> {
    let list = |key: &str| report[key].as_array().with_context(|| format!("the report has no {key}"));
    let (columns, rows, totals) = (list("columns")?, list("rows")?, list("totals")?);
    let heads = &table.head[1..];
    ensure!(heads.len() == columns.len(), "{heads:?} for {columns:?}");
    for (head, column) in heads.iter().zip(columns) {
        let label = column["label"].as_str().unwrap_or_default();
        ensure!(head.starts_with(label), "{head} should be {label}");
    }
    ensure!(table.rows.len() == rows.len(), "{} rows on screen, {} in the report", table.rows.len(), rows.len());
    for (shown, row) in table.rows.iter().zip(rows) {
        let values = row["values"].as_array().context("a row has no values")?;
        same_values(heads, &shown.cells, values).with_context(|| format!("in row {}", row["key"]))?;
    }
    same_values(heads, &table.totals, totals).context("in the totals")
}

fn same_values(heads: &[String], cells: &[String], values: &[Value]) -> Result<()> {
    ensure!(cells.len() == values.len(), "{cells:?} for {values:?}");
    for ((head, cell), value) in heads.iter().zip(cells).zip(values) {
        shown_as(cell, head, value.as_f64()).with_context(|| format!("in column {head}"))?;
    }
    Ok(())
}

/// A cell shows a value: in the unit of its head, with grouping, rounded to the digits that it has.
fn shown_as(cell: &str, head: &str, value: Option<f64>) -> Result<()> {
    let Some(value) = value else {
        ensure!(cell == "–", "{cell:?} is shown for what was not observed");
        return Ok(());
    };
    let divisor = match head {
        head if head.contains("(KB)") => 1024.0,
        head if head.contains("(MB)") => 1024.0 * 1024.0,
        _ => 1.0,
    };
    let plain = cell.replace(',', "");
    let Ok(shown) = plain.parse::<f64>() else { bail!("{cell:?} is shown for {value}") };
    let digits = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let half_a_unit = 0.5 / 10_f64.powi(i32::try_from(digits)?);
    let close = (shown - value / divisor).abs() <= half_a_unit + 1e-9 * shown.abs();
    ensure!(close, "{cell:?} is shown for {value} / {divisor}");
    Ok(())
}
