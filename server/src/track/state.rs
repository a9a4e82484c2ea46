//! Open state in memory and its copy in the store: tables of rows that know which of them changed, and events that
//! were given out and may be revised. Knows nothing of mail.

use std::collections::VecDeque;
use std::fmt::{Arguments, Write};
use std::sync::Arc;

use anyhow::Context;
use mailtally_model::Subject;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::at_hand::AtHand;
use crate::batch::OpenState;
use crate::event::{Event, EventId, Kind, Update};
use crate::text::{Text, is_same, quoted};

/// An event as it was last given out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booked {
    pub id: EventId,
    pub event: Arc<Event>,
}

/// What lines do: updates, evidence of names, and the next event's number.
pub struct Out<'a> {
    pub updates: &'a mut Vec<Update>,
    pub known: &'a mut Vec<Subject>,
    pub next_event: u64,
    pub wording: &'a mut Wording,
}

/// Writes the words of events, if anyone will read them.
#[derive(Debug, Default)]
pub struct Wording {
    /// Events are counted and not kept, so that their words would be made for nobody.
    pub is_silent: bool,
    /// Kept, so that a text is made at once in its own length.
    buffer: String,
}

impl Out<'_> {
    /// The words of an event, made up from a line.
    pub fn words(&mut self, words: Arguments<'_>) -> Text {
        self.words_again(&None, words)
    }

    /// The same of one that may have been given out with these words.
    pub fn words_again(&mut self, booked: &Option<Booked>, words: Arguments<'_>) -> Text {
        if self.wording.is_silent {
            return Text::default();
        }
        let buffer = &mut self.wording.buffer;
        buffer.clear();
        buffer.write_fmt(words).expect("memory takes what is written");
        match booked {
            Some(booked) if *booked.event.detail == **buffer => Text::clone(&booked.event.detail),
            _ => Text::from(buffer.as_str()),
        }
    }

    /// The words of an event, as they stand in a line.
    pub fn quote(&self, bytes: &[u8]) -> Text {
        if self.wording.is_silent { Text::default() } else { quoted(bytes).into() }
    }

    /// Gives an event out for good: no later line revises it.
    pub fn once(&mut self, event: Event) {
        self.set(&mut None, event);
    }

    /// Gives an event out, or what became of it since.
    pub fn set(&mut self, booked: &mut Option<Booked>, now: Event) {
        match booked {
            None => {
                let (id, now) = (EventId(self.next_event), Arc::new(now));
                self.next_event += 1;
                self.updates.push(Update { id, before: None, after: Arc::clone(&now) });
                *booked = Some(Booked { id, event: now });
            }
            Some(booked) if *booked.event == now => {}
            Some(booked) => {
                let now = Arc::new(now);
                let before = std::mem::replace(&mut booked.event, Arc::clone(&now));
                self.updates.push(Update { id: booked.id, before: Some(before), after: now });
            }
        }
    }

    /// Takes an event back: it stays as evidence and counts nothing.
    pub fn withdraw(&mut self, booked: &mut Option<Booked>) {
        if let Some(given) = booked {
            let now = Event { kind: Kind::Withdrawn, ..Event::clone(&given.event) };
            self.set(booked, now);
        }
    }
}

/// The rows of one kind, by number, in order; each change is remembered until it is taken. A row that comes and goes
/// between two takings was never in the store, and is no change: most rows of an import are such.
#[derive(Debug)]
pub struct Table<T> {
    /// The first byte of its keys in the store.
    prefix: u8,
    /// By hash: a line asks for its row a few times, and to go down a tree for it was a seventh of what the tracker did. In
    /// boxes, so that a table that grows moves no rows.
    rows: FxHashMap<u64, Place<T>>,
    /// Boxes of rows that are gone, for the next ones: most rows of an import come and go, and need not ask the allocator
    /// each time.
    free: Vec<Place<T>>,
    /// Their numbers, rising; some may be gone.
    order: VecDeque<u64>,
    /// Rows that were changed, each once; some may be gone since.
    changed: Vec<u64>,
    /// Rows that the store has and that are gone.
    gone: Vec<u64>,
}

/// Where a row stands; without one only while the place is free.
type Place<T> = Box<Option<Row<T>>>;

#[derive(Debug)]
struct Row<T> {
    value: T,
    is_stored: bool,
    is_changed: bool,
}

/// Numbers of rows that are gone are swept out when there are so many for each row: seldom enough to cost little.
const MOST_GONE: usize = 4;

/// Free boxes that are kept: as many rows as a busy server forgets in a minute.
const MOST_FREE: usize = 4_096;

