//! From the view to the Table: the chain of memos behind the report page.
//!
//! One resource, keyed on what the server must answer for; everything after it is derived and asks nothing.

use std::sync::Arc;

use leptos::prelude::*;
use mailtally_model::table::{self, Sort};
use mailtally_model::{Answer, By, Column, Step, Subject, Table, Time};

use crate::api::{self, Failure};
use crate::context::{Host, View};
use crate::query::Query;
use crate::window::{self, Window};

/// Everything that the parts of the report page read. `Copy`, one context.
#[derive(Clone, Copy)]
pub struct Sheet {
    /// The dates and instants of the range.
    pub window: Memo<Arc<Window>>,
    /// The viewed subject: the URL's, else the account's root.
    pub subject: Memo<Subject>,
    /// The URL's Mode where the report has it for the subject, else Trend.
    pub by: Memo<By>,
    /// The URL's step where the range offers it, else the nearest that is.
    pub step: Memo<Step>,
    pub outcome: Memo<Outcome>,
    /// `None` while there is nothing to show.
    pub table: Memo<Option<Arc<Table>>>,
    /// The rows' order on screen: positions in the Table's rows.
    pub order: Memo<Arc<Vec<u32>>>,
    resource: LocalResource<Fetched>,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub enum Outcome {
    Loading,
    Failed(Failure),
    Ready {
        answer: Arc<Answer>,
        /// Why it could not be asked again, when it could not: the answer is kept, and said to be old.
        stale: Option<Failure>,
    },
}

/// An answer and the question it belongs to: while another question is on its way, the old answer must not show.
#[derive(Clone)]
struct Fetched {
    query: Query,
    answer: Result<Arc<Answer>, Failure>,
}

impl Sheet {
    pub fn provide(host: Host, view: View) -> Sheet {
        let state = view.state;
        let window = window_memo(host, view);
        let subject = Memo::new(move |_| state.read().subject.clone().unwrap_or_else(|| host.root()));
        let by = Memo::new(move |_| {
            let state = state.read();
            let has = subject.with(|subject| state.report.modes(subject).contains(&state.by));
            if has { state.by } else { By::Time }
        });
        let step = Memo::new(move |_| window::step_offered(state.read().step, &window.read()));
        let query = Memo::new(move |_| {
            let (state, window, by) = (state.read(), window.read(), by.get());
            let subject = state.subject.clone();
            if by == By::Time && Query::is_long(window.span) {
                Query::between_edges(state.report, subject, window.span, step.get().edges(window.span, &window.zone))
            } else {
                Query::new(state.report, subject, by, window.span)
            }
        });
        let resource = LocalResource::new(move || {
            let query = query.get();
            let answer = api::get(query.url());
            async move { Fetched { query, answer: answer.await } }
        });
        let outcome = outcome_memo(host, query, resource);
        let table = table_memo(view, outcome, window, step);
        let order = order_memo(view, table);
        let sheet = Sheet { window, subject, by, step, outcome, table, order, resource };
        provide_context(sheet);
        sheet
    }

    /// The report page's sheet; only components of that page may ask.
    pub fn get() -> Sheet {
        expect_context()
    }

    /// Asks the same question again.
    pub fn ask_again(self) {
        self.resource.refetch();
    }

    /// Whether the server could not be asked again, so that what is shown is old.
    pub fn is_stale(self) -> bool {
        self.outcome.with(|outcome| matches!(outcome, Outcome::Ready { stale: Some(_), .. }))
    }

    /// Up to when the sources were read, as the last answer says.
    pub fn read_until(self) -> Option<Time> {
        self.outcome.with(|outcome| match outcome {
            Outcome::Ready { answer, .. } => answer.read_until,
            Outcome::Loading | Outcome::Failed(_) => None,
        })
    }
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Loading, Outcome::Loading) => true,
            (Outcome::Failed(a), Outcome::Failed(b)) => a == b,
            (Outcome::Ready { answer: a, stale: s }, Outcome::Ready { answer: b, stale: t }) => a == b && s == t,
            _ => false,
        }
    }
}

fn window_memo(host: Host, view: View) -> Memo<Arc<Window>> {
    let zone_name = Memo::new(move |_| {
        let session = host.session();
        let server = session.as_ref().map(|session| session.zone.as_str());
        window::zone_name(&view.state.read().zone, server)
    });
    let range = Memo::new(move |_| view.state.read().range);
    Memo::new(move |_| Arc::new(window::window(range.get(), &zone_name.read(), host.now.get())))
}

fn outcome_memo(host: Host, query: Memo<Query>, resource: LocalResource<Fetched>) -> Memo<Outcome> {
    // The last good answer, so that a lost server does not take away what is on screen.
    let kept = Memo::new_with_compare(
        move |kept: Option<&Option<(Query, Arc<Answer>)>>| match resource.get() {
            Some(Fetched { query, answer: Ok(answer) }) => Some((query, answer)),
            _ => kept.cloned().flatten(),
        },
        |_, _| true,
    );
    Memo::new(move |_| {
        // Both answers are on their way at once; shown one after the other, the page would jump.
        if host.is_unknown() {
            return Outcome::Loading;
        }
        let query = query.get();
        let Some(fetched) = resource.get().filter(|fetched| fetched.query == query) else { return Outcome::Loading };
        let kept = kept.get().filter(|(kept, _)| *kept == query);
        match (fetched.answer, kept) {
            (Ok(answer), _) => Outcome::Ready { answer, stale: None },
            (Err(failure), Some((_, answer))) => Outcome::Ready { answer, stale: Some(failure) },
            (Err(failure), None) => Outcome::Failed(failure),
        }
    })
}

fn table_memo(
    view: View,
    outcome: Memo<Outcome>,
    window: Memo<Arc<Window>>,
    step: Memo<Step>,
) -> Memo<Option<Arc<Table>>> {
    let extra = Memo::new(move |_| view.state.read().columns.clone());
    Memo::new_with_compare(
        move |_| {
            let Outcome::Ready { answer, .. } = outcome.get() else { return None };
            let report = mailtally_model::catalogue::find(&answer.report)?;
            let extra = extra.read();
            let shown = |column: &&Column| !column.extra || extra.contains(column.id);
            let columns: Vec<&'static Column> = report.columns_for(&answer.subject).filter(shown).collect();
            let window = window.read();
            Some(Arc::new(table::build(report, &columns, &answer, window.span, step.get(), &window.zone)))
        },
        // Whatever it is made of has changed, or it would not run.
        |_, _| true,
    )
}

fn order_memo(view: View, table: Memo<Option<Arc<Table>>>) -> Memo<Arc<Vec<u32>>> {
    let sort_by = Memo::new(move |_| view.state.read().sort.clone());
    Memo::new(move |_| {
        let table = table.read();
        let Some(table) = table.as_ref() else { return Arc::default() };
        let sort = sort_by.get().and_then(|by| match by.column {
            None => Some(Sort { column: None, descending: by.descending }),
            Some(id) => {
                let column = table.columns.iter().position(|column| column.column.id == id)?;
                Some(Sort { column: Some(column), descending: by.descending })
            }
        });
        Arc::new(table.order(sort))
    })
}
