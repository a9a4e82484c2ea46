//! Looks for what is unusual in the counts that changed, and keeps what it finds. The arithmetic is the model's; the days
//! are those of the server's zone, so that a finding is the same for everyone who may see it.

use anyhow::Result;
use mailtally_model::coverage::Covered;
use mailtally_model::unusual::{self, Found, History};
use mailtally_model::{Family, Span, Step, Subject, Time, Zone};
use rustc_hash::FxHashMap;

use crate::store::{DueCount, Look, Store};

/// Looks at every count that changed since the last look. The findings and that they were looked for are one
/// transaction: after a kill it is looked again.
pub fn look(store: &mut Store, zone: impl FnOnce(Span) -> Zone) -> Result<()> {
    store.look(|look, due| {
        let Some(changed) = due.iter().map(|count| count.span).reduce(hull) else { return Ok(()) };
        let span = Span::new(unusual::reach(changed.from), unusual::outreach(changed.until));
        let zone = zone(span);
        // A day wider on each side, for the days that the span's ends lie on.
        let wide = Span::new(unusual::reach(span.from), unusual::outreach(span.until));
        let families = Family::LOGS.into_iter().map(|family| Ok((family, look.coverage(family, wide)?)));
        let coverage: FxHashMap<Family, Vec<Covered>> = families.collect::<rusqlite::Result<_>>()?;
        for count in due {
            look_at(look, count, &zone, &coverage)?;
        }
        Ok(())
    })
}

fn look_at(
    look: &Look<'_>,
    count: &DueCount,
    zone: &Zone,
    coverage: &FxHashMap<Family, Vec<Covered>>,
) -> rusqlite::Result<()> {
    // A count is part of the past of later days, too: an old log may be read after a new one.
    let until = Step::Day.next(unusual::outreach(count.span.until), zone);
    let days = Span::new(Step::Day.start(count.span.from, zone), until);
    let coverage = coverage.get(&count.watched.measure.family).map_or(&[][..], Vec::as_slice);
    if !unusual::has_past(coverage) {
        return look.replace(count, days, &[]);
    }
    let slots = look.slots(count, Span::new(unusual::reach(days.from), days.until))?;
    let find = |born| unusual::find(&History { slots: &slots, coverage, born }, days, zone, count.watched.at_least);
    let mut found = find(Time(i64::MIN));
    if !found.is_empty() {
        found = find(look.born(count)?);
    }
    if matches!(count.subject, Subject::Domain(_)) {
        let mut own = Vec::new();
        for finding in found {
            if !is_of_mailboxes(&finding, look.excess_below(count, finding.day)?) {
                own.push(finding);
            }
        }
        found = own;
    }
    look.replace(count, days, &found)
}

/// Whether a domain stands out because of mailboxes that stand out themselves: they are told, and it is not.
fn is_of_mailboxes(found: &Found, excess_below: u64) -> bool {
    excess_below >= (found.value - found.jump.high).div_ceil(2)
}

fn hull(a: Span, b: Span) -> Span {
    Span::new(a.from.min(b.from), a.until.max(b.until))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use mailtally_model::time::DAY_SECS;
    use mailtally_model::{Measure, Slot, measure};

    use super::*;
    use crate::batch::Batch;
    use crate::store::Reader;

    /// A Monday.
    const FIRST: Time = Time(1_788_134_400);
    const DAYS: i64 = 70;

    struct World {
        dir: tempfile::TempDir,
        store: Store,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        World { dir, store }
    }

    /// Messages of two mailboxes of a domain on some days; `count` gives those of the first one.
    fn batch(days: std::ops::Range<i64>, measure: &Measure, count: impl Fn(i64) -> i64) -> Batch {
        let mut batch = Batch::default();
        let subject = |name: &str| name.parse::<Subject>().unwrap();
        batch.known = ["ann@example.com", "ben@example.com"].map(subject).to_vec();
        let at = |day: i64| FIRST.plus_secs(day * DAY_SECS);
        let span = Span::new(at(days.start), at(days.end));
        batch.coverage = Family::LOGS.iter().map(|family| (*family, "mx1".to_owned(), span)).collect();
        batch.silence_gap_secs = 6 * 3_600;
        for day in days {
            let slot: Slot = at(day).plus_secs(9 * 3_600).slot();
            for (name, amount) in [("ann@example.com", count(day)), ("ben@example.com", 10)] {
                let mut subject = Some(subject(name));
                while let Some(at) = subject {
                    subject = at.parent();
                    batch.counters.add(&at, measure.number, slot, amount);
                }
            }
        }
        batch
    }

    impl World {
        fn read(&mut self, batch: &Batch) {
            self.store.commit(batch).unwrap();
            look(&mut self.store, |_| Zone::utc()).unwrap();
        }

        /// What is kept, as a person says it.
        fn found(&self) -> Vec<String> {
            let all = Span::new(FIRST, FIRST.plus_secs(2 * DAYS * DAY_SECS));
            let findings = Reader::open(self.dir.path()).unwrap().findings(all, |_| true).unwrap();
            let words = |kept: &crate::store::Kept| {
                let day = kept.found.day.secs_since(FIRST) / DAY_SECS;
                format!("{} {} on day {day}: {}", kept.subject, kept.measure.id, kept.found.value)
            };
            findings.values().flatten().map(words).collect()
        }
    }

    fn jump(day: i64) -> i64 {
        if day == 63 { 840 } else { 12 }
    }

    #[test]
    fn a_mailbox_that_jumps_is_told_and_its_domain_is_not() {
        let mut world = world();
        world.read(&batch(0..DAYS, &measure::OUTGOING, jump));
        assert_eq!(world.found(), ["ann@example.com message.outgoing on day 63: 840"]);
    }

    #[test]
    fn what_is_read_in_any_pieces_is_found_once() {
        let mut whole = world();
        whole.read(&batch(0..DAYS, &measure::OUTGOING, jump));
        let mut pieces = world();
        for day in 0..DAYS {
            pieces.read(&batch(day..day + 1, &measure::OUTGOING, jump));
        }
        // The newer log first: its past comes after it.
        let mut turned = world();
        turned.read(&batch(42..DAYS, &measure::OUTGOING, jump));
        assert!(turned.found().is_empty());
        turned.read(&batch(0..42, &measure::OUTGOING, jump));
        for world in [pieces, turned] {
            assert_eq!(world.found(), whole.found());
        }
    }

    #[test]
    fn a_finding_that_no_longer_holds_goes() {
        let mut world = world();
        world.read(&batch(0..DAYS, &measure::OUTGOING, jump));
        // The messages turn out to be copies: a revision takes them away.
        world.read(&batch(63..64, &measure::OUTGOING, |_| -828));
        assert_eq!(world.found(), [""; 0]);
    }

    #[test]
    fn what_was_not_looked_at_before_a_kill_is_looked_at_after() {
        let mut world = world();
        world.store.commit(&batch(0..DAYS, &measure::OUTGOING, jump)).unwrap();
        let World { dir, store } = world;
        drop(store);
        let mut world = World { store: Store::open(dir.path()).unwrap(), dir };
        look(&mut world.store, |_| Zone::utc()).unwrap();
        assert_eq!(world.found(), ["ann@example.com message.outgoing on day 63: 840"]);
    }

    #[test]
    fn bytes_and_ordinary_days_are_no_finding() {
        let mut world = world();
        world.read(&batch(0..DAYS, &measure::DATA_SENT, jump));
        world.read(&batch(0..DAYS, &measure::INCOMING, |day| if day % 7 < 5 { 300 + day % 11 } else { 40 }));
        assert_eq!(world.found(), [""; 0]);
    }
}
