//! What stands around every page: the head with the breadcrumb, the menu, the demo's banner.

use leptos::prelude::*;
use mailtally_model::wire::Session;
use mailtally_model::{Subject, Time};

use crate::apart::Apart;
use crate::api::{Asked, Failure};
use crate::context::{self, Host, View};
use crate::memo::Memo;
use crate::parts::breadcrumb::Breadcrumb;
use crate::parts::help::Help;
use crate::parts::icon::{self, Icon};
use crate::parts::keyboard;
use crate::parts::menu::Menu;
use crate::parts::notes::FailedAt;
use crate::parts::person::Person;
use crate::parts::show::Show;
use crate::{anew, keys, text, theme, view};

/// Names the page in the browser's tab.
pub fn entitle(title: &str) {
    document().set_title(&format!("{title} · {}", text::BRAND));
}

/// What only those may read who see the whole server; to others it says so, and asks the server nothing.
pub fn of_server(page: Box<dyn Fn() -> AnyView + Send>) -> AnyView {
    let host = Host::get();
    let is_theirs = Memo::new(move |_| host.session().map(|session| session.account.root == Subject::Server));
    anew(move || match is_theirs.get() {
        Some(true) => page(),
        Some(false) => view! { <p class="note" role="status">{text::OF_SERVER}</p> },
        None => view! { <p class="note" role="status">{text::LOADING}</p> },
    })
}

#[component]
pub fn Frame(
    /// Up to when the sources behind the page were read; any log, where the page does not say.
    #[prop(optional, into)]
    read_until: Option<Signal<Option<Time>>>,
    /// The way to what the page is about, where that is no report.
    #[prop(optional, into)]
    path: ViewFn,
    /// Whether it stands around a page whose code is not here, which says so itself.
    #[prop(optional)]
    is_waiting: bool,
    children: Children,
) -> impl IntoView {
    let menu_open = RwSignal::new(false);
    let apart = Apart::get();
    keyboard::listen();
    // Asked anew: what was said at the beginning may be hours old.
    let read_until = read_until.unwrap_or_else(|| {
        let session = Asked::<Session>::new(|| "/api/reports".to_owned());
        Signal::derive(move || session.get()?.ok()?.read_until)
    });
    let demo = move || Host::get().session().is_some_and(|session| session.demo);
    view! {
        <a class="skip" href="#main">{text::SKIP}</a>
        <header class="head">
            <button
                type="button"
                id=keys::MENU_BUTTON
                class="button square menu-button"
                aria-label=text::MENU_SHOW
                aria-expanded=move || menu_open.get().to_string()
                aria-controls="menu"
                on:click=move |_| {
                    menu_open.update(|open| *open = !*open);
                    if menu_open.get_untracked() {
                        // Once it is drawn: what is hidden takes no focus.
                        request_animation_frame(|| {
                            keys::enter_menu();
                        });
                    }
                }
            >
                <Icon path=icon::MENU/>
            </button>
            <a class="brand" href=move || context::zone_choice().keep_in("/") aria-label=text::BRAND><Icon path=icon::TALLY/><span>{text::BRAND}</span></a>
            {use_context::<View>().map(|_| view! { <Breadcrumb/> })}
            {move || path.run()}
            <div class="head-space"></div>
            {apart.rest.beside(move |rest| (rest.fresh)(read_until))}
            <Person/>
            <Help/>
            <button
                type="button"
                id=keys::THEME_BUTTON
                class="button square"
                aria-label=text::THEME
                title=text::THEME
                on:click=move |_| theme::switch()
            >
                <Icon path=icon::CONTRAST/>
            </button>
        </header>
        <Menu open=menu_open/>
        <main id="main" class="main" tabindex="-1">
            <Show when=demo>
                <p class="note note-demo"><strong>{text::DEMO_HEAD}</strong>" "{text::DEMO}</p>
            </Show>
            <Show when=move || !is_waiting && apart.rest.has_failed()>
                <p class="note note-warn" role="status">
                    {text::NOT_LOADED}" "
                    <button type="button" class="link" on:click=move |_| apart.rest.again()>{text::RETRY}</button>
                </p>
            </Show>
            {children()}
        </main>
    }
}

/// Shapes of what is coming; they appear after a moment, so that a quick answer does not flicker.
#[component]
pub fn Skeleton() -> impl IntoView {
    view! {
        <div class="skeleton" role="status" aria-busy="true" aria-label=text::LOADING>
            <div class="progress"></div>
            <p class="progress-words">{text::LOADING_LONG}</p>
            <div class="card skeleton-card"></div>
            <div class="card skeleton-card"></div>
        </div>
    }
}

/// What stands in the place of a page whose code is not here.
pub fn waiting(failure: Option<Failure>, retry: Callback<()>) -> AnyView {
    view! {
        <Frame read_until=Signal::derive(|| None) is_waiting=true>
            {match failure.clone() {
                Some(failure) => view! { <FailedAt failure retry/> },
                None => view! { <Skeleton/> },
            }}
        </Frame>
    }
}
