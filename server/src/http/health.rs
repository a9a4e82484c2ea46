//! `GET /api/health`: what was read, and how its lines fared. Examples are lines of anyone's: for the server's admin alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mailtally_model::Subject;
use mailtally_model::wire::Health;

use super::App;
use super::error::Refusal;

pub async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Refusal> {
    if !app.asker().sees(&Subject::Server) {
        return Err(Refusal::NotFound);
    }
    Ok(Json(app.readers.read(|reader| Ok(reader.health()?)).await?))
}
