//! Values, steps and notes as words on the screen. Numbers and dates are the locale's ([`crate::intl`]), sentences are
//! [`crate::text`]'s.

use chrono::Datelike;
use mailtally_model::catalogue::{Column, ShownAs};
use mailtally_model::table::{Partial, Row, TableColumn};
use mailtally_model::{Span, Step, Table, Time, Zone};

use crate::intl::{self, DateStyle};
use crate::range::{self, Dates, midnight_secs};
use crate::text;
use crate::window::Window;

/// A number by itself: bytes in KB, grouped; means with one or two decimals; a dash for what was not observed.
pub fn cell(column: &Column, value: Option<f64>) -> String {
    cell_beside(column, 0.0, value)
}

/// A table cell: as many decimals as the largest value of its column needs, so that a column's digits stand below each
/// other. What would read as nothing has its own.
pub fn cell_beside(column: &Column, largest: f64, value: Option<f64>) -> String {
    let Some(value) = value else { return text::DASH.to_owned() };
    let divisor = column.shown_as.divisor();
    let shown = value / divisor;
    let (own, usual) = (decimals(column, shown), decimals(column, largest / divisor));
    let is_seen = shown.abs() >= [0.5, 0.05, 0.005][usual.min(2)];
    intl::number(shown, if largest > 0.0 && (is_seen || shown == 0.0) { usual } else { own })
}

/// The largest value of a column, by which its cells are spelled; nothing where whole numbers need no looking.
pub fn largest(column: &TableColumn) -> f64 {
    if matches!(column.column.shown_as, ShownAs::Number) && !column.column.is_average() {
        return 0.0;
    }
    column.cells.iter().flatten().fold(0.0, |largest, value| value.abs().max(largest))
}

/// Enough decimals that a small value does not read as nothing: one byte is 0.001 KB.
fn decimals(column: &Column, shown: f64) -> usize {
    let limits: &[f64] = match (column.is_average(), column.shown_as) {
        (true, _) => &[0.01, 0.1, 100.0, f64::INFINITY],
        (false, ShownAs::Kilobytes | ShownAs::Megabytes) => &[0.1, 1.0, 10.0],
        (false, ShownAs::Number | ShownAs::Percent) => &[],
    };
    let size = shown.abs();
    match size {
        0.0 if column.is_average() => 2,
        0.0 => 0,
        _ => limits.iter().filter(|limit| size < **limit).count(),
    }
}

/// A tile's headline: bytes scaled to the unit that reads best.
pub fn headline(column: &Column, value: Option<f64>) -> String {
    match (value, column.shown_as) {
        (None, _) => text::DASH.to_owned(),
        (Some(bytes), ShownAs::Kilobytes | ShownAs::Megabytes) => scaled_bytes(bytes),
        (Some(_), ShownAs::Percent) => format!("{} %", cell(column, value)),
        (Some(_), ShownAs::Number) => cell(column, value),
    }
}

/// Bytes in the largest unit of 1,024 that leaves at least one.
pub fn scaled_bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut scaled = bytes;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let decimals = if unit > 0 && scaled.abs() < 100.0 { 1 } else { 0 };
    format!("{} {}", intl::number(scaled, decimals), UNITS[unit])
}

/// A column's name with the unit that the table shows: `Bandwidth (KB)`.
pub fn column_head(column: &Column) -> String {
    match column.shown_as.unit_shown() {
        "" => column.label.to_owned(),
        unit => format!("{} ({unit})", column.label),
    }
}

/// A row's name as people read it: a date in their locale, an ISO week, a child's name.
pub fn row_name(row: &Row, step: Step, years: Years, zone: &Zone) -> String {
    match row {
        Row::Step { span, .. } => step_name(step, *span, years, zone),
        Row::Child(_) | Row::Rest(_) => visible(&row.label(step, zone)),
    }
}

/// Whether dates need their year to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Years {
    Shown,
    Understood,
}

