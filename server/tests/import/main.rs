//! Logs in, counters out: however the same lines come, they are counted once.
#![allow(clippy::unwrap_used)]

mod account;
mod crowd;
mod faults;
mod kill;
mod older;
mod recount;
mod rotated;
#[cfg(target_os = "linux")]
mod sandbox;
mod served;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use mailtally_model::{Slot, Time, Zone};
use mailtally_server::collect::{self, Collector, Imported, Outcome, Reading};
use mailtally_server::settings::MailSettings;
use mailtally_server::source::files;
use mailtally_server::source::lines::LastLine;
use mailtally_server::store::{Reader, Store};
use tempfile::TempDir;

const CORPORA: [&str; 4] = ["delivery-bounce-defer-expire", "dovecot", "rejects", "spamd-pipe"];
/// 2026-11-23: a day after the corpora, so that their stamps without a year are of 2026.
const MODIFIED: Time = Time(1_795_392_000);
const WHOLE: usize = collect::MAX_BATCH_LINES;

fn corpus(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpora").join(name).join("mail.log");
    fs::read(path).unwrap()
}

/// A directory of logs, with a data directory in it.
struct Site {
    dir: TempDir,
    files: Vec<PathBuf>,
}

fn site() -> Site {
    Site { dir: tempfile::tempdir().unwrap(), files: Vec::new() }
}

impl Site {
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn with(mut self, name: &str, bytes: &[u8]) -> Site {
        self.put(name, bytes);
        self
    }

    fn put(&mut self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED.0 as u64);
        File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        self.files.retain(|other| *other != path);
        self.files.push(path);
    }

    fn import(&self) -> Imported {
        self.import_some(&self.files)
    }

    fn import_some(&self, paths: &[PathBuf]) -> Imported {
        self.run(paths, WHOLE, &mut || ControlFlow::Continue(())).unwrap()
    }

    fn run(
        &self,
        paths: &[PathBuf],
        batch_lines: usize,
        news: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> anyhow::Result<Imported> {
        let reading = Reading {
            zone: Zone::utc(),
            year: None,
            host: "box".to_owned(),
            silence_gap_secs: 6 * 3600,
            keeps_events: true,
            now: MODIFIED,
            last_line: LastLine::Take,
            batch_lines,
        };
        let files: Vec<_> = paths.iter().map(|path| files::look(path).unwrap()).collect();
        let mut collector = Collector::into_store(Store::open(&self.data())?, &MailSettings::default(), &reading)?;
        collect::import(&files, &mut collector, &reading, &mut |_| news())
    }

    /// Dies after each commit and begins again from what the store has; gives how often.
    fn import_dying(&self, batch_lines: usize) -> usize {
        let mut deaths = 0;
        loop {
            let mut died = false;
            let mut die = || {
                died = true;
                ControlFlow::Break(())
            };
            self.run(&self.files, batch_lines, &mut die).unwrap();
            if !died {
                return deaths;
            }
            deaths += 1;
        }
    }

    /// Everything that was counted, and the time that was read.
    fn numbers(&self) -> Vec<String> {
        let mut all = Vec::new();
        let counters = Reader::open(&self.data()).unwrap();
        let each = |subject: &str, measure, slot: Slot, sum| all.push(format!("{subject} {measure} {} {sum}", slot.0));
        counters.each_counter(each).unwrap();
        let db = rusqlite::Connection::open(self.data().join(mailtally_server::store::FILE)).unwrap();
        let mut rows =
            db.prepare("SELECT family || ' ' || host || ' ' || from_secs || ' ' || until_secs FROM coverage").unwrap();
        let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        all.extend(rows.map(Result::unwrap));
        all.sort();
        all
    }
}

