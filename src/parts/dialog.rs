//! A sheet over the page. What is in it is made when it is first opened, and stays: pages are there sooner, since most of
//! them go without it.

use leptos::{html, prelude::*};
use web_sys::HtmlDialogElement;

use super::show::Show;
use crate::{effect, view};

/// Opens and closes it. `Copy`.
#[derive(Clone, Copy)]
pub struct Handle {
    dialog: NodeRef<html::Dialog>,
    is_made: RwSignal<bool>,
}

impl Handle {
    pub fn closed() -> Handle {
        Handle { dialog: NodeRef::new(), is_made: RwSignal::new(false) }
    }

    pub fn open(self) {
        if self.is_made.get_untracked() {
            self.show();
        } else {
            self.is_made.set(true);
        }
    }

    pub fn close(self) {
        if let Some(dialog) = self.dialog.get_untracked() {
            dialog.close();
        }
    }

    fn show(self) {
        // It can only refuse if it is open already.
        self.dialog.get_untracked().as_ref().map(HtmlDialogElement::show_modal);
    }
}

#[component]
pub fn Dialog(
    handle: Handle,
    class: &'static str,
    /// The id of the heading that names it.
    head: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let content = move || {
        // Once it is there: the focus goes to the first in it that asks for it.
        effect(move |_| handle.show());
        children()
    };
    view! {
        <dialog class=class role="dialog" node_ref=handle.dialog aria-labelledby=head>
            <Show when=move || handle.is_made.get()>{content()}</Show>
        </dialog>
    }
}
