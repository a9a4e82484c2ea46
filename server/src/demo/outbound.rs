//! Mail of our users to the world: submitted with a log-in, scanned, brought to other servers, which take it, put it
//! off, refuse it or do not answer.

use super::cast::{DESTINATIONS, DOMAINS, Destination, MAILBOXES, Mailbox, OUTSIDERS, Welcome};
use super::filters::{self, Filters, Finding};
use super::mail::{self, Delays, Letter};
use super::page::Moment;
use super::scribe::Scribe;

/// Postfix tries again after these many minutes, each counted from the attempt before.
const RETRY_MINUTES: [u64; 6] = [5, 10, 20, 40, 66, 66];
/// `maximal_queue_lifetime` of this site, in hours: short, so that a sender hears of it the same day.
const EXPIRES_AFTER_HOURS: u64 = 5;

/// Who sends from where.
#[derive(Clone, Debug)]
pub struct Submitter {
    pub login: &'static str,
    /// Host name and address of the client, as Postfix writes them.
    pub client: String,
    /// The client's next message is one too many: anvil's count for this minute when it is refused.
    pub over_limit: Option<u64>,
}

impl Submitter {
    /// A user at the usual place: the office of the domain, or at home.
    pub fn usual(s: &mut Scribe, mailbox: &'static Mailbox) -> Submitter {
        Submitter { login: mailbox.address, client: client_of(s, mailbox), over_limit: None }
    }
}

/// `host[address]` of the place where a mailbox is used.
pub fn client_of(s: &mut Scribe, mailbox: &Mailbox) -> String {
    let number = place_of(s, mailbox);
    format!("dyn-{number}.pool.isp.example[198.51.100.{number}]")
}

/// The last number of the address a mailbox is used from: its domain's office for the most part.
pub fn place_of(s: &mut Scribe, mailbox: &Mailbox) -> usize {
    let home = MAILBOXES.iter().position(|other| other.address == mailbox.address).unwrap_or(0);
    let office = DOMAINS.iter().position(|domain| *domain == mailbox.domain()).unwrap_or(0);
    if s.rng.one_in(3) { 40 + home } else { 7 + office }
}

pub fn sender(s: &mut Scribe) -> &'static Mailbox {
    &MAILBOXES[s.rng.by_weight(MAILBOXES.iter().map(|mailbox| mailbox.sends))]
}

pub fn destination(s: &mut Scribe) -> &'static Destination {
    &DESTINATIONS[s.rng.by_weight(DESTINATIONS.iter().map(|destination| destination.weight))]
}

