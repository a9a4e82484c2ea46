//! Events as evidence: what a number was made of, newest first. Found by subject and time, and by what moved.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use mailtally_model::time::DAY_SECS;
use mailtally_model::wire::{EventPage, EventRow, EventTotal};
use mailtally_model::{Family, Slot, Span, Subject, Time, catalogue};
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};
use rustc_hash::FxHashMap;

use super::MAX_VALUE;
use super::answer::IfAbsent;
use super::counters::{self, Slots};
use super::coverage;
use super::entries::{self, Entry, Packing, Place};
use super::names::{Names, SERVER_ID};
use crate::batch::Evidence;
use crate::event::{Event, EventId};
use crate::text::Text;

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
    /// Only events whose peer, sender, words, host or subjects hold this text, whatever its case, as far as they are told.
    pub text: Option<String>,
    /// The last event of the page before.
    pub after: Option<(Time, EventId)>,
    /// At most [`MAX_EVENTS_PAGE`].
    pub limit: usize,
    pub if_absent: IfAbsent,
}

/// Writes a batch's events as they are now, in place of what they were, in the order of the stored keys.
pub fn write(tx: &Connection, names: &Names, events: &FxHashMap<EventId, Evidence>) -> Result<()> {
    for (id, Evidence { stored, now }) in events {
        if let Some(stored) = stored {
            forget_what_moved(tx, names, *id, stored, now)?;
        }
    }
    let mut in_order: Vec<(Time, EventId, &Event)> =
        events.iter().map(|(id, evidence)| (evidence.now.time, *id, &*evidence.now)).collect();
    in_order.sort_unstable_by_key(|(time, id, _)| (*time, *id));
    let mut insert = tx.prepare_cached(
        "INSERT OR REPLACE INTO event (time, id, measures, kind, host, subjects, peer, bytes, duration_ms, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let mut touches = Touches::default();
    let mut moved = Moved::default();
    let (mut kind, mut subjects) = (Vec::new(), Vec::new());
    for (time, id, event) in in_order {
        moved.look(event);
        insert.execute(params![
            time.0,
            id.0 as i64,
            moved.at(0),
            json(&mut kind, &event.kind),
            &*event.host,
            json(&mut subjects, &event.subjects),
            event.peer.as_deref(),
            event.bytes.map(|bytes| bytes as i64),
            event.duration_ms.map(|millis| millis as i64),
            &*event.detail,
        ])?;
        for (nth, subject) in event.subjects.iter().enumerate() {
            if let Some(name) = names.find(subject) {
                touches.add(name, time, id, moved.at(nth + 1));
            }
        }
    }
    touches.write(tx)
}

/// Which measures an event moved, and for how many of its owners.
#[derive(Default)]
struct Moved {
    measures: Vec<(u16, usize)>,
    bytes: Vec<u8>,
}

impl Moved {
    fn look(&mut self, event: &Event) {
        self.measures.clear();
        let began = event.time.slot();
        event.amounts(&mut |measure, owners, slot, _| {
            let later = if slot > began { LATER } else { 0 };
            match self.measures.iter_mut().find(|(number, _)| *number & !LATER == measure.number) {
                Some((number, most)) => (*number, *most) = (*number | later, owners.max(*most)),
                None => self.measures.push((measure.number | later, owners)),
            }
        });
    }

    /// The numbers of those that moved for the server (0) or the `nth` of the subjects, two bytes each.
    fn at(&mut self, nth: usize) -> &[u8] {
        self.bytes.clear();
        let there = self.measures.iter().filter(|(_, owners)| nth <= *owners);
        self.bytes.extend(there.flat_map(|(number, _)| number.to_le_bytes()));
        &self.bytes
    }
}

/// What finds events by their subjects, gathered so that it is written in the order of its keys.
#[derive(Default)]
struct Touches {
    rows: Vec<(i64, Time, EventId, Range<usize>)>,
    measures: Vec<u8>,
}

impl Touches {
    fn add(&mut self, subject: i64, time: Time, event: EventId, measures: &[u8]) {
        let from = self.measures.len();
        self.measures.extend_from_slice(measures);
        self.rows.push((subject, time, event, from..self.measures.len()));
    }

    fn write(mut self, tx: &Connection) -> Result<()> {
        self.rows.sort_unstable_by_key(|(subject, time, event, _)| (*subject, *time, *event));
        let mut upsert = tx.prepare_cached(
            "INSERT INTO event_subject (subject, slot, entries) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET entries = joined(slot, entries, excluded.entries)",
        )?;
        for same_slot in self.rows.chunk_by(|a, b| (a.0, a.1.slot()) == (b.0, b.1.slot())) {
            let (subject, slot) = (same_slot[0].0, same_slot[0].1.slot());
            let mut packing = Packing::of(slot);
            for (_, time, event, measures) in same_slot {
                packing.push(&Entry { place: (*time, *event), measures: &self.measures[measures.clone()] });
            }
            upsert.execute(params![subject, slot.0, packing.finish()])?;
        }
        Ok(())
    }
}

/// Writes a value over what the buffer held.
fn json<'a, T: serde::Serialize>(buffer: &'a mut Vec<u8>, value: &T) -> &'a str {
    buffer.clear();
    serde_json::to_writer(&mut *buffer, value).expect("lists of names and plain data have a JSON form");
    str::from_utf8(buffer).expect("JSON is UTF-8")
}

