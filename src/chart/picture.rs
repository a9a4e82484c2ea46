//! The chart as a picture to pass on: what is on screen, with its title and its legend above it.

use std::f64::consts::TAU;

use super::cue::Cue;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement};

/// The words above the picture.
pub struct Caption {
    pub title: String,
    pub says: String,
    /// Each series that is drawn: its place in the table, and its name.
    pub series: Vec<(usize, String)>,
}

/// In CSS pixels.
const PAD: f64 = 16.0;
const HEAD: f64 = 84.0;
/// From a shape's centre to its rim.
const KEY: f64 = 4.5;

/// Makes a PNG of the canvas and hands it over; `None` is handed over where the browser makes none.
pub fn png(canvas: &HtmlCanvasElement, caption: &Caption, done: impl FnOnce(Option<Blob>) + 'static) -> Option<()> {
    let document = web_sys::window()?.document()?;
    let picture: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
    let ratio = f64::from(canvas.width()) / f64::from(canvas.client_width().max(1));
    picture.set_width(canvas.width() + (2.0 * PAD * ratio) as u32);
    picture.set_height(canvas.height() + ((HEAD + PAD) * ratio) as u32);
    let context: CanvasRenderingContext2d = picture.get_context("2d").ok()??.dyn_into().ok()?;
    let theme = super::watch::theme(&web_sys::window()?);
    let style = web_sys::window()?.get_computed_style(canvas).ok()??;
    let family = style.get_property_value("font-family").ok()?;
    context.set_fill_style_str(&css(theme.panel));
    context.fill_rect(0.0, 0.0, f64::from(picture.width()), f64::from(picture.height()));
    context.draw_image_with_html_canvas_element(canvas, PAD * ratio, HEAD * ratio).ok()?;
    context.scale(ratio, ratio).ok()?;
    let write = |words: &str, x: f64, y: f64, font: &str, colour| {
        context.set_font(&format!("{font} {family}"));
        context.set_fill_style_str(&css(colour));
        context.fill_text(words, x, y)
    };
    write(&caption.title, PAD, PAD + 16.0, "600 18px", theme.ink).ok()?;
    write(&caption.says, PAD, PAD + 36.0, "13px", theme.ink_2).ok()?;
    let mut x = PAD;
    for (column, name) in &caption.series {
        context.set_fill_style_str(&css(theme.series(*column)));
        fill(&context, Cue::of(*column), (x + KEY, PAD + 54.5)).ok()?;
        write(name, x + 2.0 * KEY + 6.0, PAD + 58.5, "12px", theme.ink_2).ok()?;
        x += 2.0 * KEY + 24.0 + context.measure_text(name).ok()?.width();
    }
    let done = Closure::once_into_js(done);
    picture.to_blob(done.unchecked_ref()).ok()
}

/// A series' shape, as on the plot.
fn fill(context: &CanvasRenderingContext2d, cue: Cue, (x, y): (f64, f64)) -> Result<(), JsValue> {
    context.begin_path();
    if cue == Cue::Circle {
        context.arc(x, y, KEY, 0.0, TAU)?;
    }
    for (dx, dy) in cue.outline(KEY) {
        context.line_to(x + dx, y + dy);
    }
    context.fill();
    Ok(())
}

fn css(colour: plotters::style::RGBAColor) -> String {
    format!("rgb({},{},{})", colour.0, colour.1, colour.2)
}
