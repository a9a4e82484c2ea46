//! A laid-out chart on any plotters backend: canvas in the browser, SVG text in tests. Decides colours and strokes and
//! nothing of where things are.

mod modes;
mod trend;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, DashedPathElement, Drawable, PointCollection, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle, TextStyle};
use plotters_backend::{BackendCoord, DrawingBackend};

use super::cue::Cue;
use super::layout::{Frame, Layout};
use super::reduce::Point;
use super::theme::Theme;

/// plotters counts a font's size with its leading; this much of it is the em.
pub const LEADING: f64 = 1.24;
/// The size of every label, in CSS pixels.
pub const TEXT: f64 = 12.0;
const TEXT_LARGE: f64 = 16.0;

pub type Drawing<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Draws a Trend over the whole of `area`, which has the size of the layout's frame; of another chart nothing.
pub fn draw_trend<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, layout: &Layout, theme: &Theme) -> Drawing<DB> {
    area.fill(&theme.panel)?;
    if let Layout::Trend(trend) = layout {
        Pen::new(area, trend.frame, theme).trend(trend)?;
    }
    area.present()
}

/// The same for any chart.
pub fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, layout: &Layout, theme: &Theme) -> Drawing<DB> {
    area.fill(&theme.panel)?;
    match layout {
        Layout::Trend(trend) => Pen::new(area, trend.frame, theme).trend(trend)?,
        Layout::Bars(bars) => Pen::new(area, bars.frame, theme).bars(bars)?,
        Layout::Share(share) => Pen::new(area, share.frame, theme).share(share)?,
    }
    area.present()
}

/// The width of a label in units, as the backend measures it; an error measures as no width, and shows when it is drawn.
pub fn room<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, frame: Frame, text: &str) -> i32 {
    let style = text_style(TEXT, FontStyle::Normal, RGBAColor(0, 0, 0, 1.0), (HPos::Left, VPos::Top), frame);
    area.estimate_text_size(text, &style).map_or(0, |(width, _)| width as i32)
}

fn text_style(
    size: f64,
    style: FontStyle,
    colour: RGBAColor,
    (h_pos, v_pos): (HPos, VPos),
    frame: Frame,
) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, size * frame.px * LEADING, style);
    TextStyle { font, color: colour.to_backend_color(), pos: Pos::new(h_pos, v_pos) }
}

/// Everything that a stroke needs.
struct Pen<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    frame: Frame,
    theme: &'a Theme,
}

impl<'a, DB: DrawingBackend> Pen<'a, DB> {
    fn new(area: &'a DrawingArea<DB, Shift>, frame: Frame, theme: &'a Theme) -> Pen<'a, DB> {
        Pen { area, frame, theme }
    }

    fn element<E>(&self, element: &E) -> Drawing<DB>
    where
        for<'b> &'b E: PointCollection<'b, BackendCoord>,
        E: Drawable<DB>,
    {
        self.area.draw(element)
    }

    fn fill(&self, left: i32, top: i32, right: i32, bottom: i32, colour: RGBAColor) -> Drawing<DB> {
        self.element(&Rectangle::new([(left, top), (right, bottom)], colour.filled()))
    }

    fn polygon(&self, outline: Vec<Point>, colour: RGBAColor) -> Drawing<DB> {
        if outline.len() < 3 { Ok(()) } else { self.element(&Polygon::new(outline, colour.filled())) }
    }

    fn stroke(&self, width: f64, colour: RGBAColor) -> ShapeStyle {
        colour.stroke_width(self.frame.css(width).max(self.frame.dot) as u32)
    }

    /// A level line, one screen pixel thick.
    fn hairline(&self, left: i32, right: i32, y: i32, colour: RGBAColor) -> Drawing<DB> {
        self.fill(left, y, right, y + self.frame.dot, colour)
    }

    fn dashed(&self, points: Vec<Point>, style: ShapeStyle) -> Drawing<DB> {
        let (dash, space) = (self.frame.css(4.0), self.frame.css(4.0));
        self.element(&DashedPathElement::new(points, dash, space, style))
    }

    fn text(&self, text: &str, at: Point, anchor: (HPos, VPos), colour: RGBAColor) -> Drawing<DB> {
        self.area.draw_text(text, &text_style(TEXT, FontStyle::Normal, colour, anchor, self.frame), at)
    }

    fn strong(&self, text: &str, at: Point, anchor: (HPos, VPos), size: f64) -> Drawing<DB> {
        self.area.draw_text(text, &text_style(size, FontStyle::Bold, self.theme.ink, anchor, self.frame), at)
    }

    /// A column's shape at some places, with a rim in the panel's colour that keeps it off its line. All rims first: a browser
    /// is told a colour twice and not with each shape.
    fn cues_at(&self, column: usize, places: &[Point], radius: f64) -> Drawing<DB> {
        let (radius, rim) = (radius * self.frame.px, 1.5 * self.frame.px);
        let of_shape = (radius, self.theme.series(column));
        for (radius, colour) in [(radius + rim, self.theme.panel), of_shape] {
            for at in places {
                match Cue::of(column) {
                    Cue::Circle => self.element(&Circle::new(*at, radius as i32, colour.filled()))?,
                    cue => self.polygon(cue.at(*at, radius), colour)?,
                }
            }
        }
        Ok(())
    }
}
