//! `kill -9` of the real binary at random moments, while it imports and while it follows logs that grow and are
//! rotated. Whatever the moment, the numbers at the end are those of one run that nobody disturbed.

use std::fs::OpenOptions;
use std::process::Child;
use std::thread;

use super::*;

/// Lines in a commit: so few that a kill lands between two commits most of the time.
const BATCH_LINES: &str = "17";
/// The server looks and commits this often, so that kills land in looks and commits and not in waits.
const PACE_MS: &str = "3";
/// From its start a process lives no longer than this.
const LIFE: Duration = Duration::from_millis(250);

/// Numbers that look random and are the same in every run (splitmix64): only the moments differ.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 33) as usize % below
    }

    /// Lets a while pass: the moment of a kill is the one thing here that no condition can tell.
    fn pause(&mut self, at_most: Duration) {
        thread::sleep(Duration::from_micros(self.roll(at_most.as_micros() as usize) as u64));
    }
}

/// A process of the real binary; killed for good when it is dropped.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailtally"));
        command.args(args).env("MAILTALLY_LOG", "error");
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
    }

    /// SIGKILL. False if it had ended by itself.
    fn kill(&mut self) -> bool {
        let was_running = self.0.try_wait().unwrap().is_none();
        if was_running {
            self.0.kill().unwrap();
        }
        let status = self.0.wait().unwrap();
        assert!(was_running || status.success(), "it failed by itself: {status}");
        was_running
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Imports that are killed, until `kills` of them were.
fn kill_imports(kills: usize) {
    let mut dice = Dice(1);
    let mut killed = 0;
    for name in CORPORA.iter().cycle() {
        let bytes = iso_corpus(name);
        let mut site = site();
        for (name, piece) in ["mail.log.2.gz", "mail.log.1", "mail.log"].iter().zip(pieces(&bytes, 3)) {
            site.put(name, &if name.ends_with(".gz") { packed(&piece) } else { piece });
        }
        let data = site.data().display().to_string();
        let files: Vec<String> = site.files.iter().map(|path| path.display().to_string()).collect();
        let mut args = vec!["import", "--data", &data, "--batch-lines", BATCH_LINES];
        args.extend(files.iter().map(String::as_str));
        loop {
            let mut import = Process::start(&args);
            dice.pause(LIFE);
            if !import.kill() {
                break;
            }
            killed += 1;
            if killed >= kills {
                break;
            }
        }
        site.import();
        check(&site, &expected(&bytes));
        if killed >= kills {
            return;
        }
    }
}

/// A log that is written while it is followed.
struct Writer<'a> {
    dir: &'a Path,
    /// What is not written yet.
    rest: &'a [u8],
    rotations: u32,
    /// Whether pieces are named after their date or by numbers that rise; a site has one way.
    is_dated: bool,
}

impl Writer<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes so many bytes, wherever that cuts a line.
    fn write(&mut self, bytes: usize) {
        let (now, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        let mut log = OpenOptions::new().create(true).append(true).open(self.path("mail.log")).unwrap();
        log.write_all(now).unwrap();
        self.rest = rest;
    }

    /// To the end of the line: a log daemon is between two lines when its log is rotated.
    fn end_line(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        self.write(end);
    }

    fn rotate(&mut self, dice: &mut Dice) {
        self.end_line();
        if !self.path("mail.log").exists() {
            return;
        }
        self.rotations += 1;
        let piece = if self.is_dated {
            self.path(&format!("mail.log-20261122-{:05}", self.rotations))
        } else {
            self.make_room();
            self.path("mail.log.1")
        };
        if dice.roll(2) == 0 {
            fs::rename(self.path("mail.log"), piece).unwrap();
        } else {
            fs::copy(self.path("mail.log"), piece).unwrap();
            File::create(self.path("mail.log")).unwrap();
        }
    }

    /// `.1` becomes `.2`, packed as compression that is delayed by one rotation does it.
    fn make_room(&self) {
        for number in (1..self.rotations).rev() {
            for suffix in ["", ".gz"] {
                let from = self.path(&format!("mail.log.{number}{suffix}"));
                if !from.exists() {
                    continue;
                }
                let to = self.path(&format!("mail.log.{}.gz", number + 1));
                if suffix.is_empty() {
                    let bytes = packed(&fs::read(&from).unwrap());
                    let packing = self.path("packing");
                    fs::write(&packing, bytes).unwrap();
                    let modified = fs::metadata(&from).unwrap().modified().unwrap();
                    File::options().append(true).open(&packing).unwrap().set_modified(modified).unwrap();
                    fs::rename(&packing, &to).unwrap();
                    fs::remove_file(&from).unwrap();
                } else {
                    fs::rename(&from, &to).unwrap();
                }
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(self.dir).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.to_string_lossy().contains("mail.log")).collect()
    }
}

/// A server that is killed again and again while its log grows and is rotated, until that was done `kills` times.
fn kill_servers(kills: usize) {
    const SETTINGS: &str = "listen = '127.0.0.1:0'\n[host]\nsample = false\n";
    let mut dice = Dice(2);
    let mut killed = 0;
    for name in CORPORA.iter().cycle() {
        let bytes = iso_corpus(name);
        let site = site();
        let dir = site.dir.path();
        let config = dir.join("mailtally.toml").display().to_string();
        fs::write(&config, SETTINGS).unwrap();
        let (data, logs) = (site.data().display().to_string(), dir.join("mail.log*").display().to_string());
        let args = ["--config", &config, "serve", "--data", &data, "--log", &logs];
        let args = [&args[..], &["--pace", PACE_MS, "--batch-lines", BATCH_LINES]].concat();
        // The last lines come at the end, for a last import that books what is open up to them. Whole ones: nothing can join
        // a line that a rotation cut in two.
        let at_end = bytes[..bytes.len() - 2_000].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        let mut writer = Writer { dir, rest: &bytes[..at_end], rotations: 0, is_dated: dice.roll(2) == 0 };
        while !writer.rest.is_empty() && killed < kills {
            let mut server = Process::start(&args);
            for _ in 0..=dice.roll(4) {
                writer.write(dice.roll(3_000));
                dice.pause(LIFE / 4);
                if dice.roll(3) == 0 {
                    writer.rotate(&mut dice);
                }
            }
            dice.pause(LIFE / 2);
            assert!(server.kill(), "a server does not end by itself");
            killed += 1;
        }
        writer.rest = &bytes[at_end - writer.rest.len()..];
        writer.write(usize::MAX);
        site.import_some(&writer.files());
        check(&site, &expected(&bytes));
        if killed >= kills {
            return;
        }
    }
}

// FAULTS 1, SEMANTICS R16: counters, open state and the place in the log are written together or not at all.
#[test]
fn imports_killed_at_random_count_everything_once() {
    kill_imports(8);
}

// FAULTS 1, 2, SEMANTICS R16
#[test]
fn servers_killed_at_random_while_logs_rotate_count_everything_once() {
    kill_servers(12);
}

// FAULTS 1, 2
#[test]
#[ignore = "takes minutes: `cargo xtask test --long`"]
fn a_thousand_kills_change_no_number() {
    thread::scope(|both| {
        both.spawn(|| kill_imports(400));
        kill_servers(600);
    });
}
