//! The events of a batch, packed as they are stored.
//!
//! A batch has tens of thousands of them, and in memory one is 128 bytes, with its texts beside it, each in a piece of its own.
//! Packed where it was made it takes some 150 in one, and nothing of it is freed on the thread that writes: memory that one
//! thread takes and another gives back was a tenth of an import with events. What many events share is kept once: the lists of
//! their subjects, and which measures they moved.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use mailtally_model::Time;
use rustc_hash::FxHashMap;

use super::pieces::{Pieces, Place};
use crate::event::{self, Event, EventId, Kind, Subjects};

/// Set in the number of a measure that was counted in a later slot than the event began in. Numbers of measures are far below.
pub const LATER: u16 = 1 << 15;

#[derive(Debug, Default)]
pub struct Events {
    /// The number of the first of `new`.
    first: u64,
    /// Events that are new to the store. They come in the order of their numbers, so that each is found by its own.
    new: Vec<Kept>,
    /// The others: those that the store has from an earlier batch.
    older: FxHashMap<EventId, Older>,
    bytes: Pieces,
    lists: Vec<List>,
    /// By where a list stands in memory: it is held, so that no other can stand there.
    list_places: FxHashMap<usize, u32>,
    /// What events moved; most do what many do.
    moves: Vec<Moves>,
    move_places: FxHashMap<Box<[Moved]>, u32>,
    /// Kept to be used again.
    moved: Vec<Moved>,
}

/// An event as it is now.
#[derive(Debug)]
pub struct Kept {
    pub id: EventId,
    pub time: Time,
    /// Without its subjects, which belong after the first so many bytes.
    bytes: Place,
    head_bytes: u32,
    /// The place of its subjects among the lists.
    list: u32,
    /// The place of what it moved among the moves.
    moves: u32,
    /// A sample of the host, which comes from no log.
    pub is_sample: bool,
}

#[derive(Debug)]
struct Older {
    kept: Kept,
    /// As the store has it.
    stored: Option<Arc<Event>>,
}

/// Subjects that events touch, and as an event has them packed.
#[derive(Debug)]
struct List {
    subjects: Subjects,
    packed: Vec<u8>,
}

/// What events moved.
#[derive(Debug)]
struct Moves {
    each: Box<[Moved]>,
    /// The measures as they are stored, two bytes each.
    measures: Vec<u8>,
    /// As many subjects have all of them.
    owners_of_all: usize,
}

/// A measure that an event moved, for the server and the first so many of its subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Moved {
    measure: u16,
    owners: u16,
}

impl Events {
    /// Keeps an event in place of what it was; `stored` is what the store has, if it is new to the batch.
    pub fn put(&mut self, id: EventId, stored: Option<Arc<Event>>, event: &Event) {
        let mut head_bytes = 0;
        let bytes = self.bytes.keep(|bytes| head_bytes = event.pack_but_subjects(bytes));
        let kept = Kept {
            id,
            time: event.time,
            bytes,
            head_bytes: u32::try_from(head_bytes).expect("a host's name is part of a line"),
            list: self.list(&event.subjects),
            moves: self.moves(event),
            is_sample: matches!(event.kind, Kind::HostSample(_)),
        };
        if self.new.is_empty() && stored.is_none() {
            self.first = id.0;
        }
        // What it was is left among the bytes: an event is packed some thousand changes after it came, as it is then, and
        // few change again.
        let place = id.0.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        match place {
            Some(place) if place < self.new.len() => self.new[place] = kept,
            Some(place) if place == self.new.len() && stored.is_none() => self.new.push(kept),
            _ => match self.older.entry(id) {
                Entry::Occupied(mut known) => known.get_mut().kept = kept,
                Entry::Vacant(vacant) => drop(vacant.insert(Older { kept, stored })),
            },
        }
    }

    pub fn len(&self) -> usize {
        self.new.len() + self.older.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.new.iter().chain(self.older.values().map(|older| &older.kept))
    }

    /// Those that the store has from an earlier batch, and as it has them.
    pub fn stored(&self) -> impl Iterator<Item = (&Kept, &Event)> {
        self.older.values().filter_map(|older| Some((&older.kept, older.stored.as_deref()?)))
    }

    /// The lists of subjects that events touch.
    pub fn lists(&self) -> impl Iterator<Item = &Subjects> {
        self.lists.iter().map(|list| &list.subjects)
    }

    /// The subjects of an event, and the place of their list among all.
    pub fn subjects(&self, kept: &Kept) -> (usize, &Subjects) {
        let place = kept.list as usize;
        (place, &self.lists[place].subjects)
    }

