//! Scanners, milters and filter pipes.

use super::*;

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

/// SEMANTICS R2: MailScanner takes a message from one queue and puts it into another one.
#[test]
fn requeued_by_mailscanner_is_the_same_message() {
    let lines = format!(
        "00:00:01 postfix/smtpd[1]: connect from a[203.0.113.10]
        00:00:01 postfix/smtpd[1]: 06728B44C1: client=a[203.0.113.10]
        00:00:01 postfix/cleanup[2]: 06728B44C1: hold: header Received: from a; from=<ann@outside.example> to=<abby@alpha.example> proto=ESMTP helo=<a>
        00:00:03 MailScanner[9]: Requeue: 06728B44C1.A5F3E to 070D2B4501
        00:00:04 postfix/qmgr[3]: 070D2B4501: from=<ann@outside.example>, size=1000, nrcpt=1 (queue active)
        00:00:05 postfix/lmtp[5]: 070D2B4501: to=<abby@alpha.example>, relay=mx1[private/lmtp], {SENT} (250 Saved)"
    );
    Counts::of(&lines).check(&[
        ("message.incoming abby@alpha.example", 1),
        ("smtp_in.bandwidth", 1000),
        ("smtp_in.connections abby@alpha.example", 1),
    ]);
}

/// SEMANTICS 1.3: quotas of Policyd and limits of Rspamd; a limit is passed once until it was quiet for its window.
#[test]
fn limits_that_filters_log() {
    let quota = |time| {
        format!(
            "{time} cbpolicyd[7]: module=Quotas, action=reject, host=203.0.113.7, helo=x, from=ann@alpha.example, to=x@outside.example, reason=quota_match, policy=6, quota=3, limit=4, track=Sender:ann@alpha.example, counter=MessageCount, quota=10.00/10 (100.0%)\n"
        )
    };
    let limit = |name: &str, user: &str| {
        format!(
            "00:00:05 rspamd[7]: <a>; proxy; rspamd_task_write_log: id: <m@x>, qid: <2176DB4472>, ip: 203.0.113.10, {user}from: <>, (default: F (soft reject): [0.00/15.00] [R(0.00){{}}]), len: 249, rcpts: <bob@beta.example,x@o.example>, forced: soft reject \"Ratelimit \"{name}\" exceeded\"; score=nan\n"
        )
    };
    let lines = [
        quota("00:00:01"),
        quota("00:00:02"),
        limit("user", "user: carl@gamma.example, "),
        limit("bounce_to", ""),
        "00:00:06 postgrey[9]: action=greylist, reason=new, client_name=a, client_address=1.2.3.4".to_owned(),
    ];
    Counts::of(&lines.concat()).check(&[
        ("throttle.messages_sent ann@alpha.example", 2),
        ("violation.messages_sent ann@alpha.example", 1),
        ("throttle.messages_sent carl@gamma.example", 2),
        ("throttle.bounces_received bob@beta.example", 1),
        ("violation.bounces_received bob@beta.example", 1),
    ]);
}
