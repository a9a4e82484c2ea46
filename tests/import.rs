//! The four real logs, read by the binary as an administrator would, and the numbers that come out.
//!
//! Each expected number was counted from the log by other means (grep, and the truth.json beside it, which says what
//! the clients that made the log did); the rule that makes it the right one is named.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mailtally_tests::product::{corpus, import, mailtally, report};
use serde_json::Value;

const CORPORA: [&str; 4] = ["delivery-bounce-defer-expire", "dovecot", "rejects", "spamd-pipe"];
/// mail.log has the traditional stamp, without a year; mail.iso.log has the same lines with ISO stamps.
const LOGS: [&str; 2] = ["mail.log", "mail.iso.log"];

const REPORTS: [&str; 19] = [
    "server-status",
    "message-traffic",
    "message-data",
    "throttle-traffic",
    "throttle-violations",
    "traffic-by-priority",
    "bandwidth-by-priority",
    "smtp-in-usage",
    "smtp-in-errors",
    "smtp-out-usage",
    "smtp-out-errors",
    "smtp-out-connections",
    "pop-sessions",
    "pop-usage",
    "pop-errors",
    "imap-usage",
    "imap-errors",
    "spamassassin-servers",
    "clamav",
];

/// An imported log in a directory of its own.
struct Imported {
    _folder: tempfile::TempDir,
    data: PathBuf,
}

fn imported(name: &str, log: &str) -> Result<Imported> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    read(&data, &[&corpus(name).join(log)])?;
    Ok(Imported { _folder: folder, data })
}

