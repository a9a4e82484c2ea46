//! The server that is shipped is compiled twice: once so that it writes down which way it takes at each branch, and, when
//! it was watched at work, once more with the ways most taken laid out straight. Of an import that saves a tenth of the CPU
//! time or more (docs/performance.md), and no source says anything of it.
//!
//! It is watched on the demo's year, which no benchmark measures: as the demo writes it, in packed files with ISO 8601 stamps, and
//! as many servers still do, in a plain file whose stamps name no year. What was seen changes where code lies and what is
//! inlined, and must change no number: both builds are asked for every report, and have to say the same.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::product::{Program, Server, fresh};
use crate::progress::{Progress, say};
use crate::{asset, root, shell, tools};

/// The steps of [`trained`].
pub const STEPS: usize = 3;

/// Long enough that hardly any of it is the start; a year of lines from all daemons there are.
const LINES: &str = "400000";
/// How often all reports are asked for: then answers are some of the work beside reading logs.
const ASKED: usize = 20;

/// Compiles the server with the app inside, which is to be there already, in one go; gives where it is.
pub fn plain(progress: &mut Progress) -> Result<PathBuf> {
    progress.step("compile the server with the app inside", || shell::run(&mut cargo_build()))?;
    Ok(root::cargo_target().join("release/mailtally"))
}

/// The same as it is shipped.
pub fn trained(progress: &mut Progress) -> Result<PathBuf> {
    let Some(merge) = tools::ensure_profdata()? else { return plain(progress) };
    let folder = root::cargo_target().join("trained");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let raw = folder.join("raw");
    let watched = progress
        .step("compile the server to be watched", || compile(&folder, "watched", &flag("profile-generate", &raw)))?;
    let seen = folder.join("server.profdata");
    progress.step("watch it at work", || {
        let program = fs::read(watched.path()).with_context(|| format!("cannot read {}", watched.path().display()))?;
        let (program, stamp) = (blake3::hash(&program).to_hex(), asset::with_suffix(&seen, "stamp"));
        if seen.is_file() && fs::read_to_string(&stamp).is_ok_and(|last| last == program.as_str()) {
            say("this very program was watched before");
            return Ok(());
        }
        fresh(&raw)?;
        work(&watched, &folder)?;
        shell::run(Command::new(&merge).arg("merge").arg("-o").arg(&seen).arg(&raw))?;
        fs::write(&stamp, program.as_str()).with_context(|| format!("cannot write {}", stamp.display()))
    })?;
    progress.step("compile the server by what was seen", || {
        let trained = compile(&folder, "server", &flag("profile-use", &seen))?;
        ensure!(
            counted(&watched, &folder)? == counted(&trained, &folder)?,
            "compiled by what was seen, the server shows other numbers"
        );
        Ok(trained.path().to_owned())
    })
}

fn cargo_build() -> Command {
    shell::cargo(["build", "--release", "--package", "mailtally-server", "--features", "embed"])
}

/// The same with one more flag, in a folder of its own: cargo would build all anew each time the flag changes.
fn compile(folder: &Path, name: &str, flag: &str) -> Result<Program> {
    let (host, target) = (tools::host()?, folder.join(name));
    // With a target named, what runs while building is compiled without the flag.
    let place = ["--target", &host, "--target-dir"];
    shell::run(cargo_build().args(place).arg(&target).env("CARGO_ENCODED_RUSTFLAGS", flag))?;
    Ok(Program::at(target.join(host).join("release/mailtally")))
}

fn flag(name: &str, path: &Path) -> String {
    format!("-C{name}={}", path.display())
}

/// What an administrator has it do: a year is checked, read without and with events, and looked at.
fn work(watched: &Program, folder: &Path) -> Result<()> {
    let logs = logs(folder);
    fresh(&logs)?;
    shell::run(watched.command().args(["demo", "--lines", LINES, "--write"]).arg(&logs))?;
    let packed = files(&logs)?;
    let plain = [write_plain(&packed, folder)?];
    let mut data = PathBuf::new();
    for files in [&plain[..], &packed] {
        shell::output(watched.command().arg("check").args(files))?;
        import(watched, folder, 0, files)?;
        data = import(watched, folder, 400, files)?;
    }
    let server = watched.serve(&data, Some(&settings(folder, 400)?), None)?;
    for _ in 0..ASKED {
        reports(&server)?;
        server.get("/")?;
    }
    server.end()
}

