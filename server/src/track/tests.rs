//! Lines in, counters out: each test is named after the trap (LOG-LINES) or the rule (SEMANTICS) that it holds.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use mailtally_model::{Zone, catalogue};

use super::*;
use crate::batch::Batch;
use crate::settings::ThrottlePattern;
use crate::syslog::Envelope;

/// What lines count, by measure and subject.
struct Counts(BTreeMap<String, i64>);

impl Counts {
    /// Lines at `Mar  2 HH:MM:SS mx1 `, given from the time on: `00:00:01 postfix/smtpd[1]: …`.
    fn of(lines: &str) -> Counts {
        Counts::with(&MailSettings::default(), lines)
    }

    fn with(settings: &MailSettings, lines: &str) -> Counts {
        let mut tracker = Tracker::restore(settings, std::iter::empty()).unwrap();
        let mut envelope = Envelope::new(Zone::utc(), "mx1");
        envelope.set_year(2026);
        let mut batch = Batch::default();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (time, rest) = line.split_once(' ').unwrap();
            let line = format!("Mar  2 {time} mx1 {rest}");
            let line = envelope.parse(line.as_bytes()).unwrap();
            let mut updates = Vec::new();
            let verdict = tracker.line(&line, &mut updates, &mut batch.known);
            assert_ne!(verdict, Verdict::Unparsed, "{rest}");
            updates.into_iter().for_each(|update| batch.book(update));
        }
        let mut sums = BTreeMap::new();
        for ((subject, measure, _), amount) in &batch.counters {
            let measure = catalogue::measures().into_iter().find(|known| known.number == *measure).unwrap();
            *sums.entry(format!("{} {subject}", measure.id)).or_insert(0) += amount;
        }
        assert!(sums.values().all(|sum| *sum >= 0), "{sums:?}");
        sums.retain(|_, sum| *sum != 0);
        Counts(sums)
    }

    #[track_caller]
    fn check(&self, expected: &[(&str, i64)]) -> &Counts {
        for (key, expected) in expected {
            let key = if key.contains(' ') { (*key).to_owned() } else { format!("{key} (server)") };
            assert_eq!(self.0.get(&key).copied().unwrap_or(0), *expected, "{key} in {:#?}", self.0);
        }
        self
    }
}

const SENT: &str = "delay=1, delays=0.1/0.1/0.1/0.7, dsn=2.0.0, status=sent";

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
    Counts::of(&lines).check(&[("message.incoming", 2), ("priority.normal", 2)]);
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

/// LOG-LINES trap 22: anvil refuses per attempt; strangers are in Violations, our senders in Traffic too.
#[test]
fn anvil_limits() {
    Counts::of(
        "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.10]
        00:00:01 postfix/smtpd[1]: warning: Connection rate limit exceeded: 6 from a[203.0.113.10] for service 127.0.0.1:25
        00:00:01 postfix/smtpd[1]: disconnect from a[203.0.113.10] commands=0/0
        00:00:02 postfix/smtpd[2]: connect from b[203.0.113.11]
        00:00:02 postfix/smtpd[2]: warning: Message delivery request rate limit exceeded: 5 from b[203.0.113.11] for service 127.0.0.1:25
        00:00:03 postfix/smtpd[2]: warning: Message delivery request rate limit exceeded: 6 from b[203.0.113.11] for service 127.0.0.1:25
        00:00:04 postfix/submission/smtpd[3]: connect from c[198.51.100.7]
        00:00:04 postfix/submission/smtpd[3]: C24E0B4485: client=c[198.51.100.7], sasl_method=PLAIN, sasl_username=carl@gamma.example
        00:00:05 postfix/submission/smtpd[3]: warning: Recipient address rate limit exceeded: 9 from c[198.51.100.7] for service 127.0.0.1:587
        00:00:06 postfix/submission/smtpd[3]: warning: Recipient address rate limit exceeded: 10 from c[198.51.100.7] for service 127.0.0.1:587
        00:02:00 postfix/submission/smtpd[3]: warning: Recipient address rate limit exceeded: 9 from c[198.51.100.7] for service 127.0.0.1:587",
    )
    .check(&[
        ("smtp_in.connections", 3),
        ("smtp_in.blocked_connections", 1),
        ("throttle.messages_sent", 3),
        ("throttle.messages_sent carl@gamma.example", 3),
        ("violation.messages_sent", 3),
        ("violation.messages_sent carl@gamma.example", 2),
    ]);
}

