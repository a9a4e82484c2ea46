//! Which files are there: what is read and what is refused, and which files are rotated pieces of one log.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use mailtally_model::Time;

use super::moment;

/// A directory is scanned no farther: a log directory with more names is a mistake in a pattern.
const MAX_NAMES: usize = 100_000;

/// A regular file, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    pub path: PathBuf,
    pub inode: Inode,
    pub size_bytes: u64,
    pub modified: Time,
    /// The fraction of that second: pieces of one second are told apart by it.
    pub modified_nanos: i64,
    /// Where it is not read to its end, or more is known of it.
    pub extent: Option<Extent>,
}

/// What of a file was read before, for who reads just that again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Decompressed offset.
    pub until: u64,
    /// The year of the first stamp, where stamps have none.
    pub year: Option<i32>,
}

/// Tells two names of one file; no identity over time, since inodes are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inode {
    device: u64,
    number: u64,
}

/// Why a path is not read; the sentence names it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("cannot read {path}: it is {what}, not a log file")]
    NotAFile { path: String, what: &'static str },
    #[error("cannot read {path}: {error}")]
    Unreadable { path: String, error: io::Error },
}

impl Refused {
    /// Whether the file just is not there (yet).
    pub fn is_absent(&self) -> bool {
        matches!(self, Refused::Unreadable { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Looks at a path without opening it, so that a FIFO cannot block and a device is not touched.
pub fn look(path: &Path) -> Result<LogFile, Refused> {
    moment::pass();
    let unreadable = |error| Refused::Unreadable { path: path.display().to_string(), error };
    let real = fs::canonicalize(path).map_err(unreadable)?;
    let metadata = fs::metadata(&real).map_err(unreadable)?;
    if let Some(what) = not_a_log(&real, &metadata) {
        return Err(Refused::NotAFile { path: path.display().to_string(), what });
    }
    Ok(LogFile {
        path: path.to_owned(),
        inode: Inode::of(&metadata),
        size_bytes: metadata.len(),
        modified: Time(metadata.mtime()),
        extent: None,
        modified_nanos: metadata.mtime_nsec(),
    })
}

impl Inode {
    pub fn of(metadata: &fs::Metadata) -> Inode {
        Inode { device: metadata.dev(), number: metadata.ino() }
    }
}

fn not_a_log(real: &Path, metadata: &fs::Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a FIFO")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("a device")
    } else if real.starts_with("/proc") || real.starts_with("/sys") {
        Some("a file of the kernel")
    } else {
        None
    }
}

/// The files that patterns name (`*` and `?` in the last part of the path), each once whatever it is called, and the
/// paths that are refused. A plain path that does not exist is refused; a pattern that matches nothing is not.
pub fn expand(patterns: &[String]) -> (Vec<LogFile>, Vec<Refused>) {
    let mut files: Vec<LogFile> = Vec::new();
    let mut refused = Vec::new();
    for path in patterns.iter().flat_map(|pattern| matching(Path::new(pattern))) {
        match look(&path) {
            Ok(file) if files.iter().any(|other| other.inode == file.inode) => {}
            Ok(file) => files.push(file),
            Err(error) => refused.push(error),
        }
    }
    (files, refused)
}

fn matching(pattern: &Path) -> Vec<PathBuf> {
    let Some(name) = pattern.file_name().and_then(|name| name.to_str()) else { return vec![pattern.to_owned()] };
    if !name.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let mut paths: Vec<PathBuf> = names_in(directory_of(pattern))
        .filter(|path| path.file_name().is_some_and(|file| matches(name.as_bytes(), file.as_encoded_bytes())))
        .collect();
    paths.sort();
    paths
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn names_in(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().take(MAX_NAMES).filter_map(Result::ok).map(|entry| entry.path())
}

/// Whether `name` matches a pattern of `*` and `?`. Linear but for the last star, which is all that is tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|&byte| byte == b'?' || byte == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            n = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Which log a file is a piece of, by its name, and how old a piece: `mail.log.2.gz` is an older one of `mail.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The path that the log has while it is written.
    pub log: PathBuf,
    pub age: Age,
}

/// Oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// `-20260301`: the digits of the date, and after them those of a time or of the seconds since 1970.
    Dated(u64, u64),
    /// `.2`, the higher the older.
    Numbered(std::cmp::Reverse<u32>),
    Current,
}

/// What packers put at the end of a name.
const PACKED_SUFFIXES: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

/// What the name of a file says, as logrotate and its like name rotated pieces: `mail.log.1`, `mail.log-20260301`
/// (`dateext`), `mail-20260301.log` (with `extension .log`), `mail.log-2026-03-01`, `mail.log-20260301-1772323200`,
/// `mail.log-1772323200` and the like (`dateformat`), packed or not.
pub fn rotation(path: &Path) -> Rotation {
    let current = |name: &str| Rotation { log: path.with_file_name(name), age: Age::Current };
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Rotation { log: path.to_owned(), age: Age::Current };
    };
    let name = PACKED_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    let (stem, extension) = name.strip_suffix(".log").map_or((name, ""), |stem| (stem, ".log"));
    if let Some((log, age)) = dated(stem).or_else(|| dated_briefly(stem)) {
        return Rotation { log: path.with_file_name(format!("{log}{extension}")), age };
    }
    match name.rsplit_once('.') {
        Some((log, number)) if !log.is_empty() && number.len() <= 3 && is_number(number) => {
            let number = number.parse().unwrap_or(u32::MAX);
            Rotation { log: path.with_file_name(log), age: Age::Numbered(std::cmp::Reverse(number)) }
        }
        _ => current(name),
    }
}

/// A name that ends in a date, and perhaps a time after it: what stands before, and how old it is.
fn dated(name: &str) -> Option<(&str, Age)> {
    let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.' | b'T');
    let tail = name.len() - name.bytes().rev().take_while(|byte| is_part(*byte)).count();
    // From the left, so that the date is found before the time that follows it.
    let begins = name[tail..].bytes().enumerate().filter(|(_, byte)| matches!(byte, b'-' | b'.' | b'_'));
    begins.map(|(at, _)| tail + at).filter(|at| *at > 0).find_map(|at| {
        let digits: String = name[at + 1..].chars().filter(char::is_ascii_digit).collect();
        let starts_well = name[at + 1..].starts_with(|first: char| first.is_ascii_digit());
        let (date, time) = digits.split_at_checked(8)?;
        let is_date = matches!(&date[..2], "19" | "20") && ("01"..="12").contains(&&date[4..6]);
        let is_whole = starts_well && is_date && time.len() <= 10;
        is_whole.then(|| (&name[..at], Age::Dated(date.parse().unwrap_or(0), time.parse().unwrap_or(0))))
    })
}

/// A name that ends in the seconds since 1970 (`dateformat -%s`) or in a month (`-%Y%m`), which are digits alone.
fn dated_briefly(name: &str) -> Option<(&str, Age)> {
    let (log, digits) = name.rsplit_once(['-', '.', '_'])?;
    let number: u64 = digits.parse().ok().filter(|_| !log.is_empty() && is_number(digits))?;
    let date = match digits.len() {
        10 => {
            let at = chrono::DateTime::from_timestamp(i64::try_from(number).ok()?, 0)?;
            (at.format("%Y%m%d").to_string().parse().ok()?, number)
        }
        // Before the days of that month.
        6 if (190_001..=209_912).contains(&number) && (1..=12).contains(&(number % 100)) => (number * 100, 0),
        _ => return None,
    };
    (date.0 >= 19_900_000).then_some((log, Age::Dated(date.0, date.1)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The path without what a packer put at its end.
pub fn without_packed_suffix(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    let plain = name.and_then(|name| PACKED_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)));
    plain.map_or_else(|| path.to_owned(), |plain| path.with_file_name(plain))
}

/// The rotated pieces of a log that lie beside it, oldest first. `None` if one of them went while they were looked at: it
/// has another name now, which may have been missed.
pub fn rotated_pieces(log: &Path) -> Option<Vec<LogFile>> {
    let mut pieces: Vec<(Age, LogFile)> = Vec::new();
    for path in names_in(directory_of(log)) {
        let Some(name) = path.file_name() else { continue };
        // The same spelling as `log`, so that the two paths compare.
        let path = log.with_file_name(name);
        let rotation = rotation(&path);
        if rotation.log != log || path == log {
            continue;
        }
        match look(&path) {
            Ok(file) => pieces.push((rotation.age, file)),
            Err(refused) if refused.is_absent() && path.symlink_metadata().is_err() => return None,
            Err(_) => {}
        }
    }
    pieces.sort_by_key(|(age, file)| (file.modified, file.modified_nanos, *age));
    Some(pieces.into_iter().map(|(_, file)| file).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path) {
        fs::write(path, "a line\n").expect("a temporary file");
    }

    fn refusal(path: &Path) -> String {
        look(path).expect_err("refused").to_string()
    }

    // FAULTS 33
    #[test]
    fn what_is_not_a_log_file_is_refused_by_name_and_never_opened() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("mail.log");
        assert_eq!(
            refusal(dir.path()),
            format!("cannot read {}: it is a directory, not a log file", dir.path().display())
        );
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(made.success());
        assert_eq!(refusal(&path), format!("cannot read {}: it is a FIFO, not a log file", path.display()));
        assert_eq!(refusal(Path::new("/dev/zero")), "cannot read /dev/zero: it is a device, not a log file");
        assert_eq!(
            refusal(Path::new("/proc/version")),
            "cannot read /proc/version: it is a file of the kernel, not a log file"
        );
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        symlink(&one, &two).expect("a symbolic link");
        symlink(&two, &one).expect("a symbolic link");
        assert!(refusal(&one).starts_with(&format!("cannot read {}: ", one.display())));
        assert!(look(&dir.path().join("absent")).is_err_and(|refused| refused.is_absent()));
    }

    // FAULTS 26
    #[test]
    fn a_file_is_listed_once_whatever_it_is_called() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| dir.path().join(name);
        write(&path("mail.log"));
        write(&path("mail.log.1"));
        symlink(path("mail.log"), path("mail.link")).expect("a symbolic link");
        fs::hard_link(path("mail.log"), path("mail.hard")).expect("a hard link");
        let patterns = ["mail.log", "mail.*", "nothing*"].map(|name| path(name).display().to_string());
        let (files, refused) = expand(&patterns);
        let names: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
        assert_eq!(names, [path("mail.log"), path("mail.log.1")]);
        assert!(refused.is_empty());
    }

