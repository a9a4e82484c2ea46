//! Reads files to their end, once: what is given may be plain or packed, in any order, partly or wholly known already.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Result;

use super::merge::{Done, Merge};
use super::survey::{self, Look, Surveyed};
use super::{Collector, Reading};
use crate::source::SourceState;
use crate::source::files::LogFile;
use crate::source::unpack::Damage;
use crate::source::{pieces, position};

/// Progress is told after so many steps of the merge: often enough for a bar, too seldom to cost anything.
const STEPS_PER_NEWS: u32 = 64;

/// What became of each file, in the order given.
#[derive(Debug, Default)]
pub struct Imported {
    pub files: Vec<ImportedFile>,
    pub lines: u64,
    /// The files changed their names while they were looked at; nothing was read.
    is_outdated: bool,
}

#[derive(Debug)]
pub struct ImportedFile {
    pub path: PathBuf,
    pub outcome: Outcome,
    pub lines: u64,
    /// Lines that another log had brought already.
    pub held_back: u64,
    pub ahead: u64,
    pub too_late: u64,
    pub no_envelope: u64,
    pub cut: u64,
    pub damage: Option<Damage>,
    /// Which stream of bytes it turned out to be, and where that was read to.
    pub state: SourceState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Read,
    AlreadyIngested,
    /// Another file of the same import holds all of it.
    CopyOf(PathBuf),
    /// It was renamed or replaced while it was looked at: what is there now is to be listed anew.
    Rotated,
    /// It could not be read, or not to its end.
    Failed(String),
}

impl Outcome {
    fn of(error: &io::Error) -> Outcome {
        if position::was_rotated(error) { Outcome::Rotated } else { Outcome::Failed(error.to_string()) }
    }
}