impl<T: Serialize + DeserializeOwned> Table<T> {
    pub fn new(prefix: u8) -> Table<T> {
        Table {
            prefix,
            rows: FxHashMap::default(),
            free: Vec::new(),
            order: VecDeque::new(),
            changed: Vec::new(),
            gone: Vec::new(),
        }
    }

    pub fn get(&self, row: u64) -> Option<&T> {
        Some(&Option::as_ref(self.rows.get(&row)?)?.value)
    }

    /// To be changed.
    pub fn get_mut(&mut self, row: u64) -> Option<&mut T> {
        let found = Option::as_mut(self.rows.get_mut(&row)?)?;
        if !std::mem::replace(&mut found.is_changed, true) {
            self.changed.push(row);
        }
        Some(&mut found.value)
    }

    /// A new row; its number was never used before.
    pub fn insert(&mut self, row: u64, value: T) {
        self.put(row, Row { value, is_stored: false, is_changed: true });
        self.changed.push(row);
    }

    fn put(&mut self, number: u64, row: Row<T>) {
        let mut place = self.free.pop().unwrap_or_default();
        *place = Some(row);
        self.rows.insert(number, place);
        // New ones rise, and those of the store are given back in whatever order.
        match self.order.back() {
            Some(newest) if *newest > number => {
                let at = self.order.partition_point(|other| *other < number);
                self.order.insert(at, number);
            }
            _ => self.order.push_back(number),
        }
    }

    pub fn remove(&mut self, row: u64) -> Option<T> {
        self.take_out(row, |place| place.take().map(|row| row.value))
    }

    /// The same of a row that nobody asks for again: it is dropped where it stands, since to move it out takes as long.
    pub fn forget(&mut self, row: u64) {
        self.take_out(row, |place| {
            *place = None;
            Some(())
        });
    }

    fn take_out<R>(&mut self, number: u64, take: impl FnOnce(&mut Option<Row<T>>) -> Option<R>) -> Option<R> {
        let mut place = self.rows.remove(&number)?;
        if place.as_ref().as_ref().is_some_and(|row| row.is_stored) {
            self.gone.push(number);
        }
        let taken = take(&mut place);
        if self.free.len() < MOST_FREE {
            self.free.push(place);
        }
        if self.order.len() > MOST_GONE * self.rows.len().max(MOST_GONE) {
            self.order.retain(|number| self.rows.contains_key(number));
        }
        taken
    }

    /// In the order of their numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.order.iter().filter_map(|number| Some((*number, self.get(*number)?)))
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Gives each row that changed, and takes out what is gone.
    ///
    /// Values are MessagePack with the fields of a struct in their order: a third of the bytes of JSON, and at a busy
    /// server's import these are most of what is written. So fields are added at the end of a struct that is in a
    /// row, with a default, and are not moved.
    pub fn take_changes(&mut self, changes: &mut OpenState) {
        for number in std::mem::take(&mut self.gone) {
            changes.take_out(&key(self.prefix, number));
        }
        for number in std::mem::take(&mut self.changed) {
            let Some(row) = self.rows.get_mut(&number).and_then(|place| Option::as_mut(place)) else { continue };
            (row.is_stored, row.is_changed) = (true, false);
            changes.pack(&key(self.prefix, number), |bytes| {
                rmp_serde::encode::write(bytes, &row.value).expect("plain data, written to memory");
            });
        }
    }

    /// Takes a row back from the store if its key is of this table.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> anyhow::Result<bool> {
        let [prefix, row @ ..] = key else { return Ok(false) };
        let (true, Ok(row)) = (*prefix == self.prefix, <[u8; 8]>::try_from(row)) else { return Ok(false) };
        let value = unpacked(value).context("cannot read the tracker's open state")?;
        self.put(u64::from_be_bytes(row), Row { value, is_stored: true, is_changed: false });
        Ok(true)
    }
}

fn key(prefix: u8, row: u64) -> [u8; 9] {
    let mut key = [prefix; 9];
    key[1..].copy_from_slice(&row.to_be_bytes());
    key
}

/// A row as the store has it; those of earlier versions are JSON objects, which no packed struct begins like.
fn unpacked<T: DeserializeOwned>(value: &[u8]) -> anyhow::Result<T> {
    match value {
        [b'{', ..] => Ok(serde_json::from_slice(value)?),
        _ => Ok(rmp_serde::from_slice(value)?),
    }
}

