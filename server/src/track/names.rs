//! Addresses and log-in names → subjects, and which of them are ours (SEMANTICS R8, R9, R19).

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mailtally_model::Subject;
use mailtally_model::subject::{MAX_NAME_BYTES, is_domain};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::at_hand::AtHand;
use super::relay::is_trusted;
use super::state::Out;
use crate::event::Subjects;
use crate::settings::MailSettings;
use crate::text::{around_at, lossy};

/// Domains learned from evidence are bounded: only our own server's deliveries and log-ins teach them.
const MAX_LEARNED_DOMAINS: usize = 100_000;

/// Evidence that was given out once is not given again; past this many names it may be, which harms nothing.
const MAX_REMEMBERED_NAMES: usize = 200_000;

/// Spellings whose mailbox is remembered, since the same come again at every line; past this many all are forgotten.
const MAX_READ: usize = 4_000;

/// A mailbox of ours, or one that claims to be: the domain in lower case, the extension taken off. A copy is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Mailbox(Arc<Named>);

#[derive(Debug)]
struct Named {
    address: String,
    domain_at: usize,
    /// Its domain, and it.
    subjects: Subjects,
    domain: Subjects,
    /// The round of [`Ours::told`] in which it was found there: it comes again at every line, and is asked for once.
    told_in: AtomicU64,
}

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        (&self.address, self.domain_at) == (&other.address, other.domain_at)
    }
}

impl Eq for Named {}

/// A mailbox as rows in the store have it.
#[derive(Serialize, Deserialize)]
struct Stored {
    address: String,
    domain_at: usize,
}

impl From<Stored> for Mailbox {
    fn from(Stored { address, domain_at }: Stored) -> Mailbox {
        let domain = Subject::Domain(address.get(domain_at..).unwrap_or_default().to_owned());
        let subjects = [domain.clone(), Subject::Mailbox(address.clone())].into();
        Mailbox(Arc::new(Named {
            address,
            domain_at,
            subjects,
            domain: [domain].into(),
            told_in: AtomicU64::default(),
        }))
    }
}

impl From<Mailbox> for Stored {
    fn from(mailbox: Mailbox) -> Stored {
        Stored { address: mailbox.0.address.clone(), domain_at: mailbox.0.domain_at }
    }
}

impl Mailbox {
    /// The mailbox of an address in a log: an alias domain is the domain that it stands for (R8).
    pub fn addressed(address: &[u8], settings: &MailSettings) -> Option<Mailbox> {
        Mailbox::of_address(address, &settings.recipient_delimiter).map(|mailbox| mailbox.folded(settings))
    }

    /// The mailbox of a log-in name in a log.
    pub fn logged_in(user: &[u8], settings: &MailSettings) -> Option<Mailbox> {
        Mailbox::of_login(user, settings.default_realm.as_deref()).map(|mailbox| mailbox.folded(settings))
    }

    fn folded(self, settings: &MailSettings) -> Mailbox {
        match settings.alias_domains.get(self.domain()) {
            Some(domain) => Mailbox::new(&self.0.address[..self.0.domain_at - 1], domain).unwrap_or(self),
            None => self,
        }
    }

    /// None for what has no domain or is longer than mail allows, or could not be read back from the store: it counts for the server alone.
    pub fn of_address(address: &[u8], delimiter: &str) -> Option<Mailbox> {
        let address = lossy(address);
        let (local, domain) = address.rsplit_once('@')?;
        // A quoted local part may hold the delimiter as a letter.
        let extension = if local.starts_with('"') || delimiter.is_empty() {
            None
        } else {
            local.split_once(|c| delimiter.contains(c))
        };
        let local = extension.map_or(local, |(mailbox, _)| if mailbox.is_empty() { local } else { mailbox });
        Mailbox::new(local, domain)
    }

    /// A log-in name; `realm` is the domain of one that has none.
    pub fn of_login(user: &[u8], realm: Option<&str>) -> Option<Mailbox> {
        let user = lossy(user);
        match user.rsplit_once('@') {
            Some((local, domain)) => Mailbox::new(local, domain),
            None => Mailbox::new(&user, realm?),
        }
    }

    /// Our mailboxes are one whatever the case they are written in; quoted ones are left alone.
    fn new(local: &str, domain: &str) -> Option<Mailbox> {
        let domain = a_label(domain.strip_suffix('.').unwrap_or(domain));
        if local.is_empty() || !is_domain(&domain) || local.len() + domain.len() + 1 > MAX_NAME_BYTES {
            return None;
        }
        let local = if local.starts_with('"') { local.to_owned() } else { local.to_ascii_lowercase() };
        let domain_at = local.len() + 1;
        Some(Mailbox::from(Stored { address: format!("{local}@{domain}"), domain_at }))
    }

