//! The colours of a chart: the page's own tokens, read once a drawing. Knows CSS's spelling and nothing of what is drawn.

use plotters::style::RGBAColor;

/// Series have a colour and a shape each (see [`super::cue`]); no report has more columns than this.
pub const SERIES: usize = 7;

#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub series: [RGBAColor; SERIES],
    /// Names and totals.
    pub ink: RGBAColor,
    /// Values.
    pub ink_2: RGBAColor,
    /// Labels of axes.
    pub label: RGBAColor,
    pub grid: RGBAColor,
    pub axis: RGBAColor,
    pub gap: RGBAColor,
    pub panel: RGBAColor,
    /// Marks on what is unusual.
    pub warn: RGBAColor,
}

const fn rgb(hex: u32) -> RGBAColor {
    RGBAColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8, 1.0)
}

/// What stands in for a token that the page does not define.
pub const LIGHT: Theme = Theme {
    series: [rgb(0x0b62d6), rgb(0xd1600a), rgb(0x7a4bc4), rgb(0x0a8a6a), rgb(0xb5356f), rgb(0x8a6d00), rgb(0x4f6473)],
    ink: rgb(0x161a20),
    ink_2: rgb(0x4b5561),
    label: rgb(0x5b6571),
    grid: rgb(0xe9ecf0),
    axis: rgb(0xc3c9d1),
    gap: rgb(0xeef0f3),
    panel: rgb(0xffffff),
    warn: rgb(0xb45309),
};

impl Theme {
    /// The theme of a page whose tokens `value_of` looks up by name, `--ink` and so on.
    pub fn of_page(value_of: impl Fn(&str) -> Option<String>) -> Theme {
        let token = |name: &str, fallback: RGBAColor| value_of(name).and_then(|text| parse(&text)).unwrap_or(fallback);
        Theme {
            series: std::array::from_fn(|nth| token(&format!("--series-{}", nth + 1), LIGHT.series[nth])),
            ink: token("--ink", LIGHT.ink),
            ink_2: token("--ink-2", LIGHT.ink_2),
            label: token("--chart-ink", LIGHT.label),
            grid: token("--chart-grid", LIGHT.grid),
            axis: token("--chart-axis", LIGHT.axis),
            gap: token("--chart-gap", LIGHT.gap),
            panel: token("--panel", LIGHT.panel),
            warn: token("--chart-mark", LIGHT.warn),
        }
    }

    pub fn series(&self, column: usize) -> RGBAColor {
        self.series[column % SERIES]
    }
}

/// `#rgb`, `#rrggbb`, `#rrggbbaa` or `rgb(r g b / a)` in either spelling; other spellings are not used for tokens.
fn parse(text: &str) -> Option<RGBAColor> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix('#') {
        let digits: Vec<u8> =
            hex.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
        return match digits[..] {
            [r, g, b] => Some(RGBAColor(r * 17, g * 17, b * 17, 1.0)),
            [r1, r2, g1, g2, b1, b2] => Some(RGBAColor(r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2, 1.0)),
            [r1, r2, g1, g2, b1, b2, a1, a2] => {
                Some(RGBAColor(r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2, f64::from(a1 * 16 + a2) / 255.0))
            }
            _ => None,
        };
    }
    let inner = text.strip_prefix("rgba(").or_else(|| text.strip_prefix("rgb("))?.strip_suffix(')')?;
    let numbers: Vec<f64> =
        inner.split([' ', ',', '/']).filter(|part| !part.is_empty()).map(number).collect::<Option<_>>()?;
    match numbers[..] {
        [r, g, b] => Some(RGBAColor(r as u8, g as u8, b as u8, 1.0)),
        [r, g, b, alpha] => Some(RGBAColor(r as u8, g as u8, b as u8, alpha)),
        _ => None,
    }
}

/// Digits with at most one point. By hand: the reader of any number there is brings ten kilobytes of tables.
fn number(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = !text.starts_with('.') || !part.is_empty();
    let digits = whole.bytes().chain(part.bytes()).map(|byte| Some(f64::from(char::from(byte).to_digit(10)?)));
    let all = digits.collect::<Option<Vec<f64>>>()?.into_iter().fold(0.0, |all, digit| all * 10.0 + digit);
    (is_plain && !text.is_empty()).then(|| part.bytes().fold(all, |number, _| number / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_css_spells_them() {
        assert_eq!(parse(" #0b62d6"), Some(RGBAColor(11, 98, 214, 1.0)));
        assert_eq!(parse("#fff"), Some(RGBAColor(255, 255, 255, 1.0)));
        assert_eq!(parse("#00000080").map(|colour| colour.3 > 0.5 && colour.3 < 0.51), Some(true));
        assert_eq!(parse("rgb(1, 2, 3)"), Some(RGBAColor(1, 2, 3, 1.0)));
        assert_eq!(parse("rgba(1 2 3 / 0.5)"), Some(RGBAColor(1, 2, 3, 0.5)));
        assert_eq!(parse("rgb(1 2 3 / .25)"), Some(RGBAColor(1, 2, 3, 0.25)));
        assert_eq!(parse("hotpink"), None);
        assert_eq!(parse("rgb(1, 2, .)"), None);
        assert_eq!(parse("rgb(1, 2, 1e2)"), None);
    }

    #[test]
    fn a_token_that_is_missing_has_a_stand_in() {
        let theme = Theme::of_page(|name| (name == "--ink").then(|| "#010203".to_owned()));
        assert_eq!(theme.ink, RGBAColor(1, 2, 3, 1.0));
        assert_eq!(theme.series, LIGHT.series);
    }
}
