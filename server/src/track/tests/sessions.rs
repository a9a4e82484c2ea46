//! Sessions of SMTP, POP3 and IMAP clients, and limits.

use super::*;

/// LOG-LINES trap 22, SEMANTICS 1.3: anvil refuses per attempt; what it refuses of strangers is no Messages Sent.
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
        ("throttle.inbound_throttled", 2),
        ("throttle.inbound_throttled gamma.example", 0),
        ("violation.messages_sent", 3),
        ("violation.messages_sent carl@gamma.example", 2),
    ]);
}

/// SEMANTICS 1.2, report 8: a refusal of the client as such blocks the connection, whether it names the client or not.
#[test]
fn a_client_that_is_refused_as_such_is_blocked() {
    for (reply, blocked) in [
        ("450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.10]", 1),
        ("550 5.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.10]", 1),
        ("450 Client host rejected: cannot find your hostname, [203.0.113.10]", 1),
        ("554 5.7.1 <a[203.0.113.10]>: Client host rejected: Access denied", 1),
        ("554 5.7.1 <a[203.0.113.10]>: Unverified Client host rejected: Access denied", 1),
        ("554 5.7.1 Service unavailable; Client host [203.0.113.10] blocked using b.example; see https://b.example", 1),
        ("554 5.7.1 Service unavailable; Unverified Client host [a] blocked using b.example", 1),
        ("554 5.7.1 <c@alpha.example>: Recipient address rejected: Client host rejected: said a policy server", 0),
        ("554 5.7.1 <Client host rejected: x>: Helo command rejected: no", 0),
        ("554 5.7.1 Service unavailable; Sender address [x@o.example] blocked using b.example", 0),
    ] {
        let lines = format!(
            "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.10]
            00:00:01 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[203.0.113.10]: {reply}; from=<x@o.example> to=<c@alpha.example> proto=ESMTP helo=<a>
            00:00:02 postfix/smtpd[1]: disconnect from a[203.0.113.10] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"
        );
        Counts::of(&lines)
            .check(&[("smtp_in.blocked_connections", blocked), ("smtp_in.rejected_recipients", 1 - blocked)]);
    }
}

/// SEMANTICS 1.3: a policy server's refusal, by its text.
#[test]
fn limits_of_a_policy_server() {
    let pattern = ThrottlePattern { text: "Quota exceeded".to_owned(), limit: crate::event::Limit::MessagesSent };
    let settings = MailSettings { throttle_reply_patterns: vec![pattern], ..MailSettings::default() };
    let lines = "00:00:01 postfix/submission/smtpd[3]: NOQUEUE: reject: RCPT from c[198.51.100.7]: 450 4.7.1 <x@o.example>: Recipient address rejected: quota exceeded; from=<carl@gamma.example> to=<x@o.example> proto=ESMTP helo=<c> sasl_method=<PLAIN> sasl_username=<carl@gamma.example>";
    Counts::with(&settings, lines)
        .check(&[("throttle.messages_sent carl@gamma.example", 1), ("violation.messages_sent", 1)]);
    let stranger = lines.replace(" sasl_method=<PLAIN> sasl_username=<carl@gamma.example>", "");
    Counts::with(&settings, &stranger).check(&[
        ("throttle.messages_sent", 0),
        ("throttle.inbound_throttled", 1),
        ("violation.messages_sent", 1),
    ]);
}

