//! What makes two lines equal, as a hash. Not the raw bytes: the same line has other stamps in other files.
//!
//! Lines are in part what strangers write, so nobody may be able to make two that are taken for one. A hash with a key that
//! nobody knows is safe from that and takes a quarter of the time of one that is safe without. Slots that a version before
//! schema 8 began go on by blake3, as it told lines apart.

use siphasher::sip::SipHasher13;

use crate::batch::LineKey;
use crate::exim;
use crate::syslog::Line;

/// Hashes lines. Where a line is put together is kept to be used again.
pub struct Digester {
    hasher: SipHasher13,
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
        Digester { hasher: SipHasher13::new_with_key(&key.0), buffer: Vec::new() }
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
        Content::Keyed(self.hasher.hash(buffer))
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
