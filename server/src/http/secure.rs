//! The gate that every request comes through: under which name, from which page, by whom. And what every answer carries
//! for the browser.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use mailtally_model::account::Means;
use mailtally_model::{Subject, Time};

use super::App;
use super::asker::{Asker, Entry};
use super::client::{Client, Peer};
use super::cookie;
use super::error::Refusal;
use super::places::Place;
use crate::account::Bearer;
use crate::account::throttle::network;
use crate::{account, collect};

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
/// A year. Sent over our own TLS alone: a proxy that has TLS says this itself, if it wants to.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Requests of one account, or of one address without a session, that are worked on or whose answers are on their way: a
/// browser has six. So one account does not keep the others waiting, nor fill the memory with answers that it does not take.
const MAX_OF_ONE: usize = 24;

/// Who is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    Account(String),
    Address(IpAddr),
}

/// Lets a request in with who sent it, or refuses it; and dresses every answer.
pub async fn gate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    // Without the listener's word (in a test, say) nobody is near and nothing is secret.
    let nowhere = Peer { address: Ipv4Addr::UNSPECIFIED.into(), tls: false };
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(nowhere);
    let mut response = match let_in(&app, peer, &mut request).await {
        Ok(place) => {
            let response = next.run(request).await;
            match place {
                Some(place) => response.map(|body| Body::new(Held { body, _place: place })),
                None => response,
            }
        }
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if peer.tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    // The app keeps its last answers in memory and asks again with If-None-Match.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A place of whoever asks, where that is the API.
async fn let_in(app: &Arc<App>, peer: Peer, request: &mut Request) -> Result<Option<Place<Whose>>, Refusal> {
    // Bodies are small, so their length is known. Where two headers say where one ends, a request may hide in another.
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Err(Refusal::BadRequest("a body comes with its Content-Length, not in chunks".to_owned()));
    }
    let client = app.origins.client(peer, request.uri(), request.headers())?;
    let mut place = None;
    if is_api(request.uri().path()) {
        let asker = identify(app, &client, request.headers()).await?;
        // A token is no cookie: no browser sends it unasked, so no other site's page can make it do anything.
        let by_token = asker.as_ref().is_some_and(|asker| asker.means() == Means::Token);
        if !request.method().is_safe() && !by_token {
            client.check_origin(request.headers())?;
        }
        let whose = match &asker {
            Some(asker) => Whose::Account(asker.account().name.clone()),
            None => Whose::Address(network(client.address)),
        };
        place = Some(app.requests.take(whose, MAX_OF_ONE).ok_or(Refusal::Busy)?);
        if let Some(asker) = asker {
            app.watch.looked(collect::now());
            request.extensions_mut().insert(asker);
        }
    }
    request.extensions_mut().insert(client);
    Ok(place)
}

/// An answer's body, with the place of whoever asked until it is taken or given up.
struct Held {
    body: Body,
    _place: Place<Whose>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Who asks: by token, by a trusted proxy's word, or by session. `None` is signed out; a bad token is refused, so that a
/// script learns of it.
async fn identify(app: &Arc<App>, client: &Client, headers: &HeaderMap) -> Result<Option<Asker>, Refusal> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let claimed = token.map(str::to_owned);
    let session = cookie::read(headers, client.is_secure).map(str::to_owned);
    let user = client.user.clone();
    if claimed.is_none() && session.is_none() && user.is_none() {
        return Ok(None);
    }
    let now = collect::now();
    if let Some(asker) = at_once(app, claimed.as_deref(), user.as_deref(), session.as_deref(), now) {
        return Ok(Some(asker));
    }
    let shared = Arc::clone(app);
    let find = move || match (claimed, user, session) {
        (Some(claimed), _, _) => {
            let bearer = shared.accounts.bearer(&claimed, now)?;
            bearer.and_then(|bearer| by_token(&shared, bearer)).map(Some).ok_or(Refusal::SignedOut)
        }
        (None, Some(user), _) => by_proxy(&shared, &user),
        (None, None, Some(claimed)) => by_session(&shared, &claimed),
        (None, None, None) => Ok(None),
    };
    tokio::task::spawn_blocking(find).await.map_err(anyhow::Error::new)?
}

/// Who asks, if that can be seen without waiting: then a thread that may wait would take longer to wake than to look. It
/// is looked up in the file like the rest, so that whoever was disabled is out at once. `None` decides nothing.
fn at_once(app: &App, claimed: Option<&str>, user: Option<&str>, session: Option<&str>, now: Time) -> Option<Asker> {
    match (claimed, user, session) {
        (Some(claimed), _, _) => by_token(app, app.accounts.bearer_at_once(claimed, now)?),
        (None, None, Some(claimed)) => {
            let session = app.accounts.session_at_once(claimed, app.session_limits(), now)?;
            let (_, root) = session.account.clone()?;
            Some(app.asker(session.name.clone(), root, Entry::Session(session)))
        }
        _ => None,
    }
}

/// A token reads below its own root, which lies within its account's.
fn by_token(app: &App, bearer: Bearer) -> Option<Asker> {
    let is_within = bearer.root.is_within(&bearer.account_root);
    is_within.then(|| app.asker(bearer.name, bearer.root, Entry::Token(bearer.account_root)))
}

/// A name that a proxy vouches for: that account's, else that mailbox's.
fn by_proxy(app: &App, user: &str) -> Result<Option<Asker>, Refusal> {
    match app.accounts.find(user)? {
        Some(account) if account.is_disabled => Err(Refusal::SignedOut),
        Some(account) => Ok(Some(app.asker(account.name, account.root, Entry::Proxy(Some(account.id))))),
        None => {
            let name = account::canonical_name(user).filter(|name| matches!(name.parse(), Ok(Subject::Mailbox(_))));
            let root = name.as_ref().and_then(|name| account::mailbox::root(&app.settings.mailbox.grants, name));
            let (name, root) = name.zip(root).ok_or(Refusal::SignedOut)?;
            Ok(Some(app.asker(name, root, Entry::Proxy(None))))
        }
    }
}

fn by_session(app: &App, claimed: &str) -> Result<Option<Asker>, Refusal> {
    let Some(session) = app.accounts.session(claimed, app.session_limits(), collect::now())? else { return Ok(None) };
    let root = match &session.account {
        Some((_, root)) => Some(root.clone()),
        // The settings and an account of the same name are heeded at each request, not at the log-in alone.
        None if app.accounts.find(&session.name)?.is_some() => None,
        None => app.mailbox.as_ref().and_then(|login| login.root(&login.mailbox(&session.name)?)),
    };
    Ok(root.map(|root| app.asker(session.name.clone(), root, Entry::Session(session))))
}
