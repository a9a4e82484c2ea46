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

/// A session of another server that brings one letter.
struct Session {
    peer: &'static Peer,
    /// `host[address]`
    client: String,
    smtpd: u32,
    cleanup: u32,
    /// Its commands up to the data, as the disconnect line counts them.
    counts: String,
    commands: usize,
}

/// One message from another server.
pub fn message(s: &mut Scribe, at: Moment, filters: Filters) {
    let peer = peer(s);
    let from = sender(s, peer);
    let (mailboxes, alias) = recipients(s);
    let finding = if peer.list { Finding::Clean } else { finding(s) };
    let named = if alias.is_some() { 1 } else { mailboxes.len() };

    let (session, at) = Session::open(s, at, peer, named);
    let message_id = s.message_id(at, peer.domain);
    let letter = Letter { id: s.queue_id(at), message_id, from, size: s.rng.skewed(2_200..=900_000) };
    let at = session.receive(s, at, &letter);
    let at = filters::scan(s, at, filters, finding, &letter.message_id, letter.size);
    let at = s.later(at, 2, 20);
    let refusal = match (filters, finding) {
        (Filters::Up, Finding::Refused) => "Blocked by SpamAssassin",
        (Filters::Up, Finding::Virus) => "Virus found: Eicar-Test-Signature",
        _ => {
            mail::activate(s, at, &letter, mailboxes.len());
            session.accept(s, at);
            let mut at = at;
            for mailbox in mailboxes {
                at = mail::deliver_here(s, at, &letter, mailbox, alias.map(|alias| alias.address));
            }
            at = s.later(at, 1, 5);
            mail::remove(s, at, &letter);
            return;
        }
    };
    let last_named = alias.map_or(mailboxes[mailboxes.len() - 1], |alias| alias.address);
    session.refuse(s, at, &letter, last_named, refusal);
}

fn sender(s: &mut Scribe, peer: &Peer) -> String {
    if s.rng.within(0..=999) < RETURNED_PER_MILLE {
        String::new()
    } else if peer.list {
        format!("weekly-bounces@{}", peer.domain)
    } else {
        format!("{}@{}", s.rng.pick(OUTSIDERS), peer.domain)
    }
}

impl Session {
    fn open(s: &mut Scribe, at: Moment, peer: &'static Peer, named: usize) -> (Session, Moment) {
        let client = format!("{}[{}]", peer.host, peer.address);
        let (smtpd, cleanup) = (s.pid(), s.pid());
        s.postfix(at, "smtpd", smtpd, format_args!("connect from {client}"));
        let mut at = s.later(at, 20, 300);
        let secure = !s.rng.one_in(4);
        if secure {
            mail::tls(s, at, "smtpd", smtpd, &client);
            at = s.later(at, 20, 90);
        }
        let (hello, hellos) = if secure { ("ehlo=2 starttls=1", 3) } else { ("ehlo=1", 1) };
        let counts = format!("{hello} mail=1 rcpt={named}");
        (Session { peer, client, smtpd, cleanup, counts, commands: hellos + 1 + named }, at)
    }

    fn receive(&self, s: &mut Scribe, at: Moment, letter: &Letter) -> Moment {
        s.postfix(at, "smtpd", self.smtpd, format_args!("{}: client={}", letter.id, self.client));
        let at = s.later(at, 20, 200);
        s.postfix(at, "cleanup", self.cleanup, format_args!("{}: message-id=<{}>", letter.id, letter.message_id));
        at.after_ms(3)
    }

    fn accept(&self, s: &mut Scribe, at: Moment) {
        let at = s.later(at, 5, 60);
        let Session { client, counts, .. } = self;
        let commands = self.commands + 2;
        s.postfix(
            at,
            "smtpd",
            self.smtpd,
            format_args!("disconnect from {client} {counts} data=1 quit=1 commands={commands}"),
        );
    }

    /// A milter refuses the letter at the end of its data; Postfix names the last recipient.
    fn refuse(&self, s: &mut Scribe, at: Moment, letter: &Letter, to: &str, reason: &str) {
        let Session { client, counts, .. } = self;
        let (id, from, helo) = (&letter.id, &letter.from, self.peer.host);
        s.postfix(
            at,
            "cleanup",
            self.cleanup,
            format_args!(
                "{id}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 {reason}; from=<{from}> to=<{to}> proto=ESMTP \
                 helo=<{helo}>"
            ),
        );
        let at = s.later(at, 5, 40);
        let (good, all) = (self.commands + 1, self.commands + 2);
        s.postfix(
            at,
            "smtpd",
            self.smtpd,
            format_args!("disconnect from {client} {counts} data=0/1 quit=1 commands={good}/{all}"),
        );
    }
}
