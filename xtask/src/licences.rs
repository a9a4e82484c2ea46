//! Every dependency may be used: its licence is on the list in deny.toml.
//!
//! The list is cargo-deny's own, so that tool, where it is installed, is run instead: it also asks for published
//! advisories, which needs the network. Without it this check needs no network and nothing to install.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::progress::say;
use crate::root::root;
use crate::shell;

pub fn check() -> Result<()> {
    if shell::is_installed("cargo-deny") {
        return shell::run(&mut shell::cargo(["deny", "check"]));
    }
    let settings = fs::read_to_string(root().join("deny.toml")).context("cannot read deny.toml")?;
    let allowed = allowed(&settings)?;
    let metadata = shell::output(&mut shell::cargo(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_slice(&metadata).context("cannot read the output of cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let refused: Vec<String> = packages.iter().filter_map(|package| refusal(package, &allowed)).collect();
    if !refused.is_empty() {
        bail!("not allowed by deny.toml: {}", refused.join("; "));
    }
    say(&format!("{} packages have licences on the list in deny.toml", packages.len()));
    say("published advisories are checked where cargo-deny is installed; it is not, here");
    Ok(())
}

fn allowed(settings: &str) -> Result<Vec<String>> {
    let settings: toml::Table = settings.parse().context("cannot parse deny.toml")?;
    let list = settings.get("licenses").and_then(|licenses| licenses.get("allow")).and_then(|allow| allow.as_array());
    let list = list.context("deny.toml lacks licenses.allow")?;
    Ok(list.iter().filter_map(|licence| licence.as_str().map(str::to_owned)).collect())
}

/// Why this package may not be used, if so.
fn refusal(package: &Value, allowed: &[String]) -> Option<String> {
    let name = package["name"].as_str().unwrap_or("?");
    let Some(licence) = package["license"].as_str() else { return Some(format!("{name} declares no licence")) };
    let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
        return Some(format!("{name} has a licence that cannot be parsed: {licence}"));
    };
    let is_allowed = |required: &LicenseReq| allowed.contains(&required.to_string());
    let permitted = expression.evaluate(is_allowed);
    (!permitted).then(|| format!("{name} ({licence})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(licence: &str, permitted: bool) {
        let allowed = ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()];
        let package = serde_json::json!({ "name": "example", "license": licence });
        assert_eq!(refusal(&package, &allowed).is_none(), permitted, "{licence}");
    }

    #[test]
    fn one_of_several_offered_licences_is_enough() {
        check("MIT", true);
        check("GPL-3.0-only OR MIT", true);
        check("GPL-3.0-only/MIT", true);
        check("GPL-3.0-only", false);
    }

    #[test]
    fn all_of_several_required_licences_must_be_on_the_list() {
        check("MIT AND GPL-3.0-only", false);
        check("MIT AND Apache-2.0 WITH LLVM-exception", true);
        check("Apache-2.0", false);
    }

    #[test]
    fn no_licence_is_no_permission() {
        assert!(refusal(&serde_json::json!({ "name": "example", "license": null }), &[]).is_some());
    }
}
