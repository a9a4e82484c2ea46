//! Limits: mail that they refused, and how often they were passed (SEMANTICS 1.3).

use mailtally_model::{Subject, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::names::subjects_of;
use super::state::{Out, Table};
use super::{At, Tracker, detail};
use crate::event::{Event, Kind, Limit, Subjects};
use crate::policy::{self, stated_size};
use crate::postfix::{AnvilLimit, Peer, Reject};
use crate::text::{Quote, contains_ignoring_case};

/// anvil's default period (`anvil_rate_time_unit`): a limit is armed again after so long without a refusal.
const ANVIL_WINDOW_SECS: i64 = 60;

/// Quotas of policy servers run by the hour where nothing else is said.
const QUOTA_WINDOW_SECS: i64 = 3600;

/// Recipients of one message that a limit is counted for: more than Postfix takes in one transaction.
const MAX_RECIPIENTS: usize = 1_000;

/// Owners of limits that are passed at one time; past it a further one is a violation each time.
const MAX_TRIPS: usize = 50_000;

#[derive(Debug)]
pub struct Limits {
    pub trips: Table<Trip>,
    by_key: FxHashMap<String, u64>,
}

/// A limit that is passed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trip {
    key: String,
    last: Time,
    window_secs: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { trips: Table::new(b't'), by_key: FxHashMap::default() }
    }
}

impl Limits {
    pub fn index(&mut self) {
        self.by_key = self.trips.iter().map(|(row, trip)| (trip.key.clone(), row)).collect();
    }

    pub fn sweep(&mut self, now: Time) {
        let quiet: Vec<u64> = self
            .trips
            .iter()
            .filter(|(_, trip)| now.secs_since(trip.last) > trip.window_secs)
            .map(|(row, _)| row)
            .collect();
        for row in quiet {
            if let Some(trip) = self.trips.remove(row) {
                self.by_key.remove(&trip.key);
            }
        }
    }
}

impl Tracker {
    /// Whether the limit was not passed before, or its window has been quiet since.
    fn trips(&mut self, key: String, now: Time, window_secs: i64) -> bool {
        if let Some(trip) = self.limits.by_key.get(&key).copied().and_then(|row| self.limits.trips.get_mut(row)) {
            let is_new = now.secs_since(trip.last) > window_secs;
            trip.last = trip.last.max(now);
            return is_new;
        }
        if self.limits.trips.len() < MAX_TRIPS {
            let row = self.new_row();
            self.limits.by_key.insert(key.clone(), row);
            self.limits.trips.insert(row, Trip { key, last: now, window_secs });
        }
        true
    }

    /// anvil counts by client; the owner of a refusal is who logged in. Refusals of strangers are no Messages Sent,
    /// but the limit was passed all the same.
    pub(super) fn throttled_by_anvil(
        &mut self,
        at: &At<'_>,
        what: AnvilLimit,
        user: Option<&str>,
        is_ours: bool,
        client: &Peer<'_>,
        out: &mut Out<'_>,
    ) {
        let ip = detail(client.ip);
        let owner = user.unwrap_or(&ip);
        let is_violation = self.trips(format!("{what:?} {owner}"), at.line.time, ANVIL_WINDOW_SECS);
        let subjects = self.user_subjects(user.map(str::as_bytes));
        let kind = Kind::Throttled { limit: Limit::MessagesSent, is_traffic: is_ours, is_violation };
        let detail = out.quote(at.line.message);
        out.once(Event { peer: Some(ip), detail, ..at.event(kind, subjects) });
    }

