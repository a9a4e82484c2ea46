//! The file of accounts: where it lies, how it is opened, made and refused.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::store;

/// The file's name in the data directory.
pub const FILE: &str = "accounts.sqlite";
/// Rises with each change of schema.sql.
const VERSION: i32 = 1;
/// "MTac", in the file's header.
const APPLICATION_ID: i32 = 0x4d54_6163;
/// How long one process waits for the other's short moments.
const BUSY_WAIT: Duration = Duration::from_secs(5);

pub fn open(dir: &Path) -> Result<Connection> {
    store::make_private_dir(dir)?;
    let path = dir.join(FILE);
    make_private(&path)?;
    let open = || set_up(&path);
    open().with_context(|| format!("cannot use the file of accounts {}", path.display()))
}

fn set_up(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A session that ended must not come back with the power.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What was removed is overwritten, too.
    connection.pragma_update(None, "secure_delete", true)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |pragma| tx.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    match (number("application_id")?, number("user_version")?) {
        (0, 0) => {
            tx.execute_batch(include_str!("schema.sql"))?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", VERSION)?;
        }
        // An index that files have since they are asked who came in from where; it changes nothing else.
        (APPLICATION_ID, VERSION) => tx.execute_batch("CREATE INDEX IF NOT EXISTS audit_name ON audit (name)")?,
        (APPLICATION_ID, version) => bail!("it was written by a newer mailtally (schema {version})"),
        _ => bail!("it is another program's file"),
    }
    tx.commit()?;
    Ok(connection)
}

/// For its owner's eyes alone, also where it or the directory was made by someone else; who could put a link there is not
/// led to another file.
fn make_private(path: &Path) -> Result<()> {
    if path.is_symlink() {
        bail!("{} is a symbolic link, and accounts are kept in a file of their own", path.display());
    }
    let file = store::open_private_file(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .with_context(|| format!("cannot keep {} private", path.display()))?;
    Ok(())
}
