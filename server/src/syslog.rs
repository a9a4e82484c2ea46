//! The envelope of a line: time, host, program, process, message. Knows nothing of mail.
//! RFC 3164 as rsyslog writes it, RFC 5424 and ISO 8601 stamps, Dovecot's own file, clamd's own file.

use mailtally_model::Time;

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
}
