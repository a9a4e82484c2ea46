//! The rules that every column uses (SEMANTICS 1.1), each by name where no other test is named after it. docs/rules.md
//! lists them all.

use super::*;
use crate::settings::TransportRole;

/// SEMANTICS R1: the same id on another host, of another instance, or after its end is another queue file.
#[test]
fn a_queue_file_is_host_instance_id_and_generation() {
    let message = |time: &str, instance: &str| {
        format!(
            "{time} {instance}/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
            {time} {instance}/lmtp[5]: 91845B4483: to=<a@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
            {time} {instance}/qmgr[3]: 91845B4483: removed\n"
        )
    };
    let one = message("00:00:01", "postfix");
    let other_instance = message("00:00:02", "postfix-out");
    let next_generation = message("00:00:05", "postfix");
    let lines = Counts::whole(&(one + &other_instance + &next_generation));
    let elsewhere: Vec<String> = lines[..3].iter().map(|line| line.replace(" mx1 ", " mx2 ")).collect();
    let all: Vec<&str> = lines.iter().chain(&elsewhere).map(String::as_str).collect();
    Counts::of_lines(&MailSettings::default(), &all).check(&[("priority.normal", 4), ("message.incoming", 4)]);
}

/// SEMANTICS R1: a file ends at `removed`, at `canceled`, at a refusal at its end, and in silence.
#[test]
fn a_generation_ends() {
    for end in [
        "00:00:02 postfix/qmgr[3]: 91845B4483: removed",
        "00:00:02 postfix/smtpd[1]: 91845B4483: canceled",
        "00:00:02 postfix/qmgr[3]: 91845B4483: removed (canceled)",
        "00:00:02 postfix/postsuper[9]: 91845B4483: removed",
        "00:00:02 postfix/cleanup[2]: 91845B4483: milter-reject: END-OF-MESSAGE from a[203.0.113.10]: 5.7.1 no; from=<a@b> to=<c@d> proto=ESMTP helo=<a>",
    ] {
        let lines = format!(
            "00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
            {end}
            00:00:09 postfix/qmgr[3]: 91845B4483: from=<eve@outside.example>, size=1, nrcpt=1 (queue active)"
        );
        Counts::of(&lines).check(&[("priority.normal", 2)]);
    }
}

