//! The Table as a CSV file: RFC 4180, UTF-8, CRLF, raw numbers, text cells guarded against formulas.

use std::borrow::Cow;

use crate::report_json::Number;
use crate::step::{Step, weekday};
use crate::table::{Row, Table, TableColumn};
use crate::wire::By;
use crate::zone::Zone;

/// File systems take names of 255 bytes; this leaves room for what a browser adds to a name that is taken.
const MAX_FILE_NAME_BYTES: usize = 200;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// A byte order mark, so that Excel takes the file for UTF-8.
    pub byte_order_mark: bool,
    /// A column that says of each step whether it was observed: `yes`, `partly` or `no`. Only a Trend has steps.
    pub observed: bool,
    /// Rows alone, for who adds them up.
    pub without_totals: bool,
}

/// The rows of `order`, as they stand on screen. The head carries units (`Bandwidth (B)`); a Trend has the step's key, its
/// start in ISO 8601 with offset and, for days, a weekday; the last row is the totals, unless they are left out.
pub fn write(table: &Table, order: &[u32], zone: &Zone, options: CsvOptions) -> Vec<u8> {
    let mut lines = Lines::with_room((order.len() + 2) * (table.columns.len() + 1) * ROOM_FOR_A_CELL);
    if options.byte_order_mark {
        lines.bytes.extend_from_slice("\u{feff}".as_bytes());
    }
    let says_observed = options.observed && table.by == By::Time;
    let names: Vec<&str> = names(table).into_iter().chain(says_observed.then_some("Observed")).collect();
    for name in &names {
        lines.text(name);
    }
    for column in &table.columns {
        lines.text(&head(column));
    }
    lines.end();
    for &position in order {
        let position = position as usize;
        name_cells(&mut lines, table, &table.rows[position], zone);
        if says_observed {
            lines.text(observed(table, position));
        }
        for column in &table.columns {
            lines.number(column.cells[position]);
        }
        lines.end();
    }
    if options.without_totals {
        return lines.bytes;
    }
    let mut total = |name: &str, of: &dyn Fn(usize) -> Option<f64>| {
        lines.text(name);
        for _ in 1..names.len() {
            lines.text("");
        }
        for column in 0..table.columns.len() {
            lines.number(of(column));
        }
        lines.end();
    };
    let is_filtered = order.len() < table.rows.len();
    if is_filtered {
        total("Total (filtered)", &|column| table.sum_shown(order, column));
    }
    // The subject's own, whatever a filter leaves of its rows.
    let are_means = table.columns.iter().all(|column| column.column.is_average());
    let name = match is_filtered {
        true => "Total (unfiltered)",
        false if are_means && !table.columns.is_empty() => "Average",
        false => "Total",
    };
    total(name, &|column| table.columns[column].total);
    lines.bytes
}

/// A guess that spares most of the growing.
const ROOM_FOR_A_CELL: usize = 8;

/// A file as it grows. Cells are written where they belong: made as texts first, a million rows took four times as long,
/// and a browser stands still meanwhile. A property holds it to the `csv` crate, which is the measure of RFC 4180.
struct Lines {
    bytes: Vec<u8>,
    is_first: bool,
}

impl Lines {
    fn with_room(bytes: usize) -> Lines {
        Lines { bytes: Vec::with_capacity(bytes), is_first: true }
    }

    /// Begins a cell.
    fn cell(&mut self) -> &mut Vec<u8> {
        if !self.is_first {
            self.bytes.push(b',');
        }
        self.is_first = false;
        &mut self.bytes
    }

