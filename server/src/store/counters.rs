//! The sums: by slot for each subject, and by whole UTC day for all children of a parent, kept in step.

use std::collections::BTreeMap;

use mailtally_model::time::DAY_SECS;
use mailtally_model::{Measure, SLOT_SECS, Slot, Span, Subject};
use rusqlite::{Connection, Result, params};
use rustc_hash::FxHashMap;

use super::MAX_VALUE;
use super::days::Touched;
use super::names::Names;

const SLOTS_A_DAY: i64 = DAY_SECS / SLOT_SECS;

/// Adds a batch's differences to the stored sums, in the order of the keys, so that neighbours are written together.
pub fn add(
    tx: &Connection,
    names: &mut Names,
    differences: &FxHashMap<(Subject, u16, Slot), i64>,
    touched: &mut Touched,
) -> Result<()> {
    let mut by_slot = Vec::with_capacity(differences.len());
    let mut by_day = Vec::with_capacity(differences.len());
    for ((subject, measure, slot), amount) in differences {
        if *amount == 0 {
            continue;
        }
        let Some(name) = names.book(tx, subject)? else { continue };
        let amount = (*amount).clamp(-MAX_VALUE, MAX_VALUE);
        touched.day(slot.utc_day());
        by_slot.push(([name.id, i64::from(*measure), slot.0], amount));
        by_day.push(([name.parent, i64::from(*measure), slot.utc_day(), name.id], amount));
    }
    merge(&mut by_slot);
    merge(&mut by_day);
    // The arithmetic stays far from 2^63: both sides are below 2^53.
    let mut upsert = tx.prepare_cached(
        "INSERT INTO counter (subject, measure, slot, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET value = min(value + excluded.value, 9007199254740991)",
    )?;
    for ([subject, measure, slot], amount) in &by_slot {
        upsert.execute(params![subject, measure, slot, amount])?;
    }
    let mut upsert = tx.prepare_cached(
        "INSERT INTO counter_day (parent, measure, utc_day, subject, value) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET value = min(value + excluded.value, 9007199254740991)",
    )?;
    for ([parent, measure, utc_day, subject], amount) in &by_day {
        upsert.execute(params![parent, measure, utc_day, subject, amount])?;
    }
    report_negative(tx, &by_slot)
}

/// Sorts by key and joins what has one key.
fn merge<const N: usize>(rows: &mut Vec<([i64; N], i64)>) {
    rows.sort_unstable();
    rows.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1).clamp(-MAX_VALUE, MAX_VALUE);
        }
        same
    });
}

/// A sum below zero is a bug in the counting. It is kept as it is, so that a recount can find the cause, and said once
/// for each key; on the wire it is zero.
fn report_negative(tx: &Connection, by_slot: &[([i64; 3], i64)]) -> Result<()> {
    let mut find = tx.prepare_cached("SELECT value FROM counter WHERE subject = ?1 AND measure = ?2 AND slot = ?3")?;
    for (key, _) in by_slot.iter().filter(|(_, amount)| *amount < 0) {
        let value: i64 = find.query_row(params![key[0], key[1], key[2]], |row| row.get(0))?;
        if value < 0 {
            let subject: String = tx.query_row("SELECT subject FROM name WHERE id = ?1", [key[0]], |row| row.get(0))?;
            tracing::error!(
                subject = %subject.escape_debug(),
                measure = key[1],
                slot = key[2],
                value,
                "a stored sum is negative: a bug in counting, please report it"
            );
        }
    }
    Ok(())
}

/// Slots `from..until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    pub from: i64,
    pub until: i64,
}

impl Slots {
    /// The stretch that holds both.
    pub fn and(self, other: Slots) -> Slots {
        Slots { from: self.from.min(other.from), until: self.until.max(other.until) }
    }

    pub fn span(self) -> Span {
        Span::new(Slot(self.from).start(), Slot(self.until).start())
    }

    /// All slots that begin in the span.
    pub fn of(span: Span) -> Slots {
        let ceil = |secs: i64| secs.div_euclid(SLOT_SECS) + i64::from(secs.rem_euclid(SLOT_SECS) != 0);
        Slots { from: ceil(span.from.0), until: ceil(span.until.0) }
    }

