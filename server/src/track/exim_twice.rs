//! Exim that logs to syslog writes what it refuses twice, for its main log and for its reject log (`syslog_duplication`,
//! which is on unless a site turns it off): the second is no event.

use std::collections::VecDeque;

use mailtally_model::Time;
use serde::{Deserialize, Serialize};

use super::queue::hash;
use super::{At, Tracker};
use crate::exim;

/// A process writes both at once, so that few others come between them.
const MAX_WAITING: usize = 16;

/// Between the two, a second may begin.
const APART_SECS: i64 = 1;

/// The refusals that were counted and whose copy may come, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Refusals(VecDeque<Refusal>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refusal {
    host: u16,
    pid: Option<u32>,
    text: u64,
    time: Time,
}

impl Refusals {
    /// Whether a refusal is the copy of one that was counted. Each has one copy: what comes a third time is another.
    fn is_copy(&mut self, at: &At<'_>) -> bool {
        let (host, pid, text, time) = (at.host, at.line.pid, hash(exim::without_stamp(at.line.message)), at.line.time);
        let is_pair = |first: &Refusal| {
            (first.host, first.pid, first.text) == (host, pid, text) && time.secs_since(first.time) <= APART_SECS
        };
        if let Some(first) = self.0.iter().position(is_pair) {
            self.0.remove(first);
            return true;
        }
        if self.0.len() >= MAX_WAITING {
            self.0.pop_front();
        }
        self.0.push_back(Refusal { host, pid, text, time });
        false
    }
}

impl Tracker {
    /// Whether a refusal of Exim's is the reject log's copy of one that was counted.
    pub(super) fn is_said_twice(&mut self, at: &At<'_>) -> bool {
        if at.line.own_file || !self.settings.exim_syslog_duplication {
            return false;
        }
        self.is_meta_changed = true;
        self.exim_refusals.is_copy(at)
    }
}
