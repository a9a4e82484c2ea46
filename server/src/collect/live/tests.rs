//! Logs that grow, and what is committed of them.

use mailtally_model::Zone;
use std::fs::{self, OpenOptions};
use std::io::Write;

use super::*;
use crate::store::Reader;

const NOW: Time = Time(1_795_305_600);

/// Weeks around the end of a summer.
const AUTUMN: Span = Span { from: Time(1_790_000_000), until: Time(1_800_000_000) };

struct World {
    dir: tempfile::TempDir,
    watch: Watch,
}

fn world() -> World {
    World { dir: tempfile::tempdir().expect("a temporary directory"), watch: Watch::default() }
}

/// Connections at these seconds after [`NOW`], in stamps without a year.
fn write(log: &std::path::Path, seconds: std::ops::Range<i64>) {
    let mut file = OpenOptions::new().create(true).append(true).open(log).expect("a temporary file");
    for second in seconds {
        let at = chrono::DateTime::from_timestamp(NOW.0 + second, 0).expect("in range").format("%b %e %H:%M:%S");
        let line = format!("{at} mx1 postfix/smtpd[{second}]: connect from a.example[192.0.2.1]\n");
        file.write_all(line.as_bytes()).expect("a temporary file");
    }
    let modified = std::time::UNIX_EPOCH + Duration::from_secs(NOW.0 as u64);
    file.set_modified(modified).expect("a temporary file");
}

