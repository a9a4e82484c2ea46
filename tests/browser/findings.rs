//! What is unusual, the events behind a number, and what is over an allowance.

use anyhow::{Context, Result, bail, ensure};
use mailtally_tests::Page;
use serde_json::{Value, json};

use crate::stage::Stage;

/// The text of each item of the ranking, on screen.
const RANKING: &str = "return [...document.querySelectorAll('main ol > li')].map(item => item.textContent.trim())";
/// The numbers of the report that lead somewhere: text and address.
const NUMBERS: &str = "return [...document.querySelectorAll('table tbody td a[href], table tfoot td a[href]')]
    .map(link => [link.textContent.trim(), link.getAttribute('href')])";
const CLICK: &str = "[...document.querySelectorAll('table td a[href]')]
    .find(link => link.getAttribute('href') === arguments[0]).click()";
const STATUS: &str = "const said = document.querySelector('[role=status]');
    return said && /report|match|kept/.test(said.textContent) ? said.textContent.trim() : null";

pub async fn the_incidents_of_the_year_rank_first(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/unusual").await?;
    page.until("the ranking is there", "return document.querySelector('main ol > li')", vec![]).await?;
    let ranking: Vec<String> = serde_json::from_value(page.run(RANKING, vec![]).await?)?;
    // Which of the two is the first depends on what weekdays they fall on: the demo's year ends today.
    let first = ranking.iter().take(2).collect::<Vec<_>>();
    let says = |begins: &str, holds: &str| first.iter().any(|said| said.starts_with(begins) && said.contains(holds));
    ensure!(says("tom@example.net sent ", "usually"), "the stolen account is not at the top: {ranking:?}");
    ensure!(says("orders@shop.example had ", "failed POP log-ins"), "the guessed one is not at the top: {ranking:?}");
    ensure!(ranking.len() <= 4, "ordinary days are told, too: {ranking:?}");
    // The sentence leads to its report.
    let follow = "[...document.querySelectorAll('main ol > li')].find(li => li.textContent.startsWith('tom@'))
        .querySelector('a').click()";
    page.run(follow, vec![]).await?;
    page.until("the report is there", "return location.pathname.startsWith('/reports/')", vec![]).await?;
    page.settled().await?;
    ensure!(page.heading().await? == "Message Traffic", "{}", page.path().await?);
    ensure!(page.path().await?.contains("subject=tom%40example.net"), "{}", page.path().await?);
    // Which says once more why one is there, and leads on.
    let why = "return [...document.querySelectorAll('main p')].find(p => /tom@example.net sent .*; usually/.test(p.textContent))";
    page.until("the finding in words", why, vec![]).await?;
    page.click("link", "See the events").await?;
    page.until("its events are added up", STATUS, vec![]).await?;
    ensure!(page.path().await?.contains("subject=tom%40example.net"), "{}", page.path().await?);
    // By their address alone they stand at the same times: the server's, whoever looks.
    let times = "return [...document.querySelectorAll('tbody th')].slice(0, 3).map(cell => cell.textContent).join()";
    page.until("the events are there", "return document.querySelector('tbody th')", vec![]).await?;
    let shown = page.run(times, vec![]).await?;
    page.goto(&page.path().await?).await?;
    let peers =
        "return /^From 192\\.0\\.2\\.\\d+ \\(\\d+\\)/.test(document.querySelector('.event-peers')?.textContent)";
    page.until("where they came from", peers, vec![]).await?;
    page.until("the same times", &format!("{times} === arguments[0]"), vec![shown]).await?;
    // What else stood out that day has a banner of its own.
    page.goto("/unusual").await?;
    page.until("the ranking is there", "return document.querySelector('.finding-also a')", vec![]).await?;
    let other = page.run("return document.querySelector('.finding-also a').textContent", vec![]).await?;
    page.run("document.querySelector('.finding-also a').click()", vec![]).await?;
    let told = "return document.querySelector('.note-found')?.textContent.includes(arguments[0])";
    page.until("the finding that was followed", told, vec![other]).await?;
    ensure!(page.complaints().await?.is_empty(), "the browser complains");
    Ok(())
}

