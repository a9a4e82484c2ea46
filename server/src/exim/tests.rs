//! Real lines of Exim 4.96, and what its specification shows of others.

use std::borrow::Cow;

use mailtally_model::subject::ServiceKind;

use super::*;
use crate::postfix::Stage;

fn id(text: &str) -> QueueId {
    QueueId::parse_exim(text.as_bytes()).expect("an id")
}

#[track_caller]
fn fact(line: &str) -> Fact<'_> {
    match parse(line.as_bytes()) {
        Parsed::Fact(fact) => fact,
        parsed => panic!("{line}: {parsed:?}"),
    }
}

#[track_caller]
fn delivery(line: &str) -> Delivery<'_> {
    match fact(line) {
        Fact::Delivery(delivery) => delivery,
        fact => panic!("{line}: {fact:?}"),
    }
}

#[track_caller]
fn reject(line: &str) -> Reject<'_> {
    match fact(line) {
        Fact::Reject(reject) => reject,
        fact => panic!("{line}: {fact:?}"),
    }
}

#[test]
fn arrivals() {
    let Fact::Arrived(arrival) = fact(
        r#"1xUvBn-0003AH-0B <= bob@beta.example H=host.isp.example (mail.outside.example) [127.100.0.7]:43739 I=[127.0.0.1]:25 P=esmtpsa X=TLS1.3:ECDHE:256 CV=no DN="/CN=S=9 x" A=plain:bob@beta.example S=1347 id=mout.0@beta.example T="x S=7 \" id=y" from <bob@beta.example> for x@outside.example"#,
    ) else {
        panic!("no arrival")
    };
    assert_eq!(arrival.id, Some(id("1xUvBn-0003AH-0B")));
    assert_eq!(arrival.sender, b"bob@beta.example");
    assert_eq!(arrival.client.map(|client| (client.ip, client.port)), Some((&b"127.100.0.7"[..], Some(43739))));
    assert_eq!(arrival.sasl_username, Some(&b"bob@beta.example"[..]));
    assert_eq!((arrival.size, arrival.message_id), (Some(1347), &b"mout.0@beta.example"[..]));
    // 4.97 and later; a bounce; Exim's own stamp and process, which syslog doubles.
    let Fact::Arrived(bounce) = fact(
        "2026-11-22 05:18:05.123 +0100 [9175] 1xUvBp-000000003Ax-1hAb <= <> R=1xUvBp-000000003Aj-0bAb U=Debian-exim P=local S=2918",
    ) else {
        panic!("no arrival")
    };
    assert_eq!(bounce.sender, b"");
    assert_eq!(bounce.parent, Some(id("1xUvBp-000000003Aj-0bAb")));
    assert!(bounce.is_local());
}

#[test]
fn final_addresses() {
    for (line, recipient, host) in [
        ("=> alice <alice@alpha.example> R=local_user T=maildir S=1363", "alice@alpha.example", None),
        ("=> bella <team@beta.example> F=<ann@outside.example> R=local_user T=maildir", "bella@beta.example", None),
        ("=> bella (b@gamma.example) <team@beta.example> R=local_user T=maildir", "bella@gamma.example", None),
        ("=> |/usr/bin/vacation a b <ann@alpha.example> R=userforward T=address_pipe", "ann@alpha.example", None),
        ("=> /home/ann/Mail/x <ann@alpha.example> R=userforward T=address_file", "ann@alpha.example", None),
        (
            "-> y@out.example R=dnslookup T=remote_smtp H=mx.out.example [192.0.2.1]:25* C=\"250 ok\" DT=1m0.5s",
            "y@out.example",
            Some("192.0.2.1"),
        ),
        (
            "** \"a R=b\"@out.example R=r T=t H=mx [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<x>: 550 no",
            "\"a R=b\"@out.example",
            Some("192.0.2.1"),
        ),
        ("== d@dead.example R=remote T=r3599 defer (111): Connection refused", "d@dead.example", None),
        ("** nobody@alpha.example: Unrouteable address", "nobody@alpha.example", None),
    ] {
        let line = format!("1xUvBf-00038z-1J {line}");
        let delivery = delivery(&line);
        assert_eq!(delivery.recipient, Cow::Borrowed(recipient.as_bytes()), "{line}");
        assert_eq!(delivery.host.map(|host| host.ip), host.map(str::as_bytes), "{line}");
    }
    let line = "1xUvBf-00038z-1J => y@o R=r T=t H=mx [192.0.2.1]:25* C=\"250 ok\" DT=1m0.5s";
    assert!(delivery(line).is_reuse);
    assert_eq!((delivery(line).duration_ms, delivery(line).response), (60_500, &b"250 ok"[..]));
    let refused = "1xUvBf-00038z-1J == f@full.example R=remote T=r_3531 defer (-44) H=127.0.0.1 [127.0.0.1] DT=0s: SMTP error from remote mail server after RCPT TO:<f@full.example>: 501 5.5.4 what";
    assert_eq!(delivery(refused).errno, Some(-44));
    assert!(trouble(delivery(refused).response).is_bad_command);
    assert_eq!(
        delivery("1xUvBf-00038z-1J => :blackhole: <x@alpha.example> R=system_aliases").outcome,
        Outcome::Discarded
    );
}

