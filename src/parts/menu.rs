//! Every report by its full title, by group, in the catalogue's order. A link keeps the subject, the time and the zone.

use leptos::{ev, html, prelude::*};
use mailtally_model::{Report, Scope, Subject};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::show::Show;
use crate::context::{self, Host, View};
use crate::keys::Action;
use crate::memo::Memo;
use crate::state::ViewState;
use crate::{effect, keys, text, view};

#[component]
pub fn Menu(
    /// Whether it is drawn over the page, where there is no room for it beside.
    open: RwSignal<bool>,
) -> impl IntoView {
    let reports = Memo::new(|_| Host::get().reports());
    let groups = move || {
        let reports = reports.read();
        reports.chunk_by(|a, b| a.group == b.group).map(<[_]>::to_vec).collect::<Vec<_>>()
    };
    // Each page has its own menu, so the address at its beginning is the page's.
    let here = location_pathname().unwrap_or_default();
    let current = move |path: &str| (here == path).then_some("page");
    let (overview, unusual, overage) = (current("/"), current("/unusual"), current("/overage"));
    let (health, accounts, audit) = (current("/health"), current("/accounts"), current("/audit"));
    let zone = Memo::new(|_| context::zone_choice());
    let to = move |path: &'static str| move || zone.read().keep_in(path);
    let of_server = move || Host::get().root() == Subject::Server;
    // Below a mailbox there is nobody.
    let has_below = move || Host::get().root().scope() != Scope::Mailbox;
    let nav = NodeRef::<html::Nav>::new();
    // The page at hand is in sight, however long the list.
    effect(move |_| {
        reports.track();
        let Some(nav) = nav.get() else { return };
        let current =
            nav.query_selector("[aria-current]").ok().flatten().and_then(|link| link.dyn_into::<HtmlElement>().ok());
        if let Some(link) = current.filter(|link| link.offset_top() + link.offset_height() > nav.client_height()) {
            nav.set_scroll_top(link.offset_top() - nav.client_height() / 2);
        }
    });
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            open.set(false);
            keys::press(Action::Focus(keys::MENU_BUTTON));
        }
    };
    view! {
        <div class="menu-shade" class:open=move || open.get() on:click=move |_| open.set(false)></div>
        <nav
            id=keys::MENU
            class="menu"
            class:open=move || open.get()
            aria-label=text::MENU
            node_ref=nav
            on:click=move |_| open.set(false)
            on:keydown=on_key
        >
            <ul class="menu-list menu-first">
                <li><a class="menu-link" id=keys::OVERVIEW_LINK href=to("/") aria-current=overview>{text::OVERVIEW}</a></li>
                <li><a class="menu-link" href=to("/unusual") aria-current=unusual>{text::UNUSUAL}</a></li>
            </ul>
            {move || groups().into_iter().map(|reports| view! { <Group reports/> }).collect_view()}
            <p class="menu-group" id="group-data">{text::MENU_DATA}</p>
            <ul class="menu-list" aria-labelledby="group-data">
                <li><a class="menu-link" href=to("/overage") aria-current=overage>{text::OVERAGE}</a></li>
                <Show when=of_server>
                    <li><a class="menu-link" href=to("/health") aria-current=health>{text::HEALTH}</a></li>
                </Show>
                <Show when=has_below>
                    <li><a class="menu-link" href=to("/accounts") aria-current=accounts>{text::ACCOUNTS}</a></li>
                </Show>
                <Show when=of_server>
                    <li><a class="menu-link" href=to("/audit") aria-current=audit>{text::AUDIT}</a></li>
                </Show>
            </ul>
        </nav>
    }
}

#[component]
fn Group(reports: Vec<&'static Report>) -> impl IntoView {
    let name = reports.first().map_or("", |report| report.group);
    let id = format!("group-{}", name.to_ascii_lowercase().replace(' ', "-"));
    view! {
        <p class="menu-group" id=id.clone()>{name}</p>
        <ul class="menu-list" aria-labelledby=id>
            {reports.into_iter().map(|report| view! { <li><ReportLink report/></li> }).collect_view()}
        </ul>
    }
}

#[component]
fn ReportLink(report: &'static Report) -> impl IntoView {
    let view = use_context::<View>();
    let target = move || match view {
        Some(view) => view.state.with(|state| state.in_report(report)),
        None => ViewState { zone: context::zone_choice(), ..ViewState::new(report) },
    };
    let current = move || view.is_some_and(|view| view.state.read().report == report).then_some("page");
    // It leads up: the report does not exist for the subject at hand.
    let elsewhere = move || view.is_some_and(|view| view.state.read().subject != target().subject);
    view! {
        <a
            class="menu-link"
            class:elsewhere=elsewhere
            href=move || target().url()
            aria-current=current
            title=move || elsewhere().then(|| text::only_for_server(report.title))
        >
            {report.title}
        </a>
    }
}
