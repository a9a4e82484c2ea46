//! `mailtally check`: what the logs would count and what cannot be read of them; writes nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use mailtally_model::{Subject, catalogue};

use super::import::{Given, ReadingArgs, by_program, read, say_files, say_unparsed, status};
use crate::batch::Batch;
use crate::collect::{self, Collector};
use crate::settings::Settings;

/// Say what logs would count and what is not understood, writing nothing
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Log files; `-` is standard input
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
}

pub fn run(args: &CheckArgs, settings: &Settings) -> Result<ExitCode> {
    let now = collect::now();
    let reading = args.reading.reading(settings, now)?;
    let given = Given::look(&args.files, now)?;
    let mut collector = Collector::into_memory(&settings.mail, &reading)?;
    let imported = read(&given, &mut collector, &reading)?;
    let sums = collector.into_sums().unwrap_or_default();
    let mut out = io::stdout().lock();
    say_files(&mut out, &imported)?;
    say_counts(&mut out, &sums)?;
    say_programs(&mut out, &sums)?;
    say_unparsed(&mut out, by_program(&sums))?;
    Ok(status(&given, &imported))
}

/// The server's own sums, by measure, in the order of the reports.
fn say_counts(out: &mut dyn Write, sums: &Batch) -> io::Result<()> {
    let mut totals: BTreeMap<u16, i64> = BTreeMap::new();
    for (subject, measure, _, amount) in sums.counters.iter() {
        if *subject == Subject::Server {
            *totals.entry(measure).or_default() += amount;
        }
    }
    writeln!(out, "would count:")?;
    for measure in catalogue::measures() {
        if let Some(total) = totals.get(&measure.number).filter(|total| **total != 0) {
            writeln!(out, "  {}: {total}", measure.id)?;
        }
    }
    Ok(())
}

/// How the lines of each program fared.
fn say_programs(out: &mut dyn Write, sums: &Batch) -> io::Result<()> {
    let mut programs = by_program(sums);
    programs.sort_by(|(a, _), (b, _)| a.cmp(b));
    writeln!(out, "lines by program: understood, of no consequence, not understood")?;
    for (program, counts) in programs {
        writeln!(out, "  {program}: {}, {}, {}", counts.understood, counts.ignored, counts.unparsed)?;
    }
    Ok(())
}
