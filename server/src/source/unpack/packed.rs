//! Packed files member by member: gzip's members, xz's streams and zstd's frames stand one after the other, and each
//! is unpacked by its own library, which knows nothing of the next.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use super::{Damage, Format};

/// Logs pack 10 to 60 times, a log of one repeated line some 200 times; bombs pack 1,000 times and more.
const MAX_RATIO: u64 = 400;
/// Below this a ratio says nothing, and the bytes cost nothing.
pub const RATIO_FROM_BYTES: u64 = 64 << 20;
/// No log file unpacks to more; a bomb of many layers stops here whatever its ratio.
const MAX_UNPACKED_BYTES: u64 = 256 << 30;
/// Packed bytes are read in pieces of this size.
const PACKED_READ_BYTES: usize = 64 * 1024;
/// Unpacked bytes are asked for in pieces of this size: a library that meets damage forgets what it had of the piece.
const PIECE_BYTES: usize = 8 * 1024;
/// Memory for one xz dictionary: `xz -9` asks for 64 MiB and a little.
const MAX_XZ_KIB: u32 = 80 * 1024;
/// The largest window of zstd, as a power of two: 64 MiB, eight times what `zstd -19` asks for.
const MAX_ZSTD_WINDOW_LOG: u32 = 26;

type Source = BufReader<Counted>;

/// The members of a packed file, one after the other.
pub struct Packed {
    /// `None` at the end.
    member: Option<Member>,
    members_done: u64,
    member_bytes: u64,
    unpacked: u64,
    /// Packed bytes read, once there is no member that knows it.
    packed: u64,
}

/// What a reading gave.
pub enum Unpack {
    /// None at the end.
    Bytes(usize),
    Damaged(Damage),
}

enum Member {
    Gzip(GzDecoder<Source>),
    Xz(Box<XzReader<Source>>),
    Zstd(zstd::Decoder<'static, Source>),
}

impl Packed {
    pub fn new(file: File, format: Format) -> io::Result<Packed> {
        let source = BufReader::with_capacity(PACKED_READ_BYTES, Counted { file, read: 0 });
        let member = Some(Member::new(format, source)?);
        Ok(Packed { member, members_done: 0, member_bytes: 0, unpacked: 0, packed: 0 })
    }

    pub fn read(&mut self, into: &mut [u8]) -> io::Result<Unpack> {
        let room = into.len().min(PIECE_BYTES);
        let into = &mut into[..room];
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
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => return self.damage_of(error).map(Unpack::Damaged),
            }
        }
        Ok(Unpack::Bytes(0))
    }

    fn next_member(&mut self) -> io::Result<Option<Damage>> {
        self.packed = self.read_so_far();
        let Some(done) = self.member.take() else { return Ok(None) };
        let mut source = done.into_source();
        // Some tools pad the last block with zeros; that is no damage.
        skip_zeros(&mut source)?;
        let next = source.fill_buf()?;
        if next.is_empty() {
            return Ok(None);
        }
        let Some(format) = Format::of(next) else { return Ok(Some(Damage::TrailingJunk)) };
        self.members_done += 1;
        self.member_bytes = 0;
        self.member = Some(Member::new(format, source)?);
        Ok(None)
    }

    /// Tells damage of the packed data from a disk that cannot be read.
    fn damage_of(&self, error: io::Error) -> io::Result<Damage> {
        if error.raw_os_error().is_some() {
            return Err(error);
        }
        // Not even a header after a whole member: that was no member.
        if self.members_done > 0 && self.member_bytes == 0 {
            return Ok(Damage::TrailingJunk);
        }
        Ok(match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::Truncated,
            io::ErrorKind::OutOfMemory => Damage::NeedsMemory,
            // zstd has no kinds of errors, only sentences.
            _ if error.to_string().contains("too much memory") => Damage::NeedsMemory,
            _ => Damage::Corrupt,
        })
    }

    fn is_bomb(&self) -> bool {
        self.unpacked > MAX_UNPACKED_BYTES
            || self.unpacked > RATIO_FROM_BYTES && self.unpacked / self.read_so_far().max(1) > MAX_RATIO
    }

    /// Packed bytes that were read.
    pub fn read_so_far(&self) -> u64 {
        self.member.as_ref().map_or(self.packed, |member| member.source().get_ref().read)
    }
}

impl Member {
    fn new(format: Format, source: Source) -> io::Result<Member> {
        Ok(match format {
            Format::Gzip => Member::Gzip(GzDecoder::new(source)),
            Format::Xz => Member::Xz(Box::new(XzReader::new_mem_limit(source, false, MAX_XZ_KIB))),
            Format::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source)?.single_frame();
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
                Member::Zstd(decoder)
            }
        })
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Member::Gzip(gzip) => gzip.read(into),
            Member::Xz(xz) => xz.read(into),
            Member::Zstd(zstd) => zstd.read(into),
        }
    }

    fn source(&self) -> &Source {
        match self {
            Member::Gzip(gzip) => gzip.get_ref(),
            Member::Xz(xz) => xz.inner(),
            Member::Zstd(zstd) => zstd.get_ref(),
        }
    }

    fn into_source(self) -> Source {
        match self {
            Member::Gzip(gzip) => gzip.into_inner(),
            Member::Xz(xz) => xz.into_inner(),
            Member::Zstd(zstd) => zstd.finish(),
        }
    }
}

fn skip_zeros(source: &mut Source) -> io::Result<()> {
    loop {
        let buffer = source.fill_buf()?;
        let zeros = buffer.iter().take_while(|&&byte| byte == 0).count();
        let is_over = zeros == 0 || zeros < buffer.len();
        source.consume(zeros);
        if is_over {
            return Ok(());
        }
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
