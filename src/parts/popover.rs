//! A button and the panel that it opens. Escape and focus elsewhere close it; the focus returns to the button.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Node;

#[component]
pub fn Popover(
    open: RwSignal<bool>,
    /// The accessible name of the panel.
    label: &'static str,
    /// Classes of the button, `button` among them.
    button_class: &'static str,
    /// The button's id, where a key leads to it.
    #[prop(optional)]
    id: Option<&'static str>,
    /// What the button shows.
    #[prop(into)]
    button: ViewFn,
    children: ChildrenFn,
) -> impl IntoView {
    let whole = NodeRef::<html::Div>::new();
    let opener = NodeRef::<html::Button>::new();
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.stop_propagation();
            open.set(false);
            focus(opener);
        }
    };
    let on_focus_out = move |event: ev::FocusEvent| {
        let target = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        // A link in the panel leads to another page: the focus leaves with the panel, and then there is none to close.
        let Some(whole) = whole.try_get_untracked().flatten() else { return };
        let inside = whole.contains(target.as_ref());
        // A window that loses the focus is not a choice to close.
        let left = target.is_some() || document().has_focus().unwrap_or(true);
        if left && !inside {
            open.set(false);
        }
    };
    let children = StoredValue::new(children);
    view! {
        <div class="popover" node_ref=whole on:keydown=on_key on:focusout=on_focus_out>
            <button
                type="button"
                class=button_class
                id=id
                node_ref=opener
                aria-haspopup="dialog"
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {button.run()}
            </button>
            <Show when=move || open.get()>
                <Panel label>{children.with_value(|children| children())}</Panel>
            </Show>
        </div>
    }
}

/// Takes the focus when it appears, so that keys reach it and leaving it can be seen.
#[component]
fn Panel(label: &'static str, children: Children) -> impl IntoView {
    let panel = NodeRef::<html::Div>::new();
    panel.on_load(|panel| {
        let _ = panel.focus();
    });
    view! {
        <div class="panel" role="dialog" aria-label=label tabindex="-1" node_ref=panel>
            {children()}
        </div>
    }
}

fn focus(button: NodeRef<html::Button>) {
    if let Some(button) = button.get_untracked() {
        let _ = button.focus();
    }
}
