//! `mailtally`: collects what a mail server logs, stores what it counted, serves it as reports.

use std::process::ExitCode;

use clap::Parser;
use mailtally_server::command::CommandLine;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    CommandLine::parse().run()
}
