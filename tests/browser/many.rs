//! A domain of a hundred thousand mailboxes: only the rows on screen are there.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use mailtally_tests::{Page, Server, product};

use crate::stage::Stage;

const MAILBOXES: u32 = 100_000;
/// Recipients of one message: as many as Postfix' own limit allows.
const RECIPIENTS: u32 = 1_000;

// FAULTS 67
pub async fn a_hundred_thousand_rows_scroll_and_sort(stage: &Stage, _: &Page) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (log, data) = (folder.path().join("mail.log"), folder.path().join("data"));
    fs::write(&log, deliveries()?)?;
    let output = product::import(&data, &["--log-zone", "UTC"], &[&log])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = Server::serve(&data)?;
    let page = Page::open(stage.driver()?, &server.url).await?;
    let result = look(&page).await;
    page.close().await?;
    result
}

async fn look(page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?subject=example.com&by=users&range=2026-03-02").await?;
    let rows = "return document.querySelectorAll('tbody th[scope=row]').length";
    let rendered = page.run(rows, vec![]).await?.as_u64().context("rows are counted")?;
    ensure!(rendered < 500, "{rendered} rows are rendered");
    let count = page.run("return document.querySelector('table').ariaRowCount ?? document.querySelector('table').getAttribute('aria-rowcount')", vec![]).await?;
    let said = count.as_str().and_then(|count| count.parse::<u32>().ok());
    ensure!(said == Some(MAILBOXES + 2), "the table is said to have {count} rows");
    let bottom = "const region = document.querySelector('table').parentElement; region.scrollTop = region.scrollHeight";
    page.run(bottom, vec![]).await?;
    let last = "return [...document.querySelectorAll('tbody th[scope=row]')].at(-1).textContent.startsWith('u099999@')";
    page.until("the last row is on screen", last, vec![]).await?;
    on_paper(page).await?;
    // Elsewhere and back, which is at once: it begins at its top again.
    page.choose("Trend").await?;
    page.choose("Users").await?;
    let top = "return document.querySelector('tbody th[scope=row]').textContent.startsWith('u000000@')";
    page.until("the first row is on screen", top, vec![]).await?;
    page.sort(0).await?;
    let first = "document.querySelector('table').parentElement.scrollTop = 0;
        return document.querySelector('tbody th[scope=row]').textContent.startsWith('u099999@')";
    page.until("the order is turned", first, vec![]).await?;
    page.fill("Filter by name", "u0500").await?;
    let filtered = page.table().await?;
    ensure!(filtered.rows.len() == 100, "{} rows hold u0500", filtered.rows.len());
    Ok(())
}

/// Paper gets as many rows as anyone reads, and says how many there are.
async fn on_paper(page: &Page) -> Result<()> {
    let rows = "return document.querySelectorAll('tbody th[scope=row]').length";
    page.run("dispatchEvent(new Event('beforeprint'))", vec![]).await?;
    page.until("the rows are printed", &format!("{rows} === 5000"), vec![]).await?;
    let said = "return document.querySelector('main').innerText.includes('The first 5,000 of 100,000 rows')";
    page.until("the others are said", said, vec![]).await?;
    page.run("dispatchEvent(new Event('afterprint'))", vec![]).await?;
    page.until("the screen has its own again", &format!("{rows} < 500"), vec![]).await
}

/// A message to each mailbox, a thousand at a time.
fn deliveries() -> Result<String> {
    let mut log = String::new();
    for message in 0..MAILBOXES / RECIPIENTS {
        let (stamp, id) =
            (format!("2026-03-02T10:{:02}:{:02}.000000+00:00 mx postfix", message / 60, message % 60), message);
        writeln!(log, "{stamp}/smtpd[1]: 4A{id:07}: client=unknown[203.0.113.9]")?;
        writeln!(log, "{stamp}/cleanup[2]: 4A{id:07}: message-id=<{id}@b>")?;
        writeln!(
            log,
            "{stamp}/qmgr[3]: 4A{id:07}: from=<a@elsewhere.example>, size=500, nrcpt={RECIPIENTS} (queue active)"
        )?;
        for user in message * RECIPIENTS..(message + 1) * RECIPIENTS {
            writeln!(
                log,
                "{stamp}/lmtp[4]: 4A{id:07}: to=<u{user:06}@example.com>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.3/0/0/0.7, dsn=2.0.0, status=sent (250 2.0.0 saved)"
            )?;
        }
        writeln!(log, "{stamp}/qmgr[3]: 4A{id:07}: removed")?;
    }
    Ok(log)
}