    /// In quotes where the text holds what would end a cell or a line; a quote in it is written twice.
    fn text(&mut self, text: &str) {
        let cell = self.cell();
        if !text.bytes().any(|byte| matches!(byte, b'"' | b',' | b'\r' | b'\n')) {
            return cell.extend_from_slice(text.as_bytes());
        }
        cell.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                cell.push(b'"');
            }
            cell.push(byte);
        }
        cell.push(b'"');
    }

    /// Raw, without grouping and with a point whatever the locale; empty for what was not observed. Not a line's first cell,
    /// which is a name.
    #[inline(always)]
    fn number(&mut self, value: Option<f64>) {
        // A sum of counters: whole, and nearly all that there is.
        match value.and_then(whole) {
            Some(number) => self.whole_number(number),
            None => self.other_number(value),
        }
    }

    #[inline(always)]
    fn whole_number(&mut self, number: u64) {
        if number < EIGHT_DIGITS {
            return self.first_digits(number);
        }
        self.first_digits(number / EIGHT_DIGITS);
        self.bytes.extend_from_slice(&(digits_of(number % EIGHT_DIGITS) + ZEROS).to_le_bytes());
    }

    /// The comma before a cell, and the digits of a number below a hundred million, without zeros before them.
    #[inline(always)]
    fn first_digits(&mut self, number: u64) {
        let word = digits_of(number);
        // The last digit is one, even if it is zero.
        let zeros = (word.trailing_zeros() / 8).min(7);
        let mut text = (word + ZEROS) >> (8 * zeros);
        let mut length = 8 - zeros as usize;
        if length < 8 {
            text = text << 8 | u64::from(b',');
            length += 1;
        } else {
            self.bytes.push(b',');
        }
        // All eight bytes, then back to those that count: a copy of a length that the compiler knows is one store.
        let end = self.bytes.len() + length;
        self.bytes.extend_from_slice(&text.to_le_bytes());
        self.bytes.truncate(end);
    }

    /// Apart from whole numbers, which are many: what writes a fraction would stand in their way.
    #[inline(never)]
    fn other_number(&mut self, value: Option<f64>) {
        self.bytes.push(b',');
        if let Some(value) = value {
            self.bytes.extend_from_slice(Number(value).to_string().as_bytes());
        }
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
        self.is_first = true;
    }
}

/// The first number of nine digits.
const EIGHT_DIGITS: u64 = 100_000_000;

/// Eight times the digit zero.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// A whole number that is none too large for all its digits to be known.
///
/// Added to 2^52, it stands in the lowest bits as it is; a conversion and back looks first at what is out of range.
#[inline(always)]
fn whole(value: f64) -> Option<u64> {
    const ABOVE: f64 = (1_u64 << 52) as f64;
    let moved = value + ABOVE;
    ((0.0..ABOVE).contains(&value) && moved - ABOVE == value).then(|| moved.to_bits() - ABOVE.to_bits())
}

/// The eight digits of a number below a hundred million, one in each byte, the first in the lowest.
///
/// All at once instead of one after the other: the word is parted into fours, pairs and ones, as the wire's reader joins
/// them. To multiply and shift is to divide, exact for numbers of that size.
#[inline(always)]
fn digits_of(number: u64) -> u64 {
    // Below 2^32, and halves of a word are divided quicker than words.
    let number = number as u32;
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = ((fours * 5_243) >> 19) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

/// A line of few cells, each in quotes where it must be.
pub(crate) fn line<const N: usize>(fields: [&str; N]) -> String {
    let quoted = fields.map(|field| match field.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    });
    quoted.join(",") + "\r\n"
}

/// A cell that a spreadsheet would take for a formula gets a leading apostrophe. Text cells only: `-1` as a number stays.
pub fn guard(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What the file is called unless the person names it: report, subject, range and step, in characters that every file
/// system takes: `pop-sessions_example.com_2026-11-01_2026-11-30_day.csv`.
pub fn file_name(table: &Table, order: &[u32], zone: &Zone) -> String {
    let subject = match table.subject.to_string() {
        name if table.subject.parent().is_some() => name,
        _ => "server".to_owned(),
    };
    let last = table.span.until.plus_secs(-1).max(table.span.from);
    let rows = match table.by {
        By::Time => table.step.id(),
        by => by.id(),
    };
    let parts = [
        table.report.id.to_owned(),
        subject,
        Step::Day.key(table.span.from, zone),
        Step::Day.key(last, zone),
        rows.to_owned(),
    ];
    let filtered = (order.len() < table.rows.len()).then(|| "filtered".to_owned());
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '+' | '-' | '_') { c } else { '-' };
    let mut name: String = parts.into_iter().chain(filtered).collect::<Vec<_>>().join("_").chars().map(safe).collect();
    name.truncate(MAX_FILE_NAME_BYTES);
    name + ".csv"
}

