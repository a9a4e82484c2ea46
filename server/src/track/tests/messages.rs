//! Messages: which queue files are one, whose they are, what became of them.

use super::*;

/// LOG-LINES trap 11: content filter by SMTP, without XFORWARD; the child is active before the parent's `sent`.
#[test]
fn a_message_through_an_smtp_filter_is_one_message() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: connect from mail.outside.example[203.0.113.10]
        00:00:01 postfix/smtpd[1]: 91845B4483: client=mail.outside.example[203.0.113.10]
        00:00:01 postfix/cleanup[2]: 91845B4483: message-id=<m1@outside.example>
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=2 (queue active)
        00:00:01 postfix/smtpd[1]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 quit=1 commands=2
        00:00:02 postfix/smtpd[4]: connect from localhost[127.0.0.1]
        00:00:02 postfix/smtpd[4]: C24E0B4485: client=localhost[127.0.0.1]
        00:00:02 postfix/cleanup[2]: C24E0B4485: message-id=<m1@outside.example>
        00:00:02 postfix/qmgr[3]: C24E0B4485: from=<ann@outside.example>, size=1300, nrcpt=2 (queue active)
        00:00:02 postfix/smtp[5]: 91845B4483: to=<abby@alpha.example>, relay=127.0.0.1[127.0.0.1]:10025, {SENT} (250 2.0.0 Ok, reinjected: 250 2.0.0 Ok: queued as C24E0B4485)
        00:00:02 postfix/smtp[5]: 91845B4483: to=<bob@beta.example>, relay=127.0.0.1[127.0.0.1]:10025, {SENT} (250 2.0.0 Ok, reinjected: 250 2.0.0 Ok: queued as C24E0B4485)
        00:00:02 postfix/qmgr[3]: 91845B4483: removed
        00:00:02 postfix/smtpd[4]: disconnect from localhost[127.0.0.1] ehlo=1 quit=1 commands=2
        00:00:03 postfix/lmtp[6]: C24E0B4485: to=<abby@alpha.example>, relay=mx1[private/dovecot-lmtp], {SENT} (250 2.0.0 <abby@alpha.example> x Saved)
        00:00:03 postfix/lmtp[6]: C24E0B4485: to=<bob@beta.example>, relay=mx1[private/dovecot-lmtp], {SENT} (250 2.0.0 <bob@beta.example> x:R2 Saved)
        00:00:03 postfix/qmgr[3]: C24E0B4485: removed"
    );
    Counts::of(&lines).check(&[
        ("smtp_in.connections", 1),
        ("smtp_in.connections abby@alpha.example", 1),
        ("smtp_in.bandwidth", 1000),
        ("priority.normal", 1),
        ("message.incoming", 2),
        ("message.incoming abby@alpha.example", 1),
        // What the mailbox stores is what the filter gave back.
        ("data.received", 2600),
        ("smtp_out.connections", 0),
        ("smtp_out.bandwidth", 0),
    ]);
}

/// SEMANTICS R2: XFORWARD names the parent; an authenticated sender stays the owner.
#[test]
fn xforward_names_the_parent() {
    let lines = format!(
        "00:00:01 postfix/submission/smtpd[1]: connect from a[198.51.100.7]
        00:00:01 postfix/submission/smtpd[1]: 91845B4483: client=a[198.51.100.7], sasl_method=PLAIN, sasl_username=carl@gamma.example
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<carl@gamma.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/smtpd[4]: connect from localhost[127.0.0.1]
        00:00:02 postfix/smtpd[4]: C24E0B4485: client=localhost[127.0.0.1], orig_queue_id=91845B4483, orig_client=a[198.51.100.7]
        00:00:02 postfix/qmgr[3]: C24E0B4485: from=<carl@gamma.example>, size=1300, nrcpt=1 (queue active)
        00:00:03 postfix/smtp[5]: 91845B4483: to=<x@outside.example>, relay=127.0.0.1[127.0.0.1]:10024, {SENT} (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as C24E0B4485)
        00:00:03 postfix/smtp[6]: C24E0B4485: to=<x@outside.example>, relay=mx.outside.example[203.0.113.10]:25, {SENT} (250 2.0.0 Ok: queued as 77)"
    );
    Counts::of(&lines).check(&[
        ("message.outgoing carl@gamma.example", 1),
        ("message.outgoing", 1),
        ("data.sent carl@gamma.example", 1000),
        ("priority.submission", 1),
        ("smtp_in.connections", 1),
        ("smtp_out.connections carl@gamma.example", 1),
        ("smtp_out.bandwidth carl@gamma.example", 1300),
        ("message.incoming", 0),
    ]);
}

