//! Whose a number is. One spelling, one parser.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::json::reads_word;

/// The spelling of the root.
pub const SERVER: &str = "(server)";
/// The row that unknown domains fold into. Not a subject: no children, no links.
pub const OTHER: &str = "(other)";
/// The row for what belongs to the viewed subject and to none of its children. Not a subject.
pub const UNATTRIBUTED: &str = "(unattributed)";
/// Longer names are refused: SMTP allows 64 octets of local part and 255 of domain (RFC 5321 4.5.3.1).
pub const MAX_NAME_BYTES: usize = 64 + 1 + 255;

/// A level of the tree of subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Server,
    Domain,
    Mailbox,
    Service,
}

/// The kind of a named service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceKind {
    SpamAssassin,
    ClamAv,
}

impl ServiceKind {
    pub const ALL: [ServiceKind; 2] = [ServiceKind::SpamAssassin, ServiceKind::ClamAv];

    pub fn prefix(self) -> &'static str {
        match self {
            ServiceKind::SpamAssassin => "spamassassin:",
            ServiceKind::ClamAv => "clamav:",
        }
    }
}

/// The server, a domain, a mailbox or a named service: mailbox under domain under server, service under server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Server,
    /// An A-label in lower case.
    Domain(String),
    /// `local@domain`: the local part as it was written, the domain an A-label in lower case.
    Mailbox(String),
    Service(ServiceKind, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSubject;

impl fmt::Display for BadSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a server, domain, mailbox or service")
    }
}

impl std::error::Error for BadSubject {}

impl Subject {
    pub fn scope(&self) -> Scope {
        match self {
            Subject::Server => Scope::Server,
            Subject::Domain(_) => Scope::Domain,
            Subject::Mailbox(_) => Scope::Mailbox,
            Subject::Service(..) => Scope::Service,
        }
    }

    /// The name as it is written.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Subject::Server => Cow::Borrowed(SERVER),
            Subject::Domain(name) | Subject::Mailbox(name) => Cow::Borrowed(name),
            Subject::Service(kind, name) => Cow::Owned(format!("{}{name}", kind.prefix())),
        }
    }

    /// The place of its kind among kinds, and what tells it from others of its kind.
    fn kind_and_name(&self) -> (u8, &str) {
        match self {
            Subject::Server => (0, ""),
            Subject::Domain(name) => (1, name),
            Subject::Mailbox(name) => (2, name),
            Subject::Service(ServiceKind::SpamAssassin, name) => (3, name),
            Subject::Service(ServiceKind::ClamAv, name) => (4, name),
        }
    }

    /// A service by a name from outside. What would not read back as a service gives way: a name is kept in the store, and
    /// one that cannot be read there would keep everything else from being read.
    pub fn service(kind: ServiceKind, name: &str) -> Subject {
        let readable = |c: char| if c.is_control() || c == '@' { '_' } else { c };
        let mut name: String = name.chars().map(readable).collect();
        while name.len() > MAX_NAME_BYTES - kind.prefix().len() {
            name.pop();
        }
        if name.is_empty() {
            name.push('_');
        }
        Subject::Service(kind, name)
    }

    /// The subject above; `None` for the server.
    pub fn parent(&self) -> Option<Subject> {
        match self {
            Subject::Server => None,
            Subject::Domain(_) | Subject::Service(..) => Some(Subject::Server),
            Subject::Mailbox(address) => Some(Subject::Domain(domain_of(address).to_owned())),
        }
    }

    /// Whether `self` lies in the subtree of `root`. This is the whole permission rule.
    pub fn is_within(&self, root: &Subject) -> bool {
        let mut at = Some(self.clone());
        while let Some(subject) = at {
            if subject == *root {
                return true;
            }
            at = subject.parent();
        }
        false
    }
}

/// The order of those of `subjects` that are any, as positions; equal ones in the order in which they stand.
///
/// The same as a sort that compares subjects. Names are compared by their kind and first sixteen bytes as one number, which
/// lies in the list that is sorted; a comparison that follows two pointers costs more than all else, and is left for names
/// that begin alike.
pub fn in_order(subjects: &[Option<Subject>]) -> Vec<u32> {
    // As the server sends them.
    if subjects.is_sorted() {
        let is_any = |position: &u32| subjects[*position as usize].is_some();
        return (0..subjects.len() as u32).filter(is_any).collect();
    }
    let mut keys: Vec<(u8, u128, u32)> = Vec::with_capacity(subjects.len());
    for (position, subject) in subjects.iter().enumerate() {
        if let Some(subject) = subject {
            let (kind, name) = subject.kind_and_name();
            keys.push((kind, beginning(name), position as u32));
        }
    }
    keys.sort_unstable_by(|(a_kind, a_name, a), (b_kind, b_name, b)| {
        (a_kind, a_name)
            .cmp(&(b_kind, b_name))
            .then_with(|| subjects[*a as usize].cmp(&subjects[*b as usize]))
            .then(a.cmp(b))
    });
    keys.into_iter().map(|(_, _, position)| position).collect()
}