impl Imported {
    /// Whether every file was read to its end.
    pub fn is_whole(&self) -> bool {
        self.files.iter().all(|file| {
            !matches!(file.outcome, Outcome::Failed(_) | Outcome::Rotated)
                && !file.damage.is_some_and(Damage::loses_lines)
        })
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub bytes: u64,
    pub lines: u64,
}

/// Imports `files` and commits as it goes. A file that cannot be read keeps no other from being read; an error is of the
/// store alone. `news` is told after each commit and now and then between; at its `Break` the reading stops, and what was
/// not yet committed is read again next time.
pub fn import(
    files: &[LogFile],
    collector: &mut Collector,
    reading: &Reading,
    news: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported> {
    import_growing(files, &mut std::iter::empty(), collector, reading, news)
}

/// The same for logs that are written and rotated meanwhile: `list` is asked once more after the first look at each file,
/// and what was looked at is read if the names still mean the same.
pub fn import_listed(
    list: &dyn Fn() -> Vec<LogFile>,
    collector: &mut Collector,
    reading: &Reading,
    news: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported> {
    let files = list();
    let is_still = || pieces::names(&list()) == pieces::names(&files);
    import_checked(&files, &is_still, &mut std::iter::empty(), collector, reading, news)
}

/// The same for a log whose later pieces are still being written: `more` gives them in turn, oldest first, and waits for
/// them.
pub fn import_growing(
    files: &[LogFile],
    more: &mut dyn Iterator<Item = LogFile>,
    collector: &mut Collector,
    reading: &Reading,
    news: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported> {
    import_checked(files, &|| true, more, collector, reading, news)
}

fn import_checked(
    files: &[LogFile],
    is_still: &dyn Fn() -> bool,
    more: &mut dyn Iterator<Item = LogFile>,
    collector: &mut Collector,
    reading: &Reading,
    news: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported> {
    let known = collector.sources()?;
    collector.write_behind();
    let read = read(files, is_still, more, known, collector, reading, news);
    // An error of the store comes before what the reading says of it.
    collector.write_out()?;
    Ok(match read? {
        ControlFlow::Break(imported) => imported,
        ControlFlow::Continue(imported) => {
            // Once, when all is read: the past of a day may come after it.
            collector.look()?;
            imported
        }
    })
}

/// Reads all; breaks where the listener said so.
fn read(
    files: &[LogFile],
    is_still: &dyn Fn() -> bool,
    more: &mut dyn Iterator<Item = LogFile>,
    known: Vec<SourceState>,
    collector: &mut Collector,
    reading: &Reading,
    news: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ControlFlow<Imported, Imported>> {
    let mut imported = Imported::default();
    let mut fresh: Vec<Surveyed> = Vec::new();
    for file in files {
        match survey::survey(file, &known, reading) {
            Ok(Look::Read(surveyed)) => fresh.push(surveyed),
            Ok(Look::AlreadyIngested(damage)) => {
                imported.add(&file.path, Outcome::AlreadyIngested);
                imported.flag(damage);
            }
            Err(error) => imported.add(&file.path, Outcome::of(&error)),
        }
    }
    // What stands in between is not known now, and lines are read in order.
    imported.is_outdated = !is_still();
    if imported.was_rotated() {
        return Ok(ControlFlow::Continue(imported));
    }
    let (fresh, copies) = match survey::without_copies(fresh) {
        Ok(parted) => parted,
        Err(error) if position::was_rotated(&error) => {
            imported.is_outdated = true;
            return Ok(ControlFlow::Continue(imported));
        }
        Err(error) => return Err(error.into()),
    };
    for copy in copies {
        imported.add(&copy.path, Outcome::CopyOf(copy.of));
    }
    let mut merge = Merge::new(survey::logs(fresh, reading), more, known, reading);
    let mut steps = 0u32;
    while merge.step(collector)? {
        let is_commit = collector.is_full();
        if is_commit {
            commit(&mut merge, collector, &mut imported)?;
        }
        steps = steps.wrapping_add(1);
        if is_commit || steps.is_multiple_of(STEPS_PER_NEWS) {
            let lines = imported.lines + collector.lines as u64;
            if news(Progress { bytes: merge.bytes_read(), lines }).is_break() {
                return Ok(ControlFlow::Break(imported));
            }
        }
    }
    if collector.has_news() {
        collector.settle();
    }
    commit(&mut merge, collector, &mut imported)?;
    let order = |file: &ImportedFile| files.iter().position(|given| given.path == file.path);
    imported.files.sort_by_key(order);
    Ok(ControlFlow::Continue(imported))
}

fn commit(merge: &mut Merge<'_>, collector: &mut Collector, imported: &mut Imported) -> Result<()> {
    let (sources, done) = merge.mark();
    if collector.has_news() {
        imported.lines += collector.lines as u64;
        collector.commit(sources)?;
    }
    imported.files.extend(done.into_iter().map(ImportedFile::from));
    Ok(())
}

impl Imported {
    /// Whether a file was renamed or replaced meanwhile.
    pub fn was_rotated(&self) -> bool {
        self.is_outdated || self.files.iter().any(|file| file.outcome == Outcome::Rotated)
    }

    fn add(&mut self, path: &std::path::Path, outcome: Outcome) {
        let file = ImportedFile::from(Done::unread(path, io::Error::other("not read")));
        self.files.push(ImportedFile { outcome, ..file });
    }

    fn flag(&mut self, damage: Option<Damage>) {
        if let Some(file) = self.files.last_mut() {
            file.damage = damage;
        }
    }
}

impl From<Done> for ImportedFile {
    fn from(done: Done) -> ImportedFile {
        let book = &done.book;
        ImportedFile {
            outcome: done.error.as_ref().map_or(Outcome::Read, Outcome::of),
            lines: book.lines,
            held_back: book.held_back,
            ahead: book.ahead,
            too_late: book.too_late,
            no_envelope: book.no_envelope,
            state: done.book.state.clone(),
            path: done.path,
            cut: done.cut,
            damage: done.damage,
        }
    }
}
