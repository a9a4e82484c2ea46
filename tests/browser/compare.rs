//! A number beside the one before: whole weeks earlier, so that weekdays meet, and like with like.

use anyhow::{Context, Result, ensure};
use mailtally_tests::{Page, chrome, product};

use crate::stage::Stage;

pub async fn weeks_are_compared_with_weeks(stage: &Stage, page: &Page) -> Result<()> {
    page.goto("/").await?;
    // Thirty days that are over, and the thirty that lie five weeks before them; the demo's gap is in neither.
    let (first, last) = (page.date(100).await?, page.date(71).await?);
    let (then_first, then_last) = (page.date(135).await?, page.date(106).await?);
    page.goto(&format!("/reports/message-traffic?range={first}..{last}")).await?;
    let totals = |first: &str, last: &str| -> Result<Vec<f64>> {
        let when = ["--from", first, "--until", last, "--zone", chrome::ZONE];
        let report = product::report(&stage.demo()?.data, "message-traffic", &when)?;
        let totals = report["totals"].as_array().context("a report has totals")?;
        totals.iter().map(|total| total.as_f64().context("an observed total")).collect()
    };
    let (now, then) = (totals(&first, &last)?, totals(&then_first, &then_last)?);
    let said = "return [...document.querySelectorAll('main dl > div')].map(tile => tile.textContent)";
    let tiles: Vec<String> = serde_json::from_value(page.run(said, vec![]).await?)?;
    ensure!(tiles.len() == now.len(), "{tiles:?}");
    for ((tile, now), then) in tiles.iter().zip(now).zip(then) {
        let plain = tile.replace(',', "");
        ensure!(plain.ends_with(&format!("on {then}")), "{tile:?} should end with what it was: {then}");
        if now > then && now < 10.0 * then {
            let percent = format!("+{} %", ((now / then - 1.0) * 100.0).round());
            ensure!(percent == "+0 %" || plain.contains(&percent), "{tile:?} should say {percent}");
        }
    }
    Ok(())
}

/// Of the demo's year the first day is all there is of the weeks a year ago.
pub async fn what_cannot_be_compared_says_why(_: &Stage, page: &Page) -> Result<()> {
    let says = "return [[...document.querySelectorAll('main dl > div')].map(tile => tile.textContent),
        document.querySelector('main').innerText]";
    for (range, in_tile, in_note) in [
        ("last-90-days&compare=year", "partly observed then", "was observed only in part"),
        ("last-quarter&compare=year", "not observed then", "was not observed: there is nothing to compare with"),
    ] {
        page.goto(&format!("/reports/pop-sessions?range={range}")).await?;
        let (tiles, all): (Vec<String>, String) = serde_json::from_value(page.run(says, vec![]).await?)?;
        ensure!(tiles.iter().all(|tile| tile.ends_with(in_tile)), "{range}: {tiles:?}");
        ensure!(all.contains(in_note), "{range}: {all}");
    }
    Ok(())
}
