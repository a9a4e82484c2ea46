//! The server: collect → store → serve. `main.rs` is the command line; tests use this library.
//!
//! The modules stand in the order of the way of data.

pub mod source;
pub mod syslog;

pub mod postfix;
pub mod dovecot;
pub mod spamassassin;
pub mod clamav;
pub mod host;

pub mod track;
pub mod event;
pub mod batch;
pub mod collect;
pub mod store;

pub mod http;
pub mod settings;
pub mod command;
pub mod demo;
pub mod sampler;