    pub fn address(&self) -> &str {
        &self.0.address
    }

    pub fn domain(&self) -> &str {
        self.0.address.get(self.0.domain_at..).unwrap_or_default()
    }

    /// Its domain, and it.
    pub fn subjects(&self) -> &Subjects {
        &self.0.subjects
    }

    /// Its domain alone.
    pub fn domain_subjects(&self) -> &Subjects {
        &self.0.domain
    }
}

/// The subjects of a mailbox, if there is one.
pub fn subjects_of(mailbox: Option<&Mailbox>) -> Subjects {
    mailbox.map(|mailbox| Arc::clone(mailbox.subjects())).unwrap_or_default()
}

/// Whose address a forwarder rewrote by the Sender Rewriting Scheme, and the forwarder's domain:
/// `SRS0=hash=stamp=outside.example=ann@alpha.example`, and of one that was forwarded again
/// `SRS1=hash=first.example==hash=stamp=outside.example=ann@alpha.example`. It was ann@outside.example, and alpha.example
/// sent it on (R9).
pub fn unwound(sender: &str) -> Option<(String, &str)> {
    let scheme = sender.get(..4)?;
    // Nearly all are written by no forwarder, and asked no further.
    if !scheme.eq_ignore_ascii_case("SRS0") && !scheme.eq_ignore_ascii_case("SRS1") {
        return None;
    }
    let (local, forwarder) = around_at(sender)?;
    // After the scheme, a site may have another separator than the one within.
    let mut rest = local.get(4..)?.strip_prefix(['=', '+', '-'])?;
    if scheme.eq_ignore_ascii_case("SRS1") {
        let (_hash, first) = rest.split_once('=')?;
        rest = first.split_once('=')?.1.strip_prefix(['=', '+', '-'])?;
    }
    let mut parts = rest.splitn(4, '=');
    let (_hash, _stamp, domain, local) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((format!("{local}@{domain}"), forwarder))
}

/// The key of a domain: lower case, and an A-label where it is not ASCII (RFC 5891).
fn a_label(domain: &str) -> String {
    if domain.is_ascii() {
        return domain.to_ascii_lowercase();
    }
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
}

/// What is ours.
#[derive(Debug, Default)]
pub struct Ours {
    settled: FxHashSet<String>,
    pub learned: BTreeSet<String>,
    told: FxHashSet<String>,
    /// How often `told` was emptied.
    told_again: u64,
    addressed: Read,
    logged_in: Read,
    /// Which addresses of clients are trusted: a message's owner is asked for with each of its lines, and a few times.
    trusted: RefCell<HashMap<Box<str>, bool>>,
    trusted_at_hand: RefCell<AtHand<bool>>,
}

/// What spellings were read as. Strangers choose them, so the hash is a seeded one.
type Read = RefCell<HashMap<Box<[u8]>, Option<Mailbox>>>;

fn read_once(known: &Read, spelled: &[u8], read: impl FnOnce() -> Option<Mailbox>) -> Option<Mailbox> {
    let mut known = known.borrow_mut();
    if let Some(mailbox) = known.get(spelled) {
        return mailbox.clone();
    }
    let mailbox = read();
    if spelled.len() <= MAX_NAME_BYTES {
        if known.len() >= MAX_READ {
            known.clear();
        }
        known.insert(spelled.into(), mailbox.clone());
    }
    mailbox
}

impl Ours {
    pub fn new(settings: &MailSettings, learned: BTreeSet<String>) -> Ours {
        let settled = settings.own_domains.iter().map(|domain| a_label(domain)).collect();
        Ours { settled, learned, ..Ours::default() }
    }

    /// The mailbox of an address in a log, as [`Mailbox::addressed`] reads it.
    pub fn addressed(&self, address: &[u8], settings: &MailSettings) -> Option<Mailbox> {
        read_once(&self.addressed, address, || Mailbox::addressed(address, settings))
    }

    /// The mailbox of a log-in name in a log, as [`Mailbox::logged_in`] reads it.
    pub fn logged_in(&self, user: &[u8], settings: &MailSettings) -> Option<Mailbox> {
        read_once(&self.logged_in, user, || Mailbox::logged_in(user, settings))
    }

