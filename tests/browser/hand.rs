//! What a hand on the keyboard and an eye on the page rely on: a table is one stop of Tab, Back shows what was looked at,
//! overage sorts as reports do, paper gets the report and nothing else, and an empty directory says what to do first.

use anyhow::{Context, Result, ensure};
use mailtally_tests::{Page, Server};
use serde_json::json;

use crate::stage::Stage;

const FOCUSED: &str = "return document.activeElement.textContent.trim()";

pub async fn arrows_walk_a_table_that_is_one_stop(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=last-28-days").await?;
    let stops = "return [...document.querySelectorAll('table *')].filter(element => element.tabIndex >= 0).length";
    ensure!(page.run(stops, vec![]).await? == 0, "Tab stops within the table");
    page.run("document.querySelector('table').closest('[role=region]').focus()", vec![]).await?;
    let table = page.table().await?;
    let cell = |row: usize, column: usize| table.rows[row].cells[column].clone();
    for (key, says) in [
        ("ArrowRight", table.head[0].clone()),
        ("ArrowDown", table.rows[0].name.clone()),
        ("ArrowDown", table.rows[1].name.clone()),
        ("ArrowRight", cell(1, 0)),
        ("ArrowRight", cell(1, 1)),
        ("ArrowDown", cell(2, 1)),
        ("End", cell(2, table.head.len() - 2)),
        ("ArrowLeft", cell(2, table.head.len() - 3)),
        ("Home", table.rows[2].name.clone()),
        ("ArrowUp", table.rows[1].name.clone()),
        ("ArrowRight", cell(1, 0)),
    ] {
        page.press(key).await?;
        let focused = page.run(FOCUSED, vec![]).await?;
        ensure!(focused == json!(says), "{key} led to {focused}, not {says}");
    }
    // A number is a link, whatever it is reached by.
    page.press("Enter").await?;
    page.until("the events behind it", "return location.pathname === '/events'", vec![]).await?;
    page.back().await?;
    page.until("Back puts the hand on the number", &format!("{FOCUSED} === arguments[0]"), vec![json!(cell(1, 0))])
        .await?;
    page.run("document.querySelector('tbody td a').focus()", vec![]).await?;
    page.press("Escape").await?;
    let out = "return document.activeElement.getAttribute('role') === 'region'";
    page.until("Escape leads out", out, vec![]).await
}

pub async fn hours_to_come_are_no_rows(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=today&step=hour&zone=UTC").await?;
    let begun = "return document.querySelectorAll('tbody tr').length === new Date().getUTCHours() + 1";
    page.until("a row for each hour that has begun", begun, vec![]).await
}

pub async fn back_shows_what_was_looked_at(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    let scroll = "document.querySelector('main [role=region]').scrollTop = 600; scrollTo(0, 240)";
    page.run(scroll, vec![]).await?;
    page.frame().await?;
    let tops = "[Math.round(scrollY), document.querySelector('main [role=region]').scrollTop].join()";
    let before = page.run(&format!("return {tops}"), vec![]).await?;
    ensure!(before != "0,0", "the page does not scroll, so nothing can be told");
    // Clicked by script: a pointer would scroll it into sight first.
    page.run("[...document.querySelectorAll('tbody td a')].at(-1).click()", vec![]).await?;
    page.until("the events", "return location.pathname === '/events' && scrollY === 0", vec![]).await?;
    page.back().await?;
    page.until("it is scrolled as before", &format!("return {tops} === arguments[0]"), vec![before.clone()]).await?;
    page.reload().await?;
    page.until("and after a reload", &format!("return {tops} === arguments[0]"), vec![before]).await
}

pub async fn overage_sorts_three_ways(_: &Stage, page: &Page) -> Result<()> {
    let names = "return [...document.querySelectorAll('tbody th')].map(name => name.textContent)";
    let settled = "return document.querySelectorAll('tbody th').length > 3";
    page.visit("/overage").await?;
    page.until("the rows are there", settled, vec![]).await?;
    let natural = page.run(names, vec![]).await?;
    let requests = page.requests().await?;
    let mut sorted: Vec<String> = serde_json::from_value(natural.clone())?;
    sorted.sort_unstable();
    page.sort(0).await?;
    let descending: Vec<String> = serde_json::from_value(page.run(names, vec![]).await?)?;
    ensure!(descending.iter().rev().eq(&sorted), "one click: {descending:?}");
    ensure!(page.path().await? == "/overage?sort=-name" && page.sorting().await?[0] == "descending");
    page.click("button", "Export as CSV").await?;
    let mut file = csv::Reader::from_path(page.downloaded("csv").await?)?;
    let in_file: Vec<String> = file.records().map(|record| Ok(record?[1].to_owned())).collect::<Result<_>>()?;
    ensure!(in_file == descending, "the CSV is in another order: {in_file:?}");
    page.sort(0).await?;
    let ascending: Vec<String> = serde_json::from_value(page.run(names, vec![]).await?)?;
    ensure!(ascending == sorted, "two clicks: {ascending:?}");
    page.sort(0).await?;
    ensure!(page.run(names, vec![]).await? == natural, "a third click does not restore the order");
    page.fill("Filter by name", "tom@").await?;
    let narrowed = "const names = [...document.querySelectorAll('tbody th')].map(name => name.textContent);
        return names.length > 0 && names.every(name => name.startsWith('tom@'))";
    page.until("the others are gone", narrowed, vec![]).await?;
    ensure!(page.path().await? == "/overage?filter=tom%40", "{}", page.path().await?);
    ensure!(page.requests().await? == requests, "sorting or filtering asked the server");
    Ok(())
}

