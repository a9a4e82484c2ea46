//! What stands around every page: the head with the breadcrumb, the menu, the demo's banner.

use leptos::prelude::*;
use mailtally_model::wire::Session;
use mailtally_model::{Subject, Time};

use crate::api::Asked;
use crate::context::{self, Host, View};
use crate::memo::Memo;
use crate::parts::breadcrumb::Breadcrumb;
use crate::parts::fresh::Fresh;
use crate::parts::help::Help;
use crate::parts::icon::{self, Icon};
use crate::parts::keyboard;
use crate::parts::menu::Menu;
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
    children: Children,
) -> impl IntoView {
    let menu_open = RwSignal::new(false);
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
            <Fresh read_until/>
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
            {children()}
        </main>
    }
}
