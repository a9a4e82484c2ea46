//! The log time that was read and the log time that is known to be lost, by family and host; joined when written,
//! counted up over hosts when read.

use std::collections::BTreeMap;

use mailtally_model::coverage::Covered;
use mailtally_model::{Family, Span, Time};
use rusqlite::{Connection, Result, params};

use super::days::Touched;
use crate::batch::Batch;

/// A host that others outlive by no more than this is not missing yet: within the default `silence_gap_hours` its log may
/// simply have had nothing to say.
const QUIET_SECS: i64 = 6 * 3_600;
/// A host that was not read for this long is taken to be gone, not missing.
const GONE_SECS: i64 = 30 * 86_400;

/// A table of stretches.
#[derive(Clone, Copy)]
enum Of {
    Coverage,
    Gap,
}

impl Of {
    fn table(self) -> &'static str {
        match self {
            Of::Coverage => "coverage",
            Of::Gap => "gap",
        }
    }
}

/// How a family stands in the file. Not its place in the enum: that may change.
fn number(family: Family) -> i64 {
    match family {
        Family::Postfix => 1,
        Family::Dovecot => 2,
        Family::SpamAssassin => 3,
        Family::ClamAv => 4,
        Family::Host => 5,
    }
}

/// Joins a batch's stretches to the stored ones, then cuts its gaps out. What is read later fills a gap again.
pub fn write(tx: &Connection, batch: &Batch, touched: &mut Touched) -> Result<()> {
    for (family, host, span) in batch.coverage.iter().filter(|(_, _, span)| !span.is_empty()) {
        let last = last_read(tx, *family, host)?;
        if last.is_none() {
            touched.everything();
        }
        // Log lines close together leave no hole between them; samples have a rhythm of their own and say where they stop.
        let reach = if Family::LOGS.contains(family) { batch.silence_gap_secs.max(0) } else { 0 };
        let reached = Span::new(span.from.plus_secs(-reach), span.until.plus_secs(reach));
        // Time since the host was last read changes too: it is a hole in its coverage from now on.
        touched.span(Span::new(last.map_or(reached.from, |last| last.min(reached.from)), reached.until));
        cut(tx, Of::Gap, *family, host, *span)?;
        let joined = join(tx, Of::Coverage, *family, host, *span, reached)?;
        // What is known to be lost is no short silence.
        for gap in meeting(tx, Of::Gap, *family, host, joined)? {
            cut(tx, Of::Coverage, *family, host, gap)?;
        }
    }
    for (host, span) in batch.gaps.iter().filter(|(_, span)| !span.is_empty()) {
        touched.span(*span);
        for family in Family::LOGS {
            cut(tx, Of::Coverage, family, host, *span)?;
            join(tx, Of::Gap, family, host, *span, *span)?;
        }
    }
    Ok(())
}

fn last_read(tx: &Connection, family: Family, host: &str) -> Result<Option<Time>> {
    tx.prepare_cached("SELECT max(until_secs) FROM coverage WHERE family = ?1 AND host = ?2")?
        .query_row(params![number(family), host], |row| Ok(row.get::<_, Option<i64>>(0)?.map(Time)))
}

/// Adds a stretch and joins it to those that its reach meets; gives the whole.
fn join(tx: &Connection, of: Of, family: Family, host: &str, span: Span, reach: Span) -> Result<Span> {
    let mut joined = span;
    for met in meeting(tx, of, family, host, reach)? {
        remove(tx, of, family, host, met)?;
        joined = Span::new(joined.from.min(met.from), joined.until.max(met.until));
    }
    insert(tx, of, family, host, joined)?;
    Ok(joined)
}

/// Takes a stretch away from those it meets.
fn cut(tx: &Connection, of: Of, family: Family, host: &str, span: Span) -> Result<()> {
    for met in meeting(tx, of, family, host, span)? {
        remove(tx, of, family, host, met)?;
        insert(tx, of, family, host, Span::new(met.from, met.until.min(span.from)))?;
        insert(tx, of, family, host, Span::new(met.from.max(span.until), met.until))?;
    }
    Ok(())
}