impl World {
    fn log(&self) -> PathBuf {
        self.dir.path().join("mail.log")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn write(&self, seconds: std::ops::Range<i64>) {
        write(&self.log(), seconds);
    }

    fn rotate(&self) {
        fs::rename(self.log(), self.dir.path().join("mail.log.1")).expect("a temporary file");
    }

    fn live(&self) -> Live {
        let mut settings = Settings::default();
        settings.collect.files = vec![self.dir.path().join("mail.log*").display().to_string()];
        self.live_with(&settings)
    }

    fn live_with(&self, settings: &Settings) -> Live {
        self.live_of(settings, Zone::utc())
    }

    fn live_in(&self, zone: Zone) -> Live {
        let mut settings = Settings::default();
        settings.collect.files = vec![self.log().display().to_string()];
        self.live_of(&settings, zone)
    }

    fn live_of(&self, settings: &Settings, zone: Zone) -> Live {
        let reading = Reading {
            zone,
            year: None,
            host: "box".to_owned(),
            silence_gap_secs: 6 * 3600,
            keeps_events: true,
            now: NOW,
            last_line: LastLine::HoldBack,
            batch_lines: 7,
        };
        let store = Store::open(&self.data()).expect("a data directory");
        let mut live = Live::new(store, settings, reading, None).expect("an empty store");
        live.catch_up(&self.watch).expect("logs that can be read");
        live
    }

    fn gaps(&self) -> Vec<(i64, i64)> {
        let store = rusqlite::Connection::open(self.data().join(crate::store::FILE)).expect("a data file");
        store
            .prepare("SELECT DISTINCT from_secs, until_secs FROM gap")
            .and_then(|mut rows| rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .expect("a table of gaps")
    }

    fn check(&self, lines: u64) {
        let health = Reader::open(&self.data()).and_then(|reader| reader.health()).expect("a data file");
        let smtpd = health.programs.iter().find(|program| program.program == "postfix/smtpd");
        assert_eq!(smtpd.map_or(0, |smtpd| smtpd.understood + smtpd.ignored), lines);
        assert!(health.programs.iter().all(|program| program.unparsed == 0), "{:?}", health.programs);
    }
}

/// A look that ends. One that goes on reading what cannot be written would hold up the tests for ever.
fn look_in_time(mut live: Live, now: Time) -> Live {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        live.look(now);
        drop(done.send(live));
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("the look ends, whether or not a batch can be written")
}

#[test]
fn what_is_there_is_read_and_what_comes_is_followed() {
    let world = world();
    world.write(0..10);
    world.rotate();
    world.write(10..20);
    let mut live = world.live();
    live.commit(NOW);
    world.check(20);
    world.write(20..40);
    live.look(NOW.plus_secs(1));
    live.commit(NOW.plus_secs(1));
    world.check(40);
}

#[test]
fn a_rotation_is_followed_and_a_new_process_goes_on() {
    let world = world();
    world.write(0..10);
    let mut live = world.live();
    world.write(10..12);
    world.rotate();
    live.look(NOW.plus_secs(1));
    world.write(12..15);
    live.look(NOW.plus_secs(2));
    live.look(NOW.plus_secs(3));
    live.commit(NOW.plus_secs(3));
    world.check(15);
    // Read and not committed: it is read again.
    world.write(15..18);
    live.look(NOW.plus_secs(4));
    drop(live);
    let mut live = world.live();
    world.check(18);
    live.look(NOW.plus_secs(5));
    live.commit(NOW.plus_secs(5));
    world.check(18);
}

// FAULTS 2, 22: whatever call of the start it comes between, and whether the log was new or known.
#[test]
fn a_log_rotated_at_any_moment_of_the_start_is_read_whole() {
    const MOMENTS: usize = 40;
    for (at, is_known, is_copied) in
        (0..MOMENTS).flat_map(|at| [(at, true, true), (at, false, true), (at, true, false), (at, false, false)])
    {
        let world = world();
        world.write(0..10);
        if is_known {
            let mut live = world.live();
            live.commit(NOW);
        }
        world.write(10..30);
        let (log, mut moment) = (world.log(), 0);
        let rotate = move || {
            if moment == at {
                let piece = log.with_file_name("mail.log.1");
                if is_copied {
                    fs::copy(&log, piece).expect("a temporary file");
                    fs::File::create(&log).expect("a temporary file");
                } else {
                    fs::rename(&log, piece).expect("a temporary file");
                }
                // Longer than what was read before, so that no size tells.
                write(&log, 30..90);
            }
            moment += 1;
        };
        let mut live = crate::source::moment::during(rotate, || world.live());
        for second in 1..3 {
            live.look(NOW.plus_secs(second));
            live.commit(NOW.plus_secs(second));
        }
        let rotated = fs::exists(world.dir.path().join("mail.log.1")).expect("a temporary directory");
        world.check(if rotated { 90 } else { 30 });
        assert_eq!(world.gaps(), [], "moment {at}");
    }
}

// FAULTS 31: a log deleted while down is a hole, on the host that shows up after it.
#[test]
fn a_loss_is_a_gap_in_what_was_observed() {
    let world = world();
    world.write(0..10);
    let mut live = world.live();
    live.look(NOW.plus_secs(1));
    live.commit(NOW.plus_secs(1));
    fs::write(world.log(), "").expect("a temporary file");
    fs::remove_file(world.log()).expect("a temporary file");
    world.write(500..900);
    live.logs.iter_mut().for_each(|log| log.follower.reopen());
    live.look(NOW.plus_secs(2));
    live.commit(NOW.plus_secs(2));
    drop(live);
    assert_eq!(world.gaps(), [(NOW.0 + 10, NOW.0 + 500)]);
}

// FAULTS 5: nothing is read while nothing can be written; the screen says so.
#[test]
fn a_full_disk_pauses_reading_and_loses_nothing() {
    let world = world();
    world.write(0..10);
    let mut live = world.live();
    live.commit(NOW);
    live.collector.limit_pages(1);
    // A batch is seven lines. Pages that are there have room for some, and then one is full and cannot be written.
    world.write(10..8_000);
    let mut live = look_in_time(live, NOW.plus_secs(1));
    live.commit(NOW.plus_secs(1));
    let problems = live.status().problems;
    assert!(matches!(&problems[..], [why] if why.contains("no space left")), "{problems:?}");
    // What waits in memory is a batch or two, however much is there to be read.
    let length = || fs::metadata(world.log()).expect("a temporary file").len();
    let taken = length() - live.status().unread_bytes[0].1;
    assert!(taken < length() / 50, "{taken} of {} bytes were read", length());
    world.write(8_000..8_010);
    live.look(NOW.plus_secs(2));
    assert_eq!(length() - live.status().unread_bytes[0].1, taken, "no more is read");
    live.collector.limit_pages(1 << 30);
    live.commit(NOW.plus_secs(12));
    live.look(NOW.plus_secs(13));
    live.commit(NOW.plus_secs(13));
    assert_eq!(live.status().problems, [""; 0]);
    world.check(8_010);
}

// FAULTS 5: not even what the batch that cannot be written has room for.
#[test]
fn nothing_is_read_before_what_was_read_is_written() {
    let world = world();
    world.write(0..10);
    let mut live = world.live();
    live.commit(NOW);
    world.write(10..13);
    live.look(NOW.plus_secs(1));
    live.failed = Some("no space left".to_owned());
    world.write(13..16);
    live.look(NOW.plus_secs(2));
    assert_eq!(live.collector.lines, 3);
    live.commit(NOW.plus_secs(12));
    live.look(NOW.plus_secs(13));
    live.commit(NOW.plus_secs(13));
    world.check(16);
}

// FAULTS 26: Debian writes the lines of mail.log to mail.info as well; a link is one more name of a log.
#[test]
fn a_stream_that_is_followed_under_several_names_counts_once() {
    let world = world();
    let path = |name: &str| world.dir.path().join(name);
    let mut settings = Settings::default();
    settings.collect.files = ["mail.*", "link"].map(|name| path(name).display().to_string()).to_vec();
    std::os::unix::fs::symlink(path("mail.log"), path("link")).expect("a temporary file");
    let both =
        |seconds: std::ops::Range<i64>| ["mail.log", "mail.info"].map(|name| write(&path(name), seconds.clone()));
    both(0..10);
    let mut live = world.live_with(&settings);
    let mut second = 0;
    let mut look = |live: &mut Live| {
        second += 1;
        live.look(NOW.plus_secs(second));
        live.commit(NOW.plus_secs(second));
    };
    both(10..20);
    look(&mut live);
    both(20..25);
    look(&mut live);
    world.check(25);
    for name in ["mail.log", "mail.info"] {
        fs::rename(path(name), path(&format!("{name}.1"))).expect("a temporary file");
        write(&path(name), 25..27);
        look(&mut live);
    }
    look(&mut live);
    world.check(27);
    drop(live);
    both(27..40);
    let mut live = world.live_with(&settings);
    look(&mut live);
    world.check(40);
}

// FAULTS 61: lines stand at their own time, whatever the clock says meanwhile.
#[test]
fn a_clock_that_jumps_moves_no_number() {
    const TEN_YEARS: i64 = 10 * 365 * 86_400;
    let world = world();
    world.write(0..10);
    let mut live = world.live();
    for (at, jump) in [(10, 3_600), (20, -3_600), (30, TEN_YEARS), (40, -TEN_YEARS), (50, 0)] {
        world.write(at..at + 10);
        live.look(NOW.plus_secs(jump));
        live.commit_if_due(NOW.plus_secs(jump), true);
    }
    live.commit(NOW);
    world.check(60);
}

// FAULTS 17
#[test]
fn stopping_wakes_the_follower() {
    let watch = Watch::default();
    assert!(!watch.is_watched(NOW));
    watch.looked(NOW);
    assert!(watch.is_watched(NOW.plus_secs(5)) && !watch.is_watched(NOW.plus_secs(WATCHING_SECS)));
    watch.stop();
    watch.wait(Duration::from_secs(3_600));
    assert!(watch.is_stopped());
}

/// A journal that a script shows as journalctl does, without its matches: `--cursor` from that entry on, or as much as
/// there is where it is gone; `--since` from a second on.
struct Shown {
    world: World,
}

const JOURNALCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
for arg in "$@"; do
    case "$arg" in
    --cursor=bad*) echo "Failed to seek to cursor: Invalid argument" >&2; exit 1 ;;
    --cursor=*) cursor="${arg#--cursor=}" ;;
    --since=@*) since="${arg#--since=@}" ;;
    esac
