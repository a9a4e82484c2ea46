//! Code that is loaded apart: what a report can be read without. It comes when it is first needed, or when the page that
//! was asked for stands, so that hardly anyone ever waits for it.
//!
//! `cargo xtask app` cuts the code at the two functions of `cut` (ARCHITECTURE.md, "What is loaded apart"). Each gives a
//! list of functions; whoever has the list calls them as if they had always been there. What other tools build (tests,
//! Trunk) is not cut, and has all lists at once. This module knows how a part comes, and nothing of what is in it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use leptos::ev::{FocusEvent, KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use mailtally_model::table::{self, Children};
use mailtally_model::{Answer, Column, Report, Span, Step, Table, Time, Zone};

use crate::api::Failure;
use crate::awaited::Awaited;
use crate::chart::{self, ChartEvent, ChartKind, Modes, Placed, Pointed, Shown};
use crate::compare::{Before, Earlier, Missing};
use crate::context::{self, View};
use crate::memo::Memo;
use crate::page::{Page, Sheet, frame};
use crate::parts::dialog::Handle;
use crate::parts::keyboard::Listener;
use crate::parts::notes::{self, Empty, FailedAt};
use crate::parts::popover::{self, Opened};
use crate::parts::table::{Explained, Explaining};
use crate::range::Range;
use crate::{anew, later, text, view};

/// What a hand needs, which is all that opens on a page, and what keys and the pointer do; and all further pages.
pub struct Rest {
    pub panel: fn(Opened) -> AnyView,
    pub panel_key: fn(&KeyboardEvent, Opened),
    pub panel_left: fn(&FocusEvent, Opened),
    pub range: fn(Callback<Range>) -> AnyView,
    pub range_key: fn(&KeyboardEvent, Callback<Range>),
    pub columns: fn() -> AnyView,
    pub compare: fn(open: RwSignal<bool>) -> AnyView,
    pub export: fn(Handle) -> AnyView,
    pub help: fn(Handle, is_back: bool) -> AnyView,
    pub person: fn() -> AnyView,
    pub found: fn() -> AnyView,
    pub pointer: fn(Pointed) -> AnyView,
    pub asked_of_chart: fn(ChartEvent, Sheet, View),
    pub below_chart: fn(ReadSignal<Shown>) -> AnyView,
    pub key: fn(&KeyboardEvent, Listener),
    pub walk: fn(&KeyboardEvent),
    pub head_pressed: fn(&MouseEvent, Signal<Arc<Table>>, Explaining, View),
    pub rule: fn(Explained) -> AnyView,
    pub fresh: fn(read_until: Signal<Option<Time>>) -> AnyView,
    pub summary: fn(&Table, ChartKind, &Placed, hidden: &BTreeSet<String>) -> String,
    /// A Mode's rows, and its Table of them.
    pub children: fn(&Answer) -> Children,
    pub fold: fn(Children, &'static Report, &[&'static Column], &Answer, Span, Step, &Zone) -> Table,
    /// An answer with its last part brought up to date.
    pub splice: fn(&Answer, &Answer) -> Option<Answer>,
    /// The period compared with, beside the present one.
    pub before: fn(&Table, &Answer, Result<&Answer, Missing>, &Zone, Earlier) -> Before,
    pub change: fn(&Before, &'static Column, now: f64) -> Option<AnyView>,
    pub compared: fn(&Before, View, ReadSignal<Shown>) -> String,
    pub empty: fn(Empty) -> AnyView,
    /// The charts of Modes.
    pub modes: &'static Modes,
    pub page: fn(Page) -> AnyView,
    pub log_in: fn(link_void: bool) -> AnyView,
    /// Here, too, so that the overview is of both parts and packed with what they share, as one.
    pub overview: fn() -> AnyView,
}

pub struct Overview {
    pub page: fn() -> AnyView,
}

