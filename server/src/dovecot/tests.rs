//! One line in, one fact out.
use super::*;

#[track_caller]
fn check(message: &str, expected: Fact<'_>) {
    assert_eq!(parse(message.as_bytes()), Parsed::Fact(expected), "{message}");
}

fn who<'a>(user: &'a str, session: &'a str, ip: &'a str) -> Who<'a> {
    Who { user: user.as_bytes(), session: session.as_bytes(), ip: ip.as_bytes() }
}

fn refused(message: &str) -> Why {
    match parse(message.as_bytes()) {
        Parsed::Fact(Fact::Refused { why, .. }) => why,
        other => panic!("{other:?}: {message}"),
    }
}

const TAIL: &str = ": user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<s>";

/// LOG-LINES trap 32: other orders, more keys, and the level that Dovecot's own file inserts.
#[test]
fn logins_are_read_by_key() {
    let login = Fact::Login { protocol: Protocol::Imap, who: who("ann@alpha.example", "s", "1.2.3.4") };
    check(
        "imap-login: Login: user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, TLS, session=<s>",
        login.clone(),
    );
    check(
        "imap-login: Info: Login: user=<ann@alpha.example>, session=<s>, lport=143, rport=5, rip=1.2.3.4, secured",
        login.clone(),
    );
    check("imap-login: Login: rip=1.2.3.4, method=PLAIN, user=<ann@alpha.example>, session=<s>", login);
}

/// Dovecot 2.4 says `Logged in`, and repeats each cause as a word (client-common.c).
#[test]
fn lines_of_dovecot_2_4() {
    check(
        "imap-login: Logged in: user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, TLS, session=<s>",
        Fact::Login { protocol: Protocol::Imap, who: who("ann@alpha.example", "s", "1.2.3.4") },
    );
    let blocked = |is_blocked, auth_failed, end| Why { is_blocked, is_for_bad_commands: false, auth_failed, end };
    for (reason, expected) in [
        ("Connection closed (auth failed, 2 attempts in 15 secs) (auth_failed)", blocked(false, 2, End::Clean)),
        ("Logged out (auth failed, 1/3 successful auths in 9 secs) (auth_failed)", blocked(false, 2, End::Clean)),
        (
            "Connection closed (connection limit reached, 1/1 successful auths in 0 secs) (connection_limit)",
            blocked(true, 0, End::Clean),
        ),
        (
            "Connection closed (tried to use disallowed cleartext auth, 1 attempts in 0 secs) (cleartext_auth_disabled)",
            blocked(true, 0, End::Clean),
        ),
        (
            "Connection closed (disconnected during TLS handshake) (tls_handshake_not_finished)",
            blocked(false, 0, End::Broken),
        ),
        (
            "Connection closed (auth service reported temporary failure, 1 attempts in 0 secs) (temp_fail)",
            blocked(false, 0, End::ByServer),
        ),
        (
            "Logged out (client didn't finish SASL auth, 1 attempts in 3 secs) (auth_waiting_client)",
            blocked(false, 0, End::Clean),
        ),
    ] {
        assert_eq!(refused(&format!("imap-login: Login aborted: {reason}{TAIL}")), expected, "{reason}");
    }
    check(
        "auth(blocked@gamma.example,1.2.3.4,<s>): Info: allow_nets check failed: IP 1.2.3.4 not in allowed networks",
        Fact::ForbiddenByRule { session: b"s" },
    );
}

/// Dovecot 2.1 and before: no user where there is none, no seconds, capitals.
#[test]
fn lines_of_old_dovecots() {
    let old = |text: &str| match parse(text.as_bytes()) {
        Parsed::Fact(Fact::Refused { who, why, .. }) => (String::from_utf8_lossy(who.ip).into_owned(), why),
        other => panic!("{other:?}: {text}"),
    };
    let (ip, why) = old(
        "imap-login: Disconnected (auth failed, 2 attempts): method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, TLS: Disconnected",
    );
    assert_eq!((ip.as_str(), why.auth_failed), ("1.2.3.4", 2));
    let (_, why) = old(
        "pop3-login: Aborted login (tried to use disallowed plaintext auth): rip=1.2.3.4, lip=1.2.3.5, session=<s>",
    );
    assert!(why.is_blocked);
    let (_, why) = old(
        "pop3-login: Info: Disconnected (no auth attempts in 10 secs): user=<>, rip=1.2.3.4, TLS handshaking: SSL_accept() failed: error:140760FC",
    );
    assert_eq!(why.end, End::Broken);
    check(
        "POP3(a@b): Disconnected: Logged out top=0/0, retr=1/1024, del=0/1, size=1024",
        Fact::Ended {
            protocol: Protocol::Pop,
            who: who("a@b", "", ""),
            end: End::Clean,
            is_for_bad_commands: false,
            bytes: Some(1024),
            words: b"Disconnected: Logged out",
        },
    );
    let idle = parse(b"imap(a@b): Disconnected for inactivity in=420 out=1628");
    assert!(matches!(idle, Parsed::Fact(Fact::Ended { end: End::ByServer, .. })), "{idle:?}");
}

