//! Exim's messages and sessions as the tracker's own (SEMANTICS R18): a message id is a queue file that is active at
//! once, `=>` is a final outcome, `Completed` closes.

use super::message::{Attempt, FileKey, Origin};
use super::outcome::Reached;
use super::queue::{hash, hash_of_address};
use super::relay::{self, Role};
use super::state::Out;
use super::{At, Tracker, detail};
use crate::event::{Event, Kind};
use crate::exim::{Arrival, Delivery, Fact, Outcome, trouble};
use crate::postfix::{Peer, Reject};
use crate::queue_id::QueueId;
use crate::settings::TransportRole;
use crate::text::{Quote, contains, contains_ignoring_case};

/// Lines of one delivery process are written together when it ends.
const SAME_ATTEMPT_SECS: i64 = 1;

/// A delivery process that fails to connect tells its hosts first, each up to its time-out, then its recipients.
const HOSTS_TRIED_SECS: i64 = 600;

/// Transports learned by name; a site has a handful, and a name is short text from its own configuration.
const MAX_TRANSPORTS: usize = 1_000;

impl Tracker {
    pub(super) fn exim(&mut self, at: &At<'_>, fact: &Fact<'_>, out: &mut Out<'_>) {
        match fact {
            Fact::Connect(client) => {
                self.client_connected(at, client, out);
            }
            Fact::Closed { client, how } => self.client_gone(at, client, *how, out),
            Fact::TurnedAway(client) => self.client_turned_away(at, client, out),
            Fact::BadCommand(client) => self.client_bad_command(at, client, out),
            Fact::LoginFailed { client, user } => self.client_login_failed(at, client, *user, out),
            Fact::Reject(reject) => self.exim_reject(at, reject, out),
            Fact::Arrived(arrival) => self.arrived(at, arrival, out),
            Fact::Delivery(delivery) => self.exim_delivery(at, delivery, out),
            Fact::HopFailed { id, host, response } => self.exim_hop_failed(at, key(at, *id), host, response, out),
            Fact::Completed { id } => self.close_file(key(at, *id), at.line.time),
            Fact::ScannerFailed(kind) => {
                let service = self.service(at, *kind, None);
                out.once(Event {
                    detail: out.quote(at.line.message),
                    ..at.event(Kind::FilterFailed(*kind), [service].into())
                });
            }
            Fact::Restart => self.smtp_restart(at, at.program, out),
        }
    }

    fn exim_reject(&mut self, at: &At<'_>, reject: &Reject<'_>, out: &mut Out<'_>) {
        let row = reject.client.as_ref().map(|client| self.client_session(at, client, out));
        self.refused_in(at, reject, None, row, out);
    }

    /// `<=`: accepted, and in the queue.
    fn arrived(&mut self, at: &At<'_>, arrival: &Arrival<'_>, out: &mut Out<'_>) {
        let Some(id) = arrival.id else { return };
        let key = key(at, id);
        let session = arrival.client.as_ref().map(|client| self.client_session(at, client, out));
        if let Some(session) = session {
            self.accepted_in(session, at, arrival.sasl_username, out);
        }
        let origin = match &arrival.client {
            Some(client) => Origin::Smtp {
                ip: detail(client.ip),
                user: arrival.sasl_username.map(|user| String::from_utf8_lossy(user).into()),
                is_submission: false,
            },
            None if arrival.parent.is_some() || arrival.sender.is_empty() => Origin::Unknown,
            None => Origin::Local { login: detail(arrival.login) },
        };
        let is_internal = arrival.client.as_ref().is_none_or(|client| relay::is_loopback(client.ip));
        self.begin(at, key, origin, session, is_internal, out);
        if !arrival.message_id.is_empty() {
            self.message_id(at, key, &[b"<", arrival.message_id, b">"].concat(), out);
        }
        self.active(at, key, arrival.sender, arrival.size, out);
        if let Some(parent) = arrival.parent {
            self.bounce(at, FileKey { id: parent, ..key }, id, out);
        }
    }

