//! The binary of `cargo xtask dist` as a process: commands that end, and servers that are ended.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::account::{self, Address};

/// How long a server may take to print its address; the demo reads a year of log lines meanwhile.
const STARTS_WITHIN: Duration = Duration::from_secs(600);

/// The top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the repository")
}

/// A folder of the four real logs that are in the repository.
pub fn corpus(name: &str) -> PathBuf {
    root().join("server/tests/fixtures/corpora").join(name)
}

pub(crate) fn binary() -> Result<PathBuf> {
    let binary = root().join("target/dist/mailtally");
    ensure!(binary.is_file(), "there is no {}; `cargo xtask dist` makes it", binary.display());
    Ok(binary)
}

/// Runs one command of the product to its end.
pub fn mailtally<I, S>(arguments: I) -> Result<Output>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(binary()?);
    command.args(arguments).stdin(Stdio::null());
    command.output().context("cannot start mailtally")
}

/// Reads log files into a data directory.
pub fn import(data: &Path, arguments: &[&str], files: &[&Path]) -> Result<Output> {
    let words = [OsStr::new("import"), OsStr::new("--data"), data.as_os_str()];
    let arguments = arguments.iter().map(OsStr::new);
    let files = files.iter().map(|file| file.as_os_str());
    mailtally(words.into_iter().chain(arguments).chain(files))
}

/// One report as the command line prints it.
pub fn report(data: &Path, id: &str, arguments: &[&str]) -> Result<Value> {
    let words = ["report", id, "--format", "json", "--data"].map(OsStr::new);
    let output = mailtally(words.into_iter().chain([data.as_os_str()]).chain(arguments.iter().map(OsStr::new)))?;
    if !output.status.success() {
        bail!("mailtally report {id} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("mailtally report did not print JSON")
}

/// A running server, ended when dropped.
pub struct Server {
    process: Child,
    /// Where it is, and the session of a system admin there.
    pub url: Address,
    /// Where its counters are.
    pub data: PathBuf,
    /// What it keeps besides; for the demo its throwaway directory, which a test finds here.
    _folder: TempDir,
}

impl Server {
    /// The demo: a year of lines through the real sources and parsers.
    pub fn demo() -> Result<Server> {
        let folder = tempfile::tempdir().context("cannot make a directory for the demo")?;
        let mut command = Command::new(binary()?);
        command.args(["demo", "--listen", &free_address()?.to_string()]).env("TMPDIR", folder.path());
        let (process, printed) = start(command)?;
        let url = Address::of_link(&printed)?;
        let data = only_folder(folder.path())?.join("data");
        Ok(Server { process, url, data, _folder: folder })
    }

    /// A server over what a test has imported; it follows no log and does not sample this machine.
    pub fn serve(data: &Path) -> Result<Server> {
        Server::serve_at(data, free_address()?)
    }

    /// The same at an address, to come back where it was.
    pub fn serve_at(data: &Path, address: SocketAddr) -> Result<Server> {
        Server::start(data, address, "")
    }

    /// A server over a data directory with more settings than that, in TOML.
    pub fn serve_with(data: &Path, settings: &str) -> Result<Server> {
        Server::start(data, free_address()?, settings)
    }

    fn start(data: &Path, address: SocketAddr, more: &str) -> Result<Server> {
        let folder = tempfile::tempdir().context("cannot make a directory for the settings")?;
        let settings = folder.path().join("mailtally.toml");
        let text = format!("[collect]\nfiles = []\n[host]\nsample = false\n{more}");
        fs::write(&settings, text).context("cannot write settings")?;
        let mut command = Command::new(binary()?);
        command.arg("--config").arg(settings).args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
        account::add(data, account::ADMIN, "(server)")?;
        let (process, printed) = start(command)?;
        let url = Address::sign_in(&printed, account::ADMIN)?;
        Ok(Server { process, url, data: data.to_owned(), _folder: folder })
    }
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        self.url.trim_start_matches("http://").parse().with_context(|| format!("{} is no address", &*self.url))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a server and waits for the address that it prints.
fn start(mut command: Command) -> Result<(Child, String)> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start mailtally")?;
    let stdout = process.stdout.take().context("mailtally has no stdout")?;
    let (sender, receiver) = mpsc::channel();
    // Reads to the end, so that the server never waits for us to take its lines.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(at) = line.find("http://") {
                let url = line[at..].split_whitespace().next().unwrap_or_default();
                let _ = sender.send(url.trim_end_matches(['/', '.', ',']).to_owned());
            }
        }
    });
    match receiver.recv_timeout(STARTS_WITHIN) {
        Ok(url) => Ok((process, url)),
        Err(_) => {
            let _ = process.kill();
            let _ = process.wait();
            bail!("mailtally printed no address")
        }
    }
}

/// A loopback address that nothing listens on now.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    listener.local_addr().context("cannot tell which port is free")
}

fn only_folder(parent: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(parent)?.collect::<Result<Vec<_>, _>>()?;
    let folders: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    let [folder] = folders.as_slice() else { bail!("the demo should have one directory, not {folders:?}") };
    Ok(folder.clone())
}