/// SEMANTICS 1.3: a policy server's refusal, by its text.
#[test]
fn limits_of_a_policy_server() {
    let pattern = ThrottlePattern { text: "Quota exceeded".to_owned(), limit: crate::event::Limit::MessagesSent };
    let settings = MailSettings { throttle_reply_patterns: vec![pattern], ..MailSettings::default() };
    let lines = "00:00:01 postfix/submission/smtpd[3]: NOQUEUE: reject: RCPT from c[198.51.100.7]: 450 4.7.1 <x@o.example>: Recipient address rejected: quota exceeded; from=<carl@gamma.example> to=<x@o.example> proto=ESMTP helo=<c> sasl_method=<PLAIN> sasl_username=<carl@gamma.example>";
    Counts::with(&settings, lines)
        .check(&[("throttle.messages_sent carl@gamma.example", 1), ("violation.messages_sent", 1)]);
}

/// LOG-LINES trap 25: postscreen's connect counts, and smtpd's connect after PASS is the same connection.
#[test]
fn postscreen_and_smtpd_see_one_connection() {
    Counts::of(
        "00:00:01 postfix/postscreen[9]: CONNECT from [203.0.113.10]:26053 to [127.0.0.1]:25
        00:00:01 postfix/postscreen[9]: PASS OLD [203.0.113.10]:26053
        00:00:01 postfix/smtpd[1]: connect from mail.outside.example[203.0.113.10]
        00:00:01 postfix/smtpd[1]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 unknown=0/2 quit=1 commands=2
        00:00:02 postfix/postscreen[9]: CONNECT from [192.0.2.66]:28276 to [127.0.0.1]:25
        00:00:02 postfix/postscreen[9]: DENYLISTED [192.0.2.66]:28276
        00:00:02 postfix/postscreen[9]: DISCONNECT [192.0.2.66]:28276
        00:00:03 postfix/postscreen[9]: CONNECT from [198.51.100.20]:3 to [127.0.0.1]:25
        00:00:03 postfix/postscreen[9]: PREGREET 12 after 0 from [198.51.100.20]:3: EHLO early\\r\\n
        00:00:03 postfix/postscreen[9]: NOQUEUE: reject: RCPT from [198.51.100.20]:3: 550 5.5.1 Protocol error; from=<a@b>, to=<alice@alpha.example>, proto=ESMTP, helo=<early>
        00:00:03 postfix/postscreen[9]: DISCONNECT [198.51.100.20]:3
        00:00:04 postfix/postscreen[9]: CONNECT from [198.51.100.50]:22735 to [127.0.0.1]:25
        00:00:04 postfix/postscreen[9]: NOQUEUE: reject: CONNECT from [198.51.100.50]:22735: too many connections
        00:00:05 postfix/postscreen[9]: CONNECT from [203.0.113.12]:5 to [127.0.0.1]:25
        00:00:05 postfix/postscreen[9]: NOQUEUE: reject: RCPT from [203.0.113.12]:5: 450 4.3.2 Service currently unavailable; from=<a@b>, to=<alice@alpha.example>, proto=ESMTP, helo=<x>
        00:00:05 postfix/postscreen[9]: BARE NEWLINE from [203.0.113.12]:5 after EHLO h
        00:00:05 postfix/postscreen[9]: PASS NEW [203.0.113.12]:5
        00:00:05 postfix/postscreen[9]: DISCONNECT [203.0.113.12]:5
        00:00:06 postfix/submission/smtpd[7]: connect from c[198.51.100.7]",
    )
    .check(&[
        ("smtp_in.connections", 6),
        ("smtp_in.blocked_connections", 3),
        ("smtp_in.bad_commands", 3),
        ("smtp_in.rejected_recipients", 1),
        ("smtp_in.connections alpha.example", 2),
    ]);
}

/// LOG-LINES trap 23: a stopped milter refuses one connection in three lines.
#[test]
fn a_stopped_milter_blocks_a_connection_once() {
    Counts::of(
        "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.20]
        00:00:01 postfix/smtpd[1]: warning: connect to Milter service inet:127.0.0.1:7357: Connection refused
        00:00:01 postfix/smtpd[1]: NOQUEUE: milter-reject: CONNECT from a[203.0.113.20]: 451 4.7.1 Service unavailable - try again later; proto=SMTP
        00:00:01 postfix/smtpd[1]: NOQUEUE: milter-reject: EHLO from a[203.0.113.20]: 451 4.7.1 Service unavailable - try again later; proto=SMTP helo=<a>
        00:00:01 postfix/smtpd[1]: NOQUEUE: milter-reject: MAIL from a[203.0.113.20]: 451 4.7.1 Service unavailable - try again later; from=<a@b> proto=SMTP helo=<a>
        00:00:01 postfix/smtpd[1]: disconnect from a[203.0.113.20] ehlo=0/1 mail=0/1 quit=1 commands=1/3",
    )
    .check(&[
        ("smtp_in.connections", 1),
        ("smtp_in.blocked_connections", 1),
        ("smtp_in.rejected_messages", 0),
        ("clamav.failed_connections clamav:mx1", 1),
    ]);
}

