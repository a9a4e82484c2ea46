//! smtpd: sessions of clients, and what was refused them.

use super::{AnvilLimit, BrokenOff, Fact, Peer, QueueId, Reject, Stage, other, split_id};
use crate::text::{self, Parsed, address, find_outside_brackets, leading_number, number, split};

/// What 3.10 refuses a message for whose lines end in LF alone, `reject: END-OF-MESSAGE from c[1.2.3.4]: bare <LF> received; …`:
/// the client had 550 5.5.2, which the line does not say.
pub(super) const BARE_LF: &[u8] = b"bare <LF> received";

/// Actions of access tables and of header_checks that refuse nothing.
const NOT_REFUSALS: &[&[u8]] = &[
    b"reject_warning: ",
    b"warn: ",
    b"hold: ",
    b"discard: ",
    b"filter: ",
    b"redirect: ",
    b"prepend: ",
    b"info: ",
    b"replace: ",
    b"strip: ",
    b"bcc: ",
    b"delay: ",
    b"milter-hold: ",
    b"milter-discard: ",
    b"trigger: ",
    b"permit: ",
];

pub(super) fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    let (id, rest) = split_id(message);
    if let Some(client) = rest.strip_prefix(b"connect from ") {
        return Parsed::of(Peer::whole(client).map(Fact::Connect));
    }
    if let Some(rest) = rest.strip_prefix(b"disconnect from ") {
        return Parsed::of(disconnect(rest));
    }
    if let Some(rest) = rest.strip_prefix(b"client=") {
        return Parsed::of(client(id, rest));
    }
    if rest.starts_with(b"reject: ") || rest.starts_with(b"milter-reject: ") || rest.starts_with(b"proxy-reject: ") {
        return Parsed::of(reject(id, rest).map(Fact::Reject));
    }
    if let Some(rest) = rest.strip_prefix(b"warning: ") {
        return warning(rest);
    }
    if let Some(fact) = broken_off(rest) {
        return Parsed::Fact(fact);
    }
    // Lines that end in LF alone: `bare <LF> received after DATA (12 bytes) from …`. 3.10 refuses at the message's end.
    for words in [&b"improper command pipelining after "[..], b"bare <LF> received after "] {
        if let Some(rest) = rest.strip_prefix(words) {
            return Parsed::of(
                peer_after_from(rest).map(|(client, _)| Fact::BadCommand { client, is_not_smtp: false }),
            );
        }
    }
    if rest.starts_with(b"proxy-accept: ") {
        return Parsed::of(proxy_accept(rest));
    }
    match id {
        Some(id) if rest == b"canceled" || rest.starts_with(b"removed") => Parsed::Fact(Fact::Removed { id }),
        _ if NOT_REFUSALS.iter().any(|word| rest.starts_with(word)) => Parsed::Ignored,
        _ => other(rest),
    }
}

/// `mail.outside.example[203.0.113.10] ehlo=1 quit=1 unknown=0/2 commands=2/4`
fn disconnect(rest: &[u8]) -> Option<Fact<'_>> {
    let (client, rest) = Peer::leading(rest)?;
    // A word of its own; hardly another letter of the line is like its first.
    let is_word = |at: &usize| rest[..*at].last().is_none_or(|before| *before == b' ');
    let unknown = memchr::memchr_iter(b'u', rest).filter(is_word).find_map(|at| rest[at..].strip_prefix(b"unknown="));
    let counts = unknown.map(|counts| split(counts, b" ").map_or(counts, |(counts, _)| counts));
    let total = counts.map(|counts| split(counts, b"/").map_or(counts, |(_, total)| total));
    let unknown_commands = u32::try_from(total.and_then(number).unwrap_or(0)).unwrap_or(u32::MAX);
    Some(Fact::Disconnect { client, unknown_commands })
}

/// `mail.outside.example[203.0.113.10], sasl_method=PLAIN, sasl_username=carl@gamma.example` and, by XFORWARD,
/// `, orig_queue_id=4F2A, orig_client=…`.
fn client(id: Option<QueueId>, rest: &[u8]) -> Option<Fact<'_>> {
    let (client, mut rest) = Peer::leading(rest)?;
    let (mut sasl_username, mut orig_queue_id, mut orig_client) = (None, None, None);
    while let Some(field) = rest.strip_prefix(b", ") {
        let (key, value) = split(field, b"=")?;
        // A user name may hold anything: it ends at the next key that Postfix writes after it.
        let ends = match key {
            b"sasl_username" => first_of(value, &[b", sasl_sender=", b", orig_queue_id=", b", orig_client="]),
            _ => first_of(value, &[b", "]),
        };
        let (value, after) = value.split_at(ends.unwrap_or(value.len()));
        match key {
            b"sasl_username" => sasl_username = Some(value),
            b"orig_queue_id" => orig_queue_id = QueueId::parse(value),
            b"orig_client" => orig_client = Peer::whole(value),
            _ => {}
        }
        rest = after;
    }
    Some(Fact::Client { id, client, sasl_username, orig_queue_id, orig_client })
}

