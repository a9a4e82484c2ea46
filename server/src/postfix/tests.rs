//! One line in, one fact out.
use super::*;

#[track_caller]
fn check(program: &str, message: &str, expected: Fact<'_>) {
    let speaker = Speaker::parse(program.as_bytes()).expect("a program of Postfix");
    assert_eq!(parse(&speaker, message.as_bytes()), Parsed::Fact(expected), "{message}");
}

#[track_caller]
fn ignored(program: &str, message: &str) {
    let speaker = Speaker::parse(program.as_bytes()).expect("a program of Postfix");
    assert_eq!(parse(&speaker, message.as_bytes()), Parsed::Ignored, "{message}");
}

#[track_caller]
fn unparsed(program: &str, message: &str) {
    let speaker = Speaker::parse(program.as_bytes()).expect("a program of Postfix");
    assert_eq!(parse(&speaker, message.as_bytes()), Parsed::Unparsed, "{message}");
}

fn id(name: &str) -> QueueId {
    QueueId::parse(name.as_bytes()).expect("a queue id")
}

const MAIL: Peer<'_> = Peer { name: b"mail.outside.example", ip: b"203.0.113.10", port: None };

#[test]
fn queue_ids_are_short_or_long_and_no_word() {
    for name in ["06728B44C1", "4jX8hq0gXbz5XsS", "12345", "FFFFFFFFFFFFFFFFFFFFF"] {
        assert_eq!(id(name).to_string(), name);
    }
    for word in ["warning", "statistics", "fatal", "NOQUEUE", "1234", "FFFFFFFFFFFFFFFFFFFFFF", ""] {
        assert_eq!(QueueId::parse(word.as_bytes()), None, "{word}");
    }
}

#[test]
fn who_speaks() {
    let speaker = Speaker::parse(b"postfix-mx-in/submission/smtpd").expect("a speaker");
    assert_eq!((speaker.instance, speaker.daemon), (&b"postfix-mx-in"[..], &b"smtpd"[..]));
    assert!(speaker.is_submission());
    assert!(!Speaker::parse(b"postfix/smtpd").expect("a speaker").is_submission());
    assert!(Speaker::parse(b"mx-in/smtpd").is_some(), "a syslog_name of the site's own");
    assert_eq!(Speaker::parse(b"sshd"), None);
    assert_eq!(Speaker::parse(b"a/sshd"), None);
}

#[test]
fn sessions() {
    check("postfix/smtpd", "connect from mail.outside.example[203.0.113.10]", Fact::Connect(MAIL));
    check(
        "postfix/smtpd",
        "disconnect from mail.outside.example[203.0.113.10] ehlo=1 quit=1 unknown=0/2 commands=2/4",
        Fact::Disconnect { client: MAIL, unknown_commands: 2 },
    );
    check(
        "postfix/smtpd",
        "06728B44C1: client=mail.outside.example[203.0.113.10]:20396",
        Fact::Client {
            id: Some(id("06728B44C1")),
            client: Peer { port: Some(20396), ..MAIL },
            sasl_username: None,
            orig_queue_id: None,
            orig_client: None,
        },
    );
    check(
        "postfix/submission/smtpd",
        "06728B44C1: client=mail.outside.example[203.0.113.10], sasl_method=PLAIN, sasl_username=a, b=c, orig_queue_id=070D2B4501, orig_client=mail.outside.example[203.0.113.10]",
        Fact::Client {
            id: Some(id("06728B44C1")),
            client: MAIL,
            sasl_username: Some(b"a, b=c"),
            orig_queue_id: Some(id("070D2B4501")),
            orig_client: Some(MAIL),
        },
    );
    check(
        "postfix/smtpd",
        "NOQUEUE: lost connection after DATA (20 bytes) from mail.outside.example[203.0.113.10]",
        Fact::BrokenOff { how: BrokenOff::Terminated, client: MAIL, bytes: Some(20) },
    );
    check(
        "postfix/smtpd",
        "lost connection after EHLO from mail.outside.example[203.0.113.10]",
        Fact::BrokenOff { how: BrokenOff::Early, client: MAIL, bytes: None },
    );
}

