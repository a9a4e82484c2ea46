//! A sheet over the page. What is in it is made when it is first opened, and stays: pages are there sooner, since most of
//! them go without it.

use leptos::{html, prelude::*};
use web_sys::HtmlDialogElement;

use super::show::Show;
use crate::apart::{Apart, Rest};
use crate::{effect, view};

/// Opens and closes it. `Copy`.
#[derive(Clone, Copy)]
pub struct Handle {
    dialog: NodeRef<html::Dialog>,
    /// How often it was opened.
    opened: RwSignal<usize>,
}

impl Handle {
    pub fn closed() -> Handle {
        Handle { dialog: NodeRef::new(), opened: RwSignal::new(0) }
    }

    pub fn open(self) {
        self.opened.update(|opened| *opened += 1);
    }

    /// How often it was opened.
    pub fn opened(self) -> Signal<usize> {
        self.opened.into()
    }

    pub fn close(self) {
        if let Some(dialog) = self.dialog.get_untracked() {
            dialog.close();
        }
    }

    /// The sheet itself, which comes with the rest.
    pub fn sheet(self, make: impl Fn(&'static Rest) -> AnyView + Copy + Send + Sync + 'static) -> AnyView {
        let rest = Apart::get().rest;
        let made = move || {
            rest.want();
            rest.beside(make)
        };
        view! { <Show when=move || { self.opened.get() > 0 }>{made()}</Show> }
    }
}

#[component]
pub fn Dialog(
    handle: Handle,
    class: &'static str,
    /// The id of the heading that names it.
    head: &'static str,
    children: Children,
) -> impl IntoView {
    // Each time that it is opened, this one first: the focus goes to the first in it that asks for it.
    effect(move |_| {
        handle.opened.track();
        // It can only refuse if it is open already.
        handle.dialog.get().as_ref().map(HtmlDialogElement::show_modal);
    });
    view! {
        <dialog class=class role="dialog" node_ref=handle.dialog aria-labelledby=head>
            {children()}
        </dialog>
    }
}
