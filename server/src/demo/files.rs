//! The story as a Debian server keeps it: `mail.log`, rotated on Sundays, `mail.log.1` plain, older ones gzipped.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use mailtally_model::Time;

use super::rhythm::{DAY_SECS, midnight};
use super::year::{Plan, Year};

/// The file that grows.
const LIVE_FILE: &str = "mail.log";
/// Weeks that wait for the disk while the next is made up: bounds memory.
const WEEKS_AHEAD: usize = 2;

/// The log files of the story, oldest first, and the story to go on from.
#[derive(Debug)]
pub struct Written {
    pub files: Vec<PathBuf>,
    pub lines: u64,
    pub year: Year,
}

impl Written {
    /// Goes on with the story: appends to the file that grows what happens before `now`.
    pub fn append_until(&mut self, now: Time) -> io::Result<()> {
        let mut text = String::new();
        self.year.tell_until(now, &mut text);
        if let Some(live) = self.files.last().filter(|_| !text.is_empty()) {
            OpenOptions::new().append(true).open(live)?.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

/// Writes the whole story into a directory. `each` is told of each file when it is written, oldest first, so that it
/// can be read while the next is made up.
pub fn write(plan: Plan, dir: &Path, mut each: impl FnMut(&Path) + Send) -> io::Result<Written> {
    let rotations = rotations(&plan);
    let mut year = Year::new(plan);
    let mut lines = 0;
    let (to_disk, weeks) = mpsc::sync_channel::<(PathBuf, String)>(WEEKS_AHEAD);
    let files = thread::scope(|scope| -> io::Result<Vec<PathBuf>> {
        // Compression takes about as long as making up.
        let disk = scope.spawn(move || -> io::Result<Vec<PathBuf>> {
            let write = |(path, text): (PathBuf, String)| {
                write_file(&path, &text)?;
                each(&path);
                Ok(path)
            };
            weeks.into_iter().map(write).collect()
        });
        for (position, end) in rotations.iter().enumerate() {
            let mut text = String::new();
            year.tell_until(*end, &mut text);
            lines += text.bytes().filter(|byte| *byte == b'\n').count() as u64;
            let path = dir.join(file_name(rotations.len() - 1 - position));
            if to_disk.send((path, text)).is_err() {
                break;
            }
        }
        drop(to_disk);
        disk.join().unwrap_or_else(|_| Err(io::Error::other("the writer of the demo's logs panicked")))
    })?;
    year.go_live(plan.until);
    Ok(Written { files, lines, year })
}

/// The instants at which a file ends: each Sunday's midnight, and the story's end.
fn rotations(plan: &Plan) -> Vec<Time> {
    /// 1970-01-04 was a Sunday.
    const FIRST_SUNDAY: i64 = 3;
    let week = 7 * DAY_SECS;
    let sunday = midnight(plan.until).0.div_euclid(DAY_SECS) - FIRST_SUNDAY;
    let last = Time((sunday.div_euclid(7) * 7 + FIRST_SUNDAY) * DAY_SECS);
    let mut ends: Vec<Time> =
        (0..).map(|weeks| last.plus_secs(-weeks * week)).take_while(|end| *end > plan.begins()).collect();
    ends.reverse();
    ends.push(plan.until);
    ends
}

fn file_name(age: usize) -> String {
    match age {
        0 => LIVE_FILE.to_owned(),
        1 => format!("{LIVE_FILE}.1"),
        age => format!("{LIVE_FILE}.{age}.gz"),
    }
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    let file = File::create(path).map_err(named)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut gz = GzEncoder::new(file, Compression::fast());
        gz.write_all(text.as_bytes()).and_then(|()| gz.finish()).map_err(named)?;
    } else {
        let mut file = file;
        file.write_all(text.as_bytes()).map_err(named)?;
    }
    Ok(())
}
