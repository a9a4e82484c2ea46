//! `doveconf -n` of Dovecot 2.3 and 2.4 → what to set. Whether a format of log lines can be read is not guessed: a line
//! is written in it and given to the parser.

use std::collections::BTreeMap;

use super::Proposal;
use crate::dovecot::{self, Fact};
use crate::text::Parsed;

/// The defaults of 2.3 and of 2.4 have the same words.
const MAIL_LOG_PREFIX: &str = "%s(%u)<%{pid}><%{session}>: ";
const LOGIN_ELEMENTS: &str = "user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>";
const POP3_LOGOUT: &str = "top=%t/%p, retr=%r/%b, del=%d/%m, size=%s";
const IMAP_LOGOUT: &str = "in=%i out=%o deleted=%{deleted}";

/// What is set: by key, those inside `protocol x { }` as `x.key`.
struct Set(BTreeMap<String, String>);

pub fn propose(doveconf: &str, proposal: &mut Proposal) {
    let set = Set::parse(doveconf);
    if let Some(realm) = set.0.get("auth_default_realm").or_else(|| set.0.get("auth_default_domain"))
        && realm.contains('.')
    {
        proposal.default_realm = Some(realm.clone());
    }
    logs(&set, proposal);
    logouts(&set, proposal);
    let prefix = set.get("mail_log_prefix", "imap", MAIL_LOG_PREFIX);
    let line = format!("{}Disconnected: Logged out in=1 out=2", filled(prefix, "imap"));
    let is_read = matches!(
        dovecot::parse(line.as_bytes()),
        Parsed::Fact(Fact::Ended { who, .. }) if who.user == SAMPLE_USER.as_bytes()
    );
    if !is_read {
        proposal.warn(format!(
            "mail_log_prefix = {prefix}: ends of sessions in this format are not understood, so POP and IMAP would have no \
             bytes and no terminations. Remove the setting, or use {MAIL_LOG_PREFIX:?}"
        ));
    } else if !line.contains(SAMPLE_SESSION) {
        proposal.warn(
            "mail_log_prefix has no session id: a session's end is joined to its log-in by name and process alone",
        );
    }
    let elements = set.get("login_log_format_elements", "imap", LOGIN_ELEMENTS);
    let elements: Vec<String> = elements.split_ascii_whitespace().map(|element| filled(element, "imap")).collect();
    let line = format!("imap-login: Login: {}", elements.join(", "));
    let login = dovecot::parse(line.as_bytes());
    match login {
        Parsed::Fact(Fact::Login { who, .. }) if who.user == SAMPLE_USER.as_bytes() => {
            if who.session.is_empty() {
                proposal.warn("login_log_format_elements has no session=<%{session}>: add it, so that a session's end is joined to its log-in");
            }
        }
        _ => proposal.warn(
            "login_log_format_elements: log-ins in this format are not understood. Remove the setting, or keep user=<%u>, \
             rip=%r and session=<%{session}> in it",
        ),
    }
    if set.0.get("login_log_format").is_some_and(|format| !format.starts_with("%$")) {
        proposal.warn(
            "login_log_format: what Dovecot says no longer stands first in its lines, and they are not understood",
        );
    }
}

impl Set {
    fn parse(text: &str) -> Set {
        let mut values = BTreeMap::new();
        let mut blocks: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(head) = line.strip_suffix('{') {
                blocks.push(head.trim().to_owned());
            } else if line == "}" {
                blocks.pop();
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value.trim();
                let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
                let scope = match blocks.as_slice() {
                    [] => String::new(),
                    [block] if block.starts_with("protocol ") => format!("{}.", block["protocol ".len()..].trim()),
                    _ => continue,
                };
                values.insert(format!("{scope}{}", key.trim()), value.to_owned());
            }
        }
        Set(values)
    }

    /// What is set for a protocol, or for all.
    fn get<'a>(&'a self, key: &str, protocol: &str, usual: &'a str) -> &'a str {
        self.0.get(&format!("{protocol}.{key}")).or_else(|| self.0.get(key)).map_or(usual, String::as_str)
    }
}

