//! Parameters as they were typed, turned into what the store is asked. Each refusal is a sentence.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use mailtally_model::{SLOT_SECS, Span, Time};
use serde::Deserialize;

use super::error::Refusal;
use crate::event::EventId;
use crate::store::{MAX_EVENTS_PAGE, events};

/// The longest span of a question. Mail is younger than that.
const MAX_SPAN_SECS: i64 = 400 * 366 * 86_400;
/// Year 1 to year 9999, where calendars are sure.
const FIRST_SECS: i64 = -62_135_596_800;
const LAST_SECS: i64 = 253_402_300_800;
/// More edges make no chart, and no URL holds them.
const MAX_EDGES: usize = 16_384;
/// Events on a page if nothing is said.
const EVENTS_PAGE: usize = 100;

/// `GET /api/reports/{id}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerParams {
    pub subject: Option<String>,
    pub by: Option<String>,
    pub from: i64,
    pub until: i64,
    pub edges: Option<String>,
}

/// `GET /api/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventParams {
    pub report: Option<String>,
    pub subject: Option<String>,
    pub measure: Option<String>,
    pub from: i64,
    pub until: i64,
    pub kind: Option<String>,
    pub text: Option<String>,
    pub after: Option<String>,
    pub limit: Option<usize>,
}

/// `GET /api/unusual`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusualParams {
    pub subject: Option<String>,
    pub from: i64,
    pub until: i64,
    pub skip: Option<usize>,
    pub limit: Option<usize>,
}

/// `GET /api/overage`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverageParams {
    pub subject: Option<String>,
    pub from: i64,
    pub until: i64,
}

/// `GET /api/audit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditParams {
    pub text: Option<String>,
    pub after: Option<String>,
    pub limit: Option<usize>,
}

/// The part of a path that names something. What is no text names nothing.
pub struct InPath(pub String);

impl<S: Send + Sync> FromRequestParts<S> for InPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<InPath, Refusal> {
        let named = Path::<String>::from_request_parts(parts, state).await;
        named.map(|Path(name)| InPath(name)).map_err(|_| Refusal::NotFound)
    }
}

pub fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    match query {
        Ok(Query(params)) => Ok(params),
        Err(rejection) => Err(bad(rejection.body_text())),
    }
}

pub fn span(from: i64, until: i64) -> Result<Span, Refusal> {
    let years = FIRST_SECS..=LAST_SECS;
    if !years.contains(&from) || !years.contains(&until) {
        return Err(bad("from and until must lie in the years 1 to 9999"));
    }
    if from >= until {
        return Err(bad("from must be earlier than until"));
    }
    if [from, until].iter().any(|secs| secs.rem_euclid(SLOT_SECS) != 0) {
        return Err(bad("from and until must be multiples of 900 seconds, the length of a slot"));
    }
    if until - from > MAX_SPAN_SECS {
        return Err(bad("the span must not be longer than 400 years"));
    }
    Ok(Span::new(Time(from), Time(until)))
}

/// Instants separated by commas: epoch seconds, or the distance to the one before where the number is not above it
/// (so `1767225600,86400,86400` are three days).
pub fn edges(text: &str, span: Span) -> Result<Vec<Time>, Refusal> {
    let mut edges: Vec<Time> = Vec::new();
    for word in text.split(',') {
        let number: i64 = word.trim().parse().map_err(|_| bad("edges must be whole seconds, separated by commas"))?;
        let edge = match edges.last() {
            Some(before) if number <= before.0 => before.plus_secs(number),
            _ => Time(number),
        };
        if edges.last().is_some_and(|before| edge <= *before) {
            return Err(bad("edges must rise"));
        }
        if edge < span.from || edge > span.until || edge.0.rem_euclid(SLOT_SECS) != 0 {
            return Err(bad("edges must lie between from and until, on multiples of 900 seconds"));
        }
        if edges.len() == MAX_EDGES {
            return Err(bad(format!("there must not be more than {MAX_EDGES} edges")));
        }
        edges.push(edge);
    }
    Ok(edges)
}

pub fn limit(asked: Option<usize>) -> Result<usize, Refusal> {
    match asked.unwrap_or(EVENTS_PAGE) {
        limit @ 1..=MAX_EVENTS_PAGE => Ok(limit),
        _ => Err(bad(format!("limit must be from 1 to {MAX_EVENTS_PAGE}"))),
    }
}

pub fn after(text: Option<&str>) -> Result<Option<(Time, EventId)>, Refusal> {
    let parse = |text| events::cursor(text).ok_or_else(|| bad("after must be the `next` of the page before"));
    text.map(parse).transpose()
}

pub fn bad(detail: impl Into<String>) -> Refusal {
    Refusal::BadRequest(detail.into())
}