    /// The whole UTC days inside, and the slots at the two edges that no whole day holds.
    fn split(self) -> (std::ops::Range<i64>, [Slots; 2]) {
        let first = self.from.div_euclid(SLOTS_A_DAY) + i64::from(self.from.rem_euclid(SLOTS_A_DAY) != 0);
        let last = self.until.div_euclid(SLOTS_A_DAY);
        if first >= last {
            // Less than a day and a bit: an edge up to midnight, and one after it.
            let midnight = (first * SLOTS_A_DAY).min(self.until);
            return (0..0, [Slots { until: midnight, ..self }, Slots { from: midnight, ..self }]);
        }
        let edges = [Slots { until: first * SLOTS_A_DAY, ..self }, Slots { from: last * SLOTS_A_DAY, ..self }];
        (first..last, edges)
    }
}

/// Calls `each(slot, value)` for a subject's stored slots of a measure, in order.
pub fn for_each_slot(
    tx: &Connection,
    subject: i64,
    measure: &Measure,
    slots: Slots,
    mut each: impl FnMut(i64, i64),
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "SELECT slot, value FROM counter WHERE subject = ?1 AND measure = ?2 AND slot >= ?3 AND slot < ?4 AND value != 0
         ORDER BY slot",
    )?;
    let mut rows = statement.query(params![subject, measure.number, slots.from, slots.until])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?);
    }
    Ok(())
}

/// A subject's own sum of a measure.
pub fn total(tx: &Connection, subject: i64, measure: &Measure, slots: Slots) -> Result<i64> {
    let mut sum = 0_i64;
    for_each_slot(tx, subject, measure, slots, |_, value| sum = sum.saturating_add(value))?;
    Ok(sum)
}

/// The sum of a measure for each child of `parent` that has any: whole days from the roll-up, the two edges from slots,
/// so exact for a span on any slot edges.
pub fn children(tx: &Connection, parent: i64, measure: &Measure, slots: Slots) -> Result<BTreeMap<i64, i64>> {
    let mut sums = BTreeMap::new();
    let mut add = |statement: &mut rusqlite::Statement<'_>, bound: &[i64]| -> Result<()> {
        let mut rows = statement.query(rusqlite::params_from_iter(bound))?;
        while let Some(row) = rows.next()? {
            let sum: &mut i64 = sums.entry(row.get(0)?).or_insert(0);
            *sum = sum.saturating_add(row.get(1)?);
        }
        Ok(())
    };
    let number = i64::from(measure.number);
    let (days, edges) = slots.split();
    let mut whole_days = tx.prepare_cached(
        "SELECT subject, value FROM counter_day WHERE parent = ?1 AND measure = ?2 AND utc_day >= ?3 AND utc_day < ?4",
    )?;
    add(&mut whole_days, &[parent, number, days.start, days.end])?;
    // The roll-up of the edge's day says which children have slots there at all.
    let mut edge_slots = tx.prepare_cached(
        "SELECT c.subject, c.value FROM counter_day d JOIN counter c
           ON c.subject = d.subject AND c.measure = d.measure AND c.slot >= ?4 AND c.slot < ?5
         WHERE d.parent = ?1 AND d.measure = ?2 AND d.utc_day = ?3",
    )?;
    for edge in edges.into_iter().filter(|edge| edge.from < edge.until) {
        let utc_day = edge.from.div_euclid(SLOTS_A_DAY);
        add(&mut edge_slots, &[parent, number, utc_day, edge.from, edge.until])?;
    }
    sums.retain(|_, sum| *sum != 0);
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_splits_into_whole_days_and_two_edges() {
        let split = |from, until| Slots { from, until }.split();
        let edge = |from, until| Slots { from, until };
        assert_eq!(split(0, 192), (0..2, [edge(0, 0), edge(192, 192)]));
        assert_eq!(split(4, 200), (1..2, [edge(4, 96), edge(192, 200)]));
        // No whole day: within one, and across a midnight.
        assert_eq!(split(4, 8), (0..0, [edge(4, 8), edge(8, 8)]));
        assert_eq!(split(90, 100), (0..0, [edge(90, 96), edge(96, 100)]));
        assert_eq!(split(-100, -90), (0..0, [edge(-100, -96), edge(-96, -90)]));
    }
}
