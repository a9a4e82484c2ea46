//! Joins lines into events: queue-ids to root messages, log-in to log-out. Knows mail and nothing of files or the store.
//!
//! Each part keeps its own rows and turns facts into events: [`queue`], [`link`], [`outcome`] and [`message`] for mail, [`smtp_in`] for
//! sessions of clients, [`mailbox`] for POP3 and IMAP, [`filter`] for scanners, [`throttle`] for limits. Rows are
//! kept in the store between runs, so that a log may be cut at any line.

mod at_hand;
mod daemon;
mod exim_queue;
mod exim_twice;
mod expiry;
mod few;
mod filter;
mod link;
mod mailbox;
mod message;
mod names;
mod outcome;
mod queue;
mod relay;
mod smtp_in;
mod state;
mod throttle;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Subject, Time};
use serde::{Deserialize, Serialize};

use crate::batch::OpenState;
use crate::event::{Event, Kind, Subjects, Update};
use crate::postfix::{self, Speaker};
use crate::settings::MailSettings;
use crate::syslog::Line;
use crate::text::{Parsed, Text, quoted};
use crate::{amavis, clamav, dovecot, exim, host, log_daemon, policy, rspamd, spamassassin};
use daemon::Daemon;
use names::Ours;
use state::{Interner, Out, Wording};

/// How a line fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Understood,
    /// Known and of no consequence for any report.
    Ignored,
    /// Not understood: counted by program, shown, never guessed.
    Unparsed,
}

/// Rows that are done are kept for so long, for what comes late: a scan's verdict (1.2, report 2), a link between
/// queue files, a recipient of a session.
const GRACE_SECS: i64 = 15 * 60;

/// Open messages, sessions and attempts; bounded, and kept in the store between runs.
pub struct Tracker {
    settings: MailSettings,
    ours: Ours,
    hosts: Interner,
    /// The host of the line before, by number and name: it is handed from line to line, so that its holders are not
    /// counted anew at each.
    latest_host: Option<(u16, Text)>,
    programs: Interner,
    /// The program of the line that was taken last.
    latest_program: Option<u16>,
    /// By the programs' numbers.
    daemons: Vec<Option<Daemon>>,
    /// The instances that programs of Postfix are of, by the programs' numbers.
    instances: Vec<Option<u16>>,
    /// By host: where its log time stands.
    clocks: BTreeMap<u16, Time>,
    next_event: u64,
    next_row: u64,
    is_meta_changed: bool,
    /// In a box that is taken out while a line is: what it holds is written piece by piece, and to move that at each line took
    /// longer than all else here.
    wording: Option<Box<Wording>>,
    queue: queue::Queue,
    sessions: smtp_in::Sessions,
    mailboxes: mailbox::Mailboxes,
    filters: filter::Filters,
    limits: throttle::Limits,
    exim_refusals: exim_twice::Refusals,
    /// See [`Tracker::book_from`].
    books_from: Time,
}

/// What of the tracker is no row of a table.
#[derive(Default, Serialize, Deserialize)]
struct Meta {
    hosts: Vec<Text>,
    programs: Vec<Text>,
    clocks: BTreeMap<u16, Time>,
    next_event: u64,
    next_row: u64,
    learned_domains: BTreeSet<String>,
    filter_pipes: BTreeSet<String>,
    #[serde(default)]
    exim_transports: BTreeMap<String, bool>,
    #[serde(default)]
    exim_refusals: exim_twice::Refusals,
    #[serde(default)]
    mailboxes_booked_until: BTreeMap<u16, Time>,
}

/// The key of [`Meta`]; tables have a letter and a number.
const META_KEY: &[u8] = b"meta";

/// A line with its host and program as numbers.
struct At<'a> {
    line: &'a Line<'a>,
    host: u16,
    host_name: Text,
    program: u16,
}

impl At<'_> {
    fn event(&self, kind: Kind, subjects: Subjects) -> Event {
        Event {
            time: self.line.time,
            host: self.host_name.clone(),
            subjects,
            peer: None,
            bytes: None,
            duration_ms: None,
            detail: Text::default(),
            kind,
        }
    }
}