    fn exim_delivery(&mut self, at: &At<'_>, delivery: &Delivery<'_>, out: &mut Out<'_>) {
        let key = key(at, delivery.id);
        let row = self.touch(at, key);
        if let Some(message) = self.queue.messages.get_mut(row) {
            message.touched = Some(at.line.time);
        }
        let mut role = self.exim_role(at, delivery);
        if delivery.outcome == Outcome::Sent
            && let Some(host) = &delivery.host
            && let Some(child) = given_id(delivery.response)
            && self.link_relayed(at, key, row, child, host, out)
        {
            role = Role::Filter;
        }
        match role {
            Role::Void => {}
            Role::Filter => self.hand_over_exim(at, row, delivery, out),
            Role::Local | Role::Pipe if delivery.outcome == Outcome::Deferred => {}
            Role::Local | Role::Pipe => {
                let pipe = (role == Role::Pipe).then(|| String::from_utf8_lossy(delivery.transport).into());
                let reached = Reached {
                    recipient: &delivery.recipient,
                    is_sent: delivery.outcome == Outcome::Sent,
                    pipe,
                    response: delivery.transport,
                };
                self.reach(at, row, key, &reached, out);
            }
            Role::Remote => self.exim_attempt(at, row, key, delivery, out),
        }
    }

    /// The settings, by the transport's name; else whether the line, or one before of the same transport, names a host.
    fn exim_role(&mut self, at: &At<'_>, delivery: &Delivery<'_>) -> Role {
        if delivery.outcome == Outcome::Discarded {
            return Role::Void;
        }
        let transport = String::from_utf8_lossy(delivery.transport);
        match self.settings.transport_roles.get(&*transport) {
            Some(TransportRole::Local) => return Role::Local,
            Some(TransportRole::Remote) => return Role::Remote,
            Some(TransportRole::Filter) => return Role::Filter,
            Some(TransportRole::Void) => return Role::Void,
            None => {}
        }
        if let Some(host) = &delivery.host {
            if contains_ignoring_case(delivery.transport, b"lmtp") || relay::is_mailbox_host(&self.settings, host) {
                return Role::Local;
            }
            if relay::is_filter(&self.settings, host) {
                return Role::Filter;
            }
        }
        let name = format!("{}/{transport}", at.line.host);
        let shown = match delivery.outcome {
            _ if delivery.host.is_some() || delivery.is_not_connected() => Some(true),
            Outcome::Sent => Some(false),
            _ => None,
        };
        if let Some(is_remote) = shown.filter(|_| !transport.is_empty()) {
            let is_room = self.queue.exim_transports.len() < MAX_TRANSPORTS;
            if is_room && self.queue.exim_transports.get(&name) != Some(&is_remote) {
                self.queue.exim_transports.insert(name.clone(), is_remote);
                self.is_meta_changed = true;
            }
        }
        let known = shown.or_else(|| self.queue.exim_transports.get(&name).copied());
        match known {
            Some(true) => Role::Remote,
            // A transport that runs a scanner hands the message in again.
            Some(false) if contains_ignoring_case(delivery.transport, b"scan") => Role::Pipe,
            Some(false) if contains_ignoring_case(delivery.transport, b"spamcheck") => Role::Pipe,
            Some(false) => Role::Local,
            // Failed before a transport was chosen, or one that was not seen at work yet: whose domain is it?
            None => {
                let mailbox = self.ours.addressed(&delivery.recipient, &self.settings);
                let is_ours = mailbox.is_none_or(|mailbox| self.ours.has(mailbox.domain()));
                if is_ours || contains(delivery.response, b"for maildir transport") {
                    Role::Local
                } else {
                    Role::Remote
                }
            }
        }
    }

    fn hand_over_exim(&mut self, at: &At<'_>, row: u64, delivery: &Delivery<'_>, out: &mut Out<'_>) {
        if delivery.outcome == Outcome::Bounced && self.says_spam(delivery.response) {
            let subjects = self.recipient_subjects(Some(&delivery.recipient));
            self.spam_blocked(at, Some(row), subjects, delivery.response, out);
        }
        if delivery.host.is_none()
            && delivery.outcome == Outcome::Sent
            && let Some(message) = self.queue.messages.get_mut(row)
        {
            message.hand_overs += 1;
            self.find_return(row, out);
        }
    }

