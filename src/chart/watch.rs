//! What a drawing depends on beside its data: the element's width, the screen's pixels, light or dark. One signal, whose
//! listeners go with their owner.
//!
//! A chart begins with what the last one stood in, as long as the window is as wide as then. It is drawn before the page is
//! laid out, so that its height counts from the first; else the browser lays out twice, and shows the picture a frame later.
//! The first begins with what the still frame keeps free for it. If something is another way by now, the browser says so in
//! that same frame.

use std::cell::RefCell;
use std::rc::Rc;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use web_sys::{CssStyleDeclaration, Element, MutationObserver, MutationObserverInit, ResizeObserver, Window};

use super::theme::Theme;
use crate::effect;

#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// In CSS pixels.
    pub width: f64,
    /// Screen pixels in a CSS pixel.
    pub ratio: f64,
    pub theme: Theme,
    /// The page's fonts, as CSS lists them.
    pub family: String,
    /// What the page calls its theme: its tokens are what they were as long as this is. `None` before there is a sheet.
    named: Option<String>,
}

thread_local! {
    /// What the last chart stood in, and how wide the window was.
    static LAST: RefCell<Option<(f64, Surroundings)>> = RefCell::default();
}

fn root(window: &Window) -> Option<Element> {
    window.document()?.document_element()
}

fn window_width(window: &Window) -> f64 {
    window.inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(0.0)
}

/// Looks where the first chart will be, in what stands there until the app does: that is laid out, and asking costs nothing.
pub fn expect(still: &Element) {
    let plot = still.query_selector(".chart-plot").ok().flatten();
    if let (Some(plot), Some(window)) = (plot, web_sys::window()) {
        let seen = Surroundings::seen(&window, f64::from(plot.client_width()), None);
        // Before there is a sheet nothing is as it will be.
        if seen.width > 0.0 && seen.named.is_some() {
            LAST.set(Some((window_width(&window), seen)));
        }
    }
}

impl Surroundings {
    /// Of an element of this width; what hangs on the page's theme is the last one's where that is the same.
    fn seen(window: &Window, width: f64, last: Option<Surroundings>) -> Surroundings {
        let ratio = window.device_pixel_ratio().max(1.0);
        let named = root(window).map(|root| root.get_attribute("data-theme").unwrap_or_default());
        if let Some(last) = last.filter(|last| last.named == named) {
            return Surroundings { width, ratio, ..last };
        }
        let style = Style::of_page(window);
        let (theme, family) = (style.theme(), style.family());
        let named = named.filter(|_| family.is_some());
        Surroundings { width, ratio, theme, named, family: family.unwrap_or_else(|| "sans-serif".to_owned()) }
    }
}

/// Watches an element from when it stands on the page; before, the last one's are given, or none.
pub fn surroundings(element: NodeRef<Div>) -> ReadSignal<Option<Surroundings>> {
    let now = web_sys::window().map_or(0.0, |window| window_width(&window));
    let last = LAST.with_borrow(|last| last.clone().filter(|(then, _)| *then == now).map(|(_, seen)| seen));
    let (read, write) = signal(last);
    let watch = StoredValue::new_local(None);
    effect(move |_| {
        let (Some(element), Some(window)) = (element.get(), web_sys::window()) else { return };
        let look = {
            let (element, window) = (element.clone(), window.clone());
            move || {
                let last = read.get_untracked();
                let seen = Surroundings::seen(&window, f64::from(element.client_width()), last.clone());
                // Observers speak up without a change, too.
                if seen.width > 0.0 && last.as_ref() != Some(&seen) {
                    LAST.set(Some((window_width(&window), seen.clone())));
                    write.set(Some(seen));
                }
            }
        };
        // The browser says the size when it has laid the page out; to ask makes it do so twice. But a chart that has nothing to
        // begin with would be painted without a picture and too low: what is below it would jump.
        if read.with_untracked(Option::is_none) {
            look();
        }
        watch.set_value(Some(Watched::begin(element.into(), look)));
    });
    read
}

/// The page's colours as they are now.
pub fn theme(window: &Window) -> Theme {
    Style::of_page(window).theme()
}

/// The page's tokens as they are now.
struct Style(Option<CssStyleDeclaration>);

impl Style {
    fn of_page(window: &Window) -> Style {
        Style(root(window).and_then(|root| window.get_computed_style(&root).ok().flatten()))
    }

    fn token(&self, name: &str) -> Option<String> {
        self.0.as_ref()?.get_property_value(name).ok().filter(|value| !value.is_empty())
    }

    fn theme(&self) -> Theme {
        Theme::of_page(|name| self.token(name))
    }

    /// What style/chart.css gives the canvas.
    fn family(&self) -> Option<String> {
        self.token("--font")
    }
}

/// Where a chart stands, and what it does when something may have changed.
type Chart = (Element, Rc<dyn Fn()>);

/// What is told of all charts that stand on the page. Its listeners stay as long as the page: to make and drop them with each
/// chart took as long as half its drawing.
struct Watch {
    size: ResizeObserver,
    charts: RefCell<Vec<Chart>>,
}

thread_local! {
    /// `None` where the browser has none of this; then there is no chart.
    static WATCH: Option<Watch> = Watch::begin();
}

impl Watch {
    fn begin() -> Option<Watch> {
        let window = web_sys::window()?;
        let look = Closure::<dyn Fn()>::new(|| WATCH.with(|watch| watch.iter().for_each(Watch::look)));
        let function = look.as_ref().unchecked_ref();
        let size = ResizeObserver::new(function).ok()?;
        // Light and dark are an attribute of the page, whoever chooses (style/first.js).
        let options = MutationObserverInit::new();
        options.set_attributes(true);
        let root = root(&window)?;
        MutationObserver::new(function).ok()?.observe_with_options(&root, &options).ok()?;
        // Zooming and moving to another screen change the ratio and resize the window.
        window.add_event_listener_with_callback("resize", function).ok()?;
        look.forget();
        Some(Watch { size, charts: RefCell::default() })
    }

    fn look(&self) {
        // One that looks may lead to a chart more, or less.
        let looks: Vec<_> = self.charts.borrow().iter().map(|(_, look)| Rc::clone(look)).collect();
        looks.iter().for_each(|look| look());
    }
}

/// A chart that is watched until this is dropped.
struct Watched(Element);

impl Watched {
    fn begin(element: Element, look: impl Fn() + 'static) -> Watched {
        WATCH.with(|watch| {
            if let Some(watch) = watch {
                watch.size.observe(&element);
                watch.charts.borrow_mut().push((element.clone(), Rc::new(look)));
            }
        });
        Watched(element)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        WATCH.with(|watch| {
            if let Some(watch) = watch {
                watch.size.unobserve(&self.0);
                watch.charts.borrow_mut().retain(|(element, _)| *element != self.0);
            }
        });
    }
}
