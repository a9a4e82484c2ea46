//! Clients that postscreen has: told apart by address and port, until an smtpd has them.

use super::refused::domain_of_refused;
use super::{HAND_OVER_SECS, MAX_REFUSALS};
use crate::event::Kind;
use crate::postfix::{Peer, Screened, Speaker};
use crate::track::state::Out;
use crate::track::{At, Tracker, detail};

impl Tracker {
    /// The session that postscreen began for this client, if it did (LOG-LINES trap 25).
    pub(super) fn passed_on(&mut self, at: &At<'_>, speaker: &Speaker<'_>, client: &Peer<'_>) -> Option<u64> {
        if speaker.is_submission() {
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
        let session = self.sessions.rows.get(row)?.clone();
        self.sessions.forget_keys(row, &session);
        let session = self.sessions.rows.get_mut(row)?;
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
        let (Some(port), Some((instance, _))) = (client.port, self.programs.number(speaker.instance)) else { return };
        let key = (at.host, detail(client.ip), port);
        let known = self.sessions.by_port.get(&key).copied();
        let row = match (what, known) {
            (Screened::Connect, _) => {
                if let Some(old) = known {
                    self.smtp_end(old, at.line.time, out);
                }
                let row = self.smtp_begin(at, instance, client, out);
                if let Some(session) = self.sessions.rows.get_mut(row) {
                    session.port = Some(port);
                }
                self.sessions.by_port.insert(key.clone(), row);
                self.sessions.by_ip.entry((key.0, key.1)).or_default().push(row);
                return;
            }
            (_, Some(row)) => row,
            (_, None) => return,
        };
        let refused = match what {
            Screened::Rejected(reject) => self.refusal(at, reject, Some(row)),
            _ => None,
        };
        self.smtp_change_row(row, at.line.time, out, |session| match what {
            Screened::Connect => {}
            Screened::Passed => session.is_passed = true,
            Screened::Suspect => session.is_suspect = true,
            Screened::Full => session.is_blocked = true,
            Screened::BadCommand => session.bad_lines += 1,
            Screened::Terminated => session.is_terminated = true,
            Screened::Rejected(reject) => {
                if let Some(domain) = domain_of_refused(reject) {
                    session.concern(domain);
                }
            }
            Screened::Gone => {}
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
}
