//! What can be counted. A measure is declared once, here; `server/src/event.rs` is the only place that moves it.
//!
//! A number is a promise, as an id is: it stands in stored counters. Numbers and ids are never used again for
//! another meaning (a test over the catalogue holds them unique).

use serde::{Deserialize, Serialize};

use crate::basis::Basis;

/// Which sources feed a measure. Coverage is kept by family: a Dovecot log of its own says nothing of SMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// SMTP in and out, queues and policy: Postfix, Exim, amavis, Rspamd and policy daemons.
    Postfix,
    Dovecot,
    SpamAssassin,
    ClamAv,
    /// Figures of the host, sampled.
    Host,
}

impl Family {
    pub const ALL: [Family; 5] = [Self::Postfix, Self::Dovecot, Self::SpamAssassin, Self::ClamAv, Self::Host];

    /// The families that one syslog stream covers: every daemon of the host writes into it.
    pub const LOGS: [Family; 4] = [Self::Postfix, Self::Dovecot, Self::SpamAssassin, Self::ClamAv];

    /// The word on the wire.
    pub fn id(self) -> &'static str {
        match self {
            Self::Postfix => "postfix",
            Self::Dovecot => "dovecot",
            Self::SpamAssassin => "spamassassin",
            Self::ClamAv => "clamav",
            Self::Host => "host",
        }
    }

    pub fn from_id(id: &str) -> Option<Family> {
        Self::ALL.into_iter().find(|family| family.id() == id)
    }
}

/// What one unit of a stored sum is. Sums are integers, so a mean is kept as its integral over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Bytes,
    /// Thing·milliseconds: one open connection for one second is 1,000. CPU time is this too.
    Millis,
    /// KiB·seconds: one MiB held for one second is 1,024.
    KibSeconds,
}

/// Whether a subject's sum is the sum of its children's and what is attributed to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverSubjects {
    /// Server = Σ domains + `(unattributed)`, domain = Σ mailboxes + `(unattributed)`.
    Additive,
    /// One session serves several domains: rows may sum to more than the total.
    Overlapping,
}

/// Which change of a measure is a change for the worse, whoever looks at it. A change of the others is news and no alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// Refusals, failures, spam, limits that were passed, what the machine has to bear.
    WithMore,
    /// What a mail server is there for.
    WithLess,
    Neither,
}

/// What can be counted: always an integer, always additive over time.
#[derive(Debug)]
pub struct Measure {
    /// Its key in the store. Never reused.
    pub number: u16,
    /// Its key on the wire. Never reused.
    pub id: &'static str,
    pub unit: Unit,
    pub family: Family,
    /// The best basis it can have; an answer gives the worst in its range.
    pub basis: Basis,
    pub over_subjects: OverSubjects,
    pub worse: Worse,
}

impl Measure {
    /// The rule of counting: one sentence that a person reads beside the column header.
    pub fn rule(&self) -> &'static str {
        RULES.iter().find(|(number, _)| *number == self.number).map_or("", |(_, rule)| rule)
    }
}

impl PartialEq for Measure {
    fn eq(&self, other: &Measure) -> bool {
        self.number == other.number
    }
}

impl Eq for Measure {}

/// A measure with its rule of counting: one sentence that a person reads beside the column header.
struct Declared {
    measure: Measure,
    rule: &'static str,
}

const fn count(number: u16, family: Family, id: &'static str, rule: &'static str) -> Declared {
    let measure = Measure {
        number,
        id,
        unit: Unit::Count,
        family,
        basis: Basis::Exact,
        over_subjects: OverSubjects::Additive,
        worse: Worse::Neither,
    };
    Declared { measure, rule }
}

const fn bytes(number: u16, family: Family, id: &'static str, rule: &'static str) -> Declared {
    in_unit(Unit::Bytes, count(number, family, id, rule))
}

const fn millis(number: u16, family: Family, id: &'static str, rule: &'static str) -> Declared {
    overlapping(in_unit(Unit::Millis, count(number, family, id, rule)))
}

const fn in_unit(unit: Unit, Declared { measure, rule }: Declared) -> Declared {
    Declared { measure: Measure { unit, ..measure }, rule }
}

const fn overlapping(Declared { measure, rule }: Declared) -> Declared {
    Declared { measure: Measure { over_subjects: OverSubjects::Overlapping, ..measure }, rule }
}

const fn basis(basis: Basis, Declared { measure, rule }: Declared) -> Declared {
    Declared { measure: Measure { basis, ..measure }, rule }
}

