//! `GET /api/health`: what was read, and how its lines fared. Examples are lines of anyone's, so it
//! is for those alone who see the whole server (see `endpoints`).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mailtally_model::wire::Health;

use super::App;
use super::error::Refusal;

pub async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Refusal> {
    Ok(Json(app.readers.read(|reader| Ok(reader.health()?)).await?))
}
