//! Whole logs of real daemons in, counters out: what the clients and servers at the other end saw is the truth.
#![allow(clippy::unwrap_used)]

mod collections;
mod driven;
mod fuzzed;
mod pflogsumm;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use mailtally_model::{Zone, catalogue};
use mailtally_server::batch::{Batch, OpenState};
use mailtally_server::settings::MailSettings;
use mailtally_server::syslog::Envelope;
use mailtally_server::track::{Tracker, Verdict};

/// The counters of a log: sum by measure and subject.
struct Counted {
    sums: BTreeMap<(String, String), i64>,
    known: Vec<String>,
    unparsed: Vec<String>,
}

fn path(corpus: &str, file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/corpora", corpus, file].iter().collect()
}

fn lines(corpus: &str, file: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path(corpus, file)).unwrap();
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn count(corpus: &str, file: &str) -> Counted {
    count_cut(&lines(corpus, file), usize::MAX)
}

/// Counts lines; at every `cut`th line the tracker is put away and taken back from what it gave the store.
fn count_cut(lines: &[Vec<u8>], cut: usize) -> Counted {
    let settings = MailSettings::default();
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    let mut tracker = Tracker::restore(&settings, std::iter::empty()).unwrap();
    let mut open: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut batch = Batch::default();
    let mut unparsed = Vec::new();
    let mut last = None;
    for (number, bytes) in lines.iter().enumerate() {
        let Ok(line) = envelope.parse(bytes) else { panic!("not a line: {}", String::from_utf8_lossy(bytes)) };
        let mut updates = Vec::new();
        if tracker.line(&line, &mut updates, &mut batch.known) == Verdict::Unparsed {
            unparsed.push(format!(
                "{}: {}",
                String::from_utf8_lossy(line.program),
                String::from_utf8_lossy(line.message)
            ));
        }
        last = Some(line.time);
        updates.into_iter().for_each(|update| batch.book(update));
        if number % cut == cut - 1 {
            let mut changes = OpenState::default();
            tracker.take_changes(&mut changes);
            for (key, value) in changes.iter() {
                match value {
                    Some(value) => open.insert(key.to_vec(), value.to_vec()),
                    None => open.remove(key),
                };
            }
            tracker = Tracker::restore(&settings, open.clone().into_iter()).unwrap();
        }
    }
    let mut updates = Vec::new();
    tracker.advance("mx1", last.unwrap(), &mut updates);
    updates.into_iter().for_each(|update| batch.book(update));
    let mut sums = BTreeMap::new();
    for (subject, measure, _, amount) in batch.counters.iter() {
        let measure = catalogue::measures().into_iter().find(|known| known.number == measure).unwrap();
        *sums.entry((measure.id.to_owned(), subject.to_string())).or_insert(0) += amount;
    }
    sums.retain(|_, sum| *sum != 0);
    let mut known: Vec<String> = batch.known.iter().map(ToString::to_string).collect();
    known.sort();
    known.dedup();
    Counted { sums, known, unparsed }
}

impl Counted {
    fn of(&self, measure: &str, subject: &str) -> i64 {
        self.sums.get(&(measure.to_owned(), subject.to_owned())).copied().unwrap_or(0)
    }

    #[track_caller]
    fn check(&self, measure: &str, expected: &[(&str, i64)]) {
        for (subject, expected) in expected {
            assert_eq!(self.of(measure, subject), *expected, "{measure} of {subject}");
        }
    }
}

/// What truth.json says: a count, or a table of counts by name.
struct Truth(serde_json::Value);

impl Truth {
    fn of(corpus: &str) -> Truth {
        Truth(serde_json::from_slice(&std::fs::read(path(corpus, "truth.json")).unwrap()).unwrap())
    }

    fn count(&self, key: &str) -> i64 {
        self.0["counts"][key].as_i64().unwrap_or_else(|| panic!("no count {key}"))
    }

    fn by(&self, key: &str) -> Vec<(String, i64)> {
        let table = self.0["by"][key].as_object().unwrap_or_else(|| panic!("no table {key}"));
        table.iter().map(|(name, count)| (name.clone(), count.as_i64().unwrap())).collect()
    }

    /// Sum over all outside servers of what they saw of one thing.
    fn sinks(&self, thing: &str) -> i64 {
        let seen = self.0["outside_sinks_saw"].as_object().unwrap();
        seen.iter().filter(|(key, _)| key.ends_with(&format!(".{thing}"))).filter_map(|(_, seen)| seen.as_i64()).sum()
    }
}

