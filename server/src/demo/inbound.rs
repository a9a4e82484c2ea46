//! Mail from outside to the mailboxes here: accepted, scanned, refused or delivered.

use super::cast::{ALIASES, Alias, MAILBOXES, Mailbox, OUTSIDERS, PEERS, Peer};
use super::filters::{self, Filters, Finding};
use super::mail::{self, Letter};
use super::page::Moment;
use super::scribe::Scribe;

/// Of a thousand messages that are let in as far as the filters.
const SPAM_PER_MILLE: u64 = 70;
const REFUSED_PER_MILLE: u64 = 25;
const VIRUS_PER_MILLE: u64 = 4;
/// Notifications of other servers about mail of ours, true or forged.
const RETURNED_PER_MILLE: u64 = 25;

/// A mailbox, by how much it receives.
fn receiver(s: &mut Scribe) -> &'static Mailbox {
    &MAILBOXES[s.rng.by_weight(MAILBOXES.iter().map(|mailbox| mailbox.receives))]
}

fn peer(s: &mut Scribe) -> &'static Peer {
    &PEERS[s.rng.by_weight(PEERS.iter().map(|peer| peer.weight))]
}

/// Whom a message is for: mailboxes, and the alias that it named, if any.
fn recipients(s: &mut Scribe) -> (Vec<&'static str>, Option<&'static Alias>) {
    if s.rng.one_in(8) {
        let alias = s.rng.pick(ALIASES);
        return (alias.members.to_vec(), Some(alias));
    }
    let first = receiver(s);
    let mut addresses = vec![first.address];
    if s.rng.one_in(14) {
        let others: Vec<_> = MAILBOXES.iter().filter(|other| other.domain() == first.domain()).collect();
        let second = s.rng.pick(&others).address;
        if second != first.address {
            addresses.push(second);
        }
    }
    (addresses, None)
}

fn finding(s: &mut Scribe) -> Finding {
    match s.rng.within(0..=999) {
        n if n < VIRUS_PER_MILLE => Finding::Virus,
        n if n < VIRUS_PER_MILLE + REFUSED_PER_MILLE => Finding::Refused,
        n if n < VIRUS_PER_MILLE + REFUSED_PER_MILLE + SPAM_PER_MILLE => Finding::Spam,
        _ => Finding::Clean,
    }
}

/// One message from another server.
pub fn message(s: &mut Scribe, at: Moment, filters: Filters) {
    let peer = peer(s);
    let sender = if s.rng.within(0..=999) < RETURNED_PER_MILLE {
        String::new()
    } else if peer.list {
        format!("weekly-bounces@{}", peer.domain)
    } else {
        format!("{}@{}", s.rng.pick(OUTSIDERS), peer.domain)
    };
    let (mailboxes, alias) = recipients(s);
    let finding = if peer.list { Finding::Clean } else { finding(s) };
    let named = if alias.is_some() { 1 } else { mailboxes.len() };
    let client = format!("{}[{}]", peer.host, peer.address);
    let smtpd = s.pid();

    s.postfix(at, "smtpd", smtpd, format_args!("connect from {client}"));
    let mut at = s.later(at, 20, 300);
    let secure = !s.rng.one_in(4);
    if secure {
        mail::tls(s, at, "smtpd", smtpd, &client);
        at = s.later(at, 20, 90);
    }
    let letter = Letter {
        id: s.queue_id(at),
        message_id: s.message_id(at, peer.domain),
        from: sender,
        size: s.rng.skewed(2_200..=900_000),
    };
    let cleanup = s.pid();
    s.postfix(at, "smtpd", smtpd, format_args!("{}: client={client}", letter.id));
    at = s.later(at, 20, 200);
    s.postfix(at, "cleanup", cleanup, format_args!("{}: message-id=<{}>", letter.id, letter.message_id));
    at = filters::scan(s, at.after_ms(3), filters, finding, &letter.message_id, letter.size);
    at = s.later(at, 2, 20);

    let refusal = match finding {
        Finding::Refused if filters == Filters::Up => Some("Blocked by SpamAssassin"),
        Finding::Virus if filters == Filters::Up => Some("Virus found: Eicar-Test-Signature"),
        _ => None,
    };
    let (hello, hello_count) = if secure { ("ehlo=2 starttls=1", 3) } else { ("ehlo=1", 1) };
    let good = hello_count + 1 + named + 1;
    if let Some(refusal) = refusal {
        let to = alias.map_or(mailboxes[mailboxes.len() - 1], |alias| alias.address);
        s.postfix(
            at,
            "cleanup",
            cleanup,
            format_args!(
                "{}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 {refusal}; from=<{}> to=<{to}> proto=ESMTP helo=<{}>",
                letter.id, letter.from, peer.host
            ),
        );
        at = s.later(at, 5, 40);
        s.postfix(
            at,
            "smtpd",
            smtpd,
            format_args!(
                "disconnect from {client} {hello} mail=1 rcpt={named} data=0/1 quit=1 commands={good}/{}",
                good + 1
            ),
        );
        return;
    }
    mail::activate(s, at, &letter, mailboxes.len());
    let hung_up = s.later(at, 5, 60);
    s.postfix(
        hung_up,
        "smtpd",
        smtpd,
        format_args!("disconnect from {client} {hello} mail=1 rcpt={named} data=1 quit=1 commands={}", good + 1),
    );
    for mailbox in mailboxes {
        at = mail::deliver_here(s, at, &letter, mailbox, alias.map(|alias| alias.address));
    }
    at = s.later(at, 1, 5);
    mail::remove(s, at, &letter);
}
