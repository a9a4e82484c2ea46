//! Synthetic pasts: what stands out, and above all what does not.

use proptest::prelude::*;

use super::*;
use crate::testing::{utc, zone};

/// What is said of a count whose past is this.
fn check(value: u64, past: &[u64], expected: Option<(u64, u64)>) {
    let usual = judge(value, past, 30).map(|jump| (jump.low, jump.high));
    assert_eq!(usual, expected, "{value} after {past:?}");
}

#[test]
fn a_jump_stands_out_of_a_quiet_past() {
    check(840, &[12, 31, 18, 40, 25, 10, 22, 36], Some((12, 36)));
    check(840, &[0; 8], Some((0, 0)));
    check(31, &[0, 1, 0, 0, 2, 0, 0, 0], Some((0, 1)));
}

#[test]
fn an_ordinary_day_does_not() {
    check(41, &[12, 31, 18, 40, 25, 10, 22, 36], None);
    check(5_600, &[5_000, 5_010, 5_020, 4_990, 5_005, 5_015, 4_995, 5_000], None);
    check(104, &[90, 110, 95, 104, 120, 88, 101, 99], None);
    check(10, &[5_000; 8], None);
}

#[test]
fn small_numbers_do_not_shout() {
    check(29, &[0; 8], None);
    check(30, &[0; 8], Some((0, 0)));
}

#[test]
fn without_a_past_nothing_is_unusual() {
    check(10_000, &[], None);
    check(10_000, &[1, 1, 1], None);
    check(10_000, &[1, 1, 1, 1], Some((1, 1)));
}

#[test]
fn one_wild_day_hides_nothing_and_does_not_become_usual() {
    check(840, &[20, 22, 900, 19, 25, 21, 18, 24], Some((19, 25)));
}

#[test]
fn what_comes_every_other_week_is_usual() {
    check(500, &[0, 480, 0, 510, 0, 495, 0, 505], None);
}

/// One count on each of many days, at a time of the zone's wall clock.
struct Story {
    zone: Zone,
    slots: Vec<(Slot, u64)>,
    coverage: Vec<Covered>,
    born: Time,
}

/// From 1 September 2026 on, each day at `hour` of the wall clock what `count` says.
fn story(zone_name: &str, days: i64, hour: i64, count: impl Fn(i64) -> u64) -> Story {
    let zone = zone(zone_name);
    let first = utc("2026-09-01T00:00:00Z");
    let at = |day: i64| zone.instant(first.0 + day * DAY_SECS + hour * HOUR_SECS).slot();
    let slots = (0..days).map(|day| (at(day), count(day))).filter(|(_, count)| *count > 0).collect();
    let read = Span::new(first.plus_secs(-DAY_SECS), first.plus_secs((days + 1) * DAY_SECS));
    Story { zone, slots, coverage: vec![Covered { span: read, missing_hosts: 0 }], born: Time(i64::MIN) }
}

impl Story {
    /// Each day that stands out, as a person says it.
    fn found(&self) -> Vec<String> {
        let history = History { slots: &self.slots, coverage: &self.coverage, born: self.born };
        let span = self.coverage[0].span;
        let found = find(&history, Span::new(span.from, span.until), &self.zone, 30);
        let words = |found: &Found| {
            let key = found.step.key(found.span.from, &self.zone);
            format!("{key}: {}, usually {} to {}", found.value, found.jump.low, found.jump.high)
        };
        found.iter().map(words).collect()
    }
}

#[test]
fn the_day_of_the_jump_is_found_and_no_other() {
    let compromised =
        story("Europe/Berlin", 80, 3, |day| if day == 63 { 840 } else { 20 + day.unsigned_abs() * 7 % 11 });
    assert_eq!(compromised.found(), ["2026-11-03: 840, usually 23 to 29"]);
}

#[test]
fn an_hour_stands_out_where_the_day_is_usual() {
    // A thousand at ten each day; on one day forty of them in the night.
    let mut night = story("Europe/Berlin", 80, 10, |_| 1_000);
    let at = utc("2026-11-05T02:00:00Z").slot();
    let position = night.slots.partition_point(|(slot, _)| *slot < at);
    night.slots.insert(position, (at, 40));
    assert_eq!(night.found(), ["2026-11-05T03:00+01:00: 40, usually 0 to 0"]);
}

