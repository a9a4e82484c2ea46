//! A file as plain bytes: as it is, or unpacked from gzip, told by its first bytes and never by its name.
//!
//! A damaged gz gives what is good of it and says what is wrong; a decompression bomb is stopped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use flate2::bufread::GzDecoder;

/// Logs pack 10 to 40 times, a log of one repeated line some 200 times; a bomb packs 1,000 times (deflate's limit).
const MAX_RATIO: u64 = 400;
/// Below this a ratio says nothing, and the bytes cost nothing.
const RATIO_FROM_BYTES: u64 = 64 << 20;
/// No log file unpacks to more; a bomb of many layers stops here whatever its ratio.
const MAX_UNPACKED_BYTES: u64 = 256 << 30;
/// Packed bytes are read in pieces of this size.
const PACKED_READ_BYTES: usize = 64 * 1024;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What is wrong with a packed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It ends in the middle.
    Truncated,
    /// A checksum or the packed data is wrong.
    Corrupt,
    /// Bytes that are not gzip follow after its end; all of the log was read.
    TrailingJunk,
    /// It unpacks to more than a log can.
    Bomb,
}

impl Damage {
    /// Whether lines may be missing.
    pub fn loses_lines(self) -> bool {
        self != Damage::TrailingJunk
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Damage::Truncated => "the packed file ends in the middle; what came before was read",
            Damage::Corrupt => "the packed file is corrupt; what came before the fault was read",
            Damage::TrailingJunk => "bytes that are not gzip follow after its end; they were left out",
            Damage::Bomb => "it unpacks to far more than a log file can; it was read no further",
        })
    }
}

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    /// Known and not read: the name of the format.
    Foreign(&'static str),
}

impl Packing {
    pub fn of(file: &File) -> io::Result<Packing> {
        let mut head = [0; 6];
        let n = file.read_at(&mut head, 0)?;
        Ok(match &head[..n] {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Packing::Foreign("xz"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Foreign("zstd"),
            [b'B', b'Z', b'h', ..] => Packing::Foreign("bzip2"),
            [b'P', b'K', 3, 4, ..] => Packing::Foreign("zip"),
            _ => Packing::Plain,
        })
    }
}

/// The plain bytes of a file.
pub struct Unpacked {
    bytes: Bytes,
    damage: Option<Damage>,
}

enum Bytes {
    Plain(File),
    Gzip(Box<Gzip>),
}

impl Unpacked {
    /// Starts at the beginning. A format that is known and not read is an error of kind `Unsupported`.
    pub fn new(mut file: File) -> io::Result<Unpacked> {
        file.rewind()?;
        let bytes = match Packing::of(&file)? {
            Packing::Plain => Bytes::Plain(file),
            Packing::Gzip => Bytes::Gzip(Box::new(Gzip::new(file))),
            Packing::Foreign(format) => {
                let message = format!("{format} is not read: unpack it first");
                return Err(io::Error::new(io::ErrorKind::Unsupported, message));
            }
        };
        Ok(Unpacked { bytes, damage: None })
    }

    /// Goes to a decompressed offset, from the beginning.
    pub fn skip_to(&mut self, position: u64) -> io::Result<()> {
        if let Bytes::Plain(file) = &mut self.bytes {
            file.seek(SeekFrom::Start(position))?;
            return Ok(());
        }
        io::copy(&mut self.by_ref().take(position), &mut io::sink())?;
        Ok(())
    }

    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Bytes of the file itself that were read; for progress.
    pub fn packed_read(&mut self) -> u64 {
        match &mut self.bytes {
            Bytes::Plain(file) => file.stream_position().unwrap_or(0),
            Bytes::Gzip(gzip) => gzip.packed_read(),
        }
    }

