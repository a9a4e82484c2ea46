//! Mail is sent and fetched through a real Postfix and a real Dovecot; then Mailtally reads their logs, and its reports
//! are held to what was done and to what the clients and the other mail server saw, never to what the log says. A real
//! spamd and clamd scan some of it, where they are installed. The same Dovecot says who may sign in.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Trial};
use mailtally_tests::account;
use mailtally_tests::mail::{self, MESSAGES_A_MINUTE, MailServer, PASSWORD, client};
use mailtally_tests::product::{Server, mailtally, report};
use mailtally_tests::scanners::{self, SPAM_WORD, Scanners, VIRUS_WORD};
use mailtally_tests::talk::Talk;
use serde_json::{Value, json};

const ANN: &str = "ann@alpha.example";
const ABE: &str = "abe@alpha.example";
const BOB: &str = "bob@beta.example";

fn main() -> ExitCode {
    let missing = mail::missing();
    if let Some(missing) = &missing {
        eprintln!("\nSKIPPED: no real mail server in the tests, {missing}\n");
    }
    let no_scanners = scanners::missing();
    if let Some(missing) = &no_scanners {
        eprintln!("\nSKIPPED: no real spamd and clamd in the tests, {missing}\n");
    }
    let trials = vec![
        Trial::test("reports_say_what_was_done", || Ok(reports_say_what_was_done()?)),
        Trial::test("a_mailbox_owner_signs_in_with_its_password", || Ok(a_mailbox_owner_signs_in_with_its_password()?)),
        Trial::test("a_mailbox_owner_s_password_goes_over_tls_to_the_server_that_is_meant", || {
            Ok(a_mailbox_owner_s_password_goes_over_tls_to_the_server_that_is_meant()?)
        }),
    ];
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(missing.is_some())).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What was done, by report, column and subject (empty: the server).
#[derive(Default)]
struct Did(BTreeMap<(&'static str, &'static str, String), u64>);

impl Did {
    fn add(&mut self, report: &'static str, column: &'static str, subjects: &[&str], amount: u64) {
        for subject in subjects {
            *self.0.entry((report, column, (*subject).to_owned())).or_default() += amount;
        }
    }

    fn reached(&mut self, mailbox: &str) {
        let domain = mailbox.split_once('@').map_or("", |(_, domain)| domain);
        self.add("message-traffic", "incoming", &["", domain, mailbox], 1);
    }

    fn sent(&mut self, mailbox: &str) {
        let domain = mailbox.split_once('@').map_or("", |(_, domain)| domain);
        self.add("message-traffic", "outgoing", &["", domain, mailbox], 1);
    }
}

fn reports_say_what_was_done() -> Result<()> {
    let mut server = MailServer::start()?;
    let mut scanners = if scanners::missing().is_none() { Some(Scanners::start()?) } else { None };
    let mut did = Did::default();
    // The ports were tried until they answered, each by one connection.
    did.add("smtp-in-usage", "connections", &[""], 2);
    did.add("imap-usage", "connections", &[""], 1);
    did.add("pop-usage", "connections", &[""], 1);
    strangers_write(&server, &mut did)?;
    strangers_write_too_often(&server, &mut did)?;
    users_write(&server, &mut did)?;
    let text = marked_by_spamd(&server, &mut did)?;
    server.settle()?;
    if let Some(scanners) = &mut scanners {
        scan(scanners, &text, &mut did)?;
        scanners.stop()?;
    }
    users_fetch(&server, &mut did)?;
    server.stop()?;
    let seen = &server.outside.seen;
    let count = |what: &std::sync::atomic::AtomicU32| u64::from(what.load(Ordering::SeqCst));
    did.add("smtp-out-usage", "connections", &["", ANN], count(&seen.connections));
    // Postfix' size is that of the queue file's records. Their frames weigh as much as the ends of the lines do on the
    // wire, and milters add two records of 17 bytes to each message.
    let bytes = *seen.bytes.lock().expect("no thread panics with it") + 34 * count(&seen.taken);
    did.add("smtp-out-usage", "bandwidth", &["", ANN], bytes);
    did.add("smtp-out-errors", "deferrals", &["", ANN], count(&seen.put_off));
    did.add("smtp-out-errors", "bounced", &["", ANN], count(&seen.refused));
    let logs = scanners.iter().flat_map(Scanners::logs);
    compare(&server.logs().into_iter().chain(logs).collect::<Vec<_>>(), &did)
}

