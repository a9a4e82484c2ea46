//! The period that a range is compared with: as many whole weeks earlier, so that Mondays meet Mondays, and cut where the
//! present one has been read to and was not observed, so that half a day is held against half a day.
//!
//! Plain values: no clock, no signal, no request.

use chrono::Days;
use mailtally_model::coverage::observed_secs;
use mailtally_model::measure::Worse;
use mailtally_model::table::{self, Row, TableColumn};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Answer, By, Column, Family, Few, Span, Step, Table, Time, Zone, alike};

use crate::range::Dates;
use crate::{format, intl, text};

/// What the person compares with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    #[default]
    Previous,
    /// The same weeks a year ago.
    Year,
    Nothing,
}

impl Compare {
    pub const ALL: [Compare; 3] = [Compare::Previous, Compare::Year, Compare::Nothing];

    /// The word in URLs.
    pub fn id(self) -> &'static str {
        match self {
            Compare::Previous => "previous",
            Compare::Year => "year",
            Compare::Nothing => "nothing",
        }
    }

    pub fn from_id(id: &str) -> Option<Compare> {
        Compare::ALL.into_iter().find(|compare| compare.id() == id)
    }

    /// How many days earlier the period lies: the fewest whole weeks in which the two do not meet.
    fn days_back(self, dates: Dates) -> Option<u64> {
        let length = u64::try_from((dates.last - dates.first).num_days()).ok()? + 1;
        match self {
            Compare::Previous => Some(length.div_ceil(7) * 7),
            Compare::Year => Some(length.div_ceil(WEEKS_OF_YEAR * 7) * WEEKS_OF_YEAR * 7),
            Compare::Nothing => None,
        }
    }

    /// The dates to compare `dates` with.
    pub fn earlier(self, dates: Dates) -> Option<Earlier> {
        let days = self.days_back(dates)?;
        let back = Days::new(days);
        let dates = Dates::new(dates.first.checked_sub_days(back)?, dates.last.checked_sub_days(back)?)?;
        Some(Earlier { dates, days: i64::try_from(days).ok()? })
    }
}

/// A year in whole weeks.
const WEEKS_OF_YEAR: u64 = 52;

/// The dates compared with, and how many days before the range they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    pub dates: Dates,
    pub days: i64,
}

impl Earlier {
    /// The earlier period as instants of `zone`, up to the wall clock that the present one has been read to.
    pub fn span(self, zone: &Zone, read_until_local_secs: Option<i64>) -> Span {
        let whole = self.dates.span(zone);
        let read = read_until_local_secs.map(|local| zone.instant(local - self.days * DAY_SECS));
        let until = read.map_or(whole.until, |read| slot_end(read).clamp(whole.from, whole.until));
        Span { until, ..whole }
    }
}

/// Counters have no finer time than slots.
fn slot_end(t: Time) -> Time {
    let start = t.slot().start();
    if start == t { t } else { start.plus_secs(mailtally_model::SLOT_SECS) }
}

/// The earlier period's values, each beside the present one's.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    pub dates: Dates,
    pub columns: Vec<BeforeColumn>,
    /// For each row of the present Table its counterpart's span, where its steps have one: empty for a Mode, and for months
    /// and quarters, which are no whole weeks.
    pub rows: Vec<Option<Span>>,
    /// The zone of these spans.
    pub zone: Zone,
    /// How much of either period was not observed, and is left out of both.
    pub unobserved_secs: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BeforeColumn {
    /// The column's id.
    pub id: &'static str,
    pub total: Result<f64, Missing>,
    /// A cell for each row of the present Table that has a counterpart.
    pub cells: Vec<Option<f64>>,
    /// What of the present column is held against these, where that is not all of it: the earlier period has a gap.
    pub held: Option<Held>,
}

/// The present values of the time that was observed of both periods.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub total: Option<f64>,
    pub cells: Vec<Option<f64>>,
}

impl BeforeColumn {
    /// What of the present total is held against the earlier one.
    pub fn held_total(&self, all: f64) -> f64 {
        self.held.as_ref().and_then(|held| held.total).unwrap_or(all)
    }

    /// What of a present cell is held against the earlier one.
    pub fn held_cell(&self, row: usize, all: f64) -> f64 {
        self.held.as_ref().and_then(|held| held.cells.get(row).copied().flatten()).unwrap_or(all)
    }
}

/// Why there is nothing to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing of the earlier period was observed.
    NotObserved,
    /// Too little of it was.
    Partly,
    /// Too little of the present period was, where the earlier one cannot be cut to it.
    PartlyHere,
    /// More slots than are asked for at once.
    TooLong,
    /// The server did not say.
    NoAnswer,
}