/// Two instances of one host hand the message on; each has its own names.
#[test]
fn instances_hand_a_message_on() {
    let lines = format!(
        "00:00:01 postfix-mx-in/smtpd[1]: connect from a[203.0.113.10]
        00:00:01 postfix-mx-in/smtpd[1]: A984DB4448: client=a[203.0.113.10]
        00:00:01 postfix-mx-in/cleanup[2]: A984DB4448: message-id=<m@x>
        00:00:01 postfix-mx-in/qmgr[3]: A984DB4448: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/smtpd[4]: connect from localhost[127.0.0.1]
        00:00:02 postfix/smtpd[4]: A984DB4448: client=localhost[127.0.0.1]
        00:00:02 postfix/cleanup[2]: A984DB4448: message-id=<m@x>
        00:00:02 postfix/qmgr[3]: A984DB4448: from=<ann@outside.example>, size=1200, nrcpt=1 (queue active)
        00:00:02 postfix-mx-in/smtp[5]: A984DB4448: to=<abby@alpha.example>, relay=127.0.0.1[127.0.0.1]:2625, {SENT} (250 2.0.0 Ok: queued as A984DB4448)
        00:00:02 postfix-mx-in/qmgr[3]: A984DB4448: removed
        00:00:03 postfix/lmtp[6]: A984DB4448: to=<abby@alpha.example>, relay=mx1[private/dovecot-lmtp], {SENT} (250 2.0.0 Saved)"
    );
    Counts::of(&lines).check(&[
        ("priority.normal", 1),
        ("message.incoming", 1),
        ("smtp_in.connections", 1),
        ("smtp_out.connections", 0),
    ]);
}

/// FAULTS 46: another server's answer names one of our queue files.
#[test]
fn a_strangers_answer_links_nothing() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]
        00:00:01 postfix/cleanup[2]: 91845B4483: message-id=<victim@x>
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:01 postfix/smtpd[1]: C24E0B4485: client=b[198.51.100.7], sasl_method=PLAIN, sasl_username=carl@gamma.example
        00:00:01 postfix/cleanup[2]: C24E0B4485: message-id=<own@x>
        00:00:01 postfix/qmgr[3]: C24E0B4485: from=<carl@gamma.example>, size=500, nrcpt=1 (queue active)
        00:00:02 postfix/smtp[5]: C24E0B4485: to=<x@evil.example>, relay=mx.evil.example[192.0.2.1]:25, {SENT} (250 2.0.0 Ok: queued as 91845B4483)"
    );
    Counts::of(&lines).check(&[("priority.normal", 1), ("message.outgoing", 1), ("smtp_out.bandwidth", 500)]);
}