fn first_of(bytes: &[u8], parts: &[&[u8]]) -> Option<usize> {
    parts.iter().filter_map(|part| text::find(bytes, part)).min()
}

/// `reject: RCPT from mail.outside.example[203.0.113.10]: 550 5.1.1 <x@y>: text; from=<a@b> to=<x@y> proto=ESMTP …`;
/// cleanup writes `reject: header Subject: x from client; from=<a@b> to=<x@y> proto=… helo=<…>: 5.7.1 text`.
pub(super) fn reject(id: Option<QueueId>, rest: &[u8]) -> Option<Reject<'_>> {
    let (verb, rest) = split(rest, b": ")?;
    let is_by_filter = matches!(verb, b"milter-reject" | b"proxy-reject");
    let (word, after) = split(rest, b" ")?;
    if matches!(word, b"header" | b"body" | b"mime-header" | b"nested-header") {
        let envelope = text::rfind(after, b"; from=<").map(|at| &after[at + 8..]);
        let (sender, recipient, _) = envelope.and_then(envelope_fields).unwrap_or_default();
        let reply = text::rfind(after, b">: ").map_or(after, |at| &after[at + 3..]);
        return Some(Reject {
            id,
            stage: Stage::Content,
            client: None,
            reply,
            recipient,
            sender,
            sasl_username: None,
            is_by_filter,
            is_of_client: false,
            is_permanent: is_permanent(reply),
        });
    }
    let stage = match word.strip_suffix(b":").unwrap_or(word) {
        b"CONNECT" => Stage::Connect,
        b"MAIL" => Stage::Mail,
        b"RCPT" => Stage::Rcpt,
        b"DATA" | b"BDAT" => Stage::Data,
        b"END-OF-MESSAGE" => Stage::EndOfMessage,
        _ => Stage::Command,
    };
    // proxy-reject has no client: `proxy-reject: END-OF-MESSAGE: 550 …`.
    let (client, text) = match after.strip_prefix(b"from ") {
        Some(after) => {
            let (client, text) = Peer::leading(after)?;
            (Some(client), text.strip_prefix(b": ")?)
        }
        None => (None, after),
    };
    let ends = [&b"; from=<"[..], b"; to=<", b"; proto="];
    let at = ends.iter().find_map(|end| find_outside_brackets(text, end));
    let (reply, envelope) = at.map_or((text, &b""[..]), |at| (&text[..at], &text[at + 2..]));
    let (sender, recipient, sasl_username) = match envelope.strip_prefix(b"from=<") {
        Some(fields) => envelope_fields(fields).unwrap_or_default(),
        // Of VRFY: `; to=<x@y> proto=SMTP helo=<z>`.
        None => (None, envelope.strip_prefix(b"to=<").and_then(recipient_field).map(|(recipient, _)| recipient), None),
    };
    Some(Reject {
        id,
        stage,
        client,
        reply,
        recipient,
        sender,
        sasl_username,
        is_by_filter,
        is_of_client: stage == Stage::Connect || is_of_client(reply),
        is_permanent: is_permanent(reply),
    })
}

type EnvelopeFields<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, Option<&'a [u8]>);

/// Sender, recipient and user of `a@b> to=<x@y> proto=ESMTP helo=<z> sasl_method=PLAIN sasl_username=<u>`;
/// postscreen puts commas between.
fn envelope_fields(rest: &[u8]) -> Option<EnvelopeFields<'_>> {
    let ends: &[&[u8]] = &[b" to=<", b", to=<", b" proto=", b", proto="];
    let (sender, rest) = address(rest, ends)?;
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    let (recipient, rest) = match rest.strip_prefix(b" to=<") {
        Some(rest) => {
            let (recipient, rest) = recipient_field(rest)?;
            (Some(recipient), rest)
        }
        None => (None, rest),
    };
    // The client chose the HELO name, so what seems to follow it is believed only at the end (since 3.10).
    let user = text::rfind(rest, b" sasl_username=<").and_then(|at| rest[at + 16..].strip_suffix(b">"));
    Some((Some(sender), recipient, user.filter(|user| !user.contains(&b'>'))))
}

fn recipient_field(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    address(rest, &[b" proto=", b", proto="])
}

/// `proxy-accept: END-OF-MESSAGE from c[1.2.3.4]: 250 2.0.0 Ok: queued as 4F2A; from=<…`
fn proxy_accept(rest: &[u8]) -> Option<Fact<'_>> {
    let (reply, _) = split(rest, b"; from=<")?;
    let at = text::rfind(reply, b"queued as ")?;
    Some(Fact::ProxyAccept { queued_as: QueueId::parse(&reply[at + 10..])? })
}

