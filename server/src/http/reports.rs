//! `GET /api/reports`: who asks and what they may see. `GET /api/reports/{id}`: one report's counters.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mailtally_model::By;
use mailtally_model::wire::Session;

use super::App;
use super::asker::Asker;
use super::error::Refusal;
use super::etag::ETag;
use super::params::{self, AnswerParams, InPath, bad};
use crate::store::{Question, Version};

pub async fn session(State(app): State<Arc<App>>, asker: Asker) -> Result<Json<Session>, Refusal> {
    let asked = app.readers.read(|reader| Ok((reader.stored()?, reader.read_until()?, reader.is_demo()?)));
    let (stored, read_until, demo) = asked.await?;
    let is_column = |id: &&String| id.contains('.');
    Ok(Json(Session {
        account: asker.account().clone(),
        means: asker.means(),
        reports: asker.reports(),
        hidden_columns: asker.hidden().iter().filter(is_column).cloned().collect(),
        demo,
        zone: app.zone.clone(),
        stored: stored.map(|span| (span.from, span.until)),
        read_until,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

pub async fn answer(
    State(app): State<Arc<App>>,
    asker: Asker,
    InPath(id): InPath,
    query: Result<Query<AnswerParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let params = params::parsed(query)?;
    let subject = asker.subject(params.subject.as_deref())?;
    let report = asker.report(&id, &subject)?;
    let by = match params.by.as_deref() {
        None => By::Time,
        Some(word) => By::from_id(word).ok_or_else(|| bad("by must be time, domains, users or services"))?,
    };
    if !report.modes(&subject).contains(&by) {
        return Err(bad(format!("this report has no rows by {} for this subject", by.id())));
    }
    let span = params::span(params.from, params.until)?;
    let edges = params.edges.as_deref().map(|text| params::edges(text, span)).transpose()?;
    if edges.is_some() && by != By::Time {
        return Err(bad("edges go with by=time alone"));
    }
    let if_absent = asker.if_absent(&subject);
    let question = Question { report, subject, by, span, edges, throttling: app.throttling, if_absent };
    // Most askers hold the answer already.
    if headers.contains_key(header::IF_NONE_MATCH)
        && let Some(version) = app.readers.glance(|reader| reader.version(question.span))
    {
        let tag = tag(&question, asker.hidden(), version);
        if tag.is_held_by(&headers) {
            return Ok(tag.not_modified());
        }
    }
    let (tag, body) = app
        .readers
        .read(move |reader| {
            let tag = tag(&question, asker.hidden(), reader.version(question.span)?);
            if tag.is_held_by(&headers) {
                return Ok((tag, None));
            }
            let mut answer = reader.answer(&question)?;
            asker.narrow(question.report, &mut answer);
            let body = serde_json::to_vec(&answer).map_err(anyhow::Error::new)?;
            Ok((tag, Some(body)))
        })
        .await?;
    Ok(match body {
        None => tag.not_modified(),
        Some(body) => {
            let json = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, json), (header::ETAG, tag.header())], body).into_response()
        }
    })
}

/// The data under the span, the question, what is kept from the asker, and the program that answers.
fn tag(question: &Question, hidden: &[String], version: Version) -> ETag {
    let edges: Vec<u8> = question.edges.iter().flatten().flat_map(|edge| edge.0.to_le_bytes()).collect();
    ETag::of(&[
        env!("CARGO_PKG_VERSION").as_bytes(),
        &version.file.to_le_bytes(),
        &version.commit.to_le_bytes(),
        question.report.id.as_bytes(),
        question.subject.to_string().as_bytes(),
        question.by.id().as_bytes(),
        &question.span.from.0.to_le_bytes(),
        &question.span.until.0.to_le_bytes(),
        &[u8::from(question.edges.is_some()), u8::from(question.throttling)],
        &edges,
        hidden.join(",").as_bytes(),
    ])
}
