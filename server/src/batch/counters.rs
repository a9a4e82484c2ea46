//! Sums in memory. Subjects are numbered, so that a sum is found by a few bytes and costs no copy of a name.
//!
//! What a subject has in a slot lies together: an event moves several measures of each of its subjects, and a table of
//! all sums is larger than the processor's nearer caches.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use mailtally_model::measure::Measure;
use mailtally_model::{Slot, Subject};
use rustc_hash::FxHashMap;

use crate::event::{Event, Subjects, Went};

/// Lists of subjects whose numbers are remembered; events of one mailbox share one.
const MAX_LISTS: usize = 10_000;

/// (measure, subject, slot) → sum, signed: a revision may take away.
#[derive(Debug, Default)]
pub struct Counters {
    numbers: FxHashMap<Subject, u32>,
    /// The number of the server, whom each event touches.
    server: Option<u32>,
    subjects: Vec<Subject>,
    /// By where a list stands in memory: it is held, so that no other can stand there.
    lists: FxHashMap<usize, (Subjects, Box<[u32]>)>,
    /// Where in `rows` a subject's sums of a slot are.
    places: FxHashMap<(Slot, u32), u32>,
    /// The slot that each subject was booked in last, and the place of its sums: events come in the order of time, so that
    /// nearly all are found here, in a table small enough for the nearest cache.
    latest: Vec<Option<(Slot, u32)>>,
    /// Measures and their sums.
    rows: Vec<Vec<(u16, i64)>>,
    /// How many sums there are in all rows.
    len: usize,
    /// Kept to be used again.
    scratch: Option<Box<Scratch>>,
}

/// The event that is being booked.
#[derive(Debug, Default)]
struct Scratch {
    /// Its subjects, by number.
    owners: Vec<u32>,
    /// What it moves: a measure, of how many of its subjects beside the server, when and by how much.
    moved: Vec<(u16, usize, Slot, i64)>,
}

impl Counters {
    /// Adds to one sum.
    pub fn add(&mut self, subject: &Subject, measure: u16, slot: Slot, amount: i64) {
        let subject = self.number(subject);
        let row = self.row(slot, subject);
        self.sum(row, 0, measure, amount);
    }

    /// Adds what an event counts, `times` over: once for an event as it is now, minus once for what it was before.
    pub fn book(&mut self, event: &Event, times: i64) {
        self.of_event(event, times, |add| event.amounts(add));
    }

    /// Adds a time that a session went on, and that was not booked yet.
    pub fn book_time(&mut self, event: &Event, went: &Went) {
        self.of_event(event, 1, |add| event.amounts_of(went, add));
    }

    fn of_event(
        &mut self,
        event: &Event,
        times: i64,
        amounts: impl FnOnce(&mut dyn FnMut(&'static Measure, usize, Slot, i64)),
    ) {
        let mut scratch = self.scratch.take().unwrap_or_default();
        let Scratch { owners, moved } = &mut *scratch;
        owners.clear();
        let server = self.server.unwrap_or_else(|| self.number(&Subject::Server));
        self.server = Some(server);
        owners.push(server);
        self.number_all(&event.subjects, owners);
        moved.clear();
        amounts(&mut |measure, count, slot, amount| moved.push((measure.number, count, slot, amount * times)));
        for (nth, subject) in owners.iter().enumerate() {
            // Nearly all of an event lies in one slot, and its measures lie there in their order.
            let mut row = None;
            let mut next = 0;
            for (measure, _, slot, amount) in moved.iter().filter(|(_, count, ..)| nth <= *count) {
                let at = match row {
                    Some((known, at)) if known == *slot => at,
                    _ => self.row(*slot, *subject),
                };
                row = Some((*slot, at));
                next = self.sum(at, next, *measure, *amount) + 1;
            }
        }
        self.scratch = Some(scratch);
    }

    /// Empty, with room for as many as the one before held: batches are much alike, and a table that grows is copied at
    /// each step.
    pub fn as_large_as(before: &Counters) -> Counters {
        let mut counters = Counters::default();
        counters.numbers.reserve(before.subjects.len());
        counters.subjects.reserve(before.subjects.len());
        counters.places.reserve(before.places.len());
        counters.rows.reserve(before.rows.len());
        counters
    }

    /// Adds all sums of another.
    pub fn append(&mut self, other: &Counters) {
        let numbers: Vec<u32> = other.subjects.iter().map(|subject| self.number(subject)).collect();
        for ((slot, subject), at) in &other.places {
            let row = self.row(*slot, numbers[*subject as usize]);
            for (nth, (measure, amount)) in other.rows[*at as usize].iter().enumerate() {
                self.sum(row, nth, *measure, *amount);
            }
        }
    }

    /// All that is not zero, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, u16, Slot, i64)> {
        self.numbered().map(|(subject, measure, slot, amount)| (&self.subjects[subject], measure, slot, amount))
    }

    /// The subjects that sums are kept of; their places are the numbers of [`Counters::numbered`].
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// All that is not zero, in no order, by the subjects' numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, u16, Slot, i64)> {
        let all = self.places.iter().flat_map(|((slot, subject), at)| {
            self.rows[*at as usize].iter().map(|(measure, amount)| (*subject as usize, *measure, *slot, *amount))
        });
        all.filter(|(.., amount)| *amount != 0)
    }

    /// How many sums there are.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The place of a subject's sums of a slot.
    fn row(&mut self, slot: Slot, subject: u32) -> usize {
        let latest = &mut self.latest[subject as usize];
        if let Some((known, at)) = latest
            && *known == slot
        {
            return *at as usize;
        }
        let at = *self.places.entry((slot, subject)).or_insert_with(|| {
            self.rows.push(Vec::new());
            self.rows.len() as u32 - 1
        });
        *latest = Some((slot, at));
        at as usize
    }

    /// Adds to the sum of a measure in a row, which may well be at this place; gives where it is.
    fn sum(&mut self, row: usize, expected: usize, measure: u16, amount: i64) -> usize {
        let row = &mut self.rows[row];
        let is_it = |(known, _): &(u16, i64)| *known == measure;
        let found = if row.get(expected).is_some_and(is_it) { Some(expected) } else { row.iter().position(is_it) };
        match found {
            Some(at) => {
                row[at].1 = row[at].1.saturating_add(amount);
                at
            }
            None => {
                row.push((measure, amount));
                self.len += 1;
                row.len() - 1
            }
        }
    }

    /// The numbers of all subjects of a list, behind what is there.
    fn number_all(&mut self, subjects: &Subjects, numbers: &mut Vec<u32>) {
        let place = subjects.as_ptr().addr();
        if let Some((_, known)) = self.lists.get(&place).filter(|(held, _)| Arc::ptr_eq(held, subjects)) {
            numbers.extend_from_slice(known);
            return;
        }
        let from = numbers.len();
        numbers.extend(subjects.iter().map(|subject| self.number(subject)));
        if self.lists.len() < MAX_LISTS {
            self.lists.insert(place, (Arc::clone(subjects), numbers[from..].into()));
        }
    }

    fn number(&mut self, subject: &Subject) -> u32 {
        // Asked before, so that a name is copied only when it is new.
        if let Some(number) = self.numbers.get(subject) {
            return *number;
        }
        let number = u32::try_from(self.subjects.len()).expect("a batch has fewer names than lines, and fewer lines");
        if let Entry::Vacant(vacant) = self.numbers.entry(subject.clone()) {
            vacant.insert(number);
            self.subjects.push(subject.clone());
            self.latest.push(None);
        }
        number
    }
}