done
[ -e hangs ] && exec tail -f /dev/null
[ -e broken ] && { echo "No journal files were opened" >&2; exit 1; }
if [ -n "$cursor" ] && grep -q "\"$cursor\"" journal; then
    exec sed -n "/\"$cursor\"/,\$p" journal
fi
[ -n "$since" ] || { cat journal; exit; }
while read -r line; do
    at="${line#*\"__REALTIME_TIMESTAMP\":\"}"
    [ "${at%%000000\"*}" -ge "$since" ] && printf '%s\n' "$line"
done < journal
exit 0
"#;

fn shown() -> Shown {
    use std::os::unix::fs::PermissionsExt;
    let world = world();
    let script = world.dir.path().join("journalctl");
    fs::write(&script, JOURNALCTL).expect("a temporary file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a temporary file");
    fs::write(world.dir.path().join("journal"), "").expect("a temporary file");
    fs::write(world.log(), "").expect("a temporary file");
    Shown { world }
}

impl Shown {
    /// Connections at these seconds after [`NOW`].
    fn log(&self, seconds: std::ops::Range<i64>) {
        let path = self.world.dir.path().join("journal");
        let mut journal = OpenOptions::new().append(true).open(path).expect("a temporary file");
        for second in seconds {
            let entry = format!(
                "{{\"__CURSOR\":\"c{second};\",\"__REALTIME_TIMESTAMP\":\"{}000000\",\"_HOSTNAME\":\"mx1\",\
                 \"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"_PID\":\"{second}\",\
                 \"MESSAGE\":\"connect from a.example[192.0.2.1]\"}}\n",
                NOW.0 + second
            );
            journal.write_all(entry.as_bytes()).expect("a temporary file");
        }
    }

