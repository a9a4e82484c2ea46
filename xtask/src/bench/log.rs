//! A log to measure with: a busy day of mixed Postfix and Dovecot lines, of the shape of the corpora in
//! server/tests/fixtures/corpora. Made up line by line from a number, so that the same call writes the same file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

const DOMAINS: u64 = 20;
const MAILBOXES: u64 = 50;
/// A day has about so many lines, whatever the length of the log: more lines are more days.
const LINES_A_DAY: u64 = 1_000_000;
const DAY_SECS: u64 = 86_400;
const MONTHS: [(&str, u64); 4] = [("Jan", 31), ("Feb", 28), ("Mar", 31), ("Apr", 30)];

/// Writes at least so many lines, and says how many.
pub fn write(path: &Path, lines: u64) -> Result<u64> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut log = Log { out: BufWriter::new(file), lines: 0 };
    let mut nth = 0;
    while log.lines < lines {
        log.happening(nth).with_context(|| format!("cannot write {}", path.display()))?;
        nth += 1;
    }
    log.out.flush().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(log.lines)
}

struct Log {
    out: BufWriter<File>,
    lines: u64,
}

impl Log {
    fn line(&mut self, program: &str, process: u64, message: &str) -> std::io::Result<()> {
        let secs = self.lines * DAY_SECS / LINES_A_DAY;
        let (month, day) = date(secs / DAY_SECS);
        let (hour, minute, second) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
        self.lines += 1;
        writeln!(self.out, "{month} {day:>2} {hour:02}:{minute:02}:{second:02} mx1 {program}[{process}]: {message}")
    }

    /// One thing that happens at a mail server: a message in, a message out, a refusal, a session.
    fn happening(&mut self, nth: u64) -> std::io::Result<()> {
        // Scattered, and the same at each run (the multiplier is that of splitmix64).
        let dice = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let domain = format!("d{}.example", dice % DOMAINS);
        let user = format!("user{}@{domain}", dice / DOMAINS % MAILBOXES);
        let (process, peer) = (2_000 + nth % 500, dice % 200);
        let id = format!("{:08X}{:02X}", nth & 0xffff_ffff, dice & 0xff);
        let size = 1_000 + dice % 90_000;
        let outside = format!("mail{peer}.outside.example[203.0.113.{peer}]");
        match dice % 10 {
            0..=3 => {
                self.line("postfix/smtpd", process, &format!("connect from {outside}"))?;
                self.line("postfix/smtpd", process, &format!("{id}: client={outside}"))?;
                self.line("postfix/cleanup", process + 1, &format!("{id}: message-id=<{nth}@outside.example>"))?;
                let from = format!("{id}: from=<sender{peer}@outside.example>, size={size}, nrcpt=1 (queue active)");
                self.line("postfix/qmgr", 1_999, &from)?;
                let end = "ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5";
                self.line("postfix/smtpd", process, &format!("disconnect from {outside} {end}"))?;
                let sent = "relay=mx1.example[private/dovecot-lmtp], delay=0.31, delays=0.2/0/0.01/0.1, dsn=2.0.0, \
                            status=sent (250 2.0.0 Saved)";
                self.line("postfix/lmtp", process + 2, &format!("{id}: to=<{user}>, {sent}"))?;
                self.line("postfix/qmgr", 1_999, &format!("{id}: removed"))
            }
            4 => {
                let client = format!("dyn-{peer}.pool.isp.example[198.51.100.{peer}]");
                let submission = "postfix/submission/smtpd";
                self.line(submission, process, &format!("connect from {client}"))?;
                let login = format!("{id}: client={client}, sasl_method=PLAIN, sasl_username={user}");
                self.line(submission, process, &login)?;
                self.line("postfix/cleanup", process + 1, &format!("{id}: message-id=<{nth}@{domain}>"))?;
                let from = format!("{id}: from=<{user}>, size={size}, nrcpt=1 (queue active)");
                self.line("postfix/qmgr", 1_999, &from)?;
                let end = "ehlo=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=6";
                self.line(submission, process, &format!("disconnect from {client} {end}"))?;
                let sent = format!(
                    "relay={outside}:25, delay=1.2, delays=0.1/0.01/0.4/0.7, dsn=2.0.0, status=sent (250 2.0.0 Ok)"
                );
                self.line("postfix/smtp", process + 3, &format!("{id}: to=<friend{peer}@outside.example>, {sent}"))?;
                self.line("postfix/qmgr", 1_999, &format!("{id}: removed"))
            }
            5 => {
                self.line("postfix/smtpd", process, &format!("connect from {outside}"))?;
                let refused = format!(
                    "NOQUEUE: reject: RCPT from {outside}: 550 5.1.1 <nobody@{domain}>: Recipient address rejected: User \
                     unknown in virtual mailbox table; from=<a{peer}@outside.example> to=<nobody@{domain}> proto=ESMTP \
                     helo=<mail{peer}.outside.example>"
                );
                self.line("postfix/smtpd", process, &refused)?;
                let end = "ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4";
                self.line("postfix/smtpd", process, &format!("disconnect from {outside} {end}"))
            }
            _ => {
                let protocol = if dice.is_multiple_of(3) { "pop3" } else { "imap" };
                let session = format!("{nth:08x}AAAA");
                let login = format!(
                    "{protocol}-login: Login: user=<{user}>, method=PLAIN, rip=198.51.100.{peer}, lip=192.0.2.1, \
                     mpid={process}, TLS, session=<{session}>"
                );
                self.line("dovecot", 1_500, &login)?;
                let end = match protocol {
                    "pop3" => format!("Disconnected: Logged out top=0/0, retr=1/{size}, del=1/1, size={size}"),
                    _ => format!(
                        "Disconnected: Logged out in={} out={size} deleted=0 expunged=0 trashed=0 hdr_count=1 \
                         hdr_bytes=300 body_count=1 body_bytes={size}",
                        200 + peer
                    ),
                };
                self.line("dovecot", 1_500, &format!("{protocol}({user})<{process}><{session}>: {end}"))
            }
        }
    }
}

/// Month and day of the year's `nth` day; the log starts anew after four months.
fn date(nth: u64) -> (&'static str, u64) {
    let mut rest = nth % MONTHS.iter().map(|(_, days)| days).sum::<u64>();
    for (month, days) in MONTHS {
        if rest < days {
            return (month, rest + 1);
        }
        rest -= days;
    }
    (MONTHS[0].0, 1)
}
