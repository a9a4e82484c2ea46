//! One process as `/proc` shows it (proc(5)). A process may end while it is looked at: then there is nothing to say.

use std::fs;
use std::path::Path;

/// `/proc` counts processor time in hundredths of a second on every architecture in use (USER_HZ).
const MS_PER_TICK: u64 = 10;

/// Which process this really is: numbers are used again, start times with them are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    pub pid: u32,
    pub start_ticks: u64,
}

/// From `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub identity: Identity,
    pub parent: u32,
    /// The command's name, at most 15 bytes.
    pub name: String,
    pub cpu_ms: u64,
    pub threads: u64,
}

/// All processes that can be seen.
pub fn all(proc: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| parse_stat(pid, &fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?))
        .collect()
}

/// `pid (name) state ppid …`: the name may hold spaces and brackets, so it ends at the last bracket.
fn parse_stat(pid: u32, stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    // proc(5) counts from 1 and the state is the third.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        identity: Identity { pid, start_ticks: field(22)? },
        parent: field(4)?.try_into().ok()?,
        name: name.to_owned(),
        cpu_ms: (field(14)? + field(15)?) * MS_PER_TICK,
        threads: field(20)?,
    })
}

/// Memory, each shared page divided among those who share it; else the resident set, which counts it for each.
pub fn memory_kib(proc: &Path, pid: u32) -> Option<u64> {
    let of = |file: &str, key: &str| kib(&fs::read_to_string(proc.join(pid.to_string()).join(file)).ok()?, key);
    of("smaps_rollup", "Pss:").or_else(|| of("status", "VmRSS:"))
}

/// Locked pages and page tables, which cannot be swapped.
pub fn nonpaged_kib(proc: &Path, pid: u32) -> Option<u64> {
    let status = fs::read_to_string(proc.join(pid.to_string()).join("status")).ok()?;
    Some(kib(&status, "VmLck:").unwrap_or(0) + kib(&status, "VmPTE:").unwrap_or(0))
}

/// Open file descriptors.
pub fn handles(proc: &Path, pid: u32) -> std::io::Result<u64> {
    Ok(fs::read_dir(proc.join(pid.to_string()).join("fd"))?.count() as u64)
}

/// The value of a line `Key:   123 kB`.
fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) S 1 (b) S 3 7 7 0 -1 4194560 1 0 0 0 25 17 9 9 20 0 4 0 4711 1 1";
        let process = parse_stat(7, stat).expect("a process");
        assert_eq!((process.name.as_str(), process.parent), ("a) S 1 (b", 3));
        assert_eq!((process.cpu_ms, process.threads, process.identity.start_ticks), (420, 4, 4711));
        assert_eq!(parse_stat(7, "7 (gone"), None);
    }

    #[test]
    fn kilobytes_are_found_by_their_whole_key() {
        let text = "Rss:     1780 kB\nPss:      201 kB\nPss_Dirty: 112 kB\n";
        assert_eq!(kib(text, "Pss:"), Some(201));
        assert_eq!(kib(text, "Swap:"), None);
    }
}
