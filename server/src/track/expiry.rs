//! Rows that ended, in the order in which they may be forgotten: each minute of log time takes those whose grace is over,
//! and walks over no others. By host, since each host's log time runs by itself.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use mailtally_model::Time;
use rustc_hash::FxHashMap;

use super::GRACE_SECS;

/// Rows that are looked at before the first of them is forgotten. Nobody asked for them for a quarter hour of log, and they
/// are far from the processor, which waits for all of them at once where nothing that is done with one stands between. It has
/// ten to sixteen reads under way at a time.
const TOGETHER: usize = 16;

#[derive(Debug, Default)]
pub struct Expiry {
    by_host: FxHashMap<u16, Ended>,
}

/// Nearly all rows end in order. Those that do not are few, and kept apart.
#[derive(Debug, Default)]
struct Ended {
    in_order: VecDeque<(Time, u64)>,
    others: BinaryHeap<Reverse<(Time, u64)>>,
}

impl Expiry {
    pub fn add(&mut self, host: u16, ended: Time, row: u64) {
        let rows = self.by_host.entry(host).or_default();
        match rows.in_order.back() {
            Some(last) if *last > (ended, row) => rows.others.push(Reverse((ended, row))),
            _ => rows.in_order.push_back((ended, row)),
        }
    }

    /// The next rows that ended longer ago than the grace, at most [`TOGETHER`]. They may be gone, or may have begun anew.
    pub fn take_some(&mut self, host: u16, now: Time) -> Vec<u64> {
        std::iter::from_fn(|| self.take(host, now)).take(TOGETHER).collect()
    }

    /// The same, one by one.
    pub fn take(&mut self, host: u16, now: Time) -> Option<u64> {
        let rows = self.by_host.get_mut(&host)?;
        let is_over = |(time, _): &(Time, u64)| now.secs_since(*time) > GRACE_SECS;
        let first = rows.in_order.front().filter(|first| is_over(first));
        let other = rows.others.peek().map(|Reverse(other)| other).filter(|other| is_over(other));
        let is_other_first = other.is_some_and(|other| first.is_none_or(|first| other < first));
        if is_other_first {
            rows.others.pop().map(|Reverse((_, row))| row)
        } else {
            first?;
            rows.in_order.pop_front().map(|(_, row)| row)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_goes_after_its_grace_in_its_host_s_time() {
        let mut expiry = Expiry::default();
        for (host, ended, row) in [(1, 20, 5), (1, 10, 6), (2, 0, 7), (1, 20, 9), (1, 20, 8)] {
            expiry.add(host, Time(ended), row);
        }
        let mut at = |host, now| std::iter::from_fn(|| expiry.take(host, Time(now))).collect::<Vec<_>>();
        assert!(at(1, GRACE_SECS + 10).is_empty());
        assert_eq!(at(1, GRACE_SECS + 11), [6]);
        assert_eq!(at(1, 3 * GRACE_SECS), [5, 8, 9]);
        assert_eq!(at(2, GRACE_SECS + 1), [7]);
        assert!(at(3, GRACE_SECS).is_empty());
    }
}
