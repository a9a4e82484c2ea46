//! The log time that was really read. Time outside it shows as a gap, never as zero.

use serde::{Deserialize, Serialize};

use crate::json::{BadJson, FromJson, Json};
use crate::time::{Span, Time};

/// One stretch in which at least one host of a family was read. On the wire: `[from, until, missing_hosts]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Time, Time, u32)", into = "(Time, Time, u32)")]
pub struct Covered {
    pub span: Span,
    /// Hosts of the family that were read at other times but not in this stretch.
    pub missing_hosts: u32,
}

impl From<(Time, Time, u32)> for Covered {
    fn from((from, until, missing_hosts): (Time, Time, u32)) -> Covered {
        Covered { span: Span { from, until }, missing_hosts }
    }
}

impl From<Covered> for (Time, Time, u32) {
    fn from(covered: Covered) -> (Time, Time, u32) {
        (covered.span.from, covered.span.until, covered.missing_hosts)
    }
}

impl FromJson for Covered {
    fn from_json(json: &mut Json) -> Result<Covered, BadJson> {
        let [from, until, missing_hosts] = json.tuple()?;
        let missing_hosts = u32::try_from(missing_hosts).map_err(|_| json.error("a number of hosts"))?;
        Ok(Covered { span: Span { from: Time(from), until: Time(until) }, missing_hosts })
    }
}

/// Seconds of `span` that `coverage` (sorted, disjoint) holds.
pub fn observed_secs(coverage: &[Covered], span: Span) -> i64 {
    coverage.iter().map(|covered| covered.span.intersect(span).secs()).sum()
}

/// What was observed of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub secs: i64,
    /// At least one host of the family is missing from a part of it.
    pub hosts_missing: bool,
}

/// What `coverage` (sorted, disjoint) holds of each of `spans` (sorted, disjoint), in one walk over both.
pub fn observed_of_each(coverage: &[Covered], spans: &[Span]) -> Vec<Observed> {
    let mut first = 0;
    spans
        .iter()
        .map(|span| {
            while coverage.get(first).is_some_and(|covered| covered.span.until <= span.from) {
                first += 1;
            }
            let mut observed = Observed::default();
            for covered in coverage[first..].iter().take_while(|covered| covered.span.from < span.until) {
                observed.secs += covered.span.intersect(*span).secs();
                observed.hosts_missing |= covered.missing_hosts > 0;
            }
            observed
        })
        .collect()
}
