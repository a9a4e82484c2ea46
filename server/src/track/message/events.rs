//! The events of a message, derived from its facts as they are now: after each change of a fact they are given out anew.

use std::sync::Arc;

use super::{Aftermath, MAX_AFTERMATHS, Message, Origin, Owner, What, owner_subjects};
use crate::event::{Event, Kind, join};
use crate::settings::MailSettings;
use crate::text::Text;
use crate::track::names::{Ours, subjects_of, unwound};
use crate::track::state::Out;

impl Message {
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
                .find_map(|reached| Some(Arc::clone(reached.mailbox.as_ref()?.subjects())))
                .unwrap_or_default(),
        };
        let count = owners.len() as u8;
        let mut subjects = owners;
        join(&mut subjects, &self.concerned, usize::MAX);
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
        let Some(id) = self.files.first().map(|file| file.key.id) else { return };
        let sender = self.sender().unwrap_or_default();
        let booked = &self.booked;
        let detail = match unwound(sender) {
            Some((original, forwarder)) => {
                out.words_again(booked, format_args!("{id} from <{original}> by way of {forwarder}"))
            }
            None => out.words_again(booked, format_args!("{id} from <{sender}>")),
        };
        let host = self.host.clone();
        out.set(&mut self.booked, Event { time, host, subjects, peer, bytes: size, duration_ms: None, detail, kind });
    }

    /// Gives out a delivery's event as the facts are now.
    pub fn sync_delivered(&mut self, at: usize, settings: &MailSettings, ours: &Ours, out: &mut Out<'_>) {
        let from = if out.wording.is_silent { None } else { self.from(settings, ours) };
        let peer = match &self.origin {
            // Without the sender it is not known either whose affair the client is.
            Origin::Smtp { ip, .. } if from.is_some() => Some(Text::clone(ip)),
            _ => None,
        };
        let kind = Kind::Delivery { class: self.class(settings), is_spam: self.is_spam, from };
        let host = self.host.clone();
        let Some(reached) = self.delivered.get_mut(at) else { return };
        let event = Event {
            time: reached.time,
            host,
            subjects: subjects_of(reached.mailbox.as_ref()),
            peer,
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

    /// All events, after a fact changed that they share.
    pub fn sync_all(&mut self, settings: &MailSettings, ours: &Ours, out: &mut Out<'_>) {
        self.sync(settings, ours, out);
        for at in 0..self.delivered.len() {
            self.sync_delivered(at, settings, ours, out);
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
        for aftermath in self.aftermaths.iter_mut() {
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
}
