//! Logs that are followed as they are written, in every way in which they may come: the counters are always those of
//! the whole log read at once.

use std::fs::OpenOptions;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mailtally_server::collect::{Live, Watch};
use mailtally_server::settings::Settings;

use super::*;

/// How a log goes on in a new file.
#[derive(Clone, Copy, Debug)]
enum Rotation {
    /// `mail.log.1`, the older ones one number up.
    Renamed,
    /// `mail.log.1` is a copy, and the log begins anew in its own file.
    CopyTruncated,
    /// `mail.log-20261122-00007`.
    Dated,
    /// The same, packed at once by xz.
    DatedAndPacked,
}

const ROTATIONS: [Rotation; 4] =
    [Rotation::Renamed, Rotation::CopyTruncated, Rotation::Dated, Rotation::DatedAndPacked];

/// Dated pieces that stay, as in most settings of logrotate.
const KEPT: usize = 7;

/// A site whose log is followed.
struct Followed {
    site: Site,
    live: Live,
    now: Time,
    rotations: usize,
}

impl Followed {
    fn new() -> Followed {
        let site = site();
        let mut settings = Settings::default();
        settings.collect.files = vec![site.dir.path().join("mail.log*").display().to_string()];
        let reading = Reading {
            zone: Zone::utc(),
            year: None,
            host: "box".to_owned(),
            keeps_events: true,
            silence_gap_secs: 6 * 3600,
            now: MODIFIED,
            last_line: LastLine::HoldBack,
            batch_lines: WHOLE,
        };
        let mut live = Live::new(Store::open(&site.data()).unwrap(), &settings, reading, None).unwrap();
        fs::write(site.dir.path().join("mail.log"), "").unwrap();
        live.catch_up(&Watch::default()).unwrap();
        Followed { site, live, now: MODIFIED, rotations: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.dir.path().join(name)
    }

    fn write(&self, bytes: &[u8]) {
        let mut log = OpenOptions::new().create(true).append(true).open(self.path("mail.log")).unwrap();
        log.write_all(bytes).unwrap();
    }

    fn look(&mut self) {
        self.now = self.now.plus_secs(1);
        self.live.look(self.now);
    }

    fn rotate(&mut self, how: Rotation) {
        self.rotations += 1;
        let (log, first) = (self.path("mail.log"), self.path("mail.log.1"));
        let dated = |number: usize| self.path(&format!("mail.log-20261122-{number:05}"));
        // Older pieces are taken away: they were read long ago.
        if let Some(old) = self.rotations.checked_sub(KEPT + 1) {
            for gone in [dated(old), dated(old).with_added_extension("xz")] {
                drop(fs::remove_file(gone));
            }
        }
        let dated = dated(self.rotations);
        if first.exists() {
            fs::rename(&first, self.path("mail.log.2")).unwrap();
        }
        match how {
            Rotation::Renamed => fs::rename(&log, &first).unwrap(),
            Rotation::CopyTruncated => {
                fs::copy(&log, &first).unwrap();
                File::create(&log).unwrap();
            }
            Rotation::Dated => fs::rename(&log, &dated).unwrap(),
            Rotation::DatedAndPacked => {
                fs::write(format!("{}.xz", dated.display()), packed_by_xz(&fs::read(&log).unwrap())).unwrap();
                fs::remove_file(&log).unwrap();
            }
        }
    }

    /// The following ends, and the last lines are imported: that books what is open up to them.
    fn end(mut self, last: &[u8]) -> Site {
        self.look();
        self.live.commit(self.now);
        self.write(last);
        drop(self.live);
        self.site.import_some(&[self.site.dir.path().join("mail.log")]);
        self.site
    }
}

/// The log but for its last lines, and these.
fn but_last(bytes: &[u8]) -> (&[u8], &[u8]) {
    let newlines: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    bytes.split_at(newlines[newlines.len() - 4] + 1)
}

/// A look after every `step` bytes.
fn by_bytes(name: &str, step: usize) {
    let bytes = iso_corpus(name);
    let (most, last) = but_last(&bytes);
    let mut followed = Followed::new();
    for (number, piece) in most.chunks(step).enumerate() {
        followed.write(piece);
        followed.look();
        if number % 997 == 0 {
            followed.live.commit(followed.now);
        }
    }
    check(&followed.end(last), &expected(&bytes));
}

/// Rotated at every `step`th line.
fn by_rotation(name: &str, how: Rotation, step: NonZeroUsize) {
    let bytes = iso_corpus(name);
    let (most, last) = but_last(&bytes);
    let mut followed = Followed::new();
    let lines: Vec<&[u8]> = most.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, lines) in lines.chunks(step.get()).enumerate() {
        if number > 0 {
            followed.rotate(how);
        }
        followed.write(&lines.concat());
        // Now and then it looks away while the log is rotated twice.
        if number % 3 != 1 {
            followed.look();
        }
        if number % 5 == 0 {
            followed.live.commit(followed.now);
        }
    }
    check(&followed.end(last), &expected(&bytes));
}

