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
    /// For a long Trend: where the server sums between, so that the answer stays within its limit. Else empty.
    pub edges: Vec<Time>,
}

/// A Trend over a longer span asks for sums between its steps' edges: three years of slots and seven measures come near
/// the server's limit of a million cells.
const LONG_SPAN_SECS: i64 = 3 * 366 * DAY_SECS;

impl Query {
    /// A Trend is asked for a day wider on each side and in whole UTC days, so that a change of zone only refolds; a
    /// Mode's rows are sums over the span, so it must be exact.
    pub fn new(report: &Report, subject: Option<Subject>, by: By, span: Span) -> Query {
        let (margin, edge) = if by == By::Time { (DAY_SECS, DAY_SECS) } else { (0, SLOT_SECS) };
        let from = (span.from.0 - margin).div_euclid(edge) * edge;
        let until = -(-(span.until.0 + margin)).div_euclid(edge) * edge;
        Query { report: report.id, subject, by, span: Span::new(Time(from), Time(until)), edges: Vec::new() }
    }

    /// A long Trend. `edges` are those of the steps, the first and the last of which may lie outside the span.
    pub fn between_edges(report: &Report, subject: Option<Subject>, span: Span, mut edges: Vec<Time>) -> Query {
        edges.retain(|edge| span.from < *edge && *edge < span.until && edge.0.rem_euclid(SLOT_SECS) == 0);
        Query { report: report.id, subject, by: By::Time, span, edges }
    }

    /// Whether a Trend over this span is asked for between edges.
    pub fn is_long(span: Span) -> bool {
        span.secs() > LONG_SPAN_SECS
    }

    pub fn url(&self) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(subject) = &self.subject {
            query.append_pair("subject", &subject.to_string());
        }
        query.append_pair("by", self.by.id());
        query.append_pair("from", &self.span.from.0.to_string());
        query.append_pair("until", &self.span.until.0.to_string());
        if !self.edges.is_empty() {
            query.append_pair("edges", &distances(&self.edges));
        }
        format!("/api/reports/{}?{}", self.report, query.finish())
    }
}

/// The first instant, then the distance of each to the one before: a third of the length.
fn distances(edges: &[Time]) -> String {
    let first = edges.first().map(|first| first.0.to_string());
    let rest = edges.windows(2).map(|pair| pair[1].secs_since(pair[0]).to_string());
    first.into_iter().chain(rest).collect::<Vec<_>>().join(",")
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

    #[test]
    fn a_long_trend_asks_for_sums_between_its_steps() {
        let report = mailtally_model::catalogue::find("pop-sessions").expect("a report");
        let span = Span::new(Time(900), Time(900 + 4 * 366 * DAY_SECS));
        assert!(Query::is_long(span));
        let edges = vec![Time(0), Time(86_400), Time(259_200), span.until];
        let url = Query::between_edges(report, None, span, edges).url();
        assert_eq!(url, "/api/reports/pop-sessions?by=time&from=900&until=126490500&edges=86400%2C172800");
    }
}
