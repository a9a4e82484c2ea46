//! Sums in memory. Subjects are numbered, so that a sum is found by a few bytes and costs no copy of a name.

use std::collections::hash_map::Entry;

use mailtally_model::measure::Measure;
use mailtally_model::{Slot, Subject};
use rustc_hash::FxHashMap;

use crate::event::{Event, Went};

/// (measure, subject, slot) → sum, signed: a revision may take away.
#[derive(Debug, Default)]
pub struct Counters {
    numbers: FxHashMap<Subject, u32>,
    subjects: Vec<Subject>,
    sums: FxHashMap<Key, i64>,
    /// The subjects of the event that is being booked, by number; kept to be used again.
    owners: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    slot: Slot,
    subject: u32,
    measure: u16,
}

impl Counters {
    /// Adds to one sum.
    pub fn add(&mut self, subject: &Subject, measure: u16, slot: Slot, amount: i64) {
        let subject = self.number(subject);
        self.sum(Key { slot, subject, measure }, amount);
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
        let mut owners = std::mem::take(&mut self.owners);
        owners.clear();
        owners.push(self.number(&Subject::Server));
        owners.extend(event.subjects.iter().map(|subject| self.number(subject)));
        amounts(&mut |measure, count, slot, amount| {
            for subject in &owners[..=count] {
                self.sum(Key { slot, subject: *subject, measure: measure.number }, amount * times);
            }
        });
        self.owners = owners;
    }

    /// Adds all sums of another.
    pub fn append(&mut self, other: &Counters) {
        let numbers: Vec<u32> = other.subjects.iter().map(|subject| self.number(subject)).collect();
        for (key, amount) in &other.sums {
            self.sum(Key { subject: numbers[key.subject as usize], ..*key }, *amount);
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
        let all = self.sums.iter().map(|(key, amount)| (key.subject as usize, key.measure, key.slot, *amount));
        all.filter(|(.., amount)| *amount != 0)
    }

    /// How many sums there are.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    fn sum(&mut self, key: Key, amount: i64) {
        let sum = self.sums.entry(key).or_insert(0);
        *sum = sum.saturating_add(amount);
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
        }
        number
    }
}
