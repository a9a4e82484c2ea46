//! On what was measured, and when. Reads what the kernel and the compiler say of themselves.

use std::fmt;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

pub struct Machine {
    date: String,
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    rustc: String,
    load: String,
}

impl Machine {
    pub fn look() -> Result<Machine> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
        let said = |program: &str, argument: &str| {
            shell::output(Command::new(program).arg(argument))
                .map(|said| String::from_utf8_lossy(&said).trim().to_owned())
        };
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).to_owned()
        };
        let kib = field(&read("/proc/meminfo")?, "MemTotal");
        let kib: f64 = kib.trim_end_matches(" kB").parse().unwrap_or(0.0);
        Ok(Machine {
            date: said("date", "--utc")?,
            processor: field(&read("/proc/cpuinfo")?, "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib / 1024.0 / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            rustc: said("rustc", "--version")?,
            load: read("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { date, processor, cores, memory_gib, kernel, rustc, load } = self;
        write!(
            f,
            "Measured {date} on {cores} cores of {processor}, {memory_gib:.0} GiB, Linux {kernel}, {rustc}. Load when it \
             ended: {load}."
        )
    }
}