/// The step that is `span`, named in the locale.
pub fn step_name(step: Step, span: Span, years: Years, zone: &Zone) -> String {
    let local = zone.local(span.from);
    let day_style = if years == Years::Shown { DateStyle::DayYear } else { DateStyle::Day };
    match step {
        Step::Hour => {
            let clock = intl::date(local, DateStyle::Clock);
            // The autumn hour that the wall clock shows twice carries its offset.
            let offset = if zone.is_repeated(span.from) { zone.offset_text(span.from) } else { String::new() };
            format!("{} {clock} {offset}", intl::date(local, day_style)).trim_end().to_owned()
        }
        Step::Day => intl::date(local, day_style),
        Step::Week => {
            let last = zone.local(span.until.plus_secs(-1));
            format!("{} · {}", step.key(span.from, zone), intl::date_range(local, last, DateStyle::ShortDate))
        }
        Step::Month => intl::date(local, DateStyle::Month),
        Step::Quarter => {
            let date = range::date_at(local).unwrap_or_default();
            format!("Q{} {}", date.month0() / 3 + 1, date.year())
        }
    }
}

/// Why a step is not whole, as the mark beside its name.
pub fn partial_note(partial: Partial, step: Step, zone: &Zone) -> String {
    match partial {
        Partial::Clipped => text::PARTIAL_CLIPPED.to_owned(),
        Partial::InProgress(read_until) if step > Step::Day => text::until(&format!(
            "{} {}",
            intl::date(zone.local(read_until), DateStyle::ShortDate),
            clock(read_until, zone)
        )),
        Partial::InProgress(read_until) => text::until(&clock(read_until, zone)),
        Partial::Gap => text::PARTIAL_GAP.to_owned(),
    }
}

/// `14:32` on the zone's wall.
pub fn clock(t: Time, zone: &Zone) -> String {
    intl::date(zone.local(t), DateStyle::Clock)
}

/// `22 Nov 2026 14:32` on the zone's wall.
pub fn date_and_clock(t: Time, zone: &Zone) -> String {
    format!("{} {}", intl::date(zone.local(t), DateStyle::Date), clock(t, zone))
}

/// `22 Nov 2026 14:32:07` on the zone's wall.
pub fn date_and_seconds(t: Time, zone: &Zone) -> String {
    format!("{}:{:02}", date_and_clock(t, zone), t.0.rem_euclid(60))
}

/// From when until when.
pub fn stretch(span: Span, zone: &Zone) -> String {
    format!("{} {} {}", date_and_clock(span.from, zone), text::DASH, date_and_clock(span.until, zone))
}

/// The year on the zone's calendar.
pub fn year_of(t: Time, zone: &Zone) -> i32 {
    range::date_of(t, zone).map_or(0, |date| date.year())
}