/// What a corpus with stamps of the other kind holds: ISO 8601, with offset and year.
fn iso_corpus(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpora").join(name).join("mail.iso.log");
    fs::read(path).unwrap()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed_by_xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// Lines cut into so many pieces, in order.
fn pieces(bytes: &[u8], count: usize) -> Vec<Vec<u8>> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    lines.chunks(lines.len().div_ceil(count)).map(<[&[u8]]>::concat).collect()
}

/// The same, cut where the second changes.
fn pieces_of_whole_seconds(bytes: &[u8], count: usize) -> Vec<Vec<u8>> {
    const STAMP: usize = "Nov 21 23:56:50".len();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let seconds: Vec<&[&[u8]]> = lines.chunk_by(|a, b| a[..STAMP] == b[..STAMP]).collect();
    seconds.chunks(seconds.len().div_ceil(count)).map(|chunk| chunk.concat().concat()).collect()
}

/// What a corpus counts when it is read in one go, and checks that it is something.
fn expected(bytes: &[u8]) -> Vec<String> {
    let site = site().with("mail.log", bytes);
    site.import();
    let numbers = site.numbers();
    assert!(numbers.len() > 5, "nothing is counted: {numbers:?}");
    numbers
}

#[track_caller]
fn check(site: &Site, expected: &[String]) {
    let numbers = site.numbers();
    let missing: Vec<_> = expected.iter().filter(|number| !numbers.contains(number)).collect();
    let too_much: Vec<_> = numbers.iter().filter(|number| !expected.contains(number)).collect();
    assert!(missing.is_empty() && too_much.is_empty(), "missing {missing:#?}, too much {too_much:#?}");
}

#[test]
fn plain_and_packed_and_twice_are_the_same() {
    for name in CORPORA {
        let bytes = corpus(name);
        let expected = expected(&bytes);
        for (name, bytes) in [
            ("mail.log.3.gz", packed(&bytes)),
            ("mail.log.3.xz", packed_by_xz(&bytes)),
            ("mail.log-20261122.zst", zstd::encode_all(&bytes[..], 1).unwrap()),
        ] {
            let site = site().with(name, &bytes);
            site.import();
            check(&site, &expected);
        }
        let mut site = site().with("mail.log.3.gz", &packed(&bytes));
        site.import();
        // FAULTS 26
        site.put("copy", &bytes);
        let again = site.import();
        assert!(again.files.iter().all(|file| file.outcome == Outcome::AlreadyIngested), "{again:?}");
        assert_eq!(again.lines, 0);
        check(&site, &expected);
    }
}

// FAULTS 26
#[test]
fn a_copy_in_the_same_import_counts_once() {
    let bytes = corpus("rejects");
    let site = site().with("a", &bytes).with("b.gz", &packed(&bytes)).with("c", &pieces(&bytes, 2)[0]);
    let imported = site.import();
    let copies = imported.files.iter().filter(|file| matches!(file.outcome, Outcome::CopyOf(_))).count();
    assert_eq!(copies, 2, "{imported:?}");
    check(&site, &expected(&bytes));
}

#[test]
fn rotated_pieces_in_any_order_are_one_log() {
    for name in CORPORA {
        let bytes = corpus(name);
        let mut site = site();
        let names = ["mail.log.2.gz", "mail.log.1", "mail.log"];
        for (name, piece) in names.iter().zip(pieces(&bytes, 3)) {
            site.put(name, &if name.ends_with(".gz") { packed(&piece) } else { piece });
        }
        site.files.swap(0, 2);
        site.import();
        check(&site, &expected(&bytes));
    }
}

// Where names say nothing, stamps do; two pieces of one second could as well be two logs.
#[test]
fn pieces_of_any_name_are_put_in_order_by_their_stamps() {
    for name in CORPORA {
        let bytes = corpus(name);
        let mut site = site();
        for (name, piece) in ["c", "a", "b"].iter().zip(pieces_of_whole_seconds(&bytes, 3)) {
            site.put(name, &piece);
        }
        site.import();
        check(&site, &expected(&bytes));
    }
}

