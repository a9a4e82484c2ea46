//! The systemd journal, read through `journalctl --output=json`. Knows nothing of mail.
//!
//! The place in it is a cursor, journald's own name of an entry. Each reading asks for the entries from that one on: if
//! the first that comes is another, the journal no longer has it (it was vacuumed, or is another journal), and the
//! reading begins anew at the time of the last entry, as a new source, whose lines that were counted are then copies.
//!
//! The child's output is read by a thread of its own, entry by entry, and whoever takes them waits no longer than it
//! wants to: a journal on a disk that hangs holds up nothing else.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use mailtally_model::Time;
use serde::Deserialize;

/// An entry of mail is a line of 64 KiB at most, and up to four bytes for each where it is no text; longer ones are
/// skipped.
const MAX_ENTRY_BYTES: usize = 512 * 1024;
/// What journalctl says of its failure, as far as it is passed on.
const MAX_COMPLAINT_BYTES: u64 = 400;
const MICROS: i64 = 1_000_000;
/// Entries that are read ahead of who takes them.
const MAX_AHEAD: usize = 256;
/// A journalctl that says nothing for so long hangs: on a disk that sleeps or a large journal it takes seconds.
pub const HANGS: Duration = Duration::from_secs(60);
/// Between two looks at whether a child that closed its output has ended.
const ENDING: Duration = Duration::from_millis(1);

/// Which entries of which journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The program that reads it.
    pub journalctl: PathBuf,
    /// Where its files are, if not in the usual place.
    pub directory: Option<PathBuf>,
    /// Of these, or of the facility mail where both are empty.
    pub units: Vec<String>,
    pub identifiers: Vec<String>,
}

/// One entry as a line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub cursor: String,
    pub time: Time,
    pub host: String,
    pub program: String,
    pub pid: Option<u32>,
    /// On one line, as syslog daemons write it: `#012` stands for a newline.
    pub message: Vec<u8>,
}

/// From where to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    Beginning,
    /// This entry is given again, if it is still there.
    Cursor(String),
    /// The first second to be read.
    Second(Time),
}

impl Journal {
    /// What a person calls it.
    pub fn name(&self) -> String {
        let of = [&self.units[..], &self.identifiers[..]].concat().join(", ");
        let of = if of.is_empty() { "facility mail".to_owned() } else { of };
        format!("systemd journal ({of})")
    }

    /// Begins to read.
    pub fn read(&self, from: &From) -> io::Result<Entries> {
        let complaints = tempfile::tempfile()?;
        let mut command = Command::new(&self.journalctl);
        command.args(["--output=json", "--no-pager", "--quiet", "--all"]);
        if let Some(directory) = &self.directory {
            command.arg("--directory").arg(directory);
        }
        match from {
            From::Beginning => {}
            From::Cursor(cursor) => drop(command.arg(format!("--cursor={cursor}"))),
            From::Second(time) => drop(command.arg(format!("--since=@{}", time.0))),
        }
        command.args(self.matches()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(complaints.try_clone()?);
        let mut child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run {}: {error}", self.journalctl.display()))
        })?;
        let out = child.stdout.take().ok_or_else(|| io::Error::other("journalctl has no output"))?;
        let (said, entries) = sync_channel(MAX_AHEAD);
        thread::spawn(move || say(BufReader::new(out), &said));
        Ok(Entries { child: Some(child), entries, complaints, heard: Instant::now(), skipped: 0 })
    }

    /// Of each group any, and with them what journald says of lines that it dropped.
    fn matches(&self) -> Vec<String> {
        let of = |field: &str, values: &[String]| values.iter().map(|value| format!("{field}={value}")).collect();
        let mut groups: Vec<Vec<String>> =
            vec![of("_SYSTEMD_UNIT", &self.units), of("SYSLOG_IDENTIFIER", &self.identifiers)];
        groups.retain(|group| !group.is_empty());
        if groups.is_empty() {
            groups.push(vec!["SYSLOG_FACILITY=2".to_owned()]);
        }
        groups.push(vec!["SYSLOG_IDENTIFIER=systemd-journald".to_owned()]);
        groups.join(&"+".to_owned())
    }
}

/// The entries as they come. The child ends with it.
pub struct Entries {
    /// `None` once it has ended.
    child: Option<Child>,
    entries: Receiver<Said>,
    complaints: std::fs::File,
    /// When it last said anything.
    heard: Instant,
    /// Entries that were too long or no entries.
    pub skipped: u64,
}

