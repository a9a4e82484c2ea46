//! The URL is the state: what was looked at can be gone back to, and passed on.

use anyhow::{Context, Result, ensure};
use mailtally_tests::Page;

use crate::stage::Stage;

pub async fn a_name_digs_in_and_the_path_climbs_back(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    page.choose("Domains").await?;
    let domains = page.table().await?;
    let domain = domains.rows.iter().find(|row| row.name.contains('.')).context("the demo has no domain")?.clone();
    page.click("link", &domain.name).await?;
    page.until("the domain's own totals", TOTALS_ARE, vec![serde_json::json!(domain.cells)]).await?;
    page.settled().await?;
    page.choose("Users").await?;
    let users = page.table().await?;
    let user = users.rows.iter().find(|row| row.name.contains('@')).context("the domain has no mailbox")?.clone();
    ensure!(user.name.ends_with(&format!("@{}", domain.name)), "{} is not of {}", user.name, domain.name);
    page.click("link", &user.name).await?;
    page.until("the mailbox's own totals", TOTALS_ARE, vec![serde_json::json!(user.cells)]).await?;
    page.settled().await?;
    page.click("link", &domain.name).await?;
    page.until("back at the domain", TOTALS_ARE, vec![serde_json::json!(domain.cells)]).await?;
    page.settled().await?;
    page.click("link", "Whole server").await?;
    page.until("back at the top", TOTALS_ARE, vec![serde_json::json!(domains.totals)]).await
}

pub async fn back_and_forward_restore_the_view(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/pop-sessions").await?;
    let by_day = page.table().await?;
    page.choose("Month").await?;
    let by_month = page.table().await?;
    ensure!(by_day.rows.len() != by_month.rows.len(), "choosing Month changed nothing");
    page.choose("Domains").await?;
    let by_domain = page.table().await?;
    page.back().await?;
    same_as(page, &by_month, "Back from Domains").await?;
    page.back().await?;
    same_as(page, &by_day, "Back from Month").await?;
    page.forward().await?;
    same_as(page, &by_month, "Forward to Month").await?;
    page.forward().await?;
    same_as(page, &by_domain, "Forward to Domains").await
}

pub async fn a_pasted_link_shows_the_same(stage: &Stage, page: &Page) -> Result<()> {
    // Of days that are over: the demo counts on, and the two look one after the other.
    page.goto("/reports/imap-usage?range=last-quarter").await?;
    page.choose("Week").await?;
    page.sort(1).await?;
    page.sort(1).await?;
    let (path, table, sorting) = (page.path().await?, page.table().await?, page.sorting().await?);
    let other = Page::open(stage.driver()?, &stage.demo()?.url).await?;
    let shown = async {
        other.goto(&path).await?;
        Ok::<_, anyhow::Error>((other.table().await?, other.sorting().await?))
    };
    let shown = shown.await;
    other.close().await?;
    ensure!(shown? == (table, sorting), "{path} shows something else in another browser");
    Ok(())
}

/// Waits until the page shows this table again.
async fn same_as(page: &Page, table: &mailtally_tests::page::Table, what: &str) -> Result<()> {
    page.until(what, TOTALS_ARE, vec![serde_json::json!(table.totals)]).await?;
    let rows = "return document.querySelectorAll('table tbody th[scope=row]').length === arguments[0]";
    page.until(what, rows, vec![table.rows.len().into()]).await?;
    let shown = page.table().await?;
    ensure!(shown == *table, "{what} shows {:?} instead of {:?}", shown.head, table.head);
    Ok(())
}

const TOTALS_ARE: &str = "
    const totals = [...document.querySelectorAll('table tfoot td')].map(cell => cell.textContent.trim());
    return JSON.stringify(totals) === JSON.stringify(arguments[0])";
