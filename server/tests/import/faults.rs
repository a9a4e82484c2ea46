//! docs/faults.md names a test or a reason for every fault of its sections, docs/rules.md tests for every rule, and the
//! tests that they name exist.

use std::collections::BTreeSet;

use super::*;

const FAULTS: &str = include_str!("../../../docs/faults.md");
const RULES: &str = include_str!("../../../docs/rules.md");

/// The numbers of sections A to F.
const ROWS: std::ops::RangeInclusive<u32> = 1..=96;

/// Number, fault, and what holds it.
fn rows(page: &'static str) -> Vec<(u32, &'static str, &'static str)> {
    let cells = |line: &'static str| -> Option<(u32, &str, &str)> {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let row = (cells.next()?.trim().parse().ok()?, cells.next()?.trim(), cells.next()?.trim());
        cells.next().is_none().then_some(row)
    };
    page.lines().filter_map(cells).collect()
}

/// Names in backquotes.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn functions(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != ".git") {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
                let name = line.strip_prefix("fn ");
                let name = name.and_then(|rest| rest.split_once('('));
                found.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
}

#[test]
fn every_fault_has_a_test_that_exists_or_a_reason() {
    let numbers: Vec<u32> = rows(FAULTS).into_iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers, ROWS.collect::<Vec<_>>(), "each row once, in order");
    let mut found = BTreeSet::new();
    functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    for (number, fault, held_by) in rows(FAULTS) {
        let missing: Vec<&str> = named(held_by).filter(|name| !found.contains(*name)).collect();
        assert!(missing.is_empty(), "FAULTS {number} ({fault}): no such test: {missing:?}");
        // A reason is a sentence.
        assert!(named(held_by).next().is_some() || held_by.len() > 40, "FAULTS {number} ({fault}): {held_by:?}");
    }
}

#[test]
fn every_rule_has_a_test_that_exists() {
    let numbers: Vec<u32> = rows(RULES).into_iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers, (1..=19).collect::<Vec<_>>(), "each rule once, in order");
    let mut found = BTreeSet::new();
    functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    for (number, rule, held_by) in rows(RULES) {
        let missing: Vec<&str> = named(held_by).filter(|name| !found.contains(*name)).collect();
        assert!(missing.is_empty() && named(held_by).next().is_some(), "R{number} ({rule}): no such test: {missing:?}");
    }
}
