//! What a chart says beside its picture: the values under the crosshair, what is not drawn, and the picture in a sentence.
//! Pure; the component only places it.

use std::collections::BTreeSet;

use mailtally_model::table::Row;
use mailtally_model::{By, Table};

use super::kind::ChartKind;
use super::layout::Layout;
use crate::compare::{self, Before, Change, Missing};
use crate::format::{self, Years};
use crate::text;

/// What the tooltip says of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Tip {
    pub title: String,
    /// Why the row is not whole.
    pub note: Option<String>,
    /// Which step the changes are held against.
    pub against: Option<String>,
    pub lines: Vec<TipLine>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TipLine {
    /// The column's place in the table.
    pub column: usize,
    pub label: &'static str,
    /// `None` is not observed.
    pub value: Option<String>,
    /// How it stands to the same step of the period compared with.
    pub change: Option<Change>,
    /// What that step had, where there is one.
    pub before: Option<String>,
    /// What such steps usually show, where this one is far above.
    pub usual: Option<String>,
}

/// What a tooltip knows beside the row.
#[derive(Clone, Copy)]
pub struct TipBeside<'a> {
    pub layout: &'a Layout,
    pub before: Option<&'a Before>,
}

impl Tip {
    /// Every value of a row, hidden series aside.
    pub fn of(table: &Table, row: usize, hidden: &BTreeSet<String>, beside: TipBeside) -> Option<Tip> {
        let of = table.rows.get(row)?;
        let note = match of {
            // Each value says so itself.
            Row::Step { .. } if format::is_unobserved(table, row) => None,
            Row::Step { partial, .. } => partial.map(|partial| format::partial_note(partial, table.step, &table.zone)),
            Row::Child(_) | Row::Rest(_) => None,
        };
        let lines = table.columns.iter().enumerate().filter(|(_, column)| !hidden.contains(column.column.id));
        let lines = lines.filter(|(_, column)| column.column.is_told_by(table.by));
        let counterpart = beside.before.and_then(|before| Some((before, before.rows.get(row).copied().flatten()?)));
        let lines = lines.map(|(at, column)| {
            let mark = text::basis_mark(column.basis).map(|mark| format!("{mark} ")).unwrap_or_default();
            let value = column.cells.get(row).copied().flatten();
            let earlier = counterpart.and_then(|(before, _)| before.of(column.column));
            let then = earlier.and_then(|earlier| earlier.cells.get(row).copied().flatten());
            let said = value.zip(then).zip(earlier).map(|((value, then), earlier)| {
                compare::said(column.column, value, earlier.held_cell(row, value), then)
            });
            TipLine {
                column: at,
                label: column.column.label,
                value: value.map(|value| format!("{mark}{}", format::headline(column.column, Some(value)))),
                change: said.as_ref().map(|(change, _)| change.clone()).filter(|change| !change.words.is_empty()),
                before: value.and(counterpart).map(|_| match said {
                    Some((_, on)) => on,
                    None => text::not_compared(Missing::NotObserved).to_owned(),
                }),
                usual: beside.layout.usual(row, at).map(|usual| {
                    let words = |value| format::headline(column.column, Some(value));
                    text::usually(&words(usual.low), &words(usual.high))
                }),
            }
        });
        let lines = lines.collect();
        let title = format::row_name(of, table.step, Years::Shown, &table.zone);
        let against = counterpart
            .map(|(before, span)| text::tip_against(&format::step_name(table.step, span, Years::Shown, &before.zone)));
        Some(Tip { title, note, against, lines })
    }

    /// The same in one line, for a screen reader.
    pub fn spoken(&self) -> String {
        let values = self.lines.iter().map(|line| {
            let value = line.value.as_deref().unwrap_or(text::NOT_OBSERVED);
            let change = line.change.as_ref().map(|change| change.words.as_str());
            let change = [change, line.before.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let change = if change.is_empty() { change } else { format!(" ({change})") };
            let usual = line.usual.as_ref().map(|usual| format!(", {usual}")).unwrap_or_default();
            format!("{} {value}{change}{usual}", line.label)
        });
        let title = [Some(&self.title), self.note.as_ref(), self.against.as_ref()];
        let title = title.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("{title}: {}", values.collect::<Vec<_>>().join(", "))
    }
}

/// What is wanted and not in the picture, in sentences.
pub fn notes(table: &Table, layout: &Layout) -> Vec<String> {
    let (columns, rows) = layout.not_drawn();
    let mut notes = Vec::new();
    if !columns.is_empty() {
        let names: Vec<&str> = columns.iter().map(|at| table.columns[*at].column.label).collect();
        let names = names.join(", ");
        notes.push(match layout {
            Layout::Share(_) => text::chart_no_whole(&names),
            Layout::Trend(_) | Layout::Bars(_) => text::chart_other_unit(&names),
        });
    }
    if rows > 0 {
        let drawn = layout.rows().len();
        notes.push(text::chart_first_rows(drawn, drawn + rows));
    }
    notes
}

/// The picture in a sentence or two: what, of whom, over which rows, and each series' highest value.
pub fn summary(table: &Table, kind: ChartKind, layout: &Layout, hidden: &BTreeSet<String>) -> String {
    let what = text::chart_is(table.report.title, &text::subject_name(&table.subject), kind.label());
    let rows = layout.rows();
    let name = |row: usize| format::row_name(&table.rows[row], table.step, Years::Shown, &table.zone);
    let range = match (table.by, rows.first(), rows.last()) {
        (By::Time, Some(first), Some(last)) => text::chart_from_to(&name(*first), &name(*last)),
        _ => text::chart_rows(rows.len()),
    };
    let highest = table.columns.iter().filter(|column| !hidden.contains(column.column.id)).filter_map(|column| {
        let mut highest = None;
        for row in &rows {
            if let Some(value) = column.cells[*row]
                && highest.is_none_or(|(_, most)| value >= most)
            {
                highest = Some((*row, value));
            }
        }
        let (row, value) = highest?;
        let value = format::headline(column.column, Some(value));
        Some(text::chart_highest(column.column.label, &value, &name(row)))
    });
    let sentences = [what, range].into_iter().chain(highest).chain([text::CHART_TABLE_HAS_ALL.to_owned()]);
    sentences.collect::<Vec<_>>().join(" ")
}
