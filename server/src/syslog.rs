//! The envelope of a line: time, host, program, process, message. Knows nothing of mail.
//!
//! Formats: RFC 3164 as rsyslog and syslogd write it; the same with an ISO 8601 stamp; RFC 5424; Dovecot's own
//! file (<https://doc.dovecot.org/2.3/admin_manual/logging/>), clamd's and spamd's own files, and the first words of Exim's
//! main log and of Rspamd's log, so that their lines are told apart. Bytes in, borrowed bytes out: no allocation.

mod stamp;

use mailtally_model::{Time, Zone};

use crate::text::is_same;
pub use stamp::YearScan;
use stamp::{Clock, Stamp};

/// One log line, borrowed from the bytes it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub time: Time,
    /// The host that logged; for a file without host names, the name given with the source.
    pub host: &'a str,
    /// `postfix/smtpd`, `dovecot`, `spamd`: as logged, instance and service included. Dovecot's own file is `dovecot` too.
    pub program: &'a [u8],
    pub pid: Option<u32>,
    pub message: &'a [u8],
    /// How often it happened: more than 1 for "message repeated N times".
    pub times: u32,
    /// It stands in a file that one daemon writes for itself, and so says nothing of the others.
    pub own_file: bool,
}

/// Why bytes are not a log line. Counted by the collector, never fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotALine {
    Empty,
    /// No stamp of a known form at the start (a continuation line, another language's month).
    NoStamp,
    /// A stamp that names no instant: 31 April, 24:00:00, 29 February of a common year.
    BadStamp,
    /// A stamp without a year, and nothing to take the year from: see [`Envelope::set_year`].
    NoYear,
    /// A stamp, but no host and program after it.
    NoProgram,
}

/// "message repeated N times" never stands for more than this: a larger number is damage, not a count.
const MAX_REPEATS: u32 = 100_000;

/// Parses the envelopes of one stream, in order: a stamp without year or offset is read in the light of the one before.
#[derive(Clone, Debug)]
pub struct Envelope {
    clock: Clock,
    host: String,
    latest: Beginning,
}

/// How a line begins whose stamp has whole seconds and no year: most lines begin as the one before.
#[derive(Clone, Debug)]
struct Beginning {
    /// Stamp, host and the space behind each; empty if the line before was another one.
    bytes: Vec<u8>,
    time: Time,
    host: String,
}

impl Beginning {
    fn is_of(&self, line: &[u8]) -> bool {
        !self.bytes.is_empty() && line.get(..self.bytes.len()).is_some_and(|beginning| is_same(beginning, &self.bytes))
    }

    fn forget(&mut self) {
        self.bytes.clear();
    }

    fn remember(&mut self, bytes: &[u8], time: Time, host: &str) {
        bytes.clone_into(&mut self.bytes);
        self.time = time;
        host.clone_into(&mut self.host);
    }
}

impl Envelope {
    /// `zone` is the zone of stamps without an offset; `host` names the host where the lines do not.
    pub fn new(zone: Zone, host: &str) -> Envelope {
        let latest = Beginning { bytes: Vec::new(), time: Time(0), host: String::new() };
        Envelope { clock: Clock::new(zone), host: host.to_owned(), latest }
    }

    /// The year of the first stamp that has none: `--year`, else [`YearScan::first_year`].
    pub fn set_year(&mut self, year: i32) {
        self.latest.forget();
        self.clock.set_year(year);
    }

    /// Goes on after a line that stood at `last`, as when a known file has grown.
    pub fn resume(&mut self, last: Time) {
        self.latest.forget();
        self.clock.resume(last);
    }

    /// What comes was written after `last`, which stood in the piece before this one: in an hour that autumn repeats it is
    /// the second pass.
    pub fn come_after(&mut self, last: Time) {
        self.clock.come_after(last);
    }