    /// The open file, where its bytes are plain and so may be looked at again.
    pub fn plain(&self) -> Option<&File> {
        match &self.bytes {
            Bytes::Plain(file) => Some(file),
            Bytes::Gzip(_) => None,
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.damage.is_some() {
            return Ok(0);
        }
        match &mut self.bytes {
            Bytes::Plain(file) => file.read(into),
            Bytes::Gzip(gzip) => match gzip.read(into)? {
                Unpack::Bytes(n) => Ok(n),
                Unpack::Damaged(damage) => {
                    self.damage = Some(damage);
                    Ok(0)
                }
            },
        }
    }
}

/// All members of a gzip file, one after the other (RFC 1952 2.2).
struct Gzip {
    /// `None` at the end.
    member: Option<GzDecoder<BufReader<Counted>>>,
    members_done: u64,
    member_bytes: u64,
    unpacked: u64,
    packed: u64,
}

enum Unpack {
    /// None at the end.
    Bytes(usize),
    Damaged(Damage),
}

impl Gzip {
    fn new(file: File) -> Gzip {
        let packed = BufReader::with_capacity(PACKED_READ_BYTES, Counted { file, read: 0 });
        Gzip { member: Some(GzDecoder::new(packed)), members_done: 0, member_bytes: 0, unpacked: 0, packed: 0 }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<Unpack> {
        while let Some(member) = &mut self.member {
            match member.read(into) {
                Ok(0) if into.is_empty() => return Ok(Unpack::Bytes(0)),
                Ok(0) => {
                    if let Some(damage) = self.next_member()? {
                        return Ok(Unpack::Damaged(damage));
                    }
                }
                Ok(n) => {
                    self.member_bytes += n as u64;
                    self.unpacked += n as u64;
                    return Ok(if self.is_bomb() { Unpack::Damaged(Damage::Bomb) } else { Unpack::Bytes(n) });
                }
                Err(error) => return self.damage_of(error).map(Unpack::Damaged),
            }
        }
        Ok(Unpack::Bytes(0))
    }

    fn next_member(&mut self) -> io::Result<Option<Damage>> {
        self.packed = self.packed_read();
        let Some(done) = self.member.take() else { return Ok(None) };
        let mut packed = done.into_inner();
        match packed.fill_buf()? {
            [] => Ok(None),
            // Some tools pad the last block with zeros; that is no damage.
            [0, ..] => Ok(None),
            [first, ..] if *first == GZIP_MAGIC[0] => {
                self.members_done += 1;
                self.member_bytes = 0;
                self.member = Some(GzDecoder::new(packed));
                Ok(None)
            }
            _ => Ok(Some(Damage::TrailingJunk)),
        }
    }

    /// Tells damage of the packed data from a disk that cannot be read.
    fn damage_of(&self, error: io::Error) -> io::Result<Damage> {
        match error.kind() {
            // Not even a header after a whole member: that was no member.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                if self.members_done > 0 && self.member_bytes == 0 =>
            {
                Ok(Damage::TrailingJunk)
            }
            io::ErrorKind::UnexpectedEof => Ok(Damage::Truncated),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Ok(Damage::Corrupt),
            _ => Err(error),
        }
    }

    fn is_bomb(&self) -> bool {
        self.unpacked > MAX_UNPACKED_BYTES
            || self.unpacked > RATIO_FROM_BYTES && self.unpacked / self.packed_read().max(1) > MAX_RATIO
    }

    fn packed_read(&self) -> u64 {
        self.member.as_ref().map_or(self.packed, |member| member.get_ref().get_ref().read)
    }
}

/// A file that knows how much of it was read.
struct Counted {
    file: File,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(into)?;
        self.read += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("packing in memory");
        encoder.finish().expect("packing in memory")
    }

    /// What comes out of a file that holds `bytes`, and what is said to be wrong with it.
    fn unpack(bytes: &[u8]) -> (Vec<u8>, Option<Damage>) {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(bytes).expect("a temporary file");
        let mut unpacked = Unpacked::new(file).expect("a format that is read");
        let mut out = Vec::new();
        unpacked.skip_to(0).expect("the beginning");
        unpacked.read_to_end(&mut out).expect("damage is no error");
        (out, unpacked.damage())
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut x = 1u32;
        let mut next = || {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    // FAULTS 34
    #[test]
    fn all_members_are_read() {
        let two = [packed(b"one\n"), packed(b""), packed(b"two\n")].concat();
        assert_eq!(unpack(&two), (b"one\ntwo\n".to_vec(), None));
        assert_eq!(unpack(&[packed(b"one\n"), vec![0; 512]].concat()), (b"one\n".to_vec(), None));
    }

    // FAULTS 34
    #[test]
    fn the_good_part_of_a_damaged_file_is_kept_and_flagged() {
        let plain = noise(500_000);
        let whole = packed(&plain);

        let (good, damage) = unpack(&whole[..whole.len() / 2]);
        assert_eq!(damage, Some(Damage::Truncated));
        assert!(good.len() > 100_000 && plain.starts_with(&good));

        let mut wrong_sum = whole.clone();
        let at = wrong_sum.len() - 8;
        wrong_sum[at] ^= 1;
        assert_eq!(unpack(&wrong_sum), (plain.clone(), Some(Damage::Corrupt)));

        assert_eq!(unpack(&[&whole[..], b"junk"].concat()), (plain.clone(), Some(Damage::TrailingJunk)));
        assert_eq!(unpack(&[&whole[..], &[0x1f, 0]].concat()), (plain, Some(Damage::TrailingJunk)));
    }

    // FAULTS 35
    #[test]
    fn a_bomb_is_stopped() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..160 {
            encoder.write_all(&vec![b'a'; 1 << 20]).expect("packing in memory");
        }
        let (good, damage) = unpack(&encoder.finish().expect("packing in memory"));
        assert_eq!(damage, Some(Damage::Bomb));
        assert!(good.len() as u64 <= RATIO_FROM_BYTES + (1 << 20));
    }

    #[test]
    fn other_packings_are_named() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(b"\xfd7zXZ\0").expect("a temporary file");
        let error = Unpacked::new(file).err().expect("xz is not read");
        assert_eq!(error.to_string(), "xz is not read: unpack it first");
    }
}
