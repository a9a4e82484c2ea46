//! Events as evidence: what a number was made of, newest first. Found by subject and time, and by what moved.

use std::collections::BTreeMap;

use mailtally_model::wire::{EventPage, EventRow};
use mailtally_model::{Span, Subject, Time, catalogue};
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::names::Names;
use crate::event::{Event, EventId};

/// The most events on a page.
pub const MAX_EVENTS_PAGE: usize = 1_000;
/// Entries that one request looks through before it hands out a page, full or not: a fraction of a second.
const MAX_LOOKED_AT: usize = 500_000;

/// What a page is asked for.
#[derive(Clone, Debug)]
pub struct EventQuery {
    pub subject: Subject,
    /// Numbers of measures; an event matches that moved one of them for the subject. Empty: every event.
    pub measures: Vec<u16>,
    pub span: Span,
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
    let mut counts: BTreeMap<u16, i64> = BTreeMap::new();
    event.counters(&mut |measure, subject, _, amount| {
        if amount == 0 {
            return;
        }
        if *subject == Subject::Server {
            *counts.entry(measure.number).or_insert(0) += amount;
        }
        let moved = touched.entry(subject.clone()).or_default();
        let number = measure.number.to_le_bytes();
        if !moved.chunks_exact(2).any(|known| known == number) {
            moved.extend(number);
        }
    });
    counts.retain(|_, amount| *amount != 0);
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
        json(&counts.into_iter().collect::<Vec<_>>()),
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

/// A page of a subject's events. `visible` says which other subjects may be named to the asker.
pub fn page(
    tx: &Transaction<'_>,
    subject: i64,
    query: &EventQuery,
    visible: impl Fn(&Subject) -> bool,
) -> Result<EventPage> {
    let mut page = EventPage { events: Vec::new(), next: None };
    let after = query.after.unwrap_or((query.span.until, EventId(i64::MAX as u64)));
    let mut statement = tx.prepare_cached(
        "SELECT time, event, measures FROM event_subject
         WHERE subject = ?1 AND time >= ?2 AND time < ?3 AND (time, event) < (?4, ?5) ORDER BY time DESC, event DESC",
    )?;
    let bounds = params![subject, query.span.from.0, query.span.until.0, after.0.0, after.1.0 as i64];
    let mut rows = statement.query(bounds)?;
    let mut last = None;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if page.events.len() == query.limit || looked_at == MAX_LOOKED_AT {
            page.next = last;
            break;
        }
        looked_at += 1;
        let (time, id): (i64, i64) = (row.get(0)?, row.get(1)?);
        last = Some(format!("{time}.{id}"));
        let moved = row.get_ref(2)?.as_blob()?;
        if moves_one_of(moved, &query.measures) {
            page.events.extend(read(tx, id, &visible)?);
        }
    }
    Ok(page)
}

fn moves_one_of(moved: &[u8], measures: &[u16]) -> bool {
    measures.is_empty() || moved.chunks_exact(2).any(|number| measures.iter().any(|m| m.to_le_bytes() == *number))
}

fn read(tx: &Connection, id: i64, visible: &impl Fn(&Subject) -> bool) -> Result<Option<EventRow>> {
    tx.prepare_cached(
        "SELECT time, kind, host, subjects, peer, bytes, duration_ms, detail, counts FROM event WHERE id = ?1",
    )?
    .query_row([id], |row| {
        let subjects: Vec<Subject> = serde_json::from_str(row.get_ref(3)?.as_str()?).unwrap_or_default();
        let counts: Vec<(u16, i64)> = serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or_default();
        Ok(EventRow {
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
        })
    })
    .optional()
}

/// Measures by id; one that this build no longer knows is left out.
fn named(counts: &[(u16, i64)]) -> BTreeMap<String, i64> {
    let measures = catalogue::measures();
    let name = |number: u16| measures.iter().find(|measure| measure.number == number).map(|measure| measure.id);
    counts.iter().filter_map(|(number, amount)| Some((name(*number)?.to_owned(), *amount))).collect()
}

/// Reads a page's `next` back.
pub fn cursor(text: &str) -> Option<(Time, EventId)> {
    let (time, id) = text.split_once('.')?;
    Some((Time(time.parse().ok()?), EventId(id.parse().ok()?)))
}
