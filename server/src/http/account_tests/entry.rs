//! Log-in, sessions, links, guessing, and who a proxy says it is.

use super::*;

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
async fn an_unknown_name_and_a_wrong_password_look_alike() {
    // FAULTS 80
    let site = site();
    site.sign_in("off", "example.com");
    site.accounts.unasked().set_disabled("off", true).unwrap();
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

    // Printed at the start, and not used: with a system admin who was made otherwise it is void.
    let site = site_of(Settings::default(), &[]);
    let link = site.accounts.make_link(Link::SetUp, collect::now().plus_secs(60)).unwrap();
    site.sign_in("dora", "example.com");
    assert_eq!(site.accounts.look_at_link(link.reveal(), collect::now()).unwrap(), Some(Link::SetUp));
    site.sign_in("hand", "(server)");
    assert_eq!(site.accounts.look_at_link(link.reveal(), collect::now()).unwrap(), None);
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
async fn a_trusted_proxy_says_who_it_is_and_nobody_else_does() {
    // FAULTS 77, 79
    let mut settings = Settings::default();
    settings.http.trusted_proxies = vec!["10.0.0.1".parse().unwrap()];
    settings.http.user_header = Some("X-Remote-User".to_owned());
    let site = site_of(settings, &[("dora", "example.com"), ("off@example.com", "example.com")]);
    site.accounts.unasked().set_disabled("off@example.com", true).unwrap();
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
    for user in [
        "stranger",
        "off@example.com",
        "off@example.com.",
        "OFF@example.com..",
        "(server)",
        "example.com",
        "a b@example.com",
    ] {
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
