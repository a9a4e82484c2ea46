//! What clients do: sessions, refusals, failed log-ins, and messages that arrive.

use super::{Arrival, Closing, Fact};
use crate::postfix::{Peer, Reject, Stage};
use crate::queue_id::QueueId;
use crate::text::{Parsed, address, contains, find_outside_brackets, leading_number, number, split};

/// `H=name (helo) [203.0.113.10]:44083` with or without each of its parts, and the bytes after it.
pub(super) fn peer(bytes: &[u8]) -> Option<(Peer<'_>, &[u8])> {
    let mut rest = bytes.strip_prefix(b"H=").unwrap_or(bytes);
    let mut name = &b""[..];
    if !rest.starts_with(b"(") && !rest.starts_with(b"[") {
        (name, rest) = split(rest, b" ")?;
    }
    if let Some(helo) = rest.strip_prefix(b"(") {
        // A HELO name may be an address in brackets: the address that counts comes after `) `.
        (_, rest) = split(helo, b") ")?;
    }
    let (ip, rest) = split(rest.strip_prefix(b"[")?, b"]")?;
    let port = rest.strip_prefix(b":").and_then(leading_number);
    Some(match port.and_then(|(port, rest)| Some((u16::try_from(port).ok()?, rest))) {
        Some((port, rest)) => (Peer { name, ip, port: Some(port) }, rest),
        None => (Peer { name, ip, port: None }, rest),
    })
}

/// Lines that say how a session goes on; an id is that of the message that was to come. None for others.
pub(super) fn of_session(id: Option<QueueId>, text: &[u8]) -> Option<Parsed<Fact<'_>>> {
    const ENDS: &[(&[u8], Closing)] = &[
        (b"unexpected disconnection while reading SMTP command from ", Closing::Terminated),
        (b"unexpected end of file while reading SMTP command from ", Closing::Terminated),
        (b"SMTP command timeout on connection from ", Closing::Terminated),
        (b"SMTP command timeout on TLS connection from ", Closing::Terminated),
        (b"SMTP data timeout (message abandoned) on connection from ", Closing::Terminated),
        (b"TLS error on connection from ", Closing::Terminated),
        (b"SMTP call from ", Closing::ForBadCommands),
        (b"no MAIL in SMTP connection from ", Closing::Usual),
    ];
    for (words, how) in ENDS {
        if let Some(rest) = text.strip_prefix(*words) {
            return Some(Parsed::of(peer(rest).map(|(client, _)| Fact::Closed { client, how: *how })));
        }
    }
    if let Some(rest) = text.strip_prefix(b"SMTP connection from ") {
        return Some(connection(rest));
    }
    for words in [&b"Connection from "[..], b"refused connection from "] {
        if let Some(rest) = text.strip_prefix(words) {
            return Some(Parsed::of(peer(rest).map(|(client, _)| Fact::TurnedAway(client))));
        }
    }
    // Upon this Exim hangs up. What the client sent stands behind it: `… rejected "RSET" H=x [1.2.3.4]:5 next input="…"`.
    if text.starts_with(b"SMTP protocol synchronization error ") {
        let at = [&b"\" H="[..], b"from H="].iter().filter_map(|words| memchr::memmem::find(text, words)).min();
        let client = at.and_then(|at| split(&text[at..], b"H=")).and_then(|(_, rest)| peer(rest));
        return Some(Parsed::of(client.map(|(client, _)| Fact::Closed { client, how: Closing::ForBadCommands })));
    }
    // What the client sent stands in quotes before the last ` H=`: `SMTP syntax error in "BOGUS 0" H=(b) [1.2.3.4] …`.
    const BAD: &[&[u8]] = &[b"SMTP syntax error in ", b"SMTP protocol error in "];
    if BAD.iter().any(|words| text.starts_with(words)) {
        let at = memchr::memmem::rfind(text, b" H=").map(|at| &text[at + 1..]);
        return Some(Parsed::of(at.and_then(peer).map(|(client, _)| Fact::BadCommand(client))));
    }
    if let Some((_, rest)) = split(text, b" authenticator failed for ") {
        return Some(Parsed::of(login_failed(rest)));
    }
    if let Some(sender) = text.strip_prefix(b"rejected from <") {
        return Some(Parsed::of(rejected_at_end(id, sender).map(Fact::Reject)));
    }
    // `rejected MAIL FROM:<a@b> H=(x) [1.2.3.4]:5: message too big: …`, `rejected EHLO from H=[1.2.3.4]: …`
    if text.starts_with(b"rejected ") || text.starts_with(b"temporarily rejected ") {
        // A name that is none, `rejected HELO from (x) [1.2.3.4]: syntactically invalid argument(s): …`, has no `H=`.
        let at =
            find_outside_brackets(text, b" H=").or_else(|| memchr::memmem::find(text, b" from ").map(|at| at + 5))?;
        let (client, tail) = peer(&text[at + 1..])?;
        let reply = tail.strip_prefix(b": ").unwrap_or(tail);
        let words = &text[..at];
        let refused = Refused { id, client: Some(client), sender: None, sasl_username: None };
        return Some(Parsed::of(refused.by(words).map(|reject| Fact::Reject(Reject { reply, ..reject }))));
    }
    None
}

