//! What a person sets is in the address, and what is on screen follows it: rows, chart, CSV.

use anyhow::{Result, ensure};
use mailtally_tests::Page;
use serde_json::json;

use crate::stage::Stage;

/// A piece of state as the address spells it, and what then is true of the page.
const PIECES: [(&str, &str); 12] = [
    (
        "subject=example.com",
        "[...document.querySelectorAll('[aria-current=true]')].some(e => e.textContent === 'example.com')",
    ),
    ("by=domains", "pressed('Domains')"),
    ("range=last-7-days", "document.querySelectorAll('tbody th').length === 7"),
    ("range=2026-03-28..2026-03-29", "document.querySelectorAll('tbody th').length === 2"),
    ("step=week", "pressed('Week')"),
    ("chart=stacked-column", "document.querySelector('[data-kind=stacked-column]')"),
    ("sort=-new_connections", "document.querySelectorAll('thead th')[1].ariaSort === 'descending'"),
    ("hidden=blocked_connections", "[...document.querySelectorAll('figure [aria-pressed=false]')].length === 1"),
    ("columns=blocked_connections", "document.querySelectorAll('thead th').length === 5"),
    ("by=domains&filter=example.com", "document.querySelector('input[type=search]').value === 'example.com'"),
    ("compare=nothing", "!document.querySelector('main dl').textContent.includes(' on ')"),
    ("zone=UTC", "document.querySelector('table')"),
];

pub async fn every_piece_of_state_is_in_the_address(_: &Stage, page: &Page) -> Result<()> {
    for (piece, holds) in PIECES {
        let path = format!("/reports/pop-sessions?{piece}");
        page.goto(&path).await?;
        ensure!(page.path().await? == path, "{piece} became {}", page.path().await?);
        let pressed = "const pressed = text => [...document.querySelectorAll('button[aria-pressed=true]')]
            .some(button => button.textContent.trim() === text);";
        page.until(piece, &format!("{pressed} return !!({holds})"), vec![]).await?;
        // Another change keeps it.
        page.choose("Day").await?;
        page.press("n").await?;
        let kept = page.path().await?;
        let word = piece.split('&').next_back().unwrap_or(piece);
        ensure!(piece == "step=week" || kept.contains(word), "{piece} was lost: {kept}");
    }
    Ok(())
}

pub async fn a_filter_narrows_rows_chart_and_csv(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?subject=example.com&by=users").await?;
    let all = page.table().await?;
    let name = all.rows[all.rows.len() / 2].name.clone();
    let requests = page.requests().await?;
    page.fill("Filter by name", &name.to_uppercase()).await?;
    let narrowed = page.table().await?;
    ensure!(!narrowed.rows.is_empty() && narrowed.rows.len() < all.rows.len(), "{} rows", narrowed.rows.len());
    ensure!(narrowed.rows.iter().all(|row| row.name.contains(&name)), "{name} is not in {:?}", narrowed.rows);
    ensure!(narrowed.totals == all.totals, "the subject's own totals stay");
    // And beside them what is left together.
    let sums = "return [...document.querySelectorAll('tfoot tr:first-child td')].map(cell => cell.textContent)";
    let sums: Vec<String> = serde_json::from_value(page.run(sums, vec![]).await?)?;
    for (column, said) in sums.iter().enumerate() {
        let whole = |text: &str| -> Result<u64> { Ok(text.replace(',', "").parse()?) };
        let sum = narrowed.rows.iter().map(|row| whole(&row.cells[column])).sum::<Result<u64>>()?;
        ensure!(whole(said)? == sum, "column {column} of what is left says {said}, not {sum}");
    }
    let box_top = "return document.querySelector('input[type=search]').getBoundingClientRect().top + scrollY";
    let top = page.run(box_top, vec![]).await?;
    page.fill("Filter by name", "").await?;
    ensure!(page.run(box_top, vec![]).await? == top, "the box moves while one types");
    page.fill("Filter by name", &name).await?;
    ensure!(page.requests().await? == requests, "filtering asked the server");
    page.click("button", "Export").await?;
    page.click("button", "Download").await?;
    let mut reader = csv::Reader::from_path(page.downloaded("csv").await?)?;
    // The last records are the totals: of what is left, and of all.
    ensure!(reader.records().count() == narrowed.rows.len() + 2, "the CSV has other rows than the screen");
    page.fill("Filter by name", "").await?;
    ensure!(page.table().await? == all, "an empty filter hides something");
    Ok(())
}

