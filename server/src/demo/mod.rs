//! A year on a small provider's mail server, made up: four domains, forty mailboxes, a million lines in the exact
//! words of the daemons, ending now. It enters through the real sources and parsers and knows nothing of them: what
//! it gives out is text.
//!
//! The same [`Plan`] is the same story, on every machine. Names and addresses are of the ranges kept for examples.

mod cast;
mod figures;
mod files;
mod filters;
mod inbound;
mod incidents;
mod mail;
mod outbound;
mod page;
mod rhythm;
mod rng;
mod scribe;
mod sessions;
mod strangers;
mod throttle;
mod transfer;
mod year;

pub use files::{Written, write};
pub use incidents::Incidents;
pub use year::{Plan, Year};

/// The settings of the made-up site: beside the defaults, the words of its policy daemon.
pub const SITE: &str = include_str!("mailtally.toml");
