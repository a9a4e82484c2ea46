//! `GET /api/overage`: what was used of each allowance in a span, what is over it, and what that costs.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use mailtally_model::Subject;
use mailtally_model::overage::Money;
use mailtally_model::wire::{Overage, OverageRow};

use super::App;
use super::asker::Asker;
use super::error::Refusal;
use super::params::{self, OverageParams};
use crate::settings::{Allowance, Of};

/// Rows of an answer, those furthest over first: more than one bill has, and a page that a browser shows at once.
const MAX_ROWS: usize = 20_000;

pub async fn overage(
    State(app): State<Arc<App>>,
    asker: Asker,
    query: Result<Query<OverageParams>, QueryRejection>,
) -> Result<Json<Overage>, Refusal> {
    let params = params::parsed(query)?;
    let root = asker.subject(params.subject.as_deref())?;
    let if_absent = asker.if_absent(&root);
    let span = params::span(params.from, params.until)?;
    let state = Arc::clone(&app);
    let overage = app
        .readers
        .read(move |reader| {
            reader.look_for(&root, if_absent)?;
            let mut rows: Vec<(OverageRow, Money)> = Vec::new();
            let shown = asker.measures();
            let is_shown = |allowance: &&Allowance| allowance.counts.measures().iter().all(|one| shown.contains(one));
            for allowance in state.allowances.iter().filter(is_shown) {
                let visible = |subject: &Subject| asker.sees(subject) && subject.is_within(&root);
                for (subject, used) in reader.used(&allowance.of, allowance.counts, span, &root)? {
                    if visible(&subject) && !has_one_of_its_own(&subject, allowance, &state.allowances) {
                        rows.push(state.row(subject, used, allowance));
                    }
                }
            }
            rows.sort_by(|(a, price_a), (b, price_b)| {
                (Reverse(price_a), Reverse(a.over), Reverse(a.used), &a.subject).cmp(&(
                    Reverse(price_b),
                    Reverse(b.over),
                    Reverse(b.used),
                    &b.subject,
                ))
            });
            let total = rows.iter().fold(Money::default(), |sum, (_, price)| Money(sum.0 + price.0));
            let is_priced = rows.iter().any(|(row, _)| row.price.is_some());
            let (read_until, observed_secs) = reader.observed(mailtally_model::Family::Postfix, span)?;
            Ok(Overage {
                currency: state.overage.currency.clone(),
                is_set_up: !state.allowances.is_empty(),
                left_out: rows.len().saturating_sub(MAX_ROWS),
                price: is_priced.then(|| total.text(state.overage.decimals)),
                rows: rows.into_iter().take(MAX_ROWS).map(|(row, _)| row).collect(),
                read_until,
                observed_secs,
            })
        })
        .await?;
    Ok(Json(overage))
}

impl App {
    fn row(&self, subject: Subject, used: u64, allowance: &Allowance) -> (OverageRow, Money) {
        let over = used.saturating_sub(allowance.a_month);
        let price = allowance.rate.map(|rate| rate.of(over, self.overage.decimals));
        let row = OverageRow {
            subject,
            counts: allowance.counts.id().to_owned(),
            allowance: allowance.a_month,
            used,
            over,
            price: price.map(|price| price.text(self.overage.decimals)),
        };
        (row, price.unwrap_or_default())
    }
}

/// Whether an allowance of each is not this one's, since it has one by its name.
fn has_one_of_its_own(subject: &Subject, of_each: &Allowance, all: &[Allowance]) -> bool {
    let is_own = |other: &Allowance| other.counts == of_each.counts && other.of == Of::One(subject.clone());
    !matches!(of_each.of, Of::One(_)) && all.iter().any(is_own)
}
