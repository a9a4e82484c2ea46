//! chromedriver as a process, and the way in to a fresh browser.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

/// The zone of every browser here: not UTC, and with a clock that changes twice a year.
pub const ZONE: &str = "Europe/Berlin";

/// No window, no calls home, and a sandbox of its own only where the system lets root have one: nowhere.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--lang=en-GB",
];

/// A running chromedriver, ended when dropped. It ends its browsers with their sessions.
pub struct Chromedriver {
    process: Child,
    url: String,
}

impl Chromedriver {
    /// Starts it on a port of its own choice.
    pub fn start() -> Result<Chromedriver> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .env("TZ", ZONE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver; `cargo xtask test` says how to get it")?;
        let stdout = process.stdout.take().context("chromedriver has no stdout")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://127.0.0.1:{}", port.context("chromedriver did not say its port")?);
        Ok(Chromedriver { process, url })
    }

    /// A fresh browser, with nothing remembered, that puts downloads into `folder`.
    pub async fn browser(&self, folder: &Path) -> Result<Client> {
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let flags: Vec<&str> = FLAGS.iter().copied().chain([profile.as_str()]).collect();
        let capabilities = json!({
            "goog:chromeOptions": { "args": flags, "prefs": { "download.default_directory": folder } },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities: Capabilities = serde_json::from_value(capabilities).context("capabilities are an object")?;
        let builder = &mut ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities).connect(&self.url).await.context("cannot start a browser")
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command that only Chromium's driver has: a path below the session, and what is sent there.
#[derive(Debug)]
pub struct ChromeCommand {
    path: &'static str,
    body: Value,
}

impl ChromeCommand {
    /// A method of the DevTools protocol.
    pub fn devtools(method: &str, parameters: Value) -> ChromeCommand {
        ChromeCommand { path: "goog/cdp/execute", body: json!({ "cmd": method, "params": parameters }) }
    }

    /// What the console said since it was last asked.
    pub fn console() -> ChromeCommand {
        ChromeCommand { path: "se/log", body: json!({ "type": "browser" }) }
    }
}

impl WebDriverCompatibleCommand for ChromeCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
