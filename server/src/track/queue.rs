//! Queue files → messages: generations of queue-ids, origin, first activation, end (SEMANTICS R1, R3, R7, R17).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::hint::black_box;

use mailtally_model::Time;
use rustc_hash::{FxHashMap, FxHasher};
use serde::{Deserialize, Serialize};

use super::expiry::Expiry;
use super::few::{Few, Index, put, take_out, take_out_if};
use super::message::{File, FileKey, Message, Origin};
use super::relay::is_loopback;
use super::state::{Booked, Out, Table};
use super::{At, GRACE_SECS, Tracker};
use crate::postfix::{BrokenOff, Fact, Speaker};
use crate::queue_id::QueueId;
use crate::text::{Text, lossy};

/// Postfix gives a message up after five days; a day more, and its last line is lost.
const MAX_LIFETIME_SECS: i64 = 6 * 86_400;

/// Messages whose sender's domain may yet turn out to be ours are remembered for so long (R13's late window).
const AWAITING_SECS: i64 = 7 * 86_400;

/// Open messages in memory. A queue is rarely larger; past it the oldest that are done are forgotten first.
const MAX_MESSAGES: usize = 300_000;

#[derive(Debug)]
pub struct Queue {
    pub messages: Table<Message>,
    /// Failed connects, by host and process, until a recipient's line says whose they were.
    pub failures: Table<Failures>,
    /// Pipes that a message came back from: `host/instance/name`.
    pub filter_pipes: BTreeSet<String>,
    /// Exim's transports as their lines showed them, by `host/name`: true where they lead to other servers.
    pub exim_transports: BTreeMap<String, bool>,
    /// The newest generation of each queue file that is remembered: of one name, in the order in which they came.
    newest: Index<QueueId, Newest>,
    pub by_message_id: Index<u64, u64>,
    /// Messages of which a next hop said that it calls them so, before that name was seen.
    pub expecting: Index<QueueId, u64>,
    /// Messages that named their parent before it was seen.
    pub named_parents: Index<QueueId, u64>,
    pub failures_of: FxHashMap<(u16, u32), u64>,
    pub awaiting: FxHashMap<String, Vec<u64>>,
    /// Messages whose last queue file is gone.
    closed: Expiry,
}

/// Of the queue file of this host and instance that has the name.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Newest {
    host: u16,
    instance: u16,
    row: u64,
    closed: Option<Time>,
}

impl Newest {
    fn is_of(&self, key: FileKey) -> bool {
        (self.host, self.instance) == (key.host, key.instance)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Failures {
    pub host: u16,
    pub process: u32,
    pub time: Time,
    pub failures: Vec<(Text, Option<Booked>)>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            messages: Table::new(b'q'),
            failures: Table::new(b'f'),
            filter_pipes: BTreeSet::new(),
            exim_transports: BTreeMap::new(),
            newest: FxHashMap::default(),
            by_message_id: FxHashMap::default(),
            expecting: FxHashMap::default(),
            named_parents: FxHashMap::default(),
            failures_of: FxHashMap::default(),
            awaiting: FxHashMap::default(),
            closed: Expiry::default(),
        }
    }
}

impl Queue {
    /// Builds what is looked up from what was restored.
    pub fn index(&mut self) {
        let mut ages: FxHashMap<FileKey, (bool, Time, Option<Time>)> = FxHashMap::default();
        for (row, message) in self.messages.iter() {
            if let Some((host, touched)) = message.closed() {
                self.closed.add(host, touched, row);
            }
            for file in message.files.iter() {
                let age = (file.closed.is_none(), file.opened, file.closed);
                if ages.get(&file.key).is_none_or(|known| age > *known) {
                    ages.insert(file.key, age);
                    set_newest(&mut self.newest, file.key, row, file.closed);
                }
                if let Some(message_id) = file.message_id {
                    put(&mut self.by_message_id, message_id, row);
                }
                if let Some(parent) = file.named_parent.as_deref() {
                    put(&mut self.named_parents, *parent, row);
                }
            }
            for expected in message.expected.iter() {
                put(&mut self.expecting, expected.id, row);
            }
        }
        for (row, failures) in self.failures.iter() {
            self.failures_of.insert((failures.host, failures.process), row);
        }
    }

    /// The message of a queue file, at the time of a line: open then. Files of several daemons are read one after the
    /// other within a second, so one that closed in the second of the line may still be meant (FAULTS 39).
    pub fn row_at(&self, key: FileKey, time: Time) -> Option<u64> {
        let newest = self.newest_of(key)?;
        newest.closed.is_none_or(|closed| time <= closed).then_some(newest.row)
    }

