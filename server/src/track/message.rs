//! A message and what is known of it: its queue files, its origin, what became of its recipients. Every event of
//! it is derived from these facts, so a late line changes a fact and the events follow (SEMANTICS R1 to R11).

use mailtally_model::{Subject, Time};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::names::{Mailbox, Ours, unwound};
use super::relay::is_trusted;
use super::state::{Booked, Out};
use crate::event::{Class, Event, Kind};
use crate::queue_id::QueueId;
use crate::settings::MailSettings;

/// A message concerns as many subjects as have their bytes booked; a list of thousands is for the server.
pub const MAX_CONCERNED: usize = 64;

/// Attempts that may still be revised; older ones are as they were given out.
const MAX_ATTEMPTS: usize = 128;

/// Users that are no person on any system; where the number is logged, the settings say below which.
const DAEMONS: &[&str] = &[
    "root",
    "daemon",
    "bin",
    "sys",
    "mail",
    "news",
    "uucp",
    "www-data",
    "apache",
    "nginx",
    "backup",
    "list",
    "nobody",
    "Debian-exim",
    "exim",
    "mailnull",
    "postgres",
    "mysql",
    "logcheck",
];

/// The name of a queue file: host and instance by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileKey {
    pub host: u16,
    pub instance: u16,
    pub id: QueueId,
}

/// One generation of a queue file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    pub key: FileKey,
    pub opened: Time,
    pub closed: Option<Time>,
    /// As qmgr logs it: content after our own headers.
    pub size: Option<u64>,
    /// Its `client=` or pickup line was seen.
    pub has_origin: bool,
    pub client_is_internal: bool,
    pub sender: Option<String>,
    /// A hash of the Message-ID: it is compared and never shown.
    pub message_id: Option<u64>,
    /// The SMTP session that brought it.
    pub session: Option<u64>,
    /// Recipients put off by other servers, who fail if the message expires.
    pub put_off: FxHashSet<u64>,
    /// First activation (R3).
    pub active: Option<Time>,
    /// qmgr gave up.
    pub is_expired: bool,
    /// The parent that its own line names and that was not seen yet.
    pub named_parent: Option<QueueId>,
    /// Refusals by cleanup, until the line that says in which session.
    pub refused: Vec<Refused>,
}

impl File {
    /// A generation of which nothing is known yet.
    pub fn new(key: FileKey) -> File {
        File {
            key,
            opened: Time(0),
            closed: None,
            size: None,
            has_origin: false,
            client_is_internal: false,
            sender: None,
            message_id: None,
            session: None,
            put_off: FxHashSet::default(),
            active: None,
            is_expired: false,
            named_parent: None,
            refused: Vec::new(),
        }
    }
}

/// What a refusal at the end of a message means for the session that it was in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refused {
    pub is_termination: bool,
    pub domain: Option<Subject>,
    pub booked: Option<Booked>,
}

/// A next hop took the message and calls it `id`, which may be one of ours whose lines are still to be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expected {
    pub id: QueueId,
    pub host: u16,
    pub time: Time,
    /// local(8) made it: no next hop said so.
    pub is_forward: bool,
    pub is_internal: bool,
    /// The recipient, and the attempt that was counted for it.
    pub recipient: u64,
    pub attempt: Option<u64>,
}

impl Expected {
    /// Handed on by this host as a new queue file.
    pub fn forward(id: QueueId, host: u16, time: Time) -> Expected {
        Expected { id, host, time, is_forward: true, is_internal: false, recipient: 0, attempt: None }
    }
}

/// A notification that this server made, or a refusal as spam: it counts for whose message it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Aftermath {
    pub time: Time,
    pub what: What,
    pub detail: String,
    pub booked: Option<Booked>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    Bounce,
    /// For its recipient, where it came from outside.
    SpamBlocked {
        recipient: Vec<Subject>,
    },
}

/// Names that next hops gave and that are not seen yet, for each message.
const MAX_EXPECTED: usize = 64;

/// A message has one refusal and few notifications.
const MAX_AFTERMATHS: usize = 32;

/// Who handed the message in (R9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Made here (a bounce, a probe), or the log begins in the middle of its life.
    #[default]
    Unknown,
    Smtp {
        ip: String,
        user: Option<String>,
        is_submission: bool,
    },
    Pickup {
        uid: u32,
    },
    /// By a user of this host whose name, not number, is logged (Exim).
    Local {
        login: String,
    },
}

