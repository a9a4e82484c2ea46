//! Sessions of SMTP clients, from connect to disconnect: connections, refusals, bad commands, terminations
//! (SEMANTICS 1.2, reports 8 and 9). Behind postscreen the session begins there and goes on in smtpd.

mod by_address;
mod refused;
mod screened;
mod session;

use mailtally_model::Time;
use rustc_hash::FxHashMap;

use super::expiry::Expiry;
use super::names::Mailbox;
use super::state::{Out, Table};
use super::{At, Tracker};
use crate::postfix::{Peer, Speaker};
use crate::text::{Text, lossy};
use session::Session;

/// smtpd waits no longer for a command (`smtpd_timeout`), so a session without lines is over by then.
const IDLE_SECS: i64 = 300;

/// Lines of one moment may come in another order than they were written.
pub const OUT_OF_ORDER_SECS: i64 = 2;

/// postscreen hands a client over at once.
const HAND_OVER_SECS: i64 = 60;

/// Refusals of one session that are revised if the session turns out to be blocked. smtpd hangs up after 20 errors.
const MAX_REFUSALS: usize = 200;

#[derive(Debug)]
pub struct Sessions {
    pub rows: Table<Session>,
    /// Open sessions of smtpd: host, program, process.
    by_process: FxHashMap<(u16, u16, u32), u64>,
    /// Clients of postscreen and of Exim: host, address, port.
    by_port: FxHashMap<(u16, Text, u16), u64>,
    /// Clients that postscreen has or has passed on, by address, first come first.
    by_ip: FxHashMap<(u16, Text), Vec<u64>>,
    ended: Expiry,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            rows: Table::new(b's'),
            by_process: FxHashMap::default(),
            by_port: FxHashMap::default(),
            by_ip: FxHashMap::default(),
            ended: Expiry::default(),
        }
    }
}

impl Sessions {
    pub fn index(&mut self) {
        for (row, session) in self.rows.iter() {
            if let Some(ended) = session.ended {
                self.ended.add(session.host, ended, row);
            } else if let Some((program, process)) = session.process {
                self.by_process.insert((session.host, program, process), row);
            } else if let Some(port) = session.port {
                self.by_port.insert((session.host, session.ip.clone(), port), row);
                self.by_ip.entry((session.host, session.ip.clone())).or_default().push(row);
            }
        }
    }

    fn forget_keys(&mut self, row: u64) {
        let Some(session) = self.rows.get(row) else { return };
        if let Some((program, process)) = session.process
            && self.by_process.get(&(session.host, program, process)) == Some(&row)
        {
            self.by_process.remove(&(session.host, program, process));
        }
        if let Some(port) = session.port {
            let key = (session.host, session.ip.clone(), port);
            if self.by_port.get(&key) == Some(&row) {
                self.by_port.remove(&key);
            }
            let key = (session.host, session.ip.clone());
            if let Some(rows) = self.by_ip.get_mut(&key) {
                rows.retain(|other| *other != row);
                if rows.is_empty() {
                    self.by_ip.remove(&key);
                }
            }
        }
    }
}

impl Tracker {
    /// The session of the process that wrote the line. If the log does not show its beginning, it begins here and is
    /// no new connection (R17): a log that was cut, or single lines of one.
    fn smtp_session(&mut self, at: &At<'_>, client: &Peer<'_>, out: &mut Out<'_>) -> Option<u64> {
        let key = (at.host, at.program, at.line.pid?);
        let known = self.sessions.by_process.get(&key).copied();
        if let Some(row) = known {
            let session = self.sessions.rows.get(row)?;
            let is_silent = at.line.time.secs_since(session.last) > IDLE_SECS;
            let is_other = session.is_seen_in_part && (is_silent || session.ip.as_bytes() != client.ip);
            if !is_other {
                return Some(row);
            }
            let last = session.last;
            self.smtp_end(row, last, out);
        }
        let instance = Speaker::parse(at.line.program).and_then(|speaker| self.instance(at, &speaker))?;
        let process = Some((key.1, key.2));
        let session =
            Session { has_start: false, is_seen_in_part: true, process, ..Session::of(at, instance, client, out) };
        let row = self.smtp_open(session, out);
        self.sessions.by_process.insert(key, row);
        Some(row)
    }

