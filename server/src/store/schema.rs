//! The data file itself: where it lies, how it is opened, made and refused. Knows no table's meaning.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{blocks, children, counters, entries, seen};

/// The data file's name in the data directory.
pub const FILE: &str = "mailtally.sqlite";
/// Held by the one process that writes.
pub const LOCK: &str = "mailtally.lock";

/// What makes a file of one version one of the next: SQL, and behind it what SQL cannot do.
struct Step {
    sql: &'static str,
    then: fn(&Connection) -> rusqlite::Result<()>,
}

/// From an empty file on.
const STEPS: [Step; 9] = [
    sql(include_str!("schema.sql")),
    sql(include_str!("schema-2.sql")),
    sql(include_str!("schema-3.sql")),
    sql(include_str!("schema-4.sql")),
    sql(include_str!("schema-5.sql")),
    sql(include_str!("schema-6.sql")),
    Step { sql: include_str!("schema-7.sql"), then: blocks::pack_rows },
    Step { sql: include_str!("schema-8.sql"), then: seen::make_key },
    Step { sql: include_str!("schema-9.sql"), then: seen::lengthen_key },
];
/// What the first step makes of an empty file is the version after this.
const NONE: i32 = 10;
/// Versions before this one were never released, and what they kept of open messages says too little.
const OLDEST: i32 = 14;
/// A file with a higher number was written by a newer Mailtally.
const VERSION: i32 = NONE + STEPS.len() as i32;
/// "MTly", in the file's header: another program's SQLite file is not taken for ours.
const APPLICATION_ID: i32 = 0x4d54_6c79;
/// How long a writer waits for one that is just ending, as at a restart.
const LOCK_WAIT: Duration = Duration::from_millis(500);
/// How long a writer or reader waits for the other's short moments before it gives up.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Files up to this size are checked through when they are opened to be written: about a second's reading. Larger
/// ones are checked page by page as they are used.
const MAX_CHECKED_BYTES: u64 = 256 << 20;
/// KiB of pages that the writer keeps: the last days of the counters that rise all the time. More is no faster, and is
/// the largest part of what an import holds in memory; half of it makes ten million lines in a day a fifth dearer.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Bytes of a page of a new file, four times as many as SQLite takes. Each page is two writes to the write-ahead log and
/// one to the file, and events leave less of a large one empty (docs/performance.md).
const PAGE_BYTES: i64 = 16 << 10;
/// Bytes in the write-ahead log before they move to the file; larger than SQLite's 4 MB for the sake of imports.
const CHECKPOINT_BYTES: i64 = 32 << 20;

const fn sql(sql: &'static str) -> Step {
    Step { sql, then: |_| Ok(()) }
}

impl Step {
    fn run(&self, tx: &Connection) -> rusqlite::Result<()> {
        tx.execute_batch(self.sql)?;
        (self.then)(tx)
    }
}

/// Takes the data directory for this process until the file is dropped; makes the directory if it is absent.
pub fn lock(dir: &Path) -> Result<File> {
    make_private_dir(dir)?;
    let path = dir.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot write in the data directory: cannot open {}", path.display()))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_WAIT => std::thread::sleep(LOCK_WAIT / 20),
            Err(TryLockError::WouldBlock) => bail!(
                "another mailtally is writing to {}: one at a time (report and check work beside it)",
                dir.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

/// What is in it is private to whoever runs the server.
pub fn make_private_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).with_context(|| format!("cannot make the data directory {}", dir.display()))
}

/// A file that, if it is made here, its owner alone may read: also in a directory that others may look into.
pub fn open_private_file(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Opens the file to write, making it if it is absent. Call it under the [`lock`].
pub fn open_writer(path: &Path) -> Result<Connection> {
    let length = fs::metadata(path).map_or(0, |file| file.len());
    // SQLite keeps this beside a file only while it is made; it is rolled back, which takes a connection that may write.
    let is_half_made = path.with_extension("sqlite-journal").exists();
    if length > 0 && !is_half_made {
        // A look without touching: what a newer Mailtally wrote is left as it is.
        accept(&connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?).map_err(|refusal| refusal.at(path))?;
    }
    open_private_file(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if is_half_made {
        accept(&connection).map_err(|refusal| refusal.at(path))?;
    }
    set_up(&connection, length).map_err(|refusal| refusal.at(path))?;
    Ok(connection)
}

/// Opens the file to read. It must be there.
pub fn open_reader(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        bail!("nothing is stored yet: there is no {}", path.display());
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    accept(&connection).map_err(|refusal| refusal.at(path))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_WAIT)?;
        Ok(connection)
    };
    open().map_err(|error| explain(error, path))
}