    /// The message of the newest generation of a queue file, closed or not.
    pub fn row_of(&self, key: FileKey) -> Option<u64> {
        self.newest_of(key).map(|newest| newest.row)
    }

    /// The queue files of this name that are remembered, of whatever host and instance, in the order in which they came.
    pub fn named(&self, id: QueueId) -> impl DoubleEndedIterator<Item = FileKey> {
        let newest = self.newest.get(&id).map_or(&[][..], |newest| newest);
        newest.iter().map(move |newest| FileKey { host: newest.host, instance: newest.instance, id })
    }

    fn newest_of(&self, key: FileKey) -> Option<&Newest> {
        self.newest.get(&key.id)?.iter().find(|newest| newest.is_of(key))
    }

    fn newest_mut(&mut self, key: FileKey) -> Option<&mut Newest> {
        self.newest.get_mut(&key.id)?.iter_mut().find(|newest| newest.is_of(key))
    }

    /// The message of a queue file at the time of a line, to be changed.
    pub fn of(&mut self, key: FileKey, time: Time) -> Option<(u64, &mut Message)> {
        let row = self.row_at(key, time)?;
        Some((row, self.messages.get_mut(row)?))
    }

    /// A queue file turned out to be of another message.
    pub fn moved(&mut self, key: FileKey, from: u64, to: u64) {
        if let Some(newest) = self.newest_mut(key).filter(|newest| newest.row == from) {
            newest.row = to;
        }
    }

    pub fn close(&mut self, key: FileKey, time: Time) {
        let Some(newest) = self.newest_mut(key).filter(|newest| newest.closed.is_none()) else { return };
        newest.closed = Some(time);
        let row = newest.row;
        let Some(message) = self.messages.get_mut(row) else { return };
        message.touched = message.touched.max(Some(time));
        if let Some(file) = file_of(message, key) {
            file.closed = Some(time);
        }
        if let Some((host, touched)) = message.closed() {
            self.closed.add(host, touched, row);
        }
    }

    pub fn forget(&mut self, row: u64) {
        let Some(message) = self.messages.get(row) else { return };
        for file in message.files.iter() {
            take_out_if(&mut self.newest, file.key.id, |newest| newest.is_of(file.key) && newest.row == row);
            if let Some(message_id) = file.message_id {
                take_out(&mut self.by_message_id, message_id, &row);
            }
            if let Some(parent) = file.named_parent.as_deref() {
                take_out(&mut self.named_parents, *parent, &row);
            }
        }
        for expected in message.expected.iter() {
            take_out(&mut self.expecting, expected.id, &row);
        }
        self.messages.forget(row);
    }

    /// Reads messages that may be forgotten next, and what is forgotten with them, so that they come to the processor, as
    /// [`fetch`](crate::event::Event::fetch) of an event does.
    fn fetch(&self, rows: &[u64]) {
        let messages = || rows.iter().filter_map(|row| self.messages.get(*row));
        messages().for_each(Message::fetch);
        for file in messages().flat_map(|message| message.files.iter()) {
            black_box(self.newest.get(&file.key.id).map(|newest| newest.len()));
            black_box(file.message_id.and_then(|id| self.by_message_id.get(&id)).map(|rows| rows.len()));
        }
    }

    /// Messages with this Message-ID, oldest first.
    pub fn with_message_id(&self, message_id: u64) -> &[u64] {
        self.by_message_id.get(&message_id).map_or(&[], |rows| rows)
    }
}

/// A generation begins, or is found in the store.
fn set_newest(all: &mut Index<QueueId, Newest>, key: FileKey, row: u64, closed: Option<Time>) {
    let FileKey { host, instance, id } = key;
    let this = Newest { host, instance, row, closed };
    match all.get_mut(&id).and_then(|newest| newest.iter_mut().find(|newest| newest.is_of(key))) {
        Some(known) => *known = this,
        None => put(all, id, this),
    }
}

/// The newest generation of a queue file within a message.
pub fn file_of(message: &mut Message, key: FileKey) -> Option<&mut File> {
    message.files.iter_mut().rev().find(|file| file.key == key)
}

