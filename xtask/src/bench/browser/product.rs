//! The product as a browser meets it in the bench: a server that has counted a message for each of a hundred thousand mailboxes,
//! and the app as it was built.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::native::{fresh, mailtally, token};
use crate::root::{self, root};
use crate::shell;

const MAILBOXES: u32 = 100_000;
/// Recipients of one message: as many as Postfix' own limit allows.
const RECIPIENTS: u32 = 1_000;

/// The server over these data, and a token that reads them; ended when this goes.
pub struct Product {
    process: Child,
    address: String,
    token: String,
}

impl Product {
    /// Counts the messages, and serves them.
    pub fn of_many_mailboxes() -> Result<Product> {
        shell::run(&mut shell::cargo(["build", "--release", "--package", "mailtally-server"]))?;
        let place = root::cargo_target().join("bench/many");
        fresh(&place)?;
        let (log, data) = (place.join("mail.log"), place.join("data"));
        fs::write(&log, deliveries()?).context("cannot write the log")?;
        shell::run(mailtally().args(["import", "--log-zone", "UTC", "--data"]).args([&data, &log]))?;
        Product::start(&data)
    }

    /// What a script of examples/contender prints when a browser goes there.
    pub fn seen_by(&self, script: &str, folder: &Path) -> Result<Vec<u8>> {
        let script = root().join("examples/contender").join(script);
        shell::output(Command::new("node").arg(script).arg(folder).arg(root::app()).args([&self.address, &self.token]))
    }

    fn start(data: &Path) -> Result<Product> {
        let token = token(data)?;
        let mut serve = mailtally();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = serve.spawn().context("cannot start the server")?;
        let mut said = String::new();
        BufReader::new(process.stdout.take().context("no pipe")?).read_line(&mut said)?;
        Ok(Product { process, address: said.trim().trim_end_matches('/').to_owned(), token })
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
