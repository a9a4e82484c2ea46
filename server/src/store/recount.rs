//! The last step of a recount: what a second store counted anew takes the place of what was counted, in one transaction.
//!
//! The store remembers each line that it counted as a hash, by slot. So it can tell exactly which slots the second store
//! may speak for: those whose lines it read again, all of them, in whatever files. A slot that lacks one keeps its
//! numbers, and so do its neighbours as far as lines of one may change numbers of the other; see [`Kept`]. A slot is never
//! made of both. Host samples come from no log and are left alone.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use mailtally_model::time::DAY_SECS;
use mailtally_model::wire::Rules;
use mailtally_model::{Family, Measure, SLOT_SECS, Slot, Span, Time, catalogue};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, TransactionBehavior, params};
use rustc_hash::FxHashSet;

use super::days::Touched;
use super::seen::hashes_of;
use super::sums::{self, SLOTS_A_DAY};
use super::writer::Store;
use super::{coverage, rules, schema};
use crate::event::EventId;

/// Changes told one by one, of each unit.
pub const MAX_CHANGES: usize = 20;
/// Names told that became ours, or ceased to be.
const MAX_NAMES: i64 = 20;
/// After lines that are lost: what was under way then shows itself again within a day (Postfix tries a deferred message
/// after 4,000 s at most, Exim after hours), so that it is not taken for new.
const AFTER_SECS: i64 = DAY_SECS;
/// Before lines that are lost: verdicts and links, which change a number that was booked, come within a quarter hour.
const BEFORE_SECS: i64 = 3_600;
/// What the newest line left open, and later lines may change, began no longer ago.
const OPEN_SECS: i64 = 7 * DAY_SECS;

/// Slots that keep their numbers: sorted, and no two stretches meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(Vec<(i64, i64)>);

impl Kept {
    /// The slots that must keep their numbers where lines of `lost` are gone; `last` is the newest slot of all.
    fn around(lost: &[Slot], last: Option<Slot>) -> Kept {
        let slots = |secs: i64| secs / SLOT_SECS;
        let mut stretches: Vec<(i64, i64)> =
            lost.iter().map(|slot| (slot.0 - slots(BEFORE_SECS), slot.0 + 1 + slots(AFTER_SECS))).collect();
        if let Some(last) = last
            && stretches.iter().any(|(from, until)| (*from..*until).contains(&last.0))
        {
            stretches.push((last.0 - slots(OPEN_SECS), last.0 + 1));
        }
        stretches.sort_unstable();
        let mut kept: Vec<(i64, i64)> = Vec::new();
        for (from, until) in stretches {
            match kept.last_mut() {
                Some(before) if from <= before.1 => before.1 = before.1.max(until),
                _ => kept.push((from, until)),
            }
        }
        Kept(kept)
    }

    fn has(&self, slot: i64) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= slot);
        after > 0 && slot < self.0[after - 1].1
    }

    /// Whether no slot of a day is counted anew.
    fn has_whole_day(&self, utc_day: i64) -> bool {
        let midnight = utc_day * SLOTS_A_DAY;
        let after = self.0.partition_point(|(from, _)| *from <= midnight);
        after > 0 && midnight + SLOTS_A_DAY <= self.0[after - 1].1
    }

    fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().map(|(from, until)| Span::new(Slot(*from).start(), Slot(*until).start()))
    }

    /// The parts of stretches that lie in kept slots, or those that lie in none.
    fn cut(&self, spans: &[Span], in_kept: bool) -> Vec<Span> {
        let mut parts = Vec::new();
        for span in spans {
            let mut from = span.from;
            for kept in self.spans().filter(|kept| !kept.intersect(*span).is_empty()) {
                if in_kept {
                    parts.push(kept.intersect(*span));
                } else if from < kept.from {
                    parts.push(Span::new(from, kept.from));
                }
                from = from.max(kept.until);
            }
            if !in_kept && from < span.until {
                parts.push(Span::new(from, span.until));
            }
        }
        parts
    }
}

/// Events that no later line revises: a recount read their lines, and their slots kept the numbers of an earlier reading.
#[derive(Debug, Default)]
pub struct Settled(Vec<(i64, i64, u64)>);

impl Settled {
    pub fn has(&self, id: EventId, time: Time) -> bool {
        let slot = time.slot().0;
        self.0.iter().any(|(from, until, below)| (*from..*until).contains(&slot) && id.0 < *below)
    }
}

