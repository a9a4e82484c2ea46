//! From the tables to an [`Answer`]: one report's counters for a subject, by slot or by child, with what was observed
//! and how far each number can be trusted.

use std::collections::BTreeMap;

use mailtally_model::subject::OTHER;
use mailtally_model::wire::{Answer, By};
use mailtally_model::{Basis, Family, Few, Measure, Names, Report, SLOT_SECS, Scope, Span, Subject, Time, measure};
use rusqlite::{Connection, params};

use super::counters::{self, Slots};
use super::names::{OTHER_ID, SERVER_ID};
use super::reader::Stop;
use super::{MAX_VALUE, coverage};

/// The most cells (rows times measures) of an answer. A year of quarter hours of the widest report has a third of it; a
/// browser reads it in some 15 ms, a third of what may block it.
pub const MAX_CELLS: usize = 1_000_000;

/// What an answer is asked for. The report must exist for the subject, and `by` be one of its modes there.
#[derive(Clone, Debug)]
pub struct Question {
    pub report: &'static Report,
    pub subject: Subject,
    pub by: By,
    /// On slot edges.
    pub span: Span,
    /// With `By::Time`: sum between these instants instead of by slot. On slot edges, rising, inside the span.
    pub edges: Option<Vec<Time>>,
    /// Whether the settings set up a limit on mail: without one, and without any event of one, throttling is not zero
    /// but not configured.
    pub throttling: bool,
    pub if_absent: IfAbsent,
}

/// What a question about a subject of which nothing is known comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// Nobody has such a subject.
    Refuse,
    /// It is the asker's own: that there is nothing is the answer.
    BeEmpty,
}

/// Limits on mail show in these.
const THROTTLE: [&Measure; 8] = [
    &measure::THROTTLED_BOUNCES,
    &measure::THROTTLED_MESSAGES,
    &measure::THROTTLED_BYTES,
    &measure::THROTTLED_SIZE_UNKNOWN,
    &measure::THROTTLED_INBOUND,
    &measure::VIOLATION_BOUNCES,
    &measure::VIOLATION_MESSAGES,
    &measure::VIOLATION_BYTES,
];

/// Reads the answer for a subject's row.
pub fn read(tx: &Connection, subject: i64, question: &Question) -> Result<Answer, Stop> {
    let measures = measures(question);
    let mut families: Vec<Family> = measures.iter().map(|measure| measure.family).collect();
    families.sort_unstable();
    families.dedup();
    let mut answer = Answer {
        report: question.report.id.to_owned(),
        subject: question.subject.clone(),
        by: question.by,
        from: question.span.from,
        until: question.span.until,
        slot_seconds: SLOT_SECS,
        read_until: coverage::read_until(tx, &families)?,
        coverage: Few::new(),
        basis: Few::new(),
        subjects: Names::default(),
        slot: Vec::new(),
        subject_index: Vec::new(),
        values: Few::new(),
        totals: Few::new(),
    };
    for family in families {
        answer.coverage.insert(family, coverage::within(tx, family, question.span)?);
    }
    for measure in &measures {
        answer.basis.insert(measure.id.to_owned(), basis(tx, measure, question, &answer)?);
    }
    let counted: Vec<&Measure> = measures.into_iter().filter(|measure| answer.basis[measure.id].has_values()).collect();
    match question.by {
        By::Time => fill_slots(tx, subject, question, &counted, &mut answer)?,
        By::Domains | By::Users | By::Services => fill_children(tx, subject, question, &counted, &mut answer)?,
    }
    mark_saturated(&mut answer);
    Ok(answer)
}

/// The measures of the report's columns at the subject's scope, each once, in order. A service has those of its report.
fn measures(question: &Question) -> Vec<&'static Measure> {
    let mut measures: Vec<&'static Measure> = Vec::new();
    for column in question.report.columns_for(&question.subject) {
        if !measures.contains(&column.measure()) {
            measures.push(column.measure());
        }
    }
    measures
}

