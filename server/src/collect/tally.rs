//! How the lines of the source that is being read fared, by program: found with one look-up for each line, and added to
//! the batch when another source comes and at a commit.

use rustc_hash::FxHashMap;

use crate::track::Verdict;

/// Programs counted here at once; what a batch keeps apart has a limit of its own.
const MAX_PROGRAMS: usize = 256;

#[derive(Debug, Default)]
pub struct Tally {
    source: u64,
    programs: FxHashMap<Box<[u8]>, Fared>,
}

/// Lines of one program that were understood, and those of no consequence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fared {
    pub understood: u64,
    pub ignored: u64,
}

impl Tally {
    /// Counts a line. `false` if there is no room for it: then what is here is to be taken first.
    pub fn count(&mut self, source: u64, program: &[u8], verdict: Verdict) -> bool {
        if source != self.source {
            if !self.programs.is_empty() {
                return false;
            }
            self.source = source;
        }
        // Asked before, so that a name is copied only when it is new.
        let is_full = self.programs.len() >= MAX_PROGRAMS;
        let fared = match self.programs.get_mut(program) {
            Some(fared) => fared,
            None if is_full => return false,
            None => self.programs.entry(program.into()).or_default(),
        };
        match verdict {
            Verdict::Understood => fared.understood += 1,
            Verdict::Ignored => fared.ignored += 1,
            Verdict::Unparsed => {}
        }
        true
    }

    /// The source, and what was counted of it; nothing is left.
    pub fn take(&mut self) -> (u64, FxHashMap<Box<[u8]>, Fared>) {
        (self.source, std::mem::take(&mut self.programs))
    }
}
