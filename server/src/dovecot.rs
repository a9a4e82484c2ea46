//! Dovecot 2.2 to 2.4: a line of its log, by syslog or from its own file → a [`Fact`].
//!
//! What a client chose (the user name) stands first among the fields of a log-in line, so fields are read from the
//! right, each key once: the rightmost is Dovecot's own (FAULTS 46, 47).

use crate::event::{End, Protocol};
use crate::text::{Parsed, contains, find, leading_number, number, rfind, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// Logged in, or handed to a proxied server.
    Login { protocol: Protocol, who: Who<'a> },
    /// A connection ended before log-in.
    Refused { protocol: Protocol, who: Who<'a>, why: Why, words: &'a [u8] },
    /// A session ended, for what its words say.
    Ended { protocol: Protocol, who: Who<'a>, end: End, is_for_bad_commands: bool, bytes: Option<u64>, words: &'a [u8] },
    /// auth_verbose: a rule refused this log-in, which login reports as a wrong password.
    ForbiddenByRule { session: &'a [u8] },
    /// One bad command, where Dovecot is set to log them (`tagged_reply_state=BAD`).
    BadCommand { session: &'a [u8] },
    /// The server started: no session goes on.
    Restart,
}

/// Whose session. Empty where the log has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Who<'a> {
    pub user: &'a [u8],
    pub session: &'a [u8],
    pub ip: &'a [u8],
}

/// Why a connection did not come to a log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    pub is_blocked: bool,
    pub is_for_bad_commands: bool,
    pub auth_failed: u32,
    pub end: End,
}

/// Processes whose lines move nothing.
const SILENT: &[&[u8]] = &[
    b"auth",
    b"auth-worker",
    b"lmtp",
    b"anvil",
    b"config",
    b"log",
    b"stats",
    b"indexer",
    b"indexer-worker",
    b"director",
    b"doveadm",
    b"dict",
    b"dict-async",
    b"lda",
    b"managesieve",
    b"managesieve-login",
    b"submission",
    b"submission-login",
    b"replicator",
    b"aggregator",
    b"ssl-params",
    b"old-stats",
    b"quota-status",
    b"imap-urlauth",
    b"imap-urlauth-login",
    b"imap-urlauth-worker",
    b"ipc",
    b"health-check",
    b"dsync-local",
    b"dsync-server",
    b"script",
    b"script-login",
    b"tcpwrap",
    b"welcome",
    b"master",
    b"deliver",
    b"dns-client",
    b"imap-master",
    b"stats-writer",
    // Of version 1, which wrote `dovecot: auth(default): …`, and PAM's words in its process' own log.
    b"dovecot",
    b"dovecot-auth",
    b"MANAGESIEVE",
    b"ssl-build-param",
];

/// Reads one message: `process: text`, with the level (`Info: `) in between in Dovecot's own file.
pub fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    let name_length =
        message.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count();
    let (name, rest) = message.split_at(name_length);
    let login = match name {
        b"imap-login" => Some(Protocol::Imap),
        b"pop3-login" => Some(Protocol::Pop),
        _ => None,
    };
    // Before 2.2 in capitals, as `mail_log_prefix` had it.
    let session = match name {
        b"imap" | b"IMAP" | b"imap-hibernate" => Some(Protocol::Imap),
        b"pop3" | b"POP3" => Some(Protocol::Pop),
        _ => None,
    };
    if let Some(protocol) = login {
        let Some(text) = rest.strip_prefix(b": ") else { return Parsed::Unparsed };
        return without_level(text).map_or(Parsed::Ignored, |text| before_login(protocol, text));
    }
    if let Some(protocol) = session {
        let Some((who, text)) = process(rest) else { return Parsed::Unparsed };
        return without_level(text).map_or(Parsed::Ignored, |text| after_login(protocol, who, text));
    }
    match name {
        b"auth" | b"auth-worker" => forbidden(rest).map_or(Parsed::Ignored, Parsed::Fact),
        b"master" if contains(rest, b" starting up") => Parsed::Fact(Fact::Restart),
        _ if SILENT.contains(&name) => Parsed::Ignored,
        // Lines without a process: `Dovecot v2.3.19.1 starting up`, warnings before the log is set up.
        b"Dovecot" if contains(rest, b" starting up") => Parsed::Fact(Fact::Restart),
        b"Warning" | b"Error" | b"Fatal" | b"Panic" | b"Debug" | b"Info" => Parsed::Ignored,
        _ => Parsed::Unparsed,
    }
}

/// The text after `Info: ` or without a level; none for errors, warnings and debug output, which end no session.
fn without_level(text: &[u8]) -> Option<&[u8]> {
    let quiet: &[&[u8]] = &[b"Error: ", b"Warning: ", b"Fatal: ", b"Panic: ", b"Debug: "];
    (!quiet.iter().any(|level| text.starts_with(level))).then(|| text.strip_prefix(b"Info: ").unwrap_or(text))
}

