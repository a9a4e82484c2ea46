//! What is reached by other hands than a mouse's and seen on other grounds than a screen's own: fingers, the keys of the
//! calendar, a system's own colours, and the older ones behind "Show more".

use anyhow::{Context, Result, ensure};
use mailtally_tests::Page;
use serde_json::json;

use crate::stage::Stage;

pub async fn two_fingers_zoom_and_one_scrolls(_: &Stage, page: &Page) -> Result<()> {
    page.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true, "maxTouchPoints": 2 })).await?;
    page.goto("/reports/message-traffic?range=last-28-days").await?;
    let before = page.path().await?;
    let (x, y, width) = chart(page).await?;
    let touch = async |kind: &str, parts: &[f64]| -> Result<()> {
        let points: Vec<_> =
            parts.iter().enumerate().map(|(id, part)| json!({ "x": x + width * part, "y": y, "id": id })).collect();
        page.devtools("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points })).await?;
        page.frame().await
    };
    // One finger along the chart reads it, and zooms nowhere.
    touch("touchStart", &[0.3]).await?;
    touch("touchMove", &[0.5]).await?;
    let said = "return document.querySelector('[role=slider]').ariaValueText.includes('Incoming Messages')";
    page.until("the values under the finger", said, vec![]).await?;
    touch("touchEnd", &[]).await?;
    ensure!(page.path().await? == before, "one finger zoomed: {}", page.path().await?);
    // Two take what is between them.
    touch("touchStart", &[0.45]).await?;
    touch("touchStart", &[0.45, 0.55]).await?;
    touch("touchMove", &[0.3, 0.6]).await?;
    touch("touchEnd", &[]).await?;
    page.until("another range", "return location.search.includes('..')", vec![]).await?;
    page.settled().await?;
    let rows = page.table().await?.rows.len();
    ensure!((6..14).contains(&rows), "two fingers over a third of 28 days show {rows}");
    page.click("button", "Zoom out").await?;
    page.until("the way back", "return location.search.includes('last-28-days')", vec![]).await?;
    page.settled().await?;
    // A finger that goes up over the chart scrolls the page.
    let (x, y, width) = chart(page).await?;
    page.run("scrollBy(0, -60)", vec![]).await?;
    let top = page.run("return scrollY", vec![]).await?;
    let up = async |kind: &str, by: &[f64]| {
        let points: Vec<_> = by.iter().map(|by| json!({ "x": x + width / 2.0, "y": y - by, "id": 0 })).collect();
        page.devtools("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points })).await
    };
    up("touchStart", &[0.0]).await?;
    for tenth in 1..=10 {
        up("touchMove", &[f64::from(tenth) * 8.0]).await?;
    }
    up("touchEnd", &[]).await?;
    page.until("the page is scrolled", "return scrollY > arguments[0]", vec![top]).await?;
    ensure!(page.path().await? == before, "a scroll zoomed: {}", page.path().await?);
    Ok(())
}

/// Where the chart is, once it is in sight: its left, its middle from the top, and its width.
async fn chart(page: &Page) -> Result<(f64, f64, f64)> {
    let script = "const canvas = document.querySelector('canvas[data-draws]');
        canvas.scrollIntoView({ block: 'center' });
        const box = canvas.getBoundingClientRect();
        return [box.x, box.y + box.height / 2, box.width]";
    Ok(serde_json::from_value(page.run(script, vec![]).await?)?)
}

pub async fn the_calendar_is_walked_by_keys(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=2026-03-10..2026-03-20&zone=UTC").await?;
    page.press("r").await?;
    page.until("the calendars", "return document.querySelector('[role=dialog] [role=grid]')", vec![]).await?;
    let stops = "const stops = css => [...document.querySelectorAll(`[role=dialog] ${css}`)]
        .filter(element => element.tabIndex >= 0 && !element.disabled).length;
        return [stops('[role=grid] *'), stops('ul *')]";
    ensure!(page.run(stops, vec![]).await? == json!([1, 1]), "days or presets are more than a stop each");
    // Turned, the calendar has its one stop still, and the hand stays on the button.
    page.click("button", "Month before").await?;
    page.frame().await?;
    ensure!(page.run(stops, vec![]).await? == json!([1, 1]), "no day can be reached in another month");
    page.click("button", "Month after").await?;
    page.frame().await?;
    page.run("document.querySelector('[role=grid] [tabindex=\"0\"]').focus()", vec![]).await?;
    for (key, says) in [
        ("ArrowLeft", "Mar 19"),
        ("ArrowDown", "Mar 26"),
        ("Home", "Mar 23"),
        ("End", "Mar 29"),
        ("PageUp", "Feb 28"),
        ("ArrowRight", "Mar 1"),
    ] {
        page.press(key).await?;
        let named = "return document.activeElement.ariaLabel";
        let on = page.run(named, vec![]).await?;
        ensure!(on.as_str().is_some_and(|on| on.contains(says)), "{key} led to {on}, not {says}");
    }
    page.press("Enter").await?;
    page.press("ArrowDown").await?;
    page.press("Enter").await?;
    page.until("a week", "return location.search.includes('2026-03-01..2026-03-08')", vec![]).await?;
    page.settled().await
}

pub async fn the_systems_colours_tell_what_is_chosen(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    page.devtools("Emulation.setEmulatedMedia", forced).await?;
    let looks = "const look = text => {
            const button = [...document.querySelectorAll('[role=group] button')].find(b => b.textContent.trim() === text);
            return getComputedStyle(button).color;
        };
        return ['Day', 'Week', 'Quarter'].map(look)";
    let looks: Vec<String> = serde_json::from_value(page.run(looks, vec![]).await?)?;
    ensure!(looks[0] != looks[1], "what is chosen looks like the rest: {looks:?}");
    let refused = "return [...document.querySelectorAll('[role=group] button')].some(b => b.ariaDisabled === 'true')";
    if page.run(refused, vec![]).await? == true {
        ensure!(looks[1] != looks[2], "what cannot be chosen looks like the rest: {looks:?}");
    }
    ensure!(page.ink().await? > 4, "the chart has lost its colours");
    let scheme = json!({ "features": [{ "name": "forced-colors", "value": "none" }] });
    page.devtools("Emulation.setEmulatedMedia", scheme).await
}

pub async fn older_events_come_page_by_page(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=last-90-days").await?;
    page.run("document.querySelector('tfoot td a').click()", vec![]).await?;
    let rows = "document.querySelectorAll('tbody th[scope=row]').length";
    let more = "[...document.querySelectorAll('main button')].find(b => b.textContent.trim() === 'Show more')";
    page.until("the newest events", &format!("return location.pathname === '/events' && {rows} > 0 && {more}"), vec![])
        .await?;
    let first = page.run(&format!("return {rows}"), vec![]).await?.as_u64().context("no rows")?;
    let text = "return [...document.querySelectorAll('tbody tr')].slice(0, arguments[0]).map(row => row.textContent)";
    let newest = page.run(text, vec![json!(first)]).await?;
    page.click("button", "Show more").await?;
    page.until("more of them", &format!("return {rows} > arguments[0]"), vec![json!(first)]).await?;
    ensure!(page.run(text, vec![json!(first)]).await? == newest, "those that were there have changed");
    Ok(())
}
