//! The sums by slot of each subject, and in step with them those of whole days ([`children`]).

use std::collections::BTreeMap;

use mailtally_model::{Measure, SLOT_SECS, Slot, Span};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::MAX_VALUE;
use super::children::{self, DayDifference};
use super::days::Touched;
use super::names::{Name, Names};
use super::sums::{self, SLOTS_A_DAY};
use crate::batch::{Counters, Sum};

/// Teaches a connection to add up what is packed: `merged(sums, sums)`.
pub fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("merged", 2, flags, |of| {
        Ok(sums::merged(of.get_raw(0).as_blob()?, of.get_raw(1).as_blob()?)?)
    })
}

/// The slots of one row and measure in which a batch changed sums, of one day.
pub struct Changed {
    pub row: i64,
    pub measure: u16,
    pub slots: Slots,
}

/// A sum that a batch takes something away from.
struct Lessened {
    subject: i64,
    measure: u16,
    slot: i64,
}

/// Adds a batch's differences to the stored sums, in the order of the keys, so that neighbours are written together. Says
/// what changed.
pub fn add(tx: &Connection, names: &mut Names, batch: &Counters, touched: &mut Touched) -> Result<Vec<Changed>> {
    let mut rows = Vec::with_capacity(batch.subjects().len());
    for (place, subject) in batch.subjects().iter().enumerate() {
        rows.extend(names.book(tx, subject)?.map(|name| (name, place)));
    }
    rows.sort_unstable_by_key(|(name, place)| (name.id, *place));
    let (mut changed, mut by_day, mut lessened) = (Vec::new(), Vec::new(), Vec::new());
    let mut upsert = tx.prepare_cached(
        "INSERT INTO counter (subject, measure, utc_day, slots) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET slots = merged(slots, excluded.slots)",
    )?;
    let mut slots = Vec::new();
    // Strangers beyond the cap share a row.
    for same_row in rows.chunk_by(|(a, _), (b, _)| a.id == b.id) {
        let Name { id: subject, parent, .. } = same_row[0].0;
        let sums = batch.of(same_row.iter().map(|(_, place)| *place));
        for same_day in sums.chunk_by(|a, b| day_of(a) == day_of(b)) {
            let (measure, utc_day) = day_of(&same_day[0]);
            slots.clear();
            let mut amount = 0_i64;
            for (_, Slot(slot), difference) in same_day {
                let difference = (*difference).clamp(-MAX_VALUE, MAX_VALUE);
                sums::push(&mut slots, slot.rem_euclid(SLOTS_A_DAY) as u16, difference);
                amount = amount.saturating_add(difference).clamp(-MAX_VALUE, MAX_VALUE);
                if difference < 0 {
                    lessened.push(Lessened { subject, measure, slot: *slot });
                }
            }
            upsert.execute(params![subject, measure, utc_day, slots])?;
            by_day.push(DayDifference { parent, measure, utc_day, subject, amount });
            let (first, last) = (same_day[0].1.0, same_day[same_day.len() - 1].1.0);
            changed.push(Changed { row: subject, measure, slots: Slots { from: first, until: last + 1 } });
            touched.day(utc_day);
        }
    }
    by_day.sort_unstable();
    children::add(tx, &by_day)?;
    report_negative(tx, &lessened)?;
    Ok(changed)
}

/// A measure and a UTC day.
fn day_of((measure, slot, _): &Sum) -> (u16, i64) {
    (*measure, slot.0.div_euclid(SLOTS_A_DAY))
}

