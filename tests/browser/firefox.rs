//! The main paths in Firefox. `cargo xtask test` installs it; where it could not, this is left out and said to be.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Failed, Trial};
use mailtally_tests::firefox::{self, Firefox};
use serde_json::{Value, json};

use crate::stage::Stage;

const BUTTON: &str = "button";

pub fn trial(stage: &Arc<Stage>) -> Trial {
    let stage = Arc::clone(stage);
    let test = move || {
        let walked = stage.demo().and_then(|demo| Firefox::open(&demo.url)).and_then(|mut firefox| walk(&mut firefox));
        walked.map_err(|error| Failed::from(format!("{error:#}")))
    };
    Trial::test("the_main_paths_in_firefox", test).with_ignored_flag(!firefox::is_installed())
}

fn walk(firefox: &mut Firefox) -> Result<()> {
    firefox.goto("/")?;
    let cards = firefox.run("return document.querySelectorAll('main li h2 a').length", &[])?;
    ensure!(cards == crate::menu::REPORTS.len(), "the overview has {cards} cards");

    firefox.click("nav a", "Message Traffic")?;
    firefox.settled()?;
    let requests = "return performance.getEntriesByType('resource').filter(e => e.name.includes('/api/reports/message-traffic')).length";
    let before = firefox.run(requests, &[])?;
    for (step, rows) in [("Week", 13..=15), ("Month", 3..=4), ("Day", 89..=91)] {
        firefox.click(BUTTON, step)?;
        let count = "const rows = document.querySelectorAll('tbody th[scope=row]').length;
            return rows >= arguments[0] && rows <= arguments[1]";
        firefox.until(step, count, &[json!(rows.start()), json!(rows.end())])?;
    }
    firefox.click("thead button", "Incoming Messages")?;
    firefox.until("the rows are sorted", "return document.querySelector('th[aria-sort=descending]')", &[])?;
    ensure!(numbers(firefox)?.is_sorted_by(|a, b| a >= b), "the largest number is not first");
    ensure!(firefox.run(requests, &[])? == before, "step and sort asked the server");
    ensure!(colours(firefox)? > 8, "the chart is blank");
    csv(firefox)?;

    // Each Mode, down to a mailbox, and back up by Back.
    firefox.click(BUTTON, "Domains")?;
    firefox.settled()?;
    firefox.click("tbody a", "example.com")?;
    firefox.until("the domain", "return location.search.includes('subject=example.com')", &[])?;
    firefox.settled()?;
    firefox.click(BUTTON, "Users")?;
    firefox.until("its users", "return location.search.includes('by=users')", &[])?;
    firefox.settled()?;
    firefox.click("tbody a", "ann@example.com")?;
    firefox.until("the mailbox", "return location.search.includes('ann%40example.com')", &[])?;
    firefox.settled()?;
    firefox.back()?;
    ensure!(firefox.path()?.contains("by=users"), "Back led to {}", firefox.path()?);
    firefox.until("the users are back", "return document.querySelectorAll('tbody th a').length > 3", &[])?;

    firefox.goto("/reports/clamav?by=services")?;
    ensure!(firefox.run("return document.querySelectorAll('tbody th[scope=row]').length > 0", &[])? == true);

    // A number leads to what it was made of.
    firefox.goto("/reports/message-traffic?range=last-28-days")?;
    let follow = "document.querySelector('tbody td a').click()";
    firefox.run(follow, &[])?;
    firefox.until("the events", "return document.querySelectorAll('table tbody th').length > 0", &[])?;
    ensure!(firefox.path()?.starts_with("/events"), "{}", firefox.path()?);
    Ok(())
}

/// What is saved has the rows of the screen.
fn csv(firefox: &mut Firefox) -> Result<()> {
    firefox.click(BUTTON, "Export")?;
    firefox.click("dialog button", "Download")?;
    let file = firefox.downloaded("csv")?;
    let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let head: BTreeSet<String> = reader.headers()?.iter().map(str::to_owned).collect();
    ensure!(head.iter().any(|name| name.starts_with("Incoming Messages")), "{head:?}");
    let rows = firefox.run("return document.querySelectorAll('tbody th[scope=row]').length", &[])?;
    // The last record is the total.
    ensure!(rows == reader.records().count() - 1, "the CSV has other rows than the screen: {rows}");
    Ok(())
}

fn numbers(firefox: &mut Firefox) -> Result<Vec<f64>> {
    let script = "return [...document.querySelectorAll('tbody tr')].map(row => row.querySelector('td').textContent)
        .map(text => text.replaceAll(',', '')).filter(text => /^\\d+$/.test(text)).map(Number)";
    let numbers: Value = firefox.run(script, &[])?;
    serde_json::from_value(numbers).context("numbers")
}

fn colours(firefox: &mut Firefox) -> Result<u64> {
    firefox.run(mailtally_tests::page::COUNT_COLOURS, &[])?.as_u64().context("the page has no chart")
}
