//! The figures of the host, in step with what happens on it.

use mailtally_model::Time;

use super::incidents::Incidents;
use super::rhythm::{Rhythm, midnight};
use super::rng::Rng;
use crate::host::HostSample;

/// The sample of the period that ends at `at`.
pub fn sample(seed: u64, at: Time, age_days: i64, period_ms: u64, incidents: &Incidents) -> HostSample {
    // Values move slowly: chance changes by the quarter hour, and a little by the sample.
    let mut slow = Rng::of(seed, &[1, at.0.div_euclid(900) as u64]);
    let mut fast = Rng::of(seed, &[2, at.0 as u64]);
    let mut wobble = |width: u64| {
        let (slow, fast) = (slow.within(0..=width * 2), fast.within(0..=width / 2));
        (1000 - width + slow + fast) as f64 / 1000.0
    };
    let people = Rhythm::Office.busy(at) * Rhythm::Office.fullness(midnight(at), age_days);
    let machines = Rhythm::Always.busy(at);
    let spamming = f64::from(u8::from(incidents.compromised.contains(at)));
    let unfiltered = incidents.broken_filters.contains(at);

    // Scanning is what costs.
    let filter_cpu = if unfiltered { 0.0 } else { 0.035 * people + 0.012 * machines + 0.12 * spamming };
    let cpu = (0.006 + 0.02 * people + 0.004 * machines + 0.05 * spamming + filter_cpu) * wobble(220);
    let connections = (2.0 + 24.0 * people + 2.5 * machines + 6.0 * spamming) * wobble(120);
    let processes = 22.0 + 0.9 * connections + 6.0 * people;
    let filter_memory = if unfiltered { 0.0 } else { 1_310_000.0 };
    let memory = (168_000.0 + filter_memory + 3_900.0 * processes) * wobble(12);
    let spool = (3.0 + 9.0 * people + 260.0 * spamming) * wobble(300);
    HostSample {
        period_ms,
        cpu_ms: Some((cpu * period_ms as f64) as u64),
        memory_kib: Some(memory as u64),
        nonpaged_kib: Some((7_200.0 + 150.0 * processes) as u64),
        handles: Some((processes * 15.5) as u64),
        threads: Some(processes as u64 + if unfiltered { 0 } else { 9 }),
        connections: Some(connections as u64),
        spool: Some(spool as u64),
    }
}