pub fn settled(tx: &Connection) -> rusqlite::Result<Settled> {
    let mut statement = tx.prepare("SELECT from_slot, until_slot, below_event FROM settled")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64)))?;
    Ok(Settled(rows.collect::<rusqlite::Result<_>>()?))
}

/// What counted the lines anew.
pub struct Anew<'a> {
    /// The second store's file, which nobody has open.
    pub file: &'a Path,
    /// The same sources by their numbers there and here.
    pub sources: &'a [(u64, u64)],
    pub rules: &'a Rules,
    /// The number that its next event would have had.
    pub next_event: u64,
}

/// What a recount did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recounted {
    /// Log time that was counted anew.
    pub anew: Vec<Span>,
    /// Log time that kept its numbers, since lines of it are gone, and the rules that counted it.
    pub kept: Vec<(Span, Vec<Rules>)>,
    /// Sums of a month that changed, the biggest difference of each unit first.
    pub changes: Vec<Change>,
    /// Changes beside those.
    pub more: u64,
    /// Names that are ours now and were not, and the other way round; some of them.
    pub now_ours: Vec<String>,
    pub not_ours: Vec<String>,
}

impl Recounted {
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty() && self.now_ours.is_empty() && self.not_ours.is_empty()
    }
}

/// A sum of a UTC month that is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub measure: &'static Measure,
    pub subject: String,
    /// `2026-03`.
    pub month: String,
    pub before: i64,
    pub after: i64,
}

/// Puts what was counted anew in the place of what was counted, and says what that changed. All of it or, at an error or
/// a kill, nothing.
pub fn replace(store: Store, anew: &Anew<'_>) -> Result<Recounted> {
    let (mut connection, path, _lock) = store.into_parts();
    let mut run = || -> rusqlite::Result<Recounted> {
        // As large as the data, for once.
        connection.pragma_update(None, "temp_store", "file")?;
        connection.execute("ATTACH DATABASE ?1 AS again", [anew.file.to_string_lossy()])?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last: Option<i64> = tx.query_row("SELECT max(slot) FROM seen", [], |row| row.get(0))?;
        let kept = Kept::around(&lost(&tx)?, last.map(Slot));
        let recounted = splice(&tx, anew, &kept, last)?;
        tx.commit()?;
        Ok(recounted)
    };
    run().map_err(|error| schema::explain(error, &path)).context("nothing was changed")
}

/// The slots that have a line which was not read again.
fn lost(tx: &Connection) -> rusqlite::Result<Vec<Slot>> {
    let slots: Vec<i64> = tx
        .prepare("SELECT DISTINCT slot FROM main.seen ORDER BY slot")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut before = tx.prepare("SELECT hashes, counted FROM main.seen WHERE slot = ?1")?;
    let mut again = tx.prepare("SELECT counted FROM again.seen WHERE slot = ?1")?;
    let mut lost = Vec::new();
    for slot in slots {
        let mut there: FxHashSet<u64> = FxHashSet::default();
        let mut rows = again.query([slot])?;
        while let Some(row) = rows.next()? {
            there.extend(hashes_of(row.get_ref(0)?)?);
        }
        let mut is_whole = true;
        // Where both kinds of hashes stand together, at most half are of counted lines, and just half without copies.
        let (mut mixed, mut found) = (0, 0);
        let mut rows = before.query([slot])?;
        while let Some(row) = rows.next()? {
            if row.get_ref(1)?.as_blob_or_null()?.is_some() {
                is_whole &= hashes_of(row.get_ref(1)?)?.all(|hash| there.contains(&hash));
            } else {
                for hash in hashes_of(row.get_ref(0)?)? {
                    mixed += 1;
                    found += usize::from(there.contains(&hash));
                }
            }
        }
        if !is_whole || 2 * found < mixed {
            lost.push(Slot(slot));
        }
    }
    Ok(lost)
}