    /// The oldest entries go.
    fn vacuum(&self, entries: usize) {
        let path = self.world.dir.path().join("journal");
        let text = fs::read_to_string(&path).expect("a temporary file");
        let kept: Vec<&str> = text.split_inclusive('\n').skip(entries).collect();
        fs::write(&path, kept.concat()).expect("a temporary file");
    }

    fn live(&self) -> Live {
        let dir = self.world.dir.path();
        let text = format!(
            "[collect]\nfiles = ['{}']\n[collect.journal]\nread = true\nbeside_files = true\njournalctl = '{}'",
            dir.join("mail.log").display(),
            dir.join("journalctl").display()
        );
        let settings: Settings = toml::from_str(&text).expect("settings");
        self.world.live_with(&settings)
    }

    /// Looks until journalctl has said all, however long it takes on a busy machine.
    fn look(&self, live: &mut Live) {
        live.look(NOW.plus_secs(1));
        while live.journal.as_ref().is_some_and(JournalLog::is_under_way) {
            live.look(NOW.plus_secs(1));
        }
        live.commit(NOW.plus_secs(1));
    }

    fn look_once(&self, live: &mut Live) {
        live.look(NOW.plus_secs(1));
        live.commit(NOW.plus_secs(1));
    }
}

// FAULTS 5: the journal waits in journalctl and not in memory.
#[test]
fn a_full_disk_pauses_the_reading_of_the_journal() {
    let shown = shown();
    shown.log(0..10);
    let mut live = shown.live();
    shown.look(&mut live);
    live.collector.limit_pages(1);
    shown.log(10..2_000);
    while live.failed.is_none() {
        live = look_in_time(live, NOW.plus_secs(2));
    }
    assert!(live.collector.lines <= 14, "{} lines wait in memory", live.collector.lines);
    let waiting = live.collector.lines;
    live.look(NOW.plus_secs(3));
    assert_eq!(live.collector.lines, waiting, "no more is read");
    live.collector.limit_pages(1 << 30);
    live.commit(NOW.plus_secs(13));
    shown.look(&mut live);
    shown.world.check(2_000);
}

// FAULTS 1, 36: the cursor is committed with the counters.
#[test]
fn the_journal_is_read_on_from_its_cursor() {
    let shown = shown();
    shown.log(0..20);
    let mut live = shown.live();
    shown.look(&mut live);
    shown.world.check(20);
    shown.log(20..30);
    shown.look(&mut live);
    shown.world.check(30);
    // Read and not committed: a full batch is seven lines.
    shown.log(30..33);
    live.look(NOW.plus_secs(2));
    drop(live);
    let mut live = shown.live();
    shown.look(&mut live);
    shown.look(&mut live);
    shown.world.check(33);
    assert_eq!(shown.world.gaps(), []);
}

// FAULTS 36: vacuumed while nobody read.
#[test]
fn entries_of_the_journal_that_are_gone_are_a_gap() {
    let shown = shown();
    shown.log(0..10);
    let mut live = shown.live();
    shown.look(&mut live);
    shown.log(500..600);
    shown.vacuum(20);
    shown.look(&mut live);
    shown.look(&mut live);
    shown.world.check(10 + 90);
    assert_eq!(shown.world.gaps(), [(NOW.0 + 10, NOW.0 + 510)]);
}

