//! Requests in, JSON out: the router over a small data file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use mailtally_model::wire::{Answer, ApiError, EventPage, Health, Overage, Session, Unusual};
use mailtally_model::{Family, Slot, Span, Subject, Time, catalogue, measure};
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use super::client::Peer;
use super::*;
use crate::account::password;
use crate::batch::Batch;
use crate::collect;
use crate::event::{Event, EventId, Kind, Update};
use crate::store::Store;

/// A data file with a day of two domains, an app of one file, and the router over them, with a system admin signed in.
pub struct Site {
    pub router: Router,
    pub accounts: Arc<Accounts>,
    store: Store,
    /// The cookie of the last account that was made.
    pub cookie: String,
    dir: tempfile::TempDir,
}

pub fn site() -> Site {
    let settings = Settings { zone: Some("Europe/Berlin".to_owned()), ..Settings::default() };
    site_of(settings, &[("admin", "(server)")])
}

/// A site with these settings and accounts, the last of which asks.
pub fn site_of(settings: Settings, accounts: &[(&str, &str)]) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    store.commit(&day()).unwrap();
    site_over(dir, store, settings, accounts)
}

/// A site over what a store holds.
fn site_over(dir: tempfile::TempDir, store: Store, settings: Settings, accounts: &[(&str, &str)]) -> Site {
    let app = dir.path().join("app");
    fs::create_dir_all(app.join("assets")).unwrap();
    fs::write(app.join("index.html"), "<!doctype html>app").unwrap();
    fs::write(app.join("assets/app-1a2b3c4d5e.wasm"), "plain").unwrap();
    fs::write(app.join("assets/app-1a2b3c4d5e.wasm.br"), "brotli").unwrap();
    let app = App::new(dir.path(), Assets::in_folder(&app).unwrap(), &settings).unwrap();
    let mut site =
        Site { accounts: Arc::clone(&app.accounts), router: router(Arc::new(app)), store, cookie: String::new(), dir };
    for (name, root) in accounts {
        site.cookie = site.sign_in(name, root);
    }
    site
}

/// The password of every account here.
pub const PASSWORD: &str = "correct horse";

impl Site {
    /// A fresh account, and the cookie of a session of it.
    pub fn sign_in(&self, name: &str, root: &str) -> String {
        static HASH: LazyLock<String> =
            LazyLock::new(|| password::hash(&password::Password::chosen(PASSWORD, "").unwrap()));
        self.accounts.unasked().add(name, &root.parse().unwrap(), &HASH, collect::now()).unwrap();
        self.cookie_of(name)
    }

    /// The data directory, in which the app's folder is, too.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Stores that a mailbox is ours, and one POP session of it.
    pub fn know(&mut self, name: &str) {
        let mailbox: Subject = name.parse().unwrap();
        let mut batch = Batch { known: vec![mailbox.clone()], ..Batch::default() };
        for subject in [mailbox.parent().unwrap(), mailbox] {
            batch.counters.add(&subject, measure::POP_CONNECTIONS.number, Slot(14), 1);
        }
        self.store.commit(&batch).unwrap();
    }

    /// The cookie of another session of an account.
    pub fn cookie_of(&self, name: &str) -> String {
        let id = self.accounts.find(name).unwrap().unwrap().id;
        let secret = self.accounts.begin_session(id, None, collect::now()).unwrap();
        format!("__Host-mailtally={}", secret.reveal())
    }
}

/// A request from this machine.
pub fn from_here(method: &str, uri: &str) -> axum::http::request::Builder {
    let peer = Peer { address: Ipv4Addr::LOCALHOST.into(), tls: false };
    Request::builder().method(method).uri(uri).header(header::HOST, "127.0.0.1:8321").extension(peer)
}

/// POP sessions in one UTC day: three of ann's and one of a stranger's domain.
fn day() -> Batch {
    let subject = |name: &str| name.parse::<Subject>().unwrap();
    let mut batch = Batch { known: vec![subject("ann@example.com")], ..Batch::default() };
    let span = Span::new(Time(0), Time(86_400));
    batch.coverage = Family::LOGS.iter().map(|family| (*family, "mx1".to_owned(), span)).collect();
    let mut book = |name: &str, slot: i64, amount: i64| {
        let mut at = Some(subject(name));
        while let Some(subject) = at {
            at = subject.parent();
            batch.counters.add(&subject, measure::POP_CONNECTIONS.number, Slot(slot), amount);
        }
    };
    book("ann@example.com", 10, 2);
    book("ann@example.com", 12, 1);
    book("eve@stranger.example", 12, 1);
    batch
}

