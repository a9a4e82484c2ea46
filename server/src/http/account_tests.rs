//! Who may ask what: every endpoint of the list, for every role and every spelling of a subject; and how one gets in.
#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use mailtally_model::account::{AccountList, AuditLog, MadeToken, Status};
use mailtally_model::wire::{ApiError, Session};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::endpoints::{Access, ENDPOINTS, Endpoint};
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

/// A role: who asks, and what is theirs of the site's two domains.
struct Role {
    who: As,
    /// A subject of theirs, if they have one.
    own: Option<&'static str>,
    is_person: bool,
}

/// Everyone there is: of the server, of a domain, of a mailbox; each as a person and as a script; and nobody.
fn roles(site: &Site) -> Vec<Role> {
    let mut roles = vec![Role { who: As::Nobody, own: None, is_person: false }];
    for (name, root) in [("root", "(server)"), ("dora", "example.com"), ("ann", "ann@example.com")] {
        let cookie = site.sign_in(name, root);
        let id = site.accounts.find(name).unwrap().unwrap().id;
        let (_, token) = site.accounts.make_token(id, "script", &root.parse().unwrap(), collect::now()).unwrap();
        roles.push(Role { who: As::Cookie(cookie), own: Some(root), is_person: true });
        roles.push(Role { who: As::Token(token.reveal().to_owned()), own: Some(root), is_person: false });
    }
    roles
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

/// What must come of asking for one's own, by the endpoint's access alone.
fn expected(access: Access, role: &Role) -> Result<(), StatusCode> {
    let own = role.own.ok_or(StatusCode::UNAUTHORIZED);
    let unless = |is_meant: bool| if is_meant { Ok(()) } else { Err(StatusCode::NOT_FOUND) };
    match access {
        Access::Anyone => Ok(()),
        Access::Subtree => own.map(|_| ()),
        Access::Server => own.and_then(|own| unless(own == "(server)")),
        Access::Own => own.and_then(|_| unless(role.is_person)),
        Access::Accounts => own.and_then(|own| unless(role.is_person && !own.contains('@'))),
    }
}

#[tokio::test]
async fn every_endpoint_answers_each_role_by_its_access() {
    // FAULTS 76, 77
    let site = site();
    for endpoint in ENDPOINTS {
        for role in roles_kept(&site) {
            let (uri, body) = request(endpoint, None);
            let response = send(&site, &role.who, endpoint.method, &uri, body).await;
            let status = response.status();
            let said = format!("{} {uri} as {:?} ({:?}): {status}", endpoint.method, role.own, role.who);
            match expected(endpoint.access, &role) {
                // Let in: what came then depends on what was asked, and is never a matter of who.
                Ok(()) => {
                    assert!(!status.is_server_error() && status != StatusCode::METHOD_NOT_ALLOWED, "{said}");
                    let changes = endpoint.body.is_some() || endpoint.path.contains("{n");
                    assert!(status.is_success() || changes, "{said}");
                    if status == StatusCode::UNAUTHORIZED {
                        let error: ApiError = serde_json::from_slice(&bytes(response).await).unwrap();
                        assert_eq!(error.error, "log-in-failed", "{said}");
                    }
                }
                Err(refused) => {
                    assert_eq!(status, refused, "{said}");
                    if refused == StatusCode::NOT_FOUND {
                        assert_eq!(text(response).await, NOT_FOUND, "{said}");
                    }
                }
            }
        }
    }
}

/// Roles of a site whose accounts are fresh each time: some endpoints end a session.
fn roles_kept(site: &Site) -> Vec<Role> {
    for name in ["root", "dora", "ann"] {
        let _ = site.accounts.remove(name);
    }
    roles(site)
}

/// What is not the domain admin's, in every spelling, each percent-encoded as it goes into a URL: other domains and
/// mailboxes, stored or not; the server; services; rows that are no subjects; and names that only look like one's own.
const STRANGE: &[&str] = &[
    "stranger.example",
    "STRANGER.example",
    "stranger.example.",
    "stranger.example..",
    "%73tranger.example",
    "%2573tranger.example",
    "eve@stranger.example",
    "EVE@Stranger.Example",
    "eve%40stranger.example",
    "eve@stranger.example.",
    "%22eve%22@stranger.example",
    "eve+alias@stranger.example",
    "postmaster@stranger.example",
    // A domain outside ASCII, as an A-label and as people write it: composed, combining, in capitals, in wide letters.
    "xn--bcher-kva.example",
    "XN--BCHER-KVA.EXAMPLE",
    "xn--bcher-kva.example.",
    "b%C3%BCcher.example",
    "bu%CC%88cher.example",
    "B%C3%9CCHER.example",
    "b%C3%BCcher%E3%80%82example",
    "carl@xn--bcher-kva.example",
    "carl@b%C3%BCcher.example",
    "%EF%BD%93tranger.example",
    "stranger%C2%AD.example",
    "%28server%29",
    "(server)",
    "(Server)",
    "(server).",
    "(other)",
    "(unattributed)",
    "clamav:mx1",
    "spamassassin:mx1",
    "sub.example.com",
    "ample.com",
    "com",
    ".",
    "example.com.stranger.example",
    "ann@example.com@stranger.example",
    "example.com,stranger.example",
    "example.com%00",
    "example.com%00.stranger.example",
    "example.com%2F..%2Fstranger.example",
    "..%2f..%2f",
    "..%5c..%5cstranger.example",
    "%0d%0aexample.com",
    "%20example.com",
    "%FF%FE",
    "'%20OR%201=1--",
    "%25",
    "*",
    "",
    "absent.example",
    "nobody@example.org",
];

/// The texts behind the percent signs, for a body of JSON.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every place of an endpoint in which someone's name may stand: a subject, an account, the root of what is made.
fn naming(endpoint: &Endpoint, name: &str) -> Vec<(String, Option<Value>)> {
    let mut requests = Vec::new();
    if endpoint.parameters.contains(&"subject") {
        requests.push(request(endpoint, Some(name)));
    }
    // An empty name in a path is another path.
    if endpoint.path.contains("{name}") && !name.is_empty() {
        let (uri, body) = request(endpoint, None);
        requests.push((uri.replace("victim@stranger.example", name), body));
    }
    // A root is typed by a person: blanks around it are none of it, so one's own stays one's own.
    let is_own = account::root(&decoded(name)).is_some_and(|root| root.to_string() == "example.com");
    if let (uri, Some(mut body)) = request(endpoint, None)
        && body.get("root").is_some()
        && !is_own
    {
        body["root"] = json!(decoded(name));
        if body.get("name").is_some() {
            body["name"] = json!("eve@example.com");
        }
        requests.push((uri, Some(body)));
    }
    requests
}

#[tokio::test]
async fn a_stranger_s_subject_is_as_an_absent_one_in_every_spelling() {
    // FAULTS 76, 91
    let mut site = site();
    site.know("carl@xn--bcher-kva.example");
    site.know("eve@stranger.example");
    site.sign_in("victim@stranger.example", "stranger.example");
    site.sign_in("xn--bcher-kva.example", "xn--bcher-kva.example");
    let dora = As::Cookie(site.sign_in("dora", "example.com"));
    let mut asked = 0;
    for endpoint in ENDPOINTS {
        if endpoint.parameters.contains(&"subject") {
            let own = request(endpoint, Some("example.com")).0;
            assert_eq!(send(&site, &dora, "get", &own, None).await.status(), StatusCode::OK, "{own}");
        }
        for strange in STRANGE {
            for (uri, body) in naming(endpoint, strange) {
                let is_root = body.as_ref().is_some_and(|body| body.get("root").is_some());
                let response = send(&site, &dora, endpoint.method, &uri, body).await;
                let (status, said) = (response.status(), text(response).await);
                let asked_for = format!("{} {uri} {strange}", endpoint.method);
                // What cannot be the root of anything is said to be none, whoever asks and whatever is stored.
                if is_root && account::root(&decoded(strange)).is_none() {
                    assert_eq!(status, StatusCode::BAD_REQUEST, "{asked_for}");
                } else {
                    assert_eq!((status, said.as_str()), (StatusCode::NOT_FOUND, NOT_FOUND), "{asked_for}");
                }
                asked += 1;
            }
        }
        // An array or a second one is no subject at all.
        for odd in ["subject[]=stranger.example", "subject=example.com&subject=stranger.example", "Subject=(server)"] {
            if endpoint.parameters.contains(&"subject") {
                let uri = format!("{}&{odd}", request(endpoint, None).0);
                assert_eq!(send(&site, &dora, "get", &uri, None).await.status(), StatusCode::BAD_REQUEST, "{uri}");
            }
        }
    }
    assert!(asked >= 8 * (STRANGE.len() - 1), "{asked}");
    let all: Vec<String> = site.accounts.all().unwrap().into_iter().map(|account| account.name).collect();
    assert_eq!(all, ["admin", "dora", "victim@stranger.example", "xn--bcher-kva.example"], "nothing was changed");
    // A report outside the scope, and a mailbox's own view.
    let ann = As::Cookie(site.sign_in("ann", "ann@example.com"));
    for (who, uri) in [
        (&dora, format!("/api/reports/server-status?{SPAN}")),
        (&dora, format!("/api/reports/nope?{SPAN}")),
        (&ann, format!("/api/reports/smtp-in-errors?{SPAN}")),
        (&ann, format!("/api/reports/pop-sessions?{SPAN}&subject=example.com")),
        (&ann, format!("/api/reports/pop-sessions?{SPAN}&subject=ben@example.com")),
        (&ann, format!("/api/events?{SPAN}&report=smtp-in-errors")),
    ] {
        let response = send(&site, who, "get", &uri, None).await;
        assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::NOT_FOUND, NOT_FOUND), "{uri}");
    }
}