#[test]
fn pieces_and_the_whole_are_one_log_in_any_order() {
    for name in CORPORA {
        let bytes = corpus(name);
        let expected = expected(&bytes);
        for whole_first in [true, false] {
            let mut site = site();
            let names = ["mail.log.2.gz", "mail.log.1", "mail.log"];
            for (name, piece) in names.iter().zip(pieces(&bytes, 3)) {
                site.put(name, &if name.ends_with(".gz") { packed(&piece) } else { piece });
            }
            let pieces = std::mem::take(&mut site.files);
            site.put("whole", &bytes);
            let groups = if whole_first { [&site.files, &pieces] } else { [&pieces, &site.files] };
            for group in groups {
                site.import_some(group);
            }
            check(&site, &expected);
        }
    }
}

#[test]
fn a_log_that_grows_between_imports_goes_on() {
    for name in CORPORA {
        let bytes = corpus(name);
        let mut site = site();
        let mut so_far = Vec::new();
        for piece in pieces(&bytes, 5) {
            so_far.extend(piece);
            site.put("mail.log", &so_far);
            site.import();
        }
        check(&site, &expected(&bytes));
    }
}

// SEMANTICS R13: the year of a first stamp hangs on the last line, however far behind it that is.
#[test]
fn a_long_log_that_goes_over_the_turn_of_the_year_begins_in_the_year_before() {
    const LINES: usize = 8_000;
    let line = |stamp: &str, number: usize| {
        let (hour, minute) = (number / 60 / 24 % 24, number / 24 % 60);
        format!("{stamp} {hour:02}:{minute:02}:00 mx1 postfix/smtpd[7]: connect from unknown[192.0.2.7]\n")
    };
    let old = (0..LINES).map(|number| line("Oct  1", number));
    let new = (0..LINES).map(|number| line("Feb 20", number));
    let bytes: String = old.chain(new).collect();
    assert!(bytes.len() > 1 << 20);
    let site = site().with("mail.log", bytes.as_bytes());
    site.import();
    let years: BTreeSet<String> = site.numbers().iter().filter_map(|number| slot_year(number)).collect();
    assert_eq!(years.into_iter().collect::<Vec<_>>(), ["2025", "2026"]);
}

/// The year of a counter's slot as [`Site::numbers`] writes it; none of a stretch that was read.
fn slot_year(number: &str) -> Option<String> {
    let [_, measure, slot, _] = number.split(' ').collect::<Vec<_>>()[..] else { return None };
    let is_counter = measure.parse::<u16>().is_ok();
    let start = Slot(slot.parse().ok().filter(|_| is_counter)?).start();
    chrono::DateTime::from_timestamp(start.0, 0).map(|time| time.format("%Y").to_string())
}

// FAULTS 1: whatever was not committed is read again.
#[test]
fn a_process_that_dies_between_commits_counts_everything_once() {
    for name in CORPORA {
        let bytes = corpus(name);
        let site = site().with("mail.log", &bytes);
        let deaths = site.import_dying(29);
        assert!(deaths > 5);
        check(&site, &expected(&bytes));
    }
}

// FAULTS 1, with several logs open at once.
#[test]
fn a_process_that_dies_while_merging_counts_everything_once() {
    let (first, second) = (corpus("rejects"), corpus("dovecot"));
    let whole = site().with("mail.log", &first).with("mail.err", &second);
    whole.import();
    let site = site().with("mail.log", &first).with("mail.err", &second);
    assert!(site.import_dying(31) > 5);
    check(&site, &whole.numbers());
}

/// Debian's rules: all of a host's lines in syslog, those of mail in mail.log and mail.info, warnings in mail.warn.
fn debian(bytes: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    let other = b"Nov 21 23:56:49 mx1 cron[1]: (root) CMD (true)\n".as_slice();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let is_warning = |line: &&&[u8]| line.windows(8).any(|words| words == b"warning:");
    let warnings = lines.iter().filter(is_warning).copied().collect::<Vec<_>>().concat();
    [
        ("mail.warn", warnings),
        ("mail.info", bytes.to_vec()),
        ("syslog", [other, bytes].concat()),
        ("mail.log", bytes.to_vec()),
    ]
}

