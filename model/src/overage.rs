//! What was used of a monthly allowance, what is over it, and what that costs: in whole numbers, so that a bill adds up to
//! the unit. Knows no store and no calendar: a month is a span that someone else has worked out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::csv;
use crate::measure::{self, Measure};
use crate::wire::{Overage, OverageRow};

/// What an allowance is of: columns of Message Traffic and Message Data, so that the sums are theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    IncomingMessages,
    OutgoingMessages,
    /// Both.
    Messages,
    DataReceived,
    DataSent,
    /// Both.
    Data,
}

impl Counts {
    pub const ALL: [Counts; 6] = [
        Counts::IncomingMessages,
        Counts::OutgoingMessages,
        Counts::Messages,
        Counts::DataReceived,
        Counts::DataSent,
        Counts::Data,
    ];

    /// The word in the settings and on the wire.
    pub fn id(self) -> &'static str {
        match self {
            Counts::IncomingMessages => "incoming-messages",
            Counts::OutgoingMessages => "outgoing-messages",
            Counts::Messages => "messages",
            Counts::DataReceived => "data-received",
            Counts::DataSent => "data-sent",
            Counts::Data => "data",
        }
    }

    #[inline]
    pub fn from_id(id: &str) -> Option<Counts> {
        Counts::ALL.into_iter().find(|counts| counts.id() == id)
    }

    /// The words on the screen: the columns' own where it is one of them.
    pub fn label(self) -> &'static str {
        match self {
            Counts::IncomingMessages => "Incoming Messages",
            Counts::OutgoingMessages => "Outgoing Messages",
            Counts::Messages => "Messages, both ways",
            Counts::DataReceived => "Data Received",
            Counts::DataSent => "Data Sent",
            Counts::Data => "Data, both ways",
        }
    }

    /// What is added up.
    pub fn measures(self) -> Vec<&'static Measure> {
        match self {
            Counts::IncomingMessages => vec![&measure::INCOMING],
            Counts::OutgoingMessages => vec![&measure::OUTGOING],
            Counts::Messages => vec![&measure::INCOMING, &measure::OUTGOING],
            Counts::DataReceived => vec![&measure::DATA_RECEIVED],
            Counts::DataSent => vec![&measure::DATA_SENT],
            Counts::Data => vec![&measure::DATA_RECEIVED, &measure::DATA_SENT],
        }
    }

    /// Bytes, else messages.
    pub fn is_bytes(self) -> bool {
        matches!(self, Counts::DataReceived | Counts::DataSent | Counts::Data)
    }

    /// The report whose column it is.
    pub fn report(self) -> &'static str {
        if self.is_bytes() { "message-data" } else { "message-traffic" }
    }
}

/// The most decimals of a price.
pub const MAX_DECIMALS: u32 = 6;
const MILLION: u64 = 1_000_000;

/// An amount of money as it is written, exact to six decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    millionths: u64,
}

impl FromStr for Price {
    type Err = BadPrice;

    fn from_str(text: &str) -> Result<Price, BadPrice> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) || decimals.len() > MAX_DECIMALS as usize {
            return Err(BadPrice);
        }
        let padded = format!("{decimals:0<6}");
        let millionths = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(MILLION));
        let millionths = millionths.zip(padded.parse().ok()).and_then(|(whole, rest)| whole.checked_add(rest));
        millionths.map(|millionths| Price { millionths }).ok_or(BadPrice)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPrice;

impl fmt::Display for BadPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write it in digits with at most six decimals, as 0.80")
    }
}

impl std::error::Error for BadPrice {}

/// What so many messages or bytes over the allowance cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub price: Price,
    /// Not zero.
    pub per: u64,
}

/// A sum of money in the smallest unit of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub u128);

impl Rate {
    /// What `over` costs, in proportion, rounded half up to so many decimals.
    pub fn of(self, over: u64, decimals: u32) -> Money {
        let exact = u128::from(over) * u128::from(self.price.millionths);
        let unit = u128::from(self.per.max(1)) * 10_u128.pow(MAX_DECIMALS - decimals.min(MAX_DECIMALS));
        Money((exact + unit / 2) / unit)
    }
}

