//! The table answers to clicks.

use anyhow::{Result, ensure};
use mailtally_tests::Page;

use crate::stage::Stage;

pub async fn each_column_sorts_three_ways(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/pop-sessions?step=week").await?;
    let natural = page.table().await?;
    // The newest step stands first, and says so; a click turns that, and another turns it back.
    ensure!(page.sorting().await?[0] == "descending");
    page.sort(0).await?;
    let turned = page.table().await?;
    ensure!(turned.rows.iter().rev().eq(&natural.rows), "the steps are not turned: {:?}", turned.rows);
    ensure!(page.sorting().await?[0] == "ascending");
    page.sort(0).await?;
    ensure!(page.table().await? == natural, "the steps are not turned back");
    for column in 1..natural.head.len() {
        let numbers = |table: &mailtally_tests::page::Table| -> Vec<f64> {
            table.rows.iter().filter_map(|row| row.cells[column - 1].replace(',', "").parse().ok()).collect()
        };
        page.sort(column).await?;
        let descending = numbers(&page.table().await?);
        ensure!(descending.is_sorted_by(|a, b| a >= b), "column {column}, one click: {descending:?}");
        ensure!(page.sorting().await?[column] == "descending");
        page.sort(column).await?;
        let ascending = numbers(&page.table().await?);
        ensure!(ascending.is_sorted(), "column {column}, two clicks: {ascending:?}");
        ensure!(page.sorting().await?[column] == "ascending");
        page.sort(column).await?;
        ensure!(page.table().await? == natural, "column {column}: a third click does not restore the order");
    }
    Ok(())
}

/// A column that is left out goes from table, tiles and address; the last one stays; one that is added comes.
pub async fn columns_are_chosen(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=last-28-days").await?;
    let all = page.table().await?.head;
    page.click("button", "Columns").await?;
    let offered = format!("{BOXES} return boxes.filter(box => box.checked).length === arguments[0]");
    page.until("the columns are offered", &offered, vec![(all.len() - 1).into()]).await?;
    let toggle = async |label: &str| -> Result<()> {
        let script = format!("{BOXES} boxes.find(box => name(box).startsWith(arguments[0])).click()");
        page.run(&script, vec![label.into()]).await?;
        page.frame().await
    };
    toggle(&all[2]).await?;
    let fewer = page.table().await?.head;
    ensure!(fewer.iter().eq(all.iter().filter(|head| **head != all[2])), "{fewer:?} of {all:?}");
    let tiles = page.run("return document.querySelectorAll('main dl dt').length", vec![]).await?;
    ensure!(tiles == fewer.len() - 1, "{tiles} tiles for {fewer:?}");
    ensure!(page.path().await?.contains("columns=outgoing"), "{}", page.path().await?);
    for label in &fewer[2..] {
        toggle(label).await?;
    }
    let last = format!("{BOXES} return boxes.find(box => name(box).startsWith(arguments[0])).disabled");
    page.until("the last column stays", &last, vec![all[1].as_str().into()]).await?;
    for label in &all[2..] {
        toggle(label).await?;
    }
    ensure!(page.table().await?.head == all, "the columns are not back");
    ensure!(!page.path().await?.contains("columns="), "{}", page.path().await?);
    Ok(())
}

/// The boxes of the chooser, and what each is labelled with.
const BOXES: &str = "const boxes = [...document.querySelectorAll('[role=dialog] input[type=checkbox]')].filter(box => box.checkVisibility());
    const name = box => box.labels[0].textContent.trim();";

pub async fn impossible_steps_say_why(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/pop-sessions?range=last-7-days").await?;
    let refused = page.run(REFUSED, vec!["Quarter".into()]).await?;
    ensure!(refused.as_str().is_some_and(|reason| reason.len() > 10), "Quarter of 7 days: {refused}");
    let offered = page.run(REFUSED, vec!["Day".into()]).await?;
    ensure!(offered.is_null(), "Day of 7 days is refused: {offered}");
    // Reached without a pointer, and of no effect.
    page.run(&format!("{CHOICE} choice.focus(); choice.click()"), vec!["Quarter".into()]).await?;
    let is_there =
        page.run(&format!("{CHOICE} return document.activeElement === choice"), vec!["Quarter".into()]).await?;
    ensure!(is_there == true && !page.path().await?.contains("step="), "{is_there} at {}", page.path().await?);
    page.goto("/reports/pop-sessions?by=domains").await?;
    let refused = page.run(REFUSED, vec!["Week".into()]).await?;
    ensure!(refused.as_str().is_some_and(|reason| reason.contains("Trend")), "Week of a Mode: {refused}");
    Ok(())
}

/// Why the choice with this text is disabled; null if it is not.
const REFUSED: &str = "
    const choice = [...document.querySelectorAll('button')].find(button => button.textContent.trim() === arguments[0]);
    const why = document.getElementById(choice.getAttribute('aria-describedby'));
    return choice.ariaDisabled === 'true' ? why.textContent : null";
const CHOICE: &str = "const choice = [...document.querySelectorAll('button')].find(button => button.textContent.trim() === arguments[0]);";
