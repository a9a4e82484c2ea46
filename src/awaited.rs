//! A value that is on its way: asked for when it is made, and again when the signals change that asking reads.
//!
//! What is below it is one for all types. A resource of leptos does the same, and locks, queues and transitions, which one
//! thread has no need of, in ten kilobytes for each page to load.

use std::any::Any;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::{Get, GetValue, RwSignal, Set, SetValue, StoredValue, Track};
use leptos::reactive::effect::RenderEffect;
use leptos::task::spawn_local;

/// `Copy`; it goes with the owner that made it.
pub struct Awaited<T> {
    came: RwSignal<Option<Value>>,
    again: RwSignal<()>,
    holds: PhantomData<fn() -> T>,
}

/// What any of them holds.
type Value = Arc<dyn Any + Send + Sync>;
type Coming = Pin<Box<dyn Future<Output = Value>>>;

impl<T: Clone + Send + Sync + 'static> Awaited<T> {
    /// The signals that `ask` reads before it gives out its future are tracked.
    pub fn new<F: Future<Output = T> + 'static>(ask: impl Fn() -> F + 'static) -> Awaited<T> {
        let awaited = Awaited { came: RwSignal::new(None), again: RwSignal::new(()), holds: PhantomData };
        let ask = move || {
            let coming = ask();
            Box::pin(async move { Arc::new(coming.await) as Value }) as Coming
        };
        keep_asking(Box::new(ask), awaited.came, awaited.again);
        awaited
    }

    /// `None` until it has come; the last one while it is asked for again.
    pub fn get(self) -> Option<T> {
        self.came.try_get()??.downcast_ref().cloned()
    }

    pub fn again(self) {
        self.again.set(());
    }
}

/// Not generic, so that there is one of it. Asks at once, and not in the next turn as an `Effect` would.
fn keep_asking(ask: Box<dyn Fn() -> Coming>, came: RwSignal<Option<Value>>, again: RwSignal<()>) {
    let asked = StoredValue::new(0_u32);
    let asking = RenderEffect::new(move |last: Option<u32>| {
        again.track();
        let this = last.map_or(0, |last| last + 1);
        asked.set_value(this);
        let coming = ask();
        spawn_local(async move {
            let value = coming.await;
            // It may be gone by then, and of two that are on their way only the later is wanted.
            if asked.try_get_value() == Some(this) {
                came.try_set(Some(value));
            }
        });
        this
    });
    StoredValue::new_local(asking);
}

impl<T> Clone for Awaited<T> {
    fn clone(&self) -> Awaited<T> {
        *self
    }
}

impl<T> Copy for Awaited<T> {}
