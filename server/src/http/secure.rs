//! What every answer carries for the browser, and which requests are not meant for us.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Refusal;

/// Nothing from elsewhere, nothing inline; WebAssembly is the only thing compiled at run time.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses requests under a name that is not ours, and dresses every answer.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_for_us(request.uri(), request.headers()) {
        next.run(request).await
    } else {
        let name = "ask for this server by a loopback address or as localhost".to_owned();
        Refusal::BadRequest(name).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // The app keeps its last answers in memory and asks again with If-None-Match.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page elsewhere can point a name of its own at the loopback address and read what that name answers (DNS
/// rebinding); so only names that mean this machine are answered.
fn is_for_us(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = headers.get(header::HOST).map(HeaderValue::to_str);
    let host = match (named, uri.authority()) {
        (Some(Ok(host)), _) => host,
        (None, Some(authority)) => authority.as_str(),
        _ => return false,
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        // FAULTS 86
        let answered = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).expect("a header"));
            is_for_us(&Uri::from_static("/"), &headers)
        };
        for host in ["127.0.0.1:8321", "localhost", "LOCALHOST:1", "[::1]:8321", "127.9.9.9"] {
            assert!(answered(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "", "[::2]"] {
            assert!(!answered(host), "{host}");
        }
        assert!(!is_for_us(&Uri::from_static("/"), &HeaderMap::new()));
    }
}
