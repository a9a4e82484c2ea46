//! Which page an address shows.

mod accounts;
mod asked;
mod audit;
mod entry;
mod events;
pub(crate) mod frame;
mod health;
mod not_found;
mod overage;
mod overview;
mod own;
mod report;
mod sheet;
mod unusual;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{FocusOptions, HtmlElement};

pub use asked::Outcome;
pub use report::{asked_of_chart, below_chart, compared, pictured};
pub use sheet::Sheet;

use crate::apart::Apart;
use crate::context::Host;
use crate::memo::Memo;
use crate::route::{Address, Router};
use crate::{anew, effect, view};
use accounts::AccountsPage;
use audit::AuditPage;
use entry::{LogInPage, SetUpPage};
use events::EventsPage;
use health::HealthPage;
use not_found::NotFoundPage;
use overage::OveragePage;
use overview::OverviewPage;
use own::OwnPage;
use report::ReportPage;
use unusual::UnusualPage;

/// Which page it is. What else an address says (which report, which range) is the page's own, so that going from one
/// report to another keeps the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Overview,
    Report,
    Unusual,
    Overage,
    Events,
    Health,
    Accounts,
    Own,
    Audit,
    SetUp,
    NotFound,
}

impl Page {
    fn of(address: &Address) -> Page {
        match address.path.as_str() {
            "/" => Page::Overview,
            "/unusual" => Page::Unusual,
            "/overage" => Page::Overage,
            "/events" => Page::Events,
            "/health" => Page::Health,
            accounts::PATH => Page::Accounts,
            own::PATH => Page::Own,
            audit::PATH => Page::Audit,
            entry::SET_UP_PATH => Page::SetUp,
            _ if address.id_after(report::PATH).is_some() => Page::Report,
            _ => Page::NotFound,
        }
    }
}

/// Puts the hand to the page's head, where it is nowhere, so that Tab goes on from there and a screen reader says where it
/// is.
fn begin() {
    let is_nowhere = document().active_element().is_none_or(|at| at.tag_name() == "BODY");
    let head = document().query_selector("main h1").ok().flatten().filter(|_| is_nowhere);
    if let Some(head) = head.and_then(|head| head.dyn_into::<HtmlElement>().ok()) {
        head.set_tab_index(-1);
        // Back has scrolled to where one was.
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = head.focus_with_options(&options);
    }
}

#[component]
pub fn App() -> impl IntoView {
    let router = Router::provide();
    let host = Host::provide();
    let apart = Apart::provide();
    let page = Memo::new(move |_| router.address().with(Page::of));
    let is_out = Memo::new(move |_| host.is_signed_out());
    // Where the hand was has gone with the last page: it is put to the head of the new one.
    let begun = StoredValue::new(page.get_untracked());
    effect(move |_| {
        let page = page.get();
        if is_here(apart, page) && begun.get_value() != page {
            begun.set_value(page);
            request_animation_frame(begin);
        }
    });
    anew(move || match page.get() {
        page if page != Page::SetUp && is_out.get() => {
            let link_void = host.link_void();
            apart.rest.page(move |rest| (rest.log_in)(link_void))
        }
        Page::Report => view! { <ReportPage/> },
        Page::NotFound => view! { <NotFoundPage/> },
        Page::Overview => apart.overview.page(|overview| (overview.page)()),
        page => apart.rest.page(move |rest| (rest.page)(page)),
    })
}

/// Whether the code of a page is.
fn is_here(apart: Apart, page: Page) -> bool {
    match page {
        Page::Report | Page::NotFound => true,
        Page::Overview => apart.overview.is_here(),
        _ => apart.rest.is_here(),
    }
}

/// The overview, for whoever has its part.
pub fn overview() -> AnyView {
    view! { <OverviewPage/> }
}

/// The log-in page, for whoever has its part.
pub fn log_in(link_void: bool) -> AnyView {
    view! { <LogInPage link_void/> }
}

/// Pages but the report's and the overview, for whoever has their part.
pub fn other(page: Page) -> AnyView {
    match page {
        Page::SetUp => view! { <SetUpPage/> },
        Page::Unusual => view! { <UnusualPage/> },
        Page::Overage => view! { <OveragePage/> },
        Page::Events => view! { <EventsPage/> },
        Page::Health => view! { <HealthPage/> },
        Page::Accounts => view! { <AccountsPage/> },
        Page::Own => view! { <OwnPage/> },
        Page::Audit => view! { <AuditPage/> },
        // Where they are shown, this part is not asked for.
        Page::Overview | Page::Report | Page::NotFound => view! { <NotFoundPage/> },
    }
}