/// LOG-LINES traps 28, 29 and 33.
#[test]
fn why_there_was_no_login() {
    let failed = refused(&format!(
        "imap-login: Disconnected: Aborted login by logging out (auth failed, 3 attempts in 14 secs){TAIL}"
    ));
    assert_eq!(failed, Why { is_blocked: false, is_for_bad_commands: false, auth_failed: 3, end: End::Clean });
    let both = refused(&format!(
        "pop3-login: Disconnected: Disconnected: Too many bad commands (auth failed, 2 attempts in 4 secs){TAIL}"
    ));
    assert_eq!(both, Why { is_blocked: false, is_for_bad_commands: true, auth_failed: 2, end: End::ByServer });
    let idle = refused(&format!("imap-login: Info: Disconnected: Inactivity (no auth attempts in 180 secs){TAIL}"));
    assert_eq!(idle, Why { is_blocked: false, is_for_bad_commands: false, auth_failed: 0, end: End::ByServer });
    for blocked in [
        "Disconnected: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        "Disconnected: Aborted login by logging out (internal failure, 1 successful auths)",
        "Login aborted: Logged out (user disabled, 1 attempts in 2 secs) (user_disabled)",
        "Disconnected (tried to use disallowed plaintext auth)",
        "Disconnected: Connection closed (cert required, client didn't start TLS)",
    ] {
        let why = refused(&format!("imap-login: {blocked}{TAIL}"));
        assert_eq!((why.is_blocked, why.auth_failed, why.end), (true, 0, End::Clean), "{blocked}");
    }
}

#[test]
fn how_sessions_end() {
    let ended = |text: &str| match parse(text.as_bytes()) {
        Parsed::Fact(Fact::Ended { end, bytes, .. }) => (end, bytes),
        other => panic!("{other:?}: {text}"),
    };
    for (text, expected) in [
        ("imap(a@b)<1><s>: Disconnected: Logged out in=47 out=12628 deleted=0", (End::Clean, Some(12675))),
        (
            "imap(a@b)<1><s>: Disconnected: Connection closed (SELECT finished 0.026 secs ago) in=17 out=713",
            (End::Clean, Some(730)),
        ),
        (
            "imap(a@b)<1><s>: Disconnected: Connection closed: read(size=1) failed: Connection reset by peer in=1 out=2",
            (End::Broken, Some(3)),
        ),
        ("imap(a@b)<1><s>: Disconnected: Server shutting down. in=0 out=434", (End::ByServer, Some(434))),
        ("imap(a@b): Disconnected: Logged out in=1 out=2", (End::Clean, Some(3))),
        (
            "pop3(a@b)<1><s>: Disconnected: Connection closed top=0/0, retr=1/2540, del=0/9, size=29691",
            (End::Broken, Some(2540)),
        ),
        (
            "pop3(a@b)<1><s>: Info: Disconnected: Inactivity - no input for 600 secs top=0/0, retr=0/0",
            (End::ByServer, Some(0)),
        ),
        (
            "pop3(a@b)<1><s>: Disconnected: Logged out top=1/872, retr=4/9689, del=0/12, size=3, bytes=59/10875",
            (End::Clean, Some(10934)),
        ),
    ] {
        assert_eq!(ended(text), expected, "{text}");
    }
}

#[test]
fn a_rule_forbids_a_login() {
    check(
        "auth: passwd-file(blocked@gamma.example,198.51.100.76,<2XdlW9Jgv6XGM2RM>): allow_nets check failed: IP 198.51.100.76 not in allowed networks",
        Fact::ForbiddenByRule { session: b"2XdlW9Jgv6XGM2RM" },
    );
    assert_eq!(parse(b"auth: passwd-file(a@b,1.2.3.4,<s>): Password mismatch"), Parsed::Ignored);
}

#[test]
fn lines_of_no_consequence() {
    for message in [
        "lmtp(alice@alpha.example)<13094><i>: msgid=<md0@outside.example>: saved mail to INBOX",
        "imap(alice@alpha.example)<7370><s>: expunge: box=INBOX, uid=1, msgid=<Disconnected: Logged out in=1 out=2>, size=2046",
        "imap(13208): Warning: Killed with signal 15 (by pid=13211 uid=0 code=kill)",
        "imap-login: Error: haproxy: Client disconnected: Failed to read valid HAproxy data (rip=127.0.0.1)",
    ] {
        assert_eq!(parse(message.as_bytes()), Parsed::Ignored, "{message}");
    }
    assert_eq!(parse(b"teleport: x"), Parsed::Unparsed);
}

#[test]
fn every_cut_of_a_line_is_safe() {
    let lines: [&[u8]; 3] = [
        b"imap-login: Disconnected: Too many (auth failed, 3 attempts in 14 secs): user=<a, b>, rip=1, session=<s>",
        b"imap(a)b)<1><s>: Disconnected: Logged out in=1 out=2 top=1/2",
        b"auth: passwd-file(a,b,<s>): allow_nets check failed",
    ];
    for line in lines {
        for cut in 0..=line.len() {
            for byte in [b"".as_slice(), b"<", b">", b"(", b"\xff"] {
                let bytes = [&line[..cut], byte].concat();
                let _ = parse(&bytes);
            }
        }
    }
}

/// Wording of 2.0 and 2.1 (client-common.c).
#[test]
fn lines_of_dovecot_2_1() {
    let why =
        refused("pop3-login: Aborted login (tried to use disabled plaintext auth): rip=190.210.136.21, lip=1.2.3.5");
    assert!(why.is_blocked);
}
