//! Events as they are stored: those of a quarter hour whose numbers are neighbours together, as one row.
//!
//! A row for each event was three quarters of what events cost an import, most of it SQLite's own work, and 285 bytes.
//! A block is a list of entries ([`entries`]), which says what is in it without opening it, and the events themselves in
//! the same order: each a varint of its length and MessagePack as in the tracker's open state, all of them packed by zstd
//! behind a varint of their length. An event stays in its block while its time is in the quarter hour, whatever else is
//! revised, and nothing ever splits or joins blocks.

use mailtally_model::{Slot, Span, Time};
use rusqlite::{Connection, OptionalExtension, Result, params};
use rustc_hash::FxHashMap;
use zstd::bulk::{Compressor, Decompressor};

use super::entries::{self, Entry, Packing, Place, Unpacking};
use super::sums::{Malformed, push_varint, varint};
use crate::event::{Event, EventId, Kind};
use crate::text::Text;

/// Numbers of a block: few enough that one event is unpacked in some four microseconds and that three blocks fill a page,
/// and enough to be packed well (31 bytes an event; 25 with twice as many, and 7 microseconds).
const BLOCK_EVENTS: u64 = 32;
/// One of zstd's fast levels: half the time of the first to pack and three quarters to unpack, for a sixteenth more bytes.
const LEVEL: i32 = -1;
/// An event has a hundred bytes, and some forty thousand where it touches the most and longest names; more is a damaged file.
const MAX_BLOCK_BYTES: u64 = 16 << 20;
/// Blocks that a reader keeps open: neighbours in time lie in one block, or take turns in a few.
const MAX_OPEN: usize = 16;

/// Which row holds an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub slot: Slot,
    pub block: i64,
}

impl Key {
    pub fn of((time, id): Place, is_sample: bool) -> Key {
        let block = (id.0 / BLOCK_EVENTS) as i64;
        // Samples of the host below zero: a recount takes whole rows from another store, and leaves samples alone.
        Key { slot: time.slot(), block: if is_sample { !block } else { block } }
    }
}

/// An event in a block, packed.
struct Row<'a> {
    entry: Entry<'a>,
    event: &'a [u8],
}

/// A block as it is in memory.
#[derive(Debug, PartialEq)]
struct Block {
    entries: Vec<u8>,
    events: Vec<u8>,
}

impl Block {
    /// Of rows in the order of their places.
    fn of(slot: Slot, rows: &[Row<'_>]) -> Block {
        let mut entries = Packing::of(slot);
        let mut events = Vec::new();
        for Row { entry, event } in rows {
            entries.push(entry);
            push_varint(&mut events, event.len() as u64);
            events.extend_from_slice(event);
        }
        Block { entries: entries.finish(), events }
    }

    fn rows(&self, slot: Slot) -> impl Iterator<Item = Result<Row<'_>, Malformed>> {
        let mut rest = &self.events[..];
        Unpacking::of(slot, &self.entries).map(move |entry| {
            let (length, after) = varint(rest)?;
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let (event, after) = after.split_at_checked(length).ok_or(Malformed)?;
            rest = after;
            Ok(Row { entry: entry?, event })
        })
    }

    fn all_rows(&self, slot: Slot) -> Result<Vec<Row<'_>>, Malformed> {
        self.rows(slot).collect()
    }

    fn read(tx: &Connection, Key { slot, block }: Key, unpacker: &mut Decompressor<'_>) -> Result<Option<Block>> {
        let mut statement = tx.prepare_cached("SELECT entries, events FROM event WHERE slot = ?1 AND block = ?2")?;
        let row = statement.query_row([slot.0, block], |row| {
            Ok(Block { entries: row.get(0)?, events: unpacked(row.get_ref(1)?.as_blob()?, unpacker)? })
        });
        row.optional()
    }

    fn write(&self, tx: &Connection, Key { slot, block }: Key, packer: &mut Compressor<'_>) -> Result<()> {
        let mut statement = tx.prepare_cached(
            "INSERT INTO event (slot, block, entries, events) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET entries = excluded.entries, events = excluded.events",
        )?;
        statement.execute(params![slot.0, block, self.entries, packed(&self.events, packer)?])?;
        Ok(())
    }
}