/// A recipient's mailbox was reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// The queue file that was delivered.
    pub file: FileKey,
    pub time: Time,
    pub mailbox: Option<Mailbox>,
    pub recipient: u64,
    pub size: Option<u64>,
    /// The pipe that took it, which may turn out to be a filter.
    pub pipe: Option<String>,
    pub detail: String,
    pub booked: Option<Booked>,
}

/// An attempt to hand the message to another server, and what tells it from the next one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// The queue file that was handed over.
    pub file: FileKey,
    /// Process, next hop and delays up to the connection: the same for all its recipients.
    pub group: u64,
    /// Replies to the end of data: each is a transfer.
    pub transfers: Vec<u64>,
    pub time: Time,
    pub duration_ms: u64,
    pub size: Option<u64>,
    pub peer: String,
    pub connections: u32,
    pub failed: u32,
    pub is_bad_command: bool,
    pub is_terminated: bool,
    pub deferred: u32,
    pub bounced: u32,
    pub detail: String,
    pub booked: Option<Booked>,
}

impl Attempt {
    /// An attempt of which nothing is known yet but when it was.
    pub fn at(file: FileKey, time: Time, group: u64) -> Attempt {
        Attempt {
            file,
            group,
            transfers: Vec::new(),
            time,
            duration_ms: 0,
            size: None,
            peer: String::new(),
            connections: 0,
            failed: 0,
            is_bad_command: false,
            is_terminated: false,
            deferred: 0,
            bounced: 0,
            detail: String::new(),
            booked: None,
        }
    }
}

/// A root message (R2).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Message {
    /// As logged.
    pub host: String,
    pub files: Vec<File>,
    pub origin: Origin,
    pub is_bulk: bool,
    pub is_urgent: bool,
    pub is_spam: bool,
    /// An address was verified with it.
    pub was_probed: bool,
    /// Scans that were matched to it.
    pub scans: u32,
    /// Hand-overs to filter pipes, and messages that came back from them.
    pub hand_overs: u32,
    pub returns: u32,
    /// Recipients with a final outcome, by hash (R4).
    pub finals: FxHashSet<u64>,
    pub delivered: Vec<Delivered>,
    pub attempts: Vec<Attempt>,
    pub aftermaths: Vec<Aftermath>,
    pub expected: Vec<Expected>,
    /// Domains and mailboxes that it reached.
    pub concerned: Vec<Subject>,
    pub touched: Option<Time>,
    pub booked: Option<Booked>,
}

/// Whose message it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Mailbox(Mailbox),
    /// A domain of ours that sent on what another one wrote (SRS).
    Forwarder(String),
    /// One of ours, without a name that is a mailbox: `(unattributed)`.
    Unattributed,
    /// It came in from outside, or was made here.
    None,
}

impl Message {
    pub fn owner(&self, settings: &MailSettings, ours: &Ours) -> Owner {
        let local_sender = || {
            let sender = self.sender_mailbox(settings).filter(|sender| ours.has(sender.domain()))?;
            Some(match self.sender().and_then(unwound) {
                Some(_) => Owner::Forwarder(sender.domain().to_owned()),
                None => Owner::Mailbox(sender),
            })
        };
        // A user of the system whose address is not known.
        let of_this_host = |name: &str| {
            let of_host = || Mailbox::of_login(name.as_bytes(), Some(&self.host)).map(Owner::Mailbox);
            ours.has(&self.host).then(of_host).flatten().unwrap_or(Owner::Unattributed)
        };
        match &self.origin {
            Origin::Smtp { user: Some(user), .. } => {
                Mailbox::logged_in(user.as_bytes(), settings).map_or(Owner::Unattributed, Owner::Mailbox)
            }
            Origin::Pickup { .. } | Origin::Local { .. } if self.is_null_sender() => Owner::None,
            Origin::Pickup { uid } => local_sender().unwrap_or_else(|| of_this_host(&format!("uid:{uid}"))),
            Origin::Local { login } => local_sender().unwrap_or_else(|| of_this_host(login)),
            Origin::Smtp { ip, .. } if is_trusted(settings, ip) => local_sender().unwrap_or(Owner::None),
            Origin::Smtp { .. } | Origin::Unknown => Owner::None,
        }
    }

