//! A request's body: JSON, small, soon, as it is and not packed.

use std::time::Duration;

use axum::body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::error::Refusal;

/// The longest password in the longest encoding, a name, and room.
const MAX_BODY_BYTES: usize = 32 * 1024;
/// A client that has not sent that much by then is not waited for.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The body of a change.
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Body<T>, Refusal> {
        check(request.headers())?;
        let read = timeout(BODY_TIME, body::to_bytes(request.into_body(), MAX_BODY_BYTES)).await;
        let bytes = read.map_err(|_| Refusal::TooSlow)?.map_err(|_| Refusal::BodyTooLarge)?;
        // A list would be taken for an object's parts in their order.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Refusal::BadRequest("the body is not what is taken here: it must be a JSON object".to_owned()));
        }
        let value = serde_json::from_slice(&bytes);
        value.map(Body).map_err(|error| Refusal::BadRequest(format!("the body is not what is taken here: {error}")))
    }
}

fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::NotJson);
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::NotJson);
    }
    if text(header::CONTENT_LENGTH).parse().is_ok_and(|length: u64| length > MAX_BODY_BYTES as u64) {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(())
}
