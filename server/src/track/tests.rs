//! Lines in, counters out: each test is named after the trap (LOG-LINES) or the rule (SEMANTICS) that it holds.
#![allow(clippy::unwrap_used)]

mod evidence;
mod exim;
mod filters;
mod messages;
mod rules;
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
        let lines = Counts::whole(lines);
        Counts::of_log(settings, lines.iter().map(String::as_str))
    }

    /// In this order only: too many lines to try others, or a loss that only their order shows.
    fn in_order(lines: &str) -> Counts {
        let lines = Counts::whole(lines);
        Counts::of_lines(&MailSettings::default(), &lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn whole(lines: &str) -> Vec<String> {
        let whole = |line: &str| {
            let (time, rest) = line.split_once(' ').unwrap();
            format!("Mar  2 {time} mx1 {rest}")
        };
        lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(whole).collect()
    }

    /// Lines as they stand in a log. However the lines of one second are interleaved that different daemons wrote to
    /// different files, they count the same (FAULTS 39).
    fn of_log<'a>(settings: &MailSettings, lines: impl Iterator<Item = &'a str>) -> Counts {
        let lines: Vec<&str> = lines.collect();
        let counts = Counts::of_lines(settings, &lines);
        for seed in 1..=INTERLEAVINGS {
            let others = interleaved(&lines, seed);
            let other = Counts::of_lines(settings, &others);
            if other.0 != counts.0 {
                let differs = |key: &&String| counts.0.get(*key) != other.0.get(*key);
                let keys: BTreeSet<&String> = counts.0.keys().chain(other.0.keys()).filter(differs).collect();
                let said = |key: &&String| format!("{key}: {:?}, not {:?}", other.0.get(*key), counts.0.get(*key));
                let said: Vec<String> = keys.iter().map(said).collect();
                panic!("{}\nby {said:#?}", others.join("\n"));
            }
        }
        counts
    }

    fn of_lines(settings: &MailSettings, lines: &[&str]) -> Counts {
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

/// How many other orders each test tries.
const INTERLEAVINGS: u64 = 12;

/// The lines of each second in another order: those of one file keep theirs.
fn interleaved<'a>(lines: &[&'a str], seed: u64) -> Vec<&'a str> {
    // Numerical Recipes' generator: any will do, so long as a failure can be repeated.
    let mut state = seed;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let mut out = Vec::new();
    for second in lines.chunk_by(|one, other| one.get(..19) == other.get(..19)) {
        let mut files: BTreeMap<&str, std::collections::VecDeque<&str>> = BTreeMap::new();
        for line in second {
            files.entry(file_of_line(line)).or_default().push_back(line);
        }
        while !files.is_empty() {
            let file = *files.keys().nth(below(files.len())).unwrap();
            let lines = files.get_mut(file).unwrap();
            out.extend(lines.pop_front());
            if lines.is_empty() {
                files.remove(file);
            }
        }
    }
    out
}

/// Each daemon has a file of its own.
fn file_of_line(line: &str) -> &str {
    let program = line.get(20..).unwrap_or_default().split(['[', ':', ' ']).next().unwrap_or_default();
    program.rsplit('/').next().unwrap_or_default()
}
