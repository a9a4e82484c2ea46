//! The chart is drawn when it must be, and only then.

use anyhow::{Result, ensure};
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