// FAULTS 36: a cursor that means nothing any more; what was counted of its second is not counted again.
#[test]
fn a_journal_that_does_not_know_the_cursor_is_read_from_its_time_on() {
    let shown = shown();
    shown.log(0..10);
    let mut live = shown.live();
    shown.look(&mut live);
    let journal = shown.world.dir.path().join("journal");
    let renamed = fs::read_to_string(&journal).expect("a temporary file").replace("CURSOR\":\"c", "CURSOR\":\"other-c");
    fs::write(&journal, renamed).expect("a temporary file");
    shown.log(10..20);
    shown.look(&mut live);
    shown.world.check(20);
    assert_eq!(shown.world.gaps(), []);
    drop(live);
    let mut live = shown.live();
    shown.look(&mut live);
    shown.world.check(20);
}

// FAULTS 32, 36
#[test]
fn a_journal_that_cannot_be_read_is_said_and_waited_for() {
    let shown = shown();
    shown.log(0..10);
    let mut live = shown.live();
    shown.look(&mut live);
    let broken = shown.world.dir.path().join("broken");
    fs::write(&broken, "").expect("a temporary file");
    shown.log(10..20);
    shown.look(&mut live);
    let problems = live.status().problems;
    assert!(matches!(&problems[..], [why] if why.contains("No journal files were opened")), "{problems:?}");
    fs::remove_file(&broken).expect("a temporary file");
    shown.look(&mut live);
    assert_eq!(live.status().problems, [""; 0]);
    shown.world.check(20);
}

// FAULTS 36: the logs beside it are read all the same, and what was not said comes later.
#[test]
fn a_journal_that_hangs_holds_up_no_log() {
    let shown = shown();
    shown.log(0..10);
    let mut live = shown.live();
    shown.look(&mut live);
    let hangs = shown.world.dir.path().join("hangs");
    fs::write(&hangs, "").expect("a temporary file");
    shown.log(10..20);
    shown.world.write(100..110);
    let before = Instant::now();
    shown.look_once(&mut live);
    shown.world.check(20);
    let problems = live.status().problems;
    assert!(matches!(&problems[..], [why] if why.contains("has not answered yet")), "{problems:?}");
    shown.world.write(110..115);
    shown.look_once(&mut live);
    shown.world.check(25);
    assert!(before.elapsed() < crate::source::journal::HANGS);
    fs::remove_file(&hangs).expect("a temporary file");
    drop(live);
    let mut live = shown.live();
    shown.look(&mut live);
    shown.world.check(35);
    assert_eq!(live.status().problems, [""; 0]);
}

// FAULTS 59: a log that is rotated in the hour that comes twice, and in the second of the cut says the same twice.
#[test]
fn a_rotation_in_a_repeated_hour_goes_on_in_it() {
    let world = world();
    let log = |line: &str| {
        let mut file = OpenOptions::new().create(true).append(true).open(world.log()).expect("a temporary file");
        file.write_all(format!("{line} mx1 postfix/smtpd[1]: connect from a.example[192.0.2.1]\n").as_bytes())
            .expect("a temporary file");
        let modified = std::time::UNIX_EPOCH + Duration::from_secs(NOW.0 as u64);
        file.set_modified(modified).expect("a temporary file");
    };
    let mut live = world.live_in(crate::command::zones::probe("Europe/Berlin", AUTUMN).expect("a zone"));
    log("Oct 25 02:50:00");
    log("Oct 25 02:10:00");
    live.look(NOW.plus_secs(1));
    world.rotate();
    log("Oct 25 02:10:00");
    log("Oct 25 02:40:00");
    live.look(NOW.plus_secs(2));
    live.look(NOW.plus_secs(3));
    live.commit(NOW.plus_secs(3));
    world.check(4);
    let last = live.known.iter().filter_map(|state| state.last).max();
    let utc = chrono::DateTime::from_timestamp(last.expect("lines").0, 0).expect("in range");
    assert_eq!(utc.to_rfc3339(), "2026-10-25T01:40:00+00:00");
}