impl Before {
    /// Puts the answer over an earlier period beside the present Table; or why there is none.
    pub fn told(
        present: &Table,
        answer: &Answer,
        then: Result<&Answer, Missing>,
        then_zone: &Zone,
        shift: Earlier,
    ) -> Before {
        match then {
            Ok(then) => Before::new(present, answer, then, then_zone, shift),
            Err(why) => Before::without(present, shift, why),
        }
    }

    /// Puts the answer over an earlier period beside the present Table and the answer that it was made of: rows by their
    /// wall clocks, and of both periods only time that was observed of both. What a Mode shows cannot be cut: where that is
    /// more than nothing to speak of, there is no comparison.
    pub fn new(present: &Table, answer: &Answer, then: &Answer, then_zone: &Zone, shift: Earlier) -> Before {
        let read = span_read(present, answer);
        let span = shift.span(then_zone, Some(present.zone.local(read.until)));
        let back = shift.days * DAY_SECS;
        let earlier = |t: Time| then_zone.instant(present.zone.local(t) - back);
        let later = |t: Time| present.zone.instant(then_zone.local(t) + back);
        let moved = |stretch: &Span| Span::new(earlier(stretch.from), slot_end(earlier(stretch.until))).intersect(span);
        let forth = |stretch: &Span| Span::new(later(stretch.from), slot_end(later(stretch.until))).intersect(read);
        let observed = observed(present, answer);
        let mut wanted: Few<Family, Vec<Span>> = Few::new();
        let mut held: Few<Family, Vec<Span>> = Few::new();
        for (family, stretches) in &observed {
            let coverage = then.coverage.get(family).map_or(&[][..], Vec::as_slice);
            let then: Vec<Span> = alike::observed_stretches(coverage, span).iter().map(forth).collect();
            held.insert(*family, alike::common(stretches, &then));
            wanted.insert(*family, stretches.iter().map(moved).collect());
        }
        let (now_secs, held_secs) = (unobserved_secs(&observed, read), unobserved_secs(&held, read));
        let is_cut = present.by == By::Time && held_secs > now_secs;
        let is_askew = !is_cut && (held_secs - now_secs) * ASKEW_PARTS > read.secs();
        let columns: Vec<&'static Column> = present.columns.iter().map(|column| column.column).collect();
        let present_cut = is_cut.then(|| {
            let cut = alike::only_within(answer, &held);
            table::of_steps(present.report, &columns, &cut, present.span, present.step, &present.zone)
        });
        let cut = (now_secs > 0).then(|| alike::only_within(then, &wanted));
        let then = cut.as_ref().unwrap_or(then);
        let built = table::of_steps(present.report, &columns, then, span, present.step, then_zone);

        let counterparts = counterparts(present, &present.zone, &built, then_zone, back);
        let column = |(at, column): (usize, &TableColumn)| {
            let cells = counterparts.iter().map(|row| column.cells.get((*row)?).copied().flatten());
            let family = column.column.measure().family;
            let wanted = wanted.get(&family).map_or(&[][..], Vec::as_slice);
            let total = enough(then, family, wanted).and_then(|()| column.total.ok_or(Missing::NotObserved));
            let total = if is_askew { total.and(Err(Missing::Partly)) } else { total };
            let held = present_cut.as_ref().and_then(|table| table.columns.get(at));
            let held = held.map(|held| Held { total: held.total, cells: held.cells.clone() });
            BeforeColumn { id: column.column.id, total, cells: cells.collect(), held }
        };
        let span_of = |row: &Option<usize>| match built.rows.get((*row)?)? {
            Row::Step { span, .. } => Some(*span),
            Row::Child(_) | Row::Rest(_) => None,
        };
        Before {
            dates: shift.dates,
            columns: built.columns.iter().enumerate().map(column).collect(),
            rows: counterparts.iter().map(span_of).collect(),
            zone: then_zone.clone(),
            unobserved_secs: if is_cut { held_secs } else { now_secs },
        }
    }

    /// There is nothing to put beside the present Table.
    pub fn without(present: &Table, shift: Earlier, why: Missing) -> Before {
        let column = |column: &TableColumn| BeforeColumn {
            id: column.column.id,
            total: Err(why),
            cells: Vec::new(),
            held: None,
        };
        Before {
            dates: shift.dates,
            columns: present.columns.iter().map(column).collect(),
            rows: Vec::new(),
            zone: present.zone.clone(),
            unobserved_secs: 0,
        }
    }

    pub fn of(&self, column: &Column) -> Option<&BeforeColumn> {
        self.columns.iter().find(|known| known.id == column.id)
    }