pub async fn a_drag_zooms_and_there_is_a_way_back(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=last-28-days").await?;
    page.drag_chart(0.3, 0.6).await?;
    page.settled().await?;
    let rows = page.table().await?.rows.len();
    ensure!((6..14).contains(&rows), "a drag over a third of 28 days shows {rows}");
    ensure!(page.path().await?.contains(".."), "the address does not say the dates: {}", page.path().await?);
    page.click("button", "Zoom out").await?;
    let back = "return location.search.includes('last-28-days')";
    page.until("the range from before", back, vec![]).await?;
    page.settled().await?;
    ensure!(page.table().await?.rows.len() == 28);
    let button = "return [...document.querySelectorAll('button')].every(b => b.textContent.trim() !== 'Zoom out')";
    page.until("no way out of what was not zoomed", button, vec![]).await?;
    // To beyond the plot's edge is to the end.
    page.drag_chart(0.5, 0.998).await?;
    page.settled().await?;
    let rows = page.table().await?.rows;
    ensure!((11..17).contains(&rows.len()), "a drag over half of 28 days shows {}", rows.len());
    let today = page.date(0).await?;
    ensure!(page.path().await?.contains(&format!("..{today}")), "{} does not end at {today}", page.path().await?);
    Ok(())
}

/// On a phone icons stand for the words of the page's actions, and for those alone.
pub async fn a_phone_reads_the_words_of_a_dialog(_: &Stage, page: &Page) -> Result<()> {
    page.size(390, 844).await?;
    page.goto("/reports/message-traffic").await?;
    page.click("button", "Export").await?;
    let unread = "return [...document.querySelectorAll('dialog[open] button')].filter(button => {
        const text = document.createRange();
        text.selectNodeContents(button);
        return parseFloat(getComputedStyle(button).fontSize) < 12 || text.getBoundingClientRect().width < 20;
    }).map(button => button.textContent)";
    let unread = page.run(unread, vec![]).await?;
    ensure!(unread == json!([]), "nobody can read {unread}");
    Ok(())
}

pub async fn the_chart_is_saved_as_a_picture(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    let width = page.run("return document.querySelector('canvas[data-draws]').width", vec![]).await?;
    page.click("button", "Export").await?;
    page.fill("File name", "november").await?;
    page.click("button", "Save the chart as PNG").await?;
    let file = page.downloaded("png").await?;
    ensure!(file.file_name().is_some_and(|name| name == "november.png"), "{}", file.display());
    let bytes = std::fs::read(&file)?;
    ensure!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "no PNG");
    let of_file = u32::from_be_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
    ensure!(json!(of_file).as_u64() > width.as_u64(), "the picture is {of_file} wide, the chart {width}");
    Ok(())
}

/// A word that means nothing is told, and a name that cannot be one is not everyone.
pub async fn nonsense_in_the_address_is_told(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/pop-sessions?range=2026-11-01..2026-11-31&utm_source=mail").await?;
    let says = "return document.querySelector('main').innerText.includes(arguments[0])";
    page.until("the range", says, vec![json!("“range=2026-11-01..2026-11-31” in the address means nothing")]).await?;
    page.choose("Week").await?;
    ensure!(
        page.run(says, vec![json!("means nothing")]).await? == false,
        "it is said of an address that is understood"
    );
    page.visit("/reports/pop-sessions?subject=@@").await?;
    page.until("nobody", says, vec![json!("Nothing here")]).await?;
    ensure!(page.run("return !document.querySelector('table')", vec![]).await? == true, "numbers of nobody");
    Ok(())
}

/// The way back from events is to the report as it was left.
pub async fn events_lead_back_to_the_report_as_it_was(_: &Stage, page: &Page) -> Result<()> {
    let path = "/reports/message-traffic?range=last-28-days&step=week&sort=-incoming";
    page.goto(path).await?;
    page.run("document.querySelector('tbody td a').click()", vec![]).await?;
    page.until("the events", "return location.pathname === '/events'", vec![]).await?;
    // The menu has a link of this name, too.
    let up = "[...document.querySelectorAll('main a')].find(link => link.textContent === 'Message Traffic').click()";
    page.run(up, vec![]).await?;
    page.until("the report", "return location.pathname + location.search === arguments[0]", vec![json!(path)]).await
}