/// A sum below zero is a bug in the counting. It is kept as it is, so that a recount can find the cause, and said once
/// for each key; on the wire it is zero.
fn report_negative(tx: &Connection, lessened: &[Lessened]) -> Result<()> {
    for Lessened { subject, measure, slot } in lessened {
        let mut value = 0;
        each_slot(tx, *subject, *measure, Slots { from: *slot, until: slot + 1 }, |_, stored| value = stored)?;
        if value < 0 {
            let name: String = tx.query_row("SELECT subject FROM name WHERE id = ?1", [subject], |row| row.get(0))?;
            tracing::error!(
                subject = %name.escape_debug(),
                measure,
                slot,
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

const ALL: Slots = Slots { from: i64::MIN, until: i64::MAX };

impl Slots {
    /// The stretch that holds both.
    pub fn and(self, other: Slots) -> Slots {
        Slots { from: self.from.min(other.from), until: self.until.max(other.until) }
    }

    pub fn span(self) -> Span {
        Span::new(Slot(self.from).start(), Slot(self.until).start())
    }

    /// Calls `each(slot, sum)` for what a stored day has of these slots.
    fn of_day(self, utc_day: i64, day: &[u8], mut each: impl FnMut(i64, i64)) -> Result<()> {
        let midnight = utc_day * SLOTS_A_DAY;
        sums::each(day, |slot, sum| {
            let slot = midnight + i64::from(slot);
            if self.from <= slot && slot < self.until {
                each(slot, sum);
            }
        })?;
        Ok(())
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
    each: impl FnMut(i64, i64),
) -> Result<()> {
    each_slot(tx, subject, measure.number, slots, each)
}

fn each_slot(tx: &Connection, subject: i64, measure: u16, slots: Slots, mut each: impl FnMut(i64, i64)) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "SELECT utc_day, slots FROM counter WHERE subject = ?1 AND measure = ?2 AND utc_day >= ?3 AND utc_day <= ?4
         ORDER BY utc_day",
    )?;
    let (first, last) = (slots.from.div_euclid(SLOTS_A_DAY), (slots.until - 1).div_euclid(SLOTS_A_DAY));
    let mut rows = statement.query(params![subject, measure, first, last])?;
    while let Some(row) = rows.next()? {
        slots.of_day(row.get(0)?, row.get_ref(1)?.as_blob()?, &mut each)?;
    }
    Ok(())
}

/// The first and the last slot that a subject has a number of a measure in.
pub fn ends(tx: &Connection, subject: i64, measure: &Measure) -> Result<Option<(i64, i64)>> {
    let end = |order: &str| -> Result<Option<Vec<i64>>> {
        tx.prepare_cached(&format!(
            "SELECT utc_day, slots FROM counter WHERE subject = ?1 AND measure = ?2 AND length(slots) > 0
             ORDER BY utc_day {order} LIMIT 1"
        ))?
        .query_row(params![subject, measure.number], |row| {
            let mut slots = Vec::new();
            ALL.of_day(row.get(0)?, row.get_ref(1)?.as_blob()?, |slot, _| slots.push(slot))?;
            Ok(slots)
        })
        .optional()
    };
    let (first, last) = (end("ASC")?, end("DESC")?);
    Ok(first.and_then(|slots| slots.first().copied()).zip(last.and_then(|slots| slots.last().copied())))
}

/// Every stored sum, by subject, measure and slot.
pub fn all(tx: &Connection, mut each: impl FnMut(&str, u16, Slot, i64)) -> Result<()> {
    let mut statement = tx.prepare(
        "SELECT name.subject, measure, utc_day, slots FROM counter JOIN name ON name.id = counter.subject
         ORDER BY counter.subject, measure, utc_day",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (subject, measure) = (row.get_ref(0)?.as_str()?, row.get(1)?);
        ALL.of_day(row.get(2)?, row.get_ref(3)?.as_blob()?, |slot, sum| each(subject, measure, Slot(slot), sum))?;
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
    let (days, edges) = slots.split();
    let mut sums = children::totals(tx, parent, measure, days.start, days.end)?;
    // The whole day says which children have slots at its edge at all.
    for edge in edges.into_iter().filter(|edge| edge.from < edge.until) {
        let utc_day = edge.from.div_euclid(SLOTS_A_DAY);
        for child in children::on_day(tx, parent, measure, utc_day)? {
            for_each_slot(tx, child, measure, edge, |_, value| {
                let sum = sums.entry(child).or_insert(0);
                *sum = sum.saturating_add(value);
            })?;
        }
    }
    Ok(sums.into_iter().filter(|(_, sum)| *sum != 0).collect())
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
