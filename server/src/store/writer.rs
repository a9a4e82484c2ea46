//! The one writer. A batch is written whole or not at all; after a failure the store is as it was, and the same batch
//! may be committed again.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mailtally_model::Time;
use rusqlite::{Connection, TransactionBehavior, params};

use super::days::Touched;
use super::findings::{self, Due, DueCount, Look, MAX_FINDINGS};
use super::names::Names;
use super::reader::Reader;
use super::recount::{self, Anew, Recounted};
use super::{counters, coverage, events, health, rules, schema, seen};
use crate::batch::{Batch, Counters, Events, OpenState};
use crate::source::SourceState;

/// Events forgotten in one transaction: it stays short, so that nobody waits for it.
const MAX_PRUNED: usize = 10_000;

/// The data file, open to write. Only one process at a time holds it.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    names: Names,
    /// Counts that changed since the last look for what is unusual.
    due: Due,
    /// Keeps other writers out for as long as this lives.
    _lock: File,
}

impl Store {
    /// Opens the data directory to write, making it if it is absent. Refuses while another process writes there, and
    /// refuses a file of a newer Mailtally, which it leaves untouched.
    pub fn open(dir: &Path) -> Result<Store> {
        let lock = schema::lock(dir)?;
        let path = dir.join(schema::FILE);
        let connection = schema::open_writer(&path)?;
        let load = || Ok((Names::load(&connection)?, Due::load(&connection)?));
        let (names, due) = load().map_err(|error| schema::explain(error, &path))?;
        Ok(Store { connection, path, names, due, _lock: lock })
    }

    /// Writes a batch in one transaction.
    pub fn commit(&mut self, batch: &Batch) -> Result<()> {
        self.commit_given(Given::Lent(batch))
    }

    /// The same of a batch that is not tried again if it fails: each part is gone from memory as soon as it is written.
    pub fn commit_for_good(&mut self, batch: Batch) -> Result<()> {
        self.commit_given(Given::Whole(Box::new(batch)))
    }

    fn commit_given(&mut self, batch: Given<'_>) -> Result<()> {
        let written = self.write(batch);
        match &written {
            Ok(()) => self.names.keep(),
            Err(_) => self.names.forget(),
        }
        written.map_err(|error| schema::explain(error, &self.path))
    }

    fn write(&mut self, mut batch: Given<'_>) -> rusqlite::Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut touched = Touched::default();
        for subject in &batch.known {
            if self.names.learn(&tx, subject)? {
                touched.everything();
            }
        }
        // Names are made with the counters; then what is written soonest, so that most is gone while events are written.
        let changed = counters::add(&tx, &mut self.names, &batch.counters, &mut touched)?;
        self.due.note(&tx, &self.names, batch.counters.subjects(), &changed)?;
        batch.done_with(|batch| batch.counters = Counters::default());
        write_open_state(&tx, &batch)?;
        batch.done_with(|batch| batch.open = OpenState::default());
        seen::write(&tx, &batch)?;
        batch.done_with(|batch| batch.seen.clear());
        events::write(&tx, &self.names, &batch.events)?;
        batch.done_with(|batch| batch.events = Events::default());
        coverage::write(&tx, &batch, &mut touched)?;
        write_sources(&tx, &batch.sources)?;
        rules::write(&tx, &batch)?;
        for (source, programs) in &batch.health {
            health::add(&tx, *source, programs)?;
        }
        touched.write(&tx)?;
        tx.commit()
    }