#[test]
fn the_copies_of_one_stream_that_debian_writes_count_once() {
    let bytes = corpus("rejects");
    let [_, _, syslog, _] = debian(&bytes);
    let expected = expected(&syslog.1);
    let mut together = site();
    let mut apart = site();
    for (name, bytes) in debian(&bytes) {
        together.put(name, &bytes);
        apart.put(name, &bytes);
        apart.import_some(&apart.files[apart.files.len() - 1..]);
    }
    let imported = together.import();
    assert!(imported.files.iter().map(|file| file.held_back).sum::<u64>() > 400, "{imported:?}");
    check(&together, &expected);
    check(&apart, &expected);
}

// FAULTS 26: as each night, when all of them have grown alike.
#[test]
fn the_copies_of_one_stream_count_once_each_time_they_have_grown() {
    let bytes = corpus("rejects");
    let mut site = site();
    let mut so_far = Vec::new();
    for (night, piece) in pieces(&bytes, 4).into_iter().enumerate() {
        so_far.extend(piece);
        // The second is new on the second night, and known by then.
        for name in ["mail.log", "mail.info", "mail.copy"].iter().take(night + 1) {
            site.put(name, &so_far);
        }
        site.import();
    }
    check(&site, &expected(&bytes));
}

#[test]
fn the_same_log_with_other_stamps_counts_once() {
    for name in CORPORA {
        let bytes = corpus(name);
        let mut site = site().with("mail.log", &bytes);
        site.import();
        site.put("mail.iso.log", &iso_corpus(name));
        let imported = site.import();
        assert_eq!(imported.files[1].held_back, imported.files[1].lines);
        check(&site, &expected(&bytes));
    }
}

// FAULTS 40
#[test]
fn what_was_repeated_and_is_not_known_is_counted_apart() {
    let repeated = "2026-11-22T00:00:05+00:00 mx1 last message repeated 3 times\n";
    let site = site().with("mail.log", [HEAD, repeated].concat().as_bytes());
    site.import();
    let health = Reader::open(&site.data()).unwrap().health().unwrap();
    let row = health.programs.iter().find(|program| program.program == "(repeated, not known what)").unwrap();
    assert_eq!((row.unparsed, row.examples.len()), (1, 1));
    assert_eq!((health.sources[0].lines, health.sources[0].unparsed), (2, 1));
}

// FAULTS 39: a daemon has a file of its own, as syslog's rules by program write it.
#[test]
fn lines_of_one_message_in_several_files_are_one_message() {
    let program = |line: &[u8]| -> String {
        let word = line.split(|byte| *byte == b' ').nth(2).unwrap();
        String::from_utf8_lossy(word).chars().take_while(|c| !matches!(c, '[' | ':')).collect()
    };
    for name in CORPORA {
        let bytes = iso_corpus(name);
        let expected = expected(&bytes);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let programs: BTreeSet<String> = lines.iter().map(|line| program(line)).collect();
        for apart in &programs {
            let (own, rest): (Vec<&[u8]>, Vec<&[u8]>) = lines.iter().partition(|line| program(line) == *apart);
            let site = site().with("own.log", &own.concat()).with("mail.log", &rest.concat());
            site.import();
            check(&site, &expected);
        }
    }
}

const HEAD: &str = "2026-11-22T00:00:00+00:00 mx1 postfix/smtpd[1]: connect from a.example[192.0.2.1]\n";