static REST: Rest = Rest {
    panel: popover::panel,
    panel_key: popover::key,
    panel_left: popover::left,
    range: crate::parts::range_picker::choices,
    range_key: crate::parts::range_picker::key,
    columns: crate::parts::columns::choices,
    compare: crate::parts::compare_menu::choices,
    export: crate::parts::export::sheet,
    help: crate::parts::help::sheet,
    person: crate::parts::person::choices,
    found: crate::parts::unusual::found,
    pointer: chart::pointer_layer,
    asked_of_chart: crate::page::asked_of_chart,
    below_chart: crate::page::below_chart,
    key: crate::parts::keyboard::hear,
    walk: crate::parts::table::walk,
    head_pressed: crate::parts::table::head_pressed,
    rule: crate::parts::table::rule,
    fresh: crate::parts::fresh::fresh,
    summary: chart::summary,
    children: Children::of,
    fold: table::of_children,
    splice: mailtally_model::splice::splice,
    before: Before::told,
    change: crate::parts::tiles::change,
    compared: crate::page::compared,
    empty: notes::empty,
    modes: &chart::MODES,
    page: crate::page::other,
    log_in: crate::page::log_in,
    overview: crate::page::overview,
};

static OVERVIEW: Overview = Overview { page: crate::page::overview };

/// Where the code is cut. The names of the parts are those of the files.
#[cfg(feature = "apart")]
mod cut {
    use leptos::wasm_split::{SplitLoaderError, wasm_split};

    use super::{OVERVIEW, Overview, REST, Rest};

    #[wasm_split(overview, wasm_split_path = leptos::wasm_split, fallible)]
    pub fn overview() -> Result<&'static Overview, SplitLoaderError> {
        Ok(&OVERVIEW)
    }

    #[wasm_split(rest, wasm_split_path = leptos::wasm_split, fallible)]
    pub fn rest() -> Result<&'static Rest, SplitLoaderError> {
        Ok(&REST)
    }
}

#[cfg(not(feature = "apart"))]
mod cut {
    use std::convert::Infallible;

    use super::{OVERVIEW, Overview, REST, Rest};

    pub async fn overview() -> Result<&'static Overview, Infallible> {
        Ok(&OVERVIEW)
    }

    pub async fn rest() -> Result<&'static Rest, Infallible> {
        Ok(&REST)
    }
}

/// A part of the code. `Copy`.
pub struct Part<T: 'static> {
    load: fn() -> Coming<T>,
    is_wanted: RwSignal<bool>,
    asked: Awaited<Option<Loaded<T>>>,
    /// What came of it. A memo, for it stands as long as the app: a signal keeps a place for each that ever read it.
    came: Memo<Option<Loaded<T>>>,
}

type Loaded<T> = Result<&'static T, Failure>;
type Coming<T> = Pin<Box<dyn Future<Output = Loaded<T>>>>;

impl<T> Clone for Part<T> {
    fn clone(&self) -> Part<T> {
        *self
    }
}

impl<T> Copy for Part<T> {}

impl<T: Send + Sync> Part<T> {
    fn new(load: fn() -> Coming<T>) -> Part<T> {
        let is_wanted = RwSignal::new(false);
        let asked = Awaited::new(move || {
            let coming = is_wanted.get().then(load);
            async move { Some(coming?.await) }
        });
        let came = Memo::new_with_compare(move |_| asked.get().flatten(), |_, _| true);
        Part { load, is_wanted, asked, came }
    }

    /// Asks for it, unless it was asked for.
    pub fn want(self) {
        if !self.is_wanted.get_untracked() {
            self.is_wanted.set(true);
        }
    }

