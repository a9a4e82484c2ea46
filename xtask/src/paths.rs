//! The paths of sources that the code holds: each panic names its place. The folders of the machine that built it are nobody's
//! affair and travel to every browser, so they are cut off.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Arguments of a cargo that builds for the browser. All that build with the profile `wasm` say the same, or each would
/// compile every dependency anew.
pub fn short() -> Result<Vec<String>> {
    let mut flags = Vec::new();
    for packages in registries()? {
        flags.push(format!("--remap-path-prefix={}/=", packages.display()));
    }
    let library = PathBuf::from(asked(&["--print", "sysroot"])?).join("lib/rustlib/src/rust");
    flags.push(format!("--remap-path-prefix={}/={}/", library.display(), library_as_shipped()?));
    // They are put after those of .cargo/config.toml.
    Ok(vec!["--config".to_owned(), format!("target.wasm32-unknown-unknown.rustflags={}", toml::Value::from(flags))])
}

/// The folders below which cargo keeps packages: `tachys-0.2.19/src/dom.rs` is enough to find a file.
fn registries() -> Result<Vec<PathBuf>> {
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let sources = cargo.context("cannot find cargo's folder")?.join("registry/src");
    if !sources.is_dir() {
        return Ok(Vec::new());
    }
    let listed = || format!("cannot list {}", sources.display());
    fs::read_dir(&sources)
        .with_context(listed)?
        .map(|registry| registry.map(|registry| registry.path()).with_context(listed))
        .collect()
}

/// What the standard library calls its own folder in the code that comes compiled with the toolchain. What is generic is
/// compiled here, and each path would be in the code twice.
fn library_as_shipped() -> Result<String> {
    let version = asked(&["--version", "--verbose"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    Ok(format!("/rustc/{}", commit.context("rustc does not say its commit")?))
}

/// What the compiler answers.
fn asked(question: &[&str]) -> Result<String> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = shell::output(Command::new(compiler).args(question))?;
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}
