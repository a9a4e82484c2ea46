//! One's own page, tokens, the audit log and the way out, as the people concerned meet them.

use std::fs;

use anyhow::{Context, Result, ensure};
use mailtally_tests::account::{self, Address};
use mailtally_tests::{Page, Server, product};

use crate::lost::LOG;
use crate::stage::Stage;

const DORA: &str = "dora@example.com";
/// Columns that the settings keep from domain admins are nowhere.
const SETTINGS: &str = "[accounts]\nhidden_from_domains = [\"message-traffic.outgoing\"]\n";
const RANGE: &str = "range=2026-03-01..2026-03-03";

pub async fn an_account_has_its_own_page_tokens_and_way_out(stage: &Stage, _: &Page) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (log, data) = (folder.path().join("mail.log"), folder.path().join("data"));
    fs::write(&log, LOG)?;
    let output = product::import(&data, &["--log-zone", "UTC"], &[&log])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    account::add(&data, DORA, "example.com")?;
    let server = Server::serve_with(&data, SETTINGS)?;
    let page = Page::signed_out(stage.driver()?, &server.url).await?;
    let result = as_domain_admin(&page, &server.url).await;
    page.close().await?;
    result?;
    let page = Page::open(stage.driver()?, &server.url).await?;
    let result = as_system_admin(&page).await;
    page.close().await?;
    result
}

async fn as_domain_admin(page: &Page, url: &Address) -> Result<()> {
    page.visit("/").await?;
    sign_in(page, account::PASSWORD).await?;
    says(page, "button", DORA).await?;

    page.goto(&format!("/reports/message-traffic?{RANGE}")).await?;
    let head = page.table().await?.head;
    ensure!(head.iter().any(|head| head == "Incoming Messages"), "{head:?}");
    ensure!(head.iter().all(|head| head != "Outgoing Messages"), "a hidden column is shown: {head:?}");
    page.click("button", "Columns").await?;
    says(page, "label", "Incoming Spam Messages").await?;
    let offered =
        page.run("return [...document.querySelectorAll('[role=dialog] label')].map(e => e.textContent)", vec![]);
    let offered: Vec<String> = serde_json::from_value(offered.await?)?;
    ensure!(
        offered.iter().all(|label| !label.starts_with("Outgoing Messages")),
        "a hidden column is offered: {offered:?}"
    );

    // From the head of any page to one's own.
    page.click("button", DORA).await?;
    page.until("the menu opens", "return document.querySelector('[role=dialog] a[href=\"/account\"]')", vec![]).await?;
    page.click("link", "Your account").await?;
    says(page, "h1", "Your account").await?;
    let menu =
        page.run("return [...document.querySelectorAll('nav a')].map(a => a.textContent.trim())", vec![]).await?;
    let menu: Vec<String> = serde_json::from_value(menu)?;
    ensure!(menu.iter().any(|link| link == "Accounts") && menu.iter().all(|link| link != "Audit log"), "{menu:?}");

    page.fill("What it is for", "bill").await?;
    page.fill("Reads: a domain or a mailbox", "ann@example.com").await?;
    page.click("button", "Make a token").await?;
    says(page, "th", "bill").await?;
    page.until("it is shown", "return document.querySelector('[role=status] code')", vec![]).await?;
    let token = page.run("return document.querySelector('[role=status] code').textContent", vec![]).await?;
    let token = token.as_str().context("no token is shown")?.to_owned();
    let asks = |subject: &str| {
        let path = format!("/api/reports/message-traffic?subject={subject}&from=1772323200&until=1772409600");
        account::with_token(url, &token, &path).map(|answer| answer.status)
    };
    ensure!(asks("ann@example.com")? == 200 && asks("example.com")? == 404, "the token reads something else");
    page.click("button", "Revoke bill").await?;
    page.until("it is gone", "return !document.querySelector('table')", vec![]).await?;
    ensure!(asks("ann@example.com")? == 401, "a revoked token reads on");

    let another = format!("{} and more", account::PASSWORD);
    for (old, role) in [("not the old one", "[role=alert]"), (account::PASSWORD, "[role=status]")] {
        page.fill("Password now", old).await?;
        page.fill("New password", &another).await?;
        page.click("button", "Change it").await?;
        let said =
            format!("return [...document.querySelectorAll('{role}')].some(e => e.textContent.includes('assword'))");
        page.until(role, &said, vec![]).await?;
    }

    page.click("button", DORA).await?;
    page.until("the menu opens", "return document.querySelector('[role=dialog] a[href=\"/account\"]')", vec![]).await?;
    page.run(
        "[...document.querySelectorAll('[role=dialog] button')].find(e => e.textContent === 'Sign out').click()",
        vec![],
    )
    .await?;
    says(page, "h1", "Sign in").await?;
    sign_in(page, &another).await?;
    says(page, "button", DORA).await?;
    // But for what was refused, as it was meant to be.
    let complaints: Vec<String> =
        page.complaints().await?.into_iter().filter(|said| !said.contains("Failed to load resource")).collect();
    ensure!(complaints.is_empty(), "the browser complains: {complaints:?}");
    Ok(())
}

async fn as_system_admin(page: &Page) -> Result<()> {
    page.goto("/audit").await?;
    says(page, "td", "token revoked").await?;
    page.fill("Holds the text", "log-in-failed").await?;
    page.click("button", "Narrow down").await?;
    page.until(
        "it is narrowed down",
        "const rows = [...document.querySelectorAll('tbody td:nth-child(2)')];
         return rows.length > 0 && rows.every(cell => cell.textContent === 'log in failed')",
        vec![],
    )
    .await?;

    // A password that is too short is refused, and what was typed stays; another is set.
    page.goto("/accounts").await?;
    says(page, "th", DORA).await?;
    page.click("button", "Set a password").await?;
    for (password, said) in [("short", "[role=alert]"), ("walnut-canyon-53-lamp", "[role=status]")] {
        page.fill("New password, which ends all sessions", password).await?;
        page.click("button", "Set it").await?;
        let said = format!("return document.querySelector('main {said}')?.textContent.includes('assword')");
        page.until(password, &said, vec![]).await?;
    }

    // Nothing is removed by one click.
    page.click("button", "Remove").await?;
    says(page, "button", "Remove for good").await?;
    says(page, "th", DORA).await?;
    page.click("button", "Remove for good").await?;
    let is_gone = "return ![...document.querySelectorAll('th')].some(e => e.textContent === arguments[0])";
    page.until("the account is gone", is_gone, vec![DORA.into()]).await?;

    // A session that ends while a page is open leads to the log-in.
    page.goto(&format!("/reports/message-traffic?{RANGE}")).await?;
    page.run("return fetch('/api/session', { method: 'DELETE' }).then(answer => answer.status)", vec![]).await?;
    page.click("button", "Domains").await?;
    says(page, "h1", "Sign in").await
}

async fn sign_in(page: &Page, password: &str) -> Result<()> {
    says(page, "h1", "Sign in").await?;
    page.fill("Name", DORA).await?;
    page.fill("Password", password).await?;
    page.click("button", "Sign in").await
}

/// Waits for an element of this kind whose text begins so.
async fn says(page: &Page, element: &str, text: &str) -> Result<()> {
    let script =
        "return [...document.querySelectorAll(arguments[0])].some(e => e.textContent.trim().startsWith(arguments[1]))";
    page.until(text, script, vec![element.into(), text.into()]).await
}
