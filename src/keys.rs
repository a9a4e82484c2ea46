//! Single keys that do what a click does: what each is for, in one list that the help sheet shows.
//!
//! They can be switched off (WCAG 2.1.4): speech and slips of the hand press letters, too.

use leptos::ev::KeyboardEvent;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::range::{Preset, Towards};

/// What a key asks for on the report page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Preset(Preset),
    Move(Towards),
    /// The nth Step, from 0.
    Step(usize),
    NextMode,
    NextChart,
    NextComparison,
    ZoomOut,
    Climb,
    /// Puts the hand on the element with this id: opens it or writes into it.
    Press(&'static str),
    Focus(&'static str),
}

/// Ids of what keys press.
pub const RANGE_BUTTON: &str = "range-button";
pub const EXPORT_BUTTON: &str = "export-button";
pub const HELP_BUTTON: &str = "help-button";
pub const THEME_BUTTON: &str = "theme-button";
pub const OVERVIEW_LINK: &str = "overview-link";
pub const MENU: &str = "menu";
pub const MENU_BUTTON: &str = "menu-button";

/// What a key asks for on a report's page.
pub fn on_report(key: &str) -> Option<Action> {
    let mut letters = key.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
    let letter = letter.to_ascii_lowercase();
    if let Some(preset) = Preset::ALL.into_iter().find(|preset| preset.key() == letter) {
        return Some(Action::Preset(preset));
    }
    Some(match letter {
        '[' | ',' => Action::Move(Towards::Earlier),
        ']' | '.' => Action::Move(Towards::Later),
        '1'..='5' => Action::Step(letter.to_digit(10)? as usize - 1),
        'v' => Action::NextMode,
        'c' => Action::NextChart,
        'x' => Action::NextComparison,
        'z' => Action::ZoomOut,
        'u' => Action::Climb,
        'r' => Action::Press(RANGE_BUTTON),
        'e' => Action::Press(EXPORT_BUTTON),
        '/' => Action::Focus(crate::parts::filter::ID),
        _ => return None,
    })
}

/// What a key asks for on every page.
pub fn anywhere(key: &str) -> Option<Action> {
    Some(match key {
        "?" => Action::Press(HELP_BUTTON),
        "o" | "O" => Action::Press(OVERVIEW_LINK),
        "n" | "N" => Action::Press(THEME_BUTTON),
        "g" | "G" => Action::Focus(MENU),
        _ => return None,
    })
}

/// Whether a key press is a letter for us: typed into nothing, with no modifier, over no dialog.
pub fn is_free(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let is_typed = target.is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA"));
    let has_dialog =
        document().is_some_and(|document| document.query_selector("dialog[open]").ok().flatten().is_some());
    let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
    !(event.default_prevented() || has_modifier || is_typed || has_dialog || are_off())
}

/// Does what needs no page to know of it. `false` if nothing on the page has the id.
pub fn press(action: Action) -> bool {
    let by_id = |id| document()?.get_element_by_id(id)?.dyn_into::<HtmlElement>().ok();
    match action {
        Action::Press(id) => by_id(id).map(|element| element.click()).is_some(),
        Action::Focus(MENU) => {
            // Where the menu lies over the page, its button opens it and leads there.
            match by_id(MENU_BUTTON).filter(|button| button.offset_width() > 0) {
                Some(button) if button.get_attribute("aria-expanded").as_deref() == Some("false") => {
                    button.click();
                    true
                }
                _ => enter_menu(),
            }
        }
        Action::Focus(id) => by_id(id).is_some_and(|element| element.focus().is_ok()),
        _ => false,
    }
}

/// Puts the hand on the menu's current page, else on its first.
pub fn enter_menu() -> bool {
    let Some(document) = document() else { return false };
    let mut links =
        ["#menu [aria-current]", "#menu a"].into_iter().filter_map(|link| document.query_selector(link).ok()?);
    links.next().and_then(|link| link.dyn_into::<HtmlElement>().ok()).is_some_and(|link| link.focus().is_ok())
}

const STORED_AS: &str = "mailtally-keys";

/// Whether the person has switched single keys off.
pub fn are_off() -> bool {
    crate::remember::recall(STORED_AS).as_deref() == Some("off")
}

pub fn switch(on: bool) {
    crate::remember::remember(STORED_AS, if on { "" } else { "off" });
}

fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_things_have_one_key() {
        let presets: Vec<char> = Preset::ALL.into_iter().map(Preset::key).collect();
        for key in "[],.12345vcxzure/".chars() {
            assert!(!presets.contains(&key), "{key} is a preset's");
            assert!(on_report(&key.to_string()).is_some(), "{key} does nothing");
        }
        for key in ["?", "o", "n", "g"] {
            assert!(anywhere(key).is_some() && on_report(key).is_none(), "{key} means two things");
        }
        assert_eq!(on_report("Tab"), None);
    }
}
