//! An address that names nothing.

use leptos::prelude::*;

use super::frame::Frame;
use crate::text;

#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Frame>
            <h1 class="title">{text::NOT_FOUND_HEAD}</h1>
            <p class="sentence">{text::NOT_FOUND}</p>
        </Frame>
    }
    .into_any()
}