#[test]
fn weekdays_and_summer_time_are_no_jumps() {
    // Mondays are ten times Sundays, at nine o'clock of a wall whose clock changes on 25 October.
    let office = story("Europe/Berlin", 120, 9, |day| if (day + 1) % 7 >= 5 { 40 } else { 400 });
    assert_eq!(office.found(), [""; 0]);
}

#[test]
fn what_was_not_observed_is_no_past() {
    let mut lost = story("UTC", 80, 3, |day| if day == 63 { 840 } else { 0 });
    let (whole, at) = (lost.coverage[0].span, utc("2026-11-03T00:00:00Z"));
    // Five of the eight Tuesdays are missing.
    lost.coverage = vec![Covered { span: Span::new(at.plus_secs(-3 * WEEK_SECS), whole.until), missing_hosts: 0 }];
    assert_eq!(lost.found(), [""; 0]);
    lost.coverage = vec![
        Covered { span: Span::new(whole.from, at), missing_hosts: 1 },
        Covered { span: Span::new(at, whole.until), missing_hosts: 0 },
    ];
    assert_eq!(lost.found(), [""; 0]);
}

#[test]
fn what_has_no_past_is_not_asked_in_vain() {
    let mut young = story("Europe/Berlin", 80, 3, |day| if day == 63 { 840 } else { 0 });
    let whole = young.coverage[0].span;
    let (mut found, mut not_asked) = (0, 0);
    for days in 1..70 {
        let read = Span::new(utc("2026-11-04T00:00:00Z").plus_secs(-days * DAY_SECS), whole.until);
        // The log goes on, or ends with the day of the jump.
        for until in [whole.until, utc("2026-11-04T00:00:00Z")] {
            young.coverage = vec![Covered { span: Span::new(read.from, until), missing_hosts: 0 }];
            found += young.found().len();
            if !has_past(&young.coverage) {
                not_asked += 1;
                assert_eq!(young.found(), [""; 0], "{days} days before");
            }
        }
    }
    assert!(found > 0 && not_asked > 10);
}

#[test]
fn a_new_name_has_no_past() {
    let mut new = story("UTC", 80, 3, |day| if day >= 60 { 60 } else { 0 });
    // Once a week of it is past it is not yet usual; after two it is.
    assert_eq!(new.found().len(), 14, "a name that was known before and silent");
    new.born = utc("2026-10-31T00:00:00Z");
    assert_eq!(new.found(), [""; 0]);
}

proptest! {
    #[test]
    fn more_is_never_less_unusual(past in proptest::collection::vec(0_u64..2_000, 0..9), value in 0_u64..20_000) {
        let (less, more) = (judge(value, &past, 30), judge(value + 1, &past, 30));
        prop_assert!(less.is_none() || more.is_some_and(|more| more.score >= less.map_or(0, |less| less.score)));
    }

    #[test]
    fn the_order_of_the_past_says_nothing(mut past in proptest::collection::vec(0_u64..2_000, 4..9), value in 0_u64..20_000) {
        let before = judge(value, &past, 30);
        past.reverse();
        prop_assert_eq!(judge(value, &past, 30), before);
    }

    #[test]
    fn what_is_found_passes_what_is_usual(past in proptest::collection::vec(0_u64..2_000, 4..9), value in 0_u64..20_000) {
        if let Some(jump) = judge(value, &past, 30) {
            prop_assert!(jump.low <= jump.high && jump.high < value && value >= 30);
            let passed = past.iter().filter(|count| **count < value).count();
            prop_assert!(passed + 1 >= past.len(), "at most one week of the past had as much");
        }
    }

}

proptest! {
    // Each case is a year.
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_year_of_chance_is_quiet(seed in any::<u64>(), mean in 1_u64..100) {
        // Binomial counts around a mean: the noise of people who write independently.
        let noise = |day: i64| {
            let mut state = seed ^ (day as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (0..2 * mean).filter(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 63 == 1
            }).count() as u64
        };
        prop_assert_eq!(story("UTC", 365, 9, noise).found(), Vec::<String>::new());
    }
}
