//! `mailtally setup`: asks Postfix and Dovecot how they are set, and proposes settings. Changes nothing of theirs.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::escape;
use crate::settings::Settings;
use crate::setup::{self, Found};

/// Where syslog daemons write lines of mail.
const USUAL_LOGS: [&str; 6] = [
    "/var/log/mail.log",
    "/var/log/maillog",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/mail.info",
    "/var/log/mail.warn",
];
/// A table of domains longer than this is no list that a person keeps.
const MAX_TABLE_BYTES: u64 = 4 << 20;
/// What is looked at of the end of a log.
const TAIL_BYTES: u64 = 256 * 1024;

/// Propose a settings file from how Postfix and Dovecot are set
///
/// Asks `postconf` and `doveconf` where they are installed, or reads what they said elsewhere. The proposal goes to standard output, with what to look at as comments.
#[derive(Args, Clone, Debug)]
pub struct SetupArgs {
    /// What `postconf -n` said
    #[arg(long, value_name = "FILE")]
    postconf: Option<PathBuf>,
    /// What `postconf -M` said
    #[arg(long, value_name = "FILE")]
    master: Option<PathBuf>,
    /// What `doveconf -n` said
    #[arg(long, value_name = "FILE")]
    doveconf: Option<PathBuf>,
    /// Write the proposal here; a file that is there is left alone
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over the file of --output
    #[arg(long, requires = "output")]
    overwrite: bool,
}

pub fn run(args: &SetupArgs) -> Result<ExitCode> {
    let is_elsewhere = args.postconf.is_some() || args.doveconf.is_some() || args.master.is_some();
    let tell = |file: &Option<PathBuf>, program: &str, flag: &str| match file {
        Some(path) => fs::read_to_string(path).map(Some).with_context(|| format!("cannot read {}", path.display())),
        // What another host said is not mixed with what this one says.
        None if is_elsewhere => Ok(None),
        None => Ok(ask(program, flag)),
    };
    let mut found = Found {
        postconf: tell(&args.postconf, "postconf", "-n")?,
        master: tell(&args.master, "postconf", "-M")?,
        doveconf: tell(&args.doveconf, "doveconf", "-n")?,
        ..Found::default()
    };
    if !is_elsewhere {
        let logs: Vec<(String, Vec<u8>)> =
            USUAL_LOGS.iter().filter_map(|path| Some(((*path).to_owned(), end_of(Path::new(path))?))).collect();
        found.copies = setup::copies(&logs);
        found.logs = logs.into_iter().map(|(path, _)| path).filter(|path| holds_mail(path)).collect();
    }
    let read_table = |path: &str| if is_elsewhere { None } else { table(Path::new(path)) };
    let proposal = setup::propose(&found, &read_table);
    let text = proposal.text();
    // The proposal must be what `--config` takes.
    Settings::parse(&text).context("the proposal is not valid: a fault of `mailtally setup`, please report it")?;
    match &args.output {
        Some(path) => write(path, &text, args.overwrite)?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    if args.output.is_some() || !io::stdout().is_terminal() {
        for warning in &proposal.warnings {
            eprintln!("to look at: {}", warning.split('\n').map(escape).collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(ExitCode::from(u8::from(found.postconf.is_none() && found.doveconf.is_none())))
}

/// What a program says, if it is there and all is well with it.
fn ask(program: &str, flag: &str) -> Option<String> {
    // Not always in the path of who is not root.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let output = Command::new(program).arg(flag).env("PATH", path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success() && !text.trim().is_empty()).then_some(text)
}

/// Only the usual name of mail's own log is taken where nothing was looked at; of others those that hold mail.
fn holds_mail(path: &str) -> bool {
    let is_own = path.ends_with("mail.log") || path.ends_with("maillog");
    is_own || end_of(Path::new(path)).is_some_and(|end| memchr::memmem::find(&end, b" postfix/").is_some())
}

fn end_of(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))?;
    let length = file.metadata().ok()?.len();
    // One byte more: what comes before the first newline is cut off.
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut end = if length <= TAIL_BYTES { b"\n".to_vec() } else { Vec::new() };
    file.take(TAIL_BYTES).read_to_end(&mut end).ok()?;
    Some(end)
}

fn table(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok().filter(|metadata| metadata.is_file())?;
    if metadata.len() > MAX_TABLE_BYTES {
        return None;
    }
    fs::read_to_string(path).ok()
}

fn write(path: &Path, text: &str, overwrite: bool) -> Result<()> {
    let file = File::options().write(true).create(overwrite).create_new(!overwrite).truncate(overwrite).open(path);
    match file {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already: name another file, or add --overwrite", path.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_left_alone_unless_told() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("mailtally.toml");
        let text = || fs::read_to_string(&path).expect("it was written");
        write(&path, "one", false).expect("nothing is there");
        let refusal = write(&path, "two", false).expect_err("it is there").to_string();
        assert!(refusal.contains("is there already") && text() == "one", "{refusal}");
        write(&path, "x", true).expect("it was told to");
        assert_eq!(text(), "x");
    }
}
