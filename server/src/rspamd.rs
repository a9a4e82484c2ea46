//! Rspamd: the verdict on a message, by its queue file → a [`Fact`]. From its own log or by syslog.

use crate::queue_id::QueueId;
use crate::text::{Parsed, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    Checked {
        queue_id: QueueId,
        verdict: Verdict,
        /// The first of them.
        recipient: Option<&'a [u8]>,
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
    let Some((_, rest)) = split(message, b"rspamd_task_write_log: ") else { return Parsed::Ignored };
    checked(rest).map_or(Parsed::Ignored, Parsed::Fact)
}

fn checked(rest: &[u8]) -> Option<Fact<'_>> {
    // The Message-ID comes first and is the sender's: what follows it is found from the symbols' bracket back.
    let (head, tail) = split(rest, b"): [")?;
    let at = memchr::memmem::rfind(head, b", (default: ")?;
    let (head, result) = (&head[..at], &head[at + 12..]);
    let action = split(result, b" (").map(|(_, action)| action)?;
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
}
