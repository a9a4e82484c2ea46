//! One report's counters, in the asker's subtree, over HTTP; and the app that shows them. Knows no SQL and no mail.
//!
//! A request comes through the gate (`secure`), which finds out who asks, and through the access of its endpoint
//! (`endpoints`). The API is described in docs/api.md. Everything under `/api/` answers JSON, errors too.

mod asker;
mod assets;
mod body;
mod client;
mod cookie;
mod endpoints;
mod error;
mod etag;
mod events;
mod health;
mod housekeeping;
mod listen;
mod openapi;
mod overage;
mod params;
mod patience;
mod people;
mod places;
mod readers;
mod reports;
mod secure;
mod session;
mod tls;
mod tokens;
mod unusual;

#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use mailtally_model::Subject;
use mailtally_model::wire::Rules;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

pub use assets::Assets;
pub use listen::{Listening, bind};
pub use tls::provider as tls_provider;

use crate::account::mailbox::MailboxLogin;
use crate::account::password::Hashing;
use crate::account::throttle::Throttle;
use crate::account::{Accounts, Limits};
use crate::collect::Watch;
use crate::rules;
use crate::settings::{AccountSettings, Allowance, OverageSettings, Settings};
use asker::{Asker, Entry};
use client::Origins;
use error::Refusal;
use places::Places;
use readers::Readers;
use secure::Whose;

/// What every handler shares.
pub struct App {
    readers: Readers,
    assets: Assets,
    accounts: Arc<Accounts>,
    /// The site's IMAP server, where mailbox owners may sign in with its passwords.
    mailbox: Option<MailboxLogin>,
    hashing: Hashing,
    throttle: Throttle,
    origins: Origins,
    settings: Arc<AccountSettings>,
    /// IANA name of the server's zone.
    zone: String,
    /// By which rules lines are counted.
    rules: Rules,
    /// How long events are kept.
    keep_days: u32,
    /// Whether the settings set up a limit on mail.
    throttling: bool,
    overage: OverageSettings,
    /// Read from `overage` once.
    allowances: Vec<Allowance>,
    /// Requests that are worked on, and answers that are not all taken yet.
    requests: Places<Whose>,
    /// Learns that someone looks on, so that they see what is new soon.
    watch: Arc<Watch>,
}

impl App {
    /// Serves the data directory `data`, which must hold a data file by the first request.
    pub fn new(data: &Path, assets: Assets, settings: &Settings) -> Result<App> {
        Ok(App {
            readers: Readers::new(data),
            assets,
            accounts: Arc::new(Accounts::open(data)?),
            mailbox: MailboxLogin::new(&settings.accounts.mailbox)?,
            hashing: Hashing::default(),
            throttle: Throttle::default(),
            origins: Origins::new(settings),
            settings: Arc::new(settings.accounts.clone()),
            zone: settings.zone_name(),
            rules: rules::of(settings),
            keep_days: settings.events.keep_days,
            throttling: !settings.mail.throttle_reply_patterns.is_empty(),
            overage: settings.overage.clone(),
            // What cannot be meant was refused when the settings were read.
            allowances: settings.overage.allowances().unwrap_or_default(),
            requests: Places::default(),
            watch: Arc::default(),
        })
    }

    /// Tells `watch` of every request.
    pub fn watched_by(self, watch: Arc<Watch>) -> App {
        App { watch, ..self }
    }

    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    fn session_limits(&self) -> Limits {
        Limits {
            idle_secs: i64::from(self.settings.idle_hours) * 3_600,
            absolute_secs: i64::from(self.settings.session_days) * 86_400,
        }
    }

    fn asker(&self, name: String, root: Subject, entry: Entry) -> Asker {
        Asker::new(name, root, entry, &self.settings)
    }
}

/// Serves until `stop` is done, and keeps house meanwhile.
pub async fn serve(listening: Listening, app: Arc<App>, stop: impl Future<Output = ()>) {
    let router = router(Arc::clone(&app));
    tokio::select! {
        () = listen::serve(listening, router, stop) => {}
        () = housekeeping::keep(&app) => {}
    }
}

/// All routes.
fn router(app: Arc<App>) -> Router {
    endpoints::routes()
        .fallback(elsewhere)
        .method_not_allowed_fallback(async |asker: Option<Asker>, uri: Uri| match asker {
            None if secure::is_api(uri.path()) => Refusal::SignedOut,
            _ => Refusal::MethodNotAllowed,
        })
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), secure::gate))
        .with_state(app)
}

/// The app, and what is nowhere.
async fn elsewhere(
    State(app): State<Arc<App>>,
    asker: Option<Asker>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let path = uri.path();
    if secure::is_api(path) {
        return Err(if asker.is_some() { Refusal::NotFound } else { Refusal::SignedOut });
    }
    if method != Method::GET && method != Method::HEAD {
        return Err(Refusal::MethodNotAllowed);
    }
    app.assets.respond(path, &headers).ok_or(Refusal::NotFound)
}
