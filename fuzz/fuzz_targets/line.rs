//! A whole log: envelopes, parsers, tracker and counters, with the open state put away and taken back in the middle.
//! No stored sum may be below zero at the end.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use mailtally_model::Zone;
use mailtally_server::settings::MailSettings;
use mailtally_server::syslog::{Envelope, Line};
use mailtally_server::track::Tracker;

fuzz_target!(|log: &[u8]| {
    let settings = MailSettings::default();
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    let mut tracker = Tracker::restore(&settings, std::iter::empty()).expect("an empty state");
    let mut sums: BTreeMap<(u16, String, i64), i64> = BTreeMap::new();
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').take(200).collect();
    for (number, bytes) in lines.iter().enumerate() {
        if number == lines.len() / 2 {
            let open = tracker.take_changes().into_iter().filter_map(|(key, value)| Some((key, value?)));
            tracker = Tracker::restore(&settings, open).expect("what was put away can be taken back");
        }
        let Ok(line) = envelope.parse(bytes) else { continue };
        let line = Line { times: line.times.min(3), ..line };
        let mut updates = Vec::new();
        tracker.line(&line, &mut updates, &mut Vec::new());
        for update in updates {
            for (event, sign) in update.before.iter().map(|event| (event, -1)).chain([(&update.after, 1)]) {
                event.counters(&mut |measure, subject, slot, amount| {
                    let sum = sums.entry((measure.number, subject.to_string(), slot.0)).or_default();
                    *sum = sum.saturating_add(sign * amount);
                });
            }
        }
    }
    assert!(sums.values().all(|sum| *sum >= 0), "{sums:?}");
});
