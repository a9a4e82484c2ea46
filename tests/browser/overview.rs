//! The first page: every report, what has become worse first.

use anyhow::{Context, Result, ensure};
use mailtally_tests::Page;

use crate::menu::REPORTS;
use crate::stage::Stage;

pub async fn the_overview_shows_each_report_once(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    ensure!(page.heading().await? == "Overview");
    let script = "return [...document.querySelectorAll('main li h2 a')].map(link => link.textContent.trim())";
    let mut shown: Vec<String> = serde_json::from_value(page.run(script, vec![]).await?)?;
    let first = shown.first().context("the overview is empty")?.clone();
    // Of connections to the filters far fewer failed than in the weeks before, of POP's far more were refused.
    let place = |title: &str| shown.iter().position(|other| other == title);
    ensure!(place("POP Errors") < place("ClamAV"), "what has become better stands first: {shown:?}");
    let mut titles: Vec<String> = REPORTS.iter().map(|(_, title)| (*title).to_owned()).collect();
    shown.sort_unstable();
    titles.sort_unstable();
    ensure!(shown == titles, "the overview shows {shown:?}");
    // The demo's compromised account has just sent what it never did.
    ensure!(first == "Message Traffic", "{first} is said to have become worst");
    let script = "document.querySelector('main li h2 a').click()";
    page.run(script, vec![]).await?;
    let opened = "return document.querySelector('h1').textContent.trim() === arguments[0]";
    page.until("the card leads to its report", opened, vec![first.into()]).await?;
    page.settled().await?;
    ensure!(page.path().await?.contains("range=last-28-days"), "it shows {}", page.path().await?);
    Ok(())
}
