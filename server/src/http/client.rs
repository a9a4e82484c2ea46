//! Where a request really comes from: by which connection, through which proxies, under which name; and whether it may
//! change anything. Headers that a proxy sets are believed of trusted proxies alone.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::error::Refusal;
use crate::settings::Settings;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The other end of the connection. The listener says it of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: IpAddr,
    pub tls: bool,
}

/// What the settings say about where requests may come from.
#[derive(Clone, Debug)]
pub struct Origins {
    names: Vec<String>,
    trusted_proxies: Vec<IpAddr>,
    user_header: Option<HeaderName>,
    /// Whether addresses beyond loopback ones are names of ours.
    any_address: bool,
}

/// Whoever sent a request.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: IpAddr,
    /// `scheme://host[:port]`, as the browser's address bar shows it.
    origin: String,
    /// Whether a cookie with the attribute Secure comes back.
    pub is_secure: bool,
    /// Whom a trusted proxy says it is.
    pub user: Option<String>,
}

impl Origins {
    pub fn new(settings: &Settings) -> Origins {
        let http = &settings.http;
        Origins {
            names: http.names.clone(),
            trusted_proxies: http.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
            user_header: http.user_header.as_ref().and_then(|name| name.parse().ok()),
            any_address: !settings.listen.ip().is_loopback(),
        }
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.contains(&address.to_canonical())
    }

    /// Who sent a request. One under a name that is not ours is refused.
    pub fn client(&self, peer: Peer, uri: &Uri, headers: &HeaderMap) -> Result<Client, Refusal> {
        let host = host(uri, headers).filter(|host| self.is_ours(host)).ok_or_else(|| {
            let sentence =
                "ask for this server by a loopback address, or by a name that its settings list in http.names";
            Refusal::BadRequest(sentence.to_owned())
        })?;
        let by_proxy = self.trusts(peer.address);
        let forwarded_tls = by_proxy && headers.get(FORWARDED_PROTO).is_some_and(|proto| proto == "https");
        let tls = peer.tls || forwarded_tls;
        let scheme = if tls { "https" } else { "http" };
        let stays_here = peer.address.to_canonical().is_loopback() && is_loopback_name(name_of(host));
        let user = match &self.user_header {
            Some(name) if by_proxy => one(headers, name)?.map(str::to_owned),
            _ => None,
        };
        Ok(Client {
            address: if by_proxy { self.forwarded_for(headers).unwrap_or(peer.address) } else { peer.address },
            origin: format!("{scheme}://{host}").to_ascii_lowercase(),
            is_secure: tls || stays_here,
            user: user.filter(|user| !user.is_empty()),
        })
    }

    /// The last address of the list that is no proxy of ours: what is before it was said by whoever it is.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
        // In bytes: what a client put in front of what the proxy wrote may be anything.
        let words = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        let mut addresses = words.map(|word| forwarded_address(str::from_utf8(word).ok()?.trim()));
        addresses.find(|address| address.is_none_or(|address| !self.trusts(address)))?
    }

    /// A page elsewhere can point a name of its own at our address and read what that name answers (DNS rebinding); so
    /// only names of ours are answered. Nobody can do that to an address.
    fn is_ours(&self, host: &str) -> bool {
        let name = name_of(host);
        is_loopback_name(name)
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name.trim_end_matches('.')))
            || (self.any_address && name.parse::<IpAddr>().is_ok())
    }
}

/// An address as proxies write it: some with a port, and IPv6 in brackets then.
fn forwarded_address(word: &str) -> Option<IpAddr> {
    let with_port = || word.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || word.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    word.parse().ok().or_else(with_port).or_else(in_brackets)
}

impl Client {
    /// Whether a change may have been meant: a page of another site can send a request too, and the browser says so.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let refused = |why: &str| Err(Refusal::Refused(why.to_owned()));
        if one(headers, &FETCH_SITE)?.is_some_and(|site| site != "same-origin") {
            return refused("changes are taken from Mailtally's own pages alone");
        }
        match one(headers, &header::ORIGIN)? {
            Some(origin) if origin.eq_ignore_ascii_case(&self.origin) => Ok(()),
            Some(_) => refused("the header Origin names another site than this one"),
            None => refused("a change needs the header Origin, with this site's address"),
        }
    }
}

/// Where the client is, for handlers.
impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Client, Refusal> {
        let client = parts.extensions.get::<Client>().cloned();
        client.ok_or_else(|| Refusal::Internal(anyhow::anyhow!("a request came past the gate")))
    }
}

/// A header that stands there once at most.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::to_str).transpose();
    match (value, values.next()) {
        (Ok(value), None) => Ok(value),
        _ => Err(Refusal::BadRequest(format!("the header {name} is unclear"))),
    }
}

/// What the client calls us, with its port. Where a proxy's request line says it, too, both say the same.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let in_line = uri.authority().map(|authority| authority.as_str());
    match (one(headers, &header::HOST), in_line) {
        (Ok(Some(host)), Some(line)) if !host.eq_ignore_ascii_case(line) => None,
        (Ok(host), line) => host.or(line),
        (Err(_), _) => None,
    }
}

