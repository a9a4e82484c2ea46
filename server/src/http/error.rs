//! Every error that the API answers: a status, a stable word and a sentence. Internals are logged here and never sent.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mailtally_model::wire::ApiError;

use crate::account::AccountError;
use crate::account::password::{Crowded, Weak};
use crate::store::ReadError;

/// A client that is sent away for a moment comes back after this.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why a request is not answered.
#[derive(Debug)]
pub enum Refusal {
    /// The sentence says what is wrong with the request.
    BadRequest(String),
    /// The answer would be too large; the sentence says what to ask for instead.
    TooLarge(String),
    /// Nobody is signed in.
    SignedOut,
    /// A name and password that do not fit, an unknown name, a disabled account: all the same.
    LogInFailed,
    /// A link that was used, or is too old, or never was.
    LinkVoid,
    /// A change that did not come from our own pages.
    Refused(String),
    /// Unknown, absent, or not the asker's to see: all the same.
    NotFound,
    MethodNotAllowed,
    /// An account of this name is there.
    NameTaken,
    /// Too many log-ins failed: wait so long.
    TooMany(Duration),
    NotJson,
    BodyTooLarge,
    TooSlow,
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

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Refusal {
        match error {
            AccountError::NoSuchAccount => Refusal::NotFound,
            AccountError::SignedOut => Refusal::SignedOut,
            AccountError::NameTaken => Refusal::NameTaken,
            AccountError::BadName | AccountError::BadRoot | AccountError::TooManyTokens => {
                Refusal::BadRequest(error.to_string())
            }
            AccountError::Store(_) => Refusal::Internal(error.into()),
        }
    }
}

impl From<Weak> for Refusal {
    fn from(weak: Weak) -> Refusal {
        Refusal::BadRequest(weak.to_string())
    }
}

impl From<Crowded> for Refusal {
    fn from(_: Crowded) -> Refusal {
        Refusal::Busy
    }
}

impl Refusal {
    fn parts(self) -> (StatusCode, &'static str, String) {
        let (status, error, detail) = match self {
            Refusal::BadRequest(detail) => return (StatusCode::BAD_REQUEST, "bad-request", detail),
            Refusal::TooLarge(detail) => return (StatusCode::BAD_REQUEST, "too-large", detail),
            Refusal::Refused(detail) => return (StatusCode::FORBIDDEN, "refused", detail),
            Refusal::SignedOut => (StatusCode::UNAUTHORIZED, "signed-out", "sign in first"),
            Refusal::LogInFailed => {
                (StatusCode::UNAUTHORIZED, "log-in-failed", "name and password do not fit together")
            }
            Refusal::LinkVoid => {
                (StatusCode::UNAUTHORIZED, "log-in-failed", "this link was used already, or is too old")
            }
            Refusal::NotFound => (StatusCode::NOT_FOUND, "not-found", "there is nothing here for you"),
            Refusal::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "bad-request", "this method is not answered here")
            }
            Refusal::NameTaken => (StatusCode::CONFLICT, "name-taken", "there is an account of this name already"),
            Refusal::TooMany(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many", "too many log-ins failed: try again in a moment")
            }
            Refusal::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad-request", "a body is application/json, and not packed")
            }
            Refusal::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "bad-request", "the body is too large"),
            Refusal::TooSlow => (StatusCode::REQUEST_TIMEOUT, "bad-request", "the body did not come in time"),
            Refusal::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, "busy", "too many questions at once: ask again in a moment")
            }
            Refusal::Internal(error) => {
                tracing::error!(error = %format!("{error:#}").escape_debug(), "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server could not read its data: its log says why")
            }
        };
        (status, error, detail.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_after = match &self {
            Refusal::Busy => Some(RETRY_AFTER),
            Refusal::TooMany(wait) => Some(*wait),
            _ => None,
        };
        let (status, error, detail) = self.parts();
        let mut response = (status, Json(ApiError { error: error.to_owned(), detail })).into_response();
        if let Some(wait) = retry_after {
            let secs = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