    /// The measures that an event moved for the server (0) or the `nth` of its subjects, two bytes each: a number, with
    /// [`LATER`] or without. The buffer is for those of whom an event moved less than for the server.
    pub fn measures<'a>(&'a self, kept: &Kept, nth: usize, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let moves = &self.moves[kept.moves as usize];
        if nth <= moves.owners_of_all {
            return &moves.measures;
        }
        buffer.clear();
        put_measures(moves.each.iter().filter(|moved| nth <= usize::from(moved.owners)), buffer);
        buffer
    }

    /// As [`Event::pack`] makes them, in three parts.
    pub fn bytes(&self, kept: &Kept) -> [&[u8]; 3] {
        let (head, tail) = self.bytes.get(kept.bytes).split_at(kept.head_bytes as usize);
        [head, &self.lists[kept.list as usize].packed, tail]
    }

    /// Empty, with room for as many as the one before held.
    pub fn as_large_as(before: &Events) -> Events {
        Events { new: Vec::with_capacity(before.new.len()), ..Events::default() }
    }

    fn list(&mut self, subjects: &Subjects) -> u32 {
        *self.list_places.entry(subjects.as_ptr().addr()).or_insert_with(|| {
            let mut packed = Vec::new();
            event::pack_subjects(subjects, &mut packed);
            self.lists.push(List { subjects: Arc::clone(subjects), packed });
            number(self.lists.len() - 1)
        })
    }

    fn moves(&mut self, event: &Event) -> u32 {
        let began = event.time.slot();
        let all = &mut self.moved;
        all.clear();
        event.amounts(&mut |measure, owners, slot, _| {
            let later = if slot > began { LATER } else { 0 };
            let owners = u16::try_from(owners).unwrap_or(u16::MAX);
            match all.iter_mut().find(|moved| moved.measure & !LATER == measure.number) {
                Some(moved) => (moved.measure, moved.owners) = (moved.measure | later, owners.max(moved.owners)),
                None => all.push(Moved { measure: measure.number | later, owners }),
            }
        });
        // Asked before, so that a list is copied only when it is new.
        if let Some(known) = self.move_places.get(all.as_slice()) {
            return *known;
        }
        let place = number(self.moves.len());
        let mut measures = Vec::with_capacity(2 * all.len());
        put_measures(all.iter(), &mut measures);
        let owners_of_all = all.iter().map(|moved| usize::from(moved.owners)).min().unwrap_or(usize::MAX);
        self.moves.push(Moves { each: all.as_slice().into(), measures, owners_of_all });
        self.move_places.insert(all.as_slice().into(), place);
        place
    }
}

fn put_measures<'a>(moved: impl Iterator<Item = &'a Moved>, bytes: &mut Vec<u8>) {
    moved.for_each(|moved| bytes.extend_from_slice(&moved.measure.to_le_bytes()));
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a batch has some ten thousand events")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: i64, subjects: &Subjects) -> Event {
        Event {
            time: Time(time),
            host: "mx1".into(),
            subjects: Arc::clone(subjects),
            peer: Some("mail.outside.example[192.0.2.7]".into()),
            bytes: None,
            duration_ms: Some(300_000),
            detail: format!("line {time}").into(),
            kind: Kind::Bounce,
        }
    }

    #[test]
    fn events_are_kept_as_they_are_now_and_packed_as_they_are_stored() {
        let of_ann: Subjects = ["alfa.example", "ann@alfa.example"].map(|name| name.parse().expect("a subject")).into();
        let of_nobody = Subjects::default();
        let mut events = Events::default();
        let stored = || Some(Arc::new(event(1, &of_ann)));
        // Numbers, whether the store has it, the time that it has now: new ones, an older one, a gap, revisions.
        let put =
            [(7, false, 2), (8, false, 3), (3, true, 4), (10, false, 5), (7, true, 6), (9, false, 7), (10, true, 8)];
        for (id, is_stored, time) in put {
            let subjects = if id % 2 == 0 { &of_ann } else { &of_nobody };
            events.put(EventId(id), is_stored.then(stored).flatten(), &event(time, subjects));
        }
        let mut kept: Vec<&Kept> = events.iter().collect();
        kept.sort_unstable_by_key(|kept| kept.id);
        let times: Vec<(u64, i64)> = kept.iter().map(|kept| (kept.id.0, kept.time.0)).collect();
        assert_eq!(times, [(3, 4), (7, 6), (8, 3), (9, 7), (10, 8)]);
        assert_eq!((events.len(), events.stored().map(|(kept, _)| kept.id.0).collect::<Vec<_>>()), (5, vec![3]));
        for kept in kept {
            let subjects = events.subjects(kept).1;
            assert_eq!(subjects.is_empty(), kept.id.0 % 2 == 1);
            let mut packed = Vec::new();
            event(kept.time.0, subjects).pack(&mut packed);
            assert_eq!(events.bytes(kept).concat(), packed);
        }
    }
}
