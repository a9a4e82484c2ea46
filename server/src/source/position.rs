//! Where we got to in a stream of bytes: an offset at a line end, and the hashes that let a later run find the place
//! again in whatever file holds it then.

use std::fs::File;
use std::io;
use std::path::Path;

use super::SourceState;
use super::files::{self, Inode, LogFile};
use super::fingerprint::{self, Ladder};
use super::lines::Lines;
use super::moment;
use super::unpack::Unpacked;

/// So many bytes before the position are hashed: enough for some twenty lines, so that a file that was truncated and
/// grew back is not taken for the one that was read.
pub const TAIL_BYTES: usize = 4096;

/// A place in a stream that was read from its beginning.
#[derive(Clone, Default)]
pub struct Cursor {
    ladder: Ladder,
    /// The last [`TAIL_BYTES`] before the place; fewer near the beginning.
    tail: Vec<u8>,
}

impl Cursor {
    /// Moves on over `bytes`.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.ladder.feed(bytes);
        let fresh = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let keep = TAIL_BYTES - fresh.len();
        self.tail.drain(..self.tail.len().saturating_sub(keep));
        self.tail.extend_from_slice(fresh);
    }

    /// From now on the place is counted and not hashed: no later run will look for it.
    pub fn forget(&mut self) {
        self.ladder.end_here();
    }

    /// Decompressed offset from the beginning of the stream.
    pub fn position(&self) -> u64 {
        self.ladder.offset()
    }

    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    pub fn tail_hash(&self) -> String {
        fingerprint::hash(&self.tail)
    }

    /// Whether the place is at the end of a line; not so after a last line without a newline was taken.
    pub fn is_at_line_end(&self) -> bool {
        self.tail.last().is_none_or(|&byte| byte == b'\n')
    }

    /// Writes the place into `state`.
    pub fn mark(&self, state: &mut SourceState) {
        state.position = self.position();
        state.tail = self.tail_hash();
        // The ladder only grows, so the rungs that are there already are the same.
        let known = state.ladder.len().min(self.ladder.rungs().len());
        state.ladder.extend_from_slice(&self.ladder.rungs()[known..]);
    }
}

/// A file opened where we left it.
pub struct Opened {
    pub lines: Lines,
    /// The source it is, `None` when nothing of it was read before.
    pub known: Option<u64>,
}

/// Opens a file and goes to the place that `known` has for what it holds. A source that is read `elsewhere` at the moment
/// is found only where no other is: the file then is one more copy of it, and the reader's to make a [`twin`].
pub fn open(file: &LogFile, known: &[SourceState], elsewhere: &[u64]) -> io::Result<Opened> {
    let opened = open_checked(file)?;
    let is_free = |state: &&SourceState| !elsewhere.contains(&state.id);
    // Of copies that were read equally far each keeps its own place.
    let is_here = |state: &&SourceState| Path::new(&state.path) == file.path;
    let free = known.iter().filter(|state| is_free(state) && !is_here(state));
    let free = free.chain(known.iter().filter(|state| is_free(state) && is_here(state)));
    let mut found = fingerprint::identify(&mut Unpacked::new(opened.try_clone()?)?, free)?;
    if found.is_none() && !elsewhere.is_empty() {
        let others = known.iter().filter(|state| !is_free(state));
        found = fingerprint::identify(&mut Unpacked::new(opened.try_clone()?)?, others)?;
    }
    moment::pass();
    let mut bytes = Unpacked::new(opened)?;
    let (id, cursor) = found.map_or((None, Cursor::default()), |(id, cursor)| (Some(id), cursor));
    bytes.skip_to(cursor.position())?;
    if let Some(extent) = file.extent {
        bytes.end_after(extent.until.saturating_sub(cursor.position()));
    }
    let mut lines = Lines::new(bytes, cursor);
    // What is seen of a file is held from now on: if it is cut before its first line is read, that can be told.
    lines.read_first()?;
    Ok(Opened { lines, known: id })
}

/// One more copy of a stream, at the same place: `mail.info` beside `mail.log`. It has an id of its own, since lines are
/// told from copies by what each source brought.
pub fn twin(of: &SourceState, id: u64) -> SourceState {
    SourceState { id, ..of.clone() }
}

/// Whether a file that was listed is no longer there under its name: it was rotated, and is to be listed anew.
pub fn was_rotated(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// The error of which [`was_rotated`] is true.
pub fn rotated() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "it was rotated while it was looked at")
}

/// Opens the file that was listed, and no other that has its name by now.
fn open_checked(file: &LogFile) -> io::Result<File> {
    // Looked at again just before: what was a file a moment ago may be a FIFO now, and opening that blocks.
    files::look(&file.path).map_err(|refused| match refused.is_absent() {
        true => io::Error::new(io::ErrorKind::NotFound, refused),
        false => io::Error::other(refused),
    })?;
    moment::pass();
    let opened = File::open(&file.path)?;
    if Inode::of(&opened.metadata()?) != file.inode {
        return Err(rotated());
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_four_kibibytes_however_they_came() {
        let bytes: Vec<u8> = (0..20_000u32).map(|n| (n % 251) as u8).collect();
        for step in [1, 7, 1000, 4096, 5000, 20_000] {
            let mut cursor = Cursor::default();
            bytes.chunks(step).for_each(|chunk| cursor.feed(chunk));
            assert_eq!(cursor.position(), 20_000);
            assert_eq!(cursor.tail(), &bytes[20_000 - TAIL_BYTES..], "steps of {step}");
        }
    }
}
