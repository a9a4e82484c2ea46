//! How the lines of each program fared: what was understood, what was not, with examples.

use mailtally_model::wire::ProgramHealth;
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::batch::LineCounts;

/// Examples kept of a program, the first ones.
const MAX_EXAMPLES: usize = 5;
/// Programs kept apart; a host has tens. More are counted as one, so that forged names cannot fill the file.
const MAX_PROGRAMS: i64 = 1_000;
const OTHER_PROGRAMS: &str = "(other)";

pub fn add(tx: &Connection, program: &str, counts: &LineCounts) -> Result<()> {
    let before = find(tx, program)?;
    let (program, before) = match before {
        Some(before) => (program, before),
        None if programs(tx)? < MAX_PROGRAMS => (program, Vec::new()),
        None => (OTHER_PROGRAMS, find(tx, OTHER_PROGRAMS)?.unwrap_or_default()),
    };
    let mut examples = before;
    for example in &counts.examples {
        if examples.len() < MAX_EXAMPLES && !examples.contains(example) {
            examples.push(example.clone());
        }
    }
    let examples = serde_json::to_string(&examples).expect("a list of strings has a JSON form");
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "INSERT INTO health (program, understood, ignored, unparsed, examples) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET understood = understood + excluded.understood, ignored = ignored + excluded.ignored,
           unparsed = unparsed + excluded.unparsed, examples = excluded.examples",
    )?
    .execute(params![
        program,
        number(counts.understood),
        number(counts.ignored),
        number(counts.unparsed),
        examples
    ])?;
    Ok(())
}

fn find(tx: &Connection, program: &str) -> Result<Option<Vec<String>>> {
    let examples: Option<String> = tx
        .prepare_cached("SELECT examples FROM health WHERE program = ?1")?
        .query_row([program], |row| row.get(0))
        .optional()?;
    Ok(examples.map(|examples| serde_json::from_str(&examples).unwrap_or_default()))
}

fn programs(tx: &Connection) -> Result<i64> {
    tx.query_row("SELECT count(*) FROM health", [], |row| row.get(0))
}

/// All programs, by name.
pub fn all(tx: &Connection) -> Result<Vec<ProgramHealth>> {
    tx.prepare_cached("SELECT program, understood, ignored, unparsed, examples FROM health ORDER BY program")?
        .query_map([], |row| {
            let count = |index| row.get(index).map(|count: i64| count.max(0) as u64);
            Ok(ProgramHealth {
                program: row.get(0)?,
                understood: count(1)?,
                ignored: count(2)?,
                unparsed: count(3)?,
                examples: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
            })
        })?
        .collect()
}
