//! One TOML file; every key has a default; an unknown key is an error that names it.

mod overage;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use mailtally_model::{Subject, catalogue};
use serde::{Deserialize, Serialize};

pub use overage::{Allowance, Of, OverageSettings};

use crate::event::Limit;
use crate::source::journal::Journal;

/// Read where no `--config` says otherwise, if it is there.
const USUAL_FILE: &str = "/etc/mailtally.toml";

/// The whole file. docs/mailtally.example.toml describes every key; a test holds it equal to the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Where `serve` listens.
    pub listen: SocketAddr,
    /// IANA name of the zone of reports, where the asker gives none. Absent: the system's.
    pub zone: Option<String>,
    pub http: HttpSettings,
    pub accounts: AccountSettings,
    pub collect: CollectSettings,
    pub events: EventSettings,
    pub host: HostSettings,
    pub mail: MailSettings,
    pub overage: OverageSettings,
}

/// How browsers and scripts reach the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Names that browsers know the server by, beside loopback names and addresses.
    pub names: Vec<String>,
    /// TLS: the certificate and those that vouch for it, in PEM.
    pub certificate: Option<PathBuf>,
    /// TLS: the certificate's private key, in PEM. Nobody else may read the file.
    pub key: Option<PathBuf>,
    /// Whether an address beyond this machine may be listened on without TLS.
    pub plain: bool,
    /// Proxies that are believed about who asks (`X-Forwarded-For`, `X-Forwarded-Proto`).
    pub trusted_proxies: Vec<IpAddr>,
    /// The header in which those proxies say who signed in with them. Absent: none is believed.
    pub user_header: Option<String>,
}

/// Who may sign in, for how long, and which reports are not for everyone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSettings {
    /// A session ends after so long without use.
    pub idle_hours: u32,
    /// A session ends after so long in any case.
    pub session_days: u32,
    /// Reports, or columns as `report.column`, that domain admins do not have.
    pub hidden_from_domains: Vec<String>,
    /// The same for mailbox owners.
    pub hidden_from_mailboxes: Vec<String>,
    pub mailbox: MailboxLoginSettings,
}

/// Log-in with the password of one's mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailboxLoginSettings {
    /// `host:port` of the IMAP server that knows the passwords. Absent: nobody signs in this way.
    pub imap: Option<String>,
    /// Whether it is asked in the clear, which is done on a loopback address alone.
    pub plain: bool,
    /// Whether TLS begins after STARTTLS (143) instead of with the first byte (993).
    pub starttls: bool,
    /// PEM file of the authority that signed its certificate. Absent: those that this machine trusts.
    pub authorities: Option<PathBuf>,
    /// Domains whose mailboxes may; empty for all.
    pub domains: Vec<String>,
    /// Whether the case of a log-in name means nothing, as in Dovecot by default.
    pub lower_case: bool,
    /// Mailboxes whose owner sees a whole domain: mailbox → domain.
    pub grants: BTreeMap<String, String>,
}

/// Which logs `serve` follows, and how they are read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollectSettings {
    /// Paths, or patterns with `*`, rotated and compressed files included.
    pub files: Vec<String>,
    /// IANA name of the zone of stamps that have none. Absent: the system's.
    pub zone: Option<String>,
    /// A host whose lines are all silent for longer was not observed.
    pub silence_gap_hours: u32,
    pub journal: JournalSettings,
}

/// The systemd journal, as a source of lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSettings {
    /// Whether `serve` reads it.
    pub read: bool,
    /// Whether files are followed too, which hold none of the lines that the journal holds.
    pub beside_files: bool,
    /// The program that reads it.
    pub journalctl: PathBuf,
    /// Where its files are, if not in the usual place.
    pub directory: Option<PathBuf>,
    /// Units whose lines are read (`postfix@-.service`), and names that programs log under (`dovecot`). With neither, all
    /// of the facility mail.
    pub units: Vec<String>,
    pub identifiers: Vec<String>,
}

/// The raw events behind the numbers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSettings {
    /// How long `serve` keeps them, counted back from the newest log line. The counters stay for good.
    /// 0: none is kept.
    pub keep_days: u32,
}

/// The figures of Server Status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostSettings {
    /// Whether `serve` samples this host.
    pub sample: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            data: "/var/lib/mailtally".into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8321)),
            zone: None,
            http: HttpSettings::default(),
            accounts: AccountSettings::default(),
            collect: CollectSettings::default(),
            events: EventSettings::default(),
            host: HostSettings::default(),
            mail: MailSettings::default(),
            overage: OverageSettings::default(),
        }
    }
}

