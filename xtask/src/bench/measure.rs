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

/// How a program is started; before that, what it writes to is made as it was.
pub type Start<'a> = &'a dyn Fn() -> Result<Command>;

/// What each of some programs costs. They run one after the other, and so again: what slows the machine for a while slows all
/// of them.
pub fn in_turns(rounds: usize, programs: &[Start]) -> Result<Vec<Cost>> {
    let once = || programs.iter().map(|start| run(&mut start()?)).collect::<Result<Vec<Cost>>>();
    let mut costs = once()?;
    for _ in 1..rounds {
        costs = costs.into_iter().zip(once()?).map(|(known, now)| known.with(now)).collect();
    }
    Ok(costs)
}

impl Cost {
    /// Of two runs the times of the one that took less CPU, since what disturbs only ever adds; and the most that either
    /// held.
    fn with(self, other: Cost) -> Cost {
        let least = if other.cpu < self.cpu { other } else { self };
        Cost { peak_bytes: self.peak_bytes.max(other.peak_bytes), ..least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheaper_run_counts_and_the_larger_peak() {
        let cost = |millis, peak_bytes| {
            let [wall, cpu] = [Duration::from_millis(millis + 5), Duration::from_millis(millis)];
            Cost { wall, cpu, peak_bytes }
        };
        for (first, then) in [(cost(70, 1), cost(60, 2)), (cost(60, 2), cost(70, 1))] {
            let both = first.with(then);
            assert_eq!((both.wall.as_millis(), both.cpu.as_millis(), both.peak_bytes), (65, 60, 2));
        }
    }

    #[test]
    fn programs_take_turns() {
        let started = std::cell::RefCell::new(String::new());
        let start = |name| {
            started.borrow_mut().push(name);
            Ok(Command::new("true"))
        };
        let programs: [Start; 2] = [&|| start('a'), &|| start('b')];
        assert_eq!(in_turns(3, &programs).expect("costs").len(), 2);
        assert_eq!(*started.borrow(), "ababab");
    }
}
