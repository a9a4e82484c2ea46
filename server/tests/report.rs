//! `mailtally report` from outside: the same numbers in every format, and how it ends.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use mailtally_model::{By, Subject, catalogue};
use mailtally_server::store::{EventQuery, IfAbsent, Question, Reader, events};
use serde_json::Value;

fn mailtally(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mailtally")).args(args).output().unwrap()
}

/// A data directory with a real Dovecot log of one day.
fn imported() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpora/dovecot/mail.iso.log");
    let output = mailtally(&["import", "--data", dir.path().to_str().unwrap(), log.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dir
}

fn report(dir: &tempfile::TempDir, args: &[&str]) -> Output {
    mailtally(&[&["report"], args, &["--data", dir.path().to_str().unwrap()]].concat())
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(dir: &tempfile::TempDir, args: &[&str]) -> Value {
    serde_json::from_str(&stdout(&report(dir, &[args, &["--format", "json"]].concat()))).unwrap()
}

#[test]
fn every_format_has_the_same_totals() {
    let dir = imported();
    let view = ["pop-sessions", "--by", "domains", "--zone", "UTC"];
    let json = json(&dir, &view);
    let totals: Vec<String> = json["totals"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_ne!(totals[0], "0");
    let csv = stdout(&report(&dir, &[&view[..], &["--format", "csv"]].concat()));
    let last = csv.trim_end().lines().last().unwrap();
    assert_eq!(last, format!("Total,{}", totals.join(",")));
    let table = stdout(&report(&dir, &view));
    let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!((last[0], last[1]), ("Total", totals[0].as_str()));
}

/// The law of the store: the counters are the sum of the kept events.
#[test]
fn the_events_behind_the_numbers_add_up_to_them() {
    let dir = imported();
    let reader = Reader::open(dir.path()).unwrap();
    let span = reader.stored().unwrap().unwrap();
    let mut recount: BTreeMap<String, i64> = BTreeMap::new();
    let mut after = None;
    loop {
        let query = EventQuery {
            subject: Subject::Server,
            measures: Vec::new(),
            span,
            kind: None,
            text: None,
            after,
            limit: 100,
            if_absent: IfAbsent::Refuse,
        };
        let page = reader.events(&query, |_| true).unwrap();
        for (measure, amount) in page.events.iter().flat_map(|event| &event.counts) {
            *recount.entry(measure.clone()).or_insert(0) += amount;
        }
        let Some(next) = page.next else { break };
        after = events::cursor(&next);
    }
    let mut totals = BTreeMap::new();
    for report in catalogue::REPORTS {
        let question = Question {
            report,
            subject: Subject::Server,
            by: By::Time,
            span,
            edges: None,
            throttling: true,
            if_absent: IfAbsent::Refuse,
        };
        totals.extend(reader.answer(&question).unwrap().totals);
    }
    totals.retain(|_, total| *total > 0);
    recount.retain(|_, sum| *sum != 0);
    assert!(totals.len() > 5);
    assert_eq!(recount.into_iter().map(|(id, sum)| (id, sum as u64)).collect::<BTreeMap<_, _>>(), totals);
}

#[test]
fn steps_and_zones_conserve_the_sum() {
    let dir = imported();
    let whole = json(&dir, &["imap-usage", "--columns", "all", "--zone", "UTC"])["totals"].clone();
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"] {
        for step in ["hour", "day", "week", "month", "quarter"] {
            let report = json(&dir, &["imap-usage", "--columns", "connections,logins", "--step", step, "--zone", zone]);
            for (column, id) in ["connections", "logins"].iter().enumerate() {
                let rows = report["rows"].as_array().unwrap();
                let sum: i64 = rows.iter().filter_map(|row| row["values"][column].as_i64()).sum();
                assert_eq!(sum, report["totals"][column].as_i64().unwrap(), "{id} by {step} in {zone}");
            }
            // The means come first in the whole report; the connections are its third column.
            assert_eq!(report["totals"][0], whole[2], "{step} in {zone}");
        }
    }
}

#[test]
fn the_sort_is_by_the_column_that_was_named() {
    let dir = imported();
    let report = json(&dir, &["imap-usage", "--by", "domains", "--sort", "connections", "--columns", "connections"]);
    let values: Vec<i64> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| !row["key"].as_str().unwrap().starts_with('('))
        .map(|row| row["values"][0].as_i64().unwrap())
        .collect();
    assert!(values.len() > 1 && values.is_sorted_by(|a, b| a >= b), "{values:?}");
}

#[test]
fn how_it_ends_says_what_went_wrong() {
    let dir = imported();
    let ends = |args: &[&str]| {
        let output = report(&dir, args);
        (output.status.code(), output.stdout.is_empty(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (args, named) in [
        (&["nope"][..], "server-status"),
        (&["pop-sessions", "--by", "users"], "domains"),
        (&["pop-sessions", "--columns", "nope"], "new_connections"),
        (&["pop-sessions", "--sort", "nope"], "new_connections"),
        (&["pop-sessions", "--step", "fortnight"], "quarter"),
        (&["pop-sessions", "--zone", "Mars/Olympus"], "Mars/Olympus"),
        (&["pop-sessions", "--subject", "@"], "--subject"),
        (&["server-status", "--subject", "example.com"], "does not exist"),
        (&["pop-sessions", "--from", "2026-03-02", "--until", "2026-03-01"], "later"),
        (&["pop-sessions", "--frm", "2026-03-02"], "--frm"),
    ] {
        let (status, is_silent, said) = ends(args);
        assert_eq!((status, is_silent), (Some(2), true), "{args:?}: {said}");
        assert!(said.contains(named), "{args:?}: {said}");
    }
    let (status, is_silent, said) = ends(&["pop-sessions", "--subject", "absent.example"]);
    assert_eq!((status, is_silent), (Some(1), true), "{said}");
    let nowhere = mailtally(&["report", "pop-sessions", "--data", "/nonexistent"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("/nonexistent"));
}
