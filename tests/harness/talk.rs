//! One end of a conversation in lines, over TCP: what SMTP, POP3 and IMAP have in common. Knows no protocol's words.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// A daemon that says nothing for so long is stuck.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

pub struct Talk {
    lines: BufReader<TcpStream>,
    /// Bytes that came.
    pub received: u64,
    /// Bytes that went.
    pub sent: u64,
}

impl Talk {
    pub fn over(stream: TcpStream) -> Result<Talk> {
        stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
        Ok(Talk { lines: BufReader::new(stream), received: 0, sent: 0 })
    }

    /// Connects from a loopback address of its own, so that a daemon sees another client.
    pub fn from(client: Ipv4Addr, port: u16) -> Result<Talk> {
        let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((client, 0))).with_context(|| format!("cannot bind {client}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let stream = runtime.block_on(socket.connect(server.into())).with_context(|| format!("connect to {server}"))?;
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Talk::over(stream)
    }

    pub fn say(&mut self, line: &str) -> Result<()> {
        self.write(format!("{line}\r\n").as_bytes())
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.lines.get_mut().write_all(bytes)?;
        self.sent += bytes.len() as u64;
        Ok(())
    }

    /// The next line without its end; none when the other side has hung up.
    pub fn hear(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let count = self.lines.read_until(b'\n', &mut line)?;
        self.received += count as u64;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        Ok((count > 0).then_some(text))
    }

    /// Lines up to the first one that `is_last`, which is given back.
    pub fn hear_until(&mut self, is_last: impl Fn(&str) -> bool) -> Result<String> {
        loop {
            let line = self.hear()?.context("the other side hung up")?;
            if is_last(&line) {
                return Ok(line);
            }
        }
    }

    /// Says a line and hears the last line of an SMTP reply.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        self.say(line)?;
        self.reply()
    }

    /// The last line of an SMTP reply: after its code stands no hyphen.
    pub fn reply(&mut self) -> Result<String> {
        self.hear_until(|line| line.as_bytes().get(3) != Some(&b'-'))
    }

    /// Says a line whose reply must begin so.
    pub fn expect(&mut self, line: &str, reply: &str) -> Result<String> {
        let heard = self.ask(line)?;
        ensure!(heard.starts_with(reply), "{line}: {heard}, not {reply}");
        Ok(heard)
    }

    /// Waits until the other side hangs up.
    pub fn hear_out(mut self) -> Result<()> {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.lines.read_to_end(&mut rest);
        Ok(())
    }
}
