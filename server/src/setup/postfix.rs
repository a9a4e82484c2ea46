//! `postconf -n` and `postconf -M` of Postfix 3.x → what to set.

use std::collections::BTreeMap;

use super::Proposal;

/// Where domains of ours stand.
const DOMAIN_KEYS: [&str; 4] = ["mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains"];
/// References to references that are followed: `$mydestination` names `$myhostname`.
const MAX_DEPTH: usize = 8;
/// References that one value may come to in all: of values that name each other, or themselves, each step has many times as
/// many as the one before.
const MAX_REFERENCES: usize = 1_000;
/// Tables that Postfix builds from a text file of the same name, or reads as text: a key and a value on each line.
const TEXT_TABLES: [&str; 7] = ["hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash"];
/// Programs that the access lists hand each request to.
const POLICY: &str = "check_policy_service";

/// What is set, by key.
struct Main(BTreeMap<String, String>);

/// A line of master.cf.
struct Service<'a> {
    name: &'a str,
    is_inet: bool,
    program: &'a str,
    /// What follows `-o`, as `key=value`.
    options: Vec<&'a str>,
}

pub fn propose(
    postconf: &str,
    master: Option<&str>,
    read_table: &dyn Fn(&str) -> Option<String>,
    proposal: &mut Proposal,
) {
    let main = Main::parse(postconf);
    let services: Vec<Service<'_>> = master.unwrap_or_default().lines().filter_map(Service::parse).collect();
    domains(&main, read_table, proposal);
    // Absent means none; Debian sets it to "+" in the file.
    proposal.recipient_delimiter = Some(main.get("recipient_delimiter").unwrap_or_default());
    proposal.default_realm = main.get("smtpd_sasl_local_domain").filter(|realm| realm.contains('.'));
    clients(&main, proposal);
    filters(&main, &services, proposal);
    transports(&main, &services, proposal);
    submission(&services, proposal);
    limits(&main, proposal);
    logging(&main, proposal);
}

impl Main {
    fn parse(text: &str) -> Main {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        let mut last: Option<String> = None;
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if line.starts_with([' ', '\t']) {
                // A value that goes on, as it stands in main.cf itself.
                if let Some(value) = last.as_ref().and_then(|key| values.get_mut(key)) {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((key, value)) = line.split_once('=') {
                values.insert(key.trim().to_owned(), value.trim().to_owned());
                last = Some(key.trim().to_owned());
            }
        }
        Main(values)
    }

    /// A value that is set, with what it refers to; a reference to what is not set is left out.
    fn get(&self, key: &str) -> Option<String> {
        let mut left = MAX_REFERENCES;
        self.0.get(key).map(|value| self.expand(value, 0, &mut left))
    }

    fn expand(&self, value: &str, depth: usize, left: &mut usize) -> String {
        let mut expanded = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let (name, after) = match after.strip_prefix(['{', '(']) {
                Some(inside) => inside.split_once(['}', ')']).unwrap_or((inside, "")),
                None => {
                    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                    after.split_at(end)
                }
            };
            match self.0.get(name) {
                Some(value) if depth < MAX_DEPTH && *left > 0 => {
                    *left -= 1;
                    expanded.push_str(&self.expand(value, depth + 1, left));
                }
                // By default the part of the host's name after its first dot.
                None if name == "mydomain" => {
                    let host = self.0.get("myhostname").and_then(|name| name.split_once('.'));
                    expanded.push_str(host.map_or("", |(_, domain)| domain));
                }
                _ => {}
            }
            rest = after;
        }
        expanded + rest
    }

    fn is_set_to(&self, key: &str, value: &str) -> bool {
        self.0.get(key).is_some_and(|set| set.eq_ignore_ascii_case(value))
    }
}

impl<'a> Service<'a> {
    fn parse(line: &'a str) -> Option<Service<'a>> {
        let mut words = line.split_ascii_whitespace();
        let (name, kind) = (words.next().filter(|name| !name.starts_with('#'))?, words.next()?);
        let program = words.nth(5)?;
        let words: Vec<&str> = words.collect();
        let options = words.windows(2).filter(|pair| pair[0] == "-o").map(|pair| pair[1]).collect();
        Some(Service { name, is_inet: kind == "inet", program, options })
    }

    fn option(&self, key: &str) -> Option<&'a str> {
        self.options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('='))
    }
}

/// The items of a list: by commas or spaces, but whole in braces.
fn items(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut depth, mut from) = (0_usize, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' | ' ' | '\t' | '\n' if depth == 0 => {
                items.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[from..]);
    items.into_iter().filter(|item| !item.is_empty()).collect()
}