    /// One line without its line end (a trailing CR or LF is taken off).
    pub fn parse<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Line<'a>, NotALine> {
        let bytes = without_padding(bytes);
        if bytes.is_empty() {
            return Err(NotALine::Empty);
        }
        let (bytes, is_rfc5424) = without_priority(bytes);
        if !is_rfc5424 && self.latest.is_of(bytes) {
            let Beginning { bytes: known, time, host } = &self.latest;
            return rfc3164(*time, host, &bytes[known.len()..]);
        }
        self.latest.forget();
        let (stamp, rest) = Stamp::parse(bytes).ok_or(NotALine::NoStamp)?;
        let time = self.clock.time(&stamp)?;
        if is_rfc5424 {
            return rfc5424(time, rest);
        }
        match stamp {
            Stamp::Ctime { .. } => Ok(match rest.strip_prefix(b"-> ") {
                Some(message) => self.own_file(time, b"clamd", message),
                None => self.own_file(time, b"spamd", spamd_message(rest)),
            }),
            Stamp::Yearless { .. } | Stamp::Local { .. } | Stamp::Instant(_) if is_dovecot_prefix(rest) => {
                Ok(self.own_file(time, b"dovecot", rest))
            }
            Stamp::Instant(_) if rest.first() == Some(&b'[') => Ok(self.own_file(time, b"spamd", spamd_message(rest))),
            Stamp::Local { .. } if rest.first() == Some(&b'#') => Ok(self.own_file(time, b"rspamd", rest)),
            Stamp::Local { .. } if !names_a_process(rest) => Ok(self.own_file(time, b"exim", rest)),
            _ => {
                let (host, text) = host(rest)?;
                if matches!(stamp, Stamp::Yearless { .. }) {
                    self.latest.remember(&bytes[..bytes.len() - text.len()], time, host);
                }
                rfc3164(time, host, text)
            }
        }
    }

    fn own_file<'a>(&'a self, time: Time, program: &'a [u8], message: &'a [u8]) -> Line<'a> {
        Line { time, host: &self.host, program, pid: None, message, times: 1, own_file: true }
    }
}

/// Line ends at the end; NULs at the start, which a crashed file system leaves (FAULTS 42).
fn without_padding(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The millionths of a second of a line's stamp, where it has them; a line that [`Envelope::parse`] took.
pub fn micros(bytes: &[u8]) -> u32 {
    let (bytes, _) = without_priority(without_padding(bytes));
    stamp::micros(bytes)
}

/// Takes off `<22>`; true if the version of RFC 5424 (`<22>1 `) follows.
fn without_priority(bytes: &[u8]) -> (&[u8], bool) {
    let Some(rest) = bytes.strip_prefix(b"<") else { return (bytes, false) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits) {
        Some(b'>') if (1..=3).contains(&digits) => match rest[digits + 1..].strip_prefix(b"1 ") {
            Some(versioned) => (versioned, true),
            None => (&rest[digits + 1..], false),
        },
        _ => (bytes, false),
    }
}

/// `postfix/smtpd[2571]: text`, after stamp and host.
fn rfc3164<'a>(time: Time, host: &'a str, rest: &'a [u8]) -> Result<Line<'a>, NotALine> {
    // sysklogd's own form has no program, and what was repeated stands on the line before.
    if rest.starts_with(UNKNOWN_REPEATED) {
        return Ok(Line { time, host, program: b"syslogd", pid: None, message: rest, times: 1, own_file: false });
    }
    let end = memchr::memchr3(b':', b'[', b' ', rest).ok_or(NotALine::NoProgram)?;
    let (program, after) = rest.split_at(end);
    let (pid, after) = match after.strip_prefix(b"[") {
        None => (None, after),
        Some(inner) => process(inner).ok_or(NotALine::NoProgram)?,
    };
    let after = after.strip_prefix(b":").unwrap_or(after);
    if program.is_empty() || !matches!(after.first(), None | Some(b' ')) {
        return Err(NotALine::NoProgram);
    }
    let message = after.trim_ascii_start();
    let (times, message) = if message.starts_with(REPEATED) { unrepeated(message) } else { (1, message) };
    Ok(Line { time, host, program, pid, message, times, own_file: false })
}

/// `2571]`, and what follows. No number where other text stands in the brackets.
#[inline(always)]
fn process(inner: &[u8]) -> Option<(Option<u32>, &[u8])> {
    // Nearly always a few digits, read on the way to the bracket.
    let mut value = 0;
    for (at, byte) in inner.iter().enumerate().take(MAX_DIGITS + 1) {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b']' if at > 0 => return Some((u32::try_from(value).ok(), &inner[at + 1..])),
            _ => break,
        }
    }
    let close = inner.iter().position(|byte| *byte == b']')?;
    Some((number(&inner[..close]), &inner[close + 1..]))
}

