//! The sums of one subject: those of the slot that it was booked in last, and behind them those of other slots.
//!
//! Events come in the order of time, so that nearly all are booked in that one slot. Its sums lie side by side, in what the
//! processor's nearer caches hold of all subjects. Sums of other slots are one list, to whose end a slot's are added when the
//! next one is opened: a list for each measure had as many ends, each of them far from the processor. Those of one measure
//! stand in it in the order in which the store has them: sorted all together when a batch was written, they cost as much as all
//! that SQLite did with them.

use mailtally_model::Slot;
use memchr::memchr_iter;

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
    /// None zero. Out of order where something came late; a slot may then be there twice.
    closed: Vec<(Slot, i64)>,
    /// The place of each of these.
    closed_places: Vec<u8>,
    /// By the number of a measure.
    places: Vec<u8>,
}

impl Default for Sums {
    fn default() -> Sums {
        let none = Slot(i64::MIN);
        let (open, closed) = (Vec::new(), Vec::new());
        Sums { slot: none, newest: none, open, closed, closed_places: Vec::new(), places: Vec::new() }
    }
}

impl Sums {
    /// Adds to a sum; says whether it was zero and is not.
    pub fn add(&mut self, measure: u16, slot: Slot, amount: i64) -> bool {
        if self.slot != slot {
            self.turn_to(slot);
        }
        let place = self.place(measure);
        let sum = &mut self.open[usize::from(place)];
        let is_new = *sum == 0 && amount != 0;
        *sum = sum.saturating_add(amount);
        is_new
    }

    /// Adds all sums of another; gives how many these are.
    pub fn append(&mut self, other: &Sums) -> usize {
        let before = self.closed.len();
        for (measure, from) in other.measures() {
            let to = self.place(measure);
            for (slot, sum) in other.of_place(from).filter(|(_, sum)| *sum != 0) {
                self.close(to, slot, sum);
            }
        }
        self.closed.len() - before
    }

    /// Appends all, by measure and most often in order of slots, for [`bring_together`].
    pub fn give(&self, sums: &mut Vec<Sum>) {
        for (measure, place) in self.measures() {
            sums.extend(self.of_place(place).map(|(slot, sum)| (measure, slot, sum)));
        }
    }

    fn of_place(&self, place: u8) -> impl Iterator<Item = (Slot, i64)> {
        let closed = memchr_iter(place, &self.closed_places).map(|at| self.closed[at]);
        closed.chain([(self.slot, self.open[usize::from(place)])])
    }

    /// Measures and their places.
    fn measures(&self) -> impl Iterator<Item = (u16, u8)> {
        let all = (0..).zip(self.places.iter().copied());
        all.filter(|(_, place)| *place != NOWHERE)
    }

    fn place(&mut self, measure: u16) -> u8 {
        match self.places.get(usize::from(measure)) {
            Some(place) if *place != NOWHERE => *place,
            _ => self.new_place(measure),
        }
    }

    #[cold]
    fn new_place(&mut self, measure: u16) -> u8 {
        let place = u8::try_from(self.open.len()).ok().filter(|place| *place != NOWHERE);
        let place = place.expect("there are fewer than a hundred measures");
        self.open.push(0);
        if self.places.len() <= usize::from(measure) {
            self.places.resize(usize::from(measure) + 1, NOWHERE);
        }
        self.places[usize::from(measure)] = place;
        place
    }

    fn close(&mut self, place: u8, slot: Slot, sum: i64) {
        self.closed.push((slot, sum));
        self.closed_places.push(place);
    }

    /// Opens another slot. What was booked in it just before the one that was open, is not begun anew: two hosts whose clocks
    /// differ change between two slots for minutes.
    #[cold]
    fn turn_to(&mut self, slot: Slot) {
        // Asked first: the end of the list was written a quarter hour ago, and to read it takes as long as all else here.
        let is_new = slot > self.newest;
        let of_it = if is_new { 0 } else { self.closed.iter().rev().take_while(|(of, _)| *of == slot).count() };
        let again = self.closed.split_off(self.closed.len() - of_it);
        let again_places = self.closed_places.split_off(self.closed.len());
        for place in 0..self.open.len() {
            let sum = std::mem::take(&mut self.open[place]);
            if sum != 0 {
                self.close(place as u8, self.slot, sum);
            }
        }
        for ((_, sum), place) in again.into_iter().zip(again_places) {
            let open = &mut self.open[usize::from(place)];
            *open = open.saturating_add(sum);
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
        assert_eq!((new, sums.closed.len()), (2, 1));
        assert_eq!(in_order(&sums), [(7, Slot(0), 500), (7, Slot(1), 500)]);
    }
}
