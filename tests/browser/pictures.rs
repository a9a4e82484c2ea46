//! Pictures of the report page for a person to look at, in target/screenshots, and what can be told without one.

use anyhow::{Result, ensure};
use mailtally_tests::{Page, product};

use crate::stage::Stage;

pub async fn pictures_are_taken(_: &Stage, page: &Page) -> Result<()> {
    let folder = product::root().join("target/screenshots");
    for (name, path) in [("trend", "/reports/pop-sessions"), ("domains", "/reports/message-traffic?by=domains")] {
        for scheme in ["light", "dark"] {
            page.colours(scheme).await?;
            for (width, height) in [(390, 844), (1280, 900), (1920, 1080)] {
                page.size(width, height).await?;
                page.goto(path).await?;
                page.frame().await?;
                page.screenshot(&folder.join(format!("{name}-{scheme}-{width}.png"))).await?;
                let wide = page.run("return document.documentElement.scrollWidth", vec![]).await?;
                let wide = wide.as_u64().unwrap_or_default();
                ensure!(wide <= u64::from(width), "{name}: {wide} px on a screen of {width}");
            }
        }
    }
    Ok(())
}