#[test]
fn refusals() {
    let rcpt = reject(
        "H=(mail.outside.example) [127.113.0.10]:53305 F=<ann@outside.example> rejected RCPT <nobody@alpha.example>: Unrouteable address",
    );
    assert_eq!(
        (rcpt.stage, rcpt.recipient, rcpt.is_permanent),
        (Stage::Rcpt, Some(&b"nobody@alpha.example"[..]), true)
    );
    let listed =
        reject("H=x.example [192.0.2.9] F=<a@b> temporarily rejected RCPT <c@d>: 192.0.2.9 is listed in zen.example");
    assert!(listed.is_of_client && !listed.is_permanent);
    assert_eq!(reject("H=[127.2.0.66]:57085 rejected connection in \"connect\" ACL: Blocked").stage, Stage::Connect);
    let data = reject(
        "1xUvBm-0003AE-1m H=(m) [127.113.0.10]:33175 X=TLS1.3:x:256 A=plain:bob@beta.example F=<ann@outside.example> rejected after DATA: Subject not welcome",
    );
    assert_eq!((data.stage, data.sasl_username), (Stage::EndOfMessage, Some(&b"bob@beta.example"[..])));
    let size = reject(
        "rejected MAIL FROM:<a@b.example> H=(mail) [127.113.0.10]:56727: message too big: size=99999999 max=51200",
    );
    assert_eq!(size.stage, Stage::Mail);
    for quiet in [
        "1xUzuy-0001ht-1I H=(mail) [127.113.0.10]:37325 Warning: something odd",
        "H=(x) [127.0.0.1]:59554 incomplete transaction (connection lost) from <a@b>",
        "1xUzuy-0001ht-1I Message is frozen",
        "Start queue run: pid=9701",
    ] {
        assert_eq!(parse(quiet.as_bytes()), Parsed::Ignored, "{quiet}");
    }
    assert_eq!(parse(b"something that no Exim says"), Parsed::Unparsed);
}

