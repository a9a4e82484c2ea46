//! How tests get in: accounts by the command line, sessions by `POST /api/session`, as any script does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::product::binary;

/// The system admin of servers that tests start.
pub const ADMIN: &str = "tester";
/// The password of every account that tests make.
pub const PASSWORD: &str = "correct horse battery";
/// A session's cookie, on loopback.
pub const COOKIE: &str = "__Host-mailtally";

/// Where a server is, as `http://127.0.0.1:PORT`, and a session there.
#[derive(Clone, Debug)]
pub struct Address {
    base: String,
    session: String,
}

impl Address {
    /// Signs in with the link that the demo printed.
    pub fn of_link(printed: &str) -> Result<Address> {
        let (base, link) = printed.split_once("/#link=").context("the demo printed no link to sign in with")?;
        Address::open(base, &json!({ "link": link }))
    }

    /// Signs in as an account that [`add`] made.
    pub fn sign_in(base: &str, name: &str) -> Result<Address> {
        Address::open(base, &json!({ "name": name, "password": PASSWORD }))
    }

    fn open(base: &str, log_in: &Value) -> Result<Address> {
        let base = base.trim_end_matches('/').to_owned();
        let answer = request(&base, "POST", "/api/session", None, Some(log_in))?;
        ensure!(answer.status == 200, "signing in was answered {}: {}", answer.status, answer.body);
        let session = answer.session.context("signing in set no cookie")?;
        Ok(Address { base, session })
    }

    pub fn session(&self) -> &str {
        &self.session
    }

    /// Asks the API in this session.
    pub fn get(&self, path: &str) -> Result<Answer> {
        request(&self.base, "GET", path, Some(&self.session), None)
    }

    /// Changes something in this session, as our own pages do.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        request(&self.base, method, path, Some(&self.session), body)
    }
}

impl Deref for Address {
    type Target = str;

    fn deref(&self) -> &str {
        &self.base
    }
}

/// Adds an account, unless an earlier server over the same data did.
pub fn add(data: &Path, name: &str, root: &str) -> Result<()> {
    let mut command = Command::new(binary()?);
    command.args(["account", "add", name, "--root", root, "--password-stdin", "--data"]).arg(data);
    let mut process =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start mailtally account")?;
    let mut stdin = process.stdin.take().context("mailtally account has no stdin")?;
    writeln!(stdin, "{PASSWORD}").context("cannot say the password")?;
    drop(stdin);
    let output = process.wait_with_output().context("mailtally account did not end")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() || said.contains("already"), "mailtally account add {name}: {said}");
    Ok(())
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The session that it began.
    pub session: Option<String>,
}

/// One request on a connection of its own, as our own pages send it.
pub fn request(base: &str, method: &str, path: &str, session: Option<&str>, body: Option<&Value>) -> Result<Answer> {
    let cookie = session.map(|session| format!("cookie: {COOKIE}={session}\r\n")).unwrap_or_default();
    exchange(base, method, path, &cookie, body)
}

/// A question with a token, as a script asks.
pub fn with_token(base: &str, token: &str, path: &str) -> Result<Answer> {
    exchange(base, "GET", path, &format!("authorization: Bearer {token}\r\n"), None)
}

fn exchange(base: &str, method: &str, path: &str, who: &str, body: Option<&Value>) -> Result<Answer> {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).with_context(|| format!("cannot connect to {host}"))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: {base}\r\nconnection: close\r\n{who}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("the answer broke off")?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an answer has a status")?;
    let set = head.lines().find_map(|line| line.strip_prefix(&format!("set-cookie: {COOKIE}=")));
    let session = set.and_then(|set| set.split(';').next()).map(str::to_owned);
    Ok(Answer { status, body: body.to_owned(), session })
}
