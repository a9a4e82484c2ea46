//! The browser's Intl: offsets of zones, numbers and dates in the person's locale.
//!
//! The only file that asks the browser about language or time. Native builds (tests) get a plain English fallback, so
//! that whatever formats can be tested without a browser.

use mailtally_model::{Span, Time, Zone};

/// How a date or time of day is written. All take wall clock seconds, so no formatter needs to know a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateStyle {
    /// `Mon 2 Mar`
    Day,
    /// `Mon 2 Mar 2026`
    DayYear,
    /// `2 Mar 2026`
    Date,
    /// `2 Mar`
    ShortDate,
    /// `March 2026`
    Month,
    /// `Mar`
    ShortMonth,
    /// `14:32`
    Clock,
    /// `Monday`, by its short name
    Weekday,
}

/// Ways of writing numbers and dates that are offered beside the browser's own.
pub const LOCALES: [&str; 12] =
    ["en-GB", "en-US", "de-DE", "de-CH", "fr-FR", "es-ES", "it-IT", "nl-NL", "pl-PL", "pt-BR", "sv-SE", "ja-JP"];

#[cfg(target_arch = "wasm32")]
use browser::own_offset_secs;
#[cfg(target_arch = "wasm32")]
pub use browser::{
    browser_zone, choose_locale, chosen_locale, date, date_range, is_zone, now, number, offset_secs, sample,
};
#[cfg(not(target_arch = "wasm32"))]
use plain::own_offset_secs;
#[cfg(not(target_arch = "wasm32"))]
pub use plain::{
    browser_zone, choose_locale, chosen_locale, date, date_range, is_zone, now, number, offset_secs, sample,
};

/// A zone as the browser knows it, over `span`.
///
/// Its own, which most people look at, is asked for minutes: no word is written and read for each of some eighty questions.
pub fn zone(name: &str, span: Span) -> Zone {
    if name == browser_zone() {
        Zone::probe(name, span, own_offset_secs)
    } else {
        Zone::probe(name, span, |t| offset_secs(name, t))
    }
}

/// How a locale parts the digits of a whole number: three by three, as nearly all do. A table of numbers asks so often that
/// the browser's answers took a fifth of the time of its rows.
#[cfg(any(test, target_arch = "wasm32"))]
#[derive(Debug, PartialEq, Eq)]
struct Groups {
    separator: String,
    /// The fewest digits that are parted: four, or five where the locale leaves `1234` as it is.
    fewest: usize,
}

#[cfg(any(test, target_arch = "wasm32"))]
impl Groups {
    /// What can be heard in how a locale writes a few numbers; `None` where it has other digits, or groups of its own.
    fn heard(write: impl Fn(f64) -> String) -> Option<Groups> {
        let parted = write(12_345.0);
        let separator = parted.strip_prefix("12")?.strip_suffix("345")?.to_owned();
        let fewest = if write(6_789.0) == "6789" { 5 } else { 4 };
        let groups = Groups { separator, fewest };
        let agrees = |number: u64| write(number as f64) == groups.write(number);
        [0, 6_789, 12_345, 1_234_567_890].into_iter().all(agrees).then_some(groups)
    }

