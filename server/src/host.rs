//! The figures of the host as log lines, so that they take the way of every other line: the sampler writes them,
//! old ones can be imported, and nothing is counted that cannot be read again. docs/host-samples.md is the format.
//! Knows nothing of how the figures are taken (see [`crate::sampler`]) nor of how they are counted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The program that such lines carry in their envelope.
pub const PROGRAM: &str = "mailtally-sample";

/// Longer periods say nothing about a quarter hour; a bound also keeps value · period within 63 bits.
pub const MAX_PERIOD_MS: u64 = 3_600_000;

/// No host has this much of anything (as KiB it is 64 TiB); see [`MAX_PERIOD_MS`].
pub const MAX_VALUE: u64 = 1 << 36;

/// The mail services' use of the host over the period that ends at the line's time. `None` is "not measured", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSample {
    pub period_ms: u64,
    /// Processor time spent in the period, over all processors.
    pub cpu_ms: Option<u64>,
    pub memory_kib: Option<u64>,
    pub nonpaged_kib: Option<u64>,
    pub handles: Option<u64>,
    pub threads: Option<u64>,
    pub connections: Option<u64>,
    pub spool: Option<u64>,
}

/// Reads the message of a sample line: `key=value` separated by single spaces, each key at most once, in any order.
/// `None` when anything in it is not understood: half a sample would be a guess.
pub fn parse(message: &[u8]) -> Option<HostSample> {
    let message = std::str::from_utf8(message).ok()?.trim_end();
    let mut sample = HostSample::default();
    let mut period = None;
    for pair in message.trim_start_matches(' ').split(' ') {
        let (key, value) = pair.split_once('=')?;
        let field = match key {
            "period_ms" => &mut period,
            "cpu_ms" => &mut sample.cpu_ms,
            "memory_kib" => &mut sample.memory_kib,
            "nonpaged_kib" => &mut sample.nonpaged_kib,
            "handles" => &mut sample.handles,
            "threads" => &mut sample.threads,
            "connections" => &mut sample.connections,
            "spool" => &mut sample.spool,
            _ => return None,
        };
        if field.replace(number(value)?).is_some() {
            return None;
        }
    }
    sample.period_ms = period.filter(|period| (1..=MAX_PERIOD_MS).contains(period))?;
    Some(sample)
}

/// Decimal digits and nothing else: `u64::from_str` would also take a plus sign.
fn number(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value| *value <= MAX_VALUE)
}

/// The message of the line that [`parse`] reads back.
impl fmt::Display for HostSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "period_ms={}", self.period_ms)?;
        let figures = [
            ("cpu_ms", self.cpu_ms),
            ("memory_kib", self.memory_kib),
            ("nonpaged_kib", self.nonpaged_kib),
            ("handles", self.handles),
            ("threads", self.threads),
            ("connections", self.connections),
            ("spool", self.spool),
        ];
        for (key, value) in figures {
            if let Some(value) = value {
                write!(f, " {key}={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str =
        "period_ms=10000 cpu_ms=812 memory_kib=412304 nonpaged_kib=9120 handles=812 threads=64 connections=17 spool=3";

    #[test]
    fn a_full_line_is_read_and_written_back() {
        let sample = parse(FULL.as_bytes()).expect("a sample");
        assert_eq!((sample.period_ms, sample.cpu_ms, sample.spool), (10_000, Some(812), Some(3)));
        assert_eq!(sample.to_string(), FULL);
    }

    #[test]
    fn an_absent_key_is_not_measured() {
        let sample = parse(b"period_ms=10000 spool=0").expect("a sample");
        assert_eq!(sample, HostSample { period_ms: 10_000, spool: Some(0), ..HostSample::default() });
        assert_eq!(parse(sample.to_string().as_bytes()), Some(sample));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        let refused = [
            "",
            "spool=3",
            "period_ms=0 spool=3",
            "period_ms=3600001",
            "period_ms=10000 spool=",
            "period_ms=10000 spool=-1",
            "period_ms=10000 spool=+1",
            "period_ms=10000 spool=1e3",
            "period_ms=10000 spool=68719476737",
            "period_ms=10000 spool=99999999999999999999999",
            "period_ms=10000 spool=3 spool=4",
            "period_ms=10000  spool=3",
            "period_ms=10000 swap_kib=3",
            "period_ms=10000 spool",
            "period_ms=10000 spool=3, threads=4",
        ];
        for message in refused {
            assert_eq!(parse(message.as_bytes()), None, "{message}");
        }
        assert_eq!(parse(b"period_ms=10000 \xff=3"), None);
    }
}
