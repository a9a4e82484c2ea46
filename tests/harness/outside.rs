//! The world outside the mail server under test: another mail server that takes, refuses or puts off what its
//! recipients' names ask for, and a spam filter that speaks the milter protocol.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;

use crate::talk::Talk;

/// What the other mail server saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub connections: AtomicU32,
    pub taken: AtomicU32,
    pub refused: AtomicU32,
    pub put_off: AtomicU32,
    /// Bytes of messages as they came, without the final dot.
    pub bytes: Mutex<u64>,
}

/// A mail server elsewhere: `gone…` is unknown there, `full…` is to be tried again.
pub struct Outside {
    pub port: u16,
    pub seen: Arc<Seen>,
}

impl Outside {
    /// It listens until the test's process ends.
    pub fn start() -> Result<Outside> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Seen::default());
        let of_all = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&of_all);
                seen.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Ok(Outside { port, seen })
    }
}

fn serve(stream: TcpStream, seen: &Seen) -> Result<()> {
    let mut talk = Talk::over(stream)?;
    talk.say("220 mx.outside.example ESMTP")?;
    while let Some(line) = talk.hear()? {
        let word = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
        match word.as_str() {
            "RCPT" if line.contains("<gone") => {
                seen.refused.fetch_add(1, Ordering::SeqCst);
                talk.say("550 5.1.1 no such user")?;
            }
            "RCPT" if line.contains("<full") => {
                seen.put_off.fetch_add(1, Ordering::SeqCst);
                talk.say("452 4.2.2 mailbox full")?;
            }
            "DATA" => {
                talk.say("354 go on")?;
                let before = talk.received;
                talk.hear_until(|line| line == ".")?;
                *seen.bytes.lock().expect("no thread panics with it") += talk.received - before - 3;
                seen.taken.fetch_add(1, Ordering::SeqCst);
                talk.say("250 2.0.0 taken")?;
            }
            "QUIT" => {
                talk.say("221 2.0.0 bye")?;
                break;
            }
            _ => talk.say("250 2.0.0 ok")?,
        }
    }
    Ok(())
}

/// A spam filter: refuses what has `SPAM` in a header.
pub struct SpamFilter {
    pub port: u16,
}

impl SpamFilter {
    pub fn start() -> Result<SpamFilter> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || filter(stream));
            }
        });
        Ok(SpamFilter { port })
    }
}

/// The milter protocol, version 6, as libmilter speaks it: a length, a letter, data. Each step is answered by `c`
/// (continue), the end of a message by a reply of our own if it is spam.
fn filter(mut stream: TcpStream) -> Result<()> {
    let mut is_spam = false;
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return Ok(());
        }
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut packet)?;
        let Some((command, data)) = packet.split_first() else { continue };
        let answer = match command {
            // Negotiation: version 6, no actions, no steps left out.
            b'O' => [&b"O"[..], &6u32.to_be_bytes(), &0u32.to_be_bytes(), &0u32.to_be_bytes()].concat(),
            // Macros and the end of a session are answered by nothing.
            b'D' | b'K' => continue,
            b'A' => {
                is_spam = false;
                continue;
            }
            b'Q' => return Ok(()),
            b'M' => {
                is_spam = false;
                b"c".to_vec()
            }
            b'L' => {
                is_spam |= data.windows(4).any(|window| window == b"SPAM");
                b"c".to_vec()
            }
            b'E' if is_spam => b"y550 5.7.1 Spam message rejected\0".to_vec(),
            _ => b"c".to_vec(),
        };
        // In one piece: two would wait for each other's acknowledgement.
        stream.write_all(&[&u32::try_from(answer.len())?.to_be_bytes()[..], &answer].concat())?;
    }
}
