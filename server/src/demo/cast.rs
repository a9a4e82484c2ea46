//! Who appears: the domains and mailboxes of a small provider, and the world outside. All names and addresses are
//! of the ranges kept for examples (RFC 2606, RFC 5737, RFC 3849), so none can be anyone's.

/// How a mailbox is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Imap,
    Pop,
}

/// A mailbox and how much of everything is its: weights relative to the other mailboxes.
#[derive(Debug)]
pub struct Mailbox {
    pub address: &'static str,
    pub reads: Reads,
    pub receives: u32,
    pub sends: u32,
}

impl Mailbox {
    pub fn domain(&self) -> &'static str {
        self.address.split_once('@').map_or("", |(_, domain)| domain)
    }
}

const fn mailbox(address: &'static str, reads: Reads, receives: u32, sends: u32) -> Mailbox {
    Mailbox { address, reads, receives, sends }
}

use Reads::{Imap, Pop};

/// The domains, each an office of its own.
pub static DOMAINS: &[&str] = &["example.com", "example.org", "example.net", "shop.example"];

/// Forty mailboxes in four domains.
pub static MAILBOXES: &[Mailbox] = &[
    mailbox("ann@example.com", Imap, 14, 16),
    mailbox("ben@example.com", Imap, 9, 8),
    mailbox("carla@example.com", Imap, 11, 12),
    mailbox("david@example.com", Pop, 6, 4),
    mailbox("emma@example.com", Imap, 12, 10),
    mailbox("frank@example.com", Pop, 5, 3),
    mailbox("grace@example.com", Imap, 8, 9),
    mailbox("henry@example.com", Pop, 4, 2),
    mailbox("iris@example.com", Imap, 7, 6),
    mailbox("jonas@example.com", Imap, 6, 5),
    mailbox("info@example.com", Pop, 18, 3),
    mailbox("accounts@example.com", Imap, 10, 11),
    mailbox("support@example.com", Imap, 22, 24),
    mailbox("admin@example.com", Imap, 6, 2),
    mailbox("nora@example.org", Imap, 8, 9),
    mailbox("oscar@example.org", Pop, 5, 3),
    mailbox("paula@example.org", Imap, 7, 6),
    mailbox("quentin@example.org", Pop, 3, 1),
    mailbox("rosa@example.org", Imap, 6, 5),
    mailbox("samuel@example.org", Pop, 4, 2),
    mailbox("office@example.org", Imap, 12, 9),
    mailbox("board@example.org", Pop, 3, 1),
    mailbox("volunteers@example.org", Pop, 5, 2),
    mailbox("events@example.org", Imap, 6, 7),
    mailbox("tom@example.net", Pop, 5, 4),
    mailbox("ursula@example.net", Imap, 6, 5),
    mailbox("victor@example.net", Imap, 7, 6),
    mailbox("wendy@example.net", Pop, 4, 3),
    mailbox("xaver@example.net", Pop, 2, 1),
    mailbox("yvonne@example.net", Imap, 5, 4),
    mailbox("noc@example.net", Imap, 9, 2),
    mailbox("billing@example.net", Pop, 6, 7),
    mailbox("postmaster@example.net", Imap, 4, 1),
    mailbox("orders@shop.example", Pop, 20, 14),
    mailbox("returns@shop.example", Pop, 6, 5),
    mailbox("lena@shop.example", Imap, 8, 9),
    mailbox("karl@shop.example", Imap, 6, 6),
    mailbox("mia@shop.example", Imap, 7, 7),
    mailbox("news@shop.example", Pop, 2, 12),
    mailbox("warehouse@shop.example", Pop, 5, 2),
];

/// The account whose password was guessed.
pub const COMPROMISED: &str = "tom@example.net";
/// The account whose password was tried hundreds of times.
pub const BRUTE_FORCED: &str = "orders@shop.example";
/// The account that runs into its quota with every newsletter.
pub const NEWSLETTER: &str = "news@shop.example";

/// An alias and the mailboxes it stands for.
#[derive(Debug)]
pub struct Alias {
    pub address: &'static str,
    pub members: &'static [&'static str],
}

pub static ALIASES: &[Alias] = &[
    Alias { address: "hello@example.com", members: &["info@example.com"] },
    Alias { address: "team@example.com", members: &["ann@example.com", "ben@example.com", "emma@example.com"] },
    Alias { address: "press@example.org", members: &["nora@example.org"] },
    Alias { address: "everyone@example.org", members: &["nora@example.org", "paula@example.org", "rosa@example.org"] },
    Alias { address: "abuse@example.net", members: &["noc@example.net", "postmaster@example.net"] },
    Alias { address: "sales@shop.example", members: &["lena@shop.example", "karl@shop.example"] },
];

/// Another mail server that sends to us.
#[derive(Debug)]
pub struct Peer {
    pub host: &'static str,
    pub address: &'static str,
    pub domain: &'static str,
    pub weight: u32,
    /// Whether it sends mail of lists: its envelope senders are `…-bounces@`.
    pub list: bool,
}

const fn peer(host: &'static str, address: &'static str, domain: &'static str, weight: u32) -> Peer {
    Peer { host, address, domain, weight, list: false }
}

