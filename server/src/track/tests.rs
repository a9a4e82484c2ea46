//! Lines in, counters out: each test is named after the trap (LOG-LINES) or the rule (SEMANTICS) that it holds.
#![allow(clippy::unwrap_used)]

mod exim;
mod filters;
mod messages;
mod sessions;

use std::collections::BTreeMap;

use mailtally_model::{Zone, catalogue};

use super::*;
use crate::batch::Batch;
use crate::settings::ThrottlePattern;
use crate::syslog::Envelope;

/// What lines count, by measure and subject.
pub struct Counts(BTreeMap<String, i64>);

impl Counts {
    /// Lines at `Mar  2 HH:MM:SS mx1 `, given from the time on: `00:00:01 postfix/smtpd[1]: …`.
    fn of(lines: &str) -> Counts {
        Counts::with(&MailSettings::default(), lines)
    }

    fn with(settings: &MailSettings, lines: &str) -> Counts {
        let whole = |line: &str| {
            let (time, rest) = line.split_once(' ').unwrap();
            format!("Mar  2 {time} mx1 {rest}")
        };
        let lines: Vec<String> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(whole).collect();
        Counts::of_log(settings, lines.iter().map(String::as_str))
    }

    /// Lines as they stand in a log.
    fn of_log<'a>(settings: &MailSettings, lines: impl Iterator<Item = &'a str>) -> Counts {
        let mut tracker = Tracker::restore(settings, std::iter::empty()).unwrap();
        let mut envelope = Envelope::new(Zone::utc(), "mx1");
        envelope.set_year(2026);
        let mut batch = Batch::default();
        let mut last = None;
        let mut updates = Vec::new();
        for text in lines {
            let line = envelope.parse(text.as_bytes()).unwrap();
            let verdict = tracker.line(&line, &mut updates, &mut batch.known);
            assert_ne!(verdict, Verdict::Unparsed, "{text}");
            last = Some(line.time);
            updates.drain(..).for_each(|update| batch.book(update));
        }
        if let Some(last) = last {
            tracker.advance("mx1", last, &mut updates);
            updates.drain(..).for_each(|update| batch.book(update));
        }
        let mut sums = BTreeMap::new();
        for (subject, measure, _, amount) in batch.counters.iter() {
            let measure = catalogue::measures().into_iter().find(|known| known.number == measure).unwrap();
            *sums.entry(format!("{} {subject}", measure.id)).or_insert(0) += amount;
        }
        assert!(sums.values().all(|sum| *sum >= 0), "{sums:?}");
        sums.retain(|_, sum| *sum != 0);
        Counts(sums)
    }

    #[track_caller]
    fn check(&self, expected: &[(&str, i64)]) -> &Counts {
        for (key, expected) in expected {
            let key = if key.contains(' ') { (*key).to_owned() } else { format!("{key} (server)") };
            assert_eq!(self.0.get(&key).copied().unwrap_or(0), *expected, "{key} in {:#?}", self.0);
        }
        self
    }
}

const SENT: &str = "delay=1, delays=0.1/0.1/0.1/0.7, dsn=2.0.0, status=sent";
