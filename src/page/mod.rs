//! Which page an address shows.

mod asked;
mod frame;
mod health;
mod not_found;
mod overview;
mod report;
mod sheet;

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

pub use asked::Outcome;
pub use sheet::Sheet;

use crate::context::Host;
use health::HealthPage;
use not_found::NotFoundPage;
use overview::OverviewPage;
use report::ReportPage;

#[component]
pub fn App() -> impl IntoView {
    Host::provide();
    view! {
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=OverviewPage/>
                <Route path=path!("/reports/:id") view=ReportPage/>
                <Route path=path!("/health") view=HealthPage/>
            </Routes>
        </Router>
    }
}
