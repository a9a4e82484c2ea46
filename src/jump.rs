//! A finding in words, and the report that shows it with its past: plain values.

use mailtally_model::catalogue::REPORTS;
use mailtally_model::unusual::{WEEKS, Watched};
use mailtally_model::wire::{Finding, FoundJump};
use mailtally_model::{Column, Report, Span, Step, Subject, Time, Zone};

use crate::evidence::Evidence;
use crate::format::{self, Years};
use crate::range::{Dates, Range, date_of};
use crate::state::{ViewState, ZoneChoice};
use crate::{intl, text};

/// Days shown after the one that stands out, as far as they are there.
const DAYS_AFTER: i64 = 3;
const DAY_SECS: i64 = 86_400;

/// `sent 840 messages on Tue 3 Nov`, and what is usual. `None` for a measure that this build does not know.
pub fn words(jump: &FoundJump, years: Years, zone: &Zone) -> Option<(String, String)> {
    let watched = Watched::by_id(&jump.measure)?;
    let day = format::step_name(Step::Day, Span::new(jump.from, jump.until), years, zone);
    let when = match jump.step {
        Step::Hour => text::between(&day, &format::clock(jump.from, zone), &format::clock(jump.until, zone)),
        _ => text::on_day(&day),
    };
    Some((format!("{} {when}", did(watched, jump)), usual(jump)))
}

/// `had 314 deliveries put off`, where the day is known.
pub fn words_short(jump: &FoundJump) -> Option<(String, String)> {
    Some((did(Watched::by_id(&jump.measure)?, jump), usual(jump)))
}

fn did(watched: &Watched, jump: &FoundJump) -> String {
    let (before, after) = watched.did;
    format!("{before} {} {after}", number(jump.value))
}

fn usual(jump: &FoundJump) -> String {
    match (jump.low, jump.high) {
        (0, 0) => text::USUALLY_NONE.to_owned(),
        (low, high) => text::usually(&number(low), &number(high)),
    }
}

fn number(count: u64) -> String {
    intl::number(count as f64, 0)
}

/// The report that shows the jump beside the weeks that it stands out of: the chart marks it there.
pub fn report(finding: &Finding, jump: &FoundJump, now: Time, zone: &Zone) -> Option<ViewState> {
    let (report, column) = shows(&jump.measure, &finding.subject)?;
    let first = date_of(finding.day.plus_secs(-(WEEKS * 7 - 1) * DAY_SECS), zone)?;
    let last = date_of(finding.day.plus_secs(DAYS_AFTER * DAY_SECS).min(now.max(finding.day)), zone)?;
    let mut state = ViewState::new(report);
    state.subject = Some(finding.subject.clone());
    state.range = Range::Dates(Dates::new(first, last)?);
    state.step = Some(jump.step).filter(|step| *step != Step::Day);
    state.zone = ZoneChoice::Server;
    state.found = Some(finding.day);
    if column.extra {
        state.toggle_column(column.id);
    }
    // The others are a click away; beside them the jump may be flat.
    for other in report.columns_for(&finding.subject).filter(|other| other.id != column.id) {
        if state.shows(other) {
            state.toggle_series(other.id);
        }
    }
    Some(state)
}

/// The jump of a finding that a view was opened for: of a column that it shows, else the strongest.
pub fn shown_in<'a>(finding: &'a Finding, state: &ViewState) -> Option<&'a FoundJump> {
    let is_shown = |jump: &&FoundJump| {
        let shown = shows(&jump.measure, &finding.subject);
        shown.is_some_and(|(report, column)| report.id == state.report.id && !state.hidden.contains(column.id))
    };
    finding.jumps.iter().find(is_shown).or(finding.jumps.first())
}

/// The events behind the jump.
pub fn events(finding: &Finding, jump: &FoundJump) -> Option<Evidence> {
    let (report, column) = shows(&jump.measure, &finding.subject)?;
    let mut state = ViewState::new(report);
    state.zone = ZoneChoice::Server;
    Some(Evidence::of_cell(&state, column, Some(finding.subject.clone()), Span::new(jump.from, jump.until)))
}