fn packed(events: &[u8], packer: &mut Compressor<'_>) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    push_varint(&mut bytes, events.len() as u64);
    bytes.extend(packer.compress(events).map_err(|_| Malformed)?);
    Ok(bytes)
}

fn unpacked(bytes: &[u8], unpacker: &mut Decompressor<'_>) -> Result<Vec<u8>, Malformed> {
    let (length, packed) = varint(bytes)?;
    if length > MAX_BLOCK_BYTES {
        return Err(Malformed);
    }
    let events = unpacker.decompress(packed, length as usize).map_err(|_| Malformed)?;
    if events.len() as u64 == length { Ok(events) } else { Err(Malformed) }
}

/// Writes events, those of a block after each other.
pub struct Writer<'a> {
    tx: &'a Connection,
    packer: Compressor<'static>,
    unpacker: Decompressor<'static>,
    /// The block that is gathered, and what of it is new.
    key: Option<Key>,
    entries: Packing,
    events: Vec<u8>,
    /// The slot that was written to last, and the last block that it has.
    last: Option<(Slot, Option<i64>)>,
}

impl<'a> Writer<'a> {
    pub fn new(tx: &'a Connection) -> Result<Writer<'a>> {
        Ok(Writer {
            tx,
            packer: Compressor::new(LEVEL).map_err(|_| Malformed)?,
            unpacker: Decompressor::new().map_err(|_| Malformed)?,
            key: None,
            entries: Packing::of(Slot(0)),
            events: Vec::new(),
            last: None,
        })
    }

    /// Puts an event in, packed and in whatever parts, in place of what it was in this block. Within a block they come in the
    /// order of their places.
    pub fn put(&mut self, key: Key, entry: Entry<'_>, event: &[&[u8]]) -> Result<()> {
        if self.key != Some(key) {
            self.finish()?;
            self.key = Some(key);
            self.entries = Packing::of(key.slot);
        }
        self.entries.push(&entry);
        push_varint(&mut self.events, event.iter().map(|part| part.len() as u64).sum());
        event.iter().for_each(|part| self.events.extend_from_slice(part));
        Ok(())
    }

    /// Writes what was gathered.
    pub fn finish(&mut self) -> Result<()> {
        let Some(key) = self.key.take() else { return Ok(()) };
        let entries = std::mem::replace(&mut self.entries, Packing::of(key.slot)).finish();
        let fresh = Block { entries, events: std::mem::take(&mut self.events) };
        let before = if self.may_be_there(key)? { Block::read(self.tx, key, &mut self.unpacker)? } else { None };
        match before {
            None => fresh.write(self.tx, key, &mut self.packer)?,
            Some(before) => {
                let mut rows = fresh.all_rows(key.slot)?;
                let is_fresh = |id| rows.iter().any(|row| row.entry.place.1 == id);
                let mut kept = before.all_rows(key.slot)?;
                kept.retain(|row| !is_fresh(row.entry.place.1));
                rows.append(&mut kept);
                rows.sort_unstable_by_key(|row| row.entry.place);
                Block::of(key.slot, &rows).write(self.tx, key, &mut self.packer)?;
            }
        }
        self.events = fresh.events;
        self.events.clear();
        Ok(())
    }

    /// Whether a block may be stored: most come behind all that their slot has, and need not be looked for.
    fn may_be_there(&mut self, Key { slot, block }: Key) -> Result<bool> {
        let last = match self.last {
            Some((of, last)) if of == slot => last,
            _ => last_block(self.tx, slot)?,
        };
        self.last = Some((slot, last.max(Some(block))));
        Ok(last.is_some_and(|last| block <= last))
    }

    /// Takes an event out.
    pub fn take_out(&mut self, key: Key, id: EventId) -> Result<()> {
        let Some(block) = Block::read(self.tx, key, &mut self.unpacker)? else { return Ok(()) };
        let mut rows = block.all_rows(key.slot)?;
        rows.retain(|row| row.entry.place.1 != id);
        if rows.is_empty() {
            let mut delete = self.tx.prepare_cached("DELETE FROM event WHERE slot = ?1 AND block = ?2")?;
            delete.execute([key.slot.0, key.block])?;
            return Ok(());
        }
        Block::of(key.slot, &rows).write(self.tx, key, &mut self.packer)
    }
}

/// Reads events, and keeps the blocks open that it read last.
pub struct Reader<'a> {
    tx: &'a Connection,
    unpacker: Decompressor<'static>,
    open: FxHashMap<Key, Option<Block>>,
}

