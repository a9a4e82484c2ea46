//! Light or dark: by the system until the person chooses. style/first.js sets it before the first paint; this switches it.
//!
//! `data-theme` on the root element is the truth that CSS and the chart read.

use web_sys::Element;

const STORED_AS: &str = "mailtally-theme";

/// Turns light into dark and back, and remembers it.
pub fn switch() {
    let Some(root) = root() else { return };
    let next = if root.get_attribute("data-theme").as_deref() == Some("dark") { "light" } else { "dark" };
    let _ = root.set_attribute("data-theme", next);
    crate::remember::remember(STORED_AS, next);
}

fn root() -> Option<Element> {
    web_sys::window()?.document()?.document_element()
}
