//! Links that let someone in once: the set-up link of the first run, and the one that the demo prints.

use mailtally_model::Time;
use rusqlite::{Connection, OptionalExtension, params};

use super::secret::{Digest, Secret};
use super::{Accounts, Result};

/// How long a set-up link is good: a day, so that whoever installs may sleep over it.
pub const SETUP_LINK_SECS: i64 = 86_400;

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// To make the first account.
    SetUp,
    /// To be signed in as this account.
    SignIn(i64),
}

impl Accounts {
    /// A fresh link. A new set-up link makes older ones void.
    pub fn make_link(&self, link: Link, until: Time) -> Result<Secret> {
        let secret = Secret::random();
        let account = match link {
            Link::SetUp => None,
            Link::SignIn(account) => Some(account),
        };
        self.change(|tx| {
            if account.is_none() {
                end_set_up(tx)?;
            }
            let insert = "INSERT INTO link (digest, account, until) VALUES (?1, ?2, ?3)";
            tx.execute(insert, params![secret.digest().bytes(), account, until.0])?;
            Ok(())
        })?;
        Ok(secret)
    }

    /// What a link is good for, without using it up.
    pub fn look_at_link(&self, claimed: &str, now: Time) -> Result<Option<Link>> {
        let read = "SELECT account FROM link WHERE digest = ?1 AND until >= ?2";
        self.link(read, claimed, now)
    }

    /// Uses a link up. Of two who try at once, one gets it.
    pub fn use_link(&self, claimed: &str, now: Time) -> Result<Option<Link>> {
        let take = "DELETE FROM link WHERE digest = ?1 AND until >= ?2 RETURNING account";
        self.link(take, claimed, now)
    }

    fn link(&self, sql: &str, claimed: &str, now: Time) -> Result<Option<Link>> {
        let digest = Digest::of(claimed);
        let account: Option<Option<i64>> =
            self.connection().query_row(sql, params![digest.bytes(), now.0], |row| row.get(0)).optional()?;
        Ok(account.map(|account| account.map_or(Link::SetUp, Link::SignIn)))
    }
}

/// Makes set-up links void.
pub(super) fn end_set_up(tx: &Connection) -> Result<()> {
    tx.execute("DELETE FROM link WHERE account IS NULL", [])?;
    Ok(())
}
