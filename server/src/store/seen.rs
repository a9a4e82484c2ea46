//! Lines that were read, as hashes by slot, and the key by which they are hashed. Only ever added to.

use mailtally_model::Slot;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, params};
use rustc_hash::FxHashSet;

use crate::batch::{Batch, LineKey, SeenAs, SeenLines};

/// A file has one key from schema 8 on.
pub fn make_key(tx: &Connection) -> rusqlite::Result<()> {
    tx.execute("INSERT INTO line_key (key) VALUES (?1)", [LineKey::as_of_schema_8().bytes()]).map(drop)
}

/// From schema 9 on it is longer, unless lines were hashed by the shorter.
pub fn lengthen_key(tx: &Connection) -> rusqlite::Result<()> {
    let has_hashed: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM seen)", [], |row| row.get(0))?;
    if has_hashed { Ok(()) } else { set_key(tx, &LineKey::random()) }
}

fn set_key(tx: &Connection, key: &LineKey) -> rusqlite::Result<()> {
    tx.execute("UPDATE line_key SET key = ?1", [key.bytes()]).map(drop)
}

pub fn key(tx: &Connection) -> rusqlite::Result<LineKey> {
    tx.query_row("SELECT key FROM line_key", [], |row| {
        let bytes = row.get_ref(0)?.as_blob()?;
        LineKey::of(bytes).ok_or(rusqlite::Error::InvalidColumnType(0, "key".to_owned(), Type::Blob))
    })
}

pub fn write(tx: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let mut append = tx.prepare_cached("INSERT INTO seen (slot, hashes, counted, source) VALUES (?1, ?2, ?3, ?4)")?;
    for ((slot, seen_as), lines) in &batch.seen {
        let source = match seen_as {
            SeenAs::Blake3 => None,
            SeenAs::Keyed(source) => Some(*source as i64),
        };
        append.execute(params![slot.0, bytes(&lines.of_sources), bytes(&lines.counted), source])?;
    }
    Ok(())
}

/// All that was read of a slot.
pub fn of(tx: &Connection, slot: Slot) -> rusqlite::Result<Vec<(SeenAs, SeenLines)>> {
    let mut statement = tx.prepare_cached("SELECT source, hashes, counted FROM seen WHERE slot = ?1")?;
    let rows = statement.query_map([slot.0], |row| {
        let source: Option<i64> = row.get(0)?;
        let seen_as = source.map_or(SeenAs::Blake3, |source| SeenAs::Keyed(source as u64));
        let of_sources = hashes_of(row.get_ref(1)?)?.collect();
        let counted = hashes_of(row.get_ref(2)?)?.collect();
        Ok((seen_as, SeenLines { of_sources, counted }))
    })?;
    rows.collect()
}

/// The slots that lines were read of.
pub fn slots(tx: &Connection) -> rusqlite::Result<FxHashSet<Slot>> {
    tx.prepare("SELECT DISTINCT slot FROM seen")?.query_map([], |row| row.get(0).map(Slot))?.collect()
}

/// Makes the lines of a new file comparable with those of another: it gets the other's key, and where that one has hashes
/// by blake3, rows without any say that this one goes on so.
pub fn hash_as(tx: &Connection, other: &Connection) -> rusqlite::Result<()> {
    set_key(tx, &key(other)?)?;
    let mut begun = tx.prepare("INSERT INTO seen (slot, hashes, counted) VALUES (?1, x'', x'')")?;
    let mut by_blake3 = other.prepare("SELECT DISTINCT slot FROM seen WHERE source IS NULL")?;
    let mut slots = by_blake3.query([])?;
    while let Some(row) = slots.next()? {
        begun.execute([row.get::<_, i64>(0)?])?;
    }
    Ok(())
}

fn bytes(hashes: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(hashes));
    hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.to_le_bytes()));
    bytes
}

/// Hashes as they lie in a column; a column that has none has no hashes.
pub fn hashes_of(column: ValueRef<'_>) -> rusqlite::Result<impl Iterator<Item = u64>> {
    let (eights, _) = column.as_blob_or_null()?.unwrap_or_default().as_chunks();
    Ok(eights.iter().map(|eight| u64::from_le_bytes(*eight)))
}
