//! Jumps as they are kept, and what is due to be looked at for them: which subjects' counts changed since the last look.
//! Knows rows, not days: the calendar is [`crate::unusual`]'s.

use std::collections::BTreeMap;

use mailtally_model::coverage::Covered;
use mailtally_model::unusual::{Found, Jump, WATCHED, Watched};
use mailtally_model::{Family, Measure, Scope, Slot, Span, Step, Subject, Time, catalogue};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::counters::{self, Changed, Slots};
use super::coverage;
use super::names::Names;

/// Findings kept, the newest days: a year of a large site that is under attack each day, and a page reads them all in
/// a few milliseconds.
pub const MAX_FINDINGS: i64 = 10_000;
/// Counts that are looked at one by one; beyond it all names are looked at, as after a crash. A few tens of MB.
const MAX_DUE: usize = 200_000;

/// Rows of `meta`: the stretch of all that is due.
const FROM: &str = "due_from";
const UNTIL: &str = "due_until";

/// What changed since the last look, by row and measure number. The stretch of all of it is in the file, too, so that a
/// crash before the look only makes it look at more.
#[derive(Debug, Default)]
pub struct Due {
    counts: FxHashMap<(i64, u16), Slots>,
    /// Everything in this stretch, beside what is named.
    everything: Option<Slots>,
}

/// A count to be looked at.
#[derive(Clone, Debug)]
pub struct DueCount {
    pub row: i64,
    pub subject: Subject,
    pub watched: &'static Watched,
    pub span: Span,
}

/// A finding with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub subject: Subject,
    pub measure: &'static Measure,
    pub found: Found,
}

impl Due {
    /// What the last process left.
    pub fn load(connection: &Connection) -> Result<Due> {
        let read = |key| {
            connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get::<_, i64>(0)).optional()
        };
        let everything = read(FROM)?.zip(read(UNTIL)?).map(|(from, until)| Slots { from, until });
        Ok(Due { counts: FxHashMap::default(), everything })
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.everything.is_none()
    }

    /// Notes what changed of the sums of some subjects, in memory and in the transaction. What the transaction does not keep is
    /// looked at in vain.
    pub fn note(&mut self, tx: &Connection, names: &Names, subjects: &[Subject], changed: &[Changed]) -> Result<()> {
        let row = |subject: &Subject| match subject {
            Subject::Domain(_) | Subject::Mailbox(_) => names.find(subject),
            Subject::Server | Subject::Service(..) => None,
        };
        let rows: FxHashSet<i64> = subjects.iter().filter_map(row).collect();
        let mut all: Option<Slots> = None;
        for Changed { row, measure, slots } in changed {
            if rows.contains(row) && Watched::of(*measure).is_some() {
                all = Some(all.map_or(*slots, |all| all.and(*slots)));
                let due = self.counts.entry((*row, *measure)).or_insert(*slots);
                *due = due.and(*slots);
            }
        }
        let Some(all) = all else { return Ok(()) };
        if self.counts.len() > MAX_DUE {
            let named = self.counts.drain().map(|(_, slots)| slots).reduce(Slots::and);
            self.everything = self.everything.into_iter().chain(named).reduce(Slots::and);
        }
        let mut widen = tx.prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = CASE ?1 WHEN 'due_from' THEN min(value, ?2) ELSE max(value, ?2) END",
        )?;
        widen.execute(params![FROM, all.from])?;
        widen.execute(params![UNTIL, all.until])?;
        Ok(())
    }

    /// All that is due and ours, mailboxes before their domains.
    pub fn counts(&self, tx: &Connection) -> Result<Vec<DueCount>> {
        let mut due = Vec::new();
        let mut add = |row: i64, name: &str, watched, slots: Slots| {
            if let Ok(subject @ (Subject::Domain(_) | Subject::Mailbox(_))) = name.parse() {
                due.push(DueCount { row, subject, watched, span: slots.span() });
            }
        };
        if let Some(slots) = self.everything {
            let mut names = tx.prepare("SELECT id, subject FROM name WHERE known = 1 AND id > 2")?;
            let mut rows = names.query([])?;
            while let Some(row) = rows.next()? {
                let (id, name) = (row.get(0)?, row.get_ref(1)?.as_str()?);
                WATCHED.iter().for_each(|watched| add(id, name, watched, slots));
            }
        }
        let mut find = tx.prepare_cached("SELECT subject FROM name WHERE id = ?1 AND known = 1")?;
        for ((row, measure), slots) in &self.counts {
            let name: Option<String> = find.query_row([row], |found| found.get(0)).optional()?;
            if let (Some(name), Some(watched)) = (name, Watched::of(*measure)) {
                add(*row, &name, watched, *slots);
            }
        }
        due.sort_by_key(|count| (count.subject.scope() != Scope::Mailbox, count.row, count.watched.measure.number));
        Ok(due)
    }
}

/// All that is due was looked at.
pub fn forget_due(tx: &Connection) -> Result<()> {
    tx.execute("DELETE FROM meta WHERE key IN (?1, ?2)", [FROM, UNTIL])?;
    Ok(())
}