pub async fn paper_gets_the_report_alone(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?by=domains").await?;
    page.media("print").await?;
    let seen = "return [...document.querySelectorAll('main button, nav, input')]
        .filter(element => element.checkVisibility()).map(element => element.textContent.trim())";
    let seen: Vec<String> = serde_json::from_value(page.run(seen, vec![]).await?)?;
    // Of the controls what was chosen stays, as words; of the table's and the chart's heads their names.
    let unwanted = |text: &&String| ["", "Compare", "Columns", "Export", "Week", "Trend"].contains(&text.as_str());
    ensure!(!seen.iter().any(|text| unwanted(&text)), "paper shows {seen:?}");
    ensure!(seen.iter().any(|text| text == "Domains"), "paper does not say the Mode: {seen:?}");
    let hidden = "const table = document.querySelector('table');
        return table.parentElement.scrollHeight > table.parentElement.clientHeight + 1";
    ensure!(page.run(hidden, vec![]).await? == false, "paper does not show the whole table");
    // A lower bound is one on paper, too.
    page.visit("/reports/pop-sessions?range=last-28-days").await?;
    page.settled().await?;
    let marks = "const marks = [...document.querySelectorAll('.info[data-basis]')];
        const lies = (own, head) => own.left >= head.left && own.right <= head.right + 1
            && own.top >= head.top - 1 && own.bottom <= head.bottom + 1;
        return marks.length > 0 && marks.every(mark => mark.checkVisibility()
            && lies(mark.getBoundingClientRect(), mark.closest('th').getBoundingClientRect()))";
    ensure!(page.run(marks, vec![]).await? == true, "a mark is not beside its column's name");
    let narrow = json!({ "width": 700, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    page.devtools("Emulation.setDeviceMetricsOverride", narrow).await?;
    page.visit("/overage").await?;
    page.until("the rows", "return document.querySelectorAll('tbody th').length > 3", vec![]).await?;
    // Paper is as wide as a phone to a browser, and is none: columns stay beside each other.
    let columns = "return new Set([...document.querySelectorAll('tbody tr:first-child > *')]
        .map(cell => Math.round(cell.getBoundingClientRect().top))).size";
    ensure!(page.run(columns, vec![]).await? == 1, "paper has cards for rows");
    page.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await?;
    page.media("").await
}

pub async fn an_empty_directory_says_what_to_do_first(stage: &Stage, _: &Page) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(&folder.path().join("data"))?;
    let page = Page::open(stage.driver()?, &server.url).await?;
    let result = async {
        for path in ["/", "/reports/message-traffic", "/reports/pop-sessions?by=domains"] {
            page.visit(path).await?;
            let said = "return document.querySelector('main').textContent.includes('mailtally import')";
            page.until("it says how to begin", said, vec![]).await?;
            let dashes = page.run("return document.querySelectorAll('table, canvas').length", vec![]).await?;
            ensure!(dashes == 0, "{path} shows a table of nothing");
        }
        Ok(())
    };
    let result = result.await;
    page.close().await?;
    result
}

pub async fn zone_and_locale_are_the_persons(_: &Stage, page: &Page) -> Result<()> {
    // The night in which Berlin's clock skips an hour.
    page.goto("/reports/message-traffic?range=2026-03-29&step=hour").await?;
    ensure!(page.table().await?.rows.len() == 23, "a day of 23 hours has {}", page.table().await?.rows.len());
    page.press("r").await?;
    let choose =
        "const label = [...document.querySelectorAll('label')].find(l => l.textContent.startsWith(arguments[0]));
        const select = label.querySelector('select'); select.value = arguments[1];
        select.dispatchEvent(new Event('change', { bubbles: true }))";
    page.until("the dialog", "return document.querySelector('[role=dialog] select')", vec![]).await?;
    page.run(choose, vec![json!("Days begin"), json!("UTC")]).await?;
    page.until("a day in UTC", "return document.querySelectorAll('tbody th').length === 24", vec![]).await?;
    ensure!(page.path().await?.contains("zone=UTC"), "{}", page.path().await?);

    page.goto("/reports/message-traffic").await?;
    let english = page.table().await?.totals;
    let grouped = english.iter().find(|total| total.contains(',')).context("no total above a thousand")?.clone();
    page.press("?").await?;
    page.until("the sheet of keys", "return document.querySelector('dialog[open] select')", vec![]).await?;
    page.run(choose, vec![json!("Numbers and dates"), json!("de-DE")]).await?;
    let german = "return [...document.querySelectorAll('tfoot td')].some(cell => cell.textContent === arguments[0])";
    page.until("numbers as Germans write them", german, vec![json!(grouped.replace(',', "."))]).await?;
    // The page was read anew, and the hand is where it was.
    let chosen = "return document.activeElement.value === 'de-DE' && !!document.querySelector('dialog[open]')";
    page.until("the choice has the focus", chosen, vec![]).await
}