/// LOG-LINES trap 25.
#[test]
fn warnings_refuse_nothing() {
    let rest = "RCPT from unknown[192.0.2.66]: 554 5.7.1 <unknown[192.0.2.66]>: Client host rejected: Blocked; from=<a@b> to=<c@d> proto=ESMTP helo=<e>";
    for action in ["reject_warning", "warn", "hold", "discard"] {
        ignored("postfix/smtpd", &format!("NOQUEUE: {action}: {rest}"));
    }
    ignored("postfix/smtpd", "warning: Refusing STARTTLS request from d[198.51.100.8] for service 127.0.0.1:587");
    // What smtpd says of it is a refusal; cleanup says the same once more.
    ignored("postfix/cleanup", "warning: 1278AB447D: queue file size limit exceeded");
    ignored(
        "postfix/anvil",
        "statistics: max connection rate 9/60s for (127.0.0.1:25:203.0.113.10) at Nov 21 23:58:39",
    );
}

#[test]
fn refusals() {
    let reject = Reject {
        id: None,
        stage: Stage::Rcpt,
        client: Some(MAIL),
        reply: b"554 5.7.1 Service unavailable; Client host [203.0.113.10] blocked using zen.rbl.example; https://rbl.example/q",
        recipient: Some(b"alice@alpha.example"),
        sender: Some(b"ann@outside.example"),
        sasl_username: None,
        is_by_filter: false,
        is_of_client: true,
        is_permanent: true,
    };
    check(
        "postfix/smtpd",
        "NOQUEUE: reject: RCPT from mail.outside.example[203.0.113.10]: 554 5.7.1 Service unavailable; Client host [203.0.113.10] blocked using zen.rbl.example; https://rbl.example/q; from=<ann@outside.example> to=<alice@alpha.example> proto=ESMTP helo=<mail.outside.example>",
        Fact::Reject(reject),
    );
    // LOG-LINES trap 24: cleanup has a queue id and no three-digit code.
    check(
        "postfix/cleanup",
        "1C15CB447D: reject: header Subject: x; from=<f@o> to=<g@o> proto=SMTP helo=<y>: now from mail.outside.example[203.0.113.10]; from=<ann@outside.example> to=<alice@alpha.example> proto=ESMTP helo=<mail.outside.example>: 5.7.1 Subject not welcome",
        Fact::Reject(Reject {
            id: Some(id("1C15CB447D")),
            stage: Stage::Content,
            client: None,
            reply: b"5.7.1 Subject not welcome",
            recipient: Some(b"alice@alpha.example"),
            sender: Some(b"ann@outside.example"),
            sasl_username: None,
            is_by_filter: false,
            is_of_client: false,
            is_permanent: true,
        }),
    );
}

/// FAULTS 46: what a client says of itself does not make its refusal one of its address.
#[test]
fn a_recipient_may_not_name_the_client_rejected() {
    let message = b"reject: RCPT from a[1.2.3.4]: 550 5.1.1 <\": Client host rejected: \"@alpha.example>: Recipient address rejected: User unknown; from=<a@b> to=<\": Client host rejected: \"@alpha.example> proto=ESMTP helo=<x>";
    let reject = smtpd::reject(None, message).expect("a refusal");
    assert!(!reject.is_of_client);
}

#[test]
fn deliveries() {
    let message = "00783B44EF: to=<k0@drops.example>, orig_to=<\"a>, relay=x\"@y>, relay=mx.drops.example[127.0.0.1]:2537, conn_use=2, delay=4.8, delays=4.6/0.05/0.07/1.5, dsn=4.4.2, status=deferred (lost connection with mx.drops.example[127.0.0.1] while sending RCPT TO)";
    let response = b"lost connection with mx.drops.example[127.0.0.1] while sending RCPT TO";
    check(
        "postfix/smtp",
        message,
        Fact::Delivery(Delivery {
            id: id("00783B44EF"),
            daemon: b"smtp",
            recipient: b"k0@drops.example",
            relay: b"mx.drops.example[127.0.0.1]:2537",
            is_reuse: true,
            delays: Delays { before: b"4.6/0.05/0.07", connecting_ms: 70, transferring_ms: 1500 },
            status: Status::Deferred,
            response,
        }),
    );
    assert_eq!(Trouble::of(response), Trouble { is_terminated: true, ..Trouble::default() });
    // FAULTS 44: a line cut before its status is no delivery. FAULTS 52: nor is a status of the future.
    unparsed("postfix/smtp", "00783B44EF: to=<k0@drops.example>, relay=mx[1.2.3.4]:25, delay=4.8, delays=4.6/0.05");
    unparsed(
        "postfix/smtp",
        "00783B44EF: to=<a@b>, relay=none, delay=1, delays=0/0/0/0, dsn=2.0.0, status=teleported (x)",
    );
}

