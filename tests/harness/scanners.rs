//! Real scanners: Debian's spamd and clamd on loopback, each with one rule of its own, writing logs of their own, and
//! ended when dropped. They are spoken to as spamc and a mail filter speak to them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::mail::{free_ports, sbin, wait};

/// spamd takes a text with this word for spam.
pub const SPAM_WORD: &str = "casino";
/// clamd takes a text with this word for a virus.
pub const VIRUS_WORD: &str = "cricket";

/// A scanner answers within a second, on a busy machine later.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Scanners {
    folder: TempDir,
    spamd: u16,
    clamd: u16,
    scans: std::cell::Cell<usize>,
    is_running: bool,
}

/// Which package is missing; none where both are there.
pub fn missing() -> Option<String> {
    let packages = [("spamd", "spamd"), ("clamd", "clamav-daemon")];
    let absent = packages.iter().find(|(program, _)| sbin(program).is_none());
    absent.map(|(program, package)| format!("{program} is not installed (Debian: `apt-get install {package}`)"))
}

impl Scanners {
    pub fn start() -> Result<Scanners> {
        let folder = tempfile::Builder::new().prefix("mailtally-scanners-").tempdir()?;
        // spamd's children are nobody, and read its rules.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let [spamd, clamd] = free_ports()?;
        let scanners = Scanners { folder, spamd, clamd, scans: std::cell::Cell::new(0), is_running: true };
        scanners.start_spamd()?;
        scanners.start_clamd()?;
        // spamd comes back when it listens, and a connection that says nothing would be one more that it counts.
        let pid = scanners.path("clamd.pid");
        wait("clamd.pid", || pid.exists())?;
        wait("clamd's port", || TcpStream::connect((Ipv4Addr::LOCALHOST, clamd)).is_ok())?;
        Ok(scanners)
    }

    pub fn logs(&self) -> [PathBuf; 2] {
        ["spamd.log", "clamd.log"].map(|name| self.path(name))
    }

    /// As spamc does: whether it is spam.
    pub fn is_spam(&self, message: &str) -> Result<bool> {
        let request = format!("CHECK SPAMC/1.2\r\nContent-length: {}\r\n\r\n{message}", message.len());
        let answer = ask(self.spamd, request.as_bytes())?;
        self.scans.set(self.scans.get() + 1);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        ensure!(answer.contains("EX_OK"), "spamd says {answer}");
        Ok(answer.contains("Spam: True"))
    }

    /// As a milter does, by INSTREAM: whether a virus is in it.
    pub fn is_infected(&self, message: &str) -> Result<bool> {
        let length = u32::try_from(message.len())?.to_be_bytes();
        let request = [b"zINSTREAM\0", &length[..], message.as_bytes(), &[0; 4]].concat();
        let answer = String::from_utf8_lossy(&ask(self.clamd, &request)?).into_owned();
        ensure!(answer.starts_with("stream: "), "clamd says {answer}");
        Ok(answer.contains("FOUND"))
    }

    /// Ends both, with every line in the logs: spamd writes a scan's last line after its answer.
    pub fn stop(&mut self) -> Result<()> {
        let [log, _] = self.logs();
        let scans = self.scans.get();
        wait("spamd's last line", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            text.lines().filter(|line| line.contains("spamd: result: ")).count() == scans
        })?;
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.is_running = false;
        for name in ["spamd.pid", "clamd.pid"] {
            let pid = fs::read_to_string(self.path(name)).with_context(|| format!("no {name}"))?;
            let is_ended = Command::new("kill").arg(pid.trim()).stderr(Stdio::null()).status()?.success();
            ensure!(is_ended, "{name}: no such process");
            let process = Path::new("/proc").join(pid.trim());
            wait(name, || !process.exists())?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start_spamd(&self) -> Result<()> {
        let rules = self.path("rules");
        fs::create_dir(&rules)?;
        fs::write(rules.join("init.pre"), "loadplugin Mail::SpamAssassin::Plugin::Check\n")?;
        let text = format!("required_score 5\nuse_bayes 0\nbody TOLD /{SPAM_WORD}/i\nscore TOLD 10\n");
        fs::write(rules.join("local.cf"), text)?;
        let (log, pid, rules) = (self.path("spamd.log"), self.path("spamd.pid"), rules.display().to_string());
        let port = self.spamd.to_string();
        let words = ["-d", "-L", "-x", "-u", "nobody", "-m", "1", "-i", "127.0.0.1", "-p", &port];
        let mut command = Command::new(sbin("spamd").context("no spamd")?);
        command.args(words).arg("-s").arg(log).arg("-r").arg(pid);
        run(command.args(["--siteconfigpath", &rules, "--configpath", &rules]))
    }

    fn start_clamd(&self) -> Result<()> {
        let base = self.folder.path().display().to_string();
        let database = self.path("database");
        fs::create_dir(&database)?;
        let signature: String = VIRUS_WORD.bytes().map(|byte| format!("{byte:02x}")).collect();
        fs::write(database.join("own.ndb"), format!("Test.Word:0:*:{signature}\n"))?;
        let port = self.clamd;
        let text = format!(
            "LogFile {base}/clamd.log
LogTime yes
LogClean yes
PidFile {base}/clamd.pid
DatabaseDirectory {base}/database
TCPSocket {port}
TCPAddr 127.0.0.1
"
        );
        fs::write(self.path("clamd.conf"), text)?;
        run(Command::new(sbin("clamd").context("no clamd")?).arg("-c").arg(self.path("clamd.conf")))
    }
}

impl Drop for Scanners {
    fn drop(&mut self) {
        if self.is_running {
            // A test that failed leaves no daemon behind; why it failed is said already.
            let _ = self.end();
        }
    }
}

/// A child that keeps our pipe would make us wait for ever, so a daemon gets none.
fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

fn ask(port: u16, request: &[u8]) -> Result<Vec<u8>> {
    let mut talk = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    talk.set_read_timeout(Some(PATIENCE))?;
    talk.write_all(request)?;
    talk.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    talk.read_to_end(&mut answer)?;
    Ok(answer)
}