/// A message that spamd is asked about; a milter would ask while it comes.
fn marked_by_spamd(server: &MailServer, did: &mut Did) -> Result<String> {
    let text = format!(
        "Subject: win\r\nFrom: <stranger@outside.example>\r\nMessage-ID: <win.1@outside.example>\r\n\r\n{SPAM_WORD}"
    );
    let mut talk = greeted(client::USUAL, server.smtp, did)?;
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    talk.expect(&format!("RCPT TO:<{ABE}>"), "250")?;
    talk.expect("DATA", "354")?;
    talk.expect(&format!("{text}\r\n."), "250")?;
    did.reached(ABE);
    talk.expect("QUIT", "221")?;
    Ok(text)
}

/// The verdict is joined with the message by its Message-ID. What spamd passes and what nobody sent marks nothing.
fn scan(scanners: &Scanners, spam: &str, did: &mut Did) -> Result<()> {
    ensure!(scanners.is_spam(spam)?, "spamd passes {spam}");
    let unseen = format!("Message-ID: <unseen@outside.example>\r\n\r\n{SPAM_WORD}\r\n");
    ensure!(scanners.is_spam(&unseen)?, "spamd passes {unseen}");
    ensure!(!scanners.is_spam("Message-ID: <ham@outside.example>\r\n\r\nHello.\r\n")?, "spamd takes all for spam");
    did.add("spamassassin-servers", "connections", &[""], 3);
    did.add("message-traffic", "incoming_spam", &["", "alpha.example", ABE], 1);
    for (text, is_infected) in [("Hello.", false), (VIRUS_WORD, true), (SPAM_WORD, false)] {
        ensure!(scanners.is_infected(text)? == is_infected, "clamd is wrong about {text}");
    }
    did.add("clamav", "connections", &[""], 3);
    Ok(())
}

/// The site's own IMAP server says who is who, and a mailbox's owner sees that mailbox and nothing beside or above it.
fn a_mailbox_owner_signs_in_with_its_password() -> Result<()> {
    let mut mail = MailServer::start()?;
    let folder = tempfile::tempdir()?;
    let settings = format!("[accounts.mailbox]\nimap = \"127.0.0.1:{}\"\nplain = true\n", mail.imap);
    let server = Server::serve_with(&folder.path().join("data"), &settings)?;
    let sign_in = |name: &str, password: &str| {
        account::request(&server.url, "POST", "/api/session", None, Some(&json!({"name": name, "password": password})))
    };
    let ann = sign_in(ANN, PASSWORD)?;
    ensure!(ann.status == 200, "ann is not let in: {ann:?}");
    let session = ann.session.context("a session begins")?;
    let get = |path: &str| account::request(&server.url, "GET", path, Some(&session), None);
    let reports: Value = serde_json::from_str(&get("/api/reports")?.body)?;
    ensure!(reports["account"]["root"] == ANN, "ann's root is not her mailbox: {reports}");
    for other in [BOB, ABE, "alpha.example", "(server)", "nobody@nowhere.example"] {
        let asked = format!("/api/reports/message-traffic?subject={other}&by=time&from=1795219200&until=1795305600");
        ensure!(get(&asked)?.status == 404, "ann may ask about {other}");
    }
    for (name, password) in [(ANN, "wrong horse"), ("nobody@alpha.example", PASSWORD), (BOB, "")] {
        ensure!(sign_in(name, password)?.status == 401, "{name} is let in with {password:?}");
    }
    mail.stop()
}

/// The same over TLS, from the first byte and after STARTTLS. A server whose certificate names another, or is of an
/// authority that was not named, hears no password.
fn a_mailbox_owner_s_password_goes_over_tls_to_the_server_that_is_meant() -> Result<()> {
    let mut mail = MailServer::start()?;
    let folder = tempfile::tempdir()?;
    let authority = mail.authority().display().to_string();
    // Debian's own authorities did not sign this certificate.
    let status = |name: &str, imap: String, more: &str| -> Result<u16> {
        let settings = format!("[accounts.mailbox]\nimap = \"{imap}\"\n{more}");
        let server = Server::serve_with(&folder.path().join(name), &settings)?;
        let body = json!({"name": ANN, "password": PASSWORD});
        Ok(account::request(&server.url, "POST", "/api/session", None, Some(&body))?.status)
    };
    let (tls, clear) = (format!("127.0.0.1:{}", mail.imaps), format!("127.0.0.1:{}", mail.imap));
    let trusted = format!("authorities = \"{authority}\"\n");
    let begun = format!("{trusted}starttls = true\n");
    let other = format!("localhost:{}", mail.imaps);
    let cases = [
        ("tls", tls.clone(), trusted.as_str(), 200),
        ("starttls", clear.clone(), &begun, 200),
        ("another-name", other, &trusted, 401),
        ("another-authority", tls, "", 401),
        ("no-tls-here", clear, &trusted, 401),
    ];
    for (name, imap, more, expected) in cases {
        let answered = status(name, imap, more)?;
        ensure!(answered == expected, "{name}: the log-in was answered {answered}");
    }
    let log = std::fs::read_to_string(&mail.logs()[1])?;
    let log_ins = log.lines().filter(|line| line.contains("Login: user=<ann@alpha.example>")).count();
    ensure!(log_ins == 2, "a server that was not meant heard a password: {log}");
    mail.stop()
}

