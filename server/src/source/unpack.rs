//! A file as plain bytes: as it is, or unpacked from gzip, xz or zstd, told by its first bytes and never by its name.
//!
//! A damaged file gives what is good of it and says what is wrong; a decompression bomb is stopped.

mod packed;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use packed::{Packed, Unpack};

/// What is wrong with a packed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It ends in the middle.
    Truncated,
    /// A checksum or the packed data is wrong.
    Corrupt,
    /// Bytes of no packed data follow after its end; all of the log was read.
    TrailingJunk,
    /// It unpacks to more than a log can.
    Bomb,
    /// It was packed so that unpacking takes more memory than is given to it.
    NeedsMemory,
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
            Damage::TrailingJunk => "bytes that are not packed data follow after its end; they were left out",
            Damage::Bomb => "it unpacks to far more than a log file can; it was read no further",
            Damage::NeedsMemory => "unpacking it takes more memory than is given to it; pack it with fewer extremes",
        })
    }
}

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Packed(Format),
    /// Known and not read: the name of the format.
    Foreign(&'static str),
}

/// What log rotation packs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// The .xz file format 1.2.1.
    Xz,
    /// RFC 8878.
    Zstd,
}

impl Format {
    /// The one that data begins with.
    fn of(head: &[u8]) -> Option<Format> {
        match head {
            [0x1f, 0x8b, ..] => Some(Format::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Some(Format::Xz),
            // A frame, or one of those to be skipped, which parallel packers write first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Format::Zstd),
            _ => None,
        }
    }
}

impl Packing {
    pub fn of(file: &File) -> io::Result<Packing> {
        let mut head = [0; 6];
        let n = file.read_at(&mut head, 0)?;
        Ok(match &head[..n] {
            [b'B', b'Z', b'h', ..] => Packing::Foreign("bzip2"),
            [b'P', b'K', 3, 4, ..] => Packing::Foreign("zip"),
            head => Format::of(head).map_or(Packing::Plain, Packing::Packed),
        })
    }
}

/// The plain bytes of a file.
pub struct Unpacked {
    bytes: Bytes,
    damage: Option<Damage>,
    /// What may still be given, where it is not read to its end.
    left: Option<u64>,
}

enum Bytes {
    Plain(File),
    Packed(Box<Packed>),
}

impl Unpacked {
    /// Starts at the beginning. A format that is known and not read is an error of kind `Unsupported`.
    pub fn new(mut file: File) -> io::Result<Unpacked> {
        file.rewind()?;
        let bytes = match Packing::of(&file)? {
            Packing::Plain => Bytes::Plain(file),
            Packing::Packed(format) => Bytes::Packed(Box::new(Packed::new(file, format)?)),
            Packing::Foreign(format) => {
                let message = format!("{format} is not read: unpack it first");
                return Err(io::Error::new(io::ErrorKind::Unsupported, message));
            }
        };
        Ok(Unpacked { bytes, damage: None, left: None })
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

    /// Gives no more than so many bytes from here on.
    pub fn end_after(&mut self, bytes: u64) {
        self.left = Some(bytes);
    }

    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Bytes of the file itself that were read; for progress.
    pub fn packed_read(&mut self) -> u64 {
        match &mut self.bytes {
            Bytes::Plain(file) => file.stream_position().unwrap_or(0),
            Bytes::Packed(packed) => packed.read_so_far(),
        }
    }

    /// The open file, where its bytes are plain and so may be looked at again.
    pub fn plain(&self) -> Option<&File> {
        match &self.bytes {
            Bytes::Plain(file) => Some(file),
            Bytes::Packed(_) => None,
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.damage.is_some() {
            return Ok(0);
        }
        let room = self.left.map_or(into.len(), |left| into.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        let into = &mut into[..room];
        let n = match &mut self.bytes {
            Bytes::Plain(file) => file.read(into)?,
            Bytes::Packed(packed) => match packed.read(into)? {
                Unpack::Bytes(n) => n,
                Unpack::Damaged(damage) => {
                    self.damage = Some(damage);
                    0
                }
            },
        };
        self.left = self.left.map(|left| left - n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use lzma_rust2::{XzOptions, XzWriter};

    use super::*;

    const FORMATS: [Format; 3] = [Format::Gzip, Format::Xz, Format::Zstd];

    fn packed(format: Format, bytes: &[u8]) -> Vec<u8> {
        let packed = || match format {
            Format::Gzip => {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
                gzip.write_all(bytes)?;
                gzip.finish()
            }
            Format::Xz => {
                let mut xz = XzWriter::new(Vec::new(), XzOptions::with_preset(1))?;
                xz.write_all(bytes)?;
                xz.finish()
            }
            Format::Zstd => {
                let mut zstd = zstd::Encoder::new(Vec::new(), 1)?;
                zstd.include_checksum(true)?;
                zstd.write_all(bytes)?;
                zstd.finish()
            }
        };
        packed().expect("packing in memory")
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

    /// zstd gives out no block before it knows that it is not the last one with a wrong sum.
    const BLOCK_BYTES: usize = 128 << 10;

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
        for format in FORMATS {
            let two = [packed(format, b"one\n"), packed(format, b""), packed(format, b"two\n")].concat();
            assert_eq!(unpack(&two), (b"one\ntwo\n".to_vec(), None), "{format:?}");
            let padded = [packed(format, b"one\n"), vec![0; 512]].concat();
            assert_eq!(unpack(&padded), (b"one\n".to_vec(), None), "{format:?}");
        }
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], &packed(Format::Zstd, b"one\n")[..]].concat();
        assert_eq!(unpack(&skipped), (b"one\n".to_vec(), None));
    }

    // FAULTS 34
    #[test]
    fn the_good_part_of_a_damaged_file_is_kept_and_flagged() {
        let plain = noise(500_000);
        for format in FORMATS {
            let whole = packed(format, &plain);
            let (good, damage) = unpack(&whole[..whole.len() / 2]);
            assert_eq!(damage, Some(Damage::Truncated), "{format:?}");
            assert!(good.len() > 100_000 && plain.starts_with(&good), "{format:?}: {}", good.len());

            assert_eq!(unpack(&[&whole[..], b"junk"].concat()), (plain.clone(), Some(Damage::TrailingJunk)));
            let again = [&whole[..], &whole[..3], &[0]].concat();
            assert_eq!(unpack(&again), (plain.clone(), Some(Damage::TrailingJunk)), "{format:?}");

            let mut wrong = whole.clone();
            let middle = wrong.len() / 2;
            wrong[middle..middle + 64].fill(0xa5);
            let (good, damage) = unpack(&wrong);
            assert!(damage.is_some_and(Damage::loses_lines), "{format:?}: {damage:?}");
            assert!(good.len() > 100_000 && plain.starts_with(&good[..100_000]), "{format:?}");
        }
        // The sum over all that was packed: gzip has the length behind it, and zstd nothing.
        for (format, from_end) in [(Format::Gzip, 8), (Format::Zstd, 4)] {
            let mut wrong_sum = packed(format, &plain);
            let at = wrong_sum.len() - from_end;
            wrong_sum[at] ^= 1;
            let (good, damage) = unpack(&wrong_sum);
            assert_eq!(damage, Some(Damage::Corrupt), "{format:?}");
            assert!(plain.starts_with(&good) && good.len() + BLOCK_BYTES > plain.len(), "{format:?}: {}", good.len());
        }
    }

    // FAULTS 35
    #[test]
    fn a_bomb_is_stopped() {
        for format in FORMATS {
            let (good, damage) = unpack(&packed(format, &vec![b'a'; 4 << 20]).repeat(20));
            assert_eq!(damage, Some(Damage::Bomb), "{format:?}");
            assert!(good.len() as u64 <= packed::RATIO_FROM_BYTES + (1 << 20), "{format:?}");
        }
    }

    // FAULTS 35: a few bytes that ask for gigabytes before the first byte comes out.
    #[test]
    fn a_file_that_needs_too_much_memory_is_not_unpacked() {
        let mut options = XzOptions::with_preset(1);
        options.lzma_options.dict_size = 1 << 20;
        let mut xz = XzWriter::new(Vec::new(), options).expect("options");
        xz.write_all(b"one\n").expect("packing in memory");
        let mut xz = xz.finish().expect("packing in memory");
        // The block header: the size of the dictionary, and the checksum over all of it (.xz 3.1).
        let size = usize::from(xz[12]) * 4 + 4;
        let at = xz[12..12 + size].iter().position(|byte| *byte == 0x21).expect("the filter LZMA2") + 12 + 2;
        xz[at] = 38;
        let sum = crc32(&xz[12..12 + size - 4]).to_le_bytes();
        xz[12 + size - 4..12 + size].copy_from_slice(&sum);
        assert_eq!(unpack(&xz), (Vec::new(), Some(Damage::NeedsMemory)));

        // A frame header with a window of 1 GiB (RFC 8878, 3.1.1.1.2).
        let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (30 - 10) << 3, 1, 0, 0];
        assert_eq!(unpack(&zstd), (Vec::new(), Some(Damage::NeedsMemory)));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut sum = flate2::Crc::new();
        sum.update(bytes);
        sum.sum()
    }

    #[test]
    fn other_packings_are_named() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(b"BZh91AY").expect("a temporary file");
        let error = Unpacked::new(file).err().expect("bzip2 is not read");
        assert_eq!(error.to_string(), "bzip2 is not read: unpack it first");
    }
}