/// The name or address, without the port and the brackets; empty for what is neither.
fn name_of(host: &str) -> &str {
    let (name, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) => (address, port),
        Some(None) => return "",
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    if is_port { name } else { "" }
}

fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::HttpSettings;

    fn origins(http: HttpSettings) -> Origins {
        Origins::new(&Settings { http, ..Settings::default() })
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        headers
    }

    fn client(origins: &Origins, peer: &str, pairs: &[(&str, &str)]) -> Result<Client, Refusal> {
        let peer = Peer { address: peer.parse().expect("an address"), tls: false };
        origins.client(peer, &Uri::from_static("/"), &headers(pairs))
    }

    #[test]
    fn only_names_of_ours_are_answered() {
        // FAULTS 86
        let here = origins(HttpSettings::default());
        let answered = |host: &str| client(&here, "127.0.0.1", &[("host", host)]).is_ok();
        for host in ["127.0.0.1:8321", "localhost", "LOCALHOST:1", "[::1]:8321", "127.9.9.9"] {
            assert!(answered(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "",
            "[::2]",
            "[::1].evil.example",
            "[::1",
            "localhost:80:80",
            "localhost:evil",
        ] {
            assert!(!answered(host), "{host}");
        }
        assert!(client(&here, "127.0.0.1", &[]).is_err());
        assert!(client(&here, "127.0.0.1", &[("host", "localhost"), ("host", "localhost")]).is_err());
        let named = origins(HttpSettings { names: vec!["mail.example.com".to_owned()], ..Default::default() });
        assert!(client(&named, "10.0.0.9", &[("host", "MAIL.example.com:8321")]).is_ok());
        assert!(client(&named, "10.0.0.9", &[("host", "mail.example.com.evil.example")]).is_err());
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        // FAULTS 79
        let forwarded = [
            ("host", "localhost"),
            ("x-forwarded-for", "6.6.6.6, 203.0.113.7"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-remote-user", "ann"),
        ];
        let none = client(&origins(HttpSettings::default()), "10.0.0.1", &forwarded).expect("a client");
        assert_eq!((none.address.to_string().as_str(), none.is_secure, none.user), ("10.0.0.1", false, None));
        let trusting = origins(HttpSettings {
            trusted_proxies: vec!["10.0.0.1".parse().expect("an address"), "10.0.0.2".parse().expect("an address")],
            user_header: Some("X-Remote-User".to_owned()),
            ..Default::default()
        });
        let one = client(&trusting, "10.0.0.1", &forwarded).expect("a client");
        assert_eq!((one.address.to_string().as_str(), one.is_secure), ("203.0.113.7", true));
        assert_eq!(one.user.as_deref(), Some("ann"));
        let written = ["203.0.113.7", "203.0.113.7:4444", "6.6.6.6, 203.0.113.7 ", "\u{ff}\u{fe}, 203.0.113.7"];
        for written in written {
            let one = client(&trusting, "10.0.0.1", &[("host", "localhost"), ("x-forwarded-for", written)]);
            assert_eq!(one.expect("a client").address.to_string(), "203.0.113.7", "{written}");
        }
        for (written, address) in
            [("[2001:db8::1]:443", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("unknown", "10.0.0.1")]
        {
            let one = client(&trusting, "10.0.0.1", &[("host", "localhost"), ("x-forwarded-for", written)]);
            assert_eq!(one.expect("a client").address.to_string(), address, "{written}");
        }
        let stranger = client(&trusting, "203.0.113.9", &forwarded).expect("a client");
        assert_eq!((stranger.address.to_string().as_str(), stranger.user), ("203.0.113.9", None));
        // Two proxies that each name someone: nobody is believed.
        let both = [("host", "localhost"), ("x-remote-user", "ann"), ("x-remote-user", "admin")];
        assert!(client(&trusting, "10.0.0.1", &both).is_err());
    }

    #[test]
    fn a_change_comes_from_our_own_pages() {
        // FAULTS 84
        let here = origins(HttpSettings::default());
        let allowed = |pairs: &[(&str, &str)]| {
            let client = client(&here, "127.0.0.1", &[("host", "localhost:8321")]).expect("a client");
            client.check_origin(&headers(pairs)).is_ok()
        };
        let ours = ("origin", "http://localhost:8321");
        assert!(allowed(&[ours]) && allowed(&[ours, ("sec-fetch-site", "same-origin")]));
        for pairs in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://localhost:8321")],
            &[("origin", "http://localhost")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://sub.localhost:8321")],
            &[("origin", "http://localhost:8321.evil.example")],
            &[ours, ("sec-fetch-site", "cross-site")],
            &[ours, ("sec-fetch-site", "same-site")],
            &[ours, ours],
        ] {
            assert!(!allowed(pairs), "{pairs:?}");
        }
    }
}
