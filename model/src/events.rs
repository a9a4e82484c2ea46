//! The events behind a number as a CSV file, with the words of the log as they were told.

use crate::csv::{guard, line};
use crate::wire::EventRow;
use crate::zone::Zone;

const HEAD: [&str; 12] = [
    "Time",
    "Event",
    "Subjects",
    "Sender",
    "Peer",
    "Host",
    "Bytes",
    "Milliseconds",
    "Counted",
    "Said",
    "Reason",
    "Number",
];

/// The events in the order in which they are given: RFC 4180, UTF-8, CRLF, raw numbers, texts guarded against formulas.
/// `measure` is that of the number that they are behind, of which each says how much it counted.
pub fn csv<'a>(events: impl Iterator<Item = &'a EventRow>, measure: &str, zone: &Zone) -> Vec<u8> {
    let mut file = line(HEAD);
    for event in events {
        let text = |text: Option<&str>| guard(text.unwrap_or_default()).into_owned();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        // An empty sender is that of a notification, which is not the same as none.
        let sender = event.sender.as_deref().map(|sender| if sender.is_empty() { "<>" } else { sender });
        let counted = event.counts.get(measure).map(i64::to_string).unwrap_or_default();
        file += &line([
            &zone.rfc3339(event.time),
            &event.kind,
            &text(Some(&event.subjects.join(" "))),
            &text(sender),
            &text(event.peer.as_deref()),
            &text(Some(&event.host)),
            &number(event.bytes),
            &number(event.duration_ms),
            &counted,
            &text(Some(&event.detail)),
            &text(event.why.as_deref()),
            &event.id.to_string(),
        ]);
    }
    file.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::zone;
    use crate::time::Time;

    #[test]
    fn each_event_is_a_line_with_what_it_counted() {
        let event = EventRow {
            id: 7,
            time: Time(1_774_742_400),
            kind: "delivery".to_owned(),
            host: "mx1".to_owned(),
            subjects: vec!["example.com".to_owned(), "ann@example.com".to_owned()],
            peer: Some("192.0.2.1".to_owned()),
            sender: Some(String::new()),
            bytes: Some(1_000),
            duration_ms: None,
            counts: [("message.incoming".to_owned(), 1), ("data.received".to_owned(), 1_000)].into(),
            detail: "4XYZ to <ann@example.com>: 250 \"Saved\", said it".to_owned(),
            why: None,
            is_withheld: false,
        };
        let hostile = EventRow { sender: Some("=cmd|x".to_owned()), why: Some("-1 x".to_owned()), ..event.clone() };
        let file = csv([&event, &hostile].into_iter(), "data.received", &zone("Europe/Berlin"));
        insta::assert_snapshot!(String::from_utf8(file).expect("UTF-8").replace("\r\n", "⏎\n"), @r#"
        Time,Event,Subjects,Sender,Peer,Host,Bytes,Milliseconds,Counted,Said,Reason,Number⏎
        2026-03-29T01:00:00+01:00,delivery,example.com ann@example.com,<>,192.0.2.1,mx1,1000,,1000,"4XYZ to <ann@example.com>: 250 ""Saved"", said it",,7⏎
        2026-03-29T01:00:00+01:00,delivery,example.com ann@example.com,'=cmd|x,192.0.2.1,mx1,1000,,1000,"4XYZ to <ann@example.com>: 250 ""Saved"", said it",'-1 x,7⏎
        "#);
    }
}
