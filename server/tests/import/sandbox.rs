//! The system calls that docs/mailtally.service refuses are not needed, and whoever reads logs needs no network.

use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::served::Served;
use super::*;

/// Whatever makes or uses a connection.
const NETWORK: [i64; 7] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
];

/// Of what the unit's SystemCallFilter leaves out, all that a program could think it needs: to become another, to change
/// owners, limits, clocks and mounts, to look into other processes, to make name spaces, to load code into the kernel.
const REFUSED_BY_THE_UNIT: [i64; 36] = [
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setresuid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_capset,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setpriority,
    libc::SYS_setrlimit,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_personality,
];

/// As the unit's SystemCallErrorNumber. (SQLite, as root, tries to give a file it makes to the directory's owner.)
const REFUSED: SeccompAction = SeccompAction::Errno(libc::EPERM as u32);

fn filter(calls: &[i64], action: SeccompAction) -> BpfProgram {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let here = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(rules, SeccompAction::Allow, action, here).unwrap().try_into().unwrap()
}

/// Runs `work` on a thread where these calls meet with `action`, and so do they in the processes that it starts.
fn under<T: Send>(calls: &[i64], action: SeccompAction, work: impl FnOnce() -> T + Send) -> T {
    let filter = filter(calls, action);
    thread::scope(|scope| {
        let inside = scope.spawn(|| {
            seccompiler::apply_filter(&filter).unwrap();
            work()
        });
        inside.join().unwrap()
    })
}

fn mailtally() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailtally"))
}

fn import(site: &Site) -> Output {
    mailtally().arg("import").args(["--log-zone", "UTC", "--data"]).arg(site.data()).args(&site.files).output().unwrap()
}

#[test]
fn who_reads_logs_needs_no_network() {
    // FAULTS 94
    let counted = |import: &dyn Fn(&Site) -> Output| {
        let site = site().with("mail.log", &iso_corpus("rejects"));
        let output = import(&site);
        assert!(output.status.success(), "{output:?}");
        site.numbers()
    };
    let free = counted(&import);
    assert!(free.len() > 10);
    let inside = counted(&|site| under(&NETWORK, SeccompAction::KillProcess, || import(site)));
    assert_eq!(inside, free);

    // The filter bites: whoever listens dies of it.
    let mut serve = mailtally();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(site().data());
    let serve = || serve.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let ended = under(&NETWORK, SeccompAction::KillProcess, serve);
    assert_eq!(ended.code(), None, "{ended}");
}

#[test]
fn what_the_unit_refuses_is_not_needed() {
    // FAULTS 94
    let site = site().with("mail.log", &iso_corpus("rejects"));
    let served = under(&REFUSED_BY_THE_UNIT, REFUSED, || {
        let output = import(&site);
        assert!(output.status.success(), "{output:?}");
        Served::start(mailtally(), &site)
    });
    let answer = served.ask("/api/status");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
