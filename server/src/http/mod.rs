//! One report's counters, in the asker's subtree, over HTTP; and the app that shows them. Knows no SQL and no mail.
//!
//! The API is described in docs/api.md and, for machines, in openapi.json. Everything under `/api/` answers JSON, errors too.

mod asker;
mod assets;
mod error;
mod etag;
mod events;
mod health;
mod listen;
mod overage;
mod params;
mod readers;
mod reports;
mod secure;
mod unusual;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

pub use assets::Assets;
pub use listen::{bind, serve};

use crate::collect::{self, Watch};
use crate::settings::{Allowance, OverageSettings, Settings};
use asker::Asker;
use error::Refusal;
use readers::Readers;

/// What every handler shares.
pub struct App {
    readers: Readers,
    assets: Assets,
    /// IANA name of the server's zone.
    zone: String,
    /// Whether the settings set up a limit on mail.
    throttling: bool,
    overage: OverageSettings,
    /// Read from `overage` once.
    allowances: Vec<Allowance>,
    /// Learns that someone looks on, so that they see what is new soon.
    watch: Arc<Watch>,
}

impl App {
    /// Serves the data directory `data`, which must hold a data file by the first request.
    pub fn new(data: &Path, assets: Assets, settings: &Settings) -> App {
        App {
            readers: Readers::new(data),
            assets,
            zone: settings.zone_name(),
            throttling: !settings.mail.throttle_reply_patterns.is_empty(),
            overage: settings.overage.clone(),
            // What cannot be meant was refused when the settings were read.
            allowances: settings.overage.allowances().unwrap_or_default(),
            watch: Arc::default(),
        }
    }

    /// Tells `watch` of every request.
    pub fn watched_by(self, watch: Arc<Watch>) -> App {
        App { watch, ..self }
    }

    /// Who asks. There are no accounts yet: whoever reaches the loopback address may see everything.
    fn asker(&self) -> Asker {
        self.watch.looked(collect::now());
        Asker::admin()
    }
}

/// All routes, for [`serve`] and for tests.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/api/reports", get(reports::session))
        .route("/api/reports/{id}", get(reports::answer))
        .route("/api/events", get(events::page))
        .route("/api/overage", get(overage::overage))
        .route("/api/unusual", get(unusual::unusual))
        .route("/api/health", get(health::health))
        .route("/api/openapi.json", get(description))
        .fallback(elsewhere)
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn(secure::guard))
        .with_state(Arc::new(app))
}

async fn description() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

/// The app, and what is nowhere.
async fn elsewhere(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let path = uri.path();
    if path == "/api" || path.starts_with("/api/") {
        return Err(Refusal::NotFound);
    }
    if method != Method::GET && method != Method::HEAD {
        return Err(Refusal::MethodNotAllowed);
    }
    app.assets.respond(path, &headers).ok_or(Refusal::NotFound)
}
