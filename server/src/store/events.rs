//! Events as evidence: what a number was made of, newest first. Found by subject and time, and by what moved.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use mailtally_model::time::DAY_SECS;
use mailtally_model::wire::{EventPage, EventRow, EventTotal};
use mailtally_model::{Family, Slot, Span, Subject, Time, catalogue};
use rusqlite::{Connection, Result, Transaction, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::MAX_VALUE;
use super::answer::IfAbsent;
use super::blocks::{self, Key};
use super::counters::{self, Slots};
use super::coverage;
use super::entries::{self, Entry, Packing, Place};
use super::names::{Names, SERVER_ID};
use crate::batch::{Events, Kept, LATER};
use crate::event::{Event, EventId, Subjects};

/// The most events on a page.
pub const MAX_EVENTS_PAGE: usize = 1_000;
/// Entries that one request looks through before it hands out a page, full or not: a fraction of a second.
const MAX_LOOKED_AT: usize = 500_000;
/// Events that are added up to say what they make; a person who wants more has the counters.
const MAX_ADDED_UP: u64 = 20_000;
/// Peers that are told by name with how many events came from each.
const MOST_PEERS: usize = 5;
/// What is counted at an event's end (bytes of a session) may lie so long after its beginning, by which it is found.
const LONGEST_SECS: i64 = 2 * DAY_SECS;
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
pub fn write(tx: &Connection, names: &Names, events: &Events) -> Result<()> {
    let mut blocks = blocks::Writer::new(tx)?;
    let place = |kept: &Kept| (kept.time, kept.id);
    let key = |kept: &Kept| Key::of(place(kept), kept.is_sample);
    for (kept, stored) in events.stored() {
        let (id, key) = (kept.id, key(kept));
        let before = Key { slot: stored.time.slot(), ..key };
        if before != key {
            blocks.take_out(before, id)?;
        }
        forget_what_moved(tx, names, (stored.time, id), stored, kept.time, events.subjects(kept).1)?;
    }
    // With their places beside them, since they are sorted twice.
    let mut in_order: Vec<(Place, &Kept)> = events.iter().map(|kept| (place(kept), kept)).collect();
    in_order.sort_unstable_by_key(|(place, _)| *place);
    let mut touches = Touches::of(names, events);
    in_order.iter().for_each(|(place, kept)| touches.add(events, *place, kept));
    // Stable, so that those of a block stay in the order of their places.
    in_order.sort_by_key(|(_, kept)| key(kept));
    let mut buffer = Vec::new();
    for (place, kept) in &in_order {
        let measures = events.measures(kept, 0, &mut buffer);
        blocks.put(key(kept), Entry { place: *place, measures }, &events.bytes(kept))?;
    }
    blocks.finish()?;
    touches.write(tx)
}

/// What finds events by their subjects: a list for each subject and quarter hour.
struct Touches {
    /// For each list of subjects in the batch, those that have a row.
    of_lists: Vec<Vec<Touched>>,
    listings: Vec<Listing>,
    buffer: Vec<u8>,
}

/// The `nth` subject of a list, the first being 1, and its place among the listings.
struct Touched {
    nth: usize,
    listing: usize,
}

/// The lists of one subject, by quarter hour.
struct Listing {
    subject: i64,
    lists: Vec<(Slot, Packing)>,
}

impl Touches {
    fn of(names: &Names, events: &Events) -> Touches {
        let mut listings = Vec::new();
        let mut places = FxHashMap::default();
        let mut touched = |(at, subject): (usize, &Subject)| {
            let subject = names.find(subject)?;
            let listing = *places.entry(subject).or_insert_with(|| {
                listings.push(Listing { subject, lists: Vec::new() });
                listings.len() - 1
            });
            Some(Touched { nth: at + 1, listing })
        };
        let of_list = |list: &Subjects| list.iter().enumerate().filter_map(&mut touched).collect();
        Touches { of_lists: events.lists().map(of_list).collect(), listings, buffer: Vec::new() }
    }

    /// In the order of the events' places.
    fn add(&mut self, events: &Events, place: Place, kept: &Kept) {
        let slot = place.0.slot();
        for Touched { nth, listing } in &self.of_lists[events.subjects(kept).0] {
            let entry = Entry { place, measures: events.measures(kept, *nth, &mut self.buffer) };
            self.listings[*listing].push(slot, &entry);
        }
    }

    /// In the order of the stored keys, so that neighbours are written together.
    fn write(mut self, tx: &Connection) -> Result<()> {
        let mut upsert = tx.prepare_cached(
            "INSERT INTO event_subject (subject, slot, entries) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET entries = joined(slot, entries, excluded.entries)",
        )?;
        self.listings.sort_unstable_by_key(|listing| listing.subject);
        for Listing { subject, lists } in self.listings {
            for (slot, list) in lists {
                upsert.execute(params![subject, slot.0, list.finish()])?;
            }
        }
        Ok(())
    }
}

impl Listing {
    fn push(&mut self, slot: Slot, entry: &Entry<'_>) {
        match self.lists.last_mut() {
            Some((last, list)) if *last == slot => list.push(entry),
            _ => {
                let mut list = Packing::of(slot);
                list.push(entry);
                self.lists.push((slot, list));
            }
        }
    }
}

/// Takes an event, as it was stored, from the lists of its subjects that it will not be written to in the same place.
fn forget_what_moved(
    tx: &Connection,
    names: &Names,
    (time, id): Place,
    stored: &Event,
    now: Time,
    subjects: &Subjects,
) -> Result<()> {
    let gone = stored.subjects.iter().filter(|subject| time != now || !subjects.contains(subject));
    for name in gone.filter_map(|subject| names.find(subject)) {
        let slot = time.slot().0;
        tx.prepare_cached(
            "UPDATE event_subject SET entries = lacking(slot, entries, ?3, ?4) WHERE subject = ?1 AND slot = ?2",
        )?
        .execute([name, slot, time.0, id.0 as i64])?;
        tx.prepare_cached("DELETE FROM event_subject WHERE subject = ?1 AND slot = ?2 AND length(entries) = 0")?
            .execute([name, slot])?;
    }
    Ok(())
}

/// Forgets events of quarter hours that were over at a time, oldest first: those of whole quarter hours, until they are
/// `enough`; says how many. Counters stay.
pub fn prune(tx: &Connection, names: &Names, before: Time, enough: usize) -> Result<usize> {
    let mut blocks = blocks::Reader::new(tx)?;
    let mut pruned = 0;
    while pruned < enough
        && let Some(slot) = blocks::first_slot(tx)?
        && slot < before.slot()
    {
        let lists = blocks::lists_of(tx, slot)?;
        pruned += blocks::in_order(&lists)?.len();
        let subjects: FxHashSet<Subject> =
            blocks.of_slot(slot)?.iter().flat_map(|event| event.subjects.iter().cloned()).collect();
        for name in subjects.iter().filter_map(|subject| names.find(subject)) {
            let mut delete = tx.prepare_cached("DELETE FROM event_subject WHERE subject = ?1 AND slot = ?2")?;
            delete.execute([name, slot.0])?;
        }
        tx.prepare_cached("DELETE FROM event WHERE slot = ?1")?.execute([slot.0])?;
    }
    Ok(pruned)
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
        peers: BTreeMap::new(),
        more_peers: 0,
    };
    let mut peers: FxHashMap<String, u64> = FxHashMap::default();
    let is_first = query.after.is_none();
    let after = query.after.unwrap_or((query.span.until, EventId(i64::MAX as u64)));
    let back_secs = if query.measures.is_empty() { 0 } else { LONGEST_SECS };
    let span = Span::new(query.span.from.plus_secs(-back_secs), query.span.until);
    let mut last = None;
    let mut looked_at = 0;
    let mut blocks = blocks::Reader::new(tx)?;
    each_newest_first(tx, subject, span, after, |key, Entry { place: (time, id), measures }| {
        if looked_at == MAX_LOOKED_AT || total.events == MAX_ADDED_UP {
            page.next = page.next.take().or(last.take());
            total.is_all = false;
            return Ok(ControlFlow::Break(()));
        }
        looked_at += 1;
        let is_full = page.events.len() == query.limit;
        let found = match may_match(measures, time, query) {
            true => blocks.event(key, (time, id))?,
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
            if is_first && let Some(peer) = event.words(&visible).peer {
                match peers.get_mut(peer) {
                    Some(events) => *events += 1,
                    None => drop(peers.insert(peer.to_owned(), 1)),
                }
            }
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
        total.kept_from = blocks::first_time(tx)?;
        total.read_until = coverage::read_until(tx, &Family::LOGS)?;
        total.more_peers = peers.len().saturating_sub(MOST_PEERS) as u64;
        total.peers = largest(peers);
        page.total = Some(total);
    }
    Ok(page)
}

/// The peers with most events.
fn largest(peers: FxHashMap<String, u64>) -> BTreeMap<String, u64> {
    let mut peers: Vec<(String, u64)> = peers.into_iter().collect();
    peers.sort_unstable_by(|(a, of_a), (b, of_b)| (of_b, a).cmp(&(of_a, b)));
    peers.into_iter().take(MOST_PEERS).collect()
}

/// Calls `each` for a subject's entries that begin in the span and stand before a place, newest first, until it has enough.
fn each_newest_first(
    tx: &Connection,
    subject: i64,
    span: Span,
    before: Place,
    mut each: impl FnMut(Key, Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let last = span.until.min(before.0);
    let is_asked = |entry: &Entry<'_>| span.contains(entry.place.0) && entry.place < before;
    // All events are the server's.
    if subject == SERVER_ID {
        let mut slot = Slot(last.slot().0 + 1);
        while let Some(found) = blocks::slot_before(tx, span.from.slot(), slot)? {
            slot = found;
            let lists = blocks::lists_of(tx, slot)?;
            for (key, entry) in blocks::in_order(&lists)?.into_iter().rev() {
                if is_asked(&entry) && each(key, entry)?.is_break() {
                    return Ok(());
                }
            }
        }
        return Ok(());
    }
    let mut statement = tx.prepare_cached(
        "SELECT slot, entries FROM event_subject WHERE subject = ?1 AND slot >= ?2 AND slot <= ?3 ORDER BY slot DESC",
    )?;
    let mut rows = statement.query(params![subject, span.from.slot().0, last.slot().0])?;
    while let Some(row) = rows.next()? {
        let entries = entries::unpacked(Slot(row.get(0)?), row.get_ref(1)?.as_blob()?)?;
        for entry in entries.into_iter().rev() {
            if is_asked(&entry) && each(Key::of(entry.place, false), entry)?.is_break() {
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
