//! Rows that ended, in the order in which they may be forgotten: each minute of log time takes those whose grace is over,
//! and walks over no others. By host, since each host's log time runs by itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mailtally_model::Time;
use rustc_hash::FxHashMap;

use super::GRACE_SECS;

#[derive(Debug, Default)]
pub struct Expiry {
    by_host: FxHashMap<u16, BinaryHeap<Reverse<(Time, u64)>>>,
}

impl Expiry {
    pub fn add(&mut self, host: u16, ended: Time, row: u64) {
        self.by_host.entry(host).or_default().push(Reverse((ended, row)));
    }

    /// The next row that ended longer ago than the grace. It may be gone, or may have begun anew.
    pub fn take(&mut self, host: u16, now: Time) -> Option<u64> {
        let ended = self.by_host.get_mut(&host)?;
        let Reverse((time, row)) = *ended.peek()?;
        (now.secs_since(time) > GRACE_SECS).then(|| {
            ended.pop();
            row
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_goes_after_its_grace_in_its_host_s_time() {
        let mut expiry = Expiry::default();
        for (host, ended, row) in [(1, 20, 5), (1, 10, 6), (2, 0, 7)] {
            expiry.add(host, Time(ended), row);
        }
        let mut at = |host, now| std::iter::from_fn(|| expiry.take(host, Time(now))).collect::<Vec<_>>();
        assert!(at(1, GRACE_SECS + 10).is_empty());
        assert_eq!(at(1, GRACE_SECS + 11), [6]);
        assert_eq!(at(1, 3 * GRACE_SECS), [5]);
        assert_eq!(at(2, GRACE_SECS + 1), [7]);
        assert!(at(3, GRACE_SECS).is_empty());
    }
}
