//! Sums in memory. Subjects are numbered, so that a sum is found by a few bytes and costs no copy of a name.

use std::sync::Arc;

use mailtally_model::measure::Measure;
use mailtally_model::{Slot, Subject};
use rustc_hash::FxHashMap;

use super::sums::{Sum, Sums, bring_together};
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
    /// By the subjects' numbers.
    sums: Vec<Sums>,
    /// How many sums there are in all of these.
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
        self.len += usize::from(self.sums[subject as usize].add(measure, slot, amount));
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
            let sums = &mut self.sums[*subject as usize];
            for (measure, _, slot, amount) in moved.iter().filter(|(_, count, ..)| nth <= *count) {
                self.len += usize::from(sums.add(*measure, *slot, *amount));
            }
        }
        self.scratch = Some(scratch);
    }

    /// Empty, with room for as many as the one before held: batches are much alike, and a table that grows is copied at
    /// each step.
    pub fn as_large_as(before: &Counters) -> Counters {
        let mut counters = Counters::default();
        let subjects = before.subjects.len();
        counters.numbers.reserve(subjects);
        counters.subjects.reserve(subjects);
        counters.sums.reserve(subjects);
        counters
    }

    /// Adds all sums of another.
    pub fn append(&mut self, other: &Counters) {
        for (subject, sums) in other.subjects.iter().zip(&other.sums) {
            let subject = self.number(subject);
            self.len += self.sums[subject as usize].append(sums);
        }
    }

    /// All that is not zero.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, u16, Slot, i64)> {
        self.subjects.iter().enumerate().flat_map(|(nth, subject)| {
            let sums = self.of([nth]);
            sums.into_iter().map(move |(measure, slot, amount)| (subject, measure, slot, amount))
        })
    }

    /// The subjects that sums are kept of.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The sums of some of these subjects, added up: all that is not zero, by measure and slot.
    pub fn of(&self, places: impl IntoIterator<Item = usize>) -> Vec<Sum> {
        let mut sums = Vec::new();
        places.into_iter().for_each(|place| self.sums[place].give(&mut sums));
        bring_together(&mut sums);
        sums
    }

    /// How many sums there are.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The numbers of all subjects of a list, behind what is there.
    fn number_all(&mut self, subjects: &Subjects, numbers: &mut Vec<u32>) {
        if subjects.is_empty() {
            return;
        }
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
        let number = u32::try_from(self.subjects.len()).expect("a batch has fewer names than 2^32");
        self.numbers.insert(subject.clone(), number);
        self.subjects.push(subject.clone());
        self.sums.push(Sums::default());
        number
    }
}
