//! The one data file: counters, events, open state, coverage and read positions. Knows nothing of mail.
//!
//! One [`Store`] writes, under a lock, and each [`Reader`] reads on a connection of its own, beside it or in another
//! process. A [`Batch`](crate::batch::Batch) is written whole or not at all, so that the numbers and the position in
//! the log that they come from always belong together.
//!
//! No time zone reaches this folder: it sums slots, and the calendar is the model's business.

mod answer;
mod blocks;
mod children;
mod counters;
mod coverage;
mod days;
mod entries;
pub mod events;
mod findings;
mod health;
mod names;
mod reader;
mod recount;
mod rules;
mod schema;
mod seen;
pub mod sums;
mod usage;
mod writer;

#[cfg(test)]
mod tests;

pub use answer::{IfAbsent, MAX_CELLS, Question};
pub use events::{EventQuery, MAX_EVENTS_PAGE};
pub use findings::{DueCount, Kept, Look};
pub use health::of_source;
pub use reader::{ReadError, Reader, Version};
pub use recount::{Anew, Change, Recounted, Settled};
pub use schema::{FILE, LOCK, make_private_dir, open_private_file};
pub use writer::Store;

/// Stored and sent numbers stay below 2^53, so that a browser's numbers hold them exactly. A sum that reaches this has
/// saturated, and its basis says that it is a lower bound.
pub const MAX_VALUE: i64 = (1 << 53) - 1;
