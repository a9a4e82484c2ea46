//! Sessions of Exim's clients: its log tells them apart by address and port, and by address alone as it is set by
//! default. Without `+smtp_connection` neither their beginning nor their end is logged, and a session is what its other
//! lines span: then the number of connections is a lower bound.

use super::IDLE_SECS;
use super::session::Session;
use crate::event::{Event, Kind};
use crate::exim::Closing;
use crate::postfix::Peer;
use crate::text::{Quote, Text};
use crate::track::state::Out;
use crate::track::{At, Tracker, detail};

impl Tracker {
    /// A client was let in.
    pub(in crate::track) fn client_connected(&mut self, at: &At<'_>, client: &Peer<'_>, out: &mut Out<'_>) -> u64 {
        self.client_begins(at, client, false, out)
    }

    fn client_begins(&mut self, at: &At<'_>, client: &Peer<'_>, is_seen_in_part: bool, out: &mut Out<'_>) -> u64 {
        let key = (at.host, detail(client.ip), client.port.unwrap_or(0));
        if let Some(old) = self.sessions.by_port.get(&key).copied() {
            let last = self.sessions.rows.get(old).map_or(at.line.time, |session| session.last);
            self.smtp_end(old, last, out);
        }
        let port = Some(key.2);
        let session = Session { port, is_seen_in_part, ..Session::of(at, at.program, client, out) };
        let row = self.smtp_open(session, out);
        self.sessions.by_port.insert(key, row);
        row
    }

    /// The session that a line with this client belongs to; a new one if its beginning is not in the log.
    pub(in crate::track) fn client_session(&mut self, at: &At<'_>, client: &Peer<'_>, out: &mut Out<'_>) -> u64 {
        let key = (at.host, detail(client.ip), client.port.unwrap_or(0));
        let known = self.sessions.by_port.get(&key).copied().filter(|row| {
            let session = self.sessions.rows.get(*row);
            session.is_some_and(|session| at.line.time.secs_since(session.last) <= IDLE_SECS)
        });
        known.unwrap_or_else(|| self.client_begins(at, client, true, out))
    }

    pub(in crate::track) fn client_gone(&mut self, at: &At<'_>, client: &Peer<'_>, how: Closing, out: &mut Out<'_>) {
        let row = self.client_session(at, client, out);
        let why = if how == Closing::Usual { Text::default() } else { out.quote(at.line.message) };
        self.smtp_change_row(row, at.line.time, out, |session| {
            session.because(&why);
            session.is_terminated |= how != Closing::Usual;
            if how == Closing::ForBadCommands {
                session.bad_lines = session.bad_lines.max(1);
            }
        });
        self.smtp_end(row, at.line.time, out);
    }

    /// Turned away at the door: a connection, and blocked.
    pub(in crate::track) fn client_turned_away(&mut self, at: &At<'_>, client: &Peer<'_>, out: &mut Out<'_>) {
        let row = self.client_connected(at, client, out);
        let why = out.quote(at.line.message);
        self.smtp_change_row(row, at.line.time, out, |session| {
            session.because(&why);
            session.is_blocked = true;
        });
        self.smtp_end(row, at.line.time, out);
    }

    pub(in crate::track) fn client_bad_command(&mut self, at: &At<'_>, client: &Peer<'_>, out: &mut Out<'_>) {
        let row = self.client_session(at, client, out);
        let why = out.quote(at.line.message);
        self.smtp_change_row(row, at.line.time, out, |session| {
            session.because(&why);
            session.bad_lines = session.bad_lines.saturating_add(1);
        });
    }

    pub(in crate::track) fn client_login_failed(
        &mut self,
        at: &At<'_>,
        client: &Peer<'_>,
        user: Option<&[u8]>,
        out: &mut Out<'_>,
    ) {
        let row = self.client_session(at, client, out);
        let subjects = self.user_subjects(user);
        let peer = Some(out.words(format_args!("{}[{}]", Quote(client.name), Quote(client.ip))));
        let detail = out.quote(user.unwrap_or_default());
        out.once(Event { peer, detail, ..at.event(Kind::SmtpLoginFailed, subjects) });
        self.smtp_change_row(row, at.line.time, out, |_| {});
    }
}