/// Why a file is not opened.
enum Refusal {
    Sqlite(rusqlite::Error),
    Foreign,
    Newer(i32),
    Older(i32),
    Damaged(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        Refusal::Sqlite(error)
    }
}

impl Refusal {
    fn at(self, path: &Path) -> anyhow::Error {
        let path_shown = path.display();
        match self {
            Refusal::Sqlite(error) => explain(error, path),
            Refusal::Foreign => anyhow!("{path_shown} is not a data file of mailtally"),
            Refusal::Newer(version) => anyhow!(
                "{path_shown} was written by a newer mailtally (schema {version}, this one knows {VERSION}); it was left untouched"
            ),
            Refusal::Older(version) => anyhow!(
                "{path_shown} was written before the first release (schema {version}, this one knows {VERSION}): move it \
                 away and import the logs again"
            ),
            Refusal::Damaged(what) => damaged(path, &what),
        }
    }
}

/// Whether this build understands the file.
fn accept(connection: &Connection) -> Result<(), Refusal> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    if number("application_id")? != APPLICATION_ID {
        // A process that was killed while it made the file left one in which there is nothing.
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        let is_empty = tables == 0 && number("application_id")? == 0 && number("user_version")? == 0;
        return if is_empty { Ok(()) } else { Err(Refusal::Foreign) };
    }
    match number("user_version")? {
        version if version > VERSION => Err(Refusal::Newer(version)),
        version if version < OLDEST => Err(Refusal::Older(version)),
        _ => Ok(()),
    }
}

/// A file of an older version, after so many steps.
#[cfg(test)]
pub fn make_older(path: &Path, steps: usize) -> Connection {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).expect("a file");
    register(&connection).expect("functions");
    STEPS[..steps].iter().for_each(|step| step.run(&connection).expect("a step"));
    connection.pragma_update(None, "application_id", APPLICATION_ID).expect("a pragma");
    connection.pragma_update(None, "user_version", NONE + steps as i32).expect("a pragma");
    connection
}

/// Functions of our own that SQL calls.
fn register(connection: &Connection) -> rusqlite::Result<()> {
    counters::register(connection)?;
    children::register(connection)?;
    entries::register(connection)
}

fn set_up(connection: &Connection, length: u64) -> Result<(), Refusal> {
    // Of a new file; another keeps its own.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit may be lost with the power, never torn: the position in the log goes with it, and the log is read again.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_BYTES / page_bytes)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    register(connection)?;
    if (1..=MAX_CHECKED_BYTES).contains(&length) {
        let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Refusal::Damaged(verdict));
        }
    }
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < VERSION {
        let tx = connection.unchecked_transaction()?;
        for step in STEPS.iter().skip(usize::try_from(version - NONE).unwrap_or(0)) {
            step.run(&tx)?;
        }
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()?;
    }
    Ok(())
}

/// A database error as a sentence that names the file and what to do.
pub fn explain(error: rusqlite::Error, path: &Path) -> anyhow::Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, &error.to_string()),
        Some(ErrorCode::DiskFull) => {
            anyhow::Error::new(error).context(format!("no space left to write {}", path.display()))
        }
        _ => anyhow::Error::new(error).context(format!("cannot use the data file {}", path.display())),
    }
}

fn damaged(path: &Path, what: &str) -> anyhow::Error {
    anyhow!(
        "the data file {} is damaged ({}): restore it from a backup, or move it away and import the logs again",
        path.display(),
        what.lines().next().unwrap_or_default()
    )
}