/// After `rejected from <`: `a@b> H=(x) [1.2.3.4]:5: message too big: read=600 max=500`, of one that was handed in on this
/// host without `H=`.
fn rejected_at_end(id: Option<QueueId>, rest: &[u8]) -> Option<Reject<'_>> {
    let (sender, rest) = address(rest, &[b" ", b":"])?;
    let (client, rest) = match rest.strip_prefix(b" H=") {
        Some(host) => peer(host).map(|(client, rest)| (Some(client), rest))?,
        None => (None, rest),
    };
    let (_, reply) = split(rest, b": ")?;
    let refused = Refused { id, client, sender: Some(sender), sasl_username: None };
    Some(refused.at(Stage::EndOfMessage, reply))
}

/// After `SMTP connection from `.
fn connection(rest: &[u8]) -> Parsed<Fact<'_>> {
    let Some((client, tail)) = peer(rest) else { return Parsed::Ignored };
    let (client, tail) = (client, without_interface(tail));
    if tail.starts_with(b"(TCP/IP connection count") {
        return Parsed::Fact(Fact::Connect(client));
    }
    let how = match tail {
        tail if tail.starts_with(b"lost while reading message data") => Closing::Terminated,
        tail if tail.starts_with(b"lost") || tail.starts_with(b"closed ") => Closing::Usual,
        _ => return Parsed::Ignored,
    };
    Parsed::Fact(Fact::Closed { client, how })
}

/// ` I=[127.0.0.1]:25 Ci=7 `, with `+incoming_interface` and `+connection_id`.
fn without_interface(tail: &[u8]) -> &[u8] {
    let mut tail = tail.trim_ascii_start();
    for key in [&b"I="[..], b"Ci="] {
        if let Some((_, rest)) = tail.strip_prefix(key).and_then(|rest| split(rest, b" ")) {
            tail = rest;
        }
    }
    tail
}

/// `(bot) [127.100.0.40]:32865: 535 Incorrect authentication data (set_id=bob@beta.example)`
fn login_failed(rest: &[u8]) -> Option<Fact<'_>> {
    let (client, rest) = peer(rest)?;
    let user = split(rest, b" (set_id=").and_then(|(_, user)| user.strip_suffix(b")"));
    Some(Fact::LoginFailed { client, user })
}

