//! postscreen: clients are told apart by address and port until they are handed to an smtpd.

use super::smtpd::reject;
use super::{Fact, Peer, Reject, other, split_id};
use crate::text::{Parsed, split};

/// What postscreen says of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screened<'a> {
    Connect,
    /// PASS, ALLOWLISTED (WHITELISTED before 3.6): smtpd may get it, and logs a connect of its own.
    Passed,
    /// DENYLISTED (BLACKLISTED before 3.6), DNSBL, PREGREET: blocked, unless it is passed on all the same.
    Suspect,
    BadCommand,
    /// COMMAND TIME LIMIT.
    Terminated,
    Rejected(Reject<'a>),
    /// No room: "too many connections", "all server ports busy".
    Full,
    Gone,
}

pub(super) fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    if let (None, rest) = split_id(message)
        && let Some(text) = rest.strip_prefix(b"reject: ")
    {
        return Parsed::of(rejected(rest, text));
    }
    const WORDS: &[(&[u8], Screened<'static>)] = &[
        (b"CONNECT from ", Screened::Connect),
        (b"PASS NEW ", Screened::Passed),
        (b"PASS OLD ", Screened::Passed),
        (b"ALLOWLISTED ", Screened::Passed),
        (b"WHITELISTED ", Screened::Passed),
        (b"DENYLISTED ", Screened::Suspect),
        (b"BLACKLISTED ", Screened::Suspect),
        (b"DISCONNECT ", Screened::Gone),
        (b"BARE NEWLINE from ", Screened::BadCommand),
        (b"NON-SMTP COMMAND from ", Screened::BadCommand),
        (b"COMMAND PIPELINING from ", Screened::BadCommand),
        (b"COMMAND COUNT LIMIT from ", Screened::BadCommand),
        (b"COMMAND LENGTH LIMIT from ", Screened::BadCommand),
        (b"COMMAND TIME LIMIT from ", Screened::Terminated),
    ];
    for (words, what) in WORDS {
        if let Some(rest) = message.strip_prefix(*words) {
            return Parsed::of(client(rest).map(|client| Fact::Screen { client, what: what.clone() }));
        }
    }
    // `DNSBL rank 2 for [ip]:port`, `PREGREET 12 after 0 from [ip]:port: EHLO early\r\n`, `HANGUP after 0.5 from [ip]:port in …`
    const LATER: &[(&[u8], &[u8], Screened<'static>)] = &[
        (b"DNSBL rank ", b" for ", Screened::Suspect),
        (b"PREGREET ", b" from ", Screened::Suspect),
        (b"HANGUP ", b" from ", Screened::Gone),
    ];
    for (words, before, what) in LATER {
        if let Some(rest) = message.strip_prefix(*words) {
            let client = split(rest, before).and_then(|(_, rest)| client(rest));
            return Parsed::of(client.map(|client| Fact::Screen { client, what: what.clone() }));
        }
    }
    // Each `DATA without valid RCPT from …` follows the refusal of its recipients.
    const SILENT: &[&[u8]] = &[
        b"WHITELIST VETO ",
        b"ALLOWLIST VETO ",
        b"DATA without valid RCPT ",
        b"BDAT without valid RCPT ",
        b"cache ",
        b"close database ",
        b"UNFAIR ",
    ];
    if SILENT.iter().any(|word| message.starts_with(word)) { Parsed::Ignored } else { other(message) }
}

/// `[203.0.113.10]:38364` at the start.
fn client(bytes: &[u8]) -> Option<Peer<'_>> {
    Peer::leading(bytes).map(|(peer, _)| peer).filter(|peer| peer.port.is_some())
}

fn rejected<'a>(rest: &'a [u8], text: &'a [u8]) -> Option<Fact<'a>> {
    if let Some(text) = text.strip_prefix(b"CONNECT from ") {
        return Some(Fact::Screen { client: client(text)?, what: Screened::Full });
    }
    let reject = reject(None, rest)?;
    Some(Fact::Screen { client: reject.client?, what: Screened::Rejected(reject) })
}