/// The first sixteen bytes as a number that orders as they do; a shorter name stands before what it begins.
fn beginning(name: &str) -> u128 {
    let mut bytes = [0; 16];
    let length = name.len().min(bytes.len());
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    u128::from_be_bytes(bytes)
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(name: &str) -> Result<Subject, BadSubject> {
        if name == SERVER {
            return Ok(Subject::Server);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(BadSubject);
        }
        if let Some((local, domain)) = name.rsplit_once('@') {
            if local.is_empty() {
                return Err(BadSubject);
            }
            // Nearly all names stand as they are spelled here, and are copied once.
            return Ok(Subject::Mailbox(match is_domain(domain) {
                true => name.to_owned(),
                false => format!("{local}@{}", canonical_domain(domain)?),
            }));
        }
        for kind in ServiceKind::ALL {
            if let Some(service) = name.strip_prefix(kind.prefix()) {
                let is_name = !service.is_empty() && !service.contains(char::is_control);
                return if is_name { Ok(Subject::Service(kind, service.to_owned())) } else { Err(BadSubject) };
            }
        }
        canonical_domain(name).map(Subject::Domain)
    }
}

/// Lower case and without the dot of the root, so that a domain has one spelling; refused where it would read as a
/// subject of another kind, or as a row that is none.
fn canonical_domain(name: &str) -> Result<String, BadSubject> {
    let domain = name.trim_end_matches('.').to_ascii_lowercase();
    if is_domain(&domain) { Ok(domain) } else { Err(BadSubject) }
}

/// Whether a name from outside is a domain's, and spelled as ours are: what stands behind an address' last `@` may be
/// anything.
pub fn is_domain(name: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c.is_ascii_uppercase() || c == '@';
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let is_reserved = || {
        [SERVER, OTHER, UNATTRIBUTED].contains(&name)
            || ServiceKind::ALL.iter().any(|kind| name.starts_with(kind.prefix()))
    };
    // Letters, digits, dots and hyphens need no second look; what is reserved has other characters.
    let is_sound = || name.bytes().all(is_plain) || !(name.contains(is_odd) || is_reserved());
    !name.is_empty() && !name.ends_with('.') && is_sound()
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Subject, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

reads_word!(Subject, |name: &str| name.parse().ok());

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS 48: whatever stands in a log, what is made of it can be read back.
    #[test]
    fn names_from_outside_read_back() {
        for name in
            ["a.example", "", ".", "a.", "a b", "a\u{7f}", "(server)", "(other)", "clamav:a", "a@b", "A.example"]
        {
            let is_domain = name.parse() == Ok(Subject::Domain(name.to_owned()));
            assert_eq!(super::is_domain(name), is_domain, "{name:?}");
            let address = format!("ann@{name}");
            assert_eq!(
                super::is_domain(name) || name == "a@b",
                address.parse() == Ok(Subject::Mailbox(address)),
                "{name:?}"
            );
            let service = Subject::service(ServiceKind::ClamAv, name);
            assert_eq!(service.name().parse(), Ok(service.clone()), "{name:?}");
        }
        let long = Subject::service(ServiceKind::SpamAssassin, &"é".repeat(1_000));
        assert_eq!(long.name().parse(), Ok(long.clone()));
    }

    #[test]
    fn one_spelling_round_trips() {
        for name in
            ["(server)", "example.com", "ann@example.com", "\"a b\"@example.com", "spamassassin:mx1", "clamav:mx1"]
        {
            let subject: Subject = name.parse().expect(name);
            assert_eq!(subject.to_string(), name);
        }
        for name in ["", "(other)", "(unattributed)", "@example.com", "ann@", "clamav:"] {
            assert_eq!(name.parse::<Subject>(), Err(BadSubject), "{name}");
        }
    }

    #[test]
    fn the_domain_is_lower_case_and_the_local_part_is_left_alone() {
        assert_eq!("Ann@Example.COM".parse(), Ok(Subject::Mailbox("Ann@example.com".into())));
        assert_eq!("Example.COM.".parse(), Ok(Subject::Domain("example.com".into())));
    }

    #[test]
    fn no_domain_reads_as_another_subject() {
        for name in ["(Server)", "(server).", "(OTHER)", "(unattributed).", "ClamAV:mx1", "ann@(server)", "a b", "."] {
            assert_eq!(name.parse::<Subject>(), Err(BadSubject), "{name}");
        }
    }

    #[test]
    fn a_subtree_holds_itself_and_what_is_below() {
        let ann: Subject = "ann@example.com".parse().expect("a mailbox");
        assert!(ann.is_within(&Subject::Server));
        assert!(ann.is_within(&Subject::Domain("example.com".into())));
        assert!(ann.is_within(&ann));
        assert!(!ann.is_within(&Subject::Domain("ample.com".into())));
        assert!(!Subject::Server.is_within(&ann));
    }
}
