//! Queue files → messages: generations of queue-ids, links between them, first activation, final outcomes
//! (SEMANTICS R1 to R7, R17).

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use mailtally_model::{Subject, Time};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use serde::{Deserialize, Serialize};

use super::message::{Attempt, Delivered, File, FileKey, MAX_ATTEMPTS, Message, Origin, Owner, owner_subjects};
use super::names::Mailbox;
use super::relay::{self, Role, is_loopback};
use super::state::{Booked, Out, Table};
use super::{At, GRACE_SECS, Tracker, detail};
use crate::event::{Event, Kind};
use crate::postfix::{BrokenOff, Delivery, Fact, Peer, QueueId, Speaker, Status, Trouble};
use crate::text::contains_ignoring_case;

/// Postfix gives a message up after five days; a day more, and its last line is lost.
const MAX_LIFETIME_SECS: i64 = 6 * 86_400;

/// Messages whose sender's domain may yet turn out to be ours are remembered for so long (R13's late window).
const AWAITING_SECS: i64 = 7 * 86_400;

/// Open messages in memory. A queue is rarely larger; past it the oldest that are done are forgotten first.
const MAX_MESSAGES: usize = 300_000;

/// Failed connects of one process whose recipients' line is still to come.
const MAX_FAILURES: usize = 32;

/// How many attempts back a recipient's line may belong to: as many as smtp processes run at once.
const ATTEMPTS_BACK: usize = 100;

#[derive(Debug)]
pub struct Queue {
    pub messages: Table<Message>,
    /// Failed connects, by host and process, until a recipient's line says whose they were.
    pub failures: Table<Failures>,
    /// Pipes that a message came back from: `host/instance/name`.
    pub filter_pipes: BTreeSet<String>,
    /// The open generation of each queue file.
    open: FxHashMap<FileKey, u64>,
    by_id: FxHashMap<QueueId, Vec<FileKey>>,
    by_message_id: FxHashMap<u64, Vec<u64>>,
    failures_of: FxHashMap<(u16, u32), u64>,
    awaiting: FxHashMap<String, Vec<u64>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Failures {
    host: u16,
    process: u32,
    time: Time,
    failures: Vec<(String, Option<Booked>)>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            messages: Table::new(b'q'),
            failures: Table::new(b'f'),
            filter_pipes: BTreeSet::new(),
            open: FxHashMap::default(),
            by_id: FxHashMap::default(),
            by_message_id: FxHashMap::default(),
            failures_of: FxHashMap::default(),
            awaiting: FxHashMap::default(),
        }
    }
}

impl Queue {
    /// Builds what is looked up from what was restored.
    pub fn index(&mut self) {
        for (row, message) in self.messages.iter() {
            for file in &message.files {
                if file.closed.is_none() {
                    self.open.insert(file.key, row);
                    self.by_id.entry(file.key.id).or_default().push(file.key);
                }
                if let Some(message_id) = file.message_id {
                    let rows = self.by_message_id.entry(message_id).or_default();
                    if !rows.contains(&row) {
                        rows.push(row);
                    }
                }
            }
        }
        for (row, failures) in self.failures.iter() {
            self.failures_of.insert((failures.host, failures.process), row);
        }
    }

    /// The message of an open queue file, to be changed.
    fn of(&mut self, key: FileKey) -> Option<(u64, &mut Message)> {
        let row = *self.open.get(&key)?;
        Some((row, self.messages.get_mut(row)?))
    }