/// Every report of a year that this build reads.
fn counted(program: &Program, folder: &Path) -> Result<Vec<(u16, String)>> {
    let data = import(program, folder, 400, &files(&logs(folder))?)?;
    let server = program.serve(&data, Some(&settings(folder, 400)?), None)?;
    let counted = reports(&server)?;
    server.end()?;
    Ok(counted)
}

/// All that the server has counted, as it says it: by time, and by domains where a report has them.
fn reports(server: &Server) -> Result<Vec<(u16, String)>> {
    let session: Session = serde_json::from_str(&server.get("/api/reports")?).context("no list of reports")?;
    let [from, until] = session.stored;
    let asked = session.reports.iter().flat_map(|report| {
        ["time", "domains"]
            .map(|by| format!("/api/reports/{report}?subject=(server)&by={by}&from={from}&until={until}"))
    });
    asked.map(|path| server.ask(&path)).collect()
}

/// Which reports there are, and from when to when.
#[derive(Deserialize)]
struct Session {
    reports: Vec<String>,
    stored: [i64; 2],
}

/// Reads these files into an empty directory, with events kept so many days.
fn import(program: &Program, folder: &Path, keep_days: u32, files: &[PathBuf]) -> Result<PathBuf> {
    let data = folder.join("data");
    fresh(&data)?;
    let mut import = program.command();
    import.arg("--config").arg(settings(folder, keep_days)?).args(["import", "--data"]).arg(&data);
    shell::output(import.args(files))?;
    Ok(data)
}

/// The same lines, oldest first, in one plain file and with the stamps of RFC 3164.
fn write_plain(files: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let path = folder.join("mail.log");
    let written = || -> io::Result<()> {
        let mut files = files.to_vec();
        files.sort_by_key(|file| std::cmp::Reverse(weeks_ago(file)));
        let mut plain = BufWriter::new(File::create(&path)?);
        for file in files {
            let mut text = String::new();
            match file.extension() {
                Some(packed) if packed == "gz" => MultiGzDecoder::new(File::open(file)?).read_to_string(&mut text)?,
                _ => File::open(file)?.read_to_string(&mut text)?,
            };
            for line in text.lines() {
                let (stamp, rest) = line.split_once(' ').unwrap_or_default();
                writeln!(plain, "{} {rest}", without_year(stamp).unwrap_or_default())?;
            }
        }
        plain.flush()
    };
    written().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Of `mail.log.12.gz` twelve, of `mail.log` none.
fn weeks_ago(file: &Path) -> u32 {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').find_map(|part| part.parse().ok()).unwrap_or(0)
}

/// `Nov  2 00:13:48` of `2026-11-02T00:13:48.5726+01:00`.
fn without_year(stamp: &str) -> Option<String> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = |at: std::ops::Range<usize>| stamp.get(at)?.parse::<usize>().ok();
    let month = MONTHS.get(number(5..7)?.checked_sub(1)?)?;
    Some(format!("{month} {:2} {}", number(8..10)?, stamp.get(11..19)?))
}

/// Nothing of this machine is read, and nothing goes on while it is asked.
fn settings(folder: &Path, keep_days: u32) -> Result<PathBuf> {
    let path = folder.join("settings.toml");
    let text = format!("[host]\nsample = false\n[collect]\nfiles = []\n[events]\nkeep_days = {keep_days}\n");
    fs::write(&path, text).context("cannot write settings")?;
    Ok(path)
}

fn logs(folder: &Path) -> PathBuf {
    folder.join("logs")
}

fn files(logs: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(logs).with_context(|| format!("cannot list {}", logs.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
