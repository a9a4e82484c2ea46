//! What makes two lines equal, as a hash. Not the raw bytes: the same line has other stamps in other files.
//!
//! Lines are in part what strangers write, so nobody may be able to make two that are taken for one. A hash with a key that
//! nobody knows is safe from that and takes a tenth of the time of one that is safe without. Slots that a version before
//! schema 8 began go on by blake3, as it told lines apart, and files of before schema 9 by SipHash.

use siphasher::sip::SipHasher13;
use twox_hash::XxHash3_64;

use crate::batch::LineKey;
use crate::exim;
use crate::syslog::Line;

/// The longest that XXH3 takes in by products of 64 bits by 64, each factor hidden by the key (`XXH3_MIDSIZE_MAX`). For longer
/// ones its products are of 32 bits by 32, and of two lines that were chosen for it one try in some 2^32 is taken for the
/// other. They are few, and stay with SipHash.
const MOST_XXH3_BYTES: usize = 240;

/// Hashes lines. Where a line is put together is kept to be used again.
pub struct Digester {
    key: LineKey,
    sip: SipHasher13,
    buffer: Vec<u8>,
}

/// A line as a hash.
#[derive(Clone, Copy)]
pub enum Content {
    /// As much of it as is used.
    Blake3([u64; 2]),
    Keyed(u64),
}

/// A line of a daemon that may log it twice, by syslog and to its own file: what both have in common, as the one and as
/// the other.
#[derive(Clone, Copy)]
pub struct Twin {
    pub own: Content,
    pub other: Content,
}

impl Digester {
    pub fn new(key: LineKey) -> Digester {
        Digester { key, sip: SipHasher13::new_with_key(&key.sip), buffer: Vec::new() }
    }

    /// By blake3, or by the key.
    pub fn content(&mut self, line: &Line<'_>, is_by_blake3: bool) -> Content {
        self.digest(line, line.pid.unwrap_or(0), [line.host.as_bytes(), line.program, line.message], is_by_blake3)
    }

    pub fn twin(&mut self, line: &Line<'_>, is_by_blake3: bool) -> Option<Twin> {
        let (name, message): (&[u8], &[u8]) = match line.program {
            b"clamd" => (b"clamd", line.message),
            b"exim" | b"exim4" => (b"exim", exim::without_stamp(line.message)),
            _ => return None,
        };
        let mut as_own_file =
            |is_own: bool| self.digest(line, u32::from(is_own), [b"twin", name, message], is_by_blake3);
        Some(Twin { own: as_own_file(line.own_file), other: as_own_file(!line.own_file) })
    }

    /// At one go: parts of a few bytes, each hashed by itself, would take longer.
    fn digest(&mut self, line: &Line<'_>, number: u32, parts: [&[u8]; 3], is_by_blake3: bool) -> Content {
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.extend_from_slice(&line.time.0.to_le_bytes());
        buffer.extend_from_slice(&line.times.to_le_bytes());
        buffer.extend_from_slice(&number.to_le_bytes());
        if is_by_blake3 {
            for part in parts {
                buffer.extend_from_slice(&(part.len() as u64).to_le_bytes());
                buffer.extend_from_slice(part);
            }
            return Content::blake3(blake3::hash(buffer));
        }
        let [host, program, _message] = parts;
        // Where each part ends; the last at the end, whose place the hash takes in.
        buffer.extend_from_slice(&(host.len() as u32).to_le_bytes());
        buffer.extend_from_slice(&(program.len() as u32).to_le_bytes());
        parts.iter().for_each(|part| buffer.extend_from_slice(part));
        Content::Keyed(match &self.key.xxh3 {
            Some(key) if buffer.len() <= MOST_XXH3_BYTES => {
                XxHash3_64::oneshot_with_secret(key, buffer).expect("a key that is as long as its own")
            }
            _ => self.sip.hash(buffer),
        })
    }
}

impl Content {
    fn blake3(hash: blake3::Hash) -> Content {
        let (words, _) = hash.as_bytes().as_chunks();
        Content::Blake3([u64::from_be_bytes(words[0]), u64::from_be_bytes(words[1])])
    }

    /// The n-th line of this content, whichever source brought it.
    pub fn counted(self, nth: u32) -> u64 {
        match self {
            Content::Blake3(hash) => mixed(hash, u64::from(nth)),
            Content::Keyed(hash) => hash.wrapping_add(u64::from(nth).wrapping_mul(GOLDEN)),
        }
    }

    /// The n-th line of this content that a source brought.
    pub fn of_source(self, nth: u32, source: u64) -> u64 {
        match self {
            Content::Blake3(hash) => mixed(hash, source.wrapping_add(1).wrapping_mul(GOLDEN) ^ u64::from(nth)),
            Content::Keyed(_) => as_of_source(self.counted(nth), source),
        }
    }
}

/// Odd, and no pattern in its bits.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A line that was counted, by the key, as one of a source. No two become one.
pub fn as_of_source(counted: u64, source: u64) -> u64 {
    splitmix(counted ^ source.wrapping_add(1).wrapping_mul(GOLDEN))
}

/// As versions before schema 8 had it.
fn mixed([first, second]: [u64; 2], salt: u64) -> u64 {
    let mut mixed = first ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31 ^ second
}

/// The last steps of splitmix64: each bit moves half of the result's.
fn splitmix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use mailtally_model::Time;
    use proptest::prelude::*;

    use super::*;

    fn line(message: &[u8]) -> Line<'_> {
        Line { time: Time(0), host: "mx1", program: b"a", pid: Some(7), message, times: 1, own_file: false }
    }

    fn keyed(key: LineKey, message: &[u8]) -> u64 {
        match Digester::new(key).content(&line(message), false) {
            Content::Keyed(hash) => hash,
            Content::Blake3(_) => panic!("nothing begun by blake3"),
        }
    }

    #[test]
    fn short_lines_are_hashed_by_the_longer_key_and_long_ones_as_before() {
        let key = LineKey::random();
        let before = LineKey { xxh3: None, ..key };
        // What a line has beside its message: 24 bytes, "mx1" and "a".
        let most = MOST_XXH3_BYTES - 28;
        for (bytes, is_as_before) in [(0, false), (90, false), (most, false), (most + 1, true), (60_000, true)] {
            let message = vec![b'x'; bytes];
            assert_eq!(keyed(key, &message) == keyed(before, &message), is_as_before, "{bytes} bytes");
        }
    }

    proptest! {
        /// Wherever two lines differ by a bit, and whichever bit of the key another file has: the hashes are others.
        #[test]
        fn each_bit_of_a_line_and_of_its_key_counts(
            message in prop::collection::vec(any::<u8>(), 1..400),
            bit in any::<prop::sample::Index>(),
            key_bit in any::<prop::sample::Index>(),
        ) {
            let key = LineKey::random();
            let mut other = message.clone();
            let bit = bit.index(8 * other.len());
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(keyed(key, &message), keyed(key, &other));
            let mut bytes = key.bytes();
            let is_short = message.len() + 28 <= MOST_XXH3_BYTES;
            // As many bytes of it as go into the shortest line.
            let (from, used) = if is_short { (16, 16) } else { (0, 16) };
            let bit = key_bit.index(8 * used);
            bytes[from + bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(keyed(LineKey::of(&bytes).expect("a key"), &message), keyed(key, &message));
        }
    }
}
