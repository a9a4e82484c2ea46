//! Mail of our users: submitted with a log-in and scanned. What becomes of it then is in [`super::transfer`].

use super::cast::{DESTINATIONS, DOMAINS, Destination, MAILBOXES, Mailbox};
use super::filters::{self, Filters, Finding};
use super::mail::{self, Letter};
use super::page::Moment;
use super::scribe::Scribe;
use super::transfer::{self, Target};

const SERVICE: &str = "submission/smtpd";

/// Who sends from where.
#[derive(Clone, Debug)]
pub struct Submitter {
    pub login: &'static str,
    /// Host name and address of the client, as Postfix writes them.
    pub client: String,
    /// The same session's next message is refused.
    pub then: Option<OneTooMany>,
}

/// By what limit a message is refused.
#[derive(Clone, Copy, Debug)]
pub enum OneTooMany {
    /// anvil counts so many requests of the client in this minute.
    Rate(u64),
    /// The account's quota of messages.
    Count,
    /// The account's quota of bytes.
    Volume,
}

impl Submitter {
    /// A user at the usual place: the office of the domain, or at home.
    pub fn usual(s: &mut Scribe, mailbox: &'static Mailbox) -> Submitter {
        Submitter { login: mailbox.address, client: client_of(s, mailbox), then: None }
    }
}

/// `host[address]` of the place where a mailbox is used.
fn client_of(s: &mut Scribe, mailbox: &Mailbox) -> String {
    let number = place_of(s, mailbox);
    format!("dyn-{number}.pool.isp.example[198.51.100.{number}]")
}

/// The last number of the address a mailbox is used from: its domain's office for the most part.
pub fn place_of(s: &mut Scribe, mailbox: &Mailbox) -> usize {
    let home = MAILBOXES.iter().position(|other| other.address == mailbox.address).unwrap_or(0);
    let office = DOMAINS.iter().position(|domain| *domain == mailbox.domain()).unwrap_or(0);
    if s.rng.one_in(3) { 40 + home } else { 7 + office }
}

fn sender(s: &mut Scribe) -> &'static Mailbox {
    &MAILBOXES[s.rng.by_weight(MAILBOXES.iter().map(|mailbox| mailbox.sends))]
}

fn destination(s: &mut Scribe) -> &'static Destination {
    &DESTINATIONS[s.rng.by_weight(DESTINATIONS.iter().map(|destination| destination.weight))]
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
    let Submitter { login, client, .. } = submitter;
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
    if (filters, finding) == (Filters::Up, Finding::Refused) {
        refuse(s, at, &letter, submitter, (smtpd, cleanup), &first_address(targets));
        return;
    }
    mail::activate(s, at, &letter, targets.len());
    hang_up(s, at, submitter, smtpd, targets);
    transfer::deliver(s, at, &letter, targets);
}

/// The milter refuses spam of our own users too.
fn refuse(s: &mut Scribe, at: Moment, letter: &Letter, submitter: &Submitter, pids: (u32, u32), to: &str) {
    let ((smtpd, cleanup), id) = (pids, &letter.id);
    let Submitter { login, client, .. } = submitter;
    s.postfix(
        at,
        "cleanup",
        cleanup,
        format_args!(
            "{id}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Blocked by SpamAssassin; from=<{login}> to=<{to}> \
             proto=ESMTP helo=<[192.168.1.20]>"
        ),
    );
    let at = s.later(at, 5, 40);
    s.postfix(
        at,
        SERVICE,
        smtpd,
        format_args!("disconnect from {client} ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=0/1 quit=1 commands=7/8"),
    );
}

fn first_address(targets: &[Target]) -> String {
    match targets.first() {
        Some(Target::Here(address)) => (*address).to_owned(),
        Some(Target::Away(destination)) => format!("contact@{}", destination.domain),
        None => String::new(),
    }
}

/// The session ends, for some after one message more that is refused.
fn hang_up(s: &mut Scribe, at: Moment, submitter: &Submitter, smtpd: u32, targets: &[Target]) {
    let Submitter { login, client, then } = submitter;
    let mut at = s.later(at, 5, 60);
    let rcpt = targets.len();
    let good = 7 + rcpt;
    let to = first_address(targets);
    let (id, size) = (s.queue_id(at), s.rng.skewed(40_000..=900_000));
    let mut say = |s: &mut Scribe, message: std::fmt::Arguments<'_>| {
        s.postfix(at, SERVICE, smtpd, message);
        at = s.later(at, 20, 200);
    };
    let mut counts = format!("mail=1 rcpt={rcpt} data=1 quit=1 commands={good}");
    let rejected = "450 4.7.1";
    let envelope = format!("from=<{login}> to=<{to}> proto=ESMTP helo=<[192.168.1.20]>");
    match then {
        None => {}
        Some(OneTooMany::Rate(count)) => {
            say(
                s,
                format_args!(
                    "warning: Message delivery request rate limit exceeded: {count} from {client} for service submission"
                ),
            );
            counts = format!("mail=1/2 rcpt={rcpt} data=1 quit=1 commands={good}/{}", good + 1);
        }
        Some(OneTooMany::Count) => {
            say(
                s,
                format_args!(
                    "NOQUEUE: reject: RCPT from {client}: {rejected} <{to}>: Recipient address rejected: Policy rejection; \
                     Message count quota exceeded; {envelope}"
                ),
            );
            counts = format!("mail=2 rcpt={rcpt}/{} data=1 quit=1 commands={}/{}", rcpt + 1, good + 1, good + 2);
        }
        Some(OneTooMany::Volume) => {
            say(s, format_args!("{id}: client={client}, sasl_method=PLAIN, sasl_username={login}"));
            say(
                s,
                format_args!(
                    "{id}: reject: END-OF-MESSAGE from {client}: {rejected} <END-OF-MESSAGE>: End-of-data rejected: Policy \
                     rejection; Cumulative message size quota exceeded, size={size}; {envelope}"
                ),
            );
            counts = format!("mail=2 rcpt={} data=1/2 quit=1 commands={}/{}", rcpt + 1, good + 2, good + 3);
        }
    }
    say(s, format_args!("disconnect from {client} ehlo=2 starttls=1 auth=1 {counts}"));
}