/// The session's greeting is heard and answered.
fn greeted(client: std::net::Ipv4Addr, port: u16, did: &mut Did) -> Result<Talk> {
    let mut talk = Talk::from(client, port)?;
    did.add("smtp-in-usage", "connections", &[""], 1);
    talk.reply()?;
    talk.expect("EHLO client.example", "250")?;
    Ok(talk)
}

fn message(talk: &mut Talk, subject: &str) -> Result<String> {
    talk.expect("DATA", "354")?;
    talk.ask(&format!("Subject: {subject}\r\nFrom: <someone@else.example>\r\n\r\nHello.\r\n."))
}

fn strangers_write(server: &MailServer, did: &mut Did) -> Result<()> {
    // Two messages in one session, the second to an alias of two mailboxes; one recipient that does not exist, and one
    // that is not ours.
    let mut talk = greeted(client::USUAL, server.smtp, did)?;
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    talk.expect("RCPT TO:<nobody@alpha.example>", "550")?;
    talk.expect("RCPT TO:<x@elsewhere.example>", "554")?;
    did.add("smtp-in-errors", "rejected_recipients", &[""], 2);
    did.add("smtp-in-errors", "rejected_recipients", &["alpha.example"], 1);
    talk.expect(&format!("RCPT TO:<{ANN}>"), "250")?;
    ensure!(message(&mut talk, "one")?.starts_with("250"), "not taken");
    did.reached(ANN);
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    talk.expect("RCPT TO:<team@beta.example>", "250")?;
    ensure!(message(&mut talk, "two")?.starts_with("250"), "not taken");
    did.reached(ANN);
    did.reached(BOB);
    talk.expect("QUIT", "221")?;

    // One message for three mailboxes, which Dovecot gets in one transaction; one of them named twice, and by an alias.
    talk = greeted(client::USUAL, server.smtp, did)?;
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    for recipient in [ANN, ABE, BOB, ABE, "team@beta.example"] {
        talk.expect(&format!("RCPT TO:<{recipient}>"), "250")?;
    }
    ensure!(message(&mut talk, "to all")?.starts_with("250"), "not taken");
    // SEMANTICS R4: each final address once.
    for mailbox in [ANN, ABE, BOB] {
        did.reached(mailbox);
    }
    talk.expect("QUIT", "221")?;

    // Spam, which the milter refuses at the end of the message.
    let mut talk = greeted(client::USUAL, server.smtp, did)?;
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    talk.expect(&format!("RCPT TO:<{BOB}>"), "250")?;
    ensure!(message(&mut talk, "SPAM")?.starts_with("550"), "not refused");
    did.add("message-traffic", "spam_blocked", &["", BOB], 1);
    did.add("smtp-in-errors", "rejected_messages", &[""], 1);
    // SEMANTICS 1.2, report 9: a message refused at its end is a termination.
    did.add("smtp-in-errors", "terminations", &[""], 1);
    talk.expect("QUIT", "221")?;

    // A client on the list.
    let mut talk = greeted(client::UNWANTED, server.smtp, did)?;
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    talk.expect(&format!("RCPT TO:<{ANN}>"), "554")?;
    talk.expect("QUIT", "221")?;
    did.add("smtp-in-usage", "blocked_connections", &[""], 1);

    // Three commands that do not exist.
    let mut talk = greeted(client::USUAL, server.smtp, did)?;
    for _ in 0..3 {
        talk.expect("XYZZY", "500")?;
    }
    did.add("smtp-in-errors", "bad_commands", &[""], 3);
    talk.expect("QUIT", "221")?;

    // Gone in the middle of a message.
    let mut talk = greeted(client::USUAL, server.smtp, did)?;
    talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
    talk.expect(&format!("RCPT TO:<{ANN}>"), "250")?;
    talk.expect("DATA", "354")?;
    talk.say("half")?;
    drop(talk);
    did.add("smtp-in-errors", "terminations", &[""], 1);
    Ok(())
}

