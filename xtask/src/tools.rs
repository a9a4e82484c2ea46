//! The tools that cargo does not bring: looked for, installed where that can be done unattended, else named.

use std::fs;
use std::path::{Path, PathBuf};
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

/// `make`, by which the server's allocator is built.
pub fn ensure_make() -> Result<()> {
    if shell::is_installed("make") {
        return Ok(());
    }
    if !has_apt() {
        bail!("the server's allocator is built by `make`; install it (Debian: `apt-get install make`)");
    }
    install(&["make"])
}

/// The triple of the machine that compiles.
pub fn host() -> Result<String> {
    let said = shell::output(Command::new("rustc").arg("--version").arg("--verbose"))?;
    let said = String::from_utf8_lossy(&said);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say for which host it is")?.to_owned())
}

/// The program that joins what a watched program wrote down, of the compiler's own version; `None` where it cannot be had.
pub fn ensure_profdata() -> Result<Option<PathBuf>> {
    let folder = shell::output(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let folder = Path::new(String::from_utf8_lossy(&folder).trim()).with_file_name("bin");
    let program = folder.join("llvm-profdata");
    if !program.is_file() {
        let mut add = Command::new("rustup");
        let added = shell::run(add.args(["component", "add", "llvm-tools"]));
        if added.is_err() || !program.is_file() {
            say("llvm-profdata is missing (`rustup component add llvm-tools`): the server will be some tenth slower");
            return Ok(None);
        }
    }
    Ok(Some(program))
}

/// Chromium and its driver, for the tests that look at the product as a person does.
pub fn ensure_browser() -> Result<()> {
    const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];
    const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];
    if PROGRAMS.iter().all(|program| shell::is_installed(program)) {
        return Ok(());
    }
    let by_hand = "install Chromium and chromedriver (Debian: `apt-get install chromium chromium-driver`)";
    if !has_apt() {
        bail!("the browser tests need `chromium` and `chromedriver` on the PATH; {by_hand}");
    }
    install(&PACKAGES)?;
    if !PROGRAMS.iter().all(|program| shell::is_installed(program)) {
        bail!("apt-get has installed them, yet `chromium` or `chromedriver` does not start; {by_hand}");
    }
    Ok(())
}

/// Firefox, for the test of the main paths. It brings its own remote protocol, so there is no driver to install. Where it
/// cannot be had, that test says so and is left out.
pub fn ensure_firefox() {
    if !shell::is_installed("firefox-esr") {
        install_or_skip(&["firefox-esr"], "THE TEST IN FIREFOX");
    }
}

/// Postfix and Dovecot, for the tests that send and fetch real mail. Where there is no way to install them, those tests
/// say so and are left out; an installation that fails is an error, for these tests hold what the counts mean.
pub fn ensure_mail_server() -> Result<()> {
    const PACKAGES: [&str; 5] = ["postfix", "dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"];
    if ["postfix", "dovecot"].iter().all(|program| is_daemon_there(program)) {
        return Ok(());
    }
    if !has_apt() {
        say_skipped(&PACKAGES, NO_APT, "THE TESTS WITH A REAL MAIL SERVER");
        return Ok(());
    }
    // The package's start script finds no configuration of Postfix; the tests start it with one of their own.
    let question = "postfix postfix/main_mailer_type select No configuration";
    let preseed = format!("echo '{question}' | debconf-set-selections");
    shell::run(Command::new("sh").args(["-c", &preseed]))?;
    install(&PACKAGES)
}

/// spamd and clamd, which scan a few texts in those tests. Where they cannot be had, those tests say so and leave them out.
pub fn ensure_filters() {
    if !["spamd", "clamd"].iter().all(|program| is_daemon_there(program)) {
        install_or_skip(&["spamd", "clamav-daemon"], "THE SCANS BY SPAMD AND CLAMD");
    }
}

/// What the bench at the log and at the server is held against. Rows of one that cannot be had say so.
pub fn ensure_peers() {
    for peer in ["pflogsumm", "wrk"].into_iter().filter(|peer| !shell::is_installed(peer)) {
        install_or_skip(&[peer], "WHAT IS MEASURED BESIDE IT");
    }
}

/// Installs what a part of the tests or of the bench needs. Where that cannot be done, says loudly which part is left out.
fn install_or_skip(packages: &[&str], part: &str) {
    if !has_apt() {
        say_skipped(packages, NO_APT, part);
    } else if let Err(error) = install(packages) {
        say_skipped(packages, &format!("{error:#}"), part);
    }
}

/// Why nothing can be installed.
const NO_APT: &str = "that needs root and apt-get";

fn say_skipped(packages: &[&str], why: &str, part: &str) {
    say(&format!("cannot install {} ({why}): {part} WILL BE SKIPPED", packages.join(", ")));
}

/// Installs packages of Debian, without a question.
fn install(packages: &[&str]) -> Result<()> {
    say(&format!("installing {}", packages.join(", ")));
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let quietly = ["install", "-y", "-qq", "--no-install-recommends"];
    shell::run(Command::new("apt-get").args(quietly).args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn has_apt() -> bool {
    is_root() && shell::is_installed("apt-get")
}

/// Whether a daemon is where Debian puts it, which need not be on the PATH.
fn is_daemon_there(program: &str) -> bool {
    Path::new("/usr/sbin").join(program).exists()
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

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0")
}
