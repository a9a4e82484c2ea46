//! Which processes are the mail services, and what they use together: the control groups of their systemd units,
//! and beside these the known daemons with all their descendants (SEMANTICS 1.5).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Places;
use super::process::{self, Identity, Process};

/// Units of mail services begin so: `postfix@-.service`, `clamav-daemon.service`, `rspamd.service`.
const UNITS: [&str; 9] = ["postfix", "dovecot", "spamd", "spamassassin", "rspamd", "amavis", "clamav", "clamd", "exim"];

/// Daemons that head a tree of processes, by the name `/proc` shows. Postfix's is called `master`, which others may
/// be too: see [`is_head`].
const HEADS: [&str; 8] = ["dovecot", "spamd", "rspamd", "amavisd", "amavisd-new", "clamd", "exim", "exim4"];

/// Processes below a head that are looked at; a loop of parents cannot be longer.
const MAX_DEPTH: usize = 64;

/// Units under `system.slice` that are opened in search of mail services.
const MAX_UNITS: usize = 4_096;

/// One look at the mail services.
#[derive(Debug, Default)]
pub struct Usage {
    /// Processor time so far of each control group, by its path.
    cgroups: BTreeMap<PathBuf, u64>,
    /// Processor time so far of each process outside of them.
    processes: HashMap<Identity, u64>,
    /// `None` when there is no mail service, or none that can be seen.
    pub figures: Option<Figures>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub memory_kib: u64,
    pub nonpaged_kib: u64,
    /// `None` when those of some process may not be read: a part would be taken for the whole.
    pub handles: Option<u64>,
    pub threads: u64,
}

impl Usage {
    /// Processor time spent since an earlier look. What began since counts from its beginning; what ended outside a
    /// control group takes the time since the earlier look with it.
    pub fn cpu_ms_since(&self, before: &Usage) -> u64 {
        let grown = |now: u64, before: Option<&u64>| match before {
            Some(before) if *before <= now => now - before,
            _ => now,
        };
        let cgroups: u64 = self.cgroups.iter().map(|(path, now)| grown(*now, before.cgroups.get(path))).sum();
        let processes: u64 = self.processes.iter().map(|(id, now)| grown(*now, before.processes.get(id))).sum();
        cgroups + processes
    }
}

pub fn look(places: &Places) -> Usage {
    let processes = process::all(&places.proc);
    let mut usage = Usage::default();
    let mut in_cgroups = BTreeSet::new();
    let mut nonpaged_of_cgroups = 0;
    for unit in mail_units(&places.cgroup) {
        let Some(cpu_ms) = cgroup_cpu_ms(&unit) else { continue };
        nonpaged_of_cgroups += cgroup_nonpaged_kib(&unit).unwrap_or(0);
        members(&unit, &mut in_cgroups);
        usage.cgroups.insert(unit, cpu_ms);
    }
    let by_pid: HashMap<u32, &Process> = processes.iter().map(|process| (process.identity.pid, process)).collect();
    let mut figures = Figures { nonpaged_kib: nonpaged_of_cgroups, handles: Some(0), ..Figures::default() };
    let mut found = false;
    for process in &processes {
        let pid = process.identity.pid;
        let in_cgroup = in_cgroups.contains(&pid);
        if !in_cgroup && !is_below_head(process, &by_pid, &places.proc) {
            continue;
        }
        found = true;
        if !in_cgroup {
            usage.processes.insert(process.identity, process.cpu_ms);
            figures.nonpaged_kib += process::nonpaged_kib(&places.proc, pid).unwrap_or(0);
        }
        figures.threads += process.threads;
        figures.memory_kib += process::memory_kib(&places.proc, pid).unwrap_or(0);
        match process::handles(&places.proc, pid) {
            Ok(handles) => figures.handles = figures.handles.map(|sum| sum + handles),
            // It ended in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => figures.handles = None,
        }
    }
    usage.figures = found.then_some(figures);
    usage
}

/// Whether a process is a head or descends from one.
fn is_below_head(process: &Process, by_pid: &HashMap<u32, &Process>, proc: &Path) -> bool {
    let mut at = process;
    for _ in 0..MAX_DEPTH {
        if is_head(at, proc) {
            return true;
        }
        let Some(parent) = by_pid.get(&at.parent) else { return false };
        at = parent;
    }
    false
}

fn is_head(process: &Process, proc: &Path) -> bool {
    if process.name == "master" {
        // Only Postfix's own: `/usr/lib/postfix/sbin/master`. Unreadable without the right, and then trusted.
        let exe = fs::read_link(proc.join(process.identity.pid.to_string()).join("exe"));
        return exe.map_or(true, |exe| exe.to_string_lossy().contains("postfix"));
    }
    // spamd is a Perl script and shows as `spamd` or, while it works, as `spamd child`.
    HEADS.contains(&process.name.split(' ').next().unwrap_or_default())
}

/// The control groups of mail services' units, one level of template slices included.
fn mail_units(cgroup: &Path) -> Vec<PathBuf> {
    let slice = cgroup.join("system.slice");
    let mut units = Vec::new();
    for (name, path) in folders(&slice) {
        if is_mail_unit(&name) {
            units.push(path);
        } else if name.strip_prefix("system-").is_some_and(is_mail_name) {
            units.extend(folders(&path).filter(|(name, _)| is_mail_unit(name)).map(|(_, path)| path));
        }
    }
    units
}

fn is_mail_unit(name: &str) -> bool {
    name.ends_with(".service") && is_mail_name(name)
}

fn is_mail_name(name: &str) -> bool {
    // Fetches signatures; it serves no mail.
    UNITS.iter().any(|unit| name.starts_with(unit)) && !name.starts_with("clamav-freshclam")
}

fn folders(path: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    fs::read_dir(path).into_iter().flatten().flatten().take(MAX_UNITS).filter_map(|entry| {
        let is_folder = entry.file_type().ok()?.is_dir();
        is_folder.then(|| Some((entry.file_name().to_str()?.to_owned(), entry.path())))?
    })
}

fn cgroup_cpu_ms(unit: &Path) -> Option<u64> {
    Some(keyed(&fs::read_to_string(unit.join("cpu.stat")).ok()?, "usage_usec")? / 1_000)
}

/// `memory.stat` has `kernel` since Linux 5.18.
fn cgroup_nonpaged_kib(unit: &Path) -> Option<u64> {
    let stat = fs::read_to_string(unit.join("memory.stat")).ok()?;
    let kernel = keyed(&stat, "kernel").or_else(|| {
        let parts = ["kernel_stack", "pagetables", "percpu", "sock", "slab_unreclaimable"];
        let known: Vec<u64> = parts.iter().filter_map(|part| keyed(&stat, part)).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    })?;
    Some((kernel + keyed(&stat, "unevictable").unwrap_or(0)) / 1_024)
}

/// The value of a line `key 123`.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
}

/// Processes in a control group and in those below it.
fn members(unit: &Path, pids: &mut BTreeSet<u32>) {
    let text = fs::read_to_string(unit.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    for (_, below) in folders(unit) {
        members(&below, pids);
    }
}
