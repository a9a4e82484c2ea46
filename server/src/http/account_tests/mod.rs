//! Who may ask what, and how one gets in: what the tests of it have in common.
#![allow(clippy::unwrap_used)]

mod access;
mod change;
mod entry;

use axum::body::Body;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use mailtally_model::account::{AccountList, AuditLog, MadeToken, Status};
use mailtally_model::wire::{ApiError, Overage, Session};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::endpoints::{ENDPOINTS, Endpoint};
use super::tests::{PASSWORD, Site, bytes, from_here, header_of, site, site_of};
use super::*;
use crate::account::{self, Link, password};
use crate::collect;
use crate::settings::Settings;

const ORIGIN: &str = "http://127.0.0.1:8321";
const NOT_FOUND: &str = r#"{"error":"not-found","detail":"there is nothing here for you"}"#;
const SPAN: &str = "from=0&until=86400";

/// How someone comes: signed out, with a cookie, with a token.
#[derive(Clone, Debug)]
enum As {
    Nobody,
    Cookie(String),
    Token(String),
}

async fn send(site: &Site, who: &As, method: &str, uri: &str, body: Option<Value>) -> Response {
    let mut request = from_here(&method.to_uppercase(), uri);
    match who {
        As::Nobody => {}
        As::Cookie(cookie) => request = request.header(header::COOKIE, cookie),
        As::Token(token) => request = request.header(header::AUTHORIZATION, format!("Bearer {token}")),
    }
    if method != "get" {
        request = request.header(header::ORIGIN, ORIGIN).header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    site.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(bytes(response).await).unwrap()
}

async fn log_in(site: &Site, name: &str, password: &str) -> Response {
    send(site, &As::Nobody, "post", "/api/session", Some(json!({ "name": name, "password": password }))).await
}

fn cookie_of(response: &Response) -> As {
    let set = header_of(response, header::SET_COOKIE);
    As::Cookie(set.split(';').next().unwrap().to_owned())
}

/// A request that an endpoint takes from whoever it is for, about `subject` where it has one. A new endpoint is asked
/// with what its parameters are called; one whose parameters are not known here fails the test.
fn request(endpoint: &Endpoint, subject: Option<&str>) -> (String, Option<Value>) {
    let mut path = endpoint.path.to_owned();
    let mut query: Vec<String> = Vec::new();
    for name in endpoint.parameters {
        match *name {
            "id" => path = path.replace("{id}", "pop-sessions"),
            "name" => path = path.replace("{name}", "victim@stranger.example"),
            "number" => path = path.replace("{number}", "999"),
            "subject" => query.extend(subject.map(|subject| format!("subject={subject}"))),
            "from" => query.push("from=0".to_owned()),
            "until" => query.push("until=86400".to_owned()),
            "by" | "edges" | "report" | "measure" | "kind" | "text" | "after" | "limit" | "skip" => {}
            other => panic!("{} takes {other}: say here what to ask it with", endpoint.path),
        }
    }
    let body = endpoint.body.map(|schema| match schema {
        "LogIn" => json!({ "link": "no such link" }),
        "SetUp" => json!({ "link": "no such link", "name": "eve", "password": PASSWORD }),
        "NewPassword" => json!({ "old": "not the old one", "new": PASSWORD }),
        "NewAccount" => json!({ "name": "eve@stranger.example", "root": "stranger.example", "password": PASSWORD }),
        "AccountChange" => json!({ "is_disabled": false }),
        "NewToken" => json!({ "label": "test", "root": "stranger.example" }),
        other => panic!("{} takes a {other}: say here what to ask it with", endpoint.path),
    });
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    (format!("{path}{query}"), body)
}
