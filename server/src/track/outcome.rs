//! What became of recipients: delivered here, handed to other servers or to filters, failed (SEMANTICS R4, R5), and
//! the attempts and connections that it took (1.2, reports 10, 11 and 17).

use std::sync::Arc;

use super::few::{Few, put};
use super::message::{Aftermath, Attempt, Delivered, Expected, FileKey, What, owner_subjects};
use super::names::Mailbox;
use super::queue::{Failures, file_of, hash, hash_of_address};
use super::relay::{self, Role};
use super::state::Out;
use super::{At, Tracker};
use crate::event::{Class, Event, Kind, Subjects};
use crate::postfix::{Delivery, Peer, Speaker, Status, Trouble};
use crate::queue_id::QueueId;
use crate::text::{Quote, Text, contains_ignoring_case, lossy};

/// Failed connects of one process whose recipients' line is still to come.
const MAX_FAILURES: usize = 32;

/// How many attempts back a recipient's line may belong to: as many as smtp processes run at once.
const ATTEMPTS_BACK: usize = 100;

/// A recipient whose mailbox is on this host.
pub struct Reached<'a> {
    pub recipient: &'a [u8],
    /// It failed for good otherwise.
    pub is_sent: bool,
    /// The pipe that took it, which may turn out to be a filter.
    pub pipe: Option<Text>,
    pub response: &'a [u8],
}

impl Tracker {
    pub(super) fn delivery(
        &mut self,
        at: &At<'_>,
        speaker: &Speaker<'_>,
        key: FileKey,
        delivery: &Delivery<'_>,
        out: &mut Out<'_>,
    ) {
        let failures = self.claim_failures(at);
        let row = self.touch(at, key);
        let host = at.line.host;
        let is_filter_pipe = delivery.daemon == b"pipe"
            && self.queue.filter_pipes.contains(&format!("{host}/{}", lossy(delivery.relay)));
        let peer = delivery.peer();
        let mut role = relay::role(&self.settings, speaker, delivery, peer, is_filter_pipe);
        if let Some(message) = self.queue.messages.get_mut(row) {
            message.touched = Some(at.line.time);
        }
        let mut is_linked = false;
        // The next hop, and how it calls the message.
        let mut taken_by = None;
        if delivery.status == Status::Sent {
            if let Some(child) = delivery.forwarded_as() {
                match self.queue.row_of(FileKey { id: child, ..key }) {
                    Some(child) => self.link(child, row, out),
                    None => self.expect(row, Expected::forward(child, at.host, at.line.time)),
                }
                return;
            }
            taken_by = delivery.queued_as().zip(peer);
            if let Some((child, peer)) = &taken_by
                && self.link_relayed(at, key, row, *child, peer, out)
            {
                is_linked = true;
                role = Role::Filter;
            }
        }
        if delivery.status == Status::Probed {
            self.probed(row, out);
            return;
        }
        match role {
            Role::Local | Role::Pipe => self.deliver_locally(at, row, key, delivery, role == Role::Pipe, out),
            Role::Remote => self.attempt(at, row, key, delivery, &failures, out),
            Role::Filter => self.hand_over(at, row, delivery, out),
            Role::Void => {}
        }
        // Where the next hop may be one of ours, its own lines may be still to come.
        if let Some((child, peer)) = taken_by
            && !is_linked
        {
            let is_internal = relay::is_internal(&self.settings, &peer);
            if is_internal || self.hosts.names().len() > 1 {
                let recipient = hash_of_address(delivery.recipient);
                let attempt = (role == Role::Remote).then(|| attempt_group(at, key, delivery));
                let forward = Expected::forward(child, at.host, at.line.time);
                self.expect(row, Expected { is_forward: false, is_internal, recipient, attempt, ..forward });
            }
        }
        if role != Role::Remote {
            self.settle_failures(row, failures, out);
        }
    }

    /// The next hop calls the message by a name that may be one of ours and was not seen yet.
    fn expect(&mut self, row: u64, expected: Expected) {
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let id = expected.id;
        if message.expect(expected) {
            put(&mut self.queue.expecting, id, row);
        }
    }

    /// An address was verified (R6).
    pub(super) fn probed(&mut self, row: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.was_probed = true;
        message.sync(&self.settings, &self.ours, out);
    }