    fn close(&mut self, key: FileKey, time: Time) {
        let Some(row) = self.open.remove(&key) else { return };
        if let Some(keys) = self.by_id.get_mut(&key.id) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_id.remove(&key.id);
            }
        }
        let Some(message) = self.messages.get_mut(row) else { return };
        message.touched = Some(time);
        if let Some(file) = file_of(message, key) {
            file.closed = Some(time);
        }
    }

    fn forget(&mut self, row: u64) {
        let Some(message) = self.messages.remove(row) else { return };
        for file in message.files {
            if self.open.get(&file.key) == Some(&row) {
                self.open.remove(&file.key);
                if let Some(keys) = self.by_id.get_mut(&file.key.id) {
                    keys.retain(|other| *other != file.key);
                    if keys.is_empty() {
                        self.by_id.remove(&file.key.id);
                    }
                }
            }
            let Some(message_id) = file.message_id else { continue };
            if let Some(rows) = self.by_message_id.get_mut(&message_id) {
                rows.retain(|other| *other != row);
                if rows.is_empty() {
                    self.by_message_id.remove(&message_id);
                }
            }
        }
    }

    /// Messages with this Message-ID, oldest first.
    pub fn with_message_id(&self, message_id: u64) -> &[u64] {
        self.by_message_id.get(&message_id).map_or(&[], Vec::as_slice)
    }
}

/// The newest generation of a queue file within a message.
fn file_of(message: &mut Message, key: FileKey) -> Option<&mut File> {
    message.files.iter_mut().rev().find(|file| file.key == key)
}