    /// Whether a client may send as any address of ours, as [`is_trusted`] says.
    pub fn trusts(&self, ip: &str, settings: &MailSettings) -> bool {
        let mut at_hand = self.trusted_at_hand.borrow_mut();
        at_hand.get(ip.as_bytes()).unwrap_or_else(|| {
            let is_trusted = self.looked_up(ip, settings);
            at_hand.put(ip.as_bytes(), is_trusted);
            is_trusted
        })
    }

    fn looked_up(&self, ip: &str, settings: &MailSettings) -> bool {
        let mut known = self.trusted.borrow_mut();
        if let Some(is_trusted) = known.get(ip) {
            return *is_trusted;
        }
        if known.len() >= MAX_READ {
            known.clear();
        }
        let is_trusted = is_trusted(settings, ip);
        known.insert(ip.into(), is_trusted);
        is_trusted
    }

    pub fn has(&self, domain: &str) -> bool {
        self.settled.contains(domain) || self.learned.contains(domain)
    }

    /// Evidence: a final local delivery or a log-in. Gives the domain if it was not known before.
    pub fn learn<'a>(&mut self, mailbox: &'a Mailbox, out: &mut Out<'_>) -> Option<&'a str> {
        let round = self.told_again + 1;
        if mailbox.0.told_in.load(Ordering::Relaxed) == round {
            return None;
        }
        mailbox.0.told_in.store(round, Ordering::Relaxed);
        if self.told.contains(mailbox.address()) {
            // So is its domain, or there are too many.
            return None;
        }
        if self.told.len() >= MAX_REMEMBERED_NAMES {
            self.told.clear();
            self.told_again += 1;
        }
        self.told.insert(mailbox.address().to_owned());
        out.known.extend_from_slice(mailbox.subjects());
        let domain = mailbox.domain();
        if self.has(domain) || self.learned.len() >= MAX_LEARNED_DOMAINS {
            return None;
        }
        self.learned.insert(domain.to_owned());
        Some(domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<&str>) {
        let mailbox = Mailbox::of_address(address.as_bytes(), "+");
        assert_eq!(mailbox.as_ref().map(Mailbox::address), expected, "{address}");
    }

    /// SEMANTICS R9.
    #[test]
    fn a_rewritten_sender_is_unwound() {
        let ann = |forwarder| Some(("ann@outside.example".to_owned(), forwarder));
        assert_eq!(unwound("SRS0=HHHH=TT=outside.example=ann@alpha.example"), ann("alpha.example"));
        assert_eq!(unwound("srs0+hhhh=tt=outside.example=ann@alpha.example"), ann("alpha.example"));
        assert_eq!(unwound("SRS1=GGGG=first.example==HHHH=TT=outside.example=ann@b.example"), ann("b.example"));
        for none in ["ann@alpha.example", "SRS0=HHHH@alpha.example", "srs@alpha.example", "SRS0", "\u{e4}bc@x", ""] {
            assert_eq!(unwound(none), None, "{none}");
        }
    }

    /// SEMANTICS R8: an alias domain is the domain that it stands for.
    #[test]
    fn alias_domains_fold_into_their_target() {
        let alias_domains = [("alpha.net".to_owned(), "Alpha.example".to_owned())].into();
        let settings = MailSettings { alias_domains, ..MailSettings::default() };
        let address = |mailbox: Option<Mailbox>| mailbox.map(|mailbox| mailbox.address().to_owned());
        let ann = || Some("ann@alpha.example".to_owned());
        assert_eq!(address(Mailbox::addressed(b"Ann+x@ALPHA.net", &settings)), ann());
        assert_eq!(address(Mailbox::logged_in(b"ann@alpha.net", &settings)), ann());
        let domain = Mailbox::addressed(b"x@alpha.net", &settings).map(|mailbox| mailbox.domain_subjects().to_vec());
        assert_eq!(domain, Some(vec![Subject::Domain("alpha.example".to_owned())]));
    }

    /// SEMANTICS R8, FAULTS 48.
    #[test]
    fn addresses_are_mailboxes() {
        check("Alice+news@Alpha.Example", Some("alice@alpha.example"));
        check("+@alpha.example", Some("+@alpha.example"));
        check("\"A+b c\"@alpha.example", Some("\"A+b c\"@alpha.example"));
        check("a@bücher.example", Some("a@xn--bcher-kva.example"));
        check("a@alpha.example; from=<b", None);
        check("a@(server)", None);
        check("a@alpha.example..", None);
        check("root", None);
        check("@alpha.example", None);
        check(&format!("{}@alpha.example", "x".repeat(65_536)), None);
    }
}
