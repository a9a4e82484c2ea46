//! The sheet behind `?`: every key, and how numbers and dates are written.

use leptos::prelude::*;

use super::dialog::{Dialog, Handle};
use super::icon::{self, Icon};
use crate::{intl, keys, remember, text, view};

/// What the browser remembers while a page is read anew in another locale.
const CHOSE: &str = "mailtally-locale-chosen";

#[component]
pub fn Help() -> impl IntoView {
    let handle = Handle::closed();
    // Another locale has read the page anew: the hand is where it was.
    let is_back = remember::recall(CHOSE).is_some();
    if is_back {
        remember::remember(CHOSE, "");
        request_animation_frame(move || handle.open());
    }
    view! {
        <button
            type="button"
            id=keys::HELP_BUTTON
            class="button square"
            aria-label=text::HELP
            title=text::HELP_TITLE
            aria-haspopup="dialog"
            on:click=move |_| handle.open()
        >
            <Icon path=icon::HELP/>
        </button>
        {handle.sheet(move |rest| (rest.help)(handle, is_back))}
    }
}

pub fn sheet(handle: Handle, is_back: bool) -> AnyView {
    view! {
        <Dialog handle class="dialog wide" head="help-head">
            <div class="dialog-form">
                // Not the button at the end, to which a phone would scroll.
                <h2 id="help-head" class="dialog-head" tabindex="-1" autofocus=!is_back>{text::HELP}</h2>
                <div class="keys">{text::KEYS.iter().map(keys_of).collect_view()}</div>
                <Choices is_back/>
                <div class="dialog-buttons">
                    <span class="head-space"></span>
                    <button type="button" class="button" on:click=move |_| handle.close()>{text::CLOSE}</button>
                </div>
            </div>
        </Dialog>
    }
}

fn keys_of((head, keys): &'static (&'static str, &'static [(&'static str, &'static str)])) -> AnyView {
    let line = |(key, says): &'static (&'static str, &'static str)| {
        let cap = |cap: &'static str| match cap {
            "–" => cap.into_any(),
            _ => view! { <kbd>{cap}</kbd> },
        };
        let caps = key.split(' ').map(cap).collect_view();
        view! { <div class="key-line"><dt>{caps}</dt><dd>{*says}</dd></div> }
    };
    view! {
        <section>
            <h3 class="keys-head">{*head}</h3>
            <dl>{keys.iter().map(line).collect_view()}</dl>
        </section>
    }
}

/// How the person wants it, remembered by this browser.
#[component]
fn Choices(
    /// From choosing a locale.
    is_back: bool,
) -> impl IntoView {
    let chosen = intl::chosen_locale().unwrap_or_default();
    let option = |(tag, name): (&'static str, String)| {
        let selected = tag == chosen;
        view! { <option value=tag selected=selected>{name}</option> }
    };
    let locales = std::iter::once(("", text::LOCALE_BROWSER.to_owned()));
    let locales = locales.chain(intl::LOCALES.into_iter().map(|tag| (tag, intl::sample(tag))));
    let choose = move |event| {
        intl::choose_locale(&event_target_value(&event));
        remember::remember(CHOSE, "yes");
        // Everything on screen is written in it: the page is read again, and the address restores the view.
        let _ = window().location().reload();
    };
    view! {
        <div class="choices">
            <label class="field">
                <span>{text::LOCALE}</span>
                <select autofocus=is_back on:change=choose>{locales.map(option).collect_view()}</select>
            </label>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=!keys::are_off()
                    on:change=move |event| keys::switch(event_target_checked(&event))
                />
                <span>{text::KEYS_ON}</span>
            </label>
        </div>
    }
}
