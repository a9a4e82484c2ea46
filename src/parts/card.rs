//! A cell of a list whose rows are cards on a phone (style/lists.css): there it says itself which column it is of.

use leptos::prelude::*;

use crate::view;

/// One function for all lists, so that the app carries it once.
pub fn cell(label: &'static str, words: String) -> AnyView {
    view! { <td data-label=label>{words}</td> }
}