/// LOG-LINES trap 17: the digits of a greeting are not the status.
#[test]
fn what_a_response_says() {
    let refused = Trouble { is_setup_failed: true, ..Trouble::default() };
    assert_eq!(Trouble::of(b"host mx[1.2.3.4] refused to talk to me: 554 5.7.1 no"), refused);
    let bad = Trouble { is_bad_command: true, ..Trouble::default() };
    assert_eq!(
        Trouble::of(b"host mx[1.2.3.4] said: 502 5.5.2 Error: command not recognized (in reply to MAIL FROM command)"),
        bad
    );
    assert_eq!(
        Trouble::of(b"host mx[1.2.3.4] said: 550 5.1.1 lost connection with refused to talk to me: 500"),
        Trouble::default()
    );
    let greeting = Trouble { is_setup_failed: true, is_terminated: true, ..Trouble::default() };
    assert_eq!(
        Trouble::of(b"conversation with mx[1.2.3.4] timed out while receiving the initial server greeting"),
        greeting
    );
}

/// FAULTS 50: a number that is none leaves the field empty.
#[test]
fn bad_numbers() {
    for size in ["-1", "9223372036854775808000", "1e99", ""] {
        let message = format!("06728B44C1: from=<>, size={size}, nrcpt=0 (queue active)");
        check("postfix/qmgr", &message, Fact::Active { id: id("06728B44C1"), sender: b"", size: None });
    }
}

#[test]
fn every_cut_of_a_line_is_safe() {
    let lines: [&[u8]; 4] = [
        b"06728B44C1: client=a[1.2.3.4], sasl_method=PLAIN, sasl_username=b, orig_queue_id=06728B44C1, orig_client=c[1.2.3.5]",
        b"NOQUEUE: reject: RCPT from a[1.2.3.4]: 550 5.1.1 <x@y>: z; from=<a@b> to=<x@y> proto=ESMTP helo=<h> sasl_username=<u>",
        b"00783B44EF: to=<k@d>, orig_to=<l@d>, relay=m[1.2.3.4]:25, conn_use=2, delay=4, delays=4/0/0/1, tls=none, dsn=4.4.2, status=sent (x)",
        b"COMMAND PIPELINING from [198.51.100.41]:34177 after MAIL: RCPT",
    ];
    for daemon in ["postfix/smtpd", "postfix/cleanup", "postfix/qmgr", "postfix/smtp", "postfix/postscreen", "postfix"]
    {
        let speaker = Speaker::parse(daemon.as_bytes()).expect("a speaker");
        for line in lines {
            for cut in 0..=line.len() {
                for byte in [b"".as_slice(), b"<", b"\"", b"[", b"\xff", b"\0"] {
                    let bytes = [&line[..cut], byte].concat();
                    let _ = parse(&speaker, &bytes);
                }
            }
        }
    }
}

fn delivered(program: &str, message: &str) -> (Status, u64) {
    let speaker = Speaker::parse(program.as_bytes()).expect("a program of Postfix");
    match parse(&speaker, message.as_bytes()) {
        Parsed::Fact(Fact::Delivery(delivery)) => (delivery.status, delivery.delays.transferring_ms),
        other => panic!("{other:?}: {message}"),
    }
}

/// Not all that ends in a status is of a transport, and not all have the fields of today.
#[test]
fn unusual_outcomes() {
    let to = "4A0000001: to=<a@o.example>, relay=";
    for (program, rest, expected) in [
        ("smtp", "mx.o.example[192.0.2.1]:25, delay=2, status=sent (250 ok)", (Status::Sent, 0)),
        ("smtp", "none, delay=9, status=deferred (connect to mx.o.example[192.0.2.1]: refused)", (Status::Deferred, 0)),
        (
            "smtp",
            "mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=SOFTBOUNCE (host mx[192.0.2.1] said: 550 no)",
            (Status::Deferred, 1000),
        ),
        (
            "local",
            "local, delay=0, delays=0/0/0/0, dsn=5.1.1, status=undeliverable-but-not-cached (unknown user: \"a\")",
            (Status::Probed, 0),
        ),
        ("cleanup", "none, delay=0, delays=0/0/0/0, dsn=5.7.1, status=bounced (no such text)", (Status::Bounced, 0)),
        (
            "qmgr",
            "none, delay=9, delays=9/0/0/0, dsn=4.3.0, status=deferred (mail transport unavailable)",
            (Status::Deferred, 0),
        ),
    ] {
        assert_eq!(delivered(&format!("postfix/{program}"), &format!("{to}{rest}")), expected, "{rest}");
    }
}

