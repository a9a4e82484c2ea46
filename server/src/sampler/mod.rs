//! Looks at the host every ten seconds and says as a log line what the mail services use of it. The line goes the
//! way of every line (see [`crate::host`] and docs/host-samples.md); this module knows nothing of counting.
//!
//! Times and the roots of `/proc`, the control groups and the queue are passed in, so that tests have their own.

mod group;
mod process;
mod sockets;
mod spool;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};
use mailtally_model::Time;

use crate::host::{HostSample, PROGRAM};

/// How often the host is looked at.
pub const PERIOD: Duration = Duration::from_secs(10);

/// A longer time between two looks is not observed: the machine slept, or nobody looked.
pub const LONGEST_GAP: Duration = Duration::from_secs(30);

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The name that lines carry as the host.
    pub host: String,
    pub proc: PathBuf,
    pub cgroup: PathBuf,
    /// Postfix's `queue_directory`; `None` where there is no queue to count.
    pub queue: Option<PathBuf>,
    /// A connection at one of these ports at our end is a mail connection.
    pub ports: Vec<u16>,
}

impl Places {
    /// The usual ones of a Linux host.
    pub fn of_host(host: String) -> Places {
        Places {
            host,
            proc: PathBuf::from("/proc"),
            cgroup: PathBuf::from("/sys/fs/cgroup"),
            queue: Some(PathBuf::from("/var/spool/postfix")),
            ports: vec![25, 465, 587, 110, 143, 993, 995],
        }
    }
}

/// Takes samples; remembers the last look, since processor time is a difference.
#[derive(Debug)]
pub struct Sampler {
    places: Places,
    last: Option<(Instant, group::Usage)>,
}

impl Sampler {
    pub fn new(places: Places) -> Sampler {
        Sampler { places, last: None }
    }

    /// A line, without its end, when a period has passed since the last look; `now` is the monotonic clock and
    /// `stamp` what the line carries. `None` while it has not, at the first look, and after a gap.
    pub fn sample(&mut self, now: Instant, stamp: Time) -> Option<String> {
        if self.last.as_ref().is_some_and(|(last, _)| now.saturating_duration_since(*last) < PERIOD) {
            return None;
        }
        let usage = group::look(&self.places);
        let previous = self.last.replace((now, usage));
        let (last, before) = previous?;
        let (_, usage) = self.last.as_ref()?;
        let period = now.saturating_duration_since(last);
        if period > LONGEST_GAP {
            return None;
        }
        let figures = usage.figures.as_ref();
        let sample = HostSample {
            period_ms: period.as_millis() as u64,
            cpu_ms: figures.map(|_| usage.cpu_ms_since(&before)),
            memory_kib: figures.map(|figures| figures.memory_kib),
            nonpaged_kib: figures.map(|figures| figures.nonpaged_kib),
            handles: figures.and_then(|figures| figures.handles),
            threads: figures.map(|figures| figures.threads),
            connections: sockets::established(&self.places.proc, &self.places.ports),
            spool: self.places.queue.as_deref().and_then(spool::count),
        };
        let stamp = DateTime::from_timestamp(stamp.0, 0)?.to_rfc3339_opts(SecondsFormat::Secs, false);
        Some(format!("{stamp} {} {PROGRAM}: {sample}", self.places.host))
    }
}

#[cfg(test)]
mod tests;