impl Default for AccountSettings {
    fn default() -> AccountSettings {
        AccountSettings {
            idle_hours: 24,
            session_days: 14,
            hidden_from_domains: Vec::new(),
            hidden_from_mailboxes: Vec::new(),
            mailbox: MailboxLoginSettings::default(),
        }
    }
}

impl Default for MailboxLoginSettings {
    fn default() -> MailboxLoginSettings {
        MailboxLoginSettings {
            imap: None,
            plain: false,
            starttls: false,
            authorities: None,
            domains: Vec::new(),
            lower_case: true,
            grants: BTreeMap::new(),
        }
    }
}

impl Default for CollectSettings {
    fn default() -> CollectSettings {
        let files = ["/var/log/mail.log*", "/var/log/maillog*"].map(str::to_owned).to_vec();
        CollectSettings { files, zone: None, silence_gap_hours: 6, journal: JournalSettings::default() }
    }
}

impl Default for JournalSettings {
    fn default() -> JournalSettings {
        JournalSettings {
            read: false,
            beside_files: false,
            journalctl: "journalctl".into(),
            directory: None,
            units: Vec::new(),
            identifiers: Vec::new(),
        }
    }
}

impl JournalSettings {
    /// The journal to read, if it is to be read.
    pub fn journal(&self) -> Option<Journal> {
        let JournalSettings { journalctl, directory, units, identifiers, .. } = self.clone();
        self.read.then_some(Journal { journalctl, directory, units, identifiers })
    }
}

impl Default for EventSettings {
    fn default() -> EventSettings {
        EventSettings { keep_days: 400 }
    }
}

impl Default for HostSettings {
    fn default() -> HostSettings {
        HostSettings { sample: true }
    }
}

impl CollectSettings {
    /// IANA name of the zone of stamps that have none: the settings', else the system's.
    pub fn zone_name(&self) -> String {
        self.zone.clone().unwrap_or_else(system_zone)
    }
}

/// What is wrong in a TOML text, and in which line: the parser's own words draw a picture of several lines.
fn in_one_line(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let words: Vec<&str> = error.message().lines().collect();
    let words = words.join(", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return anyhow!(words) };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    anyhow!("line {}, {line}: {words}", number + 1)
}

/// UTC where the system says none.
fn system_zone() -> String {
    iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned())
}

impl Settings {
    /// Reads the file that was named; else the usual one, if it is there; else gives the defaults.
    pub fn load(named: Option<&Path>) -> Result<Settings> {
        let usual = Path::new(USUAL_FILE);
        let path = match named {
            Some(path) => path,
            None if usual.exists() => usual,
            None => return Ok(Settings::default()),
        };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read the settings {}", path.display()))?;
        Settings::parse(&text).with_context(|| format!("in the settings {}", path.display()))
    }

    /// Reads settings that stand in no file yet.
    pub fn parse(text: &str) -> Result<Settings> {
        let settings: Settings = toml::from_str(text).map_err(|error| in_one_line(text, &error))?;
        settings.check()?;
        Ok(settings)
    }

    /// What the types do not say.
    fn check(&self) -> Result<()> {
        for (key, zone) in [("zone", &self.zone), ("collect.zone", &self.collect.zone)] {
            if let Some(zone) = zone
                && zone.parse::<chrono_tz::Tz>().is_err()
            {
                bail!("{key}: there is no time zone {zone:?}");
            }
        }
        let journal = &self.collect.journal;
        if journal.read && !journal.beside_files && !self.collect.files.is_empty() {
            bail!(
                "collect.journal: a syslog daemon writes the journal's lines to files as well, with stamps of its own, and \
                 they would count twice. Set collect.files to [], or collect.journal.beside_files to true where the files \
                 hold other lines"
            );
        }
        self.overage.allowances()?;
        self.http.check()?;
        self.accounts.check()?;
        for domain in &self.mail.own_domains {
            if own_subject(domain).is_none() {
                bail!("mail.own_domains: {domain:?} is not a domain");
            }
        }
        Ok(())
    }

    /// IANA name of the zone of reports: the settings', else the system's.
    pub fn zone_name(&self) -> String {
        self.zone.clone().unwrap_or_else(system_zone)
    }
}

impl HttpSettings {
    fn check(&self) -> Result<()> {
        if self.certificate.is_some() != self.key.is_some() {
            bail!("http: `certificate` and `key` go together");
        }
        if self.user_header.is_some() && self.trusted_proxies.is_empty() {
            bail!("http.user_header: no proxy is trusted to set it; name it in http.trusted_proxies");
        }
        let is_header = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !self.user_header.as_ref().is_none_or(is_header) {
            bail!("http.user_header: it is the name of a header, as X-Remote-User");
        }
        Ok(())
    }
}

