//! The page as a person meets it: links and buttons by their names, the one table, the chart's ink.
//!
//! It relies on what the product promises to scripts (roles, names, one `table`, one `h1`), never on class names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, interval};

use crate::account::{self, Address};
use crate::chrome::{ChromeCommand, Chromedriver};

/// A condition that is not met by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// One browser window at the product.
pub struct Page {
    pub client: Client,
    base: String,
    downloads: TempDir,
}

/// The report's table as text, as it stands on screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Column headers, the first one included.
    pub head: Vec<String>,
    pub rows: Vec<Row>,
    /// The cells of the totals row, without its name.
    pub totals: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    pub cells: Vec<String>,
}

impl Page {
    /// Opens a fresh browser that is signed in where `address` is.
    pub async fn open(driver: &Chromedriver, address: &Address) -> Result<Page> {
        let page = Page::signed_out(driver, address).await?;
        let cookie = json!({
            "url": page.base, "name": account::COOKIE, "value": address.session(), "path": "/", "secure": true,
            "httpOnly": true, "sameSite": "Lax",
        });
        page.devtools("Network.setCookie", cookie).await?;
        Ok(page)
    }

    /// Opens a fresh browser that nobody is signed in with.
    pub async fn signed_out(driver: &Chromedriver, base: &str) -> Result<Page> {
        let downloads = tempfile::tempdir().context("cannot make a directory for downloads")?;
        let client = driver.browser(downloads.path()).await?;
        let page = Page { client, base: base.to_owned(), downloads };
        page.size(1280, 900).await?;
        Ok(page)
    }

    /// Ends the browser. Not done by drop: ending it is a conversation.
    pub async fn close(self) -> Result<()> {
        self.client.close().await.context("cannot close the browser")
    }

    /// Goes to a path and waits for nothing.
    pub async fn begin(&self, path: &str) -> Result<()> {
        self.client.goto(&format!("{}{path}", self.base)).await.with_context(|| format!("cannot open {path}"))
    }

    /// Goes to a path as if its link had been pasted, and waits until it is there.
    pub async fn goto(&self, path: &str) -> Result<()> {
        self.begin(path).await?;
        self.settled().await
    }

    /// Goes to a path whatever it shows, and waits until nothing is loading.
    pub async fn visit(&self, path: &str) -> Result<()> {
        self.begin(path).await?;
        let script = "return document.querySelector('h1') && !document.querySelector('[aria-busy=true]')
            && document.querySelector('main').textContent.length > 20";
        self.until("the page is there", script, vec![]).await
    }

    pub async fn reload(&self) -> Result<()> {
        self.client.refresh().await?;
        self.settled().await
    }

    pub async fn back(&self) -> Result<()> {
        self.client.back().await?;
        self.settled().await
    }

    pub async fn forward(&self) -> Result<()> {
        self.client.forward().await?;
        self.settled().await
    }

    /// The page's path and query.
    pub async fn path(&self) -> Result<String> {
        self.text("return location.pathname + location.search").await
    }

    pub async fn size(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await
    }

