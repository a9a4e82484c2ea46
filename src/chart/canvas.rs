//! The canvas as a plotters backend: strokes that follow each other in one colour as one path, a surface as fine as the
//! screen (device pixel ratio), places between pixels, and text set and measured by the canvas itself.
//!
//! plotters-canvas measures by a span with a style of its own, which a strict Content-Security-Policy forbids, and sets
//! colour, width and font anew for each shape, which took more of the browser than the shapes did.

use std::cell::{Cell, RefCell};
use std::f64::consts::TAU;
use std::fmt;

use leptos::wasm_bindgen::{JsCast, JsValue};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};
use web_sys::{CanvasRenderingContext2d, ContextAttributes2d, HtmlCanvasElement, Path2d};

use super::draw::{self, Drawing, LEADING};
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

/// What draws a chart on such a canvas.
pub type Draw = fn(&DrawingArea<Canvas, Shift>, &Layout, &Theme) -> Drawing<Canvas>;

/// Draws a chart over the whole canvas, its words in a font of `family`.
pub fn paint(
    canvas: &HtmlCanvasElement,
    surface: Surface,
    family: &str,
    layout: &Layout,
    theme: &Theme,
    draw: Draw,
) -> Result<(), NotDrawn> {
    let (width, height) = surface.pixels();
    // A canvas that has the size keeps what it was told of fonts; the panel hides what was drawn on it.
    if (canvas.width(), canvas.height()) != (width, height) {
        canvas.set_width(width);
        canvas.set_height(height);
    }
    let drawn_on = Canvas::new(canvas, surface.frame(), family)?;
    drawn_on.shift((0.0, 0.0))?;
    let area = drawn_on.into_drawing_area();
    draw(&area, layout, theme).map_err(|failed| NotDrawn(failed.to_string()))
}

/// Lays something out with labels measured by this canvas, drawing nothing: no call here makes the browser bring a surface
/// along, which takes as long as the layout.
pub fn measured<T>(
    canvas: &HtmlCanvasElement,
    frame: Frame,
    family: &str,
    lay_out: impl FnOnce(&dyn Fn(&str) -> i32) -> T,
) -> Result<T, NotDrawn> {
    let area = Canvas::new(canvas, frame, family)?.into_drawing_area();
    Ok(lay_out(&|label| known_room((family, frame.px), label, || draw::room(&area, frame, label))))
}

thread_local! {
    static MEASURED: RefCell<Measured> = RefCell::default();
}

/// Labels that were measured, of one font at one scale: charts say the same hours, days and round numbers again and again,
/// and to measure them took a fifth of a chart's script.
#[derive(Default)]
struct Measured {
    family: String,
    px: f64,
    rooms: Vec<(String, i32)>,
}

/// More labels than a few charts have; then it begins anew.
const MOST_MEASURED: usize = 256;

fn known_room((family, px): (&str, f64), label: &str, measure: impl FnOnce() -> i32) -> i32 {
    MEASURED.with_borrow_mut(|measured| {
        if measured.family != family || measured.px != px || measured.rooms.len() == MOST_MEASURED {
            *measured = Measured { family: family.to_owned(), px, rooms: Vec::new() };
        }
        if let Some((_, room)) = measured.rooms.iter().find(|(known, _)| known == label) {
            return *room;
        }
        let room = measure();
        measured.rooms.push((label.to_owned(), room));
        room
    })
}

pub struct Canvas {
    context: CanvasRenderingContext2d,
    frame: Frame,
    /// The page's own fonts.
    family: String,
    /// Shapes that were asked for and not yet drawn: all of one kind and colour, as one path, and how many they are.
    open: Option<(Path, Path2d, usize)>,
    /// What the context was last told. To tell it again costs as much as a shape: the browser reads a text each time.
    fill: Option<u32>,
    stroke: Option<(u32, u32)>,
    font: Cell<Option<(i32, bool)>>,
    align: Option<&'static str>,
}

/// What becomes of a path when it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Fill(u32),
    /// A colour, and a width in units.
    Stroke(u32, u32),
}

impl Canvas {
    fn new(canvas: &HtmlCanvasElement, frame: Frame, family: &str) -> Result<Canvas, NotDrawn> {
        let none = || NotDrawn("this browser has no canvas to draw on".to_owned());
        // The panel fills all of it: a picture that hides what is behind it is shown with less effort.
        let opaque = ContextAttributes2d::new();
        opaque.set_alpha(false);
        let context = canvas.get_context_with_context_options("2d", &opaque)?.ok_or_else(none)?;
        let context: CanvasRenderingContext2d = context.dyn_into().map_err(|_| none())?;
        let family = family.to_owned();
        Ok(Canvas { context, frame, family, open: None, fill: None, stroke: None, font: Cell::new(None), align: None })
    }

    /// Has all that follows drawn so many screen pixels away from its place.
    fn shift(&self, (right, down): (f64, f64)) -> Result<(), JsValue> {
        let unit = 1.0 / f64::from(DOT);
        self.context.set_transform(unit, 0.0, 0.0, unit, right, down)
    }

    /// The path that is open if it is of this kind, or a new one.
    fn path(&mut self, of: Path) -> Result<Path2d, JsValue> {
        if let Some((open, path, shapes)) = &mut self.open
            && *open == of
            && *shapes < MOST_SHAPES
        {
            *shapes += 1;
            return Ok(path.clone());
        }
        self.finish()?;
        let path = Path2d::new()?;
        self.open = Some((of, path.clone(), 1));
        Ok(path)
    }

