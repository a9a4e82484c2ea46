//! The server goes and comes back; the network is slow. FAULTS: the browser's side of a restart.

use std::fs;

use anyhow::{Context, Result, ensure};
use mailtally_tests::{Page, Server, product};

use crate::stage::Stage;

pub const LOG: &str = "\
2026-03-02T10:00:00.000000+00:00 mx postfix/smtpd[1]: connect from unknown[203.0.113.9]
2026-03-02T10:00:00.100000+00:00 mx postfix/smtpd[1]: 4A0000001: client=unknown[203.0.113.9]
2026-03-02T10:00:00.200000+00:00 mx postfix/cleanup[2]: 4A0000001: message-id=<a@b>
2026-03-02T10:00:00.300000+00:00 mx postfix/qmgr[3]: 4A0000001: from=<a@elsewhere.example>, size=500, nrcpt=1 (queue active)
2026-03-02T10:00:01.000000+00:00 mx postfix/lmtp[4]: 4A0000001: to=<ann@example.com>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.3/0/0/0.7, dsn=2.0.0, status=sent (250 2.0.0 saved)
2026-03-02T10:00:01.200000+00:00 mx postfix/qmgr[3]: 4A0000001: removed
2026-03-02T10:00:02.000000+00:00 mx postfix/smtpd[1]: disconnect from unknown[203.0.113.9] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
";

/// Up to the far end of the calendar: a range that holds the present, whenever that is.
const REPORT: &str = "/reports/message-traffic?range=2026-03-01..2027-12-31&step=month";

// FAULTS 95
pub async fn a_lost_server_is_said_and_found_again(stage: &Stage, _: &Page) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (log, data) = (folder.path().join("mail.log"), folder.path().join("data"));
    fs::write(&log, LOG)?;
    let output = product::import(&data, &["--log-zone", "UTC"], &[&log])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = Server::serve(&data)?;
    let address = server.address()?;
    let page = Page::open(stage.driver()?, &server.url).await?;
    let result = async {
        page.goto(REPORT).await?;
        let before = page.table().await?;
        drop(server);
        // Coming back into sight asks at once.
        let look = "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))";
        page.run(look, vec![]).await?;
        let said = "return [...document.querySelectorAll('[role=status]')].some(e => e.textContent.includes('did not answer'))";
        page.until("the loss is said", said, vec![]).await?;
        ensure!(page.table().await? == before, "what was on screen has gone with the server");
        let _server = Server::serve_at(&data, address).context("it does not come back")?;
        page.click("button", "Try again").await?;
        page.until("it is found again", &said.replace("return ", "return !"), vec![]).await?;
        ensure!(page.table().await? == before);
        Ok(())
    };
    let result = result.await;
    page.close().await?;
    result
}

/// A report stands without what is loaded apart. Where that does not come, it is said, and another page is not there.
pub async fn code_that_does_not_come(_: &Stage, page: &Page) -> Result<()> {
    page.refuse(&["*/assets/part-*"]).await?;
    page.visit("/reports/message-traffic").await?;
    let said =
        "return [...document.querySelectorAll('main [role=status]')].some(e => e.textContent.includes('did not come'))";
    page.until(
        "the report is there",
        "return document.querySelector('tfoot') && document.querySelector('canvas')",
        vec![],
    )
    .await?;
    page.until("what is missing is said", said, vec![]).await?;
    page.click("link", "Data health").await?;
    let failed = "return document.querySelector('main [role=alert]')?.textContent.includes('did not come')";
    page.until("a page whose code is missing says so", failed, vec![]).await?;
    page.refuse(&[]).await?;
    page.click("button", "Try again").await?;
    let there = "return document.querySelector('main h1')?.textContent === 'Data health'";
    page.until("the page is there", there, vec![]).await?;
    page.until("nothing is missing", &said.replace("return ", "return !"), vec![]).await?;
    page.press("?").await?;
    page.until("a key does what it is for", "return document.querySelector('dialog[open] select')", vec![]).await
}

/// Without the file that starts it there is no app that could say so.
pub async fn an_app_that_does_not_come(_: &Stage, page: &Page) -> Result<()> {
    page.refuse(&["*/assets/mailtally-*.js"]).await?;
    page.begin("/reports/message-traffic").await?;
    let said = "return document.body.textContent.includes('could not be loaded')";
    page.until("what is missing is said", said, vec![]).await?;
    page.refuse(&[]).await?;
    page.visit("/reports/message-traffic").await?;
    page.until("the report is there", "return document.querySelector('tfoot')", vec![]).await?;
    ensure!(page.run(said, vec![]).await? == false, "a page that is there says that it is not");
    Ok(())
}

pub async fn a_slow_answer_can_be_left(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    page.slow_network(20_000).await?;
    page.click("link", "IMAP Usage").await?;
    let waits = "return document.querySelector('[role=status][aria-busy=true]')?.ariaLabel === 'Loading'
        && document.querySelector('h1').textContent.trim() === 'IMAP Usage'";
    page.until("it says that it is loading", waits, vec![]).await?;
    let bar = "return getComputedStyle(document.querySelector('[aria-busy=true] > div')).opacity === '1'";
    page.until("after a second it shows progress", bar, vec![]).await?;
    page.slow_network(0).await?;
    page.click("link", "POP Sessions").await?;
    page.until(
        "another report is there long before the slow one",
        "return document.querySelector('h1').textContent.trim() === 'POP Sessions' && document.querySelector('tfoot')",
        vec![],
    )
    .await?;
    page.settled().await
}
