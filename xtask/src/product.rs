//! The product as an administrator and a browser meet it: its commands, and a server that is asked over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{root, shell};

/// One build of `mailtally`.
#[derive(Clone)]
pub struct Program(PathBuf);

impl Program {
    pub fn at(path: PathBuf) -> Program {
        Program(path)
    }

    /// What `cargo xtask dist` leaves.
    pub fn shipped() -> Program {
        Program(root::dist().join("mailtally"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// Makes an account that sees the server, and a token that reads for it.
    pub fn token(&self, data: &Path) -> Result<String> {
        let account = |words: &[&str], typed: &str| -> Result<String> {
            let mut command = self.command();
            command.arg("account").args(words).arg("--data").arg(data);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            child.stdin.take().context("no pipe")?.write_all(typed.as_bytes())?;
            let output = child.wait_with_output()?;
            ensure!(output.status.success(), "{command:?} ended with {}", output.status);
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        account(&["add", "bench", "--root", "(server)", "--password-stdin"], "kettle-orbit-mango-17\n")?;
        account(&["token", "bench"], "")
    }

    /// Serves a data directory on a free port of this machine; the settings file and the log to follow are optional.
    pub fn serve(&self, data: &Path, settings: Option<&Path>, log: Option<&Path>) -> Result<Server> {
        let token = self.token(data)?;
        let mut serve = self.command();
        if let Some(settings) = settings {
            serve.arg("--config").arg(settings);
        }
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if let Some(log) = log {
            serve.arg("--log").arg(log);
        }
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = serve.spawn().context("cannot start the server")?;
        let mut said = String::new();
        BufReader::new(process.stdout.take().context("no pipe")?).read_line(&mut said)?;
        Ok(Server { process, url: said.trim().trim_end_matches('/').to_owned(), token })
    }
}

/// A server that runs; ended when this goes.
pub struct Server {
    process: Child,
    /// Without a slash at its end.
    pub url: String,
    /// Reads for an account that sees the server.
    pub token: String,
}

impl Server {
    /// Its status and its answer to a reader of this path, without the headers.
    pub fn ask(&self, path: &str) -> Result<(u16, String)> {
        let address = self.url.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).context("cannot reach the server")?;
        // Of this version of HTTP an answer ends where the connection does.
        let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n", self.token);
        connection.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        Ok((status.context("no status")?, body.to_owned()))
    }

    /// What it answers, which is to be there.
    pub fn get(&self, path: &str) -> Result<String> {
        let (status, body) = self.ask(path)?;
        ensure!(status == 200, "{path}: status {status}, {body}");
        Ok(body)
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub fn end(mut self) -> Result<()> {
        let id = self.process_id();
        // A shell has `kill` built in, where the program of that name may be missing.
        shell::run(Command::new("sh").args(["-c", &format!("kill -TERM {id}")]))?;
        let status = self.process.wait().context("cannot wait for the server")?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An empty folder.
pub fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
