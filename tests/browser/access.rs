//! axe finds nothing on any page, in light and dark. `cargo xtask test` fetches axe-core; where it could not, this is left
//! out and said to be.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use mailtally_tests::{Page, product};
use serde_json::Value;

use crate::stage::{self, Stage};

const DAY_SECS: u64 = 86_400;

/// Every kind of page and state, and what to press to get to it.
const PAGES: [(&str, &str); 14] = [
    ("/", ""),
    ("/health", ""),
    ("/account", ""),
    ("/accounts", ""),
    ("/audit", ""),
    ("/unusual", ""),
    ("/overage", ""),
    ("/nowhere", ""),
    ("/reports/pop-sessions?overlay=yes", ""),
    ("/reports/message-traffic?by=domains", ""),
    ("/reports/message-traffic?by=domains&chart=share", ""),
    ("/reports/pop-sessions?range=1999-01-01..1999-12-31", ""),
    ("/reports/message-traffic", "r"),
    ("/reports/message-traffic", "?"),
];

pub fn trial(stage: &Arc<Stage>) -> Trial {
    let has_axe = axe().is_file();
    stage::trial(stage, "axe_finds_nothing_on_any_page", axe_finds_nothing).with_ignored_flag(!has_axe)
}

fn axe() -> PathBuf {
    product::root().join("target/tools/axe-core/axe.min.js")
}

async fn axe_finds_nothing(_: &Stage, page: &Page) -> Result<()> {
    let script = std::fs::read_to_string(axe()).context("axe-core is not there; `cargo xtask test` fetches it")?;
    let run = format!(
        "{script};
        const done = arguments[arguments.length - 1];
        axe.run(document, {{ resultTypes: ['violations'] }}).then(found => done(found.violations.map(violation =>
            violation.id + ': ' + violation.nodes.map(node => node.html).join(' | '))))"
    );
    // The demo's last whole day.
    let today = UNIX_EPOCH.elapsed()?.as_secs() / DAY_SECS * DAY_SECS;
    let events = format!("/events?report=pop-sessions&column=new_connections&from={}&until={today}", today - DAY_SECS);
    for scheme in ["light", "dark"] {
        page.colours(scheme).await?;
        for (path, key) in PAGES.into_iter().chain([(events.as_str(), "")]) {
            page.visit(path).await?;
            if !key.is_empty() {
                page.press(key).await?;
            }
            let found =
                page.client.execute_async(&run, vec![]).await.with_context(|| format!("axe fails on {path}"))?;
            let found: Vec<Value> = serde_json::from_value(found)?;
            ensure!(found.is_empty(), "{path} in {scheme}: {found:#?}");
        }
    }
    Ok(())
}