    /// `light` or `dark`, as the system would say.
    pub async fn colours(&self, scheme: &str) -> Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await
    }

    /// `print`, or nothing for the screen.
    pub async fn media(&self, media: &str) -> Result<()> {
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": media })).await
    }

    /// From the next page on, how much of WebAssembly's memory the app has is known.
    pub async fn watch_memory(&self) -> Result<()> {
        let source = "for (const name of ['instantiateStreaming', 'instantiate']) {
            const begin = WebAssembly[name];
            WebAssembly[name] = async (...what) => {
                const begun = await begin.apply(WebAssembly, what);
                // Code that is loaded apart has none of its own.
                window.appMemory ??= (begun.instance ?? begun).exports.memory;
                return begun;
            };
        }";
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await
    }

    /// How many pages of 64 KiB the app's memory has grown to; it never shrinks.
    pub async fn memory_pages(&self) -> Result<u64> {
        let pages = self.run("return window.appMemory.buffer.byteLength / 65536", vec![]).await?;
        pages.as_u64().context("the app's memory is not watched")
    }

    /// A command of the browser's own protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Result<()> {
        let command = ChromeCommand::devtools(method, parameters);
        self.client.issue_cmd(command).await.with_context(|| format!("{method} failed"))?;
        Ok(())
    }

    /// Runs a script's body in the page; `arguments[…]` are the arguments.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.client.execute(script, arguments).await.with_context(|| format!("script failed: {script}"))
    }

    async fn text(&self, script: &str) -> Result<String> {
        let value = self.run(script, vec![]).await?;
        value.as_str().map(str::to_owned).with_context(|| format!("no text: {script}"))
    }

    /// Waits until a script's body returns something true.
    pub async fn until(&self, what: &str, script: &str, arguments: Vec<Value>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut glances = interval(GLANCE);
        loop {
            glances.tick().await;
            let seen = self.run(script, arguments.clone()).await?;
            if seen != Value::Null && seen != json!(false) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("never happened: {what}; the page is {}", self.outline().await?);
            }
        }
    }

    /// Waits until the page is there; of a report, the table and the chart of the URL, and the code that comes later, without
    /// which a click or a key does its work at some moment after.
    pub async fn settled(&self) -> Result<()> {
        self.until("the report is shown", SETTLED, vec![]).await
    }

    /// Presses a key as a hand on the keyboard would, wherever the focus is.
    pub async fn press(&self, key: &str) -> Result<()> {
        use fantoccini::actions::{InputSource, KeyAction, KeyActions};
        let value = match key {
            "Escape" => '\u{e00c}',
            "Enter" => '\u{e007}',
            "Tab" => '\u{e004}',
            "ArrowLeft" => '\u{e012}',
            "ArrowUp" => '\u{e013}',
            "ArrowRight" => '\u{e014}',
            "ArrowDown" => '\u{e015}',
            "Home" => '\u{e011}',
            "End" => '\u{e010}',
            "PageUp" => '\u{e00e}',
            other => other.chars().next().context("a key has a name")?,
        };
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client.perform_actions(keys).await.with_context(|| format!("cannot press {key}"))?;
        self.frame().await
    }

    /// Writes into the field with this accessible name, in place of what is there.
    pub async fn fill(&self, name: &str, text: &str) -> Result<()> {
        let script = format!("{NAMED}; return named('input', arguments[0])");
        let element = self.run(&script, vec![json!(name)]).await?;
        if element.is_null() {
            bail!("there is no field {name:?} on {}", self.outline().await?);
        }
        let write =
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }))";
        self.run(write, vec![element, json!(text)]).await?;
        self.frame().await
    }

    /// Drags over the chart from one part of its width to another.
    pub async fn drag_chart(&self, from: f64, to: f64) -> Result<()> {
        use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
        let script = "const canvas = document.querySelector('canvas[data-draws]');
            canvas.scrollIntoView({ block: 'center' });
            const box = canvas.getBoundingClientRect();
            return [box.x, box.y, box.width, box.height]";
        let place: Vec<f64> = serde_json::from_value(self.run(script, vec![]).await?)?;
        let &[x, y, width, height] = place.as_slice() else { bail!("a box has four sides") };
        let to_part = |part: f64| PointerAction::MoveTo {
            duration: None,
            x: (x + width * part).round(),
            y: (y + height / 2.0).round(),
        };
        let drag = MouseActions::new("mouse".to_owned())
            .then(to_part(from))
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(to_part((from + to) / 2.0))
            .then(to_part(to))
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(drag).await.context("cannot drag")?;
        self.frame().await
    }

    /// A network that takes so many milliseconds for every answer; 0 is as fast as it can.
    pub async fn slow_network(&self, latency_ms: u64) -> Result<()> {
        let throughput = if latency_ms == 0 { -1 } else { 20_000 };
        let conditions = json!({
            "offline": false, "latency": latency_ms, "downloadThroughput": throughput, "uploadThroughput": throughput,
        });
        self.devtools("Network.enable", json!({})).await?;
        self.devtools("Network.emulateNetworkConditions", conditions).await
    }

    /// What has such an address does not come from now on; nothing else is refused any more.
    pub async fn refuse(&self, addresses: &[&str]) -> Result<()> {
        self.devtools("Network.enable", json!({})).await?;
        self.devtools("Network.setBlockedURLs", json!({ "urls": addresses })).await
    }

    /// Clicks what has this role (`link`, `button`, `radio`) and exactly this accessible name.
    pub async fn click(&self, role: &str, name: &str) -> Result<()> {
        let elements = match role {
            "link" => "a[href]",
            "radio" => "input[type=radio], [role=radio]",
            _ => "button, summary, [role=button], [role=menuitem], [role=tab]",
        };
        let script = format!("{NAMED}; return named({elements:?}, arguments[0])");
        let element = self.run(&script, vec![json!(name)]).await?;
        if element.is_null() {
            bail!("there is no {role} named {name:?} on {}", self.outline().await?);
        }
        self.run("arguments[0].scrollIntoView({ block: 'center' }); arguments[0].click()", vec![element]).await?;
        Ok(())
    }

    /// Chooses a Step, Mode or whatever else is one of several visible buttons or radio labels with this exact text.
    pub async fn choose(&self, text: &str) -> Result<()> {
        let script = format!("{NAMED}; return named('button, label, [role=radio]', arguments[0])");
        let element = self.run(&script, vec![json!(text)]).await?;
        if element.is_null() {
            bail!("there is no choice {text:?} on {}", self.outline().await?);
        }
        self.run("arguments[0].click()", vec![element]).await?;
        self.frame().await?;
        self.settled().await
    }

    /// Waits for the next painted frame: what follows from a click without asking the server is there by then.
    pub async fn frame(&self) -> Result<()> {
        let script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.client.execute_async(script, vec![]).await.context("no frame was painted")?;
        Ok(())
    }

    /// Chooses a chart type by its name, from the menu that the chart's button opens.
    pub async fn chart(&self, kind: &str) -> Result<()> {
        let open = "[...document.querySelectorAll('button[aria-haspopup]')]
            .find(button => button.textContent.trim().startsWith('Chart')).click()";
        self.run(open, vec![]).await?;
        let offered = format!("{NAMED}; return named('[role=dialog] button, [role=menuitem]', arguments[0])");
        self.until(kind, &offered, vec![json!(kind)]).await?;
        self.click("button", kind).await?;
        self.frame().await
    }

    /// A date in the browser's zone, so many days before today.
    pub async fn date(&self, days_ago: u32) -> Result<String> {
        let script = "const date = new Date(); date.setDate(date.getDate() - arguments[0]);
            return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short' }).format(date)";
        let date = self.run(script, vec![json!(days_ago)]).await?;
        date.as_str().map(str::to_owned).context("no date")
    }

    pub async fn heading(&self) -> Result<String> {
        self.text("return document.querySelector('h1').textContent.trim()").await
    }

    /// The report's table. Fails unless there is exactly one on the page.
    pub async fn table(&self) -> Result<Table> {
        let value = self.run(READ_TABLE, vec![]).await?;
        let list = |value: &Value| -> Result<Vec<String>> {
            serde_json::from_value(value.clone()).context("the page has no table, or more than one")
        };
        let rows = value["rows"].as_array().context("the page has no table, or more than one")?;
        let row = |row: &Value| -> Result<Row> {
            Ok(Row { name: row["name"].as_str().unwrap_or_default().to_owned(), cells: list(&row["cells"])? })
        };
        Ok(Table {
            head: list(&value["head"])?,
            rows: rows.iter().map(row).collect::<Result<_>>()?,
            totals: list(&value["totals"])?,
        })
    }

    /// Clicks the first button in a column's header.
    pub async fn sort(&self, column: usize) -> Result<()> {
        let script = "document.querySelectorAll('table thead th')[arguments[0]].querySelector('button').click()";
        self.run(script, vec![json!(column)]).await?;
        self.frame().await
    }

    /// `none`, `ascending` or `descending` for each column.
    pub async fn sorting(&self) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll('table thead th')].map(th => th.ariaSort ?? 'none')";
        serde_json::from_value(self.run(script, vec![]).await?).context("the table has no head")
    }

    /// How many different colours the report's chart has: a blank canvas has one.
    pub async fn ink(&self) -> Result<u64> {
        self.run(COUNT_COLOURS, vec![]).await?.as_u64().context("the page has no chart")
    }

    /// How often the chart's drawn layer was drawn.
    pub async fn draws(&self) -> Result<u64> {
        let draws = self.text("return document.querySelector('canvas[data-draws]').dataset.draws").await?;
        draws.parse().context("data-draws is not a number")
    }

    /// How many requests the page has made to the server's API since it was loaded.
    pub async fn requests(&self) -> Result<u64> {
        let script = "return performance.getEntriesByType('resource').filter(e => e.name.includes('/api/')).length";
        self.run(script, vec![]).await?.as_u64().context("the browser counts no requests")
    }

    /// What the console reported as wrong since it was last asked.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.client.issue_cmd(ChromeCommand::console()).await.context("the browser has no console")?;
        let entries = log.as_array().context("the console is a list")?;
        let bad = entries.iter().filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")));
        Ok(bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Moves the pointer over the middle of the chart, from left to right.
    pub async fn hover_chart(&self) -> Result<()> {
        use fantoccini::actions::{InputSource, MouseActions, PointerAction};
        let canvas = self.client.find(Locator::Css("canvas[data-draws]")).await?;
        self.run("arguments[0].scrollIntoView({ block: 'center' })", vec![serde_json::to_value(&canvas)?]).await?;
        let script = "const box = document.querySelector('canvas[data-draws]').getBoundingClientRect();
            return [box.x, box.y, box.width, box.height]";
        let place: Vec<f64> = serde_json::from_value(self.run(script, vec![]).await?)?;
        let &[x, y, width, height] = place.as_slice() else { bail!("a box has four sides") };
        for step in 2..8 {
            let x = (x + width * f64::from(step) / 10.0) as i64;
            let action = PointerAction::MoveTo { duration: None, x: x as f64, y: y + height / 2.0 };
            self.client.perform_actions(MouseActions::new("mouse".to_owned()).then(action)).await?;
            self.frame().await?;
        }
        Ok(())
    }

    /// Waits for a download to be complete.
    pub async fn downloaded(&self, extension: &str) -> Result<PathBuf> {
        let deadline = Instant::now() + PATIENCE;
        let mut glances = interval(GLANCE);
        while Instant::now() < deadline {
            glances.tick().await;
            let files = files_in(self.downloads.path())?;
            // Chromium books the name first, and fills it at the end.
            let is_filled = |file: &PathBuf| std::fs::metadata(file).is_ok_and(|file| file.len() > 0);
            let is_wanted = |file: &PathBuf| file.extension().is_some_and(|found| found == extension);
            let complete = files.iter().find(|file| is_wanted(file) && is_filled(file));
            if let Some(file) = complete {
                return Ok(file.clone());
            }
        }
        bail!("no {extension} file was downloaded")
    }

    /// Saves what the window shows.
    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, self.client.screenshot().await?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// What a failed test wants to know of the page.
    async fn outline(&self) -> Result<String> {
        let script = "return location.href + ' ' + document.body.innerText.slice(0, 600)";
        let text = self.text(script).await?;
        Ok(format!("{text} {:?}", self.complaints().await?))
    }
}

