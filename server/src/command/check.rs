//! `mailtally check`: what the logs would count and what cannot be read of them; writes nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use mailtally_model::measure::Unit;
use mailtally_model::{Subject, Time, catalogue};

use super::escape;
use super::import::{Given, ReadingArgs, by_program, lines, read, say_files, say_unparsed, status};
use super::recount::named;
use crate::batch::Batch;
use crate::collect::{self, Collector, Imported, Outcome};
use crate::settings::Settings;
use crate::store;

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
    let rules = collector.rules().clone();
    let sums = collector.into_sums().unwrap_or_default();
    let mut out = io::stdout().lock();
    say_files(&mut out, &imported)?;
    say_counts(&mut out, &sums)?;
    writeln!(out, "by {}", named(&rules))?;
    say_health(&mut out, &imported, &sums)?;
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
    totals.retain(|_, total| *total != 0);
    if totals.is_empty() {
        return writeln!(out, "would count nothing");
    }
    writeln!(out, "would count:")?;
    for measure in catalogue::measures() {
        if let Some(total) = totals.get(&measure.number) {
            writeln!(out, "  {}: {total}{}", measure.id, unit(measure.unit))?;
        }
    }
    Ok(())
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Bytes => " bytes",
        Unit::Millis => " ms",
        Unit::KibSeconds => " KiB s",
    }
}

/// The data health of each file, as the server's page of that name shows it.
fn say_health(out: &mut dyn Write, imported: &Imported, sums: &Batch) -> io::Result<()> {
    for file in imported.files.iter().filter(|file| file.outcome == Outcome::Read) {
        let programs = sums.health.get(&file.state.id).into_iter().flatten();
        let mut programs: Vec<_> = programs.map(|(program, counts)| (program.clone(), counts.clone())).collect();
        programs.sort_by(|(a, _), (b, _)| a.cmp(b));
        let health = store::of_source(&file.state, programs);
        writeln!(out, "{}:", escape(&file.path.display().to_string()))?;
        match (health.first, health.last) {
            (Some(first), Some(last)) => write!(out, "  from {} to {} (UTC)", stamp(first), stamp(last))?,
            _ => write!(out, "  no line has a stamp")?,
        }
        writeln!(out, ", {} bytes", health.position)?;
        writeln!(
            out,
            "  {}: {} understood, {} of no consequence, {} not understood, {} duplicates skipped",
            lines(health.lines),
            health.understood,
            health.ignored,
            health.unparsed,
            health.duplicates
        )?;
        for program in health.programs {
            writeln!(
                out,
                "    {}: {} understood, {} of no consequence, {} not understood",
                program.program, program.understood, program.ignored, program.unparsed
            )?;
        }
    }
    for (host, gap) in &sums.gaps {
        writeln!(out, "lost on {}: from {} to {} (UTC)", escape(host), stamp(gap.from), stamp(gap.until))?;
    }
    Ok(())
}

fn stamp(time: Time) -> String {
    let utc = chrono::DateTime::from_timestamp(time.0, 0).unwrap_or_default();
    utc.format("%Y-%m-%d %H:%M:%S").to_string()
}