    /// What a filter took is not delivered; what it refused may be spam.
    pub(super) fn hand_over(&mut self, at: &At<'_>, row: u64, delivery: &Delivery<'_>, out: &mut Out<'_>) {
        if delivery.status == Status::Bounced && self.says_spam(delivery.response) {
            let subjects = self.recipient_subjects(Some(delivery.recipient));
            self.spam_blocked(at, Some(row), subjects, delivery.response, out);
        }
        if delivery.daemon == b"pipe"
            && delivery.status == Status::Sent
            && let Some(message) = self.queue.messages.get_mut(row)
        {
            message.hand_overs += 1;
            self.find_return(row, out);
        }
    }

    pub(super) fn deliver_locally(
        &mut self,
        at: &At<'_>,
        row: u64,
        key: FileKey,
        delivery: &Delivery<'_>,
        is_pipe: bool,
        out: &mut Out<'_>,
    ) {
        if delivery.status == Status::Deferred {
            return;
        }
        let reached = Reached {
            recipient: delivery.recipient,
            is_sent: delivery.status == Status::Sent,
            pipe: is_pipe.then(|| lossy(delivery.relay).into()),
            response: delivery.response,
        };
        self.reach(at, row, key, &reached, out);
    }

    /// A final outcome on this host, once for each recipient (R4).
    pub(super) fn reach(&mut self, at: &At<'_>, row: u64, key: FileKey, reached: &Reached<'_>, out: &mut Out<'_>) {
        let recipient = hash_of_address(reached.recipient);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let is_new = message.finals.insert(recipient);
        if message.was_probed {
            message.sync(&self.settings, &self.ours, out);
        }
        if !is_new || !reached.is_sent {
            return;
        }
        let is_pipe = reached.pipe.is_some();
        let mailbox = self.ours.addressed(reached.recipient, &self.settings);
        let size = file_of(message, key).and_then(|file| file.size);
        let is_first = message.delivered.is_empty();
        message.delivered.push(Delivered {
            file: key,
            time: at.line.time,
            mailbox: mailbox.clone(),
            recipient,
            size,
            pipe: reached.pipe.clone(),
            detail: out.words(format_args!(
                "{} to <{}>: {}",
                key.id,
                Quote(reached.recipient),
                Quote(reached.response)
            )),
            booked: None,
        });
        message.sync_delivered(message.delivered.len() - 1, &self.settings, &self.ours, out);
        let sessions: Few<u64> = message.files.iter().filter_map(|file| file.session).collect();
        if let Some(mailbox) = &mailbox {
            let concerned = message.concerned.len();
            message.concern(mailbox.subjects());
            if is_first || message.concerned.len() != concerned {
                message.sync(&self.settings, &self.ours, out);
            }
            self.smtp_reached(&sessions, mailbox, out);
            // A pipe may be a filter, and a filter takes mail for everyone: no evidence.
            if !is_pipe {
                self.learn(mailbox, out);
            }
        }
        if is_pipe {
            self.find_return(row, out);
        }
    }