const CORPORA: [&str; 4] = ["dovecot", "spamd-pipe", "delivery-bounce-defer-expire", "rejects"];

#[test]
fn dovecot_sessions() {
    let counted = count("dovecot", "mail.log");
    let truth = Truth::of("dovecot");
    counted.check("imap.logins", &[("(server)", truth.count("imap_sessions"))]);
    for (mailbox, sessions) in truth.by("imap_sessions") {
        counted.check("imap.logins", &[(&mailbox, sessions)]);
    }
    counted.check("pop.logins", &[("(server)", truth.count("pop3_sessions"))]);
    for (mailbox, sessions) in truth.by("pop3_sessions") {
        counted.check("pop.logins", &[(&mailbox, sessions)]);
    }
    counted.check("message.incoming", &[("(server)", truth.count("lmtp_deliveries")), ("alpha.example", 12)]);

    // A connection is counted whether or not it came to a log-in: 26 sessions, 7 failed, 1 denied by allow_nets and 1
    // by nologin, 2 over the limit, 3 without a command, 1 logged out, 3 bad, 1 garbage. The one with a bad HAProxy
    // header has no line of its end, so it is none.
    counted.check("imap.connections", &[("(server)", 45), ("cyril@gamma.example", 12)]);
    counted.check("pop.connections", &[("(server)", 16), ("bob@beta.example", 7)]);

    // Each attempt: 3 wrong passwords, 2 unknown users, 3 in one connection, and allow_nets looks like a wrong one.
    let failed = truth.count("case.imap_wrong_password") + truth.count("case.imap_unknown_user") + 3 + 1;
    counted.check("imap.auth_failed", &[("(server)", failed), ("bob@beta.example", 3)]);
    let failed = truth.count("case.pop3_wrong_password") + truth.count("case.pop3_unknown_user");
    counted.check("pop.auth_failed", &[("(server)", failed)]);

    // The limit on connections, nologin and allow_nets.
    counted.check("imap.blocked_connections", &[("(server)", truth.count("userip_refused") + 2)]);
    let bad =
        truth.count("case.imap_too_many_invalid_commands") + truth.count("case.imap_too_many_invalid_after_login");
    counted.check("imap.bad_commands", &[("(server)", bad), ("carl@gamma.example", 2)]);
    counted.check("pop.bad_commands", &[("(server)", truth.count("case.pop3_too_many_invalid_commands"))]);
    // Those dropped for bad commands, the TLS garbage, and the session that an administrator ended.
    counted.check("imap.terminations", &[("(server)", bad + 2)]);
    // Those dropped, and the one that left without QUIT.
    counted.check("pop.terminations", &[("(server)", 3), ("bob@beta.example", 1)]);
    counted.check("pop.broken_sessions", &[("(server)", 2)]);

    // `retr=` has the "+OK n octets" line of each of 18 messages and `top=` the lines of TOP: more than the octets of
    // RETR alone. `in=` and `out=` begin after log-in, so they lack the reply to it.
    counted.check("pop.bandwidth", &[("bob@beta.example", 44_964)]);
    assert!(truth.count("pop3_retr_octets") < 44_964);
    counted.check("imap.bandwidth", &[("alice@alpha.example", 52_193), ("bob@beta.example", 4_681)]);
}

#[test]
fn a_pipe_filter_gives_each_message_two_queue_ids_and_counts_once() {
    let counted = count("spamd-pipe", "mail.log");
    let truth = Truth::of("spamd-pipe");
    let messages = truth.count("accepted_messages") + truth.count("scanner_down_messages");
    counted.check("smtp_in.connections", &[("(server)", messages)]);
    counted.check("priority.normal", &[("(server)", messages)]);
    let two = truth.count("case.two_rcpts_ham") + truth.count("case.two_rcpts_spam");
    counted.check("message.incoming", &[("(server)", messages + two)]);
    for (domain, spam) in truth.by("sent_to_scan_as.spam") {
        counted.check("message.incoming_spam", &[(&domain, spam)]);
    }
    counted.check("message.incoming_spam", &[("(server)", 21), ("boris@beta.example", 3)]);
    for (domain, ham) in truth.by("sent_to_scan_as.ham") {
        let spam = counted.of("message.incoming_spam", &domain);
        let skipped = if domain == "gamma.example" { truth.count("case.big_skipped") } else { 0 };
        // With the scanner down, alice got both messages unscanned.
        let unscanned = if domain == "alpha.example" { truth.count("scanner_down_messages") } else { 0 };
        counted.check("message.incoming", &[(&domain, ham + spam + skipped + unscanned)]);
    }
    counted.check("message.outgoing", &[("(server)", 0)]);
    // One connection more than the 44 scans: the probe that starts the test. Each failed attempt is logged.
    counted.check("spamassassin.connections", &[("(server)", 45), ("spamassassin:mx1", 45)]);
    counted.check("spamassassin.failed_connections", &[("spamassassin:mx1", 56)]);
    assert!(!counted.known.contains(&"outside.example".to_owned()));
}

