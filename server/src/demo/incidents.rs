//! What makes the year worth looking at: an account whose password was guessed, one whose password is being guessed,
//! a day without filters, and half a day whose log was lost. Each lies within the last 90 days.

use mailtally_model::{Span, Time};

use super::cast::{self, DESTINATIONS, Destination, Welcome};
use super::filters::{Filters, Finding};
use super::outbound::{self, OneTooMany, Submitter};
use super::page::Moment;
use super::rhythm::{DAY_SECS, midnight};
use super::scribe::Scribe;
use super::sessions::{self, OUR_ADDRESS};
use super::transfer::Target;

/// Messages of the compromised account, and how many of them go out before anvil slows it down.
const STOLEN_MESSAGES: f64 = 840.0;
const BEFORE_LIMIT: f64 = 640.0;
/// POP3 connections of the guessers.
const GUESSES: f64 = 620.0;
const GUESSERS: u64 = 48;

/// When each of them happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incidents {
    pub compromised: Span,
    pub brute_force: Span,
    pub broken_filters: Span,
    pub lost_log: Span,
}

impl Incidents {
    /// Counted back from the day that the story ends on.
    pub fn before(until: Time) -> Incidents {
        let today = midnight(until);
        let on = |days_ago: i64, from_hour: i64, until_hour: i64| {
            let day = today.plus_secs(-days_ago * DAY_SECS);
            Span::new(day.plus_secs(from_hour * 3600), day.plus_secs(until_hour * 3600))
        };
        Incidents {
            compromised: on(21, 1, 5),
            brute_force: on(12, 7, 22),
            broken_filters: on(33, 6, 20),
            lost_log: on(47, 6, 18),
        }
    }

    pub fn filters(&self, at: Time) -> Filters {
        if self.broken_filters.contains(at) { Filters::Down } else { Filters::Up }
    }

    /// Whether a line of this time reached the disk.
    pub fn is_kept(&self, at: Time) -> bool {
        !self.lost_log.contains(at)
    }

    /// Plays what begins on a day. `scale` is the size of the story: 1 for a million lines.
    pub fn play(&self, s: &mut Scribe, day: Time, scale: f64) {
        let begins_today = |span: Span| midnight(span.from) == day;
        if begins_today(self.compromised) {
            compromised(s, self.compromised, scale);
        }
        if begins_today(self.brute_force) {
            brute_force(s, self.brute_force, scale);
        }
    }
}

/// Someone who knows the password sends spam all night; the addresses are old and many mails come back.
fn compromised(s: &mut Scribe, span: Span, scale: f64) {
    let (messages, before_limit) = (scaled(STOLEN_MESSAGES, scale), scaled(BEFORE_LIMIT, scale));
    let with = |welcome: Welcome| DESTINATIONS.iter().find(|destination| destination.welcome == welcome);
    let somewhere: &'static Destination = &DESTINATIONS[0];
    for number in 0..messages {
        let at = Moment::at(span.from)
            .after_ms(span.secs() as u64 * 1_000 * number / messages)
            .after_micros(s.rng.within(0..=4_000_000));
        let welcome = match s.rng.within(0..=9) {
            0..3 => Welcome::UserUnknown,
            3 => Welcome::MailboxFull,
            4 => Welcome::Greylists,
            _ => Welcome::Takes,
        };
        let submitter = Submitter {
            login: cast::COMPROMISED,
            client: format!("unknown[192.0.2.{}]", 60 + number % 3),
            then: (number >= before_limit).then(|| OneTooMany::Rate(31 + number % 40)),
        };
        let finding = match s.rng.within(0..=9) {
            0..5 => Finding::Spam,
            5 => Finding::Refused,
            _ => Finding::Clean,
        };
        let targets = [Target::Away(with(welcome).unwrap_or(somewhere))];
        outbound::submit(s, at, Filters::Up, finding, &submitter, &targets);
    }
}

/// Dozens of addresses try passwords of one POP3 account all day; some do not even start TLS and are turned away.
fn brute_force(s: &mut Scribe, span: Span, scale: f64) {
    for _ in 0..scaled(GUESSES, scale) {
        let at = Moment::at(span.from).after_micros(s.rng.within(0..=span.secs() as u64 * 1_000_000));
        let address = format!("192.0.2.{}", 100 + s.rng.within(0..=GUESSERS - 1));
        if s.rng.one_in(4) {
            let session = s.session_id();
            s.dovecot(
                at,
                format_args!(
                    "pop3-login: Disconnected: Connection closed (tried to use disallowed plaintext auth): user=<>, \
                     rip={address}, lip={OUR_ADDRESS}, session=<{session}>"
                ),
            );
        } else {
            let attempts = s.rng.within(1..=3);
            sessions::wrong_password(s, at, "pop3-login", cast::BRUTE_FORCED, &address, attempts);
        }
    }
}

fn scaled(count: f64, scale: f64) -> u64 {
    (count * scale).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lies_in_the_default_range_and_the_lost_log_is_a_gap() {
        let until = Time(1_795_314_180);
        let incidents = Incidents::before(until);
        let spans = [incidents.compromised, incidents.brute_force, incidents.broken_filters, incidents.lost_log];
        for span in spans {
            assert!(span.from > until.plus_secs(-89 * DAY_SECS) && span.until < until, "{span:?}");
        }
        // Longer than the silence that is taken for a gap.
        assert!(incidents.lost_log.secs() > 6 * 3600);
        assert_eq!(incidents.filters(incidents.broken_filters.from), Filters::Down);
        assert!(!incidents.is_kept(incidents.lost_log.from) && incidents.is_kept(incidents.lost_log.until));
    }
}
