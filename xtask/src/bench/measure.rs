//! What a program costs, as the kernel counts it: time, CPU time and the most memory it held.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wait4::Wait4;

#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: Duration,
    /// User and system time of the process and of the children it waited for.
    pub cpu: Duration,
    pub peak_bytes: u64,
}

/// Runs a program to its end; what it prints goes nowhere.
pub fn run(command: &mut Command) -> Result<Cost> {
    let began = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let used = child.wait4().with_context(|| format!("cannot wait for {command:?}"))?;
    ensure!(used.status.success(), "{command:?} ended with {}", used.status);
    let wall = began.elapsed();
    Ok(Cost { wall, cpu: used.rusage.utime + used.rusage.stime, peak_bytes: used.rusage.maxrss })
}

/// The run of `runs` that took the least CPU: what disturbs only ever adds. `before` makes each start alike.
pub fn least(runs: usize, mut before: impl FnMut() -> Result<Command>) -> Result<Cost> {
    let mut least: Option<Cost> = None;
    for _ in 0..runs {
        let cost = run(&mut before()?)?;
        least = Some(least.filter(|least| least.cpu <= cost.cpu).unwrap_or(cost));
    }
    least.context("nothing was run")
}
