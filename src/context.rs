//! The two things that the whole app knows: who is asking, and where the person is. Small, `Copy`, typed.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use mailtally_model::catalogue::{REPORTS, Report};
use mailtally_model::wire::Session;
use mailtally_model::{Column, Span, Subject, Time, Zone};

use crate::api::{self, Failure, Memory};
use crate::awaited::Awaited;
use crate::memo::Memo;
use crate::route::{Leaves, Router};
use crate::state::{ViewState, ZoneChoice};
use crate::{intl, window};

/// What a component above has provided. In leptos' own `expect_context` a panic says of which type it is, as texts are written
/// for debugging, which takes four kilobytes of code and tables of letters.
#[track_caller]
pub fn expect<T: Clone + 'static>() -> T {
    use_context().expect("a component above provides it")
}

/// Who is asking, and what time it is.
#[derive(Clone, Copy)]
pub struct Host {
    asked: Awaited<Said>,
    said: Memo<Option<Said>>,
    /// Whether the app was opened by a link that is good no more.
    link_void: RwSignal<bool>,
    /// Rounded down to a slot, so that what follows from it changes four times an hour.
    pub now: Memo<Time>,
}

/// What the server said of the caller.
type Said = Result<Arc<Session>, Failure>;

/// How often the clock is looked at; a slot that is over shows within this time.
const CLOCK_EVERY: Duration = Duration::from_secs(20);

impl Host {
    pub fn provide() -> Host {
        let clock = RwSignal::new(intl::now());
        let ticking = set_interval_with_handle(move || clock.set(intl::now()), CLOCK_EVERY).ok();
        on_cleanup(move || {
            if let Some(ticking) = ticking {
                ticking.clear();
            }
        });
        let link_void = RwSignal::new(false);
        let asked = Awaited::new(move || {
            let asked = api::get::<Session>("/api/reports".to_owned(), Memory::Unused);
            async move {
                link_void.set(crate::account::link_used().await == Some(false));
                asked.await
            }
        });
        let host = Host {
            asked,
            said: Memo::new(move |_| asked.get()),
            link_void,
            now: Memo::new(move |_| clock.get().slot().start()),
        };
        provide_context(host);
        host
    }

    /// The app's host; every component lives under [`Host::provide`].
    pub fn get() -> Host {
        expect()
    }

    /// What the server said of the caller; `None` until it has.
    pub fn session(self) -> Option<Arc<Session>> {
        self.said.get().and_then(Result::ok)
    }

    /// Whether the server has not said yet who is asking.
    pub fn is_unknown(self) -> bool {
        self.said.read().is_none()
    }

    /// Whether the server said that nobody is signed in.
    pub fn is_signed_out(self) -> bool {
        matches!(&*self.said.read(), Some(Err(failure)) if failure.is_signed_out())
    }

    /// Whether the app was opened by a link that is good no more.
    pub fn link_void(self) -> bool {
        self.link_void.get_untracked()
    }

    /// The subject at the top of what the caller sees.
    pub fn root(self) -> Subject {
        self.session().map_or(Subject::Server, |session| session.account.root.clone())
    }

    /// The reports of the menu: the account's, all until the server has said which.
    pub fn reports(self) -> Vec<&'static Report> {
        let session = self.session();
        let has = |report: &&Report| session.as_ref().is_none_or(|s| s.reports.iter().any(|id| id == report.id));
        REPORTS.iter().filter(has).collect()
    }

    /// The columns of a report for a subject that the settings do not keep from the account.
    pub fn columns(self, report: &'static Report, subject: &Subject) -> Vec<&'static Column> {
        let session = self.session();
        let is_hidden = |column: &Column| {
            let mut hidden = session.iter().flat_map(|session| &session.hidden_columns);
            hidden.any(|id| id.split_once('.') == Some((report.id, column.id)))
        };
        report.columns_for(subject).filter(|column| !is_hidden(column)).collect()
    }

    /// The name of the zone whose wall clock the page shows. Its address says which, on whatever page.
    pub fn zone_name(self) -> String {
        let choice = zone_choice();
        window::zone_name(&choice, self.session().as_ref().map(|session| session.zone.as_str()))
    }

    /// That zone, around a moment.
    pub fn zone_at(self, t: Time) -> Zone {
        intl::zone(&self.zone_name(), Span::new(t, t.plus_secs(1)))
    }

    /// Asks again: who is asking, and up to when the logs are read.
    pub fn refresh(self) {
        self.asked.again();
    }
}

/// Whose wall clock the address asks for.
pub fn zone_choice() -> ZoneChoice {
    Router::get().address().with(|address| ZoneChoice::of_search(&address.search))
}

/// Where the person is, and the one way to go elsewhere.
#[derive(Clone, Copy)]
pub struct View {
    pub state: Memo<ViewState>,
    router: Router,
}

impl View {
    pub fn provide(state: Memo<ViewState>) -> View {
        let view = View { state, router: Router::get() };
        provide_context(view);
        view
    }

    /// The report page's view; only components of that page may ask.
    pub fn get() -> View {
        expect()
    }

    /// Goes to another view: a new entry of the history for another place, else in place of the current one.
    pub fn go(self, next: ViewState) {
        let is_another = self.state.with_untracked(|state| state.is_another_place(&next));
        self.router.go(&next.url(), if is_another { Leaves::Entry } else { Leaves::Nothing });
    }

    /// Goes to the view that `change` makes of the current one.
    pub fn change(self, change: impl FnOnce(&mut ViewState)) {
        let mut next = self.state.get_untracked();
        change(&mut next);
        self.go(next);
    }
}