/// SEMANTICS 1.3: strangers over a limit are no Messages Sent.
fn strangers_write_too_often(server: &MailServer, did: &mut Did) -> Result<()> {
    let mut talk = greeted(client::HASTY, server.smtp, did)?;
    for _ in 0..MESSAGES_A_MINUTE {
        talk.expect("MAIL FROM:<stranger@outside.example>", "250")?;
        talk.expect("RSET", "250")?;
    }
    for _ in 0..3 {
        talk.expect("MAIL FROM:<stranger@outside.example>", "450")?;
    }
    talk.expect("QUIT", "221")?;
    did.add("throttle-traffic", "inbound_throttled", &[""], 3);
    did.add("throttle-violations", "messages_sent", &[""], 1);
    Ok(())
}

fn log_in(talk: &mut Talk, user: &str, password: &str) -> Result<String> {
    talk.ask(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}"))))
}

fn users_write(server: &MailServer, did: &mut Did) -> Result<()> {
    let mut talk = greeted(client::forgetful(3), server.submission, did)?;
    ensure!(log_in(&mut talk, ANN, "wrong")?.starts_with("535"), "a wrong password was taken");
    did.add("smtp-in-errors", "auth_failed", &["", "alpha.example"], 1);
    talk.expect("QUIT", "221")?;
    let mut talk = greeted(client::USER, server.submission, did)?;
    ensure!(log_in(&mut talk, ANN, PASSWORD)?.starts_with("235"), "the password was not taken");
    for (recipient, reply) in [
        ("x@outside.example", "250"),
        (BOB, "250"),
        // Unknown there: a notification comes back.
        ("gone@outside.example", "250"),
        // To be tried again.
        ("full@outside.example", "250"),
    ] {
        talk.expect(&format!("MAIL FROM:<{ANN}>"), "250")?;
        talk.expect(&format!("RCPT TO:<{recipient}>"), reply)?;
        ensure!(message(&mut talk, "from ann")?.starts_with("250"), "not taken");
        did.sent(ANN);
    }
    talk.expect("QUIT", "221")?;
    did.reached(BOB);
    did.reached(ANN);
    did.add("message-traffic", "bounces", &["", ANN], 1);

    // Two more than the limit allows.
    let mut talk = greeted(client::BUSY, server.submission, did)?;
    ensure!(log_in(&mut talk, ABE, PASSWORD)?.starts_with("235"), "the password was not taken");
    for _ in 0..MESSAGES_A_MINUTE {
        talk.expect(&format!("MAIL FROM:<{ABE}>"), "250")?;
        talk.expect(&format!("RCPT TO:<{BOB}>"), "250")?;
        ensure!(message(&mut talk, "from abe")?.starts_with("250"), "not taken");
        did.sent(ABE);
        did.reached(BOB);
    }
    for _ in 0..2 {
        talk.expect(&format!("MAIL FROM:<{ABE}>"), "450")?;
    }
    talk.expect("QUIT", "221")?;
    did.add("throttle-traffic", "messages_sent", &["", ABE], 2);
    did.add("throttle-violations", "messages_sent", &["", ABE], 1);
    Ok(())
}