    /// The domain whose being ours would change the owner.
    pub fn awaited_domain(&self, settings: &MailSettings, ours: &Ours) -> Option<String> {
        let depends = match &self.origin {
            Origin::Pickup { .. } | Origin::Local { .. } => true,
            Origin::Smtp { ip, user: None, .. } => is_trusted(settings, ip),
            _ => false,
        };
        if !depends {
            return None;
        }
        let sender = self.sender_mailbox(settings)?;
        (!ours.has(sender.domain())).then(|| sender.domain().to_owned())
    }

    fn sender_mailbox(&self, settings: &MailSettings) -> Option<Mailbox> {
        Mailbox::addressed(self.sender()?.as_bytes(), settings)
    }

    /// The queue file whose activation counts: the first of the message, or of those that the log shows.
    fn accepted_file(&self) -> Option<&File> {
        self.files.iter().find(|file| file.active.is_some())
    }

    /// First activation: when, how large (R3).
    pub fn accepted(&self) -> Option<(Time, Option<u64>)> {
        self.accepted_file().and_then(|file| Some((file.active?, file.size)))
    }

    pub fn sender(&self) -> Option<&str> {
        self.accepted_file().and_then(|file| file.sender.as_deref())
    }

    pub fn is_null_sender(&self) -> bool {
        self.sender().is_some_and(str::is_empty)
    }

    /// Mail whose only outcome is that an address was verified is no mail (R6).
    fn is_probe(&self) -> bool {
        let is_of_ours =
            self.is_null_sender() || self.sender().is_some_and(|sender| sender.starts_with("double-bounce@"));
        self.was_probed && self.origin == Origin::Unknown && is_of_ours && self.finals.is_empty()
    }

