//! One row: its name, which digs in where it can, and its cells.
//!
//! Rows are made by hand and not by `view!`: the browser reads all that are new as one piece of HTML. Of a long table that is
//! most of what is on the page, nothing in a row changes by itself, and to fill each cell by calls took twice as long.

use std::sync::Arc;

use crate::evidence::Evidence;
use crate::format::{self, Years};
use crate::state::ViewState;
use crate::text;
use crate::window::Window;
use mailtally_model::subject::UNATTRIBUTED;
use mailtally_model::table::Row;
use mailtally_model::{Column, Table};

/// What rows are made from.
pub struct Maker {
    table: Arc<Table>,
    /// Where links lead from.
    state: ViewState,
    window: Arc<Window>,
    /// Shown unless all dates lie in the current one.
    years: Years,
    /// Of each column.
    largest: Vec<f64>,
}

impl Maker {
    pub fn new(table: Arc<Table>, state: ViewState, window: Arc<Window>) -> Maker {
        let years = window.years();
        let largest = table.columns.iter().map(format::largest).collect();
        Maker { table, state, window, years, largest }
    }

    /// Rows at places in the Table, as the browser reads them, each with its number where that is to be told.
    pub fn html(&self, rows: &[(u32, Option<usize>)]) -> String {
        let mut html = String::new();
        rows.iter().for_each(|(at, index)| self.write(&mut html, *at as usize, *index));
        html
    }

    /// Cells that are not seen, and make each column as wide as these rows will: what stands in it, line below line.
    pub fn widths(&self, rows: &[u32]) -> String {
        let rows = || rows.iter().filter_map(|at| Some((*at as usize, self.table.rows.get(*at as usize)?)));
        let mut html = String::from("<th>");
        for (at, row) in rows() {
            let note = self.note(row, at);
            if let Some(note) = &note {
                html.push_str("<span");
                attribute(&mut html, "data-note", note);
                html.push('>');
            }
            escape(&mut html, &self.name(row));
            html.push_str(if note.is_some() { "</span><br>" } else { "<br>" });
        }
        html.push_str("</th>");
        for (column, largest) in self.table.columns.iter().zip(&self.largest) {
            html.push_str("<td>");
            let mut last = String::new();
            for (at, row) in rows() {
                let words = words(Some(row), (column.column, *largest, column.cells.get(at).copied().flatten()));
                // Nothing happened day after day: one is as wide as all.
                if words != last {
                    escape(&mut html, &words);
                    html.push_str("<br>");
                    last = words;
                }
            }
            html.push_str("</td>");
        }
        html
    }

    fn name(&self, row: &Row) -> String {
        format::row_name(row, self.table.step, self.years, &self.window.zone)
    }

    /// An order may be one Table older than its rows, for as long as it takes to say so: a row that is not there is empty.
    fn write(&self, html: &mut String, at: usize, index: Option<usize>) {
        let Some(row) = self.table.rows.get(at) else { return html.push_str("<tr></tr>") };
        // Drawn by style/table.css: the cell holds the name alone.
        let note = self.note(row, at);
        html.push_str(if note.is_some() { "<tr class=\"partial\"" } else { "<tr" });
        if let Some(index) = index {
            attribute(html, "aria-rowindex", &index.to_string());
        }
        html.push_str("><th scope=\"row\"");
        attribute(html, "data-key", &self.table.key(row));
        if let Some(note) = note {
            attribute(html, "data-note", &note);
        }
        html.push('>');
        content(html, "", &self.name(row), self.leads_to(row).as_deref());
        html.push_str("</th>");
        for (column, largest) in self.table.columns.iter().zip(&self.largest) {
            let value = column.cells.get(at).copied().flatten();
            html.push_str("<td");
            if value.is_none() {
                let is_told = column.column.is_told_by(self.table.by);
                attribute(html, "class", "none");
                attribute(html, "title", if is_told { text::no_value(column.basis) } else { text::OF_THE_SERVER });
            }
            html.push('>');
            let (words, link) = number(&self.table, &self.state, Some(row), (column.column, *largest, value));
            content(html, "cell", &words, link.as_deref());
            html.push_str("</td>");
        }
        html.push_str("</tr>");
    }

    /// Why a row is not whole.
    fn note(&self, row: &Row, at: usize) -> Option<String> {
        // A report without a source misses nothing.
        let has_source = self.table.columns.iter().any(|column| column.basis.has_values());
        match row {
            Row::Step { .. } if !has_source => None,
            Row::Step { .. } if format::is_unobserved(&self.table, at) => Some(text::NOT_OBSERVED.to_owned()),
            Row::Step { partial: Some(partial), .. } => {
                Some(format::partial_note(*partial, self.table.step, &self.window.zone))
            }
            _ => None,
        }
    }