    /// Looks for what is unusual in the counts that changed since the last look, in one transaction with what it keeps.
    pub fn look(&mut self, judge: impl FnOnce(&Look<'_>, &[DueCount]) -> rusqlite::Result<()>) -> Result<()> {
        if self.due.is_empty() {
            return Ok(());
        }
        let due = &mut self.due;
        let run = || {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            judge(&Look(&tx), &due.counts(&tx)?)?;
            findings::bound(&tx, MAX_FINDINGS)?;
            findings::forget_due(&tx)?;
            tx.commit()
        };
        run().map_err(|error| schema::explain(error, &self.path))?;
        *due = Due::default();
        Ok(())
    }

    /// What the tracker kept, by key.
    pub fn open_state(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let read = || {
            self.connection
                .prepare("SELECT key, value FROM open_state ORDER BY key")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| schema::explain(error, &self.path))
    }

    /// Every source that was ever read, and where to.
    pub fn sources(&self) -> Result<Vec<SourceState>> {
        sources(&self.connection, &self.path)
    }

    /// Hashes lines as another store does, so that those of both can be compared; for a store in which none is.
    pub fn hash_lines_as(&mut self, other: &Store) -> Result<()> {
        let run = || {
            let tx = self.connection.unchecked_transaction()?;
            seen::hash_as(&tx, &other.connection)?;
            tx.commit()
        };
        run().map_err(|error| schema::explain(error, &self.path))
    }

    /// Counts anew: see [`recount::replace`].
    pub fn recount(self, anew: &Anew<'_>) -> Result<Recounted> {
        recount::replace(self, anew)
    }

    pub(super) fn into_parts(self) -> (Connection, PathBuf, File) {
        (self.connection, self.path, self._lock)
    }

    /// Another connection to the same file, to read what is committed.
    pub fn reader(&self) -> Result<Reader> {
        Reader::of_file(&self.path)
    }

    /// Marks the data as made up, for good.
    pub fn mark_demo(&mut self) -> Result<()> {
        self.connection
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('demo', 1)", [])
            .map_err(|error| schema::explain(error, &self.path))?;
        Ok(())
    }

    /// Forgets events before a time; the counters stay. Works in short transactions and says how many there were.
    pub fn prune_events(&mut self, before: Time) -> Result<usize> {
        let mut pruned = 0;
        loop {
            let mut prune = || {
                let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let count = events::prune(&tx, &self.names, before, MAX_PRUNED)?;
                tx.commit()?;
                Ok(count)
            };
            let count = prune().map_err(|error| schema::explain(error, &self.path))?;
            pruned += count;
            if count < MAX_PRUNED {
                return Ok(pruned);
            }
        }
    }

    /// As a disk that has no room for more pages.
    #[cfg(test)]
    pub fn limit_pages(&self, pages: i64) {
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("a pragma");
    }

    #[cfg(test)]
    pub(super) fn cap_names(&mut self, max_unknown: usize) {
        self.names.cap(max_unknown);
    }
}

/// A batch that is written.
enum Given<'a> {
    /// It may be written again.
    Lent(&'a Batch),
    Whole(Box<Batch>),
}

impl Given<'_> {
    fn done_with(&mut self, drop_part: fn(&mut Batch)) {
        if let Given::Whole(batch) = self {
            drop_part(batch);
        }
    }
}

impl Deref for Given<'_> {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        match self {
            Given::Lent(batch) => batch,
            Given::Whole(batch) => batch,
        }
    }
}

fn write_open_state(tx: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO open_state (key, value) VALUES (?1, ?2)")?;
    let mut delete = tx.prepare_cached("DELETE FROM open_state WHERE key = ?1")?;
    // In the order of the keys, so that neighbours are written together; and what came later, later.
    let mut open: Vec<_> = batch.open.iter().collect();
    open.sort_by_key(|(key, _)| *key);
    for (key, value) in open {
        match value {
            Some(value) => put.execute(params![key, value])?,
            None => delete.execute([key])?,
        };
    }
    Ok(())
}

fn write_sources(tx: &Connection, sources: &[SourceState]) -> rusqlite::Result<()> {
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO source (id, state) VALUES (?1, ?2)")?;
    for source in sources {
        let state = serde_json::to_string(source).expect("a source's state is plain data with a JSON form");
        put.execute(params![source.id as i64, state])?;
    }
    Ok(())
}

/// Every source in the file, by id.
pub(super) fn sources(connection: &Connection, path: &Path) -> Result<Vec<SourceState>> {
    let read = || {
        connection
            .prepare_cached("SELECT state FROM source ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()
    };
    let states = read().map_err(|error| schema::explain(error, path))?;
    let parse = |state: &String| {
        serde_json::from_str(state).with_context(|| format!("cannot read a source's state in {}", path.display()))
    };
    states.iter().map(parse).collect()
}
