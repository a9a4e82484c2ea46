//! Lines that other people's tests keep, one by one, with the values that those tests expect of them: what our parsers say
//! of each must have them all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mailtally_server::postfix::{Peer, Reject, Speaker, Trouble, queued_as};
use mailtally_server::text::Parsed;
use mailtally_server::{dovecot, exim, postfix};

/// Values by name, as a collection states them.
type Values = BTreeMap<&'static str, String>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn peer(peer: &Peer<'_>) -> String {
    let port = peer.port.map_or(String::new(), |port| format!(":{port}"));
    format!("{}[{}]{port}", text(peer.name), text(peer.ip))
}

/// What a line of Postfix is about; `values` are filled with the rest.
fn of_postfix(fact: &postfix::Fact<'_>, values: &mut Values) -> &'static str {
    use postfix::Fact;
    match fact {
        Fact::Connect(client) => {
            values.insert("client", peer(client));
            "connect"
        }
        Fact::Disconnect { client, unknown_commands } => {
            values.extend([("client", peer(client)), ("unknown_commands", unknown_commands.to_string())]);
            "disconnect"
        }
        Fact::Client { id, client, sasl_username, .. } => {
            values.extend(id.map(|id| ("id", id.to_string())));
            values.insert("client", peer(client));
            values.extend(sasl_username.map(|user| ("user", text(user))));
            "client"
        }
        Fact::Reject(reject) => {
            of_reject(reject, values);
            "reject"
        }
        Fact::ProxyAccept { queued_as } => {
            values.insert("queued_as", queued_as.to_string());
            "proxy-accept"
        }
        Fact::OverLimit { client, what } => {
            values.extend([("client", peer(client)), ("what", format!("{what:?}"))]);
            "over-limit"
        }
        Fact::LoginFailed { client, user } => {
            values.insert("client", peer(client));
            values.extend(user.map(|user| ("user", text(user))));
            "login-failed"
        }
        Fact::BadCommand { client, .. } => {
            values.insert("client", peer(client));
            "bad-command"
        }
        Fact::BrokenOff { how, client, bytes } => {
            values.extend([("client", peer(client)), ("how", format!("{how:?}"))]);
            values.extend(bytes.map(|bytes| ("bytes", bytes.to_string())));
            "broken-off"
        }
        Fact::MessageId { id, message_id } => {
            values.extend([("id", id.to_string()), ("message_id", text(message_id))]);
            "message-id"
        }
        Fact::Pickup { id, uid, sender, .. } => {
            values.extend([("id", id.to_string()), ("uid", uid.to_string()), ("from", text(sender))]);
            "pickup"
        }
        Fact::Active { id, sender, size } => {
            values.extend([("id", id.to_string()), ("from", text(sender))]);
            values.extend(size.map(|size| ("size", size.to_string())));
            "active"
        }
        Fact::Expired { id } => {
            values.insert("id", id.to_string());
            "expired"
        }
        Fact::Removed { id } => {
            values.insert("id", id.to_string());
            "removed"
        }
        Fact::Delivery(delivery) => {
            let delays = &delivery.delays;
            values.extend([
                ("id", delivery.id.to_string()),
                ("to", text(delivery.recipient)),
                ("relay", text(delivery.relay)),
                ("delays", format!("{} {} {}", text(delays.before), delays.connecting_ms, delays.transferring_ms)),
                ("status", format!("{:?}", delivery.status)),
                ("response", text(delivery.response)),
            ]);
            values.extend(queued_as(delivery.response).map(|id| ("queued_as", id.to_string())));
            "delivery"
        }
        Fact::ConnectFailed { host, .. } => {
            values.insert("host", peer(host));
            "connect-failed"
        }
        Fact::HopFailed { id, host, response } => {
            values.extend([("id", id.to_string()), ("host", peer(host))]);
            values.insert("terminated", Trouble::of(response).is_terminated.to_string());
            "hop-failed"
        }
        Fact::Notification { id, child, is_non_delivery } => {
            values.extend([("id", id.to_string()), ("child", child.to_string())]);
            values.insert("non_delivery", is_non_delivery.to_string());
            "notification"
        }
        Fact::Screen { client, what } => {
            let what = match what {
                postfix::Screened::Rejected(reject) => {
                    of_reject(reject, values);
                    "Rejected".to_owned()
                }
                what => format!("{what:?}"),
            };
            values.extend([("client", peer(client)), ("what", what)]);
            "screen"
        }
        Fact::Restart => "restart",
        Fact::TooLarge { .. } | Fact::MilterDown { .. } | Fact::Header { .. } => "other",
    }
}

fn of_reject(reject: &Reject<'_>, values: &mut Values) {
    values.extend(reject.id.map(|id| ("id", id.to_string())));
    values.extend(reject.client.as_ref().map(|client| ("client", peer(client))));
    values.extend(reject.sender.map(|sender| ("from", text(sender))));
    values.extend(reject.recipient.map(|recipient| ("to", text(recipient))));
    values.extend([
        ("stage", format!("{:?}", reject.stage)),
        ("reply", text(reject.reply)),
        ("permanent", reject.is_permanent.to_string()),
        ("of_client", reject.is_of_client.to_string()),
    ]);
}

fn of_exim(fact: &exim::Fact<'_>, values: &mut Values) -> &'static str {
    use exim::Fact;
    match fact {
        Fact::Connect(client) | Fact::TurnedAway(client) | Fact::BadCommand(client) => {
            values.insert("client", peer(client));
            match fact {
                Fact::Connect(_) => "connect",
                Fact::BadCommand(_) => "bad-command",
                _ => "turned-away",
            }
        }
        Fact::Closed { client, how } => {
            values.extend([("client", peer(client)), ("how", format!("{how:?}"))]);
            "closed"
        }
        Fact::Reject(reject) => {
            of_reject(reject, values);
            "reject"
        }
        Fact::LoginFailed { client, user } => {
            values.insert("client", peer(client));
            values.extend(user.map(|user| ("user", text(user))));
            "login-failed"
        }
        Fact::Arrived(arrival) => {
            values.extend(arrival.id.map(|id| ("id", id.to_string())));
            values.extend(arrival.parent.map(|parent| ("parent", parent.to_string())));
            values.extend(arrival.client.as_ref().map(|client| ("client", peer(client))));
            values.extend(arrival.sasl_username.map(|user| ("user", text(user))));
            values.extend(arrival.size.map(|size| ("size", size.to_string())));
            values.extend([("from", text(arrival.sender)), ("message_id", text(arrival.message_id))]);
            "arrived"
        }
        Fact::Delivery(delivery) => {
            values.extend([
                ("id", delivery.id.to_string()),
                ("outcome", format!("{:?}", delivery.outcome)),
                ("to", text(&delivery.recipient)),
                ("transport", text(delivery.transport)),
                ("reuse", delivery.is_reuse.to_string()),
                ("response", text(delivery.response)),
            ]);
            values.extend(delivery.host.as_ref().map(|host| ("host", peer(host))));
            "delivery"
        }
        Fact::HopFailed { id, host, response } => {
            values.extend([("id", id.to_string()), ("host", peer(host)), ("response", text(response))]);
            "hop-failed"
        }
        Fact::Completed { id } => {
            values.insert("id", id.to_string());
            "completed"
        }
        Fact::ScannerFailed(_) => "scanner-failed",
        Fact::Restart => "restart",
    }
}

fn of_dovecot(fact: &dovecot::Fact<'_>, values: &mut Values) -> &'static str {
    use dovecot::Fact;
    let (what, protocol, who) = match fact {
        Fact::Login { protocol, who } => ("login", protocol, who),
        Fact::Refused { protocol, who, why, .. } => {
            values.extend([("failed", why.auth_failed.to_string()), ("blocked", why.is_blocked.to_string())]);
            values.insert("end", format!("{:?}", why.end));
            ("refused", protocol, who)
        }
        Fact::Ended { protocol, who, end, bytes, .. } => {
            values.insert("end", format!("{end:?}"));
            values.extend(bytes.map(|bytes| ("bytes", bytes.to_string())));
            ("ended", protocol, who)
        }
        Fact::ForbiddenByRule { session } | Fact::BadCommand { session } => {
            values.insert("session", text(session));
            return "session";
        }
        Fact::Restart => return "restart",
    };
    values.extend([
        ("protocol", format!("{protocol:?}")),
        ("user", text(who.user)),
        ("session", text(who.session)),
        ("client", format!("[{}]", text(who.ip))),
    ]);
    what
}

/// What our parsers say of a line.
fn values(program: &str, message: &str) -> Values {
    fn filled<T>(parsed: &Parsed<T>, fill: impl FnOnce(&T, &mut Values) -> &'static str) -> Values {
        let mut values = Values::new();
        let what = match parsed {
            Parsed::Fact(fact) => fill(fact, &mut values),
            Parsed::Ignored => "nothing",
            Parsed::Unparsed => "not understood",
        };
        values.insert("is", what.to_owned());
        let ip = values.get("client").and_then(|client| client.split(['[', ']']).nth(1)).map(str::to_owned);
        values.extend(ip.map(|ip| ("ip", ip)));
        values
    }
    let message = message.as_bytes();
    match program {
        "exim" => filled(&exim::parse(message), of_exim),
        "dovecot" => filled(&dovecot::parse(message), of_dovecot),
        program => {
            let speaker = Speaker::parse(program.as_bytes()).unwrap_or_else(|| panic!("{program} is none of ours"));
            filled(&postfix::parse(&speaker, message), of_postfix)
        }
    }
}

/// Compares a collection line by line; gives the number of its lines.
fn compare(collection: &str) -> usize {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/collections", collection].iter().collect();
    let file = std::fs::read_to_string(path).unwrap();
    let mut differences = Vec::new();
    let (mut lines, mut line, mut found) = (0, "", Values::new());
    for row in file.lines() {
        if let Some(of_log) = row.strip_prefix("> ") {
            let (program, message) = of_log.split_once(": ").unwrap();
            (line, found) = (of_log, values(program, message));
            lines += 1;
        } else if let Some(expected) = row.strip_prefix("  ") {
            let (name, value) = expected.split_once(':').unwrap();
            let value = value.strip_prefix(' ').unwrap_or(value);
            if found.get(name).map(String::as_str) != Some(value) {
                differences.push(format!("{line}\n  {name}: {value}, and found is {found:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    lines
}

#[test]
fn lines_of_postfix_mean_what_others_say() {
    assert_eq!(compare("postfix.txt"), POSTFIX);
}

#[test]
fn lines_of_exim_mean_what_others_say() {
    assert_eq!(compare("exim.txt"), EXIM);
}

#[test]
fn lines_of_attacks_name_who_others_say() {
    assert_eq!(compare("attacks.txt"), ATTACKS);
}

/// Lines of each collection: a file that is not read well has fewer.
const POSTFIX: usize = 126;
const EXIM: usize = 41;
const ATTACKS: usize = 158;
