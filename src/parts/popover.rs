//! A button and the panel that it opens. Escape, a choice and focus elsewhere close it; the focus returns to the button, unless
//! it went elsewhere. Up and down lead through the panel.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, Node};

use super::show::Show;
use crate::apart::Apart;
use crate::view;

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
    let rest = Apart::get().rest;
    let here = rest.here();
    let opened = Opened { label, open, whole, opener, children: StoredValue::new(children) };
    let on_key = move |event: ev::KeyboardEvent| {
        if open.get_untracked() && !event.default_prevented() {
            here.does(move |rest| (rest.panel_key)(&event, opened));
        }
    };
    let on_focus_out = move |event: ev::FocusEvent| {
        // It may be gone, and the focus with it.
        if open.try_get_untracked() == Some(true) {
            here.does(move |rest| (rest.panel_left)(&event, opened));
        }
    };
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
                {rest.opened(move |rest| (rest.panel)(opened))}
            </Show>
        </div>
    }
}

/// What the panel is made of, and where.
#[derive(Clone, Copy)]
pub struct Opened {
    label: &'static str,
    open: RwSignal<bool>,
    whole: NodeRef<html::Div>,
    opener: NodeRef<html::Button>,
    children: StoredValue<ChildrenFn>,
}

/// Takes the focus when it appears, so that keys reach it and leaving it can be seen.
pub fn panel(Opened { label, whole, opener, children, .. }: Opened) -> AnyView {
    let panel = NodeRef::<html::Div>::new();
    panel.on_load(|panel| {
        let _ = panel.focus();
    });
    // A panel that goes takes along the focus that is in it.
    on_cleanup(move || {
        let at = document().active_element();
        let is_ours = |at: &Element| {
            let whole = whole.try_get_untracked().flatten();
            at.tag_name() == "BODY" || whole.is_some_and(|whole| whole.contains(Some(at)))
        };
        if at.as_ref().is_none_or(is_ours) {
            focus(opener);
        }
    });
    view! {
        <div class="panel" role="dialog" aria-label=label tabindex="-1" node_ref=panel>
            {children.with_value(|children| children())}
        </div>
    }
}

/// What a key does while it is open.
pub fn key(event: &ev::KeyboardEvent, Opened { open, whole, .. }: Opened) {
    match event.key().as_str() {
        "Escape" => {
            event.stop_propagation();
            open.set(false);
        }
        "ArrowDown" => walk(event, whole, 1),
        "ArrowUp" => walk(event, whole, -1),
        _ => {}
    }
}

/// The focus has gone from something in it: elsewhere is a choice to close it.
pub fn left(event: &ev::FocusEvent, Opened { open, whole, .. }: Opened) {
    let target = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
    // A link in the panel leads to another page: the focus leaves with the panel, and then there is none to close.
    let Some(whole) = whole.try_get_untracked().flatten() else { return };
    let inside = whole.contains(target.as_ref());
    // A window that loses the focus is not a choice to close.
    let left = target.is_some() || document().has_focus().unwrap_or(true);
    if left && !inside {
        open.set(false);
    }
}

/// What can be walked to.
const STOPS: &str = "button, input, select, a[href]";

/// Puts the focus on the next stop of the panel, or the one before. What has its own use for the key keeps it.
fn walk(event: &ev::KeyboardEvent, whole: NodeRef<html::Div>, by: i32) {
    let at = document().active_element();
    let is_own = at.as_ref().is_some_and(|at| {
        at.tag_name() == "SELECT" || at.dyn_ref::<HtmlInputElement>().is_some_and(|input| input.type_() != "checkbox")
    });
    let panel = whole.get_untracked().and_then(|whole| whole.query_selector(".panel").ok()?);
    let Some(panel) = panel.filter(|_| !is_own) else { return };
    let Ok(stops) = panel.query_selector_all(STOPS) else { return };
    let stops: Vec<HtmlElement> = (0..stops.length())
        .filter_map(|nth| stops.item(nth)?.dyn_into::<HtmlElement>().ok())
        .filter(|stop| stop.tab_index() >= 0 && !stop.has_attribute("disabled"))
        .collect();
    let here = stops.iter().position(|stop| at.as_ref().is_some_and(|at| stop.is_same_node(Some(at))));
    let next = match here {
        Some(here) => here as i32 + by,
        None if by > 0 => 0,
        None => stops.len() as i32 - 1,
    };
    event.prevent_default();
    if let Some(stop) = usize::try_from(next).ok().and_then(|next| stops.get(next)) {
        let _ = stop.focus();
    }
}

fn focus(button: NodeRef<html::Button>) {
    if let Some(button) = button.try_get_untracked().flatten() {
        let _ = button.focus();
    }
}