#[tokio::test]
async fn an_account_s_own_root_is_there_before_any_mail_is() {
    // FAULTS 76
    let site = site();
    for root in ["new.example", "nina@new.example", "nina@example.com"] {
        let fresh = As::Cookie(site.sign_in(root, root));
        for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.parameters.contains(&"subject")) {
            for subject in [None, Some(root)] {
                let uri = request(endpoint, subject).0;
                let response = send(&site, &fresh, "get", &uri, None).await;
                assert_eq!(response.status(), StatusCode::OK, "{uri} as {root}");
                let answer: Value = serde_json::from_slice(&bytes(response).await).unwrap();
                // Nothing of the server, which the row of nobody would stand above.
                for rows in ["events", "findings", "rows", "subjects", "slot"] {
                    assert_eq!(answer.get(rows).map_or(0, |rows| rows.as_array().unwrap().len()), 0, "{uri}: {answer}");
                }
            }
        }
        let by = if root.contains('@') { "time" } else { "users" };
        let uri = format!("/api/reports/pop-sessions?{SPAN}&by={by}");
        let answer: Value = serde_json::from_slice(&bytes(send(&site, &fresh, "get", &uri, None).await).await).unwrap();
        assert_eq!((&answer["subjects"], &answer["totals"]["pop.connections"]), (&json!([]), &json!(0)), "{root}");
        assert_eq!(answer["coverage"]["dovecot"], json!([[0, 86_400, 0]]), "what was read is known all the same");
        // Anyone else of theirs is absent until there is mail.
        let below = format!("/api/reports/pop-sessions?{SPAN}&subject=ben@new.example");
        assert_eq!(send(&site, &fresh, "get", &below, None).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_role_is_not_taken_from_the_request() {
    // FAULTS 77
    let site = site();
    let ann = site.sign_in("ann", "ann@example.com");
    let request = from_here("GET", "/api/reports").header(header::COOKIE, ann);
    let request =
        request.header("x-remote-user", "admin").header("x-role", "admin").header("x-forwarded-user", "admin");
    let response = site.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let session: Session = serde_json::from_slice(&bytes(response).await).unwrap();
    assert_eq!(session.account.root.to_string(), "ann@example.com");
    let body = json!({ "name": "ann", "password": PASSWORD, "root": "(server)" });
    let response = send(&site, &As::Nobody, "post", "/api/session", Some(body)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn signed_out_everything_but_the_way_in_is_401() {
    let site = site();
    for uri in ["/api", "/api/", "/api/reports", "/api/nope", "/api/openapi.json", "/api/reports/pop-sessions?x=1"] {
        let response = send(&site, &As::Nobody, "get", uri, None).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{uri}");
        let error: ApiError = serde_json::from_slice(&bytes(response).await).unwrap();
        assert_eq!(error.error, "signed-out");
    }
    let wrong_method = send(&site, &As::Nobody, "post", "/api/reports", None).await;
    assert_eq!(wrong_method.status(), StatusCode::UNAUTHORIZED);
    for bad in
        [As::Cookie("__Host-mailtally=00".to_owned()), As::Cookie("mailtally=1".to_owned()), As::Token("x".to_owned())]
    {
        assert_eq!(send(&site, &bad, "get", "/api/reports", None).await.status(), StatusCode::UNAUTHORIZED, "{bad:?}");
    }
    // The log-in page is the app.
    for uri in ["/", "/reports/pop-sessions", "/assets/app-1a2b3c4d5e.wasm"] {
        assert_eq!(send(&site, &As::Nobody, "get", uri, None).await.status(), StatusCode::OK, "{uri}");
    }
    let status: Status =
        serde_json::from_slice(&bytes(send(&site, &As::Nobody, "get", "/api/status", None).await).await).unwrap();
    assert!(status.set_up && !status.demo && !status.mailbox);
}

#[tokio::test]
async fn a_session_is_a_strict_cookie_fresh_at_each_log_in_and_gone_after_log_out() {
    // FAULTS 83
    let site = site();
    site.sign_in("ann", "ann@example.com");
    let response = log_in(&site, "ANN", PASSWORD).await;
    assert_eq!(response.status(), StatusCode::OK);
    let set = header_of(&response, header::SET_COOKIE);
    assert!(set.starts_with("__Host-mailtally="), "{set}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=1209600"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Domain"));
    assert_eq!(text(response).await, r#"{"name":"ann","root":"ann@example.com"}"#);

    let first = cookie_of(&log_in(&site, "ann", PASSWORD).await);
    // Whoever comes with a session leaves it behind at the log-in.
    let body = json!({ "name": "ann", "password": PASSWORD });
    let second = cookie_of(&send(&site, &first, "post", "/api/session", Some(body)).await);
    let status = async |who: &As| send(&site, who, "get", "/api/reports", None).await.status();
    assert_eq!((status(&first).await, status(&second).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));

    let other = cookie_of(&log_in(&site, "ann", PASSWORD).await);
    let gone = send(&site, &second, "delete", "/api/session", None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert!(header_of(&gone, header::SET_COOKIE).contains("Max-Age=0"));
    assert_eq!((status(&second).await, status(&other).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));

    // Another password ends every other session; this browser has a fresh one.
    let change = json!({ "old": PASSWORD, "new": "battery staple" });
    let third = cookie_of(&log_in(&site, "ann", PASSWORD).await);
    let changed = send(&site, &third, "put", "/api/password", Some(change)).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let fresh = cookie_of(&changed);
    assert_eq!((status(&other).await, status(&third).await), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(status(&fresh).await, StatusCode::OK);
    assert_eq!(log_in(&site, "ann", PASSWORD).await.status(), StatusCode::UNAUTHORIZED);

    let fourth = cookie_of(&log_in(&site, "ann", "battery staple").await);
    assert_eq!(send(&site, &fourth, "delete", "/api/sessions", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(status(&fresh).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_is_disabled_or_removed_is_out_at_the_next_request() {
    // FAULTS 78
    let site = site();
    let admin = As::Cookie(site.cookie.clone());
    let added = json!({ "name": "dora@example.com", "root": "example.com", "password": PASSWORD });
    assert_eq!(send(&site, &admin, "post", "/api/accounts", Some(added)).await.status(), StatusCode::CREATED);
    let dora = cookie_of(&log_in(&site, "dora@example.com", PASSWORD).await);
    assert_eq!(send(&site, &dora, "get", "/api/reports", None).await.status(), StatusCode::OK);
    let disable = json!({ "is_disabled": true });
    let disabled = send(&site, &admin, "patch", "/api/accounts/dora@example.com", Some(disable)).await;
    assert_eq!(disabled.status(), StatusCode::OK);
    assert_eq!(send(&site, &dora, "get", "/api/reports", None).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&site, "dora@example.com", PASSWORD).await.status(), StatusCode::UNAUTHORIZED);
    let enable = json!({ "is_disabled": false });
    send(&site, &admin, "patch", "/api/accounts/dora@example.com", Some(enable)).await;
    let dora = cookie_of(&log_in(&site, "dora@example.com", PASSWORD).await);
    let removed = send(&site, &admin, "delete", "/api/accounts/dora%40example.com", None).await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(send(&site, &dora, "get", "/api/reports", None).await.status(), StatusCode::UNAUTHORIZED);
    let log: AuditLog =
        serde_json::from_slice(&bytes(send(&site, &admin, "get", "/api/audit", None).await).await).unwrap();
    let whats: Vec<&str> = log.entries.iter().rev().map(|entry| entry.what.as_str()).collect();
    let story = [
        "account-added",
        "log-in",
        "account-disabled",
        "log-in-failed",
        "account-enabled",
        "log-in",
        "account-removed",
    ];
    assert_eq!(whats, story);
    assert!(log.entries.iter().all(|entry| entry.address == "127.0.0.1"));
    // The same in pages, and narrowed down.
    let page = async |query: &str| -> AuditLog {
        let response = send(&site, &admin, "get", &format!("/api/audit?{query}"), None).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        serde_json::from_slice(&bytes(response).await).unwrap()
    };
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let AuditLog { entries, next } = page(&format!("limit=3{after}")).await;
        paged.extend(entries);
        let Some(next) = next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, log.entries);
    let narrowed = page("text=ACCOUNT-&limit=1000").await;
    assert_eq!((narrowed.entries.len(), narrowed.next), (4, None));
    assert_eq!(page("text=%25").await.entries.len(), 0, "a sign is a sign");
    assert_eq!(page("text=127.0.0.1").await.entries, log.entries);
    for bad in ["after=x", "limit=0", "limit=1001", "subject=example.com"] {
        let response = send(&site, &admin, "get", &format!("/api/audit?{bad}"), None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_look_alike() {
    // FAULTS 80
    let site = site();
    site.sign_in("off", "example.com");
    site.accounts.set_disabled("off", true).unwrap();
    let mut answers = Vec::new();
    for (name, password) in
        [("admin", "wrong horse"), ("nobody", PASSWORD), ("off", PASSWORD), ("a\r\nb", "x"), ("", "")]
    {
        let began = std::time::Instant::now();
        let response = log_in(&site, name, password).await;
        assert!(began.elapsed().as_millis() >= 500, "{name:?} was refused early");
        let mut headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        answers.push((response.status(), headers, text(response).await));
    }
    assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn guessing_is_made_to_wait_and_the_owner_is_not_locked_out() {
    // FAULTS 79
    let site = site();
    site.sign_in("ann", "ann@example.com");
    let from = async |address: [u8; 4], password: &str| {
        let peer = client::Peer { address: address.into(), tls: true };
        let request = axum::http::Request::post("/api/session")
            .header(header::HOST, "127.0.0.1")
            .header(header::ORIGIN, "https://127.0.0.1")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", "192.0.2.200")
            .extension(peer);
        let body = json!({ "name": "ann", "password": password }).to_string();
        site.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    };
    assert_eq!(from([192, 0, 2, 1], PASSWORD).await.status(), StatusCode::OK);
    // At once, so that no wait is over before the last of them comes.
    let wrong = |last| from([198, 51, 100, last], "wrong horse");
    let (a, b, c, d, e, f) = tokio::join!(wrong(1), wrong(2), wrong(3), wrong(4), wrong(5), wrong(6));
    let (refused, waiting): (Vec<_>, Vec<_>) =
        [a, b, c, d, e, f].into_iter().partition(|answer| answer.status() == StatusCode::UNAUTHORIZED);
    assert_eq!((refused.len(), waiting.len()), (5, 1));
    assert_eq!(waiting[0].status(), StatusCode::TOO_MANY_REQUESTS);
    assert_ne!(header_of(&waiting[0], header::RETRY_AFTER), "");
    assert_eq!(from([192, 0, 2, 1], PASSWORD).await.status(), StatusCode::OK, "the owner, from where they were before");
}

#[tokio::test]
async fn no_change_without_a_page_of_ours() {
    // FAULTS 84
    let site = site();
    let cookie = site.cookie.clone();
    let changes = ENDPOINTS.iter().filter(|endpoint| endpoint.method != "get");
    let bad: &[&[(HeaderName, &str)]] = &[
        &[],
        &[(header::ORIGIN, "null")],
        &[(header::ORIGIN, "https://evil.example")],
        &[(header::ORIGIN, "http://127.0.0.1")],
        &[(header::ORIGIN, ORIGIN), (HeaderName::from_static("sec-fetch-site"), "cross-site")],
        &[(header::ORIGIN, ORIGIN), (HeaderName::from_static("sec-fetch-site"), "same-site")],
    ];
    for endpoint in changes {
        for headers in bad {
            let (uri, body) = request(endpoint, None);
            let mut request = from_here(&endpoint.method.to_uppercase(), &uri).header(header::COOKIE, &cookie);
            request = request.header(header::CONTENT_TYPE, "application/json");
            for (name, value) in *headers {
                request = request.header(name, *value);
            }
            let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
            let response = site.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{} {uri} {headers:?}", endpoint.method);
        }
    }
    // No endpoint changes anything when it is got.
    assert!(ENDPOINTS.iter().all(|endpoint| endpoint.method != "get" || endpoint.body.is_none()));
    let still: AccountList = serde_json::from_slice(
        &bytes(send(&site, &As::Cookie(site.cookie.clone()), "get", "/api/accounts", None).await).await,
    )
    .unwrap();
    assert_eq!(still.accounts.len(), 1);
}

#[tokio::test]
async fn bodies_are_small_plain_json() {
    // FAULTS 88
    let site = site();
    let post = async |content_type: &str, extra: Option<(HeaderName, &str)>, body: Vec<u8>| {
        let mut request = from_here("POST", "/api/session").header(header::ORIGIN, ORIGIN);
        request = request.header(header::CONTENT_TYPE, content_type);
        if let Some((name, value)) = extra {
            request = request.header(name, value);
        }
        site.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status()
    };
    let json = "application/json";
    let good = br#"{"link":"x"}"#.to_vec();
    assert_eq!(post(json, None, good.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post("text/plain", None, good.clone()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(post("application/x-www-form-urlencoded", None, good.clone()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let gzip = Some((header::CONTENT_ENCODING, "gzip"));
    assert_eq!(post(json, gzip, good).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(post(json, None, vec![b' '; 33 * 1024]).await, StatusCode::PAYLOAD_TOO_LARGE);
    let long = Some((header::CONTENT_LENGTH, "1073741824"));
    assert_eq!(post(json, long, b"{".to_vec()).await, StatusCode::PAYLOAD_TOO_LARGE);
    let deep = [b"{\"link\":".to_vec(), vec![b'['; 10_000]].concat();
    for body in [
        deep,
        b"".to_vec(),
        b"[]".to_vec(),
        br#"{"link":"x","link":"y"}"#.to_vec(),
        br#"{"link":1}"#.to_vec(),
        b"\xff".to_vec(),
    ] {
        assert_eq!(post(json, None, body).await, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn the_first_account_is_made_with_the_link_and_once() {
    // FAULTS 92
    let site = site_of(Settings::default(), &[]);
    let status: Status =
        serde_json::from_slice(&bytes(send(&site, &As::Nobody, "get", "/api/status", None).await).await).unwrap();
    assert!(!status.set_up);
    assert_eq!(log_in(&site, "admin", "admin").await.status(), StatusCode::UNAUTHORIZED, "no default account");
    let link = site.accounts.make_link(Link::SetUp, collect::now().plus_secs(60)).unwrap();
    let set_up = async |link: &str, name: &str, password: &str| {
        let body = json!({ "link": link, "name": name, "password": password });
        send(&site, &As::Nobody, "post", "/api/setup", Some(body)).await
    };
    assert_eq!(set_up("guess", "root", PASSWORD).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(set_up(link.reveal(), "root", "short").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(set_up(link.reveal(), "ro ot", PASSWORD).await.status(), StatusCode::BAD_REQUEST);
    let made = set_up(link.reveal(), "root", PASSWORD).await;
    assert_eq!(made.status(), StatusCode::OK);
    assert_eq!(send(&site, &cookie_of(&made), "get", "/api/health", None).await.status(), StatusCode::OK);
    assert_eq!(set_up(link.reveal(), "other", PASSWORD).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_is_let_in() {
    // FAULTS 92
    let site = site_of(Settings::default(), &[]);
    let link = site.accounts.make_link(Link::SetUp, collect::now().plus_secs(60)).unwrap();
    let (site, link) = (&site, link.reveal());
    let set_up = |name: &'static str| async move {
        let body = json!({ "link": link, "name": name, "password": PASSWORD });
        send(site, &As::Nobody, "post", "/api/setup", Some(body)).await.status()
    };
    let (a, b, c) = tokio::join!(set_up("ann"), set_up("ben"), set_up("carla"));
    let mut statuses = [a, b, c];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED]);
    assert_eq!(site.accounts.all().unwrap().len(), 1);
    let id = site.accounts.all().unwrap()[0].id;
    let link = site.accounts.make_link(Link::SignIn(id), collect::now().plus_secs(60)).unwrap();
    let link = link.reveal();
    let sign_in =
        || async move { send(site, &As::Nobody, "post", "/api/session", Some(json!({ "link": link }))).await.status() };
    let (a, b) = tokio::join!(sign_in(), sign_in());
    assert_eq!([a.max(b), a.min(b)], [StatusCode::UNAUTHORIZED, StatusCode::OK]);
}

#[tokio::test]
async fn a_domain_admin_s_accounts_are_those_of_the_domain() {
    // FAULTS 76
    let site = site();
    let dora = As::Cookie(site.sign_in("dora", "example.com"));
    site.sign_in("victim@stranger.example", "stranger.example");
    let add = async |name: &str, root: &str| {
        let body = json!({ "name": name, "root": root, "password": PASSWORD });
        send(&site, &dora, "post", "/api/accounts", Some(body)).await.status()
    };
    assert_eq!(add("ann@example.com", "ann@example.com").await, StatusCode::CREATED);
    assert_eq!(add("ann@example.com", "ann@example.com").await, StatusCode::CONFLICT);
    assert_eq!(add("eve@example.com", "(server)").await, StatusCode::NOT_FOUND);
    assert_eq!(add("eve@example.com", "stranger.example").await, StatusCode::NOT_FOUND);
    // Names of others are not to be found out.
    for name in ["admin", "victim@stranger.example", "nobody@stranger.example"] {
        assert_eq!(add(name, "example.com").await, StatusCode::BAD_REQUEST, "{name}");
    }
    let listed: AccountList =
        serde_json::from_slice(&bytes(send(&site, &dora, "get", "/api/accounts", None).await).await).unwrap();
    assert_eq!(listed.accounts.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["ann@example.com", "dora"]);
    for name in ["admin", "victim@stranger.example", "absent", "%00", "..%2f"] {
        for (method, body) in [("patch", Some(json!({ "password": PASSWORD }))), ("delete", None)] {
            let response = send(&site, &dora, method, &format!("/api/accounts/{name}"), body).await;
            assert_eq!(
                (response.status(), text(response).await.as_str()),
                (StatusCode::NOT_FOUND, NOT_FOUND),
                "{name}"
            );
        }
    }
    for (method, body) in [("patch", Some(json!({ "is_disabled": true }))), ("delete", None)] {
        let own = send(&site, &dora, method, "/api/accounts/dora", body).await;
        assert_eq!(own.status(), StatusCode::BAD_REQUEST, "nobody locks themselves out");
    }
}

#[tokio::test]
async fn a_token_is_narrower_than_its_account_and_changes_nothing() {
    let site = site();
    let dora = As::Cookie(site.sign_in("dora", "example.com"));
    let made =
        send(&site, &dora, "post", "/api/tokens", Some(json!({ "label": "bill", "root": "ann@example.com" }))).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: MadeToken = serde_json::from_slice(&bytes(made).await).unwrap();
    let script = As::Token(made.secret);
    let ask = async |who: &As, subject: &str| {
        send(&site, who, "get", &format!("/api/reports/pop-sessions?{SPAN}&subject={subject}"), None).await.status()
    };
    assert_eq!(
        (ask(&script, "ann@example.com").await, ask(&script, "example.com").await),
        (StatusCode::OK, StatusCode::NOT_FOUND)
    );
    let wider = send(&site, &dora, "post", "/api/tokens", Some(json!({ "label": "x", "root": "(server)" }))).await;
    assert_eq!(wider.status(), StatusCode::NOT_FOUND);
    assert_eq!(send(&site, &script, "get", "/api/tokens", None).await.status(), StatusCode::NOT_FOUND);
    let revoked = send(&site, &dora, "delete", &format!("/api/tokens/{}", made.id), None).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(&script, "ann@example.com").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_the_settings_hide_is_in_no_answer() {
    let mut settings = Settings::default();
    settings.accounts.hidden_from_domains = vec!["pop-usage".to_owned(), "pop-sessions.new_connections".to_owned()];
    let site = site_of(settings, &[("dora", "example.com")]);
    let dora = As::Cookie(site.cookie_of("dora"));
    let uri = format!("/api/reports/pop-sessions?{SPAN}");
    let answer: Value = serde_json::from_slice(&bytes(send(&site, &dora, "get", &uri, None).await).await).unwrap();
    for part in ["values", "totals", "basis"] {
        assert!(answer[part].get("pop.connections").is_none() && answer[part].get("pop.bandwidth").is_some(), "{part}");
    }
    assert_eq!(
        send(&site, &dora, "get", &format!("/api/reports/pop-usage?{SPAN}"), None).await.status(),
        StatusCode::NOT_FOUND
    );
    let uri = format!("/api/events?{SPAN}&report=pop-sessions&measure=pop.connections");
    assert_eq!(send(&site, &dora, "get", &uri, None).await.status(), StatusCode::BAD_REQUEST);
    let session: Session =
        serde_json::from_slice(&bytes(send(&site, &dora, "get", "/api/reports", None).await).await).unwrap();
    assert!(!session.reports.contains(&"pop-usage".to_owned()));
    assert_eq!(session.hidden_columns, ["pop-sessions.new_connections"]);
}

#[tokio::test]
async fn a_trusted_proxy_says_who_it_is_and_nobody_else_does() {
    // FAULTS 77, 79
    let mut settings = Settings::default();
    settings.http.trusted_proxies = vec!["10.0.0.1".parse().unwrap()];
    settings.http.user_header = Some("X-Remote-User".to_owned());
    let site = site_of(settings, &[("dora", "example.com"), ("off@example.com", "example.com")]);
    site.accounts.set_disabled("off@example.com", true).unwrap();
    let root_of = async |address: [u8; 4], user: &str| {
        let peer = client::Peer { address: address.into(), tls: false };
        let request = axum::http::Request::get("/api/reports").header(header::HOST, "localhost").extension(peer);
        let request = request.header("x-remote-user", user).body(Body::empty()).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        let session: Option<Session> = serde_json::from_slice(&bytes(response).await).ok();
        session.map(|session| session.account.root.to_string())
    };
    assert_eq!(root_of([10, 0, 0, 1], "Dora").await.as_deref(), Some("example.com"));
    assert_eq!(root_of([10, 0, 0, 1], "ann@example.com").await.as_deref(), Some("ann@example.com"));
    for user in ["stranger", "off@example.com", "(server)", "example.com", "a b@example.com"] {
        assert_eq!(root_of([10, 0, 0, 1], user).await, None, "{user}");
    }
    assert_eq!(root_of([10, 0, 0, 2], "dora").await, None);
    assert_eq!(root_of([127, 0, 0, 1], "dora").await, None);
}

#[tokio::test]
async fn what_is_secret_is_in_no_log_line() {
    // FAULTS 90, 93
    let site = site();
    log_in(&site, "a\r\nFAKE log-in admin", "secret horse").await;
    let log = site.accounts.audit("", None, 5).unwrap();
    assert!(log.iter().all(|entry| !entry.name.contains("secret horse")));
    let methods = [Method::TRACE, Method::OPTIONS, Method::CONNECT];
    for method in methods {
        let request = from_here(method.as_str(), "/api/reports").header(header::COOKIE, &site.cookie);
        let response = site.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert!(!response.status().is_success() && !response.status().is_server_error(), "{method}");
        assert!(!text(response).await.contains("__Host-"), "{method} echoes");
    }
    assert!(password::Password::typed("secret").is_some_and(|typed| !format!("{typed:?}").contains("secret")));
}
