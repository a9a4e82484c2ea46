//! Where the browser is, as a signal over its history, and the one way to go elsewhere.
//!
//! All state of the app is one URL that [`crate::state`] reads and writes whole, so nested routes, parameters and guards
//! have nothing to do here: this is the whole of it, where a router's library was a tenth of what the browser loaded.
//! It knows addresses and nothing of what they show ([`crate::page`] does).

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

use crate::{context, scroll};

/// What follows the origin. The fragment is the browser's own: it scrolls and asks nothing of us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub path: String,
    /// Without the `?`.
    pub search: String,
}

impl Address {
    pub fn new(path: &str, search: &str) -> Address {
        Address { path: path.to_owned(), search: search.trim_start_matches('?').to_owned() }
    }

    /// Reads a path with an optional query.
    pub fn parse(url: &str) -> Address {
        let url = url.split_once('#').map_or(url, |(before, _)| before);
        let (path, search) = url.split_once('?').unwrap_or((url, ""));
        Address::new(path, search)
    }

    /// What comes behind `prefix` in the path, up to its end: an id.
    pub fn id_after<'a>(&'a self, prefix: &str) -> Option<&'a str> {
        self.path
            .strip_prefix(prefix)
            .map(|id| id.trim_end_matches('/'))
            .filter(|id| !id.is_empty() && !id.as_bytes().contains(&b'/'))
    }
}

/// What a move leaves in the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// An entry that Back returns to.
    Entry,
    /// Nothing: the current entry is changed.
    Nothing,
}

/// The browser's history. `Copy`, one context.
#[derive(Clone, Copy)]
pub struct Router {
    address: RwSignal<Address>,
    /// Where one was before, within the app.
    last: StoredValue<Option<Address>>,
}

impl Router {
    /// Follows Back and Forward, and takes over clicks on links within the app.
    pub fn provide() -> Router {
        let router = Router { address: RwSignal::new(current()), last: StoredValue::new(None) };
        let back_or_forward = window_event_listener(ev::popstate, move |_| router.arrive(current()));
        scroll::watch();
        let click = window_event_listener(ev::click, move |event| router.follow(&event));
        on_cleanup(move || {
            back_or_forward.remove();
            click.remove();
        });
        provide_context(router);
        router
    }

    /// The app's router; every component lives under [`Router::provide`].
    pub fn get() -> Router {
        context::expect()
    }

    pub fn address(self) -> Signal<Address> {
        self.address.into()
    }

    /// Goes to a path with an optional query.
    pub fn go(self, url: &str, leaves: Leaves) {
        let next = Address::parse(url);
        // Going where one is leaves no entry: Back would seem to do nothing.
        if self.address.with_untracked(|address| *address == next) {
            return;
        }
        let Ok(history) = window().history() else { return };
        let here = scroll::here();
        let moved = match leaves {
            // What is left behind holds how far it was scrolled; what is entered is as far for now.
            Leaves::Entry => history
                .replace_state_with_url(&here, "", None)
                .and_then(|()| history.push_state_with_url(&here, "", Some(url))),
            Leaves::Nothing => history.replace_state_with_url(&here, "", Some(url)),
        };
        // Browsers refuse when a page moves hundreds of times within seconds; the page goes on all the same.
        if let Err(refused) = moved {
            web_sys::console::warn_1(&refused);
        }
        self.leave_for(next);
    }

    /// The last address with another path than the present one: where a page can lead back to.
    pub fn last(self) -> Option<Address> {
        self.last.get_value()
    }

    fn leave_for(self, next: Address) {
        let left = self.address.get_untracked();
        if left.path != next.path {
            self.last.set_value(Some(left));
        }
        self.address.set(next);
    }

    fn arrive(self, address: Address) {
        if self.address.with_untracked(|last| *last != address) {
            self.leave_for(address);
            scroll::restore();
        }
    }

    /// A plain click on a link within the app goes there without loading the page anew, from its top as the browser would.
    fn follow(self, event: &MouseEvent) {
        let with_key = event.meta_key() || event.alt_key() || event.ctrl_key() || event.shift_key();
        if event.default_prevented() || event.button() != 0 || with_key {
            return;
        }
        let Some(link) = link_of(event).filter(is_ours) else { return };
        event.prevent_default();
        self.go(&format!("{}{}", link.pathname(), link.search()), Leaves::Entry);
        scroll::to_top();
    }
}

fn current() -> Address {
    let location = window().location();
    Address::new(&location.pathname().unwrap_or_default(), &location.search().unwrap_or_default())
}

fn link_of(event: &MouseEvent) -> Option<HtmlAnchorElement> {
    let clicked: Element = event.target()?.dyn_into().ok()?;
    clicked.closest("a[href]").ok()??.dyn_into().ok()
}

/// Whether a link stays within the app: not to another site, another window, a file or a place on the same page.
fn is_ours(link: &HtmlAnchorElement) -> bool {
    let same_origin = window().location().origin().is_ok_and(|origin| origin == link.origin());
    same_origin && link.hash().is_empty() && link.target().is_empty() && !link.has_attribute("download")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_and_a_query() {
        assert_eq!(Address::parse("/reports/a?x=1&y=2#main"), Address::new("/reports/a", "?x=1&y=2"));
        assert_eq!(Address::parse("/health"), Address::new("/health", ""));
    }

    #[test]
    fn an_id_is_the_last_part_of_a_path() {
        let id = |path: &str| Address::new(path, "").id_after("/reports/").map(str::to_owned);
        assert_eq!(id("/reports/pop-usage"), Some("pop-usage".to_owned()));
        assert_eq!(id("/reports/pop-usage/"), Some("pop-usage".to_owned()));
        for path in ["/reports/", "/reports/a/b", "/health", "/"] {
            assert_eq!(id(path), None, "{path}");
        }
    }
}