/// The first report of the menu that shows a measure for a subject, as a column of its own if it can.
fn shows(measure: &str, subject: &Subject) -> Option<(&'static Report, &'static Column)> {
    let all = || {
        let reports = REPORTS.iter().filter(|report| report.exists_for(subject));
        reports.flat_map(|report| report.columns_for(subject).map(move |column| (report, column)))
    };
    let is_shown = |(_, column): &(&'static Report, &'static Column)| column.measure().id == measure;
    all().find(|shown| is_shown(shown) && !shown.1.extra).or_else(|| all().find(is_shown))
}

#[cfg(test)]
mod tests {
    use mailtally_model::unusual::WATCHED;

    use super::*;

    /// 3 November 2026, a Tuesday.
    const DAY: Time = Time(1_793_664_000);

    fn jump(measure: &str, step: Step, value: u64, low: u64, high: u64) -> FoundJump {
        let (from, secs) = if step == Step::Hour { (DAY.plus_secs(7_200), 3_600) } else { (DAY, DAY_SECS) };
        FoundJump { measure: measure.to_owned(), step, from, until: from.plus_secs(secs), value, low, high, score: 9 }
    }

    fn check(jump: &FoundJump, expected: &str) {
        let (what, usual) = words(jump, Years::Understood, &Zone::utc()).expect("a watched measure");
        assert_eq!(format!("{what}; {usual}"), expected);
    }

    #[test]
    fn a_jump_reads_as_a_sentence() {
        check(&jump("message.outgoing", Step::Day, 840, 10, 40), "sent 840 messages on Tue 3 Nov; usually 10 to 40");
        check(
            &jump("pop.auth_failed", Step::Day, 1_917, 0, 0),
            "had 1,917 failed POP log-ins on Tue 3 Nov; usually none",
        );
        check(
            &jump("message.incoming", Step::Hour, 60, 2, 2),
            "received 60 messages on Tue 3 Nov between 02:00 and 03:00; usually 2",
        );
        assert_eq!(words(&jump("no.such", Step::Day, 1, 0, 0), Years::Understood, &Zone::utc()), None);
    }

    #[test]
    fn a_view_is_told_of_the_jump_that_it_shows() {
        let jumps = [("message.outgoing", 762), ("message.outgoing_spam", 416)];
        let jumps = jumps.map(|(measure, value)| jump(measure, Step::Day, value, 0, 0)).to_vec();
        let finding = Finding { subject: Subject::Mailbox("ann@example.com".into()), day: DAY, jumps };
        for jump in &finding.jumps {
            let state = report(&finding, jump, DAY, &Zone::utc()).expect("a report");
            assert_eq!(shown_in(&finding, &state), Some(jump));
        }
        // A report that shows neither is told of the strongest.
        let other = ViewState::new(mailtally_model::catalogue::find("pop-sessions").expect("a report"));
        assert_eq!(shown_in(&finding, &other).map(|jump| jump.value), Some(762));
    }

    #[test]
    fn it_leads_to_the_weeks_that_it_stands_out_of() {
        let subject = Subject::Mailbox("ann@example.com".into());
        let finding = Finding { subject, day: DAY, jumps: Vec::new() };
        let found = jump("message.outgoing", Step::Day, 840, 10, 40);
        let state = report(&finding, &found, DAY.plus_secs(40 * DAY_SECS), &Zone::utc()).expect("a report");
        assert_eq!(
            state.url(),
            "/reports/message-traffic?subject=ann%40example.com&range=2026-09-09..2026-11-06\
             &hidden=incoming%2Cincoming_spam%2Coutgoing_spam&zone=server&found=1793664000"
        );
    }

    #[test]
    fn every_watched_measure_is_shown_for_domains_and_mailboxes() {
        for subject in [Subject::Domain("example.com".into()), Subject::Mailbox("ann@example.com".into())] {
            for watched in &WATCHED {
                // Failed SMTP log-ins have no column for mailboxes: their domain's report shows them.
                let at = if watched.measure.id == "smtp_in.auth_failed" { subject.parent() } else { None };
                let at = at.filter(|at| *at != Subject::Server).unwrap_or_else(|| subject.clone());
                assert!(shows(watched.measure.id, &at).is_some(), "{} for {subject}", watched.measure.id);
            }
        }
    }
}
