//! Every endpoint of the list, for every role and every spelling of a subject.

use super::super::endpoints::Access;
use super::*;

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
        let (_, token) =
            site.accounts.unasked().make_token(id, "script", &root.parse().unwrap(), collect::now()).unwrap();
        roles.push(Role { who: As::Cookie(cookie), own: Some(root), is_person: true });
        roles.push(Role { who: As::Token(token.reveal().to_owned()), own: Some(root), is_person: false });
    }
    roles
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
        let _ = site.accounts.unasked().remove(name);
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
