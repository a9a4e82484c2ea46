//! The canvas that a chart is drawn on: that of the last chart, if it has gone.
//!
//! A browser brings a surface along with a new canvas's first command, and takes as long for it, and for throwing it away, as
//! for all else of a small chart. Charts come and go from report to report and are of one size mostly.

use std::cell::RefCell;

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::tachys::html::node_ref::NodeRefContainer;
use leptos::wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

/// A canvas for the time of its owner.
pub type Spare = StoredValue<HtmlCanvasElement, LocalStorage>;

thread_local! {
    static SPARE: RefCell<Option<HtmlCanvasElement>> = RefCell::default();
}

/// Others know it as `known`.
pub fn canvas(known: NodeRef<Canvas>) -> Spare {
    let canvas = SPARE.take().unwrap_or_else(made);
    known.load(&canvas);
    let canvas: Spare = StoredValue::new_local(canvas);
    on_cleanup(move || {
        let Some(canvas) = canvas.try_get_value() else { return };
        canvas.remove();
        // What the next one draws is counted anew.
        let _ = canvas.remove_attribute("data-draws");
        SPARE.set(Some(canvas));
    });
    canvas
}

fn made() -> HtmlCanvasElement {
    let canvas = document().create_element("canvas").expect("canvas is a name of an element");
    let _ = canvas.set_attribute("role", "img");
    canvas.set_class_name("chart-canvas");
    canvas.unchecked_into()
}