/// Whether a step was observed. One that the range cuts is partly there, too, and so is one that goes on.
fn observed(table: &Table, position: usize) -> &'static str {
    let is_empty = table.columns.iter().all(|column| column.cells[position].is_none());
    match &table.rows[position] {
        _ if is_empty => "no",
        Row::Step { partial: Some(_), .. } => "partly",
        _ => "yes",
    }
}

/// The heads of the columns that name a row.
fn names(table: &Table) -> Vec<&'static str> {
    let mut names = vec![table.first_label()];
    if table.by == By::Time {
        names.push("Start");
        if table.step == Step::Day {
            names.push("Weekday");
        }
    }
    names
}

/// The cells under [`names`].
fn name_cells(lines: &mut Lines, table: &Table, row: &Row, zone: &Zone) {
    lines.text(&guard(&table.key(row)));
    if let Row::Step { span, .. } = row {
        lines.text(&zone.rfc3339(span.from));
        if table.step == Step::Day {
            lines.text(weekday(zone.wall_clock(span.from)));
        }
    }
}

fn head(column: &TableColumn) -> String {
    let (label, unit) = (column.column.label, column.column.shown_as.unit_sent());
    if unit.is_empty() { label.to_owned() } else { format!("{label} ({unit})") }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::catalogue::{self, Report};
    use crate::table::{Sort, build};
    use crate::testing::{answer, columns, days, utc, with_children, with_slots, zone};

    fn status() -> &'static Report {
        catalogue::find("server-status").expect("a report")
    }

    /// The file as text, with line ends to be seen.
    fn lines(file: Vec<u8>) -> String {
        String::from_utf8(file).expect("UTF-8").replace("\r\n", "⏎\n")
    }

    #[test]
    fn days_have_a_start_and_a_weekday_and_raw_numbers() {
        let zone = zone("Europe/Berlin");
        let span = days("2026-03-28", "2026-03-30", &zone);
        let mut answer = with_slots(
            answer(status(), "(server)", By::Time, span),
            &["cpu", "memory"],
            &[("2026-03-28T00:00:00Z", &[1_000_000, 86_400 * 1_048_576]), ("2026-03-29T00:00:00Z", &[0, 0])],
        );
        answer.read_until = Some(utc("2026-03-29T22:00:00Z"));
        let table = build(status(), &columns(status(), &["cpu", "memory"]), &answer, span, Step::Day, &zone);
        let newest_first = table.order(Some(Sort { column: None, descending: true }));
        assert_snapshot!(lines(write(&table, &newest_first, &zone, CsvOptions::default())), @r"
        Day,Start,Weekday,Avg. CPU (%),Avg. Memory (B)⏎
        2026-03-30,2026-03-30T00:00:00+02:00,Monday,,⏎
        2026-03-29,2026-03-29T00:00:00+01:00,Sunday,0,0⏎
        2026-03-28,2026-03-28T00:00:00+01:00,Saturday,1.157407,1073741824⏎
        Average,,,0.591017,548293697.361702⏎
        ");
        assert_eq!(file_name(&table, &newest_first, &zone), "server-status_server_2026-03-28_2026-03-30_day.csv");
        let rows_alone = CsvOptions { without_totals: true, ..CsvOptions::default() };
        let alone = write(&table, &newest_first, &zone, rows_alone);
        assert!(lines(alone).ends_with("Saturday,1.157407,1073741824⏎\n"));
        let options = CsvOptions { observed: true, ..CsvOptions::default() };
        assert_snapshot!(lines(write(&table, &newest_first, &zone, options)), @r"
        Day,Start,Weekday,Observed,Avg. CPU (%),Avg. Memory (B)⏎
        2026-03-30,2026-03-30T00:00:00+02:00,Monday,no,,⏎
        2026-03-29,2026-03-29T00:00:00+01:00,Sunday,yes,0,0⏎
        2026-03-28,2026-03-28T00:00:00+01:00,Saturday,yes,1.157407,1073741824⏎
        Average,,,,0.591017,548293697.361702⏎
        ");
    }

    // FAULTS 75
    #[test]
    fn a_mode_has_names_that_no_spreadsheet_takes_for_formulas() {
        let report = catalogue::find("pop-usage").expect("a report");
        let zone = Zone::utc();
        let span = days("2026-03-01", "2026-03-31", &zone);
        let rows: [(&str, &[u64]); 4] = [
            ("=cmd|'/c calc'!A0@example.com", &[1, 10]),
            ("ann@example.com", &[2, 20]),
            ("\"a, b\"@example.com", &[3, 30]),
            ("-1+1@example.com", &[4, 40]),
        ];
        let answer = with_children(
            answer(report, "example.com", By::Users, span),
            &["connections", "bandwidth"],
            &rows,
            &[12, 100],
        );
        let table = build(report, &columns(report, &["connections", "bandwidth"]), &answer, span, Step::Day, &zone);
        assert_snapshot!(lines(write(&table, &table.order(None), &zone, CsvOptions::default())), @r#"
        User,Connections,Bandwidth (B)⏎
        """a, b""@example.com",3,30⏎
        '-1+1@example.com,4,40⏎
        '=cmd|'/c calc'!A0@example.com,1,10⏎
        ann@example.com,2,20⏎
        (unattributed),2,0⏎
        Total,12,100⏎
        "#);
        assert_eq!(
            file_name(&table, &table.order(None), &zone),
            "pop-usage_example.com_2026-03-01_2026-03-31_users.csv"
        );
        // Filtered: what is left adds up to the first total, where that is a number of anything.
        let left = &table.order(None)[1..4];
        let file = lines(write(&table, left, &zone, CsvOptions::default()));
        assert!(file.ends_with("⏎\nTotal (filtered),7,70⏎\nTotal (unfiltered),12,100⏎\n"), "{file}");
        assert_eq!(file_name(&table, left, &zone), "pop-usage_example.com_2026-03-01_2026-03-31_users_filtered.csv");
    }

    #[test]
    fn numbers_are_written_digit_by_digit() {
        let others =
            [9_999_999_u64, 10_000_000, 99_999_999, 100_000_000, 100_000_007, 123_456_789_012_345, (1 << 52) - 1];
        for number in (0..100_000).chain(others) {
            let mut lines = Lines::with_room(0);
            lines.text("a");
            lines.number(Some(number as f64));
            assert_eq!(str::from_utf8(&lines.bytes), Ok(format!("a,{number}").as_str()));
        }
        for other in [-1.0, -0.5, 0.5, 99_999_999.5, (1_u64 << 52) as f64, 1e300] {
            assert_eq!(whole(other), None);
        }
        for four in 0..10_000 {
            let digits = digits_of(u64::from(four) * 10_000).to_le_bytes().map(u32::from);
            assert_eq!(digits[..4].iter().fold(0, |number, digit| number * 10 + digit), four);
        }
    }

    #[test]
    fn only_the_first_character_makes_a_formula() {
        for text in ["=1", "+1", "-1", "@x", "\tx", "\rx", "\0x"] {
            assert_eq!(guard(text), format!("'{text}"));
        }
        for text in ["", "a=1", " =1", "1-1", "'=1"] {
            assert_eq!(guard(text), text);
        }
    }

    #[test]
    fn the_byte_order_mark_comes_first() {
        let zone = Zone::utc();
        let span = days("2026-03-01", "2026-03-01", &zone);
        let table = build(status(), &[], &answer(status(), "(server)", By::Time, span), span, Step::Month, &zone);
        let file = write(&table, &[], &zone, CsvOptions { byte_order_mark: true, ..CsvOptions::default() });
        assert_eq!(lines(file), "\u{feff}Month,Start⏎\nTotal (filtered),⏎\nTotal (unfiltered),⏎\n");
    }

    #[test]
    fn a_file_name_is_safe_in_every_directory() {
        let zone = Zone::utc();
        let span = days("2026-03-01", "2026-03-01", &zone);
        let report = catalogue::find("pop-usage").expect("a report");
        let long = format!("{}/../..\\ü\"@example.com", "x".repeat(250));
        let table = build(report, &[], &answer(report, &long, By::Time, span), span, Step::Hour, &zone);
        let name = file_name(&table, &[], &zone);
        assert!(name.len() <= 255 && name.is_ascii() && name.ends_with(".csv"), "{name}");
        assert!(!name.contains(['/', '\\', '"', ':']), "{name}");
    }
}