    /// Changes the session of the process that wrote the line, and gives it out as it is then.
    fn smtp_change(
        &mut self,
        at: &At<'_>,
        client: &Peer<'_>,
        out: &mut Out<'_>,
        change: impl FnOnce(&mut Session),
    ) -> Option<u64> {
        let row = self.smtp_session(at, client, out)?;
        self.smtp_change_row(row, at.line.time, out, change);
        Some(row)
    }

    fn smtp_change_row(&mut self, row: u64, now: Time, out: &mut Out<'_>, change: impl FnOnce(&mut Session)) {
        let Some(session) = self.sessions.rows.get_mut(row) else { return };
        session.last = session.last.max(now);
        change(session);
        session.sync(session.last, out);
    }

    /// A session begins: gives it out, and its row.
    fn smtp_open(&mut self, mut session: Session, out: &mut Out<'_>) -> u64 {
        session.sync(session.started, out);
        let row = self.new_row();
        self.sessions.rows.insert(row, session);
        row
    }

    fn smtp_end(&mut self, row: u64, time: Time, out: &mut Out<'_>) {
        let Some(session) = self.sessions.rows.get_mut(row) else { return };
        if session.ended.is_none() {
            let ended = time.max(session.started);
            session.ended = Some(ended);
            session.sync(time, out);
            self.sessions.ended.add(session.host, ended, row);
        }
        self.sessions.forget_keys(row);
    }

    pub(super) fn smtp_connect(&mut self, at: &At<'_>, speaker: &Speaker<'_>, client: &Peer<'_>, out: &mut Out<'_>) {
        let Some(process) = at.line.pid else { return };
        let key = (at.host, at.program, process);
        // The process serves one client at a time: the end of the one before is missing in the log (FAULTS 54).
        if let Some(old) = self.sessions.by_process.get(&key).copied() {
            let last = self.sessions.rows.get(old).map_or(at.line.time, |session| session.last);
            self.smtp_end(old, last, out);
        }
        let Some(instance) = self.instance(at, speaker) else { return };
        let row = match self.passed_on(at, speaker, client) {
            Some(row) => {
                self.smtp_change_row(row, at.line.time, out, |session| session.process = Some((at.program, process)));
                row
            }
            None => {
                let session = Session::of(at, instance, client, out);
                self.smtp_open(Session { process: Some((at.program, process)), ..session }, out)
            }
        };
        self.sessions.by_process.insert(key, row);
    }

    pub(super) fn smtp_disconnect(&mut self, at: &At<'_>, client: &Peer<'_>, unknown_commands: u32, out: &mut Out<'_>) {
        let Some(row) = self.smtp_session(at, client, out) else { return };
        if let Some(session) = self.sessions.rows.get_mut(row) {
            session.last = session.last.max(at.line.time);
            session.unknown_commands = unknown_commands;
            if unknown_commands > 0 {
                session.because(&out.quote(at.line.message));
            }
        }
        self.smtp_end(row, at.line.time, out);
    }

    /// A recipient was accepted, and a queue file begins.
    pub(super) fn smtp_accepted(
        &mut self,
        at: &At<'_>,
        client: &Peer<'_>,
        user: Option<&[u8]>,
        out: &mut Out<'_>,
    ) -> Option<u64> {
        let row = self.smtp_session(at, client, out)?;
        self.accepted_in(row, at, user, out);
        Some(row)
    }

    pub(super) fn accepted_in(&mut self, row: u64, at: &At<'_>, user: Option<&[u8]>, out: &mut Out<'_>) {
        let mailbox = user.and_then(|user| self.ours.logged_in(user, &self.settings));
        if let Some(mailbox) = &mailbox {
            self.learn(mailbox, out);
        }
        self.smtp_change_row(row, at.line.time, out, |session| {
            session.is_accepted = true;
            if let Some(user) = user {
                session.user = Some(lossy(user).into());
            }
            if let Some(mailbox) = &mailbox {
                session.concern(mailbox.subjects());
            }
        });
    }