/// `(user)<pid><session>: text`; before 2.3 `(user): text`, before log-in `(pid): text`.
fn process(rest: &[u8]) -> Option<(Who<'_>, &[u8])> {
    let rest = match rest.strip_prefix(b"(") {
        Some(rest) => rest,
        None => return Some((Who::default(), rest.strip_prefix(b": ")?)),
    };
    let mut from = 0;
    while let Some(close) = memchr::memchr(b')', &rest[from..]).map(|at| at + from) {
        let user = &rest[..close];
        if let Some(text) = rest[close + 1..].strip_prefix(b": ") {
            return Some((Who { user, ..Who::default() }, text));
        }
        if let Some(who) = rest[close + 1..].strip_prefix(b"<").and_then(|ids| {
            let (_pid, ids) = split(ids, b"><")?;
            let (session, text) = split(ids, b">: ")?;
            Some((Who { user, session, ..Who::default() }, text))
        }) {
            return Some(who);
        }
        from = close + 1;
    }
    None
}

fn before_login(protocol: Protocol, text: &[u8]) -> Parsed<Fact<'_>> {
    // 2.4 says `Logged in`.
    if let Some(fields) = [&b"Login: "[..], b"Logged in: "].iter().find_map(|words| text.strip_prefix(*words)) {
        return Parsed::Fact(Fact::Login { protocol, who: fields_from_right(fields).0 });
    }
    // A proxy hands the connection on: `proxy(user): started proxying to host: user=<…>, …`.
    if text.starts_with(b"proxy(") {
        let Some((words, fields)) = fields_of(text) else { return Parsed::Ignored };
        let (who, _) = fields_from_right(fields);
        return if contains(words, b"tarted proxying to") {
            Parsed::Fact(Fact::Login { protocol, who })
        } else if contains(words, b"isconnecting ") || contains(words, b"isconnected ") {
            let bytes = bytes(protocol, proxied(words));
            let end = End::Clean;
            Parsed::Fact(Fact::Ended { protocol, who, end, is_for_bad_commands: false, bytes, words: b"" })
        } else {
            Parsed::Ignored
        };
    }
    let Some((reason, fields)) = fields_of(text) else { return Parsed::Ignored };
    const ENDS: &[&[u8]] = &[
        b"Disconnected",
        b"Aborted login",
        b"Login aborted",
        b"Maximum number of connections",
        b"Internal login failure",
    ];
    if !ENDS.iter().any(|words| reason.starts_with(words)) {
        return Parsed::Ignored;
    }
    let (who, is_handshake_broken) = fields_from_right(fields);
    let mut why = Why::of(reason);
    if is_handshake_broken && why.end == End::Clean {
        why.end = End::Broken;
    }
    // Where the handshake failed, its field says how, and nothing else does.
    let failed = find(fields, b"TLS handshaking: SSL_").filter(|_| is_handshake_broken);
    let words = failed.map_or(reason, |at| before(&fields[at..], b", session=<"));
    Parsed::Fact(Fact::Refused { protocol, who, why, words })
}

/// `in=123, out=4567` of `proxy(bob): disconnecting 198.51.100.8 (Disconnected by client: Connection closed(600s idle, in=123,
/// out=4567))`: behind the name, which is a client's.
fn proxied(words: &[u8]) -> &[u8] {
    let after = |words: &'_ [u8], part: &[u8]| memchr::memmem::rfind(words, part).map(|at| at + part.len());
    let said = after(words, b"): ").map_or(words, |at| &words[at..]);
    let rest = after(said, b"s idle, ").map_or(&b""[..], |at| &said[at..]);
    &rest[..memchr::memchr(b')', rest).unwrap_or(rest.len())]
}

/// What a line says, and the fields of `login_log_format_elements` behind it, which a site may put in another order and
/// of which 2.1 left out an empty user. What comes before them is Dovecot's own.
fn fields_of(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const FIRST: &[&[u8]] = &[b": user=<", b": method=", b": rip=", b": lip=", b": session=<"];
    let at = FIRST.iter().filter_map(|field| find(text, field)).min()?;
    Some((&text[..at], &text[at + 2..]))
}