/// Removes of an event, as it was stored, what the event as it is now will not be written over.
fn forget_what_moved(tx: &Connection, names: &Names, id: EventId, stored: &Event, now: &Event) -> Result<()> {
    let has_moved = stored.time != now.time;
    if has_moved {
        let mut delete = tx.prepare_cached("DELETE FROM event WHERE time = ?1 AND id = ?2")?;
        delete.execute(params![stored.time.0, id.0 as i64])?;
    }
    let gone = stored.subjects.iter().filter(|subject| has_moved || !now.subjects.contains(subject));
    for name in gone.filter_map(|subject| names.find(subject)) {
        cut(tx, "lacking", name, stored.time.slot(), (stored.time, id))?;
    }
    Ok(())
}

/// Takes entries out of a subject's list, by a function of [`entries`], and the list if it is empty then.
fn cut(tx: &Connection, function: &str, subject: i64, slot: Slot, (time, id): Place) -> Result<()> {
    tx.prepare_cached(&format!(
        "UPDATE event_subject SET entries = {function}(slot, entries, ?3, ?4) WHERE subject = ?1 AND slot = ?2"
    ))?
    .execute(params![subject, slot.0, time.0, id.0 as i64])?;
    tx.prepare_cached("DELETE FROM event_subject WHERE subject = ?1 AND slot = ?2 AND length(entries) = 0")?
        .execute([subject, slot.0])?;
    Ok(())
}