/// The stretches that a span meets, if only at an end.
fn meeting(tx: &Connection, of: Of, family: Family, host: &str, span: Span) -> Result<Vec<Span>> {
    tx.prepare_cached(&format!(
        "SELECT from_secs, until_secs FROM {} WHERE family = ?1 AND host = ?2 AND from_secs <= ?3 AND until_secs >= ?4",
        of.table()
    ))?
    .query_map(params![number(family), host, span.until.0, span.from.0], |row| {
        Ok(Span::new(Time(row.get(0)?), Time(row.get(1)?)))
    })?
    .collect()
}

fn remove(tx: &Connection, of: Of, family: Family, host: &str, span: Span) -> Result<()> {
    tx.prepare_cached(&format!("DELETE FROM {} WHERE family = ?1 AND host = ?2 AND from_secs = ?3", of.table()))?
        .execute(params![number(family), host, span.from.0])?;
    Ok(())
}

fn insert(tx: &Connection, of: Of, family: Family, host: &str, span: Span) -> Result<()> {
    if !span.is_empty() {
        tx.prepare_cached(&format!(
            "INSERT INTO {} (family, host, from_secs, until_secs) VALUES (?1, ?2, ?3, ?4)",
            of.table()
        ))?
        .execute(params![number(family), host, span.from.0, span.until.0])?;
    }
    Ok(())
}

