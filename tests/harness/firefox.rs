//! Firefox as a process, and a page in it. It speaks Marionette, its own remote protocol, so that no driver is needed: lines
//! of `LENGTH:JSON` over a socket, which carry the same commands as WebDriver.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::account::{self, Address};
use crate::chrome::ZONE;
use crate::page::NAMED;

/// Debian's name for it.
const PROGRAM: &str = "firefox-esr";
/// A condition that is not met by then never will be; on a busy machine the first start takes a while.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// No calls home, no first-run pages, downloads without a question; a port of its own choice.
const PREFERENCES: &[(&str, &str)] = &[
    ("marionette.port", "0"),
    ("app.normandy.enabled", "false"),
    ("app.update.enabled", "false"),
    ("browser.download.folderList", "2"),
    ("browser.safebrowsing.downloads.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.startup.homepage_override.mstone", "\"ignore\""),
    ("browser.startup.page", "0"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.update.enabled", "false"),
    ("intl.accept_languages", "\"en-GB\""),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("toolkit.telemetry.reportingpolicy.firstRun", "false"),
];

/// One window at the product, signed in; ended when dropped.
pub struct Firefox {
    process: Child,
    socket: TcpStream,
    base: String,
    commands: u32,
    folder: TempDir,
}

/// Whether there is a Firefox to test in.
pub fn is_installed() -> bool {
    let found = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

impl Firefox {
    pub fn open(address: &Address) -> Result<Firefox> {
        let folder = tempfile::tempdir().context("cannot make a profile")?;
        let downloads = folder.path().join("downloads");
        fs::create_dir(&downloads).context("cannot make a directory for downloads")?;
        let preference = |(name, value): (&str, &str)| format!("user_pref(\"{name}\", {value});\n");
        let mut preferences: String = PREFERENCES.iter().copied().map(preference).collect();
        preferences += &preference(("browser.download.dir", &json!(downloads).to_string()));
        fs::write(folder.path().join("user.js"), preferences).context("cannot write preferences")?;
        let process = Command::new(PROGRAM)
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(folder.path())
            .env("TZ", ZONE)
            .env("HOME", folder.path())
            .env("MOZ_DISABLE_CONTENT_SANDBOX", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start Firefox; `cargo xtask test` says how to get it")?;
        // From here on it is ended however this goes.
        let mut process = Ended(Some(process));
        let port = port(&folder.path().join("MarionetteActivePort"))?;
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("Firefox does not listen")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let process = process.0.take().context("it has just been started")?;
        let mut firefox = Firefox { process, socket, base: address.to_string(), commands: 0, folder };
        firefox.hear().context("Firefox says nothing")?;
        firefox.command("WebDriver:NewSession", &json!({}))?;
        firefox.command("WebDriver:SetWindowRect", &json!({ "width": 1280, "height": 900 }))?;
        // A cookie is set on a page of its site.
        firefox.command("WebDriver:Navigate", &json!({ "url": format!("{}/api/openapi.json", firefox.base) }))?;
        let cookie = json!({
            "name": account::COOKIE, "value": address.session(), "path": "/", "secure": true, "httpOnly": true,
            "sameSite": "Lax",
        });
        firefox.command("WebDriver:AddCookie", &json!({ "cookie": cookie }))?;
        Ok(firefox)
    }

    /// Goes to a path as if its link had been pasted, and waits until it is there.
    pub fn goto(&mut self, path: &str) -> Result<()> {
        let url = format!("{}{path}", self.base);
        self.command("WebDriver:Navigate", &json!({ "url": url }))?;
        self.settled()
    }

    pub fn back(&mut self) -> Result<()> {
        self.command("WebDriver:Back", &json!({}))?;
        self.settled()
    }

    /// Runs a script's body in the page; `arguments[…]` are the arguments.
    pub fn run(&mut self, script: &str, arguments: &[Value]) -> Result<Value> {
        let answer = self.command("WebDriver:ExecuteScript", &json!({ "script": script, "args": arguments }))?;
        Ok(answer["value"].clone())
    }

    /// Waits until a script's body returns something true.
    pub fn until(&mut self, what: &str, script: &str, arguments: &[Value]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_true(&self.run(script, arguments)?) {
            if Instant::now() > deadline {
                let page = self.run("return location.href + ' ' + document.body.innerText.slice(0, 600)", &[])?;
                bail!("never happened: {what}; the page is {page}");
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    pub fn settled(&mut self) -> Result<()> {
        self.until("the report is shown", crate::page::SETTLED, &[])
    }

    /// Clicks what has exactly this accessible name, with the mouse.
    pub fn click(&mut self, css: &str, name: &str) -> Result<()> {
        let find = format!("{NAMED}; return named(arguments[0], arguments[1])");
        let found = [json!(css), json!(name)];
        self.until(&format!("there is {name:?}"), &find, &found)?;
        let element = self.run(&find, &found)?;
        let id = element.as_object().and_then(|element| element.values().next()).cloned().context("no element")?;
        self.command("WebDriver:ElementClick", &json!({ "id": id }))?;
        Ok(())
    }

    pub fn path(&mut self) -> Result<String> {
        let path = self.run("return location.pathname + location.search", &[])?;
        path.as_str().map(str::to_owned).context("a page has an address")
    }

    /// Waits for a download to be complete.
    pub fn downloaded(&mut self, extension: &str) -> Result<PathBuf> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for file in fs::read_dir(self.folder.path().join("downloads"))? {
                let file = file?.path();
                let is_wanted = file.extension().is_some_and(|found| found == extension);
                // What is on its way has a second file beside it.
                let is_whole = !file.with_extension(format!("{extension}.part")).exists();
                if is_wanted && is_whole && fs::metadata(&file)?.len() > 0 {
                    return Ok(file);
                }
            }
            std::thread::sleep(GLANCE);
        }
        bail!("no {extension} file was downloaded")
    }

    fn command(&mut self, name: &str, parameters: &Value) -> Result<Value> {
        self.commands += 1;
        let message = json!([0, self.commands, name, parameters]).to_string();
        write!(self.socket, "{}:{message}", message.len()).context("Firefox has gone")?;
        let answer = self.hear().with_context(|| format!("{name} was not answered"))?;
        ensure!(answer[1] == self.commands, "{name} was answered out of turn: {answer}");
        ensure!(answer[2].is_null(), "{name} failed: {}", answer[2]);
        Ok(answer[3].clone())
    }

    fn hear(&mut self) -> Result<Value> {
        let mut length = 0_usize;
        loop {
            let mut byte = [0];
            self.socket.read_exact(&mut byte)?;
            match byte[0] {
                b':' => break,
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                other => bail!("a length has no {other}"),
            }
        }
        let mut message = vec![0; length];
        self.socket.read_exact(&mut message)?;
        serde_json::from_slice(&message).context("Firefox speaks JSON")
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that ends with this, unless it is taken out.
struct Ended(Option<Child>);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Firefox writes the port that it chose into its profile.
fn port(file: &std::path::Path) -> Result<u16> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(port) = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()) {
            return Ok(port);
        }
        std::thread::sleep(GLANCE);
    }
    bail!("Firefox did not start within {PATIENCE:?}")
}

fn is_true(value: &Value) -> bool {
    !value.is_null() && *value != json!(false)
}