/// Each of them once, by as many threads as there are processors: what takes minutes is all of one kind.
fn in_parallel<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(one);
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(1, NonZeroUsize::get)).for_each(|_| drop(scope.spawn(work)));
    });
}

fn step(step: usize) -> NonZeroUsize {
    NonZeroUsize::new(step).unwrap()
}

#[test]
fn a_log_that_comes_in_pieces_of_a_few_bytes_is_one_log() {
    for name in CORPORA {
        by_bytes(name, 61);
    }
}

#[test]
#[ignore = "takes minutes: `cargo xtask test --long`"]
fn a_log_that_comes_byte_by_byte_is_one_log() {
    in_parallel(&CORPORA, |name| by_bytes(name, 1));
}

// FAULTS 21, 22, 25
#[test]
fn a_log_that_is_rotated_now_and_then_is_one_log() {
    for name in CORPORA {
        for how in ROTATIONS {
            by_rotation(name, how, step(41));
        }
    }
}

// FAULTS 21, 22, 25
#[test]
#[ignore = "takes minutes: `cargo xtask test --long`"]
fn a_log_that_is_rotated_at_each_line_is_one_log() {
    let all: Vec<_> = CORPORA.iter().flat_map(|name| ROTATIONS.map(|how| (*name, how))).collect();
    in_parallel(&all, |(name, how)| by_rotation(name, *how, step(1)));
}

// FAULTS 1
#[test]
#[ignore = "takes minutes: `cargo xtask test --long`"]
fn a_process_that_dies_after_each_line_counts_everything_once() {
    for name in CORPORA {
        let bytes = corpus(name);
        let site = site().with("mail.log", &bytes);
        assert!(site.import_dying(1) > 300);
        check(&site, &expected(&bytes));
    }
}

/// The other stamps alone: the same counters, since nothing but the stamps differs.
#[test]
fn stamps_of_the_other_kind_give_the_same_counters() {
    for name in CORPORA {
        let site = site().with("mail.log", &iso_corpus(name));
        site.import();
        check(&site, &expected(&corpus(name)));
    }
}

/// A corpus as a server in Berlin logs it around a clock change, in stamps of local time, and the same with offsets.
fn around(change: &str, name: &str) -> (Vec<u8>, Vec<u8>) {
    use chrono::{DateTime, Duration, Utc};
    let lines: Vec<(DateTime<Utc>, String)> = String::from_utf8(iso_corpus(name))
        .unwrap()
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(stamp, rest)| (stamp.parse().unwrap(), rest.to_owned()))
        .collect();
    let change: DateTime<Utc> = change.parse().unwrap();
    let (first, last) = (lines[0].0, lines[lines.len() - 1].0);
    let shift = Duration::seconds((change - (first + (last - first) / 2)).num_seconds());
    let (mut local, mut dated) = (String::new(), String::new());
    for (at, rest) in lines {
        let at = at + shift;
        let berlin = at.with_timezone(&chrono_tz::Europe::Berlin);
        local.push_str(&format!("{} {rest}\n", berlin.format("%b %e %H:%M:%S")));
        dated.push_str(&format!("{} {rest}\n", at.format("%Y-%m-%dT%H:%M:%SZ")));
    }
    (local.into_bytes(), dated.into_bytes())
}

// FAULTS 59: the hour that is repeated, the one that is left out, and rotations in them.
#[test]
fn a_clock_change_moves_no_line_wherever_the_log_is_cut() {
    for change in ["2026-10-25T01:00:00Z", "2026-03-29T01:00:00Z"] {
        for name in CORPORA {
            let (local, dated) = around(change, name);
            let expected = expected(&dated);
            for count in [1, 2, 7] {
                let mut site = site();
                for (age, piece) in pieces(&local, count).iter().rev().enumerate() {
                    let name = if age == 0 { "mail.log".to_owned() } else { format!("mail.log.{age}") };
                    site.put(&name, piece);
                }
                let data = site.data().display().to_string();
                let files: Vec<String> = site.files.iter().map(|path| path.display().to_string()).collect();
                let mut args = vec!["import", "--data", &data, "--log-zone", "Europe/Berlin"];
                args.extend(files.iter().map(String::as_str));
                assert_eq!(mailtally(&args, None).status.code(), Some(0));
                check(&site, &expected);
            }
        }
    }
}

// FAULTS 58, 64: the daemon was told to write the other style while it wrote.
#[test]
fn a_log_that_changes_its_style_counts_the_same() {
    for name in CORPORA {
        let (plain, dated) = (corpus(name), iso_corpus(name));
        let expected = expected(&plain);
        let [plain, dated] = [plain, dated].map(|bytes| pieces(&bytes, 2));
        for halves in [[&plain[0], &dated[1]], [&dated[0], &plain[1]]] {
            let site = site().with("mail.log", &halves.map(Vec::as_slice).concat());
            site.import();
            check(&site, &expected);
        }
    }
}