/// A milter marks spam, and refuses it: at the end of the message, by cleanup, for the recipient it names.
#[test]
fn spam_by_a_milter() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.20]
        00:00:01 postfix/smtpd[1]: F2FDFB4483: client=a[203.0.113.20]
        00:00:01 postfix/cleanup[2]: F2FDFB4483: message-id=<bad@x>
        00:00:01 spamd[3]: spamd: result: Y 1000 - GTUBE scantime=0.5,size=528,user=boris,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=37028,mid=<bad@x>,autolearn=disabled
        00:00:01 postfix/cleanup[2]: F2FDFB4483: milter-reject: END-OF-MESSAGE from a[203.0.113.20]: 5.7.1 Blocked by SpamAssassin; from=<ann@outside.example> to=<bruno@beta.example> proto=ESMTP helo=<a>
        00:00:01 postfix/smtpd[1]: A3FDFB4483: client=a[203.0.113.20]
        00:00:01 postfix/cleanup[2]: A3FDFB4483: message-id=<tagged@x>
        00:00:01 spamd[3]: spamd: result: Y 6 - X scantime=0.5,size=528,user=boris,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=37028,mid=<tagged@x>,autolearn=disabled
        00:00:02 postfix/qmgr[4]: A3FDFB4483: from=<ann@outside.example>, size=700, nrcpt=1 (queue active)
        00:00:02 postfix/lmtp[5]: A3FDFB4483: to=<bruno@beta.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)"
    );
    Counts::of(&lines).check(&[
        ("message.spam_blocked bruno@beta.example", 1),
        ("message.incoming_spam bruno@beta.example", 1),
        ("message.incoming", 1),
        ("smtp_in.rejected_messages beta.example", 1),
        ("smtp_in.connections", 1),
        ("spamassassin.active_connections spamassassin:mx1", 1000),
    ]);
}

/// A verdict may come after the delivery: the delivery is revised.
#[test]
fn a_late_verdict_revises_what_was_delivered() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: A3FDFB4483: client=a[203.0.113.20]
        00:00:01 postfix/cleanup[2]: A3FDFB4483: message-id=<late@x>
        00:00:02 postfix/qmgr[4]: A3FDFB4483: from=<ann@outside.example>, size=700, nrcpt=1 (queue active)
        00:00:02 postfix/lmtp[5]: A3FDFB4483: to=<bruno@beta.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/qmgr[4]: A3FDFB4483: removed
        00:05:00 spamd[3]: spamd: result: Y 6 - X scantime=0.5,size=528,user=boris,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=37028,mid=<late@x>,autolearn=disabled"
    );
    Counts::of(&lines).check(&[("message.incoming_spam bruno@beta.example", 1), ("message.incoming", 1)]);
}

/// A pipe that nothing comes back from ends in a mailbox; one that gives back teaches no names.
#[test]
fn a_pipe_is_a_mailbox_until_a_message_comes_back() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: A3FDFB4483: client=a[203.0.113.20]
        00:00:01 postfix/qmgr[4]: A3FDFB4483: from=<ann@outside.example>, size=700, nrcpt=1 (queue active)
        00:00:02 postfix/pipe[5]: A3FDFB4483: to=<bruno@beta.example>, relay=archive, {SENT} (delivered via archive service)"
    );
    Counts::of(&lines).check(&[("message.incoming bruno@beta.example", 1)]);
}

