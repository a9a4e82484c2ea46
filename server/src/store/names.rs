//! Subjects as numbers. Names are booked as they are spelled and become known by evidence, in any order of lines;
//! how many strangers may be booked is capped, so that mail to invented addresses cannot fill the disk.

use mailtally_model::Subject;
use rusqlite::{Connection, Result, params};
use rustc_hash::FxHashMap;

/// The row of the whole server.
pub const SERVER_ID: i64 = 1;
/// The row that strangers beyond the cap are booked under.
pub const OTHER_ID: i64 = 2;
/// A row that is never there, nor anything below it. Not 0, which the server stands below.
pub const NOBODY_ID: i64 = -1;

/// Names without evidence that they are ours: enough for a year of an honest server's typing errors, a few tens of MB.
const MAX_UNKNOWN: usize = 200_000;
/// Names that are ours. More than one machine serves; beyond it evidence is no longer taken.
const MAX_KNOWN: usize = 2_000_000;

#[derive(Clone, Copy, Debug)]
pub struct Name {
    pub id: i64,
    pub parent: i64,
    known: bool,
}

const SERVER: Name = Name { id: SERVER_ID, parent: 0, known: true };
const OTHER: Name = Name { id: OTHER_ID, parent: SERVER_ID, known: true };

/// All names, in memory beside the writer.
pub struct Names {
    by_subject: FxHashMap<Subject, Name>,
    unknown: usize,
    max_unknown: usize,
    /// What this transaction changed, to be put back if it fails.
    changed: Vec<(Subject, Option<Name>)>,
}

impl Names {
    pub fn load(connection: &Connection) -> Result<Names> {
        let mut names =
            Names { by_subject: FxHashMap::default(), unknown: 0, max_unknown: MAX_UNKNOWN, changed: Vec::new() };
        let mut statement = connection.prepare("SELECT id, subject, parent, known FROM name WHERE id > 2")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name = Name { id: row.get(0)?, parent: row.get(2)?, known: row.get(3)? };
            if let Ok(subject) = row.get_ref(1)?.as_str()?.parse() {
                names.by_subject.insert(subject, name);
                names.unknown += usize::from(!name.known);
            }
        }
        Ok(names)
    }

    /// Where a subject's numbers go: its own row, made if need be; beyond the cap `(other)` for a domain and `None` for
    /// a mailbox, whose numbers then stay with its domain as `(unattributed)`.
    pub fn book(&mut self, connection: &Connection, subject: &Subject) -> Result<Option<Name>> {
        if *subject == Subject::Server {
            return Ok(Some(SERVER));
        }
        if let Some(name) = self.by_subject.get(subject) {
            return Ok(Some(*name));
        }
        match subject {
            // A service is named by a host that logs here or by our own settings, never by a stranger.
            Subject::Service(..) => self.insert(connection, subject, SERVER_ID, true).map(Some),
            _ if self.unknown >= self.max_unknown => Ok(matches!(subject, Subject::Domain(_)).then_some(OTHER)),
            Subject::Server | Subject::Domain(_) => self.insert(connection, subject, SERVER_ID, false).map(Some),
            Subject::Mailbox(_) => {
                let Some(domain) = self.parent(connection, subject)? else { return Ok(None) };
                self.insert(connection, subject, domain, false).map(Some)
            }
        }
    }

    /// The row an event is found under; never makes one.
    pub fn find(&self, subject: &Subject) -> Option<i64> {
        match subject {
            Subject::Server => Some(SERVER_ID),
            _ => self.by_subject.get(subject).map(|name| name.id),
        }
    }

    /// Takes evidence that a subject is ours; whoever owns a mailbox owns its domain. Says whether that was news.
    pub fn learn(&mut self, connection: &Connection, subject: &Subject) -> Result<bool> {
        if *subject == Subject::Server || self.by_subject.get(subject).is_some_and(|name| name.known) {
            return Ok(false);
        }
        if self.by_subject.len() - self.unknown >= MAX_KNOWN {
            tracing::warn!(subject = %subject.to_string().escape_debug(), "too many names: not taken for ours");
            return Ok(false);
        }
        if let Some(domain @ Subject::Domain(_)) = subject.parent() {
            self.learn(connection, &domain)?;
        }
        match self.by_subject.get(subject).copied() {
            Some(before) => {
                connection.prepare_cached("UPDATE name SET known = 1 WHERE id = ?1")?.execute([before.id])?;
                self.unknown -= 1;
                self.set(subject, Name { known: true, ..before });
            }
            None => {
                let parent = match subject.parent() {
                    Some(domain @ Subject::Domain(_)) => self.find(&domain).unwrap_or(OTHER_ID),
                    _ => SERVER_ID,
                };
                self.insert(connection, subject, parent, true)?;
            }
        }
        Ok(true)
    }

    /// The transaction is in the file.
    pub fn keep(&mut self) {
        self.changed.clear();
    }

    /// The transaction failed: as if nothing had been booked.
    pub fn forget(&mut self) {
        while let Some((subject, before)) = self.changed.pop() {
            match before {
                Some(name) => self.by_subject.insert(subject, name),
                None => self.by_subject.remove(&subject),
            };
        }
        self.unknown = self.by_subject.values().filter(|name| !name.known).count();
    }

    #[cfg(test)]
    pub fn cap(&mut self, max_unknown: usize) {
        self.max_unknown = max_unknown;
    }

    fn parent(&mut self, connection: &Connection, mailbox: &Subject) -> Result<Option<i64>> {
        let Some(domain) = mailbox.parent() else { return Ok(None) };
        let name = self.book(connection, &domain)?;
        Ok(name.map(|name| name.id).filter(|id| *id != OTHER_ID))
    }

    fn insert(&mut self, connection: &Connection, subject: &Subject, parent: i64, known: bool) -> Result<Name> {
        // Two subjects of one spelling cannot come from the parser; if a caller made one by hand, they share a row.
        let name = connection
            .prepare_cached(
                "INSERT INTO name (subject, parent, known) VALUES (?1, ?2, ?3)
                 ON CONFLICT (subject) DO UPDATE SET known = max(known, excluded.known) RETURNING id, parent, known",
            )?
            .query_row(params![subject.to_string(), parent, known], |row| {
                Ok(Name { id: row.get(0)?, parent: row.get(1)?, known: row.get(2)? })
            })?;
        self.unknown += usize::from(!name.known);
        self.set(subject, name);
        Ok(name)
    }

    fn set(&mut self, subject: &Subject, name: Name) {
        let before = self.by_subject.insert(subject.clone(), name);
        self.changed.push((subject.clone(), before));
    }
}