fn splice(tx: &Connection, anew: &Anew<'_>, kept: &Kept, last: Option<i64>) -> rusqlite::Result<Recounted> {
    register(tx, kept)?;
    let host: Vec<String> = catalogue::measures()
        .iter()
        .filter(|measure| measure.family == Family::Host)
        .map(|measure| measure.number.to_string())
        .collect();
    let run = |sql: &str| tx.execute_batch(&sql.replace("HOST_MEASURES", &host.join(", ")));
    let is_all = kept.0.is_empty();
    run(REMEMBER)?;
    if is_all {
        run("UPDATE name SET known = 0 WHERE id > 2")?;
    }
    run(NAMES)?;
    run(COUNTERS)?;
    run(EVENTS)?;
    // What the newest line left open is of whoever read that line.
    if last.is_none_or(|last| !kept.has(last)) {
        run(
            "DELETE FROM open_state; INSERT INTO open_state SELECT key, value FROM again.open_state; DELETE FROM settled",
        )?;
        let first_open = last.unwrap_or(0) - OPEN_SECS / SLOT_SECS;
        for (from, until) in kept.0.iter().filter(|(_, until)| *until > first_open) {
            tx.execute("INSERT INTO settled VALUES (?1, ?2, ?3)", params![from, until, anew.next_event as i64])?;
        }
    }
    for (theirs, ours) in anew.sources {
        let numbers = [*theirs as i64, *ours as i64];
        tx.execute("DELETE FROM health WHERE source = ?1", [numbers[1]])?;
        tx.execute(
            "INSERT INTO health SELECT ?2, program, understood, ignored, unparsed, examples FROM again.health
             WHERE source = ?1",
            numbers,
        )?;
    }
    coverage::splice(tx, |before, again| [kept.cut(before, true), kept.cut(again, false)].concat())?;
    let mut recounted = changes(tx)?;
    (recounted.anew, recounted.kept) = splice_rules(tx, anew.rules, kept)?;
    run(FORGET)?;
    let mut touched = Touched::default();
    touched.everything();
    touched.write(tx)?;
    Ok(recounted)
}

/// Teaches the connection which slots are kept: `kept_time(secs)`, `kept_day(utc_day)`, `kept_of(utc_day, day)`, the rest
/// of a day as `anew_of`, and `day_total(day)`.
fn register(tx: &Connection, kept: &Kept) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let kept = Arc::new(kept.clone());
    let known = Arc::clone(&kept);
    tx.create_scalar_function("kept_time", 1, flags, move |of| Ok(known.has(Time(of.get(0)?).slot().0)))?;
    let known = Arc::clone(&kept);
    tx.create_scalar_function("kept_day", 1, flags, move |of| Ok(known.has_whole_day(of.get(0)?)))?;
    for (name, wanted) in [("kept_of", true), ("anew_of", false)] {
        let known = Arc::clone(&kept);
        tx.create_scalar_function(name, 2, flags, move |of| {
            let midnight = of.get::<i64>(0)? * SLOTS_A_DAY;
            let mut part = Vec::new();
            sums::each(of.get_raw(1).as_blob()?, |slot, sum| {
                if known.has(midnight + i64::from(slot)) == wanted {
                    sums::push(&mut part, slot, sum);
                }
            })?;
            Ok(part)
        })?;
    }
    tx.create_scalar_function("day_total", 1, flags, |of| {
        let mut total = 0_i64;
        sums::each(of.get_raw(0).as_blob()?, |_, sum| total = total.saturating_add(sum))?;
        Ok(total.clamp(-super::MAX_VALUE, super::MAX_VALUE))
    })
}

const REMEMBER: &str = "
CREATE TEMP TABLE sum_before AS
  SELECT subject, measure, strftime('%Y-%m', utc_day * 86400, 'unixepoch') AS month, sum(day_total(slots)) AS value
  FROM counter WHERE NOT kept_day(utc_day) AND measure NOT IN (HOST_MEASURES) GROUP BY 1, 2, 3;
CREATE TEMP TABLE known_before AS SELECT id FROM name WHERE known = 1;";

/// Domains and services first: a mailbox lies below its domain.
const NAMES: &str = "
INSERT INTO name (subject, parent, known)
  SELECT subject, parent, known FROM again.name WHERE id > 2 AND parent <= 2
  ON CONFLICT (subject) DO UPDATE SET known = max(known, excluded.known);
INSERT INTO name (subject, parent, known)
  SELECT theirs.subject, ours.id, theirs.known FROM again.name theirs
  JOIN again.name above ON above.id = theirs.parent JOIN main.name ours ON ours.subject = above.subject
  WHERE theirs.parent > 2
  ON CONFLICT (subject) DO UPDATE SET known = max(known, excluded.known);
