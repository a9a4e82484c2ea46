//! An address that names nothing.

use leptos::prelude::*;

use super::frame::Frame;
use crate::text;
use crate::view;

#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Frame><NotFound/></Frame>
    }
}

/// What it says, for a page whose address names it and nothing in it.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <h1 class="title">{text::NOT_FOUND_HEAD}</h1>
        <p class="sentence">{text::NOT_FOUND}</p>
        <p><a class="link" href="/">{text::NOT_FOUND_WAY}</a></p>
    }
}
