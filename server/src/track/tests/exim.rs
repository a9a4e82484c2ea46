//! Exim 4.96 under a script: what the script did is the truth. One and the same script, with three settings of
//! `log_selector`.

use super::*;

const WIDE: &str = include_str!("../../../tests/fixtures/exim/wide.log");
const DEFAULT: &str = include_str!("../../../tests/fixtures/exim/default.log");
const WITH_PID: &str = include_str!("../../../tests/fixtures/exim/with-pid.log");

fn count(log: &str) -> Counts {
    // Exim's warnings go over two lines, the second without a stamp.
    let lines: Vec<&str> = log.lines().filter(|line| line.starts_with("20")).collect();
    Counts::of_lines(&MailSettings::default(), &lines)
}

/// SEMANTICS R18: what is a matter of messages does not hang on `log_selector`.
#[test]
fn messages_are_counted_whatever_is_logged_beside_them() {
    for log in [WIDE, DEFAULT, WITH_PID] {
        count(log).check(&[
            ("message.incoming", 10),
            // By name, and root's own mail.
            ("message.incoming alice@alpha.example", 4),
            // Her name alone is logged beside the alias, whose domain is the only one there is.
            ("message.incoming alice@beta.example", 1),
            // One of them is the notification that his message failed.
            ("message.incoming bob@beta.example", 2),
            ("message.incoming bella@beta.example", 1),
            ("message.incoming vera@beta.example", 1),
            ("message.incoming sieve@beta.example", 1),
            ("message.outgoing", 7),
            ("message.outgoing bob@beta.example", 6),
            ("message.bounces bob@beta.example", 1),
            ("priority.submission", 6),
            ("priority.normal", 6),
            ("priority.system", 2),
            ("smtp_out.connections", 6),
            ("smtp_out.connections bob@beta.example", 5),
            ("smtp_out.failed_connections", 1),
            ("smtp_out.terminations bob@beta.example", 1),
            ("smtp_out.deferrals", 4),
            ("smtp_out.bounced bob@beta.example", 1),
            ("smtp_in.rejected_recipients", 4),
            ("smtp_in.rejected_messages", 2),
            ("smtp_in.auth_failed bob@beta.example", 1),
        ]);
    }
}

/// With `+smtp_connection`: 32 clients, 3 of which were over the limit of an address and one on a list.
#[test]
fn sessions_are_counted_where_they_are_logged() {
    count(WIDE).check(&[
        ("smtp_in.connections", 32),
        ("smtp_in.inferred_connections", 0),
        ("smtp_in.blocked_connections", 4),
        ("smtp_in.bad_commands", 7),
        ("smtp_in.terminations", 11),
    ]);
}

/// Without it a session is known by what was done in it: where ports are logged only those that did nothing are missing.
#[test]
fn sessions_are_a_lower_bound_where_they_are_not_logged() {
    count(WITH_PID).check(&[
        ("smtp_in.connections", 31),
        ("smtp_in.inferred_connections", 28),
        ("smtp_in.blocked_connections", 4),
        ("smtp_in.bad_commands", 7),
    ]);
}

/// By syslog a refusal comes twice, for the main log and for the reject log; what comes a third time is another.
#[test]
fn what_is_refused_and_written_twice_to_syslog_counts_once() {
    let refused =
        "H=(c) [203.0.113.10] F=<a@outside.example> rejected RCPT <nobody@alpha.example>: Unrouteable address";
    let by_syslog = |second: u32, pid: u32| format!("2026-03-02T00:00:{second:02}Z mx1 exim[{pid}]: {refused}");
    let count = |settings: &MailSettings, lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        Counts::of_lines(settings, &lines)
    };
    let usual = MailSettings::default();
    let lines = [by_syslog(1, 7), by_syslog(1, 8), by_syslog(1, 7), by_syslog(2, 8), by_syslog(2, 7)];
    count(&usual, &lines).check(&[("smtp_in.rejected_recipients", 3)]);
    let once = MailSettings { exim_syslog_duplication: false, ..usual.clone() };
    count(&once, &lines).check(&[("smtp_in.rejected_recipients", 5)]);
    let of_main_log = format!("2026-03-02 00:00:01 {refused}");
    count(&usual, &[of_main_log.clone(), of_main_log]).check(&[("smtp_in.rejected_recipients", 2)]);
}
