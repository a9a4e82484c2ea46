//! Value axes: where the ticks are and what they say. Pure; knows nothing of pixels or columns.

use mailtally_model::catalogue::ShownAs;

use crate::intl;

/// What an axis counts. Columns of one unit share an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Bytes,
    Percent,
}

impl From<ShownAs> for Unit {
    fn from(shown_as: ShownAs) -> Unit {
        match shown_as {
            ShownAs::Number => Unit::Count,
            ShownAs::Kilobytes | ShownAs::Megabytes => Unit::Bytes,
            ShownAs::Percent => Unit::Percent,
        }
    }
}

/// Bytes go up in powers of 1,024, as mail administrators count them; counts stay whole up to a million.
const BYTES: [(f64, &str); 5] = [
    (1_099_511_627_776.0, "\u{a0}TB"),
    (1_073_741_824.0, "\u{a0}GB"),
    (1_048_576.0, "\u{a0}MB"),
    (1024.0, "\u{a0}KB"),
    (1.0, "\u{a0}B"),
];
const COUNTS: [(f64, &str); 3] = [(1e9, "\u{a0}bn"), (1e6, "\u{a0}M"), (1.0, "")];
const PERCENT: [(f64, &str); 1] = [(1.0, "\u{a0}%")];

impl Unit {
    /// The largest factor and suffix in which `value` is at least one; the smallest for less.
    fn factor(self, value: f64) -> (f64, &'static str) {
        let factors: &[(f64, &str)] = match self {
            Unit::Count => &COUNTS,
            Unit::Bytes => &BYTES,
            Unit::Percent => &PERCENT,
        };
        let fits = factors.iter().find(|(factor, _)| value.abs() >= *factor);
        fits.or(factors.last()).copied().unwrap_or((1.0, ""))
    }
}

/// A value axis from zero to a round number.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub unit: Unit,
    /// The distance of two ticks, and how many there are above zero.
    step: f64,
    pub intervals: u32,
}

impl Scale {
    /// The scale that holds `max` with ticks in steps of 1, 2 or 5, at most `most` of them above zero.
    pub fn new(unit: Unit, max: f64, most: u32) -> Scale {
        let (max, most) = (sane(max, unit), most.max(1));
        let step = nice(max / f64::from(most), unit, max);
        Scale { unit, step, intervals: (max / step - 1e-9).ceil().max(1.0) as u32 }
    }

    /// The scale that holds `max` in exactly as many ticks as its neighbour has, so that one grid serves both.
    pub fn beside(unit: Unit, max: f64, neighbour: &Scale) -> Scale {
        let max = sane(max, unit);
        let step = nice(max / f64::from(neighbour.intervals), unit, max);
        Scale { unit, step, intervals: neighbour.intervals }
    }

    /// The value at the top.
    pub fn top(&self) -> f64 {
        self.step * f64::from(self.intervals)
    }

    /// Each tick from zero up, with its label.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let (factor, suffix) = self.unit.factor(self.top());
        let decimals = decimals_of(self.step / factor);
        (0..=self.intervals)
            .map(|n| {
                let value = f64::from(n) * self.step;
                let suffix = if n == 0 && self.unit != Unit::Percent { "" } else { suffix };
                (value, format!("{}{suffix}", intl::number(value / factor, if n == 0 { 0 } else { decimals })))
            })
            .collect()
    }

    /// `value` as a part of the axis: 0 at the bottom, 1 at the top.
    pub fn part(&self, value: f64) -> f64 {
        (value / self.top()).clamp(0.0, 1.0)
    }
}

/// An axis of nothing still reaches to one.
fn sane(max: f64, unit: Unit) -> f64 {
    let least = if unit == Unit::Bytes { 1024.0 } else { 1.0 };
    if max.is_finite() && max > 0.0 { max } else { least }
}