CREATE TEMP TABLE same_name (theirs INTEGER PRIMARY KEY, ours INTEGER NOT NULL);
INSERT INTO same_name
  SELECT theirs.id, ours.id FROM again.name theirs JOIN main.name ours ON ours.subject = theirs.subject;";

const COUNTERS: &str = "
UPDATE counter SET slots = kept_of(utc_day, slots) WHERE NOT kept_day(utc_day) AND measure NOT IN (HOST_MEASURES);
INSERT INTO counter (subject, measure, utc_day, slots)
  SELECT same_name.ours, measure, utc_day, anew_of(utc_day, slots)
  FROM again.counter JOIN same_name ON same_name.theirs = again.counter.subject
  WHERE NOT kept_day(utc_day) AND measure NOT IN (HOST_MEASURES)
  ON CONFLICT DO UPDATE SET slots = merged(slots, excluded.slots);
DELETE FROM counter WHERE length(slots) = 0;
DELETE FROM counter_day WHERE NOT kept_day(utc_day) AND measure NOT IN (HOST_MEASURES);
INSERT INTO counter_day (parent, measure, utc_day, block, children)
  SELECT name.parent, measure, utc_day, block(counter.subject), packed(counter.subject, day_total(slots))
  FROM counter JOIN name ON name.id = counter.subject
  WHERE name.parent > 0 AND NOT kept_day(utc_day) AND measure NOT IN (HOST_MEASURES) GROUP BY 1, 2, 3, 4;";

/// Samples of the host are events, too: in blocks below zero.
const EVENTS: &str = "
DELETE FROM event_subject WHERE NOT kept_time(slot * 900);
DELETE FROM event WHERE NOT kept_time(slot * 900) AND block >= 0;
INSERT OR REPLACE INTO event (slot, block, entries, events)
  SELECT slot, block, entries, events FROM again.event WHERE NOT kept_time(slot * 900) AND block >= 0;
INSERT OR REPLACE INTO event_subject
  SELECT same_name.ours, slot, entries
  FROM again.event_subject JOIN same_name ON same_name.theirs = subject WHERE NOT kept_time(slot * 900);
DELETE FROM finding WHERE NOT kept_time(day);
INSERT OR REPLACE INTO finding
  SELECT same_name.ours, measure, day, from_secs, until_secs, step, value, low, high, score
  FROM again.finding JOIN same_name ON same_name.theirs = subject WHERE NOT kept_time(day);";

/// Names that nothing is booked under and nobody calls ours.
const FORGET: &str = "
CREATE TEMP TABLE used_name AS
  SELECT subject AS id FROM counter UNION SELECT subject FROM event_subject UNION SELECT parent FROM name;
DELETE FROM name WHERE id > 2 AND known = 0 AND id NOT IN (SELECT id FROM used_name);
DROP TABLE used_name; DROP TABLE same_name; DROP TABLE sum_before; DROP TABLE known_before;";

/// What is another number now.
fn changes(tx: &Connection) -> rusqlite::Result<Recounted> {
    let measures = catalogue::measures();
    let mut recounted = Recounted::default();
    let mut statement = tx.prepare(
        "SELECT measure, name.subject, month, before, after FROM (
           SELECT subject AS row, measure, month, sum(before) AS before, sum(after) AS after FROM (
             SELECT subject, measure, month, value AS before, 0 AS after FROM sum_before
             UNION ALL
             SELECT subject, measure, strftime('%Y-%m', utc_day * 86400, 'unixepoch'), 0, day_total(slots) FROM counter
             WHERE NOT kept_day(utc_day) AND measure NOT IN (SELECT value FROM json_each(?1)))
           GROUP BY 1, 2, 3 HAVING sum(before) <> sum(after))
         JOIN name ON name.id = row
         ORDER BY abs(after - before) DESC, measure, month, name.subject",
    )?;
    let host = measures.iter().filter(|measure| measure.family == Family::Host).map(|measure| measure.number);
    let host = serde_json::to_string(&host.collect::<Vec<_>>()).expect("a list of numbers has a JSON form");
    let mut rows = statement.query([host])?;
    while let Some(row) = rows.next()? {
        let number: u16 = row.get(0)?;
        let Some(measure) = measures.iter().copied().find(|measure| measure.number == number) else { continue };
        let told = recounted.changes.iter().filter(|change: &&Change| change.measure.unit == measure.unit).count();
        if told >= MAX_CHANGES {
            recounted.more += 1;
            continue;
        }
        recounted.changes.push(Change {
            measure,
            subject: row.get(1)?,
            month: row.get(2)?,
            before: row.get(3)?,
            after: row.get(4)?,
        });
    }
    let names = |sql: &str| -> rusqlite::Result<Vec<String>> {
        tx.prepare(sql)?.query_map([MAX_NAMES], |row| row.get(0))?.collect()
    };
    recounted.now_ours = names(
        "SELECT subject FROM name WHERE known = 1 AND id NOT IN (SELECT id FROM known_before) ORDER BY subject LIMIT ?1",
    )?;
    recounted.not_ours = names(
        "SELECT subject FROM name WHERE known = 0 AND id IN (SELECT id FROM known_before) ORDER BY subject LIMIT ?1",
    )?;
    Ok(recounted)
}

