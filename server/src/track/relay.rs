//! What a transport does with a message: delivers it to a mailbox, sends it on, or hands it to a filter that gives
//! it back (SEMANTICS R5). Service name and relay decide, never a host's name alone.

use std::net::IpAddr;

use crate::postfix::{Delivery, Peer, SUSPENDED, Speaker, Status, is_of_lmtp, is_of_smtp};
use crate::settings::{MailSettings, TransportRole};

/// Pipes that end in a mailbox.
const MAILBOX_PIPES: &[&[u8]] = &[b"dovecot", b"dovecot-lda", b"maildrop", b"cyrus", b"procmail"];

/// Where content filters listen by custom: amavis, and the ports of Postfix's FILTER_README.
const FILTER_PORTS: std::ops::RangeInclusive<u16> = 10023..=10028;

/// What becomes of a message at this delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Local,
    /// A pipe that may be a mailbox or a filter: a mailbox, until a message comes back from it.
    Pipe,
    Remote,
    Filter,
    Void,
}

/// `peer` is the delivery's, and `is_filter_pipe` says whether a message came back from the pipe of that name before.
pub fn role(
    settings: &MailSettings,
    speaker: &Speaker<'_>,
    delivery: &Delivery<'_>,
    peer: Option<Peer<'_>>,
    is_filter_pipe: bool,
) -> Role {
    if let Some(role) = configured(settings, speaker, delivery) {
        return role;
    }
    match delivery.daemon {
        b"local" | b"virtual" => Role::Local,
        b"pipe" if MAILBOX_PIPES.contains(&delivery.relay) => Role::Local,
        b"pipe" if is_filter_pipe => Role::Filter,
        b"pipe" => Role::Pipe,
        b"error" | b"retry" | b"qmgr" if delivery.status == Status::Deferred => put_off(settings, delivery.response),
        b"error" | b"discard" | b"retry" | b"qmgr" | b"cleanup" => Role::Void,
        b"lmtp" => match peer {
            Some(peer) if is_listed(settings, &peer) || is_filter_port(&peer) => Role::Filter,
            _ => Role::Local,
        },
        _ => {
            // Where no connection was made, the reason names the next hop.
            let tried = || delivery.response.strip_prefix(b"connect to ").and_then(Peer::leading).map(|(peer, _)| peer);
            match peer.or_else(tried) {
                Some(peer) if is_internal(settings, &peer) => Role::Filter,
                Some(peer) if is_mailbox_host(settings, &peer) => Role::Local,
                _ => Role::Remote,
            }
        }
    }
}

/// qmgr spares a next hop that does not answer, and has error(8) put its other recipients off: `delivery temporarily
/// suspended: connect to mx.outside.example[192.0.2.1]:25: Connection refused`. The reason tells whose transport it is.
fn put_off(settings: &MailSettings, response: &[u8]) -> Role {
    let reason = response.strip_prefix(SUSPENDED).unwrap_or(response);
    const HOPS: &[&[u8]] = &[b"connect to ", b"host ", b"lost connection with ", b"conversation with "];
    let hop = HOPS.iter().find_map(|words| reason.strip_prefix(*words)).and_then(Peer::leading).map(|(hop, _)| hop);
    match hop {
        Some(hop) if is_of_lmtp(&hop) => Role::Local,
        Some(hop) if is_internal(settings, &hop) => Role::Filter,
        Some(hop) if is_mailbox_host(settings, &hop) => Role::Local,
        Some(_) => Role::Remote,
        None if is_of_smtp(reason) => Role::Remote,
        None => Role::Void,
    }
}

fn configured(settings: &MailSettings, speaker: &Speaker<'_>, delivery: &Delivery<'_>) -> Option<Role> {
    if settings.transport_roles.is_empty() {
        return None;
    }
    let find = |name: &[u8]| settings.transport_roles.get(str::from_utf8(name).ok()?).copied();
    let service = || speaker.program.split(|byte| *byte == b'/').skip(1).find_map(find);
    let role = if delivery.daemon == b"pipe" { find(delivery.relay).or_else(service) } else { service() };
    Some(match role? {
        TransportRole::Local => Role::Local,
        TransportRole::Remote => Role::Remote,
        TransportRole::Filter => Role::Filter,
        TransportRole::Void => Role::Void,
    })
}