/// What the thread reads.
enum Said {
    Entry(Entry),
    NoEntry,
    Failed(io::Error),
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    Entry(Entry),
    End,
    /// Nothing yet; it is asked again later.
    Later,
}

impl Entries {
    /// The next entry, waited for until `deadline`. An error where journalctl fails or hangs.
    pub fn take(&mut self, deadline: Instant) -> io::Result<Next> {
        loop {
            match self.entries.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(said) => {
                    self.heard = Instant::now();
                    match said {
                        Said::Entry(entry) => return Ok(Next::Entry(entry)),
                        Said::NoEntry => self.skipped += 1,
                        Said::Failed(error) => return Err(error),
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return self.end(deadline),
                Err(RecvTimeoutError::Timeout) => return self.later(),
            }
        }
    }

    /// For how long nothing was said.
    pub fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    fn later(&self) -> io::Result<Next> {
        match self.silence() < HANGS {
            true => Ok(Next::Later),
            false => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("journalctl has said nothing for {} seconds; it is begun anew", HANGS.as_secs()),
            )),
        }
    }

    fn end(&mut self, deadline: Instant) -> io::Result<Next> {
        let Some(child) = &mut self.child else { return Ok(Next::End) };
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() >= deadline => return self.later(),
                None => thread::sleep(ENDING),
            }
        };
        self.child = None;
        if status.success() {
            return Ok(Next::End);
        }
        let mut said = Vec::new();
        self.complaints.rewind()?;
        self.complaints.by_ref().take(MAX_COMPLAINT_BYTES).read_to_end(&mut said)?;
        let said = String::from_utf8_lossy(&said);
        Err(io::Error::other(format!("journalctl ended with {status}: {}", said.trim())))
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        // It may have more to say than was asked for. One that waits for a disk does not even die at once.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            thread::spawn(move || child.wait());
        }
    }
}

/// Reads all that a journalctl says, as long as someone listens.
fn say(mut out: BufReader<ChildStdout>, to: &SyncSender<Said>) {
    loop {
        let said = match read(&mut out) {
            Ok(None) => return,
            Ok(Some(line)) => parse(&line).map_or(Said::NoEntry, Said::Entry),
            Err(error) => Said::Failed(error),
        };
        let is_over = matches!(said, Said::Failed(_));
        if to.send(said).is_err() || is_over {
            return;
        }
    }
}

/// The next line; an empty one for what is too long. `None` at the end.
fn read(out: &mut BufReader<ChildStdout>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = out.by_ref().take(MAX_ENTRY_BYTES as u64).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') && read == MAX_ENTRY_BYTES {
        out.skip_until(b'\n')?;
        line.clear();
    }
    Ok((read > 0).then_some(line))
}

/// The fields of an entry that are read. journald gives each as text, as bytes where it is no UTF-8, as a list where an
/// entry has it more than once, and as null where it was left out.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    received: Option<Field>,
    #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP")]
    sent: Option<Field>,
    #[serde(rename = "_HOSTNAME")]
    host: Option<Field>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Field>,
    #[serde(rename = "_COMM")]
    command: Option<Field>,
    #[serde(rename = "SYSLOG_PID")]
    logged_pid: Option<Field>,
    #[serde(rename = "_PID")]
    pid: Option<Field>,
    #[serde(rename = "MESSAGE")]
    message: Option<Field>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Bytes(Vec<u8>),
    Many(Vec<Field>),
}

