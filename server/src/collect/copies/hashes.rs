//! The hashes that are remembered of a slot.
//!
//! Equal lines stand in one second, and lines come in the order of time. So a line is held against those of its own second,
//! a handful, and hashes of seconds that are over wait in a list: a table of all of them is larger than the processor's
//! nearer caches. They are put into one when a line of a second before the newest comes, which most slots never see.

use std::cmp::Ordering;

use mailtally_model::Time;
use rustc_hash::FxHashSet;

#[derive(Default)]
pub struct Hashes {
    /// The second of `latest`; none before the first.
    newest: Option<Time>,
    latest: FxHashSet<u64>,
    /// Of seconds before it, against which nothing was held since.
    waiting: Vec<u64>,
    /// All others.
    rest: FxHashSet<u64>,
    /// Whether the line that is asked about is of the newest second.
    is_of_newest: bool,
}

impl Hashes {
    /// Hashes of which no time is known: every line is held against all of them.
    pub fn of_any_time(all: FxHashSet<u64>) -> Hashes {
        Hashes { newest: Some(Time(i64::MAX)), rest: all, ..Hashes::default() }
    }

    /// What is asked and added next is of a line of this second.
    pub fn turn_to(&mut self, second: Time) {
        match self.newest.cmp(&Some(second)) {
            Ordering::Less => {
                self.waiting.extend(self.latest.drain());
                self.newest = Some(second);
            }
            Ordering::Equal => {}
            Ordering::Greater => self.rest.extend(self.waiting.drain(..)),
        }
        self.is_of_newest = self.newest == Some(second);
    }

    pub fn contains(&self, hash: u64) -> bool {
        if self.is_of_newest { self.latest.contains(&hash) } else { self.rest.contains(&hash) }
    }

    /// `false` if it was there.
    pub fn insert(&mut self, hash: u64) -> bool {
        if self.is_of_newest { self.latest.insert(hash) } else { self.rest.insert(hash) }
    }

    /// The same of what is no line's, and so of no second.
    pub fn insert_of_none(&mut self, hash: u64) -> bool {
        self.rest.insert(hash)
    }

    /// Adds to each hash another one of the same line.
    pub fn double(&mut self, other: impl Fn(u64) -> u64) {
        self.rest.extend(self.waiting.drain(..));
        for hashes in [&mut self.latest, &mut self.rest] {
            let others: Vec<u64> = hashes.iter().map(|hash| other(*hash)).collect();
            hashes.extend(others);
        }
    }

    pub fn len(&self) -> usize {
        self.latest.len() + self.waiting.len() + self.rest.len()
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.waiting.reserve(more);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// In whatever order seconds come, each hash is there from when it was added, and is counted once.
        #[test]
        fn they_are_a_set_of_each_second(lines in prop::collection::vec((0..4_i64, 0..6_u64), 0..60), doubled_at in 0..60_usize) {
            let (mut hashes, mut expected) = (Hashes::default(), FxHashSet::default());
            for (nth, (second, text)) in lines.into_iter().enumerate() {
                let hash = second as u64 * 100 + text;
                hashes.turn_to(Time(second));
                prop_assert_eq!(hashes.contains(hash), expected.contains(&hash));
                prop_assert_eq!(hashes.insert(hash), expected.insert(hash));
                if nth == doubled_at {
                    hashes.double(|hash| hash + 50);
                    expected.extend(expected.clone().iter().map(|hash| hash + 50));
                }
                prop_assert_eq!(hashes.contains(hash + 50), expected.contains(&(hash + 50)));
                prop_assert_eq!(hashes.len(), expected.len());
            }
        }
    }
}
