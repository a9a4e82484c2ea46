//! The same line in several files is counted once.
//!
//! Debian writes one line to syslog, mail.log, mail.info and mail.warn; a person imports the plain log today and the one
//! with ISO stamps tomorrow. But a daemon may also say the same twice in a second. The two are told apart by counting:
//! the n-th equal line of one source is the copy of the n-th of another, and of none of its own. Where a rotation cut a
//! second in two, counting goes on in the new file.
//!
//! clamd and Exim may log to syslog and to a file of their own at once. There the line has other words around it, and no
//! host: it is the other's twin, and counts once with it.
//!
//! What was counted is kept by slot as hashes, in the store, so that it does not matter which copy comes first or when.
//! A slot is remembered up to a bound: in a storm of more lines than that, those beyond it are counted whoever brings
//! them, so a second copy of the storm counts them twice, and a recount takes such a slot only from another storm.

use anyhow::Result;
use mailtally_model::Slot;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::batch::{Batch, SeenLines};
use crate::exim;
use crate::source::SourceState;
use crate::store::Reader;
use crate::syslog::Line;

/// Hashes held in memory from commit to commit: some 4 MB. The slots that were not asked for longest go first; the store
/// has them.
const MAX_HASHES: usize = 250_000;
/// Hashes remembered of one slot: two for each of 900,000 lines, a thousand a second for a quarter hour. They fill a table
/// of 2^21 places, some 19 MB.
const MAX_SLOT_HASHES: usize = 1_800_000;
/// Stands among the counted lines of a slot of which some are not remembered.
const FORGOTTEN: u64 = u64::MAX;
/// Equal lines of one source in one second; a daemon that says the same more often than this is cut short by syslog.
const MAX_EQUAL_LINES: u32 = 10_000;

pub struct Copies {
    slots: FxHashMap<Slot, Seen>,
    hashes: usize,
    max_slot_hashes: usize,
    /// What earlier runs, and commits that were made since, have counted; none where nothing is written.
    store: Option<Reader>,
    /// The slots that the store has, or gets with a commit that is on its way.
    stored: FxHashSet<Slot>,
    commits: u64,
    /// Rises with each slot that is asked for.
    asked: u64,
    last: Option<Slot>,
    newest: Option<Slot>,
    /// Where a line is put together to be hashed at one go, kept to be used again.
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Seen {
    hashes: FxHashSet<u64>,
    /// Not yet written.
    fresh: SeenLines,
    /// The commit that takes what was fresh last.
    commit: u64,
    asked: u64,
}

impl Default for Copies {
    fn default() -> Copies {
        Copies {
            slots: FxHashMap::default(),
            hashes: 0,
            max_slot_hashes: MAX_SLOT_HASHES,
            store: None,
            stored: FxHashSet::default(),
            commits: 0,
            asked: 0,
            last: None,
            newest: None,
            buffer: Vec::new(),
        }
    }
}

impl Copies {
    /// Copies of what a store has counted.
    pub fn beside(store: Reader) -> Result<Copies> {
        Ok(Copies { stored: store.slots_seen()?, store: Some(store), ..Copies::default() })
    }

    /// Whether another source brought this line of `source` already; if not, it is counted from now on. Each line is to be
    /// asked about once.
    pub fn is_copy(&mut self, line: &Line<'_>, source: &SourceState) -> Result<bool> {
        let max_slot_hashes = self.max_slot_hashes;
        let content = content(line, &mut self.buffer);
        let twin = Twin::of(line, &mut self.buffer);
        let seen = self.slot(line.time.slot())?;
        let is_full = seen.hashes.len() >= max_slot_hashes;
        let own = if is_full { seen.count(content, source.id) } else { seen.take(content, source.id) };
        let is_cut = source.first == Some(line.time);
        let before: u32 = source.follows.iter().filter(|_| is_cut).map(|id| seen.count(content, *id)).sum();
        let nth = own + before;
        let is_twin = twin.is_some_and(|twin| seen.hashes.contains(&hash(twin.other, nth, None)));
        if is_full {
            // What is remembered still tells its copies.
            let is_copy = is_twin || seen.hashes.contains(&hash(content, nth, None));
            if !is_copy && seen.hashes.insert(FORGOTTEN) {
                seen.fresh.counted.push(FORGOTTEN);
            }
            return Ok(is_copy);
        }
        let mut is_copy = is_twin;
        let mut remembered = 1;
        for (at, content) in [Some(content), twin.map(|twin| twin.own)].into_iter().flatten().enumerate() {
            let counted = hash(content, nth, None);
            if seen.hashes.insert(counted) {
                seen.fresh.counted.push(counted);
                remembered += 1;
            } else {
                is_copy |= at == 0;
            }
        }
        self.hashes += remembered;
        Ok(is_copy)
    }