/// The smallest 1, 2 or 5 times a power of ten, counted in the unit that `max` is shown in, that is not below `least`.
/// Parts of a byte or of a message do not exist; a mean below one has them.
fn nice(least: f64, unit: Unit, max: f64) -> f64 {
    let (factor, _) = unit.factor(max);
    let least = least / factor;
    let power = power_of_ten(least);
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * power >= least * (1.0 - 1e-9)).unwrap_or(10.0);
    let step = digit * power * factor;
    let whole = unit == Unit::Bytes || (unit == Unit::Count && max >= 1.0);
    if whole { step.max(1.0) } else { step }
}

/// The greatest power of ten that is not above `value`, which is positive. By steps: there are few, and logarithms bring
/// tables of their own that a browser would load.
fn power_of_ten(value: f64) -> f64 {
    let (mut power, mut exponent) = (1.0, 0);
    while power * 10.0 <= value {
        power *= 10.0;
    }
    while power > value && exponent < f64::MAX_10_EXP {
        exponent += 1;
        power = 1.0 / (0..exponent).fold(1.0, |power, _| power * 10.0);
    }
    power
}

/// How many decimals a step in 1, 2 or 5 needs.
fn decimals_of(step: f64) -> usize {
    (0..f64::MAX_10_EXP)
        .scan(step, |step, _| Some(std::mem::replace(step, *step * 10.0)))
        .take_while(|step| *step < 1.0 - 1e-9)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: Unit, max: f64, most: u32) -> String {
        Scale::new(unit, max, most)
            .ticks()
            .into_iter()
            .map(|(_, label)| label)
            .collect::<Vec<_>>()
            .join(" · ")
            .replace('\u{a0}', " ")
    }

    #[test]
    fn counts_go_in_ones_twos_and_fives() {
        assert_eq!(labels(Unit::Count, 2959.0, 4), "0 · 1,000 · 2,000 · 3,000");
        assert_eq!(labels(Unit::Count, 7.0, 4), "0 · 2 · 4 · 6 · 8");
        assert_eq!(labels(Unit::Count, 0.0, 4), "0 · 1");
        assert_eq!(labels(Unit::Count, 0.31, 4), "0 · 0.1 · 0.2 · 0.3 · 0.4");
        assert_eq!(labels(Unit::Count, 1_400_000.0, 4), "0 · 0.5 M · 1.0 M · 1.5 M");
    }

    #[test]
    fn bytes_go_in_powers_of_1024() {
        assert_eq!(labels(Unit::Bytes, 1536.0, 4), "0 · 0.5 KB · 1.0 KB · 1.5 KB");
        assert_eq!(labels(Unit::Bytes, 3.2 * 1_073_741_824.0, 4), "0 · 1 GB · 2 GB · 3 GB · 4 GB");
        assert_eq!(labels(Unit::Bytes, 900.0 * 1024.0, 5), "0 · 200 KB · 400 KB · 600 KB · 800 KB · 1,000 KB");
        assert_eq!(labels(Unit::Bytes, 0.0, 4), "0 · 0.5 KB · 1.0 KB");
    }

    #[test]
    fn a_second_axis_takes_the_first_ones_grid() {
        let left = Scale::new(Unit::Count, 2959.0, 4);
        let right = Scale::beside(Unit::Bytes, 150.0 * 1_048_576.0, &left);
        assert_eq!(right.intervals, left.intervals);
        assert!(right.top() >= 150.0 * 1_048_576.0);
    }

    #[test]
    fn no_value_is_above_the_top() {
        for exponent in -3..12 {
            for digit in 1..100 {
                let max = f64::from(digit) / 10.0 * 10f64.powi(exponent);
                for unit in [Unit::Count, Unit::Bytes, Unit::Percent] {
                    for most in 1..7 {
                        let scale = Scale::new(unit, max, most);
                        assert!(scale.top() >= max * (1.0 - 1e-9), "{max} in {most} is above {}", scale.top());
                        assert!(scale.intervals <= most, "{max} in {most} takes {}", scale.intervals);
                    }
                }
            }
        }
    }
}
