//! What one commit writes: counters, events, open state, coverage and read positions, all or nothing.

mod counters;
mod events;
mod open;
mod pieces;
mod seen;
mod sums;

use mailtally_model::wire::Rules;
use mailtally_model::{Family, Slot, Span, Subject, Time};
use rustc_hash::FxHashMap;

pub use counters::Counters;
pub use events::{Events, Kept, LATER};
pub use open::OpenState;
pub use seen::{LineKey, SeenAs, SeenLines};
pub use sums::Sum;

use crate::event::Update;
use crate::source::SourceState;

/// Merged in memory before it touches the store.
#[derive(Debug, Default)]
pub struct Batch {
    pub counters: Counters,
    /// Events to be kept as evidence.
    pub events: Events,
    /// Names that evidence shows to be ours (a final local delivery, a log-in): see SEMANTICS R19.
    pub known: Vec<Subject>,
    /// Open state of the tracker that changed.
    pub open: OpenState,
    /// Log time that was read, by family and host; the store joins it to what it has.
    pub coverage: Vec<(Family, String, Span)>,
    /// Lost stretches to cut out of the coverage of a host's logs (a reported loss, overwritten bytes, a long silence).
    pub gaps: Vec<(String, Span)>,
    /// Where each source was read to.
    pub sources: Vec<SourceState>,
    /// Lines that were read, by slot, as hashes of envelope and text: what another copy of the same stream brings
    /// is held back by these. Only ever added to.
    pub seen: FxHashMap<(Slot, SeenAs), SeenLines>,
    /// By which rules this was counted.
    pub rules: Option<Rules>,
    /// Stretches of a host's logs that lie closer together than this are one: a short silence is a true zero.
    pub silence_gap_secs: i64,
    /// Line counts and examples by source and program, for data health.
    pub health: FxHashMap<u64, ByProgram>,
}

/// How the lines of each program fared.
pub type ByProgram = FxHashMap<String, LineCounts>;

/// Lines that another source had brought already stand under this name, as of no consequence.
pub const COPIED: &str = "(copies held back)";

/// How the lines of one program fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    pub understood: u64,
    /// Known and of no consequence for any report.
    pub ignored: u64,
    /// Not understood: shown with examples, never guessed.
    pub unparsed: u64,
    /// A few lines that were not understood, escaped and cut.
    pub examples: Vec<String>,
}

impl LineCounts {
    /// Adds what another batch counted, and its examples as far as there is room.
    pub fn add(&mut self, other: LineCounts, max_examples: usize) {
        self.understood += other.understood;
        self.ignored += other.ignored;
        self.unparsed += other.unparsed;
        let fresh: Vec<String> = other.examples.into_iter().filter(|line| !self.examples.contains(line)).collect();
        let room = max_examples.saturating_sub(self.examples.len());
        self.examples.extend(fresh.into_iter().take(room));
    }
}

impl Batch {
    /// Books an update: counters(after) − counters(before), and the event as it is now.
    pub fn book(&mut self, update: Update) {
        self.count(&update);
        self.events.put(update.id, update.before, &update.after);
    }

    /// Books the numbers of an update and keeps no evidence.
    pub fn count(&mut self, update: &Update) {
        let Some(before) = &update.before else { return self.counters.book(&update.after, 1) };
        // The time of a session that goes on for days is not taken back and booked anew at each quarter hour of it.
        if let Some(went) = update.after.time_since(before) {
            return self.counters.book_time(&update.after, &went);
        }
        self.counters.book(before, -1);
        self.counters.book(&update.after, 1);
    }

    /// The newest log time in this batch.
    pub fn newest(&self) -> Option<Time> {
        self.coverage.iter().map(|(_, _, span)| span.until).max()
    }
}
