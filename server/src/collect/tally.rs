//! How the lines of the source that is being read fared, by program: found by the program's number, and added to the batch
//! when another source comes and at a commit.

use rustc_hash::FxHashMap;

use crate::track::Verdict;

#[derive(Debug, Default)]
pub struct Tally {
    source: u64,
    programs: FxHashMap<u16, Fared>,
}

/// Lines of one program that were understood, and those of no consequence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fared {
    pub understood: u64,
    pub ignored: u64,
}

impl Tally {
    /// Counts a line. `false` if what is here is of another source, and is to be taken first.
    pub fn count(&mut self, source: u64, program: u16, verdict: Verdict) -> bool {
        if source != self.source {
            if !self.programs.is_empty() {
                return false;
            }
            self.source = source;
        }
        let fared = self.programs.entry(program).or_default();
        match verdict {
            Verdict::Understood => fared.understood += 1,
            Verdict::Ignored => fared.ignored += 1,
            Verdict::Unparsed => {}
        }
        true
    }

    /// The source, and what was counted of it; nothing is left.
    pub fn take(&mut self) -> (u64, FxHashMap<u16, Fared>) {
        (self.source, std::mem::take(&mut self.programs))
    }
}
