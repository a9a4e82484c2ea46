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
//! Nearly all slots are of one source, whose lines are just those that were counted: then one hash of a line is enough.
//! A slot is remembered up to a bound: in a storm of more lines than that, those beyond it are counted whoever brings
//! them, so a second copy of the storm counts them twice, and a recount takes such a slot only from another storm.

mod content;
mod hashes;

use anyhow::Result;
use mailtally_model::Slot;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::batch::{Batch, LineKey, SeenAs, SeenLines};
use crate::source::SourceState;
use crate::store::Reader;
use crate::syslog::Line;
use content::{Content, Digester, as_of_source};
use hashes::Hashes;

/// Hashes held in memory from commit to commit: some 3 MB. The slots that were not asked for longest go first; the store
/// has them.
const MAX_HASHES: usize = 150_000;
/// Hashes remembered of one slot: two for each of 900,000 lines, a thousand a second for a quarter hour, in which each of
/// a slot that has one source is held once and counts for two. They fill a table of 2^21 places, some 19 MB.
const MAX_SLOT_HASHES: usize = 1_800_000;
/// Stands among the counted lines of a slot of which some are not remembered.
const FORGOTTEN: u64 = u64::MAX;
/// Equal lines of one source in one second; a daemon that says the same more often than this is cut short by syslog.
const MAX_EQUAL_LINES: u32 = 10_000;
/// No source has this number: what was counted under it says nothing of any.
const NO_SOURCE: u64 = 0;

pub struct Copies {
    slots: FxHashMap<Slot, Seen>,
    hashes: usize,
    max_slot_hashes: usize,
    digester: Digester,
    /// What earlier runs, and commits that were made since, have counted; none where nothing is written.
    store: Option<Reader>,
    /// The slots that the store has, or gets with a commit that is on its way.
    stored: FxHashSet<Slot>,
    commits: u64,
    /// Rises with each slot that is asked for.
    asked: u64,
    last: Option<Slot>,
    newest: Option<Slot>,
}

/// Lines of a slot.
#[derive(Default)]
struct Seen {
    sources: Sources,
    /// Each line that was counted; and each of each source, unless there is but one.
    hashes: Hashes,
    /// Not yet written.
    fresh: Vec<(SeenAs, SeenLines)>,
    /// The commit that takes what was fresh last.
    commit: u64,
    asked: u64,
}

/// Who brought lines of a slot.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sources {
    #[default]
    None,
    /// Each of its lines was counted, at its place among its equals.
    One(u64),
    Many,
    /// Whoever it was: a version before schema 8 began the slot.
    Earlier,
}

impl Copies {
    /// Copies of lines of one run.
    pub fn of_this_run() -> Copies {
        Copies::by(LineKey::random())
    }

    /// Copies of what a store has counted.
    pub fn beside(store: Reader) -> Result<Copies> {
        let stored = store.slots_seen()?;
        let key = store.line_key()?;
        Ok(Copies { stored, store: Some(store), ..Copies::by(key) })
    }

    fn by(key: LineKey) -> Copies {
        Copies {
            slots: FxHashMap::default(),
            hashes: 0,
            max_slot_hashes: MAX_SLOT_HASHES,
            digester: Digester::new(key),
            store: None,
            stored: FxHashSet::default(),
            commits: 0,
            asked: 0,
            last: None,
            newest: None,
        }
    }

