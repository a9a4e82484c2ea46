//! What small forms share: what a field holds, and what sending it came to.

use leptos::{html, prelude::*};

use crate::api::Failure;
use crate::text;
use crate::{anew, view};

/// What the last change came to; `None` is nothing to say.
pub type Said = RwSignal<Option<Result<&'static str, Failure>>>;

/// Says it below the form.
#[component]
pub fn Saying(said: Said) -> impl IntoView {
    anew(move || {
        said.get().map(|said| match said {
            Ok(sentence) => view! { <p class="note" role="status">{sentence}</p> },
            Err(failure) => view! { <p class="note note-warn" role="alert">{failure.sentence()}</p> },
        })
    })
}

/// A name or a subject: words that nothing corrects.
#[component]
pub fn Word(label: &'static str, node: NodeRef<html::Input>, #[prop(optional)] is_optional: bool) -> impl IntoView {
    let placeholder = is_optional.then_some(text::OPTIONAL);
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                type="text"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                placeholder=placeholder
                required=!is_optional
                node_ref=node
            />
        </label>
    }
}

#[component]
pub fn PasswordField(label: &'static str, node: NodeRef<html::Input>, #[prop(optional)] is_old: bool) -> impl IntoView {
    let autocomplete = if is_old { "current-password" } else { "new-password" };
    view! {
        <label class="field">
            <span>{label}</span>
            <input type="password" autocomplete=autocomplete required node_ref=node/>
        </label>
    }
}

pub fn value(field: NodeRef<html::Input>) -> String {
    field.get_untracked().map(|field| field.value()).unwrap_or_default()
}

pub fn clear(field: NodeRef<html::Input>) {
    if let Some(field) = field.get_untracked() {
        field.set_value("");
    }
}