fn users_fetch(server: &MailServer, did: &mut Did) -> Result<()> {
    // POP3: Dovecot logs what RETR and TOP gave, so only these bytes are known (LOG-LINES trap 30).
    let pop = |client, did: &mut Did| -> Result<Talk> {
        let mut talk = Talk::from(client, server.pop)?;
        did.add("pop-usage", "connections", &[""], 1);
        talk.hear()?;
        Ok(talk)
    };
    let line = |talk: &mut Talk, line: &str| -> Result<String> {
        talk.say(line)?;
        talk.hear()?.context("it hung up")
    };
    let mut talk = pop(client::USER, did)?;
    ensure!(line(&mut talk, &format!("USER {ANN}"))?.starts_with("+OK"), "no user");
    ensure!(line(&mut talk, &format!("PASS {PASSWORD}"))?.starts_with("+OK"), "no log-in");
    did.add("pop-usage", "logins", &["", ANN], 1);
    did.add("pop-usage", "connections", &[ANN], 1);
    for number in 1..=2 {
        let before = talk.received;
        ensure!(line(&mut talk, &format!("RETR {number}"))?.starts_with("+OK"), "no message {number}");
        talk.hear_until(|line| line == ".")?;
        // Without the line that ends it.
        did.add("pop-usage", "bandwidth", &["", ANN], talk.received - before - 3);
    }
    line(&mut talk, "QUIT")?;
    talk.hear_out()?;
    let mut talk = pop(client::forgetful(1), did)?;
    line(&mut talk, &format!("USER {ANN}"))?;
    ensure!(line(&mut talk, "PASS wrong")?.starts_with("-ERR"), "a wrong password was taken");
    line(&mut talk, "QUIT")?;
    talk.hear_out()?;
    did.add("pop-usage", "connections", &[ANN], 1);
    did.add("pop-errors", "auth_failed", &["", ANN], 1);
    let mut talk = pop(client::USER, did)?;
    for _ in 0..3 {
        talk.say("XYZZY")?;
    }
    talk.hear_out()?;
    did.add("pop-errors", "bad_commands", &[""], 1);
    did.add("pop-errors", "terminations", &[""], 1);

    // IMAP: Dovecot logs what went from the answer to the log-in on and what came after it, but for the two bytes that
    // end LOGOUT.
    let mut talk = Talk::from(client::USER, server.imap)?;
    did.add("imap-usage", "connections", &["", BOB], 1);
    talk.hear()?;
    let received = talk.received;
    talk.say(&format!("1 LOGIN {BOB} \"{PASSWORD}\""))?;
    let sent = talk.sent;
    ensure!(talk.hear_until(|line| line.starts_with("1 "))?.starts_with("1 OK"), "no log-in");
    did.add("imap-usage", "logins", &["", BOB], 1);
    talk.say("2 SELECT INBOX")?;
    talk.hear_until(|line| line.starts_with("2 "))?;
    talk.say("3 FETCH 1:* BODY[]")?;
    ensure!(talk.hear_until(|line| line.starts_with("3 "))?.starts_with("3 OK"), "nothing was fetched");
    talk.say("4 LOGOUT")?;
    talk.hear_until(|line| line.starts_with("4 "))?;
    did.add("imap-usage", "bandwidth", &["", BOB], talk.received - received + talk.sent - sent - 2);
    talk.hear_out()?;
    let mut talk = Talk::from(client::forgetful(2), server.imap)?;
    did.add("imap-usage", "connections", &["", BOB], 1);
    talk.hear()?;
    for attempt in 1..=2 {
        talk.say(&format!("{attempt} LOGIN {BOB} wrong"))?;
        talk.hear_until(|line| line.starts_with(&format!("{attempt} NO")))?;
    }
    talk.say("3 LOGOUT")?;
    talk.hear_out()?;
    did.add("imap-errors", "auth_failed", &["", BOB], 2);
    Ok(())
}

fn compare(logs: &[std::path::PathBuf], did: &Did) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("mailtally.toml");
    // All clients are on this machine, and so is the other mail server: neither is a part of the mail server.
    let text = "[mail]\ntrusted_relays = []\n[mail.transport_roles]\noutside = \"remote\"\n";
    std::fs::write(&settings, text)?;
    let data = folder.path().join("data");
    let mut arguments = vec![Path::new("--config"), &settings, Path::new("import"), Path::new("--data"), &data];
    arguments.extend(logs.iter().map(std::path::PathBuf::as_path));
    let output = mailtally(arguments)?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "import failed: {said}");
    ensure!(!said.contains("not understood"), "{said}");
    let mut wrong = Vec::new();
    for ((id, column, subject), amount) in &did.0 {
        let subject = if subject.is_empty() { vec![] } else { vec!["--subject", subject] };
        let found = report(&data, id, &[subject.as_slice(), &["--columns", "all"]].concat())?;
        let columns = found["columns"].as_array().context("no columns")?;
        let at = columns.iter().position(|known| known["id"] == *column);
        let at = at.with_context(|| format!("{id} has no column {column}"))?;
        let found = found["totals"][at].as_f64();
        if found != Some(*amount as f64) {
            wrong.push(format!("{id} {column} {subject:?}: {amount} was done, {found:?} is reported"));
        }
    }
    if !wrong.is_empty() {
        for log in logs {
            eprintln!("{}:\n{}", log.display(), std::fs::read_to_string(log)?);
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
