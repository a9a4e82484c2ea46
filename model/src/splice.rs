//! Keeping a Trend's answer fresh: only its last part is asked for again, and takes the place of the old one.
//!
//! Law: an answer spliced with a newer answer over its tail is the newer answer over the whole, as long as nothing before
//! the tail has changed.

use crate::coverage::Covered;
use crate::few::Few;
use crate::measure::Family;
use crate::time::{Slot, Span, Time};
use crate::wire::{Answer, By};

/// `answer` with everything from `tail.from` on as `tail` has it. `None` where the two are not parts of one answer; the
/// whole must then be asked for again.
#[inline]
pub fn splice(answer: &Answer, tail: &Answer) -> Option<Answer> {
    let is_part = answer.by == By::Time
        && (&answer.report, &answer.subject, answer.by, answer.slot_seconds, answer.until)
            == (&tail.report, &tail.subject, tail.by, tail.slot_seconds, tail.until)
        && answer.from <= tail.from;
    // A measure whose source has come or gone changes the shape of the whole.
    if !is_part || !answer.values.keys().eq(tail.values.keys()) || answer.basis != tail.basis {
        return None;
    }
    let kept = rows_before(&answer.slot, tail.from);
    let mut values = Few::new();
    let mut totals = Few::new();
    for (measure, before) in &answer.values {
        let after = tail.values.get(measure)?;
        values.insert(measure.clone(), before.iter().take(kept).chain(after.iter()).collect());
        let own = |of: &Answer| of.totals.get(measure).copied().unwrap_or_default();
        let gone = before.sum(kept..before.len());
        totals.insert(measure.clone(), own(answer).saturating_sub(gone).saturating_add(own(tail)));
    }
    Some(Answer {
        read_until: tail.read_until,
        coverage: coverage(&answer.coverage, &tail.coverage, Span::new(answer.from, tail.from)),
        slot: slots(&answer.slot[..kept], &tail.slot),
        values,
        totals,
        ..answer.clone()
    })
}

/// How many rows begin before an instant.
#[inline]
fn rows_before(slot: &[i32], until: Time) -> usize {
    let mut number = 0_i64;
    let starts = slot.iter().map(|distance| {
        number = number.saturating_add(i64::from(*distance));
        Slot(number).start()
    });
    starts.take_while(|start| *start < until).count()
}

/// The first number, then distances, over both parts.
#[inline]
fn slots(before: &[i32], after: &[i32]) -> Vec<i32> {
    let last: i32 = before.iter().sum();
    let mut slots = before.to_vec();
    slots.extend_from_slice(after);
    // The tail's first number is absolute; behind others it is a distance.
    if let (false, Some(first)) = (before.is_empty(), slots.get_mut(before.len())) {
        *first -= last;
    }
    slots
}

#[inline]
fn coverage(
    before: &Few<Family, Vec<Covered>>,
    after: &Few<Family, Vec<Covered>>,
    kept: Span,
) -> Few<Family, Vec<Covered>> {
    let mut all: Few<Family, Vec<Covered>> = Few::new();
    for (family, covered) in before {
        let cut = covered.iter().map(|covered| Covered { span: covered.span.intersect(kept), ..*covered });
        all.insert(*family, cut.filter(|covered| covered.span.secs() > 0).collect());
    }
    for (family, covered) in after {
        let stretches = all.get_or_make(*family, Vec::new);
        for next in covered {
            match stretches.last_mut() {
                Some(last) if last.span.until == next.span.from && last.missing_hosts == next.missing_hosts => {
                    last.span.until = next.span.until;
                }
                _ => stretches.push(*next),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use proptest::prelude::*;

    const FIRST_SLOT: i64 = 1_900_000;

    /// What a server would answer from a slot on: `amounts` by slot from [`FIRST_SLOT`].
    fn answer(amounts: &[u64], from_slot: usize, read_slots: usize) -> Answer {
        let at = |slot: usize| Slot(FIRST_SLOT + slot as i64).start();
        let held = amounts.iter().enumerate().skip(from_slot).filter(|(_, amount)| **amount > 0);
        let (mut slot, mut values, mut last) = (Vec::new(), Vec::new(), 0);
        for (number, amount) in held {
            slot.push((FIRST_SLOT + number as i64 - last) as i32);
            last = FIRST_SLOT + number as i64;
            values.push(*amount);
        }
        let total = values.iter().sum();
        let values = values.into_iter().collect();
        let covered = Covered { span: Span::new(at(from_slot), at(read_slots).max(at(from_slot))), missing_hosts: 0 };
        let covered = Some(covered).filter(|covered| covered.span.secs() > 0);
        Answer {
            report: "pop-sessions".to_owned(),
            subject: Subject::Server,
            by: By::Time,
            from: at(from_slot),
            until: at(amounts.len()),
            slot_seconds: 900,
            read_until: Some(at(read_slots)),
            coverage: Few::from([(Family::Dovecot, covered.into_iter().collect())]),
            basis: Few::new(),
            subjects: crate::Names::default(),
            slot,
            subject_index: Vec::new(),
            values: Few::from([("pop.connections".to_owned(), values)]),
            totals: Few::from([("pop.connections".to_owned(), total)]),
        }
    }

    proptest! {
        #[test]
        fn a_spliced_answer_is_the_newer_one(
            head in prop::collection::vec(0_u64..3, 0..40),
            old in prop::collection::vec(0_u64..3, 1..20),
            new in prop::collection::vec(0_u64..3, 20),
        ) {
            let new = &new[..old.len()];
            let (before, after) = ([&head[..], &old].concat(), [&head[..], new].concat());
            let tail = answer(&after, head.len(), after.len());
            let spliced = splice(&answer(&before, 0, before.len() - 1), &tail).expect("parts of one answer");
            prop_assert_eq!(spliced, answer(&after, 0, after.len()));
        }
    }

    #[test]
    fn parts_of_different_answers_do_not_fit() {
        let whole = answer(&[1, 2, 3], 0, 3);
        let other = Answer { subject: Subject::Domain("example.com".into()), ..answer(&[1, 2, 3], 1, 3) };
        assert_eq!(splice(&whole, &other), None);
        let longer = answer(&[1, 2, 3, 4], 1, 4);
        assert_eq!(splice(&whole, &longer), None);
    }
}
