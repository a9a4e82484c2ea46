//! Asking the server for the report at hand, and keeping the answer fresh: the whole once, then only its last part, put in
//! the place of the old one. A lost server takes nothing away from the screen.
//!
//! What was asked before is shown from memory, at once and without a request; where it is old, the next look is for it.
//!
//! Knows nothing of what is made of an answer.

use std::sync::Arc;
use std::time::Duration;

use leptos::{ev, prelude::*};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Answer, By, Time};

use crate::apart::{Apart, Rest};
use crate::api::{self, Failure, Memory};
use crate::awaited::Awaited;
use crate::context::Host;
use crate::memo::Memo;
use crate::query::Query;

/// What came of asking.
#[derive(Clone, Debug)]
pub enum Outcome {
    Loading,
    Failed(Failure),
    Ready {
        answer: Arc<Answer>,
        /// Why it could not be asked again, when it could not: the answer is kept, and said to be old.
        stale: Option<Failure>,
    },
}

impl Outcome {
    /// Whether the server could not be asked, the last time that it was.
    fn is_lost(&self) -> bool {
        matches!(self, Outcome::Failed(Failure::Unreachable) | Outcome::Ready { stale: Some(_), .. })
    }
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Loading, Outcome::Loading) => true,
            (Outcome::Failed(a), Outcome::Failed(b)) => a == b,
            (Outcome::Ready { answer: a, stale: s }, Outcome::Ready { answer: b, stale: t }) => {
                (Arc::ptr_eq(a, b) || a == b) && s == t
            }
            _ => false,
        }
    }
}

/// The question at hand and its answers. `Copy`.
#[derive(Clone, Copy)]
pub struct Asked {
    pub outcome: Memo<Outcome>,
    query: Memo<Query>,
    whole: Awaited<Fetched>,
    /// Whether what is shown came from memory and is old.
    is_due: StoredValue<bool>,
    /// Counts the times that the last part was asked for.
    asks: RwSignal<u32>,
}

/// An answer and the question it belongs to: while another question is on its way, the old answer must not show.
#[derive(Clone)]
struct Fetched {
    query: Query,
    answer: Result<Arc<Answer>, Failure>,
}

/// What is known so far: the whole as it was fetched, and as it stands with the last parts in it.
#[derive(Clone)]
struct Kept {
    query: Query,
    fetched: Arc<Answer>,
    spliced: Arc<Answer>,
    /// The last part that is in it, or that did not fit.
    tail: Option<Arc<Answer>>,
}

/// How often a page that shows the present asks for what is new.
const TAIL_EVERY: Duration = Duration::from_secs(15);
/// How often the whole is asked for again: an event may be revised long after it happened. Unchanged, it costs a 304.
const WHOLE_EVERY: u32 = 40;
/// A Mode has no last part; its rows are few.
const MODE_EVERY: u32 = 4;
/// Most revisions (a verdict, a log-out) come within so many seconds.
const REVISED_WITHIN_SECS: i64 = 2 * 3600;

impl Asked {
    pub fn new(host: Host, query: Memo<Query>) -> Asked {
        let last = StoredValue::new(None::<Query>);
        let is_due = StoredValue::new(false);
        let whole = Awaited::new(move || {
            let query = query.get();
            let url = query.url();
            // The same question once more is asked to hear something new.
            let is_another = last.with_value(|last| last.as_ref() != Some(&query));
            last.set_value(Some(query.clone()));
            is_due.set_value(is_another && api::is_old(&url));
            let answer = api::get(url, if is_another { Memory::Any } else { Memory::Unused });
            async move { Fetched { query, answer: answer.await } }
        });
        // Of another question's answer nothing is shown; of this one's, what is known until it comes.
        let fetched = move || {
            let query = query.get();
            let known = || Some(Fetched { answer: Ok(api::known(&query.url())?), query: query.clone() });
            whole.get().filter(|fetched| fetched.query == query).or_else(known)
        };
        let asks = RwSignal::new(0);
        let standing = RwSignal::new(None::<Kept>);
        // What puts a last part in its place comes later itself.
        let rest = Apart::get().rest;
        let tail = Awaited::new(move || {
            let asked = (asks.get() > 0 && untrack(|| rest.is_here()))
                .then(|| standing.with_untracked(|kept| tail_of(kept.as_ref()?)))
                .flatten();
            let answer = asked.as_ref().map(|(_, tail)| api::get(tail.url(), Memory::Unused));
            async move {
                let (query, _) = asked?;
                Some(Fetched { query, answer: answer?.await })
            }
        });
        let kept = Memo::new_with_compare(
            move |last: Option<&Option<Kept>>| {
                let tail = tail.get().flatten().zip(rest.get());
                kept(last.cloned().flatten(), fetched(), tail)
            },
            |_, _| true,
        );
        // The next last part begins where this one ends: an effect, so that asking does not ask again.
        Effect::new(move |_| {
            let kept = kept.get();
            if let Some(kept) = kept.as_ref().filter(|kept| !Arc::ptr_eq(&kept.fetched, &kept.spliced)) {
                api::renew(&kept.query.url(), &kept.spliced);
            }
            standing.set(kept);
        });
        let outcome = Memo::new(move |_| {
            // Both answers are on their way at once; shown one after the other, the page would jump.
            if host.is_unknown() {
                return Outcome::Loading;
            }
            let query = query.get();
            let tail = tail.get().flatten().filter(|tail| tail.query == query);
            let Some(fetched) = fetched() else { return Outcome::Loading };
            match kept.get().filter(|kept| kept.query == query) {
                Some(kept) => {
                    let failed = |fetched: Fetched| fetched.answer.err();
                    let stale = tail.map_or_else(|| failed(fetched), failed);
                    Outcome::Ready { answer: kept.spliced, stale }
                }
                None => match fetched.answer {
                    Ok(answer) => Outcome::Ready { answer, stale: None },
                    Err(failure) => Outcome::Failed(failure),
                },
            }
        });
        let asked = Asked { outcome, query, whole, asks, is_due };
        asked.keep_fresh(host);
        asked
    }