    /// The address of a child that can be viewed by itself.
    fn leads_to(&self, row: &Row) -> Option<String> {
        match row {
            Row::Child(child) if self.table.report.exists_for(child) => Some(self.state.dig(child).url()),
            _ => None,
        }
    }
}

/// What stands in a cell: a link, or words alone. One stop for Tab: arrows walk the cells (`walk`).
fn content(html: &mut String, class: &str, words: &str, link: Option<&str>) {
    if let Some(address) = link {
        html.push_str("<a tabindex=\"-1\"");
        attribute(html, "class", class);
        attribute(html, "href", address);
        html.push('>');
    }
    escape(html, words);
    if link.is_some() {
        html.push_str("</a>");
    }
}

fn attribute(html: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        html.push(' ');
        html.push_str(name);
        html.push_str("=\"");
        escape(html, value);
        html.push('"');
    }
}

/// A text as HTML holds it, between elements and between quotes: names come from logs, and are data.
fn escape(html: &mut String, text: &str) {
    let mut rest = text;
    // Cut where it may be: what says why a text cannot be cut somewhere is two kilobytes to load.
    while let Some((before, from)) = rest.find(['&', '<', '>', '"']).and_then(|at| rest.split_at_checked(at)) {
        html.push_str(before);
        let mut from = from.chars();
        html.push_str(match from.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            _ => "&quot;",
        });
        rest = from.as_str();
    }
    html.push_str(rest);
}

/// A number in words, beside the largest of its column, and the address of the events that it was made of; `row` is `None`
/// for the totals.
pub fn number(
    table: &Table,
    state: &ViewState,
    row: Option<&Row>,
    (column, largest, value): (&'static Column, f64, Option<f64>),
) -> (String, Option<String>) {
    let words = words(row, (column, largest, value));
    let (subject, span) = match row {
        // What belongs to none of the names has no address of its own.
        Some(Row::Rest(_)) => return (words, None),
        Some(Row::Step { span, .. }) => (&table.subject, span.intersect(table.span)),
        Some(Row::Child(child)) => (child, table.span),
        None => (&table.subject, table.span),
    };
    let is_made_of_events = value.is_some_and(|value| value > 0.0);
    let link = is_made_of_events.then(|| Evidence::of_cell(state, column, Some(subject.clone()), span).url());
    (words, link)
}

fn words(row: Option<&Row>, (column, largest, value): (&Column, f64, Option<f64>)) -> String {
    match row {
        // What overlaps leaves nothing that could be said to belong to none: no number, observed or not.
        Some(Row::Rest(UNATTRIBUTED)) if !column.is_additive() => String::new(),
        _ => format::cell_beside(column, largest, value),
    }
}

#[cfg(test)]
mod tests {
    use mailtally_model::table::TableColumn;
    use mailtally_model::{Basis, By, Span, Step, Subject, Time, Zone, catalogue};

    use super::*;
    use crate::range::Range;
    use crate::window;

    #[test]
    fn a_hostile_name_is_text_in_its_row() {
        let report = catalogue::find("message-traffic").expect("a report");
        let name = "\"><script>alert('&amp;')</script>@example.com";
        let cells = |value| vec![value];
        let column = |nth: usize, value| TableColumn {
            column: &report.columns[nth],
            basis: Basis::Exact,
            cells: cells(value),
            total: value,
        };
        let table = Table {
            report,
            subject: Subject::Domain("example.com".into()),
            by: By::Users,
            step: Step::Day,
            zone: Zone::utc(),
            span: Span::new(Time(0), Time(900)),
            columns: vec![column(0, Some(1_234.0)), column(1, None)],
            rows: vec![Row::Child(Subject::Mailbox(name.into()))],
        };
        let window = Arc::new(window::window(Range::default(), "UTC", Time(0)));
        let html = Maker::new(Arc::new(table), ViewState::new(report), window).html(&[(0, Some(2)), (7, None)]);
        insta::assert_snapshot!(html.replace("><t", ">\n<t"), @r#"
        <tr aria-rowindex="2">
        <th scope="row" data-key="&quot;&gt;&lt;script&gt;alert('&amp;amp;')&lt;/script&gt;@example.com"><a tabindex="-1" href="/reports/message-traffic?subject=%22%3E%3Cscript%3Ealert%28%27%26amp%3B%27%29%3C%2Fscript%3E%40example.com">&quot;&gt;&lt;script&gt;alert('&amp;amp;')&lt;/script&gt;@example.com</a></th>
        <td><a tabindex="-1" class="cell" href="/events?report=message-traffic&amp;column=incoming&amp;subject=%22%3E%3Cscript%3Ealert%28%27%26amp%3B%27%29%3C%2Fscript%3E%40example.com&amp;from=0&amp;until=900">1,234</a></td>
        <td class="none" title="not observed">–</td></tr>
        <tr></tr>
        "#);
    }
}
