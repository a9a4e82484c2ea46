//! smtp, lmtp, local, virtual, pipe, error and discard: what became of a recipient, and of connections to next hops.

use super::{Fact, Peer, QueueId, other, split_id};
use crate::text::{Parsed, address_field, contains, leading_number, millis, rfind, split};

/// `to=<x@y>, orig_to=<z>, relay=mx[1.2.3.4]:25, conn_use=2, delay=0.3, delays=a/b/c/d, dsn=2.0.0, status=sent (250 …)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    pub id: QueueId,
    /// `smtp`, `lmtp`, `pipe`…; also `qmgr` and `cleanup`, which put off or refuse in their own name.
    pub daemon: &'a [u8],
    pub recipient: &'a [u8],
    /// As logged: `none`, `local`, a pipe's transport, `mx[1.2.3.4]:25`, `mx1[private/dovecot-lmtp]`.
    pub relay: &'a [u8],
    /// An open connection was used again.
    pub is_reuse: bool,
    pub delays: Delays<'a>,
    pub status: Status,
    /// What stands in the parentheses.
    pub response: &'a [u8],
}

/// `delays=a/b/c/d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays<'a> {
    /// `a/b/c`: the same for all recipients of one attempt.
    pub before: &'a [u8],
    pub connecting_ms: u64,
    pub transferring_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Sent,
    Bounced,
    Deferred,
    /// Address verification: no mail was delivered (R6).
    Probed,
}

pub(super) fn parse<'a>(daemon: &'a [u8], message: &'a [u8]) -> Parsed<Fact<'a>> {
    let (id, rest) = split_id(message);
    if let Some(id) = id {
        if let Some(rest) = rest.strip_prefix(b"to=") {
            return Parsed::of(delivery(id, daemon, rest).map(Fact::Delivery));
        }
        if daemon == b"smtp"
            && let Some((host, response)) = failed_hop(rest)
        {
            return Parsed::Fact(Fact::HopFailed { id, host, response });
        }
        return other(rest);
    }
    match rest.strip_prefix(b"connect to ") {
        Some(_) if daemon != b"smtp" => Parsed::Ignored,
        Some(text) => Parsed::of(Peer::leading(text).map(|(host, _)| Fact::ConnectFailed { text, host })),
        None => other(rest),
    }
}

fn delivery<'a>(id: QueueId, daemon: &'a [u8], rest: &'a [u8]) -> Option<Delivery<'a>> {
    let (recipient, rest) = address_field(rest, &[b", relay=", b", orig_to="])?;
    let rest = match rest.strip_prefix(b", orig_to=") {
        Some(rest) => address_field(rest, &[b", relay="])?.1,
        None => rest,
    };
    let (relay, rest) = split(rest.strip_prefix(b", relay=")?, b", ")?;
    let (is_reuse, rest) = match rest.strip_prefix(b"conn_use=") {
        Some(rest) => (true, split(rest, b", ")?.1),
        None => (false, rest),
    };
    let (_delay, rest) = split(rest.strip_prefix(b"delay=")?, b", ")?;
    // Up to 2.2 there was no more than the delay.
    let (delays, rest) = optional(rest, b"delays=")?;
    // 3.11 puts `tls=…, ` before dsn.
    let (_tls, rest) = optional(rest, b"tls=")?;
    let (_dsn, rest) = optional(rest, b"dsn=")?;
    let (status, response) = split(rest.strip_prefix(b"status=")?, b" (")?;
    let status = match status {
        b"sent" => Status::Sent,
        b"bounced" => Status::Bounced,
        // With `soft_bounce` what would be bounced stays in the queue.
        b"deferred" | b"SOFTBOUNCE" => Status::Deferred,
        _ if status.starts_with(b"deliverable") || status.starts_with(b"undeliverable") => Status::Probed,
        _ => return None,
    };
    let response = response.strip_suffix(b")").unwrap_or(response);
    let daemon = if daemon.is_empty() { daemon_of(relay, status, response)? } else { daemon };
    let delays = delays.map_or(Some(Delays::NONE), Delays::parse)?;
    Some(Delivery { id, daemon, recipient, relay, is_reuse, delays, status, response })
}

/// The value of a field that may be there, and the bytes after it.
fn optional<'a>(rest: &'a [u8], key: &[u8]) -> Option<(Option<&'a [u8]>, &'a [u8])> {
    match rest.strip_prefix(key) {
        Some(rest) => split(rest, b", ").map(|(value, rest)| (Some(value), rest)),
        None => Some((None, rest)),
    }
}

impl<'a> Delays<'a> {
    const NONE: Delays<'static> = Delays { before: b"", connecting_ms: 0, transferring_ms: 0 };

