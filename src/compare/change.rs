//! A change in words: how much it is, and whether somebody should look at it. Knows columns and numbers, and nothing of periods.

use mailtally_model::Column;
use mailtally_model::measure::Worse;

use crate::{format, intl, text};

/// How a number stands to the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// `+4 %`, `×12`, `new`
    pub words: String,
    pub tone: Tone,
}

/// Whether a change is more than chance and habit explain, and to whose taste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Worse,
    Better,
}

impl Change {
    pub fn of(column: &Column, now: f64, before: f64) -> Change {
        Change { words: words(now, before), tone: Tone::of(column, now, before) }
    }
}

impl Tone {
    /// As style/report.css knows it.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "change",
            Tone::Worse => "change worse",
            Tone::Better => "change better",
        }
    }

    fn of(column: &Column, now: f64, before: f64) -> Tone {
        let weight = weight(column, now, before);
        match column.measure().worse {
            Worse::WithMore if weight >= NOTABLE => Tone::Worse,
            Worse::WithMore if weight <= -NOTABLE => Tone::Better,
            // More mail is no merit: bounces of a stolen account's spam are mail, too.
            Worse::WithLess if weight <= -NOTABLE => Tone::Worse,
            _ => Tone::Plain,
        }
    }
}

/// A doubling or a halving, of numbers large enough.
const NOTABLE: f64 = std::f64::consts::LN_2;

/// Which of two changes is to be looked at first: one for the worse before any other, then the larger one; one for the better
/// last.
pub fn rank(column: &Column, now: f64, before: f64) -> f64 {
    let weight = weight(column, now, before);
    match Tone::of(column, now, before) {
        Tone::Worse => WORSE_FIRST + weight.abs(),
        Tone::Plain if column.measure().worse == Worse::WithMore => weight.max(0.0),
        Tone::Plain => weight.abs(),
        Tone::Better => 0.0,
    }
}

/// No logarithm of a ratio of counters comes near it.
const WORSE_FIRST: f64 = 100.0;

/// How much a change matters: the logarithm of the ratio, damped so that a handful against two does not shout.
fn weight(column: &Column, now: f64, before: f64) -> f64 {
    let damp = if column.is_average() { 0.5 } else { 20.0 } * column.shown_as.divisor();
    ((now + damp) / (before + damp)).ln()
}

fn words(now: f64, before: f64) -> String {
    if now == before {
        return text::CHANGE_NONE.to_owned();
    }
    if before == 0.0 {
        return text::CHANGE_NEW.to_owned();
    }
    let ratio = now / before;
    if ratio >= 10.0 {
        return format!("×{}", intl::number(ratio, 0));
    }
    let percent = ((ratio - 1.0) * 100.0).round();
    match percent {
        0.0 => text::CHANGE_NONE.to_owned(),
        up if up > 0.0 => format!("+{} %", intl::number(up, 0)),
        down => format!("−{} %", intl::number(-down, 0)),
    }
}

/// `+4 % on 46,357`: the change, and what it is a change of; `+4 % 48,000 on 46,357` where `held` is only a part of `now`. Of
/// nothing that stayed nothing there is none.
pub fn said(column: &Column, now: f64, held: f64, before: f64) -> (Change, String) {
    if held == 0.0 && before == 0.0 {
        return (Change { words: String::new(), tone: Tone::Plain }, text::NONE_BEFORE.to_owned());
    }
    let words = |value| format::headline(column, Some(value));
    let on = match held == now {
        true => text::on_before(&words(before)),
        false => text::part_on_before(&words(held), &words(before)),
    };
    (Change::of(column, held, before), on)
}

#[cfg(test)]
mod tests {
    use mailtally_model::catalogue;

    use super::*;

    #[test]
    fn a_change_is_said_in_few_words() {
        let column = &catalogue::find("pop-sessions").expect("a report").columns[0];
        let words = |now, before| Change::of(column, now, before).words;
        assert_eq!(words(104.0, 100.0), "+4 %");
        assert_eq!(words(88.0, 100.0), "−12 %");
        assert_eq!(words(100.1, 100.0), "±0 %");
        assert_eq!(words(4_100.0, 100.0), "×41");
        assert_eq!(words(7.0, 0.0), "new");
    }

    #[test]
    fn an_alarm_is_a_change_for_the_worse() {
        let column = |report: &str, id: &str| {
            let report = catalogue::find(report).expect(report);
            report.columns.iter().find(|column| column.id == id).expect(id)
        };
        let blocked = column("pop-sessions", "blocked_connections");
        let tone = |column, now, before| Change::of(column, now, before).tone;
        assert_eq!(tone(blocked, 1_204.0, 294.0), Tone::Worse);
        assert_eq!(tone(blocked, 294.0, 1_204.0), Tone::Better);
        assert_eq!(tone(blocked, 5.0, 2.0), Tone::Plain, "few are not many");
        assert_eq!(tone(column("pop-sessions", "new_connections"), 1_204.0, 294.0), Tone::Plain, "busy is not broken");
        assert_eq!(tone(column("pop-sessions", "bandwidth"), 27e3, 230e3), Tone::Plain);
        assert_eq!(tone(column("message-traffic", "incoming"), 40.0, 1_204.0), Tone::Worse, "mail no longer comes");

        // The overview's order: what got worse, what else changed, what got better.
        let ranks = [
            rank(blocked, 165.0, 24.0),
            rank(column("message-data", "sent"), 9e9, 1e6),
            rank(column("message-traffic", "incoming"), 3_561.0, 3_075.0),
            rank(column("clamav", "failed_connections"), 600.0, 900.0),
        ];
        assert!(ranks.is_sorted_by(|a, b| a > b), "{ranks:?}");
    }
}
