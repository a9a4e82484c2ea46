//! POP3 and IMAP: connections, log-ins and sessions until log-out (SEMANTICS 1.2, reports 12 to 15 and 19).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use mailtally_model::Time;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::expiry::Expiry;
use super::names::subjects_of;
use super::state::{Booked, Out, Table};
use super::{At, Tracker};
use crate::dovecot::{Fact, Who, Why};
use crate::event::{End, Event, Kind, MAX_LASTS_MS, Protocol, Subjects, Update};
use crate::text::{Text, quoted};

/// A session whose end is not in the log is over by then; IMAP clients stay for weeks.
const MAX_SESSION_SECS: i64 = (MAX_LASTS_MS / 1000) as i64;

/// Open sessions in memory; past it the oldest are given up.
const MAX_SESSIONS: usize = 200_000;

#[derive(Debug)]
pub struct Mailboxes {
    pub rows: Table<Session>,
    /// By host, and the key of each.
    by_key: BTreeMap<u16, FxHashMap<Text, u64>>,
    /// By host: up to when its open sessions are booked. Said once for all of them: a server has tens of thousands of
    /// sessions that go on for days, and each would be written anew at each quarter hour.
    pub booked_until: BTreeMap<u16, Time>,
    /// Refusals by a rule that wait for their log-in line.
    forbidden: Expiry,
}

/// A session that is open, or a rule's refusal whose log-in line is still to come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    host_name: Text,
    host: u16,
    key: Text,
    state: State,
    started: Time,
    subjects: Subjects,
    ip: Text,
    user: Text,
    bad_commands: u32,
    /// As it was when a line last said something of it; see [`Mailboxes::booked_until`] for the time since.
    booked: Option<Booked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Open(Protocol),
    /// auth said that a rule forbids it; login will report a wrong password.
    Forbidden,
}

impl Default for Mailboxes {
    fn default() -> Mailboxes {
        Mailboxes {
            rows: Table::new(b'm'),
            by_key: BTreeMap::new(),
            booked_until: BTreeMap::new(),
            forbidden: Expiry::default(),
        }
    }
}

impl Mailboxes {
    pub fn index(&mut self) {
        for (row, session) in self.rows.iter() {
            self.by_key.entry(session.host).or_default().insert(session.key.clone(), row);
            if session.state == State::Forbidden {
                self.forbidden.add(session.host, session.started, row);
            }
        }
    }

    fn forget_key(&mut self, session: &Session) {
        if let Some(keys) = self.by_key.get_mut(&session.host) {
            keys.remove(&session.key);
        }
    }

    fn take(&mut self, host: u16, key: &str) -> Option<Session> {
        let row = self.by_key.get_mut(&host)?.remove(key)?;
        self.remove(row)
    }

    fn remove(&mut self, row: u64) -> Option<Session> {
        let mut session = self.rows.remove(row)?;
        session.recall(self.booked_until.get(&session.host));
        Some(session)
    }

    /// Up to when a session is booked of which a line speaks: a line that comes late speaks of one that was open since.
    fn until(&self, at: &At<'_>) -> Time {
        self.booked_until.get(&at.host).map_or(at.line.time, |until| at.line.time.max(*until))
    }

    /// To be changed by what a line says of it.
    fn get_mut(&mut self, row: u64) -> Option<&mut Session> {
        let session = self.rows.get_mut(row)?;
        session.recall(self.booked_until.get(&session.host));
        Some(session)
    }
}

/// What a session ended as.
struct Ending {
    bytes: Option<u64>,
    end: Option<End>,
    bad_commands: u32,
    /// What the log said of it, unless it ended well.
    why: Option<Text>,
}

impl Session {
    fn event(&self, protocol: Protocol, until: Time, ending: Ending) -> Event {
        Event {
            time: self.started,
            host: self.host_name.clone(),
            subjects: Arc::clone(&self.subjects),
            peer: Some(self.ip.clone()),
            bytes: ending.bytes,
            duration_ms: Some(self.lasted_ms(until)),
            detail: self.user.clone(),
            kind: Kind::MailboxSession {
                protocol,
                has_start: true,
                is_login: true,
                is_blocked: false,
                bad_commands: ending.bad_commands,
                auth_failed: 0,
                end: ending.end,
                why: ending.why,
            },
        }
    }

    /// A session of an old log that is read after newer ones is as old as that at once.
    fn lasted_ms(&self, until: Time) -> u64 {
        until.secs_since(self.started).clamp(0, MAX_SESSION_SECS) as u64 * 1000
    }