fn logs(set: &Set, proposal: &mut Proposal) {
    for key in ["log_path", "info_log_path"] {
        let Some(path) = set.0.get(key).filter(|path| !path.is_empty() && *path != "syslog") else { continue };
        if path.starts_with("/dev/") {
            proposal.warn(format!("{key} = {path}: Dovecot's lines are in no file, so POP and IMAP cannot be counted"));
        } else if !proposal.files.contains(&format!("{path}*")) {
            proposal.files.push(format!("{path}*"));
        }
    }
    if set.0.get("syslog_facility").is_some_and(|facility| facility != "mail") {
        proposal.warn("syslog_facility is not mail: name the file in which Dovecot's lines are under collect.files");
    }
}

/// Bytes stand in the line that ends a session, if it is told to say them.
fn logouts(set: &Set, proposal: &mut Proposal) {
    let protocols = set.0.get("protocols").map_or("imap pop3", String::as_str);
    let runs = |name: &str| protocols.split_ascii_whitespace().any(|protocol| protocol.trim_end_matches(',') == name);
    let bytes = |key: &str, protocol: &str, usual: &str| {
        let format = filled(set.get(key, protocol, usual), protocol);
        let line = format!("{protocol}({SAMPLE_USER})<1><{SAMPLE_SESSION}>: Disconnected: Logged out {format}");
        match dovecot::parse(line.as_bytes()) {
            Parsed::Fact(Fact::Ended { bytes, .. }) => bytes,
            _ => None,
        }
    };
    let is_2_4 = set.0.contains_key("dovecot_config_version");
    let (input, output) = if is_2_4 { ("%{input}", "%{output}") } else { ("%i", "%o") };
    if runs("pop3") && bytes("pop3_logout_format", "pop3", POP3_LOGOUT) != Some(SAMPLE_IN + SAMPLE_OUT) {
        let usual = if is_2_4 {
            "top=%{top_count}/%{top_bytes}, retr=%{retr_count}/%{retr_bytes}, del=%{deleted_count}/%{message_count}, \
             size=%{message_bytes}"
        } else {
            POP3_LOGOUT
        };
        proposal.warn(format!(
            "pop3_logout_format has no byte totals: POP bandwidth is a lower bound (messages fetched alone). Set it to\n  \
             pop3_logout_format = in={input} out={output} {usual}"
        ));
    }
    if runs("imap") && bytes("imap_logout_format", "imap", IMAP_LOGOUT) != Some(SAMPLE_IN + SAMPLE_OUT) {
        proposal.warn(format!(
            "imap_logout_format has no byte totals, so IMAP bandwidth is not counted. Remove the setting, or begin it with \
             in={input} out={output}"
        ));
    }
}

const SAMPLE_USER: &str = "ann@example.com";
const SAMPLE_SESSION: &str = "nE1fF0aUrsF/AAAB";
const SAMPLE_IN: u64 = 1_111;
const SAMPLE_OUT: u64 = 2_222;

/// A format as a line has it: each variable with something in its place.
fn filled(format: &str, protocol: &str) -> String {
    let mut line = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        line.push_str(before);
        let (name, after) = match after.strip_prefix('{') {
            Some(inside) => inside.split_once('}').unwrap_or((inside, "")),
            None => after.split_at(after.chars().next().map_or(0, char::len_utf8)),
        };
        // 2.4 puts filters behind a bar.
        let name = name.split('|').next().unwrap_or_default().trim();
        let is_logout = format.contains("del") || format.contains("in=") || format.contains("out=");
        match name {
            "u" | "user" => line.push_str(SAMPLE_USER),
            "session" => line.push_str(SAMPLE_SESSION),
            "s" | "protocol" if !is_logout => line.push_str(protocol),
            "service" => line.push_str(protocol),
            "i" | "input" | "net_in_bytes" => line.push_str(&SAMPLE_IN.to_string()),
            "o" | "output" | "net_out_bytes" => line.push_str(&SAMPLE_OUT.to_string()),
            "m" | "mechanism" if !is_logout => line.push_str("PLAIN"),
            "r" | "rip" | "remote_ip" | "l" | "lip" | "local_ip" if !is_logout => line.push_str("192.0.2.1"),
            "c" | "secured" => line.push_str("TLS"),
            "%" => line.push('%'),
            _ => line.push('7'),
        }
        rest = after;
    }
    line + rest
}
