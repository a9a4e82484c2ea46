//! Accounts: who may ask, and below which subject. An account is rooted at a subject and sees that subject's subtree.
//!
//! Knows names, passwords, sessions and tokens, and nothing of HTTP or of what is counted. Secrets are stored as hashes
//! alone: what leaks from here lets nobody in.

pub mod audit;
mod change;
mod error;
mod link;
pub mod mailbox;
pub mod password;
mod schema;
mod secret;
mod session;
pub mod throttle;
mod token;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mailtally_model::{Subject, Time};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

pub use change::{Changes, Standing};
pub use error::AccountError;
pub use link::{Link, SETUP_LINK_SECS};
pub use schema::FILE;
pub use secret::{Digest, Secret};
pub use session::{Limits, Session};
pub use token::{Bearer, MAX_TOKENS, Token};

/// A longer name is no one's: an address has at most 320 bytes.
pub const MAX_NAME_BYTES: usize = 320;
type Result<T> = std::result::Result<T, AccountError>;

/// An account, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub root: Subject,
    pub is_disabled: bool,
    pub made: Time,
    /// The last log-in; `None` before the first.
    pub last_login: Option<Time>,
}

/// The file of accounts, beside the data file: numbers may be counted anew, accounts may not.
pub struct Accounts {
    connection: Mutex<Connection>,
}

impl Accounts {
    /// Opens the file in the data directory, making it if it is absent. Several processes may have it open.
    pub fn open(dir: &Path) -> anyhow::Result<Accounts> {
        Ok(Accounts { connection: Mutex::new(schema::open(dir)?) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic midway rolls its transaction back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, unless another has it now.
    fn connection_at_once(&self) -> Option<MutexGuard<'_, Connection>> {
        self.connection.try_lock().ok()
    }

    /// Runs `change` in one transaction.
    fn change<T>(&self, change: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = change(&tx)?;
        tx.commit()?;
        Ok(changed)
    }

    /// Every account, by name.
    pub fn all(&self) -> Result<Vec<Account>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY name"))?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The account of a name, however its case was typed.
    pub fn find(&self, name: &str) -> Result<Option<Account>> {
        let Some(name) = canonical_name(name) else { return Ok(None) };
        find(&self.connection(), &name)
    }

    /// The account of a name and the hash of its password.
    pub fn with_hash(&self, name: &str) -> Result<Option<(Account, String)>> {
        let Some(name) = canonical_name(name) else { return Ok(None) };
        let connection = self.connection();
        let Some(account) = find(&connection, &name)? else { return Ok(None) };
        let hash =
            connection.query_row("SELECT password FROM account WHERE id = ?1", [account.id], |row| row.get(0))?;
        Ok(Some((account, hash)))
    }

    /// Whether anyone can sign in as a system admin.
    pub fn has_system_admin(&self) -> Result<bool> {
        has_system_admin(&self.connection())
    }

    /// Whether without this account nobody could sign in as a system admin.
    pub fn is_last_admin(&self, account: &Account) -> Result<bool> {
        let others = "SELECT 1 FROM account WHERE root = ?1 AND is_disabled = 0 AND id <> ?2";
        let connection = self.connection();
        let has_others = connection.prepare_cached(others)?.exists(params![Subject::Server.to_string(), account.id])?;
        Ok(account.root == Subject::Server && !account.is_disabled && !has_others)
    }
}

const SELECT: &str = "SELECT id, name, root, is_disabled, made, last_login FROM account";

fn find(connection: &Connection, name: &str) -> Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?;
    Ok(statement.query_row([name], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        root: read_subject(row, 2)?,
        is_disabled: row.get(3)?,
        made: Time(row.get(4)?),
        last_login: row.get::<_, Option<i64>>(5)?.map(Time),
    })
}

fn read_subject(row: &Row<'_>, column: usize) -> rusqlite::Result<Subject> {
    let name: String = row.get(column)?;
    name.parse().map_err(|error: mailtally_model::subject::BadSubject| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn has_system_admin(connection: &Connection) -> Result<bool> {
    let admins = "SELECT 1 FROM account WHERE root = ?1 AND is_disabled = 0";
    Ok(connection.prepare_cached(admins)?.exists([Subject::Server.to_string()])?)
}

/// One spelling of a name: lower case. `None` for what cannot be a name: empty, too long, with blanks or signs in it that
/// a log or a URL would take for something else, or another spelling of a subject, such as a mailbox with a dot behind it.
pub fn canonical_name(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_alphanumeric() || ".-_+@=~".contains(c);
    // Looked at in lower case: that of some letters is two signs.
    let lower = name.to_lowercase();
    let fits = !lower.is_empty() && name.len().max(lower.len()) <= MAX_NAME_BYTES && lower.chars().all(allowed);
    let is_one_spelling = || lower.parse().is_ok_and(|subject: Subject| subject.name() == lower);
    (fits && is_one_spelling()).then_some(lower)
}

/// The subject that an account shall be rooted at, as it was typed: a domain may have umlauts.
pub fn root(typed: &str) -> Option<Subject> {
    let typed = typed.trim();
    let ascii = |domain: &str| idna::domain_to_ascii(domain).ok();
    let spelled = match typed.rsplit_once('@') {
        _ if typed == mailtally_model::subject::SERVER => Some(typed.to_owned()),
        Some((local, domain)) => ascii(domain).map(|domain| format!("{local}@{domain}")),
        None => ascii(typed),
    };
    let is_meant = |subject: &Subject| match subject {
        Subject::Server => typed == mailtally_model::subject::SERVER,
        Subject::Domain(_) | Subject::Mailbox(_) => true,
        Subject::Service(..) => false,
    };
    spelled?.parse().ok().filter(is_meant)
}