/// SEMANTICS 1.2, report 9, LOG-LINES traps 20 and 21.
#[test]
fn bad_commands_and_terminations_of_a_connection() {
    Counts::of(
        "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.20]
        00:00:01 postfix/smtpd[1]: improper command pipelining after EHLO from a[203.0.113.20]: MAIL FROM:<a@outside.example>\\r\\n
        00:00:01 postfix/smtpd[1]: NOQUEUE: reject: DATA from a[203.0.113.20]: 503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining; from=<a@b> to=<alice@alpha.example> proto=ESMTP helo=<a>
        00:00:01 postfix/smtpd[1]: warning: non-SMTP command from a[203.0.113.20]: Subject: x
        00:00:01 postfix/smtpd[1]: disconnect from a[203.0.113.20] ehlo=1 unknown=0/1 commands=1/2
        00:00:02 postfix/smtpd[1]: connect from b[203.0.113.21]
        00:00:02 postfix/smtpd[1]: too many errors after UNKNOWN from b[203.0.113.21]
        00:00:02 postfix/smtpd[1]: disconnect from b[203.0.113.21] ehlo=1 unknown=0/20 commands=1/21
        00:00:03 postfix/smtpd[1]: connect from c[203.0.113.22]
        00:00:03 postfix/smtpd[1]: NOQUEUE: lost connection after DATA (20 bytes) from c[203.0.113.22]
        00:00:03 postfix/smtpd[1]: disconnect from c[203.0.113.22] ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4
        00:00:04 postfix/smtpd[1]: connect from d[203.0.113.23]
        00:00:04 postfix/smtpd[1]: lost connection after EHLO from d[203.0.113.23]
        00:00:04 postfix/smtpd[1]: disconnect from d[203.0.113.23] ehlo=1 commands=1
        00:00:05 postfix/smtpd[1]: connect from e[203.0.113.24]
        00:00:05 postfix/smtpd[1]: SSL_accept error from e[203.0.113.24]: lost connection
        00:00:05 postfix/smtpd[1]: lost connection after STARTTLS from e[203.0.113.24]
        00:00:05 postfix/smtpd[1]: disconnect from e[203.0.113.24] ehlo=1 starttls=0/1 commands=1/2",
    )
    .check(&[
        ("smtp_in.connections", 5),
        ("smtp_in.bad_commands", 21),
        ("smtp_in.terminations", 3),
        ("smtp_in.bandwidth", 20),
        ("smtp_in.rejected_messages", 0),
    ]);
}

/// LOG-LINES trap 26.
#[test]
fn failed_logins_of_smtp_clients() {
    Counts::of(
        "00:00:01 postfix/submission/smtpd[1]: warning: unknown[198.51.100.40]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=bob@beta.example
        00:00:02 postfix/submission/smtpd[1]: warning: unknown[198.51.100.40]: SASL PLAIN authentication failed: Connection lost to authentication server, sasl_username=(unavailable)
        00:00:03 postfix/submission/smtpd[1]: warning: unknown[198.51.100.40]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
    )
    .check(&[("smtp_in.auth_failed", 3), ("smtp_in.auth_failed bob@beta.example", 1)]);
}

/// FAULTS 40: the lines that a repetition stands for.
#[test]
fn a_repeated_line_counts_each_time() {
    Counts::of("00:00:01 postfix/smtpd[1]: message repeated 11 times: [ NOQUEUE: reject: RCPT from a[203.0.113.10]: 550 5.1.1 <nobody@alpha.example>: Recipient address rejected: User unknown; from=<a@b> to=<nobody@alpha.example> proto=ESMTP helo=<a>]")
        .check(&[("smtp_in.rejected_recipients alpha.example", 11)]);
}

/// LOG-LINES traps 28 to 33.
#[test]
fn sessions_of_dovecot() {
    Counts::of(
        "00:00:00 dovecot: imap-login: Login: user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, session=<a>
        00:30:00 dovecot: imap(ann@alpha.example)<1><a>: Disconnected: Inactivity - no input for 1800 secs in=17 out=749 deleted=0
        00:30:00 dovecot: pop3-login: Login: user=<bob@beta.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=2, session=<b>
        00:30:09 dovecot: pop3(bob@beta.example)<2><b>: Disconnected: Logged out top=1/872, retr=4/9689, del=0/12, size=35975, bytes=59/10875
        00:31:00 dovecot: imap-login: Login aborted: Logged out (auth failed, 2 attempts in 4 secs) (auth_failed): user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<c>
        00:31:01 dovecot: pop3-login: Disconnected: Disconnected: Too many bad commands (auth failed, 2 attempts in 3 secs): user=<bob@beta.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<d>
        00:31:02 dovecot: imap-login: Login: user=<eve@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=3, session=<e>
        00:41:02 dovecot: master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, pop3, lmtp",
    )
    .check(&[
        ("imap.connections", 3),
        ("imap.logins", 2),
        ("imap.bandwidth ann@alpha.example", 766),
        ("imap.active_connections ann@alpha.example", 1_800_000),
        ("imap.active_connections eve@alpha.example", 600_000),
        ("imap.terminations", 1),
        ("imap.auth_failed ann@alpha.example", 2),
        ("pop.connections bob@beta.example", 2),
        ("pop.bandwidth", 10_934),
        ("pop.bad_commands", 1),
        ("pop.auth_failed", 2),
        ("pop.terminations", 1),
    ]);
}