    /// Why no column has anything to be compared with.
    fn missing(&self) -> Option<Missing> {
        let first = self.columns.first()?.total.err()?;
        self.columns.iter().all(|column| column.total.is_err()).then_some(first)
    }

    /// What is compared with what, or why it cannot be.
    pub fn sentence(&self) -> String {
        let dates = format::dates(self.dates);
        match self.missing() {
            Some(missing) => text::why_not_compared(missing, &dates),
            None => compared_with(self.dates, self.unobserved_secs),
        }
    }
}

/// A hundredth of a period that was observed of one and not of the other makes a change that is not one.
const ASKEW_PARTS: i64 = 100;

/// What is compared with what, as long as nothing speaks against it.
pub fn compared_with(dates: Dates, unobserved_secs: i64) -> String {
    let left_out = (unobserved_secs > 0).then(|| format::duration(unobserved_secs.unsigned_abs() * 1_000));
    text::compared_with(&format::dates(dates), left_out.as_deref())
}

/// What was read of a Table's span.
fn span_read(present: &Table, answer: &Answer) -> Span {
    let until = answer.read_until.map_or(present.span.until, |read| read.min(present.span.until));
    Span { until, ..present.span }
}

/// The stretches of that which were observed of a family.
fn observed_of(present: &Table, answer: &Answer, family: Family) -> Vec<Span> {
    let coverage = answer.coverage.get(&family).map_or(&[][..], Vec::as_slice);
    alike::observed_stretches(coverage, span_read(present, answer))
}

/// The same for each family that its columns are of.
fn observed(present: &Table, answer: &Answer) -> Few<Family, Vec<Span>> {
    let mut observed = Few::new();
    for column in &present.columns {
        let family = column.column.measure().family;
        observed.get_or_make(family, || observed_of(present, answer, family));
    }
    observed
}

/// How much of a span some stretches leave out, of the family that has most of it left out.
fn unobserved_secs(stretches: &Few<Family, Vec<Span>>, span: Span) -> i64 {
    stretches.values().map(|stretches| left_out_secs(stretches, span)).max().unwrap_or(0)
}

/// How much of a span some stretches leave out; what was not observed at all has no change that could be wrong.
fn left_out_secs(stretches: &[Span], span: Span) -> i64 {
    if stretches.is_empty() { 0 } else { span.secs() - stretches.iter().map(|stretch| stretch.secs()).sum::<i64>() }
}

/// How much of a Table's time was not observed, of the family of which that is most.
pub fn unobserved_secs_of(present: &Table, answer: &Answer) -> i64 {
    let read = span_read(present, answer);
    let left_out =
        |column: &TableColumn| left_out_secs(&observed_of(present, answer, column.column.measure().family), read);
    present.columns.iter().map(left_out).max().unwrap_or(0)
}

/// Whether so much of some stretches was observed that a sum over them is a yardstick: nine tenths.
pub fn enough(answer: &Answer, family: Family, stretches: &[Span]) -> Result<(), Missing> {
    let coverage = answer.coverage.get(&family).map_or(&[][..], Vec::as_slice);
    let wanted: i64 = stretches.iter().map(|stretch| stretch.secs()).sum();
    let observed: i64 = stretches.iter().map(|stretch| observed_secs(coverage, *stretch)).sum();
    match observed {
        0 => Err(Missing::NotObserved),
        observed if observed * 10 < wanted * 9 => Err(Missing::Partly),
        _ => Ok(()),
    }
}

fn counterparts(present: &Table, zone: &Zone, earlier: &Table, earlier_zone: &Zone, secs: i64) -> Vec<Option<usize>> {
    if present.step > Step::Week {
        return Vec::new();
    }
    let began = |row: &Row, zone: &Zone| match row {
        Row::Step { span, .. } => Some(zone.local(span.from)),
        Row::Child(_) | Row::Rest(_) => None,
    };
    let before: Vec<i64> = earlier.rows.iter().filter_map(|row| began(row, earlier_zone)).collect();
    let beside = |row: &Row| before.binary_search(&(began(row, zone)? - secs)).ok();
    if present.rows.iter().any(|row| matches!(row, Row::Step { .. })) {
        present.rows.iter().map(beside).collect()
    } else {
        Vec::new()
    }
}

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
    use super::*;
    use mailtally_model::catalogue;

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

    fn answer(report: &str, span: Span, covered: &[Span], counts: &[(Time, u64)]) -> Answer {
        let report = catalogue::find(report).expect(report);
        let measures = || report.columns.iter().map(Column::measure);
        let number = |at: Time| at.slot().0 as i32;
        let distances =
            counts.iter().scan(0, |before, (at, _)| Some(number(*at) - std::mem::replace(before, number(*at))));
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
}
