//! Rspamd: the verdict on a message, by its queue file → a [`Fact`]. From its own log or by syslog.

use crate::queue_id::QueueId;
use crate::text::{Parsed, contains, leading_number, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    Checked {
        queue_id: QueueId,
        verdict: Verdict,
        /// The first of them.
        recipient: Option<&'a [u8]>,
    },
    /// A mail server's milter spoke to it.
    MilterSession,
    /// clamd did not answer a scan, for all its attempts.
    ScannerFailed,
    /// A limit put the message off.
    OverLimit {
        /// The limit's name: `user`, `bounce_to_ip`.
        limit: &'a [u8],
        /// Who logged in.
        user: Option<&'a [u8]>,
        /// As logged, with commas between.
        recipients: &'a [u8],
        size: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ham,
    /// Marked and passed on: `add header`, `rewrite subject`.
    Marked,
    /// `reject`
    Refused,
}

/// `…rspamd_task_write_log: id: <…>, qid: <E43F7B4457>, ip: 203.0.113.10, …, (default: T (add header): [8.40/15.00] […`
pub fn parse(message: &[u8]) -> Parsed<Fact<'_>> {
    let Some((_, rest)) = split(message, b"rspamd_task_write_log: ") else { return of_others(message) };
    checked(rest).map_or(Parsed::Ignored, Parsed::Fact)
}

/// `…; proxy; proxy_accept_socket: accepted milter connection from 127.0.0.1 port 51138`,
/// `…; lua; clamav.lua:176: clamav: failed to scan, maximum retransmits exceed`.
fn of_others(message: &[u8]) -> Parsed<Fact<'_>> {
    // These are its own words, behind the process and the function that speaks.
    let says = |words: &[u8]| split(message, b"; ").is_some_and(|(_, rest)| contains(rest, words));
    if says(b": accepted milter connection from ") {
        return Parsed::Fact(Fact::MilterSession);
    }
    if says(b"clamav: failed to scan, maximum retransmits exceed") {
        return Parsed::Fact(Fact::ScannerFailed);
    }
    Parsed::Ignored
}

fn checked(rest: &[u8]) -> Option<Fact<'_>> {
    // The Message-ID comes first and is the sender's: what follows it is found from the symbols' bracket back.
    let (head, tail) = split(rest, b"): [")?;
    let at = memchr::memmem::rfind(head, b", (default: ")?;
    let (head, result) = (&head[..at], &head[at + 12..]);
    let action = split(result, b" (").map(|(_, action)| action)?;
    if action == b"soft reject"
        && let Some(fact) = over_limit(head, tail)
    {
        return Some(fact);
    }
    let qid = memchr::memmem::rfind(head, b", qid: <").map(|at| &head[at + 8..])?;
    let queue_id = QueueId::parse(split(qid, b">")?.0)?;
    let verdict = match action {
        b"add header" | b"rewrite subject" => Verdict::Marked,
        b"reject" => Verdict::Refused,
        _ => Verdict::Ham,
    };
    let recipient = split(tail, b", rcpts: <").and_then(|(_, rest)| split(rest, b">")).map(|(rcpts, _)| rcpts);
    let recipient = recipient.map(|rcpts| split(rcpts, b",").map_or(rcpts, |(first, _)| first));
    Some(Fact::Checked { queue_id, verdict, recipient })
}

/// `…, user: ann@alpha.example, from: <…>` before the symbols, and behind them
/// `len: 249, …, rcpts: <x@y,z@y>, …, forced: soft reject "Ratelimit "user" exceeded"; …`.
fn over_limit<'a>(head: &'a [u8], tail: &'a [u8]) -> Option<Fact<'a>> {
    let at = memchr::memmem::rfind(tail, b", forced: soft reject \"Ratelimit \"")?;
    let (limit, _) = split(&tail[at + b", forced: soft reject \"Ratelimit \"".len()..], b"\" exceeded")?;
    let at = memchr::memmem::rfind(head, b", user: ");
    let user = at.map(|at| &head[at + b", user: ".len()..]);
    let user = user.map(|user| split(user, b", ").map_or(user, |(user, _)| user));
    let recipients = split(tail, b", rcpts: <").and_then(|(_, rest)| split(rest, b">")).map(|(rcpts, _)| rcpts)?;
    let size = split(tail, b"), len: ").or_else(|| split(tail, b"]), len: "));
    let size = size.and_then(|(_, rest)| leading_number(rest)).map(|(size, _)| size);
    Some(Fact::OverLimit { limit, user, recipients, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let line = |result: &str| {
            format!(
                "#12541(rspamd_proxy) <a3bc10>; proxy; rspamd_task_write_log: id: <m.0@outside.example>, qid: <2176DB4472>, ip: 203.0.113.10, from: <ann@outside.example>, (default: {result}: [15.00/15.00] [GTUBE(0.00){{}}]), len: 249, rcpts: <bella@beta.example>, mime_rcpts: <bella@beta.example>"
            )
        };
        for (result, expected) in [
            ("F (no action)", Verdict::Ham),
            ("T (add header)", Verdict::Marked),
            ("T (rewrite subject)", Verdict::Marked),
            ("S (reject)", Verdict::Refused),
        ] {
            let queue_id = QueueId::parse(b"2176DB4472").expect("an id");
            let recipient = Some(&b"bella@beta.example"[..]);
            let fact = Fact::Checked { queue_id, verdict: expected, recipient };
            assert_eq!(parse(line(result).as_bytes()), Parsed::Fact(fact), "{result}");
        }
        assert_eq!(parse(b"#1(main) <x>; main; started"), Parsed::Ignored);
    }

    #[test]
    fn milters_and_scanners() {
        let accepted =
            b"#7(rspamd_proxy) <a>; proxy; proxy_accept_socket: accepted milter connection from 127.0.0.1 port 51138";
        assert_eq!(parse(accepted), Parsed::Fact(Fact::MilterSession));
        let failed = b"#7(normal) <a>; lua; clamav.lua:176: clamav: failed to scan, maximum retransmits exceed";
        assert_eq!(parse(failed), Parsed::Fact(Fact::ScannerFailed));
    }

    #[test]
    fn limits() {
        let line = br#"<a>; proxy; rspamd_task_write_log: id: <m@x>, qid: <2176DB4472>, ip: 203.0.113.10, user: ann@alpha.example, from: <ann@alpha.example>, (default: F (soft reject): [0.00/15.00] [RATELIMITED(0.00){user(RLx);}]), len: 249, time: 1ms, rcpts: <x@o.example,y@o.example>, mime_rcpts: <x@o.example>, forced: soft reject "Ratelimit "user" exceeded"; score=nan (set by ratelimit)"#;
        let expected = Fact::OverLimit {
            limit: b"user",
            user: Some(b"ann@alpha.example"),
            recipients: b"x@o.example,y@o.example",
            size: Some(249),
        };
        assert_eq!(parse(line), Parsed::Fact(expected));
    }
}
