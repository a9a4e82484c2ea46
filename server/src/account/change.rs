//! Changes of accounts and tokens, each in whose name it is made.
//!
//! Between a request's head and the change that it asks for lie its body and a password's hash: seconds, in which whoever
//! asks may be signed out, disabled or removed. So their standing is looked at again, in the transaction of the change.

use mailtally_model::{Subject, Time};
use rusqlite::{Connection, params};

use super::secret::{Digest, Secret};
use super::token::{self, MAX_TOKENS};
use super::{Account, AccountError, Accounts, Result, canonical_name, find, link, session};

/// By what someone was let in, who now changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A session that has not ended.
    Session(Digest),
    /// A trusted proxy's word for an account that is not disabled.
    Account(i64),
}

impl Standing {
    fn is_good(&self, tx: &Connection) -> Result<bool> {
        let good = match self {
            Standing::Session(digest) => tx
                .prepare_cached(
                    "SELECT 1 FROM session s LEFT JOIN account a ON a.id = s.account
                     WHERE s.digest = ?1 AND ifnull(a.is_disabled, 0) = 0",
                )?
                .exists([digest.bytes()])?,
            Standing::Account(id) => {
                tx.prepare_cached("SELECT 1 FROM account WHERE id = ?1 AND is_disabled = 0")?.exists([id])?
            }
        };
        Ok(good)
    }
}

/// Changes in someone's name.
pub struct Changes<'a> {
    accounts: &'a Accounts,
    by: Option<&'a Standing>,
}

impl Accounts {
    /// Changes by someone who was let in, and must still be.
    pub fn by<'a>(&'a self, standing: &'a Standing) -> Changes<'a> {
        Changes { accounts: self, by: Some(standing) }
    }

    /// Changes by whoever needs no session: the console, or the holder of a set-up link.
    pub fn unasked(&self) -> Changes<'_> {
        Changes { accounts: self, by: None }
    }
}

impl Changes<'_> {
    /// Adds an account; `hash` is what [`super::password::hash`] made of its password. The first system admin makes a
    /// set-up link void, which may still stand in a log.
    pub fn add(&self, name: &str, root: &Subject, hash: &str, now: Time) -> Result<()> {
        let name = canonical_name(name).ok_or(AccountError::BadName)?;
        if matches!(root, Subject::Service(..)) {
            return Err(AccountError::BadRoot);
        }
        self.change(|tx| {
            let added = tx.execute(
                "INSERT INTO account (name, root, password, made) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING",
                params![name, root.to_string(), hash, now.0],
            )?;
            if added == 0 {
                return Err(AccountError::NameTaken);
            }
            if *root == Subject::Server {
                link::end_set_up(tx)?;
            }
            Ok(())
        })
    }

    /// Another password: every session of the account ends.
    pub fn set_password(&self, name: &str, hash: &str) -> Result<()> {
        self.of(name, |tx, account| {
            tx.execute("UPDATE account SET password = ?2 WHERE id = ?1", params![account.id, hash])?;
            session::end_all_of(tx, account.id)
        })
    }

    /// A disabled account is let in nowhere: its sessions end, its tokens rest until it is enabled again.
    pub fn set_disabled(&self, name: &str, is_disabled: bool) -> Result<()> {
        self.of(name, |tx, account| {
            tx.execute("UPDATE account SET is_disabled = ?2 WHERE id = ?1", params![account.id, is_disabled])?;
            session::end_all_of(tx, account.id)
        })
    }

    /// Removes an account with its sessions and tokens.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.of(name, |tx, account| {
            tx.execute("DELETE FROM account WHERE id = ?1", [account.id])?;
            Ok(())
        })
    }

    fn of(&self, name: &str, change: impl FnOnce(&Connection, &Account) -> Result<()>) -> Result<()> {
        let name = canonical_name(name).ok_or(AccountError::NoSuchAccount)?;
        self.change(|tx| {
            let account = find(tx, &name)?.ok_or(AccountError::NoSuchAccount)?;
            change(tx, &account)
        })
    }

    /// A fresh token; its secret is shown this once. `root` must lie within the account's.
    pub fn make_token(&self, account: i64, label: &str, root: &Subject, now: Time) -> Result<(i64, Secret)> {
        let secret = Secret::random();
        let label = token::label(label);
        let id = self.change(|tx| {
            let count: i64 =
                tx.query_row("SELECT count(*) FROM token WHERE account = ?1", [account], |row| row.get(0))?;
            if count >= MAX_TOKENS {
                return Err(AccountError::TooManyTokens);
            }
            tx.execute(
                "INSERT INTO token (digest, account, label, root, made) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![secret.digest().bytes(), account, label, root.to_string(), now.0],
            )?;
            Ok(tx.last_insert_rowid())
        })?;
        Ok((id, secret))
    }

    /// Whether there was such a token of the account.
    pub fn revoke_token(&self, account: i64, id: i64) -> Result<bool> {
        self.change(|tx| Ok(tx.execute("DELETE FROM token WHERE id = ?1 AND account = ?2", [id, account])? == 1))
    }

    /// Runs `change` in one transaction, in which whoever asks is still let in.
    fn change<T>(&self, change: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.accounts.change(|tx| match self.by {
            Some(standing) if !standing.is_good(tx)? => Err(AccountError::SignedOut),
            _ => change(tx),
        })
    }
}
