//! Links between queue files: which of them are one message (SEMANTICS R2). XFORWARD and requeue name the parent,
//! a filter's answer names the child, and for a filter pipe only the Message-ID joins them.

use std::collections::BTreeSet;

use mailtally_model::Time;

use super::few::{Seldom, put, take_out};
use super::message::{Expected, FileKey, Origin};
use super::queue::file_of;
use super::relay;
use super::state::Out;
use super::{At, GRACE_SECS, Tracker};
use crate::postfix::Peer;
use crate::queue_id::QueueId;
use crate::text::Text;

impl Tracker {
    /// By Message-ID, for a filter that a pipe hands messages to and that sends them back (R2).
    pub(super) fn link_return(&mut self, row: u64, key: FileKey, sender: &str, out: &mut Out<'_>) -> bool {
        let Some(message) = self.queue.messages.get(row) else { return false };
        let Some(file) = message.files.iter().rev().find(|file| file.key == key) else { return false };
        let (Some(message_id), true, 1) = (file.message_id, file.client_is_internal, message.files.len()) else {
            return false;
        };
        let opened = file.opened;
        let parent = self.queue.with_message_id(message_id).iter().copied().find(|candidate| {
            *candidate != row
                && self.queue.messages.get(*candidate).is_some_and(|parent| {
                    let is_recent = parent.touched.is_some_and(|touched| opened.secs_since(touched) <= GRACE_SECS);
                    let handed = parent.hand_overs
                        + parent.delivered.iter().filter(|reached| reached.pipe.is_some()).count() as u32;
                    is_recent && parent.sender() == Some(sender) && parent.returns < handed
                })
        });
        let Some(parent) = parent else { return false };
        self.came_back(parent, out);
        self.link(row, parent, out);
        true
    }

    /// A pipe took the message and another one with its Message-ID is already in the queue: it came back.
    pub(super) fn find_return(&mut self, row: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get(row) else { return };
        let Some(sender) = message.sender_text().cloned() else { return };
        let Some(message_id) = message.files.iter().find_map(|file| file.message_id) else { return };
        let opened = message.files.first().map_or(Time(0), |file| file.opened);
        let child = self.queue.with_message_id(message_id).iter().copied().find(|candidate| {
            *candidate != row
                && self.queue.messages.get(*candidate).is_some_and(|child| {
                    child.files.len() == 1
                        && child.hand_overs == 0
                        && child.delivered.iter().all(|reached| reached.pipe.is_none())
                        && child.files[0].client_is_internal
                        && child.files[0].opened >= opened
                        && child.sender() == Some(&*sender)
                })
        });
        if let Some(child) = child {
            self.came_back(row, out);
            self.link(child, row, out);
        }
    }

    /// The pipes that the message went through are filters, now and from now on.
    pub(super) fn came_back(&mut self, row: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.returns += 1;
        let pipes: BTreeSet<Text> = message.delivered.iter().filter_map(|reached| reached.pipe.clone()).collect();
        for pipe in pipes {
            message.take_back(&pipe, out);
            self.is_meta_changed |= self.queue.filter_pipes.insert(format!("{}/{pipe}", message.host));
        }
    }

    /// XFORWARD, requeue: the parent is named. Any instance of the host may hold it, and its own lines may come later.
    pub(super) fn link_to_named(&mut self, at: &At<'_>, child: FileKey, parent: QueueId, out: &mut Out<'_>) {
        let Some(row) = self.queue.row_at(child, at.line.time) else { return };
        let key = self.queue.named(parent).rev().find(|key| key.host == at.host && *key != child);
        let parent_row = key.and_then(|key| self.queue.row_at(key, at.line.time));
        match parent_row {
            Some(parent_row) => self.link(row, parent_row, out),
            None => {
                let Some(message) = self.queue.messages.get_mut(row) else { return };
                if let Some(file) = file_of(message, child) {
                    file.named_parent = Some(Box::new(parent));
                    put(&mut self.queue.named_parents, parent, row);
                }
            }
        }
    }

