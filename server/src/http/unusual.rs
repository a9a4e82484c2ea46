//! `GET /api/unusual`: what stood out of its own past, most unusual first.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use mailtally_model::wire::{Finding, FoundJump, Unusual};

use super::App;
use super::asker::Asker;
use super::error::Refusal;
use super::params::{self, UnusualParams};
use crate::store::{Kept, Reader};

pub async fn unusual(
    State(app): State<Arc<App>>,
    asker: Asker,
    query: Result<Query<UnusualParams>, QueryRejection>,
) -> Result<Json<Unusual>, Refusal> {
    let params = params::parsed(query)?;
    let subject = asker.subject(params.subject.as_deref())?;
    let span = params::span(params.from, params.until)?;
    let limit = params::limit(params.limit)?;
    let shown: Vec<u16> = asker.measures().iter().map(|measure| measure.number).collect();
    // Few enough to be read whole: their number is bounded where they are kept.
    let read = move |reader: &Reader| {
        reader.look_for(&subject, asker.if_absent(&subject))?;
        let findings = reader.findings(span, |found| asker.sees(found) && found.is_within(&subject))?;
        Ok((findings, reader.read_until()?))
    };
    let (by_day, read_until) = app.readers.read(read).await?;
    let finding = |((subject, day), mut kept): ((_, _), Vec<Kept>)| {
        kept.retain(|kept| shown.contains(&kept.measure.number));
        (!kept.is_empty()).then(|| Finding { subject, day, jumps: jumps(kept) })
    };
    let mut findings: Vec<Finding> = by_day.into_iter().filter_map(finding).collect();
    findings.sort_by_key(|finding| Reverse((score(finding), finding.day)));
    let total = findings.len();
    let findings = findings.into_iter().skip(params.skip.unwrap_or(0)).take(limit).collect();
    Ok(Json(Unusual { findings, total, zone: app.zone.clone(), read_until }))
}

fn jumps(kept: Vec<Kept>) -> Vec<FoundJump> {
    let jump = |kept: Kept| FoundJump {
        measure: kept.measure.id.to_owned(),
        step: kept.found.step,
        from: kept.found.span.from,
        until: kept.found.span.until,
        value: kept.found.value,
        low: kept.found.jump.low,
        high: kept.found.jump.high,
        score: kept.found.jump.score,
    };
    let mut jumps: Vec<FoundJump> = kept.into_iter().map(jump).collect();
    jumps.sort_by_key(|jump| Reverse(jump.score));
    jumps
}

fn score(finding: &Finding) -> u64 {
    finding.jumps.first().map_or(0, |jump| jump.score)
}