/// Forgets events before a time, at most `limit` of them, oldest first; says how many. Counters stay.
pub fn prune(tx: &Connection, names: &Names, before: Time, limit: usize) -> Result<usize> {
    let old: Vec<(i64, i64, String)> = tx
        .prepare_cached("SELECT time, id, subjects FROM event WHERE time < ?1 ORDER BY time, id LIMIT ?2")?
        .query_map(params![before.0, limit as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_>>()?;
    let Some((time, id, _)) = old.last() else { return Ok(0) };
    let last = (Time(*time), EventId(*id as u64));
    tx.prepare_cached("DELETE FROM event WHERE (time, id) <= (?1, ?2)")?.execute([time, id])?;
    let mut lists = BTreeSet::new();
    for (time, _, subjects) in &old {
        let subjects: Vec<Subject> = serde_json::from_str(subjects).unwrap_or_default();
        lists.extend(subjects.iter().filter_map(|subject| Some((names.find(subject)?, Time(*time).slot()))));
    }
    for (name, slot) in lists {
        cut(tx, "later", name, slot, last)?;
    }
    Ok(old.len())
}

/// A page of a subject's events, for someone who sees the subjects that are `visible`. The first page says what all of
/// them come to.
pub fn page(
    tx: &Transaction<'_>,
    subject: i64,
    query: &EventQuery,
    visible: impl Fn(&Subject) -> bool,
) -> Result<EventPage> {
    let mut page = EventPage { events: Vec::new(), next: None, total: None };
    let mut total = EventTotal {
        events: 0,
        amount: 0,
        is_all: true,
        counted: None,
        kept_from: None,
        read_until: None,
        kinds: BTreeMap::new(),
    };
    let is_first = query.after.is_none();
    let after = query.after.unwrap_or((query.span.until, EventId(i64::MAX as u64)));
    let back_secs = if query.measures.is_empty() { 0 } else { LONGEST_SECS };
    let span = Span::new(query.span.from.plus_secs(-back_secs), query.span.until);
    let mut last = None;
    let mut looked_at = 0;
    each_newest_first(tx, subject, span, after, |Entry { place: (time, id), measures }| {
        if looked_at == MAX_LOOKED_AT || total.events == MAX_ADDED_UP {
            page.next = page.next.take().or(last.take());
            total.is_all = false;
            return Ok(ControlFlow::Break(()));
        }
        looked_at += 1;
        let is_full = page.events.len() == query.limit;
        let found = match may_match(measures, time, query) {
            true => read(tx, time, id)?,
            false => None,
        };
        let amount = found.as_ref().and_then(|event| amount(event, query));
        let found = found.zip(amount).filter(|(event, _)| holds_text(event, query, &visible));
        if let Some((event, _)) = found.as_ref().filter(|_| is_first) {
            *total.kinds.entry(event.kind.id().to_owned()).or_insert(0) += 1;
        }
        let is_of_kind = |event: &Event| query.kind.as_ref().is_none_or(|wanted| wanted == event.kind.id());
        if let Some((event, amount)) = found.filter(|(event, _)| is_of_kind(event)) {
            total.events += 1;
            total.amount += amount;
            if !is_full {
                page.events.push(shown(id, &event, query, &visible));
            } else {
                page.next = page.next.take().or(last.clone());
                if !is_first {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        if !is_full {
            last = Some(format!("{}.{}", time.0, id.0 as i64));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if is_first {
        if let [number] = query.measures[..]
            && let Some(measure) = catalogue::measures().into_iter().find(|measure| measure.number == number)
        {
            let counted = counters::total(tx, subject, measure, Slots::of(query.span))?;
            total.counted = Some(counted.clamp(0, MAX_VALUE).unsigned_abs());
        }
        total.kept_from =
            tx.query_row("SELECT min(time) FROM event", [], |row| row.get::<_, Option<i64>>(0))?.map(Time);
        total.read_until = coverage::read_until(tx, &Family::LOGS)?;
        page.total = Some(total);
    }
    Ok(page)
}

/// Calls `each` for a subject's entries that begin in the span and stand before a place, newest first, until it has enough.
fn each_newest_first(
    tx: &Connection,
    subject: i64,
    span: Span,
    before: Place,
    mut each: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    // All events are the server's.
    if subject == SERVER_ID {
        let mut statement = tx.prepare_cached(
            "SELECT time, id, measures FROM event
             WHERE time >= ?1 AND time < ?2 AND (time, id) < (?3, ?4) ORDER BY time DESC, id DESC",
        )?;
        let mut rows = statement.query(params![span.from.0, span.until.0, before.0.0, before.1.0 as i64])?;
        while let Some(row) = rows.next()? {
            let place = (Time(row.get(0)?), EventId(row.get::<_, i64>(1)? as u64));
            if each(Entry { place, measures: row.get_ref(2)?.as_blob()? })?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    let mut statement = tx.prepare_cached(
        "SELECT slot, entries FROM event_subject WHERE subject = ?1 AND slot >= ?2 AND slot <= ?3 ORDER BY slot DESC",
    )?;
    let last = span.until.min(before.0);
    let mut rows = statement.query(params![subject, span.from.slot().0, last.slot().0])?;
    while let Some(row) = rows.next()? {
        let entries = entries::unpacked(Slot(row.get(0)?), row.get_ref(1)?.as_blob()?)?;
        for entry in entries.into_iter().rev() {
            let is_asked = span.contains(entry.place.0) && entry.place < before;
            if is_asked && each(entry)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
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

/// What an event counted of the measures, for the subject and in the span that are asked for; `None` if nothing. Without
/// measures every event of the span is as good as another.
fn amount(event: &Event, query: &EventQuery) -> Option<i64> {
    if query.measures.is_empty() {
        return Some(0);
    }
    let nth = nth_of(event, &query.subject)?;
    let mut sum = None;
    event.amounts(&mut |measure, owners, slot, amount| {
        if nth <= owners && query.measures.contains(&measure.number) && query.span.contains(slot.start()) {
            *sum.get_or_insert(0) += amount;
        }
    });
    sum
}

/// A subject's place among those that an event touches: what goes to the first so many goes to it if it is one of them.
fn nth_of(event: &Event, subject: &Subject) -> Option<usize> {
    match subject {
        Subject::Server => Some(0),
        subject => event.subjects.iter().position(|owner| owner == subject).map(|at| at + 1),
    }
}

/// Whether an event holds the text that is asked for.
fn holds_text(event: &Event, query: &EventQuery, visible: &impl Fn(&Subject) -> bool) -> bool {
    let holds = |wanted: &String| {
        let wanted = wanted.to_lowercase();
        let names = event.subjects.iter().filter(|subject| visible(subject)).map(Subject::to_string);
        let words = event.words(visible);
        let said = [words.peer, words.sender, words.why.as_deref()].into_iter().flatten();
        let told = [&*event.host, &*words.detail].into_iter().chain(said).map(str::to_owned);
        told.chain(names).any(|text| text.to_lowercase().contains(&wanted))
    };
    query.text.as_ref().is_none_or(holds)
}

/// An event as it was written. `None` for one that is gone, or that this build no longer understands.
fn read(tx: &Connection, time: Time, id: EventId) -> Result<Option<Event>> {
    let mut statement = tx.prepare_cached(
        "SELECT kind, host, subjects, peer, bytes, duration_ms, detail FROM event WHERE time = ?1 AND id = ?2",
    )?;
    let event = statement.query_row(params![time.0, id.0 as i64], |row| {
        let Ok(kind) = serde_json::from_str(row.get_ref(0)?.as_str()?) else { return Ok(None) };
        Ok(Some(Event {
            time,
            kind,
            host: row.get_ref(1)?.as_str()?.into(),
            subjects: serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default(),
            peer: row.get_ref(3)?.as_str_or_null()?.map(Text::from),
            bytes: row.get::<_, Option<i64>>(4)?.map(|bytes| bytes as u64),
            duration_ms: row.get::<_, Option<i64>>(5)?.map(|millis| millis as u64),
            detail: row.get_ref(6)?.as_str()?.into(),
        }))
    });
    Ok(event.optional()?.flatten())
}

fn shown(id: EventId, event: &Event, query: &EventQuery, visible: &impl Fn(&Subject) -> bool) -> EventRow {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let nth = nth_of(event, &query.subject);
    event.amounts(&mut |measure, owners, _, amount| {
        if nth.is_some_and(|nth| nth <= owners) {
            *counts.entry(measure.id.to_owned()).or_insert(0) += amount;
        }
    });
    counts.retain(|_, amount| *amount != 0);
    let words = event.words(visible);
    EventRow {
        id: id.0,
        time: event.time,
        kind: event.kind.id().to_owned(),
        host: event.host.to_string(),
        subjects: event.subjects.iter().filter(|subject| visible(subject)).map(Subject::to_string).collect(),
        peer: words.peer.map(str::to_owned),
        sender: words.sender.map(str::to_owned),
        bytes: event.bytes,
        duration_ms: event.duration_ms,
        counts,
        detail: words.detail.into_owned(),
        why: words.why.map(Cow::into_owned),
        is_withheld: words.is_withheld,
    }
}

/// Reads a page's `next` back.
pub fn cursor(text: &str) -> Option<(Time, EventId)> {
    let (time, id) = text.split_once('.')?;
    Some((Time(time.parse().ok()?), EventId(id.parse().ok()?)))
}