/// FAULTS 46: a quoted local part holds the look of a delivery.
#[test]
fn a_forged_field_moves_no_counter() {
    let counts = Counts::of(
        r#"00:00:01 postfix/qmgr[3]: 91845B4483: from=<"x>, size=9, nrcpt=1 (queue active"@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/smtp[5]: 91845B4483: to=<"x>, relay=local, delay=1, delays=0/0/0/0, dsn=2.0.0, status=sent (ok"@outside.example>, relay=none, delay=1, delays=0/0/0/0, dsn=5.4.4, status=bounced (Host or domain name not found. status=sent (x))
        00:00:03 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[203.0.113.10]: 550 5.1.1 <"; from=<a> to=<root@gamma.example> "@alpha.example>: Recipient address rejected: User unknown; from=<b@c> to=<"; from=<a> to=<root@gamma.example> "@alpha.example> proto=ESMTP helo=<x> sasl_username=<carl@gamma.example>>"#,
    );
    counts.check(&[("message.incoming", 0), ("smtp_out.bounced", 1), ("smtp_in.rejected_recipients alpha.example", 1)]);
    assert!(counts.0.keys().all(|key| !key.contains("gamma")), "{:#?}", counts.0);
}

/// SEMANTICS R2, R4, R9: a forward is the same message with a new recipient, and has no owner of ours.
#[test]
fn a_forward_is_the_same_message() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/cleanup[2]: C24E0B4485: message-id=<m@x>
        00:00:02 postfix/qmgr[3]: C24E0B4485: from=<ann@outside.example>, size=1100, nrcpt=1 (queue active)
        00:00:02 postfix/local[5]: 91845B4483: to=<fred@mx1.example>, relay=local, {SENT} (forwarded as C24E0B4485)
        00:00:02 postfix/qmgr[3]: 91845B4483: removed
        00:00:03 postfix/smtp[6]: C24E0B4485: to=<f@elsewhere.example>, relay=mx[192.0.2.9]:25, {SENT} (250 ok)"
    );
    Counts::of(&lines).check(&[
        ("priority.normal", 1),
        ("message.incoming", 0),
        ("message.outgoing", 0),
        ("smtp_out.bandwidth", 1100),
    ]);
}

/// LOG-LINES trap 10, SEMANTICS R4: one mail to an alias of three mailboxes is three; the same mailbox is reached once.
#[test]
fn an_alias_counts_for_each_mailbox_it_reaches() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=4 (queue active)
        00:00:02 postfix/lmtp[5]: 91845B4483: to=<a@alpha.example>, orig_to=<all@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/lmtp[5]: 91845B4483: to=<b@alpha.example>, orig_to=<all@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/lmtp[5]: 91845B4483: to=<c+lists@alpha.example>, orig_to=<all@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/lmtp[5]: 91845B4483: to=<A@Alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)"
    );
    Counts::of(&lines).check(&[
        ("message.incoming", 3),
        ("message.incoming alpha.example", 3),
        ("message.incoming c@alpha.example", 1),
        ("message.incoming a@alpha.example", 1),
        ("priority.normal", 1),
        ("smtp_in.bandwidth alpha.example", 1000),
    ]);
}

/// SEMANTICS R9: an outside client with a sender of ours is incoming; the log-in, not the sender, is the owner.
#[test]
fn the_owner_is_who_logged_in() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<alice@alpha.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/lmtp[5]: 91845B4483: to=<alice@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:03 postfix/submission/smtpd[2]: C24E0B4485: client=b[198.51.100.7], sasl_method=PLAIN, sasl_username=carl@gamma.example
        00:00:03 postfix/qmgr[3]: C24E0B4485: from=<alice@alpha.example>, size=500, nrcpt=1 (queue active)"
    );
    Counts::of(&lines).check(&[
        ("message.outgoing", 1),
        ("message.outgoing carl@gamma.example", 1),
        ("message.outgoing alice@alpha.example", 0),
        ("message.incoming alice@alpha.example", 1),
    ]);
}

/// SEMANTICS R9, R19: the order of evidence does not matter.
#[test]
fn a_local_sender_becomes_the_owner_when_its_domain_is_known() {
    Counts::of(
        "00:00:01 postfix/pickup[2]: 91845B4483: uid=33 from=<shop@alpha.example>
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<shop@alpha.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/pickup[2]: 91845B4484: uid=0 from=<root@stranger.example>
        00:00:02 postfix/qmgr[3]: 91845B4484: from=<root@stranger.example>, size=1, nrcpt=1 (queue active)
        00:00:05 dovecot: imap-login: Login: user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, session=<a>",
    )
    .check(&[
        ("message.outgoing", 2),
        ("message.outgoing shop@alpha.example", 1),
        ("message.outgoing alpha.example", 1),
        ("message.outgoing stranger.example", 0),
        ("priority.system", 2),
    ]);
}

