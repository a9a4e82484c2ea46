//! Events that were given out since events were last counted, each once: as it was counted, and as it is now.

use std::hint::black_box;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::event::{Event, EventId, Update};

/// Events that are read before the first of them is taken: as many as a processor waits for at once.
const TOGETHER: usize = 16;

#[derive(Debug, Default)]
pub struct Pending {
    /// The number of the first of `new`.
    first: u64,
    /// Those that were never counted. They come in the order of their numbers, so that each is found by its own: most are
    /// revised within seconds.
    new: Vec<Arc<Event>>,
    /// Those that were counted before.
    older: FxHashMap<EventId, Revised>,
}

#[derive(Debug)]
struct Revised {
    before: Option<Arc<Event>>,
    after: Arc<Event>,
}

impl Pending {
    pub fn put(&mut self, Update { id, before, after }: Update) {
        if self.new.is_empty() && before.is_none() {
            self.first = id.0;
        }
        let place = id.0.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        match place {
            Some(place) if place < self.new.len() => self.new[place] = after,
            Some(place) if place == self.new.len() && before.is_none() => self.new.push(after),
            _ => {
                let known = self.older.entry(id).or_insert_with(|| Revised { before, after: Arc::clone(&after) });
                known.after = after;
            }
        }
    }

    pub fn len(&self) -> usize {
        self.new.len() + self.older.len()
    }

    /// Gives each, in the order of their numbers, so that what is written together is packed side by side; none is left.
    pub fn take(&mut self, mut each: impl FnMut(Update)) {
        let mut older: Vec<(EventId, Revised)> = self.older.drain().collect();
        older.sort_unstable_by_key(|(id, _)| *id);
        older.into_iter().for_each(|(id, Revised { before, after })| each(Update { id, before, after }));
        let mut id = self.first;
        let mut new = self.new.drain(..);
        while !new.as_slice().is_empty() {
            fetch(&new.as_slice()[..TOGETHER.min(new.len())]);
            for after in new.by_ref().take(TOGETHER) {
                each(Update { id: EventId(id), before: None, after });
                id += 1;
            }
        }
    }
}

/// Looks at events that are taken next, and at the ends of their words. They were made thousands of lines ago and are far from
/// the processor, which waits for all of them at once where nothing that is done with one stands between.
fn fetch(events: &[Arc<Event>]) {
    for event in events {
        black_box((event.time, event.subjects.as_ptr(), event.duration_ms));
    }
    for event in events {
        let words = event.detail.as_bytes();
        black_box((words.first().copied(), words.last().copied()));
    }
}

#[cfg(test)]
mod tests {
    use mailtally_model::Time;

    use super::*;
    use crate::event::Kind;

    fn event(time: i64) -> Arc<Event> {
        let (host, detail) = ("mx1".into(), "".into());
        let (time, subjects, kind) = (Time(time), [].into(), Kind::Bounce);
        Arc::new(Event { time, host, subjects, peer: None, bytes: None, duration_ms: None, detail, kind })
    }

    /// Numbers, the times of the events as they were counted, and as they are.
    fn check(updates: &[(u64, Option<i64>, i64)], expected: &[(u64, Option<i64>, i64)]) {
        let mut pending = Pending::default();
        for _ in 0..2 {
            for (id, before, after) in updates {
                pending.put(Update { id: EventId(*id), before: before.map(event), after: event(*after) });
            }
            assert_eq!(pending.len(), expected.len());
            let mut taken = Vec::new();
            pending.take(|update| {
                taken.push((update.id.0, update.before.map(|before| before.time.0), update.after.time.0));
            });
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn an_event_is_taken_once_as_it_was_counted_and_as_it_is() {
        check(
            &[(7, None, 1), (8, None, 2), (7, Some(1), 3), (9, None, 4)],
            &[(7, None, 3), (8, None, 2), (9, None, 4)],
        );
        check(
            &[(5, Some(0), 1), (7, None, 1), (3, Some(2), 3), (5, Some(1), 4)],
            &[(3, Some(2), 3), (5, Some(0), 4), (7, None, 1)],
        );
        // Where numbers have a gap.
        check(
            &[(7, None, 1), (9, None, 2), (9, Some(2), 3), (8, None, 4)],
            &[(9, None, 3), (7, None, 1), (8, None, 4)],
        );
    }
}
