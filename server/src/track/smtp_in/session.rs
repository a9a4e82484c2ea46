//! One session of an SMTP client: what its lines said so far, and the event that follows from it.

use std::hint::black_box;
use std::sync::Arc;

use mailtally_model::Time;
use serde::{Deserialize, Serialize};

use super::IDLE_SECS;
use crate::event::{Event, Kind, Subjects, join};
use crate::postfix::Peer;
use crate::text::{MAX_DETAIL_BYTES, Quote, Text};
use crate::track::few::Seldom;
use crate::track::message::MAX_CONCERNED;
use crate::track::state::{Booked, Out};
use crate::track::{At, detail};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub(super) host_name: Text,
    pub(super) host: u16,
    /// Program and process; postscreen's clients have a port instead until smtpd has them.
    pub(super) process: Option<(u16, u32)>,
    pub(super) instance: u16,
    pub(super) port: Option<u16>,
    pub(super) started: Time,
    pub(super) last: Time,
    pub(super) ended: Option<Time>,
    pub(super) ip: Text,
    pub(super) peer: Text,
    pub(super) user: Option<Text>,
    /// Its connect is in the log, or its daemon logs none: else it is no new connection (R17).
    pub(super) has_start: bool,
    /// It was seen first in its middle: it is what its lines span.
    pub(super) is_seen_in_part: bool,
    /// postscreen had this client before.
    pub(super) is_screened: bool,
    /// By a filter of ours: no connection of a client.
    pub(super) is_reinjected: bool,
    /// Refused as such, whatever follows.
    pub(super) is_blocked: bool,
    /// postscreen's tests failed; blocked unless it is passed on all the same.
    pub(super) is_suspect: bool,
    pub(super) is_passed: bool,
    /// The client was refused at each recipient so far.
    pub(super) is_client_refused: bool,
    pub(super) is_accepted: bool,
    pub(super) unknown_commands: u32,
    pub(super) bad_lines: u32,
    pub(super) is_terminated: bool,
    pub(super) broken_off_bytes: Option<u64>,
    pub(super) subjects: Subjects,
    pub(super) refusals: Seldom<Vec<Option<Booked>>>,
    pub(super) booked: Option<Booked>,
    /// What its lines said that made it blocked, bad or terminated.
    #[serde(default)]
    pub(super) why: Option<Text>,
}

impl Session {
    /// One that begins with this line.
    pub(super) fn of(at: &At<'_>, instance: u16, client: &Peer<'_>, out: &mut Out<'_>) -> Session {
        Session {
            host_name: at.host_name.clone(),
            host: at.host,
            process: None,
            instance,
            port: None,
            started: at.line.time,
            last: at.line.time,
            ended: None,
            ip: detail(client.ip),
            peer: out.words(format_args!("{}[{}]", Quote(client.name), Quote(client.ip))),
            user: None,
            has_start: true,
            is_seen_in_part: false,
            is_screened: false,
            is_reinjected: false,
            is_blocked: false,
            is_suspect: false,
            is_passed: false,
            is_client_refused: false,
            is_accepted: false,
            unknown_commands: 0,
            bad_lines: 0,
            is_terminated: false,
            broken_off_bytes: None,
            subjects: Subjects::default(),
            refusals: Seldom::default(),
            booked: None,
            why: None,
        }
    }

    /// Reads what is dropped with it, so that it comes to the processor, as [`fetch`](crate::event::Event::fetch) of an event does.
    pub(super) fn fetch(&self) {
        black_box((self.ip.len(), self.peer.len(), self.user.as_ref().map(|user| user.len()), self.ended));
        if let Some(booked) = &self.booked {
            booked.event.fetch();
        }
    }

    /// The client's address, if it is this one.
    pub(in crate::track) fn shared_ip(&self, ip: &[u8]) -> Option<Text> {
        (self.ip.as_bytes() == ip).then(|| Text::clone(&self.ip))
    }

    pub(super) fn is_blocked_now(&self) -> bool {
        self.is_blocked || self.is_suspect && !self.is_passed || self.is_client_refused && !self.is_accepted
    }

    /// When it ended, or how far it is known to have lasted.
    pub(super) fn until(&self, now: Time) -> Time {
        self.ended.unwrap_or(now.min(self.silent_end())).max(self.started)
    }

    /// When it is over if no more lines come.
    pub(super) fn silent_end(&self) -> Time {
        if self.is_seen_in_part { self.last } else { self.last.plus_secs(IDLE_SECS) }
    }

    pub(super) fn concern(&mut self, more: &Subjects) {
        join(&mut self.subjects, more, MAX_CONCERNED);
    }

    /// Words of a line upon which it may count for more than a connection; the same words again say nothing new.
    pub(super) fn because(&mut self, words: &Text) {
        let known = self.why.as_deref().unwrap_or_default();
        if words.is_empty() || known.contains(&**words) || known.len() > MAX_DETAIL_BYTES {
            return;
        }
        self.why = Some(if known.is_empty() { Text::clone(words) } else { format!("{known}; {words}").into() });
    }

    pub(super) fn sync(&mut self, now: Time, out: &mut Out<'_>) {
        if self.is_reinjected {
            out.withdraw(&mut self.booked);
            return;
        }
        let is_blocked = self.is_blocked_now();
        // An unknown command is counted at the end and may have had a line of its own (LOG-LINES trap 21).
        let bad_commands = self.unknown_commands.max(self.bad_lines);
        // A refusal may have been of one recipient, and the client be let in with the next.
        let counts_for_more = is_blocked || bad_commands > 0 || self.is_terminated;
        let kind = Kind::SmtpSession {
            has_start: self.has_start,
            is_inferred: self.has_start && self.is_seen_in_part,
            is_blocked,
            bad_commands,
            is_terminated: self.is_terminated,
            why: self.why.clone().filter(|_| counts_for_more),
        };
        let event = Event {
            time: self.started,
            host: self.host_name.clone(),
            subjects: Arc::clone(&self.subjects),
            peer: Some(self.peer.clone()),
            bytes: self.broken_off_bytes,
            duration_ms: Some(self.until(now).secs_since(self.started).max(0) as u64 * 1000),
            detail: self.user.clone().unwrap_or_default(),
            kind,
        };
        out.set(&mut self.booked, event);
        for refusal in self.refusals.iter_mut() {
            let Some(given) = refusal else { continue };
            let Kind::Refused { what, in_blocked_session, has_login } = given.event.kind else { continue };
            if in_blocked_session != is_blocked {
                let kind = Kind::Refused { what, in_blocked_session: is_blocked, has_login };
                let event = Event { kind, ..Event::clone(&given.event) };
                out.set(refusal, event);
            }
        }
    }
}