/// Of what a stranger may write, without a key: one who wants two Message-IDs or addresses to be taken for one may as well write
/// the same twice.
pub fn hash(bytes: impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The same of an address, whose case means nothing. Nearly all are short, and are written small where no memory is taken.
pub fn hash_of_address(address: &[u8]) -> u64 {
    let mut small = [0; 128];
    match small.get_mut(..address.len()) {
        Some(small) => {
            small.copy_from_slice(address);
            small.make_ascii_lowercase();
            hash(&*small)
        }
        None => hash(address.to_ascii_lowercase()),
    }
}

impl Tracker {
    pub(super) fn postfix(&mut self, at: &At<'_>, speaker: &Speaker<'_>, fact: &Fact<'_>, out: &mut Out<'_>) {
        let Some(instance) = self.instance(at, speaker) else { return };
        let key = |id: QueueId| FileKey { host: at.host, instance, id };
        match fact {
            Fact::Connect(client) => self.smtp_connect(at, speaker, client, out),
            Fact::Disconnect { client, unknown_commands } => self.smtp_disconnect(at, client, *unknown_commands, out),
            Fact::Client { id: None, client, sasl_username, .. } => {
                self.smtp_accepted(at, client, *sasl_username, out);
            }
            Fact::Client { id: Some(id), client, sasl_username, orig_queue_id, orig_client } => {
                let session = self.smtp_accepted(at, client, *sasl_username, out);
                // XFORWARD is spoken by filters alone, whether or not the message comes through in the end.
                if let (Some(session), Some(_)) = (session, orig_client) {
                    self.smtp_reinjected(session, out);
                }
                let from = orig_client.as_ref().unwrap_or(client);
                // Most often the text that the session holds.
                let held = session.and_then(|session| self.sessions.rows.get(session)?.shared_ip(from.ip));
                let origin = Origin::Smtp {
                    ip: held.unwrap_or_else(|| lossy(from.ip).into()),
                    user: sasl_username.map(|user| lossy(user).into()),
                    is_submission: speaker.is_submission(),
                };
                self.begin(at, key(*id), origin, session, is_loopback(client.ip), out);
                if let Some(parent) = orig_queue_id {
                    self.link_to_named(at, key(*id), *parent, out);
                }
            }
            Fact::Reject(reject) => self.smtp_reject(at, reject, reject.id.map(key), out),
            Fact::TooLarge { id } => self.too_large(at, key(*id), out),
            Fact::ProxyAccept { queued_as } => self.proxy_accepted(at, *queued_as, out),
            Fact::OverLimit { what, client } => self.over_limit(at, *what, client, out),
            Fact::LoginFailed { client, user } => self.smtp_login_failed(at, client, *user, out),
            Fact::BadCommand { client, is_not_smtp } => self.smtp_bad_command(at, client, *is_not_smtp, out),
            Fact::BrokenOff { how, client, bytes } => {
                self.smtp_broken_off(at, client, *how == BrokenOff::Terminated, *bytes, out);
            }
            Fact::MilterDown { address } => self.milter_down(at, address, out),
            Fact::MessageId { id, message_id } => self.message_id(at, key(*id), message_id, out),
            Fact::Header { id, header } => self.header(at, key(*id), header, out),
            Fact::Pickup { id, uid, sender, orig_id } => {
                // What comes back to the queue was handed to sendmail by Postfix itself: whose it is, its first life says.
                let origin = if orig_id.is_some() { Origin::Unknown } else { Origin::Pickup { uid: *uid } };
                self.begin(at, key(*id), origin, None, true, out);
                if let Some((_, message)) = self.queue.of(key(*id), at.line.time)
                    && let Some(file) = file_of(message, key(*id))
                {
                    file.sender.get_or_insert_with(|| lossy(sender).into());
                }
                if let Some(parent) = orig_id {
                    self.link_to_named(at, key(*id), *parent, out);
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
    pub(super) fn touch(&mut self, at: &At<'_>, key: FileKey) -> u64 {
        match self.queue.row_at(key, at.line.time) {
            Some(row) => row,
            None => self.new_generation(at, key),
        }
    }

    fn new_generation(&mut self, at: &At<'_>, key: FileKey) -> u64 {
        let row = self.new_row();
        let file = File { opened: at.line.time, ..File::new(key) };
        let message = Message {
            host: at.host_name.clone(),
            files: Few::One(file),
            touched: Some(at.line.time),
            ..Message::default()
        };
        self.queue.messages.insert(row, message);
        set_newest(&mut self.queue.newest, key, row, None);
        if self.queue.messages.len() > MAX_MESSAGES {
            self.shed();
        }
        row
    }

    /// Forgets the oldest messages, those that are done first.
    pub(super) fn shed(&mut self) {
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
    pub(super) fn begin(
        &mut self,
        at: &At<'_>,
        key: FileKey,
        origin: Origin,
        session: Option<u64>,
        is_internal: bool,
        out: &mut Out<'_>,
    ) {
        let is_reused = self.queue.of(key, at.line.time).is_some_and(|(_, message)| {
            file_of(message, key).is_some_and(|file| {
                file.has_origin || at.line.time.secs_since(file.opened) > super::smtp_in::OUT_OF_ORDER_SECS
            })
        });
        let row = if is_reused {
            self.queue.close(key, at.line.time);
            self.new_generation(at, key)
        } else {
            self.touch(at, key)
        };
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        // Of a message that a filter gave back, the first queue file says who sent it.
        if message.files.first().is_some_and(|file| file.key == key) {
            message.origin = origin;
        }
        let Some(file) = file_of(message, key) else { return };
        file.has_origin = true;
        file.session = session;
        file.client_is_internal = is_internal;
        let refused = file.refused.take();
        message.sync_all(&self.settings, &self.ours, out);
        let reached = message.reached();
        let is_linked = message.files.len() > 1;
        self.await_domain(row);
        if let Some(session) = session {
            // Lines of other daemons that were read before this one.
            for mailbox in &reached {
                self.smtp_reached(&[session], mailbox, out);
            }
            for refused in refused {
                self.refused_later(session, refused, out);
            }
            if is_linked && is_internal {
                self.smtp_reinjected(session, out);
            }
        }
        self.settle_links(at, row, key, out);
    }

    pub(super) fn message_id(&mut self, at: &At<'_>, key: FileKey, message_id: &[u8], out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let hash = hash(message_id);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        let Some(file) = file_of(message, key) else { return };
        if file.message_id.is_none() && message_id.len() > 2 {
            file.message_id = Some(hash);
            put(&mut self.queue.by_message_id, hash, row);
        }
        self.match_waiting_scan(hash, row, at.line.time, out);
        self.settle_links(at, row, key, out);
    }

    /// `Precedence: bulk from …`: logged by header_checks before the first activation (1.4).
    pub(super) fn header(&mut self, at: &At<'_>, key: FileKey, header: &[u8], out: &mut Out<'_>) {
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
            _ => return,
        }
        message.sync_all(&self.settings, &self.ours, out);
    }

    pub(super) fn active(&mut self, at: &At<'_>, key: FileKey, sender: &[u8], size: Option<u64>, out: &mut Out<'_>) {
        let row = self.touch(at, key);
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.touched = Some(at.line.time);
        let Some(file) = file_of(message, key) else { return };
        if file.active.is_some() {
            return;
        }
        file.active = Some(at.line.time);
        file.size = size;
        file.sender = Some(lossy(sender).into());
        message.fill_sizes(key, size);
        self.settle_links(at, row, key, out);
        // It may be part of another message now.
        let Some(row) = self.queue.row_of(key) else { return };
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.sync_all(&self.settings, &self.ours, out);
        self.await_domain(row);
    }

    /// Its owner hangs on whether a domain is ours, which later lines may show.
    fn await_domain(&mut self, row: u64) {
        let Some(message) = self.queue.messages.get(row) else { return };
        if let Some(domain) = message.awaited_domain(&self.settings, &self.ours) {
            let rows = self.queue.awaiting.entry(domain).or_default();
            if rows.last() != Some(&row) {
                rows.push(row);
            }
        }
    }

    pub(super) fn session_of(&self, key: FileKey, time: Time) -> Option<u64> {
        let message = self.queue.messages.get(self.queue.row_at(key, time)?)?;
        message.files.iter().rev().find(|file| file.key == key)?.session
    }

    pub(super) fn close_file(&mut self, key: FileKey, time: Time) {
        self.queue.close(key, time);
    }

    /// Whether no line can touch a message any more.
    fn is_over(&self, message: &Message, host: u16, now: Time) -> bool {
        let Some(touched) = message.touched else { return true };
        let age = now.secs_since(touched);
        // Nearly all are younger, and asked no further.
        if age <= GRACE_SECS {
            return false;
        }
        let is_here = message.files.first().is_some_and(|file| file.key.host == host);
        let grace = match message.awaited_domain(&self.settings, &self.ours) {
            Some(_) if message.accepted().is_some() => AWAITING_SECS,
            _ => GRACE_SECS,
        };
        is_here && age > if message.is_closed() { grace } else { MAX_LIFETIME_SECS.max(grace) }
    }

    /// Forgets messages that are closed, after their grace; those that lines touched since wait for the next sweep.
    pub(super) fn forget_messages(&mut self, host: u16, now: Time) {
        loop {
            let closed = self.queue.closed.take_some(host, now);
            if closed.is_empty() {
                return;
            }
            self.queue.fetch(&closed);
            for row in closed {
                if self.queue.messages.get(row).is_some_and(|message| self.is_over(message, host, now)) {
                    self.queue.forget(row);
                }
            }
        }
    }

    /// Forgets what no line can touch any more.
    pub(super) fn sweep_messages(&mut self, host: u16, now: Time) {
        let messages = self.queue.messages.iter();
        let over: Vec<u64> =
            messages.filter(|(_, message)| self.is_over(message, host, now)).map(|(row, _)| row).collect();
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
