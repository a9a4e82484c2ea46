//! How the lines of each source fared, by program: what was understood, what was not, with examples.

use std::collections::BTreeMap;

use mailtally_model::wire::{CountedSpan, Health, HostGap, ProgramHealth, Rules, SourceHealth, WhyNot};
use mailtally_model::{Family, Span};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{coverage, rules};
use crate::batch::{ByProgram, COPIED, LineCounts};
use crate::source::SourceState;

/// Examples kept of a program in a source, the first ones.
const MAX_EXAMPLES: usize = 5;
/// Programs of a source kept apart; a host has tens. More are counted as one, so that forged names cannot fill the file.
const MAX_PROGRAMS: i64 = 200;
const OTHER_PROGRAMS: &str = "(other)";
/// Sources told of, the newest: a log that is rotated every day has two years of pieces.
const MAX_SOURCES: usize = 1_000;
/// Stretches told of that were not observed, the newest.
const MAX_GAPS: usize = 1_000;
/// Stretches told of that were counted by one set of rules, the newest.
const MAX_STRETCHES: i64 = 1_000;

pub fn add(tx: &Connection, source: u64, programs: &ByProgram) -> Result<()> {
    let mut kept = count_programs(tx, source)?;
    for (program, counts) in programs {
        let before = find(tx, source, program)?;
        let is_new = before.is_none();
        let (program, before) = match before {
            Some(before) => (program.as_str(), before),
            None if kept < MAX_PROGRAMS => (program.as_str(), Vec::new()),
            None => (OTHER_PROGRAMS, find(tx, source, OTHER_PROGRAMS)?.unwrap_or_default()),
        };
        kept += i64::from(is_new);
        let mut all = LineCounts { examples: before, ..LineCounts::default() };
        all.add(counts.clone(), MAX_EXAMPLES);
        let examples = serde_json::to_string(&all.examples).expect("a list of strings has a JSON form");
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        tx.prepare_cached(
            "INSERT INTO health (source, program, understood, ignored, unparsed, examples) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET understood = understood + excluded.understood, ignored = ignored + excluded.ignored,
               unparsed = unparsed + excluded.unparsed, examples = excluded.examples",
        )?
        .execute(params![
            source as i64,
            program,
            number(counts.understood),
            number(counts.ignored),
            number(counts.unparsed),
            examples
        ])?;
    }
    Ok(())
}

fn find(tx: &Connection, source: u64, program: &str) -> Result<Option<Vec<String>>> {
    let examples: Option<String> = tx
        .prepare_cached("SELECT examples FROM health WHERE source = ?1 AND program = ?2")?
        .query_row(params![source as i64, program], |row| row.get(0))
        .optional()?;
    Ok(examples.map(|examples| serde_json::from_str(&examples).unwrap_or_default()))
}

fn count_programs(tx: &Connection, source: u64) -> Result<i64> {
    tx.prepare_cached("SELECT count(*) FROM health WHERE source = ?1")?.query_row([source as i64], |row| row.get(0))
}

/// All that is known of how reading went; `sources` are all there are. Problems of the moment are not the store's.
pub fn read(tx: &Connection, mut sources: Vec<SourceState>) -> Result<Health> {
    sources.sort_by_key(|source| std::cmp::Reverse((source.last, source.id)));
    let older_sources = sources.len().saturating_sub(MAX_SOURCES) as u64;
    sources.truncate(MAX_SOURCES);
    let mut by_source = by_source(tx)?;
    let mut all: BTreeMap<String, LineCounts> = BTreeMap::new();
    for (program, counts) in by_source.values().flatten() {
        all.entry(program.clone()).or_default().add(counts.clone(), MAX_EXAMPLES);
    }
    let counted = rules::read(tx, MAX_STRETCHES)?;
    let one = |source: SourceState| {
        let health = of_source(&source, by_source.remove(&source.id).unwrap_or_default());
        SourceHealth { rules: rules_of(&source, &counted), ..health }
    };
    Ok(Health {
        problems: Vec::new(),
        sources: sources.into_iter().map(one).collect(),
        older_sources,
        programs: all.into_iter().map(program_health).collect(),
        gaps: gaps(tx)?,
        counted,
        ..Health::default()
    })
}

