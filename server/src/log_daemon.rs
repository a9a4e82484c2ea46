//! Log daemons: what rsyslog, journald, syslog-ng and sysklogd say of themselves → a [`Fact`] where they dropped lines
//! of others, else nothing. Knows nothing of what was in those lines.

use crate::text::{Parsed, contains, split};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// From here on lines are dropped, until they are no more.
    DropsFromHere,
    /// What was dropped since the last [`Fact::DropsFromHere`].
    Dropped,
    /// What was dropped within an interval that is over.
    DroppedWithinInterval,
    /// A line was dropped about now.
    DropsNow,
}

/// Parts of the names of units whose lines are counted; what others lost is no loss here.
const MAIL_UNITS: &[&[u8]] = &[b"postfix", b"dovecot", b"exim", b"spam", b"rspamd", b"amavis", b"clam", b"policyd"];

/// None if the program is no log daemon.
pub fn parse(program: &[u8], message: &[u8]) -> Option<Parsed<Fact>> {
    let fact = match program {
        b"rsyslogd" | b"rsyslog" => rsyslogd(message),
        b"syslog-ng" => contains(message, b"queue full, dropping messages").then_some(Fact::DropsNow),
        b"syslogd" => None,
        // The last is journald as versions before 220 call themselves in what they forward.
        b"systemd-journald" | b"systemd-journal" | b"journal" => journald(message),
        _ => return None,
    };
    Some(fact.map_or(Parsed::Ignored, Parsed::Fact))
}

/// imuxsock and imjournal, once when it begins and once when it ends: `imuxsock[pid: 18366, name: smtpd] from
/// <mx1:postfix>: begin to drop messages due to rate-limiting`, `imjournal: 111 messages lost due to rate-limiting (200
/// allowed within 5 seconds)`; up to version 7 `imuxsock begins to drop messages from pid 7 due to rate-limiting`,
/// `imuxsock lost 36 messages from pid 7 due to rate-limiting`.
fn rsyslogd(message: &[u8]) -> Option<Fact> {
    if !contains(message, b" due to rate-limiting") {
        return None;
    }
    let begins = contains(message, b"begin to drop messages") || contains(message, b"begins to drop messages");
    let ended = contains(message, b" messages lost ") || contains(message, b" lost ");
    if begins { Some(Fact::DropsFromHere) } else { ended.then_some(Fact::Dropped) }
}

/// `Suppressed 7124 messages from postfix@-.service`, once for an interval that is over (`RateLimitIntervalSec`).
fn journald(message: &[u8]) -> Option<Fact> {
    let (_count, unit) = split(message.strip_prefix(b"Suppressed ")?, b" messages from ")?;
    MAIL_UNITS.iter().any(|name| contains(unit, name)).then_some(Fact::DroppedWithinInterval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_of_loss() {
        for (program, message, expected) in [
            ("rsyslogd", "imjournal: begin to drop messages due to rate-limiting", Fact::DropsFromHere),
            (
                "rsyslogd",
                "imuxsock[pid: 7, name: smtpd] from <mx1:postfix>: begin to drop messages due to rate-limiting",
                Fact::DropsFromHere,
            ),
            ("rsyslogd", "imuxsock begins to drop messages from pid 7 due to rate-limiting", Fact::DropsFromHere),
            (
                "rsyslogd",
                "imuxsock[pid: 7]: 111 messages lost due to rate-limiting (200 allowed within 5 seconds)",
                Fact::Dropped,
            ),
            ("rsyslogd", "imuxsock lost 36 messages from pid 7 due to rate-limiting", Fact::Dropped),
            ("systemd-journald", "Suppressed 64 messages from postfix@-.service", Fact::DroppedWithinInterval),
            ("journal", "Suppressed 7124 messages from /system.slice/dovecot.service", Fact::DroppedWithinInterval),
            ("syslog-ng", "Destination queue full, dropping messages; queue_len='10000'", Fact::DropsNow),
        ] {
            let parsed = parse(program.as_bytes(), message.as_bytes());
            assert_eq!(parsed, Some(Parsed::Fact(expected)), "{program}: {message}");
        }
    }

    #[test]
    fn what_else_log_daemons_say_is_of_no_consequence() {
        for (program, message) in [
            ("rsyslogd", r#"[origin software="rsyslogd" swVersion="8.2302.0" x-pid="7"] rsyslogd was HUPed"#),
            ("systemd-journald", "Suppressed 64 messages from cron.service"),
            ("systemd-journald", "Runtime Journal (/run/log/journal/1) is 8.0M, max 78.6M, 70.6M free."),
            ("syslog-ng", "Log statistics; processed='src.internal(s_src#1)=66'"),
            ("syslogd", "restart."),
        ] {
            assert_eq!(parse(program.as_bytes(), message.as_bytes()), Some(Parsed::Ignored), "{program}: {message}");
        }
        assert_eq!(parse(b"postfix/smtpd", b"Suppressed 64 messages from postfix.service"), None);
    }
}
