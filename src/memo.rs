//! The app's Memo: that of leptos, but a reader that is gone is forgotten.
//!
//! A memo of leptos keeps a place for each effect and memo that ever read it, until the memo itself goes. Ours stand for as
//! long as the app does (who is asking, what is viewed), and every answer, every Mode and every report makes readers anew:
//! some five kilobytes a visit were never given back. So each reading leaves a note with the owner that it happened under;
//! when that is cleaned up, the reader is looked at once more, and taken out of the memo if nothing holds it.
//!
//! And what a memo holds is of one type to leptos, whatever it is to those who read it: the functions that a memo of
//! leptos has for each type that it holds were a tenth of what the browser loads.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::{
    ArcMemo, DefinedAt, Get, GetValue, ReadUntracked, Signal, StoredValue, Track, on_cleanup, set_timeout,
};
use leptos::reactive::graph::{AnySource, AnySubscriber, Observer, Source, ToAnySource};

/// A value that is derived from others, and made anew when they change. `Copy`; it goes with the owner that made it.
pub struct Memo<T> {
    of: StoredValue<ArcMemo<Value>>,
    holds: PhantomData<fn() -> T>,
}

/// What any memo holds.
type Value = Arc<dyn Any + Send + Sync>;

/// Makes a value of the last one, and says whether they differ.
type Derive = dyn Fn(Option<Value>) -> (Value, bool) + Send + Sync;

impl<T: Send + Sync + 'static> Memo<T> {
    pub fn new(derive: impl Fn(Option<&T>) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: PartialEq,
    {
        Memo::new_with_compare(derive, |last, next| last != next)
    }

    /// `differ` says whether what reads it must run again.
    pub fn new_with_compare(
        derive: impl Fn(Option<&T>) -> T + Send + Sync + 'static,
        differ: fn(Option<&T>, Option<&T>) -> bool,
    ) -> Memo<T> {
        let derive = move |last: Option<Value>| {
            let last = last.as_ref().and_then(|last| last.downcast_ref());
            let next = derive(last);
            let is_another = differ(last, Some(&next));
            (Arc::new(next) as Value, is_another)
        };
        Memo { of: of_any(Box::new(derive)), holds: PhantomData }
    }
}

// Not generic, so that there is one of each.

fn of_any(derive: Box<Derive>) -> StoredValue<ArcMemo<Value>> {
    StoredValue::new(ArcMemo::new_owning(derive))
}

fn track(memo: StoredValue<ArcMemo<Value>>) {
    let Some(memo) = memo.try_get_value() else { return };
    memo.track();
    if let Some(reader) = Observer::get() {
        forget_in_time(memo.to_any_source(), reader);
    }
}

fn value(memo: StoredValue<ArcMemo<Value>>) -> Option<Value> {
    Some(memo.try_get_value()?.try_read_untracked()?.clone())
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Memo<T> {
        *self
    }
}

impl<T> Copy for Memo<T> {}

/// A memo's value while it is read.
pub struct Held<T>(Arc<T>);

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

// From these three follow `get`, `with`, `read` and their untracked kin.

impl<T> DefinedAt for Memo<T> {
    fn defined_at(&self) -> Option<&'static Location<'static>> {
        self.of.defined_at()
    }
}

impl<T> Track for Memo<T> {
    fn track(&self) {
        track(self.of);
    }
}

impl<T: Send + Sync + 'static> ReadUntracked for Memo<T> {
    type Value = Held<T>;

    fn try_read_untracked(&self) -> Option<Held<T>> {
        value(self.of)?.downcast().ok().map(Held)
    }
}

impl<T: Clone + Send + Sync + 'static> From<Memo<T>> for Signal<T> {
    fn from(memo: Memo<T>) -> Signal<T> {
        Signal::derive(move || memo.get())
    }
}

thread_local! {
    /// Readers whose owners were cleaned up since the last look, with what they read.
    static LEFT: RefCell<Vec<(AnySource, AnySubscriber)>> = RefCell::default();
}

fn forget_in_time(source: AnySource, reader: AnySubscriber) {
    on_cleanup(move || {
        let is_first = LEFT.with_borrow_mut(|left| {
            left.push((source, reader));
            left.len() == 1
        });
        // Not at once: an effect that runs again is cleaned up before, and one that ends is dropped only after.
        if is_first {
            set_timeout(forget, Duration::ZERO);
        }
    });
}

fn forget() {
    for (source, reader) in LEFT.take() {
        if reader.1.strong_count() == 0 {
            source.remove_subscriber(&reader);
        }
    }
}
