//! SpamAssassin: lines of spamd and of spamc, its client → a [`Fact`].

use crate::text::{Parsed, contains, millis, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// spamd took a connection.
    Connected,
    /// One scan, from its `result:` line; `identified spam` and `clean message` are the same scan (LOG-LINES trap 34).
    Scanned { is_spam: bool, scan_ms: u64, message_id: Option<&'a [u8]> },
    /// An attempt of a client failed, at the address it tried.
    Failed { address: Option<&'a [u8]> },
}

pub fn spamd(message: &[u8]) -> Parsed<Fact<'_>> {
    let Some(text) = message.strip_prefix(b"spamd: ") else {
        // prefork, logger, dns and other parts of spamd.
        return Parsed::Ignored;
    };
    if let Some(rest) = text.strip_prefix(b"result: ") {
        return result(rest).map_or(Parsed::Unparsed, Parsed::Fact);
    }
    if text.starts_with(b"connection from ") || text.starts_with(b"got connection over ") {
        return Parsed::Fact(Fact::Connected);
    }
    if text.starts_with(b"unauthorized connection") {
        return Parsed::Fact(Fact::Failed { address: None });
    }
    Parsed::Ignored
}

/// `Y  6 - T_CASINO scantime=0.7,size=604,user=boris,…,mid=<mcasino.1@outside.example>,autolearn=disabled`
fn result(rest: &[u8]) -> Option<Fact<'_>> {
    let is_spam = match rest.first()? {
        b'Y' => true,
        b'.' => false,
        _ => return None,
    };
    let (_tests, fields) = split(rest, b"scantime=")?;
    let (scantime, fields) = split(fields, b",")?;
    let message_id = split(fields, b",mid=").map(|(_, rest)| {
        // The Message-ID is the sender's text; what SpamAssassin writes after it begins with one of these.
        let end = memchr::memmem::rfind(rest, b",autolearn=").or_else(|| memchr::memmem::rfind(rest, b",bayes="));
        let end =
            end.map_or(rest.len(), |end| memchr::memmem::find(&rest[..end], b">,").map_or(end, |close| close + 1));
        &rest[..end]
    });
    let message_id = message_id.filter(|message_id| *message_id != b"(unknown)");
    Some(Fact::Scanned { is_spam, scan_ms: millis(scantime)?, message_id })
}

/// `connect to spamd on ::1 failed, retrying (#1 of 3): Connection refused`. That all of them failed (`connection
/// attempt to spamd aborted after 3 retries`) is not one more.
pub fn spamc(message: &[u8]) -> Parsed<Fact<'_>> {
    if let Some(rest) = message.strip_prefix(b"connect to spamd on ") {
        return match split(rest, b" failed") {
            Some((address, _)) => Parsed::Fact(Fact::Failed { address: Some(address) }),
            None => Parsed::Unparsed,
        };
    }
    const SILENT: &[&[u8]] = &[b"connection attempt ", b"skipped message", b"failed ", b"could not ", b"exec failed"];
    let is_silent = SILENT.iter().any(|words| message.starts_with(words)) || contains(message, b"oversized message");
    if is_silent { Parsed::Ignored } else { Parsed::Unparsed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scan_is_one_fact() {
        let result = b"spamd: result: Y  6 - T_CASINO scantime=0.7,size=604,user=boris,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=35384,mid=<mcasino.1@outside.example>,autolearn=disabled";
        let message_id = Some(&b"<mcasino.1@outside.example>"[..]);
        assert_eq!(spamd(result), Parsed::Fact(Fact::Scanned { is_spam: true, scan_ms: 700, message_id }));
        let other_line = b"spamd: identified spam (1000.0/5.0) for bruno:114 in 0.3 seconds, 645 bytes.";
        assert_eq!(spamd(other_line), Parsed::Ignored);
        assert_eq!(spamd(b"prefork: child states: BBI"), Parsed::Ignored);
        assert_eq!(
            spamd(b"spamd: connection from localhost [127.0.0.1]:39678 to port 783, fd 5"),
            Parsed::Fact(Fact::Connected)
        );
        assert_eq!(spamd(b"spamd: result: ?"), Parsed::Unparsed);
    }

    #[test]
    fn each_attempt_fails_once() {
        let line = b"connect to spamd on ::1 failed, retrying (#1 of 3): Connection refused";
        assert_eq!(spamc(line), Parsed::Fact(Fact::Failed { address: Some(b"::1") }));
        assert_eq!(spamc(b"connection attempt to spamd aborted after 3 retries"), Parsed::Ignored);
        assert_eq!(spamc(b"skipped message, greater than max message size (512000 bytes)"), Parsed::Ignored);
    }
}
