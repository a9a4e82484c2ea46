//! The moments at which a log may be rotated, cut or written under whoever reads it.
//!
//! A look at files takes several calls of the system, and between any two of them the files may change. Each such place
//! calls [`pass`]; in the product that is nothing. A test takes hold of the moments of its thread with [`during`] and
//! changes the files there, so that what a race does once in thirty runs happens in each.

#[cfg(test)]
pub use held::{during, pass};

/// A moment in which the files may change.
#[cfg(not(test))]
#[inline]
pub fn pass() {}

#[cfg(test)]
mod held {
    use std::cell::RefCell;

    type Act = Box<dyn FnMut()>;

    thread_local! {
        static ACT: RefCell<Option<Act>> = const { RefCell::new(None) };
    }

    pub fn pass() {
        // Taken out meanwhile, so that what is done in a moment has no moments of its own.
        let Some(mut act) = ACT.take() else { return };
        act();
        ACT.set(Some(act));
    }

    /// Runs `what`, with `act` in each of its moments.
    pub fn during<R>(act: impl FnMut() + 'static, what: impl FnOnce() -> R) -> R {
        ACT.set(Some(Box::new(act)));
        let result = what();
        ACT.set(None);
        result
    }
}
