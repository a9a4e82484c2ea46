//! `cargo xtask bench`: how fast it is, beside peers and limits, in one run on one machine. The results stand in
//! docs/benchmarks.md, in a section for each half; a run of one half leaves the other's as it was.
//!
//! Knows how to run and to write down; what is measured is said by the halves.

mod browser;
mod document;
mod follow;
mod goal;
mod log;
mod machine;
mod measure;
mod native;

use anyhow::Result;
use clap::ValueEnum;

use crate::progress::{Progress, say};
use document::Section;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Half {
    /// Lines in, numbers stored, answers out
    Native,
    /// Answers in, pictures and tables on the screen
    Browser,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Usual,
    /// Growth up to a hundred times the data: takes most of an hour.
    Long,
}

/// Runs one half, or both.
pub fn bench(half: Option<Half>, depth: Depth) -> Result<()> {
    let halves = half.map_or_else(|| vec![Half::Native, Half::Browser], |half| vec![half]);
    let mut progress = Progress::new(halves.iter().map(|half| half.steps()).sum());
    for half in halves {
        let body = match half {
            Half::Native => native::run(&mut progress, depth)?,
            Half::Browser => browser::run(&mut progress, depth)?,
        };
        document::write(&Section { id: half.id(), title: half.title(), body })?;
    }
    say(&format!("── docs/benchmarks.md written in {}", progress.elapsed()));
    Ok(())
}

/// Runs the browser's tasks of these names and prints what came of them: for a look while working on one.
pub fn look(tasks: &[String]) -> Result<()> {
    let figures = browser::look(&mut Progress::new(browser::LOOK_STEPS), tasks)?;
    say(&figures);
    Ok(())
}

impl Half {
    fn id(self) -> &'static str {
        match self {
            Half::Native => "native",
            Half::Browser => "browser",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Half::Native => "At the log and at the server",
            Half::Browser => "In the browser",
        }
    }

    fn steps(self) -> usize {
        match self {
            Half::Native => native::STEPS,
            Half::Browser => browser::STEPS,
        }
    }
}
