//! By which rules lines are counted: a number for what the code does, and a fingerprint of the settings that matter.
//!
//! Every stretch of log time knows the rules that counted it, so that a person sees which numbers a `recount` would
//! change. Knows nothing of the rules themselves.

use mailtally_model::wire::Rules;
use mailtally_model::{Span, Time, Zone};
use serde_json::Value;

use crate::command::zones;
use crate::settings::{MailSettings, Settings};

/// Raise it with every change after which the same lines with the same settings give other numbers: what a parser takes a
/// line for, what the tracker joins, what an event counts.
pub const VERSION: u32 = 7;

/// Two zones whose offsets are the same in the midst of both seasons read the same stamps alike.
const SEASONS: [Time; 2] = [Time(1_768_435_200), Time(1_784_073_600)];
/// As many digits as a person compares.
const FINGERPRINT_DIGITS: usize = 8;

/// The rules of now. `zone` is that of stamps that have none; `silence_gap_secs` decides what was observed, and so means.
pub fn now(settings: &MailSettings, zone: &Zone, silence_gap_secs: i64) -> Rules {
    let offsets = SEASONS.map(|season| zone.offset_secs(season));
    let text = format!("{} {offsets:?} {silence_gap_secs}", departures(settings));
    let mut hex = blake3::hash(text.as_bytes()).to_hex().to_string();
    hex.truncate(FINGERPRINT_DIGITS);
    Rules { version: VERSION, settings: hex }
}

/// The rules by which `serve` counts with these settings.
pub fn of(settings: &Settings) -> Rules {
    let zone = zones::probe(&settings.collect.zone_name(), Span::new(SEASONS[0], SEASONS[1].plus_secs(1)));
    let silence_gap_secs = i64::from(settings.collect.silence_gap_hours) * 3_600;
    now(&settings.mail, &zone.unwrap_or_else(|_| Zone::utc()), silence_gap_secs)
}

/// The settings that are not the defaults: a key that a later version adds changes nobody's fingerprint.
fn departures(settings: &MailSettings) -> Value {
    let fields = |settings: &MailSettings| match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("settings are plain data with named fields"),
    };
    let usual = fields(&MailSettings::default());
    Value::Object(fields(settings).into_iter().filter(|(key, value)| usual.get(key) != Some(value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_settings_have_another_fingerprint() {
        let plain = now(&MailSettings::default(), &Zone::utc(), 21_600);
        assert_eq!(plain, now(&MailSettings::default(), &Zone::utc(), 21_600));
        let own = MailSettings { own_domains: vec!["example.com".to_owned()], ..MailSettings::default() };
        assert_ne!(plain, now(&own, &Zone::utc(), 21_600));
        assert_ne!(plain, now(&MailSettings::default(), &Zone::utc(), 3_600));
        assert_eq!(plain.settings.len(), FINGERPRINT_DIGITS);
    }

    #[test]
    fn settings_at_their_defaults_leave_no_trace() {
        assert_eq!(departures(&MailSettings::default()), Value::Object(serde_json::Map::new()));
    }
}
