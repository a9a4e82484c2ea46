//! Which events a person looks at, and the URL that says it: those behind one number of a report.
//!
//! Knows no router, no signal and no clock.

use form_urlencoded::{Serializer, parse};
use mailtally_model::catalogue::{self, Report};
use mailtally_model::{Column, Span, Subject, Time};

use crate::state::{ViewState, ZoneChoice};

/// Events on a page after the first, which is there sooner for being short.
const EVENTS_OF_A_LATER_PAGE: u32 = 1_000;

/// The longest name that a log can hold, in characters.
const MAX_TEXT: usize = 320;

/// The events behind a cell, narrowed down.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub report: &'static Report,
    pub column: &'static Column,
    /// `None` is the root of the account that asks.
    pub subject: Option<Subject>,
    pub span: Span,
    /// The id of a kind of event; empty for all.
    pub kind: String,
    /// What peer, detail, host or a name must hold; empty for all.
    pub text: String,
    pub zone: ZoneChoice,
}

/// What one address says is one view.
impl PartialEq for Evidence {
    fn eq(&self, other: &Evidence) -> bool {
        self.url() == other.url()
    }
}

impl Evidence {
    /// Behind a number of the viewed report.
    pub fn of_cell(state: &ViewState, column: &'static Column, subject: Option<Subject>, span: Span) -> Evidence {
        let (kind, text) = (String::new(), String::new());
        Evidence { report: state.report, column, subject, span, kind, text, zone: state.zone.clone() }
    }

    /// Reads a query without the `?`; `None` where it names no number.
    pub fn parse(search: &str) -> Option<Evidence> {
        let word =
            |key: &str| parse(search.as_bytes()).find(|(known, _)| known == key).map(|(_, word)| word.into_owned());
        let report = catalogue::find(&word("report")?)?;
        let id = word("column")?;
        let column = report.columns.iter().find(|column| column.id == id)?;
        let time = |key| Some(Time(word(key)?.parse().ok()?));
        let span = Span::new(time("from")?, time("until")?);
        let cut = |word: Option<String>| word.unwrap_or_default().chars().take(MAX_TEXT).collect();
        Some(Evidence {
            report,
            column,
            subject: word("subject").and_then(|name| name.parse().ok()),
            span: if span.is_empty() { return None } else { span },
            kind: cut(word("kind")),
            text: cut(word("text")),
            zone: ZoneChoice::parse(&word("zone").unwrap_or_default()),
        })
    }

    /// The path and query that [`Evidence::parse`] reads.
    pub fn url(&self) -> String {
        let mut query = self.query("column", self.column.id);
        if let Some(zone) = self.zone.id() {
            query.append_pair("zone", &zone);
        }
        format!("/events?{}", query.finish())
    }

    /// What the server is asked; `after` is the `next` of the page before.
    pub fn request(&self, after: Option<&str>) -> String {
        let mut query = self.query("measure", self.column.measure().id);
        if let Some(after) = after {
            query.append_pair("after", after).append_pair("limit", &EVENTS_OF_A_LATER_PAGE.to_string());
        }
        format!("/api/events?{}", query.finish())
    }

    /// The same number of another subject.
    pub fn of_subject(&self, subject: Option<Subject>) -> Evidence {
        Evidence { subject, ..self.clone() }
    }

    /// What a file of the events is called.
    pub fn file_name(&self, dates: &str) -> String {
        let subject = self.subject.as_ref().map_or_else(|| "all".to_owned(), Subject::to_string);
        let safe =
            |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '+' | '-' | '_') { c } else { '-' };
        format!("events_{}_{}_{subject}_{dates}.csv", self.report.id, self.column.id).chars().map(safe).collect()
    }

    pub fn is_narrowed(&self) -> bool {
        !self.kind.is_empty() || !self.text.is_empty()
    }

    fn query(&self, key: &str, number: &str) -> Serializer<'static, String> {
        let mut query = Serializer::new(String::new());
        query.append_pair("report", self.report.id).append_pair(key, number);
        if let Some(subject) = &self.subject {
            query.append_pair("subject", &subject.to_string());
        }
        query.append_pair("from", &self.span.from.0.to_string());
        query.append_pair("until", &self.span.until.0.to_string());
        for (key, word) in [("kind", &self.kind), ("text", &self.text)] {
            if !word.is_empty() {
                query.append_pair(key, word);
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(url: &str) -> Option<Evidence> {
        Evidence::parse(url.strip_prefix("/events?").expect("the path"))
    }

    proptest! {
        #[test]
        fn a_link_restores_the_view(
            subject in proptest::option::of("[A-Za-z0-9+&=% <>._-]{1,12}@[a-z]{1,8}\\.de"),
            from in 0_i64..2_000_000,
            length in 1_i64..1_000,
            (kind, text) in ("[a-z-]{0,12}", "\\PC{0,20}"),
        ) {
            let report = catalogue::find("pop-sessions").expect("a report");
            let evidence = Evidence {
                report,
                column: &report.columns[1],
                subject: subject.and_then(|name| name.parse().ok()),
                span: Span::new(Time(from * 900), Time((from + length) * 900)),
                kind,
                text,
                zone: ZoneChoice::utc(),
            };
            prop_assert_eq!(of(&evidence.url()), Some(evidence));
        }
    }

    #[test]
    fn an_address_that_names_no_number_is_none() {
        for url in [
            "/events?",
            "/events?report=nope&column=x&from=0&until=900",
            "/events?report=pop-sessions&column=nope&from=0&until=900",
            "/events?report=pop-sessions&column=bandwidth&from=900&until=900",
            "/events?report=pop-sessions&column=bandwidth&from=x&until=900",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn the_server_is_asked_for_the_columns_measure() {
        let url = "/events?report=pop-sessions&column=bandwidth&subject=ann%40example.com&from=0&until=900&zone=UTC";
        let evidence = of(url).expect("a number");
        assert_eq!(
            evidence.request(Some("5.6")),
            "/api/events?report=pop-sessions&measure=pop.bandwidth&subject=ann%40example.com&from=0&until=900&after=5.6&limit=1000"
        );
        assert_eq!(evidence.url(), url);
    }
}
