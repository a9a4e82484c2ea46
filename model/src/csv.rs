//! The Table as a CSV file: RFC 4180, UTF-8, CRLF, raw numbers, text cells guarded against formulas.

use crate::table::Table;
use crate::zone::Zone;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// A byte order mark, so that Excel takes the file for UTF-8.
    pub byte_order_mark: bool,
}

/// The rows of `order`, as they stand on screen. The head carries units (`Bandwidth (B)`); a Trend has the step's key, its
/// start in ISO 8601 with offset and, for days, a weekday; the last row is the totals.
pub fn write(table: &Table, order: &[u32], zone: &Zone, options: CsvOptions) -> Vec<u8> {
    todo!()
}

/// A cell that a spreadsheet would take for a formula gets a leading apostrophe. Text cells only: `-1` as a number stays.
pub fn guard(text: &str) -> std::borrow::Cow<'_, str> {
    todo!()
}
