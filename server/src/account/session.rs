//! Sessions: a browser that was let in. Each ends after a while without use, after a longer while in any case, and with
//! the log-out, another password, or the end of its account.

use mailtally_model::{Subject, Time};
use rusqlite::{Connection, OptionalExtension, params};

use super::secret::{Digest, Secret};
use super::{AccountError, Accounts, Result, read_subject};

/// A session's last use is written no more often than this.
const SEEN_EVERY_SECS: i64 = 60;
/// Browsers that one account is signed in with; the ones unused for longest end.
const MAX_SESSIONS: i64 = 50;

/// How long a session lasts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub idle_secs: i64,
    pub absolute_secs: i64,
}

/// A session that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub digest: Digest,
    pub name: String,
    /// The account's id and root; `None` where someone signed in with their mailbox.
    pub account: Option<(i64, Subject)>,
}

impl Accounts {
    /// Lets an account in: the secret is the browser's. A disabled or removed account is not let in, nor one whose password
    /// is no longer the one of this `hash`, where one was looked at: that takes a while.
    pub fn begin_session(&self, account: i64, hash: Option<&str>, now: Time) -> Result<Secret> {
        self.change(|tx| {
            let enabled = "UPDATE account SET last_login = ?2 WHERE id = ?1 AND is_disabled = 0
                           AND password = ifnull(?3, password) RETURNING name";
            let key = params![account, now.0, hash];
            let name: Option<String> = tx.query_row(enabled, key, |row| row.get(0)).optional()?;
            insert(tx, Some(account), &name.ok_or(AccountError::NoSuchAccount)?, now)
        })
    }

    /// Lets in someone who showed the password of their mailbox.
    pub fn begin_mailbox_session(&self, mailbox: &str, now: Time) -> Result<Secret> {
        self.change(|tx| insert(tx, None, mailbox, now))
    }

    /// The session of a secret, if it is still good; using it keeps it so.
    pub fn session(&self, claimed: &str, limits: Limits, now: Time) -> Result<Option<Session>> {
        let connection = self.connection();
        let Some(found) = find(&connection, claimed)? else { return Ok(None) };
        let digest = found.session.digest;
        if found.is_over(limits, now) {
            end(&connection, &digest)?;
            return Ok(None);
        }
        if found.is_use_due(now) {
            let update = "UPDATE session SET seen = ?2, began = min(began, ?2) WHERE digest = ?1";
            connection.prepare_cached(update)?.execute(params![digest.bytes(), now.0])?;
        }
        Ok(Some(found.session))
    }

    /// The same, where it takes no waiting: nobody else asks, and nothing is to be written.
    pub fn session_at_once(&self, claimed: &str, limits: Limits, now: Time) -> Option<Session> {
        let found = find(&*self.connection_at_once()?, claimed).ok()??;
        (!found.is_over(limits, now) && !found.is_use_due(now)).then_some(found.session)
    }

    /// Log-out.
    pub fn end_session(&self, digest: &Digest) -> Result<()> {
        end(&self.connection(), digest)
    }

    /// Log-out everywhere: every session of whoever has this one.
    pub fn end_sessions_like(&self, session: &Session) -> Result<()> {
        let connection = self.connection();
        match &session.account {
            Some((account, _)) => end_all_of(&connection, *account),
            None => {
                let delete = "DELETE FROM session WHERE account IS NULL AND name = ?1";
                connection.execute(delete, [&session.name])?;
                Ok(())
            }
        }
    }

    /// Forgets sessions and links that are over.
    pub fn forget_expired(&self, limits: Limits, now: Time) -> Result<()> {
        self.change(|tx| {
            tx.execute(
                "DELETE FROM session WHERE seen < ?1 OR began < ?2",
                [now.0 - limits.idle_secs, now.0 - limits.absolute_secs],
            )?;
            tx.execute("DELETE FROM link WHERE until < ?1", [now.0])?;
            Ok(())
        })
    }

    /// How many sessions and links are kept, over or not.
    #[cfg(test)]
    pub fn kept(&self) -> Result<(i64, i64)> {
        let both = "SELECT (SELECT count(*) FROM session), (SELECT count(*) FROM link)";
        Ok(self.connection().query_row(both, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

/// A session as it is stored, over or not.
struct Found {
    session: Session,
    began: i64,
    seen: i64,
}

impl Found {
    fn is_over(&self, limits: Limits, now: Time) -> bool {
        now.0 - self.seen > limits.idle_secs || now.0 - self.began > limits.absolute_secs
    }

    /// A clock that was set back must not make a session last longer: that is written, too.
    fn is_use_due(&self, now: Time) -> bool {
        (now.0 - self.seen).abs() >= SEEN_EVERY_SECS
    }
}

fn find(connection: &Connection, claimed: &str) -> Result<Option<Found>> {
    let digest = Digest::of(claimed);
    let read = "SELECT s.name, s.began, s.seen, a.id, a.root FROM session s LEFT JOIN account a ON a.id = s.account
                WHERE s.digest = ?1 AND ifnull(a.is_disabled, 0) = 0";
    let found = connection.prepare_cached(read)?.query_row([digest.bytes()], |row| {
        let account = match row.get::<_, Option<i64>>(3)? {
            Some(id) => Some((id, read_subject(row, 4)?)),
            None => None,
        };
        Ok(Found { session: Session { digest, name: row.get(0)?, account }, began: row.get(1)?, seen: row.get(2)? })
    });
    Ok(found.optional()?)
}

pub(super) fn end_all_of(connection: &Connection, account: i64) -> Result<()> {
    connection.execute("DELETE FROM session WHERE account = ?1", [account])?;
    Ok(())
}

fn end(connection: &Connection, digest: &Digest) -> Result<()> {
    connection.execute("DELETE FROM session WHERE digest = ?1", [digest.bytes()])?;
    Ok(())
}

fn insert(tx: &Connection, account: Option<i64>, name: &str, now: Time) -> Result<Secret> {
    let secret = Secret::random();
    tx.execute(
        "INSERT INTO session (digest, account, name, began, seen) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![secret.digest().bytes(), account, name, now.0],
    )?;
    tx.execute(
        "DELETE FROM session WHERE digest IN (SELECT digest FROM session WHERE name = ?1 AND account IS ?2
         AND digest <> ?4 ORDER BY seen DESC LIMIT -1 OFFSET ?3)",
        params![name, account, MAX_SESSIONS - 1, secret.digest().bytes()],
    )?;
    Ok(secret)
}