fn warning(rest: &[u8]) -> Parsed<Fact<'_>> {
    const LIMITS: &[(&[u8], AnvilLimit)] = &[
        (b"Connection rate limit exceeded: ", AnvilLimit::Connections),
        (b"Connection concurrency limit exceeded: ", AnvilLimit::Connections),
        (b"Message delivery request rate limit exceeded: ", AnvilLimit::Messages),
        (b"Recipient address rate limit exceeded: ", AnvilLimit::Recipients),
        (b"AUTH command rate limit exceeded: ", AnvilLimit::Logins),
        (b"New TLS session rate limit exceeded: ", AnvilLimit::TlsSessions),
    ];
    for (words, what) in LIMITS {
        if let Some(rest) = rest.strip_prefix(*words) {
            return Parsed::of(peer_after_from(rest).map(|(client, _)| Fact::OverLimit { what: *what, client }));
        }
    }
    for (words, is_not_smtp) in [(&b"non-SMTP command "[..], true), (b"Illegal address syntax ", false)] {
        if let Some(rest) = rest.strip_prefix(words) {
            return Parsed::of(peer_after_from(rest).map(|(client, _)| Fact::BadCommand { client, is_not_smtp }));
        }
    }
    if let Some(rest) = rest.strip_prefix(b"connect to Milter service ") {
        return milter_down(rest);
    }
    // The client gets 552, and no other line says that it was refused.
    if let Some((id, b"queue file size limit exceeded")) = split(rest, b": ") {
        return Parsed::of(QueueId::parse(id).map(|id| Fact::TooLarge { id }));
    }
    login_failed(rest).map_or(Parsed::Ignored, Parsed::Fact)
}

/// `inet:127.0.0.1:7357: Connection refused`
pub(super) fn milter_down(rest: &[u8]) -> Parsed<Fact<'_>> {
    Parsed::of(split(rest, b": ").map(|(address, _)| Fact::MilterDown { address }))
}

/// `unknown[198.51.100.40]: SASL PLAIN authentication failed: (reason), sasl_username=bob@beta.example`
fn login_failed(rest: &[u8]) -> Option<Fact<'_>> {
    let (client, rest) = Peer::leading(rest)?;
    let (_mechanism, rest) = split(rest.strip_prefix(b": SASL ")?, b" ")?;
    let rest = rest.strip_prefix(b"authentication failed")?;
    let user = split(rest, b", sasl_username=").map(|(_, user)| user).filter(|user| *user != b"(unavailable)");
    Some(Fact::LoginFailed { client, user })
}

/// `lost connection after DATA (20 bytes) from c[1.2.3.4]`; since 3.10 after an id or NOQUEUE.
fn broken_off(rest: &[u8]) -> Option<Fact<'_>> {
    if let Some(rest) = rest.strip_prefix(b"SSL_accept error ") {
        let (client, _) = peer_after_from(rest)?;
        return Some(Fact::BrokenOff { how: BrokenOff::Terminated, client, bytes: None });
    }
    let (how, rest) = [&b"lost connection after "[..], b"timeout after ", b"too many errors after "]
        .iter()
        .find_map(|how| Some((*how, rest.strip_prefix(*how)?)))?;
    let (stage, _) = split(rest, b" ")?;
    let bytes = split(rest, b"(").and_then(|(_, rest)| leading_number(rest)).map(|(bytes, _)| bytes);
    let bytes = bytes.filter(|_| stage == b"DATA" || stage == b"BDAT");
    let (client, _) = peer_after_from(rest)?;
    let is_in_transaction = matches!(stage, b"MAIL" | b"RCPT" | b"DATA" | b"BDAT" | b"END-OF-MESSAGE" | b"RSET");
    let is_terminated = how != b"lost connection after " || is_in_transaction;
    let how = if is_terminated { BrokenOff::Terminated } else { BrokenOff::Early };
    Some(Fact::BrokenOff { how, client, bytes })
}

/// The peer after the first ` from ` (or at the start after `from `), and the bytes after it.
fn peer_after_from(rest: &[u8]) -> Option<(Peer<'_>, &[u8])> {
    match rest.strip_prefix(b"from ") {
        Some(rest) => Peer::leading(rest),
        None => split(rest, b" from ").and_then(|(_, rest)| Peer::leading(rest)),
    }
}

/// `554 5.7.1 <unknown[192.0.2.66]>: Client host rejected: …`, `450 4.7.25 Client host rejected: cannot find your
/// hostname, [192.0.2.66]`, `554 5.7.1 Service unavailable; Client host [192.0.2.105] blocked using zen.rbl.example`.
fn is_of_client(reply: &[u8]) -> bool {
    let said = said(reply);
    [&b"Client host rejected: "[..], b"Unverified Client host rejected: "].iter().any(|words| said.starts_with(words))
        || [&b"lient host ["[..], b"; client ["].iter().any(|words| text::contains(reply, words))
            && text::contains(reply, b"] blocked using ")
}

fn is_permanent(reply: &[u8]) -> bool {
    reply.first() == Some(&b'5') || reply == BARE_LF
}

/// What smtpd itself says, behind the code and the thing that it refuses, where it names one.
fn said(reply: &[u8]) -> &[u8] {
    let is_code = |word: &[u8]| word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let mut rest = reply;
    while let Some((_, after)) = split(rest, b" ").filter(|(word, _)| is_code(word)) {
        rest = after;
    }
    match rest.strip_prefix(b"<") {
        Some(named) => address(named, &[b": "]).map_or(rest, |(_, after)| &after[2..]),
        None => rest,
    }
}
