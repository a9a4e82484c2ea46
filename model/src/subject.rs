//! Whose a number is. One spelling, one parser.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
            return Ok(Subject::Mailbox(format!("{local}@{}", canonical_domain(domain)?)));
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
    let is_reserved = [SERVER, OTHER, UNATTRIBUTED].contains(&domain.as_str())
        || ServiceKind::ALL.iter().any(|kind| domain.starts_with(kind.prefix()));
    if domain.is_empty() || is_reserved || domain.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(BadSubject);
    }
    Ok(domain)
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Server => f.write_str(SERVER),
            Subject::Domain(name) | Subject::Mailbox(name) => f.write_str(name),
            Subject::Service(kind, name) => write!(f, "{}{name}", kind.prefix()),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Subject, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
