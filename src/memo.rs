//! The app's Memo: that of leptos, but a reader that is gone is forgotten.
//!
//! A memo of leptos keeps a place for each effect and memo that ever read it, until the memo itself goes. Ours stand for as
//! long as the app does (who is asking, what is viewed), and every answer, every Mode and every report makes readers anew:
//! some five kilobytes a visit were never given back. So each reading leaves a note with the owner that it happened under;
//! when that is cleaned up, the reader is looked at once more, and taken out of the memo if nothing holds it.

use std::cell::RefCell;
use std::panic::Location;
use std::time::Duration;

use leptos::prelude::{
    ArcMemo, DefinedAt, Get, GetValue, ReadUntracked, Signal, StoredValue, Track, on_cleanup, set_timeout,
};
use leptos::reactive::graph::{AnySource, AnySubscriber, Observer, Source, ToAnySource};

/// A value that is derived from others, and made anew when they change. `Copy`; it goes with the owner that made it.
pub struct Memo<T: Send + Sync + 'static>(StoredValue<ArcMemo<T>>);

impl<T: Send + Sync + 'static> Memo<T> {
    pub fn new(derive: impl Fn(Option<&T>) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: PartialEq,
    {
        Memo(StoredValue::new(ArcMemo::new(derive)))
    }

    /// `differ` says whether what reads it must run again.
    pub fn new_with_compare(
        derive: impl Fn(Option<&T>) -> T + Send + Sync + 'static,
        differ: fn(Option<&T>, Option<&T>) -> bool,
    ) -> Memo<T> {
        Memo(StoredValue::new(ArcMemo::new_with_compare(derive, differ)))
    }
}

impl<T: Send + Sync + 'static> Clone for Memo<T> {
    fn clone(&self) -> Memo<T> {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Memo<T> {}

// From these three follow `get`, `with`, `read` and their untracked kin.

impl<T: Send + Sync + 'static> DefinedAt for Memo<T> {
    fn defined_at(&self) -> Option<&'static Location<'static>> {
        self.0.defined_at()
    }
}

impl<T: Send + Sync + 'static> Track for Memo<T> {
    #[track_caller]
    fn track(&self) {
        let Some(memo) = self.0.try_get_value() else { return };
        memo.track();
        if let Some(reader) = Observer::get() {
            forget_in_time(memo.to_any_source(), reader);
        }
    }
}

impl<T: Send + Sync + 'static> ReadUntracked for Memo<T> {
    type Value = <ArcMemo<T> as ReadUntracked>::Value;

    fn try_read_untracked(&self) -> Option<Self::Value> {
        self.0.try_get_value()?.try_read_untracked()
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