fn domains(main: &Main, read_table: &dyn Fn(&str) -> Option<String>, proposal: &mut Proposal) {
    for key in DOMAIN_KEYS {
        let Some(value) = main.get(key) else { continue };
        for item in items(&value).into_iter().filter(|item| !item.starts_with('!')) {
            let (kind, name) = match item.split_once(':') {
                Some((kind, name)) => (kind, name),
                None if item.starts_with('/') => ("file", item),
                None => {
                    proposal.add_domain(item);
                    continue;
                }
            };
            if kind == "inline" {
                let inside = name.trim().trim_start_matches('{').trim_end_matches('}');
                let pairs =
                    items(inside).into_iter().filter_map(|pair| pair.trim_matches(['{', '}']).split('=').next());
                pairs.for_each(|domain| proposal.add_domain(domain.trim()));
                continue;
            }
            let is_text = kind == "file" || TEXT_TABLES.contains(&kind);
            match is_text.then(|| read_table(name)).flatten() {
                Some(table) => {
                    let keys = table.lines().filter(|line| !line.starts_with(['#', ' ', '\t']));
                    keys.filter_map(|line| line.split_ascii_whitespace().next()).for_each(|key| proposal.add_domain(key));
                    proposal.note(format!("domains of {key} were read from {item}"));
                }
                None => proposal.warn(format!(
                    "{key}: the table {item} cannot be read from here. Its domains become known by the first delivery to a \
                     mailbox of theirs; add those to own_domains that only relay or send"
                )),
            }
        }
    }
}

/// Who may send as any address of ours.
fn clients(main: &Main, proposal: &mut Proposal) {
    let Some(networks) = main.get("mynetworks") else { return };
    let mut trusted: Vec<String> = Vec::new();
    for item in items(&networks).into_iter().filter(|item| !item.starts_with('!')) {
        let network = item.replace(['[', ']'], "");
        let address = network.split('/').next().unwrap_or_default();
        if address.parse::<std::net::IpAddr>().is_ok() {
            trusted.push(network);
        } else {
            proposal.warn(format!("mynetworks: {item} is a table; add the networks in it to trusted_relays"));
        }
    }
    for loopback in ["127.0.0.0/8", "::1"] {
        if !trusted.iter().any(|network| network == loopback || network.strip_suffix("/128") == Some(loopback)) {
            trusted.push(loopback.to_owned());
        }
    }
    proposal.trusted_relays = trusted;
}

