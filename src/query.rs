//! Exactly what the server must answer for. Step, sort, chart and columns are not in it, so changing them asks nothing.

use form_urlencoded::Serializer;
use mailtally_model::time::DAY_SECS;
use mailtally_model::{By, Report, SLOT_SECS, Span, Subject, Time};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub report: &'static str,
    /// `None` is the root of the account that asks.
    pub subject: Option<Subject>,
    pub by: By,
    /// On slot edges.
    pub span: Span,
}

impl Query {
    /// A Trend is asked for a day wider on each side, so that a change of zone only refolds; a Mode's rows are sums over
    /// the span, so it must be exact.
    pub fn new(report: &Report, subject: Option<Subject>, by: By, span: Span) -> Query {
        let margin = if by == By::Time { DAY_SECS } else { 0 };
        let from = (span.from.0 - margin).div_euclid(SLOT_SECS) * SLOT_SECS;
        let until = -(-(span.until.0 + margin)).div_euclid(SLOT_SECS) * SLOT_SECS;
        let (from, until) = match by {
            // Whole UTC days, so that zones ask for the same span.
            By::Time => (from.div_euclid(DAY_SECS) * DAY_SECS, -(-until).div_euclid(DAY_SECS) * DAY_SECS),
            _ => (from, until),
        };
        Query { report: report.id, subject, by, span: Span::new(Time(from), Time(until)) }
    }

    pub fn url(&self) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(subject) = &self.subject {
            query.append_pair("subject", &subject.to_string());
        }
        query.append_pair("by", self.by.id());
        query.append_pair("from", &self.span.from.0.to_string());
        query.append_pair("until", &self.span.until.0.to_string());
        format!("/api/reports/{}?{}", self.report, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(by: By, from: i64, until: i64) -> Query {
        let report = mailtally_model::catalogue::find("pop-sessions").expect("a report");
        let subject = Some(Subject::Mailbox("a&b@example.com".into()));
        Query::new(report, subject, by, Span::new(Time(from), Time(until)))
    }

    #[test]
    fn zones_a_few_hours_apart_ask_for_the_same_trend() {
        let day = 1_700_006_400; // 2023-11-15T00:00Z
        let berlin = query(By::Time, day - 3_600, day + 90 * DAY_SECS - 3_600);
        let kathmandu = query(By::Time, day - 20_700, day + 90 * DAY_SECS - 20_700);
        assert_eq!(berlin, kathmandu);
        assert!(berlin.span.from.0 <= day - 3_600 - DAY_SECS);
    }

    #[test]
    fn a_mode_asks_for_the_span_itself() {
        let asked = query(By::Domains, 900, 86_400 - 20_700);
        assert_eq!(
            asked.url(),
            "/api/reports/pop-sessions?subject=a%26b%40example.com&by=domains&from=900&until=65700"
        );
    }
}
