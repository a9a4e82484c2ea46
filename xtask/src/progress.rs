//! Says which step runs, how long it took, and which one failed.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The steps of one command, in order.
pub struct Progress {
    begun: Instant,
    steps: usize,
    number: usize,
}

impl Progress {
    pub fn new(steps: usize) -> Progress {
        Progress { begun: Instant::now(), steps, number: 0 }
    }

    /// Runs one step. Its failure carries the step's name.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.number += 1;
        say(&format!("── {}/{} {name} …", self.number, self.steps));
        let begun = Instant::now();
        let result = work();
        let end = if result.is_ok() { "done" } else { "FAILED" };
        say(&format!("── {}/{} {name}: {end} in {}", self.number, self.steps, seconds(begun.elapsed())));
        result.with_context(|| format!("step failed: {name}"))
    }

    pub fn elapsed(&self) -> String {
        seconds(self.begun.elapsed())
    }
}

/// stderr, where cargo reports its own progress too, so that the order of lines is kept.
pub fn say(line: &str) {
    // A closed stderr is no reason to stop building.
    let _ = writeln!(io::stderr(), "{line}");
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
