//! Every report is one click away, by its full title.

use anyhow::{Result, ensure};
use mailtally_tests::Page;

use crate::stage::Stage;

/// The promise to links, scripts and people: these ids, these titles, this order.
pub const REPORTS: [(&str, &str); 19] = [
    ("server-status", "Server Status"),
    ("message-traffic", "Message Traffic"),
    ("message-data", "Message Data"),
    ("throttle-traffic", "Throttle Traffic"),
    ("throttle-violations", "Throttle Violations"),
    ("traffic-by-priority", "Traffic By Priority"),
    ("bandwidth-by-priority", "Bandwidth By Priority"),
    ("smtp-in-usage", "SMTP In Usage"),
    ("smtp-in-errors", "SMTP In Errors"),
    ("smtp-out-usage", "SMTP Out Usage"),
    ("smtp-out-errors", "SMTP Out Errors"),
    ("smtp-out-connections", "SMTP Out Connections"),
    ("pop-sessions", "POP Sessions"),
    ("pop-usage", "POP Usage"),
    ("pop-errors", "POP Errors"),
    ("imap-usage", "IMAP Usage"),
    ("imap-errors", "IMAP Errors"),
    ("spamassassin-servers", "SpamAssassin Servers"),
    ("clamav", "ClamAV"),
];

pub async fn every_report_opens_from_the_menu(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let links =
        page.run("return [...document.querySelectorAll('nav a')].map(a => a.textContent.trim())", vec![]).await?;
    let links: Vec<String> = serde_json::from_value(links)?;
    let titles: Vec<&str> = REPORTS.iter().map(|(_, title)| *title).collect();
    ensure!(links.iter().filter(|link| titles.contains(&link.as_str())).eq(titles.iter()), "the menu has {links:?}");
    for (id, title) in REPORTS {
        page.click("link", title).await?;
        page.until(
            title,
            "return document.querySelector('h1').textContent.trim() === arguments[0]",
            vec![title.into()],
        )
        .await?;
        page.settled().await?;
        let (path, table, colours) = (page.path().await?, page.table().await?, page.ink().await?);
        ensure!(path.starts_with(&format!("/reports/{id}")), "{title} is at {path}");
        ensure!(colours > 8, "{title}: the chart is blank, it has {colours} colours");
        ensure!(table.rows.len() > 80, "{title}: 90 days by day are {} rows", table.rows.len());
        let counted = table.totals.iter().any(|total| total.chars().any(|digit| ('1'..='9').contains(&digit)));
        ensure!(counted, "{title}: the demo shows nothing but zero: {:?}", table.totals);
    }
    Ok(())
}
