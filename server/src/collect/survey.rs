//! A first look at files that are to be imported: what is new in each, when it begins, in which year, and which belong
//! together. Reads no more of a file than that takes.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use mailtally_model::Time;

use super::Reading;
use super::stream;
use crate::source::SourceState;
use crate::source::files::{self, LogFile};
use crate::source::lines::{LastLine, Lines};
use crate::source::position::{self, Opened};
use crate::source::unpack::{Damage, Unpacked};
use crate::syslog::{NotALine, YearScan};

/// Where no line in so many has a stamp, the file is no log; it is read all the same, and each line counted as unknown.
const MAX_LINES_WITHOUT_STAMP: usize = 1_000;
/// Files that begin with the same bytes may be copies: then all of both is compared.
const HEAD_BYTES: usize = 1024;
const COMPARE_BYTES: usize = 256 * 1024;

/// The most that a clock is set back by where it is done twice a year.
const REPEATED_SECS: i64 = 2 * 3_600;

/// What a first look tells.
pub struct Surveyed {
    pub file: LogFile,
    /// The time of the first line that was not read before; `None` where no line has one.
    pub first: Option<Time>,
    /// The year of the first stamp, where stamps have none.
    pub year: Option<i32>,
    pub is_new: bool,
    head: Vec<u8>,
}

/// What to do with a file.
pub enum Look {
    Read(Surveyed),
    /// All of it was read before, as far as it is whole.
    AlreadyIngested(Option<Damage>),
}

pub fn survey(file: &LogFile, known: &[SourceState], reading: &Reading) -> io::Result<Look> {
    let mut opened = position::open(file, known, &[])?;
    if opened.lines.peek(LastLine::Take)?.is_none() {
        let damage = opened.lines.damage();
        let is_empty = opened.known.is_none() && damage.is_none_or(|damage| !damage.loses_lines());
        return if opened.known.is_some() || is_empty {
            Ok(Look::AlreadyIngested(damage))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "no whole line can be unpacked"))
        };
    }
    let state = known.iter().find(|state| Some(state.id) == opened.known).cloned();
    let is_new = state.is_none();
    let state = state.unwrap_or_else(|| SourceState {
        year: file.extent.and_then(|extent| extent.year).or(reading.year),
        ..SourceState::default()
    });
    let (first, year) = first_stamp(&mut opened.lines, &state, file, reading)?;
    let mut head = vec![0; HEAD_BYTES];
    let n = fill(&mut unpack(file)?, &mut head)?;
    head.truncate(n);
    Ok(Look::Read(Surveyed { file: file.clone(), first, year, is_new, head }))
}

impl Surveyed {
    /// Whether a file that was opened is still what it was at the first look. A log that was copied and truncated since
    /// begins otherwise: what it held stands in a piece that is not listed.
    pub fn is_still(&self, opened: &Opened) -> io::Result<bool> {
        if opened.known.is_some() || !self.is_new {
            return Ok(opened.known.is_some());
        }
        let mut head = vec![0; self.head.len()];
        let n = fill(&mut unpack(&self.file)?, &mut head)?;
        Ok(head[..n] == self.head)
    }
}

/// The year of a file's first stamp, where stamps have none.
pub fn year(file: &LogFile, reading: &Reading) -> io::Result<Option<i32>> {
    let mut lines = position::open(file, &[], &[])?.lines;
    first_stamp(&mut lines, &SourceState::default(), file, reading).map(|(_, year)| year)
}

/// The first stamp, and its year where a scan of all lines had to find it (SEMANTICS R13).
fn first_stamp(
    lines: &mut Lines,
    state: &SourceState,
    file: &LogFile,
    reading: &Reading,
) -> io::Result<(Option<Time>, Option<i32>)> {
    let mut envelope = stream::envelope(state, reading);
    for _ in 0..MAX_LINES_WITHOUT_STAMP {
        let Some(raw) = lines.peek(LastLine::Take)? else { break };
        match envelope.parse(raw).map(|line| line.time) {
            Ok(time) => return Ok((Some(time), state.year)),
            Err(NotALine::NoYear) => {
                let first = raw.to_vec();
                let year = scan_years(lines)?.first_year(&reading.zone, file.modified);
                let Some(year) = year else { return Ok((None, None)) };
                envelope.set_year(year);
                return Ok((envelope.parse(&first).ok().map(|line| line.time), Some(year)));
            }
            Err(_) => lines.take(),
        }
    }
    Ok((None, state.year))
}

