//! Letters brought to their recipients: to mailboxes here, and to other servers, which take them, put them off, refuse
//! them or do not answer. In the words of Postfix 3.7's smtp client.

use super::cast::{Destination, OUTSIDERS, Welcome};
use super::mail::{self, Delays, Letter};
use super::page::Moment;
use super::scribe::Scribe;

/// Postfix tries again after these many minutes, each counted from the attempt before.
const RETRY_MINUTES: [u64; 6] = [5, 10, 20, 40, 66, 66];
/// `maximal_queue_lifetime` of this site, in hours: short, so that a sender hears of it the same day.
const EXPIRES_AFTER_HOURS: u64 = 5;

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Here(&'static str),
    Away(&'static Destination),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Bounced,
    Expired,
}

/// Brings the letter to each recipient; at the end it leaves the queue, however that went.
pub fn deliver(s: &mut Scribe, at: Moment, letter: &Letter, targets: &[Target]) {
    let mut end = at;
    let mut failed = false;
    for target in targets {
        let (done, fate) = match target {
            Target::Here(mailbox) => (mail::deliver_here(s, at, letter, mailbox, None), Fate::Sent),
            Target::Away(destination) => bring(s, at, letter, destination),
        };
        end = end.max(done);
        failed |= fate != Fate::Sent;
        if fate == Fate::Expired {
            end = s.later(end, 1, 5);
            s.qmgr(end, format_args!("{}: from=<{}>, status=expired, returned to sender", letter.id, letter.from));
        }
    }
    if failed {
        let noted = mail::notify_sender(s, end, letter);
        end = end.max(noted);
    }
    end = s.later(end, 1, 8);
    mail::remove(s, end, letter);
}

/// One recipient at another server.
struct Errand<'a> {
    letter: &'a Letter,
    to: String,
    /// `host[address]`
    mx: String,
    domain: &'static str,
    welcome: Welcome,
}

/// How an attempt went.
struct Outcome {
    /// Milliseconds until there was a connection, and of talking after that.
    setup_ms: u64,
    transmission_ms: u64,
    has_relay: bool,
    dsn: &'static str,
    status: &'static str,
    answer: String,
}

/// All attempts for one recipient; returns when the last one ended.
fn bring(s: &mut Scribe, at: Moment, letter: &Letter, destination: &'static Destination) -> (Moment, Fate) {
    let Destination { domain, host, address, welcome, .. } = *destination;
    let to = format!("{}@{domain}", s.rng.pick(OUTSIDERS));
    let errand = Errand { letter, to, mx: format!("{host}[{address}]"), domain, welcome };
    let mut put_off: u64 = match welcome {
        Welcome::Takes | Welcome::UserUnknown | Welcome::Ancient | Welcome::NoSuchDomain => 0,
        Welcome::Greylists | Welcome::TooBusy => 1,
        Welcome::DropsConnection | Welcome::TimesOut => s.rng.within(1..=2),
        Welcome::MailboxFull => s.rng.within(1..=4),
        Welcome::Dead => u64::MAX,
    };
    let expires = at.after_secs(EXPIRES_AFTER_HOURS * 3_600);
    let arrived = at;
    let mut at = at;
    let mut retries = RETRY_MINUTES.iter().chain(std::iter::repeat(&RETRY_MINUTES[RETRY_MINUTES.len() - 1]));
    while put_off > 0 {
        put_off -= 1;
        let outcome = errand.put_off();
        at = errand.attempt(s, arrived, at, &outcome);
        let minutes = retries.next().copied().unwrap_or_default();
        at = s.later(at, minutes * 60_000, minutes * 60_000 + 90_000);
        if at > expires {
            return (at, Fate::Expired);
        }
        mail::activate(s, at, letter, 1);
    }
    let (outcome, fate) = errand.decide(s);
    (errand.attempt(s, arrived, at, &outcome), fate)
}