/// Whether a next hop gives messages back to us: listed, or this host by its own loopback name, or a filter's port.
pub fn is_internal(settings: &MailSettings, peer: &Peer<'_>) -> bool {
    is_filter(settings, peer) || is_loopback(peer.ip) && is_loopback_name(peer.name)
}

/// Listed, or a filter's port.
pub fn is_filter(settings: &MailSettings, peer: &Peer<'_>) -> bool {
    is_listed(settings, peer) || is_filter_port(peer)
}

fn is_filter_port(peer: &Peer<'_>) -> bool {
    is_loopback(peer.ip) && peer.port.is_some_and(|port| FILTER_PORTS.contains(&port))
}

/// `127.0.0.1[127.0.0.1]` and `localhost[::1]`; a remote domain's mail exchanger may well resolve to loopback.
fn is_loopback_name(name: &[u8]) -> bool {
    name.is_empty() || name == b"localhost" || name.starts_with(b"localhost.") || is_loopback(name)
}

pub fn is_loopback(ip: &[u8]) -> bool {
    ip.starts_with(b"127.") || ip == b"::1" || ip == b"::ffff:127.0.0.1"
}

fn is_listed(settings: &MailSettings, peer: &Peer<'_>) -> bool {
    settings.internal_relays.iter().any(|relay| {
        let (host, port) = match relay.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host.trim_matches(['[', ']']), port.parse::<u16>().ok())
            }
            _ => (relay.as_str(), None),
        };
        let is_host = host.as_bytes() == peer.ip || host.as_bytes() == peer.name;
        is_host && (port.is_none() || port == peer.port)
    })
}

pub fn is_mailbox_host(settings: &MailSettings, peer: &Peer<'_>) -> bool {
    settings.mailbox_hosts.iter().any(|host| host.as_bytes() == peer.ip || host.as_bytes() == peer.name)
}

/// Whether a client may send as any address of ours: `10.0.0.5`, `10.0.0.0/8`, or a leading part `10.0.`.
pub fn is_trusted(settings: &MailSettings, ip: &str) -> bool {
    settings.trusted_relays.iter().any(|entry| match entry.split_once('/') {
        Some((network, length)) => is_within(ip, network, length).unwrap_or(false),
        None => entry == ip || entry.ends_with(['.', ':']) && ip.starts_with(entry.as_str()),
    })
}

fn is_within(ip: &str, network: &str, length: &str) -> Option<bool> {
    let length: u32 = length.parse().ok()?;
    let same = |ip: u128, network: u128, bits: u32| {
        let shift = bits.checked_sub(length)?;
        Some(shift >= 128 || ip >> shift == network >> shift)
    };
    match (ip.parse().ok()?, network.parse().ok()?) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => same(ip.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(ip), IpAddr::V6(network)) => same(ip.to_bits(), network.to_bits(), 128),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer<'_> {
        Peer::whole(text.as_bytes()).expect("a peer")
    }

    #[test]
    fn a_loopback_address_alone_is_not_internal() {
        let mut settings = MailSettings::default();
        assert!(is_internal(&settings, &peer("127.0.0.1[127.0.0.1]:10025")));
        assert!(is_internal(&settings, &peer("localhost[::1]:2500")));
        assert!(!is_internal(&settings, &peer("mx.outside.example[127.0.0.1]:2525")));
        assert!(is_internal(&settings, &peer("mx.outside.example[127.0.0.1]:10024")));
        assert!(!is_internal(&settings, &peer("filter[10.0.0.9]:10024")));
        settings.internal_relays = vec!["10.0.0.9:10024".to_owned(), "out.site.example".to_owned()];
        assert!(is_internal(&settings, &peer("filter[10.0.0.9]:10024")));
        assert!(!is_internal(&settings, &peer("filter[10.0.0.9]:25")));
        assert!(is_internal(&settings, &peer("out.site.example[10.0.0.7]:25")));
    }

    #[test]
    fn trusted_clients() {
        let trusted_relays = ["127.0.0.0/8", "::1", "10.1.", "2001:db8::/32"].map(str::to_owned).to_vec();
        let settings = MailSettings { trusted_relays, ..MailSettings::default() };
        for ip in ["127.9.0.1", "::1", "10.1.2.3", "2001:db8:1::25"] {
            assert!(is_trusted(&settings, ip), "{ip}");
        }
        for ip in ["128.0.0.1", "10.12.0.1", "unknown", "2001:db9::1"] {
            assert!(!is_trusted(&settings, ip), "{ip}");
        }
    }
}