/// More of it is worse.
const fn bad(Declared { measure, rule }: Declared) -> Declared {
    Declared { measure: Measure { worse: Worse::WithMore, ..measure }, rule }
}

/// Less of it is worse.
const fn good(Declared { measure, rule }: Declared) -> Declared {
    Declared { measure: Measure { worse: Worse::WithLess, ..measure }, rule }
}

/// Keeps rules apart from what they are of: in the browser app they are loaded when somebody asks for one.
macro_rules! measures {
    ($($(#[$says:meta])* pub static $name:ident: Measure = $declared:expr;)*) => {
        $($(#[$says])* pub static $name: Measure = $declared.measure;)*

        static RULES: &[(u16, &str)] = &[$(($declared.measure.number, $declared.rule)),*];
    };
}

use Basis::{Estimate, LowerBound};
use Family::{ClamAv, Dovecot, Host, Postfix, SpamAssassin};

const FAILED_LOG_INS: &str =
    "Failed log-ins, each attempt counted; Dovecot logs none that a good one followed in the same connection.";

measures! {
    // Host figures, sampled each 10 s. `millis` here is thing·milliseconds.
    pub static HOST_CPU: Measure = bad(millis(
        1,
        Host,
        "host.cpu",
        "Processor time of the mail services over the time observed, in per cent of one core: two busy cores are 200 %.",
    ));
    pub static HOST_MEMORY: Measure = bad(in_unit(Unit::KibSeconds, millis(
            2,
            Host,
            "host.memory",
            "Memory of the mail services, each shared page counted once where the kernel says so, as a mean over the time observed.",
        )));
    pub static HOST_NONPAGED: Measure = bad(in_unit(Unit::KibSeconds, millis(
            3,
            Host,
            "host.nonpaged_memory",
            "Non-swappable memory of the mail services: kernel memory and locked pages, the Linux counterpart of a nonpaged pool.",
        )));
    pub static HOST_HANDLES: Measure = bad(millis(
        4,
        Host,
        "host.handles",
        "Open file descriptors of the mail services as a mean over the time observed.",
    ));
    pub static HOST_THREADS: Measure = bad(millis(
        5,
        Host,
        "host.threads",
        "Threads of the mail services as a mean over the time observed; Postfix runs one to a process.",
    ));
    pub static HOST_CONNECTIONS: Measure = millis(
        6,
        Host,
        "host.active_connections",
        "Established connections on the mail ports as a mean over the time observed.",
    );
    pub static HOST_SPOOL: Measure = bad(millis(
        7,
        Host,
        "host.spool_count",
        "Messages in the queue (maildrop, incoming, active, deferred and hold) as a mean over the time observed.",
    ));

    // Messages.
    pub static INCOMING: Measure = good(count(
        20,
        Postfix,
        "message.incoming",
        "One for each mailbox that a message was finally delivered to, after aliases; a message to three mailboxes counts three times.",
    ));
    pub static OUTGOING: Measure = count(
        21,
        Postfix,
        "message.outgoing",
        "One for each message that a log-in, a local user or a trusted client of ours sent, whatever the number of recipients; counted when it first enters the queue.",
    );
    pub static INCOMING_SPAM: Measure = bad(count(
        22,
        Postfix,
        "message.incoming_spam",
        "Incoming messages that a filter marked as spam and that were delivered all the same; refused spam is not here.",
    ));
    pub static OUTGOING_SPAM: Measure =
        bad(count(23, Postfix, "message.outgoing_spam", "Outgoing messages that a filter marked as spam."));
    pub static BOUNCES: Measure = bad(count(
        24,
        Postfix,
        "message.bounces",
        "Non-delivery notifications that this server made, each counted once, for the one who sent the message that failed.",
    ));
    pub static SPAM_BLOCKED: Measure =
        count(25, Postfix, "message.spam_blocked", "Messages from outside that a filter refused or discarded as spam.");
    pub static SPAM_BLOCKED_OUT: Measure = bad(count(
        26,
        Postfix,
        "message.spam_blocked_out",
        "Messages of our own senders that a filter refused or discarded as spam.",
    ));
    pub static DATA_SENT: Measure = bytes(
        27,
        Postfix,
        "data.sent",
        "The size of each outgoing message as the mail server logs it, once per message whatever the number of recipients.",
    );
    pub static DATA_RECEIVED: Measure = bytes(
        28,
        Postfix,
        "data.received",
        "The size of each message, as the mail server logs it, for each mailbox it was delivered to: every mailbox stores its copy.",
    );
    pub static SIZE_UNKNOWN: Measure = count(
        29,
        Postfix,
        "data.size_unknown",
        "Deliveries whose size the log does not show, because it begins in the middle of a message's life.",
    );

    // Throttling: mail affected, and trips of a limit.
    pub static THROTTLED_BOUNCES: Measure =
        bad(count(40, Postfix, "throttle.bounces_received", "Bounces from outside that a limit refused or delayed."));
    pub static THROTTLED_MESSAGES: Measure = bad(count(
        41,
        Postfix,
        "throttle.messages_sent",
        "Messages to send that a limit on messages or recipients refused or delayed; a client's retries count each.",
    ));
    pub static THROTTLED_BYTES: Measure = bad(basis(
        LowerBound,
        bytes(
            42,
            Postfix,
            "throttle.smtp_out_bandwidth",
            "The size, where it is known, of messages that a limit on volume refused or delayed.",
        ),
    ));
    pub static THROTTLED_SIZE_UNKNOWN: Measure = count(
        46,
        Postfix,
        "throttle.size_unknown",
        "Messages that a limit on volume refused or delayed and whose size no log shows: they are not in the bandwidth.",
    );
    pub static THROTTLED_INBOUND: Measure = bad(count(
        47,
        Postfix,
        "throttle.inbound_throttled",
        "What a limit refused or delayed of clients that neither logged in nor are trusted: messages, recipients, log-in attempts and TLS sessions of strangers. Their connections over a limit are Blocked Connections.",
    ));
    pub static VIOLATION_BOUNCES: Measure = bad(count(
        43,
        Postfix,
        "violation.bounces_received",
        "How often a limit on received bounces was passed; further refusals within its window are the same violation.",
    ));
    pub static VIOLATION_MESSAGES: Measure = bad(count(
        44,
        Postfix,
        "violation.messages_sent",
        "How often a limit on messages or recipients was passed; further refusals within its window are the same violation.",
    ));
    pub static VIOLATION_BYTES: Measure = bad(count(
        45,
        Postfix,
        "violation.smtp_out_bandwidth",
        "How often a limit on volume was passed; further refusals within its window are the same violation.",
    ));

    // Priority classes, fixed when a message first enters the queue.
    pub static PRIORITY_SYSTEM: Measure =
        count(50, Postfix, "priority.system", "Messages with the null sender, or from MAILER-DAEMON, a daemon or cron.");
    pub static PRIORITY_LISTS: Measure = count(
        51,
        Postfix,
        "priority.lists",
        "Messages of lists and other bulk mail, by their headers where these are logged, else by their sender.",
    );
    pub static PRIORITY_URGENT: Measure = basis(
        LowerBound,
        count(
            52,
            Postfix,
            "priority.urgent",
            "Messages marked urgent by an authenticated sender of ours; seen only where the headers are logged.",
        ),
    );
    pub static PRIORITY_SUBMISSION: Measure =
        count(53, Postfix, "priority.submission", "Messages handed in by an authenticated or local user.");
    pub static PRIORITY_NORMAL: Measure = count(54, Postfix, "priority.normal", "All other messages.");
    pub static PRIORITY_BYTES_SYSTEM: Measure =
        bytes(60, Postfix, "priority_bytes.system", "Bytes of finished transfers of messages in the class System.");
    pub static PRIORITY_BYTES_LISTS: Measure =
        bytes(61, Postfix, "priority_bytes.lists", "Bytes of finished transfers of messages in the class Lists and bulk.");
    pub static PRIORITY_BYTES_URGENT: Measure = basis(
        LowerBound,
        bytes(62, Postfix, "priority_bytes.urgent", "Bytes of finished transfers of messages in the class Urgent."),
    );
    pub static PRIORITY_BYTES_SUBMISSION: Measure =
        bytes(63, Postfix, "priority_bytes.submission", "Bytes of finished transfers of messages in the class Submission.");
    pub static PRIORITY_BYTES_NORMAL: Measure =
        bytes(64, Postfix, "priority_bytes.normal", "Bytes of finished transfers of messages in the class Normal.");

    // SMTP in.
    pub static SMTP_IN_BYTES: Measure = overlapping(basis(
        LowerBound,
        bytes(
            70,
            Postfix,
            "smtp_in.bandwidth",
            "The size of messages accepted by SMTP and of data cut off on the way, without the overhead of TLS and commands; once for each domain and mailbox it concerns.",
        ),
    ));
    pub static SMTP_IN_ACTIVE: Measure = millis(
        71,
        Postfix,
        "smtp_in.active_connections",
        "Open SMTP sessions as a mean over the time observed, from connect to disconnect.",
    );
    pub static SMTP_IN_CONNECTIONS: Measure = overlapping(count(
        72,
        Postfix,
        "smtp_in.connections",
        "Connections of SMTP clients; for a domain those that named one of its recipients, for a mailbox those that wrote to it or logged in as it.",
    ));
    pub static SMTP_IN_BLOCKED: Measure = bad(overlapping(count(
        73,
        Postfix,
        "smtp_in.blocked_connections",
        "Connections refused as such: by address, list, rate or for want of room; at most one for each connection.",
    )));
    pub static SMTP_IN_BAD_COMMANDS: Measure = bad(overlapping(basis(
        LowerBound,
        count(74, Postfix, "smtp_in.bad_commands", "Unknown, malformed or wrongly pipelined commands of SMTP clients."),
    )));
    pub static SMTP_IN_TERMINATIONS: Measure = bad(overlapping(count(
        75,
        Postfix,
        "smtp_in.terminations",
        "Connections that broke off within a mail transaction, by time-out, loss or too many errors; at most one for each connection.",
    )));
    pub static SMTP_IN_REJECTED_RECIPIENTS: Measure = bad(count(
        76,
        Postfix,
        "smtp_in.rejected_recipients",
        "Recipients that were refused in connections that were not refused as such.",
    ));
    pub static SMTP_IN_REJECTED_MESSAGES: Measure = bad(overlapping(count(
        77,
        Postfix,
        "smtp_in.rejected_messages",
        "Messages refused for their sender, size or content, after the connection was let in.",
    )));
    pub static SMTP_IN_AUTH_FAILED: Measure =
        bad(count(78, Postfix, "smtp_in.auth_failed", "Failed log-ins of SMTP clients."));
    /// Where there are any, the connections are a lower bound.
    pub static SMTP_IN_INFERRED: Measure = overlapping(count(
        79,
        Postfix,
        "smtp_in.inferred_connections",
        "Connections known from their other lines alone, since the log shows no connect: Exim's without +smtp_connection.",
    ));

    // SMTP out.
    pub static SMTP_OUT_BYTES: Measure = basis(
        LowerBound,
        bytes(
            90,
            Postfix,
            "smtp_out.bandwidth",
            "The size of each message for each transfer to another server; fifty recipients in one transfer count once. \
             Headers that a milter adds, such as a DKIM signature, are not in the size that Postfix logs.",
        ),
    );
    pub static SMTP_OUT_ACTIVE: Measure = basis(
        Estimate,
        millis(
            91,
            Postfix,
            "smtp_out.active_connections",
            "Open SMTP connections to other servers as a mean over the time observed, from the delays that each attempt logs.",
        ),
    );
    pub static SMTP_OUT_CONNECTIONS: Measure = basis(
        Estimate,
        count(
            92,
            Postfix,
            "smtp_out.connections",
            "Connections to other servers: attempts that did not use an open one again, and those that failed.",
        ),
    );
    pub static SMTP_OUT_BAD_COMMANDS: Measure = bad(count(
        93,
        Postfix,
        "smtp_out.bad_commands",
        "Commands of ours that another server did not take: replies 500 to 504 and 5.5.x, once for each attempt.",
    ));
    pub static SMTP_OUT_TERMINATIONS: Measure = bad(count(
        94,
        Postfix,
        "smtp_out.terminations",
        "Connections to other servers that were lost or timed out under way, once for each attempt.",
    ));
    pub static SMTP_OUT_DEFERRALS: Measure =
        bad(count(95, Postfix, "smtp_out.deferrals", "Attempts that were put off, once for each recipient and attempt."));
    pub static SMTP_OUT_BOUNCED: Measure = bad(count(
        96,
        Postfix,
        "smtp_out.bounced",
        "Recipients whose delivery failed for good at another server, each once.",
    ));
    pub static SMTP_OUT_FAILED: Measure = bad(count(
        97,
        Postfix,
        "smtp_out.failed_connections",
        "Connections to other servers that could not be made: refused, timed out, or turned away at the greeting; one for each connection, not for each recipient.",
    ));

    // POP.
    pub static POP_CONNECTIONS: Measure = count(
        110,
        Dovecot,
        "pop.connections",
        "Connections of POP3 clients, whether or not they logged in; those without a user name count for the server alone.",
    );
    pub static POP_BLOCKED: Measure = bad(count(
        111,
        Dovecot,
        "pop.blocked_connections",
        "Connections refused by a limit or a rule; wrong passwords are not here.",
    ));
    pub static POP_BAD_COMMANDS: Measure = bad(basis(
        LowerBound,
        count(
            112,
            Dovecot,
            "pop.bad_commands",
            "Sessions that were dropped for bad commands: Dovecot logs no single bad command.",
        ),
    ));
    pub static POP_TERMINATIONS: Measure = bad(count(
        113,
        Dovecot,
        "pop.terminations",
        "Sessions that ended other than by logging out: idle, broken, or ended by the server.",
    ));
    pub static POP_BYTES: Measure = basis(
        LowerBound,
        bytes(
            114,
            Dovecot,
            "pop.bandwidth",
            "Bytes in and out where the log has them, else the bytes of the messages fetched, which is a lower bound.",
        ),
    );
    pub static POP_ACTIVE: Measure = millis(
        115,
        Dovecot,
        "pop.active_connections",
        "Open POP3 sessions as a mean over the time observed, from log-in to the end.",
    );
    pub static POP_AUTH_FAILED: Measure = bad(basis(LowerBound, count(116, Dovecot, "pop.auth_failed", FAILED_LOG_INS)));
    pub static POP_LOGINS: Measure = good(count(117, Dovecot, "pop.logins", "Successful log-ins."));
    pub static POP_BAD_SESSIONS: Measure = bad(basis(
        LowerBound,
        count(118, Dovecot, "pop.bad_sessions", "Sessions with at least one bad command, as far as the log shows them."),
    ));
    pub static POP_BROKEN_SESSIONS: Measure = bad(count(
        119,
        Dovecot,
        "pop.broken_sessions",
        "Sessions that the server ended for good: idle time, errors or an administrator.",
    ));

    // IMAP.
    pub static IMAP_CONNECTIONS: Measure = count(
        130,
        Dovecot,
        "imap.connections",
        "Connections of IMAP clients, whether or not they logged in; those without a user name count for the server alone.",
    );
    pub static IMAP_BLOCKED: Measure = bad(count(
        131,
        Dovecot,
        "imap.blocked_connections",
        "Connections refused by a limit or a rule; wrong passwords are not here.",
    ));
    pub static IMAP_BAD_COMMANDS: Measure = bad(basis(
        LowerBound,
        count(
            132,
            Dovecot,
            "imap.bad_commands",
            "Sessions that were dropped for bad commands, or single commands where Dovecot is set to log them.",
        ),
    ));
    pub static IMAP_TERMINATIONS: Measure = bad(count(
        133,
        Dovecot,
        "imap.terminations",
        "Sessions that ended other than by logging out or closing cleanly: idle, broken, or ended by the server.",
    ));
    pub static IMAP_BYTES: Measure = bytes(
        134,
        Dovecot,
        "imap.bandwidth",
        "Bytes in and out of each session after log-in, booked when it ends, without TLS and before any compression.",
    );
    pub static IMAP_ACTIVE: Measure = millis(
        135,
        Dovecot,
        "imap.active_connections",
        "Open IMAP sessions as a mean over the time observed, from log-in to the end.",
    );
    pub static IMAP_AUTH_FAILED: Measure = bad(basis(LowerBound, count(136, Dovecot, "imap.auth_failed", FAILED_LOG_INS)));
    pub static IMAP_LOGINS: Measure = good(count(137, Dovecot, "imap.logins", "Successful log-ins."));

    // Filters.
    pub static SPAMASSASSIN_ACTIVE: Measure = basis(
        Estimate,
        millis(
            150,
            SpamAssassin,
            "spamassassin.active_connections",
            "Scans in progress as a mean over the time observed, from the seconds that each scan logs.",
        ),
    );
    pub static SPAMASSASSIN_CONNECTIONS: Measure =
        count(151, SpamAssassin, "spamassassin.connections", "Connections that spamd took, and Rspamd from mail servers.");
    pub static SPAMASSASSIN_FAILED: Measure = bad(count(
        152,
        SpamAssassin,
        "spamassassin.failed_connections",
        "Attempts to reach spamd that failed, each attempt counted.",
    ));
    pub static CLAMAV_ACTIVE: Measure = basis(
        Estimate,
        millis(160, ClamAv, "clamav.active_connections", "Scans in progress as a mean over the time observed."),
    );
    pub static CLAMAV_CONNECTIONS: Measure = basis(
        LowerBound,
        count(161, ClamAv, "clamav.connections", "Scans that clamd logged; clean ones are logged only where it is set to."),
    );
    pub static CLAMAV_FAILED: Measure =
        bad(count(162, ClamAv, "clamav.failed_connections", "Attempts to reach clamd that failed, each attempt counted."));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_promises() {
        assert_eq!((POP_CONNECTIONS.number, POP_CONNECTIONS.id), (110, "pop.connections"));
    }
}