    /// The event as it was last given out: its own, or with the time since that was booked with all others.
    fn given(&self, booked_until: Option<&Time>) -> Option<Booked> {
        let booked = self.booked.as_ref()?;
        let until = booked_until.map(|until| self.lasted_ms(*until));
        if matches!(self.state, State::Forbidden) || until <= booked.event.duration_ms {
            return Some(booked.clone());
        }
        Some(Booked { id: booked.id, event: Arc::new(Event { duration_ms: until, ..Event::clone(&booked.event) }) })
    }

    fn recall(&mut self, booked_until: Option<&Time>) {
        self.booked = self.given(booked_until);
    }

    fn open(&self) -> Ending {
        Ending { bytes: None, end: None, bad_commands: self.bad_commands, why: None }
    }
}

impl Tracker {
    pub(super) fn dovecot(&mut self, at: &At<'_>, fact: &Fact<'_>, out: &mut Out<'_>) {
        match fact {
            Fact::Login { protocol, who } => self.logged_in(at, *protocol, who, out),
            Fact::Refused { protocol, who, why, words } => self.not_logged_in(at, *protocol, who, why, words, out),
            Fact::Ended { protocol, who, end, is_for_bad_commands, bytes, words } => {
                // Most end well, in words that all of them share.
                let why = (*end != End::Clean).then(|| out.quote(words)).filter(|why| !why.is_empty());
                let bad_commands = u32::from(*is_for_bad_commands);
                let ending = Ending { bytes: *bytes, end: Some(*end), bad_commands, why };
                self.logged_out(at, *protocol, who, ending, out);
            }
            Fact::ForbiddenByRule { session } => {
                let who = Who { session, ..Who::default() };
                let key = key(Protocol::Imap, &who);
                self.open_session(at, &key, State::Forbidden, &who, Subjects::default(), out);
            }
            Fact::BadCommand { session } => {
                let keys = self.mailboxes.by_key.get(&at.host);
                let found = keys.and_then(|keys| keys.get(&*quoted(session))).copied();
                let until = self.mailboxes.until(at);
                let Some(session) = found.and_then(|row| self.mailboxes.get_mut(row)) else { return };
                session.bad_commands = session.bad_commands.saturating_add(1);
                if let State::Open(protocol) = session.state {
                    let event = session.event(protocol, until, session.open());
                    out.set(&mut session.booked, event);
                }
            }
            Fact::Restart => self.mailbox_restart(at, out),
        }
    }

    fn open_session(
        &mut self,
        at: &At<'_>,
        key: &str,
        state: State,
        who: &Who<'_>,
        subjects: Subjects,
        out: &mut Out<'_>,
    ) -> u64 {
        if self.mailboxes.rows.len() >= MAX_SESSIONS {
            let oldest: Vec<u64> = self.mailboxes.rows.iter().map(|(row, _)| row).take(MAX_SESSIONS / 20).collect();
            for row in oldest {
                self.lose_session(row, at.line.time, out);
            }
        }
        let row = self.new_row();
        let key = Text::from(key);
        let session = Session {
            host_name: at.host_name.clone(),
            host: at.host,
            key: key.clone(),
            state,
            started: at.line.time,
            subjects,
            ip: out.quote(who.ip),
            user: out.quote(who.user),
            bad_commands: 0,
            booked: None,
        };
        if let Some(old) = self.mailboxes.by_key.get(&at.host).and_then(|keys| keys.get(&*key)).copied() {
            self.lose_session(old, at.line.time, out);
        }
        if state == State::Forbidden {
            self.mailboxes.forbidden.add(at.host, at.line.time, row);
        }
        self.mailboxes.rows.insert(row, session);
        self.mailboxes.by_key.entry(at.host).or_default().insert(key, row);
        row
    }

    fn logged_in(&mut self, at: &At<'_>, protocol: Protocol, who: &Who<'_>, out: &mut Out<'_>) {
        let mailbox = self.ours.logged_in(who.user, &self.settings);
        if let Some(mailbox) = &mailbox {
            self.learn(mailbox, out);
        }
        let subjects = subjects_of(mailbox.as_ref());
        let row = self.open_session(at, &key(protocol, who), State::Open(protocol), who, subjects, out);
        let until = self.mailboxes.until(at);
        if let Some(session) = self.mailboxes.rows.get_mut(row) {
            let event = session.event(protocol, until, session.open());
            out.set(&mut session.booked, event);
        }
    }

