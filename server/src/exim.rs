//! Exim: a line of its main log, from its own file or by syslog → a [`Fact`], or nothing, or not understood.
//!
//! Knows lines of Exim 4.9x as <https://www.exim.org/exim-html-current/doc/html/spec_html/ch-log_files.html> describes
//! them, whatever `log_selector` adds. What a client chose (HELO name, sender, subject) stands in brackets or quotes
//! or behind what is read, so each field is read from the left, once (FAULTS 46).

mod client;
mod delivery;

use mailtally_model::subject::ServiceKind;

use crate::postfix::{Peer, Reject};
use crate::queue_id::QueueId;
use crate::text::{Parsed, contains, number, split};

pub use delivery::{Delivery, Outcome, trouble};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// With `+smtp_connection`: a client was let in.
    Connect(Peer<'a>),
    /// The session is over.
    Closed {
        client: Peer<'a>,
        how: Closing,
    },
    /// Turned away before a session began: too many connections, load.
    TurnedAway(Peer<'a>),
    Reject(Reject<'a>),
    LoginFailed {
        client: Peer<'a>,
        user: Option<&'a [u8]>,
    },
    /// Syntax and protocol errors, each of which Exim can be set to log (as Debian does).
    BadCommand(Peer<'a>),
    Arrived(Arrival<'a>),
    Delivery(Delivery<'a>),
    /// A host could not be reached or broke off; what becomes of the recipients, their own lines say.
    HopFailed {
        id: QueueId,
        host: Peer<'a>,
        response: &'a [u8],
    },
    /// Nothing more is to be done, or an administrator removed it.
    Completed {
        id: QueueId,
    },
    /// A content scanner did not answer.
    ScannerFailed(ServiceKind),
    /// The daemon started: no session goes on.
    Restart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// By QUIT, or before a transaction began.
    Usual,
    /// Within a transaction, by time, or in the TLS handshake.
    Terminated,
    /// Hung up on for bad commands, which may not have been logged one by one.
    ForBadCommands,
}

/// `<= ann@outside.example H=(mail) [203.0.113.10]:44083 P=esmtp S=1363 id=minbound.0@outside.example`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival<'a> {
    pub id: Option<QueueId>,
    /// Empty for a bounce.
    pub sender: &'a [u8],
    /// The message whose bounce it is.
    pub parent: Option<QueueId>,
    pub client: Option<Peer<'a>>,
    /// The log-in name of a local user, or what ident said of a client.
    pub login: &'a [u8],
    pub protocol: &'a [u8],
    pub sasl_username: Option<&'a [u8]>,
    pub size: Option<u64>,
    /// Without its angle brackets.
    pub message_id: &'a [u8],
}

impl Arrival<'_> {
    /// Handed in on this host: `P=local`, `P=local-esmtp`, or what a filter calls itself with `-oMr`.
    pub fn is_local(&self) -> bool {
        self.client.is_none()
    }
}

/// What Exim says of itself, of DNS and of its queue.
const SILENT: &[&[u8]] = &[
    b"Start queue run",
    b"End queue run",
    b"Warning: ",
    b"no host name found ",
    b"no IP address found ",
    b"host name alias list ",
    b"exim user lost privilege",
    b"SIGHUP",
    b"SIGTERM",
    b"pid ",
    b"DKIM: ",
    b"DNS list lookup ",
    b"ident connection ",
    b"daemon: ",
    b"TLS session ",
    b"TLS cache ",
    b"failed to ",
    b"Failed to ",
    b"cancelled by ",
    b"re-exec of exim ",
    b"exim: ",
    b"Exim configuration error",
    b"socket bind() ",
    b"lookup ",
    b"log string overflow",
    b"removed ",
    b"Malformed ",
    b"queue run: ",
    b"spam acl condition: ",
    b"malware acl condition: ",
    b"SMTP connection identification ",
    b"Reverse DNS ",
    b"SPF: ",
    b"ignoring AUTH=",
];

/// Reads one message: `1xUvBf-00038z-1J <= ann@outside.example …`, by syslog with Exim's own stamp before it.
pub fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    let text = without_process(without_stamp(message));
    if is_of_reject_log(text) {
        return Parsed::Ignored;
    }
    let word = &text[..memchr::memchr(b' ', text).unwrap_or(text.len())];
    match QueueId::parse_exim(word) {
        Some(id) => of_message(id, text[word.len()..].trim_ascii_start()),
        None => of_server(text),
    }
}

/// `2026-11-22 00:12:07.123 +0100 `: Exim's own stamp, which syslog doubles.
pub fn without_stamp(message: &[u8]) -> &[u8] {
    let is_stamp = message.len() > 20 && message[4] == b'-' && message[10] == b' ' && message[13] == b':';
    if !is_stamp || !message[..4].iter().all(u8::is_ascii_digit) {
        return message;
    }
    let rest = split(&message[11..], b" ").map_or(message, |(_clock, rest)| rest);
    match rest.first() {
        Some(b'+' | b'-') if rest.get(1).is_some_and(u8::is_ascii_digit) => {
            split(rest, b" ").map_or(rest, |(_offset, rest)| rest)
        }
        _ => rest,
    }
}

/// `[9175] `, with `+pid`.
fn without_process(text: &[u8]) -> &[u8] {
    let pid = text.strip_prefix(b"[").and_then(|rest| split(rest, b"] "));
    pid.filter(|(pid, _)| number(pid).is_some()).map_or(text, |(_, rest)| rest)
}

/// `[3\12] Envelope-to: <ann@alpha.example>`: what the reject log shows of a message, by syslog, the last with `[12/12]`. The
/// first of the lines says what one of the main log says.
fn is_of_reject_log(text: &[u8]) -> bool {
    let part = text.strip_prefix(b"[").and_then(|rest| split(&rest[..rest.len().min(12)], b"] ")).map(|(part, _)| part);
    let numbers = part.and_then(|part| split(part, b"\\").or_else(|| split(part, b"/")));
    numbers.is_some_and(|(at, of)| number(at).is_some() && number(of).is_some())
}

fn of_message(id: QueueId, rest: &[u8]) -> Parsed<Fact<'_>> {
    if let Some(rest) = rest.strip_prefix(b"<= ") {
        return Parsed::of(client::arrival(id, rest).map(Fact::Arrived));
    }
    if let Some(delivery) = delivery::parse(id, rest) {
        return delivery;
    }
    if rest == b"Completed" || rest.starts_with(b"Completed ") || rest.starts_with(b"removed by ") {
        return Parsed::Fact(Fact::Completed { id });
    }
    if rest.starts_with(b"U=")
        && let Some(parsed) = client::line(Some(id), rest)
    {
        return parsed;
    }
    if rest.starts_with(b"H=") {
        return client::line(Some(id), rest).unwrap_or_else(|| {
            let hop = client::peer(rest).map(|(host, tail)| (host, tail.trim_ascii_start()));
            let hop = hop.map(|(host, tail)| (host, tail.strip_prefix(b": ").unwrap_or(tail)));
            Parsed::of(hop.map(|(host, response)| Fact::HopFailed { id, host, response }))
        });
    }
    // `TLS session: (certificate verification failed): …: delivering unencrypted to H=mx.example [1.2.3.4] (not in …)`: one
    // connection was given up, and another made.
    // Before 4.92 `TLS session failure: delivering unencrypted to mx.example [1.2.3.4] (not in …)`.
    if rest.starts_with(b"TLS session")
        && let Some((_, host)) = split(rest, b": delivering unencrypted to ")
    {
        return Parsed::of(client::peer(host).map(|(host, _)| Fact::HopFailed { id, host, response: rest }));
    }
    // `F=ann@outside.example H=… P=esmtp rejected by local_scan(): …`
    if rest.starts_with(b"F=")
        && let Some((_, rest)) = split(rest, b" H=")
        && let Some(parsed) = client::line(Some(id), rest)
    {
        return parsed;
    }
    // Of the message that was to come: `SMTP connection from (x) [1.2.3.4]:5 closed by DROP in ACL`, `SMTP data timeout
    // (message abandoned) on connection from …`, `rejected from <a@b> H=…: message too big: …`
    if (rest.starts_with(b"SMTP ") || rest.starts_with(b"rejected from <"))
        && let Some(parsed) = client::of_session(Some(id), rest)
    {
        return parsed;
    }
    // The rest is what Exim notes of a message: frozen, DKIM, retries.
    scanner_failed(rest).map_or(Parsed::Ignored, Parsed::Fact)
}

fn of_server(text: &[u8]) -> Parsed<Fact<'_>> {
    if text.starts_with(b"H=") || text.starts_with(b"U=") {
        return client::line(None, text).unwrap_or(Parsed::Unparsed);
    }
    if let Some(parsed) = client::of_session(None, text) {
        return parsed;
    }
    if text.starts_with(b"exim ") && contains(text, b" daemon started: ") {
        return Parsed::Fact(Fact::Restart);
    }
    if let Some(fact) = scanner_failed(text) {
        return Parsed::Fact(fact);
    }
    if SILENT.iter().any(|words| text.starts_with(words)) { Parsed::Ignored } else { Parsed::Unparsed }
}

/// `malware acl condition: clamd: connection to 127.0.0.1, port 3310 failed (Connection refused)`,
/// `spam acl condition: warning - spamd connection to '127.0.0.1', port 783 failed: …`: each attempt once; that all of
/// them failed is not one more.
fn scanner_failed(text: &[u8]) -> Option<Fact<'_>> {
    let has_failed = |rest: &[u8]| {
        contains(rest, b"onnection to ") && contains(rest, b"failed") || contains(rest, b"unable to connect to ")
    };
    if let Some(rest) = text.strip_prefix(b"malware acl condition: ") {
        return (contains(rest, b"clamd") && has_failed(rest)).then_some(Fact::ScannerFailed(ServiceKind::ClamAv));
    }
    let rest = text.strip_prefix(b"spam acl condition: ")?;
    has_failed(rest).then_some(Fact::ScannerFailed(ServiceKind::SpamAssassin))
}

#[cfg(test)]
mod tests;