/// SEMANTICS R2: what makes two queue files one message, in either order of the lines, and a notification another one.
#[test]
fn links_between_queue_files() {
    let parent = "00:00:01 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]
        00:00:01 postfix/cleanup[2]: 91845B4483: message-id=<m@x>
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)";
    let child = "00:00:02 postfix/cleanup[2]: C24E0B4485: message-id=<m@x>
        00:00:02 postfix/qmgr[3]: C24E0B4485: from=<ann@outside.example>, size=1200, nrcpt=1 (queue active)
        00:00:02 postfix/qmgr[3]: 91845B4483: removed";
    let last = format!(
        "00:00:03 postfix/lmtp[6]: C24E0B4485: to=<a@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)"
    );
    let sent = |relay: &str, reply: &str| {
        format!("00:00:02 postfix/smtp[5]: 91845B4483: to=<a@alpha.example>, relay={relay}, {SENT} ({reply})")
    };
    let from_filter = "00:00:02 postfix/smtpd[4]: C24E0B4485: client=localhost[127.0.0.1]";
    for (how, link) in [
        ("XFORWARD", format!("{from_filter}, orig_queue_id=91845B4483, orig_client=a[203.0.113.10]")),
        ("the filter's answer", format!("{from_filter}\n{}", sent("127.0.0.1[127.0.0.1]:10025", "250 ok: queued as C24E0B4485"))),
        ("requeue", "00:00:02 postfix/pickup[7]: C24E0B4485: uid=89 from=<ann@outside.example> orig_id=91845B4483".to_owned()),
        ("MailScanner", "00:00:02 MailScanner[9]: Requeue: 91845B4483.A5F3E to C24E0B4485".to_owned()),
        (
            "a pipe and the Message-ID",
            format!(
                "00:00:02 postfix/pickup[7]: C24E0B4485: uid=65534 from=<ann@outside.example>
                00:00:02 postfix/pipe[5]: 91845B4483: to=<a@alpha.example>, relay=spamfilter, {SENT} (delivered via spamfilter service)"
            ),
        ),
        (
            "local(8)'s forward",
            format!("00:00:02 postfix/local[5]: 91845B4483: to=<l@mx1>, relay=local, {SENT} (forwarded as C24E0B4485)"),
        ),
    ] {
        let lines = format!("{parent}\n{link}\n{child}\n{last}");
        let counts = Counts::of(&lines);
        counts.check(&[("priority.normal", 1), ("message.incoming", 1), ("message.outgoing", 0)]);
        assert_eq!(counts.0.get("smtp_out.connections (server)"), None, "{how}");
    }
    // The message that came back to the queue was never seen: who wrote it is not known, and it was not the daemon.
    let requeued = "00:00:02 postfix/pickup[7]: C24E0B4485: uid=89 from=<ann@outside.example> orig_id=91845B4483";
    Counts::of(&format!("{requeued}\n{child}\n{last}")).check(&[
        ("priority.normal", 1),
        ("priority.system", 0),
        ("message.outgoing", 0),
        ("message.incoming", 1),
    ]);
    // A notification is a message of its own, whichever line comes first (3.11 turned them round).
    let bounce = "00:00:02 postfix/bounce[8]: 91845B4483: sender non-delivery notification: D24E0B4485";
    let notification = "00:00:02 postfix/cleanup[2]: D24E0B4485: message-id=<n@x>
        00:00:02 postfix/qmgr[3]: D24E0B4485: from=<>, size=2000, nrcpt=1 (queue active)";
    for lines in [format!("{parent}\n{bounce}\n{notification}"), format!("{parent}\n{notification}\n{bounce}")] {
        Counts::of(&lines).check(&[("priority.normal", 1), ("priority.system", 1), ("message.bounces", 1)]);
    }
}

/// SEMANTICS R5: what a transport does, by its kind, by the next hop, and as the settings say.
#[test]
fn final_transports() {
    let lines = |delivery: &str| {
        format!(
            "00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
            00:00:02 postfix/{delivery}, {SENT} (250 ok)"
        )
    };
    let id = "91845B4483: to=<a@alpha.example>, relay=";
    for (delivery, incoming, transfers) in [
        (format!("local[5]: {id}local"), 1, 0),
        (format!("virtual[5]: {id}virtual"), 1, 0),
        (format!("lmtp[5]: {id}mx1[private/dovecot-lmtp]"), 1, 0),
        (format!("pipe[5]: {id}dovecot"), 1, 0),
        (format!("pipe[5]: {id}maildrop"), 1, 0),
        (format!("smtp[5]: {id}mx.far.example[192.0.2.1]:25"), 0, 1),
        (format!("relay/smtp[5]: {id}mx.far.example[192.0.2.1]:25"), 0, 1),
        (format!("smtp[5]: {id}127.0.0.1[127.0.0.1]:10024"), 0, 0),
        (format!("discard[5]: {id}none"), 0, 0),
        (format!("error[5]: {id}none"), 0, 0),
    ] {
        let counts = Counts::of(&lines(&delivery));
        counts.check(&[("message.incoming", incoming), ("smtp_out.connections", transfers)]);
    }
    let settings = MailSettings {
        transport_roles: [("mailman".to_owned(), TransportRole::Void), ("store".to_owned(), TransportRole::Local)]
            .into(),
        mailbox_hosts: vec!["store2.alpha.example".to_owned()],
        ..MailSettings::default()
    };
    for (delivery, incoming) in [
        (format!("pipe[5]: {id}mailman"), 0),
        (format!("store/smtp[5]: {id}10.0.0.9[10.0.0.9]:25"), 1),
        (format!("smtp[5]: {id}store2.alpha.example[10.0.0.8]:25"), 1),
    ] {
        Counts::with(&settings, &lines(&delivery))
            .check(&[("message.incoming", incoming), ("smtp_out.connections", 0)]);
    }
}

