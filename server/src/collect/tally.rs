//! How the lines of the source that is being read fared, by program: found by the program's number, and added to the batch
//! when another source comes and at a commit.

use crate::track::Verdict;

#[derive(Debug, Default)]
pub struct Tally {
    source: u64,
    /// By the programs' numbers, which are counted up as programs come.
    programs: Vec<Fared>,
}

/// Lines of one program that were understood, and those of no consequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
        let program = usize::from(program);
        if self.programs.len() <= program {
            self.programs.resize(program + 1, Fared::default());
        }
        let fared = &mut self.programs[program];
        match verdict {
            Verdict::Understood => fared.understood += 1,
            Verdict::Ignored => fared.ignored += 1,
            Verdict::Unparsed => {}
        }
        true
    }

    /// The source, and what was counted of it by programs; nothing is left.
    pub fn take(&mut self) -> (u64, impl Iterator<Item = (u16, Fared)> + use<>) {
        let programs = (0..).zip(std::mem::take(&mut self.programs));
        (self.source, programs.filter(|(_, fared)| *fared != Fared::default()))
    }
}