/// `H=(mail) [1.2.3.4]:5 I=… X=… A=plain:ann F=<ann@o> rejected RCPT <x@y>: Unrouteable address`: a refusal, or a
/// warning of an access list, which refuses nothing. What speaks SMTP on this host has a login name alone: `U=ann F=<…> …`.
/// None where it is neither.
pub(super) fn line(id: Option<QueueId>, text: &[u8]) -> Option<Parsed<Fact<'_>>> {
    let (client, mut rest) = match text.starts_with(b"U=") {
        true => field(text).map(|(_login, rest)| (None, rest))?,
        false => peer(text).map(|(client, rest)| (Some(client), rest))?,
    };
    let mut refused = Refused { id, client, sender: None, sasl_username: None };
    loop {
        rest = rest.strip_prefix(b" ")?;
        if let Some(quoted) = rest.strip_prefix(b"F=<") {
            let (sender, after) = address(quoted, &[b" ", b""])?;
            (refused.sender, rest) = (Some(sender), after);
            continue;
        }
        if rest.starts_with(b"rejected ") || rest.starts_with(b"temporarily rejected ") {
            return Some(Parsed::of(refused.by(rest).map(Fact::Reject)));
        }
        // `dropped by 'connect' ACL: Country is banned`
        if let Some(dropped) = rest.strip_prefix(b"dropped by '") {
            let (list, reply) = split(dropped, b"' ACL").unwrap_or((dropped, b""));
            let stage = STAGES.iter().find(|(words, _)| list.eq_ignore_ascii_case(words));
            let stage =
                stage.map_or(if list == b"connect" { Stage::Connect } else { Stage::Command }, |(_, stage)| *stage);
            return Some(Parsed::Fact(Fact::Reject(refused.at(stage, reply.strip_prefix(b": ").unwrap_or(reply)))));
        }
        // Whose sender failed to be verified, a line of its own refuses.
        const HARMLESS: &[&[u8]] =
            &[b"Warning: ", b"incomplete transaction ", b"discarded ", b"Delivery ", b"sender verify "];
        if HARMLESS.iter().any(|words| rest.starts_with(words)) {
            return Some(Parsed::Ignored);
        }
        // `I=[127.0.0.1]:25`, `X=TLS1.3:…`, `CV=no`, `DN="…"`, `A=plain:bob@beta.example`, `U=ident`
        let (field, after) = field(rest)?;
        if let Some(user) = field.strip_prefix(b"A=") {
            refused.sasl_username = split(user, b":").map(|(_, user)| user);
        }
        rest = after;
    }
}

/// A word without `=` among the fields, and the bytes after it: `L` with its marks, `K`, `PRDR`, `TFO*`.
pub(super) fn flag(rest: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b' ', &rest[..rest.len().min(MAX_FLAG_BYTES + 1)])
        .or((rest.len() <= MAX_FLAG_BYTES).then_some(rest.len()))?;
    let letters = rest[..end].iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_flag = letters > 0 && rest[letters..end].iter().all(|byte| matches!(byte, b'*' | b'-' | b'.' | b'!'));
    is_flag.then(|| &rest[end..])
}

/// The longest is `PRDR`, and a mark may follow.
const MAX_FLAG_BYTES: usize = 6;

/// `CV`, `DN`, `PRX` and the like.
const MAX_KEY_BYTES: usize = 4;

/// A field `KEY=value` or `KEY="quoted value"`, and the bytes after it.
pub(super) fn field(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    // Looked for no farther than a key is long: a line may hold as many words without `=` as it is long (FAULTS 51).
    let equals = rest.iter().take(MAX_KEY_BYTES + 1).position(|byte| *byte == b'=')?;
    let is_key = equals > 0 && rest[..equals].iter().all(u8::is_ascii_alphanumeric);
    if !is_key {
        return None;
    }
    let end = match rest[equals + 1..].strip_prefix(b"\"") {
        Some(quoted) => equals + 2 + quote_end(quoted)? + 1,
        None => memchr::memchr(b' ', rest).unwrap_or(rest.len()),
    };
    Some(rest.split_at(end))
}