/// The worst basis of a measure in the span.
fn basis(tx: &Connection, measure: &Measure, question: &Question, answer: &Answer) -> rusqlite::Result<Basis> {
    if !coverage::ever(tx, measure.family)? {
        return Ok(Basis::NotConfigured);
    }
    if THROTTLE.contains(&measure) && !question.throttling && !ever_counted(tx, &THROTTLE)? {
        return Ok(Basis::NotConfigured);
    }
    // A mean over time in which nobody could look would be a zero that nobody measured.
    if let Some(witness) = witness(measure)
        && !ever_counted(tx, &[witness])?
    {
        return Ok(Basis::NotAvailable);
    }
    let missing = answer
        .coverage
        .get(&measure.family)
        .is_some_and(|stretches| stretches.iter().any(|covered| covered.missing_hosts > 0));
    if missing || coverage::lost(tx, measure.family, question.span)? || is_inferred(tx, measure, question)? {
        return Ok(measure.basis.max(Basis::LowerBound));
    }
    Ok(measure.basis)
}

/// What is more than nothing wherever a measure was looked at: no log says how long a scan of ClamAV takes, and a sampler
/// may find no mail service, or may not count its files.
fn witness(measure: &Measure) -> Option<&'static Measure> {
    use measure::{CLAMAV_ACTIVE, HOST_CPU, HOST_HANDLES, HOST_MEMORY, HOST_NONPAGED, HOST_THREADS};
    let itself = [&CLAMAV_ACTIVE, &HOST_HANDLES].into_iter().find(|own| *own == measure);
    let of_processes = [&HOST_CPU, &HOST_MEMORY, &HOST_NONPAGED, &HOST_THREADS].contains(&measure);
    itself.or_else(|| of_processes.then_some(&HOST_THREADS))
}

/// Whether some of these connections are known from their other lines alone.
fn is_inferred(tx: &Connection, measure: &Measure, question: &Question) -> rusqlite::Result<bool> {
    let is_of_connections = *measure == measure::SMTP_IN_CONNECTIONS;
    let inferred = &measure::SMTP_IN_INFERRED;
    Ok(is_of_connections && counters::total(tx, SERVER_ID, inferred, Slots::of(question.span))? > 0)
}

