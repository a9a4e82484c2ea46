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

// FAULTS 41, 50, 51, 57
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
