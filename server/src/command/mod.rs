//! The command line: what was typed, and which command does it. Knows how commands end, not what they do.

mod account;
mod check;
mod demo;
mod import;
mod recount;
mod report;
mod serve;
mod setup;
pub mod zones;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::settings::Settings;

/// Mail-server reports from the logs that the server writes anyway.
#[derive(Debug, Parser)]
#[command(name = "mailtally", version, max_term_width = 100)]
pub struct CommandLine {
    /// The settings file [default: /etc/mailtally.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Import(import::ImportArgs),
    Check(check::CheckArgs),
    Recount(recount::RecountArgs),
    Setup(setup::SetupArgs),
    Demo(demo::DemoArgs),
    /// Say who may sign in, and what they see
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Print a report: the very table that the browser shows
    Report(report::ReportArgs),
}

impl CommandLine {
    /// Does what was asked for and says how it ended: 0 when all of it was done, 1 when something could not be read or
    /// written, 2 for wrong usage.
    pub fn run(self) -> ExitCode {
        log_to_stderr();
        if let Command::Setup(args) = &self.command {
            // It makes settings, and so must work where those that are there are wrong.
            return ended(setup::run(args));
        }
        let outcome = Settings::load(self.config.as_deref()).and_then(|settings| match self.command {
            Command::Serve(args) => serve::run(&args, &settings),
            Command::Import(args) => import::run(&args, &settings),
            Command::Check(args) => check::run(&args, &settings),
            Command::Recount(args) => recount::run(&args, &settings),
            Command::Setup(args) => setup::run(&args),
            Command::Demo(args) => demo::run(&args, &settings),
            Command::Account(command) => account::run(&command, &settings).map(|()| ExitCode::SUCCESS),
            Command::Report(args) => report::run(&args, &settings).map(|()| ExitCode::SUCCESS),
        });
        ended(outcome)
    }
}

/// Says what went wrong, if anything did.
fn ended(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // The other end of stderr may be gone too, and then there is no one to tell.
            let _ = writeln!(io::stderr(), "mailtally: {}", escape(&format!("{error:#}")));
            if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Our own log. `MAILTALLY_LOG` says what goes into it, as `debug` or `mailtally_server::store=trace`.
fn log_to_stderr() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).with_env_var("MAILTALLY_LOG");
    // Fails only where a log is set up already, which is then the one to use.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter.from_env_lossy())
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
}

/// Something was asked for that there is not: exit status 2, as for a flag that there is not.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Whoever read our output has read enough (`mailtally report … | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| cause.downcast_ref::<io::Error>().map(io::Error::kind);
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

/// Text from outside for a terminal: what would move the cursor, colour, or turn the direction of writing is shown as
/// an escape (FAULTS 49).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let acts = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
        if acts {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn text_from_outside_moves_no_cursor() {
        // FAULTS 49
        assert_eq!(escape("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}"), r"a\u{1b}[2Jb\u{d}\u{a}c\u{202e}d\u{9b}");
        assert_eq!(escape("müller@bücher.example"), "müller@bücher.example");
    }
}
