//! Links between queue files: which of them are one message (SEMANTICS R2). XFORWARD and requeue name the parent,
//! a filter's answer names the child, and for a filter pipe only the Message-ID joins them.

use std::collections::BTreeSet;

use mailtally_model::Time;

use super::message::{FileKey, Origin};
use super::queue::file_of;
use super::relay;
use super::state::Out;
use super::{At, GRACE_SECS, Tracker};
use crate::postfix::Peer;
use crate::queue_id::QueueId;

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
                    is_recent && parent.sender.as_deref() == Some(sender) && parent.returns < handed
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
        let Some(sender) = message.sender.clone() else { return };
        let Some(message_id) = message.files.iter().find_map(|file| file.message_id) else { return };
        let opened = message.files.first().map_or(Time(0), |file| file.opened);
        let child = self.queue.with_message_id(message_id).iter().copied().find(|candidate| {
            *candidate > row
                && self.queue.messages.get(*candidate).is_some_and(|child| {
                    child.files.len() == 1
                        && child.files[0].client_is_internal
                        && child.files[0].opened >= opened
                        && child.sender.as_deref() == Some(sender.as_str())
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
        let pipes: BTreeSet<String> = message.delivered.iter().filter_map(|reached| reached.pipe.clone()).collect();
        for pipe in pipes {
            message.take_back(&pipe, out);
            self.is_meta_changed |= self.queue.filter_pipes.insert(format!("{}/{pipe}", message.host));
        }
    }

    /// XFORWARD, requeue: the parent is named. Any instance of the host may hold it.
    pub(super) fn link_to_open(&mut self, at: &At<'_>, child: FileKey, parent: QueueId, out: &mut Out<'_>) {
        let Some(child) = self.queue.open.get(&child).copied() else { return };
        let Some(keys) = self.queue.by_id.get(&parent) else { return };
        let Some(key) = keys.iter().rev().find(|key| key.host == at.host) else { return };
        let Some(parent) = self.queue.open.get(key).copied() else { return };
        self.link(child, parent, out);
    }

    /// Two queue files are one message (R2). A loop of links ends here: a message is never its own parent (FAULTS 55).
    pub(super) fn link(&mut self, child: u64, parent: u64, out: &mut Out<'_>) {
        if child == parent || self.queue.messages.get(parent).is_none() {
            return;
        }
        let Some(absorbed) = self.queue.messages.remove(child) else { return };
        for file in &absorbed.files {
            if self.queue.open.get(&file.key) == Some(&child) {
                self.queue.open.insert(file.key, parent);
            }
            if let Some(message_id) = file.message_id
                && let Some(rows) = self.queue.by_message_id.get_mut(&message_id)
            {
                rows.retain(|row| *row != child);
                if !rows.contains(&parent) {
                    rows.push(parent);
                }
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
    }

    /// `queued as CHILD`, where CHILD is one of ours: the next hop is internal, or both carry one Message-ID. A
    /// stranger's server that answers with one of our ids has neither (FAULTS 46).
    pub(super) fn link_relayed(
        &mut self,
        at: &At<'_>,
        row: u64,
        id: QueueId,
        peer: &Peer<'_>,
        out: &mut Out<'_>,
    ) -> bool {
        let Some(keys) = self.queue.by_id.get(&id) else { return false };
        let is_internal = relay::is_internal(&self.settings, peer);
        let message_id =
            self.queue.messages.get(row).and_then(|message| message.files.iter().find_map(|file| file.message_id));
        let child = keys.iter().rev().find_map(|key| {
            let child = *self.queue.open.get(key)?;
            let file = self.queue.messages.get(child)?.files.iter().rev().find(|file| file.key == *key)?;
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
        let Some(keys) = self.queue.by_id.get(&queued_as) else { return };
        let Some(key) = keys.iter().rev().find(|key| key.host == at.host).copied() else { return };
        let Some((_, message)) = self.queue.of(key) else { return };
        message.origin = Origin::Smtp { ip, user, is_submission: false };
        let inner = file_of(message, key).and_then(|file| file.session.replace(front));
        if let Some(inner) = inner.filter(|inner| *inner != front) {
            self.smtp_reinjected(inner, out);
        }
        if let Some((_, message)) = self.queue.of(key) {
            message.sync_all(&self.settings, &self.ours, out);
        }
    }
}