// FAULTS 62, 63: counted apart, not with the rest.
#[test]
fn stamps_in_the_future_and_lines_far_too_late_are_left_out() {
    let soon = HEAD.replace("11-22", "11-23").replace("T00:00", "T00:02");
    let future = HEAD.replace("11-22", "11-26");
    let far = HEAD.replace("2026", "9999");
    let late = HEAD.replace("11-22", "11-10");
    let text = [HEAD, &soon, &future, &far, &late, HEAD].concat();
    let site = site().with("mail.log", text.as_bytes());
    let imported = site.import();
    let file = &imported.files[0];
    assert_eq!((file.lines, file.ahead, file.too_late), (6, 2, 1));
}

// FAULTS 34
#[test]
fn a_truncated_file_gives_its_good_part_and_the_rest_comes_later() {
    let bytes = corpus("spamd-pipe");
    let whole = packed(&bytes);
    let mut site = site().with("mail.log.1.gz", &whole[..whole.len() / 2]);
    let imported = site.import();
    assert!(!imported.is_whole() && imported.files[0].lines > 10, "{imported:?}");
    site.put("mail.log.1.gz", &whole);
    assert!(site.import().is_whole());
    check(&site, &expected(&bytes));
}

// FAULTS 40, 41, 42, 52: odd bytes are counted as not understood and change nothing.
#[test]
fn bytes_that_are_no_log_are_counted_as_such() {
    let junk = [&b"\xff\xfe\x80 nothing\n\n"[..], &[b'x'; 70_000], b"\nMar 99 99:99:99 mx1 a: b\n"].concat();
    let site = site().with("mail.log", &[HEAD.as_bytes(), &junk, HEAD.as_bytes()].concat());
    let imported = site.import();
    assert!(imported.is_whole());
    let file = &imported.files[0];
    assert_eq!((file.lines, file.no_envelope, file.cut), (6, 3, 1));
}

fn mailtally(args: &[&str], stdin: Option<&[u8]>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtally"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(stdin.unwrap_or_default()).unwrap();
    drop(pipe);
    child.wait_with_output().unwrap()
}

#[test]
fn the_command_says_what_it_did_and_how_it_ended() {
    let bytes = corpus("rejects");
    let site = site().with("mail.log", &bytes);
    let data = site.data().display().to_string();
    let log = site.files[0].display().to_string();
    let import = ["import", "--data", &data, "--log-zone", "UTC", &log];

    let first = mailtally(&import, None);
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(said.contains("496 lines") && said.contains("lines/s"), "{said}");
    assert_eq!((first.status.code(), first.stdout.len()), (Some(0), 0));

    let second = mailtally(&import, None);
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("{log}: already ingested")), "{said}");
    assert_eq!(second.status.code(), Some(0));

    let missing = mailtally(&["import", "--data", &data, "/nowhere/mail.log", &log], None);
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("cannot read /nowhere/mail.log: "), "{said}");
    assert_eq!(missing.status.code(), Some(1));

    assert_eq!(mailtally(&["import", "--data", &data], None).status.code(), Some(2));
    assert_eq!(
        mailtally(&["import", "--data", &data, "--log-zone", "Mars/Olympus", &log], None).status.code(),
        Some(2)
    );
}

#[test]
fn standard_input_is_a_log_too() {
    let bytes = corpus("rejects");
    let from_file = site().with("mail.log", &bytes);
    let log = from_file.files[0].display().to_string();
    for (site, path, input) in [(&from_file, log.as_str(), None), (&site(), "-", Some(&bytes[..]))] {
        let data = site.data().display().to_string();
        let output = mailtally(&["import", "--data", &data, "--log-zone", "UTC", "--year", "2026", path], input);
        assert_eq!(output.status.code(), Some(0));
        check(site, &from_file.numbers());
    }
}

#[test]
fn check_writes_nothing() {
    let site = site().with("mail.log", &corpus("rejects"));
    let log = site.files[0].display().to_string();
    let output = mailtally(&["check", "--log-zone", "UTC", &log], None);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("would count:") && said.contains("smtp_in.connections: "), "{said}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_dir(site.dir.path()).unwrap().count(), 1);
}
