//! What must not happen: requests for what is known, complaints of the browser, and memory that is not given back.

use anyhow::{Context, Result, ensure};
use mailtally_tests::Page;
use serde_json::json;

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

/// A Mode is asked for once. What was seen is there again at once, by whatever way one comes back to it.
pub async fn what_was_seen_is_not_asked_again(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    let overview = page.requests().await?;
    let (first, last) = (page.date(95).await?, page.date(5).await?);
    page.click("link", "Message Traffic").await?;
    page.settled().await?;
    page.back().await?;
    page.until("the overview", "return document.querySelectorAll('main li a').length > 10", vec![]).await?;
    let back = page.requests().await?;
    // The report and what it is compared with; the overview's short list of what is unusual is asked for each time.
    ensure!(back <= overview + 3, "back at the overview, {} requests for two numbers' answers", back - overview);

    page.goto(&format!("/reports/message-traffic?range={first}..{last}")).await?;
    let trend = page.table().await?;
    page.choose("Domains").await?;
    let (domains, before) = (page.table().await?, page.requests().await?);
    ensure!(trend != domains, "the Mode changed nothing");
    for (mode, table) in [("Trend", &trend), ("Domains", &domains), ("Trend", &trend)] {
        page.choose(mode).await?;
        ensure!(page.table().await? == *table, "{mode} is not what it was");
    }
    for table in [&domains, &trend, &domains] {
        page.back().await?;
        page.until("what was seen", ROWS, vec![table.rows.len().into()]).await?;
    }
    for table in [&trend, &domains] {
        page.forward().await?;
        page.until("what was seen", ROWS, vec![table.rows.len().into()]).await?;
    }
    let after = page.requests().await?;
    ensure!(after == before, "Modes, Back and Forward made {} requests", after - before);
    Ok(())
}

const ROWS: &str = "return document.querySelectorAll('tbody th[scope=row]').length === arguments[0]";

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

/// Rounds of so many visits.
const ROUNDS: usize = 8;
const VISITS: usize = 100;
/// Rounds until memory has settled: answers differ in size, and fit here or there, now or a round later.
const SETTLED: usize = 3;
/// What the rounds after the first may take together of pages of 64 KiB, until memory has settled and after. Two and none were
/// seen. 780 bytes that each visit kept took three and six; readers that were kept by what they read, eight in each round.
const GROWTH_PAGES: [u64; 2] = [6, 3];

/// A chart has its height before it is painted, and what is unusual comes with the cards below it. What is left is the demo's
/// own note, which pushes all else down by its line.
pub async fn nothing_moves_while_a_page_loads(_: &Stage, page: &Page) -> Result<()> {
    let collect = "window.shifted = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => {
        window.shifted += entry.value; })).observe({ type: 'layout-shift', buffered: true })";
    page.goto("/reports/pop-sessions").await?;
    let events = page.run("return document.querySelector('tbody td a').getAttribute('href')", vec![]).await?;
    let events = events.as_str().context("no number leads to its events")?;
    for (path, most) in [("/reports/pop-sessions", 0.01), ("/", 0.03), (events, 0.01), ("/accounts", 0.01)] {
        page.goto(path).await?;
        page.run(collect, vec![]).await?;
        page.until("it is there", "return document.querySelector('tbody th, .overview h2')", vec![]).await?;
        page.frame().await?;
        page.frame().await?;
        let shifted = page.run("return window.shifted", vec![]).await?;
        ensure!(shifted.as_f64().is_some_and(|shifted| shifted < most), "{path}: {shifted} of the window moved");
    }
    Ok(())
}

/// The first chart of a page is as wide as the still frame kept free for it: else it would be drawn again once it stands.
pub async fn the_first_chart_is_drawn_once(_: &Stage, page: &Page) -> Result<()> {
    for (width, height) in [(1280, 900), (1000, 700), (390, 844)] {
        page.size(width, height).await?;
        page.goto("/reports/pop-sessions").await?;
        page.until("a chart", "return document.querySelector('canvas[data-draws]')", vec![]).await?;
        page.frame().await?;
        page.frame().await?;
        let look = "return document.querySelector('canvas').getAttribute('data-draws')";
        let draws = page.run(look, vec![]).await?;
        ensure!(draws == "1", "{width} pixels wide: drawn {draws} times");
    }
    Ok(())
}

/// Rows that are not on screen come two frames after those that are: by then each column is as wide as they make it.
pub async fn rows_that_come_later_move_nothing(_: &Stage, page: &Page) -> Result<()> {
    let look = "new MutationObserver((_, observer) => {
        if (!document.querySelector('tbody th[scope=row]')) return;
        observer.disconnect();
        requestAnimationFrame(() => { window.atFirst = window.columns(); });
    }).observe(document, { childList: true, subtree: true });
    window.columns = () => {
        const rows = document.querySelectorAll('tbody th[scope=row]').length;
        const edges = [...document.querySelectorAll('thead th')].map(cell => cell.getBoundingClientRect().right);
        return [rows, document.querySelector('table').offsetHeight, ...edges];
    };";
    page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": look })).await?;
    for (width, height) in [(1280, 900), (390, 844)] {
        page.size(width, height).await?;
        for path in [
            "pop-sessions",
            "message-traffic?range=this-year",
            "server-status?range=last-28-days",
            "pop-usage?by=users",
        ] {
            page.goto(&format!("/reports/{path}")).await?;
            let columns = page.run("return [window.atFirst, window.columns()]", vec![]).await?;
            let [first, last]: [Vec<f64>; 2] = serde_json::from_value(columns)?;
            ensure!(last[0] > first[0] || last[0] < 30.0, "{path} had all of its {} rows at first", last[0]);
            let moved = last.iter().zip(&first).skip(2).any(|(last, first)| (last - first).abs() > 0.02);
            ensure!(!moved, "{path}, {width} pixels wide: columns at first {first:?}, then {last:?}");
        }
    }
    Ok(())
}

pub async fn visits_give_back_what_they_took(_: &Stage, page: &Page) -> Result<()> {
    page.watch_memory().await?;
    page.goto("/reports/message-traffic").await?;
    let mut pages = Vec::new();
    for _ in 0..ROUNDS {
        visit(page, VISITS).await?;
        pages.push(page.memory_pages().await?);
    }
    let [first, settled, last] = [0, SETTLED - 1, ROUNDS - 1].map(|round| pages[round]);
    for (grown, most) in [settled - first, last - settled].into_iter().zip(GROWTH_PAGES) {
        ensure!(grown <= most, "rounds of {VISITS} visits took {grown} pages of 64 KiB, more than {most}: {pages:?}");
    }
    Ok(())
}

/// Goes to and fro between two reports by the menu.
async fn visit(page: &Page, times: usize) -> Result<()> {
    for (_, title) in
        REPORTS.iter().filter(|(id, _)| ["pop-sessions", "message-traffic"].contains(id)).cycle().take(times)
    {
        page.click("link", title).await?;
        let shown = "return document.querySelector('h1').textContent === arguments[0]";
        page.until(title, shown, vec![(*title).into()]).await?;
        page.settled().await?;
    }
    Ok(())
}
