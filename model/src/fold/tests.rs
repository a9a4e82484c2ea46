//! Counters in, table out.

use insta::assert_snapshot;

use super::*;
use crate::catalogue::{self, Report};
use crate::table::build;
use crate::testing::{answer, columns, days, text, utc, with_children, with_slots, zone};
use crate::time::SLOT_SECS;
use crate::wire::By;

fn pop() -> &'static Report {
    catalogue::find("pop-usage").expect("a report")
}

/// New and bandwidth, enough for most tests.
const SUMS: [&str; 2] = ["connections", "bandwidth"];

#[test]
fn slots_are_summed_by_the_day_of_the_viewer() {
    let zone = zone("Europe/Berlin");
    let span = days("2026-03-01", "2026-03-03", &zone);
    let wider = Span::new(span.from.plus_secs(-86_400), span.until.plus_secs(86_400));
    let answer = with_slots(
        answer(pop(), "(server)", By::Time, wider),
        &SUMS,
        &[
            ("2026-02-28T22:45:00Z", &[100, 1000]), // still February in Berlin: outside
            ("2026-02-28T23:00:00Z", &[1, 10]),
            ("2026-03-01T22:45:00Z", &[2, 20]),
            ("2026-03-01T23:00:00Z", &[3, 30]),
            ("2026-03-03T22:45:00Z", &[4, 40]),
            ("2026-03-03T23:00:00Z", &[100, 1000]),
        ],
    );
    let table = build(pop(), &columns(pop(), &SUMS), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    2026-03-01  3  30
    2026-03-02  3  30
    2026-03-03  4  40
    Total  10  100
    ");
}

#[test]
fn a_mean_is_the_integral_over_the_seconds_observed() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-02", &zone);
    let mut answer = with_slots(
        answer(pop(), "(server)", By::Time, span),
        &["active_connections"],
        &[
            ("2026-03-01T00:00:00Z", &[43_200_000]), // 43,200 connection seconds
            ("2026-03-02T00:00:00Z", &[10_800_000]),
        ],
    );
    // The second day was read for six hours only.
    let read_until = utc("2026-03-02T06:00:00Z");
    answer.read_until = Some(read_until);
    answer.coverage.insert(Family::Dovecot, vec![(span.from, read_until, 0).into()]);
    let table = build(pop(), &columns(pop(), &["active_connections"]), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    2026-03-01  0.5
    2026-03-02  0.5  In progress (Time(1772431200))
    Total  0.5
    ");
    let month = build(pop(), &columns(pop(), &["active_connections"]), &answer, span, Step::Month, &zone);
    assert_snapshot!(text(&month), @r"
    2026-03  0.5  Clipped
    Total  0.5
    ");
}

/// A source that a site does not have was not missed.
#[test]
fn a_step_is_whole_where_only_what_is_not_set_up_was_not_observed() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-02", &zone);
    let column = &pop().columns[0];
    let mut answer = with_slots(answer(pop(), "(server)", By::Time, span), &[column.id], &[]);
    answer.coverage.retain(|family| *family != column.measure().family);
    let is_partial = |answer: &Answer| {
        let table = build(pop(), &[column], answer, span, Step::Day, &zone);
        table.rows.iter().any(|row| matches!(row, Row::Step { partial: Some(_), .. }))
    };
    assert!(is_partial(&answer), "it is set up, and was not read");
    answer.basis.insert(column.measure().id.to_owned(), Basis::NotConfigured);
    assert!(!is_partial(&answer));
}

#[test]
fn missing_is_a_gap_and_zero_is_a_zero() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-07", &zone);
    let mut answer = with_slots(
        answer(pop(), "(server)", By::Time, span),
        &SUMS,
        &[("2026-03-02T14:00:00Z", &[1, 10]), ("2026-03-05T14:00:00Z", &[2, 20])],
    );
    answer.read_until = Some(utc("2026-03-06T12:00:00Z"));
    answer.coverage.insert(
        Family::Dovecot,
        vec![
            (utc("2026-03-02T12:00:00Z"), utc("2026-03-04T00:00:00Z"), 0).into(),
            (utc("2026-03-05T00:00:00Z"), utc("2026-03-06T00:00:00Z"), 1).into(),
            (utc("2026-03-06T00:00:00Z"), utc("2026-03-06T12:00:00Z"), 0).into(),
        ],
    );
    let table = build(pop(), &columns(pop(), &["connections"]), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    2026-03-01  -  Gap
    2026-03-02  1  Gap
    2026-03-03  0
    2026-03-04  -  Gap
    2026-03-05  2  Gap
    2026-03-06  0  In progress (Time(1772798400))
    2026-03-07  -  In progress (Time(1772798400))
    Total  3
    ");
}

#[test]
fn nothing_read_is_nothing_observed() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-02", &zone);
    let mut answer = answer(pop(), "(server)", By::Time, span);
    answer.read_until = None;
    answer.coverage.retain(|_| false);
    let table = build(pop(), &columns(pop(), &SUMS), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    2026-03-01  -  -  Gap
    2026-03-02  -  -  Gap
    Total  -  -
    ");
}

#[test]
fn a_count_is_shown_even_where_the_log_is_a_single_line() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-01", &zone);
    let mut answer = with_slots(answer(pop(), "(server)", By::Time, span), &SUMS, &[("2026-03-01T12:00:00Z", &[1, 0])]);
    let at = utc("2026-03-01T12:00:00Z");
    answer.read_until = Some(at);
    answer.coverage.insert(Family::Dovecot, vec![(at, at, 0).into()]);
    let shown = columns(pop(), &["connections", "bandwidth", "active_connections"]);
    let table = build(pop(), &shown, &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    2026-03-01  1  -  -  In progress (Time(1772366400))
    Total  1  -  -
    ");
}

#[test]
fn what_no_source_logs_has_no_value_at_all() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-01", &zone);
    let mut answer = with_slots(answer(pop(), "(server)", By::Time, span), &SUMS, &[("2026-03-01T12:00:00Z", &[1, 9])]);
    answer.basis.insert("pop.bandwidth".to_owned(), Basis::NotConfigured);
    let table = build(pop(), &columns(pop(), &SUMS), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    2026-03-01  1  -
    Total  1  -
    ");
    assert_eq!(table.columns[1].basis, Basis::NotConfigured);
}

#[test]
fn the_repeated_hour_is_two_rows() {
    let zone = zone("Europe/Berlin");
    let span = Span::new(utc("2026-10-25T00:00:00Z"), utc("2026-10-25T02:00:00Z"));
    let answer = with_slots(
        answer(pop(), "(server)", By::Time, span),
        &SUMS,
        &[("2026-10-25T00:45:00Z", &[1, 0]), ("2026-10-25T01:00:00Z", &[2, 0])],
    );
    let table = build(pop(), &columns(pop(), &["connections"]), &answer, span, Step::Hour, &zone);
    assert_snapshot!(text(&table), @r"
    2026-10-25T02:00+02:00  1
    2026-10-25T02:00+01:00  2
    Total  3
    ");
}

#[test]
fn a_mode_has_its_children_by_name_then_the_rest() {
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-01", &zone);
    let answer = with_children(
        answer(pop(), "(server)", By::Domains, span),
        &["connections", "bandwidth", "blocked_connections"],
        &[("example.org", &[1, 10, 0]), ("example.com", &[2, 20, 0]), ("(other)", &[3, 30, 0])],
        &[10, 60, 7],
    );
    let shown = columns(pop(), &["connections", "bandwidth", "active_connections", "blocked_connections"]);
    let table = build(pop(), &shown, &answer, span, Step::Day, &zone);
    // Blocked and active connections exist for the server alone: its domains have neither a number nor a zero.
    assert_snapshot!(text(&table), @r"
    example.com  2  20  -  -
    example.org  1  10  -  -
    (other)  3  30  -  -
    (unattributed)  4  0  -  -
    Total  10  60  0  7
    ");
}

#[test]
fn columns_that_overlap_leave_nothing_unattributed() {
    let report = catalogue::find("smtp-in-usage").expect("a report");
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-01", &zone);
    let answer = with_children(
        answer(report, "(server)", By::Domains, span),
        &["connections"],
        &[("a.example", &[5]), ("b.example", &[5])],
        &[20],
    );
    let table = build(report, &columns(report, &["connections"]), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    a.example  5
    b.example  5
    Total  20
    ");
}

#[test]
fn services_are_rows_of_the_server_with_means_of_their_own() {
    let report = catalogue::find("clamav").expect("a report");
    let zone = Zone::utc();
    let span = days("2026-03-01", "2026-03-01", &zone);
    let answer = with_children(
        answer(report, "(server)", By::Services, span),
        &["active_connections", "connections"],
        &[("clamav:mx1", &[86_400_000, 3]), ("clamav:mx2", &[8_640_000, 1])],
        &[95_040_000, 5],
    );
    let table =
        build(report, &columns(report, &["active_connections", "connections"]), &answer, span, Step::Day, &zone);
    assert_snapshot!(text(&table), @r"
    clamav:mx1  1  3
    clamav:mx2  0.1  1
    (unattributed)  -  1
    Total  1.1  5
    ");
    assert_eq!(table.rows[0].label(table.step, &zone), "mx1");
}

#[test]
fn a_million_slots_cost_little() {
    // Half a lifetime of quarter hours: no assertion on a clock, but a fold that were quadratic would not end.
    let span = Span::new(utc("1990-01-01T00:00:00Z"), utc("2018-07-01T00:00:00Z"));
    let slots = (span.secs() / SLOT_SECS) as usize;
    let mut answer = answer(pop(), "(server)", By::Time, span);
    answer.slot = std::iter::once(span.from.slot().0 as i32).chain(std::iter::repeat_n(1, slots - 1)).collect();
    answer.values.insert("pop.connections".to_owned(), std::iter::repeat_n(1, slots).collect());
    for step in Step::ALL {
        let table = build(pop(), &columns(pop(), &["connections"]), &answer, span, step, &Zone::utc());
        let shown: f64 = table.columns[0].cells.iter().flatten().sum();
        assert_eq!((Some(shown), table.columns[0].total), (Some(slots as f64), Some(slots as f64)));
    }
}

#[test]
fn names_in_order_make_the_rows_that_sorted_ones_make() {
    let subjects = |names: &[&str]| names.iter().map(|name| name.parse().ok()).collect::<Vec<Option<Subject>>>();
    for names in [
        &["alfa.example", "bravo.example", "(other)"][..],
        &["ann@alfa.example", "ben@alfa.example"],
        &["(other)"],
        &[],
    ] {
        let as_sent = Children::as_sent(subjects(names).into_iter()).expect("they are in order");
        let sorted = Children::sorted(subjects(names));
        assert_eq!((as_sent.rows, as_sent.row_of_name), (sorted.rows, None), "{names:?}");
        assert_eq!(sorted.row_of_name, Some((0..names.len() as u32).collect()), "{names:?}");
    }
    for names in [
        &["bravo.example", "alfa.example"][..],
        &["a.example", "a.example"],
        &["(other)", "a.example"],
        &["(other)", "(other)"],
    ] {
        assert_eq!(Children::as_sent(subjects(names).into_iter()), None, "{names:?}");
    }
}