/// How long something lasted, in the two units that say most.
pub fn duration(millis: u64) -> String {
    let secs = millis / 1_000;
    match secs {
        0 => format!("{millis} ms"),
        1..60 => format!("{} s", intl::number(millis as f64 / 1_000.0, usize::from(secs < 10))),
        60..3_600 => format!("{} min {} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86_400, secs / 3_600 % 24),
    }
}

/// Text from outside with nothing in it that is not seen: controls, turns of direction and joiners are spelled out.
pub fn visible(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(is_hidden) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// A price as the server writes it, in the locale's way. One with more digits than a double holds stays as it is.
pub fn price(written: &str) -> String {
    let (whole, decimals) = written.split_once('.').unwrap_or((written, ""));
    // To read any float brings tables that are a twentieth of the app.
    let digits: Option<i64> = format!("{whole}{decimals}").parse().ok().filter(|_| written.len() <= 15);
    let price = digits.map(|digits| digits as f64 / 10_f64.powi(decimals.len() as i32));
    price.map_or_else(|| written.to_owned(), |price| intl::number(price, decimals.len()))
}

/// An instant, near the range or not: its clock where that is today's, else with its date.
pub fn moment(t: Time, window: &Window) -> String {
    let zone = window.zone_over(Span::new(t, t));
    let is_today = range::date_of(t, &zone) == Some(window.today);
    if is_today { clock(t, &zone) } else { date_and_clock(t, &zone) }
}

/// Inclusive dates as short as the locale allows.
pub fn dates(dates: Dates) -> String {
    let (first, last) = (midnight_secs(dates.first), midnight_secs(dates.last));
    if first == last { intl::date(first, DateStyle::DayYear) } else { intl::date_range(first, last, DateStyle::Date) }
}

/// Whether a row is a gap: none of its values is known, though there is a source that could have said them.
pub fn is_unobserved(table: &Table, row: usize) -> bool {
    let mut sourced = table.columns.iter().filter(|column| column.basis.has_values()).peekable();
    sourced.peek().is_some() && sourced.all(|column| column.cells.get(row).copied().flatten().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailtally_model::catalogue;

    fn check(report: &str, column: &str, value: f64, in_table: &str, in_tile: &str) {
        let report = catalogue::find(report).expect(report);
        let column = report.columns.iter().find(|known| known.id == column).expect(column);
        assert_eq!((cell(column, Some(value)), headline(column, Some(value))), (in_table.into(), in_tile.into()));
    }

    // SEMANTICS R15: bytes are counted, and are KB of 1,024 only where they are shown.
    #[test]
    fn numbers_read_as_the_report_shows_them() {
        check("pop-sessions", "new_connections", 48_211.0, "48,211", "48,211");
        check("pop-sessions", "bandwidth", 109_051_904.0, "106,496", "104 MB");
        check("pop-sessions", "bandwidth", 512.0, "0.50", "512 B");
        check("pop-sessions", "bandwidth", 1.0, "0.001", "1 B");
        check("pop-sessions", "bandwidth", 0.0, "0", "0 B");
        check("pop-usage", "active_connections", 0.12345, "0.12", "0.12");
        check("pop-usage", "active_connections", 0.00123, "0.0012", "0.0012");
        check("pop-usage", "active_connections", 0.0, "0.00", "0.00");
        check("server-status", "memory", 900.0 * 1024.0 * 1024.0, "900.0", "900 MB");
        check("server-status", "cpu", 12.3456, "12.35", "12.35 %");
    }

    #[test]
    fn a_columns_digits_stand_below_each_other() {
        let report = catalogue::find("pop-sessions").expect("a report");
        let column = report.columns.iter().find(|known| known.id == "bandwidth").expect("a column");
        let kilobytes = |largest: f64, value: f64| cell_beside(column, largest * 1024.0, Some(value * 1024.0));
        assert_eq!(
            ["18,159", "5", "0", "0.25"].map(str::to_owned),
            [18_159.0, 5.4, 0.0, 0.25].map(|v| kilobytes(18_159.0, v))
        );
        assert_eq!(
            ["7.5", "0.0", "0.2", "0.020"].map(str::to_owned),
            [7.5, 0.0, 0.25, 0.02].map(|v| kilobytes(7.5, v))
        );
    }

    #[test]
    fn the_unit_stands_in_the_head() {
        let report = catalogue::find("server-status").expect("a report");
        let heads: Vec<String> = report.columns.iter().take(4).map(column_head).collect();
        assert_eq!(heads, ["Avg. CPU (%)", "Avg. Memory (MB)", "Avg. Nonpaged Memory (MB)", "Avg. Handles"]);
    }

    #[test]
    fn what_is_not_seen_is_spelled_out() {
        // FAULTS 48
        assert_eq!(visible("ann\u{202e}moc\u{0}\u{200b}"), "ann\\u{202e}moc\\u{0}\\u{200b}");
        assert_eq!(visible("<script> 🙂 ü"), "<script> 🙂 ü");
        let row = Row::Child(mailtally_model::Subject::Mailbox("ann\u{202e}moc@example.com".into()));
        assert_eq!(row_name(&row, Step::Day, Years::Understood, &Zone::utc()), "ann\\u{202e}moc@example.com");
    }

    #[test]
    fn prices_keep_each_digit() {
        assert_eq!(price("1234.50"), "1,234.50");
        assert_eq!(price("9007199254749998199254.74"), "9007199254749998199254.74");
        assert_eq!(price("5"), "5");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, words) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_500, "1.5 s"),
            (59_000, "59 s"),
            (61_000, "1 min 1 s"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(millis), words);
        }
    }

    #[test]
    fn steps_have_names() {
        let start = Time(1_772_409_600); // 2026-03-02T00:00Z, a Monday
        let name = |step, days: i64, years| {
            step_name(step, Span::new(start, start.plus_secs(days * 86_400)), years, &Zone::utc())
        };
        assert_eq!(name(Step::Day, 1, Years::Understood), "Mon 2 Mar");
        assert_eq!(name(Step::Day, 1, Years::Shown), "Mon 2 Mar 2026");
        assert_eq!(name(Step::Week, 7, Years::Shown), "2026-W10 · 2 Mar – 8 Mar");
        assert_eq!(name(Step::Month, 31, Years::Shown), "March 2026");
        assert_eq!(name(Step::Quarter, 90, Years::Shown), "Q1 2026");
    }
}
