//! The audit log: who was let in, who was not, and what became of accounts. Kept in the file of accounts; a server says
//! it in its own log, too (`http`), and a command does not: whoever typed it knows.

use std::net::IpAddr;

use mailtally_model::Time;
use rusqlite::{Connection, params};

use super::throttle::network;
use super::{Accounts, Result};

/// Rows of either room that are kept: years of a site with a handful of admins. An attacker who fails to come in fills one
/// room, and who has an account the other, so that nobody pushes out what both have done.
const MAX_ROWS: i64 = 100_000;
/// What an account does to itself, as often as it likes. It has a room of its own.
const OWN_DOINGS: &str =
    "('log-in', 'log-out', 'log-out-everywhere', 'token-made', 'token-revoked', 'password-changed')";
/// An address that someone came in from is theirs for so long.
const KNOWN_SECS: i64 = 30 * 86_400;
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
                forget_oldest(&connection, MAX_ROWS)?;
            }
            Ok(())
        };
        if let Err(error) = write() {
            tracing::error!(error = %format!("{:#}", anyhow::Error::new(error)), "cannot write the audit log");
        }
    }

    /// Whether whoever has this name came in from the network of this address of late.
    pub fn was_let_in(&self, name: &str, address: IpAddr, now: Time) -> Result<bool> {
        let connection = self.connection();
        let read = "SELECT DISTINCT address FROM audit WHERE name = ?1 AND what = 'log-in' AND time >= ?2";
        let mut statement = connection.prepare_cached(read)?;
        let mut rows = statement.query(params![name, now.0 - KNOWN_SECS])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, String>(0)?.parse().is_ok_and(|known| network(known) == network(address)) {
                return Ok(true);
            }
        }
        Ok(false)
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

/// Keeps the newest rows of either room.
pub(super) fn forget_oldest(connection: &Connection, keep: i64) -> Result<()> {
    for room in ["IN", "NOT IN"] {
        let oldest = format!(
            "DELETE FROM audit WHERE what {room} {OWN_DOINGS} AND id <=
             (SELECT id FROM audit WHERE what {room} {OWN_DOINGS} ORDER BY id DESC LIMIT 1 OFFSET ?1)"
        );
        connection.execute(&oldest, [keep])?;
    }
    Ok(())
}
