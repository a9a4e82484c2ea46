//! Lines that were read, as hashes: what [`collect`](crate::collect) gives and the store keeps, so that the copy that
//! another source brings counts nothing.

use std::fmt;

/// Hashes of lines of a slot that were read in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenLines {
    /// Lines as a source brought them, each of each source, but for those that [`SeenAs::Keyed`] says.
    pub of_sources: Vec<u64>,
    /// Each line that was counted, whichever source brought it: a recount asks whether they are all there again.
    pub counted: Vec<u64>,
}

/// How hashes of lines are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeenAs {
    /// By blake3: all lines of a slot of which a version before schema 8 read some.
    Blake3,
    /// By the data file's own key. The lines that were counted are those of this source, each by its place among its equals,
    /// so that they need no hash of that source; or, for 0, which is no source, those of none.
    Keyed(u64),
}

/// What is hashed with a line, so that nobody who writes into a log can make two lines that are taken for one. Made with
/// the data file, kept in it, and never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LineKey(pub [u8; 16]);

impl LineKey {
    pub fn random() -> LineKey {
        let mut key = [0; 16];
        getrandom::getrandom(&mut key).expect("every system that we run on has randomness");
        LineKey(key)
    }
}

impl fmt::Debug for LineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineKey(…)")
    }
}

impl SeenLines {
    /// Adds what was read since.
    pub fn append(&mut self, mut later: SeenLines) {
        if *self == SeenLines::default() {
            *self = later;
        } else {
            self.of_sources.append(&mut later.of_sources);
            self.counted.append(&mut later.counted);
        }
    }
}