pub async fn a_number_leads_to_the_events_that_make_it(_: &Stage, page: &Page) -> Result<()> {
    for report in ["/reports/pop-sessions?by=users&subject=shop.example", "/reports/message-traffic?step=week&sort=row"]
    {
        page.goto(report).await?;
        let numbers: Vec<(String, String)> = serde_json::from_value(page.run(NUMBERS, vec![]).await?)?;
        let (number, address) = numbers.iter().find(|(number, _)| number.len() < 4).context("no small number")?;
        page.run(CLICK, vec![json!(address)]).await?;
        page.until("the events are added up", STATUS, vec![]).await?;
        ensure!(page.heading().await?.starts_with("Events behind "), "{}", page.heading().await?);
        let said = page.run(STATUS, vec![]).await?;
        let said = said.as_str().unwrap_or_default();
        ensure!(said.ends_with(&format!("which make {number}: the number in the report.")), "{number}: {said}");
        page.back().await?;
        ensure!(page.path().await? == report, "back led to {}", page.path().await?);
    }
    ensure!(page.complaints().await?.is_empty(), "the browser complains");
    Ok(())
}

pub async fn overage_is_what_the_report_counts(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/overage").await?;
    page.click("link", "Earlier").await?;
    let rows = "return [...document.querySelectorAll('table tbody tr')].map(row =>
        [...row.children].map(cell => cell.textContent.trim()).concat(row.querySelector('td a').getAttribute('href')))";
    page.until("the rows are there", "return document.querySelector('table tbody tr')", vec![]).await?;
    let rows: Vec<Vec<String>> = serde_json::from_value(page.run(rows, vec![]).await?)?;
    ensure!(rows.iter().any(|row| row[4] != "–"), "nobody is over: {rows:?}");
    let row = rows.iter().find(|row| row[1] == "Outgoing Messages").context("no messages")?;
    let (used, address) = (row[3].clone(), row.last().context("no report")?.clone());
    page.click("button", "Export as CSV").await?;
    let mut file = csv::Reader::from_path(page.downloaded("csv").await?)?;
    let lines: Vec<csv::StringRecord> = file.records().collect::<Result<_, _>>()?;
    ensure!(lines.len() == rows.len(), "{} lines for {} rows", lines.len(), rows.len());
    page.goto(&address).await?;
    let table = page.table().await?;
    let column = table.head.iter().position(|head| head.starts_with("Outgoing Messages")).context("no such column")?;
    ensure!(table.totals[column - 1] == used, "the report counts {}, the page {used}", table.totals[column - 1]);
    let in_file = lines.iter().find(|line| line[1] == row[0] && line[2] == row[1]).context("not in the file")?;
    ensure!(in_file[5] == used.replace(',', ""), "{in_file:?}");
    Ok(())
}

/// Every log with how its lines fared, and by which rules its time was counted.
pub async fn health_says_how_each_log_fared(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/health").await?;
    for expected in ["Read to", "Duplicates skipped", "No line was read", "Counted by", "7 days"] {
        let is_said = "return document.querySelector('main').innerText.includes(arguments[0])";
        page.until(expected, is_said, vec![Value::from(expected)]).await?;
    }
    Ok(())
}