    /// Asks the same question again.
    pub fn again(self) {
        self.whole.again();
        self.asks.update(|asks| *asks += 1);
    }

    /// A page in sight that shows the present asks for what is new; a hidden one asks nothing, and asks at once when it
    /// comes back into sight.
    fn keep_fresh(self, host: Host) {
        let rest = Apart::get().rest;
        let count = StoredValue::new(0_u32);
        let look = move || {
            let shows_now = self.query.with_untracked(|query| query.span.contains(host.now.get_untracked()));
            let is_lost = self.outcome.with_untracked(Outcome::is_lost);
            let is_due = self.is_due.get_value();
            if !(shows_now || is_lost || is_due) || document().hidden() {
                return;
            }
            if is_lost && untrack(|| host.session()).is_none() {
                host.refresh();
            }
            let count = count.try_update_value(|count| {
                *count += 1;
                *count
            });
            let has_tail = self.query.with_untracked(has_tail) && untrack(|| rest.is_here());
            let every = if has_tail { WHOLE_EVERY } else { MODE_EVERY };
            if is_lost || is_due || count.unwrap_or_default() % every == 0 {
                self.whole.again();
            }
            self.asks.update(|asks| *asks += 1);
        };
        let asking = set_interval_with_handle(look, TAIL_EVERY).ok();
        let in_sight = window_event_listener(ev::Custom::<web_sys::Event>::new("visibilitychange"), move |_| look());
        on_cleanup(move || {
            in_sight.remove();
            if let Some(asking) = asking {
                asking.clear();
            }
        });
    }
}

/// Whether a question's last part can be asked for by itself.
fn has_tail(query: &Query) -> bool {
    query.by == By::Time && query.edges.is_empty()
}

/// The question for what may have changed since the answer at hand: from the day in which it ends.
fn tail_of(kept: &Kept) -> Option<(Query, Query)> {
    let query = &kept.query;
    let read_until = kept.spliced.read_until.filter(|_| has_tail(query))?;
    let day = read_until.plus_secs(-REVISED_WITHIN_SECS).0.div_euclid(DAY_SECS) * DAY_SECS;
    let from = Time(day).max(query.span.from);
    let span = mailtally_model::Span::new(from, query.span.until);
    (from < span.until).then(|| (query.clone(), Query { span, ..query.clone() }))
}

fn kept(last: Option<Kept>, whole: Option<Fetched>, tail: Option<(Fetched, &Rest)>) -> Option<Kept> {
    let is_new = |answer: &Arc<Answer>| last.as_ref().is_none_or(|last| !Arc::ptr_eq(&last.fetched, answer));
    let mut kept = match whole {
        Some(Fetched { query, answer: Ok(answer) }) if is_new(&answer) => {
            let tail = last.and_then(|last| last.tail);
            Kept { query, fetched: answer.clone(), spliced: answer, tail }
        }
        _ => last?,
    };
    if let Some((Fetched { query, answer: Ok(tail) }, rest)) = tail
        && query == kept.query
        && kept.tail.as_ref().is_none_or(|last| !Arc::ptr_eq(last, &tail))
    {
        if let Some(spliced) = (rest.splice)(&kept.spliced, &tail) {
            kept.spliced = Arc::new(spliced);
        }
        kept.tail = Some(tail);
    }
    Some(kept)
}