/// Where the closing quote stands; a quote inside is written `\"`.
fn quote_end(quoted: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < quoted.len() {
        match quoted[at] {
            b'\\' => at += 1,
            b'"' => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Who was refused; what, the words that follow say.
struct Refused<'a> {
    id: Option<QueueId>,
    /// None on this host.
    client: Option<Peer<'a>>,
    sender: Option<&'a [u8]>,
    sasl_username: Option<&'a [u8]>,
}

const STAGES: &[(&[u8], Stage)] = &[
    (b"RCPT", Stage::Rcpt),
    (b"MAIL", Stage::Mail),
    (b"connection", Stage::Connect),
    (b"DATA", Stage::Data),
    (b"after DATA", Stage::EndOfMessage),
    (b"after PRDR", Stage::EndOfMessage),
    (b"during MIME", Stage::EndOfMessage),
    (b"by local_scan", Stage::EndOfMessage),
];

impl<'a> Refused<'a> {
    /// `rejected RCPT <x@y>: text`, `temporarily rejected after DATA: text`, `rejected connection in "connect" ACL: text`.
    fn by(self, words: &'a [u8]) -> Option<Reject<'a>> {
        let (is_permanent, what) = match words.strip_prefix(b"temporarily ") {
            Some(words) => (false, words),
            None => (true, words),
        };
        let what = what.strip_prefix(b"rejected ")?;
        let stage =
            STAGES.iter().find(|(words, _)| what.starts_with(words)).map_or(Stage::Command, |(_, stage)| *stage);
        let reply = find_outside_brackets(what, b": ").map_or(&b""[..], |at| &what[at + 2..]);
        let recipient = what.strip_prefix(b"RCPT ").and_then(recipient);
        Some(Reject { recipient, is_permanent, ..self.at(stage, reply) })
    }

    fn at(self, stage: Stage, reply: &'a [u8]) -> Reject<'a> {
        // The words of Exim's own configuration files for DNS lists.
        const LISTED: &[&[u8]] = &[
            b" is listed in ",
            b" listed at ",
            b" in a black list at ",
            b" blocklisted ",
            b" in dnsbl ",
            b" is in an RBL",
        ];
        let is_of_client = stage == Stage::Connect || LISTED.iter().any(|words| contains(reply, words));
        Reject {
            id: self.id,
            stage,
            client: self.client,
            reply,
            recipient: None,
            sender: self.sender,
            sasl_username: self.sasl_username,
            // Its access lists ask filters and refuse for them.
            is_by_filter: stage == Stage::EndOfMessage,
            is_permanent: true,
            is_of_client,
        }
    }
}

/// `<x@y>: text` or `x@y: text`.
fn recipient(text: &[u8]) -> Option<&[u8]> {
    match text.strip_prefix(b"<") {
        Some(text) => address(text, &[b":", b" ", b""]).map(|(recipient, _)| recipient),
        None => Some(split(text, b": ").map_or(text, |(recipient, _)| recipient)),
    }
}

/// After `<= `.
pub(super) fn arrival(id: QueueId, rest: &[u8]) -> Option<Arrival<'_>> {
    let (sender, mut rest) = word(rest)?;
    let mut arrival =
        Arrival { id: Some(id), sender: if sender == b"<>" { b"" } else { sender }, ..Arrival::default() };
    while let Some(next) = rest.strip_prefix(b" ") {
        if next.starts_with(b"H=") && arrival.client.is_none() {
            let (client, after) = peer(next)?;
            (arrival.client, rest) = (Some(client), after);
            continue;
        }
        // `from <ann@outside.example> for alice@alpha.example` end the fields.
        let Some((field, after)) = field(next) else {
            let Some(after) = flag(next) else { break };
            rest = after;
            continue;
        };
        rest = after;
        let (key, value) = split(field, b"=")?;
        match key {
            b"R" => arrival.parent = QueueId::parse_exim(value),
            b"U" => arrival.login = value,
            b"P" => arrival.protocol = value,
            b"A" => arrival.sasl_username = split(value, b":").map(|(_, user)| user),
            b"S" => arrival.size = number(value),
            b"id" => arrival.message_id = value,
            _ => {}
        }
    }
    Some(arrival)
}

/// An address up to its space; a quoted local part may hold spaces.
pub(super) fn word(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let quoted = match rest.strip_prefix(b"\"") {
        Some(quoted) => quote_end(quoted)? + 2,
        None => 0,
    };
    let end = memchr::memchr(b' ', &rest[quoted..]).map_or(rest.len(), |at| at + quoted);
    (end > 0).then(|| rest.split_at(end))
}
