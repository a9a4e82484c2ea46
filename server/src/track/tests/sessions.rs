//! Sessions of SMTP, POP3 and IMAP clients, and limits.

use super::*;

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
