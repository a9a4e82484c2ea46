//! Every error that the API answers: a status, a stable word and a sentence. Internals are logged here and never sent.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mailtally_model::wire::ApiError;

use crate::store::ReadError;

/// A client that is sent away for a moment comes back after this.
const RETRY_AFTER_SECS: HeaderValue = HeaderValue::from_static("2");

/// Why a request is not answered.
#[derive(Debug)]
pub enum Refusal {
    /// The sentence says what is wrong with the request.
    BadRequest(String),
    /// The answer would be too large; the sentence says what to ask for instead.
    TooLarge(String),
    /// Unknown, absent, or not the asker's to see: all the same.
    NotFound,
    MethodNotAllowed,
    /// Too many questions at once, or one that took too long.
    Busy,
    Internal(anyhow::Error),
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Refusal {
        match error {
            ReadError::NotFound => Refusal::NotFound,
            ReadError::TooLarge => Refusal::TooLarge(error.to_string()),
            ReadError::Store(error) => Refusal::Internal(error),
        }
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Refusal {
        Refusal::Internal(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, detail) = match self {
            Refusal::BadRequest(detail) => (StatusCode::BAD_REQUEST, "bad-request", detail),
            Refusal::TooLarge(detail) => (StatusCode::BAD_REQUEST, "too-large", detail),
            Refusal::NotFound => (StatusCode::NOT_FOUND, "not-found", "there is nothing here for you".to_owned()),
            Refusal::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "bad-request", "only GET and HEAD are answered".to_owned())
            }
            Refusal::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many questions at once: ask again in a moment".to_owned(),
            ),
            Refusal::Internal(error) => {
                tracing::error!(error = %format!("{error:#}").escape_debug(), "a request failed");
                let detail = "the server could not read its data: its log says why".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
        };
        let mut response = (status, Json(ApiError { error: error.to_owned(), detail })).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECS);
        }
        response
    }
}
