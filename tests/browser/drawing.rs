//! The chart is drawn when it must be, and only then.

use anyhow::{Context, Result, ensure};
use mailtally_tests::Page;

use crate::stage::Stage;

pub async fn every_chart_type_has_ink(_: &Stage, page: &Page) -> Result<()> {
    let kinds = ["line", "area", "stacked-area", "column", "stacked-column"].map(|kind| format!("chart={kind}"));
    let kinds_of_modes = ["bar", "share"].map(|kind| format!("by=domains&chart={kind}"));
    for kind in kinds.iter().chain(&kinds_of_modes) {
        page.goto(&format!("/reports/message-traffic?{kind}")).await?;
        let colours = page.ink().await?;
        ensure!(colours > 8, "{kind}: the chart is blank, it has {colours} colours");
    }
    Ok(())
}

pub async fn hovering_redraws_nothing(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic").await?;
    let before = page.draws().await?;
    page.hover_chart().await?;
    ensure!(page.draws().await? == before, "the pointer over the chart made it draw again");
    Ok(())
}

/// What is read aloud of a chart, and stands beside the crosshair: each row of the table, with how it has changed.
pub async fn the_crosshair_says_what_the_table_says(_: &Stage, page: &Page) -> Result<()> {
    page.goto("/reports/message-traffic?range=last-28-days&sort=row").await?;
    let table = page.table().await?;
    page.run("document.querySelector('[role=slider]').focus()", vec![]).await?;
    let mut changes = 0;
    for row in &table.rows {
        page.press("ArrowRight").await?;
        let says = page.run("return document.querySelector('[role=slider]').ariaValueText", vec![]).await?;
        let says = says.as_str().context("nothing is said")?;
        for (column, cell) in table.head[1..].iter().zip(&row.cells) {
            let value = if cell == "–" { "not observed" } else { cell };
            ensure!(says.contains(&format!("{column} {value}")), "{row:?} is said as {says}");
        }
        changes += usize::from(says.contains(" % on ") && says.contains(", compared with "));
    }
    ensure!(changes > table.rows.len() / 2, "{changes} of {} rows say how they have changed", table.rows.len());
    // A pointer is told the same.
    page.hover_chart().await?;
    let at = "const slider = document.querySelector('[role=slider]');
        return [+slider.ariaValueNow, slider.ariaValueText, slider.innerText]";
    let (at, says, shows): (usize, String, String) = serde_json::from_value(page.run(at, vec![]).await?)?;
    let row = table.rows.get(at).context("the pointer is at no row")?;
    ensure!(row.cells.iter().all(|cell| says.contains(cell) && shows.contains(cell)), "{row:?}: {says}, {shows}");
    Ok(())
}

/// However the page is scrolled, neither the bar above nor the edge below covers what the crosshair says.
pub async fn the_values_stay_in_sight(_: &Stage, page: &Page) -> Result<()> {
    for (path, width) in [("message-traffic", 1280), ("message-traffic", 390), ("message-traffic?by=domains", 1280)] {
        page.size(width, 480).await?;
        page.goto(&format!("/reports/{path}")).await?;
        for share in [0.4, -0.2, -0.7] {
            // So much of the screen above the chart, or of the chart above the screen.
            let script = "const slider = document.querySelector('[role=slider]');
                const { top, height } = slider.getBoundingClientRect();
                scrollBy(0, top - (arguments[0] > 0 ? innerHeight - arguments[0] * height : arguments[0] * height));
                slider.focus({ preventScroll: true })";
            page.run(script, vec![share.into()]).await?;
            page.press("ArrowRight").await?;
            page.frame().await?;
            let script = "const { top, bottom } = document.querySelector('[role=slider] dl').parentElement.getBoundingClientRect();
                return [document.querySelector('header').getBoundingClientRect().bottom, top, bottom, innerHeight]";
            let places: Vec<f64> = serde_json::from_value(page.run(script, vec![]).await?)?;
            ensure!(places.is_sorted(), "{path} at {width}, {share}: bar, top, bottom, screen {places:?}");
        }
    }
    Ok(())
}