fn ever_counted(tx: &Connection, measures: &[&Measure]) -> rusqlite::Result<bool> {
    let mut any = tx.prepare_cached("SELECT 1 FROM counter WHERE subject = ?1 AND measure = ?2")?;
    for measure in measures {
        if any.exists(params![SERVER_ID, measure.number])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A row for each slot, or each stretch between edges, that holds anything.
fn fill_slots(
    tx: &Connection,
    subject: i64,
    question: &Question,
    measures: &[&Measure],
    answer: &mut Answer,
) -> Result<(), Stop> {
    let slots = Slots::of(question.span);
    let starts = question.edges.as_deref().map(|edges| row_starts(edges, slots));
    let mut columns: Vec<Vec<(i64, i64)>> = Vec::with_capacity(measures.len());
    let mut cells = 0;
    for measure in measures {
        // Slots come in order, so a measure's rows do too.
        let mut column: Vec<(i64, i64)> = Vec::new();
        let mut total = 0_i64;
        counters::for_each_slot(tx, subject, measure, slots, |slot, value| {
            total = total.saturating_add(value);
            let row = starts.as_ref().map_or(slot, |starts| row_start(starts, slot));
            match column.last_mut() {
                Some((last, sum)) if *last == row => *sum = sum.saturating_add(value),
                // Past the limit nothing is kept: the answer is refused below.
                _ if cells <= MAX_CELLS => {
                    cells += 1;
                    column.push((row, value));
                }
                _ => {}
            }
        })?;
        answer.totals.insert(measure.id.to_owned(), sent(total));
        columns.push(column);
    }
    let mut rows: Vec<i64> = columns.iter().flatten().map(|(row, _)| *row).collect();
    // Finds the columns in order, and merges them.
    rows.sort();
    rows.dedup();
    if cells > MAX_CELLS || rows.len() * measures.len() > MAX_CELLS {
        return Err(Stop::TooLarge);
    }
    for (measure, column) in measures.iter().zip(columns) {
        let mut filled = column.into_iter().peekable();
        let cell = |row: &i64| filled.next_if(|(at, _)| at == row).map_or(0, |(_, sum)| sent(sum));
        answer.values.insert(measure.id.to_owned(), rows.iter().map(cell).collect());
    }
    let mut before = 0;
    let distances = rows.into_iter().map(|slot| slot - std::mem::replace(&mut before, slot));
    // Slots of 32 bits end in the year 63,000.
    answer.slot = distances.map(|distance| i32::try_from(distance).unwrap_or(i32::MAX)).collect();
    Ok(())
}

/// The first slots of the rows: one at each edge inside the span, and one at its beginning.
fn row_starts(edges: &[Time], slots: Slots) -> Vec<i64> {
    let inside = edges.iter().map(|edge| edge.slot().0).filter(|slot| slots.from < *slot && *slot < slots.until);
    std::iter::once(slots.from).chain(inside).collect()
}

fn row_start(starts: &[i64], slot: i64) -> i64 {
    starts[starts.partition_point(|start| *start <= slot).saturating_sub(1)]
}

/// A row for each child that is known and holds anything; strangers among the domains as one, at the end.
fn fill_children(
    tx: &Connection,
    subject: i64,
    question: &Question,
    measures: &[&Measure],
    answer: &mut Answer,
) -> Result<(), Stop> {
    let slots = Slots::of(question.span);
    let mut by_id: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (index, measure) in measures.iter().enumerate() {
        let total = counters::total(tx, subject, measure, slots)?;
        answer.totals.insert(measure.id.to_owned(), sent(total));
        for (child, value) in counters::children(tx, subject, measure, slots)? {
            by_id.entry(child).or_insert_with(|| vec![0; measures.len()])[index] = value;
        }
    }
    let (by_name, other) = name_rows(tx, question.by, by_id)?;
    let rows: Vec<(String, Vec<i64>)> = by_name.into_iter().chain(other.map(|sums| (OTHER.to_owned(), sums))).collect();
    if rows.len() * measures.len() > MAX_CELLS {
        return Err(Stop::TooLarge);
    }
    answer.subject_index = (0..rows.len() as u32).collect();
    for (index, measure) in measures.iter().enumerate() {
        answer.values.insert(measure.id.to_owned(), rows.iter().map(|(_, row)| sent(row[index])).collect());
    }
    answer.subjects = rows.into_iter().map(|(name, _)| name).collect();
    Ok(())
}

type ByName = BTreeMap<String, Vec<i64>>;

/// Gives rows their names: known children by name, unknown domains as one, unknown mailboxes left to their domain.
fn name_rows(tx: &Connection, by: By, by_id: BTreeMap<i64, Vec<i64>>) -> rusqlite::Result<(ByName, Option<Vec<i64>>)> {
    let mut by_name = ByName::new();
    let mut other: Option<Vec<i64>> = None;
    let mut find = tx.prepare_cached("SELECT subject, known FROM name WHERE id = ?1")?;
    for (id, sums) in by_id {
        let (name, known): (String, bool) = find.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let scope = name.parse().map(|subject: Subject| subject.scope());
        let belongs = match by {
            By::Domains => id == OTHER_ID || scope == Ok(Scope::Domain),
            By::Users => scope == Ok(Scope::Mailbox),
            By::Services => scope == Ok(Scope::Service),
            By::Time => false,
        };
        if !belongs {
            continue;
        }
        if known && id != OTHER_ID {
            by_name.insert(name, sums);
        } else if by == By::Domains {
            match &mut other {
                Some(total) => total.iter_mut().zip(sums).for_each(|(sum, value)| *sum = sum.saturating_add(value)),
                None => other = Some(sums),
            }
        }
    }
    Ok((by_name, other))
}

/// A sum as it is sent. A negative one is a bug that was reported when it was stored.
fn sent(sum: i64) -> u64 {
    sum.clamp(0, MAX_VALUE).unsigned_abs()
}

/// A sum that reached the limit is at least that much.
fn mark_saturated(answer: &mut Answer) {
    let limit = MAX_VALUE.unsigned_abs();
    for (id, total) in &answer.totals {
        let saturated = *total >= limit || answer.values[id].iter().any(|value| value >= limit);
        if let Some(basis) = answer.basis.get_mut(id).filter(|_| saturated) {
            *basis = (*basis).max(Basis::LowerBound);
        }
    }
}
