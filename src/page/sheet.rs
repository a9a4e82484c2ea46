//! From the view to the Table: the chain of memos behind the report page.
//!
//! One question, asked anew when the server must answer for something else; all that follows is derived and asks nothing.

use std::sync::Arc;

use leptos::{html, prelude::*};
use mailtally_model::table::{self, Children, Sort};
use mailtally_model::{Answer, By, Column, Report, Span, Step, Subject, Table, Time};

use super::asked::{Asked, Outcome};
use crate::apart::{Apart, Rest};
use crate::api::{self, Memory};
use crate::awaited::Awaited;
use crate::compare::{Before, Missing};
use crate::context::{self, Host, View};
use crate::effect;
use crate::later;
use crate::memo::Memo;
use crate::query::Query;
use crate::range::Range;
use crate::state::ViewState;
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
    /// The last Trend that holds all steps of the Table, which may be the Table itself.
    pub wider: Memo<Option<Arc<Table>>>,
    /// The rows' order on screen: positions in the Table's rows.
    pub order: Memo<Arc<Vec<u32>>>,
    /// The period compared with, once it has been asked for; `None` where there is none to speak of.
    pub before: Memo<Option<Arc<Before>>>,
    /// Whether that is still on its way.
    pub comparing: Memo<bool>,
    /// The ranges that zooming left, and those that it led to: the way back.
    zooms: RwSignal<Vec<Zoom>>,
    /// The last of them.
    last_zoom: Memo<Option<Zoom>>,
    /// Where the chart is drawn.
    pub canvas: NodeRef<html::Canvas>,
    /// Whether the hand was on the chart when it last went.
    pub hand: StoredValue<bool>,
    asked: Asked,
}

/// A zoom into the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zoom {
    pub from: Range,
    pub to: Range,
}

