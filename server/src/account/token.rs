//! Tokens for scripts: each reads below one subject inside its account's subtree, and can change nothing.

use mailtally_model::{Subject, Time};
use rusqlite::{Connection, OptionalExtension};

use super::secret::Digest;
use super::{Accounts, Result, read_subject};

/// Of one account: a script each, and some left over from last year.
pub const MAX_TOKENS: i64 = 50;
/// A label longer than this is no label.
pub const MAX_LABEL_CHARS: usize = 80;
/// A token's last use is written no more often than this.
const USED_EVERY_SECS: i64 = 60;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub label: String,
    pub root: Subject,
    pub made: Time,
    pub used: Option<Time>,
}

/// Whose token it is, and what it may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    pub name: String,
    pub account_root: Subject,
    pub root: Subject,
}

/// A label as it is kept.
pub(super) fn label(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_LABEL_CHARS).collect()
}

impl Accounts {
    /// An account's tokens, the oldest first.
    pub fn tokens(&self, account: i64) -> Result<Vec<Token>> {
        let connection = self.connection();
        let read = "SELECT id, label, root, made, used FROM token WHERE account = ?1 ORDER BY id";
        let mut statement = connection.prepare_cached(read)?;
        let rows = statement.query_map([account], |row| {
            let used = row.get::<_, Option<i64>>(4)?.map(Time);
            let (root, made) = (read_subject(row, 2)?, Time(row.get(3)?));
            Ok(Token { id: row.get(0)?, label: row.get(1)?, root, made, used })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Who a token speaks for. One of a disabled account speaks for nobody.
    pub fn bearer(&self, claimed: &str, now: Time) -> Result<Option<Bearer>> {
        let connection = self.connection();
        let Some(Found { bearer, is_use_due, id }) = find(&connection, claimed, now)? else { return Ok(None) };
        if is_use_due {
            connection.execute("UPDATE token SET used = ?2 WHERE id = ?1", [id, now.0])?;
        }
        Ok(Some(bearer))
    }

    /// The same, where it takes no waiting: nobody else asks, and nothing is to be written.
    pub fn bearer_at_once(&self, claimed: &str, now: Time) -> Option<Bearer> {
        let found = find(&*self.connection_at_once()?, claimed, now).ok()??;
        (!found.is_use_due).then_some(found.bearer)
    }
}

/// A good token, and whether its use is to be written.
struct Found {
    bearer: Bearer,
    is_use_due: bool,
    id: i64,
}

fn find(connection: &Connection, claimed: &str, now: Time) -> Result<Option<Found>> {
    let read = "SELECT a.name, a.root, t.root, t.used, t.id FROM token t JOIN account a ON a.id = t.account
                    WHERE t.digest = ?1 AND a.is_disabled = 0";
    let found = connection.prepare_cached(read)?.query_row([Digest::of(claimed).bytes()], |row| {
        let bearer = Bearer { name: row.get(0)?, account_root: read_subject(row, 1)?, root: read_subject(row, 2)? };
        let used: Option<i64> = row.get(3)?;
        let is_use_due = used.is_none_or(|used| (now.0 - used).abs() >= USED_EVERY_SECS);
        Ok(Found { bearer, is_use_due, id: row.get(4)? })
    });
    Ok(found.optional()?)
}