/// `mx1 postfix 2571 - [structured data] text`, after version and stamp (RFC 5424, 6).
fn rfc5424(time: Time, rest: &[u8]) -> Result<Line<'_>, NotALine> {
    let (host, rest) = host(rest)?;
    let (program, rest) = token(rest).ok_or(NotALine::NoProgram)?;
    let (process, rest) = token(rest).ok_or(NotALine::NoProgram)?;
    let (_message_id, rest) = token(rest).ok_or(NotALine::NoProgram)?;
    let rest = without_structured_data(rest).ok_or(NotALine::NoProgram)?;
    let message = rest.trim_ascii_start();
    let (times, message) = unrepeated(message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message));
    Ok(Line { time, host, program, pid: number(process), message, times, own_file: false })
}

fn without_structured_data(mut rest: &[u8]) -> Option<&[u8]> {
    if let Some(nil) = rest.strip_prefix(b"-") {
        return Some(nil);
    }
    while rest.first() == Some(&b'[') {
        let mut is_quoted = false;
        let mut at = 1;
        loop {
            match *rest.get(at)? {
                b'\\' if is_quoted => at += 1,
                b'"' => is_quoted = !is_quoted,
                b']' if !is_quoted => break,
                _ => {}
            }
            at += 1;
        }
        rest = &rest[at + 1..];
    }
    Some(rest)
}

fn host(rest: &[u8]) -> Result<(&str, &[u8]), NotALine> {
    let (host, rest) = token(rest).ok_or(NotALine::NoProgram)?;
    let host = str::from_utf8(host).map_err(|_| NotALine::NoProgram)?;
    Ok((host, rest))
}

/// The bytes up to the next space, and those after it.
fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', bytes)?;
    (end > 0).then(|| (&bytes[..end], &bytes[end + 1..]))
}

/// Dovecot's own file has a prefix that ends in a colon where syslog has the host:
/// `imap-login: Info: …`, `pop3(bob@beta.example)<2726><k68gBdJgRKt/AAAB>: Info: …`.
fn is_dovecot_prefix(rest: &[u8]) -> bool {
    let first = token(rest).map_or(rest, |(first, _)| first);
    first.last() == Some(&b':') && first.len() > 1 || first.contains(&b'(') && first[0].is_ascii_lowercase()
}

/// spamd's own file has process and level before what syslog has: `[12261] info: spamd: result: …`.
fn spamd_message(rest: &[u8]) -> &[u8] {
    let message = memchr::memmem::find(rest, b"] ").map_or(rest, |at| &rest[at + 2..]);
    memchr::memmem::find(message, b": ").map_or(message, |at| &message[at + 2..])
}

/// `mx1 postfix/smtpd[123]: `, unlike Exim's `1xUvBf-00038z-1J <= ann@outside.example`.
fn names_a_process(rest: &[u8]) -> bool {
    let Some((_, rest)) = token(rest) else { return false };
    let Some((program, _)) = token(rest) else { return false };
    program.ends_with(b"]:") && program.first().is_some_and(u8::is_ascii_alphabetic)
}

/// How rsyslog says that the line before came again.
const REPEATED: &[u8] = b"message repeated ";
/// sysklogd's own: what was repeated stands on some line before.
pub const UNKNOWN_REPEATED: &[u8] = b"last message repeated ";

/// rsyslog's `message repeated 11 times: [ text]` (FAULTS 40).
fn unrepeated(message: &[u8]) -> (u32, &[u8]) {
    let inner = || {
        let rest = message.strip_prefix(REPEATED)?;
        let (times, rest) = token(rest)?;
        let inner = rest.strip_prefix(b"times: [")?.strip_suffix(b"]")?;
        Some((number(times).filter(|times| *times <= MAX_REPEATS)?, inner.trim_ascii_start()))
    };
    inner().unwrap_or((1, message))
}

/// More than this fits no number of a process.
const MAX_DIGITS: usize = 10;

