//! Policy servers and other helpers of a mail server that speak by syslog: Policyd (cluebringer), MailScanner → a
//! [`Fact`]; Postgrey, OpenDKIM and their like, whose doings smtpd logs too, → nothing.

use crate::event::Limit;
use crate::queue_id::QueueId;
use crate::text::{Parsed, leading_number, number, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A quota refused or put off a message.
    OverQuota {
        limit: Limit,
        /// What the quota is kept for: `Sender:ann@alpha.example`, `SASLUsername:ann@alpha.example`.
        track: &'a [u8],
        /// Whom `track` names, if it is one who sends.
        sender: Option<&'a [u8]>,
        period_secs: Option<u64>,
    },
    /// MailScanner gave the message a new queue file.
    Requeued { from: QueueId, to: QueueId },
}

/// Programs whose lines move nothing: what they decide, smtpd and cleanup log as well.
const SILENT: &[&[u8]] = &[
    b"postgrey",
    b"opendkim",
    b"opendmarc",
    b"openarc",
    b"milter-greylist",
    b"policyd-spf",
    b"policy-spf",
    b"policyd-weight",
    b"pyspf-milter",
    b"dkimpy-milter",
    b"spamass-milter",
    b"postfwd",
    b"postfwd2",
    b"postfwd3",
    b"postsrsd",
    b"policyd-rate-limit",
    b"sqlgrey",
    b"postfix-mta-sts-resolver",
    b"mta-sts-daemon",
    b"smf-spf",
    b"sid-milter",
    b"dkim-filter",
    b"mimedefang",
    b"mimedefang.pl",
    b"mimedefang-multiplexor",
    b"dccproc",
    b"dccifd",
    b"dccm",
    b"freshclam",
    b"saslauthd",
    b"fetchmail",
    // PAM, in the name of Dovecot's process: its own lines say the same.
    b"auth",
    b"dovecot-auth",
];

pub fn is_silent(program: &[u8]) -> bool {
    SILENT.contains(&program.rsplit(|byte| *byte == b'/').next().unwrap_or(program))
}

/// `module=Quotas, action=reject, host=1.2.3.4, helo=x, from=a@b, to=c@d, reason=quota_match, policy=1, quota=2,
/// limit=3, track=Sender:a@b, counter=MessageCount, quota=11/10 (110.0%)`; Policyd's own log has words before it.
pub fn policyd(message: &[u8]) -> Parsed<Fact<'_>> {
    let at = memchr::memmem::find(message, b"module=Quotas, action=");
    let Some(rest) = at.map(|at| &message[at + b"module=Quotas, action=".len()..]) else { return Parsed::Ignored };
    if !(rest.starts_with(b"reject") || rest.starts_with(b"defer")) {
        return Parsed::Ignored;
    }
    Parsed::of(over_quota(rest))
}

fn over_quota(rest: &[u8]) -> Option<Fact<'_>> {
    // Sender and recipient come before and are strangers' text; what Policyd adds is read from the right.
    let at = memchr::memmem::rfind(rest, b", counter=")?;
    let counter = &rest[at + b", counter=".len()..];
    let limit = if counter.starts_with(b"MessageCumulativeSize") { Limit::Bandwidth } else { Limit::MessagesSent };
    let at_track = memchr::memmem::rfind(&rest[..at], b", track=")?;
    let track = &rest[at_track + b", track=".len()..at];
    let sender = [&b"Sender:"[..], b"SASLUsername:"].iter().find_map(|kind| track.strip_prefix(*kind));
    let sender = sender.filter(|sender| *sender != b"-" && !sender.starts_with(b"@"));
    let period = split(counter, b", period=").and_then(|(_, rest)| leading_number(rest)).map(|(period, _)| period);
    Some(Fact::OverQuota { limit, track, sender, period_secs: period })
}

/// `Requeue: 06728B44C1.A5F3E to 070D2B4501`
pub fn mailscanner(message: &[u8]) -> Parsed<Fact<'_>> {
    let Some(rest) = message.strip_prefix(b"Requeue: ") else { return Parsed::Ignored };
    let ids = || {
        let (from, to) = split(rest, b" to ")?;
        let from = split(from, b".").map_or(from, |(id, _)| id);
        let to = &to[..to.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(to.len())];
        Some(Fact::Requeued { from: QueueId::parse(from)?, to: QueueId::parse(to)? })
    };
    Parsed::of(ids())
}

/// The size that a line states, as `size=180417`.
pub fn stated_size(text: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(text, b"size=")?;
    let digits = &text[at + b"size=".len()..];
    number(&digits[..digits.iter().take_while(|byte| byte.is_ascii_digit()).count()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas() {
        let line = b"module=Quotas, action=reject, host=203.0.113.7, helo=x, from=ann@alpha.example, to=x@outside.example, reason=quota_match, policy=6, quota=3, limit=4, track=Sender:ann@alpha.example, counter=MessageCount, quota=10.00/10 (100.0%)";
        let expected = Fact::OverQuota {
            limit: Limit::MessagesSent,
            track: b"Sender:ann@alpha.example",
            sender: Some(b"ann@alpha.example"),
            period_secs: None,
        };
        assert_eq!(policyd(line), Parsed::Fact(expected));
        let size = b"[2026/11/22-10:00:00 - 77] [CBPOLICYD] INFO: module=Quotas, action=defer, host=1.2.3.4, helo=x, from=<a, counter=x>, to=b, reason=quota_match, policy=6, quota=3, limit=4, track=SenderIP:1.2.3.0/24, counter=MessageCumulativeSize, quota=9/8 (110.0%)";
        let Parsed::Fact(Fact::OverQuota { limit, sender, .. }) = policyd(size) else { panic!("no quota") };
        assert_eq!((limit, sender), (Limit::Bandwidth, None));
        assert_eq!(policyd(b"module=Quotas, mode=update, host=1.2.3.4, reason=quota_update"), Parsed::Ignored);
    }

    #[test]
    fn requeued_by_mailscanner() {
        let (from, to) = (QueueId::parse(b"06728B44C1").expect("an id"), QueueId::parse(b"070D2B4501").expect("an id"));
        assert_eq!(mailscanner(b"Requeue: 06728B44C1.A5F3E to 070D2B4501"), Parsed::Fact(Fact::Requeued { from, to }));
        assert_eq!(mailscanner(b"Spam Checks: Found 1 spam messages"), Parsed::Ignored);
    }
}