impl Money {
    /// `1234.50`, as a person and a spreadsheet read it.
    pub fn text(self, decimals: u32) -> String {
        let unit = 10_u128.pow(decimals.min(MAX_DECIMALS));
        if unit == 1 {
            return self.0.to_string();
        }
        format!("{}.{:0width$}", self.0 / unit, self.0 % unit, width = decimals.min(MAX_DECIMALS) as usize)
    }
}

/// A month's rows as a CSV file: RFC 4180, UTF-8, CRLF, raw numbers, names guarded against formulas. `secs` is how long the
/// month is: each line says how much of it was observed, since it becomes a bill where nobody sees the page.
pub fn csv(month: &str, secs: i64, overage: &Overage) -> Vec<u8> {
    let price = format!("Price ({})", overage.currency);
    let (observed, all) = (hours(overage.observed_secs), secs / 3_600);
    let heads = ["Month", "Name", "Counts", "Unit", "Allowance", "Used", "Over", &price, "Hours Observed", "Hours"];
    let mut file = csv::line(heads);
    for row in &overage.rows {
        let counts = Counts::from_id(&row.counts);
        let unit = if counts.is_some_and(Counts::is_bytes) { "B" } else { "" };
        let numbers = [row.allowance, row.used, row.over].map(|number| number.to_string());
        let name = csv::guard(&row.subject.to_string()).into_owned();
        let label = counts.map_or(row.counts.as_str(), |counts| counts.label());
        let price = row.price.as_deref().unwrap_or_default();
        let [allowance, used, over] = &numbers;
        file += &csv::line([month, &name, label, unit, allowance, used, over, price, &observed, &all.to_string()]);
    }
    file.into_bytes()
}

/// What rows cost together, their prices having as many decimals as each other; `None` where none has a price, or they are too
/// many to be told.
pub fn total(rows: &[OverageRow]) -> Option<String> {
    let prices = || rows.iter().filter_map(|row| row.price.as_deref());
    let decimals = prices().next()?.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    // In a browser numbers of 128 bits cost a kilobyte of code.
    let smallest = |price: &str| price.replace('.', "").parse::<u64>().ok();
    let sum = prices().try_fold(0_u64, |sum, price| sum.checked_add(smallest(price)?))?;
    let mut text = format!("{sum:0width$}", width = decimals + 1);
    if decimals > 0 {
        text.insert(text.len() - decimals, '.');
    }
    Some(text)
}

