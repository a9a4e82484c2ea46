//! The rows on the page: made once, moved where an order changes, taken away when they leave the screen.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use mailtally_model::Table;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use super::row::Maker;
use super::scroll::{ROW_HEIGHT, Rows};
use crate::context::View;
use crate::memo::Memo;
use crate::state::ViewState;
use crate::window::Window;

/// Keeps the rows in `place` as the signals say. Another order moves them; another Table makes new ones.
pub fn fill(
    place: NodeRef<html::Tbody>,
    table: Signal<Arc<Table>>,
    order: Signal<Arc<Vec<u32>>>,
    window: Signal<Arc<Window>>,
    rows: Memo<Rows>,
    is_windowed: Memo<bool>,
) {
    let view = View::get();
    // What the links of names say: they lead away from how rows are sorted.
    let from = Memo::new(move |_| ViewState { sort: None, chart: None, filter: String::new(), ..view.state.get() });
    Effect::new(move |last: Option<Option<Body>>| {
        let place = place.get()?;
        let (table, from) = (table.get(), from.get());
        let is_same = |last: &Body| Arc::ptr_eq(&last.table, &table) && last.from == from;
        let kept = last.flatten().filter(is_same);
        let mut body = match kept {
            Some(body) => body,
            None => Body::begin(&place, table, from, window.get_untracked()).ok()?,
        };
        let (order, rows) = (order.read(), rows.get());
        let (upper, below) = order.split_at(rows.until.min(order.len()));
        let shown = upper.get(rows.first..).unwrap_or_default();
        let windowed = is_windowed.get_untracked().then_some(rows.first);
        // A browser that will not take a row has said so in its console, and shows the others.
        let _ = body.show(shown, windowed, below);
        Some(body)
    });
}

/// What stands in the table's body.
struct Body {
    table: Arc<Table>,
    from: ViewState,
    maker: Maker,
    place: Element,
    /// Where new rows are read from HTML; it stands nowhere.
    nursery: Element,
    /// Stand for the rows above and below those on screen.
    spacers: [HtmlElement; 2],
    /// As they stand, each with its place in the Table.
    rows: Vec<(u32, Element)>,
}

impl Body {
    fn begin(place: &Element, table: Arc<Table>, from: ViewState, window: Arc<Window>) -> Result<Body, JsValue> {
        let maker = Maker::new(table.clone(), from.clone(), window);
        let nursery = document().create_element("tbody")?;
        let spacers = [spacer()?, spacer()?];
        place.set_text_content(None);
        Ok(Body { table, from, maker, place: place.clone(), nursery, spacers, rows: Vec::new() })
    }

    /// Shows some rows, of a windowed table with so many above them. Those `below` are as high all together as they will be, and of
    /// a table that becomes whole as wide.
    fn show(&mut self, shown: &[u32], windowed: Option<usize>, below: &[u32]) -> Result<(), JsValue> {
        let above = windowed.unwrap_or(0);
        // Only of a table that is not whole on the page: else the browser counts them itself.
        let is_part = above > 0 || !below.is_empty();
        let index = |nth: usize| windowed.filter(|_| is_part).map(|above| above + nth + 2);
        if windowed.is_none() && is_part {
            self.spacers[1].set_inner_html(&self.maker.widths(below));
        }
        let below = below.len();
        let mut gone = std::mem::take(&mut self.rows);
        let kept = |at: &u32| Some(gone.swap_remove(gone.iter().position(|(known, _)| known == at)?).1);
        let kept: Vec<Option<Element>> = shown.iter().map(kept).collect();
        let is_new = |(nth, (at, kept)): (usize, (&u32, &Option<Element>))| kept.is_none().then_some((*at, index(nth)));
        let new: Vec<(u32, Option<usize>)> = shown.iter().zip(&kept).enumerate().filter_map(is_new).collect();
        let html = self.maker.html(&new);
        if new.len() == shown.len() {
            self.place.set_inner_html(&html);
            self.rows = shown.iter().copied().zip(children(&self.place)).collect();
            return self.stretch_spacers(above, below);
        }
        self.stretch_spacers(above, below)?;
        gone.iter().for_each(|(_, row)| row.remove());
        self.nursery.set_inner_html(&html);
        let mut new = children(&self.nursery).into_iter();
        for (nth, (at, kept)) in shown.iter().zip(kept).enumerate() {
            if let Some(row) = &kept {
                match index(nth) {
                    Some(index) => row.set_attribute("aria-rowindex", &index.to_string())?,
                    None => row.remove_attribute("aria-rowindex")?,
                }
            }
            if let Some(row) = kept.or_else(|| new.next()) {
                self.rows.push((*at, row));
            }
        }
        // From the first to the last; a row that stands where it shall is not touched.
        let mut next = if above > 0 { self.spacers[0].next_sibling() } else { self.place.first_child() };
        for (_, row) in &self.rows {
            if next.as_ref().is_some_and(|next| next.is_same_node(Some(row))) {
                next = row.next_sibling();
            } else {
                self.place.insert_before(row, next.as_ref())?;
            }
        }
        Ok(())
    }

    fn stretch_spacers(&self, above: usize, below: usize) -> Result<(), JsValue> {
        let [spacer_above, spacer_below] = &self.spacers;
        stretch(spacer_above, above, || self.place.prepend_with_node_1(spacer_above))?;
        stretch(spacer_below, below, || self.place.append_with_node_1(spacer_below))
    }
}

fn children(of: &Element) -> Vec<Element> {
    std::iter::successors(of.first_element_child(), Element::next_element_sibling).collect()
}

/// Gives a spacer the height of so many rows, and puts it in its place; where there are none, it goes.
fn stretch(spacer: &HtmlElement, rows: usize, put: impl FnOnce() -> Result<(), JsValue>) -> Result<(), JsValue> {
    if rows == 0 {
        spacer.remove();
        return Ok(());
    }
    spacer.style().set_property("height", &format!("{}px", rows * ROW_HEIGHT))?;
    if spacer.is_connected() { Ok(()) } else { put() }
}

fn spacer() -> Result<HtmlElement, JsValue> {
    let spacer: HtmlElement = document().create_element("tr")?.unchecked_into();
    spacer.set_class_name("spacer");
    spacer.set_attribute("aria-hidden", "true")?;
    Ok(spacer)
}