/// Asks as the admin's browser on this machine does.
async fn ask(site: &Site, uri: &str, headers: &[(header::HeaderName, &str)]) -> Response {
    let mut request = from_here("GET", uri).header(header::COOKIE, &site.cookie);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    site.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

pub async fn bytes(response: Response) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

async fn json<T: DeserializeOwned>(site: &Site, uri: &str) -> T {
    let response = ask(site, uri, &[]).await;
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    serde_json::from_slice(&bytes(response).await).unwrap()
}

pub fn header_of(response: &Response, name: header::HeaderName) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn the_session_says_who_asks_and_what_there_is() {
    let session: Session = json(&site(), "/api/reports").await;
    assert_eq!(
        (session.account.root, session.reports.len(), session.demo),
        (Subject::Server, catalogue::REPORTS.len(), false)
    );
    assert_eq!(session.stored, Some((Time(0), Time(86_400))));
    assert_eq!((session.zone.as_str(), session.read_until), ("Europe/Berlin", Some(Time(86_400))));
}

#[tokio::test]
async fn a_trend_and_a_mode_as_they_are_sent() {
    let site = site();
    let text = |response: Vec<u8>| -> String {
        let answer: serde_json::Value = serde_json::from_slice(&response).unwrap();
        serde_json::to_string_pretty(&answer).unwrap()
    };
    let trend = ask(&site, "/api/reports/pop-sessions?subject=example.com&from=0&until=86400", &[]).await;
    assert_eq!(header_of(&trend, header::CACHE_CONTROL), "no-store");
    insta::assert_snapshot!("trend", text(bytes(trend).await));
    let mode = ask(&site, "/api/reports/pop-sessions?by=domains&from=900&until=86400", &[]).await;
    insta::assert_snapshot!("mode", text(bytes(mode).await));
}

#[tokio::test]
async fn sums_between_edges_are_those_of_the_slots() {
    let site = site();
    // Absolute, or as distances where the number does not rise: 0, 3, 6 and 9 o'clock.
    for edges in ["0,10800,21600,32400", "0,10800,10800,10800"] {
        let uri = format!("/api/reports/pop-sessions?from=0&until=86400&edges={edges}");
        let answer: Answer = json(&site, &uri).await;
        assert_eq!(answer.slot, [0, 12], "{edges}");
        assert_eq!(answer.values["pop.connections"], [2, 2]);
        assert_eq!(answer.totals["pop.connections"], 4);
    }
}

#[tokio::test]
async fn what_is_absent_and_what_is_not_yours_are_the_same_404() {
    // FAULTS 76
    let site = site();
    let span = "from=0&until=86400";
    for uri in [
        "/api/reports/nope?from=0&until=86400".to_owned(),
        "/api/nope".to_owned(),
        "/api".to_owned(),
        format!("/api/reports/pop-sessions?{span}&subject=absent.example"),
        format!("/api/reports/pop-sessions?{span}&subject=stranger.example"),
        format!("/api/reports/pop-sessions?{span}&subject=%00"),
        format!("/api/reports/pop-sessions?{span}&subject="),
        format!("/api/reports/server-status?{span}&subject=example.com"),
        format!("/api/events?{span}&subject=absent.example"),
        format!("/api/events?{span}&report=nope"),
        format!("/api/unusual?{span}&subject=absent.example"),
        format!("/api/overage?{span}&subject=absent@example.com"),
        "/assets/..%2f..%2fmailtally.sqlite".to_owned(),
        "/mailtally.sqlite".to_owned(),
    ] {
        let response = ask(&site, &uri, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{uri}");
        let error: ApiError = serde_json::from_slice(&bytes(response).await).unwrap();
        assert_eq!((error.error.as_str(), error.detail.as_str()), ("not-found", "there is nothing here for you"));
    }
}

#[tokio::test]
async fn bad_parameters_are_refused_in_a_sentence() {
    // FAULTS 69, 91
    let site = site();
    for (query, said) in [
        ("", "missing field `from`"),
        ("from=0", "missing field `until`"),
        ("from=NaN&until=900", "invalid digit"),
        ("from=900&until=0", "earlier"),
        ("from=0&until=0", "earlier"),
        ("from=0&until=901", "multiples of 900"),
        ("from=0&until=99999999999900", "years 1 to 9999"),
        ("from=-62135596800&until=253402300800", "400 years"),
        ("from=0&until=900&by=weeks", "by must be"),
        ("from=0&until=900&by=users", "no rows by users"),
        ("from=0&until=900&by=domains&edges=0", "by=time alone"),
        ("from=0&until=900&edges=x", "whole seconds"),
        ("from=0&until=1800&edges=0,450", "multiples of 900"),
        ("from=0&until=1800&edges=0,0", "must rise"),
        ("from=0&until=900&step=hour", "unknown field"),
        ("from=0&from=900&until=1800", "duplicate field"),
        ("from=0&until=900&subject[]=x", "unknown field"),
    ] {
        let response = ask(&site, &format!("/api/reports/pop-sessions?{query}"), &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let error: ApiError = serde_json::from_slice(&bytes(response).await).unwrap();
        assert_eq!(error.error, "bad-request");
        assert!(error.detail.contains(said), "{query}: {}", error.detail);
    }
    for query in
        ["limit=0", "limit=1001", "after=x", "measure=pop.bandwidths", "report=pop-sessions&measure=imap.logins"]
    {
        let response = ask(&site, &format!("/api/events?from=0&until=900&{query}"), &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn an_answer_stays_good_until_a_commit_touches_its_days() {
    let mut site = site();
    let uri = "/api/reports/pop-sessions?from=0&until=86400";
    let tag = header_of(&ask(&site, uri, &[]).await, header::ETAG);
    let again = ask(&site, uri, &[(header::IF_NONE_MATCH, &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header_of(&again, header::ETAG), tag);
    assert!(bytes(again).await.is_empty());
    // Another question has another tag.
    let other = ask(&site, &format!("{uri}&by=domains"), &[(header::IF_NONE_MATCH, &tag)]).await;
    assert_eq!(other.status(), StatusCode::OK);

    let mut later = Batch::default();
    later.counters.add(&Subject::Server, measure::POP_CONNECTIONS.number, Slot(96 * 9), 1);
    site.store.commit(&later).unwrap();
    assert_eq!(ask(&site, uri, &[(header::IF_NONE_MATCH, &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    let mut same_day = Batch::default();
    same_day.counters.add(&Subject::Server, measure::POP_CONNECTIONS.number, Slot(3), 1);
    site.store.commit(&same_day).unwrap();
    assert_eq!(ask(&site, uri, &[(header::IF_NONE_MATCH, &tag)]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn answers_are_compressed_by_what_the_client_takes() {
    let site = site();
    let uri = "/api/reports/pop-sessions?from=0&until=86400";
    let plain = bytes(ask(&site, uri, &[]).await).await;
    for coding in ["zstd", "br", "gzip"] {
        let response = ask(&site, uri, &[(header::ACCEPT_ENCODING, coding)]).await;
        assert_eq!(header_of(&response, header::CONTENT_ENCODING), coding);
        assert!(bytes(response).await.len() < plain.len());
    }
    let browser = ask(&site, uri, &[(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd")]).await;
    assert_eq!(header_of(&browser, header::CONTENT_ENCODING), "zstd");
}

#[tokio::test]
async fn head_has_no_body_and_other_methods_are_refused() {
    let site = site();
    let send = |method: &str, uri: &str| {
        let request = from_here(method, uri).header(header::COOKIE, &site.cookie);
        let request = request.header(header::ORIGIN, "http://127.0.0.1:8321");
        site.router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    for uri in ["/api/reports", "/", "/api/reports/pop-sessions?from=0&until=900"] {
        let response = send("HEAD", uri).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(bytes(response).await.is_empty());
        let response = send("POST", uri).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        serde_json::from_slice::<ApiError>(&bytes(response).await).unwrap();
    }
}

#[tokio::test]
async fn every_answer_is_dressed_for_the_browser() {
    // FAULTS 74, 85
    let site = site();
    for uri in ["/", "/api/reports", "/api/nope", "/assets/app-1a2b3c4d5e.wasm"] {
        let response = ask(&site, uri, &[]).await;
        let policy = header_of(&response, header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"));
        assert_eq!(header_of(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(header_of(&response, header::REFERRER_POLICY), "no-referrer");
    }
    let stranger = Request::get("/api/reports").header(header::HOST, "evil.example").body(Body::empty()).unwrap();
    let response = site.router.clone().oneshot(stranger).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_app_is_served_packed_and_its_routes_lead_to_it() {
    let site = site();
    for route in ["/", "/reports/pop-sessions", "/data-health"] {
        let response = ask(&site, route, &[]).await;
        assert_eq!(header_of(&response, header::CACHE_CONTROL), "no-cache");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert_eq!(bytes(response).await, b"<!doctype html>app");
    }
    let wasm = "/assets/app-1a2b3c4d5e.wasm";
    let response = ask(&site, wasm, &[(header::ACCEPT_ENCODING, "gzip, br")]).await;
    assert_eq!(header_of(&response, header::CONTENT_TYPE), "application/wasm");
    assert_eq!(header_of(&response, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(header_of(&response, header::CONTENT_ENCODING), "br");
    let tag = header_of(&response, header::ETAG);
    assert_eq!(bytes(response).await, b"brotli");
    assert_eq!(bytes(ask(&site, wasm, &[(header::ACCEPT_ENCODING, "br;q=0")]).await).await, b"plain");
    assert_eq!(ask(&site, wasm, &[(header::IF_NONE_MATCH, &tag)]).await.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn events_come_newest_first_in_pages_and_revised() {
    let mut site = site();
    let session = |time: i64| Event {
        time: Time(time),
        host: "mx1".into(),
        subjects: ["example.com".parse().unwrap(), "ann@example.com".parse().unwrap()].into(),
        peer: Some("192.0.2.1".into()),
        bytes: None,
        duration_ms: None,
        detail: "connection".into(),
        kind: Kind::SmtpSession {
            has_start: true,
            is_inferred: false,
            is_blocked: false,
            bad_commands: 0,
            is_terminated: false,
            why: None,
        },
    };
    let update = |id: u64, before: Option<Event>, after: Event| Update {
        id: EventId(id),
        before: before.map(Arc::new),
        after: Arc::new(after),
    };
    let mut batch = Batch::default();
    for id in 1..=5 {
        batch.book(update(id, None, session(id as i64 * 100)));
    }
    site.store.commit(&batch).unwrap();
    let mut revision = Batch::default();
    let blocked = Kind::SmtpSession {
        has_start: true,
        is_inferred: false,
        is_blocked: true,
        bad_commands: 0,
        is_terminated: false,
        why: None,
    };
    revision.book(update(2, Some(session(200)), Event { kind: blocked, ..session(200) }));
    site.store.commit(&revision).unwrap();

    let ids = |page: &EventPage| page.events.iter().map(|event| event.id).collect::<Vec<_>>();
    let uri = "/api/events?from=0&until=86400&subject=ann@example.com&report=smtp-in-usage&limit=2";
    let first: EventPage = json(&site, uri).await;
    assert_eq!(ids(&first), [5, 4]);
    let second: EventPage = json(&site, &format!("{uri}&after={}", first.next.unwrap())).await;
    assert_eq!(ids(&second), [3, 2]);
    let third: EventPage = json(&site, &format!("{uri}&after={}", second.next.unwrap())).await;
    assert_eq!((ids(&third), third.next), (vec![1], None));

    let uri = "/api/events?from=0&until=900&report=smtp-in-usage&measure=smtp_in.blocked_connections";
    let blocked: EventPage = json(&site, uri).await;
    assert_eq!(ids(&blocked), [2]);
    let event = &blocked.events[0];
    assert_eq!(
        (event.kind.as_str(), event.subjects.as_slice()),
        ("smtp-session", ["example.com", "ann@example.com"].map(str::to_owned).as_slice())
    );
    assert_eq!(event.counts["smtp_in.blocked_connections"], 1);
}

#[tokio::test]
async fn the_description_names_every_parameter_and_every_answers_parts() {
    let site = site();
    let description: serde_json::Value = json(&site, "/api/openapi.json").await;
    let look_up = |at: &serde_json::Value| match at["$ref"].as_str() {
        Some(reference) => description.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => at.clone(),
    };
    for (path, operations) in description["paths"].as_object().unwrap() {
        if operations["get"].is_null() {
            continue;
        }
        let parameters = operations["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let described: Vec<String> = parameters
            .iter()
            .map(look_up)
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| format!("`{}`", parameter["name"].as_str().unwrap()))
            .collect();
        let uri = path.replace("{id}", "pop-sessions");
        if !described.is_empty() {
            // What is said of an unknown parameter lists those that are known.
            let refused = ask(&site, &format!("{uri}?nope=1"), &[]).await;
            let error: ApiError = serde_json::from_slice(&bytes(refused).await).unwrap();
            let known = error.detail.split_once("expected one of ").unwrap().1;
            assert_eq!(described.join(", "), known, "{path}");
        }
        let span = if described.iter().any(|name| name == "`from`") { "?from=0&until=900" } else { "" };
        let answer: serde_json::Value = json(&site, &format!("{uri}{span}")).await;
        let schema = &operations["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        is_as_described(&description, schema, &answer, path);
    }
}

/// Each object has the members that are described and no others, at any depth.
fn is_as_described(description: &serde_json::Value, schema: &serde_json::Value, value: &serde_json::Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = description.pointer(reference.trim_start_matches('#')).expect(reference);
        return is_as_described(description, schema, value, at);
    }
    if let Some(items) = value.as_array() {
        items.iter().for_each(|item| is_as_described(description, &schema["items"], item, at));
    }
    let Some(members) = value.as_object() else { return };
    let Some(described) = schema["properties"].as_object() else {
        let each = &schema["additionalProperties"];
        return members.values().for_each(|member| is_as_described(description, each, member, at));
    };
    assert!(described.keys().eq(members.keys()), "{at}: {:?} for {:?}", members.keys(), described.keys());
    for (name, member) in members {
        is_as_described(description, &described[name], member, &format!("{at} {name}"));
    }
}

#[tokio::test]
async fn what_is_unusual_is_ranked_and_paged() {
    let mut site = site();
    let mut batch = Batch::default();
    let weeks = 9;
    let span = Span::new(Time(0), Time(weeks * 7 * 86_400));
    batch.coverage = vec![(Family::Postfix, "mx1".to_owned(), span)];
    batch.known = ["ann@example.com", "ben@example.org"].map(|name| name.parse().unwrap()).to_vec();
    for week in 0..weeks {
        for (name, jump) in [("ann@example.com", 200), ("ben@example.org", 900)] {
            let amount = if week == weeks - 1 { jump } else { 5 };
            let slot = Slot(week * 7 * 96 + 50);
            batch.counters.add(&name.parse().unwrap(), measure::OUTGOING.number, slot, amount);
        }
    }
    site.store.commit(&batch).unwrap();
    crate::unusual::look(&mut site.store, |_| mailtally_model::Zone::utc()).unwrap();
    let ask = |rest: &str| format!("/api/unusual?from=0&until={}{rest}", span.until.0);
    let all: Unusual = json(&site, &ask("")).await;
    let names = |page: &Unusual| page.findings.iter().map(|found| found.subject.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&all), all.total), (vec!["ben@example.org".to_owned(), "ann@example.com".to_owned()], 2));
    assert_eq!(all.read_until, Some(span.until));
    let jump = &all.findings[0].jumps[0];
    assert_eq!((jump.value, jump.low, jump.high, jump.step), (900, 5, 5, mailtally_model::Step::Day));
    let second: Unusual = json(&site, &ask("&skip=1&limit=1")).await;
    assert_eq!((names(&second), second.total), (vec!["ann@example.com".to_owned()], 2));
    let below: Unusual = json(&site, &ask("&subject=example.com")).await;
    assert_eq!(names(&below), ["ann@example.com"]);
    let before: Unusual = json(&site, "/api/unusual?from=0&until=900").await;
    assert_eq!(before.total, 0);
}

#[tokio::test]
async fn overage_is_what_the_reports_sum_beyond_the_allowance() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut batch = Batch { coverage: vec![(Family::Postfix, "mx1".to_owned(), slots(0, 96))], ..Batch::default() };
    batch.known =
        ["ann@example.com", "ben@example.com", "carla@example.org"].map(|name| name.parse().unwrap()).to_vec();
    for (name, slot, sent) in [
        ("ann@example.com", 3, 40),
        ("ann@example.com", 95, 25),
        ("ben@example.com", 4, 10),
        ("carla@example.org", 4, 7),
        ("stranger@example.com", 4, 1),
        ("ann@example.com", 96, 1_000),
    ] {
        let mut subject = Some(name.parse::<Subject>().unwrap());
        while let Some(at) = subject {
            subject = at.parent();
            batch.counters.add(&at, measure::OUTGOING.number, Slot(slot), sent);
        }
    }
    store.commit(&batch).unwrap();
    let settings: Settings = toml::from_str(
        "[overage]
        currency = 'CHF'
        [[overage.allowances]]
        of = 'domains'
        counts = 'outgoing-messages'
        a_month = 50
        price = '0.335'
        per = 1
        [[overage.allowances]]
        of = 'mailboxes'
        counts = 'messages'
        a_month = 20
        [[overage.allowances]]
        of = 'ben@example.com'
        counts = 'messages'
        a_month = 3",
    )
    .unwrap();
    let site = site_over(dir, store, settings, &[("admin", "(server)")]);
    let overage: Overage = json(&site, "/api/overage?from=0&until=86400").await;
    let rows: Vec<String> = overage
        .rows
        .iter()
        .map(|row| format!("{} {} - {} = {} {:?}", row.subject, row.used, row.allowance, row.over, row.price))
        .collect();
    assert_eq!(
        rows,
        [
            "example.com 76 - 50 = 26 Some(\"8.71\")",
            "ann@example.com 65 - 20 = 45 None",
            "ben@example.com 10 - 3 = 7 None",
            "example.org 7 - 50 = 0 Some(\"0.00\")",
            "carla@example.org 7 - 20 = 0 None",
        ]
    );
    assert_eq!((overage.currency.as_str(), overage.price.as_deref()), ("CHF", Some("8.71")));
    assert_eq!((overage.observed_secs, overage.left_out), (86_400, 0));
    // To the unit what the report says of the same span.
    let report: Answer = json(&site, "/api/reports/message-traffic?by=domains&from=0&until=86400").await;
    let sums: Vec<(&str, u64)> = report.subjects.iter().zip(report.values["message.outgoing"].iter()).collect();
    assert_eq!(sums, [("example.com", 76), ("example.org", 7)]);
    let below: Overage = json(&site, "/api/overage?from=0&until=86400&subject=example.org").await;
    assert_eq!(below.rows.len(), 2);
}

fn slots(from: i64, until: i64) -> Span {
    Span::new(Slot(from).start(), Slot(until).start())
}

#[tokio::test]
async fn health_lists_programs_and_sources() {
    let health: Health = json(&site(), "/api/health").await;
    assert!(health.sources.is_empty() && health.programs.is_empty() && health.counted.is_empty(), "{health:?}");
    // By which rules the next line will be counted, and what is too late or too old to be shown.
    assert_eq!(health.rules, rules::of(&Settings::default()));
    assert_eq!((health.late_window_secs, health.keep_days), (7 * 86_400, 400));
}

#[tokio::test]
async fn beyond_the_cap_clients_are_sent_away_for_a_moment() {
    // FAULTS 70
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path()).unwrap();
    let readers = Readers::new(dir.path());
    let occupied = readers.occupy_all();
    assert!(matches!(readers.read(|_| Ok(())).await, Err(Refusal::Busy)));
    drop(occupied);
    readers.read(|_| Ok(())).await.unwrap();
    let response = Refusal::Busy.into_response();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header_of(&response, header::RETRY_AFTER), "2");
}

#[tokio::test]
async fn beyond_this_machine_it_speaks_tls_or_was_told_not_to() {
    let at = |address: &str| Settings { listen: address.parse().unwrap(), ..Settings::default() };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let Err(refusal) = bind(&at(address)).await else { panic!("{address} was listened on") };
        assert!(refusal.to_string().contains("without TLS"), "{refusal}");
    }
    let mut meant = at("0.0.0.0:0");
    meant.http.plain = true;
    assert!(bind(&meant).await.is_ok());
}

#[tokio::test]
async fn it_is_served_over_a_socket_until_it_is_told_to_stop() {
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
    let listening = bind(&settings).await.unwrap();
    let address = listening.address().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let site = site();
    let served = tokio::spawn(listen::serve(listening, site.router.clone(), async {
        let _ = stopped.await;
    }));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let cookie = &site.cookie;
    let request =
        format!("GET /api/health HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(r#""programs":[],"gaps":[]"#), "{answer}");
    stop.send(()).unwrap();
    served.await.unwrap();
}