    /// MailScanner gave a message a new queue file, of whatever instance (R2).
    pub(super) fn requeued(&mut self, at: &At<'_>, from: QueueId, to: QueueId, out: &mut Out<'_>) {
        let known = |id| self.queue.named(id).rev().find(|key| key.host == at.host);
        let Some(parent) = known(from) else { return };
        let child = known(to).unwrap_or(FileKey { id: to, ..parent });
        let Some(parent) = self.queue.row_of(parent) else { return };
        let child = self.touch(at, child);
        self.link(child, parent, out);
    }

    /// A fact of a queue file was read: joins it with what waited for it (FAULTS 39).
    pub(super) fn settle_links(&mut self, at: &At<'_>, row: u64, key: FileKey, out: &mut Out<'_>) {
        if self.filters.verdicts.len() > 0 {
            self.match_waiting_verdict(row, key, out);
        }
        if !self.queue.named_parents.is_empty()
            && let Some(children) = self.queue.named_parents.remove(&key.id)
        {
            for child in children.iter().copied() {
                let is_child = self.queue.messages.get(child).is_some_and(|message| {
                    message
                        .files
                        .iter()
                        .any(|file| file.named_parent.as_deref() == Some(&key.id) && file.key.host == key.host)
                });
                if is_child {
                    self.link(child, row, out);
                }
            }
        }
        if !self.queue.expecting.is_empty()
            && let Some(parents) = self.queue.expecting.get(&key.id).cloned()
        {
            for parent in parents.iter().copied() {
                self.link_expected(at, row, key, parent, out);
            }
        }
        let Some(row) = self.queue.row_of(key) else { return };
        let Some(message) = self.queue.messages.get(row) else { return };
        let handed =
            message.hand_overs + message.delivered.iter().filter(|reached| reached.pipe.is_some()).count() as u32;
        if message.returns < handed {
            self.find_return(row, out);
        } else if let [file] = &message.files[..]
            && file.client_is_internal
            && let Some(sender) = message.sender_text().cloned()
        {
            self.link_return(row, key, &sender, out);
        }
    }

    /// A next hop had said that it calls the message so, and here it is.
    fn link_expected(&mut self, at: &At<'_>, child: u64, key: FileKey, parent: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get(parent) else { return };
        let Some(file) =
            self.queue.messages.get(child).and_then(|child| child.files.iter().rev().find(|f| f.key == key))
        else {
            return;
        };
        let message_id = message.files.iter().find_map(|file| file.message_id);
        let is_same_text = file.message_id.is_some() && file.message_id == message_id;
        let is_known_enough = file.active.is_some() && (file.message_id.is_none() || message_id.is_none());
        let is_meant = |expected: &Expected| {
            expected.id == key.id
                && at.line.time.secs_since(expected.time).abs() <= GRACE_SECS
                && if expected.is_forward {
                    expected.host == key.host
                } else {
                    let is_ours = expected.is_internal && expected.host == key.host && file.client_is_internal;
                    is_same_text || is_ours && is_known_enough
                }
        };
        let is_forward = match message.expected.iter().find(|expected| is_meant(expected)) {
            Some(expected) => expected.is_forward,
            None => return,
        };
        self.queue.expecting.remove(&key.id);
        let Some(message) = self.queue.messages.get_mut(parent) else { return };
        let (met, rest) = message.expected.take().into_iter().partition(|expected| expected.id == key.id);
        message.expected = Seldom::from(rest);
        let met: Vec<Expected> = met;
        for expected in met {
            // It was not sent away, so nothing was final.
            let Some(group) = expected.attempt else { continue };
            message.finals.remove(expected.recipient);
            if let Some(at) = message.attempts.iter().position(|attempt| attempt.group == group) {
                let mut attempt = message.attempts.remove(at);
                out.withdraw(&mut attempt.booked);
            }
        }
        if !is_forward {
            self.mark_reinjected(child, out);
        }
        self.link(child, parent, out);
    }