fn files_in(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).collect())
}

/// The page is there; of a report, the table and the chart of the URL.
pub const SETTLED: &str = "return document.querySelector('h1') && !document.querySelector('[aria-busy=true]')
    && (!location.pathname.startsWith('/reports/')
        || document.querySelector('table tfoot') && document.querySelector('canvas[data-draws][aria-label]:not([aria-label=\"\"])'))";

/// `named(css, name)`: the first visible element with exactly this accessible name.
pub const NAMED: &str = "
    const text = element => (element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent).trim();
    const named = (css, name) => [...document.querySelectorAll(css)]
        .find(element => text(element) === name && element.checkVisibility()) ?? null";

const READ_TABLE: &str = "
    const tables = document.querySelectorAll('table');
    if (tables.length !== 1) return null;
    const text = cell => cell.textContent.trim();
    const head = [...tables[0].querySelectorAll('thead th')].map(th => text(th.querySelector('button') ?? th));
    const rows = [...tables[0].querySelectorAll('tbody tr')].filter(row => row.querySelector('th[scope=row]'))
        .map(row => ({
            name: text(row.querySelector('th[scope=row]')),
            cells: [...row.querySelectorAll('td')].map(text),
        }));
    const totals = [...tables[0].querySelectorAll('tfoot tr:last-child td')].map(text);
    return { head, rows, totals }";

/// How many colours the report's chart has.
pub const COUNT_COLOURS: &str = "
    const canvas = document.querySelector('canvas[data-draws]');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size";