fn read(data: &Path, files: &[&Path]) -> Result<()> {
    let output = import(data, &["--log-zone", "UTC", "--year", "2026"], files)?;
    ensure!(output.status.success(), "import failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn total(report: &Value, column: &str) -> Result<Option<f64>> {
    let columns = report["columns"].as_array().context("no columns")?;
    let at = columns.iter().position(|known| known["id"] == column).with_context(|| format!("no column {column}"))?;
    Ok(report["totals"][at].as_f64())
}

/// Totals of a report for a subject (the server, where it is empty), by column.
type Expected<'a> = (&'a str, &'a str, &'a [(&'a str, u32)]);

/// Checks totals of a corpus, from both of its logs.
fn check(name: &str, expected: &[Expected]) -> Result<()> {
    for log in LOGS {
        let imported = imported(name, log)?;
        for (id, subject, columns) in expected {
            let subject = if subject.is_empty() { vec![] } else { vec!["--subject", subject] };
            let arguments = [subject.as_slice(), &["--columns", "all", "--zone", "UTC"]].concat();
            let report = report(&imported.data, id, &arguments)?;
            for (column, value) in *columns {
                let found = total(&report, column)?;
                ensure!(found == Some(f64::from(*value)), "{log}, {id} {subject:?} {column}: {found:?}, not {value}");
            }
        }
    }
    Ok(())
}

#[test]
fn each_message_is_counted_once_though_a_filter_logs_it_twice() -> Result<()> {
    check(
        "spamd-pipe",
        &[
            // 41 messages, some to two mailboxes, each through `pipe` and back in by `pickup`. (R2, R4)
            ("message-traffic", "", &[("incoming", 47), ("outgoing", 0), ("incoming_spam", 21)]),
            ("message-traffic", "alpha.example", &[("incoming", 22), ("incoming_spam", 10)]),
            ("message-traffic", "beta.example", &[("incoming", 18), ("incoming_spam", 8)]),
            ("message-traffic", "gamma.example", &[("incoming", 7), ("incoming_spam", 3)]),
            ("message-traffic", "boris@beta.example", &[("incoming", 4), ("incoming_spam", 3)]),
            ("smtp-in-usage", "", &[("connections", 43)]),
            // 45 were served by spamd; spamc found nobody there 56 times, and the messages arrived all the same.
            ("spamassassin-servers", "", &[("connections", 45), ("failed_connections", 56)]),
        ],
    )
}

#[test]
fn sessions_are_counted_from_login_to_logout() -> Result<()> {
    check(
        "dovecot",
        &[
            ("message-traffic", "", &[("incoming", 24), ("outgoing", 0)]),
            ("message-traffic", "alice@alpha.example", &[("incoming", 12)]),
            // Every end of the part before the log-in is one connection. Bytes are top + retr: a lower bound.
            ("pop-usage", "", &[("connections", 16), ("logins", 8), ("bandwidth", 44_964)]),
            ("pop-usage", "bob@beta.example", &[("logins", 7), ("bandwidth", 44_964)]),
            ("pop-errors", "", &[("bad_commands", 2), ("auth_failed", 4)]),
            ("imap-usage", "", &[("connections", 45), ("logins", 26), ("bandwidth", 68_295)]),
            ("imap-usage", "alice@alpha.example", &[("logins", 6), ("bandwidth", 52_193)]),
            ("imap-usage", "cyril@gamma.example", &[("logins", 10), ("bandwidth", 4_790), ("blocked_connections", 2)]),
            ("imap-errors", "", &[("auth_failed", 9)]),
        ],
    )
}

#[test]
fn final_outcomes_are_counted_once_and_deferrals_apart() -> Result<()> {
    check(
        "delivery-bounce-defer-expire",
        &[
            // 36 messages of one person; the 24 that arrive are the bounces for them. (R9, R10)
            ("message-traffic", "", &[("incoming", 24), ("outgoing", 36), ("bounces", 26)]),
            ("message-traffic", "carl@gamma.example", &[("incoming", 24), ("outgoing", 36)]),
            ("smtp-in-usage", "", &[("connections", 39)]),
            // What the servers outside say that they took, to the byte; a try that fails is a connection of its own.
            ("smtp-out-usage", "", &[("bandwidth", 26_335), ("connections", 70)]),
            ("smtp-out-connections", "", &[("failed_connections", 29)]),
            ("smtp-out-errors", "", &[("deferrals", 48), ("bounced", 26)]),
        ],
    )
}

#[test]
fn refusals_are_told_apart_by_what_was_refused() -> Result<()> {
    check(
        "rejects",
        &[
            ("message-traffic", "", &[("incoming", 26), ("outgoing", 0)]),
            ("message-traffic", "bob@beta.example", &[("incoming", 4)]),
            ("smtp-in-usage", "", &[("connections", 98), ("blocked_connections", 22)]),
            // One of the messages grew too large while it came: it has a warning, and no line of refusal.
            ("smtp-in-errors", "", &[("rejected_recipients", 37), ("rejected_messages", 11)]),
            ("message-traffic", "alice@alpha.example", &[("incoming", 22)]),
        ],
    )
}

/// Exim's own main log speaks for all that moves mail, and for nothing else: SEMANTICS R14.
#[test]
fn a_log_of_exim_alone_has_numbers() -> Result<()> {
    let imported = imported("exim-4.98", "mail.log")?;
    let of = |id| report(&imported.data, id, &["--columns", "all", "--zone", "UTC"]);
    let traffic = of("message-traffic")?;
    ensure!(total(&traffic, "incoming")? == Some(12.0) && total(&traffic, "outgoing")? == Some(10.0), "{traffic}");
    ensure!(total(&of("smtp-in-usage")?, "connections")? == Some(25.0));
    ensure!(total(&of("pop-usage")?, "connections")?.is_none(), "no log of POP was read");
    Ok(())
}

#[test]
fn both_kinds_of_stamp_give_the_same_reports() -> Result<()> {
    for name in CORPORA {
        let [traditional, iso] = LOGS.map(|log| imported(name, log));
        let (traditional, iso) = (traditional?, iso?);
        for id in REPORTS {
            let arguments = ["--zone", "Europe/Berlin", "--step", "hour", "--columns", "all"];
            let [traditional, iso] = [&traditional, &iso].map(|imported| report(&imported.data, id, &arguments));
            ensure!(traditional? == iso?, "{name}, {id}: mail.log and mail.iso.log differ");
        }
    }
    Ok(())
}

#[test]
fn importing_twice_changes_nothing() -> Result<()> {
    for name in CORPORA {
        let imported = imported(name, "mail.log")?;
        let all =
            || REPORTS.iter().map(|id| report(&imported.data, id, &["--zone", "UTC"])).collect::<Result<Vec<_>>>();
        let once = all()?;
        read(&imported.data, &[&corpus(name).join("mail.log")])?;
        ensure!(all()? == once, "{name}: the second import changed a number");
        // The same lines under another name are the same lines.
        let copy = imported.data.with_extension("copy.log");
        std::fs::copy(corpus(name).join("mail.log"), &copy)?;
        read(&imported.data, &[&copy])?;
        ensure!(all()? == once, "{name}: a copy of the file was counted again");
    }
    Ok(())
}

#[test]
fn exit_status_says_whether_it_was_done() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let missing = import(&data, &[], &[Path::new("/there/is/no/such/file.log")])?;
    ensure!(missing.status.code() == Some(1), "a missing file: {}", missing.status);
    ensure!(
        String::from_utf8_lossy(&missing.stderr).contains("/there/is/no/such/file.log"),
        "the message names no file"
    );
    let usage = mailtally(["report", "no-such-report"])?;
    ensure!(usage.status.code() == Some(2), "a report that does not exist: {}", usage.status);
    let odd = folder.path().join("odd.log");
    std::fs::write(&odd, "this is no log line\n\u{0}\u{1}\u{2}\n")?;
    let odd = import(&data, &[], &[&odd])?;
    ensure!(odd.status.code() == Some(0), "lines that are not understood are no failure: {}", odd.status);
    Ok(())
}

#[test]
fn reports_print_only_the_answer() -> Result<()> {
    let imported = imported("dovecot", "mail.log")?;
    let data = imported.data.to_str().context("a path in UTF-8")?;
    let output = mailtally(["report", "pop-usage", "--data", data, "--zone", "UTC", "--format", "csv"])?;
    ensure!(output.status.success());
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    ensure!(reader.headers()?.iter().any(|name| name.starts_with("Connections")), "{:?}", reader.headers());
    let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    ensure!(rows.len() == 2, "one day and the total are two rows, not {}", rows.len());
    ensure!(rows[0].get(0) == Some("2026-11-22") && rows[1].get(0) == Some("Total"), "{rows:?}");
    Ok(())
}