    /// Two queue files are one message (R2). A loop of links ends here: a message is never its own parent (FAULTS 55).
    pub(super) fn link(&mut self, child: u64, parent: u64, out: &mut Out<'_>) {
        if child == parent || self.queue.messages.get(parent).is_none() {
            return;
        }
        let Some(absorbed) = self.queue.messages.remove(child) else { return };
        for file in absorbed.files.iter() {
            self.queue.moved(file.key, child, parent);
            if let Some(named) = file.named_parent.as_deref().copied()
                && let Some(rows) = self.queue.named_parents.get_mut(&named)
            {
                rows.iter_mut().filter(|row| **row == child).for_each(|row| *row = parent);
            }
            if let Some(message_id) = file.message_id {
                take_out(&mut self.queue.by_message_id, message_id, &child);
                put(&mut self.queue.by_message_id, message_id, parent);
            }
        }
        for expected in absorbed.expected.iter() {
            if let Some(rows) = self.queue.expecting.get_mut(&expected.id) {
                rows.iter_mut().filter(|row| **row == child).for_each(|row| *row = parent);
            }
        }
        let sessions: Vec<u64> =
            absorbed.files.iter().filter(|file| file.client_is_internal).filter_map(|file| file.session).collect();
        for session in sessions {
            self.smtp_reinjected(session, out);
        }
        let Some(message) = self.queue.messages.get_mut(parent) else { return };
        message.absorb(absorbed, out);
        message.sync_all(&self.settings, &self.ours, out);
        // What one of them reached, the session that brought the other has served.
        let sessions: Vec<u64> = message.files.iter().filter_map(|file| file.session).collect();
        let reached = message.reached();
        for mailbox in &reached {
            self.smtp_reached(&sessions, mailbox, out);
        }
    }

    /// `queued as CHILD`, where CHILD is one of ours: the next hop is internal, or both carry one Message-ID. A
    /// stranger's server that answers with one of our ids has neither (FAULTS 46).
    pub(super) fn link_relayed(
        &mut self,
        at: &At<'_>,
        own: FileKey,
        row: u64,
        id: QueueId,
        peer: &Peer<'_>,
        out: &mut Out<'_>,
    ) -> bool {
        let is_internal = relay::is_internal(&self.settings, peer);
        let message_id =
            self.queue.messages.get(row).and_then(|message| message.files.iter().find_map(|file| file.message_id));
        let child = self.queue.named(id).rev().filter(|key| *key != own).find_map(|key| {
            let child = self.queue.row_of(key)?;
            let file = self.queue.messages.get(child)?.files.iter().rev().find(|file| file.key == key)?;
            let is_recent = at.line.time.secs_since(file.opened) <= GRACE_SECS;
            let is_same_text = file.message_id.is_some() && file.message_id == message_id;
            let is_ours = is_internal
                && key.host == at.host
                && file.client_is_internal
                && (is_same_text || file.message_id.is_none() || message_id.is_none());
            (child == row || is_recent && (is_ours || is_same_text)).then_some(child)
        });
        let Some(child) = child else { return false };
        self.mark_reinjected(child, out);
        self.link(child, row, out);
        true
    }

    pub(super) fn mark_reinjected(&mut self, child: u64, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get(child) else { return };
        let Some(session) = message.files.last().and_then(|file| file.session) else { return };
        if message.files.len() == 1 {
            self.smtp_reinjected(session, out);
        }
    }

    /// A before-queue filter gave the message back in a session of its own; who sent it is known in this one.
    pub(super) fn proxy_accepted(&mut self, at: &At<'_>, queued_as: QueueId, out: &mut Out<'_>) {
        let Some((front, ip, user)) = self.smtp_front(at) else { return };
        let Some(key) = self.queue.named(queued_as).rev().find(|key| key.host == at.host) else { return };
        let Some((_, message)) = self.queue.of(key, at.line.time) else { return };
        message.origin = Origin::Smtp { ip, user, is_submission: false };
        let inner = file_of(message, key).and_then(|file| file.session.replace(front));
        if let Some(inner) = inner.filter(|inner| *inner != front) {
            self.smtp_reinjected(inner, out);
        }
        if let Some((_, message)) = self.queue.of(key, at.line.time) {
            message.sync_all(&self.settings, &self.ours, out);
        }
    }
}
