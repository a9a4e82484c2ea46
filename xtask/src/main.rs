//! Every command that a developer needs. Each sets up what it lacks, says what it does, and is quick the second time.
//!
//! It knows how the product is built and checked, and nothing of mail.

mod app;
mod asset;
mod bench;
mod dist;
mod even;
mod lean;
mod licences;
mod order;
mod page;
mod paths;
mod product;
mod progress;
mod root;
mod run;
mod shell;
mod split;
mod test;
mod tools;
mod train;
mod unused;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use bench::{Depth, Half};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Build, run and check Mailtally")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and start the product on demo data
    Run {
        /// A loopback address to listen on [default: 127.0.0.1:8321, or a free port if it is taken]
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Build the browser app into target/app
    App {
        /// Quick to build, large and slow to run: for a look while working on it
        #[arg(long)]
        dev: bool,
    },
    /// Measure how fast it is and write docs/benchmarks.md
    Bench {
        /// Only this half
        half: Option<Half>,
        /// Also growth up to a hundred times the data
        #[arg(long)]
        long: bool,
        /// Only the browser's tasks t1 to t7 that are named, as t4,t5, or frames, visits or pages: prints them and writes nothing
        #[arg(long, value_delimiter = ',', conflicts_with = "half")]
        tasks: Vec<String>,
    },
    /// Make the one binary with the app inside: target/dist/mailtally
    Dist,
    /// Check format, lints and licences, then run every test: native, in the browser, and from outside
    Test {
        /// Also the tests that take long: many random kills, logs rotated at each line
        #[arg(long)]
        long: bool,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run { listen } => run::run(listen),
        Command::App { dev } => app::command(if dev { app::Profile::Dev } else { app::Profile::Wasm }),
        Command::Bench { tasks, .. } if !tasks.is_empty() => bench::look(&tasks),
        Command::Bench { half, long, .. } => bench::bench(half, if long { Depth::Long } else { Depth::Usual }),
        Command::Dist => dist::command(),
        Command::Test { long } => test::test(long),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