    #[test]
    fn stars_and_question_marks_match() {
        for (pattern, name, expected) in [
            ("mail*", "mail.log", true),
            ("*.log", "mail.log", true),
            ("*.log", "mail.log.1", false),
            ("m?il.*", "mail.log", true),
            ("*a*b*", "xaxbx", true),
            ("a*a*a", "aa", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_tell_pieces_of_one_log() {
        let log = PathBuf::from("/var/log/mail.log");
        let numbered = |number| Age::Numbered(std::cmp::Reverse(number));
        for (name, age) in [
            ("mail.log", Age::Current),
            ("mail.log.gz", Age::Current),
            ("mail.log.1", numbered(1)),
            ("mail.log.12.gz", numbered(12)),
            ("mail.log.2.xz", numbered(2)),
            ("mail.log.3.zst", numbered(3)),
            ("mail.log-20260301.gz", Age::Dated(20_260_301, 0)),
            ("mail.log-2026030113", Age::Dated(20_260_301, 13)),
            ("mail.log-2026-03-01.xz", Age::Dated(20_260_301, 0)),
            ("mail.log-20260301-1772323200", Age::Dated(20_260_301, 1_772_323_200)),
            ("mail.log.20260301", Age::Dated(20_260_301, 0)),
            ("mail-20260301.log.zst", Age::Dated(20_260_301, 0)),
            ("mail.log-1772323200.gz", Age::Dated(20_260_301, 1_772_323_200)),
            ("mail.log-202603", Age::Dated(20_260_300, 0)),
        ] {
            assert_eq!(rotation(&log.with_file_name(name)), Rotation { log: log.clone(), age }, "{name}");
        }
        for name in
            ["mail.info", "mail-1", "mx-2.log", "relay-10.0.0.25.log", "-20260301", "mail-0012345678", "mail-202613"]
        {
            assert_eq!(rotation(Path::new(name)), Rotation { log: name.into(), age: Age::Current });
        }
        assert!(Age::Dated(20_260_301, 0) < numbered(2) && numbered(2) < numbered(1) && numbered(1) < Age::Current);
    }
}
