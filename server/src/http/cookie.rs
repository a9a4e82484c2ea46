//! The session's cookie. Over TLS and on this machine it has the prefix `__Host-`, with which no other site and no
//! subdomain can set it; where plain HTTP was allowed explicitly, a browser would not take that.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::account::Secret;

const SECURE_NAME: &str = "__Host-mailtally";
const PLAIN_NAME: &str = "mailtally";

fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { PLAIN_NAME }
}

/// What the browser claims to be its session.
pub fn read(headers: &HeaderMap, is_secure: bool) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name(is_secure)).map(|(_, value)| value)
}

pub fn set(secret: &Secret, is_secure: bool, lasts_secs: i64) -> HeaderValue {
    value(secret.reveal(), is_secure, lasts_secs)
}

pub fn remove(is_secure: bool) -> HeaderValue {
    value("", is_secure, 0)
}

fn value(secret: &str, is_secure: bool, lasts_secs: i64) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let name = name(is_secure);
    let text = format!("{name}={secret}; Path=/; Max-Age={lasts_secs}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::from_str(&text).expect("hexadecimal digits and attributes are a header's text");
    value.set_sensitive(true);
    value
}
