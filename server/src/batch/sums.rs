//! The sums of one subject: those of the slot that it was booked in last, and behind them those of other slots.
//!
//! Events come in the order of time, so that nearly all are booked in that one slot. Its sums lie side by side, in what the
//! processor's nearer caches hold of all subjects. Sums of other slots are a list for each measure in the order in which the
//! store has them: sorted all together when a batch was written, they cost as much as all that SQLite did with them.

use mailtally_model::Slot;

/// What a measure comes to in a slot.
pub type Sum = (u16, Slot, i64);

/// The place of a measure that nothing was booked of.
const NOWHERE: u8 = u8::MAX;

#[derive(Debug)]
pub struct Sums {
    slot: Slot,
    /// The latest slot that anything was booked in.
    newest: Slot,
    /// By place.
    open: Vec<i64>,
    /// By place, none zero; no lists for what was booked in one slot alone, as most strangers are. Out of order where something
    /// came late; a slot may then be there twice.
    closed: Vec<Vec<(Slot, i64)>>,
    /// By the number of a measure.
    places: Vec<u8>,
}

impl Default for Sums {
    fn default() -> Sums {
        let none = Slot(i64::MIN);
        Sums { slot: none, newest: none, open: Vec::new(), closed: Vec::new(), places: Vec::new() }
    }
}

impl Sums {
    /// Adds to a sum; says whether it was zero and is not.
    pub fn add(&mut self, measure: u16, slot: Slot, amount: i64) -> bool {
        if self.slot != slot {
            self.turn_to(slot);
        }
        let place = self.place(measure);
        let sum = &mut self.open[place];
        let is_new = *sum == 0 && amount != 0;
        *sum = sum.saturating_add(amount);
        is_new
    }

    /// Adds all sums of another; gives how many these are.
    pub fn append(&mut self, other: &Sums) -> usize {
        let mut count = 0;
        for (measure, from) in other.measures() {
            let to = self.place(measure);
            self.closed.resize_with(self.open.len(), Vec::new);
            let before = self.closed[to].len();
            self.closed[to].extend(other.of_place(from).filter(|(_, sum)| *sum != 0));
            count += self.closed[to].len() - before;
        }
        count
    }

    /// Appends all, by measure and most often in order of slots, for [`bring_together`].
    pub fn give(&self, sums: &mut Vec<Sum>) {
        for (measure, place) in self.measures() {
            sums.extend(self.of_place(place).map(|(slot, sum)| (measure, slot, sum)));
        }
    }

    fn of_place(&self, place: usize) -> impl Iterator<Item = (Slot, i64)> {
        self.closed.get(place).into_iter().flatten().copied().chain([(self.slot, self.open[place])])
    }

    /// Measures and their places.
    fn measures(&self) -> impl Iterator<Item = (u16, usize)> {
        let all = (0..).zip(&self.places);
        all.filter(|(_, place)| **place != NOWHERE).map(|(measure, place)| (measure, usize::from(*place)))
    }

    fn place(&mut self, measure: u16) -> usize {
        match self.places.get(usize::from(measure)) {
            Some(place) if *place != NOWHERE => usize::from(*place),
            _ => self.new_place(measure),
        }
    }

    #[cold]
    fn new_place(&mut self, measure: u16) -> usize {
        let place = self.open.len();
        self.open.push(0);
        if self.places.len() <= usize::from(measure) {
            self.places.resize(usize::from(measure) + 1, NOWHERE);
        }
        let number = u8::try_from(place).ok().filter(|number| *number != NOWHERE);
        self.places[usize::from(measure)] = number.expect("there are fewer than a hundred measures");
        place
    }

    /// Opens another slot. What was booked in it just before the one that was open, is not begun anew: two hosts whose clocks
    /// differ change between two slots for minutes.
    #[cold]
    fn turn_to(&mut self, slot: Slot) {
        self.closed.resize_with(self.open.len(), Vec::new);
        // Asked first: the ends of the lists were written a quarter hour ago, and to read them takes as long as all else here.
        let is_new = slot > self.newest;
        for (open, closed) in self.open.iter_mut().zip(&mut self.closed) {
            let last = if is_new { None } else { closed.pop_if(|(of, _)| *of == slot) };
            let sum = std::mem::replace(open, last.map_or(0, |(_, sum)| sum));
            if sum != 0 {
                closed.push((self.slot, sum));
            }
        }
        self.slot = slot;
        self.newest = slot.max(self.newest);
    }
}

/// Puts sums in order of measure and slot, those of both as one; none is zero then.
pub fn bring_together(sums: &mut Vec<Sum>) {
    let key = |(measure, slot, _): &Sum| (*measure, *slot);
    if !sums.is_sorted_by(|a, b| key(a) < key(b)) {
        sums.sort_unstable_by_key(key);
        sums.dedup_by(|next, kept| {
            let is_same = key(next) == key(kept);
            if is_same {
                kept.2 = kept.2.saturating_add(next.2);
            }
            is_same
        });
    }
    sums.retain(|(.., sum)| *sum != 0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn in_order(sums: &Sums) -> Vec<Sum> {
        let mut all = Vec::new();
        sums.give(&mut all);
        bring_together(&mut all);
        all
    }

    proptest! {
        /// However slots change and whatever is taken away again.
        #[test]
        fn sums_are_what_was_added(
            added in prop::collection::vec((prop_oneof![0..4_u16, 100..104_u16], 0..6_i64, -2..3_i64), 0..60),
            cut in 0..60_usize,
        ) {
            let mut expected: BTreeMap<(u16, Slot), i64> = BTreeMap::new();
            let (first, later) = added.split_at(cut.min(added.len()));
            let all_of = |added: &[(u16, i64, i64)]| {
                let mut sums = Sums::default();
                for (measure, slot, amount) in added {
                    sums.add(*measure, Slot(*slot), *amount);
                }
                sums
            };
            let mut sums = all_of(first);
            sums.append(&all_of(later));
            for (measure, slot, amount) in &added {
                *expected.entry((*measure, Slot(*slot))).or_default() += amount;
            }
            let expected: Vec<Sum> =
                expected.into_iter().map(|((measure, slot), sum)| (measure, slot, sum)).filter(|sum| sum.2 != 0).collect();
            prop_assert_eq!(in_order(&sums), expected.clone());
            prop_assert_eq!(in_order(&all_of(&added)), expected);
        }
    }

    #[test]
    fn slots_that_take_turns_make_no_list_longer() {
        let mut sums = Sums::default();
        let new = (0..1_000).filter(|nth| sums.add(7, Slot(nth % 2), 1)).count();
        assert_eq!((new, sums.closed[0].len()), (2, 1));
        assert_eq!(in_order(&sums), [(7, Slot(0), 500), (7, Slot(1), 500)]);
    }
}