    fn exim_attempt(&mut self, at: &At<'_>, row: u64, key: FileKey, delivery: &Delivery<'_>, out: &mut Out<'_>) {
        let recipient = hash_of_address(&delivery.recipient);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let is_final = delivery.outcome != Outcome::Deferred && message.finals.insert(recipient);
        let size = super::queue::file_of(message, key).and_then(|file| file.size);
        let trouble = trouble(delivery.response);
        let now = at.line.time;
        let group = delivery.host.as_ref().map(|host| hash((key, host.ip)));
        let found = message.attempts.iter().rposition(|attempt| {
            let age = now.secs_since(attempt.time);
            match group {
                Some(group) => attempt.group == group && age <= SAME_ATTEMPT_SECS,
                // No host is named for a recipient whose hosts all failed: their own lines stand before.
                None => attempt.failed > 0 && age <= HOSTS_TRIED_SECS && delivery.is_not_connected(),
            }
        });
        let is_new_connection = delivery.host.is_some() && !delivery.is_reuse;
        let is_only_witness = delivery.is_not_connected() && delivery.host.is_none();
        let index = match found {
            Some(index) => index,
            None => {
                let host = delivery.host.as_ref();
                message.push_attempt(Attempt {
                    size,
                    peer: host
                        .map(|host| out.words(format_args!("{}[{}]", Quote(host.name), Quote(host.ip))))
                        .unwrap_or_default(),
                    connections: u32::from(is_new_connection || is_only_witness),
                    failed: u32::from(trouble.is_setup_failed && is_new_connection || is_only_witness),
                    detail: out.words(format_args!(
                        "{} to <{}>: {}",
                        key.id,
                        Quote(&delivery.recipient),
                        Quote(delivery.response)
                    )),
                    ..Attempt::at(key, now, group.unwrap_or_else(|| hash((key, "none"))))
                })
            }
        };
        let attempt = &mut message.attempts[index];
        attempt.duration_ms = attempt.duration_ms.max(delivery.duration_ms);
        attempt.is_bad_command |= trouble.is_bad_command;
        attempt.is_terminated |= trouble.is_terminated;
        match delivery.outcome {
            Outcome::Sent => {
                let transfer = hash(delivery.response);
                if !attempt.transfers.contains(&transfer) {
                    attempt.transfers.push(transfer);
                }
            }
            Outcome::Bounced => attempt.bounced += u32::from(is_final),
            Outcome::Deferred => attempt.deferred += 1,
            Outcome::Discarded => {}
        }
        message.sync_attempt(index, &self.settings, &self.ours, out);
    }

    fn exim_hop_failed(&mut self, at: &At<'_>, key: FileKey, host: &Peer<'_>, response: &[u8], out: &mut Out<'_>) {
        let trouble = trouble(response);
        if relay::is_filter(&self.settings, host) || !trouble.is_setup_failed && !trouble.is_terminated {
            return;
        }
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        // The delivery that follows has a connection of its own, where this one broke in its TLS.
        let is_tried_again = contains(response, b": delivering unencrypted to ");
        let group = if is_tried_again { hash((key, host.ip, is_tried_again)) } else { hash((key, host.ip)) };
        let index = message.push_attempt(Attempt {
            peer: out.words(format_args!("{}[{}]", Quote(host.name), Quote(host.ip))),
            connections: 1,
            failed: u32::from(trouble.is_setup_failed),
            is_terminated: trouble.is_terminated,
            detail: out.words(format_args!("{}: {}", key.id, Quote(response))),
            ..Attempt::at(key, at.line.time, group)
        });
        message.sync_attempt(index, &self.settings, &self.ours, out);
    }
}

/// Exim has no instances: its program stands for one.
fn key(at: &At<'_>, id: QueueId) -> FileKey {
    FileKey { host: at.host, instance: at.program, id }
}

/// `250 OK id=1xUvBf-00038z-1J`, `250 2.0.0 Ok: queued as 4F2A`: what the next hop calls it.
fn given_id(reply: &[u8]) -> Option<QueueId> {
    if let Some(at) = memchr::memmem::rfind(reply, b" id=") {
        let word = &reply[at + 4..];
        return QueueId::parse_exim(&word[..memchr::memchr(b' ', word).unwrap_or(word.len())]);
    }
    crate::postfix::queued_as(reply)
}
