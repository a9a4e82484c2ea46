//! Logs of daemons that a script drove: its own tally of what it did and saw, by measure and subject, is the truth. One
//! more is put together by hand, of what no driven daemon did.

use std::collections::BTreeMap;

use super::{Truth, count_cut, lines};

/// Each has a mail.log, and a truth.json that says which daemons wrote it and what was done.
const DRIVEN: [&str; 7] = [
    "postfix-3.10-dovecot-2.4",
    "postfix-3.10-dovecot-2.4-own-formats",
    "filters",
    "exim-4.98",
    "exim-4.98-default",
    "exim-4.98-syslog",
    "by-hand",
];

#[test]
fn what_a_script_did_is_what_is_counted() {
    for corpus in DRIVEN {
        // The tracker is put away and taken back now and then: a log may be cut at any line.
        let counted = count_cut(&lines(corpus, "mail.log"), 7);
        assert_eq!(counted.unparsed, [""; 0], "{corpus}");
        let Truth(truth) = Truth::of(corpus);
        // Names that no evidence made ours have no row: the store folds them.
        let is_ours = |subject: &String| subject == "(server)" || counted.known.contains(subject);
        for (measure, expected) in truth["measures"].as_object().unwrap() {
            let expected: BTreeMap<&str, i64> = expected
                .as_object()
                .unwrap()
                .iter()
                .map(|(subject, amount)| (subject.as_str(), amount.as_i64().unwrap()))
                .collect();
            // A truth may speak of the server alone, or leave mailboxes out.
            let level = |subject: &str| (subject != "(server)", subject.contains('@'));
            let is_told = |subject: &str| expected.keys().any(|told| level(told) == level(subject));
            let found: BTreeMap<&str, i64> = counted
                .sums
                .iter()
                .filter(|((id, subject), _)| id == measure && is_ours(subject) && is_told(subject))
                .map(|((_, subject), amount)| (subject.as_str(), *amount))
                .collect();
            assert_eq!(found, expected, "{corpus}: {measure}");
        }
    }
}
