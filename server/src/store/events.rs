//! Events as evidence: what a number was made of, newest first. Found by subject and time, and by what moved.

use std::collections::BTreeMap;

use mailtally_model::measure::Unit;
use mailtally_model::time::DAY_SECS;
use mailtally_model::wire::{EventPage, EventRow, EventTotal};
use mailtally_model::{Measure, Slot, Span, Subject, Time, catalogue};
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::MAX_VALUE;
use super::counters::{self, Slots};
use super::names::Names;
use crate::event::{Event, EventId};

/// The most events on a page.
pub const MAX_EVENTS_PAGE: usize = 1_000;
/// Entries that one request looks through before it hands out a page, full or not: a fraction of a second.
const MAX_LOOKED_AT: usize = 500_000;
/// Events that are added up to say what they make; a person who wants more has the counters.
const MAX_ADDED_UP: u64 = 20_000;
/// What is counted at an event's end (bytes of a session) may lie so long after its beginning, by which it is found.
const LONGEST_SECS: i64 = 2 * DAY_SECS;
/// Set in an entry's measure that was counted in a later slot than the event began in. Numbers of measures are far below.
const LATER: u16 = 1 << 15;

/// What a page is asked for.
#[derive(Clone, Debug)]
pub struct EventQuery {
    pub subject: Subject,
    /// Numbers of measures; an event matches that moved one of them for the subject. Empty: every event.
    pub measures: Vec<u16>,
    pub span: Span,
    /// Only events of this kind, by [`crate::event::Kind::id`].
    pub kind: Option<String>,
    /// Only events whose peer, detail, host or subjects hold this text, whatever its case.
    pub text: Option<String>,
    /// The last event of the page before.
    pub after: Option<(Time, EventId)>,
    /// At most [`MAX_EVENTS_PAGE`].
    pub limit: usize,
}

/// Writes an event as it is now, in place of what it was. `newest` is the highest id in the file.
pub fn write(tx: &Connection, names: &Names, id: EventId, event: &Event, newest: &mut i64) -> Result<()> {
    let row_id = id.0 as i64;
    if row_id > *newest {
        *newest = row_id;
    } else {
        forget(tx, names, row_id)?;
    }
    // What moved, and where: two bytes for each measure under each subject that the event touches.
    let mut touched: BTreeMap<Subject, Vec<u8>> = BTreeMap::new();
    touched.insert(Subject::Server, Vec::new());
    touched.extend(event.subjects.iter().map(|subject| (subject.clone(), Vec::new())));
    let mut counts: BTreeMap<u16, Booked> = BTreeMap::new();
    let began = event.time.slot();
    event.counters(&mut |measure, subject, slot, amount| {
        if amount == 0 {
            return;
        }
        if *subject == Subject::Server {
            counts.entry(measure.number).or_insert(Booked::new(slot)).add(slot, amount);
        }
        let moved = touched.entry(subject.clone()).or_default();
        let is_known = |[a, b]: [u8; 2]| u16::from_le_bytes([a, b]) & !LATER == measure.number;
        match moved.as_chunks_mut().0.iter_mut().find(|known| is_known(**known)) {
            Some(known) if slot > began => *known = (measure.number | LATER).to_le_bytes(),
            Some(_) => {}
            None => moved.extend((measure.number | if slot > began { LATER } else { 0 }).to_le_bytes()),
        }
    });
    let counts: Vec<Vec<i64>> = counts.iter().filter_map(|(number, booked)| booked.stored(*number, began)).collect();
    let subjects: Vec<&Subject> = touched.keys().filter(|subject| **subject != Subject::Server).collect();
    tx.prepare_cached(
        "INSERT OR REPLACE INTO event (id, time, kind, host, subjects, peer, bytes, duration_ms, detail, counts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        row_id,
        event.time.0,
        event.kind.id(),
        event.host,
        json(&subjects),
        event.peer,
        event.bytes.map(|bytes| bytes as i64),
        event.duration_ms.map(|millis| millis as i64),
        event.detail,
        json(&counts),
    ])?;
    let mut insert = tx.prepare_cached(
        "INSERT OR REPLACE INTO event_subject (subject, time, event, measures) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (subject, measures) in &touched {
        if let Some(name) = names.find(subject) {
            insert.execute(params![name, event.time.0, row_id, measures])?;
        }
    }
    Ok(())
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of names and numbers have a JSON form")
}