/// FAULTS 46, 47: the name that a client tried holds the look of other fields.
#[test]
fn a_forged_user_name_is_a_user_name() {
    let counts = Counts::of(
        "00:00:01 dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<x>, rip=9.9.9.9, session=<v>, method=PLAIN, user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<c>",
    );
    counts.check(&[("imap.auth_failed", 1), ("imap.auth_failed ann@alpha.example", 0)]);
}

/// FAULTS 55 and 56.
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
    Counts::of(&lines).check(&[("message.incoming", 3000), ("priority.normal", 1)]);
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

/// LOG-LINES trap 37: amavis tags one message, discards another, and says the former twice.
#[test]
fn spam_by_amavis() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: 2D0F5B4448: client=a[203.0.113.10]
        00:00:01 postfix/qmgr[3]: 2D0F5B4448: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/smtpd[4]: 9C621B44B1: client=localhost[127.0.0.1]
        00:00:02 postfix/qmgr[3]: 9C621B44B1: from=<ann@outside.example>, size=1300, nrcpt=1 (queue active)
        00:00:02 amavis[19410]: (19410-01) Passed SPAMMY {{RelayedTaggedInbound}}, [203.0.113.10]:34155 [203.0.113.10] <ann@outside.example> -> <bruno@beta.example>, Queue-ID: 2D0F5B4448, Message-ID: <m@x>, mail_id: E, Hits: 6.099, size: 1349, queued_as: 9C621B44B1, 611 ms
        00:00:02 amavis[19410]: (19410-01) Passed SPAMMY, <ann@outside.example> -> <bruno@beta.example>, Hits: 6.099, tag=-999, tag2=5, kill=10, queued_as: 9C621B44B1, L/Y/Y/0
        00:00:02 postfix/smtp[5]: 2D0F5B4448: to=<bruno@beta.example>, relay=127.0.0.1[127.0.0.1]:10024, {SENT} (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 9C621B44B1)
        00:00:02 postfix/qmgr[3]: 2D0F5B4448: removed
        00:00:03 postfix/lmtp[6]: 9C621B44B1: to=<bruno@beta.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:04 postfix/smtpd[1]: 3BF0BB4495: client=a[203.0.113.10]
        00:00:04 postfix/qmgr[3]: 3BF0BB4495: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:04 amavis[19410]: (19410-02-4) Blocked SPAM {{DiscardedInbound}}, [203.0.113.10]:31216 [203.0.113.10] <ann@outside.example> -> <clara@gamma.example>, Queue-ID: 3BF0BB4495, Message-ID: <g@x>, mail_id: j, Hits: 1003.9, size: 448, 265 ms
        00:00:04 postfix/smtp[5]: 3BF0BB4495: to=<clara@gamma.example>, relay=127.0.0.1[127.0.0.1]:10024, {SENT} (250 2.7.0 Ok, discarded, id=19410-02-4 - spam)"
    );
    Counts::of(&lines).check(&[
        ("message.incoming", 1),
        ("message.incoming_spam bruno@beta.example", 1),
        ("message.spam_blocked clara@gamma.example", 1),
        ("priority.normal", 2),
    ]);
}

/// Rspamd as a milter: its own line and Postfix's are one refusal.
#[test]
fn spam_refused_by_rspamd_counts_once() {
    for reply in ["5.7.1 Gtube pattern", "5.7.1 Spam message rejected"] {
        let lines = format!(
            "00:00:01 postfix/smtpd[1]: 2176DB4472: client=a[203.0.113.10], sasl_method=PLAIN, sasl_username=carl@gamma.example
            00:00:01 rspamd[7]: <a3bc10>; proxy; rspamd_task_write_log: id: <m@x>, qid: <2176DB4472>, ip: 203.0.113.10, from: <ann@outside.example>, (default: S (reject): [15.00/15.00] [GTUBE(0.00){{}}]), len: 249, rcpts: <bella@beta.example>
            00:00:01 postfix/cleanup[2]: 2176DB4472: milter-reject: END-OF-MESSAGE from a[203.0.113.10]: {reply}; from=<ann@outside.example> to=<bella@beta.example> proto=ESMTP helo=<a>"
        );
        Counts::of(&lines).check(&[("message.spam_blocked_out carl@gamma.example", 1), ("message.spam_blocked", 0)]);
    }
}