/// SEMANTICS R7: `client=` alone counts nothing, nor does the client of a before-queue filter.
#[test]
fn mail_that_never_came_counts_nothing() {
    Counts::of(
        "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.10]
        00:00:01 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]
        00:00:02 postfix/smtpd[1]: 91845B4483: canceled
        00:00:02 postfix/smtpd[1]: NOQUEUE: client=a[203.0.113.10]
        00:00:03 postfix/smtpd[1]: 91845B4484: client=a[203.0.113.10]
        00:00:04 postfix/smtpd[1]: lost connection after DATA (20 bytes) from a[203.0.113.10]
        00:00:04 postfix/smtpd[1]: disconnect from a[203.0.113.10] ehlo=1 mail=2 rcpt=2 data=0/1 commands=5/6",
    )
    .check(&[("priority.normal", 0), ("message.incoming", 0), ("data.received", 0), ("smtp_in.connections", 1)]);
}

/// SEMANTICS R9: a sender that a forwarder of ours rewrote is the forwarder's, and no mailbox.
#[test]
fn a_rewritten_sender_belongs_to_the_forwarder() {
    let settings = MailSettings { own_domains: vec!["alpha.example".to_owned()], ..MailSettings::default() };
    let lines = "00:00:01 postfix/pickup[2]: 91845B4483: uid=65534 from=<SRS0=Zy4k=TT=outside.example=ann@alpha.example>
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<SRS0=Zy4k=TT=outside.example=ann@alpha.example>, size=1000, nrcpt=1 (queue active)";
    let counts = Counts::with(&settings, lines);
    counts.check(&[("message.outgoing", 1), ("message.outgoing alpha.example", 1), ("data.sent alpha.example", 1000)]);
    assert!(counts.0.keys().all(|key| !key.contains('@')), "{:#?}", counts.0);
}

/// SEMANTICS R10: a bounce that we make is the system's; one that comes from outside is Incoming.
#[test]
fn the_null_sender_is_no_user() {
    let lines = format!(
        "00:00:01 postfix/bounce[8]: 91845B4483: sender non-delivery notification: D24E0B4485
        00:00:01 postfix/qmgr[3]: D24E0B4485: from=<>, size=2000, nrcpt=1 (queue active)
        00:00:01 postfix/lmtp[6]: D24E0B4485: to=<a@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/smtpd[1]: D24E0B4486: client=a[203.0.113.10]
        00:00:02 postfix/qmgr[3]: D24E0B4486: from=<>, size=3000, nrcpt=1 (queue active)
        00:00:02 postfix/lmtp[6]: D24E0B4486: to=<a@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:03 postfix/pickup[2]: D24E0B4487: uid=1000 from=<>
        00:00:03 postfix/qmgr[3]: D24E0B4487: from=<>, size=10, nrcpt=1 (queue active)"
    );
    Counts::of(&lines).check(&[
        ("message.outgoing", 0),
        ("priority.system", 3),
        ("message.incoming a@alpha.example", 2),
    ]);
}

/// SEMANTICS R11: from one of ours to two of ours is one Outgoing and two Incoming.
#[test]
fn local_mail_counts_on_both_sides() {
    let lines = format!(
        "00:00:01 postfix/submission/smtpd[1]: 91845B4483: client=a[203.0.113.10], sasl_method=PLAIN, sasl_username=ann@alpha.example
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@alpha.example>, size=1000, nrcpt=2 (queue active)
        00:00:02 postfix/lmtp[6]: 91845B4483: to=<abe@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/lmtp[6]: 91845B4483: to=<bob@beta.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)"
    );
    Counts::of(&lines).check(&[
        ("message.outgoing", 1),
        ("message.outgoing ann@alpha.example", 1),
        ("message.incoming", 2),
        ("message.incoming alpha.example", 1),
        ("message.incoming beta.example", 1),
        ("data.sent", 1000),
        ("data.received", 2000),
    ]);
}

