//! amavis: what it decided of a message, by the queue files on both sides of it → a [`Fact`].

use crate::queue_id::QueueId;
use crate::text::{Parsed, contains, contains_ignoring_case, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    Checked {
        /// SPAM is over the kill level, SPAMMY is tagged and delivered.
        is_spam: bool,
        is_blocked: bool,
        /// Not before 2.8, nor where a site's template has none.
        queue_id: Option<QueueId>,
        queued_as: Option<QueueId>,
        /// With its angle brackets.
        message_id: Option<&'a [u8]>,
        /// The first of them, as logged.
        recipient: &'a [u8],
    },
    /// It could not reach clamd.
    ScannerFailed,
}

/// `(19410-01) Passed SPAMMY {RelayedTaggedInbound}, [ip]:port [ip] <from> -> <to>, Queue-ID: 2D0F5B4448, Message-ID: …`;
/// before 2.7 `(19410-01) Passed SPAMMY, [ip] [ip] <from> -> <to>, Message-ID: …`. At log level 1 a second line says the
/// same with neither braces nor Message-ID: it is not counted again (LOG-LINES trap 37).
pub fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    let Some((_, text)) = message.strip_prefix(b"(").and_then(|rest| split(rest, b") ")) else {
        return Parsed::Ignored;
    };
    let (is_blocked, rest) = match (text.strip_prefix(b"Passed "), text.strip_prefix(b"Blocked ")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return scanner(text),
    };
    checked(is_blocked, rest).map_or(Parsed::Ignored, Parsed::Fact)
}

fn checked(is_blocked: bool, rest: &[u8]) -> Option<Fact<'_>> {
    let is_spam = rest.starts_with(b"SPAM");
    let (_from, rest) = split(rest, b" -> <")?;
    let (recipient, rest) = split(rest, b">")?;
    // Both come before the Message-ID, which a sender chose.
    let (head, tail) = split(rest, b", Message-ID: ").map_or((rest, None), |(head, tail)| (head, Some(tail)));
    let queue_id =
        split(head, b", Queue-ID: ").and_then(|(_, id)| QueueId::parse(split(id, b", ").map_or(id, |(id, _)| id)));
    if queue_id.is_none() && tail.is_none() {
        return None;
    }
    let message_id = tail.and_then(|tail| split(tail, b">, ")).map(|(id, _)| id.len() + 1);
    let message_id = tail.zip(message_id).map(|(tail, length)| &tail[..length]);
    // amavis writes queued_as after the Message-ID and after the size.
    let queued_as = memchr::memmem::rfind(rest, b", queued_as: ").map(|at| &rest[at + 13..]);
    // Where recipients are told apart there are several: `queued_as: 50C9398E2DA/5255998E2DD, 419 ms`.
    let queued_as = queued_as.and_then(|ids| QueueId::parse(ids.split(|byte| matches!(byte, b',' | b'/')).next()?));
    Some(Fact::Checked { is_spam, is_blocked, queue_id, queued_as, message_id, recipient })
}

/// `(!)connect to /run/clamav/clamd.ctl failed, attempt #1: …`, once for each attempt; and a scan that failed otherwise,
/// `(!!)ClamAV-clamd av-scanner FAILED: timed out`. That all attempts failed is not one more.
fn scanner(text: &[u8]) -> Parsed<Fact<'_>> {
    let Some(trouble) = text.strip_prefix(b"(!)").or_else(|| text.strip_prefix(b"(!!)")) else {
        return Parsed::Ignored;
    };
    let is_attempt = trouble
        .strip_prefix(b"connect to ")
        .and_then(|rest| split(rest, b" failed"))
        .is_some_and(|(address, _)| contains_ignoring_case(address, b"clam"));
    const AFTER_ATTEMPTS: &[&[u8]] = &[b"ll attempts", b"oo many retries", b"connect"];
    let is_failed_scan = split(trouble, b" av-scanner FAILED: ").is_some_and(|(scanner, why)| {
        contains_ignoring_case(scanner, b"clam") && !AFTER_ATTEMPTS.iter().any(|words| contains(why, words))
    });
    if is_attempt || is_failed_scan { Parsed::Fact(Fact::ScannerFailed) } else { Parsed::Ignored }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_each_message_counts() {
        let line = b"(19410-01) Passed SPAMMY {RelayedTaggedInbound}, [203.0.113.10]:34155 [203.0.113.10] <ann@outside.example> -> <bruno@beta.example>, Queue-ID: 2D0F5B4448, Message-ID: <mclean.0@outside.example>, mail_id: EoUKOYyFSzeC, Hits: 6.099, size: 1349, queued_as: 9C621B44B1, 611 ms";
        let expected = Fact::Checked {
            is_spam: true,
            is_blocked: false,
            queue_id: QueueId::parse(b"2D0F5B4448"),
            queued_as: QueueId::parse(b"9C621B44B1"),
            message_id: Some(b"<mclean.0@outside.example>"),
            recipient: b"bruno@beta.example",
        };
        assert_eq!(parse(line), Parsed::Fact(expected));
        let again = b"(19410-01) Passed SPAMMY, <ann@outside.example> -> <bruno@beta.example>, Hits: 6.099, tag=-999, tag2=5, kill=10, queued_as: 9C621B44B1, L/Y/Y/0";
        assert_eq!(parse(again), Parsed::Ignored);
        assert_eq!(parse(b"Module Amavis::Conf        2.412"), Parsed::Ignored);
    }

    #[test]
    fn before_2_7_a_message_is_known_by_its_message_id() {
        let check = |line: &[u8], is_blocked, queued_as: &[u8]| {
            let expected = Fact::Checked {
                is_spam: true,
                is_blocked,
                queue_id: None,
                queued_as: QueueId::parse(queued_as),
                message_id: Some(b"<1.B@outside.example>"),
                recipient: b"ann@alpha.example",
            };
            assert_eq!(parse(line), Parsed::Fact(expected), "{}", String::from_utf8_lossy(line));
        };
        let passed = b"(03186-16) Passed SPAM, LOCAL [198.51.100.7] [198.51.100.7] <a@outside.example> -> <ann@alpha.example>,<abe@alpha.example>, Message-ID: <1.B@outside.example>, mail_id: V3Wq, Hits: 7, size: 8838, queued_as: C63EC, 18 ms";
        check(passed, false, b"C63EC");
        let blocked = b"(03186-16) Blocked SPAM, [198.51.100.7] <a@outside.example> -> <ann@alpha.example>, quarantine: spam-Ez, Message-ID: <1.B@outside.example>, mail_id: 5g, Hits: 14.749, 3737 ms";
        check(blocked, true, b"");
    }

    #[test]
    fn a_scan_that_fails_is_counted_once_for_each_attempt() {
        for (text, is_failure) in [
            ("(!)connect to /run/clamav/clamd.ctl failed, attempt #1: Can't connect to a UNIX socket", true),
            ("(!!)ClamAV-clamd av-scanner FAILED: timed out", true),
            ("(!)ClamAV-clamd: All attempts (1) failed connecting to /run/clamav/clamd.ctl, retrying (2)", false),
            ("(!)ClamAV-clamd av-scanner FAILED: run_av error: Too many retries to talk to /run/clamd.ctl", false),
            ("(!!)Sophie av-scanner FAILED: timed out", false),
        ] {
            let expected = if is_failure { Parsed::Fact(Fact::ScannerFailed) } else { Parsed::Ignored };
            assert_eq!(parse(format!("(19410-01) {text}").as_bytes()), expected, "{text}");
        }
    }
}