/// LOG-LINES trap 7, SEMANTICS R3: each retry activates again.
#[test]
fn a_retry_counts_deferrals_and_no_new_message() {
    let attempt = |time, pid| {
        format!(
            "{time} postfix/qmgr[3]: C24E0B4485: from=<carl@gamma.example>, size=500, nrcpt=2 (queue active)
            {time} postfix/smtp[{pid}]: C24E0B4485: to=<x@f.example>, relay=mx.f.example[192.0.2.1]:25, delay=1, delays=1/0/0.5/0.5, dsn=4.2.2, status=deferred (host mx.f.example[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command))
            {time} postfix/smtp[{pid}]: C24E0B4485: to=<y@f.example>, relay=mx.f.example[192.0.2.1]:25, delay=1, delays=1/0/0.5/0.6, dsn=4.2.2, status=deferred (host mx.f.example[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command))
            "
        )
    };
    let lines = format!(
        "00:00:01 postfix/submission/smtpd[2]: C24E0B4485: client=b[198.51.100.7], sasl_method=PLAIN, sasl_username=carl@gamma.example
        {}{}00:20:00 postfix/qmgr[3]: C24E0B4485: from=<carl@gamma.example>, status=expired, returned to sender
        00:20:00 postfix/bounce[9]: C24E0B4485: sender non-delivery notification: D24E0B4485
        00:20:00 postfix/qmgr[3]: C24E0B4485: removed",
        attempt("00:00:02", 7),
        attempt("00:10:00", 8)
    );
    Counts::of(&lines).check(&[
        ("message.outgoing", 1),
        ("smtp_out.deferrals", 4),
        ("smtp_out.connections", 2),
        ("smtp_out.active_connections", 2200),
        ("smtp_out.bounced carl@gamma.example", 2),
        ("message.bounces carl@gamma.example", 1),
        ("smtp_out.bandwidth", 0),
    ]);
}

/// SEMANTICS R4: qmgr has the recipients of a next hop that does not answer put off by error(8), or does it itself; those
/// of this host's own transports are none of another server's.
#[test]
fn what_qmgr_puts_off_is_a_deferral() {
    for (daemon, reason, deferrals) in [
        ("error", "delivery temporarily suspended: connect to mx.f.example[192.0.2.1]:25: Connection refused", 1),
        ("retry", "delivery temporarily suspended: host mx.f.example[192.0.2.1] refused to talk to me: 421 busy", 1),
        ("qmgr", "delivery temporarily suspended: lost connection with mx.f.example[192.0.2.1] while sending MAIL", 1),
        ("error", "delivery temporarily suspended: Host or domain name not found. Name service error for name=f", 1),
        ("error", "delivery temporarily suspended: connect to mx1[private/dovecot-lmtp]: Connection refused", 0),
        ("error", "delivery temporarily suspended: connect to 127.0.0.1[127.0.0.1]:10024: Connection refused", 0),
        ("qmgr", "mail transport unavailable", 0),
    ] {
        let lines = format!(
            "00:00:01 postfix/submission/smtpd[2]: C24E0B4485: client=b[198.51.100.7], sasl_method=PLAIN, sasl_username=carl@gamma.example
            00:00:01 postfix/qmgr[3]: C24E0B4485: from=<carl@gamma.example>, size=500, nrcpt=1 (queue active)
            00:00:02 postfix/{daemon}[4]: C24E0B4485: to=<x@f.example>, relay=none, delay=0.1, delays=0.1/0/0/0, dsn=4.4.1, status=deferred ({reason})
            00:09:00 postfix/qmgr[3]: C24E0B4485: from=<carl@gamma.example>, status=expired, returned to sender"
        );
        Counts::of(&lines).check(&[
            ("smtp_out.deferrals carl@gamma.example", deferrals),
            ("smtp_out.bounced", deferrals),
            ("smtp_out.connections", 0),
        ]);
    }
}

