//! What SMTP clients were refused: connections, log-ins, recipients, messages, and what was over a limit.

use std::sync::Arc;

use super::MAX_REFUSALS;
use crate::event::{Event, Kind, Refused as RefusedWhat, Subjects};
use crate::postfix::{AnvilLimit, Peer, Reject, Speaker, Stage};
use crate::text::{Quote, Text, contains};
use crate::track::message::{FileKey, Refused};
use crate::track::queue::file_of;
use crate::track::relay::is_trusted;
use crate::track::state::Out;
use crate::track::{At, Tracker, detail};

impl Tracker {
    pub(in crate::track) fn smtp_reject(
        &mut self,
        at: &At<'_>,
        reject: &Reject<'_>,
        key: Option<FileKey>,
        out: &mut Out<'_>,
    ) {
        let row = match reject.stage {
            // cleanup speaks of a session by its queue file.
            Stage::Content | Stage::EndOfMessage if key.is_some() => {
                key.and_then(|key| self.session_of(key, at.line.time))
            }
            _ => match &reject.client {
                Some(client) => self.smtp_session(at, client, out),
                None => self.smtp_front(at).map(|(row, ..)| row),
            },
        };
        self.refused_in(at, reject, key, row, out);
    }

    /// The message was too large. cleanup logs the same words, and where a log has lost the daemons' names (LOG-LINES
    /// trap 1) only the process that has the client's session is smtpd. Where the name is there, the session may be read
    /// later: the warnings of a log may come first, in a file of their own.
    pub(in crate::track) fn too_large(&mut self, at: &At<'_>, key: FileKey, out: &mut Out<'_>) {
        let row = self.smtp_front(at).map(|(row, ..)| row);
        if row.is_none() && Speaker::parse(at.line.program).is_none_or(|speaker| speaker.daemon != b"smtpd") {
            return;
        }
        let reject = Reject {
            id: Some(key.id),
            stage: Stage::Content,
            client: None,
            reply: at.line.message,
            recipient: None,
            sender: None,
            sasl_username: None,
            is_by_filter: false,
            is_of_client: false,
            is_permanent: true,
        };
        self.refused_in(at, &reject, Some(key), row, out);
    }

    /// A refusal in a session that is known, or in none.
    pub(in crate::track) fn refused_in(
        &mut self,
        at: &At<'_>,
        reject: &Reject<'_>,
        key: Option<FileKey>,
        row: Option<u64>,
        out: &mut Out<'_>,
    ) {
        let is_by_cleanup = matches!(reject.stage, Stage::Content | Stage::EndOfMessage);
        let user = reject.sasl_username.map(<[u8]>::to_vec).or_else(|| {
            let session = row.and_then(|row| self.sessions.rows.get(row))?;
            session.user.as_ref().map(|user| user.as_bytes().to_vec())
        });
        self.throttled_by_reply(at, reject, user.as_deref(), out);
        if reject.stage == Stage::EndOfMessage && reject.is_by_filter && self.says_spam(reject.reply) {
            self.refused_as_spam(at, reject, key, user.as_deref(), out);
        }
        let refused = self.refusal(at, reject, row, out);
        let domain = self.domain_of_refused(reject);
        let is_termination = reject.stage == Stage::EndOfMessage && reject.is_permanent;
        // Its words make the session count for more than a connection, and are the refusal's own where there is one.
        let is_of_session = is_termination
            || reject.stage == Stage::Connect
            || reject.stage == Stage::Rcpt && reject.is_of_client
            || reject.is_of_bare_lf()
            || contains(reject.reply, b"Error: too many recipients");
        let why = match &refused {
            _ if !is_of_session => Text::default(),
            Some(refused) => Text::clone(&refused.detail),
            None => out.quote(reject.reply),
        };
        let Some(row) = row else {
            let mut booked = None;
            if let Some(event) = refused {
                out.set(&mut booked, event);
            }
            // cleanup speaks of a session whose line is still to be read.
            if let Some(key) = key.filter(|_| is_by_cleanup) {
                let message = self.touch(at, key);
                let domain = domain.and_then(|domain| domain.first().cloned());
                let refused = Refused { is_termination, domain, booked };
                if let Some(file) = self.queue.messages.get_mut(message).and_then(|message| file_of(message, key)) {
                    file.refused.push(refused);
                }
                self.close_rejected(at, reject, key);
            }
            return;
        };
        if let Some(key) = key {
            self.close_rejected(at, reject, key);
        }
        self.smtp_change_row(row, at.line.time, out, |session| {
            session.because(&why);
            session.is_blocked |= reject.stage == Stage::Connect;
            session.is_client_refused |= reject.stage == Stage::Rcpt && reject.is_of_client;
            session.is_terminated |= is_termination || contains(reject.reply, b"Error: too many recipients");
            session.bad_lines = session.bad_lines.saturating_add(reject.is_of_bare_lf().into());
            if let Some(domain) = &domain {
                session.concern(domain);
            }
        });
        let Some(mut event) = refused else { return };
        let Some(session) = self.sessions.rows.get_mut(row) else { return };
        if let Kind::Refused { in_blocked_session, .. } = &mut event.kind {
            *in_blocked_session = session.is_blocked_now();
        }
        let mut booked = None;
        out.set(&mut booked, event);
        if session.refusals.len() < MAX_REFUSALS {
            session.refusals.push(booked);
        }
    }