    pub(super) fn attempt(
        &mut self,
        at: &At<'_>,
        row: u64,
        key: FileKey,
        delivery: &Delivery<'_>,
        failures: &Option<Failures>,
        out: &mut Out<'_>,
    ) {
        let recipient = hash_of_address(delivery.recipient);
        let group = attempt_group(at, key, delivery);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let is_final = delivery.status != Status::Deferred && message.finals.insert(recipient);
        if message.was_probed {
            message.sync(&self.settings, &self.ours, out);
        }
        let mut is_expired = false;
        let size = file_of(message, key).and_then(|file| {
            is_expired = file.is_expired;
            if delivery.status == Status::Deferred {
                file.put_off.make().insert(recipient);
            } else if let Some(put_off) = file.put_off.get_mut() {
                put_off.remove(&recipient);
            }
            file.size
        });
        let found = message.attempts.iter().rposition(|attempt| attempt.group == group);
        let index = match found.filter(|index| message.attempts.len() - index <= ATTEMPTS_BACK) {
            Some(index) => index,
            None => {
                let trouble = Trouble::of(delivery.response);
                // The failed connects of this attempt have events of their own; where their lines are missing,
                // the recipient's line stands for one.
                let is_unmade = delivery.peer().is_none();
                let is_connect_failure = delivery.response.starts_with(b"connect to ");
                let is_only_witness =
                    is_unmade && is_connect_failure && failures.as_ref().is_none_or(|f| f.failures.is_empty());
                let is_new_connection = !is_unmade && !delivery.is_reuse;
                message.push_attempt(Attempt {
                    size,
                    peer: out.words(format_args!("{}", lossy(delivery.relay))),
                    connections: u32::from(is_new_connection || is_only_witness),
                    failed: u32::from(trouble.is_setup_failed && is_new_connection || is_only_witness),
                    detail: out.words(format_args!(
                        "{} to <{}>: {}",
                        key.id,
                        Quote(delivery.recipient),
                        Quote(delivery.response)
                    )),
                    ..Attempt::at(key, at.line.time, group)
                })
            }
        };
        let trouble = Trouble::of(delivery.response);
        let attempt = &mut message.attempts[index];
        let delays = &delivery.delays;
        attempt.duration_ms = attempt.duration_ms.max(delays.connecting_ms.saturating_add(delays.transferring_ms));
        attempt.is_bad_command |= trouble.is_bad_command;
        attempt.is_terminated |= trouble.is_terminated;
        match delivery.status {
            Status::Sent => {
                let transfer = hash((delivery.response, delivery.delays.transferring_ms));
                if !attempt.transfers.contains(&transfer) {
                    attempt.transfers.push(transfer);
                }
            }
            Status::Bounced => attempt.bounced += u32::from(is_final),
            Status::Deferred => attempt.deferred += 1,
            Status::Probed => {}
        }
        message.sync_attempt(index, &self.settings, &self.ours, out);
        // qmgr's line was read first.
        if is_expired {
            self.expired(at, key, out);
        }
        let Some(message) = self.queue.messages.get(row) else { return };
        if let Some(failures) = failures {
            let subjects = owner_subjects(&message.owner(&self.settings, &self.ours));
            give_failures(failures, &subjects, out);
        }
    }

    /// A next hop failed and the next one is tried: a connection of its own.
    pub(super) fn hop_failed(
        &mut self,
        at: &At<'_>,
        key: FileKey,
        host: &Peer<'_>,
        response: &[u8],
        out: &mut Out<'_>,
    ) {
        if relay::is_internal(&self.settings, host) {
            return;
        }
        let row = self.touch(at, key);
        let group = hash((key, at.line.pid, host.name, host.ip));
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let trouble = Trouble::of(response);
        let is_known = message.attempts.iter().rev().take(ATTEMPTS_BACK).any(|attempt| {
            attempt.group == group && at.line.time.secs_since(attempt.time) <= super::smtp_in::OUT_OF_ORDER_SECS
        });
        if is_known {
            return;
        }
        let index = message.push_attempt(Attempt {
            peer: out.words(format_args!("{}[{}]", Quote(host.name), Quote(host.ip))),
            connections: 1,
            failed: u32::from(trouble.is_setup_failed),
            is_bad_command: trouble.is_bad_command,
            is_terminated: trouble.is_terminated,
            detail: out.words(format_args!("{}: {}", key.id, Quote(response))),
            ..Attempt::at(key, at.line.time, group)
        });
        message.sync_attempt(index, &self.settings, &self.ours, out);
    }

    pub(super) fn connect_failed(&mut self, at: &At<'_>, text: &[u8], host: &Peer<'_>, out: &mut Out<'_>) {
        if relay::is_internal(&self.settings, host) {
            return;
        }
        let kind = Kind::Attempt {
            class: Class::Normal,
            connections: 1,
            failed: 1,
            is_bad_command: false,
            is_terminated: false,
            deferred: 0,
            bounced: 0,
        };
        let peer = Some(out.words(format_args!("{}[{}]", Quote(host.name), Quote(host.ip))));
        let event = Event { peer, detail: out.quote(text), ..at.event(kind, Subjects::default()) };
        let mut booked = None;
        out.set(&mut booked, event);
        let Some(process) = at.line.pid else { return };
        let row = match self.queue.failures_of.get(&(at.host, process)) {
            Some(row) => *row,
            None => {
                let row = self.new_row();
                let failures = Failures { host: at.host, process, time: at.line.time, failures: Vec::new() };
                self.queue.failures.insert(row, failures);
                self.queue.failures_of.insert((at.host, process), row);
                row
            }
        };
        if let Some(failures) = self.queue.failures.get_mut(row)
            && failures.failures.len() < MAX_FAILURES
        {
            failures.failures.push((out.quote(text), booked));
        }
    }