/// SEMANTICS 1.2, report 10: fifty recipients in one transaction are one transfer; a used connection is no new one.
#[test]
fn a_transfer_counts_once() {
    let to = |name: &str, conn: &str| {
        format!(
            "00:00:02 postfix/smtp[5]: C24E0B4485: to=<{name}@o.example>, relay=mx.o.example[192.0.2.1]:25, {conn}{SENT} (250 ok 7)\n"
        )
    };
    let lines = format!(
        "00:00:01 postfix/qmgr[3]: C24E0B4485: from=<a@b.example>, size=500, nrcpt=4 (queue active)\n{}{}{}{}",
        to("a", ""),
        to("b", ""),
        to("c", ""),
        to("d", "conn_use=2, ").replace("[5]", "[6]")
    );
    Counts::of(&lines).check(&[("smtp_out.bandwidth", 1000), ("smtp_out.connections", 1)]);
}

/// SEMANTICS R6.
#[test]
fn address_probes_are_no_mail() {
    Counts::of(
        "00:00:01 postfix/cleanup[2]: C24E0B4485: message-id=<m@x>
        00:00:01 postfix/qmgr[3]: C24E0B4485: from=<double-bounce@mx1.example>, size=277, nrcpt=1 (queue active)
        00:00:02 postfix/smtp[5]: C24E0B4485: to=<x@o.example>, relay=mx.o.example[192.0.2.1]:25, delay=0.1, delays=0/0/0.1/0, dsn=2.1.5, status=deliverable (250 ok)
        00:00:02 postfix/qmgr[3]: C24E0B4485: removed",
    )
    .check(&[("priority.system", 0), ("smtp_out.connections", 0)]);
}

/// FAULTS 53: the closing line is lost and the id is used again at once.
#[test]
fn a_queue_id_used_again_is_another_message() {
    let message = |time: &str| {
        format!(
            "{time} postfix/smtpd[1]: C24E0B4485: client=a[203.0.113.10]
            {time} postfix/qmgr[3]: C24E0B4485: from=<a@b.example>, size=500, nrcpt=1 (queue active)
            {time} postfix/lmtp[5]: C24E0B4485: to=<a@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)\n"
        )
    };
    let lines = message("00:00:01") + &message("00:00:02");
    Counts::in_order(&lines).check(&[("message.incoming", 2), ("priority.normal", 2)]);
}

/// FAULTS 54, SEMANTICS R17.
#[test]
fn a_log_that_begins_in_the_middle() {
    let lines = format!(
        "00:00:01 postfix/lmtp[5]: C24E0B4485: to=<a@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 dovecot: pop3(bob@beta.example)<1><s>: Disconnected: Logged out top=1/868, retr=4/8884, del=0/12, size=3
        00:00:03 postfix/smtpd[1]: disconnect from a[203.0.113.10] ehlo=1 quit=1 unknown=0/3 commands=2"
    );
    Counts::of(&lines).check(&[
        ("message.incoming", 1),
        ("data.size_unknown", 1),
        ("pop.connections", 0),
        ("pop.bandwidth bob@beta.example", 9752),
        ("smtp_in.connections", 0),
    ]);
}

