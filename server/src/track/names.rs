//! Addresses and log-in names → subjects, and which of them are ours (SEMANTICS R8, R9, R19).

use std::collections::BTreeSet;

use mailtally_model::Subject;
use mailtally_model::subject::MAX_NAME_BYTES;
use rustc_hash::FxHashSet;

use super::state::Out;
use crate::settings::MailSettings;

/// Domains learned from evidence are bounded: only our own server's deliveries and log-ins teach them.
const MAX_LEARNED_DOMAINS: usize = 100_000;

/// Evidence that was given out once is not given again; past this many names it may be, which harms nothing.
const MAX_REMEMBERED_NAMES: usize = 200_000;

/// A mailbox of ours, or one that claims to be: the domain in lower case, the extension taken off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Mailbox {
    pub address: String,
    domain_at: usize,
}

impl Mailbox {
    /// None for what has no domain or is longer than mail allows: it counts for the server alone.
    pub fn of_address(address: &[u8], delimiter: &str) -> Option<Mailbox> {
        let address = String::from_utf8_lossy(address);
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
        let user = String::from_utf8_lossy(user);
        match user.rsplit_once('@') {
            Some((local, domain)) => Mailbox::new(local, domain),
            None => Mailbox::new(&user, realm?),
        }
    }

    /// Our mailboxes are one whatever the case they are written in; quoted ones are left alone.
    fn new(local: &str, domain: &str) -> Option<Mailbox> {
        let domain = a_label(domain.strip_suffix('.').unwrap_or(domain));
        if local.is_empty() || domain.is_empty() || local.len() + domain.len() + 1 > MAX_NAME_BYTES {
            return None;
        }
        let local = if local.starts_with('"') { local.to_owned() } else { local.to_ascii_lowercase() };
        let domain_at = local.len() + 1;
        Some(Mailbox { address: format!("{local}@{domain}"), domain_at })
    }

    pub fn domain(&self) -> &str {
        &self.address[self.domain_at..]
    }

    pub fn subjects(&self) -> [Subject; 2] {
        [Subject::Domain(self.domain().to_owned()), Subject::Mailbox(self.address.clone())]
    }
}

/// The domain of an address, as a subject.
pub fn domain_subject(address: &[u8]) -> Option<Subject> {
    Mailbox::of_address(address, "").map(|mailbox| Subject::Domain(mailbox.domain().to_owned()))
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
}

impl Ours {
    pub fn new(settings: &MailSettings, learned: BTreeSet<String>) -> Ours {
        let settled = settings.own_domains.iter().map(|domain| a_label(domain)).collect();
        Ours { settled, learned, told: FxHashSet::default() }
    }

    pub fn has(&self, domain: &str) -> bool {
        self.settled.contains(domain) || self.learned.contains(domain)
    }

    /// Evidence: a final local delivery or a log-in. Gives the domain if it was not known before.
    pub fn learn<'a>(&mut self, mailbox: &'a Mailbox, out: &mut Out<'_>) -> Option<&'a str> {
        if !self.told.contains(&mailbox.address) {
            if self.told.len() >= MAX_REMEMBERED_NAMES {
                self.told.clear();
            }
            self.told.insert(mailbox.address.clone());
            out.known.extend(mailbox.subjects());
        }
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
        assert_eq!(mailbox.as_ref().map(|mailbox| mailbox.address.as_str()), expected, "{address}");
    }

    /// SEMANTICS R8, FAULTS 48.
    #[test]
    fn addresses_are_mailboxes() {
        check("Alice+news@Alpha.Example", Some("alice@alpha.example"));
        check("+@alpha.example", Some("+@alpha.example"));
        check("\"A+b c\"@alpha.example", Some("\"A+b c\"@alpha.example"));
        check("a@bücher.example", Some("a@xn--bcher-kva.example"));
        check("root", None);
        check("@alpha.example", None);
        check(&format!("{}@alpha.example", "x".repeat(65_536)), None);
    }
}
