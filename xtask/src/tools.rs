//! The tools that cargo does not bring: looked for, installed where that can be done unattended, else named.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::progress::say;
use crate::{root, shell};

const WASM: &str = "wasm32-unknown-unknown";

/// The standard library for WebAssembly.
pub fn ensure_wasm_target() -> Result<()> {
    let folder = shell::output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]))?;
    if Path::new(String::from_utf8_lossy(&folder).trim()).is_dir() {
        return Ok(());
    }
    if !shell::is_installed("rustup") {
        bail!("Rust's standard library for {WASM} is missing and there is no rustup to add it; install that target");
    }
    shell::run(Command::new("rustup").args(["target", "add", WASM]))
        .with_context(|| format!("cannot add the target {WASM}; try `rustup target add {WASM}` by hand"))
}

/// Chromium and its driver, for the tests that look at the product as a person does.
pub fn ensure_browser() -> Result<()> {
    if has_browser() {
        return Ok(());
    }
    let by_hand = "install Chromium and chromedriver (Debian: `apt-get install chromium chromium-driver`)";
    if !is_root() || !shell::is_installed("apt-get") {
        bail!("the browser tests need `chromium` and `chromedriver` on the PATH; {by_hand}");
    }
    say("installing chromium and chromium-driver");
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let packages =
        ["install", "-y", "-qq", "--no-install-recommends", "chromium", "chromium-driver", "fonts-dejavu-core"];
    shell::run(Command::new("apt-get").args(packages).env("DEBIAN_FRONTEND", "noninteractive"))?;
    if !has_browser() {
        bail!("apt-get has installed them, yet `chromium` or `chromedriver` does not start; {by_hand}");
    }
    Ok(())
}

/// Firefox, for the test of the main paths. It brings its own remote protocol, so there is no driver to install. Where it
/// cannot be had, that test says so and is left out.
pub fn ensure_firefox() -> Result<()> {
    const FIREFOX: &str = "firefox-esr";
    if shell::is_installed(FIREFOX) {
        return Ok(());
    }
    if !is_root() || !shell::is_installed("apt-get") {
        say("no firefox-esr here, and no way to install it: THE TEST IN FIREFOX WILL BE SKIPPED");
        return Ok(());
    }
    say("installing firefox-esr");
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends", FIREFOX];
    if let Err(error) = shell::run(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive")) {
        say(&format!("firefox-esr cannot be installed ({error:#}): THE TEST IN FIREFOX WILL BE SKIPPED"));
    }
    Ok(())
}

/// Postfix and Dovecot, for the tests that send and fetch real mail. Where they cannot be had, those tests say so and
/// are left out.
pub fn ensure_mail_server() -> Result<()> {
    let has_mail_server = || ["postfix", "dovecot"].iter().all(|program| Path::new("/usr/sbin").join(program).exists());
    if has_mail_server() {
        return Ok(());
    }
    if !is_root() || !shell::is_installed("apt-get") {
        say(
            "no Postfix and Dovecot here, and no way to install them: the tests with a real mail server will be skipped",
        );
        return Ok(());
    }
    say("installing postfix and dovecot");
    let question = "postfix postfix/main_mailer_type select No configuration";
    let preseed = format!("echo '{question}' | debconf-set-selections");
    shell::run(Command::new("sh").args(["-c", &preseed]))?;
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    // Their own start scripts find no configuration of Postfix, and the tests start each with one of theirs.
    let packages = ["postfix", "dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"];
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    shell::run(Command::new("apt-get").args(install).args(packages).env("DEBIAN_FRONTEND", "noninteractive"))?;
    if !has_mail_server() {
        bail!("apt-get has installed postfix and dovecot, yet they are not in /usr/sbin");
    }
    Ok(())
}

/// spamd and clamd, which scan a few texts in those tests. Where they cannot be had, those tests say so and leave them out.
pub fn ensure_filters() -> Result<()> {
    const FILTERS: [&str; 2] = ["spamd", "clamd"];
    let is_there = |program: &str| Path::new("/usr/sbin").join(program).exists();
    if FILTERS.iter().all(|program| is_there(program)) {
        return Ok(());
    }
    if !is_root() || !shell::is_installed("apt-get") {
        say("no spamd and clamd here, and no way to install them: THEIR SCANS WILL BE SKIPPED");
        return Ok(());
    }
    say("installing spamd and clamd");
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends", "spamd", "clamav-daemon"];
    if let Err(error) = shell::run(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive")) {
        say(&format!("spamd and clamd cannot be installed ({error:#}): THEIR SCANS WILL BE SKIPPED"));
    }
    Ok(())
}

/// The accessibility checker that the browser tests run in each page. It is not ours to ship (MPL-2.0), so it is fetched;
/// without a network, that one test is left out.
pub fn fetch_axe() -> Result<()> {
    let folder = root::root().join("target/tools/axe-core");
    if folder.join("axe.min.js").is_file() {
        return Ok(());
    }
    if let Err(error) = unpack_axe(&folder) {
        let _ = fs::remove_dir_all(&folder);
        say(&format!("axe-core cannot be fetched ({error:#}); the accessibility test is left out"));
    }
    Ok(())
}

/// Pinned: another version finds other things.
const AXE: &str = "axe-core@4.14.1";

fn unpack_axe(folder: &Path) -> Result<()> {
    if !shell::is_installed("npm") {
        bail!("npm is not installed");
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let name = shell::output(Command::new("npm").args(["pack", AXE, "--silent"]).current_dir(folder))?;
    let archive = String::from_utf8_lossy(&name).trim().to_owned();
    let parts = ["--extract", "--file", &archive, "--strip-components=1", "package/axe.min.js", "package/LICENSE"];
    shell::run(Command::new("tar").args(parts).current_dir(folder))
}

fn has_browser() -> bool {
    shell::is_installed("chromium") && shell::is_installed("chromedriver")
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0")
}