    fn slot(&mut self, slot: Slot) -> Result<&mut Seen> {
        if self.last != Some(slot) {
            self.last = Some(slot);
            self.asked += 1;
            if !self.slots.contains_key(&slot) && self.stored.contains(&slot) {
                let stored = self.store.as_ref().map_or(Ok(Vec::new()), |store| store.seen(slot))?;
                self.hashes += stored.len();
                self.slots.insert(slot, Seen { hashes: stored.into_iter().collect(), ..Seen::default() });
            }
        }
        if self.newest < Some(slot) {
            // As many lines as in the quarter hour before, most likely: a set that grows is filled anew at each step.
            let before = self
                .newest
                .and_then(|newest| self.slots.get(&newest))
                .map_or(0, |seen| seen.hashes.len().min(MAX_HASHES));
            self.slots.entry(slot).or_default().hashes.reserve(before);
            self.newest = Some(slot);
        }
        let seen = self.slots.entry(slot).or_default();
        seen.asked = self.asked;
        Ok(seen)
    }

    /// Hands over what is not yet in a batch, for the next commit. A batch that could not be written still has what it got.
    pub fn write(&mut self, batch: &mut Batch) {
        for (slot, seen) in self.slots.iter_mut().filter(|(_, seen)| seen.is_fresh()) {
            batch.seen.entry(*slot).or_default().append(std::mem::take(&mut seen.fresh));
            seen.commit = self.commits + 1;
            self.stored.insert(*slot);
        }
    }

    /// What was handed over is in a commit; all but the last `under_way` commits are in the store. What was not asked for
    /// lately and is there may be forgotten here.
    pub fn handed_over(&mut self, under_way: u64) {
        self.commits += 1;
        if self.hashes <= MAX_HASHES {
            return;
        }
        let written = self.commits - under_way;
        let may_go = self.slots.iter().filter(|(_, seen)| seen.commit <= written);
        let mut by_age: Vec<(u64, Slot)> = may_go.map(|(slot, seen)| (seen.asked, *slot)).collect();
        by_age.sort_unstable();
        for (_, slot) in by_age {
            if self.hashes <= MAX_HASHES / 2 {
                break;
            }
            if let Some(seen) = self.slots.remove(&slot) {
                self.hashes -= seen.hashes.len().min(self.hashes);
            }
        }
        self.last = None;
    }
}

impl Seen {
    /// How often a source brought this line.
    fn count(&self, content: blake3::Hash, source: u64) -> u32 {
        let is_there = |nth: &u32| self.hashes.contains(&hash(content, *nth, Some(source)));
        (0..MAX_EQUAL_LINES).take_while(is_there).count() as u32
    }

    /// The same, and the line is one more from now on.
    fn take(&mut self, content: blake3::Hash, source: u64) -> u32 {
        for nth in 0..MAX_EQUAL_LINES {
            let of_source = hash(content, nth, Some(source));
            if self.hashes.insert(of_source) {
                self.fresh.of_sources.push(of_source);
                return nth;
            }
        }
        MAX_EQUAL_LINES
    }