#[test]
fn remote_outcomes() {
    let counted = count("delivery-bounce-defer-expire", "mail.log");
    let truth = Truth::of("delivery-bounce-defer-expire");
    // Three messages came from outside: two to be forwarded, one to a dangling alias.
    let outgoing = truth.count("accepted_messages") - 3;
    counted.check("message.outgoing", &[("(server)", outgoing), ("carl@gamma.example", outgoing)]);
    counted.check("smtp_in.connections", &[("(server)", truth.count("accepted_messages"))]);
    // What the servers outside received, to the byte.
    counted.check("smtp_out.bandwidth", &[("(server)", truth.sinks("bytes"))]);
    // What they saw, and the 12 connects that reached nobody (10 refused, 2 timed out).
    counted.check("smtp_out.connections", &[("(server)", truth.sinks("connect") + 12)]);
    // Those, the greetings of noaccess (10) and busy (4), and the greeting that never came (3).
    counted.check("smtp_out.failed_connections", &[("(server)", 12 + 10 + 4 + 3)]);
    // 3 without a greeting, 4 lost.
    counted.check("smtp_out.terminations", &[("(server)", 7)]);
    // 15 refused for good, 11 put off until they expired; carl had all but the two forwarded ones.
    counted.check("smtp_out.bounced", &[("(server)", 26), ("carl@gamma.example", 24)]);
    counted.check("smtp_out.deferrals", &[("(server)", 48)]);
    // One notification for each of them and for the dangling alias; none for the forwarded null sender.
    counted.check("message.bounces", &[("(server)", 26), ("carl@gamma.example", 24)]);
    counted.check("message.incoming", &[("carl@gamma.example", 24)]);
    // The size in the queue: what the client sent and our Received header.
    let sent = truth.count("bytes_sent");
    assert!((sent..sent + 36 * 300).contains(&counted.of("data.sent", "carl@gamma.example")));
}

#[test]
fn refusals() {
    let counted = count("rejects", "mail.log");
    let truth = Truth::of("rejects");
    counted.check("smtp_in.connections", &[("(server)", truth.count("connections"))]);
    let cases = |names: &[&str]| names.iter().map(|name| truth.count(&format!("case.{name}"))).sum::<i64>();
    let blocked = cases(&["rbl", "client_450", "client_554", "client_reject", "reject_at_connect"]);
    counted.check("smtp_in.blocked_connections", &[("(server)", blocked)]);
    let recipients = cases(&[
        "unknown_user",
        "unknown_user_partial",
        "relay_denied",
        "helo_reject",
        "helo_invalid",
        "sender_no_domain",
        "sender_defer",
        "sender_reject",
        "sender_nonfqdn",
        "sender_servfail",
        "rcpt_nonfqdn",
    ]);
    counted.check("smtp_in.rejected_recipients", &[("(server)", recipients)]);
    // `helo_missing` has no line of its own, and `size_actual` only a warning (LOG-LINES trap 20).
    let messages = cases(&["size_declared", "size_actual", "header_reject", "body_reject"]);
    counted.check("smtp_in.rejected_messages", &[("(server)", messages)]);
    // The client had 250 for what was held or discarded, and it never reached the queue (trap 14).
    let lost = cases(&["client_discard", "client_hold", "header_discard", "header_hold"]);
    let delivered = truth.count("accepted_messages") - lost + cases(&["unknown_user_partial"]);
    counted.check("message.incoming", &[("(server)", delivered)]);
    counted.check("smtp_in.bad_commands", &[("(server)", 0)]);
}

