//! One TOML file; every key has a default; an unknown key is an error that names it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::event::Limit;

/// What the tracker must know of the site. The defaults fit a single host with Postfix as Debian sets it up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailSettings {
    /// Domains of ours, beside those that a local delivery or a log-in shows.
    pub own_domains: Vec<String>,
    /// Addresses (`10.0.0.5`), networks (`10.0.0.0/8`) or a leading part (`10.0.`) of clients that may send as any
    /// address of ours without a log-in: web mail, other hosts of the site.
    pub trusted_relays: Vec<String>,
    /// Next hops that hand a message back to us: content filters, other instances. `address`, `address:port`,
    /// `host:port`, or the path of a socket (`private/filter`).
    pub internal_relays: Vec<String>,
    /// What a transport does, by its service name or by what a pipe logs as its relay.
    pub transport_roles: BTreeMap<String, TransportRole>,
    /// Hosts (name or address) that `smtp` delivers to mailboxes on.
    pub mailbox_hosts: Vec<String>,
    /// What separates a mailbox from its extension in a local part; empty for none. The setting of the same name in Postfix.
    pub recipient_delimiter: String,
    /// The domain of log-in names that have none. Without it they count for the server alone.
    pub default_realm: Option<String>,
    /// Users below this uid are daemons: what they hand to sendmail is of the class System.
    pub first_person_uid: u32,
    /// Senders of lists and of bulk mail, beside `owner-*`, `*-bounces@` and VERP: addresses or `@domain`.
    pub list_senders: Vec<String>,
    /// Replies that say that a limit was passed: a part of the text, and what the limit is on.
    pub throttle_reply_patterns: Vec<ThrottlePattern>,
    /// Replies of a filter that say that a message was refused as spam: parts of the text, in lower case.
    pub spam_reply_patterns: Vec<String>,
    /// Names of SpamAssassin and ClamAV servers: what the log says → the name of the row.
    pub services: BTreeMap<String, String>,
    /// Which side counts ClamAV's scans; both log each one.
    pub clamav_source: ClamAvSource,
}

/// What becomes of a message that a transport took (SEMANTICS R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportRole {
    /// It is in a mailbox of ours.
    Local,
    /// It went to another server.
    Remote,
    /// It comes back as a new queue file.
    Filter,
    /// It is gone.
    Void,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThrottlePattern {
    /// Part of the reply, compared without regard to case.
    pub text: String,
    pub limit: Limit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClamAvSource {
    #[default]
    Clamd,
    ClamavMilter,
}

impl Default for MailSettings {
    fn default() -> MailSettings {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        MailSettings {
            own_domains: Vec::new(),
            trusted_relays: text(&["127.0.0.0/8", "::1"]),
            internal_relays: Vec::new(),
            transport_roles: BTreeMap::new(),
            mailbox_hosts: Vec::new(),
            recipient_delimiter: "+".to_owned(),
            default_realm: None,
            first_person_uid: 1000,
            list_senders: Vec::new(),
            throttle_reply_patterns: Vec::new(),
            spam_reply_patterns: text(&["spam"]),
            services: BTreeMap::new(),
            clamav_source: ClamAvSource::default(),
        }
    }
}