impl Tracker {
    /// A tracker with the open state that the store kept: what [`Tracker::take_changes`] gave, by key.
    pub fn restore(settings: &MailSettings, open: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> anyhow::Result<Tracker> {
        let mut meta = Meta::default();
        let mut queue = queue::Queue::default();
        let mut sessions = smtp_in::Sessions::default();
        let mut mailboxes = mailbox::Mailboxes::default();
        let mut filters = filter::Filters::default();
        let mut limits = throttle::Limits::default();
        for (key, value) in open {
            let is_taken = queue.messages.restore(&key, &value)?
                || sessions.rows.restore(&key, &value)?
                || queue.failures.restore(&key, &value)?
                || mailboxes.rows.restore(&key, &value)?
                || filters.scans.restore(&key, &value)?
                || filters.verdicts.restore(&key, &value)?
                || limits.trips.restore(&key, &value)?;
            if key == META_KEY {
                meta = serde_json::from_slice(&value).context("cannot read the tracker's open state")?;
            } else if !is_taken {
                anyhow::bail!("open state of an unknown kind: written by a newer version?");
            }
        }
        queue.filter_pipes = meta.filter_pipes;
        queue.exim_transports = meta.exim_transports;
        mailboxes.booked_until = meta.mailboxes_booked_until;
        queue.index();
        sessions.index();
        mailboxes.index();
        limits.index();
        filters.index();
        Ok(Tracker {
            settings: settings.clone(),
            ours: Ours::new(settings, meta.learned_domains),
            hosts: Interner::restore(meta.hosts),
            latest_host: None,
            programs: Interner::restore(meta.programs),
            latest_program: None,
            daemons: Vec::new(),
            instances: Vec::new(),
            clocks: meta.clocks,
            next_event: meta.next_event,
            next_row: meta.next_row,
            is_meta_changed: false,
            wording: None,
            queue,
            sessions,
            mailboxes,
            filters,
            limits,
            exim_refusals: meta.exim_refusals,
            books_from: Time(i64::MIN),
        })
    }

    /// Events are counted and nobody keeps them: no words are made for them.
    pub fn be_silent(&mut self) {
        self.wording.get_or_insert_default().is_silent = true;
    }

    /// Takes one line; pushes what it did to `updates` (most often nothing or one) and evidence of our names to `known`.
    pub fn line(&mut self, line: &Line<'_>, updates: &mut Vec<Update>, known: &mut Vec<Subject>) -> Verdict {
        self.latest_program = None;
        let (Some((host, new_host)), Some((program, new_program))) =
            (self.hosts.number_in_a_row(line.host.as_bytes()), self.programs.number(line.program))
        else {
            return Verdict::Unparsed;
        };
        self.latest_program = Some(program);
        self.is_meta_changed |= new_host || new_program;
        let mut wording = self.wording.take().unwrap_or_default();
        let mut out = Out { updates, known, next_event: self.next_event, wording: &mut wording };
        self.tick(host, line.time, &mut out);
        let host_name = match self.latest_host.take() {
            Some((latest, name)) if latest == host => name,
            _ => self.hosts.names()[usize::from(host)].clone(),
        };
        let at = At { line, host, host_name, program };
        let mut verdict = Verdict::Ignored;
        for _ in 0..line.times {
            verdict = self.take(&at, &mut out);
            if verdict != Verdict::Understood {
                break;
            }
        }
        self.is_meta_changed |= out.next_event != self.next_event;
        self.next_event = out.next_event;
        self.wording = Some(wording);
        self.latest_host = Some((host, at.host_name));
        verdict
    }

    /// The number of the program of the line that was taken last; none if there are too many.
    pub fn program(&self) -> Option<u16> {
        self.latest_program
    }

    pub fn program_name(&self, program: u16) -> Text {
        self.programs.names()[usize::from(program)].clone()
    }

    fn take(&mut self, at: &At<'_>, out: &mut Out<'_>) -> Verdict {
        let line = at.line;
        match self.daemon(at) {
            Daemon::Dovecot => match dovecot::parse(line.message) {
                Parsed::Fact(fact) => self.dovecot(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Spamd => match spamassassin::spamd(line.message) {
                Parsed::Fact(fact) => self.spamassassin(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Spamc => match spamassassin::spamc(line.message) {
                Parsed::Fact(fact) => self.spamassassin(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Amavis => match amavis::parse(line.message) {
                Parsed::Fact(fact) => self.amavis(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Rspamd => match rspamd::parse(line.message) {
                Parsed::Fact(fact) => self.rspamd(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Policyd => match policy::policyd(line.message) {
                Parsed::Fact(fact) => self.policy(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::MailScanner => match policy::mailscanner(line.message) {
                Parsed::Fact(fact) => self.policy(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Clamd => match clamav::clamd(line.message) {
                Parsed::Fact(fact) => self.clamav(at, &fact, true, out),
                parsed => return verdict(&parsed),
            },
            Daemon::ClamavMilter => match clamav::clamav_milter(line.message) {
                Parsed::Fact(fact) => self.clamav(at, &fact, false, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Exim => match exim::parse(line.message) {
                Parsed::Fact(exim::Fact::Reject(_) | exim::Fact::LoginFailed { .. }) if self.is_said_twice(at) => {
                    return Verdict::Ignored;
                }
                Parsed::Fact(fact) => self.exim(at, &fact, out),
                parsed => return verdict(&parsed),
            },
            Daemon::Sampler => {
                let Some(sample) = host::parse(line.message) else { return Verdict::Unparsed };
                out.once(at.event(Kind::HostSample(Box::new(sample)), Subjects::default()));
            }
            Daemon::Other => return of_no_mail(line),
            Daemon::Postfix(names) => {
                let speaker = names.speaker(line.program);
                // By reference: a fact is large, and to move it cost as much as to read it.
                match &postfix::parse(&speaker, line.message) {
                    Parsed::Fact(fact) => self.postfix(at, &speaker, fact, out),
                    // Policy servers that `master` starts may log in the name of Postfix: `postfix/policyd-spf`.
                    Parsed::Unparsed if policy::is_silent(line.program) => return Verdict::Ignored,
                    parsed => return verdict(parsed),
                }
            }
        }
        Verdict::Understood
    }

    /// Of logs older than this, the time of open sessions is booked when [`Tracker::settle`] asks for it, and not at each
    /// slot: a day of a busy server has tens of thousands of open sessions, and nobody looks on while it is read.
    pub fn book_from(&mut self, time: Time) {
        self.books_from = time;
    }

    /// The log of a host ends here for now: books all that is open.
    pub fn settle(&mut self, host: &str, now: Time, updates: &mut Vec<Update>) {
        self.advance_to(host, now, true, updates);
    }

    /// Log time of a host has come to `now`: books the seconds of open sessions, expires what is too old.
    pub fn advance(&mut self, host: &str, now: Time, updates: &mut Vec<Update>) {
        self.advance_to(host, now, now >= self.books_from, updates);
    }

    fn advance_to(&mut self, host: &str, now: Time, is_booked: bool, updates: &mut Vec<Update>) {
        let Some((host, _)) = self.hosts.number(host.as_bytes()) else { return };
        let mut known = Vec::new();
        let mut wording = self.wording.take().unwrap_or_default();
        let mut out = Out { updates, known: &mut known, next_event: self.next_event, wording: &mut wording };
        let before = self.clocks.get(&host).map_or(now, |clock| *clock);
        let now = now.max(before);
        self.clocks.insert(host, now);
        self.sweep(host, before, now, &mut out);
        if is_booked {
            self.book_mailboxes(host, now, &mut out);
        }
        self.is_meta_changed |= out.next_event != self.next_event;
        self.next_event = out.next_event;
        self.wording = Some(wording);
    }

    /// At each new slot of a host: what [`Tracker::advance`] does, so that results do not hang on how often that is called.
    fn tick(&mut self, host: u16, now: Time, out: &mut Out<'_>) {
        let clock = self.clocks.entry(host).or_insert(now);
        if now <= *clock {
            return;
        }
        let is_new_minute = now.0.div_euclid(60) != clock.0.div_euclid(60);
        let is_new_slot = now.slot() != clock.slot();
        let before = std::mem::replace(clock, now);
        self.is_meta_changed = true;
        if is_new_slot {
            self.sweep(host, before, now, out);
            if now >= self.books_from {
                self.book_mailboxes(host, now, out);
            }
        } else if is_new_minute {
            self.forget_ended(host, now);
        }
    }

    /// Forgets what ended and was left alone for its grace: nearly all that there is, so it is done each minute.
    fn forget_ended(&mut self, host: u16, now: Time) {
        self.forget_sessions(host, now);
        self.forget_messages(host, now);
    }

    fn sweep(&mut self, host: u16, before: Time, now: Time, out: &mut Out<'_>) {
        self.forget_ended(host, now);
        self.sweep_sessions(host, now, out);
        self.forget_mailboxes(host, now);
        if before.0.div_euclid(DAY_SECS) != now.0.div_euclid(DAY_SECS) {
            self.give_up_mailboxes(host, now, out);
        }
        self.sweep_messages(host, now);
        self.filters.sweep(now);
        self.limits.sweep(now);
    }

    /// Gives the open state that changed since the last call.
    pub fn take_changes(&mut self, changes: &mut OpenState) {
        self.queue.messages.take_changes(changes);
        self.queue.failures.take_changes(changes);
        self.sessions.rows.take_changes(changes);
        self.mailboxes.rows.take_changes(changes);
        self.filters.scans.take_changes(changes);
        self.filters.verdicts.take_changes(changes);
        self.limits.trips.take_changes(changes);
        if std::mem::take(&mut self.is_meta_changed) || !changes.is_empty() {
            let meta = Meta {
                hosts: self.hosts.names().to_vec(),
                programs: self.programs.names().to_vec(),
                clocks: self.clocks.clone(),
                next_event: self.next_event,
                next_row: self.next_row,
                learned_domains: self.ours.learned.clone(),
                filter_pipes: self.queue.filter_pipes.clone(),
                exim_transports: self.queue.exim_transports.clone(),
                exim_refusals: self.exim_refusals.clone(),
                mailboxes_booked_until: self.mailboxes.booked_until.clone(),
            };
            changes.put(META_KEY, &serde_json::to_vec(&meta).expect("plain data is JSON"));
        }
    }

    /// How many rows are open or ended lately.
    pub fn rows(&self) -> usize {
        let (queue, filters) = (&self.queue, &self.filters);
        let of_mail = queue.messages.len() + queue.failures.len() + filters.scans.len() + filters.verdicts.len();
        of_mail + self.sessions.rows.len() + self.mailboxes.rows.len() + self.limits.trips.len()
    }

    /// The number of the next event.
    pub fn next_event(&self) -> u64 {
        self.next_event
    }

    /// Numbers events from here on.
    pub fn number_events_from(&mut self, id: u64) {
        self.next_event = id;
        self.is_meta_changed = true;
    }

    /// Whose line it is.
    fn daemon(&mut self, at: &At<'_>) -> Daemon {
        let place = usize::from(at.program);
        if let Some(Some(daemon)) = self.daemons.get(place) {
            return *daemon;
        }
        let daemon = Daemon::of(at.line.program);
        self.daemons.resize(self.daemons.len().max(place + 1), None);
        self.daemons[place] = Some(daemon);
        daemon
    }

    /// The number of the instance of Postfix that a line is of.
    fn instance(&mut self, at: &At<'_>, speaker: &Speaker<'_>) -> Option<u16> {
        let place = usize::from(at.program);
        if let Some(Some(instance)) = self.instances.get(place) {
            return Some(*instance);
        }
        let (instance, _) = self.programs.number(speaker.instance)?;
        self.instances.resize(self.instances.len().max(place + 1), None);
        self.instances[place] = Some(instance);
        Some(instance)
    }

    fn new_row(&mut self) -> u64 {
        self.next_row += 1;
        self.next_row
    }
}

fn verdict<T>(parsed: &Parsed<T>) -> Verdict {
    match parsed {
        Parsed::Fact(_) => Verdict::Understood,
        Parsed::Ignored => Verdict::Ignored,
        Parsed::Unparsed => Verdict::Unparsed,
    }
}

/// How a line of a program fares that handles no mail itself. What log daemons dropped is a gap, and no event.
fn of_no_mail(line: &Line<'_>) -> Verdict {
    match log_daemon::parse(line.program, line.message) {
        Some(parsed) => verdict(&parsed),
        None if policy::is_silent(line.program) => Verdict::Ignored,
        None => Verdict::Unparsed,
    }
}

/// Text of a line that is compared or kept: cut where an event's words are.
fn detail(bytes: &[u8]) -> Text {
    quoted(bytes).into()
}

#[cfg(test)]
mod tests;
