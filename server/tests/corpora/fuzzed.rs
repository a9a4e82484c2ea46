//! The fuzz targets, briefly and on stable: each on the inputs that are kept for it (fuzz/corpus), damaged at random with a
//! fixed seed. What cargo-fuzz does for hours is begun here in each run, so that no target rots and what it once found
//! stays mended.

use super::*;

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

/// Some seconds for all of them, unoptimised.
const RUNS: usize = 600;

fn kept(target: &str) -> Vec<Vec<u8>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

// FAULTS 41, 50, 57
#[test]
fn every_fuzz_target_bears_what_is_kept_and_what_is_damaged() {
    for target in &fuzz::TARGETS {
        let kept = kept(target.name);
        assert!(!kept.is_empty(), "{}: nothing is kept to begin with", target.name);
        let mut random = Random(57);
        for bytes in &kept {
            (target.run)(bytes);
        }
        for run in 0..RUNS {
            let mut bytes = kept[random.below(kept.len())].clone();
            for _ in 0..=random.below(4) {
                let other = &kept[random.below(kept.len())];
                random.damage(&mut bytes, other);
            }
            let bears = std::panic::catch_unwind(|| (target.run)(&bytes)).is_ok();
            assert!(bears, "{}, run {run}: {:?}", target.name, String::from_utf8_lossy(&bytes));
        }
    }
}

/// Each target is one that cargo-fuzz knows as well.
#[test]
fn every_fuzz_target_is_driven_for_hours_too() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap();
    for target in &fuzz::TARGETS {
        let driver = std::fs::read_to_string(dir.join(format!("fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(driver.contains(&format!("mailtally_fuzz::{}(bytes)", target.name)), "{driver}");
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{}", target.name);
    }
}

/// Text that makes a search begin again at each of its bytes, where it is looked for unwisely.
const SLOW: [&str; 14] = [
    "a",
    "<",
    ">",
    "\"",
    "\\",
    ",",
    ", to=<",
    "; from=<a>",
    ": ",
    "[",
    "=",
    " status=sent (",
    "\"><",
    "user=<a>, rip=",
];

/// Nanoseconds that this thread was on a processor, however busy the machine is; told in steps of a few milliseconds.
fn on_processor() -> u64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    schedstat.split(' ').next().unwrap().parse().unwrap()
}

fn cost(what: impl Fn()) -> u64 {
    let before = on_processor();
    what();
    on_processor() - before
}

// FAULTS 51: a long text takes as long as short ones that are as long together, and not eight times that.
#[test]
fn hostile_text_takes_time_in_proportion() {
    const SHORT: usize = 8 * 1024;
    const TIMES: usize = 8;
    /// More than what the clock is exact to, and a hundredth of what a search that begins anew at each byte would take.
    const SLACK_NANOS: u64 = 100_000_000;
    let beginnings = [
        "",
        "NOQUEUE: reject: RCPT from a[203.0.113.10]: 554 5.7.1 <",
        "00783B44EF: to=<",
        "imap-login: Disconnected (auth failed): user=<",
        "(01234-01) Blocked SPAM {Rejected}, [1.2.3.4] <",
        "1xUvBf-00038z-1J <= ann@outside.example ",
    ];
    for (beginning, piece) in beginnings.iter().flat_map(|beginning| SLOW.map(|piece| (beginning, piece))) {
        let text = |bytes: usize| [beginning.as_bytes(), &piece.repeat(bytes / piece.len()).into_bytes()].concat();
        let (short, long) = (text(SHORT), text(TIMES * SHORT));
        for run in [fuzz::message, fuzz::journal, fuzz::wire] {
            let (apart, whole) = (cost(|| (0..TIMES).for_each(|_| run(&short))), cost(|| run(&long)));
            assert!(whole < 3 * apart + SLACK_NANOS, "{beginning}{piece}…: {whole} ns, {apart} for as much in pieces");
        }
    }
}