/// Removes an event and what finds it, if it is there.
fn forget(tx: &Connection, names: &Names, id: i64) -> Result<()> {
    let found: Option<(i64, String)> = tx
        .prepare_cached("DELETE FROM event WHERE id = ?1 RETURNING time, subjects")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((time, subjects)) = found else { return Ok(()) };
    let mut delete = tx.prepare_cached("DELETE FROM event_subject WHERE subject = ?1 AND time = ?2 AND event = ?3")?;
    let subjects: Vec<Subject> = serde_json::from_str(&subjects).unwrap_or_default();
    for subject in subjects.iter().chain([&Subject::Server]) {
        if let Some(name) = names.find(subject) {
            delete.execute(params![name, time, id])?;
        }
    }
    Ok(())
}

/// Forgets events before a time, at most `limit` of them, oldest first; says how many. Counters stay.
pub fn prune(tx: &Connection, names: &Names, before: Time, limit: usize) -> Result<usize> {
    let ids: Vec<i64> = tx
        .prepare_cached("SELECT id FROM event WHERE time < ?1 ORDER BY time LIMIT ?2")?
        .query_map(params![before.0, limit as i64], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for id in &ids {
        forget(tx, names, *id)?;
    }
    Ok(ids.len())
}

/// One measure's amount in an event, and when it was counted.
struct Booked {
    amount: i64,
    first: Slot,
    last: Slot,
}

impl Booked {
    fn new(slot: Slot) -> Booked {
        Booked { amount: 0, first: slot, last: slot }
    }

    fn add(&mut self, slot: Slot, amount: i64) {
        self.amount += amount;
        self.first = self.first.min(slot);
        self.last = self.last.max(slot);
    }

    /// `[measure, amount]`, and how many slots after the beginning it was counted if that was in one other slot. What is
    /// spread over many, as the seconds of a session, has no one time.
    fn stored(&self, measure: u16, began: Slot) -> Option<Vec<i64>> {
        let mut stored = vec![i64::from(measure), self.amount];
        if self.first == self.last && self.first != began {
            stored.push(self.first.0 - began.0);
        }
        (self.amount != 0).then_some(stored)
    }
}

/// A page of a subject's events. `visible` says which other subjects may be named to the asker. The first page says what
/// all of them come to.
pub fn page(
    tx: &Transaction<'_>,
    subject: i64,
    query: &EventQuery,
    visible: impl Fn(&Subject) -> bool,
) -> Result<EventPage> {
    let mut page = EventPage { events: Vec::new(), next: None, total: None };
    let mut total = EventTotal { events: 0, amount: 0, is_all: true, counted: None, kept_from: None };
    let is_first = query.after.is_none();
    let after = query.after.unwrap_or((query.span.until, EventId(i64::MAX as u64)));
    let mut statement = tx.prepare_cached(
        "SELECT time, event, measures FROM event_subject
         WHERE subject = ?1 AND time >= ?2 AND time < ?3 AND (time, event) < (?4, ?5) ORDER BY time DESC, event DESC",
    )?;
    let back_secs = if query.measures.is_empty() { 0 } else { LONGEST_SECS };
    let from = query.span.from.plus_secs(-back_secs);
    let mut rows = statement.query(params![subject, from.0, query.span.until.0, after.0.0, after.1.0 as i64])?;
    let mut last = None;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if looked_at == MAX_LOOKED_AT || total.events == MAX_ADDED_UP {
            page.next = page.next.or(last);
            total.is_all = false;
            break;
        }
        looked_at += 1;
        let (time, id): (i64, i64) = (row.get(0)?, row.get(1)?);
        let is_full = page.events.len() == query.limit;
        let found = match may_match(row.get_ref(2)?.as_blob()?, Time(time), query) {
            true => read(tx, id, &visible)?.filter(|stored| stored.matches(query)),
            false => None,
        };
        if let Some(stored) = found {
            total.events += 1;
            total.amount += stored.amount(query);
            if !is_full {
                page.events.push(stored.row);
            } else {
                page.next = page.next.or(last.clone());
                if !is_first {
                    break;
                }
            }
        }
        if !is_full {
            last = Some(format!("{time}.{id}"));
        }
    }
    if is_first {
        if let [number] = query.measures[..]
            && let Some(measure) = catalogue::measures().into_iter().find(|measure| measure.number == number)
        {
            let counted = counters::total(tx, subject, measure, Slots::of(query.span))?;
            total.counted = Some(counted.clamp(0, MAX_VALUE).unsigned_abs());
        }
        total.kept_from =
            tx.query_row("SELECT min(time) FROM event", [], |row| row.get::<_, Option<i64>>(0))?.map(Time);
        page.total = Some(total);
    }
    Ok(page)
}

