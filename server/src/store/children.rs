//! The sums of whole UTC days of all children of a parent, which a Mode adds up. A row holds a block of neighbouring
//! subjects: a thousand domains over ninety days are some hundred rows and not 90,000.

use mailtally_model::Measure;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Result, params};
use rustc_hash::FxHashMap;

use super::sums;

/// Subjects in a block. In the worst case, when all of them have a sum, a row is some 20 KB, which a commit that
/// touches one of them writes anew.
const BLOCK: i64 = 4_096;

/// A difference to the sum of a day, in the order of the stored keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayDifference {
    pub parent: i64,
    pub measure: u16,
    pub utc_day: i64,
    pub subject: i64,
    pub amount: i64,
}

impl DayDifference {
    fn key(&self) -> (i64, u16, i64, i64) {
        (self.parent, self.measure, self.utc_day, block(self.subject))
    }
}

fn block(subject: i64) -> i64 {
    subject.div_euclid(BLOCK)
}

fn place(subject: i64) -> u16 {
    subject.rem_euclid(BLOCK) as u16
}

/// Teaches a connection which block a subject is in, `block(subject)`, and to pack sums, `packed(subject, sum)`, whatever
/// their order.
pub fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("block", 1, flags, |of| Ok(block(of.get(0)?)))?;
    connection.create_aggregate_function("packed", 2, flags, Packing)
}

struct Packing;

impl Aggregate<Vec<(u16, i64)>, Vec<u8>> for Packing {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<(u16, i64)>> {
        Ok(Vec::new())
    }

    fn step(&self, of: &mut Context<'_>, sums: &mut Vec<(u16, i64)>) -> Result<()> {
        sums.push((place(of.get(0)?), of.get(1)?));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sums: Option<Vec<(u16, i64)>>) -> Result<Vec<u8>> {
        let mut sums = sums.unwrap_or_default();
        sums.sort_unstable();
        let mut packed = Vec::new();
        sums.into_iter().for_each(|(place, sum)| sums::push(&mut packed, place, sum));
        Ok(packed)
    }
}

/// Adds differences, which are sorted, to the stored sums. The server is nobody's child.
pub fn add(tx: &Connection, differences: &[DayDifference]) -> Result<()> {
    let mut upsert = tx.prepare_cached(
        "INSERT INTO counter_day (parent, measure, utc_day, block, children) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET children = merged(children, excluded.children)",
    )?;
    let mut children = Vec::new();
    let of_parents = differences.chunk_by(|a, b| a.key() == b.key()).filter(|block| block[0].parent > 0);
    for same_block in of_parents {
        let (parent, measure, utc_day, block) = same_block[0].key();
        children.clear();
        same_block.iter().for_each(|child| sums::push(&mut children, place(child.subject), child.amount));
        upsert.execute(params![parent, measure, utc_day, block, children])?;
    }
    Ok(())
}

/// The sum of each child over whole days `from..until`; of some that is zero.
pub fn totals(tx: &Connection, parent: i64, measure: &Measure, from: i64, until: i64) -> Result<FxHashMap<i64, i64>> {
    let mut statement = tx.prepare_cached(
        "SELECT block, children FROM counter_day WHERE parent = ?1 AND measure = ?2 AND utc_day >= ?3 AND utc_day < ?4",
    )?;
    let mut rows = statement.query(params![parent, measure.number, from, until])?;
    // A place for each subject of a block that occurs: a sum is found without hashing.
    let mut blocks: FxHashMap<i64, Vec<i64>> = FxHashMap::default();
    while let Some(row) = rows.next()? {
        let block = blocks.entry(row.get(0)?).or_insert_with(|| vec![0; BLOCK as usize]);
        sums::each(row.get_ref(1)?.as_blob()?, |place, value| {
            // A damaged file may hold any number.
            if let Some(sum) = block.get_mut(usize::from(place)) {
                *sum = sum.saturating_add(value);
            }
        })?;
    }
    let each = |(block, sums): (i64, Vec<i64>)| (block * BLOCK..).zip(sums).filter(|(_, sum)| *sum != 0);
    Ok(blocks.into_iter().flat_map(each).collect())
}

/// The children that have a sum on a day.
pub fn on_day(tx: &Connection, parent: i64, measure: &Measure, utc_day: i64) -> Result<Vec<i64>> {
    let sums = totals(tx, parent, measure, utc_day, utc_day + 1)?;
    let mut children: Vec<i64> = sums.into_keys().collect();
    // In the order of the keys of what is read of them.
    children.sort_unstable();
    Ok(children)
}

#[cfg(test)]
mod tests {
    use mailtally_model::measure::POP_CONNECTIONS;

    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("memory");
        register(&connection).expect("functions");
        super::super::counters::register(&connection).expect("functions");
        connection
    }

    fn difference(subject: i64, amount: i64) -> DayDifference {
        DayDifference { parent: 1, measure: POP_CONNECTIONS.number, utc_day: 7, subject, amount }
    }

    #[test]
    fn children_of_all_blocks_add_up_and_what_is_taken_away_is_gone() {
        let db = connection();
        db.execute_batch(include_str!("schema.sql")).expect("a schema");
        db.execute_batch(include_str!("schema-5.sql")).expect("a step");
        add(&db, &[difference(3, 5), difference(4_095, 6), difference(4_096, 7)]).expect("room");
        add(&db, &[difference(3, -5), difference(4_096, 1), difference(9_000, 2)]).expect("room");
        let mut sums: Vec<_> = totals(&db, 1, &POP_CONNECTIONS, 0, 8).expect("sums").into_iter().collect();
        sums.sort_unstable();
        assert_eq!(sums, [(4_095, 6), (4_096, 8), (9_000, 2)]);
        assert_eq!(on_day(&db, 1, &POP_CONNECTIONS, 7).expect("children"), [4_095, 4_096, 9_000]);
        assert!(on_day(&db, 1, &POP_CONNECTIONS, 6).expect("children").is_empty());
    }

    #[test]
    fn sums_of_an_earlier_schema_are_kept() {
        let db = connection();
        db.execute_batch(include_str!("schema.sql")).expect("a schema");
        for (parent, utc_day, subject, value) in [(0, 7, 1, 99), (1, 7, 5_000, 4), (1, 7, 3, 2), (1, 8, 3, 1_i64 << 40)]
        {
            db.execute(
                "INSERT INTO counter_day (parent, measure, utc_day, subject, value) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![parent, POP_CONNECTIONS.number, utc_day, subject, value],
            )
            .expect("a row");
        }
        db.execute_batch(include_str!("schema-5.sql")).expect("a step");
        let sums = totals(&db, 1, &POP_CONNECTIONS, 7, 9).expect("sums");
        assert_eq!(sums, [(3, (1 << 40) + 2), (5_000, 4)].into_iter().collect());
        assert!(totals(&db, 0, &POP_CONNECTIONS, 0, 9).expect("sums").is_empty());
    }
}
