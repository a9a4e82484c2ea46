//! The canvas as a plotters backend. plotters-canvas draws the shapes; this supplies what it lacks: a surface as fine as
//! the screen (device pixel ratio), places between pixels, and text set and measured by the canvas itself, since a
//! measuring span with a style of its own is what a strict Content-Security-Policy forbids.

use std::fmt;

use leptos::wasm_bindgen::{JsCast, JsValue};
use plotters::drawing::IntoDrawingArea;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};
use plotters_canvas::CanvasBackend;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::draw::{self, LEADING};
use super::layout::{Frame, Layout};
use super::theme::Theme;

/// Units in a pixel of the screen: a slope steps by quarters of one, an edge stays sharp.
const DOT: i32 = 4;

/// The size of the surface on the page, in CSS pixels, and how many screen pixels each of those is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surface {
    pub width: f64,
    pub height: f64,
    pub ratio: f64,
}

impl Surface {
    /// The surface in units, whole screen pixels in either direction.
    pub fn frame(&self) -> Frame {
        let (width, height) = self.pixels();
        Frame { width: width as i32 * DOT, height: height as i32 * DOT, px: self.ratio * f64::from(DOT), dot: DOT }
    }

    fn pixels(&self) -> (u32, u32) {
        ((self.width * self.ratio).round() as u32, (self.height * self.ratio).round() as u32)
    }
}

/// Why nothing could be drawn, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDrawn(String);

impl fmt::Display for NotDrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotDrawn {}

impl From<JsValue> for NotDrawn {
    fn from(thrown: JsValue) -> NotDrawn {
        NotDrawn(thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")))
    }
}

/// Draws a chart over the whole canvas.
pub fn paint(canvas: &HtmlCanvasElement, surface: Surface, layout: &Layout, theme: &Theme) -> Result<(), NotDrawn> {
    let (width, height) = surface.pixels();
    // Setting a size clears the canvas, even to the size that it has.
    canvas.set_width(width);
    canvas.set_height(height);
    let area = Canvas::new(canvas, surface.frame())?.into_drawing_area();
    draw::draw(&area, layout, theme).map_err(|failed| NotDrawn(failed.to_string()))
}

/// Lays something out with labels measured by this canvas, drawing nothing.
pub fn measured<T>(
    canvas: &HtmlCanvasElement,
    frame: Frame,
    lay_out: impl FnOnce(&dyn Fn(&str) -> i32) -> T,
) -> Result<T, NotDrawn> {
    let area = Canvas::new(canvas, frame)?.into_drawing_area();
    Ok(lay_out(&|label| draw::room(&area, frame, label)))
}

struct Canvas {
    shapes: CanvasBackend,
    context: CanvasRenderingContext2d,
    frame: Frame,
    /// The page's own fonts.
    family: String,
}

impl Canvas {
    fn new(canvas: &HtmlCanvasElement, frame: Frame) -> Result<Canvas, NotDrawn> {
        let none = || NotDrawn("this browser has no canvas to draw on".to_owned());
        let shapes = CanvasBackend::with_canvas_object(canvas.clone()).ok_or_else(none)?;
        let context = canvas.get_context("2d")?.ok_or_else(none)?;
        let context: CanvasRenderingContext2d = context.dyn_into().map_err(|_| none())?;
        let unit = 1.0 / f64::from(frame.dot);
        context.set_transform(unit, 0.0, 0.0, unit, 0.0, 0.0)?;
        context.set_line_join("round");
        let computed = web_sys::window().and_then(|window| window.get_computed_style(canvas).ok().flatten());
        let family = computed.and_then(|style| style.get_property_value("font-family").ok()).unwrap_or_default();
        let family = if family.is_empty() { "sans-serif".to_owned() } else { family };
        Ok(Canvas { shapes, context, frame, family })
    }

    /// Chooses the font of a style and gives its em in units.
    fn set_font<S: BackendTextStyle>(&self, style: &S) -> f64 {
        let em = style.size() / LEADING;
        let weight = if matches!(style.style(), FontStyle::Bold) { 600 } else { 400 };
        self.context.set_font(&format!("{weight} {em}px {}", self.family));
        em
    }
}

type Drawn = Result<(), DrawingErrorKind<NotDrawn>>;

fn passed_on<E: std::error::Error + Send + Sync>(drawn: Result<(), DrawingErrorKind<E>>) -> Drawn {
    drawn.map_err(|failed| DrawingErrorKind::DrawingError(NotDrawn(failed.to_string())))
}

impl DrawingBackend for Canvas {
    type ErrorType = NotDrawn;

    fn get_size(&self) -> (u32, u32) {
        (self.frame.width as u32, self.frame.height as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        passed_on(self.shapes.draw_pixel(at, colour))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        passed_on(self.shapes.draw_line(from, to, style))
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        passed_on(self.shapes.draw_rect(from, to, style, fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        passed_on(self.shapes.draw_path(path, style))
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        passed_on(self.shapes.draw_circle(centre, radius, style, fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        passed_on(self.shapes.fill_polygon(path, style))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let em = self.set_font(style);
        let BackendColor { alpha, rgb: (r, g, b) } = style.color();
        self.context.set_fill_style_str(&format!("rgba({r},{g},{b},{alpha})"));
        self.context.set_text_align(match style.anchor().h_pos {
            HPos::Left => "left",
            HPos::Right => "right",
            HPos::Center => "center",
        });
        // From the anchor to the base line, for digits and capitals, which are 0.72 em high in most fonts.
        self.context.set_text_baseline("alphabetic");
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.36,
            VPos::Bottom => 0.0,
        };
        let drawn = self.context.fill_text(text, f64::from(x), f64::from(y) + down * em);
        drawn.map_err(|thrown| DrawingErrorKind::DrawingError(NotDrawn::from(thrown)))
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<NotDrawn>> {
        let em = self.set_font(style);
        let metrics = self.context.measure_text(text);
        let metrics = metrics.map_err(|thrown| DrawingErrorKind::DrawingError(NotDrawn::from(thrown)))?;
        Ok((metrics.width().ceil() as u32, em.ceil() as u32))
    }
}
