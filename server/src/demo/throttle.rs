//! Limits that bite: the newsletter runs into its account's quota, and floods of notifications are held off.
//! In the words of policyd (cbpolicyd) 2.1 with its Quotas module, and of Rspamd's ratelimit.

use super::cast::{self, MAILBOXES, OUTSIDERS};
use super::page::Moment;
use super::scribe::Scribe;

/// Messages an hour that the newsletter's account may send.
const MESSAGES: u64 = 100;
/// Bytes an hour.
const VOLUME: u64 = 52_428_800;

/// The newsletter goes on after its hundred messages; policyd defers the rest, and the client comes again.
pub fn newsletter(s: &mut Scribe, at: Moment) {
    let mut at = at;
    for over in 1..=s.rng.within(2..=9) {
        quota(s, at, "MessageCount", MESSAGES, (MESSAGES + over) as f64);
        at = s.later(at, 2_000, 40_000);
    }
    if s.rng.one_in(2) {
        for over in 1..=s.rng.within(1..=3) {
            quota(s, at, "MessageCumulativeSize", VOLUME, (VOLUME + over * 180_417) as f64);
            at = s.later(at, 2_000, 40_000);
        }
    }
}

fn quota(s: &mut Scribe, at: Moment, counter: &str, limit: u64, used: f64) {
    let pid = s.pid();
    let account = cast::NEWSLETTER;
    let to = format!("{}@bigmail.example", s.rng.pick(OUTSIDERS));
    let percent = used / limit as f64 * 100.0;
    s.daemon(
        at,
        "cbpolicyd",
        pid,
        format_args!(
            "module=Quotas, action=defer, host=198.51.100.19, helo=[192.168.1.20], from={account}, to={to}, reason=quota_match, \
             policy=6, quota=3, limit=4, track=Sender:{account}, counter={counter}, quota={used:.2}/{limit} ({percent:.1}%)"
        ),
    );
}

/// Notifications about mail that somebody forged in a user's name: Rspamd holds them off.
pub fn bounce_flood(s: &mut Scribe, at: Moment) {
    let victim = s.rng.pick(MAILBOXES).address;
    let mut at = at;
    for _ in 0..s.rng.within(2..=6) {
        let pid = s.pid();
        let task = s.rng.letters(b"0123456789abcdef", 6);
        s.daemon(
            at,
            "rspamd",
            pid,
            format_args!(
                "<{task}>; proxy; ratelimit.lua:441: ratelimit \"bounce_to({victim})\" exceeded, (5 / 0.000555): 6 (1:1 dyn); \
                 redis key: RL_{task}"
            ),
        );
        at = s.later(at, 1_000, 20_000);
    }
}