    /// Whether another source brought this line of `source` already; if not, it is counted from now on. Each line is to be
    /// asked about once.
    pub fn is_copy(&mut self, line: &Line<'_>, source: &SourceState) -> Result<bool> {
        let slot = line.time.slot();
        if self.last != Some(slot) {
            self.turn_to(slot)?;
        }
        let Some(seen) = self.slots.get_mut(&slot) else { return Ok(false) };
        let is_earlier = seen.sources == Sources::Earlier;
        let content = self.digester.content(line, is_earlier);
        let twin = self.digester.twin(line, is_earlier);
        seen.hashes.turn_to(line.time);
        let is_full = seen.places() >= self.max_slot_hashes;
        let held = seen.hashes.len();
        let own = if is_full { seen.count(content, source.id) } else { seen.take(content, source.id) };
        let is_cut = source.first == Some(line.time);
        let before: u32 = if is_cut { source.follows.iter().map(|id| seen.count(content, *id)).sum() } else { 0 };
        let nth = own + before;
        let is_twin = twin.is_some_and(|twin| seen.hashes.contains(twin.other.counted(nth)));
        let is_copy = if is_full {
            // What is remembered still tells its copies.
            let is_copy = is_twin || seen.hashes.contains(content.counted(nth));
            if !is_copy {
                seen.forget_some();
            }
            is_copy
        } else {
            let is_copy = !seen.remember(content, source.id, own, nth);
            if let Some(twin) = twin {
                seen.remember_beside(twin.own.counted(nth));
            }
            is_copy || is_twin
        };
        self.hashes += seen.hashes.len() - held;
        Ok(is_copy)
    }

    /// The next lines are of this slot.
    fn turn_to(&mut self, slot: Slot) -> Result<()> {
        self.last = Some(slot);
        self.asked += 1;
        if !self.slots.contains_key(&slot) && self.stored.contains(&slot) {
            let stored = self.store.as_ref().map_or(Ok(Vec::new()), |store| store.seen(slot))?;
            let seen = Seen::of(stored);
            self.hashes += seen.hashes.len();
            self.slots.insert(slot, seen);
        }
        if self.newest < Some(slot) {
            // As many lines as in the quarter hour before, most likely: what grows is moved at each step.
            let before = self
                .newest
                .and_then(|newest| self.slots.get(&newest))
                .map_or(0, |seen| seen.hashes.len().min(MAX_HASHES));
            self.slots.entry(slot).or_default().hashes.reserve(before);
            self.newest = Some(slot);
        }
        self.slots.entry(slot).or_default().asked = self.asked;
        Ok(())
    }

