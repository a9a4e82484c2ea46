//! Hour, day, ISO week, month, quarter: calendar steps in the viewer's zone, never fixed lengths.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Time};
use crate::zone::Zone;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
}

/// Why a step is not offered for a range: said on the disabled button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOffered {
    /// The range holds no whole unit of the step.
    TooShort(Step),
    /// More rows than anyone reads: Hour up to 92 days, Day up to ten years.
    TooLong(Step),
}

impl Step {
    pub const ALL: [Step; 5] = [Step::Hour, Step::Day, Step::Week, Step::Month, Step::Quarter];

    pub fn id(self) -> &'static str {
        match self {
            Step::Hour => "hour",
            Step::Day => "day",
            Step::Week => "week",
            Step::Month => "month",
            Step::Quarter => "quarter",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Step::Hour => "Hour",
            Step::Day => "Day",
            Step::Week => "Week",
            Step::Month => "Month",
            Step::Quarter => "Quarter",
        }
    }

    pub fn from_id(id: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.id() == id)
    }

    /// The start of the step that holds `t`.
    pub fn start(self, t: Time, zone: &Zone) -> Time {
        todo!()
    }

    /// The start of the step after the one that holds `t`.
    pub fn next(self, t: Time, zone: &Zone) -> Time {
        todo!()
    }

    /// The starts of all steps that meet `span`, and the start after the last: n steps give n + 1 edges.
    pub fn edges(self, span: Span, zone: &Zone) -> Vec<Time> {
        todo!()
    }

    /// The key of the step that starts at `start`: `2026-03-02T14:00+01:00`, `2026-03-02`, `2026-W10`, `2026-03` or `2026-Q1`.
    pub fn key(self, start: Time, zone: &Zone) -> String {
        todo!()
    }

    /// Whether the step is offered for a range.
    pub fn offered(self, span: Span, zone: &Zone) -> Result<(), NotOffered> {
        todo!()
    }
}

impl std::fmt::Display for NotOffered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
