//! Which file is this really: a ladder of hashes of its first bytes, decompressed, and of those before the position.
//!
//! A name is no identity (rotation changes it), an inode is none (file systems use one again within the minute), and a
//! hash of the first line is none either (every log begins alike). The content that was read is: a file is the one we
//! know when it holds, from its beginning, all that was read of that one. So a plain file, its gz, a copy of it and the
//! same file grown are one, and a file that was truncated and grew back is another.

use std::io::{self, Read};

use super::SourceState;
use super::position::Cursor;

/// The lower rungs are close together because young files are short.
const LOW_RUNGS: [u64; 4] = [1 << 10, 4 << 10, 16 << 10, 64 << 10];
const MIB: u64 = 1 << 20;
/// Up to a GiB; beyond it the 4 KiB before the position decide alone, so that the state of a source stays small.
const HIGHEST_RUNG: u64 = 1024 * MIB;
/// Big reads: a fingerprint of a large file is bound by the disk.
const READ_BYTES: usize = 256 * 1024;

/// A stable hash of bytes: 128 bits, in hex.
pub fn hash(bytes: &[u8]) -> String {
    shorten(&blake3::hash(bytes))
}

fn shorten(hash: &blake3::Hash) -> String {
    let mut hex = hash.to_hex().to_string();
    hex.truncate(32);
    hex
}

/// Hashes of the first 1 KiB, 4 KiB, 16 KiB, 64 KiB, then each MiB.
#[derive(Clone, Default)]
pub struct Ladder {
    hasher: blake3::Hasher,
    offset: u64,
    rungs: Vec<(u64, String)>,
    /// Nobody will ask for more rungs.
    is_done: bool,
}

impl Ladder {
    /// Hashes nothing more: for who reads on and will not come back.
    pub fn end_here(&mut self) {
        self.is_done = true;
    }

    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(rung) = self.next_rung() {
            let to_rung = usize::try_from(rung - self.offset).unwrap_or(usize::MAX);
            if bytes.len() < to_rung {
                break;
            }
            let (below, above) = bytes.split_at(to_rung);
            self.hasher.update(below);
            self.offset = rung;
            self.rungs.push((rung, shorten(&self.hasher.finalize())));
            bytes = above;
        }
        if self.next_rung().is_some() {
            self.hasher.update(bytes);
        }
        self.offset += bytes.len() as u64;
    }

    fn next_rung(&self) -> Option<u64> {
        if self.is_done { None } else { rung_after(self.offset) }
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn rungs(&self) -> &[(u64, String)] {
        &self.rungs
    }
}

fn rung_after(offset: u64) -> Option<u64> {
    let low = LOW_RUNGS.into_iter().find(|&rung| rung > offset);
    low.or_else(|| Some((offset / MIB + 1) * MIB).filter(|&rung| rung <= HIGHEST_RUNG))
}

/// Finds the source among `known` that `bytes` (from the beginning, decompressed) hold to its position. Gives its id and
/// the place; of several, the one that was read farthest, and the last of those. Reads no farther than it takes to know.
pub fn identify<'a>(
    bytes: &mut dyn Read,
    known: impl Iterator<Item = &'a SourceState>,
) -> io::Result<Option<(u64, Cursor)>> {
    let mut candidates: Vec<Candidate<'_>> =
        known.filter(|state| state.position > 0 && state.cursor.is_none()).map(Candidate::new).collect();
    let mut cursor = Cursor::default();
    let mut found = None;
    let mut buffer = vec![0; READ_BYTES];
    while let Some(stop) = candidates.iter().map(Candidate::next_stop).min() {
        if !feed_to(stop, bytes, &mut cursor, &mut buffer)? {
            break;
        }
        candidates.retain_mut(|candidate| match candidate.check(&cursor) {
            Check::Undecided => true,
            Check::Different => false,
            Check::Same => {
                found = Some((candidate.state.id, cursor.clone()));
                false
            }
        });
    }
    Ok(found)
}

