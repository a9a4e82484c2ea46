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

/// Every kind of page and state, and what to press to get to it: a key, or the button of this name.
const PAGES: [(&str, &str); 19] = [
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
    ("/reports/message-traffic", "e"),
    ("/reports/message-traffic", "Compare"),
    ("/reports/message-traffic", "Columns"),
    ("/reports/message-traffic", "Chart: Line"),
    ("/reports/message-traffic?by=domains", "admin"),
];
/// What those meet who are not signed in.
const OUTSIDE: [&str; 3] = ["/", "/setup#link=none", "/reports/message-traffic"];

pub fn trial(stage: &Arc<Stage>) -> Trial {
    let has_axe = axe().is_file();
    stage::trial(stage, "axe_finds_nothing_on_any_page", axe_finds_nothing).with_ignored_flag(!has_axe)
}

fn axe() -> PathBuf {
    product::root().join("target/tools/axe-core/axe.min.js")
}

async fn axe_finds_nothing(stage: &Stage, page: &Page) -> Result<()> {
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
    let outside = Page::signed_out(stage.driver()?, &stage.demo()?.url).await?;
    let result = async {
        for scheme in ["light", "dark"] {
            page.colours(scheme).await?;
            for (path, press) in PAGES.into_iter().chain([(events.as_str(), "")]) {
                page.visit(path).await?;
                open(page, press).await?;
                judge(page, &run, scheme, &format!("{path} {press}")).await?;
            }
            outside.colours(scheme).await?;
            for path in OUTSIDE {
                outside.begin(path).await?;
                outside.until("the way in", "return document.querySelector('input[type=password]')", vec![]).await?;
                judge(&outside, &run, scheme, &format!("{path}, signed out")).await?;
            }
        }
        Ok(())
    };
    let result = result.await;
    outside.close().await?;
    result
}

/// Opens what a key or a button opens.
async fn open(page: &Page, press: &str) -> Result<()> {
    match press {
        "" => return Ok(()),
        key if key.len() == 1 => page.press(key).await?,
        button => page.click("button", button).await?,
    }
    let opened = "return [...document.querySelectorAll('dialog[open], [role=dialog]')].some(e => e.checkVisibility())";
    page.until("it opens", opened, vec![]).await
}

async fn judge(page: &Page, run: &str, scheme: &str, what: &str) -> Result<()> {
    let found = page.client.execute_async(run, vec![]).await.with_context(|| format!("axe fails on {what}"))?;
    let found: Vec<Value> = serde_json::from_value(found)?;
    ensure!(found.is_empty(), "{what} in {scheme}: {found:#?}");
    Ok(())
}
