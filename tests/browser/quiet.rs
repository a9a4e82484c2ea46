//! What must not happen: requests for what is known, and complaints of the browser.

use anyhow::{Result, ensure};
use mailtally_tests::Page;

use crate::menu::REPORTS;
use crate::stage::Stage;

pub async fn what_the_page_knows_is_not_asked_again(_: &Stage, page: &Page) -> Result<()> {
    // Days that are over: a page that shows the present asks for what is new, whatever is clicked.
    page.goto("/").await?;
    let (first, last) = (page.date(95).await?, page.date(5).await?);
    page.goto(&format!("/reports/message-traffic?range={first}..{last}")).await?;
    let before = page.requests().await?;
    ensure!(before > 0, "the page asked for nothing, so nothing can be told");
    for step in ["Hour", "Week", "Month", "Day"] {
        page.choose(step).await?;
    }
    for column in [1, 1, 1, 2] {
        page.sort(column).await?;
    }
    for kind in ["Area", "Stacked column", "Line"] {
        page.chart(kind).await?;
    }
    page.click("button", "Outgoing Messages").await?;
    page.frame().await?;
    ensure!(page.path().await?.contains("hidden=outgoing"), "the series was not hidden: {}", page.path().await?);
    let after = page.requests().await?;
    ensure!(after == before, "step, sort, chart and series made {} requests", after - before);
    Ok(())
}

pub async fn nothing_is_inline_and_nothing_complains(_: &Stage, page: &Page) -> Result<()> {
    for (id, title) in REPORTS {
        page.goto(&format!("/reports/{id}")).await?;
        let complaints = page.complaints().await?;
        ensure!(complaints.is_empty(), "{title}: {complaints:?}");
    }
    page.goto("/reports/message-traffic?by=domains").await?;
    page.hover_chart().await?;
    let complaints = page.complaints().await?;
    ensure!(complaints.is_empty(), "by domains: {complaints:?}");
    let inline = "return document.querySelectorAll('style, script:not([src])').length";
    ensure!(page.run(inline, vec![]).await? == 0, "something on the page is inline");
    Ok(())
}