/// `user=<alice@alpha.example>, method=PLAIN, rip=198.51.100.7, lip=127.0.0.1, mpid=13113, TLS, session=<TxL2WdJgDaXGM2QH>`:
/// whose they are, and whether the TLS handshake failed.
fn fields_from_right(fields: &[u8]) -> (Who<'_>, bool) {
    let mut who = Who::default();
    let mut is_handshake_broken = false;
    let mut rest = fields;
    let mut keys = [&b""[..]; MAX_FIELDS];
    let mut known = 0;
    loop {
        let at = rfind(rest, b", ");
        let field = at.map_or(rest, |at| &rest[at + 2..]);
        let (key, value) = split(field, b"=").unwrap_or((field, b""));
        // A key that was read already is not Dovecot's: it belongs to what the client sent.
        if keys[..known].contains(&key) || known == MAX_FIELDS {
            break;
        }
        match key {
            b"session" => who.session = value.strip_prefix(b"<").unwrap_or(value),
            b"rip" => who.ip = value,
            b"user" => who.user = value,
            _ => is_handshake_broken |= field.starts_with(b"TLS handshaking: SSL_"),
        }
        keys[known] = key;
        known += 1;
        let Some(at) = at else { break };
        rest = &rest[..at];
    }
    // A name with a comma in it was taken for fields: it begins where Dovecot says so.
    if let Some((_, user)) = split(rest, b"user=<") {
        who.user = user;
    }
    who.session = who.session.strip_suffix(b">").unwrap_or(who.session);
    who.user = who.user.strip_prefix(b"<").unwrap_or(who.user);
    who.user = who.user.strip_suffix(b">").unwrap_or(who.user);
    (who, is_handshake_broken)
}

/// login_log_format_elements has about a dozen; more is a client's text.
const MAX_FIELDS: usize = 24;

impl Why {
    /// What stands before `: user=<` is Dovecot's own; 2.4 repeats the cause as a slug.
    fn of(reason: &[u8]) -> Why {
        const BLOCKED: &[&[u8]] = &[
            b"Maximum number of connections",
            b"(connection_limit)",
            b"(process_full)",
            b"(login_disabled)",
            b"login disabled",
            b"(user_disabled)",
            b"user disabled",
            b"disallowed plaintext auth",
            b"disabled plaintext auth",
            b"cleartext auth",
            b"(cleartext_auth_disabled)",
            b"cert required",
            b"client didn't send a cert",
            b"client sent an invalid cert",
            b"(ssl_cert_missing)",
            b"(client_ssl_cert",
            b"(client_ssl_not_started)",
            b"auth policy",
            b"(auth_policy",
            b"(anonymous_auth_disabled)",
            b"anonymous logins disabled",
            b"tcpwrap",
            b"successful auths)",
        ];
        const BROKEN: &[&[u8]] =
            &[b"SSL_accept() failed", b"TLS handshak", b"SSL handshak", b"read() failed", b"Connection reset"];
        const BY_SERVER: &[&[u8]] = &[
            b"Inactivity",
            b"hutting down",
            b"(shutting_down)",
            b"Auth process broken",
            b"(auth process communication failure",
            b"(auth_process_comm_fail)",
            b"temporary failure",
            b"(internal_failure)",
            b"Internal login failure",
        ];
        let has = |words: &[&[u8]]| words.iter().any(|part| contains(reason, part));
        let is_blocked = has(BLOCKED);
        let is_for_bad_commands = contains(reason, b"Too many bad commands") || contains(reason, b"Too many invalid");
        let end = if is_for_bad_commands || !is_blocked && has(BY_SERVER) {
            End::ByServer
        } else if has(BROKEN) {
            End::Broken
        } else {
            End::Clean
        };
        const WRONG: &[&[u8]] =
            &[b"auth failed", b"authorization failed", b"password expired", b"proxy dest authentication failure"];
        let auth_failed = if has(WRONG) { attempts(reason) } else { 0 };
        Why { is_blocked, is_for_bad_commands, auth_failed, end }
    }
}

/// `(auth failed, 3 attempts in 14 secs)`; before 2.2 without the seconds; 2.4 `(auth failed, 1/3 successful auths in
/// 14 secs)`, of which the rest failed.
fn attempts(reason: &[u8]) -> u32 {
    let before = |words: &[u8]| {
        let at = find(reason, words)?;
        Some(&reason[memchr::memrchr(b' ', &reason[..at]).map_or(0, |space| space + 1)..at])
    };
    let failed = match before(b" attempts") {
        Some(digits) => number(digits),
        None => before(b" successful auths in ").and_then(pair).map(|(good, all)| all.saturating_sub(good)),
    };
    failed.and_then(|failed| u32::try_from(failed).ok()).unwrap_or(0)
}

