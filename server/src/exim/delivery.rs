//! What became of a recipient: `=>` and its siblings.

use std::borrow::Cow;

use super::Fact;
use super::client::{field, flag, peer, word};
use crate::postfix::{Peer, Trouble};
use crate::queue_id::QueueId;
use crate::text::{Parsed, address, contains, find_outside_brackets, millis, number, split};

/// `=> alice <alice@alpha.example> R=local_user T=maildir S=1363`,
/// `== f@full.example R=remote T=smtp defer (-44) H=mx [192.0.2.1]: SMTP error from remote mail server …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    pub id: QueueId,
    pub outcome: Outcome,
    /// The final address: a local part that a router logs alone gets the domain it was addressed in.
    pub recipient: Cow<'a, [u8]>,
    pub transport: &'a [u8],
    /// The next hop; none for deliveries on this host, and where none was reached.
    pub host: Option<Peer<'a>>,
    /// The connection was open already: `[1.2.3.4]*`.
    pub is_reuse: bool,
    /// The number in `defer (111)`: of an error of the system, or below zero one of Exim's own.
    pub errno: Option<i64>,
    /// Of the delivery, with `+deliver_time`.
    pub duration_ms: u64,
    /// The next hop's reply, or why it failed.
    pub response: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// `:blackhole:`, or suppressed by `-N`.
    Discarded,
    Bounced,
    Deferred,
}

/// None if the line is about something else.
pub(super) fn parse(id: QueueId, rest: &[u8]) -> Option<Parsed<Fact<'_>>> {
    const FLAGS: &[(&[u8], Outcome)] = &[
        (b"=> ", Outcome::Sent),
        (b"-> ", Outcome::Sent),
        (b">> ", Outcome::Sent),
        (b"*> ", Outcome::Discarded),
        (b"** ", Outcome::Bounced),
        (b"== ", Outcome::Deferred),
    ];
    let (flag, outcome) = FLAGS.iter().find(|(flag, _)| rest.starts_with(flag))?;
    Some(Parsed::of(delivery(id, *outcome, &rest[flag.len()..]).map(Fact::Delivery)))
}

fn delivery(id: QueueId, outcome: Outcome, rest: &[u8]) -> Option<Delivery<'_>> {
    let (recipient, mut rest) = recipient(rest)?;
    let outcome = if &*recipient == b":blackhole:" { Outcome::Discarded } else { outcome };
    let mut delivery = Delivery {
        id,
        outcome,
        recipient,
        transport: b"",
        host: None,
        is_reuse: false,
        errno: None,
        duration_ms: 0,
        response: b"",
    };
    loop {
        // The reason is the end of the line, and in part another server's words.
        if let Some(reason) = rest.strip_prefix(b": ") {
            delivery.response = reason;
            break;
        }
        let Some(next) = rest.strip_prefix(b" ") else { break };
        if let Some(number) = next.strip_prefix(b"defer (") {
            let (errno, after) = split(number, b")")?;
            delivery.errno = signed(errno);
            rest = after;
        } else if next.starts_with(b"H=") {
            let (host, after) = peer(next)?;
            delivery.host = Some(host);
            delivery.is_reuse = after.starts_with(b"*");
            rest = after.strip_prefix(b"*").unwrap_or(after);
        } else if let Some(sender) = next.strip_prefix(b"F=<") {
            rest = address(sender, &[b" ", b""])?.1;
        } else if let Some((field, after)) = field(next) {
            let (key, value) = split(field, b"=")?;
            // Before a reason a field ends in a colon: `T=r3599: …`.
            let (value, after) = match value.strip_suffix(b":") {
                Some(value) if after.starts_with(b" ") => (value, &next[field.len() - 1..]),
                _ => (value, after),
            };
            match key {
                b"T" => delivery.transport = value,
                b"DT" => delivery.duration_ms = duration_ms(value).unwrap_or(0),
                b"C" => {
                    delivery.response = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
                }
                _ => {}
            }
            rest = after;
        } else if let [_, b':', ..] = next {
            rest = &next[1..];
        } else if let Some(after) = flag(next) {
            rest = after;
        } else {
            break;
        }
    }
    Some(delivery)
}