/// An answer over the period compared with, and the question that it belongs to; `None` where nothing was asked, or nothing
/// was answered.
type EarlierAnswer = (Option<Query>, Option<Arc<Answer>>);

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
        // Modes are folded with what comes later.
        let rest = Apart::get().rest;
        effect(move |_| {
            if by.get() != By::Time {
                rest.want();
            }
        });
        let asked = Asked::new(host, query);
        let outcome = asked.outcome;
        let table = table_memo(host, view, outcome, window, step);
        let wider = Memo::new_with_compare(
            move |last: Option<&Option<Arc<Table>>>| {
                let last = last.cloned().flatten();
                match table.get() {
                    Some(table) if last.as_ref().is_none_or(|last| !is_part_of(&table, last)) => Some(table),
                    _ => last,
                }
            },
            |_, _| true,
        );
        let order = order_memo(view, table);
        let (before, comparing) = before_memo(host, view, outcome, window, table);
        let zooms = RwSignal::new(Vec::new());
        let sheet = Sheet {
            window,
            subject,
            by,
            step,
            outcome,
            table,
            wider,
            order,
            before,
            comparing,
            zooms,
            last_zoom: Memo::new(move |_| zooms.read().last().copied()),
            canvas: NodeRef::new(),
            hand: StoredValue::new(false),
            asked,
        };
        provide_context(sheet);
        sheet
    }

    /// The report page's sheet; only components of that page may ask.
    pub fn get() -> Sheet {
        context::expect()
    }

    /// Asks the same question again.
    pub fn ask_again(self) {
        self.asked.again();
    }

    /// Shows another step. What suits the range is no choice: another range may have another.
    pub fn choose_step(self, view: View, step: Step) {
        let natural = self.window.with_untracked(|window| window::natural_step(window));
        view.change(|state| state.step = Some(step).filter(|step| *step != natural));
    }

    /// Zooms to dates within the range at hand.
    pub fn zoom(self, view: View, to: Range) {
        let from = view.state.read_untracked().range;
        if from != to {
            self.zooms.update(|zooms| zooms.push(Zoom { from, to }));
            view.change(|state| state.range = to);
        }
    }

    /// Where zooming out leads, while what the last zoom led to is on screen.
    pub fn zoomed_from(self, view: View) -> Option<Range> {
        let range = view.state.read().range;
        self.last_zoom.get().filter(|zoom| zoom.to == range).map(|zoom| zoom.from)
    }

    pub fn zoom_out(self, view: View) {
        if let Some(range) = untrack(|| self.zoomed_from(view)) {
            self.zooms.update(|zooms| {
                zooms.pop();
            });
            view.change(|state| state.range = range);
        }
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

fn window_memo(host: Host, view: View) -> Memo<Arc<Window>> {
    let zone_name = Memo::new(move |_| {
        let session = host.session();
        let server = session.as_ref().map(|session| session.zone.as_str());
        window::zone_name(&view.state.read().zone, server)
    });
    let range = Memo::new(move |_| view.state.read().range);
    Memo::new(move |_| Arc::new(window::window(range.get(), &zone_name.read(), host.now.get())))
}

/// A Table of more children takes as long as half a frame to make.
const MANY_ROWS: usize = 10_000;

/// All that a Table is made of.
#[derive(Clone)]
struct Ingredients {
    answer: Arc<Answer>,
    columns: Vec<&'static Column>,
    window: Arc<Window>,
    /// The window's, without steps that have not begun.
    span: Span,
    /// A Mode has none, and is not made anew for another.
    step: Option<Step>,
}

impl PartialEq for Ingredients {
    fn eq(&self, other: &Ingredients) -> bool {
        Arc::ptr_eq(&self.answer, &other.answer)
            && self.columns.iter().map(|column| column.id).eq(other.columns.iter().map(|column| column.id))
            && self.window == other.window
            && self.span == other.span
            && self.step == other.step
    }
}

impl Ingredients {
    fn of(state: &ViewState, outcome: &Outcome, window: Arc<Window>, step: Step, now: Time) -> Option<Ingredients> {
        let Outcome::Ready { answer, .. } = outcome else { return None };
        let report = mailtally_model::catalogue::find(&answer.report)?;
        let columns = columns_shown(state, report, answer);
        let step = (answer.by == By::Time).then_some(step);
        // What was read is not to come, whatever this machine's clock says.
        let now = answer.read_until.map_or(now, |read| now.max(read));
        let span = step.map_or(window.span, |step| step.begun(window.span, now, &window.zone));
        Some(Ingredients { answer: answer.clone(), columns, window, span, step })
    }

    fn has_many_rows(&self) -> bool {
        self.answer.subjects.len() > MANY_ROWS
    }

    /// Whether a Table may stand until the one of these is there.
    fn is_of_page(&self, last: &Table) -> bool {
        let answer = &self.answer;
        (last.report.id, &last.subject, last.by, last.span)
            == (answer.report.as_str(), &answer.subject, answer.by, self.span)
    }

    /// A Mode's table is made with its rows and what comes later with them; a Trend has none.
    fn table(&self, children: Option<(&Rest, Children)>) -> Option<Table> {
        let Ingredients { answer, columns, window, span, step } = self;
        let report = mailtally_model::catalogue::find(&answer.report)?;
        let step = step.unwrap_or(Step::Day);
        Some(match children {
            Some((rest, children)) => (rest.fold)(children, report, columns, answer, *span, step, &window.zone),
            None => table::of_steps(report, columns, answer, *span, step, &window.zone),
        })
    }
}

fn table_memo(
    host: Host,
    view: View,
    outcome: Memo<Outcome>,
    window: Memo<Arc<Window>>,
    step: Memo<Step>,
) -> Memo<Option<Arc<Table>>> {
    let made_of = Memo::new(move |_| {
        Ingredients::of(&view.state.read(), &outcome.read(), window.get(), step.get(), host.now.get())
    });
    // The last of each Mode, between which people go to and fro.
    let kept = StoredValue::new(Vec::<(Ingredients, Arc<Table>)>::new());
    let known = move |wanted: &Ingredients| {
        kept.with_value(|kept| kept.iter().find(|(of, _)| of == wanted).map(|(_, table)| table.clone()))
    };
    let rest = Apart::get().rest;
    let make = move |wanted: Ingredients, children: Option<(&Rest, Children)>| {
        let table = Arc::new(wanted.table(children)?);
        kept.update_value(|kept| {
            kept.retain(|(_, other)| other.by != table.by);
            kept.push((wanted, table.clone()));
        });
        Some(table)
    };
    // One of very many rows is made in two turns of their own, before that in which it is shown.
    let made = Awaited::new(move || {
        let wanted = made_of.get().filter(|wanted| wanted.has_many_rows() && known(wanted).is_none());
        let rest = rest.get();
        async move {
            if let Some((wanted, rest)) = wanted.zip(rest) {
                later::turn().await;
                let children = (rest.children)(&wanted.answer);
                later::turn().await;
                make(wanted, Some((rest, children)));
                later::turn().await;
            }
        }
    });
    Memo::new_with_compare(
        move |last: Option<&Option<Arc<Table>>>| {
            let wanted = made_of.get()?;
            made.get();
            match known(&wanted) {
                None if wanted.has_many_rows() => last.cloned().flatten().filter(|last| wanted.is_of_page(last)),
                None if wanted.step.is_some() => make(wanted, None),
                None => {
                    let rest = rest.get()?;
                    let children = (rest.children)(&wanted.answer);
                    make(wanted, Some((rest, children)))
                }
                known => known,
            }
        },
        |last, next| match (last, next) {
            (Some(Some(last)), Some(Some(next))) => !Arc::ptr_eq(last, next),
            _ => true,
        },
    )
}

/// The columns that the person wants to see; those of the report where none is left.
fn columns_shown(state: &ViewState, report: &'static Report, answer: &Answer) -> Vec<&'static Column> {
    let all: Vec<&'static Column> = report.columns_for(&answer.subject).filter(|column| answer.has(column)).collect();
    let wanted: Vec<&'static Column> = all.iter().copied().filter(|column| state.shows(column)).collect();
    if wanted.is_empty() { all.into_iter().filter(|column| !column.extra).collect() } else { wanted }
}

/// Whether a Trend shows a part of another's steps.
fn is_part_of(table: &Table, whole: &Table) -> bool {
    let same = (table.report.id, &table.subject, table.by, table.step, &table.zone.name)
        == (whole.report.id, &whole.subject, whole.by, whole.step, &whole.zone.name);
    same && table.by == By::Time && table.span != whole.span && table.span.intersect(whole.span) == table.span
}

/// The period compared with: asked for once the report itself is there, as a Trend of the viewed subject, whatever the
/// Mode; cut where the present one has been read to.
fn before_memo(
    host: Host,
    view: View,
    outcome: Memo<Outcome>,
    window: Memo<Arc<Window>>,
    table: Memo<Option<Arc<Table>>>,
) -> (Memo<Option<Arc<Before>>>, Memo<bool>) {
    // The comparison is made with what comes later, as its answer does.
    let rest = Apart::get().rest;
    let compare = Memo::new(move |_| view.state.read().compare);
    let earlier = Memo::new(move |_| {
        let (shift, window) = (compare.get().earlier(window.read().dates)?, window.read());
        let earlier = window::window(Range::Dates(shift.dates), &window.zone.name, host.now.get());
        Some((shift, Arc::new(earlier)))
    });
    let is_ready = Memo::new(move |_| matches!(*outcome.read(), Outcome::Ready { .. }));
    // What to ask, or why that is in vain.
    let wanted = Memo::new(move |_| {
        let (_, window) = earlier.get().filter(|_| is_ready.get())?;
        let stored_from = host.session()?.stored.map(|(from, _)| from);
        if stored_from.is_none_or(|from| from >= window.span.until) {
            return Some(Err(Missing::NotObserved));
        }
        if Query::is_long(window.span) {
            return Some(Err(Missing::TooLong));
        }
        let state = view.state.read();
        Some(Ok(Query::new(state.report, state.subject.clone(), By::Time, window.span)))
    });
    let query = Memo::new(move |_| wanted.get().and_then(Result::ok));
    let resource = Awaited::new(move || {
        let query = query.get();
        let asked = query.as_ref().map(|query| api::get::<Answer>(query.url(), Memory::Fresh));
        async move {
            let answer = match asked {
                Some(asked) => asked.await.ok(),
                None => None,
            };
            // Without an answer there is nothing to compare with, and nothing else is missing.
            EarlierAnswer::from((query, answer))
        }
    });
    let fetched =
        Memo::new_with_compare(move |_| resource.get().filter(|(asked, _)| *asked == *query.read()), |_, _| true);
    let before = Memo::new(move |_| {
        let (_, answer) = fetched.get()?;
        let (shift, earlier) = earlier.get()?;
        let table = table.get()?;
        let Outcome::Ready { answer: present, .. } = outcome.get() else { return None };
        let then = match (answer, wanted.get()?) {
            (Some(then), _) => Ok(then),
            (None, Err(why)) => Err(why),
            (None, Ok(_)) => Err(Missing::NoAnswer),
        };
        let then = then.as_deref().map_err(|why| *why);
        Some(Arc::new((rest.get()?.before)(&table, &present, then, &earlier.zone, shift)))
    });
    let comparing = Memo::new(move |_| fetched.read().is_none() || !(rest.is_here() || rest.has_failed()));
    (before, comparing)
}

fn order_memo(view: View, table: Memo<Option<Arc<Table>>>) -> Memo<Arc<Vec<u32>>> {
    let sort_by = Memo::new(move |_| view.state.read().sort.clone());
    let filter = Memo::new(move |_| view.state.read().filter.trim().to_owned());
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
        // What is new is looked for first.
        let natural = (table.by == By::Time).then_some(Sort { column: None, descending: true });
        let mut order = table.order(sort.or(natural));
        let filter = filter.read();
        if table.by != By::Time && !filter.is_empty() {
            table.retain_named(&mut order, &filter);
        }
        Arc::new(order)
    })
}