/// Digits only; none for what does not fit.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value * 10 + u64::from(digit);
    }
    u32::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken from the line before is what the line itself says.
    #[test]
    fn a_line_that_begins_as_the_one_before_is_read_as_if_alone() {
        let lines = [
            "Nov 22 00:13:48 mx1 postfix/qmgr[3]: a",
            "Nov 22 00:13:48 mx1 dovecot: b",
            "<22>Nov 22 00:13:48 mx1 last message repeated 2 times",
            "Nov 22 00:13:48 mx1 no program here",
            "Nov 22 00:13:48 mx1x postfix/qmgr[3]: another host",
            "Nov 22 00:13:48 imap-login: Info: Dovecot's own file",
            "Nov 22 00:13:48 mx1x postfix/qmgr[3]: and back",
            "Nov 22 00:13:49 mx1 postfix/qmgr[3]: a second later",
            "<22>1 2026-11-22T00:13:49Z mx1 postfix/qmgr 3 - - of another form",
            "Nov 22 00:13:49 mx1 ",
            "Nov 22 00:13:49 mx1 postfix/qmgr[3]: c",
        ];
        let mut in_a_row = envelope();
        for line in lines {
            assert_eq!(in_a_row.parse(line.as_bytes()), envelope().parse(line.as_bytes()), "{line}");
        }
        in_a_row.set_year(2025);
        let year_before = in_a_row.parse(lines[10].as_bytes()).map(|line| line.time);
        assert_eq!(year_before, envelope().parse(lines[10].as_bytes()).map(|line| line.time.plus_secs(-365 * 86_400)));
    }

    fn envelope() -> Envelope {
        let mut envelope = Envelope::new(Zone::utc(), "box");
        envelope.set_year(2026);
        envelope
    }

    /// Host, program, pid, message and times of a line at 2026-11-22 00:13:48 UTC.
    #[track_caller]
    fn check(line: &[u8], expected: (&str, &str, Option<u32>, &str, u32)) {
        let mut envelope = envelope();
        let line = envelope.parse(line).expect("a line");
        assert_eq!(line.time, Time(1_795_306_428));
        let text = |bytes| str::from_utf8(bytes).expect("text");
        assert_eq!((line.host, text(line.program), line.pid, text(line.message), line.times), expected);
    }

    #[track_caller]
    fn refuse(line: &[u8], expected: NotALine) {
        assert_eq!(envelope().parse(line), Err(expected));
    }

    #[test]
    fn syslog_lines() {
        let smtpd = ("mx1", "postfix/submission/smtpd", Some(7), "connect from a[1.2.3.4]", 1);
        check(b"Nov 22 00:13:48 mx1 postfix/submission/smtpd[7]: connect from a[1.2.3.4]\r\n", smtpd);
        check(b"2026-11-22T00:13:48.572600+00:00 mx1 postfix/submission/smtpd[7]: connect from a[1.2.3.4]", smtpd);
        check(b"2026-11-22 00:13:48 mx1 postfix/submission/smtpd[7]: connect from a[1.2.3.4]", smtpd);
        check(b"<22>Nov 22 00:13:48 mx1 postfix/submission/smtpd[7]: connect from a[1.2.3.4]", smtpd);
        check(b"\0\0\0Nov 22 00:13:48 mx1 postfix/submission/smtpd[7]: connect from a[1.2.3.4]", smtpd);
        check(
            b"Nov 22 00:13:48 mx1 dovecot: imap-login: Login: user=<a>",
            ("mx1", "dovecot", None, "imap-login: Login: user=<a>", 1),
        );
    }

    /// LOG-LINES trap 1: rsyslog loses the daemon and writes two spaces.
    #[test]
    fn rfc5424_lines() {
        let expected = ("mx1", "postfix", Some(1140), "connect from a[1.2.3.4]", 1);
        check(b"<22>1 2026-11-22T00:13:48.57+00:00 mx1 postfix 1140 - -  connect from a[1.2.3.4]", expected);
        check(br#"<22>1 2026-11-22T00:13:48Z mx1 postfix 1140 - [a b="]\""][c] connect from a[1.2.3.4]"#, expected);
    }

    #[test]
    fn files_of_their_own() {
        check(
            b"Nov 22 00:13:48 imap-login: Info: Login: user=<a>",
            ("box", "dovecot", None, "imap-login: Info: Login: user=<a>", 1),
        );
        check(
            b"2026-11-22 00:13:48 pop3(b@c.example)<2726><k6>: Info: Disconnected",
            ("box", "dovecot", None, "pop3(b@c.example)<2726><k6>: Info: Disconnected", 1),
        );
        check(b"Sun Nov 22 00:13:48 2026 -> a.tmp: OK", ("box", "clamd", None, "a.tmp: OK", 1));
        check(
            b"Sun Nov 22 00:13:48 2026 [12261] info: spamd: result: . 0 - scantime=0.7",
            ("box", "spamd", None, "spamd: result: . 0 - scantime=0.7", 1),
        );
        check(
            b"2026-11-22 00:13:48 1xUvBf-00038z-1J Completed",
            ("box", "exim", None, "1xUvBf-00038z-1J Completed", 1),
        );
        // By multilog.
        check(
            b"@400000006b0233c600000000 imap-login: Info: Login: user=<a>",
            ("box", "dovecot", None, "imap-login: Info: Login: user=<a>", 1),
        );
        check(
            b"@400000006b0233c600000000 [12261] info: spamd: result: . 0 - scantime=0.7",
            ("box", "spamd", None, "spamd: result: . 0 - scantime=0.7", 1),
        );
        check(
            b"@400000006b0233c600000000 mx1 postfix/smtpd[7]: connect from a[1.2.3.4]",
            ("mx1", "postfix/smtpd", Some(7), "connect from a[1.2.3.4]", 1),
        );
        check(b"2026-11-22 00:13:48 #12(rspamd_proxy) <1>; x", ("box", "rspamd", None, "#12(rspamd_proxy) <1>; x", 1));
    }

    /// LOG-LINES trap 4, FAULTS 40.
    #[test]
    fn repeated_messages() {
        let expected = ("mx1", "postfix/smtpd", Some(1), "NOQUEUE: reject: [x]", 11);
        check(b"Nov 22 00:13:48 mx1 postfix/smtpd[1]: message repeated 11 times: [ NOQUEUE: reject: [x]]", expected);
        let unknown = "last message repeated 3 times";
        check(b"Nov 22 00:13:48 mx1 last message repeated 3 times", ("mx1", "syslogd", None, unknown, 1));
        let forged = "message repeated 99999999999 times: [ x]";
        check(b"Nov 22 00:13:48 mx1 a[1]: message repeated 99999999999 times: [ x]", ("mx1", "a", Some(1), forged, 1));
    }

    /// FAULTS 41, 42, 60, 64.
    #[test]
    fn what_is_not_a_line() {
        refuse(b"", NotALine::Empty);
        refuse(b"\0\0\r\n", NotALine::Empty);
        refuse(b"  continued", NotALine::NoStamp);
        refuse("Mär  2 00:12:24 mx1 a: b".as_bytes(), NotALine::NoStamp);
        refuse(b"Nov 31 00:12:24 mx1 a: b", NotALine::BadStamp);
        refuse(b"Feb 29 00:12:24 mx1 a: b", NotALine::BadStamp);
        refuse(b"2026-11-22T24:00:00Z mx1 a: b", NotALine::BadStamp);
        refuse(b"Nov 22 00:13:48", NotALine::NoStamp);
        refuse(b"Nov 22 00:13:48 mx1", NotALine::NoProgram);
        refuse(b"Nov 22 00:13:48 \xff\xfe a[1]: b", NotALine::NoProgram);
        assert_eq!(Envelope::new(Zone::utc(), "box").parse(b"Nov 22 00:13:48 mx1 a: b"), Err(NotALine::NoYear));
    }

    #[test]
    fn every_prefix_of_every_byte_is_safe() {
        let line = b"<22>1 2026-11-22T00:13:48.57+00:00 mx1 postfix 1140 - [a] connect from a[1.2.3.4]";
        for byte in [0, b' ', b'[', b'<', 0x80, 0xff] {
            for cut in 0..line.len() {
                let mut bytes = line[..cut].to_vec();
                bytes.push(byte);
                let _ = envelope().parse(&bytes);
            }
        }
    }
}
