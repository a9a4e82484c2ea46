//! `cargo xtask test`: everything that must hold, in the order in which it fails soonest.

use std::path::PathBuf;

use anyhow::Result;

use crate::progress::{Progress, say};
use crate::{dist, licences, root, shell, tools};

const WASM: &str = "wasm32-unknown-unknown";

pub fn test(long: bool) -> Result<()> {
    // The long tests take what is shipped.
    let server = if long { dist::Server::Trained } else { dist::Server::Plain };
    let mut progress = Progress::new(9 + server.steps());
    progress.step("format", || shell::run(&mut shell::cargo(["fmt", "--all", "--check"])))?;
    progress.step("licences", licences::check)?;
    progress.step("browser for the tests", || {
        tools::ensure_browser()?;
        tools::ensure_firefox();
        tools::fetch_axe()
    })?;
    progress.step("mail server for the tests", || {
        tools::ensure_mail_server()?;
        tools::ensure_filters();
        Ok(())
    })?;
    progress.step("lints", || {
        tools::ensure_make()?;
        lint(["--workspace", "--all-targets"])
    })?;
    progress.step("native tests", || native(long))?;
    dist::build(server, &mut progress)?;
    progress.step("lints of what was built", || {
        // With the bench's contender, which is built for the browser alone.
        lint(["--package=mailtally-app", "--target=wasm32-unknown-unknown", "--lib", "--bins", "--examples"])?;
        lint(["--package=mailtally-server", "--features=embed"])
    })?;
    progress.step("tests inside the browser", in_browser)?;
    progress.step("tests from outside", || from_outside(long))?;
    say(&format!("── all passed in {}", progress.elapsed()));
    Ok(())
}

fn lint<const N: usize>(what: [&str; N]) -> Result<()> {
    shell::run(shell::cargo(["clippy"]).args(what).args(["--", "--deny", "warnings"]))
}

fn native(long: bool) -> Result<()> {
    run_tests(&["--workspace", "--exclude", "mailtally-tests"], long)
}

/// What needs a real browser below it: canvas, Intl, storage. Each test runs in headless Chromium.
fn in_browser() -> Result<()> {
    shell::run(&mut shell::cargo(["build", "--package", "mailtally-tests", "--bin", "wasm-test-runner"]))?;
    let runner: PathBuf = root::cargo_target().join("debug/wasm-test-runner");
    let test = ["test", "--package", "mailtally-app", "--test", "in_browser", "--target", WASM];
    // The runner reads webdriver.json in the package's folder, where the browser's flags are.
    shell::run(
        shell::cargo(test)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env("CHROMEDRIVER", "chromedriver")
            // Not UTC, which would hide what a zone changes.
            .env("TZ", "America/New_York"),
    )
}

/// What a person and an administrator's script meet: the binary of `cargo xtask dist`, driven from outside.
fn from_outside(long: bool) -> Result<()> {
    run_tests(&["--package", "mailtally-tests"], long)
}

/// Long tests are marked `#[ignore]`.
fn run_tests(what: &[&str], long: bool) -> Result<()> {
    let mut command = shell::cargo(["test"]);
    command.args(what);
    if long {
        command.args(["--", "--include-ignored"]);
    }
    shell::run(&mut command)
}
