//! Rules over the whole catalogue: a failure names the offender.

use std::collections::BTreeSet;

use super::*;
use crate::measure::Worse;

fn assert_unique<T: Ord + std::fmt::Debug>(what: &str, all: impl Iterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for one in all {
        let text = format!("{one:?}");
        assert!(seen.insert(one), "{what} {text} stands twice");
    }
}

fn assert_sentence(whose: &str, text: &str) {
    assert!(text.starts_with(char::is_uppercase), "{whose}: `{text}` begins without a capital");
    assert!(text.ends_with('.'), "{whose}: `{text}` ends without a full stop");
    assert!(!text.contains("  ") && text.trim() == text, "{whose}: `{text}` has stray spaces");
}

#[test]
fn there_are_nineteen_reports_with_ids_of_their_own() {
    assert_eq!(REPORTS.len(), 19);
    assert_unique("report id", REPORTS.iter().map(|report| report.id));
    assert_unique("title", REPORTS.iter().map(|report| report.title));
    for report in REPORTS {
        assert!(std::ptr::eq(find(report.id).expect(report.id), report));
        assert_unique(report.id, report.columns.iter().map(|column| column.id));
        assert_unique(report.id, report.columns.iter().map(|column| column.label));
    }
}

#[test]
fn ids_are_fit_for_addresses() {
    for report in REPORTS {
        assert!(report.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", report.id);
        for column in report.columns {
            assert!(column.id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{} {}", report.id, column.id);
        }
    }
}

#[test]
fn measures_have_numbers_and_ids_of_their_own() {
    // `measures` tells measures apart by number, so every column's id must be the id under its number.
    assert_unique("measure id", measures().iter().map(|measure| measure.id));
    for column in REPORTS.iter().flat_map(|report| report.columns) {
        let of_number = measures().into_iter().find(|measure| measure.number == column.measure().number);
        assert_eq!(
            of_number.map(|measure| measure.id),
            Some(column.measure().id),
            "number {}",
            column.measure().number
        );
    }
}

#[test]
fn every_rule_and_every_description_is_a_sentence() {
    for measure in measures() {
        assert_sentence(measure.id, measure.rule());
    }
    for report in REPORTS {
        assert_sentence(report.id, report.sentence);
    }
}

#[test]
fn groups_are_contiguous() {
    let mut groups: Vec<&str> = REPORTS.iter().map(|report| report.group).collect();
    groups.dedup();
    assert_unique("group", groups.into_iter());
}

#[test]
fn every_best_basis_has_values() {
    for measure in measures() {
        assert!(measure.basis.has_values(), "{} could never show a number", measure.id);
    }
}

#[test]
fn a_mean_is_of_an_integral_and_is_never_additive_over_subjects() {
    for column in REPORTS.iter().flat_map(|report| report.columns) {
        let integral = matches!(column.measure().unit, Unit::Millis | Unit::KibSeconds);
        assert_eq!(column.is_average(), integral, "{}", column.measure().id);
        assert!(!(column.is_average() && column.is_additive()), "{}", column.measure().id);
        assert_eq!(column.is_average(), column.label.starts_with("Avg."), "{}", column.label);
    }
}

/// What a label calls bad is bad when there is more of it.
#[test]
fn what_is_called_bad_is_worse_with_more() {
    let names = [
        "Bad ",
        "Blocked Conn",
        "Failed",
        "Terminations",
        "Spam Messages",
        "Bounces",
        "Rejected",
        "Violation",
        "Deferr",
    ];
    for report in REPORTS {
        for column in report.columns {
            if names.iter().any(|name| column.label.contains(name) || report.title.contains(name)) {
                assert_eq!(column.measure().worse, Worse::WithMore, "{}: {}", report.id, column.label);
            }
        }
    }
    let of = |report, column: usize| find(report).expect(report).columns[column].measure().worse;
    assert_eq!(of("message-traffic", 0), Worse::WithLess, "mail that no longer comes");
    assert_eq!(of("pop-sessions", 0), Worse::Neither);
}

#[test]
fn modes_follow_the_level() {
    let domain: Subject = "example.com".parse().expect("a domain");
    let mailbox: Subject = "ann@example.com".parse().expect("a mailbox");
    let service: Subject = "clamav:mx1".parse().expect("a service");
    let report = |id| find(id).expect(id);
    assert_eq!(report("pop-sessions").modes(&Subject::Server), [By::Time, By::Domains]);
    assert_eq!(report("pop-sessions").modes(&domain), [By::Time, By::Users]);
    assert_eq!(report("pop-sessions").modes(&mailbox), [By::Time]);
    assert_eq!(report("smtp-in-errors").modes(&domain), [By::Time]);
    assert_eq!(report("server-status").modes(&Subject::Server), [By::Time]);
    assert_eq!(report("clamav").modes(&Subject::Server), [By::Time, By::Services]);
    assert_eq!(report("clamav").modes(&service), [By::Time]);
    assert!(report("clamav").exists_for(&service) && !report("spamassassin-servers").exists_for(&service));
    assert!(!report("clamav").exists_for(&domain) && !report("smtp-in-errors").exists_for(&mailbox));
}

/// One line a report: group, id, title, scopes, then id, label, unit shown, `S` where it exists at server scope alone, and
/// `+` for an extra one.
fn line(report: &Report) -> String {
    let scopes: String = report
        .scopes
        .iter()
        .map(|scope| match scope {
            Scope::Server => 'S',
            Scope::Domain => 'D',
            Scope::Mailbox => 'U',
            Scope::Service => '?',
        })
        .collect();
    let mut text = format!("{} | {} | {} | {scopes} |", report.group, report.id, report.title);
    for column in report.columns {
        let plus = if column.extra { "+" } else { "" };
        text += &format!("\n    {plus}{} — {}", column.id, column.label);
        if !column.shown_as.unit_shown().is_empty() {
            text += &format!(" ({})", column.shown_as.unit_shown());
        }
        if column.server_only {
            text += " (S)";
        }
    }
    text
}

/// The ids and words that addresses, scripts and CSV files outside rely on. A change here breaks a promise.
const PROMISED: &str = "\
Server | server-status | Server Status | S |
    cpu — Avg. CPU (%)
    memory — Avg. Memory (MB)
    nonpaged_memory — Avg. Nonpaged Memory (MB)
    handles — Avg. Handles
    threads — Avg. Threads
    active_connections — Avg. Active Connections
    spool_count — Avg. Spool Count
Messages | message-traffic | Message Traffic | SDU |
    incoming — Incoming Messages
    outgoing — Outgoing Messages
    incoming_spam — Incoming Spam Messages
    outgoing_spam — Outgoing Spam Messages
    +bounces — Bounces
    +spam_blocked — Spam Blocked
    +spam_blocked_out — Outgoing Spam Blocked
Messages | message-data | Message Data | SDU |
    sent — Data Sent (KB)
    received — Data Received (KB)
    +size_unknown — Size Unknown
Throttling | throttle-traffic | Throttle Traffic | SDU |
    bounces_received — Bounces Received
    messages_sent — Messages Sent
    smtp_out_bandwidth — SMTP Out Bandwidth (KB)
    +size_unknown — Size Unknown
    +inbound_throttled — Inbound Throttled
Throttling | throttle-violations | Throttle Violations | SDU |
    bounces_received — Bounces Received
    messages_sent — Messages Sent
    smtp_out_bandwidth — SMTP Out Bandwidth
Priority | traffic-by-priority | Traffic By Priority | SDU |
    system — System
    lists — Lists and bulk
    urgent — Urgent
    submission — Submission
    normal — Normal
Priority | bandwidth-by-priority | Bandwidth By Priority | SDU |
    system — System (KB)
    lists — Lists and bulk (KB)
    urgent — Urgent (KB)
    submission — Submission (KB)
    normal — Normal (KB)
SMTP in | smtp-in-usage | SMTP In Usage | SDU |
    bandwidth — Bandwidth (KB)
    active_connections — Avg. Active Connections (S)
    connections — Connections
    blocked_connections — Blocked Connections (S)
    +inferred_connections — Inferred Connections
SMTP in | smtp-in-errors | SMTP In Errors | SD |
    blocked_connections — Blocked Connections
    bad_commands — Bad Commands
    terminations — Terminations
    +rejected_recipients — Rejected Recipients
    +rejected_messages — Rejected Messages
    +auth_failed — Failed Log-ins
SMTP out | smtp-out-usage | SMTP Out Usage | SDU |
    bandwidth — Bandwidth (KB)
    active_connections — Avg. Active Connections
    connections — Connections
SMTP out | smtp-out-errors | SMTP Out Errors | SDU |
    bad_commands — Bad Commands
    terminations — Terminations
    +deferrals — Deferrals
    +bounced — Bounced
SMTP out | smtp-out-connections | SMTP Out Connections | SDU |
    active_connections — Avg. Active Connections (S)
    connections — Connections
    failed_connections — Failed Connections
POP | pop-sessions | POP Sessions | SDU |
    new_connections — New Connections
    blocked_connections — Blocked Connections
    bad_commands — Bad Commands
    terminations — Terminations
    bandwidth — Bandwidth (KB)
POP | pop-usage | POP Usage | SDU |
    bandwidth — Bandwidth (KB)
    active_connections — Avg. Active Connections (S)
    connections — Connections
    blocked_connections — Blocked Connections (S)
    +logins — Log-ins
POP | pop-errors | POP Errors | SDU |
    blocked_connections — Blocked Connections
    bad_commands — Bad Commands
    terminations — Terminations
    +auth_failed — Failed Log-ins
IMAP | imap-usage | IMAP Usage | SDU |
    active_connections — Avg. Active Connections (S)
    bandwidth — Bandwidth (KB)
    connections — Connections
    blocked_connections — Blocked Connections
    +logins — Log-ins
IMAP | imap-errors | IMAP Errors | SDU |
    blocked_connections — Blocked Connections
    bad_commands — Bad Commands
    terminations — Terminations
    +auth_failed — Failed Log-ins
Filters | spamassassin-servers | SpamAssassin Servers | S |
    active_connections — Avg. Active Connections
    connections — Connections
    failed_connections — Failed Connections
Filters | clamav | ClamAV | S |
    active_connections — Avg. Active Connections
    connections — Connections
    failed_connections — Failed Connections";

#[test]
fn reports_are_as_promised() {
    let declared: Vec<String> = REPORTS.iter().map(line).collect();
    assert_eq!(declared.join("\n"), PROMISED);
}