fn scan_years(lines: &mut Lines) -> io::Result<YearScan> {
    let mut scan = YearScan::default();
    lines.forget_place();
    while let Some(raw) = lines.peek(LastLine::Take)? {
        scan.line(raw);
        lines.take();
        if let Some(last) = lines.skip_while(|bytes| scan.is_in_the_same_hour(bytes)) {
            scan.line(last);
        }
    }
    Ok(scan)
}

/// A file left out, since another one given holds all of it.
pub struct Copy {
    pub path: PathBuf,
    pub of: PathBuf,
}

/// Puts aside new files that are a copy of another one given, or of its beginning.
pub fn without_copies(all: Vec<Surveyed>) -> io::Result<(Vec<Surveyed>, Vec<Copy>)> {
    let mut kept: Vec<Surveyed> = Vec::new();
    let mut copies = Vec::new();
    for mut file in all {
        let mut is_copy = false;
        for other in kept.iter_mut().filter(|other| other.is_new && file.is_new && other.head == file.head) {
            let Some(longer) = contained(&mut unpack(&file.file)?, &mut unpack(&other.file)?)? else { continue };
            if longer == Longer::First {
                std::mem::swap(other, &mut file);
            }
            copies.push(Copy { path: file.file.path.clone(), of: other.file.path.clone() });
            is_copy = true;
            break;
        }
        if !is_copy {
            kept.push(file);
        }
    }
    Ok((kept, copies))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Longer {
    First,
    Second,
}

/// Whether one stream of bytes is the beginning of the other, and then which is the longer.
fn contained(first: &mut dyn Read, second: &mut dyn Read) -> io::Result<Option<Longer>> {
    let (mut a, mut b) = (vec![0; COMPARE_BYTES], vec![0; COMPARE_BYTES]);
    loop {
        let (in_a, in_b) = (fill(first, &mut a)?, fill(second, &mut b)?);
        let both = in_a.min(in_b);
        if a[..both] != b[..both] {
            return Ok(None);
        }
        if both < COMPARE_BYTES {
            return Ok(Some(if in_a > in_b { Longer::First } else { Longer::Second }));
        }
    }
}

fn fill(bytes: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match bytes.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn unpack(file: &LogFile) -> io::Result<Unpacked> {
    Unpacked::new(File::open(&file.path)?)
}

/// Groups files into logs: the pieces of one log follow each other, oldest first, and the logs run side by side. Logs
/// stand in the order of their first line; of those that begin together the largest first, since Debian's smaller files
/// repeat lines of the larger.
pub fn logs(files: Vec<Surveyed>, reading: &Reading) -> Vec<Vec<Surveyed>> {
    let mut logs: Vec<(PathBuf, Vec<Surveyed>)> = Vec::new();
    for file in files {
        let log = files::rotation(&file.file.path).log;
        match logs.iter_mut().find(|(other, _)| *other == log) {
            Some((_, pieces)) => pieces.push(file),
            None => logs.push((log, vec![file])),
        }
    }
    let mut logs: Vec<Vec<Surveyed>> = logs.into_iter().map(|(_, pieces)| pieces).collect();
    for pieces in &mut logs {
        let age = |piece: &Surveyed| files::rotation(&piece.file.path).age;
        if reading.year.is_some() {
            // A given year is that of the oldest piece, so the names alone can tell their order.
            pieces.sort_by_key(age);
        } else {
            pieces.sort_by_key(|piece| (age(piece), piece.first));
            // Names may lie; stamps do not, but for an hour that a clock change repeats.
            let in_order = |pair: &[Surveyed]| match (pair[0].first, pair[1].first) {
                (Some(one), Some(next)) => one.secs_since(next) <= REPEATED_SECS,
                _ => false,
            };
            if !pieces.windows(2).all(in_order) {
                pieces.sort_by_key(|piece| (piece.first, age(piece)));
            }
        }
    }
    logs.sort_by_key(|pieces| {
        (pieces[0].first, Reverse(pieces.iter().map(|piece| piece.file.size_bytes).sum::<u64>()))
    });
    logs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_contained() {
        let check = |a: &[u8], b: &[u8], expected| {
            assert_eq!(contained(&mut &a[..], &mut &b[..]).expect("bytes in memory"), expected);
        };
        check(b"ab", b"ab", Some(Longer::Second));
        check(b"ab", b"abc", Some(Longer::Second));
        check(b"abc", b"ab", Some(Longer::First));
        check(b"abc", b"abd", None);
    }
}
