//! The events of a batch, packed as they are stored.
//!
//! A batch has tens of thousands of them, and in memory one takes some 600 bytes in five pieces. Packed where it was made it
//! takes a third of that, and nothing of it is freed on the thread that writes: memory that one thread takes and another
//! gives back was a tenth of an import with events.

use std::ops::Range;
use std::sync::Arc;

use mailtally_model::Time;
use rustc_hash::FxHashMap;

use super::pieces::{Pieces, Place};
use crate::event::{Event, EventId, Kind, Subjects};

/// Set in the number of a measure that was counted in a later slot than the event began in. Numbers of measures are far below.
pub const LATER: u16 = 1 << 15;

#[derive(Debug, Default)]
pub struct Events {
    /// In the order in which they came, which nearly is that of their numbers.
    kept: Vec<Kept>,
    places: FxHashMap<EventId, usize>,
    moved: Vec<Moved>,
    bytes: Pieces,
    lists: Vec<Subjects>,
    /// By where a list stands in memory: it is held, so that no other can stand there.
    list_places: FxHashMap<usize, usize>,
}

/// An event as it is now.
#[derive(Debug)]
pub struct Kept {
    pub id: EventId,
    pub time: Time,
    /// A sample of the host, which comes from no log.
    pub is_sample: bool,
    /// As the store has it from an earlier batch.
    pub stored: Option<Arc<Event>>,
    /// The place of its subjects among the lists.
    pub list: usize,
    moved: Range<u32>,
    bytes: Place,
}

/// A measure that an event moved, for the server and the first so many of its subjects.
#[derive(Debug)]
struct Moved {
    measure: u16,
    owners: u16,
}

impl Events {
    /// Keeps an event in place of what it was; `stored` is what the store has, if it is new to the batch.
    pub fn put(&mut self, id: EventId, stored: Option<Arc<Event>>, event: &Event) {
        let place = *self.places.entry(id).or_insert(self.kept.len());
        let stored = match self.kept.get_mut(place) {
            Some(known) => known.stored.take(),
            None => stored,
        };
        let kept = Kept {
            id,
            time: event.time,
            is_sample: matches!(event.kind, Kind::HostSample(_)),
            stored,
            list: self.list(&event.subjects),
            moved: self.look(event),
            bytes: self.bytes.keep(|bytes| event.pack(bytes)),
        };
        match self.kept.get_mut(place) {
            // What it was is left among the bytes: an event is packed some thousand changes after it came, as it is then, and
            // few change again.
            Some(known) => *known = kept,
            None => self.kept.push(kept),
        }
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// The lists of subjects that events touch.
    pub fn lists(&self) -> &[Subjects] {
        &self.lists
    }

    /// The measures that an event moved for the server (0) or the `nth` of its subjects, two bytes each: a number, with
    /// [`LATER`] or without. In place of what the buffer held.
    pub fn measures(&self, kept: &Kept, nth: usize, measures: &mut Vec<u8>) {
        measures.clear();
        for moved in self.moved_by(kept).iter().filter(|moved| nth <= usize::from(moved.owners)) {
            measures.extend_from_slice(&moved.measure.to_le_bytes());
        }
    }

    /// As [`Event::pack`] made them.
    pub fn bytes(&self, kept: &Kept) -> &[u8] {
        self.bytes.get(kept.bytes)
    }

    /// Empty, with room for as many as the one before held.
    pub fn as_large_as(before: &Events) -> Events {
        let mut events = Events::default();
        events.kept.reserve(before.kept.len());
        events.places.reserve(before.places.len());
        events.moved.reserve(before.moved.len());
        events
    }

    fn list(&mut self, subjects: &Subjects) -> usize {
        *self.list_places.entry(subjects.as_ptr().addr()).or_insert_with(|| {
            self.lists.push(Arc::clone(subjects));
            self.lists.len() - 1
        })
    }

    fn moved_by(&self, kept: &Kept) -> &[Moved] {
        &self.moved[kept.moved.start as usize..kept.moved.end as usize]
    }

    fn look(&mut self, event: &Event) -> Range<u32> {
        let from = self.moved.len();
        let began = event.time.slot();
        event.amounts(&mut |measure, owners, slot, _| {
            let later = if slot > began { LATER } else { 0 };
            let owners = u16::try_from(owners).unwrap_or(u16::MAX);
            match self.moved[from..].iter_mut().find(|moved| moved.measure & !LATER == measure.number) {
                Some(moved) => (moved.measure, moved.owners) = (moved.measure | later, owners.max(moved.owners)),
                None => self.moved.push(Moved { measure: measure.number | later, owners }),
            }
        });
        let number = |count: usize| u32::try_from(count).expect("a batch has some ten thousand events");
        number(from)..number(self.moved.len())
    }
}
