use mailtally_model::catalogue;

use super::*;

fn dates(first: &str, last: &str) -> Dates {
    Dates::new(first.parse().expect("a date"), last.parse().expect("a date")).expect("dates")
}

#[test]
fn weekdays_meet_and_periods_do_not() {
    for (first, last) in [
        ("2026-11-22", "2026-11-22"),
        ("2026-11-16", "2026-11-22"),
        ("2026-10-01", "2026-10-31"),
        ("2026-08-25", "2026-11-22"),
        ("2025-01-01", "2026-11-22"),
    ] {
        let now = dates(first, last);
        for compare in [Compare::Previous, Compare::Year] {
            let earlier = compare.earlier(now).expect("a period");
            assert_eq!(earlier.days % 7, 0, "{first}..{last}");
            assert!(earlier.dates.last < now.first, "{first}..{last} meets {:?}", earlier.dates);
            assert_eq!(earlier.dates.last - earlier.dates.first, now.last - now.first);
        }
    }
    assert_eq!(Compare::Nothing.earlier(dates("2026-11-22", "2026-11-22")), None);
}

#[test]
fn half_a_day_is_held_against_half_a_day() {
    let today = dates("2026-11-22", "2026-11-22");
    let earlier = Compare::Previous.earlier(today).expect("a period");
    let zone = Zone::utc();
    let noon = today.span(&zone).from.plus_secs(12 * 3600 + 60);
    let span = earlier.span(&zone, Some(zone.local(noon)));
    // Up to the end of the slot in which the present one ends.
    assert_eq!(span.secs(), 12 * 3600 + 900);
    assert_eq!(earlier.span(&zone, None).secs(), DAY_SECS);
}

fn answer(report: &str, span: Span, covered: &[Span], counts: &[(Time, u64)]) -> Answer {
    let report = catalogue::find(report).expect(report);
    let measures = || report.columns.iter().map(Column::measure);
    let number = |at: Time| at.slot().0 as i32;
    let distances = counts.iter().scan(0, |before, (at, _)| Some(number(*at) - std::mem::replace(before, number(*at))));
    let coverage: Vec<_> = covered.iter().map(|span| (span.from, span.until, 0).into()).collect();
    Answer {
        report: report.id.to_owned(),
        subject: mailtally_model::Subject::Server,
        by: By::Time,
        from: span.from,
        until: span.until,
        slot_seconds: 900,
        read_until: Some(span.until),
        coverage: Family::ALL.map(|family| (family, coverage.clone())).into(),
        basis: measures().map(|measure| (measure.id.to_owned(), measure.basis)).collect(),
        subjects: Default::default(),
        slot: distances.collect(),
        subject_index: Vec::new(),
        values: measures().map(|m| (m.id.to_owned(), counts.iter().map(|(_, count)| *count).collect())).collect(),
        totals: Few::new(),
    }
}

/// A day of which the hours from `gap` on were not observed, 40 connections before and after, beside the same weekday of
/// the week before, observed over `then`.
fn half_a_day(then: &[Span]) -> Before {
    let zone = Zone::utc();
    let day = dates("2026-10-07", "2026-10-07");
    let shift = Compare::Previous.earlier(day).expect("a period");
    let (now, before) = (day.span(&zone), shift.dates.span(&zone));
    let hours = |from: Time, hours: i64| from.plus_secs(hours * 3600);
    let observed = [Span::new(now.from, hours(now.from, 6)), Span::new(hours(now.from, 18), now.until)];
    let present = answer("pop-sessions", now, &observed, &[(now.from, 20), (hours(now.from, 20), 20)]);
    let counts: Vec<(Time, u64)> = (0..24).map(|hour| (hours(before.from, hour), 6)).collect();
    let earlier = answer("pop-sessions", before, then, &counts);
    let report = catalogue::find("pop-sessions").expect("a report");
    let columns: Vec<&'static Column> = report.columns.iter().take(1).collect();
    let table = table::build(report, &columns, &present, now, Step::Day, &zone);
    Before::new(&table, &present, &earlier, &zone, shift)
}

fn week_before() -> Span {
    dates("2026-09-30", "2026-09-30").span(&Zone::utc())
}

#[test]
fn what_was_not_observed_is_left_out_of_both() {
    let before = half_a_day(&[week_before()]);
    // 72 of its 144: those of the same twelve hours.
    assert_eq!(before.columns[0].total, Ok(72.0));
    assert_eq!(before.columns[0].cells, [Some(72.0)]);
    assert_eq!(before.rows, [Some(week_before())]);
    let says = "Compared with Wed 30 Sep 2026, as far as this period was read; 12 h 0 min that were not observed are left out of both.";
    assert_eq!(before.sentence(), says);
}