/// With two decimals, cut off: never more than was observed.
fn hours(secs: i64) -> String {
    format!("{}.{:02}", secs / 3_600, secs % 3_600 / 36)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue;
    fn rate(price: &str, per: u64) -> Rate {
        Rate { price: price.parse().expect(price), per }
    }

    fn check(over: u64, price: &str, per: u64, expected: &str) {
        assert_eq!(rate(price, per).of(over, 2).text(2), expected, "{over} at {price} per {per}");
    }

    #[test]
    fn prices_are_exact() {
        check(0, "0.80", 1_000, "0.00");
        check(1, "0.80", 1_000, "0.00");
        check(7, "0.80", 1_000, "0.01");
        check(1_000, "0.80", 1_000, "0.80");
        check(12_345, "0.80", 1_000, "9.88");
        check(3 << 30, "0.1", 1 << 30, "0.30");
        // A double would say 0.57.
        check(115, "0.005", 1, "0.58");
        check(u64::MAX >> 11, "1000000.000001", 1, "9007199254749998199254.74");
    }

    #[test]
    fn rows_cost_what_their_prices_add_up_to() {
        let row = |price: Option<&str>| OverageRow {
            subject: "example.com".parse().expect("a domain"),
            counts: "messages".into(),
            allowance: 0,
            used: 0,
            over: 0,
            price: price.map(str::to_owned),
        };
        let total_of = |prices: &[Option<&str>]| total(&prices.iter().map(|price| row(*price)).collect::<Vec<_>>());
        assert_eq!(total_of(&[Some("9.88"), None, Some("0.15")]).as_deref(), Some("10.03"));
        assert_eq!(total_of(&[Some("7"), Some("5")]).as_deref(), Some("12"));
        assert_eq!(total_of(&[Some("0.03"), Some("0.04")]).as_deref(), Some("0.07"));
        assert_eq!(total_of(&[Some("99999999999999999999.00")]), None);
        assert_eq!(total_of(&[None]), None);
    }

    #[test]
    fn a_currency_has_its_own_decimals() {
        assert_eq!(rate("1.5", 1).of(3, 0).text(0), "5");
        assert_eq!(rate("1.5", 1).of(3, 3).text(3), "4.500");
    }

    #[test]
    fn a_price_is_digits_with_a_point() {
        for text in ["", ".", "1.", ".5", "-1", "1,5", "1e3", "0.1234567", "99999999999999999999"] {
            assert_eq!(text.parse::<Price>(), Err(BadPrice), "{text}");
        }
        assert_eq!("1".parse::<Price>(), "1.000000".parse());
    }

    #[test]
    fn what_is_allowed_is_a_column_of_its_report() {
        for counts in Counts::ALL {
            let report = catalogue::find(counts.report()).expect("a report");
            for measure in counts.measures() {
                assert!(report.columns.iter().any(|column| column.measure() == measure), "{}", counts.id());
            }
            assert_eq!(Counts::from_id(counts.id()), Some(counts));
            assert_eq!(serde_json::to_value(counts).expect("JSON"), counts.id());
        }
    }

    #[test]
    fn the_file_has_raw_numbers_and_no_formulas() {
        let row = |name: &str, counts: Counts, used, over, price: Option<&str>| OverageRow {
            subject: name.parse().expect(name),
            counts: counts.id().to_owned(),
            allowance: 1_000,
            used,
            over,
            price: price.map(str::to_owned),
        };
        let overage = Overage {
            currency: "EUR".to_owned(),
            is_set_up: true,
            rows: vec![
                row("=cmd|'/c calc'!A0@example.com", Counts::DataSent, 1_234_567, 1_233_567, Some("0.12")),
                row("\"a, b\"@example.com", Counts::Messages, 7, 0, None),
            ],
            left_out: 0,
            price: Some("0.12".to_owned()),
            read_until: None,
            observed_secs: 26 * 86_400 + 3_599,
        };
        insta::assert_snapshot!(String::from_utf8(csv("2026-10", 31 * 86_400, &overage)).expect("UTF-8").replace("\r\n", "⏎\n"), @r#"
        Month,Name,Counts,Unit,Allowance,Used,Over,Price (EUR),Hours Observed,Hours⏎
        2026-10,'=cmd|'/c calc'!A0@example.com,Data Sent,B,1000,1234567,1233567,0.12,624.99,744⏎
        2026-10,"""a, b""@example.com","Messages, both ways",,1000,7,0,,624.99,744⏎
        "#);
    }

    proptest! {
        #[test]
        fn more_never_costs_less(over in 0_u64..1 << 53, price in 0_u64..1_000_000_000, per in 1_u64..1 << 40) {
            let rate = Rate { price: Price { millionths: price }, per };
            prop_assert!(rate.of(over, 2) <= rate.of(over + 1, 2));
        }

        #[test]
        fn rounding_is_off_by_half_a_unit_at_most(over in 0_u64..1 << 53, price in 0_u64..1_000_000_000, per in 1_u64..1 << 40) {
            let rate = Rate { price: Price { millionths: price }, per };
            let exact = u128::from(over) * u128::from(price);
            let unit = u128::from(per) * 10_000;
            prop_assert!((rate.of(over, 2).0 * unit).abs_diff(exact) * 2 <= unit);
        }
    }
}