/// Everything at once: what was done to a real mail server with all its filters, and what it kept in its mailboxes.
#[test]
fn many_daemons() {
    let counted = count("many-daemons", "mail.log");
    assert_eq!(counted.unparsed, [""; 0]);
    let truth = Truth::of("many-daemons");
    for (measure, key) in [
        // postscreen's clients, those that it passed on once; the sessions of filters are none.
        ("smtp_in.connections", "smtp_connections"),
        ("smtp_in.blocked_connections", "clients_refused"),
        ("smtp_in.rejected_recipients", "recipients_refused"),
        ("smtp_in.rejected_messages", "messages_refused"),
        ("smtp_in.auth_failed", "smtp_auth_failed"),
        ("message.spam_blocked", "spam_refused"),
        ("message.spam_blocked_out", "spam_refused_out"),
        ("throttle.messages_sent", "limits_passed_by_users"),
        ("imap.connections", "imap_connections"),
        ("imap.logins", "imap_logins"),
        ("imap.auth_failed", "imap_auth_failed"),
        ("imap.blocked_connections", "imap_refused"),
        ("pop.connections", "pop_connections"),
        ("pop.logins", "pop_logins"),
        ("pop.auth_failed", "pop_auth_failed"),
    ] {
        counted.check(measure, &[("(server)", truth.count(key))]);
    }
    for (mailbox, files) in truth.by("mailboxes") {
        counted.check("message.incoming", &[(&mailbox, files)]);
    }
    for (mailbox, messages) in truth.by("submitted") {
        counted.check("message.outgoing", &[(&mailbox, messages)]);
    }
}

/// SEMANTICS R13: RFC 3164 and ISO twins agree, to each counter of each slot.
#[test]
fn both_stamps_give_the_same_counters() {
    for corpus in CORPORA {
        assert_eq!(count(corpus, "mail.log").sums, count(corpus, "mail.iso.log").sums, "{corpus}");
    }
}

#[test]
fn every_line_of_these_daemons_is_known() {
    for corpus in CORPORA {
        let unparsed = count(corpus, "mail.log").unparsed;
        assert!(unparsed.is_empty(), "{corpus}: {unparsed:#?}");
    }
}

/// Open state is kept in the store: a log may be cut anywhere.
#[test]
fn a_restart_at_any_line_changes_nothing() {
    for corpus in CORPORA {
        let lines = lines(corpus, "mail.log");
        let whole = count_cut(&lines, usize::MAX).sums;
        for cut in [1, 7] {
            assert_eq!(count_cut(&lines, cut).sums, whole, "{corpus}, cut at each {cut}");
        }
    }
}

/// FAULTS 39: the lines of each daemon in a file of its own, of which one after the other is read within each second.
#[test]
fn daemons_in_different_files_give_the_same_counters() {
    const DAEMONS: [&str; 8] = ["smtpd", "cleanup", "qmgr", "lmtp", "smtp", "pipe", "pickup", "bounce"];
    // The daemon of a line that RFC 3164 stamps: `Mar  2 00:00:01 mx1 postfix/smtpd[1]: …`.
    let place = |line: &[u8], order: &[&str]| {
        let line = String::from_utf8_lossy(line);
        let program = line.get(16..).unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
        let daemon = program.split(['[', ':']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        order.iter().position(|known| *known == daemon).unwrap_or(order.len())
    };
    for corpus in CORPORA {
        let lines = lines(corpus, "mail.log");
        let whole = count_cut(&lines, usize::MAX).sums;
        for turn in 0..DAEMONS.len() {
            let mut order = DAEMONS;
            order.rotate_left(turn);
            if turn % 2 == 1 {
                order.reverse();
            }
            let mut parted = lines.clone();
            for second in parted.chunk_by_mut(|one, other| one.get(..15) == other.get(..15)) {
                second.sort_by_key(|line| place(line, &order));
            }
            let counted = count_cut(&parted, usize::MAX).sums;
            let keys: BTreeSet<_> = whole.keys().chain(counted.keys()).collect();
            let differs: Vec<_> = keys.into_iter().filter(|key| counted.get(*key) != whole.get(*key)).collect();
            assert!(differs.is_empty(), "{corpus}, read in the order {order:?}: {differs:#?}");
        }
    }
}

/// One line of each shape, as the daemons wrote them: each is understood or known to be of no consequence.
#[test]
fn one_line_of_each_shape_is_known() {
    let bytes = std::fs::read(path("..", "log-lines.log")).unwrap();
    let mut tracker = Tracker::restore(&MailSettings::default(), std::iter::empty()).unwrap();
    for bytes in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let text = String::from_utf8_lossy(bytes);
        let mut envelope = Envelope::new(Zone::utc(), "mx1");
        envelope.set_year(2026);
        let line = envelope.parse(bytes).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        let verdict = tracker.line(&line, &mut Vec::new(), &mut Vec::new());
        assert_ne!(verdict, Verdict::Unparsed, "{text}");
    }
}

