//! One log and the rotated pieces of it that lie beside it, at one moment.
//!
//! A rotation takes several steps, and a piece may be a copy that is still being made: of the log itself (copytruncate),
//! or, packed, of the piece beside it. Such a copy has no end yet and holds nothing that another file does not; it is
//! left out until it is done.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::files::{self, Inode, LogFile, Refused};
use super::moment;

/// So much of the beginning and of the end of a copy is compared with what it may be copied from: some forty lines with
/// their stamps, which no other file has at the same place.
const COMPARED_BYTES: u64 = 4096;

/// What lies there under which name.
pub type Names = Vec<(PathBuf, Inode)>;

/// A log and its pieces.
pub struct Pieces {
    pub log: Result<LogFile, Refused>,
    /// Oldest first.
    pub rotated: Vec<LogFile>,
}

impl Pieces {
    /// `None` if a piece went while they were listed.
    pub fn beside(log: &Path) -> Option<Pieces> {
        let rotated = files::rotated_pieces(log)?;
        moment::pass();
        Some(Pieces { log: files::look(log), rotated })
    }

    /// What tells one listing from another: two that are alike had no rotation between them.
    pub fn names(&self) -> Names {
        names(self.rotated.iter().chain(&self.log))
    }
}

pub fn names<'a>(files: impl IntoIterator<Item = &'a LogFile>) -> Names {
    files.into_iter().map(|file| (file.path.clone(), file.inode)).collect()
}

/// Leaves out copies that are being made, of what `files` hold as well.
pub fn without_unfinished(files: Vec<LogFile>) -> Vec<LogFile> {
    let is_unfinished = |file: &LogFile| {
        let rotation = files::rotation(&file.path);
        files.iter().filter(|other| other.path != file.path).any(|other| {
            if other.path == rotation.log { is_beginning(file, other) } else { is_packed_from(file, other) }
        })
    };
    files.iter().filter(|file| !is_unfinished(file)).cloned().collect()
}

/// Whether a file is a packed one that lies beside what it is made from: packers remove that when they are done.
pub fn is_packed_from(file: &LogFile, other: &LogFile) -> bool {
    let plain = files::without_packed_suffix(&file.path);
    plain != file.path && plain == other.path
}

/// Whether all that a piece holds stands at the beginning of the log as well: it is being copied, or the log was not
/// truncated yet.
pub fn is_beginning(piece: &LogFile, log: &LogFile) -> bool {
    let same = || -> io::Result<bool> {
        let (piece, log) = (File::open(&piece.path)?, File::open(&log.path)?);
        let length = piece.metadata()?.len();
        if log.metadata()?.len() < length {
            return Ok(false);
        }
        let head = length.min(COMPARED_BYTES);
        Ok(same_at(&piece, &log, 0, head)? && same_at(&piece, &log, length - head, head)?)
    };
    // One that is gone or shrank meanwhile is looked at again with the next listing.
    same().unwrap_or(false)
}

fn same_at(one: &File, other: &File, from: u64, length: u64) -> io::Result<bool> {
    let read = |file: &File| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    };
    Ok(read(one)? == read(other)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn left(names: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let files = names.iter().map(|(name, text)| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("a temporary file");
            files::look(&path).expect("a file")
        });
        let left = without_unfinished(files.collect());
        left.iter().filter_map(|file| Some(file.path.file_name()?.to_str()?.to_owned())).collect()
    }

    // FAULTS 22, 25
    #[test]
    fn copies_that_are_being_made_are_left_out() {
        assert_eq!(left(&[("mail.log", "one\ntwo\n"), ("mail.log.1", "one\nt")]), ["mail.log"]);
        assert_eq!(left(&[("mail.log", "one\ntwo\n"), ("mail.log.1", "one\ntwo\n")]), ["mail.log"]);
        assert_eq!(left(&[("mail.log", "one\ntwo\n"), ("mail.log.1", "")]), ["mail.log"]);
        let long = "a line\n".repeat(2_000);
        assert_eq!(left(&[("mail.log", &long), ("mail.log.1", &long[..10_001])]), ["mail.log"]);
        assert_eq!(left(&[("mail.log.2", "one\n"), ("mail.log.2.gz", "")]), ["mail.log.2"]);
        let other =
            [("mail.log", "two\n"), ("mail.log.1", "one\ntwo\n"), ("mail.log.2.gz", "x"), ("mail.info", "two\n")];
        assert_eq!(left(&other), other.map(|(name, _)| name));
    }
}
