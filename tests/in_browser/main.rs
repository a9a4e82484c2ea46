//! What only a browser can tell of the app's own code. Runs inside headless Chromium by `cargo xtask test`.
//!
//! Everything else of the app is tested natively or, whole, from outside.
#![cfg(target_arch = "wasm32")]

use chrono::{DateTime, Offset, TimeZone};
use mailtally_app::intl::{self, DateStyle};
use mailtally_app::range::Range;
use mailtally_app::{format, window};
use mailtally_model::{Span, Time, Zone};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Whole and half and quarter hours, both hemispheres, a half-hour summer time, a day that was left out.
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "Pacific/Apia",
];

/// From 1990 to 2040.
const YEARS: Span = Span { from: Time(631_152_000), until: Time(2_208_988_800) };

/// The browser's zones decide what a day is on the screen, the server's on the command line: they must not differ.
#[wasm_bindgen_test]
fn intl_and_the_zone_database_give_the_same_zones() {
    for name in ZONES {
        let database: chrono_tz::Tz = name.parse().expect(name);
        let by_database = Zone::probe(name, YEARS, |t| {
            let utc = DateTime::from_timestamp(t.0, 0).expect("a time within 1990 to 2040").naive_utc();
            database.offset_from_utc_datetime(&utc).fix().local_minus_utc()
        });
        let by_browser = Zone::probe(name, YEARS, |t| intl::offset_secs(name, t));
        assert_eq!(by_browser, by_database, "{name}");
    }
}

/// The runner gives the browser a zone that has had summer time (xtask/src/test.rs).
#[wasm_bindgen_test]
fn the_browsers_own_zone_is_as_any_other() {
    let own = intl::browser_zone();
    assert_ne!(own, "UTC");
    assert_eq!(intl::zone(&own, YEARS), Zone::probe(&own, YEARS, |t| intl::offset_secs(&own, t)));
}

/// A range in winter says nothing of the summer in which the logs were read, nor the other way round.
#[wasm_bindgen_test]
fn a_moment_far_from_the_range_is_the_zones() {
    let read = Time(1_784_115_068);
    let said = |first: &str, last: &str| {
        let range = Range::parse(&format!("{first}..{last}")).expect("dates");
        format::date_and_clock(read, &window::window(range, "Europe/Berlin", read).zone_over(Span::new(read, read)))
    };
    let near = said("2026-07-01", "2026-07-31");
    assert!(near.contains("13:31"), "{near}");
    for (first, last) in [("2026-01-01", "2026-02-28"), ("2024-01-01", "2024-03-31")] {
        assert_eq!(said(first, last), near);
        let range = Range::parse(&format!("{first}..{last}")).expect("dates");
        assert!(near.ends_with(&format::moment(read, &window::window(range, "Europe/Berlin", read))));
    }
}

#[wasm_bindgen_test]
fn a_name_that_is_no_zone_is_refused() {
    assert!(intl::is_zone("Europe/Berlin"));
    assert!(!intl::is_zone("Europe/Atlantis"));
    assert!(intl::is_zone(&intl::browser_zone()));
}

#[wasm_bindgen_test]
fn numbers_and_dates_are_the_locales() {
    let digits: String = intl::number(1_234_567.0, 0).chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits, "1234567");
    // 2 March 2026, 14:32 on the wall.
    assert!(intl::date(1_772_461_920, DateStyle::Date).contains("2026"));
    assert!(intl::date(1_772_461_920, DateStyle::Clock).contains("32"));
}
