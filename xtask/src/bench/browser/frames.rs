//! How long a script keeps the page from painting at a hundred thousand rows, by what a person does: the app as it was built,
//! over a server that has counted a message for each of as many mailboxes.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::document::Table;
use crate::bench::native::{fresh, mailtally, token};
use crate::root::{self, root};
use crate::shell;

const MAILBOXES: u32 = 100_000;
/// Recipients of one message: as many as Postfix' own limit allows.
const RECIPIENTS: u32 = 1_000;
/// A browser paints sixty times a second.
const FRAME_MS: f64 = 1000.0 / 60.0;

pub fn table(folder: &Path) -> Result<String> {
    shell::run(&mut shell::cargo(["build", "--release", "--package", "mailtally-server"]))?;
    let place = root::cargo_target().join("bench/frames");
    fresh(&place)?;
    let (log, data) = (place.join("mail.log"), place.join("data"));
    fs::write(&log, deliveries()?).context("cannot write the log")?;
    shell::run(mailtally().args(["import", "--log-zone", "UTC", "--data"]).args([&data, &log]))?;
    let server = Server::start(&data)?;
    let script = root().join("examples/contender/frames.mjs");
    let said = shell::output(
        Command::new("node").arg(script).arg(folder).arg(root::app()).args([&server.address, &server.token]),
    )?;
    drop(server);
    let measured: Vec<(String, Vec<f64>)> = serde_json::from_slice(&said).context("the frames are not JSON")?;
    let mut table = Table::new(&["at 100,000 rows", "longest script, CPU ms", "loads", "under a frame"]);
    for (what, mut times) in measured {
        times.sort_unstable_by(f64::total_cmp);
        let middle = times.get(times.len() / 2).copied().context("nothing was measured")?;
        let verdict = if middle < FRAME_MS { "held" } else { "missed" };
        table.row([what, format!("{middle:.1}"), times.len().to_string(), verdict.to_owned()]);
    }
    Ok(table.markdown())
}

/// A message for each mailbox, a thousand at a time, and more for some.
fn deliveries() -> Result<String> {
    let mut log = String::new();
    for message in 0..2 * MAILBOXES / RECIPIENTS {
        // Over six days, in the order of time.
        let (day, second) = (2 + message / 34, message % 34);
        let stamp = format!("2026-03-{day:02}T10:00:{second:02}.000000+00:00 mx postfix");
        writeln!(log, "{stamp}/smtpd[1]: 4A{message:07}: client=unknown[203.0.113.9]")?;
        writeln!(log, "{stamp}/cleanup[2]: 4A{message:07}: message-id=<{message}@b>")?;
        writeln!(
            log,
            "{stamp}/qmgr[3]: 4A{message:07}: from=<a@elsewhere.example>, size={}, nrcpt={RECIPIENTS} (queue active)",
            500 + message
        )?;
        for nth in 0..RECIPIENTS {
            // All once, then a thousand spread over all.
            let user = if message < MAILBOXES / RECIPIENTS {
                message * RECIPIENTS + nth
            } else {
                (nth * 7_919 * (message + 1)) % MAILBOXES
            };
            writeln!(
                log,
                "{stamp}/lmtp[4]: 4A{message:07}: to=<u{user:06}@example.com>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.3/0/0/0.7, dsn=2.0.0, status=sent (250 2.0.0 saved)"
            )?;
        }
        writeln!(log, "{stamp}/qmgr[3]: 4A{message:07}: removed")?;
    }
    Ok(log)
}

/// The product over the data, and a token that reads them; ended when this goes.
struct Server {
    process: Child,
    address: String,
    token: String,
}

impl Server {
    fn start(data: &Path) -> Result<Server> {
        let token = token(data)?;
        let mut serve = mailtally();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = serve.spawn().context("cannot start the server")?;
        let mut said = String::new();
        BufReader::new(process.stdout.take().context("no pipe")?).read_line(&mut said)?;
        Ok(Server { process, address: said.trim().trim_end_matches('/').to_owned(), token })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