/// Of mail that no smtpd took, cleanup asks the milters.
#[test]
fn cleanup_may_find_a_milter_down() {
    check(
        "postfix/cleanup",
        "warning: connect to Milter service unix:/run/clamav/milter.ctl: No such file or directory",
        Fact::MilterDown { address: b"unix:/run/clamav/milter.ctl" },
    );
}

/// What the libraries say, and versions before 2.9.
#[test]
fn words_of_no_consequence() {
    for (program, message) in [
        ("postfix/smtpd", "TLS connection established from a[203.0.113.10]: TLSv1 with cipher X (256/256 bits)"),
        ("postfix/smtp", "4A0000001: enabling PIX <CRLF>.<CRLF> workaround for mx.o.example[192.0.2.1]:25"),
        ("postfix/smtp", "4A0000001: SASL [CACHED] authentication failed; server mx[192.0.2.1] said: 535 no"),
        ("postfix/smtp", "Host offered STARTTLS: [mx.o.example]"),
        ("postfix/smtpd", "looking for plugins in '/usr/lib/sasl2', failed to open directory, error: No such file"),
        ("postfix/qmgr", "4A0000001: status=deferred (bounce failed)"),
    ] {
        ignored(program, message);
    }
}

/// LOG-LINES trap 1: where rsyslog's RFC 5424 has cut the daemon off, each line says the same as with it.
#[test]
fn a_lost_daemon_loses_no_fact() {
    let logs = [
        include_str!("../../tests/fixtures/log-lines.log"),
        include_str!("../../tests/fixtures/corpora/many-daemons/mail.log"),
        include_str!("../../tests/fixtures/corpora/rejects/mail.log"),
        include_str!("../../tests/fixtures/corpora/delivery-bounce-defer-expire/mail.log"),
        include_str!("../../tests/fixtures/corpora/spamd-pipe/mail.log"),
    ];
    let nameless = Speaker::parse(b"postfix").expect("a program of Postfix");
    let mut compared = 0;
    for line in logs.iter().flat_map(|log| log.lines()) {
        let Some((program, message)) = program_and_message(line) else { continue };
        let Some(speaker) = Speaker::parse(program.as_bytes()) else { continue };
        let is_silent = SILENT.contains(&speaker.daemon) || speaker.daemon == b"master";
        let (with, without) = (parse(&speaker, message.as_bytes()), parse(&nameless, message.as_bytes()));
        if message.ends_with("queue file size limit exceeded") {
            // smtpd and cleanup say so alike; the tracker knows whose the process is.
            continue;
        } else if is_silent {
            assert!(!matches!(without, Parsed::Unparsed), "{line}");
        } else {
            assert_eq!(with, without, "{line}");
        }
        compared += 1;
    }
    assert!(compared > 1_500, "{compared} lines");
}

/// `Nov 22 00:13:48 mx1 postfix/smtpd[7]: text` → `postfix/smtpd`, `text`.
fn program_and_message(line: &str) -> Option<(&str, &str)> {
    let (program, message) = line.get(16..)?.split_once(' ')?.1.split_once(": ")?;
    Some((program.split('[').next()?, message))
}

// FAULTS 44: syslog cuts at 1,024 bytes and more; what a line said of the end is gone, and is not guessed.
#[test]
fn a_line_cut_before_its_status_is_not_understood() {
    let sent = "00783B44EF: to=<k0@drops.example>, relay=mx[192.0.2.9]:25, delay=4.8, delays=4.6/0.05/0.07/1.5, dsn=2.0.0, status=sent";
    let bounced = sent.replace("2.0.0", "5.1.1").replace("sent", "bounced");
    let active = "00783B44EF: from=<a@b.example>, size=1441, nrcpt";
    for (program, message) in [("postfix/smtp", sent), ("postfix/lmtp", &bounced), ("postfix/qmgr", active)] {
        let speaker = Speaker::parse(program.as_bytes()).expect("a program of Postfix");
        let whole = format!("{message}{}", if message == active { "=1 (queue active)" } else { " (x)" });
        assert!(matches!(parse(&speaker, whole.as_bytes()), Parsed::Fact(_)), "{whole}");
        for cut in 0..message.len() {
            let parsed = parse(&speaker, &message.as_bytes()[..cut]);
            assert!(!matches!(parsed, Parsed::Fact(_)), "{}: {parsed:?}", &message[..cut]);
        }
    }
}
