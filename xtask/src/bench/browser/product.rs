//! The product as a browser meets it in the bench: a server that has counted a message for each of a hundred thousand mailboxes,
//! and the app as it was built.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::product::{Program, Server, fresh};
use crate::root::{self, root};
use crate::shell;

const MAILBOXES: u32 = 100_000;
/// Recipients of one message: as many as Postfix' own limit allows.
const RECIPIENTS: u32 = 1_000;

/// The server over these data.
pub struct Product(Server);

impl Product {
    /// Counts the messages, and serves them.
    pub fn of_many_mailboxes() -> Result<Product> {
        shell::run(&mut shell::cargo(["build", "--release", "--package", "mailtally-server"]))?;
        let program = Program::at(root::cargo_target().join("release/mailtally"));
        let place = root::cargo_target().join("bench/many");
        fresh(&place)?;
        let (log, data) = (place.join("mail.log"), place.join("data"));
        fs::write(&log, deliveries()?).context("cannot write the log")?;
        shell::run(program.command().args(["import", "--log-zone", "UTC", "--data"]).args([&data, &log]))?;
        Ok(Product(program.serve(&data, None, None)?))
    }

    /// What a script of examples/contender prints when a browser goes there.
    pub fn seen_by(&self, script: &str, folder: &Path) -> Result<Vec<u8>> {
        let script = root().join("examples/contender").join(script);
        let place = [&self.0.url, &self.0.token];
        shell::output(Command::new("node").arg(script).arg(folder).arg(root::app()).args(place))
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
