//! The Table as JSON, as `mailtally report --format json` prints it.
//!
//! For scripts and tests, read without a browser. The wire between server and app is [`crate::wire`], not this.

use serde::{Deserialize, Serialize, Serializer};

use crate::basis::Basis;
use crate::step::Step;
use crate::subject::Subject;
use crate::table::{Row, Table};
use crate::wire::By;
use crate::zone::Zone;

/// One report's Table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportJson {
    pub report: String,
    pub subject: Subject,
    pub by: By,
    pub step: Step,
    /// The name of the zone that steps, `start` and `end` are in.
    pub zone: String,
    pub columns: Vec<ColumnJson>,
    pub rows: Vec<RowJson>,
    /// The viewed subject's own, by column; never the sum of a Mode's rows.
    pub totals: Vec<Option<Number>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnJson {
    pub id: String,
    pub label: String,
    /// The unit of the values: `B`, `%`, or empty for a plain number.
    pub unit: String,
    pub basis: Basis,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowJson {
    /// The step's key, or the child's full name.
    pub key: String,
    /// RFC 3339 with offset, for steps only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// True for a step that is clipped by the range, not over, or not observed whole; absent for the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// By column; null is not observed, or not available.
    pub values: Vec<Option<Number>>,
}

/// A number as it is sent to people and scripts: whole ones without decimals, others with at most six.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(transparent)]
pub struct Number(pub f64);

impl Number {
    /// The integer it is, if it is one that a double holds exactly.
    fn whole(self) -> Option<i64> {
        const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
        (self.0.fract() == 0.0 && self.0.abs() <= EXACT).then_some(self.0 as i64)
    }

    fn rounded(self) -> Number {
        let Digits { is_negative, whole, fraction, unit } = self.digits();
        // A double divided once is the one that is nearest to the digits.
        let size = whole
            .checked_mul(u64::from(unit))
            .map_or(whole as f64, |whole| (whole + u64::from(fraction)) as f64 / f64::from(unit));
        Number(if is_negative { -size } else { size })
    }

    /// Rounded to six decimals: seconds observed are counted whole, so further digits say nothing. To fewer where there would
    /// be more than fifteen digits, which is what any double holds.
    fn digits(self) -> Digits {
        let size = self.0.abs();
        let whole = size as u64;
        let decimals = 14_u32.saturating_sub(whole.checked_ilog10().unwrap_or(0)).min(6);
        let unit = 10_u32.pow(decimals);
        let fraction = ((size - whole as f64) * f64::from(unit)).round() as u32;
        let (whole, fraction) = if fraction < unit { (whole, fraction) } else { (whole + 1, 0) };
        Digits { is_negative: self.0 < 0.0 && (whole, fraction) != (0, 0), whole, fraction, unit }
    }
}

/// A number as it is written: whole ones, and how many parts of a unit.
struct Digits {
    is_negative: bool,
    whole: u64,
    fraction: u32,
    unit: u32,
}

/// Written out: what can write any float is a table and fifteen kilobytes of code.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Digits { is_negative, whole, fraction, unit } = self.digits();
        write!(f, "{}{whole}", if is_negative { "-" } else { "" })?;
        if fraction > 0 {
            // The one in front keeps the zeros behind the point.
            let digits = (unit + fraction).to_string();
            write!(f, ".{}", digits.strip_prefix('1').unwrap_or_default().trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = self.rounded();
        match rounded.whole() {
            Some(whole) => serializer.serialize_i64(whole),
            None => serializer.serialize_f64(rounded.0),
        }
    }
}

impl Table {
    /// The rows of `order` as JSON has them; `zone` is the one the Table was folded in.
    pub fn to_json(&self, order: &[u32], zone: &Zone) -> ReportJson {
        let columns = self.columns.iter().map(|column| ColumnJson {
            id: column.column.id.to_owned(),
            label: column.column.label.to_owned(),
            unit: column.column.shown_as.unit_sent().to_owned(),
            basis: column.basis,
        });
        ReportJson {
            report: self.report.id.to_owned(),
            subject: self.subject.clone(),
            by: self.by,
            step: self.step,
            zone: self.zone.name.clone(),
            columns: columns.collect(),
            rows: order.iter().map(|row| self.row_json(*row as usize, zone)).collect(),
            totals: self.columns.iter().map(|column| column.total.map(Number)).collect(),
        }
    }

    fn row_json(&self, position: usize, zone: &Zone) -> RowJson {
        let row = &self.rows[position];
        let (start, end, partial) = match row {
            Row::Step { span, partial, .. } => {
                (Some(zone.rfc3339(span.from)), Some(zone.rfc3339(span.until)), partial.is_some())
            }
            Row::Child(_) | Row::Rest(_) => (None, None, false),
        };
        let values = self.columns.iter().map(|column| column.cells[position].map(Number)).collect();
        RowJson { key: self.key(row).into_owned(), start, end, partial, values }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::catalogue;
    use crate::table::build;
    use crate::testing::{answer, columns, days, utc, with_children, with_slots, zone};

    #[test]
    fn a_trend_has_starts_ends_and_partial_marks() {
        let report = catalogue::find("smtp-out-usage").expect("a report");
        let zone = zone("Europe/Berlin");
        let span = days("2026-03-28", "2026-03-30", &zone);
        let ids = ["bandwidth", "active_connections"];
        let mut answer = with_slots(
            answer(report, "example.com", By::Time, span),
            &ids,
            &[("2026-03-28T10:00:00Z", &[1024, 1_000_000]), ("2026-03-29T10:00:00Z", &[5, 0])],
        );
        answer.read_until = Some(utc("2026-03-29T20:00:00Z"));
        let table = build(report, &columns(report, &ids), &answer, span, Step::Day, &zone);
        let json = table.to_json(&table.order(None), &zone);
        let text = serde_json::to_string(&json).expect("JSON").replace("},{", "},\n{").replace(":[{", ":[\n{");
        assert_snapshot!(text, @r#"
        {"report":"smtp-out-usage","subject":"example.com","by":"time","step":"day","zone":"Europe/Berlin","columns":[
        {"id":"bandwidth","label":"Bandwidth","unit":"B","basis":"lower-bound"},
        {"id":"active_connections","label":"Avg. Active Connections","unit":"","basis":"estimate"}],"rows":[
        {"key":"2026-03-28","start":"2026-03-28T00:00:00+01:00","end":"2026-03-29T00:00:00+01:00","values":[1024,0.011574]},
        {"key":"2026-03-29","start":"2026-03-29T00:00:00+01:00","end":"2026-03-30T00:00:00+02:00","partial":true,"values":[5,0]},
        {"key":"2026-03-30","start":"2026-03-30T00:00:00+02:00","end":"2026-03-31T00:00:00+02:00","partial":true,"values":[null,null]}],"totals":[1029,0.006173]}
        "#);
        assert_eq!(serde_json::from_str::<ReportJson>(&text).expect("the same keys").rows.len(), 3);
    }

    #[test]
    fn a_mode_has_full_names() {
        let report = catalogue::find("clamav").expect("a report");
        let zone = Zone::utc();
        let span = days("2026-03-01", "2026-03-31", &zone);
        let answer = with_children(
            answer(report, "(server)", By::Services, span),
            &["connections"],
            &[("clamav:mx1", &[3])],
            &[3],
        );
        let table = build(report, &columns(report, &["connections"]), &answer, span, Step::Day, &zone);
        let json = serde_json::to_value(table.to_json(&table.order(None), &zone)).expect("JSON");
        assert_eq!(json["rows"], serde_json::json!([{"key": "clamav:mx1", "values": [3]}]));
        assert_eq!((&json["subject"], &json["by"]), (&"(server)".into(), &"services".into()));
    }

    #[test]
    fn numbers_are_whole_or_have_six_decimals() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-1e-9, "0"),
            (1e15, "1000000000000000"),
            (-12_345.0, "-12345"),
            (1.0 / 3.0, "0.333333"),
            (2.5, "2.5"),
            (-0.05, "-0.05"),
            (0.999_999_9, "1"),
            (16_777_216_000.123_456, "16777216000.1235"),
        ] {
            assert_eq!(Number(number).to_string(), text);
            assert_eq!(serde_json::to_string(&Number(number)).expect("JSON"), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn numbers_are_written_to_the_nearest_millionth(number in -1e8..1e8_f64) {
            let text = Number(number).to_string();
            let written: f64 = text.parse().expect("a number");
            // Half a millionth, and what lies between two doubles of this size.
            let most = 0.5e-6 + 2.0 * number.abs() * f64::EPSILON;
            proptest::prop_assert!((written - number).abs() <= most, "{number} is written {text}");
            let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
            proptest::prop_assert!(decimals.len() <= 6 && !decimals.ends_with('0'), "{number} is written {text}");
        }
    }
}
