//! Which page an address shows.

mod frame;
mod health;
mod not_found;
mod report;
mod sheet;

use leptos::prelude::*;
use leptos_router::components::{Redirect, Route, Router, Routes};
use leptos_router::{NavigateOptions, path};

pub use sheet::{Outcome, Sheet};

use crate::context::Host;
use health::HealthPage;
use not_found::NotFoundPage;
use report::ReportPage;

/// Where `/` leads until there is an overview.
const FIRST_PAGE: &str = "/reports/message-traffic";

#[component]
pub fn App() -> impl IntoView {
    Host::provide();
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=First/>
                <Route path=path!("/reports/:id") view=ReportPage/>
                <Route path=path!("/health") view=HealthPage/>
            </Routes>
        </Router>
    }
}

#[component]
fn First() -> impl IntoView {
    view! { <Redirect path=FIRST_PAGE options=NavigateOptions { replace: true, ..NavigateOptions::default() }/> }
}