/// Where a message goes.
#[derive(Debug)]
pub enum Target {
    Here(&'static str),
    Away(&'static Destination),
}

/// One message of a user, to one to three recipients.
pub fn message(s: &mut Scribe, at: Moment, filters: Filters) {
    let mailbox = sender(s);
    let submitter = Submitter::usual(s, mailbox);
    let finding = if s.rng.one_in(250) { Finding::Spam } else { Finding::Clean };
    let mut targets = vec![target(s)];
    while targets.len() < 3 && s.rng.one_in(5) {
        targets.push(target(s));
    }
    submit(s, at, filters, finding, &submitter, &targets);
}

fn target(s: &mut Scribe) -> Target {
    if s.rng.one_in(6) { Target::Here(s.rng.pick(MAILBOXES).address) } else { Target::Away(destination(s)) }
}

/// The submission session and all that follows from it.
pub fn submit(
    s: &mut Scribe,
    at: Moment,
    filters: Filters,
    finding: Finding,
    submitter: &Submitter,
    targets: &[Target],
) {
    const SERVICE: &str = "submission/smtpd";
    let Submitter { login, client, over_limit } = submitter;
    let smtpd = s.pid();
    s.postfix(at, SERVICE, smtpd, format_args!("connect from {client}"));
    let mut at = s.later(at, 30, 200);
    mail::tls(s, at, SERVICE, smtpd, client);
    at = s.later(at, 40, 300);
    let domain = login.split_once('@').map_or("", |(_, domain)| domain);
    let letter = Letter {
        id: s.queue_id(at),
        message_id: s.message_id(at, domain),
        from: (*login).to_owned(),
        size: s.rng.skewed(1_400..=2_500_000),
    };
    let cleanup = s.pid();
    s.postfix(
        at,
        SERVICE,
        smtpd,
        format_args!("{}: client={client}, sasl_method=PLAIN, sasl_username={login}", letter.id),
    );
    at = s.later(at, 20, 120);
    if s.rng.one_in(30) {
        s.postfix(
            at,
            "cleanup",
            cleanup,
            format_args!(
                "{}: info: header X-Priority: 1 from {client}; from=<{login}> to=<{}> proto=ESMTP helo=<[192.168.1.20]>",
                letter.id,
                first_address(targets)
            ),
        );
    }
    s.postfix(at, "cleanup", cleanup, format_args!("{}: message-id=<{}>", letter.id, letter.message_id));
    at = filters::scan(s, at.after_ms(3), filters, finding, &letter.message_id, letter.size);
    at = s.later(at, 2, 20);
    mail::activate(s, at, &letter, targets.len());
    let mut hung_up = s.later(at, 5, 60);
    let rcpt = targets.len();
    let good = 7 + rcpt;
    if let Some(count) = over_limit {
        s.postfix(
            hung_up,
            SERVICE,
            smtpd,
            format_args!(
                "warning: Message delivery request rate limit exceeded: {count} from {client} for service submission"
            ),
        );
        hung_up = s.later(hung_up, 20, 200);
        let counts = format!("mail=1/2 rcpt={rcpt} data=1 quit=1 commands={good}/{}", good + 1);
        s.postfix(hung_up, SERVICE, smtpd, format_args!("disconnect from {client} ehlo=2 starttls=1 auth=1 {counts}"));
    } else {
        let counts = format!("mail=1 rcpt={rcpt} data=1 quit=1 commands={good}");
        s.postfix(hung_up, SERVICE, smtpd, format_args!("disconnect from {client} ehlo=2 starttls=1 auth=1 {counts}"));
    }
    deliver(s, at, &letter, targets);
}

fn first_address(targets: &[Target]) -> String {
    match targets.first() {
        Some(Target::Here(address)) => (*address).to_owned(),
        Some(Target::Away(destination)) => format!("contact@{}", destination.domain),
        None => String::new(),
    }
}

/// Brings the letter to each recipient; at the end it leaves the queue, however that went.
fn deliver(s: &mut Scribe, at: Moment, letter: &Letter, targets: &[Target]) {
    let mut end = at;
    let mut failed = false;
    for target in targets {
        let (done, fate) = match target {
            Target::Here(mailbox) => (mail::deliver_here(s, at, letter, mailbox, None), Fate::Sent),
            Target::Away(destination) => bring(s, at, letter, destination),
        };
        end = end.max(done);
        failed |= fate == Fate::Bounced;
        if fate == Fate::Expired {
            end = s.later(end, 1, 5);
            s.qmgr(end, format_args!("{}: from=<{}>, status=expired, returned to sender", letter.id, letter.from));
            failed = true;
        }
    }
    if failed {
        let noted = mail::notify_sender(s, end, letter);
        end = end.max(noted);
    }
    end = s.later(end, 1, 8);
    mail::remove(s, end, letter);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Bounced,
    Expired,
}

/// One recipient at another server, with all attempts; returns when the last one ended.
fn bring(s: &mut Scribe, at: Moment, letter: &Letter, destination: &Destination) -> (Moment, Fate) {
    let to = format!("{}@{}", s.rng.pick(OUTSIDERS), destination.domain);
    let Destination { host, address, welcome, .. } = *destination;
    let mx = format!("{host}[{address}]");
    let put_off: u64 = match welcome {
        Welcome::Takes | Welcome::UserUnknown | Welcome::Ancient | Welcome::NoSuchDomain => 0,
        Welcome::Greylists | Welcome::TooBusy => 1,
        Welcome::DropsConnection | Welcome::TimesOut => s.rng.within(1..=2),
        Welcome::MailboxFull => s.rng.within(1..=4),
        Welcome::Dead => u64::MAX,
    };
    let arrived = at;
    let mut at = at;
    for attempt in 0.. {
        let waited = (at.time().secs_since(arrived.time()).max(0) as u64) * 1000 + s.rng.within(60..=400);
        if attempt < put_off {
            at = put_off_once(s, at, letter, &to, &mx, welcome, waited);
            let minutes = RETRY_MINUTES[(attempt as usize).min(RETRY_MINUTES.len() - 1)];
            at = s.later(at, minutes * 60_000, minutes * 60_000 + 90_000);
            if at > arrived.after_secs(EXPIRES_AFTER_HOURS * 3_600) {
                return (at, Fate::Expired);
            }
            mail::activate(s, at, letter, 1);
            continue;
        }
        return last_attempt(s, at, letter, &to, &mx, welcome, waited);
    }
    (at, Fate::Sent)
}

/// An attempt after which the recipient stays in the queue.
fn put_off_once(
    s: &mut Scribe,
    at: Moment,
    letter: &Letter,
    to: &str,
    mx: &str,
    welcome: Welcome,
    waited: u64,
) -> Moment {
    let smtp = s.pid();
    let (setup, transmission, relay, dsn, reason) = match welcome {
        Welcome::Dead => {
            let reason = format!("connect to {mx}:25: Connection refused");
            let refused = s.later(at, 40, 60);
            s.postfix(refused, "smtp", smtp, format_args!("{reason}"));
            (50, 0, "none".to_owned(), "4.4.1", reason)
        }
        Welcome::DropsConnection => {
            (80, 0, format!("{mx}:25"), "4.4.2", format!("lost connection with {mx} while sending RCPT TO"))
        }
        Welcome::TimesOut => {
            let reason = format!("conversation with {mx} timed out while receiving the initial server greeting");
            (30_000, 0, format!("{mx}:25"), "4.4.2", reason)
        }
        Welcome::TooBusy => {
            let name = mx.split('[').next().unwrap_or_default();
            let reason = format!("host {mx} refused to talk to me: 421 4.3.2 {name} Service not available, too busy");
            (120, 0, format!("{mx}:25"), "4.3.2", reason)
        }
        Welcome::MailboxFull => {
            let reason = format!("host {mx} said: 452 4.2.2 <{to}>: Mailbox full (in reply to RCPT TO command)");
            (70, 60, format!("{mx}:25"), "4.2.2", reason)
        }
        Welcome::Greylists | Welcome::Takes | Welcome::UserUnknown | Welcome::Ancient | Welcome::NoSuchDomain => {
            let reason = format!(
                "host {mx} said: 450 4.2.0 <{to}>: Recipient address rejected: Greylisted, see http://greylist.example/help \
                 (in reply to RCPT TO command)"
            );
            (70, 60, format!("{mx}:25"), "4.2.0", reason)
        }
    };
    let end = at.after_ms(setup + transmission + 10);
    let delays = Delays([waited, 10, setup, transmission]);
    s.postfix(
        end,
        "smtp",
        smtp,
        format_args!("{}: to=<{to}>, relay={relay}, {delays}, dsn={dsn}, status=deferred ({reason})", letter.id),
    );
    end
}

/// The attempt that decides.
fn last_attempt(
    s: &mut Scribe,
    at: Moment,
    letter: &Letter,
    to: &str,
    mx: &str,
    welcome: Welcome,
    waited: u64,
) -> (Moment, Fate) {
    let smtp = s.pid();
    let (setup, transmission) = (s.rng.within(40..=400), s.rng.within(40..=900) + letter.size / 2_000);
    let (relay, dsn, fate, answer) = match welcome {
        Welcome::UserUnknown => {
            let answer = format!(
                "host {mx} said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown (in reply to RCPT TO command)"
            );
            (format!("{mx}:25"), "5.1.1", Fate::Bounced, answer)
        }
        Welcome::Ancient => {
            let answer =
                format!("host {mx} said: 502 5.5.2 Error: command not recognized (in reply to MAIL FROM command)");
            (format!("{mx}:25"), "5.5.2", Fate::Bounced, answer)
        }
        Welcome::NoSuchDomain => {
            let domain = to.split_once('@').map_or("", |(_, domain)| domain);
            let answer = format!(
                "Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found"
            );
            ("none".to_owned(), "5.4.4", Fate::Bounced, answer)
        }
        _ => {
            let queued = s.session_id();
            (format!("{mx}:25"), "2.0.0", Fate::Sent, format!("250 2.0.0 Ok: queued as {queued}"))
        }
    };
    let end = at.after_ms(setup + transmission + 10);
    let delays = Delays([waited, 10, setup, transmission]);
    let status = if fate == Fate::Sent { "sent" } else { "bounced" };
    s.postfix(
        end,
        "smtp",
        smtp,
        format_args!("{}: to=<{to}>, relay={relay}, {delays}, dsn={dsn}, status={status} ({answer})", letter.id),
    );
    (end, fate)
}