/// Whether an entry's event may have moved one of the measures within the span. One that began before it must have been
/// counted later.
fn may_match(moved: &[u8], time: Time, query: &EventQuery) -> bool {
    if query.measures.is_empty() {
        return true;
    }
    let (entries, _) = moved.as_chunks();
    entries.iter().map(|entry| u16::from_le_bytes(*entry)).any(|entry| {
        let is_in_time = query.span.contains(time) || entry & LATER != 0;
        is_in_time && query.measures.contains(&(entry & !LATER))
    })
}

/// An event as it is stored.
struct Stored {
    row: EventRow,
    counts: Vec<Vec<i64>>,
}

impl Stored {
    fn matches(&self, query: &EventQuery) -> bool {
        let EventRow { kind, peer, detail, host, subjects, .. } = &self.row;
        let holds = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            let texts = [detail, host].into_iter().chain(peer).chain(subjects);
            texts.into_iter().any(|text| text.to_lowercase().contains(&wanted))
        };
        let is_counted = query.measures.is_empty() || self.counts.iter().any(|count| self.is_within(count, query));
        is_counted && query.kind.as_ref().is_none_or(|wanted| wanted == kind) && query.text.as_ref().is_none_or(holds)
    }

    /// Whether a count is of one of the measures and in the span.
    fn is_within(&self, count: &[i64], query: &EventQuery) -> bool {
        let (&[number, _] | &[number, _, _]) = count else { return false };
        if !query.measures.iter().any(|measure| i64::from(*measure) == number) {
            return false;
        }
        match count.get(2) {
            Some(later) => query.span.contains(Slot(self.row.time.slot().0 + later).start()),
            // Spread over its duration, or counted where it began.
            None if query.span.contains(self.row.time) => true,
            None => {
                let secs = self.row.duration_ms.unwrap_or(0) / 1_000;
                let is_spread = measure_of(number).is_some_and(|measure| measure.unit == Unit::Millis);
                is_spread && self.row.time.plus_secs(secs.min(i64::MAX as u64) as i64) > query.span.from
            }
        }
    }

    fn amount(&self, query: &EventQuery) -> i64 {
        self.counts.iter().filter(|count| self.is_within(count, query)).filter_map(|count| count.get(1)).sum()
    }
}

fn measure_of(number: i64) -> Option<&'static Measure> {
    catalogue::measures().into_iter().find(|measure| i64::from(measure.number) == number)
}

fn read(tx: &Connection, id: i64, visible: &impl Fn(&Subject) -> bool) -> Result<Option<Stored>> {
    tx.prepare_cached(
        "SELECT time, kind, host, subjects, peer, bytes, duration_ms, detail, counts FROM event WHERE id = ?1",
    )?
    .query_row([id], |row| {
        let subjects: Vec<Subject> = serde_json::from_str(row.get_ref(3)?.as_str()?).unwrap_or_default();
        let counts: Vec<Vec<i64>> = serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or_default();
        let event = EventRow {
            id: id as u64,
            time: Time(row.get(0)?),
            kind: row.get(1)?,
            host: row.get(2)?,
            subjects: subjects.iter().filter(|subject| visible(subject)).map(Subject::to_string).collect(),
            peer: row.get(4)?,
            bytes: row.get::<_, Option<i64>>(5)?.map(|bytes| bytes as u64),
            duration_ms: row.get::<_, Option<i64>>(6)?.map(|millis| millis as u64),
            counts: named(&counts),
            detail: row.get(7)?,
        };
        Ok(Stored { row: event, counts })
    })
    .optional()
}

/// Measures by id; one that this build no longer knows is left out.
fn named(counts: &[Vec<i64>]) -> BTreeMap<String, i64> {
    let name = |count: &Vec<i64>| {
        let (&[number, amount] | &[number, amount, _]) = count.as_slice() else { return None };
        measure_of(number).map(|measure| (measure.id.to_owned(), amount))
    };
    counts.iter().filter_map(name).collect()
}

/// Reads a page's `next` back.
pub fn cursor(text: &str) -> Option<(Time, EventId)> {
    let (time, id) = text.split_once('.')?;
    Some((Time(time.parse().ok()?), EventId(id.parse().ok()?)))
}