    fn parse(bytes: &'a [u8]) -> Option<Delays<'a>> {
        let last = memchr::memrchr(b'/', bytes)?;
        let before = &bytes[..last];
        let connecting = &before[memchr::memrchr(b'/', before)? + 1..];
        Some(Delays { before, connecting_ms: millis(connecting)?, transferring_ms: millis(&bytes[last + 1..])? })
    }
}

/// With these words error(8) puts off what qmgr spares a next hop.
pub const SUSPENDED: &[u8] = b"delivery temporarily suspended: ";

/// What smtp says of a recipient for whom it found no server (smtp_addr.c, smtp_connect.c).
pub fn is_of_smtp(reason: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"connect to ",
        b"Host or domain name not found",
        b"unable to look up ",
        b"Malformed or unexpected name server reply",
        b"does not accept mail (nullMX)",
        b"loops back to myself",
        b"no mail servers for ",
    ];
    WORDS.iter().any(|words| contains(reason, words))
}

/// Where RFC 5424 lost the daemon, the relay tells it.
fn daemon_of<'a>(relay: &[u8], status: Status, response: &[u8]) -> Option<&'a [u8]> {
    match relay {
        b"local" => Some(b"local"),
        b"virtual" => Some(b"virtual"),
        b"none" if is_of_smtp(response) && !response.starts_with(SUSPENDED) => Some(b"smtp"),
        b"none" if status == Status::Sent => Some(b"discard"),
        b"none" => Some(b"error"),
        _ => match Peer::whole(relay) {
            Some(peer) if is_of_lmtp(&peer) => Some(b"lmtp"),
            Some(_) => Some(b"smtp"),
            None => Some(b"pipe"),
        },
    }
}

/// A socket, or LMTP's port: a mailbox on this host or beside it.
pub fn is_of_lmtp(peer: &Peer<'_>) -> bool {
    peer.ip.contains(&b'/') || peer.port == Some(24)
}

/// `host mx[1.2.3.4] said: 450 …`, `host mx[1.2.3.4] refused to talk to me: 421 …`,
/// `lost connection with mx[1.2.3.4] while …`, `conversation with mx[1.2.3.4] timed out while …`.
fn failed_hop(rest: &[u8]) -> Option<(Peer<'_>, &[u8])> {
    let host = [&b"host "[..], b"lost connection with ", b"conversation with "]
        .iter()
        .find_map(|words| rest.strip_prefix(*words))?;
    Some((Peer::leading(host)?.0, rest))
}

impl<'a> Delivery<'a> {
    /// The host of the relay; none for `none`, `local` and pipes.
    pub fn peer(&self) -> Option<Peer<'a>> {
        Peer::whole(self.relay)
    }

    /// The id that the next hop gave, where it is a mail server.
    pub fn queued_as(&self) -> Option<QueueId> {
        matches!(self.daemon, b"smtp" | b"lmtp").then(|| queued_as(self.response)).flatten()
    }

    /// local(8) handed it on as a new queue file: `forwarded as CHILD`.
    pub fn forwarded_as(&self) -> Option<QueueId> {
        QueueId::parse(self.response.strip_prefix(b"forwarded as ")?)
    }
}

/// `… queued as CHILD`, at the end of a reply.
pub fn queued_as(reply: &[u8]) -> Option<QueueId> {
    let at = rfind(reply, b"queued as ")?;
    let word = &reply[at + 10..];
    let end = word.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(word.len());
    QueueId::parse(&word[..end])
}

/// What an attempt's response says of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Turned away before the first command: greeting, TLS.
    pub is_setup_failed: bool,
    pub is_terminated: bool,
    pub is_bad_command: bool,
}

impl Trouble {
    pub fn of(response: &[u8]) -> Trouble {
        // The next hop's own words come last and are searched for nothing.
        let (ours, theirs) = if response.starts_with(b"host ") {
            split(response, b" said: ").map_or((response, &b""[..]), |(ours, theirs)| (ours, theirs))
        } else {
            (response, &b""[..])
        };
        let is_lost = ours.starts_with(b"lost connection with ") || ours.starts_with(b"conversation with ");
        let host = ours.strip_prefix(b"host ").and_then(Peer::leading);
        let is_refused = host.is_some_and(|(_, rest)| rest.starts_with(b" refused to talk to me: "));
        let at_greeting = is_lost && ours.ends_with(b"receiving the initial server greeting");
        let is_tls = ours.starts_with(b"Cannot start TLS") || ours.starts_with(b"TLS is required, ");
        Trouble {
            is_setup_failed: is_refused || at_greeting || is_tls,
            is_terminated: is_lost,
            is_bad_command: Trouble::is_syntax_reply(theirs),
        }
    }

    /// 500 to 504, or 5.5.x: the next hop did not take our command.
    pub fn is_syntax_reply(reply: &[u8]) -> bool {
        let Some((code, rest)) = leading_number(reply) else { return false };
        (500..=504).contains(&code) || code >= 500 && rest.get(1..5).is_some_and(|dsn| dsn == b"5.5.")
    }
}
