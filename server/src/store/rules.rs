//! By which rules log time was counted, in stretches.

use mailtally_model::wire::{CountedSpan, Rules};
use mailtally_model::{Family, SLOT_SECS, Span, Time};
use rusqlite::{Connection, Result, params};

use crate::batch::Batch;

/// Notes by which rules the lines of a batch were counted. As with coverage, a short silence is part of its stretch.
pub fn write(tx: &Connection, batch: &Batch) -> Result<()> {
    let Some(rules) = &batch.rules else { return Ok(()) };
    let mut spans: Vec<Span> = Vec::new();
    for (family, _, span) in &batch.coverage {
        if *family != Family::Host && !span.is_empty() && !spans.contains(span) {
            spans.push(*span);
        }
    }
    if spans.is_empty() {
        return Ok(());
    }
    let id = number(tx, rules)?;
    for span in spans {
        add(tx, id, on_slots(span), batch.silence_gap_secs.max(0))?;
    }
    Ok(())
}

/// The row of these rules, made if need be.
pub fn number(tx: &Connection, rules: &Rules) -> Result<i64> {
    tx.prepare_cached(
        "INSERT INTO rules (version, settings) VALUES (?1, ?2) ON CONFLICT (version, settings) DO UPDATE SET version = version
         RETURNING id",
    )?
    .query_row(params![rules.version, rules.settings], |row| row.get(0))
}

/// Adds a stretch and joins it to those within reach.
pub fn add(tx: &Connection, rules: i64, span: Span, reach_secs: i64) -> Result<()> {
    let mut joined = span;
    let near = [rules, span.until.0 + reach_secs, span.from.0 - reach_secs];
    let met: Vec<(i64, i64)> = tx
        .prepare_cached(
            "SELECT from_secs, until_secs FROM counted_by WHERE rules = ?1 AND from_secs <= ?2 AND until_secs >= ?3",
        )?
        .query_map(near, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for (from, until) in met {
        tx.prepare_cached("DELETE FROM counted_by WHERE rules = ?1 AND from_secs = ?2")?.execute([rules, from])?;
        joined = Span::new(joined.from.min(Time(from)), joined.until.max(Time(until)));
    }
    tx.prepare_cached("INSERT INTO counted_by (rules, from_secs, until_secs) VALUES (?1, ?2, ?3)")?.execute([
        rules,
        joined.from.0,
        joined.until.0,
    ])?;
    Ok(())
}

/// The newest stretches, newest first.
pub fn read(tx: &Connection, limit: i64) -> Result<Vec<CountedSpan>> {
    tx.prepare_cached(
        "SELECT from_secs, until_secs, version, settings FROM counted_by JOIN rules ON rules.id = counted_by.rules
         ORDER BY until_secs DESC, from_secs DESC, version DESC LIMIT ?1",
    )?
    .query_map([limit], |row| {
        let span = Span::new(Time(row.get(0)?), Time(row.get(1)?));
        Ok(CountedSpan { span, rules: Rules { version: row.get(2)?, settings: row.get(3)? } })
    })?
    .collect()
}

/// The slots that a span meets, whole.
fn on_slots(span: Span) -> Span {
    Span::new(span.from.slot().start(), span.until.plus_secs(SLOT_SECS - 1).slot().start())
}
