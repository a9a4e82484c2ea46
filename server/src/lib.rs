//! The server: collect → store → serve. `main.rs` is the command line; tests use this library.
//!
//! The groups of modules stand in the order of the way of data.

pub mod source;
pub mod syslog;

pub mod queue_id;
pub mod text;

pub mod amavis;
pub mod clamav;
pub mod dovecot;
pub mod exim;
pub mod host;
pub mod log_daemon;
pub mod policy;
pub mod postfix;
pub mod rspamd;
pub mod spamassassin;

pub mod batch;
pub mod collect;
pub mod event;
pub mod rules;
pub mod store;
pub mod track;
pub mod unusual;

pub mod account;

pub mod command;
pub mod demo;
pub mod http;
pub mod sampler;
pub mod settings;
pub mod setup;