    /// A filter refused the message as spam. Before the queue there is no message yet, and who logged in sent it.
    fn refused_as_spam(
        &mut self,
        at: &At<'_>,
        reject: &Reject<'_>,
        key: Option<FileKey>,
        user: Option<&[u8]>,
        out: &mut Out<'_>,
    ) {
        let recipient = self.recipient_subjects(reject.recipient);
        if let Some(key) = key {
            let message = self.touch(at, key);
            self.spam_blocked(at, Some(message), recipient, reject.reply, out);
            return;
        }
        let is_outgoing = user.is_some();
        let subjects = if is_outgoing { self.user_subjects(user) } else { recipient };
        let event = at.event(Kind::SpamBlocked { is_outgoing }, subjects);
        out.once(Event { detail: out.quote(reject.reply), ..event });
    }

    /// A milter refused the message at its end: the queue file is gone.
    fn close_rejected(&mut self, at: &At<'_>, reject: &Reject<'_>, key: FileKey) {
        if reject.stage == Stage::EndOfMessage && reject.is_by_filter {
            self.close_file(key, at.line.time);
        }
    }

    /// The session of a refusal that was read before it.
    pub(in crate::track) fn refused_later(&mut self, row: u64, refused: Refused, out: &mut Out<'_>) {
        let Some(session) = self.sessions.rows.get_mut(row) else { return };
        session.is_terminated |= refused.is_termination;
        if let Some(given) = refused.booked.as_ref().filter(|_| refused.is_termination) {
            session.because(&given.event.detail);
        }
        if let Some(domain) = refused.domain {
            session.concern(&[domain].into());
        }
        if refused.booked.is_some() && session.refusals.len() < MAX_REFUSALS {
            session.refusals.push(refused.booked);
        }
        session.sync(session.last, out);
    }

    pub(super) fn refusal(
        &self,
        at: &At<'_>,
        reject: &Reject<'_>,
        row: Option<u64>,
        out: &mut Out<'_>,
    ) -> Option<Event> {
        let what = match reject.stage {
            Stage::Rcpt => RefusedWhat::Recipient,
            Stage::Mail | Stage::EndOfMessage | Stage::Content => RefusedWhat::Message,
            // 503 after bad pipelining is that bad command once more.
            Stage::Data if contains(reject.reply, b"Improper use of SMTP command pipelining") => return None,
            Stage::Data => RefusedWhat::Message,
            Stage::Connect | Stage::Command => return None,
        };
        let session = row.and_then(|row| self.sessions.rows.get(row));
        let named = |client: Peer<'_>| out.words(format_args!("{}[{}]", Quote(client.name), Quote(client.ip)));
        let peer = session.map(|session| session.peer.clone()).or_else(|| reject.client.map(named));
        let has_login = reject.sasl_username.is_some() || session.is_some_and(|session| session.user.is_some());
        let kind = Kind::Refused { what, in_blocked_session: false, has_login };
        let subjects = self.domain_of_refused(reject).unwrap_or_default();
        Some(Event { peer, detail: out.quote(reject.reply), ..at.event(kind, subjects) })
    }

    /// The domain that a refused recipient names, if it may be ours: not where relaying was refused.
    pub(super) fn domain_of_refused(&self, reject: &Reject<'_>) -> Option<Subjects> {
        let recipient = reject.recipient.filter(|_| !contains(reject.reply, b">: Relay access denied"))?;
        let mailbox = self.ours.addressed(recipient, &self.settings)?;
        Some(Arc::clone(mailbox.domain_subjects()))
    }

    pub(in crate::track) fn smtp_login_failed(
        &mut self,
        at: &At<'_>,
        client: &Peer<'_>,
        user: Option<&[u8]>,
        out: &mut Out<'_>,
    ) {
        let subjects = self.user_subjects(user);
        let peer = Some(out.words(format_args!("{}[{}]", Quote(client.name), Quote(client.ip))));
        let detail = out.quote(user.unwrap_or_default());
        out.once(Event { peer, detail, ..at.event(Kind::SmtpLoginFailed, subjects) });
        self.smtp_change(at, client, out, |_| {});
    }

    pub(in crate::track) fn over_limit(&mut self, at: &At<'_>, what: AnvilLimit, client: &Peer<'_>, out: &mut Out<'_>) {
        let is_blocked = what == AnvilLimit::Connections;
        let why = if is_blocked { out.quote(at.line.message) } else { Text::default() };
        let row = self.smtp_change(at, client, out, |session| {
            session.because(&why);
            session.is_blocked |= is_blocked;
        });
        if is_blocked {
            return;
        }
        let user = row.and_then(|row| self.sessions.rows.get(row)).and_then(|session| session.user.clone());
        let is_ours = user.is_some() || is_trusted(&self.settings, &detail(client.ip));
        self.throttled_by_anvil(at, what, user.as_deref(), is_ours, client, out);
    }
}
