//! What events say beside their numbers: who sent what was delivered, and the words upon which a session counts.

use mailtally_model::Subject;

use super::*;
use crate::event::Sender;

/// The events that the lines of one day come to, each as it is in the end.
fn events_of(lines: &[&str]) -> Vec<Event> {
    let mut tracker = Tracker::restore(&MailSettings::default(), std::iter::empty()).unwrap();
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    let mut batch = Batch::default();
    let mut updates = Vec::new();
    for text in lines {
        let line = envelope.parse(text.as_bytes()).unwrap();
        tracker.line(&line, &mut updates, &mut batch.known);
        updates.drain(..).for_each(|update| batch.book(update));
    }
    let unpacked = |kept| Event::unpack(&batch.events.bytes(kept).concat()).unwrap();
    let events: BTreeMap<_, _> = batch.events.iter().map(|kept| (kept.id, unpacked(kept))).collect();
    events.into_values().collect()
}

/// Who sent what was delivered, its client, and to how many of ours that is an affair of their own.
fn senders(lines: &str) -> Vec<(String, Option<String>, Option<Vec<String>>)> {
    let lines = Counts::whole(lines);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let of = |lines: &[&str]| {
        let delivered = events_of(lines).into_iter().filter_map(|event| match event.kind {
            Kind::Delivery { from: Some(Sender { address, whose }), .. } => {
                let whose = whose.map(|whose| whose.iter().map(Subject::to_string).collect::<BTreeSet<_>>());
                let whose = whose.map(|whose| whose.into_iter().collect());
                Some((address.to_string(), event.peer.map(|peer| peer.to_string()), whose))
            }
            Kind::Delivery { from: None, .. } => panic!("nobody sent it"),
            _ => None,
        });
        delivered.collect::<Vec<_>>()
    };
    let senders = of(&lines);
    for seed in 1..=INTERLEAVINGS {
        let others = interleaved(&lines, seed);
        assert_eq!(of(&others), senders, "{}", others.join("\n"));
    }
    senders
}

fn delivered(origin: &str, sender: &str) -> Vec<(String, Option<String>, Option<Vec<String>>)> {
    senders(&format!(
        "00:00:01 postfix/{origin}
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<{sender}>, size=1000, nrcpt=1 (queue active)
        00:00:01 postfix/lmtp[6]: 91845B4483: to=<abby@alpha.example>, relay=mx1[private/dovecot-lmtp], {SENT} (250 2.0.0 Saved)"
    ))
}

#[test]
fn a_delivery_says_who_sent_it_and_from_where() {
    let outside = "smtpd[1]: 91845B4483: client=mail.outside.example[203.0.113.10]";
    for sender in ["ann@outside.example", ""] {
        let from = (sender.to_owned(), Some("203.0.113.10".to_owned()), None);
        assert_eq!(delivered(outside, sender), [from], "{sender}");
    }
    // Of ours: it is the affair of who logged in, whatever the envelope says.
    let login = |user: &str| {
        format!("submission/smtpd[1]: 91845B4483: client=a[198.51.100.7], sasl_method=PLAIN, sasl_username={user}")
    };
    let whose = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    for (user, names) in [("carl@gamma.example", &["carl@gamma.example", "gamma.example"][..]), ("carl", &[])] {
        let from = ("alias@gamma.example".to_owned(), Some("198.51.100.7".to_owned()), whose(names));
        assert_eq!(delivered(&login(user), "alias@gamma.example"), [from], "{user}");
    }
    // The log begins in the middle of its life: it may be whose address it bears.
    let cut = "cleanup[2]: 91845B4483: message-id=<m1@alpha.example>";
    let from = ("al@alpha.example".to_owned(), None, whose(&["al@alpha.example", "alpha.example"]));
    assert_eq!(delivered(cut, "al@alpha.example"), [from]);
    assert_eq!(delivered(cut, ""), [(String::new(), None, None)]);
}

/// Behind a filter the message comes from the filter, which nobody asks about.
#[test]
fn a_delivery_behind_a_filter_says_who_sent_it_to_the_filter() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: 91845B4483: client=mail.outside.example[203.0.113.10]
        00:00:01 postfix/cleanup[2]: 91845B4483: message-id=<m1@outside.example>
        00:00:01 postfix/qmgr[3]: 91845B4483: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:02 postfix/smtpd[4]: C24E0B4485: client=localhost[127.0.0.1]
        00:00:02 postfix/cleanup[2]: C24E0B4485: message-id=<m1@outside.example>
        00:00:02 postfix/qmgr[3]: C24E0B4485: from=<ann@outside.example>, size=1300, nrcpt=1 (queue active)
        00:00:02 postfix/lmtp[6]: C24E0B4485: to=<abby@alpha.example>, relay=mx1[private/dovecot-lmtp], {SENT} (250 2.0.0 Saved)
        00:00:02 postfix/smtp[5]: 91845B4483: to=<abby@alpha.example>, relay=127.0.0.1[127.0.0.1]:10025, {SENT} (250 2.0.0 Ok: queued as C24E0B4485)"
    );
    assert_eq!(senders(&lines), [("ann@outside.example".to_owned(), Some("203.0.113.10".to_owned()), None)]);
}