/// SEMANTICS R12: a domain has what its mailboxes have, and the server what its domains have, or more.
#[test]
fn messages_add_up() {
    let lines = format!(
        "00:00:01 postfix/submission/smtpd[1]: 91845B4483: client=a[203.0.113.10], sasl_method=PLAIN, sasl_username=ann@alpha.example
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@alpha.example>, size=1000, nrcpt=2 (queue active)
        00:00:02 postfix/lmtp[6]: 91845B4483: to=<abe@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/lmtp[6]: 91845B4483: to=<bob@beta.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)
        00:00:02 postfix/local[6]: 91845B4483: to=<root>, relay=local, {SENT} (delivered to mailbox)
        00:00:03 postfix/submission/smtpd[1]: 91845B4484: client=a[203.0.113.10], sasl_method=PLAIN, sasl_username=nodomain
        00:00:03 postfix/qmgr[3]: 91845B4484: from=<ann@alpha.example>, size=7, nrcpt=1 (queue active)"
    );
    let counts = Counts::of(&lines).0;
    for measure in ["message.incoming", "message.outgoing", "data.received", "data.sent", "priority.submission"] {
        let sum = |is_it: &dyn Fn(&str) -> bool| -> i64 {
            let of = |key: &String| key.split_once(' ').is_some_and(|(of, subject)| of == measure && is_it(subject));
            counts.iter().filter(|(key, _)| of(key)).map(|(_, sum)| sum).sum()
        };
        let server = sum(&|subject| subject == "(server)");
        let domains = sum(&|subject| subject != "(server)" && !subject.contains('@'));
        let mailboxes = sum(&|subject| subject.contains('@'));
        assert!(server >= domains && domains == mailboxes && mailboxes > 0, "{measure}: {counts:#?}");
    }
}

/// SEMANTICS R19: a refused recipient is no evidence; a delivery and a log-in are.
#[test]
fn evidence_of_what_is_ours() {
    let known = |line: &str| {
        let mut tracker = Tracker::restore(&MailSettings::default(), std::iter::empty()).unwrap();
        let mut envelope = Envelope::new(Zone::utc(), "mx1");
        envelope.set_year(2026);
        let (mut updates, mut known) = (Vec::new(), Vec::new());
        let line = format!("Mar  2 00:00:01 mx1 {line}");
        tracker.line(&envelope.parse(line.as_bytes()).unwrap(), &mut updates, &mut known);
        known.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let ann = ["alpha.example", "ann@alpha.example"];
    let delivered =
        format!("postfix/lmtp[6]: 91845B4483: to=<ann@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)");
    assert_eq!(known(&delivered), ann);
    assert_eq!(known("dovecot: imap-login: Login: user=<ann@alpha.example>, rip=1.2.3.4, session=<a>"), ann);
    assert_eq!(
        known(
            "postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10], sasl_method=PLAIN, sasl_username=ann@alpha.example"
        ),
        ann
    );
    let none: [&str; 0] = [];
    assert_eq!(
        known(
            "postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[203.0.113.10]: 550 5.1.1 <ann@alpha.example>: Recipient address rejected: User unknown; from=<a@b> to=<ann@alpha.example> proto=ESMTP helo=<a>"
        ),
        none
    );
    assert_eq!(
        known(&format!("postfix/smtp[6]: 91845B4483: to=<ann@alpha.example>, relay=mx[192.0.2.1]:25, {SENT} (250 ok)")),
        none
    );
}