/// FAULTS 57, briefly: lines of the kept corpora, damaged. Nothing panics, hangs, or counts below zero; the same over
/// hours is what fuzz/ is for.
#[test]
fn damaged_lines_do_no_harm() {
    const LINES: usize = 20_000;
    let mut kept = lines("..", "log-lines.log");
    kept.extend(CORPORA.iter().flat_map(|corpus| lines(corpus, "mail.log").into_iter().take(2_000)));
    kept.extend(lines("../exim", "wide.log"));
    let mut random = Random(57);
    let mut counters = BTreeMap::new();
    let mut tracker = Tracker::restore(&MailSettings::default(), std::iter::empty()).unwrap();
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    for _ in 0..LINES {
        let mut line = kept[random.below(kept.len())].clone();
        for _ in 0..random.below(4) {
            let other = &kept[random.below(kept.len())];
            random.damage(&mut line, other);
        }
        parse_by_all(&line);
        let Ok(line) = envelope.parse(&line) else { continue };
        let line = mailtally_server::syslog::Line { times: line.times.min(3), ..line };
        let mut updates = Vec::new();
        tracker.line(&line, &mut updates, &mut Vec::new());
        for update in updates {
            for (event, sign) in update.before.iter().map(|event| (event, -1)).chain([(&update.after, 1)]) {
                event.counters(&mut |measure, subject, slot, amount| {
                    let sum: &mut i64 = counters.entry((measure.number, subject.to_string(), slot)).or_default();
                    *sum = sum.saturating_add(sign * amount);
                });
            }
        }
        assert!(counters.len() < 10_000_000, "open state grows without bound");
    }
    let negative: Vec<_> = counters.iter().filter(|(_, sum)| **sum < 0).collect();
    assert!(negative.is_empty(), "{negative:?}");
}

/// Whatever program a line names, each parser may meet it.
fn parse_by_all(line: &[u8]) {
    use mailtally_server::{amavis, clamav, dovecot, exim, policy, postfix, rspamd, spamassassin};
    let message = line.splitn(6, |byte| *byte == b' ').last().unwrap_or_default();
    for program in ["postfix/smtpd", "postfix/cleanup", "postfix/qmgr", "postfix/pickup", "postfix/smtp"] {
        let speaker = postfix::Speaker::parse(program.as_bytes()).unwrap();
        let _ = postfix::parse(&speaker, message);
    }
    for program in ["postfix/lmtp", "postfix/bounce", "postfix/postscreen", "postfix"] {
        let speaker = postfix::Speaker::parse(program.as_bytes()).unwrap();
        let _ = postfix::parse(&speaker, message);
    }
    let _ = (dovecot::parse(message), exim::parse(message), exim::parse(line), rspamd::parse(message));
    let _ = (amavis::parse(message), clamav::clamd(message), clamav::clamav_milter(message));
    let _ = (spamassassin::spamd(message), spamassassin::spamc(message));
    let _ = (policy::policyd(message), policy::mailscanner(message));
}

/// A generator whose numbers are the same each time, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// One thing that goes wrong with a line, or that a stranger may do to it.
    fn damage(&mut self, line: &mut Vec<u8>, other: &[u8]) {
        const PIECES: [&[u8]; 12] = [
            b"\0",
            b"\xff\xfe",
            b"<",
            b">",
            b"\"",
            b", status=sent (",
            b"; from=<",
            b" R=",
            b"99999999999999999999",
            b"-1",
            b": ",
            b"[",
        ];
        let at = self.below(line.len() + 1);
        match self.below(6) {
            0 => line.truncate(at),
            1 => {
                line.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied());
            }
            2 => {
                let until = (at + self.below(20)).min(line.len());
                line.drain(at..until);
            }
            3 => {
                let from = self.below(other.len() + 1);
                line.truncate(at);
                line.extend(&other[from..]);
            }
            4 => {
                if let Some(byte) = line.get_mut(at) {
                    *byte = byte.wrapping_add(1 + self.below(255) as u8);
                }
            }
            _ => {
                let again = line[at..(at + self.below(60)).min(line.len())].to_vec();
                line.splice(at..at, again);
            }
        }
    }
}