    fn write(&self, number: u64) -> String {
        let digits = number.to_string();
        if digits.len() < self.fewest {
            return digits;
        }
        let mut grouped = String::with_capacity(2 * digits.len());
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push_str(&self.separator);
            }
            grouped.push(digit);
        }
        grouped
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use std::cell::RefCell;

    use js_sys::{Array, Date, Function, Intl, Object, Reflect};
    use mailtally_model::report_json::Number;
    use wasm_bindgen::JsValue;

    use super::{DateStyle, Groups, Time};
    use crate::remember;

    const STORED_AS: &str = "mailtally-locale";

    /// A few charts' dates.
    const MOST_REMEMBERED: usize = 256;

    /// Numbers below are whole to the last digit.
    const MOST_WRITTEN: f64 = 9_007_199_254_740_992.0;

    /// The locale that the person chose over the browser's.
    pub fn chosen_locale() -> Option<String> {
        remember::recall(STORED_AS).filter(|tag| super::LOCALES.contains(&tag.as_str()))
    }

    /// What is written from the next load on; an empty tag is the browser's own.
    pub fn choose_locale(tag: &str) {
        remember::remember(STORED_AS, tag);
    }

    /// How a locale writes, beside its tag.
    pub fn sample(tag: &str) -> String {
        let locales = Array::of1(&tag.into());
        let number = Intl::NumberFormat::new(&locales, &Object::new()).format();
        let number =
            number.call1(&JsValue::UNDEFINED, &JsValue::from_f64(1234.5)).ok().and_then(|text| text.as_string());
        let date = Intl::DateTimeFormat::new(&locales, &options(parts(DateStyle::Date).iter().copied())).format();
        let date = date.call1(&JsValue::UNDEFINED, &js_date(1_772_409_600)).ok().and_then(|text| text.as_string());
        format!("{tag} · {} · {}", number.unwrap_or_default(), date.unwrap_or_default())
    }

    /// The locales for a formatter: none lets the browser decide.
    fn locales() -> Array {
        chosen_locale().map_or_else(Array::new, |tag| Array::of1(&tag.as_str().into()))
    }

    thread_local! {
        // Making a formatter costs a hundred times what using it does.
        static NUMBERS: RefCell<Vec<(usize, Numbers)>> = RefCell::default();
        static DATES: RefCell<Vec<(DateStyle, Intl::DateTimeFormat)>> = RefCell::default();
        static CLOCKS: RefCell<Vec<(String, Option<Function>)>> = RefCell::default();
        /// Dates that were written, each at a place that follows from it; the next that falls there takes it.
        static WRITTEN: RefCell<Vec<Option<(i64, DateStyle, String)>>> = RefCell::new(vec![None; MOST_REMEMBERED]);
    }

    /// What was made for a key before, or is made now. There are a few of each, one behind the other: a table by hashes is code of
    /// its own for each sort of key.
    fn made<K: PartialEq, V>(all: &mut Vec<(K, V)>, key: K, make: impl FnOnce() -> V) -> &mut V {
        let known = all.iter().position(|(known, _)| *known == key);
        let place = known.unwrap_or_else(|| {
            all.push((key, make()));
            all.len() - 1
        });
        &mut all[place].1
    }

    /// The current time, in whole seconds.
    pub fn now() -> Time {
        Time((Date::now() / 1000.0) as i64)
    }

    /// The IANA name of the browser's zone.
    pub fn browser_zone() -> String {
        let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
        let zone = Reflect::get(&options, &"timeZone".into()).ok().and_then(|name| name.as_string());
        zone.unwrap_or_else(|| "UTC".to_owned())
    }

    /// Whether the browser knows a zone by this name.
    pub fn is_zone(name: &str) -> bool {
        clock(name).is_some()
    }

    /// Seconds east of UTC at an instant; zero in a zone that the browser does not know.
    pub fn offset_secs(zone: &str, t: Time) -> i32 {
        let Some(clock) = clock(zone) else { return 0 };
        let written = clock.call1(&JsValue::UNDEFINED, &JsValue::from_f64(t.0 as f64 * 1000.0));
        let local = written.ok().and_then(|text| text.as_string()).and_then(|text| wall_clock(&text));
        local.map_or(0, |local| (local - t.0) as i32)
    }

    /// The same in the browser's own zone, to the minute.
    pub fn own_offset_secs(t: Time) -> i32 {
        (-60.0 * js_date(t.0).get_timezone_offset()) as i32
    }

    /// A clock that writes `11/22/2026, 02:17:14` as the zone's wall shows it.
    fn clock(zone: &str) -> Option<Function> {
        CLOCKS.with_borrow_mut(|clocks| {
            if let Some((_, clock)) = clocks.iter().find(|(known, _)| known == zone) {
                return clock.clone();
            }
            let digits = ["month", "day", "hour", "minute", "second"].map(|part| (part, "2-digit"));
            let rest = [("timeZone", zone), ("hourCycle", "h23"), ("calendar", "gregory"), ("year", "numeric")];
            let options = options(digits.into_iter().chain(rest));
            // The constructor throws on an unknown zone, and js-sys' own binding does not catch.
            let new = Reflect::get(&js_sys::global(), &"Intl".into())
                .and_then(|intl| Reflect::get(&intl, &"DateTimeFormat".into()))
                .map(Function::from);
            let made = new.and_then(|new| Reflect::construct(&new, &Array::of2(&"en-US".into(), &options)));
            let clock = made.ok().map(|made| Intl::DateTimeFormat::from(made).format());
            clocks.push((zone.to_owned(), clock.clone()));
            clock
        })
    }

    fn wall_clock(text: &str) -> Option<i64> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        let mut next = || numbers.next().and_then(|part| part.parse::<u32>().ok());
        let (month, day, year, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let date = chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        Some(date.and_hms_opt(hour, minute, second)?.and_utc().timestamp())
    }

    /// A number with the locale's grouping and exactly this many decimals.
    pub fn number(value: f64, decimals: usize) -> String {
        NUMBERS.with_borrow_mut(|formats| {
            let format = made(formats, decimals, || Numbers::of(decimals));
            let groups =
                format.groups.as_ref().filter(|_| value.fract() == 0.0 && (0.0..MOST_WRITTEN).contains(&value));
            groups.map_or_else(|| written(&format.write, value), |groups| groups.write(value as u64))
        })
    }

    /// How numbers with so many decimals are written.
    struct Numbers {
        write: Function,
        /// Of whole numbers, where the locale groups them as most do.
        groups: Option<Groups>,
    }

    impl Numbers {
        fn of(decimals: usize) -> Numbers {
            let options = Object::new();
            for key in ["minimumFractionDigits", "maximumFractionDigits"] {
                set(&options, key, &JsValue::from_f64(decimals as f64));
            }
            let write = Intl::NumberFormat::new(&locales(), &options).format();
            let groups = if decimals == 0 { Groups::heard(|number| written(&write, number)) } else { None };
            Numbers { write, groups }
        }
    }

    fn written(write: &Function, value: f64) -> String {
        let written = write.call1(&JsValue::UNDEFINED, &JsValue::from_f64(value));
        written.ok().and_then(|text| text.as_string()).unwrap_or_else(|| Number(value).to_string())
    }

    /// A wall clock (seconds as if UTC) in the locale's words. Remembered: charts and tables of one range say the same dates, and to
    /// ask for those of a chart took a tenth of its script.
    pub fn date(local_secs: i64, style: DateStyle) -> String {
        let place = (local_secs / 3600 + 32 * style as i64) as usize % MOST_REMEMBERED;
        let known = WRITTEN.with_borrow(|written| written[place].clone());
        if let Some((.., text)) = known.filter(|(secs, of, _)| (*secs, *of) == (local_secs, style)) {
            return text;
        }
        let at = js_date(local_secs);
        let written = with_format(style, |format| format.format().call1(&JsValue::UNDEFINED, &at));
        let written = written.ok().and_then(|text| text.as_string()).unwrap_or_default();
        WRITTEN.with_borrow_mut(|all| all[place] = Some((local_secs, style, written.clone())));
        written
    }

    /// From one wall clock to another, as short as the locale allows: `27 Oct – 21 Nov 2026`.
    pub fn date_range(from_secs: i64, to_secs: i64, style: DateStyle) -> String {
        let (from, to) = (js_date(from_secs), js_date(to_secs));
        with_format(style, |format| format.format_range(&from, &to)).map(String::from).unwrap_or_default()
    }

    fn with_format<T>(style: DateStyle, use_it: impl FnOnce(&Intl::DateTimeFormat) -> T) -> T {
        DATES.with_borrow_mut(|formats| {
            let make = || Intl::DateTimeFormat::new(&locales(), &options(parts(style).iter().copied()));
            use_it(made(formats, style, make))
        })
    }

    fn parts(style: DateStyle) -> &'static [(&'static str, &'static str)] {
        match style {
            DateStyle::Day => &[("timeZone", "UTC"), ("weekday", "short"), ("day", "numeric"), ("month", "short")],
            DateStyle::DayYear => &[
                ("timeZone", "UTC"),
                ("weekday", "short"),
                ("day", "numeric"),
                ("month", "short"),
                ("year", "numeric"),
            ],
            DateStyle::Date => &[("timeZone", "UTC"), ("day", "numeric"), ("month", "short"), ("year", "numeric")],
            DateStyle::ShortDate => &[("timeZone", "UTC"), ("day", "numeric"), ("month", "short")],
            DateStyle::Month => &[("timeZone", "UTC"), ("month", "long"), ("year", "numeric")],
            DateStyle::ShortMonth => &[("timeZone", "UTC"), ("month", "short")],
            DateStyle::Clock => {
                &[("timeZone", "UTC"), ("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23")]
            }
            DateStyle::Weekday => &[("timeZone", "UTC"), ("weekday", "short")],
        }
    }

    fn js_date(secs: i64) -> Date {
        Date::new(&JsValue::from_f64(secs as f64 * 1000.0))
    }

    fn options<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Object {
        let options = Object::new();
        for (key, word) in pairs {
            set(&options, key, &word.into());
        }
        options
    }

    fn set(options: &Object, key: &str, value: &JsValue) {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(options, &key.into(), value);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod plain {
    use super::{DateStyle, Time};

    pub fn now() -> Time {
        Time(0)
    }

    pub fn chosen_locale() -> Option<String> {
        None
    }

    pub fn choose_locale(_tag: &str) {}

    pub fn sample(tag: &str) -> String {
        tag.to_owned()
    }

    pub fn browser_zone() -> String {
        "UTC".to_owned()
    }

    pub fn is_zone(name: &str) -> bool {
        name == "UTC"
    }

    pub fn offset_secs(_zone: &str, _t: Time) -> i32 {
        0
    }

    pub fn own_offset_secs(_t: Time) -> i32 {
        0
    }

    pub fn number(value: f64, decimals: usize) -> String {
        let text = format!("{:.decimals$}", value.abs());
        let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
        let mut grouped = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if value < 0.0 { "-" } else { "" };
        fraction.map_or_else(|| format!("{sign}{grouped}"), |fraction| format!("{sign}{grouped}.{fraction}"))
    }

    pub fn date(local_secs: i64, style: DateStyle) -> String {
        let pattern = match style {
            DateStyle::Day => "%a %-d %b",
            DateStyle::DayYear => "%a %-d %b %Y",
            DateStyle::Date => "%-d %b %Y",
            DateStyle::ShortDate => "%-d %b",
            DateStyle::Month => "%B %Y",
            DateStyle::ShortMonth => "%b",
            DateStyle::Clock => "%H:%M",
            DateStyle::Weekday => "%a",
        };
        chrono::DateTime::from_timestamp(local_secs, 0).map_or_else(String::new, |at| at.format(pattern).to_string())
    }

    pub fn date_range(from_secs: i64, to_secs: i64, style: DateStyle) -> String {
        format!("{} – {}", date(from_secs, style), date(to_secs, style))
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;

    #[test]
    fn a_locales_groups_are_heard_and_written() {
        let english = Groups::heard(|number| super::number(number, 0)).expect("English has groups");
        assert_eq!((english.write(999), english.write(1_234_567)), ("999".into(), "1,234,567".into()));
        let spanish = |number: f64| match number {
            6_789.0 => "6789".to_owned(),
            number => super::number(number, 0).replace(',', "."),
        };
        let spanish = Groups::heard(spanish).expect("Spanish has groups");
        assert_eq!((spanish.write(1_234), spanish.write(12_345)), ("1234".into(), "12.345".into()));
    }

    #[test]
    fn other_digits_and_other_groups_are_left_to_the_browser() {
        assert_eq!(Groups::heard(|number| super::number(number, 0).replace('1', "١")), None);
        let indian = |number: f64| match number {
            1_234_567_890.0 => "1,23,45,67,890".to_owned(),
            number => super::number(number, 0),
        };
        assert_eq!(Groups::heard(indian), None);
    }
}
