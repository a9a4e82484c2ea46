//! Names from outside are data: on the screen they are text, in a spreadsheet they are no formula.

use std::fs;

use anyhow::{Context, Result, ensure};
use mailtally_tests::{Page, Server, product};

use crate::stage::Stage;

/// Deliveries to mailboxes whose names would do something if they were taken for markup or a formula.
const LOG: &str = "\
2026-03-02T10:00:00.000000+00:00 mx postfix/smtpd[1]: connect from unknown[203.0.113.9]
2026-03-02T10:00:00.100000+00:00 mx postfix/smtpd[1]: 4A0000001: client=unknown[203.0.113.9]
2026-03-02T10:00:00.200000+00:00 mx postfix/cleanup[2]: 4A0000001: message-id=<a@b>
2026-03-02T10:00:00.300000+00:00 mx postfix/qmgr[3]: 4A0000001: from=<a@elsewhere.example>, size=500, nrcpt=2 (queue active)
2026-03-02T10:00:01.000000+00:00 mx postfix/lmtp[4]: 4A0000001: to=<=cmd@example.com>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.3/0/0/0.7, dsn=2.0.0, status=sent (250 2.0.0 saved)
2026-03-02T10:00:01.100000+00:00 mx postfix/lmtp[4]: 4A0000001: to=<\"<img/src=x onerror=window.hurt=1>\"@example.com>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.3/0/0/0.8, dsn=2.0.0, status=sent (250 2.0.0 saved)
2026-03-02T10:00:01.150000+00:00 mx postfix/lmtp[4]: 4A0000001: to=<ann\u{202e}moc\u{200b}🙂LONG@example.com>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.3/0/0/0.8, dsn=2.0.0, status=sent (250 2.0.0 saved)
2026-03-02T10:00:01.200000+00:00 mx postfix/qmgr[3]: 4A0000001: removed
2026-03-02T10:00:02.000000+00:00 mx postfix/smtpd[1]: disconnect from unknown[203.0.113.9] ehlo=1 mail=1 rcpt=2 data=1 quit=1 commands=6
2026-03-02T10:00:03.000000+00:00 mx postfix/smtpd[1]: <img src=x onerror=window.hurt=1> \u{202e}says nothing that is known
";

/// A file may be called anything, too.
const LOG_NAME: &str = "=mail<img src=x onerror=window.hurt=1>\u{202e}.log";
/// So that the page of overage names each mailbox.
const SETTINGS: &str = "[overage]
currency = \"EUR\"
[[overage.allowances]]
of = \"mailboxes\"
counts = \"incoming-messages\"
a_month = 0
";
/// Pages that show names or words from outside, and what must stand there; the audit log has a log-in that failed.
const PAGES: [(&str, &str); 8] = [
    ("/", "Message Traffic"),
    ("/reports/message-traffic?subject=example.com&by=users&range=2026-03-01..2026-03-03", "<img/src=x"),
    (EVENTS, "<img/src=x"),
    ("/overage?month=2026-03", "<img/src=x"),
    ("/health", "=mail<img src=x"),
    ("/unusual", "Unusual"),
    ("/audit", "<img src=x"),
    ("/accounts", "tester"),
];

/// The events behind the deliveries.
const EVENTS: &str =
    "/events?report=message-traffic&column=incoming&subject=example.com&from=1772323200&until=1772582400&zone=UTC";

// FAULTS 74, 75
pub async fn names_from_outside_are_text(stage: &Stage, _: &Page) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (log, data) = (folder.path().join(LOG_NAME), folder.path().join("data"));
    // As long as a log can name a mailbox.
    fs::write(&log, LOG.replace("LONG", &"x".repeat(270)))?;
    let output = product::import(&data, &["--log-zone", "UTC"], &[&log])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = Server::serve_with(&data, SETTINGS)?;
    let page = Page::open(stage.driver()?, &server.url).await?;
    let result = look(&page).await;
    page.close().await?;
    result
}

async fn look(page: &Page) -> Result<()> {
    let range = "range=2026-03-01..2026-03-03";
    page.goto(&format!("/reports/message-traffic?subject=example.com&by=users&{range}")).await?;
    let table = page.table().await?;
    let formula = table.rows.iter().find(|row| row.name.starts_with("=cmd@")).context("no row for =cmd")?;
    ensure!(formula.cells[0] == "1", "{formula:?}");
    ensure!(table.rows.iter().any(|row| row.name.contains("<img")), "no row for <img: {:?}", table.rows);
    let in_sight = "const place = document.querySelector('main [role=region]').getBoundingClientRect();
        return [...document.querySelectorAll('tbody td:nth-child(2)')]
            .every(cell => cell.getBoundingClientRect().right <= place.right)";
    ensure!(page.run(in_sight, vec![]).await? == true, "a long name has pushed the numbers out of sight");
    let hurt = page.run("return window.hurt === undefined && !document.querySelector('table img')", vec![]).await?;
    ensure!(hurt == true, "a name became markup");
    page.goto(EVENTS).await?;
    page.until("the events are listed", "return document.querySelectorAll('table tbody th').length === 3", vec![])
        .await?;
    let hurt = page.run("return window.hurt === undefined && !document.querySelector('table img')", vec![]).await?;
    ensure!(hurt == true, "a name became markup among the events");
    page.goto(&format!("/reports/message-traffic?subject=example.com&by=users&{range}")).await?;
    page.click("button", "Export").await?;
    page.until("the export is offered", "return document.querySelector('[role=dialog] input')", vec![]).await?;
    page.click("button", "Download").await?;
    let mut reader = csv::Reader::from_path(page.downloaded("csv").await?)?;
    for record in reader.records() {
        let record = record?;
        ensure!(record.iter().all(|field| !field.starts_with(['=', '+', '@'])), "a formula: {record:?}");
    }
    ensure!(page.complaints().await?.is_empty(), "the browser complains");
    everywhere(page).await
}

/// On every page names are text, nothing in them turns the direction of what follows, and none is wider than a phone.
async fn everywhere(page: &Page) -> Result<()> {
    let fails = "return fetch('/api/session', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: arguments[0], password: 'wrong' }) }).then(answer => answer.status)";
    let name = format!("<img src=x onerror=window.hurt=1>\u{202e}🙂{}", "y".repeat(200));
    ensure!(page.run(fails, vec![name.into()]).await? == 401, "a log-in with a hostile name is answered otherwise");
    page.size(390, 844).await?;
    for (path, says) in PAGES {
        page.visit(path).await?;
        let is_said = "return document.querySelector('main').textContent.includes(arguments[0])";
        page.until(path, is_said, vec![says.into()]).await?;
        let harm = "return [
            window.hurt !== undefined && 'something ran',
            document.querySelector('main img') && 'a name became markup',
            /[\\u202e\\u200b]/.test(document.body.innerText) && 'a name turns the text around it',
            document.documentElement.scrollWidth > 390 && 'the page is wider than a phone',
        ].filter(Boolean)";
        let harm = page.run(harm, vec![]).await?;
        ensure!(harm == serde_json::json!([]), "{path}: {harm}");
    }
    Ok(())
}
