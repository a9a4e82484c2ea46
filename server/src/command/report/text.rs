//! The Table as text: columns aligned, numbers to the right, in the units of the screen.

use std::io::{self, Write};

use mailtally_model::table::TableColumn;
use mailtally_model::{Basis, Table};

use crate::command::escape;

/// For a cell that was not observed or is not available: not a zero.
const NOTHING: &str = "–";

/// Writes a head, the rows in order, and the totals.
pub fn write(out: &mut impl Write, table: &Table, order: &[u32]) -> io::Result<()> {
    let mut lines = vec![line(table.first_label().to_owned(), table, head)];
    for row in order {
        let index = *row as usize;
        lines.push(line(escape(&table.key(&table.rows[index])), table, |column| cell(column, column.cells[index])));
    }
    lines.push(line("Total".to_owned(), table, |column| cell(column, column.total)));

    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=table.columns.len()).map(width).collect();
    for line in &lines {
        write!(out, "{:<width$}", line[0], width = widths[0])?;
        for (text, width) in line.iter().zip(&widths).skip(1) {
            write!(out, "  {text:>width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn line(name: String, table: &Table, cell: impl Fn(&TableColumn) -> String) -> Vec<String> {
    std::iter::once(name).chain(table.columns.iter().map(cell)).collect()
}

/// The label, its unit, and a mark where the numbers are not exact.
fn head(column: &TableColumn) -> String {
    let label = column.column.label;
    let unit = match column.column.shown_as.unit_shown() {
        "" => String::new(),
        unit => format!(" ({unit})"),
    };
    let mark = match column.basis {
        Basis::Exact => "",
        Basis::LowerBound => " ≥",
        Basis::Estimate => " ≈",
        Basis::NotAvailable => " (not available)",
        Basis::NotConfigured => " (not configured)",
    };
    format!("{label}{unit}{mark}")
}

fn cell(column: &TableColumn, value: Option<f64>) -> String {
    let Some(value) = value else { return NOTHING.to_owned() };
    let shown = value / column.column.shown_as.divisor();
    let decimals = if column.column.is_average() { 2 } else { 0 };
    group(&format!("{shown:.decimals$}"))
}

/// `1234567.5` → `1,234,567.5`.
fn group(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits = whole.trim_start_matches('-').len();
    let mut grouped = String::with_capacity(number.len() + digits / 3);
    for (index, c) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && c.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(c);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, grouped) in
            [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.50", "-1,234,567.50"), ("-100", "-100")]
        {
            assert_eq!(group(number), grouped);
        }
    }
}