/// What hands a message back: a message is counted once, however often it passes there.
fn filters(main: &Main, services: &[Service<'_>], proposal: &mut Proposal) {
    let mut all: Vec<String> = main.get("content_filter").into_iter().collect();
    all.extend(services.iter().filter_map(|service| service.option("content_filter")).map(str::to_owned));
    all.retain(|filter| !filter.is_empty());
    all.sort();
    all.dedup();
    for filter in all {
        let (transport, next_hop) = filter.split_once(':').unwrap_or((&filter, ""));
        let is_pipe = services.iter().any(|service| service.name == transport && service.program == "pipe");
        if is_pipe || next_hop.is_empty() {
            proposal.transport_roles.insert(transport.to_owned(), "filter");
            proposal.note(format!("the content filter {transport} is a program that hands mail back"));
        } else {
            relay_back(next_hop, &format!("the content filter {filter}"), proposal);
        }
    }
    let mut proxies: Vec<String> = main.get("smtpd_proxy_filter").into_iter().collect();
    proxies.extend(services.iter().filter_map(|service| service.option("smtpd_proxy_filter")).map(str::to_owned));
    for proxy in proxies.iter().filter(|proxy| !proxy.is_empty()) {
        relay_back(proxy, &format!("the before-queue filter {proxy}"), proposal);
    }
    let milters = ["smtpd_milters", "non_smtpd_milters"].map(|key| main.get(key).unwrap_or_default());
    let mut milters: Vec<&str> = milters.iter().flat_map(|list| items(list)).collect();
    milters.sort_unstable();
    milters.dedup();
    for milter in milters {
        if milter.contains("clamav") || milter.contains("clmilter") {
            proposal.is_milter_scanning = true;
            proposal.warn(format!(
                "{milter} scans for viruses: ClamAV is counted by its milter's lines (LogInfected, LogClean). Where clamd \
                 logs each scan, too, set clamav_source to \"clamd\" to count those"
            ));
        } else {
            proposal.note(format!("the milter {milter} needs no setting: its verdicts are read from the log"));
        }
    }
}

fn relay_back(next_hop: &str, what: &str, proposal: &mut Proposal) {
    // `[10.0.0.9]:10024`, `inet:10.0.0.9:10024`, `unix:private/filter`; logged without brackets.
    let address = next_hop.strip_prefix("inet:").or_else(|| next_hop.strip_prefix("unix:")).unwrap_or(next_hop);
    let address = address.replace(['[', ']'], "");
    let is_here = ["127.", "localhost", "::1"].iter().any(|here| address.starts_with(here)) || !address.contains(':');
    if is_here && !address.contains('/') {
        proposal.note(format!("{what} is on this host and needs no setting"));
    } else if !proposal.internal_relays.contains(&address) {
        proposal.internal_relays.push(address);
    }
}

/// What a transport does, where its name does not say.
fn transports(main: &Main, services: &[Service<'_>], proposal: &mut Proposal) {
    const KNOWN: [&str; 8] = ["lmtp", "local", "virtual", "smtp", "relay", "error", "retry", "discard"];
    const LOCAL_PIPES: [&str; 3] = ["dovecot", "maildrop", "cyrus"];
    for (key, is_ours) in [
        ("virtual_transport", true),
        ("mailbox_transport", true),
        ("local_transport", true),
        ("relay_transport", false),
    ] {
        let Some(value) = main.get(key) else { continue };
        let (transport, next_hop) = value.split_once(':').unwrap_or((&value, ""));
        let program = services.iter().find(|service| service.name == transport && !service.is_inet);
        let program = program.map_or(transport, |service| service.program);
        if program == "smtp" && is_ours {
            let host = next_hop.trim_start_matches('[').split([']', ':']).next().unwrap_or_default();
            if !host.is_empty() && !proposal.mailbox_hosts.iter().any(|known| known == host) {
                proposal.mailbox_hosts.push(host.to_owned());
            }
        } else if is_ours && !KNOWN.contains(&transport) && !proposal.transport_roles.contains_key(transport) {
            proposal.transport_roles.insert(transport.to_owned(), "local");
        }
    }
    for service in services.iter().filter(|service| !service.is_inet && !KNOWN.contains(&service.name)) {
        let name = service.name;
        if proposal.transport_roles.contains_key(name) {
            continue;
        }
        match service.program {
            "lmtp" | "local" | "virtual" => {
                proposal.transport_roles.insert(name.to_owned(), "local");
            }
            // Those of just these names are known.
            "pipe" if !LOCAL_PIPES.contains(&name) && LOCAL_PIPES.iter().any(|pipe| name.contains(pipe)) => {
                proposal.transport_roles.insert(name.to_owned(), "local");
            }
            "pipe" if name == "mailman" => {
                proposal.transport_roles.insert(name.to_owned(), "void");
            }
            _ => {}
        }
    }
}

/// Where users send from.
fn submission(services: &[Service<'_>], proposal: &mut Proposal) {
    for service in services.iter().filter(|service| service.is_inet && service.program == "smtpd") {
        let port = service.name.rsplit(':').next().unwrap_or_default();
        let is_for_users = ["submission", "587", "465", "smtps", "submissions"].contains(&port);
        let name = service.option("syslog_name").unwrap_or_default();
        let is_told =
            ["submission", "smtps", "465", "587"].iter().any(|part| name.contains(part)) || name.contains('$');
        if is_for_users && !is_told {
            proposal.warn(format!(
                "master.cf: {} logs under the name of the public port. With `-o syslog_name=postfix/submission` its mail is \
                 of the class Submission before anyone logs in",
                service.name
            ));
        } else if is_for_users {
            proposal.note(format!("users send through {}, which logs as {name}", service.name));
        }
    }
}

fn limits(main: &Main, proposal: &mut Proposal) {
    let rates: Vec<&str> = main
        .0
        .keys()
        .map(String::as_str)
        .filter(|key| key.starts_with("smtpd_client_") && key.ends_with("_limit"))
        .collect();
    if !rates.is_empty() {
        proposal.note(format!("limits by anvil are read from the log: {}", rates.join(", ")));
    }
    let asked: Vec<&str> = main
        .0
        .iter()
        .filter(|(key, _)| key.ends_with("_restrictions"))
        .flat_map(|(_, list)| {
            let items = items(list);
            let services = items.windows(2).filter(|pair| pair[0] == POLICY).map(|pair| pair[1]);
            services.collect::<Vec<_>>()
        })
        .collect();
    if !asked.is_empty() {
        proposal.warn(format!(
            "the policy service {} may set limits: for Throttle Traffic, put a part of its reply into \
             mail.throttle_reply_patterns",
            asked.join(", ")
        ));
    }
}

fn logging(main: &Main, proposal: &mut Proposal) {
    if let Some(log) = main.get("maillog_file").filter(|log| !log.is_empty()) {
        if log == "/dev/stdout" {
            proposal.warn(
                "maillog_file: Postfix logs to its standard output; let what starts it write a file, and name that",
            );
        } else {
            proposal.files.push(format!("{log}*"));
        }
    }
    if !main.is_set_to("enable_long_queue_ids", "yes") {
        proposal.note(
            "enable_long_queue_ids is off: queue ids are used again within seconds. They are kept apart; with \"yes\" nothing \
             has to be",
        );
    }
    if main.0.get("syslog_facility").is_some_and(|facility| facility != "mail") {
        proposal.warn("syslog_facility is not mail: name the file in which Postfix' lines are under collect.files");
    }
    if main.0.get("smtpd_peername_lookup").is_some_and(|lookup| lookup == "no") {
        proposal.note("smtpd_peername_lookup is off: clients have no names, only addresses");
    }
    let headers = main.get("header_checks").unwrap_or_default();
    if headers.is_empty() {
        proposal.note(
            "no header_checks: the priority classes Urgent and Lists are told by senders alone. With `/^(Precedence|\
             X-Priority|Importance|Priority|List-Id):/ INFO` they are told by headers, which then stand in the log",
        );
    }
}