    /// Hands over what is not yet in a batch, for the next commit. A batch that could not be written still has what it got.
    pub fn write(&mut self, batch: &mut Batch) {
        for (slot, seen) in self.slots.iter_mut().filter(|(_, seen)| !seen.fresh.is_empty()) {
            for (seen_as, lines) in std::mem::take(&mut seen.fresh) {
                batch.seen.entry((*slot, seen_as)).or_default().append(lines);
            }
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
    /// What a store has of a slot.
    fn of(stored: Vec<(SeenAs, SeenLines)>) -> Seen {
        let sources = stored.iter().fold(Sources::None, |sources, (seen_as, lines)| match (sources, seen_as) {
            (Sources::Earlier, _) | (_, SeenAs::Blake3) => Sources::Earlier,
            _ if !lines.of_sources.is_empty() => Sources::Many,
            (sources, SeenAs::Keyed(NO_SOURCE)) => sources,
            (Sources::None, SeenAs::Keyed(source)) => Sources::One(*source),
            (Sources::One(one), SeenAs::Keyed(source)) if one == *source => sources,
            _ => Sources::Many,
        });
        let is_of_some = sources != Sources::None || stored.iter().all(|(_, lines)| lines.counted.is_empty());
        let sources = if is_of_some { sources } else { Sources::Many };
        let mut hashes = FxHashSet::default();
        for (seen_as, lines) in stored {
            if let (Sources::Many, SeenAs::Keyed(source)) = (sources, seen_as)
                && source != NO_SOURCE
            {
                hashes.extend(lines.counted.iter().map(|counted| as_of_source(*counted, source)));
            }
            hashes.extend(lines.counted);
            hashes.extend(lines.of_sources);
        }
        Seen { sources, hashes: Hashes::of_any_time(hashes), ..Seen::default() }
    }

    /// How many hashes there would be if each line of each source had its own.
    fn places(&self) -> usize {
        match self.sources {
            Sources::One(_) => 2 * self.hashes.len(),
            Sources::None | Sources::Many | Sources::Earlier => self.hashes.len(),
        }
    }

    /// The hash of the n-th line of this content that a source brought; none if it brought nothing.
    fn of_source(&self, content: Content, nth: u32, source: u64) -> Option<u64> {
        match self.sources {
            Sources::None => None,
            Sources::One(only) => (only == source).then(|| content.counted(nth)),
            Sources::Many | Sources::Earlier => Some(content.of_source(nth, source)),
        }
    }

    /// How often a source brought this line.
    fn count(&self, content: Content, source: u64) -> u32 {
        let is_there =
            |nth: &u32| self.of_source(content, *nth, source).is_some_and(|of_source| self.hashes.contains(of_source));
        (0..MAX_EQUAL_LINES).take_while(is_there).count() as u32
    }

    /// The same, and the line is one more from now on.
    fn take(&mut self, content: Content, source: u64) -> u32 {
        match self.sources {
            Sources::None => self.sources = Sources::One(source),
            Sources::One(only) if only != source => {
                self.hashes.double(|counted| as_of_source(counted, only));
                self.sources = Sources::Many;
            }
            Sources::One(_) | Sources::Many | Sources::Earlier => {}
        }
        for nth in 0..MAX_EQUAL_LINES {
            if self.of_source(content, nth, source).is_some_and(|of_source| self.hashes.insert(of_source)) {
                return nth;
            }
        }
        MAX_EQUAL_LINES
    }

    /// A line that its source brought as its `own`-th is the `nth` of its content: it is counted from now on. `false` if it
    /// was before.
    fn remember(&mut self, content: Content, source: u64, own: u32, nth: u32) -> bool {
        let counted = content.counted(nth);
        let is_taken = own < MAX_EQUAL_LINES;
        // Of a slot's one source `take` has put it in, as the same hash: there a line's own place is its place of all.
        let is_in_already = is_taken && matches!(self.sources, Sources::One(_));
        let is_new = is_in_already || self.hashes.insert(counted);
        if is_new && own == nth && self.sources != Sources::Earlier {
            self.fresh(SeenAs::Keyed(source)).counted.push(counted);
            return true;
        }
        let of_source = self.of_source(content, own, source).filter(|_| is_taken);
        let fresh = self.fresh_of_none();
        fresh.of_sources.extend(of_source);
        if is_new {
            fresh.counted.push(counted);
        }
        is_new
    }

    /// The same of what is nobody's line: another's twin.
    fn remember_beside(&mut self, counted: u64) {
        if self.hashes.insert(counted) {
            self.fresh_of_none().counted.push(counted);
        }
    }

    /// A line is counted and not remembered.
    fn forget_some(&mut self) {
        if self.hashes.insert_of_none(FORGOTTEN) {
            self.fresh_of_none().counted.push(FORGOTTEN);
        }
    }

    /// What says nothing of a source but what it says itself.
    fn fresh_of_none(&mut self) -> &mut SeenLines {
        let is_earlier = self.sources == Sources::Earlier;
        self.fresh(if is_earlier { SeenAs::Blake3 } else { SeenAs::Keyed(NO_SOURCE) })
    }

    fn fresh(&mut self, seen_as: SeenAs) -> &mut SeenLines {
        let known = self.fresh.iter().position(|(known, _)| *known == seen_as);
        let at = known.unwrap_or_else(|| {
            self.fresh.push((seen_as, SeenLines::default()));
            self.fresh.len() - 1
        });
        &mut self.fresh[at].1
    }
}

#[cfg(test)]
mod tests {
    use mailtally_model::Time;
    use proptest::prelude::*;

    use super::*;

    fn line(time: i64, message: &'static str) -> Line<'static> {
        let message = message.as_bytes();
        Line { time: Time(time), host: "mx1", program: b"a", pid: None, message, times: 1, own_file: false }
    }

    fn copies(lines: &[(u64, i64, &'static str)]) -> Vec<bool> {
        let mut copies = Copies::of_this_run();
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
            let mut copies = Copies::of_this_run();
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

    /// A slot as it is when it was forgotten and read again from what the store has of it.
    fn come_back_at(copies: &mut Copies, stored: &mut Vec<(SeenAs, SeenLines)>) {
        let mut batch = Batch::default();
        copies.write(&mut batch);
        stored.extend(batch.seen.into_iter().map(|((_, seen_as), lines)| (seen_as, lines)));
        copies.slots.insert(Slot(0), Seen::of(stored.clone()));
    }

    proptest! {
        /// Whether a slot was begun by this version or an earlier one, has one source or many, was kept in memory or came back
        /// from the store: of the same lines the same ones are copies, and a recount finds all that were counted.
        #[test]
        fn however_a_slot_is_remembered_its_copies_are_the_same(
            lines in prop::collection::vec((10..14_u64, 0..3_usize, 0..2_i64, any::<bool>()), 0..60),
            is_clamd in any::<bool>(),
        ) {
            let earlier = || Seen { sources: Sources::Earlier, ..Seen::default() };
            let key = LineKey::random();
            let mut kept = [Copies::by(key), Copies::by(key)];
            kept[0].slots.insert(Slot(0), earlier());
            let mut come_back = [Copies::by(key), Copies::by(key)];
            come_back[1].slots.insert(Slot(0), earlier());
            let mut stored = [vec![], vec![(SeenAs::Blake3, SeenLines::default())]];
            for (id, text, time, is_commit) in lines {
                let follows = if id == 12 { vec![11] } else { Vec::new() };
                let source = SourceState { id, first: Some(Time(0)), follows, ..SourceState::default() };
                let line = line(time, ["x", "y", "z"][text]);
                let program: &[u8] = if is_clamd { b"clamd" } else { b"a" };
                let line = Line { program, own_file: id == 13, ..line };
                let ask = |copies: &mut Copies| copies.is_copy(&line, &source).expect("no store");
                let is_copy = ask(&mut kept[0]);
                prop_assert_eq!(ask(&mut kept[1]), is_copy);
                for (copies, stored) in come_back.iter_mut().zip(&mut stored) {
                    prop_assert_eq!(ask(copies), is_copy);
                    if is_commit {
                        come_back_at(copies, stored);
                    }
                }
            }
            let counted = |stored: &[(SeenAs, SeenLines)]| -> FxHashSet<u64> {
                stored.iter().flat_map(|(_, lines)| lines.counted.iter().copied()).collect()
            };
            let mut at_once = Vec::new();
            come_back_at(&mut kept[1], &mut at_once);
            come_back_at(&mut come_back[0], &mut stored[0]);
            prop_assert_eq!(counted(&at_once), counted(&stored[0]));
        }
    }

    // FAULTS 37, 68
    #[test]
    fn a_storm_is_remembered_up_to_a_bound() {
        let mut copies = Copies { max_slot_hashes: 4, ..Copies::of_this_run() };
        let source = |id| SourceState { id, ..SourceState::default() };
        let texts: Vec<&'static str> = vec!["a", "b", "c", "d"];
        let mut ask = |id: u64| -> Vec<bool> {
            texts.iter().map(|text| copies.is_copy(&line(0, text), &source(id)).expect("no store")).collect()
        };
        assert_eq!(ask(1), [false; 4]);
        // The first two are known again; of the others nothing is.
        assert_eq!(ask(2), [true, true, false, false]);
        let seen = &copies.slots[&Slot(0)];
        // Two lines for four hashes, and that some are not remembered.
        assert_eq!(seen.hashes.len(), 3);
        let fresh = seen.fresh.iter().flat_map(|(_, lines)| &lines.counted);
        assert_eq!(fresh.filter(|hash| **hash == FORGOTTEN).count(), 1);
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