/// Names that come again at every line, as small numbers.
#[derive(Debug, Default)]
pub struct Interner {
    names: Vec<Text>,
    numbers: FxHashMap<Vec<u8>, u16>,
    /// What [`Interner::number_in_a_row`] was asked for last.
    latest: Option<(Vec<u8>, u16)>,
    at_hand: AtHand<u16>,
}

/// More hosts, or programs, than any site has: what comes after them is not understood, rather than filling memory.
const MAX_NAMES: usize = 20_000;

impl Interner {
    /// The name's number; true if it is new. None when there are too many.
    pub fn number(&mut self, name: &[u8]) -> Option<(u16, bool)> {
        if let Some(number) = self.at_hand.get(name) {
            return Some((number, false));
        }
        if let Some(number) = self.numbers.get(name) {
            self.at_hand.put(name, *number);
            return Some((*number, false));
        }
        if self.names.len() >= MAX_NAMES {
            return None;
        }
        let number = u16::try_from(self.names.len()).ok()?;
        self.names.push(String::from_utf8_lossy(name).into());
        self.numbers.insert(name.to_vec(), number);
        Some((number, true))
    }

    /// The same of a name that most often is the one before.
    pub fn number_in_a_row(&mut self, name: &[u8]) -> Option<(u16, bool)> {
        match &self.latest {
            Some((latest, number)) if is_same(latest, name) => Some((*number, false)),
            _ => {
                let found = self.number(name)?;
                self.latest = Some((name.to_vec(), found.0));
                Some(found)
            }
        }
    }

    pub fn names(&self) -> &[Text] {
        &self.names
    }

    pub fn restore(names: Vec<Text>) -> Interner {
        let numbers = names.iter().zip(0..).map(|(name, number)| (name.as_bytes().to_vec(), number)).collect();
        Interner { names, numbers, ..Interner::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Old {
        name: String,
        kind: Kind,
    }

    /// As a later version may have it.
    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Grown {
        name: String,
        kind: Kind,
        #[serde(default)]
        added: Option<u64>,
    }

    fn old() -> Old {
        Old { name: "a".to_owned(), kind: Kind::SpamBlocked { is_outgoing: true } }
    }

    #[test]
    fn names_have_one_number_each_however_they_are_found() {
        let mut names = Interner::default();
        let spelled: Vec<Vec<u8>> = (0..1_000).map(|nth| format!("postfix/{nth}").into_bytes()).collect();
        let others = [&b""[..], b"a", "\u{fffd}".as_bytes(), b"\xff", b"\xfe"].map(<[u8]>::to_vec);
        let all = [spelled, others.to_vec()].concat();
        for is_new in [true, false, false] {
            for (number, name) in (0..).zip(&all) {
                assert_eq!(names.number(name), Some((number, is_new)), "{name:?}");
                assert_eq!(names.number(name), Some((number, false)), "{name:?}");
            }
        }
    }

    #[test]
    fn rows_come_back_and_may_have_grown_meanwhile() {
        let mut table = Table::new(b'x');
        table.insert(7, old());
        let mut changes = OpenState::default();
        table.take_changes(&mut changes);
        let changes: Vec<_> = changes.iter().collect();
        let [(key, Some(value))] = changes[..] else { panic!("{changes:?}") };
        let grown = Grown { name: old().name, kind: old().kind, added: None };
        let mut restored = Table::new(b'x');
        assert!(restored.restore(key, value).expect("a row"));
        assert_eq!(restored.get(7), Some(&grown));
    }

    #[test]
    fn rows_stand_in_order_whichever_are_gone() {
        let mut table = Table::new(b'x');
        (10..60).for_each(|number| table.insert(number, old()));
        let value = rmp_serde::to_vec(&old()).expect("plain data");
        for number in [7, 9, 8] {
            assert!(table.restore(&key(b'x', number), &value).expect("a row"));
        }
        (8..55).filter(|number| number % 20 != 0).for_each(|number| assert!(table.remove(number).is_some()));
        let numbers = || table.iter().map(|(number, _)| number);
        assert!(numbers().eq([7, 20, 40, 55, 56, 57, 58, 59]) && numbers().rev().take(2).eq([59, 58]));
        assert_eq!(table.len(), 8);
    }

    #[test]
    fn rows_that_were_written_as_json_are_read() {
        let mut restored = Table::new(b'x');
        let json = br#"{"name":"a","kind":{"SpamBlocked":{"is_outgoing":true}}}"#;
        assert!(restored.restore(&key(b'x', 7), json).expect("a row"));
        assert_eq!(restored.get(7), Some(&old()));
    }
}
