//! From what Postfix and Dovecot are set to, to a proposal of settings: the text of a file that
//! [`Settings`](crate::settings::Settings) reads, with what a person must know or decide as comments. Runs nothing and
//! reads no log: texts come in, a text goes out.

mod dovecot;
mod logs;
mod postfix;

use std::collections::BTreeMap;
use std::fmt::Write;

pub use logs::copies;

/// What was found out, as texts of the programs that tell it; `None` where they could not be asked.
#[derive(Debug, Default)]
pub struct Found {
    /// `postconf -n`.
    pub postconf: Option<String>,
    /// `postconf -M`.
    pub master: Option<String>,
    /// `doveconf -n`.
    pub doveconf: Option<String>,
    /// Logs that are there, of those that usually hold mail.
    pub logs: Vec<String>,
    /// Logs that hold the same lines.
    pub copies: Vec<(String, String)>,
}

/// Settings to propose, and what to say of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    files: Vec<String>,
    own_domains: Vec<String>,
    trusted_relays: Vec<String>,
    internal_relays: Vec<String>,
    mailbox_hosts: Vec<String>,
    /// `None`: nothing is known, so the default stays.
    recipient_delimiter: Option<String>,
    default_realm: Option<String>,
    transport_roles: BTreeMap<String, &'static str>,
    is_milter_scanning: bool,
    /// What to look at: numbers would be missing or wrong without it.
    pub warnings: Vec<String>,
    /// What was understood and needs nothing.
    notes: Vec<String>,
}

/// Names listed of one kind; a site with more keeps them in a table.
const MAX_NAMES: usize = 10_000;

/// What to set. `read_table` gives the text of a table of Postfix that is a text file.
pub fn propose(found: &Found, read_table: &dyn Fn(&str) -> Option<String>) -> Proposal {
    let mut proposal = Proposal::default();
    match &found.postconf {
        Some(text) => postfix::propose(text, found.master.as_deref(), read_table, &mut proposal),
        None => {
            proposal.warnings.push("postconf could not be asked: nothing of Postfix is taken into account".to_owned())
        }
    }
    match &found.doveconf {
        Some(text) => dovecot::propose(text, &mut proposal),
        None => {
            proposal.warnings.push("doveconf could not be asked: nothing of Dovecot is taken into account".to_owned())
        }
    }
    // A log that the daemons are told to write comes before what lies about.
    for log in &found.logs {
        let is_copy = found.copies.iter().any(|(_, copy)| copy == log);
        if !is_copy && !proposal.files.contains(&format!("{log}*")) {
            proposal.files.push(format!("{log}*"));
        }
    }
    for (log, copy) in &found.copies {
        proposal.warnings.push(format!(
            "{log} and {copy} hold the same lines: name one of them. Lines that come twice are counted once all the same"
        ));
    }
    proposal
}

impl Proposal {
    fn warn(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    fn add_domain(&mut self, domain: &str) {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        // A name without a dot is no domain of mail, one that begins with a dot is all below it.
        let is_domain = domain.contains('.') && !domain.starts_with('.') && crate::settings::is_own_domain(&domain);
        if is_domain && !self.own_domains.contains(&domain) && self.own_domains.len() < MAX_NAMES {
            self.own_domains.push(domain);
        }
    }

    /// The settings file.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# Proposed by `mailtally setup`. All keys: docs/mailtally.example.toml. What is not here has its default.\n",
        );
        for (head, lines) in [("To look at", &self.warnings), ("Found", &self.notes)] {
            if !lines.is_empty() {
                comment(&mut text, &format!("\n{head}:"));
                lines.iter().for_each(|line| comment(&mut text, &format!("- {line}")));
            }
        }
        if !self.files.is_empty() {
            text += "\n[collect]\n";
            list(&mut text, "files", &self.files);
        }
        text += "\n[mail]\n";
        for (key, values) in [
            ("own_domains", &self.own_domains),
            ("trusted_relays", &self.trusted_relays),
            ("internal_relays", &self.internal_relays),
            ("mailbox_hosts", &self.mailbox_hosts),
        ] {
            if !values.is_empty() {
                list(&mut text, key, values);
            }
        }
        for (key, value) in [("recipient_delimiter", &self.recipient_delimiter), ("default_realm", &self.default_realm)]
        {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        }
        if self.is_milter_scanning {
            text += "clamav_source = \"clamav-milter\"\n";
        }
        if !self.transport_roles.is_empty() {
            text += "\n[mail.transport_roles]\n";
            for (transport, role) in &self.transport_roles {
                let _ = writeln!(text, "{} = {}", quoted(transport), quoted(role));
            }
        }
        text
    }
}

/// A comment: what came from outside breaks no line.
fn comment(text: &mut String, of: &str) {
    for line in of.split('\n') {
        let line = crate::command::escape(line);
        text.push_str(if line.is_empty() { "#" } else { "# " });
        text.push_str(&line);
        text.push('\n');
    }
}

fn list(text: &mut String, key: &str, values: &[String]) {
    let one_line = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
    let _ = if one_line.len() < 90 {
        writeln!(text, "{key} = [{one_line}]")
    } else {
        writeln!(text, "{key} = [\n  {},\n]", one_line.replace(", \"", ",\n  \""))
    };
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

#[cfg(test)]
mod tests;