    fn not_logged_in(
        &mut self,
        at: &At<'_>,
        protocol: Protocol,
        who: &Who<'_>,
        why: &Why,
        words: &[u8],
        out: &mut Out<'_>,
    ) {
        let key = key(protocol, who);
        let forbidden = (!who.session.is_empty()).then(|| self.mailboxes.take(at.host, &key)).flatten();
        let is_forbidden = forbidden.is_some_and(|session| session.state == State::Forbidden);
        let subjects = self.user_subjects(Some(who.user));
        let kind = Kind::MailboxSession {
            protocol,
            has_start: true,
            is_login: false,
            is_blocked: why.is_blocked || is_forbidden,
            bad_commands: u32::from(why.is_for_bad_commands),
            auth_failed: why.auth_failed,
            end: Some(why.end),
            why: Some(out.quote(words)).filter(|why| !why.is_empty()),
        };
        let peer = Some(out.quote(who.ip));
        let event = Event { peer, detail: out.quote(who.user), ..at.event(kind, subjects) };
        out.once(event);
    }

    fn logged_out(&mut self, at: &At<'_>, protocol: Protocol, who: &Who<'_>, mut ending: Ending, out: &mut Out<'_>) {
        if let Some(mut session) = self.mailboxes.take(at.host, &key(protocol, who)) {
            // Dropped for bad commands that were logged one by one: those are the number.
            ending.bad_commands = ending.bad_commands.max(session.bad_commands);
            let event = session.event(protocol, at.line.time, ending);
            out.set(&mut session.booked, event);
            return;
        }
        // The log begins in the middle of the session.
        let subjects = self.user_subjects(Some(who.user));
        let kind = Kind::MailboxSession {
            protocol,
            has_start: false,
            is_login: false,
            is_blocked: false,
            bad_commands: ending.bad_commands,
            auth_failed: 0,
            end: ending.end,
            why: ending.why,
        };
        out.once(Event { bytes: ending.bytes, detail: out.quote(who.user), ..at.event(kind, subjects) });
    }

    /// Dovecot started: what was open ended unseen.
    fn mailbox_restart(&mut self, at: &At<'_>, out: &mut Out<'_>) {
        let open: Vec<u64> =
            self.mailboxes.rows.iter().filter(|(_, session)| session.host == at.host).map(|(row, _)| row).collect();
        for row in open {
            self.lose_session(row, at.line.time, out);
        }
    }

    fn lose_session(&mut self, row: u64, time: Time, out: &mut Out<'_>) {
        let Some(mut session) = self.mailboxes.remove(row) else { return };
        self.mailboxes.forget_key(&session);
        if let State::Open(protocol) = session.state {
            let ending = Ending { end: Some(End::Lost), ..session.open() };
            let event = session.event(protocol, time, ending);
            out.set(&mut session.booked, event);
        }
    }

    /// Books the time of open sessions. They are read and not changed: each costs an update of its event, and nothing in the
    /// store.
    pub(super) fn book_mailboxes(&mut self, host: u16, now: Time, out: &mut Out<'_>) {
        let booked_until = self.mailboxes.booked_until.insert(host, now);
        self.is_meta_changed |= booked_until != Some(now);
        let open = |session: &&Session| session.host == host && matches!(session.state, State::Open(_));
        for session in self.mailboxes.rows.iter().map(|(_, session)| session).filter(open) {
            let (before, after) = (session.given(booked_until.as_ref()), session.given(Some(&now)));
            if let (Some(before), Some(after)) = (before, after)
                && before.event.duration_ms < after.event.duration_ms
            {
                out.updates.push(Update { id: after.id, before: Some(before.event), after: after.event });
            }
        }
    }

    /// Forgets refusals by a rule whose log-in line did not come.
    pub(super) fn forget_mailboxes(&mut self, host: u16, now: Time) {
        while let Some(row) = self.mailboxes.forbidden.take(host, now) {
            if let Some(session) =
                self.mailboxes.rows.get(row).filter(|session| session.state == State::Forbidden).cloned()
            {
                self.mailboxes.rows.remove(row);
                self.mailboxes.forget_key(&session);
            }
        }
    }

    /// Gives up sessions that are too old. Each day of log time: it walks over all of them.
    pub(super) fn give_up_mailboxes(&mut self, host: u16, now: Time, out: &mut Out<'_>) {
        let is_over = |session: &Session| session.host == host && now.secs_since(session.started) > MAX_SESSION_SECS;
        let over = self.mailboxes.rows.iter().filter(|(_, session)| is_over(session));
        let over: Vec<(u64, Time)> =
            over.map(|(row, session)| (row, session.started.plus_secs(MAX_SESSION_SECS))).collect();
        for (row, end) in over {
            self.lose_session(row, end, out);
        }
    }
}

/// The session's own id; before 2.3 the log has none at log-out, and the user stands for it.
fn key<'a>(protocol: Protocol, who: &Who<'a>) -> Cow<'a, str> {
    if who.session.is_empty() { format!("{protocol:?} {}", quoted(who.user)).into() } else { quoted(who.session) }
}