    /// `follows`: a line of a message that a wrongly pipelined DATA left behind is that bad command once more.
    pub(super) fn smtp_bad_command(&mut self, at: &At<'_>, client: &Peer<'_>, follows: bool, out: &mut Out<'_>) {
        let why = out.quote(at.line.message);
        self.smtp_change(at, client, out, |session| {
            session.because(&why);
            if !follows || session.bad_lines == 0 {
                session.bad_lines = session.bad_lines.saturating_add(1);
            }
        });
    }

    pub(super) fn smtp_broken_off(
        &mut self,
        at: &At<'_>,
        client: &Peer<'_>,
        is_terminated: bool,
        bytes: Option<u64>,
        out: &mut Out<'_>,
    ) {
        let why = if is_terminated { out.quote(at.line.message) } else { Text::default() };
        self.smtp_change(at, client, out, |session| {
            session.because(&why);
            session.is_terminated |= is_terminated;
            if let Some(bytes) = bytes {
                session.broken_off_bytes = Some(session.broken_off_bytes.unwrap_or(0).saturating_add(bytes));
            }
        });
    }

    /// The session belongs to a filter that gives messages back.
    pub(super) fn smtp_reinjected(&mut self, row: u64, out: &mut Out<'_>) {
        if let Some(session) = self.sessions.rows.get_mut(row) {
            session.is_reinjected = true;
            session.sync(session.last, out);
        }
    }

    /// A recipient of a message reached a mailbox: the session that brought it served that mailbox.
    pub(super) fn smtp_reached(&mut self, sessions: &[u64], mailbox: &Mailbox, out: &mut Out<'_>) {
        for row in sessions {
            let Some(session) = self.sessions.rows.get_mut(*row) else { continue };
            let known = session.subjects.len();
            session.concern(mailbox.subjects());
            if session.subjects.len() != known {
                session.sync(session.last, out);
            }
        }
    }

    /// The session of the process that wrote the line: its row, the client's address, who logged in.
    pub(super) fn smtp_front(&self, at: &At<'_>) -> Option<(u64, Text, Option<Text>)> {
        let row = *self.sessions.by_process.get(&(at.host, at.program, at.line.pid?))?;
        let session = self.sessions.rows.get(row)?;
        Some((row, session.ip.clone(), session.user.clone()))
    }

    /// master started or ended: its sessions are over, but for those of the same second, which may have begun after it.
    pub(super) fn smtp_restart(&mut self, at: &At<'_>, instance: u16, out: &mut Out<'_>) {
        let over: Vec<u64> = self
            .sessions
            .rows
            .iter()
            .filter(|(_, session)| {
                let is_of_it = session.host == at.host && session.instance == instance;
                is_of_it && session.ended.is_none() && session.started < at.line.time
            })
            .map(|(row, _)| row)
            .collect();
        for row in over {
            self.smtp_end(row, at.line.time, out);
        }
    }

    pub(super) fn sweep_sessions(&mut self, host: u16, now: Time, out: &mut Out<'_>) {
        let is_open = |session: &Session| session.host == host && session.ended.is_none();
        let open: Vec<u64> =
            self.sessions.rows.iter().filter(|(_, session)| is_open(session)).map(|(row, _)| row).collect();
        for row in open {
            let Some(session) = self.sessions.rows.get_mut(row) else { continue };
            if now.secs_since(session.last) > IDLE_SECS {
                let end = session.silent_end();
                self.smtp_end(row, end, out);
            } else {
                session.sync(now, out);
            }
        }
    }

    /// Forgets sessions that ended, after their grace.
    pub(super) fn forget_sessions(&mut self, host: u16, now: Time) {
        loop {
            let over = self.sessions.ended.take_some(host, now);
            if over.is_empty() {
                return;
            }
            over.iter().filter_map(|row| self.sessions.rows.get(*row)).for_each(Session::fetch);
            over.into_iter().for_each(|row| self.sessions.rows.forget(row));
        }
    }
}
