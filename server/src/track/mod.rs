//! Joins lines into events: queue-ids to root messages, log-in to log-out. Knows mail and nothing of files or the store.

use mailtally_model::{Subject, Time};

use crate::event::Update;
use crate::settings::MailSettings;
use crate::syslog::Line;

/// How a line fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Understood,
    /// Known and of no consequence for any report.
    Ignored,
    /// Not understood: counted by program, shown, never guessed.
    Unparsed,
}

/// Open messages, sessions and attempts; bounded, and kept in the store between runs.
pub struct Tracker {}

impl Tracker {
    /// A tracker with the open state that the store kept: what [`Tracker::take_changes`] gave, by key.
    pub fn restore(settings: &MailSettings, open: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> anyhow::Result<Tracker> {
        todo!()
    }

    /// Takes one line; pushes what it did to `updates` (most often nothing or one) and evidence of our names to `known`.
    pub fn line(&mut self, line: &Line<'_>, updates: &mut Vec<Update>, known: &mut Vec<Subject>) -> Verdict {
        todo!()
    }

    /// Log time of a host has come to `now`: books the seconds of open sessions, expires what is too old.
    pub fn advance(&mut self, host: &str, now: Time, updates: &mut Vec<Update>) {
        todo!()
    }

    /// Open state that changed since the last call: key → value, `None` for what is closed.
    pub fn take_changes(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        todo!()
    }
}