/// `alice <alice@alpha.example>`, `x@out.example`, `bella (bella@beta.example) <team@beta.example>`,
/// `|/usr/bin/vacation ann <ann@alpha.example>`, `/var/mail/ann <ann@alpha.example>`: the final address and the rest.
fn recipient(rest: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    // The addresses end where the fields or the reason begin.
    let quoted = if rest.starts_with(b"\"") || rest.starts_with(b":") { word(rest)?.0.len() } else { 0 };
    let part = &rest[quoted..];
    let ends = [&b" R="[..], b" F=<", b" T=", b": "].iter().filter_map(|end| find_outside_brackets(part, end)).min();
    let (head, rest) = rest.split_at(ends.map_or(rest.len(), |end| end + quoted));
    let original = head.strip_suffix(b">").and_then(|head| {
        let open = memchr::memmem::rfind(head, b" <")?;
        Some(&head[open + 2..])
    });
    let (first, after) = word(head)?;
    // A redirection's other names stand in brackets, the nearest first.
    let parent = after.strip_prefix(b" (").and_then(|rest| rest.split(|byte| matches!(byte, b',' | b')')).next());
    let is_address = memchr::memchr(b'@', first).is_some();
    let is_file_or_pipe = first.starts_with(b"/") || first.starts_with(b"|") || head.starts_with(b"save ");
    let recipient = match original {
        _ if first == b":blackhole:" || is_address && !is_file_or_pipe => Cow::Borrowed(first),
        Some(original) if is_file_or_pipe => Cow::Borrowed(original),
        Some(original) => match memchr::memrchr(b'@', parent.unwrap_or(original)) {
            Some(at) => Cow::Owned([first, &parent.unwrap_or(original)[at..]].concat()),
            None => Cow::Borrowed(original),
        },
        None => Cow::Borrowed(first),
    };
    Some((recipient, rest))
}

/// `0s`, `0.012s`, `1m5s`, `2h`.
fn duration_ms(text: &[u8]) -> Option<u64> {
    let mut sum = 0u64;
    for part in text.split_inclusive(u8::is_ascii_alphabetic) {
        let (unit, value) = part.split_last()?;
        let secs = match unit {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        sum = sum.saturating_add(millis(value)?.saturating_mul(secs));
    }
    Some(sum)
}

fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => number(digits).and_then(|value| i64::try_from(value).ok()).map(|value| -value),
        None => number(text).and_then(|value| i64::try_from(value).ok()),
    }
}

/// Errors of the system with which a connection is not made: network unreachable, timed out, refused, no route.
const NOT_CONNECTED: [i64; 4] = [101, 110, 111, 113];

impl Delivery<'_> {
    /// Whether the error is one of connecting, which says that the transport is one to other servers.
    pub fn is_not_connected(&self) -> bool {
        self.errno.is_some_and(|errno| NOT_CONNECTED.contains(&errno))
    }
}

/// What the words say of the connection.
pub fn trouble(response: &[u8]) -> Trouble {
    const SETUP: &[&[u8]] =
        &[b"Connection refused", b"Connection timed out", b"No route to host", b"Network is unreachable"];
    const LOST: &[&[u8]] = &[b"Remote host closed connection", b"SMTP timeout after ", b"Connection reset by peer"];
    let starts = |words: &[&[u8]]| words.iter().any(|words| response.starts_with(words));
    let theirs = response.strip_prefix(b"SMTP error from remote mail server after ");
    let at_greeting = theirs.is_some_and(|rest| rest.starts_with(b"initial connection"))
        || starts(LOST) && contains(response, b"initial connection");
    let reply = theirs.and_then(|rest| find_outside_brackets(rest, b": ").map(|at| &rest[at + 2..]));
    Trouble {
        is_setup_failed: at_greeting || starts(SETUP) || starts(&[b"a TLS session is required", b"TLS session: "]),
        is_terminated: starts(LOST),
        is_bad_command: reply.is_some_and(Trouble::is_syntax_reply),
    }
}
