//! What names used in a span: the sums of the reports' rows, for a bill.

use std::collections::BTreeMap;

use mailtally_model::overage::Counts;
use mailtally_model::{Span, Subject};
use rusqlite::{Connection, OptionalExtension, Result};

use super::MAX_VALUE;
use super::counters::{self, Slots};
use super::names::{OTHER_ID, SERVER_ID};
use crate::settings::Of;

/// Each name of the kind that is ours and used anything; one that is asked for by name in any case. Of mailboxes only
/// those that lie in `root`.
pub fn used(tx: &Connection, of: &Of, counts: Counts, span: Span, root: &Subject) -> Result<Vec<(Subject, u64)>> {
    let slots = Slots::of(span);
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for measure in counts.measures() {
        let mut add = |row: i64, sum: i64| {
            let all = sums.entry(row).or_insert(0);
            *all = all.saturating_add(sum);
        };
        match of {
            Of::One(subject) => {
                if let Some(row) = find(tx, subject)? {
                    add(row, counters::total(tx, row, measure, slots)?);
                }
            }
            Of::EachDomain => {
                counters::children(tx, SERVER_ID, measure, slots)?.into_iter().for_each(|(row, sum)| add(row, sum));
            }
            Of::EachMailbox => {
                for domain in domains(tx, root)? {
                    counters::children(tx, domain, measure, slots)?.into_iter().for_each(|(row, sum)| add(row, sum));
                }
            }
        }
    }
    let mut find = tx.prepare_cached("SELECT subject FROM name WHERE id = ?1 AND known = 1")?;
    let mut used = Vec::new();
    for (row, sum) in sums.into_iter().filter(|(row, _)| *row != OTHER_ID) {
        let name: Option<String> = find.query_row([row], |found| found.get(0)).optional()?;
        // Beside domains the server has services.
        let subject = name.and_then(|name| name.parse().ok());
        if let Some(subject @ (Subject::Domain(_) | Subject::Mailbox(_))) = subject {
            used.push((subject, sum.clamp(0, MAX_VALUE).unsigned_abs()));
        }
    }
    Ok(used)
}

fn find(tx: &Connection, subject: &Subject) -> Result<Option<i64>> {
    tx.prepare_cached("SELECT id FROM name WHERE subject = ?1 AND known = 1")?
        .query_row([subject.to_string()], |row| row.get(0))
        .optional()
}

/// The domains whose mailboxes may lie in `root`.
fn domains(tx: &Connection, root: &Subject) -> Result<Vec<i64>> {
    let domain = match root {
        Subject::Server => {
            return tx
                .prepare_cached("SELECT id FROM name WHERE parent = ?1 AND known = 1 AND id != ?2")?
                .query_map([SERVER_ID, OTHER_ID], |row| row.get(0))?
                .collect();
        }
        Subject::Domain(_) => Some(root.clone()),
        Subject::Mailbox(_) => root.parent(),
        Subject::Service(..) => None,
    };
    match domain {
        Some(domain) => Ok(find(tx, &domain)?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}
