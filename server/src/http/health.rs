//! `GET /api/health`: what was read, and how its lines fared. Examples are lines of anyone's, so it
//! is for those alone who see the whole server (see `endpoints`).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mailtally_model::wire::Health;

use super::App;
use super::error::Refusal;
use crate::collect::LATE_WINDOW_SECS;

pub async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Refusal> {
    let mut health = app.readers.read(|reader| Ok(reader.health()?)).await?;
    let status = app.watch.status();
    for (path, unread) in status.unread_bytes {
        // The newest of that name: what it had before was rotated away.
        if let Some(source) = health.sources.iter_mut().find(|source| source.path == path) {
            source.unread_bytes = Some(unread);
        }
    }
    health.problems = status.problems;
    health.rules = app.rules.clone();
    health.late_window_secs = LATE_WINDOW_SECS;
    health.keep_days = app.keep_days;
    Ok(Json(health))
}