#[test]
fn a_gap_of_the_earlier_period_is_left_out_of_both() {
    let (zone, day) = (Zone::utc(), dates("2026-10-07", "2026-10-07"));
    let shift = Compare::Previous.earlier(day).expect("a period");
    let now = day.span(&zone);
    let hourly = |from: Time, count: u64| -> Vec<(Time, u64)> {
        (0..24).map(|hour| (from.plus_secs(hour * 3600), count)).collect()
    };
    let present = answer("pop-sessions", now, &[now], &hourly(now.from, 10));
    // From ten to twelve nothing was read.
    let (ten, twelve) = (week_before().from.plus_secs(10 * 3600), week_before().from.plus_secs(12 * 3600));
    let covered = [Span { until: ten, ..week_before() }, Span { from: twelve, ..week_before() }];
    let counts: Vec<(Time, u64)> =
        hourly(week_before().from, 5).into_iter().filter(|(at, _)| *at < ten || *at >= twelve).collect();
    let then = answer("pop-sessions", week_before(), &covered, &counts);
    let report = catalogue::find("pop-sessions").expect("a report");
    let columns: Vec<&'static Column> = report.columns.iter().take(1).collect();
    let table = table::build(report, &columns, &present, now, Step::Day, &zone);
    let before = Before::new(&table, &present, &then, &zone, shift);
    let column = &before.columns[0];
    assert_eq!((column.held_total(240.0), column.total), (220.0, Ok(110.0)), "twice as many");
    assert_eq!((column.held_cell(0, 240.0), column.cells[0]), (220.0, Some(110.0)));
    assert_eq!(before.unobserved_secs, 2 * 3600);
    // Sums of names know no hours.
    let names = Table { by: By::Domains, ..table.clone() };
    assert_eq!(Before::new(&names, &present, &then, &zone, shift).columns[0].total, Err(Missing::Partly));
    // Where all was observed, all is held.
    let whole = answer("pop-sessions", week_before(), &[week_before()], &hourly(week_before().from, 5));
    assert_eq!(Before::new(&table, &present, &whole, &zone, shift).columns[0].held, None);
}

/// A Table of today ends with the hour that has begun, up to which everything may have been read.
#[test]
fn a_table_that_ends_before_its_dates_is_held_against_as_much() {
    let (zone, day) = (Zone::utc(), dates("2026-10-07", "2026-10-07"));
    let shift = Compare::Previous.earlier(day).expect("a period");
    let now = Span { until: day.span(&zone).from.plus_secs(6 * 3600), ..day.span(&zone) };
    let hourly = |from: Time, hours: i64| -> Vec<(Time, u64)> {
        (0..hours).map(|hour| (from.plus_secs(hour * 3600), 6)).collect()
    };
    let present = answer("pop-sessions", now, &[now], &hourly(now.from, 6));
    let then = answer("pop-sessions", week_before(), &[week_before()], &hourly(week_before().from, 24));
    let report = catalogue::find("pop-sessions").expect("a report");
    let columns: Vec<&'static Column> = report.columns.iter().take(1).collect();
    let table = table::build(report, &columns, &present, now, Step::Hour, &zone);
    let before = Before::new(&table, &present, &then, &zone, shift);
    assert_eq!((before.columns[0].total, before.columns[0].cells.len()), (Ok(36.0), 6));
    assert_eq!(before.unobserved_secs, 0);
}

#[test]
fn what_cannot_be_compared_says_why() {
    let none = half_a_day(&[]);
    assert_eq!(none.columns[0].total, Err(Missing::NotObserved));
    assert_eq!(none.sentence(), "Wed 30 Sep 2026 was not observed: there is nothing to compare with.");
    let morning = Span { until: week_before().from.plus_secs(3 * 3600), ..week_before() };
    let part = half_a_day(&[morning]);
    assert_eq!(part.columns[0].total, Err(Missing::Partly));
    assert_eq!(part.sentence(), "Wed 30 Sep 2026 was observed only in part: too little to compare with.");
    // The hours that are asked for were observed, and that is enough.
    let asked = [(0, 6), (18, 24)].map(|(from, until)| {
        Span::new(week_before().from.plus_secs(from * 3600), week_before().from.plus_secs(until * 3600))
    });
    assert_eq!(half_a_day(&asked).columns[0].total, Ok(72.0));
}