pub static PEERS: &[Peer] = &[
    peer("out1.bigmail.example", "203.0.113.10", "bigmail.example", 30),
    peer("out2.bigmail.example", "203.0.113.11", "bigmail.example", 26),
    peer("mta.webpost.example", "203.0.113.24", "webpost.example", 18),
    peer("mail.supplier.example", "203.0.113.40", "supplier.example", 12),
    peer("relay.partner.example", "203.0.113.45", "partner.example", 12),
    peer("smtp.agency.example", "203.0.113.52", "agency.example", 8),
    peer("mail.school.example", "203.0.113.60", "school.example", 6),
    peer("mx.city.example", "203.0.113.71", "city.example", 4),
    peer("post.insurance.example", "203.0.113.80", "insurance.example", 5),
    peer("v6.carrier.example", "2001:db8:25::17", "carrier.example", 4),
    Peer { list: true, ..peer("lists.club.example", "203.0.113.90", "lists.club.example", 10) },
    Peer { list: true, ..peer("out.letters.example", "203.0.113.95", "letters.example", 12) },
];

/// Local parts of those who write from outside and are written to.
pub static OUTSIDERS: &[&str] = &[
    "a.miller",
    "b.novak",
    "c.rossi",
    "d.silva",
    "e.larsen",
    "f.dubois",
    "g.kim",
    "h.meyer",
    "i.costa",
    "j.smith",
    "k.jansen",
    "l.moreau",
    "m.kowalski",
    "n.tanaka",
    "o.hansen",
    "p.garcia",
    "service",
    "orders",
    "office",
    "contact",
];

/// How another mail server behaves when we bring it mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Welcome {
    Takes,
    /// Puts off whoever comes for the first time.
    Greylists,
    UserUnknown,
    MailboxFull,
    /// Nobody listens.
    Dead,
    DropsConnection,
    TimesOut,
    TooBusy,
    /// Old software that knows few commands.
    Ancient,
    NoSuchDomain,
}

/// A domain outside that our users write to.
#[derive(Debug)]
pub struct Destination {
    pub domain: &'static str,
    pub host: &'static str,
    pub address: &'static str,
    pub welcome: Welcome,
    pub weight: u32,
}

const fn destination(
    domain: &'static str,
    host: &'static str,
    address: &'static str,
    welcome: Welcome,
    weight: u32,
) -> Destination {
    Destination { domain, host, address, welcome, weight }
}

use Welcome::*;

pub static DESTINATIONS: &[Destination] = &[
    destination("bigmail.example", "mx1.bigmail.example", "203.0.113.12", Takes, 300),
    destination("webpost.example", "mx.webpost.example", "203.0.113.25", Takes, 170),
    destination("supplier.example", "mx.supplier.example", "203.0.113.41", Takes, 110),
    destination("partner.example", "mx.partner.example", "203.0.113.46", Takes, 110),
    destination("agency.example", "mx.agency.example", "203.0.113.53", Takes, 80),
    destination("school.example", "mx.school.example", "203.0.113.61", Greylists, 60),
    destination("city.example", "mx.city.example", "203.0.113.72", Greylists, 30),
    destination("bigmail.example", "mx1.bigmail.example", "203.0.113.12", UserUnknown, 22),
    destination("webpost.example", "mx.webpost.example", "203.0.113.25", MailboxFull, 10),
    destination("moved.example", "mx.moved.example", "203.0.113.130", Dead, 6),
    destination("flaky.example", "mx.flaky.example", "203.0.113.131", DropsConnection, 10),
    destination("slow.example", "mx.slow.example", "203.0.113.132", TimesOut, 8),
    destination("crowded.example", "mx.crowded.example", "203.0.113.133", TooBusy, 10),
    destination("museum.example", "mx.museum.example", "203.0.113.134", Ancient, 20),
    destination("tpyo.example", "", "", NoSuchDomain, 8),
];

/// Rules that a spam filter names for mail it finds harmless, and for spam.
pub static HAM_RULES: &[&str] = &[
    "BAYES_00,DKIM_SIGNED,DKIM_VALID,SPF_PASS",
    "BAYES_00,HTML_MESSAGE,SPF_PASS",
    "DKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU,SPF_HELO_PASS",
    "HTML_MESSAGE,MIME_HTML_ONLY,SPF_PASS",
];
pub static SPAM_RULES: &[&str] = &[
    "BAYES_99,BAYES_999,HTML_MESSAGE,MIME_HTML_ONLY,RDNS_NONE",
    "BAYES_99,RCVD_IN_SBL,URIBL_BLACK",
    "BAYES_80,HTML_IMAGE_ONLY_08,MISSING_MID,RDNS_DYNAMIC",
    "BAYES_99,FORGED_MUA_MOZILLA,SUBJ_ALL_CAPS,URIBL_DBL_SPAM",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cast_holds_together() {
        let known = |address: &str| MAILBOXES.iter().any(|mailbox| mailbox.address == address);
        assert_eq!(MAILBOXES.len(), 40);
        assert!(MAILBOXES.iter().all(|mailbox| DOMAINS.contains(&mailbox.domain())));
        assert!([COMPROMISED, BRUTE_FORCED, NEWSLETTER].into_iter().all(known));
        for alias in ALIASES {
            assert!(!known(alias.address), "{} is a mailbox too", alias.address);
            assert!(alias.members.iter().all(|member| known(member)), "{}", alias.address);
        }
    }
}