// FAULTS 55, 56
#[test]
fn loops_and_large_lists_end() {
    let mut lines = String::from(
        "00:00:01 postfix/qmgr[4]: A3FDFB0000: from=<ann@outside.example>, size=7, nrcpt=3000 (queue active)\n",
    );
    for number in 0..3000 {
        lines += &format!(
            "00:00:02 postfix/lmtp[5]: A3FDFB0000: to=<u{number}@beta.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)\n"
        );
    }
    for hop in 0..300 {
        let (from, to) = (0xA3FDFB0000u64 + hop, 0xA3FDFB0000u64 + (hop + 1) % 300);
        lines += &format!("00:00:03 postfix/smtpd[1]: {to:X}: client=localhost[127.0.0.1], orig_queue_id={from:X}\n");
        lines += &format!(
            "00:00:03 postfix/smtp[5]: {from:X}: to=<l@beta.example>, relay=127.0.0.1[127.0.0.1]:10025, {SENT} (250 queued as {to:X})\n"
        );
    }
    Counts::in_order(&lines).check(&[("message.incoming", 3000), ("priority.normal", 1)]);
}

/// LOG-LINES trap 1: rsyslog's RFC 5424 loses the daemon; what only one daemon says is still understood.
#[test]
fn lines_without_a_daemon() {
    let lines = format!(
        "00:00:01 postfix[1]: connect from mail.outside.example[203.0.113.10]
        00:00:01 postfix[1]: 06728B44C1: client=mail.outside.example[203.0.113.10]
        00:00:01 postfix[2]: 06728B44C1: message-id=<m1@outside.example>
        00:00:01 postfix[3]: 06728B44C1: from=<p@outside.example>, size=3982, nrcpt=1 (queue active)
        00:00:01 postfix[1]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 quit=1 commands=2
        00:00:01 postfix[4]: 06728B44C1: to=<abby@alpha.example>, relay=mx1[private/dovecot-lmtp], {SENT} (250 2.0.0 Saved)
        00:00:01 postfix[3]: 06728B44C1: removed"
    );
    Counts::of(&lines).check(&[("message.incoming abby@alpha.example", 1), ("smtp_in.connections", 1)]);
}

/// SEMANTICS 0.6: what 3.10 and 3.11 write differently.
#[test]
fn later_versions_of_postfix() {
    Counts::of(
        "00:00:01 postfix/qmgr[4]: A3FDFB4483: from=<ann@outside.example>, size=700, nrcpt=1 (queue active)
        00:00:01 postfix/bounce[5]: A3FDFB4483: sender non-delivery notification: A3FDFB4484
        00:00:02 postfix/cleanup[2]: A3FDFB4484: message-id=<n@x>
        00:00:02 postfix/qmgr[4]: A3FDFB4484: from=<>, size=900, nrcpt=1 (queue active)
        00:00:03 postfix/smtp[5]: A3FDFB4484: to=<ann@outside.example>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, tls=none, dsn=2.0.0, status=sent (250 ok)
        00:00:04 postfix/smtpd[6]: A3FDFB4485: client=a[192.0.2.1]
        00:00:04 postfix/smtpd[6]: A3FDFB4485: canceled
        00:00:05 postfix/qmgr[4]: A3FDFB4486: removed (discarded)",
    )
    .check(&[("message.bounces", 1), ("priority.system", 1), ("smtp_out.bandwidth", 900)]);
}

/// FAULTS 45: rsyslog writes a newline as `#012` and an escape as `#033`. They stay as they are: a name is the name that
/// was logged, and what comes after a newline is no line.
#[test]
fn what_rsyslog_escaped_is_text() {
    let counts = Counts::of(&format!(
        "00:00:01 postfix/smtp[5]: 91845B4483: to=<b@outside.example>, relay=mx[192.0.2.9]:25, delay=1, delays=0/0/0/0, dsn=5.0.0, status=bounced (host said: 550 no#012Mar  2 00:00:01 mx1 postfix/lmtp[5]: 91845B4484: to=<c@alpha.example>, relay=x, {SENT} (ok))
        00:00:02 postfix/lmtp[6]: 91845B4485: to=<ann#033[2J@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)"
    ));
    counts.check(&[
        ("smtp_out.bounced", 1),
        ("message.incoming", 1),
        ("message.incoming ann#033[2j@alpha.example", 1),
        ("message.incoming c@alpha.example", 0),
    ]);
}