    /// The size of a queue file is known now; what it was delivered as may wait for it.
    pub fn fill_sizes(&mut self, file: FileKey, size: Option<u64>) {
        for reached in self.delivered.iter_mut().filter(|reached| reached.file == file) {
            reached.size = reached.size.or(size);
        }
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.file == file) {
            attempt.size = attempt.size.or(size);
        }
    }

    /// Ordered rules, the first that matches (1.4); from facts that are known at the first activation.
    pub fn class(&self, settings: &MailSettings) -> Class {
        let sender = self.sender().unwrap_or("?");
        let local = sender.rsplit_once('@').map_or(sender, |(local, _)| local);
        let is_daemon = match &self.origin {
            Origin::Pickup { uid } => *uid < settings.first_person_uid,
            Origin::Local { login } => DAEMONS.contains(&login.as_str()),
            _ => false,
        };
        if sender.is_empty() || is_daemon || local.eq_ignore_ascii_case("mailer-daemon") || local == "double-bounce" {
            return Class::System;
        }
        if self.is_bulk || is_list_sender(settings, sender, local) {
            return Class::Lists;
        }
        match &self.origin {
            Origin::Smtp { user: Some(_), .. } if self.is_urgent => Class::Urgent,
            Origin::Smtp { user, is_submission, .. } if user.is_some() || *is_submission => Class::Submission,
            Origin::Pickup { .. } | Origin::Local { .. } => Class::Submission,
            _ => Class::Normal,
        }
    }

    /// Whether all its queue files are gone.
    pub fn is_closed(&self) -> bool {
        self.files.iter().all(|file| file.closed.is_some())
    }

    /// Gives out the message's own event as its facts are now.
    pub fn sync(&mut self, settings: &MailSettings, ours: &Ours, out: &mut Out<'_>) {
        let Some((time, size)) = self.accepted() else { return };
        if self.is_probe() {
            out.withdraw(&mut self.booked);
            return;
        }
        let owner = self.owner(settings, ours);
        let owners = match &owner {
            Owner::Mailbox(_) | Owner::Forwarder(_) | Owner::Unattributed => owner_subjects(&owner),
            // Each message is one subject's: the sender's if ours, else of the first mailbox it reached.
            Owner::None => self
                .delivered
                .iter()
                .find_map(|reached| Some(reached.mailbox.as_ref()?.subjects().to_vec()))
                .unwrap_or_default(),
        };
        let count = owners.len() as u8;
        let mut subjects = owners;
        for subject in &self.concerned {
            if !subjects.contains(subject) {
                subjects.push(subject.clone());
            }
        }
        let (peer, is_over_smtp) = match &self.origin {
            Origin::Smtp { ip, .. } => (Some(ip.clone()), true),
            _ => (None, false),
        };
        let kind = Kind::Message {
            class: self.class(settings),
            is_outgoing: owner != Owner::None,
            is_over_smtp,
            is_spam: self.is_spam,
            owners: count,
        };
        let id = self.files.first().map(|file| file.key.id.to_string()).unwrap_or_default();
        let sender = self.sender().unwrap_or_default();
        let detail = match unwound(sender) {
            Some((original, forwarder)) => format!("{id} from <{original}> by way of {forwarder}"),
            None => format!("{id} from <{sender}>"),
        };
        let host = self.host.clone();
        out.set(&mut self.booked, Event { time, host, subjects, peer, bytes: size, duration_ms: None, detail, kind });
    }

    /// Gives out a delivery's event as the facts are now.
    pub fn sync_delivered(&mut self, at: usize, settings: &MailSettings, out: &mut Out<'_>) {
        let kind = Kind::Delivery { class: self.class(settings), is_spam: self.is_spam };
        let host = self.host.clone();
        let Some(reached) = self.delivered.get_mut(at) else { return };
        let event = Event {
            time: reached.time,
            host,
            subjects: reached.mailbox.as_ref().map(|mailbox| mailbox.subjects().to_vec()).unwrap_or_default(),
            peer: None,
            bytes: reached.size,
            duration_ms: None,
            detail: reached.detail.clone(),
            kind,
        };
        out.set(&mut reached.booked, event);
    }

    /// Gives out an attempt's event as the facts are now.
    pub fn sync_attempt(&mut self, at: usize, settings: &MailSettings, ours: &Ours, out: &mut Out<'_>) {
        let class = self.class(settings);
        let subjects = owner_subjects(&self.owner(settings, ours));
        let host = self.host.clone();
        let Some(attempt) = self.attempts.get_mut(at) else { return };
        let transfers = attempt.transfers.len() as u64;
        let event = Event {
            time: attempt.time,
            host,
            subjects,
            peer: Some(attempt.peer.clone()),
            bytes: (transfers > 0).then(|| attempt.size.unwrap_or(0).saturating_mul(transfers)),
            duration_ms: Some(attempt.duration_ms),
            detail: attempt.detail.clone(),
            kind: Kind::Attempt {
                class,
                connections: attempt.connections,
                failed: attempt.failed,
                is_bad_command: attempt.is_bad_command,
                is_terminated: attempt.is_terminated,
                deferred: attempt.deferred,
                bounced: attempt.bounced,
            },
        };
        out.set(&mut attempt.booked, event);
    }

    /// Adds an attempt; the oldest are given up where there are too many. Its place.
    pub fn push_attempt(&mut self, attempt: Attempt) -> usize {
        if self.attempts.len() >= MAX_ATTEMPTS {
            self.attempts.drain(..MAX_ATTEMPTS / 2);
        }
        self.attempts.push(attempt);
        self.attempts.len() - 1
    }

    /// All events, after a fact changed that they share.
    pub fn sync_all(&mut self, settings: &MailSettings, ours: &Ours, out: &mut Out<'_>) {
        self.sync(settings, ours, out);
        for at in 0..self.delivered.len() {
            self.sync_delivered(at, settings, out);
        }
        for at in 0..self.attempts.len() {
            self.sync_attempt(at, settings, ours, out);
        }
        self.sync_aftermaths(settings, ours, out);
    }

    fn sync_aftermaths(&mut self, settings: &MailSettings, ours: &Ours, out: &mut Out<'_>) {
        if self.aftermaths.is_empty() {
            return;
        }
        let owner = self.owner(settings, ours);
        let owners = owner_subjects(&owner);
        for aftermath in &mut self.aftermaths {
            let (kind, subjects) = match &aftermath.what {
                What::Bounce => (Kind::Bounce, owners.clone()),
                What::SpamBlocked { recipient } if owner == Owner::None => {
                    (Kind::SpamBlocked { is_outgoing: false }, recipient.clone())
                }
                What::SpamBlocked { .. } => (Kind::SpamBlocked { is_outgoing: true }, owners.clone()),
            };
            let event = Event {
                time: aftermath.time,
                host: self.host.clone(),
                subjects,
                peer: None,
                bytes: None,
                duration_ms: None,
                detail: aftermath.detail.clone(),
                kind,
            };
            out.set(&mut aftermath.booked, event);
        }
    }

    /// What came of the message afterwards. Filter and Postfix both say that it was refused as spam: that counts once.
    pub fn push_aftermath(
        &mut self,
        mut aftermath: Aftermath,
        settings: &MailSettings,
        ours: &Ours,
        out: &mut Out<'_>,
    ) {
        let is_refusal = |what: &What| matches!(what, What::SpamBlocked { .. });
        let is_known = is_refusal(&aftermath.what) && self.aftermaths.iter().any(|known| is_refusal(&known.what));
        if is_known || self.aftermaths.len() >= MAX_AFTERMATHS {
            out.withdraw(&mut aftermath.booked);
            return;
        }
        self.aftermaths.push(aftermath);
        self.sync_aftermaths(settings, ours, out);
    }

    pub fn expect(&mut self, expected: Expected) -> bool {
        let is_room = self.expected.len() < MAX_EXPECTED;
        if is_room {
            self.expected.push(expected);
        }
        is_room
    }

    /// Takes in another queue file's message that turned out to be this one. What both have counted, counts once.
    pub fn absorb(&mut self, mut other: Message, out: &mut Out<'_>) {
        out.withdraw(&mut other.booked);
        self.files.append(&mut other.files);
        self.is_spam |= other.is_spam;
        self.scans += other.scans;
        self.hand_overs += other.hand_overs;
        self.returns += other.returns;
        self.is_bulk |= other.is_bulk;
        self.is_urgent |= other.is_urgent;
        self.was_probed |= other.was_probed;
        for mut reached in other.delivered {
            if self.finals.contains(&reached.recipient) {
                out.withdraw(&mut reached.booked);
            } else {
                self.finals.insert(reached.recipient);
                self.delivered.push(reached);
            }
        }
        self.finals.extend(other.finals);
        self.attempts.append(&mut other.attempts);
        self.aftermaths.append(&mut other.aftermaths);
        self.expected.append(&mut other.expected);
        for subject in other.concerned {
            self.concern(subject);
        }
        self.touched = self.touched.max(other.touched);
    }

    /// The pipe turned out to be a filter: nobody was reached through it.
    pub fn take_back(&mut self, pipe: &str, out: &mut Out<'_>) {
        let (filtered, kept) = std::mem::take(&mut self.delivered)
            .into_iter()
            .partition(|reached: &Delivered| reached.pipe.as_deref() == Some(pipe));
        self.delivered = kept;
        let filtered: Vec<Delivered> = filtered;
        for mut reached in filtered {
            self.finals.remove(&reached.recipient);
            self.hand_overs += 1;
            out.withdraw(&mut reached.booked);
        }
        let reached: Vec<Subject> =
            self.delivered.iter().filter_map(|reached| reached.mailbox.as_ref()).flat_map(Mailbox::subjects).collect();
        self.concerned.retain(|subject| reached.contains(subject));
    }

    /// The mailboxes that it reached, as many as a session concerns.
    pub fn reached(&self) -> Vec<Mailbox> {
        self.delivered.iter().filter_map(|reached| reached.mailbox.clone()).take(MAX_CONCERNED).collect()
    }

    pub fn concern(&mut self, subject: Subject) {
        if self.concerned.len() < MAX_CONCERNED && !self.concerned.contains(&subject) {
            self.concerned.push(subject);
        }
    }
}

pub fn owner_subjects(owner: &Owner) -> Vec<Subject> {
    match owner {
        Owner::Mailbox(owner) => owner.subjects().to_vec(),
        Owner::Forwarder(domain) => vec![Subject::Domain(domain.clone())],
        Owner::Unattributed | Owner::None => Vec::new(),
    }
}

/// `owner-list@`, `list-bounces@`, VERP (`list-bounces+ann=outside.example@`), and what the settings list.
fn is_list_sender(settings: &MailSettings, sender: &str, local: &str) -> bool {
    let local = local.to_ascii_lowercase();
    let is_listed = || {
        settings.list_senders.iter().any(|entry| match entry.strip_prefix('@') {
            Some(domain) => sender.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain)),
            None => entry.eq_ignore_ascii_case(sender),
        })
    };
    let is_verp = local.contains('=') && (local.contains('+') || local.contains('-')) && !local.starts_with("srs");
    local.starts_with("owner-") || local.ends_with("-owner") || local.ends_with("-bounces") || is_verp || is_listed()
}