/// Log time that was counted anew, and log time that was kept with the rules that counted it.
type Told = (Vec<Span>, Vec<(Span, Vec<Rules>)>);

/// What was counted anew was counted by the rules of now.
fn splice_rules(tx: &Connection, now: &Rules, kept: &Kept) -> rusqlite::Result<Told> {
    let before = rules::read(tx, i64::MAX)?;
    let again: Vec<Span> = tx
        .prepare("SELECT from_secs, until_secs FROM again.counted_by ORDER BY from_secs")?
        .query_map([], |row| Ok(Span::new(Time(row.get(0)?), Time(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    tx.execute("DELETE FROM counted_by", [])?;
    for counted in &before {
        let id = rules::number(tx, &counted.rules)?;
        for span in kept.cut(&[counted.span], true) {
            rules::add(tx, id, span, 0)?;
        }
    }
    let anew = kept.cut(&again, false);
    let id = rules::number(tx, now)?;
    for span in &anew {
        rules::add(tx, id, *span, 0)?;
    }
    let told = kept.spans().filter_map(|span| {
        let met: Vec<_> = before
            .iter()
            .map(|counted| (counted.span.intersect(span), &counted.rules))
            .filter(|(met, _)| !met.is_empty())
            .collect();
        let (from, until) = (met.iter().map(|(met, _)| met.from).min()?, met.iter().map(|(met, _)| met.until).max()?);
        let mut rules: Vec<Rules> = met.into_iter().map(|(_, rules)| rules.clone()).collect();
        rules.sort();
        rules.dedup();
        Some((Span::new(from, until), rules))
    });
    Ok((anew, told.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_around_what_is_lost_are_kept() {
        let day = SLOTS_A_DAY;
        assert_eq!(Kept::around(&[], Some(Slot(9))), Kept::default());
        let kept = Kept::around(&[Slot(1_000), Slot(1_001)], Some(Slot(5_000)));
        assert_eq!(kept, Kept(vec![(996, 1_002 + day)]));
        assert!(!kept.has(995) && kept.has(996) && kept.has(1_001 + day) && !kept.has(1_002 + day));
        assert!(kept.has_whole_day(11) == (996 <= 11 * day && 12 * day <= 1_002 + day));
    }

    #[test]
    fn where_the_newest_lines_are_gone_all_that_they_may_change_is_kept() {
        let kept = Kept::around(&[Slot(10_000)], Some(Slot(10_010)));
        assert_eq!(kept, Kept(vec![(10_011 - 1 - 7 * SLOTS_A_DAY, 10_001 + SLOTS_A_DAY)]));
    }

    #[test]
    fn stretches_are_cut_at_the_edges_of_what_is_kept() {
        let at = |slot: i64| Slot(slot).start();
        let kept = Kept(vec![(2, 4), (8, 9)]);
        let whole = [Span::new(at(0), at(10))];
        let spans =
            |of: &[(i64, i64)]| of.iter().map(|(from, until)| Span::new(at(*from), at(*until))).collect::<Vec<_>>();
        assert_eq!(kept.cut(&whole, true), spans(&[(2, 4), (8, 9)]));
        assert_eq!(kept.cut(&whole, false), spans(&[(0, 2), (4, 8), (9, 10)]));
        assert_eq!(Kept::default().cut(&whole, false), whole);
    }
}