/// The rules that counted log time which a source holds lines of.
fn rules_of(source: &SourceState, counted: &[CountedSpan]) -> Vec<Rules> {
    let Some((first, last)) = source.first.zip(source.last) else { return Vec::new() };
    let held = Span::new(first, last.plus_secs(1));
    let met = counted.iter().filter(|counted| !counted.span.intersect(held).is_empty());
    let mut rules: Vec<Rules> = met.map(|counted| counted.rules.clone()).collect();
    rules.sort();
    rules.dedup();
    rules
}

/// How the lines of one source fared, for the API and for `mailtally check`.
pub fn of_source(source: &SourceState, programs: Vec<(String, LineCounts)>) -> SourceHealth {
    let mut health = SourceHealth {
        path: source.path.clone(),
        position: source.position,
        lines: source.lines,
        first: source.first,
        last: source.last,
        year: source.year,
        gaps: source.gaps.clone(),
        damage: source.damage.clone(),
        ..SourceHealth::default()
    };
    for (program, counts) in programs {
        if program == COPIED {
            health.duplicates += counts.ignored;
            continue;
        }
        health.understood += counts.understood;
        health.ignored += counts.ignored;
        health.unparsed += counts.unparsed;
        health.programs.push(program_health((program, counts)));
    }
    health
}

fn program_health((program, counts): (String, LineCounts)) -> ProgramHealth {
    let LineCounts { understood, ignored, unparsed, examples } = counts;
    ProgramHealth { program, understood, ignored, unparsed, examples }
}

/// The counts of each source by program, in the order of their names.
fn by_source(tx: &Connection) -> Result<BTreeMap<u64, Vec<(String, LineCounts)>>> {
    let mut all: BTreeMap<u64, Vec<(String, LineCounts)>> = BTreeMap::new();
    let mut statement = tx.prepare_cached(
        "SELECT source, program, understood, ignored, unparsed, examples FROM health ORDER BY source, program",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let count = |index| row.get(index).map(|count: i64| count.max(0) as u64);
        let counts = LineCounts {
            understood: count(2)?,
            ignored: count(3)?,
            unparsed: count(4)?,
            examples: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
        };
        all.entry(row.get::<_, i64>(0)? as u64).or_default().push((row.get(1)?, counts));
    }
    Ok(all)
}

/// What was not observed of each host, as the reports have it: of a host's logs together, since they are silent together.
fn gaps(tx: &Connection) -> Result<Vec<HostGap>> {
    let lost = coverage::lost_of_hosts(tx)?;
    let mut logs = coverage::of_hosts(tx, &Family::LOGS)?;
    for (host, spans) in &lost {
        // A loss is told as such, and is no silence.
        logs.entry(host.clone()).or_default().extend(spans);
    }
    let sampled = coverage::of_hosts(tx, &[Family::Host])?;
    let told = [(lost, WhyNot::Lost), (holes(logs), WhyNot::Silent), (holes(sampled), WhyNot::Unsampled)];
    let told = told.into_iter().flat_map(|(hosts, why)| hosts.into_iter().map(move |(host, spans)| (host, spans, why)));
    let one = |host: String, span, why| HostGap { host, span, why };
    let mut gaps: Vec<HostGap> =
        told.flat_map(|(host, spans, why)| spans.into_iter().map(move |span| one(host.clone(), span, why))).collect();
    gaps.sort_by(|a, b| (b.span.until, &a.host).cmp(&(a.span.until, &b.host)));
    gaps.truncate(MAX_GAPS);
    Ok(gaps)
}

/// What lies between the stretches of each host.
fn holes(hosts: BTreeMap<String, Vec<Span>>) -> BTreeMap<String, Vec<Span>> {
    let between = |mut spans: Vec<Span>| {
        spans.sort_unstable_by_key(|span| span.from);
        let mut reached = None;
        let mut holes = Vec::new();
        for span in spans {
            holes.extend(reached.filter(|until| *until < span.from).map(|until| Span::new(until, span.from)));
            reached = reached.max(Some(span.until));
        }
        holes
    };
    hosts.into_iter().map(|(host, spans)| (host, between(spans))).collect()
}