    /// Draws what is open.
    fn finish(&mut self) -> Result<(), JsValue> {
        match self.open.take() {
            None => {}
            Some((Path::Fill(colour), path, _)) => {
                self.fill_with(colour);
                self.context.fill_with_path_2d(&path);
            }
            Some((Path::Stroke(colour, width), path, _)) => {
                let places = hairlines(colour, width);
                if self.stroke != Some((colour, width)) {
                    self.stroke = Some((colour, width));
                    self.context.set_stroke_style_str(&hex(colour));
                    self.context.set_line_width(f64::from(if places.is_some() { DOT as u32 } else { width }));
                    // The corners of a thin line are smaller than what can be seen of them, and cost most of its drawing.
                    let is_thin = f64::from(width) < THIN * self.frame.px;
                    self.context.set_line_join(if is_thin { "bevel" } else { "round" });
                }
                let Some(places) = places else {
                    self.context.stroke_with_path(&path);
                    return Ok(());
                };
                for place in places {
                    self.shift(place)?;
                    self.context.stroke_with_path(&path);
                }
                self.shift((0.0, 0.0))?;
            }
        }
        Ok(())
    }

    fn fill_with(&mut self, colour: u32) {
        if self.fill != Some(colour) {
            self.fill = Some(colour);
            self.context.set_fill_style_str(&hex(colour));
        }
    }

    /// Chooses the font of a style and gives its em in units.
    fn set_font<S: BackendTextStyle>(&self, style: &S) -> f64 {
        let em = style.size() / LEADING;
        let font = (em.round() as i32, matches!(style.style(), FontStyle::Bold));
        if self.font.replace(Some(font)) != Some(font) {
            let (units, is_bold) = font;
            let weight = if is_bold { 600 } else { 400 };
            self.context.set_font(&format!("{weight} {units}px {}", self.family));
        }
        em
    }
}

/// Where the hairlines lie that make a line of this width together, in screen pixels from its course; `None` for one that is
/// drawn as it is.
///
/// Without a graphics card a browser draws a line one pixel wide as such, and any wider one as the outline around it, in three
/// to ten times the time of three hairlines. Around two pixels wide they look the same, if their colour hides what is below.
fn hairlines(colour: u32, width: u32) -> Option<[(f64, f64); 3]> {
    let dot = DOT as u32;
    let is_opaque = colour & 0xff == 0xff;
    let away = (f64::from(width) / f64::from(dot) - 1.0) / 2.0;
    (is_opaque && (dot + 1..2 * dot).contains(&width)).then_some([
        (0.0, -away),
        (-away, away / 2.0),
        (away, away / 2.0),
    ])
}

fn trace(path: &Path2d, points: impl IntoIterator<Item = BackendCoord>) {
    let mut points = points.into_iter().map(|(x, y)| (f64::from(x), f64::from(y)));
    if let Some((x, y)) = points.next() {
        path.move_to(x, y);
    }
    points.for_each(|(x, y)| path.line_to(x, y));
}

/// As many shapes are drawn at once: the time that a path takes grows faster than what is in it.
const MOST_SHAPES: usize = 16;

/// Lines of fewer CSS pixels are thin.
const THIN: f64 = 1.5;

/// Red, green, blue and alpha in a word.
fn word(BackendColor { alpha, rgb: (r, g, b) }: BackendColor) -> u32 {
    u32::from_be_bytes([r, g, b, (alpha * 255.0).round() as u8])
}

fn hex(colour: u32) -> String {
    format!("#{colour:08x}")
}

type Drawn = Result<(), DrawingErrorKind<NotDrawn>>;

fn drawn(done: Result<(), JsValue>) -> Drawn {
    done.map_err(|thrown| DrawingErrorKind::DrawingError(NotDrawn::from(thrown)))
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
        drawn(self.finish())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &colour, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if !fill {
            return self.draw_path([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], style);
        }
        drawn(self.finish())?;
        self.fill_with(word(style.color()));
        let (width, height) = (f64::from(right - left), f64::from(bottom - top));
        self.context.fill_rect(f64::from(left), f64::from(top), width, height);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let stroke = Path::Stroke(word(style.color()), style.stroke_width());
        drawn(self.path(stroke).map(|open| trace(&open, path)))
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let colour = word(style.color());
        let kind = if fill { Path::Fill(colour) } else { Path::Stroke(colour, style.stroke_width()) };
        let (x, y, radius) = (f64::from(x), f64::from(y), f64::from(radius));
        let disc = |path: Path2d| {
            path.move_to(x + radius, y);
            path.arc(x, y, radius, 0.0, TAU)
        };
        drawn(self.path(kind).and_then(disc))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        // By itself, since the time to fill grows faster than what is in one path; and as the context's own, which no other is
        // made for.
        drawn(self.finish())?;
        self.context.begin_path();
        for (x, y) in path {
            self.context.line_to(f64::from(x), f64::from(y));
        }
        self.fill_with(word(style.color()));
        self.context.fill();
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        drawn(self.finish())?;
        let em = self.set_font(style);
        self.fill_with(word(style.color()));
        let align = match style.anchor().h_pos {
            HPos::Left => "left",
            HPos::Right => "right",
            HPos::Center => "center",
        };
        if self.align.replace(align) != Some(align) {
            self.context.set_text_align(align);
        }
        // From the anchor to the base line, for digits and capitals, which are 0.72 em high in most fonts.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.36,
            VPos::Bottom => 0.0,
        };
        drawn(self.context.fill_text(text, f64::from(x), f64::from(y) + down * em))
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