pub fn hash(bytes: impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Tracker {
    pub(super) fn postfix(&mut self, at: &At<'_>, speaker: &Speaker<'_>, fact: &Fact<'_>, out: &mut Out<'_>) {
        let Some((instance, _)) = self.programs.number(speaker.instance) else { return };
        let key = |id: QueueId| FileKey { host: at.host, instance, id };
        match fact {
            Fact::Connect(client) => self.smtp_connect(at, speaker, client, out),
            Fact::Disconnect { unknown_commands, .. } => self.smtp_disconnect(at, *unknown_commands, out),
            Fact::Client { id: None, client, sasl_username, .. } => {
                self.smtp_accepted(at, client, *sasl_username, out);
            }
            Fact::Client { id: Some(id), client, sasl_username, orig_queue_id, orig_client } => {
                let session = self.smtp_accepted(at, client, *sasl_username, out);
                let from = orig_client.as_ref().unwrap_or(client);
                let origin = Origin::Smtp {
                    ip: String::from_utf8_lossy(from.ip).into_owned(),
                    user: sasl_username.map(|user| String::from_utf8_lossy(user).into_owned()),
                    is_submission: speaker.is_submission(),
                };
                self.begin(at, key(*id), origin, session, is_loopback(client.ip), out);
                if let Some(parent) = orig_queue_id {
                    self.link_to_open(at, key(*id), *parent, out);
                }
            }
            Fact::Reject(reject) => self.smtp_reject(at, reject, reject.id.map(key), out),
            Fact::ProxyAccept { queued_as } => self.proxy_accepted(at, *queued_as, out),
            Fact::OverLimit { what, client } => self.over_limit(at, *what, client, out),
            Fact::LoginFailed { client, user } => self.smtp_login_failed(at, client, *user, out),
            Fact::BadCommand { .. } => self.smtp_bad_command(at, out),
            Fact::BrokenOff { how, bytes, .. } => {
                self.smtp_broken_off(at, *how == BrokenOff::Terminated, *bytes, out);
            }
            Fact::MilterDown { address } => self.milter_down(at, address, out),
            Fact::MessageId { id, message_id } => self.message_id(at, key(*id), message_id),
            Fact::Header { id, header } => self.header(at, key(*id), header),
            Fact::Pickup { id, uid, sender, orig_id } => {
                self.begin(at, key(*id), Origin::Pickup { uid: *uid }, None, true, out);
                if let Some((_, message)) = self.queue.of(key(*id))
                    && let Some(file) = file_of(message, key(*id))
                {
                    file.sender = Some(String::from_utf8_lossy(sender).into_owned());
                }
                if let Some(parent) = orig_id {
                    self.link_to_open(at, key(*id), *parent, out);
                }
            }
            Fact::Active { id, sender, size } => self.active(at, key(*id), sender, *size, out),
            Fact::Expired { id } => self.expired(at, key(*id), out),
            Fact::Removed { id } => self.queue.close(key(*id), at.line.time),
            Fact::Delivery(delivery) => self.delivery(at, speaker, key(delivery.id), delivery, out),
            Fact::ConnectFailed { text, host } => self.connect_failed(at, text, host, out),
            Fact::HopFailed { id, host, response } => self.hop_failed(at, key(*id), host, response, out),
            Fact::Notification { id, child, is_non_delivery } => {
                self.touch(at, key(*child));
                if *is_non_delivery {
                    self.bounce(at, key(*id), *child, out);
                }
            }
            Fact::Screen { client, what } => self.screened(at, speaker, client, what, out),
            Fact::Restart => self.smtp_restart(at, instance, out),
        }
    }

    /// The message of a queue file; a new one if the id is not open (R1, R17).
    fn touch(&mut self, at: &At<'_>, key: FileKey) -> u64 {
        if let Some(row) = self.queue.open.get(&key) {
            return *row;
        }
        let row = self.new_row();
        let file = File {
            key,
            opened: at.line.time,
            closed: None,
            size: None,
            has_origin: false,
            client_is_internal: false,
            sender: None,
            message_id: None,
            session: None,
            put_off: FxHashSet::default(),
        };
        let message = Message {
            host: at.line.host.to_owned(),
            files: vec![file],
            touched: Some(at.line.time),
            ..Message::default()
        };
        self.queue.messages.insert(row, message);
        self.queue.open.insert(key, row);
        self.queue.by_id.entry(key.id).or_default().push(key);
        if self.queue.messages.len() > MAX_MESSAGES {
            self.shed();
        }
        row
    }

    /// Forgets the oldest messages, those that are done first.
    fn shed(&mut self) {
        const SHED: usize = MAX_MESSAGES / 20;
        let mut oldest: Vec<u64> = self
            .queue
            .messages
            .iter()
            .filter(|(_, message)| message.is_closed())
            .map(|(row, _)| row)
            .take(SHED)
            .collect();
        if oldest.is_empty() {
            oldest = self.queue.messages.iter().map(|(row, _)| row).take(SHED).collect();
        }
        for row in oldest {
            self.queue.forget(row);
        }
    }

    /// `client=` or pickup: a generation begins, unless its first lines came out of order.
    fn begin(
        &mut self,
        at: &At<'_>,
        key: FileKey,
        origin: Origin,
        session: Option<u64>,
        is_internal: bool,
        out: &mut Out<'_>,
    ) {
        let is_reused = self.queue.of(key).is_some_and(|(_, message)| {
            file_of(message, key).is_some_and(|file| {
                file.has_origin || at.line.time.secs_since(file.opened) > super::smtp_in::OUT_OF_ORDER_SECS
            })
        });
        if is_reused {
            self.queue.close(key, at.line.time);
        }
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        if message.files.len() == 1 {
            message.origin = origin;
        }
        if let Some(file) = file_of(message, key) {
            file.has_origin = true;
            file.session = session;
            file.client_is_internal = is_internal;
        }
        if message.accepted.is_some() {
            message.sync_all(&self.settings, &self.ours, out);
        }
    }

    fn message_id(&mut self, at: &At<'_>, key: FileKey, message_id: &[u8]) {
        let row = self.touch(at, key);
        let hash = hash(message_id);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let Some(file) = file_of(message, key) else { return };
        if file.message_id.is_none() && message_id.len() > 2 {
            file.message_id = Some(hash);
            let rows = self.queue.by_message_id.entry(hash).or_default();
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        self.match_waiting_scan(hash, row, at.line.time);
    }

    /// `Precedence: bulk from …`: logged by header_checks before the first activation (1.4).
    fn header(&mut self, at: &At<'_>, key: FileKey, header: &[u8]) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let Some((name, value)) = crate::text::split(header, b":") else { return };
        let value = value.trim_ascii_start();
        let is = |word: &[u8]| value.len() >= word.len() && value[..word.len()].eq_ignore_ascii_case(word);
        match name.to_ascii_lowercase().as_slice() {
            b"list-id" | b"list-unsubscribe" => message.is_bulk = true,
            b"precedence" => message.is_bulk |= is(b"bulk") || is(b"list") || is(b"junk"),
            b"x-priority" => message.is_urgent |= is(b"1"),
            b"importance" => message.is_urgent |= is(b"high"),
            b"priority" => message.is_urgent |= is(b"urgent"),
            _ => {}
        }
    }

    fn active(&mut self, at: &At<'_>, key: FileKey, sender: &[u8], size: Option<u64>, out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.touched = Some(at.line.time);
        let Some(file) = file_of(message, key) else { return };
        if file.size.is_some() {
            return;
        }
        file.size = size;
        let sender = String::from_utf8_lossy(sender).into_owned();
        file.sender = Some(sender.clone());
        if message.accepted.is_some() {
            return;
        }
        // A message that came back from a filter pipe is known before it counts for one of its own.
        if self.link_return(row, key, &sender, out) {
            return;
        }
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.accepted = Some((at.line.time, size));
        message.sender = Some(sender);
        message.sync(&self.settings, &self.ours, out);
        if let Some(domain) = message.awaited_domain(&self.settings, &self.ours) {
            self.queue.awaiting.entry(domain).or_default().push(row);
        }
    }

    /// By Message-ID, for a filter that a pipe hands messages to and that sends them back (R2).
    fn link_return(&mut self, row: u64, key: FileKey, sender: &str, out: &mut Out<'_>) -> bool {
        let Some(message) = self.queue.messages.get(row) else { return false };
        let Some(file) = message.files.iter().rev().find(|file| file.key == key) else { return false };
        let (Some(message_id), true, 1) = (file.message_id, file.client_is_internal, message.files.len()) else {
            return false;
        };
        let opened = file.opened;
        let parent = self.queue.with_message_id(message_id).iter().copied().find(|candidate| {
            *candidate != row
                && self.queue.messages.get(*candidate).is_some_and(|parent| {
                    let is_recent = parent.touched.is_some_and(|touched| opened.secs_since(touched) <= GRACE_SECS);
                    let handed = parent.hand_overs
                        + parent.delivered.iter().filter(|reached| reached.pipe.is_some()).count() as u32;
                    is_recent && parent.sender.as_deref() == Some(sender) && parent.returns < handed
                })
        });
        let Some(parent) = parent else { return false };
        self.came_back(parent, out);
        self.link(row, parent, out);
        true
    }

    /// A pipe took the message and another one with its Message-ID is already in the queue: it came back.
    fn find_return(&mut self, row: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get(row) else { return };
        let Some(sender) = message.sender.clone() else { return };
        let Some(message_id) = message.files.iter().find_map(|file| file.message_id) else { return };
        let opened = message.files.first().map_or(Time(0), |file| file.opened);
        let child = self.queue.with_message_id(message_id).iter().copied().find(|candidate| {
            *candidate > row
                && self.queue.messages.get(*candidate).is_some_and(|child| {
                    child.files.len() == 1
                        && child.files[0].client_is_internal
                        && child.files[0].opened >= opened
                        && child.sender.as_deref() == Some(sender.as_str())
                })
        });
        if let Some(child) = child {
            self.came_back(row, out);
            self.link(child, row, out);
        }
    }

    /// The pipes that the message went through are filters, now and from now on.
    fn came_back(&mut self, row: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.returns += 1;
        let pipes: BTreeSet<String> = message.delivered.iter().filter_map(|reached| reached.pipe.clone()).collect();
        for pipe in pipes {
            message.take_back(&pipe, out);
            self.is_meta_changed |= self.queue.filter_pipes.insert(format!("{}/{pipe}", message.host));
        }
    }

    /// XFORWARD, requeue: the parent is named. Any instance of the host may hold it.
    fn link_to_open(&mut self, at: &At<'_>, child: FileKey, parent: QueueId, out: &mut Out<'_>) {
        let Some(child) = self.queue.open.get(&child).copied() else { return };
        let Some(keys) = self.queue.by_id.get(&parent) else { return };
        let Some(key) = keys.iter().rev().find(|key| key.host == at.host) else { return };
        let Some(parent) = self.queue.open.get(key).copied() else { return };
        self.link(child, parent, out);
    }

    /// Two queue files are one message (R2). A loop of links ends here: a message is never its own parent (FAULTS 55).
    fn link(&mut self, child: u64, parent: u64, out: &mut Out<'_>) {
        if child == parent || self.queue.messages.get(parent).is_none() {
            return;
        }
        let Some(absorbed) = self.queue.messages.remove(child) else { return };
        for file in &absorbed.files {
            if self.queue.open.get(&file.key) == Some(&child) {
                self.queue.open.insert(file.key, parent);
            }
            if let Some(message_id) = file.message_id
                && let Some(rows) = self.queue.by_message_id.get_mut(&message_id)
            {
                rows.retain(|row| *row != child);
                if !rows.contains(&parent) {
                    rows.push(parent);
                }
            }
        }
        let sessions: Vec<u64> =
            absorbed.files.iter().filter(|file| file.client_is_internal).filter_map(|file| file.session).collect();
        for session in sessions {
            self.smtp_reinjected(session, out);
        }
        let Some(message) = self.queue.messages.get_mut(parent) else { return };
        message.absorb(absorbed, out);
        message.sync_all(&self.settings, &self.ours, out);
    }

    fn delivery(
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
            && self.queue.filter_pipes.contains(&format!("{host}/{}", String::from_utf8_lossy(delivery.relay)));
        let mut role = relay::role(&self.settings, speaker, delivery, is_filter_pipe);
        if let Some(message) = self.queue.messages.get_mut(row) {
            message.touched = Some(at.line.time);
        }
        if delivery.status == Status::Sent {
            if let Some(child) = delivery.forwarded_as() {
                let child = FileKey { id: child, ..key };
                if let Some(child) = self.queue.open.get(&child).copied() {
                    self.link(child, row, out);
                }
                return;
            }
            if self.link_relayed(at, row, delivery, out) {
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
        if role != Role::Remote {
            self.settle_failures(row, failures, out);
        }
    }

    /// `queued as CHILD`, where CHILD is one of ours: the next hop is internal, or both carry one Message-ID. A
    /// stranger's server that answers with one of our ids has neither (FAULTS 46).
    fn link_relayed(&mut self, at: &At<'_>, row: u64, delivery: &Delivery<'_>, out: &mut Out<'_>) -> bool {
        if delivery.daemon != b"smtp" && delivery.daemon != b"lmtp" {
            return false;
        }
        let (Some(id), Some(peer)) = (delivery.queued_as(), delivery.peer()) else { return false };
        let Some(keys) = self.queue.by_id.get(&id) else { return false };
        let is_internal = relay::is_internal(&self.settings, &peer);
        let message_id =
            self.queue.messages.get(row).and_then(|message| message.files.iter().find_map(|file| file.message_id));
        let child = keys.iter().rev().find_map(|key| {
            let child = *self.queue.open.get(key)?;
            let file = self.queue.messages.get(child)?.files.iter().rev().find(|file| file.key == *key)?;
            let is_recent = at.line.time.secs_since(file.opened) <= GRACE_SECS;
            let is_same_text = file.message_id.is_some() && file.message_id == message_id;
            let is_ours = is_internal
                && key.host == at.host
                && file.client_is_internal
                && (is_same_text || file.message_id.is_none() || message_id.is_none());
            (child == row || is_recent && (is_ours || is_same_text)).then_some(child)
        });
        let Some(child) = child else { return false };
        self.mark_reinjected(child, out);
        self.link(child, row, out);
        true
    }

    fn mark_reinjected(&mut self, child: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get(child) else { return };
        let Some(session) = message.files.last().and_then(|file| file.session) else { return };
        if message.files.len() == 1 {
            self.smtp_reinjected(session, out);
        }
    }

    /// A before-queue filter gave the message back in a session of its own; who sent it is known in this one.
    fn proxy_accepted(&mut self, at: &At<'_>, queued_as: QueueId, out: &mut Out<'_>) {
        let Some((front, ip, user)) = self.smtp_front(at) else { return };
        let Some(keys) = self.queue.by_id.get(&queued_as) else { return };
        let Some(key) = keys.iter().rev().find(|key| key.host == at.host).copied() else { return };
        let Some((_, message)) = self.queue.of(key) else { return };
        message.origin = Origin::Smtp { ip, user, is_submission: false };
        let inner = file_of(message, key).and_then(|file| file.session.replace(front));
        if let Some(inner) = inner.filter(|inner| *inner != front) {
            self.smtp_reinjected(inner, out);
        }
        if let Some((_, message)) = self.queue.of(key) {
            message.sync_all(&self.settings, &self.ours, out);
        }
    }

    /// Mail whose only outcome is that an address was verified is no mail (R6).
    fn probed(&mut self, row: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let is_of_ours = message.is_null_sender()
            || message.sender.as_deref().is_some_and(|sender| sender.starts_with("double-bounce@"));
        if message.origin == Origin::Unknown && is_of_ours && message.finals.is_empty() {
            message.is_probe = true;
            message.sync(&self.settings, &self.ours, out);
        }
    }

    /// What a filter took is not delivered; what it refused may be spam.
    fn hand_over(&mut self, at: &At<'_>, row: u64, delivery: &Delivery<'_>, out: &mut Out<'_>) {
        if delivery.status == Status::Bounced && self.says_spam(delivery.response) {
            let subjects = Mailbox::of_address(delivery.recipient, &self.settings.recipient_delimiter)
                .map(|mailbox| mailbox.subjects().to_vec());
            self.spam_blocked(at, Some(row), subjects.unwrap_or_default(), delivery.response, out);
        }
        if delivery.daemon == b"pipe"
            && delivery.status == Status::Sent
            && let Some(message) = self.queue.messages.get_mut(row)
        {
            message.hand_overs += 1;
            self.find_return(row, out);
        }
    }

    fn deliver_locally(
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
        let recipient = hash(delivery.recipient.to_ascii_lowercase());
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        if !message.finals.insert(recipient) || delivery.status != Status::Sent {
            return;
        }
        let mailbox = Mailbox::of_address(delivery.recipient, &self.settings.recipient_delimiter);
        let size = file_of(message, key).and_then(|file| file.size);
        let is_first = message.delivered.is_empty();
        message.delivered.push(Delivered {
            time: at.line.time,
            mailbox: mailbox.clone(),
            recipient,
            size,
            pipe: is_pipe.then(|| String::from_utf8_lossy(delivery.relay).into_owned()),
            detail: format!("{} to <{}>: {}", key.id, detail(delivery.recipient), detail(delivery.response)),
            booked: None,
        });
        message.sync_delivered(message.delivered.len() - 1, &self.settings, out);
        let sessions: Vec<u64> = message.files.iter().filter_map(|file| file.session).collect();
        if let Some(mailbox) = &mailbox {
            let concerned = message.concerned.len();
            for subject in mailbox.subjects() {
                message.concern(subject);
            }
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

    fn attempt(
        &mut self,
        at: &At<'_>,
        row: u64,
        key: FileKey,
        delivery: &Delivery<'_>,
        failures: &Option<Failures>,
        out: &mut Out<'_>,
    ) {
        let recipient = hash(delivery.recipient.to_ascii_lowercase());
        let group = hash((key, at.line.pid, delivery.relay, delivery.delays.before));
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let is_final = delivery.status != Status::Deferred && message.finals.insert(recipient);
        let size = file_of(message, key).and_then(|file| {
            if delivery.status == Status::Deferred {
                file.put_off.insert(recipient);
            } else {
                file.put_off.remove(&recipient);
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
                if message.attempts.len() >= MAX_ATTEMPTS {
                    message.attempts.drain(..MAX_ATTEMPTS / 2);
                }
                message.attempts.push(Attempt {
                    group,
                    transfers: Vec::new(),
                    time: at.line.time,
                    duration_ms: 0,
                    size,
                    peer: String::from_utf8_lossy(delivery.relay).into_owned(),
                    connections: u32::from(is_new_connection || is_only_witness),
                    failed: u32::from(trouble.is_setup_failed && is_new_connection || is_only_witness),
                    is_bad_command: false,
                    is_terminated: false,
                    deferred: 0,
                    bounced: 0,
                    detail: format!("{} to <{}>: {}", key.id, detail(delivery.recipient), detail(delivery.response)),
                    booked: None,
                });
                message.attempts.len() - 1
            }
        };
        let trouble = Trouble::of(delivery.response);
        let attempt = &mut message.attempts[index];
        attempt.duration_ms = attempt.duration_ms.max(delivery.delays.connecting_ms + delivery.delays.transferring_ms);
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
        if let Some(failures) = failures {
            let subjects = owner_subjects(&message.owner(&self.settings, &self.ours));
            give_failures(failures, &subjects, out);
        }
    }

    /// A next hop failed and the next one is tried: a connection of its own.
    fn hop_failed(&mut self, at: &At<'_>, key: FileKey, host: &Peer<'_>, response: &[u8], out: &mut Out<'_>) {
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
        if message.attempts.len() >= MAX_ATTEMPTS {
            message.attempts.drain(..MAX_ATTEMPTS / 2);
        }
        message.attempts.push(Attempt {
            group,
            transfers: Vec::new(),
            time: at.line.time,
            duration_ms: 0,
            size: None,
            peer: format!("{}[{}]", detail(host.name), detail(host.ip)),
            connections: 1,
            failed: u32::from(trouble.is_setup_failed),
            is_bad_command: trouble.is_bad_command,
            is_terminated: trouble.is_terminated,
            deferred: 0,
            bounced: 0,
            detail: format!("{}: {}", key.id, detail(response)),
            booked: None,
        });
        message.sync_attempt(message.attempts.len() - 1, &self.settings, &self.ours, out);
    }

    fn connect_failed(&mut self, at: &At<'_>, text: &[u8], host: &Peer<'_>, out: &mut Out<'_>) {
        if relay::is_internal(&self.settings, host) {
            return;
        }
        let kind = Kind::Attempt {
            class: crate::event::Class::Normal,
            connections: 1,
            failed: 1,
            is_bad_command: false,
            is_terminated: false,
            deferred: 0,
            bounced: 0,
        };
        let peer = Some(format!("{}[{}]", detail(host.name), detail(host.ip)));
        let event = Event { peer, detail: detail(text), ..at.event(kind, Vec::new()) };
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
            failures.failures.push((detail(text), booked));
        }
    }

    /// The failed connects of the process whose recipient's line this is.
    fn claim_failures(&mut self, at: &At<'_>) -> Option<Failures> {
        let row = self.queue.failures_of.remove(&(at.host, at.line.pid?))?;
        self.queue.failures.remove(row)
    }

    fn settle_failures(&mut self, row: u64, failures: Option<Failures>, out: &mut Out<'_>) {
        let (Some(failures), Some(message)) = (failures, self.queue.messages.get(row)) else { return };
        give_failures(&failures, &owner_subjects(&message.owner(&self.settings, &self.ours)), out);
    }

    /// qmgr gave up: whoever was put off has failed, and no line of their own says so (LOG-LINES trap 15).
    fn expired(&mut self, at: &At<'_>, key: FileKey, out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let put_off = file_of(message, key).map(|file| std::mem::take(&mut file.put_off)).unwrap_or_default();
        let bounced = put_off.into_iter().filter(|recipient| message.finals.insert(*recipient)).count() as u32;
        if bounced == 0 {
            return;
        }
        message.attempts.push(Attempt {
            group: hash((key, "expired")),
            transfers: Vec::new(),
            time: at.line.time,
            duration_ms: 0,
            size: None,
            peer: String::new(),
            connections: 0,
            failed: 0,
            is_bad_command: false,
            is_terminated: false,
            deferred: 0,
            bounced,
            detail: format!("{}: expired, returned to sender", key.id),
            booked: None,
        });
        message.sync_attempt(message.attempts.len() - 1, &self.settings, &self.ours, out);
    }

    /// A notification is a message of its own; it counts for the one whose message failed.
    fn bounce(&mut self, at: &At<'_>, key: FileKey, child: QueueId, out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get(row) else { return };
        let subjects = owner_subjects(&message.owner(&self.settings, &self.ours));
        let detail = format!("{} is returned as {child}", key.id);
        out.once(Event { detail, ..at.event(Kind::Bounce, subjects) });
    }

    /// A filter refused or discarded a message as spam.
    pub(super) fn spam_blocked(
        &mut self,
        at: &At<'_>,
        row: Option<u64>,
        recipient: Vec<Subject>,
        text: &[u8],
        out: &mut Out<'_>,
    ) {
        let owner =
            row.and_then(|row| self.queue.messages.get(row)).map(|message| message.owner(&self.settings, &self.ours));
        let is_outgoing = owner.as_ref().is_some_and(|owner| *owner != Owner::None);
        let subjects = if is_outgoing { owner.as_ref().map(owner_subjects).unwrap_or_default() } else { recipient };
        out.once(Event { detail: detail(text), ..at.event(Kind::SpamBlocked { is_outgoing }, subjects) });
    }

    pub(super) fn says_spam(&self, text: &[u8]) -> bool {
        self.settings.spam_reply_patterns.iter().any(|pattern| contains_ignoring_case(text, pattern.as_bytes()))
    }

    pub(super) fn row_of(&self, key: FileKey) -> Option<u64> {
        self.queue.open.get(&key).copied()
    }

    pub(super) fn session_of(&self, key: FileKey) -> Option<u64> {
        let message = self.queue.messages.get(*self.queue.open.get(&key)?)?;
        message.files.iter().rev().find(|file| file.key == key)?.session
    }

    pub(super) fn close_file(&mut self, key: FileKey, time: Time) {
        self.queue.close(key, time);
    }

    /// Forgets what no line can touch any more.
    pub(super) fn sweep_messages(&mut self, host: u16, now: Time) {
        let is_over = |message: &Message| {
            let Some(touched) = message.touched else { return true };
            let age = now.secs_since(touched);
            let is_here = message.files.first().is_some_and(|file| file.key.host == host);
            let grace = match message.awaited_domain(&self.settings, &self.ours) {
                Some(_) if message.accepted.is_some() => AWAITING_SECS,
                _ => GRACE_SECS,
            };
            is_here && age > if message.is_closed() { grace } else { MAX_LIFETIME_SECS.max(grace) }
        };
        let over: Vec<u64> =
            self.queue.messages.iter().filter(|(_, message)| is_over(message)).map(|(row, _)| row).collect();
        for row in over {
            self.queue.forget(row);
        }
        let stale: Vec<(u64, (u16, u32))> = self
            .queue
            .failures
            .iter()
            .filter(|(_, failures)| failures.host == host && now.secs_since(failures.time) > GRACE_SECS)
            .map(|(row, failures)| (row, (failures.host, failures.process)))
            .collect();
        for (row, process) in stale {
            self.queue.failures.remove(row);
            self.queue.failures_of.remove(&process);
        }
    }
}

/// Whose failed connects they were is known now.
fn give_failures(failures: &Failures, subjects: &[Subject], out: &mut Out<'_>) {
    if subjects.is_empty() {
        return;
    }
    for (_, booked) in &failures.failures {
        let mut booked = booked.clone();
        if let Some(given) = &booked {
            let now = Event { subjects: subjects.to_vec(), ..given.event.clone() };
            out.set(&mut booked, now);
        }
    }
}
