//! Limits that bite, by a policy daemon that Postfix asks: the newsletter runs into its account's quotas, and floods of
//! notifications about forged mail are held off. Its words stand in mailtally.toml beside this file.

use super::cast::{self, DESTINATIONS, MAILBOXES, PEERS};
use super::filters::{Filters, Finding};
use super::outbound::{self, OneTooMany, Submitter};
use super::page::Moment;
use super::scribe::Scribe;
use super::transfer::Target;

/// The newsletter goes on after its quota; each time one message passes and the next is refused.
pub fn newsletter(s: &mut Scribe, at: Moment, filters: Filters) {
    let refused = match s.rng.within(0..=2) {
        0 => OneTooMany::Volume,
        _ => OneTooMany::Count,
    };
    let mut at = at;
    for _ in 0..s.rng.within(2..=6) {
        let submitter = Submitter {
            login: cast::NEWSLETTER,
            client: "dyn-10.pool.isp.example[198.51.100.10]".to_owned(),
            then: Some(refused),
        };
        let target = Target::Away(&DESTINATIONS[s.rng.within(0..=3) as usize]);
        outbound::submit(s, at, filters, Finding::Clean, &submitter, &[target]);
        at = s.later(at, 15_000, 90_000);
    }
}

/// Notifications about mail that somebody forged in a user's name.
pub fn bounce_flood(s: &mut Scribe, at: Moment) {
    let victim = s.rng.pick(MAILBOXES).address;
    let mut at = at;
    for _ in 0..s.rng.within(2..=6) {
        let peer = s.rng.pick(PEERS);
        let client = format!("{}[{}]", peer.host, peer.address);
        let smtpd = s.pid();
        s.postfix(at, "smtpd", smtpd, format_args!("connect from {client}"));
        let refused = s.later(at, 100, 900);
        s.postfix(
            refused,
            "smtpd",
            smtpd,
            format_args!(
                "NOQUEUE: reject: RCPT from {client}: 450 4.7.1 <{victim}>: Recipient address rejected: Policy rejection; \
                 Bounce quota exceeded; from=<> to=<{victim}> proto=ESMTP helo=<{}>",
                peer.host
            ),
        );
        let hung_up = s.later(refused, 10, 90);
        s.postfix(
            hung_up,
            "smtpd",
            smtpd,
            format_args!("disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"),
        );
        at = s.later(at, 1_000, 20_000);
    }
}
