//! The log time that was really read. Time outside it shows as a gap, never as zero.

use serde::{Deserialize, Serialize};

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

/// Seconds of `span` that `coverage` (sorted, disjoint) holds.
pub fn observed_secs(coverage: &[Covered], span: Span) -> i64 {
    coverage.iter().map(|covered| covered.span.intersect(span).secs()).sum()
}
