//! How far a number can be trusted.

use serde::{Deserialize, Serialize};

/// Ordered from best to worst, so that the worst in a range is the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    Exact,
    /// At least this much: some of it leaves no trace in the logs.
    LowerBound,
    /// Derived from figures that stand for it, such as delays for open connections.
    Estimate,
    /// The source does not log it. The value is null.
    NotAvailable,
    /// No source for it is set up. The value is null.
    NotConfigured,
}

impl Basis {
    /// Whether an answer carries values under this basis.
    pub fn has_values(self) -> bool {
        self < Basis::NotAvailable
    }

    /// The words beside a number on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Basis::Exact => "exact",
            Basis::LowerBound => "lower bound",
            Basis::Estimate => "estimate",
            Basis::NotAvailable => "not available",
            Basis::NotConfigured => "not configured",
        }
    }
}
