#![allow(clippy::unwrap_used)]

use super::*;
use crate::settings::{MailSettings, Settings, TransportRole};

/// Real output of Debian's Postfix 3.7 and Dovecot 2.3, but for the one of 2.4, written after its documentation.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/fixtures/setup/", $name))
    };
}

const TABLES: [(&str, &str); 1] = [("/etc/postfix/relay_domains", "# ours\nrelayed.example OK\n other\n")];

fn proposed(postconf: &str, master: &str, doveconf: &str) -> (Proposal, Settings) {
    let found = Found {
        postconf: Some(postconf.to_owned()),
        master: Some(master.to_owned()),
        doveconf: Some(doveconf.to_owned()),
        logs: vec!["/var/log/mail.log".to_owned()],
        copies: Vec::new(),
    };
    let table = |name: &str| TABLES.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let proposal = propose(&found, &table);
    let settings = Settings::parse(&proposal.text()).unwrap();
    (proposal, settings)
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

#[track_caller]
fn warns(proposal: &Proposal, of: &[&str]) {
    for what in of {
        assert!(proposal.warnings.iter().any(|warning| warning.contains(what)), "{what}: {:#?}", proposal.warnings);
    }
    assert_eq!(proposal.warnings.len(), of.len(), "{:#?}", proposal.warnings);
}

#[test]
fn debian_as_it_is_installed() {
    let (proposal, settings) = proposed(
        fixture!("postfix-internet-site.txt"),
        fixture!("postfix-internet-site-master.txt"),
        fixture!("dovecot-2.3-debian.txt"),
    );
    let expected = MailSettings {
        own_domains: words(&["mx1.example.com", "example.com", "localhost.example.com"]),
        trusted_relays: words(&["127.0.0.0/8", "::ffff:127.0.0.0/104", "::1/128"]),
        transport_roles: [("mailman".to_owned(), TransportRole::Void)].into(),
        ..MailSettings::default()
    };
    assert_eq!(settings.mail, expected);
    assert_eq!(settings.collect.files, ["/var/log/mail.log*"]);
    warns(&proposal, &["pop3_logout_format has no byte totals"]);
    assert!(proposal.text().contains("pop3_logout_format = in=%i out=%o top=%t/%p"), "{}", proposal.text());
}

#[test]
fn filters_tables_and_formats_of_ones_own() {
    let (proposal, settings) = proposed(
        fixture!("postfix-filters.txt"),
        fixture!("postfix-filters-master.txt"),
        fixture!("dovecot-2.3-own-formats.txt"),
    );
    let mail = &settings.mail;
    let domains = ["example.net", "example.org", "example.info", "xn--bcher-kva.example", "relayed.example"];
    assert_eq!(mail.own_domains, domains);
    assert_eq!(mail.internal_relays, ["10.1.0.9:10024"]);
    assert_eq!(mail.trusted_relays, ["127.0.0.0/8", "10.1.0.0/16", "::1/128", "2001:db8::/32"]);
    assert_eq!((mail.recipient_delimiter.as_str(), mail.default_realm.as_deref()), ("", Some("example.net")));
    let roles: Vec<_> = mail.transport_roles.iter().map(|(name, role)| (name.as_str(), *role)).collect();
    let local = TransportRole::Local;
    assert_eq!(
        roles,
        [("dovecot-lda", local), ("mailman", TransportRole::Void), ("spamassassin", TransportRole::Filter)]
    );
    assert_eq!(settings.collect.files, ["/var/log/postfix.log*", "/var/log/dovecot.log*", "/var/log/mail.log*"]);
    warns(
        &proposal,
        &[
            "mysql:/etc/postfix/sql/domains.cf",
            "clamav-milter",
            "master.cf: 465",
            "inet:127.0.0.1:10031",
            "imap_logout_format has no byte totals",
            "mail_log_prefix",
            "login_log_format_elements has no session",
        ],
    );
}

#[test]
fn dovecot_2_4() {
    let (proposal, _) = proposed("", "", fixture!("dovecot-2.4.txt"));
    warns(&proposal, &["pop3_logout_format = in=%{input} out=%{output} top=%{top_count}"]);
}

#[test]
fn what_cannot_be_asked_is_said_and_the_file_is_valid_all_the_same() {
    let proposal = propose(&Found::default(), &|_| None);
    warns(&proposal, &["postconf could not be asked", "doveconf could not be asked"]);
    assert_eq!(Settings::parse(&proposal.text()).unwrap(), Settings::default());
}

#[test]
fn values_from_outside_break_no_line() {
    let postconf = "mydestination = a.example, \"]\\evil\nmaillog_file = /var/log/\"x\u{1b}.log\ncontent_filter = a\"b";
    let (_, settings) = proposed(postconf, "", "log_path = /dev/null");
    assert_eq!(settings.mail.own_domains, ["a.example"]);
    assert!(settings.mail.transport_roles.contains_key("a\"b"));
}

/// Postfix refuses to start with such a value; `postconf -n` prints it all the same.
#[test]
fn a_value_that_names_itself_many_times_comes_to_an_end() {
    let postconf = format!("mydestination = a.example{}", ", $mydestination".repeat(30));
    assert_eq!(proposed(&postconf, "", "").1.mail.own_domains, ["a.example"]);
}

#[test]
fn logs_that_share_lines_are_copies() {
    let log = |name: &str, lines: &[&str]| (name.to_owned(), format!("cut\n{}\n", lines.join("\n")).into_bytes());
    let (a, b) = ("Nov 1 mx1 postfix/qmgr[1]: a: removed", "Nov 1 mx1 postfix/qmgr[1]: b: warning");
    let logs = [
        log("/var/log/syslog", &[a, b, "Nov 1 mx1 cron[1]: x"]),
        log("/var/log/mail.log", &[a, b]),
        log("/var/log/mail.warn", &[b]),
        log("/var/log/other.log", &["Nov 1 mx1 cron[1]: x"]),
    ];
    let pairs = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(
        copies(&logs),
        [pairs("/var/log/syslog", "/var/log/mail.log"), pairs("/var/log/syslog", "/var/log/mail.warn")]
    );
}
