//! Like with like: an earlier answer without the time of which a later one saw nothing, so that half a day is held against
//! half a day. Knows nothing of what is compared with what, or why.

use crate::catalogue;
use crate::coverage::Covered;
use crate::few::Few;
use crate::measure::Family;
use crate::time::{SLOT_SECS, Span, Time};
use crate::wire::Answer;

/// The stretches of `span` that `coverage` (sorted, disjoint) holds, in whole slots, those that touch as one: counters have
/// no finer time.
pub fn observed_stretches(coverage: &[Covered], span: Span) -> Vec<Span> {
    let mut stretches: Vec<Span> = Vec::new();
    for covered in coverage {
        let observed = covered.span.intersect(span);
        if observed.is_empty() {
            continue;
        }
        let from = observed.from.slot().start();
        let until = Time(-(-observed.until.0).div_euclid(SLOT_SECS) * SLOT_SECS);
        match stretches.last_mut() {
            Some(last) if from <= last.until => last.until = last.until.max(until),
            _ => stretches.push(Span::new(from, until)),
        }
    }
    stretches.iter().map(|stretch| stretch.intersect(span)).collect()
}

/// What two lists of stretches (each sorted, disjoint) have in common.
#[inline]
pub fn common(a: &[Span], b: &[Span]) -> Vec<Span> {
    let with = |one: &Span| b.iter().map(|other| one.intersect(*other)).collect::<Vec<_>>();
    a.iter().flat_map(with).filter(|both| !both.is_empty()).collect()
}

/// The answer of a Trend, of which the families in `kept` know nothing outside the stretches given for them (sorted,
/// disjoint): neither counts nor coverage. The other families stay as they are. A slot that begins outside goes whole.
#[inline]
pub fn only_within(answer: &Answer, kept: &Few<Family, Vec<Span>>) -> Answer {
    let mut answer = answer.clone();
    for (family, stretches) in kept {
        if let Some(coverage) = answer.coverage.get_mut(family) {
            *coverage = within(coverage, stretches);
        }
        let is_kept = slots_within(&answer.slot, stretches);
        let of_family = catalogue::measures().into_iter().filter(|measure| measure.family == *family);
        for measure in of_family {
            if let Some(values) = answer.values.get_mut(measure.id) {
                let kept = values.iter().zip(&is_kept).map(|(value, is_kept)| if *is_kept { value } else { 0 });
                *values = kept.collect();
            }
        }
    }
    answer
}

#[inline]
fn within(coverage: &[Covered], stretches: &[Span]) -> Vec<Covered> {
    let of = |stretch: &Span| {
        let stretch = *stretch;
        coverage.iter().map(move |covered| Covered { span: covered.span.intersect(stretch), ..*covered })
    };
    stretches.iter().flat_map(of).filter(|covered| !covered.span.is_empty()).collect()
}

/// For each slot (first a number, then distances) whether it begins within a stretch.
#[inline]
fn slots_within(slot: &[i32], stretches: &[Span]) -> Vec<bool> {
    let (mut number, mut next) = (0, 0);
    let is_within = |distance: &i32| {
        number += i64::from(*distance);
        let start = Time(number * SLOT_SECS);
        while stretches.get(next).is_some_and(|stretch| stretch.until <= start) {
            next += 1;
        }
        stretches.get(next).is_some_and(|stretch| stretch.contains(start))
    };
    slot.iter().map(is_within).collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::step::Step;
    use crate::table::build;
    use crate::testing::{answer, columns, days, text, utc, with_slots};
    use crate::wire::By;
    use crate::zone::Zone;

    fn span(from: &str, until: &str) -> Span {
        Span::new(utc(from), utc(until))
    }

    #[test]
    fn stretches_are_whole_slots_and_those_that_touch_are_one() {
        let covered = |from: &str, until: &str| Covered { span: span(from, until), missing_hosts: 0 };
        let coverage = [
            covered("2026-03-01T00:00:00Z", "2026-03-01T05:07:00Z"),
            covered("2026-03-01T05:12:00Z", "2026-03-01T06:00:00Z"),
            covered("2026-03-01T18:01:00Z", "2026-03-02T12:00:00Z"),
        ];
        assert_eq!(
            observed_stretches(&coverage, span("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")),
            [
                span("2026-03-01T00:00:00Z", "2026-03-01T06:00:00Z"),
                span("2026-03-01T18:00:00Z", "2026-03-02T00:00:00Z")
            ]
        );
    }

    #[test]
    fn what_two_have_in_common_is_in_both() {
        let hours = |spans: &[(i64, i64)]| -> Vec<Span> {
            spans.iter().map(|(from, until)| Span::new(Time(from * 3_600), Time(until * 3_600))).collect()
        };
        let (a, b) = (hours(&[(0, 6), (8, 20)]), hours(&[(2, 9), (9, 10), (20, 24)]));
        assert_eq!(common(&a, &b), hours(&[(2, 6), (8, 9), (9, 10)]));
        assert_eq!(common(&a, &[]), []);
    }

    #[test]
    fn what_is_cut_out_is_not_observed() {
        let report = catalogue::find("pop-usage").expect("a report");
        let zone = Zone::utc();
        let both = days("2026-03-01", "2026-03-02", &zone);
        let whole = with_slots(
            answer(report, "(server)", By::Time, both),
            &["connections", "active_connections"],
            &[
                ("2026-03-01T00:00:00Z", &[1, 21_600_000]), // 21,600 connection seconds
                ("2026-03-01T06:00:00Z", &[10, 0]),
                ("2026-03-01T18:00:00Z", &[100, 0]),
                ("2026-03-02T06:00:00Z", &[1000, 0]),
            ],
        );
        let kept = Few::from([(
            Family::Dovecot,
            vec![
                span("2026-03-01T00:00:00Z", "2026-03-01T06:00:00Z"),
                span("2026-03-01T18:00:00Z", "2026-03-02T00:00:00Z"),
            ],
        )]);
        let cut = only_within(&whole, &kept);
        let columns = columns(report, &["connections", "active_connections"]);
        // The mean is that of the twelve hours that are left.
        assert_snapshot!(text(&build(report, &columns, &cut, both, Step::Day, &zone)), @r"
        2026-03-01  101  0.5  Gap
        2026-03-02  -  -  Gap
        Total  101  0.5
        ");
        let other = Few::from([(Family::Postfix, Vec::new())]);
        assert_eq!(only_within(&whole, &other).values, whole.values, "POP is no concern of SMTP's log");
    }
}
