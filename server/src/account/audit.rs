//! The audit log: who was let in, who was not, and what became of accounts. Kept in the file of accounts; a server says
//! it in its own log, too (`http`), and a command does not: whoever typed it knows.

use mailtally_model::Time;
use rusqlite::params;

use super::{Accounts, Result};

/// Rows that are kept: years of a site with a handful of admins. An attacker fills it and pushes out the oldest.
const MAX_ROWS: i64 = 100_000;
/// Rows that are forgotten at a time, so that not every log-in deletes.
const SLACK_ROWS: i64 = 1_000;
/// A name from outside is cut to this.
const MAX_NAME_CHARS: usize = 320;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Rises with each entry.
    pub id: i64,
    pub time: Time,
    /// A stable word, as `log-in`.
    pub what: String,
    /// The account it happened to, or the name that was tried; then what was changed and by whom.
    pub name: String,
    /// Of the client; empty for the command line.
    pub address: String,
}

impl Accounts {
    /// Writes an entry. An audit log that cannot be written is said in our own log and stops nothing.
    pub fn note(&self, what: &'static str, name: &str, address: &str, now: Time) {
        let name: String = name.chars().take(MAX_NAME_CHARS).collect();
        let write = || -> Result<()> {
            let connection = self.connection();
            connection
                .prepare_cached("INSERT INTO audit (time, what, name, address) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![now.0, what, name, address])?;
            let last = connection.last_insert_rowid();
            if last % SLACK_ROWS == 0 {
                connection.execute("DELETE FROM audit WHERE id <= ?1", [last - MAX_ROWS])?;
            }
            Ok(())
        };
        if let Err(error) = write() {
            tracing::error!(error = %format!("{:#}", anyhow::Error::new(error)), "cannot write the audit log");
        }
    }

    /// The newest entries, the newest first: those before `before` that hold `text`, whatever its case.
    pub fn audit(&self, text: &str, before: Option<i64>, limit: usize) -> Result<Vec<Entry>> {
        let connection = self.connection();
        let read = "SELECT id, time, what, name, address FROM audit
                    WHERE id < ?1 AND instr(lower(what || ' ' || name || ' ' || address), lower(?2)) > 0
                    ORDER BY id DESC LIMIT ?3";
        let mut statement = connection.prepare_cached(read)?;
        let rows = statement.query_map(params![before.unwrap_or(i64::MAX), text, limit as i64], |row| {
            let (what, name, address) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok(Entry { id: row.get(0)?, time: Time(row.get(1)?), what, name, address })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
