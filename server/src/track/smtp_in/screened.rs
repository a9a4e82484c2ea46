//! Clients that postscreen has: told apart by address and port, until an smtpd has them.

use super::session::Session;
use super::{HAND_OVER_SECS, MAX_REFUSALS};
use crate::event::Kind;
use crate::postfix::{Peer, Screened, Speaker};
use crate::text::Text;
use crate::track::state::Out;
use crate::track::{At, Tracker, detail};

/// Sessions of one second among which the one that postscreen passed on is looked for.
const MOST_OF_A_SECOND: usize = 1_000;

impl Tracker {
    /// The session that postscreen began for this client, if it did (LOG-LINES trap 25).
    pub(super) fn passed_on(&mut self, at: &At<'_>, speaker: &Speaker<'_>, client: &Peer<'_>) -> Option<u64> {
        if self.sessions.by_ip.is_empty() || speaker.is_submission() {
            return None;
        }
        let key = (at.host, detail(client.ip));
        let rows = self.sessions.by_ip.get(&key)?;
        let is_waiting = |row: &u64| {
            self.sessions.rows.get(*row).is_some_and(|session| {
                session.process.is_none() && at.line.time.secs_since(session.last) <= HAND_OVER_SECS
            })
        };
        let is_passed = |row: &u64| self.sessions.rows.get(*row).is_some_and(|session| session.is_passed);
        let row = rows
            .iter()
            .copied()
            .filter(is_waiting)
            .find(is_passed)
            .or_else(|| rows.iter().copied().find(is_waiting))?;
        self.sessions.forget_keys(row);
        let session = self.sessions.rows.get_mut(row)?;
        session.has_start = true;
        session.is_seen_in_part = false;
        session.is_screened = true;
        session.is_passed = true;
        session.port = None;
        Some(row)
    }

    pub(in crate::track) fn screened(
        &mut self,
        at: &At<'_>,
        speaker: &Speaker<'_>,
        client: &Peer<'_>,
        what: &Screened<'_>,
        out: &mut Out<'_>,
    ) {
        let (Some(port), Some(instance)) = (client.port, self.instance(at, speaker)) else { return };
        let key = (at.host, detail(client.ip), port);
        let known = self.sessions.by_port.get(&key).copied();
        let row = match (what, known) {
            (Screened::Connect, _) => {
                if let Some(old) = known {
                    self.smtp_end(old, at.line.time, out);
                }
                let session = Session { port: Some(port), ..Session::of(at, instance, client, out) };
                self.screening(key, session, out);
                return;
            }
            (_, Some(row)) => row,
            // An end of which nothing else is known says nothing, and smtpd logs whom it was given.
            (Screened::Gone | Screened::Passed, None) => return,
            (_, None) => {
                let session = Session::of(at, instance, client, out);
                let session = Session { port: Some(port), has_start: false, is_seen_in_part: true, ..session };
                self.screening(key, session, out)
            }
        };
        if *what == Screened::Passed && self.was_given(at, row, out) {
            return;
        }
        let refused = match what {
            Screened::Rejected(reject) => self.refusal(at, reject, Some(row), out),
            _ => None,
        };
        let domain = match what {
            Screened::Rejected(reject) => self.domain_of_refused(reject),
            _ => None,
        };
        let why = match what {
            Screened::Connect | Screened::Passed | Screened::Gone => Text::default(),
            Screened::Suspect | Screened::Full | Screened::BadCommand | Screened::Terminated => {
                out.quote(at.line.message)
            }
            Screened::Rejected(reject) if reject.is_of_client => out.quote(reject.reply),
            Screened::Rejected(_) => Text::default(),
        };
        self.smtp_change_row(row, at.line.time, out, |session| {
            session.because(&why);
            match what {
                Screened::Connect => {}
                Screened::Passed => session.is_passed = true,
                Screened::Suspect => session.is_suspect = true,
                Screened::Full => session.is_blocked = true,
                Screened::BadCommand => session.bad_lines += 1,
                Screened::Terminated => session.is_terminated = true,
                Screened::Rejected(reject) => {
                    session.is_client_refused |= reject.is_of_client;
                    if let Some(domain) = domain {
                        session.concern(&domain);
                    }
                }
                Screened::Gone => {}
            }
        });
        if let (Some(mut event), Some(session)) = (refused, self.sessions.rows.get_mut(row)) {
            if let Kind::Refused { in_blocked_session, .. } = &mut event.kind {
                *in_blocked_session = session.is_blocked_now();
            }
            let mut booked = None;
            out.set(&mut booked, event);
            if session.refusals.len() < MAX_REFUSALS {
                session.refusals.push(booked);
            }
        }
        if *what == Screened::Gone {
            self.smtp_end(row, at.line.time, out);
        }
    }

    /// postscreen has a client.
    fn screening(&mut self, key: (u16, Text, u16), session: Session, out: &mut Out<'_>) -> u64 {
        let row = self.smtp_open(session, out);
        self.sessions.by_port.insert(key.clone(), row);
        self.sessions.by_ip.entry((key.0, key.1)).or_default().push(row);
        row
    }

    /// smtpd has this client already: its lines of the same second stand in a file that was read before (FAULTS 39).
    /// Both are one connection, and smtpd's session is the one that goes on.
    fn was_given(&mut self, at: &At<'_>, row: u64, out: &mut Out<'_>) -> bool {
        let Some(screened) = self.sessions.rows.get(row).cloned() else { return false };
        let is_it = |session: &Session| {
            let is_same = session.host == screened.host && session.instance == screened.instance;
            let is_alone = !session.is_screened && !session.is_seen_in_part && session.started == at.line.time;
            is_same && is_alone && session.ip == screened.ip && !self.is_of_submission(session)
        };
        let newest = self.sessions.rows.iter().rev().take_while(|(_, session)| session.started >= at.line.time);
        let found = newest.take(MOST_OF_A_SECOND).filter(|(_, session)| is_it(session)).last().map(|(found, _)| found);
        let Some(found) = found else { return false };
        self.sessions.forget_keys(row);
        let Some(mut screened) = self.sessions.rows.remove(row) else { return false };
        out.withdraw(&mut screened.booked);
        let Some(session) = self.sessions.rows.get_mut(found) else { return true };
        session.is_screened = true;
        session.is_passed = true;
        session.started = screened.started;
        session.bad_lines = session.bad_lines.saturating_add(screened.bad_lines);
        session.is_terminated |= screened.is_terminated;
        session.refusals.append(screened.refusals);
        session.concern(&screened.subjects);
        if let Some(why) = &screened.why {
            session.because(why);
        }
        session.sync(session.last, out);
        true
    }

    /// Whether a process has the session that serves users, to whom postscreen does not listen.
    fn is_of_submission(&self, session: &Session) -> bool {
        let Some((program, _)) = session.process else { return true };
        let name = self.programs.names().get(usize::from(program));
        name.and_then(|name| Speaker::parse(name.as_bytes())).is_none_or(|speaker| speaker.is_submission())
    }
}
