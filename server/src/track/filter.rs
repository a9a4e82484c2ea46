//! Scanners: connections, scans and failures of SpamAssassin and ClamAV, and whose messages were spam
//! (SEMANTICS 1.2, reports 2, 16 and 18).

use mailtally_model::subject::ServiceKind;
use mailtally_model::{Subject, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::message::{Aftermath, FileKey, What};
use super::names::subjects_of;
use super::queue::hash;
use super::relay::is_loopback;
use super::state::{Booked, Out, Table};
use super::{At, GRACE_SECS, Tracker, detail};
use crate::event::{Event, Kind, Subjects};
use crate::queue_id::QueueId;
use crate::settings::ClamAvSource;
use crate::text::{Text, quoted};
use crate::{amavis, clamav, rspamd, spamassassin};

/// Scans that wait for their message; a scanner of files alone would leave one for each.
const MAX_WAITING: usize = 10_000;

#[derive(Debug)]
pub struct Filters {
    /// Verdicts whose message was not seen yet.
    pub scans: Table<Scan>,
    /// The same of filters that name the queue file.
    pub verdicts: Table<Waiting>,
    by_file: FxHashMap<(u16, QueueId), u64>,
}

/// What a filter said of a queue file whose own lines are still to be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    host: u16,
    id: QueueId,
    time: Time,
    said: Said,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Said {
    Marked,
    /// With the event, where it was given out already.
    Refused {
        recipient: Subjects,
        detail: Text,
        booked: Option<Booked>,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Scan {
    message_id: u64,
    time: Time,
    is_spam: bool,
}

impl Default for Filters {
    fn default() -> Filters {
        Filters { scans: Table::new(b'v'), verdicts: Table::new(b'w'), by_file: FxHashMap::default() }
    }
}

impl Filters {
    pub fn sweep(&mut self, now: Time) {
        let stale: Vec<u64> =
            self.scans.iter().filter(|(_, scan)| now.secs_since(scan.time) > GRACE_SECS).map(|(row, _)| row).collect();
        for row in stale {
            self.scans.remove(row);
        }
        let is_stale = |waiting: &Waiting| now.secs_since(waiting.time) > GRACE_SECS;
        let stale: Vec<u64> =
            self.verdicts.iter().filter(|(_, waiting)| is_stale(waiting)).map(|(row, _)| row).collect();
        for row in stale {
            if let Some(waiting) = self.verdicts.remove(row) {
                self.by_file.remove(&(waiting.host, waiting.id));
            }
        }
    }

    pub fn index(&mut self) {
        self.by_file = self.verdicts.iter().map(|(row, waiting)| ((waiting.host, waiting.id), row)).collect();
    }
}

impl Tracker {
    pub(super) fn spamassassin(&mut self, at: &At<'_>, fact: &spamassassin::Fact<'_>, out: &mut Out<'_>) {
        use spamassassin::Fact;
        let kind = ServiceKind::SpamAssassin;
        match fact {
            Fact::Connected => out.once(at.event(Kind::SpamConnection, [self.service(at, kind, None)].into())),
            Fact::Failed { address } => {
                let event = at.event(Kind::FilterFailed(kind), [self.service(at, kind, *address)].into());
                out.once(Event { peer: address.map(|address| out.quote(address)), ..event });
            }
            Fact::Scanned { is_spam, scan_ms, message_id } => {
                let event = at.event(Kind::SpamScan { is_spam: *is_spam }, [self.service(at, kind, None)].into());
                let detail = out.quote(message_id.unwrap_or_default());
                out.once(Event { duration_ms: Some(*scan_ms), detail, ..event });
                if let Some(message_id) = message_id {
                    self.match_scan(hash(message_id), *is_spam, at.line.time, out);
                }
            }
        }
    }

    /// One result is one match.
    fn match_scan(&mut self, message_id: u64, is_spam: bool, time: Time, out: &mut Out<'_>) {
        let found = self.to_be_scanned(message_id, time);
        let Some(row) = found else {
            if self.filters.scans.len() < MAX_WAITING {
                let row = self.new_row();
                self.filters.scans.insert(row, Scan { message_id, time, is_spam });
            }
            return;
        };
        self.scanned(row, is_spam, out);
    }

    /// The first message with this Message-ID that was not scanned yet, else the newest (a message that goes to two
    /// filter processes is scanned twice).
    fn to_be_scanned(&self, message_id: u64, time: Time) -> Option<u64> {
        let is_near = |row: &&u64| {
            let opened = self.queue.messages.get(**row).and_then(|message| Some(message.files.first()?.opened));
            opened.is_some_and(|opened| time.secs_since(opened) <= GRACE_SECS)
        };
        let rows = self.queue.with_message_id(message_id);
        let unscanned = |row: &&u64| self.queue.messages.get(**row).is_some_and(|message| message.scans == 0);
        rows.iter().filter(is_near).find(unscanned).or_else(|| rows.iter().rfind(is_near)).copied()
    }

    fn scanned(&mut self, row: u64, is_spam: bool, out: &mut Out<'_>) {
        let Some(message) = self.queue.messages.get_mut(row) else { return };
        message.scans += 1;
        if is_spam && !message.is_spam {
            message.is_spam = true;
            message.sync_all(&self.settings, &self.ours, out);
        }
    }

    pub(super) fn amavis(&mut self, at: &At<'_>, fact: &amavis::Fact<'_>, out: &mut Out<'_>) {
        match fact {
            amavis::Fact::Checked { is_spam: false, .. } => {}
            amavis::Fact::Checked { is_blocked: true, queue_id: Some(queue_id), recipient, .. } => {
                self.blocked_as_spam(at, *queue_id, Some(recipient), out);
            }
            amavis::Fact::Checked { is_blocked: true, message_id, recipient, .. } => {
                let row = message_id.and_then(|id| self.to_be_scanned(hash(id), at.line.time));
                let recipient = self.recipient_subjects(Some(recipient));
                self.spam_blocked(at, row, recipient, at.line.message, out);
            }
            amavis::Fact::Checked { queue_id, queued_as, message_id, .. } => {
                // The link between both is made by Postfix's own lines; either may be known by now.
                let row = queue_id.and_then(|id| self.open_message(at, id));
                let row = row.or_else(|| self.open_message(at, (*queued_as)?));
                let row = row.or_else(|| self.to_be_scanned(hash((*message_id)?), at.line.time));
                match (row, queue_id.or(*queued_as)) {
                    (Some(row), _) => self.scanned(row, true, out),
                    (None, Some(id)) => self.verdict_waits(at, id, Said::Marked),
                    (None, None) => {}
                }
            }
            amavis::Fact::ScannerFailed => {
                let service = self.service(at, ServiceKind::ClamAv, None);
                out.once(at.event(Kind::FilterFailed(ServiceKind::ClamAv), [service].into()));
            }
        }
    }

    pub(super) fn rspamd(&mut self, at: &At<'_>, fact: &rspamd::Fact<'_>, out: &mut Out<'_>) {
        let (queue_id, verdict, recipient) = match fact {
            rspamd::Fact::Checked { queue_id, verdict, recipient } => (queue_id, verdict, recipient),
            rspamd::Fact::MilterSession => {
                let service = self.milter_service(at);
                out.once(at.event(Kind::SpamConnection, [service].into()));
                return;
            }
            rspamd::Fact::ScannerFailed => {
                let service = self.service(at, ServiceKind::ClamAv, None);
                out.once(at.event(Kind::FilterFailed(ServiceKind::ClamAv), [service].into()));
                return;
            }
            rspamd::Fact::OverLimit { limit, user, recipients, size } => {
                self.throttled_by_rspamd(at, limit, *user, recipients, *size, out);
                return;
            }
        };
        match verdict {
            rspamd::Verdict::Ham => {}
            rspamd::Verdict::Marked => match self.open_message(at, *queue_id) {
                Some(row) => self.scanned(row, true, out),
                None => self.verdict_waits(at, *queue_id, Said::Marked),
            },
            // Where it speaks as a milter, Postfix logs the refusal too: without Postfix' lines it is not counted.
            rspamd::Verdict::Refused => match self.open_message(at, *queue_id) {
                Some(_) => self.blocked_as_spam(at, *queue_id, *recipient, out),
                None => {
                    let recipient = self.recipient_subjects(*recipient);
                    let detail = out.quote(at.line.message);
                    self.verdict_waits(at, *queue_id, Said::Refused { recipient, detail, booked: None });
                }
            },
        }
    }

    fn verdict_waits(&mut self, at: &At<'_>, id: QueueId, said: Said) {
        if self.filters.verdicts.len() >= MAX_WAITING || self.filters.by_file.contains_key(&(at.host, id)) {
            return;
        }
        let row = self.new_row();
        self.filters.by_file.insert((at.host, id), row);
        self.filters.verdicts.insert(row, Waiting { host: at.host, id, time: at.line.time, said });
    }

    /// A queue file was named of which a filter had spoken already.
    pub(super) fn match_waiting_verdict(&mut self, row: u64, key: FileKey, out: &mut Out<'_>) {
        let Some(waiting) = self.filters.by_file.remove(&(key.host, key.id)) else { return };
        let Some(waiting) = self.filters.verdicts.remove(waiting) else { return };
        match waiting.said {
            Said::Marked => self.scanned(row, true, out),
            Said::Refused { recipient, detail, booked } => {
                let Some(message) = self.queue.messages.get_mut(row) else { return };
                let what = What::SpamBlocked { recipient };
                let aftermath = Aftermath { time: waiting.time, what, detail, booked };
                message.push_aftermath(aftermath, &self.settings, &self.ours, out);
            }
        }
    }

    pub(super) fn recipient_subjects(&self, recipient: Option<&[u8]>) -> Subjects {
        subjects_of(recipient.and_then(|to| self.ours.addressed(to, &self.settings)).as_ref())
    }

    fn blocked_as_spam(&mut self, at: &At<'_>, id: QueueId, recipient: Option<&[u8]>, out: &mut Out<'_>) {
        let recipient = self.recipient_subjects(recipient);
        if let Some(row) = self.open_message(at, id) {
            self.spam_blocked(at, Some(row), recipient, at.line.message, out);
            return;
        }
        let event = at.event(Kind::SpamBlocked { is_outgoing: false }, recipient.clone());
        let mut booked = None;
        let detail = out.quote(at.line.message);
        out.set(&mut booked, Event { detail: detail.clone(), ..event });
        self.verdict_waits(at, id, Said::Refused { recipient, detail, booked });
    }

    /// The message of a queue file of this host, whatever the instance.
    fn open_message(&self, at: &At<'_>, id: QueueId) -> Option<u64> {
        self.queue.named(id).rev().filter(|key| key.host == at.host).find_map(|key| self.queue.row_of(key))
    }

    /// A message was named whose scan was logged before (files of two daemons, merged by the second).
    pub(super) fn match_waiting_scan(&mut self, message_id: u64, row: u64, time: Time, out: &mut Out<'_>) {
        if self.filters.scans.len() == 0 {
            return;
        }
        let waiting = self
            .filters
            .scans
            .iter()
            .find(|(_, scan)| scan.message_id == message_id && time.secs_since(scan.time) <= GRACE_SECS)
            .map(|(waiting, scan)| (waiting, scan.is_spam));
        let Some((waiting, is_spam)) = waiting else { return };
        self.filters.scans.remove(waiting);
        self.scanned(row, is_spam, out);
    }

    /// `is_clamd`: clamd's own line, not its client's: both log each scan, and one side counts.
    pub(super) fn clamav(&mut self, at: &At<'_>, fact: &clamav::Fact<'_>, is_clamd: bool, out: &mut Out<'_>) {
        let kind = ServiceKind::ClamAv;
        match fact {
            clamav::Fact::Scanned { is_infected } => {
                if is_clamd == (self.settings.clamav_source == ClamAvSource::Clamd) {
                    let event =
                        at.event(Kind::VirusScan { is_infected: *is_infected }, [self.service(at, kind, None)].into());
                    out.once(Event { detail: out.quote(at.line.message), ..event });
                }
            }
            clamav::Fact::Failed { address } => {
                let event = at.event(Kind::FilterFailed(kind), [self.service(at, kind, *address)].into());
                out.once(Event { detail: out.quote(at.line.message), ..event });
            }
        }
    }

    /// `connect to Milter service inet:127.0.0.1:7357: Connection refused`. Which filter it is, the settings say, or
    /// its address does; a milter of another kind is no report's.
    pub(super) fn milter_down(&mut self, at: &At<'_>, address: &[u8], out: &mut Out<'_>) {
        let text = detail(address);
        let named = self.settings.services.get(&*text).and_then(|name| name.parse::<Subject>().ok());
        let lower = text.to_ascii_lowercase();
        let kind = match &named {
            Some(Subject::Service(kind, _)) => *kind,
            _ if lower.contains("clam") || lower.ends_with(":7357") => ServiceKind::ClamAv,
            _ if lower.contains("spam") || lower.ends_with(":11332") => ServiceKind::SpamAssassin,
            _ => return,
        };
        let service = named.unwrap_or_else(|| self.service(at, kind, Some(milter_host(address))));
        out.once(Event { peer: Some(text), ..at.event(Kind::FilterFailed(kind), [service].into()) });
    }

    /// Rspamd is a row of its own beside the spamd of its host.
    fn milter_service(&self, at: &At<'_>) -> Subject {
        let name = format!("{} (rspamd)", at.line.host);
        Subject::Service(ServiceKind::SpamAssassin, self.settings.services.get(&name).cloned().unwrap_or(name))
    }

    /// A service is named by the host that logged, for a daemon's own lines, and by the address tried, for a
    /// client's; loopback and sockets are the logging host.
    pub(super) fn service(&self, at: &At<'_>, kind: ServiceKind, address: Option<&[u8]>) -> Subject {
        let is_here = |address: &[u8]| is_loopback(address) || address == b"localhost" || address.contains(&b'/');
        let name = match address {
            Some(address) if !address.is_empty() && !is_here(address) => quoted(address),
            _ => at.line.host.into(),
        };
        Subject::service(kind, self.settings.services.get(&*name).map_or(&*name, String::as_str))
    }
}

/// The host of `inet:10.0.0.5:7357` and `inet:7357@10.0.0.5`; a socket is here.
fn milter_host(address: &[u8]) -> &[u8] {
    let Some(inet) = address.strip_prefix(b"inet:").or_else(|| address.strip_prefix(b"inet6:")) else { return b"" };
    match memchr::memrchr(b'@', inet) {
        Some(at) => &inet[at + 1..],
        None => inet[..memchr::memrchr(b':', inet).unwrap_or(inet.len())].trim_ascii(),
    }
}
