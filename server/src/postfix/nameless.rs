//! Lines of which no more than `postfix` is left: RFC 5424 by rsyslog cuts a program's name at its first slash (LOG-LINES
//! trap 1). The daemon is told from the text, where the text is one daemon's alone.

use super::{Fact, Peer, bounce, cleanup, delivery, is_of_lmtp, master, pickup, postscreen, qmgr, smtpd, split_id};
use crate::text::{Parsed, contains, split};

pub(super) fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    let (id, rest) = split_id(message);
    let starts = |words: &[&[u8]]| words.iter().any(|word| rest.starts_with(word));
    const REFUSALS: &[&[u8]] = &[b"reject: ", b"milter-reject: ", b"proxy-reject: "];
    if starts(REFUSALS) {
        return if is_by_postscreen(rest) { postscreen::parse(message) } else { smtpd::parse(message) };
    }
    const OF_SMTPD: &[&[u8]] = &[
        b"connect from ",
        b"disconnect from ",
        b"client=",
        b"lost connection after ",
        b"timeout after ",
        b"too many errors after ",
        b"proxy-accept: ",
        b"improper command pipelining after ",
        b"bare <LF> received after ",
        b"SSL_accept error ",
        b"canceled",
    ];
    if starts(OF_SMTPD) {
        return smtpd::parse(message);
    }
    if rest.starts_with(b"warning: ") {
        return match smtpd::parse(message) {
            Parsed::Fact(fact) => Parsed::Fact(fact),
            _ => Parsed::Ignored,
        };
    }
    match id {
        Some(_) if starts(&[b"uid="]) => pickup(message),
        Some(_) if starts(&[b"message-id=", b"info: header "]) => cleanup(message),
        Some(_) if starts(&[b"from=", b"removed"]) => qmgr(message),
        Some(_) if starts(&[b"to="]) => delivery::parse(b"", message),
        Some(_) if contains(rest, b" notification: ") => bounce(message),
        Some(_) => failed_hop(message),
        None if starts(&[b"daemon started", b"terminating on signal"]) => master(message),
        None if starts(&[b"connect to "]) => connect_failed(message),
        // tlsproxy says who connects, and not to where.
        None if rest.starts_with(b"CONNECT from ") && !contains(rest, b" to [") => Parsed::Ignored,
        None => match postscreen::parse(message) {
            Parsed::Unparsed => of_no_consequence(message),
            parsed => parsed,
        },
    }
}

/// `reject: RCPT from [203.0.113.10]:38364: …`: smtpd knows its client by a name, be it `unknown`.
fn is_by_postscreen(rest: &[u8]) -> bool {
    split(rest, b" from ").is_some_and(|(_, client)| client.starts_with(b"["))
}

/// `connect to mx.dead.example[192.0.2.1]:25: Connection refused`, by smtp or by lmtp.
fn connect_failed(message: &[u8]) -> Parsed<Fact<'_>> {
    let host = message.strip_prefix(b"connect to ").and_then(Peer::leading);
    let daemon: &[u8] = if host.is_some_and(|(host, _)| is_of_lmtp(&host)) { b"lmtp" } else { b"smtp" };
    delivery::parse(daemon, message)
}

fn failed_hop(message: &[u8]) -> Parsed<Fact<'_>> {
    match delivery::parse(b"smtp", message) {
        Parsed::Fact(Fact::HopFailed { host, .. }) if is_of_lmtp(&host) => Parsed::Ignored,
        // What an access table or header_checks did refuses nothing.
        Parsed::Unparsed => smtpd::parse(message),
        parsed => parsed,
    }
}

fn of_no_consequence(message: &[u8]) -> Parsed<Fact<'_>> {
    const WORDS: &[&[u8]] = &[b"starting the Postfix", b"refreshing the Postfix", b"stopping the Postfix", b"addr "];
    let is_known = WORDS.iter().any(|words| message.starts_with(words));
    if is_known { Parsed::Ignored } else { smtpd::parse(message) }
}