    fn is_fresh(&self) -> bool {
        !self.fresh.of_sources.is_empty() || !self.fresh.counted.is_empty()
    }
}

/// What makes two lines equal. Not the raw bytes: the same line has other stamps in other files.
fn content(line: &Line<'_>, buffer: &mut Vec<u8>) -> blake3::Hash {
    digest(line, line.pid.unwrap_or(0), &[line.host.as_bytes(), line.program, line.message], buffer)
}

fn digest(line: &Line<'_>, number: u32, parts: &[&[u8]], buffer: &mut Vec<u8>) -> blake3::Hash {
    buffer.clear();
    buffer.extend_from_slice(&line.time.0.to_le_bytes());
    buffer.extend_from_slice(&line.times.to_le_bytes());
    buffer.extend_from_slice(&number.to_le_bytes());
    for part in parts {
        buffer.extend_from_slice(&(part.len() as u64).to_le_bytes());
        buffer.extend_from_slice(part);
    }
    blake3::hash(buffer)
}

/// A line of a daemon that may log it twice, by syslog and to its own file: what both have in common, as the one and as
/// the other.
#[derive(Clone, Copy)]
struct Twin {
    own: blake3::Hash,
    other: blake3::Hash,
}

impl Twin {
    fn of(line: &Line<'_>, buffer: &mut Vec<u8>) -> Option<Twin> {
        let (name, message): (&[u8], &[u8]) = match line.program {
            b"clamd" => (b"clamd", line.message),
            b"exim" | b"exim4" => (b"exim", exim::without_stamp(line.message)),
            _ => return None,
        };
        let mut as_own_file = |is_own: bool| digest(line, u32::from(is_own), &[b"twin", name, message], buffer);
        Some(Twin { own: as_own_file(line.own_file), other: as_own_file(!line.own_file) })
    }
}

/// The n-th line of this content: of one source, or of whichever.
fn hash(content: blake3::Hash, nth: u32, source: Option<u64>) -> u64 {
    let bytes = content.as_bytes();
    let word = |at: usize| bytes[at..at + 8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    // Odd constants of splitmix64: each bit of what is mixed in moves half of the result's.
    let salt = source
        .map_or(u64::from(nth), |source| source.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(nth));
    let mut mixed = word(0) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31 ^ word(8)
}

#[cfg(test)]
mod tests {
    use mailtally_model::Time;

    use super::*;

    fn line(time: i64, message: &'static str) -> Line<'static> {
        let message = message.as_bytes();
        Line { time: Time(time), host: "mx1", program: b"a", pid: None, message, times: 1, own_file: false }
    }

    fn copies(lines: &[(u64, i64, &'static str)]) -> Vec<bool> {
        let mut copies = Copies::default();
        // Source 12 goes on with source 11, from second 0 on.
        let ask = |(id, time, text): &(u64, i64, &'static str)| {
            let follows = if *id == 12 { vec![11] } else { Vec::new() };
            let source = SourceState { id: *id, first: Some(Time(0)), follows, ..SourceState::default() };
            copies.is_copy(&line(*time, text), &source)
        };
        lines.iter().map(ask).collect::<Result<_>>().expect("no store")
    }

    #[test]
    fn the_same_line_of_another_source_is_a_copy() {
        assert_eq!(copies(&[(1, 0, "x"), (2, 0, "x"), (3, 0, "x")]), [false, true, true]);
        assert_eq!(copies(&[(1, 0, "x"), (2, 1, "x"), (2, 0, "y")]), [false, false, false]);
    }

    #[test]
    fn a_line_said_twice_counts_twice_and_its_copies_do_not() {
        assert_eq!(copies(&[(1, 0, "x"), (1, 0, "x"), (2, 0, "x"), (2, 0, "x")]), [false, false, true, true]);
        assert_eq!(copies(&[(1, 0, "x"), (2, 0, "x"), (2, 0, "x"), (1, 0, "x")]), [false, true, false, true]);
    }

    /// LOG-LINES trap 35: clamd's own file and its lines in syslog are one witness; so are Exim's.
    #[test]
    fn a_line_in_syslog_and_in_the_daemons_own_file_counts_once() {
        fn own(program: &'static [u8], message: &'static str) -> Line<'static> {
            Line { host: "box", program, own_file: true, ..line(0, message) }
        }
        fn sent(host: &'static str, program: &'static [u8], message: &'static str) -> Line<'static> {
            Line { host, program, pid: Some(7), ..line(0, message) }
        }
        let is_copy = |lines: &[(u64, Line<'_>)]| {
            let mut copies = Copies::default();
            let ask = |(id, line): &(u64, Line<'_>)| {
                let source = SourceState { id: *id, ..SourceState::default() };
                copies.is_copy(line, &source).expect("no store")
            };
            lines.iter().map(ask).collect::<Vec<_>>()
        };
        let (file, syslog) = (own(b"clamd", "fd[10]: OK"), sent("mx1", b"clamd", "fd[10]: OK"));
        assert_eq!(is_copy(&[(1, file), (2, syslog), (1, file), (2, syslog)]), [false, true, false, true]);
        assert_eq!(is_copy(&[(2, syslog), (1, file), (3, syslog), (4, file)]), [false, true, true, true]);
        assert_eq!(is_copy(&[(1, syslog), (2, sent("mx2", b"clamd", "fd[10]: OK"))]), [false, false]);
        let stamped = sent("mx1", b"exim4", "1970-01-01 00:00:00 1xUvBf-00038z-1J Completed");
        assert_eq!(is_copy(&[(1, own(b"exim", "1xUvBf-00038z-1J Completed")), (2, stamped)]), [false, true]);
        assert_eq!(is_copy(&[(1, own(b"dovecot", "x")), (2, sent("mx1", b"dovecot", "x"))]), [false, false]);
    }

    // FAULTS 37, 68
    #[test]
    fn a_storm_is_remembered_up_to_a_bound() {
        let mut copies = Copies { max_slot_hashes: 4, ..Copies::default() };
        let source = |id| SourceState { id, ..SourceState::default() };
        let texts: Vec<&'static str> = vec!["a", "b", "c", "d"];
        let mut ask = |id: u64| -> Vec<bool> {
            texts.iter().map(|text| copies.is_copy(&line(0, text), &source(id)).expect("no store")).collect()
        };
        assert_eq!(ask(1), [false; 4]);
        // The first two are known again; of the others nothing is.
        assert_eq!(ask(2), [true, true, false, false]);
        let seen = &copies.slots[&Slot(0)];
        assert_eq!(seen.hashes.len(), 5);
        assert_eq!(seen.fresh.counted.iter().filter(|hash| **hash == FORGOTTEN).count(), 1);
    }

    #[test]
    fn a_second_that_a_rotation_cut_is_counted_on() {
        let pieces = [(11, 0, "x"), (12, 0, "x"), (12, 1, "y")];
        assert_eq!(copies(&pieces), [false, false, false]);
        let and_whole = [&pieces[..], &[(3, 0, "x"), (3, 0, "x"), (3, 1, "y")]].concat();
        assert_eq!(copies(&and_whole)[3..], [true, true, true]);
        // The first piece grown to the whole: what the second brought is a copy.
        let and_grown = [&pieces[..], &[(11, 0, "x"), (11, 1, "y")]].concat();
        assert_eq!(copies(&and_grown)[3..], [true, true]);
    }
}