impl Reader<'_> {
    pub fn new(tx: &Connection) -> Result<Reader<'_>> {
        let unpacker = Decompressor::new().map_err(|_| Malformed)?;
        Ok(Reader { tx, unpacker, open: FxHashMap::default() })
    }

    /// An event as it was written. `None` for one that is gone, or that this build no longer understands.
    pub fn event(&mut self, key: Key, place: Place) -> Result<Option<Event>> {
        if !self.open.contains_key(&key) {
            if self.open.len() >= MAX_OPEN {
                self.open.clear();
            }
            self.open.insert(key, Block::read(self.tx, key, &mut self.unpacker)?);
        }
        let Some(Some(block)) = self.open.get(&key) else { return Ok(None) };
        for row in block.rows(key.slot) {
            let Row { entry, event } = row?;
            if entry.place == place {
                return Ok(Event::unpack(event));
            }
        }
        Ok(None)
    }

    /// All events of a quarter hour that this build understands.
    pub fn of_slot(&mut self, slot: Slot) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut statement = self.tx.prepare_cached("SELECT entries, events FROM event WHERE slot = ?1")?;
        let mut blocks = statement.query([slot.0])?;
        while let Some(block) = blocks.next()? {
            let events_packed = block.get_ref(1)?.as_blob()?;
            let block = Block { entries: block.get(0)?, events: unpacked(events_packed, &mut self.unpacker)? };
            events.extend(block.all_rows(slot)?.iter().filter_map(|row| Event::unpack(row.event)));
        }
        Ok(events)
    }
}

/// The last slot before another one, and not before `from`, that has events.
pub fn slot_before(tx: &Connection, from: Slot, before: Slot) -> Result<Option<Slot>> {
    let mut statement = tx.prepare_cached("SELECT max(slot) FROM event WHERE slot >= ?1 AND slot < ?2")?;
    let slot: Option<i64> = statement.query_row([from.0, before.0], |row| row.get(0))?;
    Ok(slot.map(Slot))
}

/// The first slot that has events.
pub fn first_slot(tx: &Connection) -> Result<Option<Slot>> {
    let mut statement = tx.prepare_cached("SELECT min(slot) FROM event")?;
    let slot: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(slot.map(Slot))
}

/// The last block of a slot.
fn last_block(tx: &Connection, slot: Slot) -> Result<Option<i64>> {
    tx.prepare_cached("SELECT max(block) FROM event WHERE slot = ?1")?.query_row([slot.0], |row| row.get(0))
}

/// The lists of a slot: what is in each of its blocks.
pub fn lists_of(tx: &Connection, slot: Slot) -> Result<Vec<(Key, Vec<u8>)>> {
    let mut statement = tx.prepare_cached("SELECT block, entries FROM event WHERE slot = ?1")?;
    let lists = statement.query_map([slot.0], |row| Ok((Key { slot, block: row.get(0)? }, row.get(1)?)))?;
    lists.collect()
}

/// The events of a slot by their rows, in the order of their places.
pub fn in_order(lists: &[(Key, Vec<u8>)]) -> Result<Vec<(Key, Entry<'_>)>> {
    let mut found = Vec::new();
    for (key, list) in lists {
        found.extend(entries::unpacked(key.slot, list)?.into_iter().map(|entry| (*key, entry)));
    }
    found.sort_unstable_by_key(|(_, entry)| entry.place);
    Ok(found)
}

/// When the first event that is kept began.
pub fn first_time(tx: &Connection) -> Result<Option<Time>> {
    let Some(slot) = first_slot(tx)? else { return Ok(None) };
    Ok(in_order(&lists_of(tx, slot)?)?.first().map(|(_, entry)| entry.place.0))
}