impl Field {
    fn bytes(&self) -> &[u8] {
        match self {
            Field::Text(text) => text.as_bytes(),
            Field::Bytes(bytes) => bytes,
            Field::Many(fields) => fields.first().map_or(&[], Field::bytes),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn number<N: std::str::FromStr>(&self) -> Option<N> {
        std::str::from_utf8(self.bytes()).ok()?.parse().ok()
    }
}

/// An entry in journald's JSON: <https://systemd.io/JOURNAL_EXPORT_FORMATS/>.
pub fn parse(json: &[u8]) -> Option<Entry> {
    let fields: Fields = serde_json::from_slice(json).ok()?;
    let micros = |field: &Option<Field>| field.as_ref().and_then(Field::number::<i64>);
    let micros = micros(&fields.sent).or_else(|| micros(&fields.received))?;
    let program = fields.identifier.or(fields.command).map(|field| field.text()).unwrap_or_default();
    let pid = fields.logged_pid.or(fields.pid).and_then(|field| field.number());
    Some(Entry {
        cursor: fields.cursor,
        time: Time(micros.div_euclid(MICROS)),
        host: fields.host.map(|field| field.text()).unwrap_or_default(),
        program,
        pid,
        message: fields.message.map(|field| on_one_line(field.bytes())).unwrap_or_default(),
    })
}

fn on_one_line(message: &[u8]) -> Vec<u8> {
    let message = message.trim_ascii_end();
    if !message.contains(&b'\n') {
        return message.to_vec();
    }
    message.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"#012"[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    // FAULTS 36, 41: fields come as text, as bytes, more than once, or not at all.
    #[test]
    fn fields_come_in_any_form() {
        let entry = |json: &str| parse(json.as_bytes());
        let whole = entry(
            r#"{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1795305601000000","_SOURCE_REALTIME_TIMESTAMP":"1795305600999999",
            "_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"postfix/smtpd","_PID":"41","SYSLOG_PID":"42","MESSAGE":"one\ntwo\n"}"#,
        );
        let expected = Entry {
            cursor: "c1".to_owned(),
            time: Time(1_795_305_600),
            host: "mx1".to_owned(),
            program: "postfix/smtpd".to_owned(),
            pid: Some(42),
            message: b"one#012two".to_vec(),
        };
        assert_eq!(whole, Some(expected));
        let bytes = entry(r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","_COMM":"spamd","MESSAGE":[116,255,10]}"#);
        assert_eq!(bytes.map(|entry| (entry.program, entry.message)), Some(("spamd".to_owned(), vec![116, 255])));
        let many = entry(r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":["one","two"],"_PID":["7","8"]}"#);
        assert_eq!(many.map(|entry| (entry.pid, entry.message)), Some((Some(7), b"one".to_vec())));
        let left_out = entry(r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#);
        assert_eq!(left_out.map(|entry| entry.message), Some(Vec::new()));
        for bad in ["", "{}", "[1]", r#"{"__CURSOR":"c"}"#, &"[".repeat(100_000)] {
            assert_eq!(entry(bad), None);
        }
    }

    // FAULTS 36: it is given up, and its process goes.
    #[test]
    fn a_journalctl_that_hangs_is_not_waited_for() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let journalctl = dir.path().join("journalctl");
        std::fs::write(&journalctl, "#!/bin/sh\necho '{}'\nexec tail -f /dev/null\n").expect("a temporary file");
        std::fs::set_permissions(&journalctl, std::fs::Permissions::from_mode(0o755)).expect("a temporary file");
        let journal = Journal { journalctl, directory: None, units: Vec::new(), identifiers: Vec::new() };
        let mut entries = journal.read(&From::Beginning).expect("a script");
        while entries.skipped == 0 {
            assert!(matches!(entries.take(Instant::now()), Ok(Next::Later)));
        }
        entries.heard = Instant::now().checked_sub(HANGS).expect("a machine that has run for a minute");
        let hangs = entries.take(Instant::now()).expect_err("nothing is said");
        assert_eq!(hangs.kind(), io::ErrorKind::TimedOut);
        let process = PathBuf::from(format!("/proc/{}", entries.child.as_ref().expect("it runs").id()));
        assert!(process.exists());
        drop(entries);
        while process.exists() {
            thread::yield_now();
        }
    }

    #[test]
    fn any_group_of_matches_and_journald_itself() {
        let journal = |units: &[&str], identifiers: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            Journal {
                journalctl: "journalctl".into(),
                directory: None,
                units: owned(units),
                identifiers: owned(identifiers),
            }
        };
        let all = ["SYSLOG_FACILITY=2", "+", "SYSLOG_IDENTIFIER=systemd-journald"];
        assert_eq!(journal(&[], &[]).matches(), all);
        let some = ["_SYSTEMD_UNIT=a", "_SYSTEMD_UNIT=b", "+", "SYSLOG_IDENTIFIER=c", "+"];
        assert_eq!(journal(&["a", "b"], &["c"]).matches()[..5], some);
        assert_eq!(journal(&[], &["spamd"]).name(), "systemd journal (spamd)");
    }
}
