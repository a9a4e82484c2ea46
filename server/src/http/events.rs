//! `GET /api/events`: the raw events behind a number, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use mailtally_model::measure::Unit;
use mailtally_model::wire::EventPage;
use mailtally_model::{Measure, Report, Subject};

use super::App;
use super::asker::Asker;
use super::error::Refusal;
use super::params::{self, EventParams, bad};
use crate::store::EventQuery;

pub async fn page(
    State(app): State<Arc<App>>,
    asker: Asker,
    query: Result<Query<EventParams>, QueryRejection>,
) -> Result<Json<EventPage>, Refusal> {
    let params = params::parsed(query)?;
    let subject = asker.subject(params.subject.as_deref())?;
    let report = params.report.as_deref().map(|id| asker.report(id, &subject)).transpose()?;
    let measures = measures(&asker, report, &subject, params.measure.as_deref())?;
    let query = EventQuery {
        if_absent: asker.if_absent(&subject),
        subject,
        measures,
        span: params::span(params.from, params.until)?,
        kind: params.kind.filter(|kind| !kind.is_empty()),
        text: params.text.filter(|text| !text.is_empty()),
        after: params::after(params.after.as_deref())?,
        limit: params::limit(params.limit)?,
    };
    let shown = asker.measures();
    let has_hidden = !asker.hidden().is_empty();
    let mut page = app.readers.read(move |reader| Ok(reader.events(&query, |subject| asker.sees(subject))?)).await?;
    for event in &mut page.events {
        event.counts.retain(|id, _| shown.iter().any(|measure| measure.id == id));
        if has_hidden {
            // What an event's counts do not say, its bytes and its length must not say either.
            let counts =
                |unit| shown.iter().any(|measure| measure.unit == unit && event.counts.contains_key(measure.id));
            event.bytes = event.bytes.filter(|_| counts(Unit::Bytes));
            event.duration_ms = event.duration_ms.filter(|_| counts(Unit::Millis));
        }
    }
    Ok(Json(page))
}

/// Numbers of the measures that an event must have moved: the one that was named, else any of the report's, else all.
fn measures(
    asker: &Asker,
    report: Option<&'static Report>,
    subject: &Subject,
    named: Option<&str>,
) -> Result<Vec<u16>, Refusal> {
    let shown: Vec<&Measure> = match report {
        Some(report) => asker.columns(report, subject).map(|column| column.measure()).collect(),
        None => asker.measures(),
    };
    match (named, report) {
        (Some(id), _) => match shown.iter().find(|measure| measure.id == id) {
            Some(measure) => Ok(vec![measure.number]),
            None => Err(bad("measure must be the id of a measure that this report shows here")),
        },
        (None, Some(_)) => Ok(shown.iter().map(|measure| measure.number).collect()),
        (None, None) if asker.hidden().is_empty() => Ok(Vec::new()),
        (None, None) => Ok(shown.iter().map(|measure| measure.number).collect()),
    }
}