    /// A policy server's limit shows in the text of smtpd's reply; which texts, the settings say.
    pub(super) fn throttled_by_reply(
        &mut self,
        at: &At<'_>,
        reject: &Reject<'_>,
        user: Option<&[u8]>,
        out: &mut Out<'_>,
    ) {
        let patterns = &self.settings.throttle_reply_patterns;
        let found = patterns
            .iter()
            .enumerate()
            .find(|(_, pattern)| contains_ignoring_case(reject.reply, pattern.text.to_lowercase().as_bytes()));
        let Some((rule, limit)) = found.map(|(rule, pattern)| (rule, pattern.limit)) else { return };
        let subjects = match (limit, reject.recipient) {
            (Limit::BouncesReceived, Some(recipient)) => self.recipient_subjects(Some(recipient)),
            _ => self.user_subjects(user),
        };
        let client = reject.client.map(|client| detail(client.ip)).unwrap_or_default();
        let owner = subjects.last().map_or_else(|| client.to_string(), Subject::to_string);
        let is_violation = self.trips(format!("{rule} {owner}"), at.line.time, QUOTA_WINDOW_SECS);
        let is_traffic = limit == Limit::BouncesReceived || user.is_some();
        let kind = Kind::Throttled { limit, is_traffic, is_violation };
        let bytes = stated_size(reject.reply);
        out.once(Event { peer: Some(client), bytes, detail: out.quote(reject.reply), ..at.event(kind, subjects) });
    }

    /// A policy server that logs its quotas itself.
    pub(super) fn policy(&mut self, at: &At<'_>, fact: &policy::Fact<'_>, out: &mut Out<'_>) {
        match fact {
            policy::Fact::OverQuota { limit, track, sender, period_secs } => {
                let window = period_secs.and_then(|period| i64::try_from(period).ok()).unwrap_or(QUOTA_WINDOW_SECS);
                let key = format!("policyd {limit:?} {}", detail(track));
                let is_violation = self.trips(key, at.line.time, window);
                let subjects = self.user_subjects(*sender);
                let kind = Kind::Throttled { limit: *limit, is_traffic: true, is_violation };
                let bytes = stated_size(at.line.message);
                out.once(Event { bytes, detail: out.quote(at.line.message), ..at.event(kind, subjects) });
            }
            policy::Fact::Requeued { from, to } => self.requeued(at, *from, *to, out),
        }
    }

    /// One refusal for each recipient. A limit of a user is on what they send; one on bounces is on their recipient;
    /// others are on strangers, whose mail is in Violations alone.
    pub(super) fn throttled_by_rspamd(
        &mut self,
        at: &At<'_>,
        name: &[u8],
        user: Option<&[u8]>,
        recipients: &[u8],
        size: Option<u64>,
        out: &mut Out<'_>,
    ) {
        let is_bounce = name.starts_with(b"bounce_to");
        let limit = if is_bounce { Limit::BouncesReceived } else { Limit::MessagesSent };
        for recipient in recipients.split(|byte| *byte == b',').take(MAX_RECIPIENTS) {
            let subjects = if is_bounce || user.is_none() {
                self.recipient_subjects(Some(recipient))
            } else {
                self.user_subjects(user)
            };
            let owner = subjects.last().map(Subject::to_string).unwrap_or_default();
            let key = format!("rspamd {} {owner}", detail(name));
            let is_violation = self.trips(key, at.line.time, QUOTA_WINDOW_SECS);
            let kind = Kind::Throttled { limit, is_traffic: is_bounce || user.is_some(), is_violation };
            let detail = out.words(format_args!("ratelimit {}", Quote(name)));
            out.once(Event { bytes: size, detail, ..at.event(kind, subjects) });
        }
    }

    pub(super) fn user_subjects(&self, user: Option<&[u8]>) -> Subjects {
        subjects_of(user.and_then(|user| self.ours.logged_in(user, &self.settings)).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_may_state_the_size() {
        assert_eq!(stated_size(b"450 4.7.1 Volume quota exceeded, size=180417"), Some(180_417));
        assert_eq!(stated_size(b"450 4.7.1 Volume quota exceeded"), None);
        assert_eq!(stated_size(b"450 4.7.1 size=unknown"), None);
    }
}