/// SEMANTICS 1.3: a volume that no line states is counted beside the bandwidth.
#[test]
fn limits_on_volume() {
    let pattern = ThrottlePattern { text: "Volume".to_owned(), limit: crate::event::Limit::Bandwidth };
    let settings = MailSettings { throttle_reply_patterns: vec![pattern], ..MailSettings::default() };
    let refused = |time, size| {
        format!(
            "{time} postfix/submission/smtpd[3]: NOQUEUE: reject: RCPT from c[198.51.100.7]: 450 4.7.1 <x@o.example>: Recipient address rejected: volume exceeded{size}; from=<carl@gamma.example> to=<x@o.example> proto=ESMTP helo=<c> sasl_method=<PLAIN> sasl_username=<carl@gamma.example>\n"
        )
    };
    let lines = refused("00:00:01", ", size=5000") + &refused("00:00:02", "");
    Counts::with(&settings, &lines).check(&[
        ("throttle.smtp_out_bandwidth carl@gamma.example", 5000),
        ("throttle.size_unknown carl@gamma.example", 1),
        ("violation.smtp_out_bandwidth", 1),
    ]);
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

/// A line that is damaged, or written by whoever may write to the log, lasts no centuries: each quarter hour of them would be
/// booked.
#[test]
fn a_number_of_seconds_that_cannot_be_is_no_time() {
    for seconds in ["2592001", "999999999999", "18446744073709550"] {
        Counts::of(&format!(
            "00:00:01 postfix/smtp[1]: 4F1A2B3C4D: to=<a@outside.example>, relay=h.example[192.0.2.1]:25, delay=1, \
             delays=0/0/{seconds}/{seconds}, dsn=2.0.0, status=sent (250 ok)
            00:00:02 spamd[2]: spamd: result: Y 6 - T_X scantime={seconds}.7,size=604,user=a,mid=<m@outside.example>"
        ))
        .check(&[
            ("smtp_out.connections", 1),
            ("smtp_out.active_connections", 0),
            ("spamassassin.active_connections", 0),
        ]);
    }
}

/// An old log that is read after newer ones of its host: its sessions are as old at once, and hold up nothing.
#[test]
fn a_session_of_an_old_log_is_open_for_a_month_at_most() {
    const MONTH_MS: i64 = 30 * 86_400_000;
    let login = |year: u32, session: &str| {
        format!(
            "{year}-03-02T00:00:00Z mx1 dovecot: imap-login: Login: user=<a@alpha.example>, rip=192.0.2.1, session=<{session}>"
        )
    };
    let logout = "1926-03-02T00:00:10Z mx1 dovecot: imap(a@alpha.example)<1><two>: Disconnected: Logged out in=1 out=2";
    let lines = [login(2026, "one"), login(1926, "two")];
    let count = |more: &[&str]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Counts::of_lines(&MailSettings::default(), &lines)
    };
    count(&[]).check(&[("imap.logins", 2), ("imap.active_connections", MONTH_MS)]);
    count(&[logout]).check(&[("imap.logins", 2), ("imap.active_connections", 10_000), ("imap.bandwidth", 3)]);
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

/// Clients of IMAP stay for days: what goes on is booked to each slot, as if it had ended there, and no row of it is
/// written anew. Lines of a slot may come after the next has begun.
#[test]
fn a_session_that_goes_on_costs_the_store_nothing() {
    let login = |session: &str, time: &str| {
        format!(
            "Mar  2 {time} mx1 dovecot: imap-login: Login: user=<{session}@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, session=<{session}>"
        )
    };
    let settings = MailSettings::default();
    let mut tracker = Tracker::restore(&settings, std::iter::empty()).unwrap();
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    let (mut booked, mut whole) = (Batch::default(), Batch::default());
    let mut lasts: BTreeMap<_, std::sync::Arc<Event>> = BTreeMap::new();
    let mut take = |tracker: &mut Tracker, text: &str, until: Option<i64>| {
        let line = envelope.parse(text.as_bytes()).unwrap();
        let mut updates = Vec::new();
        match until {
            Some(secs) => tracker.advance("mx1", line.time.plus_secs(secs), &mut updates),
            None => assert_eq!(tracker.line(&line, &mut updates, &mut Vec::new()), Verdict::Understood),
        }
        for update in updates {
            assert_eq!(update.before.as_ref(), lasts.get(&update.id), "what was given out before");
            lasts.insert(update.id, update.after.clone());
            booked.book(update);
        }
    };
    let first = login("a", "00:00:10");
    take(&mut tracker, &first, None);
    let mut changes = OpenState::default();
    tracker.take_changes(&mut changes);
    assert_eq!(changes.iter().count(), 2, "the session, and the tracker's own");
    for quarter in 1..=96 {
        take(&mut tracker, &first, Some(quarter * 900));
        let before = changes.iter().count();
        tracker.take_changes(&mut changes);
        let now = || changes.iter().skip(before);
        assert!(now().all(|(key, _)| key == META_KEY), "quarter {quarter}: {} rows", now().count());
        // A process that dies goes on from what it had written.
        let open: BTreeMap<_, _> = changes.iter().collect();
        let open = open.into_iter().filter_map(|(key, value)| Some((key.to_vec(), value?.to_vec())));
        tracker = Tracker::restore(&settings, open).unwrap();
    }
    take(&mut tracker, &login("b", "23:50:00"), None);
    take(&mut tracker, &first, Some(97 * 900));
    take(
        &mut tracker,
        "Mar  3 00:20:00 mx1 dovecot: imap(a@alpha.example)<1><a>: Disconnected: Logged out in=17 out=749",
        None,
    );
    for event in lasts.into_values() {
        whole.counters.book(&event, 1);
    }
    let sums = |batch: &Batch| {
        let sums = batch.counters.iter().map(|(subject, measure, slot, sum)| (subject.to_string(), measure, slot, sum));
        sums.collect::<BTreeSet<_>>()
    };
    assert_eq!(sums(&booked), sums(&whole), "the counters are the sum of the events");
    let active = |batch: &Batch, name: &str| {
        let subject = format!("{name}@alpha.example");
        let of = |(subject_of, measure, _, sum): &(String, u16, _, i64)| {
            (*subject_of == subject && *measure == mailtally_model::measure::IMAP_ACTIVE.number).then_some(*sum)
        };
        sums(batch).iter().filter_map(of).sum::<i64>() / 1000
    };
    // To its log-out; and up to where log time stands, for what has no end.
    assert_eq!(active(&booked, "a"), 86_400 + 1_200 - 10);
    assert_eq!(active(&booked, "b"), 97 * 900 - (86_400 - 600) + 10);
}

/// Old logs are read by thousands of lines a moment: what is open is booked when all is read, and comes to the same.
#[test]
fn sessions_of_old_logs_are_booked_at_the_end() {
    let lines = [
        "Mar  2 00:00:10 mx1 dovecot: imap-login: Login: user=<a@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, session=<a>",
        "Mar  2 09:00:00 mx1 dovecot: imap-login: Login: user=<b@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=2, session=<b>",
        "Mar  2 10:00:00 mx1 dovecot: imap(b@alpha.example)<2><b>: Disconnected: Logged out in=17 out=749",
        // The same name of a session once more: the first one is over by then.
        "Mar  2 11:00:00 mx1 dovecot: imap-login: Login: user=<a@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, session=<a>",
        // Over after thirty days.
        "Apr  5 12:00:00 mx1 dovecot: imap-login: Login: user=<c@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, mpid=1, session=<c>",
    ];
    let booked = |from: Time| {
        let mut tracker = Tracker::restore(&MailSettings::default(), std::iter::empty()).unwrap();
        tracker.book_from(from);
        let mut envelope = Envelope::new(Zone::utc(), "mx1");
        envelope.set_year(2026);
        let (mut batch, mut updates, mut given) = (Batch::default(), Vec::new(), 0);
        for text in lines {
            let line = envelope.parse(text.as_bytes()).unwrap();
            tracker.advance("mx1", line.time, &mut updates);
            tracker.line(&line, &mut updates, &mut Vec::new());
            given += updates.len();
            updates.drain(..).for_each(|update| batch.book(update));
        }
        tracker.settle("mx1", envelope.parse(b"Apr  5 13:00:00 mx1 x: y").unwrap().time, &mut updates);
        updates.drain(..).for_each(|update| batch.book(update));
        let sums = batch.counters.iter().map(|(subject, measure, slot, sum)| (subject.to_string(), measure, slot, sum));
        (sums.collect::<BTreeSet<_>>(), given)
    };
    let (at_each_slot, at_the_end) = (booked(Time(i64::MIN)), booked(Time(i64::MAX)));
    assert_eq!(at_each_slot.0, at_the_end.0);
    // Four log-ins, one log-out, one given up for another, one for its age.
    assert_eq!(at_the_end.1, 7);
    let active = |name: &str| {
        let of = |(subject, measure, _, sum): &(String, u16, _, i64)| {
            (subject == name && *measure == mailtally_model::measure::IMAP_ACTIVE.number).then_some(*sum)
        };
        at_the_end.0.iter().filter_map(of).sum::<i64>() / 1000
    };
    assert_eq!(active("a@alpha.example"), 11 * 3600 - 10 + 30 * 86_400);
    assert_eq!(active("b@alpha.example"), 3600);
    assert_eq!(active("c@alpha.example"), 3600);
}

/// A proxy in front of the mailboxes knows no folders, and what passed through it.
#[test]
fn sessions_that_dovecot_hands_on() {
    let ended = |user: &str, how: &str| {
        format!(
            "00:00:00 dovecot: imap-login: proxy({user}): started proxying to 10.0.0.9:143 (0.010 secs): user=<{user}>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<a>
            00:10:00 dovecot: imap-login: proxy({user}): disconnecting 1.2.3.4 ({how}): user=<{user}>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<a>"
        )
    };
    for (user, how, bytes) in [
        ("bob@beta.example", "Disconnected by client: Connection closed(600s idle, in=123, out=4567)", 4690),
        ("bob@beta.example", "Disconnected by server (0s idle, in=123, out=4567, 0+0 buffered)", 4690),
        ("x 9s idle, in=9, out=9", "Disconnected by client", 0),
    ] {
        Counts::of(&ended(user, how)).check(&[
            ("imap.connections", 1),
            ("imap.logins", 1),
            ("imap.active_connections", 600_000),
            ("imap.bandwidth", bytes),
            ("imap.terminations", 0),
        ]);
    }
}

/// FAULTS 46, 47: the name that a client tried holds the look of other fields.
#[test]
fn a_forged_user_name_is_a_user_name() {
    let counts = Counts::of(
        "00:00:01 dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<x>, rip=9.9.9.9, session=<v>, method=PLAIN, user=<ann@alpha.example>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.5, session=<c>",
    );
    counts.check(&[("imap.auth_failed", 1), ("imap.auth_failed ann@alpha.example", 0)]);
}

/// SEMANTICS R17: lines of a session whose beginning is not in the log count what they say, and no connection.
#[test]
fn a_session_that_is_seen_from_its_middle_is_no_new_connection() {
    Counts::of(
        "00:00:01 postfix/smtpd[1]: improper command pipelining after DATA from a[203.0.113.20]:
        00:00:01 postfix/smtpd[2]: too many errors after RCPT from b[203.0.113.21]
        00:00:02 postfix/smtpd[2]: disconnect from b[203.0.113.21] ehlo=1 unknown=0/2 commands=1/3
        00:00:02 postfix/smtpd[3]: NOQUEUE: reject: CONNECT from c[203.0.113.22]: 554 5.7.1 Service unavailable; Client host [203.0.113.22] blocked using rbl.example; proto=SMTP
        00:00:03 postfix/smtpd[4]: warning: Connection rate limit exceeded: 6 from d[203.0.113.23] for service smtp
        00:00:04 postfix/postscreen[9]: NOQUEUE: reject: RCPT from [203.0.113.24]:36299: 550 5.7.1 Service unavailable; client [203.0.113.24] blocked using rbl.example; from=<a@b>, to=<alice@alpha.example>, proto=ESMTP, helo=<x>
        00:00:05 postfix/smtpd[3]: lost connection after DATA (20 bytes) from e[203.0.113.25]
        00:00:06 postfix/smtpd[5]: bare <LF> received after DATA (12 bytes) from f[203.0.113.26]
        00:00:07 postfix/smtp[6]: 91845B4483: TLS is required, but was not offered by host mx.far.example[192.0.2.1]",
    )
    .check(&[
        ("smtp_in.connections", 0),
        ("smtp_in.blocked_connections", 3),
        ("smtp_in.bad_commands", 4),
        ("smtp_in.terminations", 2),
        ("smtp_in.bandwidth", 20),
        ("smtp_in.rejected_recipients", 0),
    ]);
}

/// Real lines of Postfix 3.7: postscreen and smtpd log to files of their own, and each connection counts once.
#[test]
fn a_client_that_postscreen_passes_on_is_one_connection() {
    Counts::of(
        "08:40:05 postfix/postscreen[549]: CONNECT from [203.0.113.10]:47151 to [203.0.113.1]:26
        08:40:05 postfix/postscreen[549]: PASS OLD [203.0.113.10]:47151
        08:40:05 postfix/smtpd[551]: connect from mail.outside.example[203.0.113.10]
        08:40:05 postfix/smtpd[551]: NOQUEUE: reject: RCPT from mail.outside.example[203.0.113.10]: 550 5.1.1 <nobody@alpha.example>: Recipient address rejected: User unknown in virtual mailbox table; from=<ann@outside.example> to=<nobody@alpha.example> proto=ESMTP helo=<mail.outside.example>
        08:40:05 postfix/smtpd[551]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4
        08:40:05 postfix/postscreen[549]: CONNECT from [198.51.100.7]:40001 to [203.0.113.1]:26
        08:40:05 postfix/postscreen[549]: ALLOWLISTED [198.51.100.7]:40001
        08:40:05 postfix/smtpd[552]: connect from dyn-7.pool.isp.example[198.51.100.7]
        08:40:06 postfix/smtpd[552]: disconnect from dyn-7.pool.isp.example[198.51.100.7] ehlo=1 quit=1 commands=2
        08:40:06 postfix/submission/smtpd[7]: connect from dyn-7.pool.isp.example[198.51.100.7]
        08:40:07 postfix/postscreen[549]: CONNECT from [198.51.100.33]:57875 to [203.0.113.1]:26
        08:40:13 postfix/postscreen[549]: COMMAND PIPELINING from [198.51.100.33]:57875 after MAIL: RCPT TO:<alice@alpha.example>\\r\\nDATA\\r\\n
        08:40:13 postfix/postscreen[549]: DATA without valid RCPT from [198.51.100.33]:57875
        08:40:13 postfix/postscreen[549]: HANGUP after 0 from [198.51.100.33]:57875 in tests after SMTP handshake
        08:40:13 postfix/postscreen[549]: DISCONNECT [198.51.100.33]:57875",
    )
    .check(&[
        ("smtp_in.connections", 4),
        ("smtp_in.connections alpha.example", 1),
        ("smtp_in.rejected_recipients alpha.example", 1),
        ("smtp_in.bad_commands", 1),
        ("smtp_in.blocked_connections", 0),
    ]);
}

/// Real lines of Postfix 3.7: a message that grows too large is refused without a line of refusal, by smtpd and cleanup.
#[test]
fn a_message_that_is_too_large_is_refused_once() {
    Counts::of(
        "08:39:06 postfix/smtpd[452]: connect from mail.outside.example[203.0.113.10]
        08:39:06 postfix/smtpd[452]: 009A198E291: client=mail.outside.example[203.0.113.10]
        08:39:07 postfix/smtpd[452]: warning: 009A198E291: queue file size limit exceeded
        08:39:07 postfix/cleanup[487]: warning: 009A198E291: queue file size limit exceeded
        08:39:07 postfix/cleanup[487]: warning: mail_stream_cleanup: close error
        08:39:07 postfix/smtpd[452]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5",
    )
    .check(&[("smtp_in.rejected_messages", 1), ("priority.normal", 0)]);
}

/// Real lines of Postfix 3.7 with a before-queue filter: the message counts once, and so does the spam that was refused.
#[test]
fn a_before_queue_filter() {
    Counts::of(
        "08:39:14 postfix/smtpd[516]: connect from mail.outside.example[203.0.113.10]
        08:39:14 postfix/smtpd[516]: NOQUEUE: client=mail.outside.example[203.0.113.10]
        08:39:14 postfix/reinject/smtpd[518]: connect from localhost[127.0.0.1]
        08:39:14 postfix/reinject/smtpd[518]: CB5BD98E2C7: client=mail.outside.example[203.0.113.10]
        08:39:14 postfix/cleanup[451]: CB5BD98E2C7: message-id=<m56@t.example>
        08:39:14 postfix/qmgr[398]: CB5BD98E2C7: from=<ann@outside.example>, size=546, nrcpt=1 (queue active)
        08:39:14 postfix/smtpd[516]: proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as CB5BD98E2C7; from=<ann@outside.example> to=<alice@alpha.example> proto=ESMTP helo=<mail.outside.example>
        08:39:14 postfix/reinject/smtpd[518]: disconnect from localhost[127.0.0.1] ehlo=1 xforward=1 mail=1 rcpt=1 data=1 quit=1 commands=6
        08:39:14 postfix/smtpd[516]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
        08:39:15 postfix/smtpd[516]: connect from mail.outside.example[203.0.113.10]
        08:39:15 postfix/smtpd[516]: NOQUEUE: client=mail.outside.example[203.0.113.10]
        08:39:15 postfix/smtpd[516]: proxy-reject: END-OF-MESSAGE: 550 5.7.1 Spam refused by proxy; from=<ann@outside.example> to=<alice@alpha.example> proto=ESMTP helo=<mail.outside.example>
        08:39:15 postfix/smtpd[516]: disconnect from mail.outside.example[203.0.113.10] ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5",
    )
    .check(&[
        ("smtp_in.connections", 2),
        ("priority.normal", 1),
        ("message.spam_blocked alice@alpha.example", 1),
        ("smtp_in.rejected_messages", 1),
        ("smtp_in.terminations", 1),
    ]);
}