/// Feeds `cursor` up to `stop`; false when the bytes end before.
fn feed_to(stop: u64, bytes: &mut dyn Read, cursor: &mut Cursor, buffer: &mut [u8]) -> io::Result<bool> {
    while cursor.position() < stop {
        let want = usize::try_from(stop - cursor.position()).unwrap_or(usize::MAX).min(buffer.len());
        match bytes.read(&mut buffer[..want]) {
            Ok(0) => return Ok(false),
            Ok(n) => cursor.feed(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// A source that the bytes may still turn out to be.
struct Candidate<'a> {
    state: &'a SourceState,
    /// The rungs below this one agree.
    rung: usize,
}

enum Check {
    Undecided,
    Different,
    Same,
}

impl<'a> Candidate<'a> {
    fn new(state: &'a SourceState) -> Candidate<'a> {
        Candidate { state, rung: 0 }
    }

    /// The next offset at which something can be compared.
    fn next_stop(&self) -> u64 {
        self.state.ladder.get(self.rung).map_or(self.state.position, |(rung, _)| *rung)
    }

    fn check(&mut self, cursor: &Cursor) -> Check {
        let here = cursor.position();
        if let Some((rung, expected)) = self.state.ladder.get(self.rung)
            && *rung == here
        {
            if cursor.ladder().rungs().last() != Some(&(here, expected.clone())) {
                return Check::Different;
            }
            self.rung += 1;
        }
        if self.state.position > here {
            return Check::Undecided;
        }
        if cursor.tail_hash() == self.state.tail { Check::Same } else { Check::Different }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: usize, word: &str) -> Vec<u8> {
        (0..lines).flat_map(|n| format!("Mar  2 00:00:00 mx1 {word}[{n}]: a line\n").into_bytes()).collect()
    }

    fn state(id: u64, bytes: &[u8]) -> SourceState {
        let mut cursor = Cursor::default();
        cursor.feed(bytes);
        let mut state = SourceState { id, ..SourceState::default() };
        cursor.mark(&mut state);
        state
    }

    fn check(mut bytes: &[u8], known: &[SourceState], expected: Option<(u64, u64)>) {
        let found = identify(&mut bytes, known.iter()).expect("bytes in memory");
        assert_eq!(found.map(|(id, cursor)| (id, cursor.position())), expected);
    }

    #[test]
    fn the_ladder_does_not_depend_on_how_the_bytes_came() {
        let bytes = log(60_000, "postfix/smtpd");
        let mut whole = Ladder::default();
        whole.feed(&bytes);
        let mut pieces = Ladder::default();
        bytes.chunks(997).for_each(|chunk| pieces.feed(chunk));
        assert_eq!(whole.rungs(), pieces.rungs());
        let offsets: Vec<u64> = whole.rungs().iter().map(|(rung, _)| *rung).collect();
        assert_eq!(offsets, [1 << 10, 4 << 10, 16 << 10, 64 << 10, MIB, 2 * MIB]);
    }

    // FAULTS 26: the same content is the same source; grown, it goes on where it ended.
    #[test]
    fn the_same_bytes_and_those_grown_are_one_source() {
        for lines in [1, 20, 100, 3_000] {
            let bytes = log(lines, "a");
            let known = [state(7, &bytes)];
            check(&bytes, &known, Some((7, bytes.len() as u64)));
            let grown = [bytes.clone(), log(10, "b")].concat();
            check(&grown, &known, Some((7, bytes.len() as u64)));
        }
    }

    // FAULTS 24: other content is another source, and so is a file shorter than what was read.
    #[test]
    fn other_and_shorter_bytes_are_another_source() {
        let bytes = log(100, "a");
        let known = [state(7, &bytes)];
        check(&log(100, "b"), &known, None);
        check(&bytes[..bytes.len() - 40], &known, None);
        check(b"", &known, None);
    }

    // FAULTS 22: truncated and grown back past the position, with the same first lines.
    #[test]
    fn a_file_that_grew_back_is_another_source() {
        let bytes = log(100, "a");
        let grown_back = [&bytes[..1500], &log(200, "b")].concat();
        check(&grown_back, &[state(7, &bytes)], None);
    }

    // FAULTS 22: between two rungs, all of the 4 KiB before the position is looked at.
    #[test]
    fn a_difference_at_the_start_of_the_tail_is_seen() {
        use crate::source::position::TAIL_BYTES;
        let bytes = log(1_000, "a");
        let known = [state(7, &bytes)];
        let mut other = bytes.clone();
        other[bytes.len() - TAIL_BYTES] ^= 1;
        assert!((16 << 10..64 << 10).contains(&bytes.len()), "the last rung is far below");
        check(&other, &known, None);
        assert_eq!(TAIL_BYTES, 4096, "what is kept of a stream was hashed over so many bytes");
    }

    // FAULTS 29: two files that begin alike are told apart, and the one that was read farther wins.
    #[test]
    fn files_that_begin_alike_are_told_apart() {
        let head = log(100, "same");
        let one = [head.clone(), log(100, "one")].concat();
        let two = [head.clone(), log(100, "two")].concat();
        let known = [state(1, &one), state(2, &two), state(3, &head)];
        check(&one, &known, Some((1, one.len() as u64)));
        check(&two, &known, Some((2, two.len() as u64)));
        check(&[head.clone(), log(5, "three")].concat(), &known, Some((3, head.len() as u64)));
    }

    // FAULTS 30: an empty file is nobody.
    #[test]
    fn empty_files_do_not_clash() {
        check(b"", &[SourceState { id: 1, ..SourceState::default() }], None);
        check(b"Mar  2 a\n", &[SourceState { id: 1, ..SourceState::default() }], None);
    }
}