/// The stored counts, and the findings among them, in the one transaction of a look.
pub struct Look<'tx>(pub(super) &'tx Connection);

impl Look<'_> {
    /// One subject's counts of one measure, by slot.
    pub fn slots(&self, count: &DueCount, span: Span) -> Result<Vec<(Slot, u64)>> {
        let mut slots = Vec::new();
        counters::for_each_slot(self.0, count.row, count.watched.measure, Slots::of(span), |slot, value| {
            slots.push((Slot(slot), u64::try_from(value).unwrap_or(0)));
        })?;
        Ok(slots)
    }

    /// What was read of a family inside a span.
    pub fn coverage(&self, family: Family, span: Span) -> Result<Vec<Covered>> {
        coverage::within(self.0, family, span)
    }

    /// When the subject was first counted, by any measure.
    pub fn born(&self, count: &DueCount) -> Result<Time> {
        let mut born = Time(i64::MAX);
        for measure in catalogue::measures() {
            let ends = counters::ends(self.0, count.row, measure)?;
            born = born.min(ends.map_or(born, |(first, _)| Slot(first).start()));
        }
        Ok(born)
    }

    /// How far the findings of a domain's mailboxes on a day pass what is usual for them.
    pub fn excess_below(&self, domain: &DueCount, day: Time) -> Result<u64> {
        let sum: Option<i64> = self
            .0
            .prepare_cached(
                "SELECT sum(f.value - f.high) FROM finding f JOIN name n ON n.id = f.subject
                 WHERE f.day = ?1 AND f.measure = ?2 AND n.parent = ?3",
            )?
            .query_row(params![day.0, domain.watched.measure.number, domain.row], |row| row.get(0))?;
        Ok(sum.and_then(|sum| u64::try_from(sum).ok()).unwrap_or(0))
    }

    /// What was found on the days that begin in `days`, in place of what was found there before.
    pub fn replace(&self, count: &DueCount, days: Span, found: &[Found]) -> Result<()> {
        let measure = count.watched.measure.number;
        self.0
            .prepare_cached("DELETE FROM finding WHERE subject = ?1 AND measure = ?2 AND day >= ?3 AND day < ?4")?
            .execute(params![count.row, measure, days.from.0, days.until.0])?;
        let mut insert = self.0.prepare_cached(
            "INSERT OR REPLACE INTO finding (subject, measure, day, from_secs, until_secs, step, value, low, high, score)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for Found { step, span, day, value, jump } in found {
            insert.execute(params![
                count.row,
                measure,
                day.0,
                span.from.0,
                span.until.0,
                step.id(),
                number(*value),
                number(jump.low),
                number(jump.high),
                number(jump.score)
            ])?;
        }
        Ok(())
    }
}

/// Forgets the oldest days beyond so many findings.
pub fn bound(tx: &Connection, max: i64) -> Result<()> {
    let oldest: Option<i64> = tx
        .prepare_cached("SELECT day FROM finding ORDER BY day DESC LIMIT 1 OFFSET ?1")?
        .query_row([max], |row| row.get(0))
        .optional()?;
    if let Some(day) = oldest {
        tx.execute("DELETE FROM finding WHERE day <= ?1", [day])?;
    }
    Ok(())
}

/// All findings of a span that `visible` lets the asker see, by subject and day.
pub fn within(
    tx: &Connection,
    span: Span,
    visible: impl Fn(&Subject) -> bool,
) -> Result<BTreeMap<(Subject, Time), Vec<Kept>>> {
    let mut by_day: BTreeMap<(Subject, Time), Vec<Kept>> = BTreeMap::new();
    let mut statement = tx.prepare_cached(
        "SELECT n.subject, f.measure, f.day, f.from_secs, f.until_secs, f.step, f.value, f.low, f.high, f.score
         FROM finding f JOIN name n ON n.id = f.subject WHERE f.day < ?2 AND f.until_secs > ?1",
    )?;
    let mut rows = statement.query([span.from.0, span.until.0])?;
    while let Some(row) = rows.next()? {
        if let Some(kept) = kept(row)?.filter(|kept| visible(&kept.subject)) {
            by_day.entry((kept.subject.clone(), kept.found.day)).or_default().push(kept);
        }
    }
    Ok(by_day)
}

/// `None` for a measure or step that this build no longer knows.
fn kept(row: &Row<'_>) -> Result<Option<Kept>> {
    let number = |index| row.get(index).map(|count: i64| count.max(0).unsigned_abs());
    let (subject, watched) = (row.get_ref(0)?.as_str()?.parse().ok(), Watched::of(row.get(1)?));
    let step = Step::from_id(row.get_ref(5)?.as_str()?);
    let (Some(subject), Some(watched), Some(step)) = (subject, watched, step) else { return Ok(None) };
    let found = Found {
        step,
        day: Time(row.get(2)?),
        span: Span::new(Time(row.get(3)?), Time(row.get(4)?)),
        value: number(6)?,
        jump: Jump { low: number(7)?, high: number(8)?, score: number(9)? },
    };
    Ok(Some(Kept { subject, measure: watched.measure, found }))
}
