//! What changes an account or a setting: from whose page, in which body, by whom, and what follows at once.

use super::*;

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
        br#"[null,null,"x"]"#.to_vec(),
        br#"{"link":"x","link":"y"}"#.to_vec(),
        br#"{"link":1}"#.to_vec(),
        b"\xff".to_vec(),
    ] {
        assert_eq!(post(json, None, body).await, StatusCode::BAD_REQUEST);
    }
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
async fn one_account_does_not_keep_the_others_waiting() {
    // FAULTS 70
    let site = site();
    let (dora, ann) = (As::Cookie(site.sign_in("dora", "example.com")), As::Cookie(site.sign_in("ann", "example.com")));
    // Answers that are not taken yet.
    let mut held = Vec::new();
    let refused = loop {
        let answer = send(&site, &dora, "get", "/api/reports", None).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        held.push(answer);
    };
    assert_eq!((refused.status(), held.len()), (StatusCode::SERVICE_UNAVAILABLE, 24));
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(send(&site, &ann, "get", "/api/reports", None).await.status(), StatusCode::OK);
    assert_eq!(send(&site, &As::Nobody, "get", "/api/status", None).await.status(), StatusCode::OK);
    let _ = bytes(held.remove(0)).await;
    assert_eq!(send(&site, &dora, "get", "/api/reports", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_the_settings_hide_is_in_no_answer() {
    let mut settings = Settings::default();
    let hidden = ["pop-usage", "pop-sessions.new_connections", "message-data"];
    settings.accounts.hidden_from_domains = hidden.map(str::to_owned).to_vec();
    let allowance = "[[allowances]]\nof = 'example.com'\ncounts = 'data'\na_month = '1 GB'";
    settings.overage = toml::from_str(allowance).unwrap();
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
    // An allowance of what is hidden is hidden, too.
    let overage = async |who: &As| -> Overage {
        let answer = send(&site, who, "get", &format!("/api/overage?{SPAN}"), None).await;
        serde_json::from_slice(&bytes(answer).await).unwrap()
    };
    let admin = As::Cookie(site.sign_in("admin", "(server)"));
    assert_eq!((overage(&dora).await.rows.len(), overage(&admin).await.rows.len()), (0, 1));
    let session: Session =
        serde_json::from_slice(&bytes(send(&site, &dora, "get", "/api/reports", None).await).await).unwrap();
    assert!(!session.reports.contains(&"pop-usage".to_owned()));
    assert_eq!(session.hidden_columns, ["pop-sessions.new_connections"]);
}