/// What the log said of the one session.
fn why(lines: &str) -> Option<String> {
    let lines = Counts::whole(lines);
    let mut reasons =
        events_of(&lines.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().filter_map(|event| {
            match event.kind {
                Kind::SmtpSession { why, .. } | Kind::MailboxSession { why, .. } => Some(why),
                _ => None,
            }
        });
    let why = reasons.next().expect("a session");
    assert_eq!(reasons.next(), None, "one session");
    why.map(|why| why.to_string())
}

#[test]
fn a_session_that_did_not_end_well_says_why() {
    let login = "00:00:01 dovecot: pop3-login: Login: user=<ann@alpha.example>, method=PLAIN, rip=198.51.100.7, lip=127.0.0.1, mpid=7, session=<s1>";
    let ended = |words: &str| why(&format!("{login}\n00:10:01 dovecot: pop3(ann@alpha.example)<7><s1>: {words}"));
    let moved = "top=0/0, retr=0/0, del=0/0, size=0";
    for reason in ["Disconnected: Inactivity", "Disconnected: Too many bad commands"] {
        assert_eq!(ended(&format!("{reason} {moved}")).as_deref(), Some(reason));
        // Before 2.3 and with the counts of IMAP.
        assert_eq!(ended(&format!("{reason} in=47 out=12628")).as_deref(), Some(reason));
    }
    assert_eq!(ended(&format!("Disconnected: Logged out {moved}")), None);

    let refused = |reason: &str, field: &str| {
        let who = "user=<ann@alpha.example>, method=PLAIN, rip=198.51.100.7, lip=127.0.0.1";
        why(&format!("00:00:01 dovecot: pop3-login: {reason}: {who}, {field}session=<s1>"))
    };
    let failed = "Disconnected (auth failed, 3 attempts in 15 secs)";
    assert_eq!(refused(failed, "TLS, ").as_deref(), Some(failed));
    let broken = "TLS handshaking: SSL_accept() failed: error:1408F10B:SSL routines:wrong version number";
    let said = refused("Disconnected (no auth attempts in 0 secs)", &format!("{broken}, "));
    assert_eq!(said.as_deref(), Some(broken));
}

#[test]
fn a_client_that_was_blocked_or_cut_off_says_why() {
    let of = |lines: &str| {
        why(&format!(
            "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.10]
            {lines}
            00:00:03 postfix/smtpd[1]: disconnect from a[203.0.113.10] ehlo=1 mail=1 rcpt=0/1 commands=2/3"
        ))
    };
    let reject = |reply: &str| {
        format!(
            "00:00:02 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[203.0.113.10]: {reply}; from=<x@o.example> to=<c@alpha.example> proto=ESMTP helo=<a>"
        )
    };
    let listed = "554 5.7.1 Service unavailable; Client host [203.0.113.10] blocked using zen.spamhaus.org";
    let errors = "too many errors after RCPT from a[203.0.113.10]";
    assert_eq!(of(&reject(listed)).as_deref(), Some(listed));
    // Twice the same is said once; what comes of it is said, too.
    let twice = format!("{}\n{}\n00:00:02 postfix/smtpd[1]: {errors}", reject(listed), reject(listed));
    assert_eq!(of(&twice), Some(format!("{listed}; {errors}")));
    // One recipient's refusal blocks nobody, and has an event of its own.
    assert_eq!(of(&reject("550 5.1.1 <c@alpha.example>: Recipient address rejected: User unknown")), None);
    // The client was let in with another recipient after all.
    let accepted = "00:00:02 postfix/smtpd[1]: 91845B4483: client=a[203.0.113.10]";
    assert_eq!(of(&format!("{}\n{accepted}", reject(listed))), None);
    let full = "warning: Connection concurrency limit exceeded: 51 from a[203.0.113.10] for service smtp";
    assert_eq!(of(&format!("00:00:02 postfix/smtpd[1]: {full}")).as_deref(), Some(full));

    let early = "PREGREET 14 after 0.1 from [203.0.113.10]:4711: EHLO ylmf-pc";
    let screened = why(&format!(
        "00:00:01 postfix/postscreen[1]: CONNECT from [203.0.113.10]:4711 to [192.0.2.1]:25
        00:00:01 postfix/postscreen[1]: {early}
        00:00:02 postfix/postscreen[1]: DISCONNECT [203.0.113.10]:4711"
    ));
    assert_eq!(screened.as_deref(), Some(early));
}
