//! How far a number can be trusted.

use serde::{Deserialize, Serialize};

use crate::json::reads_word;

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
    pub const ALL: [Basis; 5] =
        [Basis::Exact, Basis::LowerBound, Basis::Estimate, Basis::NotAvailable, Basis::NotConfigured];

    /// The word on the wire.
    pub fn id(self) -> &'static str {
        match self {
            Basis::Exact => "exact",
            Basis::LowerBound => "lower-bound",
            Basis::Estimate => "estimate",
            Basis::NotAvailable => "not-available",
            Basis::NotConfigured => "not-configured",
        }
    }

    pub fn from_id(id: &str) -> Option<Basis> {
        Basis::ALL.into_iter().find(|basis| basis.id() == id)
    }

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

reads_word!(Basis, Basis::from_id);