/// Puts together, for each family of logs and host, what `joined` makes of the stretches here and in the attached store
/// `again`; the same for what is known to be lost.
pub fn splice(tx: &Connection, joined: impl Fn(&[Span], &[Span]) -> Vec<Span>) -> Result<()> {
    for of in [Of::Coverage, Of::Gap] {
        let mut hosts: BTreeMap<(i64, String), [Vec<Span>; 2]> = BTreeMap::new();
        for (side, schema) in ["main", "again"].into_iter().enumerate() {
            let mut statement = tx.prepare(&format!(
                "SELECT family, host, from_secs, until_secs FROM {schema}.{} ORDER BY from_secs",
                of.table()
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let span = Span::new(Time(row.get(2)?), Time(row.get(3)?));
                hosts.entry((row.get(0)?, row.get(1)?)).or_default()[side].push(span);
            }
        }
        for family in Family::LOGS {
            tx.execute(&format!("DELETE FROM {} WHERE family = ?1", of.table()), [number(family)])?;
            for ((_, host), [before, again]) in hosts.iter().filter(|((of, _), _)| *of == number(family)) {
                for span in joined(before, again) {
                    join(tx, of, family, host, span, span)?;
                }
            }
        }
    }
    Ok(())
}

/// What was read of any of the families, of each host: sorted, each stretch once, and not joined.
pub fn of_hosts(tx: &Connection, families: &[Family]) -> Result<BTreeMap<String, Vec<Span>>> {
    stretches_of_hosts(tx, Of::Coverage, families)
}

/// The log time that is known to be lost, of each host.
pub fn lost_of_hosts(tx: &Connection) -> Result<BTreeMap<String, Vec<Span>>> {
    stretches_of_hosts(tx, Of::Gap, &Family::LOGS)
}

fn stretches_of_hosts(tx: &Connection, of: Of, families: &[Family]) -> Result<BTreeMap<String, Vec<Span>>> {
    let mut hosts: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    let mut statement =
        tx.prepare_cached(&format!("SELECT host, from_secs, until_secs FROM {} WHERE family = ?1", of.table()))?;
    for family in families {
        let mut rows = statement.query([number(*family)])?;
        while let Some(row) = rows.next()? {
            let span = Span::new(Time(row.get(1)?), Time(row.get(2)?));
            hosts.entry(row.get(0)?).or_default().push(span);
        }
    }
    for spans in hosts.values_mut() {
        spans.sort_unstable_by_key(|span| (span.from, span.until));
        spans.dedup();
    }
    Ok(hosts)
}

/// Whether a family was ever read.
pub fn ever(tx: &Connection, family: Family) -> Result<bool> {
    tx.prepare_cached("SELECT 1 FROM coverage WHERE family = ?1")?.exists([number(family)])
}

/// Up to when any of the families was read.
pub fn read_until(tx: &Connection, families: &[Family]) -> Result<Option<Time>> {
    let mut newest = None;
    for family in families {
        let until: Option<i64> = tx
            .prepare_cached("SELECT max(until_secs) FROM coverage WHERE family = ?1")?
            .query_row([number(*family)], |row| row.get(0))?;
        newest = newest.max(until.map(Time));
    }
    Ok(newest)
}

/// The span from the first to the last time that was read of anything.
pub fn hull(tx: &Connection) -> Result<Option<Span>> {
    tx.query_row("SELECT min(from_secs), max(until_secs) FROM coverage", [], |row| {
        let from: Option<i64> = row.get(0)?;
        let until: Option<i64> = row.get(1)?;
        Ok(from.zip(until).map(|(from, until)| Span::new(Time(from), Time(until))))
    })
}

/// Whether a loss of a family's lines inside the span is known.
pub fn lost(tx: &Connection, family: Family, span: Span) -> Result<bool> {
    tx.prepare_cached("SELECT 1 FROM gap WHERE family = ?1 AND from_secs < ?2 AND until_secs > ?3")?.exists([
        number(family),
        span.until.0,
        span.from.0,
    ])
}

/// What was read of a family inside a span: sorted, disjoint, each stretch with the number of hosts missing in it.
///
/// A host is missing where it was not read though it was before: between two times that it was read, and, once it has
/// been quiet for [`QUIET_SECS`], for [`GONE_SECS`] after the last. Before it was first read it did not exist.
pub fn within(tx: &Connection, family: Family, span: Span) -> Result<Vec<Covered>> {
    let mut sweep = Sweep::default();
    let mut statement = tx.prepare_cached("SELECT from_secs, until_secs FROM coverage WHERE family = ?1")?;
    let mut rows = statement.query([number(family)])?;
    while let Some(row) = rows.next()? {
        sweep.add(span, Span::new(Time(row.get(0)?), Time(row.get(1)?)), 1, -1);
    }
    let mut statement =
        tx.prepare_cached("SELECT min(from_secs), max(until_secs) FROM coverage WHERE family = ?1 GROUP BY host")?;
    let mut rows = statement.query([number(family)])?;
    while let Some(row) = rows.next()? {
        let (first, last) = (Time(row.get(0)?), Time(row.get(1)?));
        sweep.add(span, Span::new(first, last), 0, 1);
        sweep.add(span, Span::new(last.plus_secs(QUIET_SECS), last.plus_secs(GONE_SECS)), 0, 1);
    }
    Ok(sweep.stretches())
}

/// How many hosts are read and missing, as changes along time.
#[derive(Default)]
struct Sweep(BTreeMap<Time, (i64, i64)>);

impl Sweep {
    fn add(&mut self, within: Span, span: Span, read: i64, missing: i64) {
        let span = span.intersect(within);
        if span.is_empty() {
            return;
        }
        for (at, sign) in [(span.from, 1), (span.until, -1)] {
            let change = self.0.entry(at).or_default();
            *change = (change.0 + sign * read, change.1 + sign * missing);
        }
    }

    fn stretches(self) -> Vec<Covered> {
        let mut stretches: Vec<Covered> = Vec::new();
        let (mut read, mut missing) = (0, 0);
        let mut since = None;
        for (at, change) in self.0 {
            if let Some(from) = since.filter(|_| read > 0) {
                let missing_hosts = u32::try_from(missing).unwrap_or(0);
                match stretches.last_mut() {
                    Some(last) if last.span.until == from && last.missing_hosts == missing_hosts => {
                        last.span.until = at;
                    }
                    _ => stretches.push(Covered { span: Span::new(from, at), missing_hosts }),
                }
            }
            since = Some(at);
            read += change.0;
            missing += change.1;
        }
        stretches
    }
}
