//! A value that is on its way: asked for when it is made, and again when the signals change that asking reads.
//!
//! The resource below it is one for all types: each type of its own would bring the app some six kilobytes.

use std::any::Any;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::{Get, LocalResource};

/// `Copy`; it goes with the owner that made it.
pub struct Awaited<T> {
    of: LocalResource<Value>,
    holds: PhantomData<fn() -> T>,
}

/// What any of them holds.
type Value = Arc<dyn Any + Send + Sync>;
type Coming = Pin<Box<dyn Future<Output = Value>>>;

impl<T: Clone + Send + Sync + 'static> Awaited<T> {
    /// The signals that `ask` reads before it gives out its future are tracked.
    pub fn new<F: Future<Output = T> + 'static>(ask: impl Fn() -> F + 'static) -> Awaited<T> {
        let ask = move || {
            let coming = ask();
            Box::pin(async move { Arc::new(coming.await) as Value }) as Coming
        };
        Awaited { of: of_any(Box::new(ask)), holds: PhantomData }
    }

    /// `None` until it has come.
    pub fn get(self) -> Option<T> {
        self.of.get()?.downcast_ref().cloned()
    }

    pub fn again(self) {
        self.of.refetch();
    }
}

/// Not generic, so that there is one of it.
fn of_any(ask: Box<dyn Fn() -> Coming>) -> LocalResource<Value> {
    LocalResource::new(ask)
}

impl<T> Clone for Awaited<T> {
    fn clone(&self) -> Awaited<T> {
        *self
    }
}

impl<T> Copy for Awaited<T> {}