    /// The failed connects of the process whose recipient's line this is.
    pub(super) fn claim_failures(&mut self, at: &At<'_>) -> Option<Failures> {
        let row = self.queue.failures_of.remove(&(at.host, at.line.pid?))?;
        self.queue.failures.remove(row)
    }

    pub(super) fn settle_failures(&mut self, row: u64, failures: Option<Failures>, out: &mut Out<'_>) {
        let (Some(failures), Some(message)) = (failures, self.queue.messages.get(row)) else { return };
        give_failures(&failures, &owner_subjects(&message.owner(&self.settings, &self.ours)), out);
    }

    /// qmgr gave up: whoever was put off has failed, and no line of their own says so (LOG-LINES trap 15).
    pub(super) fn expired(&mut self, at: &At<'_>, key: FileKey, out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let Some(file) = file_of(message, key) else { return };
        file.is_expired = true;
        let put_off = file.put_off.take();
        let bounced = put_off.into_iter().filter(|recipient| message.finals.insert(*recipient)).count() as u32;
        if bounced == 0 {
            return;
        }
        let index = message.push_attempt(Attempt {
            bounced,
            detail: out.words(format_args!("{}: expired, returned to sender", key.id)),
            ..Attempt::at(key, at.line.time, hash((key, "expired")))
        });
        message.sync_attempt(index, &self.settings, &self.ours, out);
    }

    /// A notification is a message of its own; it counts for the one whose message failed.
    pub(super) fn bounce(&mut self, at: &At<'_>, key: FileKey, child: QueueId, out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let detail = out.words(format_args!("{} is returned as {child}", key.id));
        let aftermath = Aftermath { time: at.line.time, what: What::Bounce, detail, booked: None };
        message.push_aftermath(aftermath, &self.settings, &self.ours, out);
    }

    /// A filter refused or discarded a message as spam.
    pub(super) fn spam_blocked(
        &mut self,
        at: &At<'_>,
        row: Option<u64>,
        recipient: Subjects,
        text: &[u8],
        out: &mut Out<'_>,
    ) {
        let Some(message) = row.and_then(|row| self.queue.messages.get_mut(row)) else {
            let event = at.event(Kind::SpamBlocked { is_outgoing: false }, recipient);
            out.once(Event { detail: out.quote(text), ..event });
            return;
        };
        let what = What::SpamBlocked { recipient };
        let aftermath = Aftermath { time: at.line.time, what, detail: out.quote(text), booked: None };
        message.push_aftermath(aftermath, &self.settings, &self.ours, out);
    }

    pub(super) fn says_spam(&self, text: &[u8]) -> bool {
        self.settings.spam_reply_patterns.iter().any(|pattern| contains_ignoring_case(text, pattern.as_bytes()))
    }

    /// Evidence that a mailbox is ours; messages that waited for its domain get their owner (R9, R19).
    pub(super) fn learn(&mut self, mailbox: &Mailbox, out: &mut Out<'_>) {
        let Some(domain) = self.ours.learn(mailbox, out) else { return };
        self.is_meta_changed = true;
        for row in self.queue.awaiting.remove(domain).unwrap_or_default() {
            if let Some(message) = self.queue.messages.get_mut(row) {
                message.sync_all(&self.settings, &self.ours, out);
            }
        }
    }
}

/// Process, next hop and delays up to the connection: the same for all recipients of one attempt.
fn attempt_group(at: &At<'_>, key: FileKey, delivery: &Delivery<'_>) -> u64 {
    hash((key, at.line.pid, delivery.relay, delivery.delays.before))
}

/// Whose failed connects they were is known now.
fn give_failures(failures: &Failures, subjects: &Subjects, out: &mut Out<'_>) {
    if subjects.is_empty() {
        return;
    }
    for (_, booked) in &failures.failures {
        let mut booked = booked.clone();
        if let Some(given) = &booked {
            let now = Event { subjects: Arc::clone(subjects), ..Event::clone(&given.event) };
            out.set(&mut booked, now);
        }
    }
}
