//! By keyboard alone.

use anyhow::{Result, ensure};
use mailtally_tests::Page;

use crate::stage::Stage;

pub async fn keys_do_what_clicks_do(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    for (key, says) in [
        ("8", "range=last-28-days"),
        ("3", "step=week"),
        ("c", "chart=area"),
        ("x", "compare=year"),
        ("v", "by=domains"),
        ("[", "range="),
        ("9", "by=domains"),
    ] {
        page.press(key).await?;
        page.settled().await?;
        ensure!(page.path().await?.contains(says), "{key} led to {}", page.path().await?);
    }
    page.press("/").await?;
    let focused = "return document.activeElement.type === 'search'";
    page.until("the filter has the focus", focused, vec![]).await?;
    // Letters typed are the field's.
    page.press("m").await?;
    ensure!(page.path().await?.contains("filter=m"), "{}", page.path().await?);
    page.run("document.activeElement.blur()", vec![]).await?;
    page.press("?").await?;
    page.until("the sheet of keys", "return document.querySelector('dialog[open] kbd')", vec![]).await?;
    page.press("t").await?;
    ensure!(!page.path().await?.contains("today"), "a key reached through the sheet");
    page.press("Escape").await?;
    page.until("it is closed", "return !document.querySelector('dialog[open]')", vec![]).await?;
    page.press("r").await?;
    page.until("the range's dialog", "return document.querySelector('[role=dialog] [role=grid]')", vec![]).await?;
    page.press("Escape").await?;
    // A chart is walked by arrows.
    page.goto("/reports/message-traffic").await?;
    page.run("document.querySelector('[role=slider]').focus()", vec![]).await?;
    page.press("ArrowRight").await?;
    let said = "return document.querySelector('[role=slider]').ariaValueText.includes('Incoming Messages')";
    page.until("the first step is read out", said, vec![]).await?;
    // And zoomed by Enter, to the step that is pointed at.
    page.press("Enter").await?;
    page.settled().await?;
    ensure!(page.path().await?.contains("..") && page.table().await?.rows.len() == 24, "{}", page.path().await?);
    page.press("z").await?;
    page.settled().await?;
    page.run("document.activeElement.blur()", vec![]).await?;
    page.press("g").await?;
    let is_here = "return document.activeElement.ariaCurrent === 'page' && document.activeElement.textContent";
    page.until("the list of reports, where one is", is_here, vec![]).await?;
    // On another page the hand is at its head, and not nowhere.
    page.press("o").await?;
    page.until("the head of the overview", "return document.activeElement.textContent === 'Overview'", vec![]).await?;
    page.goto("/reports/message-traffic").await?;
    // Switched off, a key does nothing.
    page.run("document.activeElement.blur(); localStorage.setItem('mailtally-keys', 'off')", vec![]).await?;
    let before = page.path().await?;
    page.press("8").await?;
    ensure!(page.path().await? == before, "keys that are off changed the page");
    Ok(())
}

/// A panel that closes behind a choice gives the hand back to its button; up and down lead through it.
pub async fn a_choice_leaves_the_hand_where_it_was(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    for (panel, keys, says) in [
        ("Chart", &["ArrowDown", "ArrowDown", "Enter"][..], "chart=area"),
        ("Compare", &["ArrowUp", "ArrowUp", "Enter"], "compare=nothing"),
        ("range-button", &["ArrowDown", "ArrowDown", "Enter"], "range=this-month"),
    ] {
        let button = "const button = [...document.querySelectorAll('main button[aria-haspopup=dialog]')]
            .find(button => button.id === arguments[0] || button.textContent.includes(arguments[0])); button.focus(); return button.textContent";
        page.run(button, vec![panel.into()]).await?;
        page.press("Enter").await?;
        let is_open = "return document.activeElement.getAttribute('role') === 'dialog'";
        page.until("the panel has the hand", is_open, vec![]).await?;
        for key in keys {
            page.press(key).await?;
        }
        page.settled().await?;
        ensure!(page.path().await?.contains(says), "{panel} led to {}", page.path().await?);
        let is_back = "const at = document.activeElement;
            return at.getAttribute('aria-haspopup') === 'dialog' && at.getAttribute('aria-expanded') === 'false'";
        page.until("its button has the hand", is_back, vec![]).await?;
    }
    page.run("document.querySelector('figure [role=group] button').focus()", vec![]).await?;
    page.press("Enter").await?;
    page.settled().await?;
    ensure!(page.path().await?.contains("hidden="), "the series is not hidden: {}", page.path().await?);
    let is_there =
        "const at = document.activeElement; return at.ariaPressed === 'false' && at.closest('figure') !== null";
    page.until("the series' button has the hand", is_there, vec![]).await
}