/// Nothing is wider than the screen, and nothing is heard that is not seen.
pub async fn findings_fit_every_screen(_: &Stage, page: &Page) -> Result<()> {
    for path in ["/unusual", "/overage", "/health", "/", "/accounts", "/audit"] {
        for (width, height) in [(390, 844), (768, 1024), (1024, 768), (1280, 900), (1920, 1080)] {
            page.size(width, height).await?;
            page.goto(path).await?;
            page.frame().await?;
            let wide: Value = page.run("return document.documentElement.scrollWidth", vec![]).await?;
            ensure!(wide.as_u64().unwrap_or_default() <= u64::from(width), "{path}: {wide} px on a screen of {width}");
            let read_to = "return document.querySelector('header').innerText.includes('read to ')";
            if !matches!(path, "/accounts" | "/audit") {
                page.until(&format!("{path} says up to when the logs are read"), read_to, vec![]).await?;
            }
            // On a phone the rows are cards.
            let cut = page.run(CUT, vec![]).await?;
            ensure!(width == 768 || cut == json!([]), "{path}: a table is cut on a screen of {width}: {cut}");
        }
    }
    Ok(())
}

/// What on the page is wider than its place: both widths.
const CUT: &str = "return [...document.querySelectorAll('main [role=region]')]
    .map(e => [e.scrollWidth, e.clientWidth]).filter(([wide, place]) => wide > place)";

/// The select of kinds has those that there are, and narrowing to nothing does not say that nothing is kept.
pub async fn events_are_narrowed_down_to_what_there_is(_: &Stage, page: &Page) -> Result<()> {
    page.goto(&events_of_a_day(page, "report=pop-sessions&column=new_connections").await?).await?;
    page.until("the kinds are known", &format!("return {KINDS}.length > 1"), vec![]).await?;
    let kinds: Vec<String> = serde_json::from_value(page.run(&format!("return {KINDS}"), vec![]).await?)?;
    let [all, only] = &kinds[..] else { bail!("one kind makes this number: {kinds:?}") };
    ensure!(all == "Everything" && only.starts_with("POP session ("), "{kinds:?}");
    let said = page.run(STATUS_NOW, vec![]).await?;
    let count = only.trim_start_matches("POP session (").trim_end_matches(')');
    ensure!(said.as_str().is_some_and(|said| said.starts_with(&format!("{count} event"))), "{said} of {kinds:?}");

    let ask = "const field = document.querySelector('form input[type=search]');
        field.value = 'nosuchthing'; field.dispatchEvent(new Event('input', { bubbles: true }));
        field.form.requestSubmit()";
    page.run(ask, vec![]).await?;
    page.until("nothing matches", &format!("return ({STATUS_WORDS}) === '0 events match.'"), vec![]).await?;
    let body = page.run("return document.querySelector('main table tbody').textContent.trim()", vec![]).await?;
    ensure!(body == "Nothing matches here.", "{body}");
    Ok(())
}

/// From whom it came and from which client stands in the row of a delivery; its facts have a row of their own, which is as
/// wide as the table, and say nothing that stands beside them.
pub async fn a_delivery_says_from_whom_it_came(_: &Stage, page: &Page) -> Result<()> {
    page.goto(&events_of_a_day(page, "report=message-traffic&column=incoming").await?).await?;
    page.until("the events", "return document.querySelectorAll('table tbody th').length > 3", vec![]).await?;
    let rows = "return [...document.querySelectorAll('table tbody tr')].filter(row => row.querySelector('th'))
        .map(row => row.cells[3].innerText)";
    let from: Vec<String> = serde_json::from_value(page.run(rows, vec![]).await?)?;
    let is_said = |from: &&String| from.contains('@') && from.contains('\n');
    ensure!(from.iter().filter(is_said).count() > from.len() / 2, "senders and clients: {from:?}");

    let opened: Value = page.run(OPENED, vec![]).await?;
    let words = opened["words"].as_str().context("no words")?;
    ensure!(opened["wide"].as_f64() > Some(0.95), "the facts are squeezed: {opened}");
    ensure!(words.contains(" to <") && opened["times"] == 1, "said once: {opened}");
    ensure!(opened["expanded"] == "true" && opened["label"] == "Facts", "{opened}");

    let aligned =
        "const head = document.querySelectorAll('table thead th'), row = document.querySelector('table tbody tr');
        return [4, 5].map(at => [head[at], row.cells[at]].map(cell => getComputedStyle(cell).textAlign).join())";
    ensure!(page.run(aligned, vec![]).await? == json!(["right,right", "right,right"]), "heads of numbers");

    page.click("button", "The 100 listed as CSV").await?;
    let mut file = csv::Reader::from_path(page.downloaded("csv").await?)?;
    let lines: Vec<csv::StringRecord> = file.records().collect::<Result<_, _>>()?;
    ensure!(lines.len() == from.len(), "{} lines for {} rows", lines.len(), from.len());
    for (line, from) in lines.iter().zip(&from) {
        let in_row: Vec<&str> = from.lines().collect();
        let in_file = [&line[3], &line[4]];
        ensure!(in_row == in_file || !is_said(&from), "{in_file:?} for {in_row:?}");
    }

    let path = "return document.querySelector('header ol').innerText.trim()";
    ensure!(page.run(path, vec![]).await? == "Whole server", "the way to what it is about");
    ensure!(page.complaints().await?.is_empty(), "the browser complains");
    Ok(())
}

