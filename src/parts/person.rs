//! Who is signed in, in the head of every page, and the way out.

use leptos::prelude::*;

use super::icon::{self, Icon};
use super::popover::Popover;
use super::show::Show;
use crate::apart::Apart;
use crate::context::Host;
use crate::keys::Action;
use crate::memo::Memo;
use crate::{account, format, keys, text, view};

#[component]
pub fn Person() -> impl IntoView {
    let host = Host::get();
    let name = name_of(host);
    let open = RwSignal::new(false);
    view! {
        <Show when=move || name.read().is_some()>
            <Popover
                open
                label=text::OWN_ACCOUNT
                button_class="button person"
                button=move || view! { <Icon path=icon::PERSON/><span class="person-name"><bdi>{move || name.get()}</bdi></span> }
            >
                {Apart::get().rest.opened(|rest| (rest.person)())}
            </Popover>
        </Show>
    }
}

fn name_of(host: Host) -> Memo<Option<String>> {
    Memo::new(move |_| host.session().map(|session| format::visible(&session.account.name)))
}

/// What is in the panel.
pub fn choices() -> AnyView {
    let host = Host::get();
    let name = name_of(host);
    let means = Memo::new(move |_| host.session().map(|session| session.means));
    view! {
        <p class="panel-hint"><bdi>{move || name.get()}</bdi></p>
        <ul class="menu-items">
            <li><a class="menu-item" href="/account">{text::OWN_ACCOUNT}</a></li>
            // Where the head has no room for their buttons.
            {[(keys::HELP_BUTTON, text::HELP), (keys::THEME_BUTTON, text::THEME)].map(|(id, name)| view! {
                <li class="narrow-only">
                    <button type="button" class="menu-item" on:click=move |_| { keys::press(Action::Press(id)); }>
                        {name}
                    </button>
                </li>
            })}
            <Show when=move || account::may_leave(means.get())>
                <li>
                    <button type="button" class="menu-item" on:click=|_| account::leave("/api/session")>
                        {text::LOG_OUT}
                    </button>
                </li>
                <li>
                    <button type="button" class="menu-item" on:click=|_| account::leave("/api/sessions")>
                        {text::LOG_OUT_EVERYWHERE}
                    </button>
                </li>
            </Show>
        </ul>
    }
}