    /// `None` until it has come.
    pub fn get(self) -> Option<&'static T> {
        self.came.get()?.ok()
    }

    /// Whether it has come.
    pub fn is_here(self) -> bool {
        self.get().is_some()
    }

    /// Whether it should have come and did not.
    pub fn has_failed(self) -> bool {
        matches!(self.came.get(), Some(Err(_)))
    }

    pub fn again(self) {
        self.asked.again();
    }

    /// What is shown with it; `instead` until it has come, or where it did not.
    pub fn or(
        self,
        instead: fn(Option<Failure>, Callback<()>) -> AnyView,
        show: Box<dyn Fn(&'static T) -> AnyView + Send>,
    ) -> AnyView {
        self.want();
        self.once_here(instead, show)
    }

    fn once_here(
        self,
        instead: fn(Option<Failure>, Callback<()>) -> AnyView,
        show: Box<dyn Fn(&'static T) -> AnyView + Send>,
    ) -> AnyView {
        let retry = Callback::new(move |()| self.again());
        anew(move || match self.came.get() {
            Some(Ok(part)) => show(part),
            Some(Err(failure)) => instead(Some(failure), retry),
            None => instead(None, retry),
        })
    }

    /// What is shown with it in what a person has opened.
    pub fn opened(self, show: impl Fn(&'static T) -> AnyView + Send + 'static) -> AnyView {
        self.or(waiting, Box::new(show))
    }

    /// What is shown with it on a page, of which nobody knows before it is there. Asks for nothing: that is the page's, once it
    /// stands ([`Apart::fetch_rest`]). Asked for at once, the part would share the line with the page's own answer.
    pub fn beside(self, show: impl Fn(&'static T) -> AnyView + Send + 'static) -> AnyView {
        self.once_here(|_, _| ().into_any(), Box::new(show))
    }

    /// A page that is made with it. The rest of the app comes after.
    pub fn page(self, show: impl Fn(&'static T) -> AnyView + Send + 'static) -> AnyView {
        let apart = Apart::get();
        let show = move |part| {
            apart.fetch_rest();
            show(part)
        };
        self.or(frame::waiting, Box::new(show))
    }

    /// For what a person does where this is called: it goes with its owner.
    pub fn here(self) -> Here<T> {
        Here { part: self, here: StoredValue::new(()) }
    }
}

/// A part where somebody does something with it. `Copy`.
pub struct Here<T: 'static> {
    part: Part<T>,
    here: StoredValue<()>,
}

impl<T> Clone for Here<T> {
    fn clone(&self) -> Here<T> {
        *self
    }
}

impl<T> Copy for Here<T> {}

impl<T: Send + Sync> Here<T> {
    /// Does it now, or when the part has come, unless what it was done to has gone by then.
    pub fn does(self, act: impl FnOnce(&'static T) + 'static) {
        self.part.want();
        match untrack(|| self.part.get()) {
            Some(part) => act(part),
            // The page says so, with a way to try again; not each key is one.
            None if untrack(|| self.part.has_failed()) => {}
            None => spawn_local(async move {
                let came = (self.part.load)().await;
                if let (Ok(part), Some(())) = (came, self.here.try_get_value()) {
                    act(part);
                }
            }),
        }
    }
}

/// What is said of a part that is not here.
fn waiting(failure: Option<Failure>, retry: Callback<()>) -> AnyView {
    match failure {
        Some(failure) => view! { <FailedAt failure retry/> },
        None => view! { <p class="panel-hint" role="status">{text::LOADING}</p> },
    }
}

/// All parts. `Copy`, one context.
#[derive(Clone, Copy)]
pub struct Apart {
    pub overview: Part<Overview>,
    pub rest: Part<Rest>,
}

/// What is asked for after a page stands is asked for so long after the first.
const OVERVIEW_AFTER: Duration = Duration::from_secs(1);

impl Apart {
    pub fn provide() -> Apart {
        let apart = Apart {
            overview: Part::new(|| Box::pin(async { cut::overview().await.map_err(|_| Failure::NotLoaded) })),
            rest: Part::new(|| Box::pin(async { cut::rest().await.map_err(|_| Failure::NotLoaded) })),
        };
        provide_context(apart);
        apart
    }

    /// The app's parts; every component lives under [`Apart::provide`].
    pub fn get() -> Apart {
        context::expect()
    }

    /// A page stands: now is the time for what it was not asked for.
    pub fn fetch_rest(self) {
        later::when_painted(move || self.rest.want());
        set_timeout(move || self.overview.want(), OVERVIEW_AFTER);
    }
}