pub async fn the_zone_goes_from_page_to_page(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?zone=Asia/Tokyo").await?;
    let said = "return document.querySelector('header').innerText.includes('Asia/Tokyo')";
    page.until("whose clock it is", said, vec![]).await?;
    for (link, path) in
        [("Overview", "/"), ("Data health", "/health"), ("Audit log", "/audit"), ("Unusual activity", "/unusual")]
    {
        page.click("link", link).await?;
        page.until(link, "return location.pathname === arguments[0]", vec![json!(path)]).await?;
        ensure!(page.path().await?.contains("zone=Asia"), "{link} is at {}", page.path().await?);
        page.until(link, said, vec![]).await?;
    }
    page.click("link", "POP Sessions").await?;
    page.until("and back", "return location.pathname === '/reports/pop-sessions'", vec![]).await?;
    ensure!(page.path().await?.contains("zone=Asia"), "{}", page.path().await?);
    // A bill's month is not whose looks.
    page.goto("/overage").await?;
    let links = "return [...document.querySelectorAll('tbody td a')].every(link => link.href.includes('zone=server'))";
    page.until(
        "what was used, by the server's days",
        &format!("{links} && document.querySelector('tbody td a')"),
        vec![],
    )
    .await
}

/// Its head stays below the page's, its totals at the foot of the window; a table of very many rows scrolls by itself.
pub async fn a_table_is_a_part_of_the_page(_: &Stage, page: &Page) -> Result<()> {
    let inner = "const region = document.querySelector('table').parentElement; return region.scrollHeight > region.clientHeight + 1";
    page.goto("/reports/message-traffic").await?;
    ensure!(page.run(inner, vec![]).await? == false, "ninety rows are a page within the page");
    page.run("scrollTo(0, document.querySelector('tbody').getBoundingClientRect().top + 400)", vec![]).await?;
    let places = "const at = css => document.querySelector(css).getBoundingClientRect();
        return [Math.round(at('thead').top - at('header').bottom), Math.round(innerHeight - at('tfoot').bottom)].join()";
    page.until("head and totals are in sight", &format!("{places} === arguments[0]"), vec![json!("0,0")]).await?;
    // A cell that the keyboard walks to is not under them.
    page.run("document.querySelectorAll('tbody tr')[60].querySelector('a').focus()", vec![]).await?;
    for key in ["ArrowUp"; 45] {
        page.press(key).await?;
    }
    let hidden = "const cell = document.activeElement.getBoundingClientRect();
        return cell.top < document.querySelector('thead').getBoundingClientRect().bottom - 1";
    ensure!(page.run(hidden, vec![]).await? == false, "the cell is under the head");
    page.goto("/reports/message-traffic?step=hour").await?;
    ensure!(page.run(inner, vec![]).await? == true, "two thousand rows are no window");
    Ok(())
}

pub async fn what_is_new_is_asked_for_and_nothing_by_a_hidden_page(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    // Each question for the report: seconds from its beginning to its end.
    let asked = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name))
        .filter(url => url.pathname === '/api/reports/message-traffic').map(url => url.searchParams)
        .map(words => [Number(words.get('from')), Number(words.get('until'))])";
    let spans = async || -> Result<Vec<(i64, i64)>> { Ok(serde_json::from_value(page.run(asked, vec![]).await?)?) };
    page.until(
        "the comparison is there, too",
        &format!("const asked = () => {{ {asked} }}; return asked().length >= 2"),
        vec![],
    )
    .await?;
    let before = spans().await?;
    let last = before.iter().map(|(_, until)| *until).max().context("nothing was asked")?;
    let show = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => arguments[0] });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"
        .replace("=> arguments[0]", "=> window.isHidden");
    page.run(&format!("window.isHidden = true; {show}"), vec![]).await?;
    page.frame().await?;
    ensure!(spans().await? == before, "a hidden page asks");
    page.run(&format!("window.isHidden = false; {show}"), vec![]).await?;
    let more = format!("const asked = () => {{ {asked} }}; return asked().length > arguments[0]");
    page.until("it asks when it is seen again", &more, vec![json!(before.len())]).await?;
    let all = spans().await?;
    for (from, until) in &all[before.len()..] {
        ensure!(*until == last, "it asks for other days: {all:?}");
        ensure!(until - from <= 4 * 86_400, "it asks for {} days again", (until - from) / 86_400);
    }
    page.settled().await
}