const KINDS: &str = "[...document.querySelectorAll('main form select option')].map(option => option.textContent)";
const STATUS_WORDS: &str = "document.querySelector('main [role=status]').textContent.trim()";
const STATUS_NOW: &str = "return document.querySelector('main [role=status]').textContent.trim()";

/// Opens the first event: how wide its facts are beside the table, and how often its words stand in both rows.
const OPENED: &str = "const row = document.querySelector('table tbody tr'), button = row.querySelector('button');
    const words = button.textContent.trim();
    button.click();
    return new Promise(done => requestAnimationFrame(() => setTimeout(() => {
        const facts = row.nextElementSibling, said = row.innerText + facts.innerText;
        done({
            words, wide: facts.querySelector('dl').clientWidth / (row.clientWidth - 32), times: said.split(words).length - 1,
            expanded: button.ariaExpanded, label: button.textContent.trim(),
        });
    })))";

/// The address of the events behind a number of a whole day, a week ago.
async fn events_of_a_day(page: &Page, number: &str) -> Result<String> {
    let day = page.run("return Math.floor(Date.now() / 86400000) * 86400", vec![]).await?.as_i64().context("no day")?;
    Ok(format!("/events?{number}&from={}&until={}", day - 7 * 86_400, day - 6 * 86_400))
}

/// The table of events keeps within its place from a small laptop on, and says the whole time of an event on a phone, too.
pub async fn events_fit_every_screen(_: &Stage, page: &Page) -> Result<()> {
    let address = events_of_a_day(page, "report=smtp-in-usage&column=bandwidth&subject=example.com").await?;
    for (width, height) in [(390, 844), (768, 1024), (1024, 768), (1280, 900), (1920, 1080)] {
        page.size(width, height).await?;
        page.begin(&address).await?;
        page.until("the events", "return document.querySelectorAll('table tbody th').length > 3", vec![]).await?;
        let wide = page.run("return document.documentElement.scrollWidth", vec![]).await?;
        ensure!(wide.as_u64().unwrap_or_default() <= u64::from(width), "{wide} px on a screen of {width}");
        let cut = page.run(CUT, vec![]).await?;
        ensure!((500..1280).contains(&width) || cut == json!([]), "the table is cut on a screen of {width}: {cut}");
        let read_to = "return document.querySelector('header').innerText.includes('read to ')";
        page.until("up to when the logs are read", read_to, vec![]).await?;
        let times: Vec<(String, bool)> = serde_json::from_value(page.run(TIMES, vec![]).await?)?;
        for (time, is_whole) in times {
            ensure!(is_whole && time.matches(':').count() == 2, "{time:?} is cut on a screen of {width}");
        }
    }
    Ok(())
}

const TIMES: &str = "return [...document.querySelectorAll('table tbody th')].slice(0, 9)
    .map(cell => [cell.innerText.trim(), cell.scrollWidth <= cell.clientWidth])";
