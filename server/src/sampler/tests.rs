//! A `/proc`, control groups and a queue of files, looked at with a clock that is passed in.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::host;

const STAMP: Time = Time(1_795_314_180);

struct Fixture {
    dir: TempDir,
    sampler: Sampler,
    began: Instant,
}

impl Fixture {
    fn new() -> Fixture {
        let dir = TempDir::new().unwrap();
        let places = Places {
            host: "mx1".to_owned(),
            proc: dir.path().join("proc"),
            cgroup: dir.path().join("cgroup"),
            queue: Some(dir.path().join("queue")),
            ports: vec![25, 993],
        };
        Fixture { sampler: Sampler::new(places), dir, began: Instant::now() }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A process with two open files, 100 KiB of memory and 4 KiB of page tables.
    fn process(&self, pid: u32, parent: u32, name: &str, cpu_ticks: u64, start: u64) {
        let stat =
            format!("{pid} ({name}) S {parent} 1 1 0 -1 4194560 1 0 0 0 {cpu_ticks} 0 9 9 20 0 1 0 {start} 1 1 0 0\n");
        self.write(&format!("proc/{pid}/stat"), &stat);
        self.write(&format!("proc/{pid}/status"), "VmRSS:\t     300 kB\nVmLck:\t       0 kB\nVmPTE:\t       4 kB\n");
        self.write(&format!("proc/{pid}/smaps_rollup"), "Rss:   300 kB\nPss:   100 kB\n");
        self.write(&format!("proc/{pid}/fd/0"), "");
        self.write(&format!("proc/{pid}/fd/1"), "");
        link(&self.dir.path().join(format!("proc/{pid}/exe")), &format!("/usr/lib/postfix/sbin/{name}"));
    }

    fn sample(&mut self, after_secs: u64) -> Option<HostSample> {
        let line = self.sampler.sample(self.began + Duration::from_secs(after_secs), STAMP)?;
        let message = line.strip_prefix("2026-11-22T02:23:00+00:00 mx1 mailtally-sample: ").unwrap();
        Some(host::parse(message.as_bytes()).unwrap())
    }
}

fn link(at: &Path, to: &str) {
    let _ = fs::remove_file(at);
    std::os::unix::fs::symlink(to, at).unwrap();
}

#[test]
fn a_sample_is_the_difference_of_two_looks() {
    let mut fixture = Fixture::new();
    fixture.process(1, 0, "systemd", 500, 1);
    fixture.process(10, 1, "master", 100, 20);
    fixture.process(11, 10, "smtpd", 50, 30);
    fixture.process(12, 1, "bash", 900, 40);
    fixture.write(
        "proc/net/tcp",
        "  sl  local_address rem_address   st\n   0: 0100007F:0019 0200007F:D431 01\n   1: 0100007F:0019 00000000:0000 0A\n   \
         2: 0100007F:1F90 0200007F:D432 01\n",
    );
    fixture.write(
        "proc/net/tcp6",
        "  sl  local_address rem_address   st\n   0: 00000000000000000000000001000000:03E1 0:1 01\n",
    );
    for file in ["deferred/A/ABC1", "deferred/B/BCD2", "active/CDE3", "defer/A/ABC1"] {
        fixture.write(&format!("queue/{file}"), "");
    }
    assert_eq!(fixture.sample(0), None, "the first look has nothing to compare with");

    fixture.process(10, 1, "master", 110, 20);
    fixture.process(11, 10, "smtpd", 7, 990); // The number is used again: another process.
    assert_eq!(fixture.sample(9), None, "too early");
    let expected = HostSample {
        period_ms: 10_000,
        cpu_ms: Some(100 + 70),
        memory_kib: Some(200),
        nonpaged_kib: Some(8),
        handles: Some(4),
        threads: Some(2),
        connections: Some(2),
        spool: Some(3),
    };
    assert_eq!(fixture.sample(10), Some(expected));
}

#[test]
fn control_groups_know_more_than_processes() {
    let mut fixture = Fixture::new();
    let unit = "cgroup/system.slice/system-postfix.slice/postfix@-.service";
    fixture.process(10, 1, "master", 100, 20);
    fixture.process(20, 1, "dovecot", 5, 21);
    fixture.write(&format!("{unit}/cpu.stat"), "usage_usec 4000000\nuser_usec 1\n");
    fixture.write(&format!("{unit}/memory.stat"), "anon 1\nkernel 2097152\nkernel_stack 5\nunevictable 4096\n");
    fixture.write(&format!("{unit}/cgroup.procs"), "10\n");
    fixture.write("cgroup/system.slice/clamav-freshclam.service/cpu.stat", "usage_usec 1\n");
    assert_eq!(fixture.sample(0), None);
    fixture.write(&format!("{unit}/cpu.stat"), "usage_usec 4812000\nuser_usec 1\n");
    fixture.process(20, 1, "dovecot", 8, 21);
    let sample = fixture.sample(10).unwrap();
    assert_eq!((sample.cpu_ms, sample.nonpaged_kib), (Some(812 + 30), Some(2052 + 4)));
    assert_eq!((sample.threads, sample.memory_kib), (Some(2), Some(200)));
}

#[test]
fn a_gap_is_left_a_gap() {
    // FAULTS 66
    let mut fixture = Fixture::new();
    fixture.process(10, 1, "master", 100, 20);
    assert_eq!(fixture.sample(0), None);
    assert!(fixture.sample(10).is_some());
    fixture.process(10, 1, "master", 90_000, 20);
    assert_eq!(fixture.sample(3_610), None, "an hour that nobody looked at");
    assert_eq!(fixture.sample(3_620).unwrap().cpu_ms, Some(0));
}

#[test]
fn what_cannot_be_seen_is_not_zero() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.sample(0), None);
    assert_eq!(fixture.sample(10), Some(HostSample { period_ms: 10_000, ..HostSample::default() }));
    // A master that is not Postfix's.
    fixture.process(10, 1, "master", 100, 20);
    link(&fixture.dir.path().join("proc/10/exe"), "/opt/other/master");
    assert_eq!(fixture.sample(20).unwrap().threads, None);
}
