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
pub struct LineKey {
    /// For SipHash-1-3.
    pub sip: [u8; 16],
    /// For XXH3, which takes half the time; none in a file that hashed lines before schema 9.
    pub xxh3: Option<[u8; XXH3_KEY_BYTES]>,
}

/// As many as XXH3 has of its own.
const XXH3_KEY_BYTES: usize = 192;

impl LineKey {
    pub fn random() -> LineKey {
        LineKey { xxh3: Some(random()), ..LineKey::as_of_schema_8() }
    }

    pub fn as_of_schema_8() -> LineKey {
        LineKey { sip: random(), xxh3: None }
    }

    /// As a data file keeps it.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.sip[..], self.xxh3.as_ref().map_or(&[], |key| &key[..])].concat()
    }

    /// `None` if these are no key's.
    pub fn of(bytes: &[u8]) -> Option<LineKey> {
        let (sip, xxh3) = bytes.split_first_chunk()?;
        let xxh3 = if xxh3.is_empty() { None } else { Some(xxh3.try_into().ok()?) };
        Some(LineKey { sip: *sip, xxh3 })
    }
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut random = [0; BYTES];
    getrandom::getrandom(&mut random).expect("every system that we run on has randomness");
    random
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