/// Packs the events of a file from before schema 7, which had a row each, and drops them.
pub fn pack_rows(tx: &Connection) -> Result<()> {
    let mut next = tx.prepare("SELECT min(time) FROM event_before WHERE time >= ?1")?;
    let mut from = Time(i64::MIN);
    // A quarter hour at a time, however large the file is.
    while let Some(first) = next.query_row([from.0], |row| row.get::<_, Option<i64>>(0))? {
        let span = Time(first).slot().span();
        let mut of_slot = rows_of(tx, span)?;
        of_slot.sort_unstable_by_key(|row| (row.key, row.place));
        let mut blocks = Writer::new(tx)?;
        for Former { key, place, measures, event } in &of_slot {
            blocks.put(*key, Entry { place: *place, measures }, &[event])?;
        }
        blocks.finish()?;
        from = span.until;
    }
    drop(next);
    tx.execute_batch("DROP TABLE event_before")
}

/// An event that had a row.
struct Former {
    key: Key,
    place: Place,
    measures: Vec<u8>,
    event: Vec<u8>,
}

/// The rows of a span; without events that this build does not understand, which were never shown.
fn rows_of(tx: &Connection, span: Span) -> Result<Vec<Former>> {
    let mut statement = tx.prepare_cached(
        "SELECT time, id, measures, kind, host, subjects, peer, bytes, duration_ms, detail FROM event_before
         WHERE time >= ?1 AND time < ?2",
    )?;
    let mut rows = statement.query([span.from.0, span.until.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(kind) = serde_json::from_str(row.get_ref(3)?.as_str()?) else { continue };
        let id = EventId(row.get::<_, i64>(1)? as u64);
        let event = Event {
            time: Time(row.get(0)?),
            kind,
            host: row.get_ref(4)?.as_str()?.into(),
            subjects: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
            peer: row.get_ref(6)?.as_str_or_null()?.map(Text::from),
            bytes: row.get::<_, Option<i64>>(7)?.map(|bytes| bytes as u64),
            duration_ms: row.get::<_, Option<i64>>(8)?.map(|millis| millis as u64),
            detail: row.get_ref(9)?.as_str()?.into(),
        };
        let mut packed = Vec::new();
        event.pack(&mut packed);
        let place = (event.time, id);
        let key = Key::of(place, matches!(event.kind, Kind::HostSample(_)));
        found.push(Former { key, place, measures: row.get(2)?, event: packed });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const SLOT: Slot = Slot(7);

    type Listed = BTreeMap<Place, (Vec<u8>, Vec<u8>)>;

    fn some() -> impl Strategy<Value = Listed> {
        let place = (0..900_i64, any::<u64>()).prop_map(|(secs, id)| (SLOT.start().plus_secs(secs), EventId(id)));
        let measures = prop::collection::vec(any::<[u8; 2]>(), 0..4).prop_map(|pairs| pairs.concat());
        let row = (measures, prop::collection::vec(any::<u8>(), 0..300));
        prop::collection::btree_map(place, row, 0..20)
    }

    fn unpacker() -> Decompressor<'static> {
        Decompressor::new().expect("memory")
    }

    proptest! {
        #[test]
        fn blocks_come_back(listed in some()) {
            let rows: Vec<Row<'_>> = listed
                .iter()
                .map(|(place, (measures, event))| Row { entry: Entry { place: *place, measures }, event })
                .collect();
            let block = Block::of(SLOT, &rows);
            let packed = packed(&block.events, &mut Compressor::new(LEVEL).expect("memory")).expect("a block");
            let events = unpacked(&packed, &mut unpacker()).expect("what was packed");
            let again = Block { entries: block.entries, events };
            let rows = again.all_rows(SLOT).expect("a block");
            let back = rows.iter().map(|row| (row.entry.place, (row.entry.measures.to_vec(), row.event.to_vec())));
            prop_assert_eq!(back.collect::<Listed>(), listed);
        }

        /// A damaged file is refused, and never a panic.
        #[test]
        fn any_bytes_are_a_block_or_refused(
            entries in prop::collection::vec(any::<u8>(), 0..40),
            events in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let _ = unpacked(&events, &mut unpacker());
            let _ = Block { entries, events }.all_rows(SLOT);
        }
    }

    #[test]
    fn a_block_that_says_that_it_is_huge_is_refused() {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, MAX_BLOCK_BYTES + 1);
        assert!(unpacked(&bytes, &mut unpacker()).is_err());
    }
}