impl AccountSettings {
    fn check(&self) -> Result<()> {
        for id in self.hidden_from_domains.iter().chain(&self.hidden_from_mailboxes) {
            let (report, column) =
                id.split_once('.').map_or((id.as_str(), None), |(report, column)| (report, Some(column)));
            let known = catalogue::find(report)
                .is_some_and(|report| column.is_none_or(|id| report.columns.iter().any(|column| column.id == id)));
            if !known {
                bail!("accounts: there is no report or column {id:?} to hide");
            }
        }
        for (mailbox, domain) in &self.mailbox.grants {
            let is_mailbox = matches!(mailbox.parse(), Ok(Subject::Mailbox(_)));
            if !is_mailbox || own_subject(domain).is_none() {
                bail!("accounts.mailbox.grants: {mailbox:?} is no mailbox, or {domain:?} no domain");
            }
        }
        Ok(())
    }
}

/// What the tracker must know of the site. The defaults fit a single host with Postfix as Debian sets it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Other names of domains of ours, in lower case, and the domain that each stands for.
    pub alias_domains: BTreeMap<String, String>,
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
    /// Whether Exim writes what it refuses twice to syslog. The setting of the same name, `syslog_duplication`, in Exim.
    pub exim_syslog_duplication: bool,
}

/// What becomes of a message that a transport took (SEMANTICS R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThrottlePattern {
    /// Part of the reply, compared without regard to case.
    pub text: String,
    pub limit: Limit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClamAvSource {
    #[default]
    Clamd,
    ClamavMilter,
}

impl MailSettings {
    /// Domains that are ours whatever the logs show (SEMANTICS R19).
    pub fn own_subjects(&self) -> Vec<Subject> {
        self.own_domains.iter().filter_map(|domain| own_subject(domain)).collect()
    }
}

/// Whether `mail.own_domains` takes it.
pub fn is_own_domain(domain: &str) -> bool {
    own_subject(domain).is_some()
}

/// A domain as it was typed, with its umlauts.
fn own_subject(domain: &str) -> Option<Subject> {
    let subject = idna::domain_to_ascii(domain).ok()?.parse().ok()?;
    matches!(subject, Subject::Domain(_)).then_some(subject)
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
            alias_domains: BTreeMap::new(),
            recipient_delimiter: "+".to_owned(),
            default_realm: None,
            first_person_uid: 1000,
            list_senders: Vec::new(),
            throttle_reply_patterns: Vec::new(),
            spam_reply_patterns: text(&["spam"]),
            services: BTreeMap::new(),
            clamav_source: ClamAvSource::default(),
            exim_syslog_duplication: true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const EXAMPLE: &str = include_str!("../../docs/mailtally.example.toml");

    #[test]
    fn the_example_shows_the_defaults() {
        assert_eq!(Settings::parse(EXAMPLE).unwrap(), Settings::default());
    }

    #[test]
    fn the_example_stays_valid_when_what_it_comments_out_is_taken_in() {
        // `#key = value` is a key that is absent by default; `# text` is a comment.
        let is_key = |line: &str| line.starts_with(|first: char| first.is_ascii_lowercase() || "[\"".contains(first));
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
            Some(rest) if is_key(rest) => rest,
            _ => line,
        });
        let settings = Settings::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
        assert!(settings.zone.is_some() && settings.collect.zone.is_some() && settings.mail.default_realm.is_some());
    }

    #[test]
    fn own_domains_may_have_umlauts() {
        let settings = Settings::parse("[mail]\nown_domains = ['Bücher.example']").unwrap();
        assert_eq!(settings.mail.own_subjects(), [Subject::Domain("xn--bcher-kva.example".to_owned())]);
    }

    /// What is said of a bad file.
    fn refusal(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mailtally.toml");
        std::fs::write(&path, text).unwrap();
        format!("{:#}", Settings::load(Some(&path)).unwrap_err())
    }

    #[test]
    fn a_bad_key_is_named_with_its_file() {
        // FAULTS 20
        for (text, named) in [
            ("lisen = 'x'", "line 1, lisen = 'x': unknown field `lisen`, expected one of"),
            ("\n[http]\n\nlisten = 'x'", "line 4, listen = 'x': unknown field `listen`"),
            ("zone = 'UTC\n", "line 1, zone = 'UTC: "),
            ("listen = 'x'", "listen"),
            ("[collect]\nfile = []", "file"),
            ("[mail]\nmagic = 1", "magic"),
            ("[collect.journal]\nread = true", "collect.journal"),
            ("zone = 'Europe/Nowhere'", "Europe/Nowhere"),
            ("[mail]\nown_domains = ['a@b']", "own_domains"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(named) && refusal.contains("mailtally.toml"), "{text}: {refusal}");
        }
    }
}