fn after_login<'a>(protocol: Protocol, who: Who<'a>, text: &'a [u8]) -> Parsed<Fact<'a>> {
    // Capitals are rare in these lines, so most are asked no further.
    let is_bad = contains(text, b"BAD");
    if is_bad && (contains(text, b"tagged_reply_state=BAD") || contains(text, b"\"tagged_reply_state\":\"BAD\"")) {
        return Parsed::Fact(Fact::BadCommand { session: who.session });
    }
    const ENDS: &[&[u8]] = &[
        b"Disconnected",
        b"Logged out",
        b"Connection closed",
        b"Server shutting down",
        b"Inactivity",
        b"Too many invalid",
        b"Too many bad",
        b"Internal error",
        b"EOF while ",
    ];
    if !ENDS.iter().any(|words| text.starts_with(words)) {
        return Parsed::Ignored;
    }
    let is_for_bad_commands = contains(text, b"Too many bad commands") || contains(text, b"Too many invalid");
    let end = end_of(protocol, text, is_for_bad_commands);
    // What was moved stands behind the reason: `Disconnected: Inactivity in=47 out=12628 deleted=0`.
    let moved = |at| [&b" in"[..], b" top", b" bytes"].iter().find_map(|key| text[..at].strip_suffix(*key));
    let words = memchr::memchr_iter(b'=', text).find_map(moved).unwrap_or(text);
    let bytes = bytes(protocol, text);
    Parsed::Fact(Fact::Ended { protocol, who, end, is_for_bad_commands, bytes, words })
}

/// The bytes before a part, or all.
fn before<'a>(text: &'a [u8], part: &[u8]) -> &'a [u8] {
    split(text, part).map_or(text, |(before, _)| before)
}

fn end_of(protocol: Protocol, text: &[u8], is_for_bad_commands: bool) -> End {
    let mut reason = text;
    while let Some(rest) = reason.strip_prefix(b"Disconnected: ") {
        reason = rest;
    }
    if reason.starts_with(b"Logged out") {
        return End::Clean;
    }
    // `Disconnected for inactivity` is how 2.1 put it.
    let is_close = (reason.starts_with(b"Connection closed") || reason.starts_with(b"Disconnected "))
        && !reason.starts_with(b"Disconnected for inactivity");
    let has_error = reason.starts_with(b"Connection closed: ");
    match protocol {
        _ if is_for_bad_commands => End::ByServer,
        // An IMAP client that just closes is the usual thing; a POP3 client that does loses its deletions.
        Protocol::Imap if is_close && !has_error => End::Clean,
        _ if is_close => End::Broken,
        _ => End::ByServer,
    }
}

/// `in=47 out=12628`, `bytes=59/10875`, or what POP3 fetched: `top=1/868, retr=4/8884`.
fn bytes(protocol: Protocol, text: &[u8]) -> Option<u64> {
    let (mut input, mut output, mut both, mut fetched) = (None, None, None, None::<u64>);
    // Letter by letter, words would take longer to part than these keys to find.
    for equals in memchr::memchr_iter(b'=', text) {
        let is = |key: &[u8]| {
            let before = text[..equals].strip_suffix(key);
            before.is_some_and(|before| before.last().is_none_or(|byte| *byte == b' '))
        };
        let value = || {
            let value = &text[equals + 1..];
            let value = &value[..memchr::memchr(b' ', value).unwrap_or(value.len())];
            value.strip_suffix(b",").unwrap_or(value)
        };
        // Most keys are known not to be one of these by their last letter.
        match text[..equals].last() {
            Some(b'n') if is(b"in") => input = number(value()),
            Some(b't') if is(b"out") => output = number(value()),
            Some(b's') if is(b"bytes") => both = pair(value()).map(|(input, output)| input.saturating_add(output)),
            Some(b'r' | b'p') if protocol == Protocol::Pop && (is(b"retr") || is(b"top")) => {
                fetched = pair(value()).map(|(_, bytes)| fetched.unwrap_or(0).saturating_add(bytes)).or(fetched);
            }
            _ => {}
        }
    }
    let counted = input.zip(output).map(|(input, output)| input.saturating_add(output));
    counted.or(both).or(fetched)
}

/// `4/8884`
fn pair(value: &[u8]) -> Option<(u64, u64)> {
    let (first, rest) = leading_number(value)?;
    Some((first, number(rest.strip_prefix(b"/")?)?))
}

/// `: passwd-file(blocked@gamma.example,198.51.100.76,<2XdlW9Jgv6XGM2RM>): allow_nets check failed: …`
fn forbidden(rest: &[u8]) -> Option<Fact<'_>> {
    const RULES: &[&[u8]] = &[b"allow_nets check failed", b"allow_real_nets check failed", b"Policy check"];
    let at = RULES.iter().find_map(|rule| rfind(rest, rule))?;
    // The session stands last in the parentheses, after a name that the client chose.
    let close = rfind(&rest[..at], b">): ")?;
    let from = rfind(&rest[..close], b",<")? + 2;
    Some(Fact::ForbiddenByRule { session: &rest[from..close] })
}

#[cfg(test)]
mod tests;