/// FAULTS 46: the command that a client sent holds the look of another client.
#[test]
fn sessions() {
    let Fact::BadCommand(client) =
        fact(r#"SMTP syntax error in "BOGUS" H=(x) [9.9.9.9] y" H=(b) [127.100.0.41]:47187 unrecognized command"#)
    else {
        panic!("no bad command")
    };
    assert_eq!(client.ip, b"127.100.0.41");
    for (line, how) in [
        ("SMTP connection from (mail) [127.113.0.10]:38181 closed by QUIT", Closing::Usual),
        ("SMTP connection from [127.113.0.10]:38181 I=[127.0.0.1]:25 lost D=0s", Closing::Usual),
        ("SMTP connection from (mail) [1.2.3.4]:1 lost while reading message data (header)", Closing::Terminated),
        ("unexpected disconnection while reading SMTP command from (b) [1.2.3.4]:1 D=0s", Closing::Terminated),
        ("SMTP command timeout on connection from (b) [1.2.3.4]:1", Closing::Terminated),
        (
            "SMTP call from (b) [1.2.3.4]:1 dropped: too many unrecognized commands (last was \"B\")",
            Closing::ForBadCommands,
        ),
    ] {
        assert!(matches!(fact(line), Fact::Closed { how: closing, .. } if closing == how), "{line}");
    }
    let user = Some(&b"bob@beta.example"[..]);
    assert!(matches!(
        fact("plain authenticator failed for (bot) [127.100.0.40]:32865: 535 Incorrect authentication data (set_id=bob@beta.example)"),
        Fact::LoginFailed { user: tried, .. } if tried == user
    ));
    assert!(matches!(
        fact("Connection from [127.9.9.9] refused: too many connections from that IP address"),
        Fact::TurnedAway(_)
    ));
}

#[test]
fn scanners_that_do_not_answer() {
    assert_eq!(
        fact(
            "1xUvBm-0003AE-1m malware acl condition: clamd: connection to 127.0.0.1, port 3310 failed (Connection refused)"
        ),
        Fact::ScannerFailed(ServiceKind::ClamAv)
    );
    assert_eq!(
        fact(
            "1xUvBm-0003AE-1m spam acl condition: warning - spamd connection to '127.0.0.1', port 783 failed: Connection refused"
        ),
        Fact::ScannerFailed(ServiceKind::SpamAssassin)
    );
    assert_eq!(parse(b"1xUvBm-0003AE-1m spam acl condition: all spamd servers failed"), Parsed::Ignored);
}

#[test]
fn a_connection_given_up_for_its_tls_is_one_that_failed() {
    let line = "1xVA0N-000000000Cn-0oxK TLS session: (certificate verification failed): certificate invalid: delivering unencrypted to H=mx.tls.example [203.0.113.25] (not in hosts_require_tls)";
    let Fact::HopFailed { host, response, .. } = fact(line) else { panic!("another fact") };
    assert_eq!(host.ip, b"203.0.113.25");
    assert!(trouble(response).is_setup_failed);
}

#[test]
fn the_reject_log_by_syslog_says_nothing_new() {
    for line in [
        r"[1\12] 1xVA7e-000000000Ca-2fx5 H=(client.example) [203.0.113.34] F=<a@outside.example> rejected after DATA: no",
        r"[3\12] Envelope-to: <ann@alpha.example>",
        "[12/12] I Message-ID: <m7@outside.example>",
    ] {
        assert_eq!(parse(line.as_bytes()), Parsed::Ignored, "{line}");
    }
}

/// What sites have shown of Exim 4.7 to 4.97 elsewhere: options of log_selector, access lists of their own.
#[test]
fn lines_of_other_sites() {
    let closed = |line: &str| match fact(line) {
        Fact::Closed { client, how } => (String::from_utf8_lossy(client.ip).into_owned(), how),
        fact => panic!("{line}: {fact:?}"),
    };
    for (line, how) in [
        (
            r#"[13314] SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from H=[192.0.2.1]:25936 I=[192.0.2.9]:25 input="EHLO x H=[9.9.9.9]\r\n""#,
            Closing::ForBadCommands,
        ),
        (
            r#"SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected "RSET" H=x [192.0.2.1]:58302 I=[192.0.2.9]:25 next input="QUIT\r\n""#,
            Closing::ForBadCommands,
        ),
        (
            "[25874] 1ahr79-0006jK-G9 SMTP connection from (x) [192.0.2.1]:44884 I=[192.0.2.9]:25 closed by DROP in ACL",
            Closing::Usual,
        ),
        ("SMTP connection from (x) [192.0.2.1]:5 I=[192.0.2.9]:25 Ci=9 lost D=0s", Closing::Usual),
    ] {
        assert_eq!(closed(line), ("192.0.2.1".to_owned(), how), "{line}");
    }
    let scan = reject(
        "1Ai79e-0000Dq-8i F=a@outside.example H=x [192.0.2.1]:5 I=[192.0.2.9]:25 P=smtp rejected by local_scan(): Rejected: hits=7.5",
    );
    assert_eq!((scan.stage, scan.reply), (Stage::EndOfMessage, &b"Rejected: hits=7.5"[..]));
    let listed = reject(
        "H=([192.0.2.1]) [192.0.2.1]:52391 I=[192.0.2.9]:25 F=a@outside.example rejected RCPT b@alpha.example: rejected found in dnsbl zen.example",
    );
    assert!(listed.is_of_client);
    assert_eq!(listed.recipient, Some(&b"b@alpha.example"[..]));
    let helo = reject("rejected HELO from [192.0.2.1]:5: syntactically invalid argument(s): x y");
    assert_eq!((helo.stage, helo.client.map(|client| client.ip)), (Stage::Command, Some(&b"192.0.2.1"[..])));
    assert_eq!(parse(b"H=(x) [192.0.2.1] sender verify fail for <a@b>: Unknown user"), Parsed::Ignored);
}