impl Errand<'_> {
    /// Writes down an attempt; returns when it ended.
    fn attempt(&self, s: &mut Scribe, arrived: Moment, at: Moment, outcome: &Outcome) -> Moment {
        let smtp = s.pid();
        let Outcome { setup_ms, transmission_ms, has_relay, dsn, status, answer } = outcome;
        let connected = at.after_ms(10 + setup_ms);
        if answer.starts_with("connect to") {
            s.postfix(connected, "smtp", smtp, format_args!("{answer}"));
        }
        let end = connected.after_ms(*transmission_ms).after_micros(s.rng.within(100..=4_000));
        let waited_ms = at.time().secs_since(arrived.time()).max(0) as u64 * 1_000 + s.rng.within(60..=400);
        let delays = Delays([waited_ms, 10, *setup_ms, *transmission_ms]);
        let relay = if *has_relay { format!("{}:25", self.mx) } else { "none".to_owned() };
        let (id, to) = (&self.letter.id, &self.to);
        s.postfix(
            end,
            "smtp",
            smtp,
            format_args!("{id}: to=<{to}>, relay={relay}, {delays}, dsn={dsn}, status={status} ({answer})"),
        );
        end
    }

    /// An attempt after which the recipient stays in the queue.
    fn put_off(&self) -> Outcome {
        let Errand { to, mx, .. } = self;
        let name = mx.split('[').next().unwrap_or_default();
        let (setup_ms, transmission_ms, dsn, answer) = match self.welcome {
            Welcome::Dead => (50, 0, "4.4.1", format!("connect to {mx}:25: Connection refused")),
            Welcome::DropsConnection => (80, 0, "4.4.2", format!("lost connection with {mx} while sending RCPT TO")),
            Welcome::TimesOut => {
                let answer = format!("conversation with {mx} timed out while receiving the initial server greeting");
                (30_000, 0, "4.4.2", answer)
            }
            Welcome::TooBusy => {
                let answer =
                    format!("host {mx} refused to talk to me: 421 4.3.2 {name} Service not available, too busy");
                (120, 0, "4.3.2", answer)
            }
            Welcome::MailboxFull => {
                let answer = format!("host {mx} said: 452 4.2.2 <{to}>: Mailbox full (in reply to RCPT TO command)");
                (70, 60, "4.2.2", answer)
            }
            Welcome::Greylists | Welcome::Takes | Welcome::UserUnknown | Welcome::Ancient | Welcome::NoSuchDomain => {
                let answer = format!(
                    "host {mx} said: 450 4.2.0 <{to}>: Recipient address rejected: Greylisted, see \
                     http://greylist.example/help (in reply to RCPT TO command)"
                );
                (70, 60, "4.2.0", answer)
            }
        };
        let has_relay = self.welcome != Welcome::Dead;
        Outcome { setup_ms, transmission_ms, has_relay, dsn, status: "deferred", answer }
    }

    /// The attempt that decides.
    fn decide(&self, s: &mut Scribe) -> (Outcome, Fate) {
        let Errand { to, mx, domain, .. } = self;
        let (dsn, status, fate, answer) = match self.welcome {
            Welcome::UserUnknown => {
                let answer = format!(
                    "host {mx} said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown (in reply to RCPT TO command)"
                );
                ("5.1.1", "bounced", Fate::Bounced, answer)
            }
            Welcome::Ancient => {
                let answer =
                    format!("host {mx} said: 502 5.5.2 Error: command not recognized (in reply to MAIL FROM command)");
                ("5.5.2", "bounced", Fate::Bounced, answer)
            }
            Welcome::NoSuchDomain => {
                let answer = format!(
                    "Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found"
                );
                ("5.4.4", "bounced", Fate::Bounced, answer)
            }
            _ => ("2.0.0", "sent", Fate::Sent, format!("250 2.0.0 Ok: queued as {}", s.session_id())),
        };
        let setup_ms = s.rng.within(40..=400);
        let size_ms = if fate == Fate::Sent { self.letter.size / 2_000 } else { 0 };
        let transmission_ms = s.rng.within(40..=900) + size_ms;
        let has_relay = self.welcome != Welcome::NoSuchDomain;
        (Outcome { setup_ms, transmission_ms, has_relay, dsn, status, answer }, fate)
    }
}
