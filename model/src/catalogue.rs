//! The reports, each declared once, in menu order.
//!
//! Menu, permission, SQL, JSON, table head, chart, CSV head, help text and docs/reports.md derive from this
//! slice. To add a report: one entry here. Ids are promises: they stand in URLs, CSV heads and the API.

use crate::basis::Basis;
use crate::measure::{self, Measure, OverSubjects, Unit};
use crate::subject::{Scope, Subject};
use crate::wire::By;

/// A title, a sentence, the scopes it exists at, and its columns.
#[derive(Debug)]
pub struct Report {
    pub group: &'static str,
    pub id: &'static str,
    pub title: &'static str,
    pub sentence: &'static str,
    /// The levels of subject that have this report; services are rows of a server report, never its scope.
    pub scopes: &'static [Scope],
    /// Whether Mode Services exists, and of which kind.
    pub services: Option<crate::subject::ServiceKind>,
    pub columns: &'static [Column],
}

/// A measure seen through a formula.
#[derive(Debug)]
pub struct Column {
    pub id: &'static str,
    pub label: &'static str,
    pub formula: Formula,
    pub shown_as: ShownAs,
    /// Exists at server scope alone.
    pub server_only: bool,
    /// Hidden until chosen.
    pub extra: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Formula {
    Sum(&'static Measure),
    /// The measure's sum over observed seconds, times `scale` to the unit that is sent.
    Average {
        measure: &'static Measure,
        scale: f64,
    },
}

/// The unit of the value sent, and how the screen shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownAs {
    Number,
    /// Sent in bytes, shown in KB of 1,024 bytes.
    Kilobytes,
    /// Sent in bytes, shown in MB of 1,024 × 1,024 bytes.
    Megabytes,
    Percent,
}

impl ShownAs {
    /// The unit of the value sent, as JSON and CSV heads carry it; empty for a plain number.
    pub fn unit_sent(self) -> &'static str {
        match self {
            ShownAs::Number => "",
            ShownAs::Kilobytes | ShownAs::Megabytes => "B",
            ShownAs::Percent => "%",
        }
    }

    /// The unit that the screen's table shows; empty for a plain number.
    pub fn unit_shown(self) -> &'static str {
        match self {
            ShownAs::Number => "",
            ShownAs::Kilobytes => "KB",
            ShownAs::Megabytes => "MB",
            ShownAs::Percent => "%",
        }
    }

    /// What a sent value is divided by to be shown.
    pub fn divisor(self) -> f64 {
        match self {
            ShownAs::Number | ShownAs::Percent => 1.0,
            ShownAs::Kilobytes => 1024.0,
            ShownAs::Megabytes => 1024.0 * 1024.0,
        }
    }
}

impl Formula {
    pub fn measure(self) -> &'static Measure {
        match self {
            Formula::Sum(measure) | Formula::Average { measure, .. } => measure,
        }
    }
}

impl Column {
    pub fn measure(&self) -> &'static Measure {
        self.formula.measure()
    }

    pub fn is_average(&self) -> bool {
        matches!(self.formula, Formula::Average { .. })
    }

    /// Whether shares of a whole make sense: additive over subjects, and a sum.
    pub fn is_additive(&self) -> bool {
        !self.is_average() && self.measure().over_subjects == OverSubjects::Additive
    }

    /// Whether one thing may concern several rows of a Mode, or none of them: rows do not add up to the total.
    pub fn overlaps(&self) -> bool {
        !self.is_average() && self.measure().over_subjects == OverSubjects::Overlapping
    }

    pub fn exists_at(&self, scope: Scope) -> bool {
        !self.server_only || scope == Scope::Server
    }

    /// Whether the rows of a Mode have numbers of this column: one of the server alone has nothing to say of its domains,
    /// neither a number nor a zero.
    pub fn is_told_by(&self, by: By) -> bool {
        !self.server_only || matches!(by, By::Time | By::Services)
    }

    pub fn best_basis(&self) -> Basis {
        self.measure().basis
    }
}

/// An id is a promise, so it is the identity.
impl PartialEq for Report {
    fn eq(&self, other: &Report) -> bool {
        self.id == other.id
    }
}

impl Eq for Report {}

impl Report {
    /// The columns that exist at a scope, extra ones included, in order.
    pub fn columns_at(&'static self, scope: Scope) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(move |column| column.exists_at(scope))
    }

    /// The columns that exist for a subject; a service has those of its report.
    pub fn columns_for(&'static self, subject: &Subject) -> impl Iterator<Item = &'static Column> {
        self.columns_at(match subject.scope() {
            Scope::Service => Scope::Server,
            scope => scope,
        })
    }

    /// The modes that exist for a subject, Trend first.
    pub fn modes(&self, subject: &Subject) -> Vec<By> {
        let mut modes = vec![By::Time];
        match subject.scope() {
            Scope::Server if self.services.is_some() => modes.push(By::Services),
            Scope::Server if self.scopes.contains(&Scope::Domain) => modes.push(By::Domains),
            Scope::Domain if self.scopes.contains(&Scope::Mailbox) => modes.push(By::Users),
            _ => {}
        }
        modes
    }

    /// Whether the report exists for a subject. A service is seen where its kind's report has Mode Services.
    pub fn exists_for(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Service(kind, _) => self.services == Some(*kind),
            _ => self.scopes.contains(&subject.scope()),
        }
    }
}

/// The report with this id.
#[inline]
pub fn find(id: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.id == id)
}

/// Every measure that a report shows, each once, in order of first appearance.
pub fn measures() -> Vec<&'static Measure> {
    let mut all: Vec<&'static Measure> = Vec::new();
    for column in REPORTS.iter().flat_map(|report| report.columns) {
        if !all.contains(&column.measure()) {
            all.push(column.measure());
        }
    }
    all
}

const fn sum(id: &'static str, label: &'static str, measure: &'static Measure) -> Column {
    let shown_as = match measure.unit {
        Unit::Bytes => ShownAs::Kilobytes,
        _ => ShownAs::Number,
    };
    Column { id, label, formula: Formula::Sum(measure), shown_as, server_only: false, extra: false }
}

/// A mean of things: thing·milliseconds over seconds.
const fn mean(id: &'static str, label: &'static str, measure: &'static Measure) -> Column {
    Column { formula: Formula::Average { measure, scale: 0.001 }, ..sum(id, label, measure) }
}

const fn server_only(column: Column) -> Column {
    Column { server_only: true, ..column }
}

const fn extra(column: Column) -> Column {
    Column { extra: true, ..column }
}

/// CPU milliseconds a second, in per cent of one core.
const fn cpu(id: &'static str, label: &'static str, measure: &'static Measure) -> Column {
    Column { formula: Formula::Average { measure, scale: 0.1 }, shown_as: ShownAs::Percent, ..sum(id, label, measure) }
}

/// KiB·seconds over seconds, in bytes.
const fn memory(id: &'static str, label: &'static str, measure: &'static Measure) -> Column {
    Column {
        formula: Formula::Average { measure, scale: 1024.0 },
        shown_as: ShownAs::Megabytes,
        ..sum(id, label, measure)
    }
}

const S: &[Scope] = &[Scope::Server];
const SD: &[Scope] = &[Scope::Server, Scope::Domain];
const SDU: &[Scope] = &[Scope::Server, Scope::Domain, Scope::Mailbox];

/// All reports, in menu order. The order here is the order in the menu and in docs/reports.md.
pub static REPORTS: &[Report] = &[
    Report {
        group: "Server",
        id: "server-status",
        title: "Server Status",
        sentence: "What the mail services take of this machine.",
        scopes: S,
        services: None,
        columns: &[
            cpu("cpu", "Avg. CPU", &measure::HOST_CPU),
            memory("memory", "Avg. Memory", &measure::HOST_MEMORY),
            memory("nonpaged_memory", "Avg. Nonpaged Memory", &measure::HOST_NONPAGED),
            mean("handles", "Avg. Handles", &measure::HOST_HANDLES),
            mean("threads", "Avg. Threads", &measure::HOST_THREADS),
            mean("active_connections", "Avg. Active Connections", &measure::HOST_CONNECTIONS),
            mean("spool_count", "Avg. Spool Count", &measure::HOST_SPOOL),
        ],
    },
    Report {
        group: "Messages",
        id: "message-traffic",
        title: "Message Traffic",
        sentence: "Messages delivered to mailboxes here and sent by their owners, and how many were spam.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("incoming", "Incoming Messages", &measure::INCOMING),
            sum("outgoing", "Outgoing Messages", &measure::OUTGOING),
            sum("incoming_spam", "Incoming Spam Messages", &measure::INCOMING_SPAM),
            sum("outgoing_spam", "Outgoing Spam Messages", &measure::OUTGOING_SPAM),
            extra(sum("bounces", "Bounces", &measure::BOUNCES)),
            extra(sum("spam_blocked", "Spam Blocked", &measure::SPAM_BLOCKED)),
            extra(sum("spam_blocked_out", "Outgoing Spam Blocked", &measure::SPAM_BLOCKED_OUT)),
        ],
    },
    Report {
        group: "Messages",
        id: "message-data",
        title: "Message Data",
        sentence: "The volume of the messages sent and received.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("sent", "Data Sent", &measure::DATA_SENT),
            sum("received", "Data Received", &measure::DATA_RECEIVED),
            extra(sum("size_unknown", "Size Unknown", &measure::SIZE_UNKNOWN)),
        ],
    },
    Report {
        group: "Throttling",
        id: "throttle-traffic",
        title: "Throttle Traffic",
        sentence: "Mail that a limit refused or delayed.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("bounces_received", "Bounces Received", &measure::THROTTLED_BOUNCES),
            sum("messages_sent", "Messages Sent", &measure::THROTTLED_MESSAGES),
            sum("smtp_out_bandwidth", "SMTP Out Bandwidth", &measure::THROTTLED_BYTES),
            extra(sum("size_unknown", "Size Unknown", &measure::THROTTLED_SIZE_UNKNOWN)),
            extra(sum("inbound_throttled", "Inbound Throttled", &measure::THROTTLED_INBOUND)),
        ],
    },
    Report {
        group: "Throttling",
        id: "throttle-violations",
        title: "Throttle Violations",
        sentence: "How often a limit was passed.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("bounces_received", "Bounces Received", &measure::VIOLATION_BOUNCES),
            sum("messages_sent", "Messages Sent", &measure::VIOLATION_MESSAGES),
            sum("smtp_out_bandwidth", "SMTP Out Bandwidth", &measure::VIOLATION_BYTES),
        ],
    },
    Report {
        group: "Priority",
        id: "traffic-by-priority",
        title: "Traffic By Priority",
        sentence: "Messages by their class when they entered the queue.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("system", "System", &measure::PRIORITY_SYSTEM),
            sum("lists", "Lists and bulk", &measure::PRIORITY_LISTS),
            sum("urgent", "Urgent", &measure::PRIORITY_URGENT),
            sum("submission", "Submission", &measure::PRIORITY_SUBMISSION),
            sum("normal", "Normal", &measure::PRIORITY_NORMAL),
        ],
    },
    Report {
        group: "Priority",
        id: "bandwidth-by-priority",
        title: "Bandwidth By Priority",
        sentence: "Bytes transferred by the class of the message.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("system", "System", &measure::PRIORITY_BYTES_SYSTEM),
            sum("lists", "Lists and bulk", &measure::PRIORITY_BYTES_LISTS),
            sum("urgent", "Urgent", &measure::PRIORITY_BYTES_URGENT),
            sum("submission", "Submission", &measure::PRIORITY_BYTES_SUBMISSION),
            sum("normal", "Normal", &measure::PRIORITY_BYTES_NORMAL),
        ],
    },
    Report {
        group: "SMTP in",
        id: "smtp-in-usage",
        title: "SMTP In Usage",
        sentence: "Connections of other servers and of mail programs that send, and what they brought.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("bandwidth", "Bandwidth", &measure::SMTP_IN_BYTES),
            server_only(mean("active_connections", "Avg. Active Connections", &measure::SMTP_IN_ACTIVE)),
            sum("connections", "Connections", &measure::SMTP_IN_CONNECTIONS),
            server_only(sum("blocked_connections", "Blocked Connections", &measure::SMTP_IN_BLOCKED)),
            extra(sum("inferred_connections", "Inferred Connections", &measure::SMTP_IN_INFERRED)),
        ],
    },
    Report {
        group: "SMTP in",
        id: "smtp-in-errors",
        title: "SMTP In Errors",
        sentence: "What went wrong on the way in: refusals, bad commands and broken connections.",
        scopes: SD,
        services: None,
        columns: &[
            sum("blocked_connections", "Blocked Connections", &measure::SMTP_IN_BLOCKED),
            sum("bad_commands", "Bad Commands", &measure::SMTP_IN_BAD_COMMANDS),
            sum("terminations", "Terminations", &measure::SMTP_IN_TERMINATIONS),
            extra(sum("rejected_recipients", "Rejected Recipients", &measure::SMTP_IN_REJECTED_RECIPIENTS)),
            extra(sum("rejected_messages", "Rejected Messages", &measure::SMTP_IN_REJECTED_MESSAGES)),
            extra(sum("auth_failed", "Failed Log-ins", &measure::SMTP_IN_AUTH_FAILED)),
        ],
    },
    Report {
        group: "SMTP out",
        id: "smtp-out-usage",
        title: "SMTP Out Usage",
        sentence: "Connections to other servers, and what was handed to them.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("bandwidth", "Bandwidth", &measure::SMTP_OUT_BYTES),
            mean("active_connections", "Avg. Active Connections", &measure::SMTP_OUT_ACTIVE),
            sum("connections", "Connections", &measure::SMTP_OUT_CONNECTIONS),
        ],
    },
    Report {
        group: "SMTP out",
        id: "smtp-out-errors",
        title: "SMTP Out Errors",
        sentence: "What went wrong on the way out.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("bad_commands", "Bad Commands", &measure::SMTP_OUT_BAD_COMMANDS),
            sum("terminations", "Terminations", &measure::SMTP_OUT_TERMINATIONS),
            extra(sum("deferrals", "Deferrals", &measure::SMTP_OUT_DEFERRALS)),
            extra(sum("bounced", "Bounced", &measure::SMTP_OUT_BOUNCED)),
        ],
    },
    Report {
        group: "SMTP out",
        id: "smtp-out-connections",
        title: "SMTP Out Connections",
        sentence: "Connections to other servers, made and failed.",
        scopes: SDU,
        services: None,
        columns: &[
            server_only(mean("active_connections", "Avg. Active Connections", &measure::SMTP_OUT_ACTIVE)),
            sum("connections", "Connections", &measure::SMTP_OUT_CONNECTIONS),
            sum("failed_connections", "Failed Connections", &measure::SMTP_OUT_FAILED),
        ],
    },
    Report {
        group: "POP",
        id: "pop-sessions",
        title: "POP Sessions",
        sentence: "Connections of POP3 clients, those refused, those that broke off, and what they fetched.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("new_connections", "New Connections", &measure::POP_CONNECTIONS),
            sum("blocked_connections", "Blocked Connections", &measure::POP_BLOCKED),
            sum("bad_commands", "Bad Commands", &measure::POP_BAD_SESSIONS),
            sum("terminations", "Terminations", &measure::POP_BROKEN_SESSIONS),
            sum("bandwidth", "Bandwidth", &measure::POP_BYTES),
        ],
    },
    Report {
        group: "POP",
        id: "pop-usage",
        title: "POP Usage",
        sentence: "How much POP3 is used, and by how many at a time.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("bandwidth", "Bandwidth", &measure::POP_BYTES),
            server_only(mean("active_connections", "Avg. Active Connections", &measure::POP_ACTIVE)),
            sum("connections", "Connections", &measure::POP_CONNECTIONS),
            server_only(sum("blocked_connections", "Blocked Connections", &measure::POP_BLOCKED)),
            extra(sum("logins", "Log-ins", &measure::POP_LOGINS)),
        ],
    },
    Report {
        group: "POP",
        id: "pop-errors",
        title: "POP Errors",
        sentence: "POP3 connections that were refused, misbehaved or broke off.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("blocked_connections", "Blocked Connections", &measure::POP_BLOCKED),
            sum("bad_commands", "Bad Commands", &measure::POP_BAD_COMMANDS),
            sum("terminations", "Terminations", &measure::POP_TERMINATIONS),
            extra(sum("auth_failed", "Failed Log-ins", &measure::POP_AUTH_FAILED)),
        ],
    },
    Report {
        group: "IMAP",
        id: "imap-usage",
        title: "IMAP Usage",
        sentence: "How much IMAP is used, and by how many at a time.",
        scopes: SDU,
        services: None,
        columns: &[
            server_only(mean("active_connections", "Avg. Active Connections", &measure::IMAP_ACTIVE)),
            sum("bandwidth", "Bandwidth", &measure::IMAP_BYTES),
            sum("connections", "Connections", &measure::IMAP_CONNECTIONS),
            sum("blocked_connections", "Blocked Connections", &measure::IMAP_BLOCKED),
            extra(sum("logins", "Log-ins", &measure::IMAP_LOGINS)),
        ],
    },
    Report {
        group: "IMAP",
        id: "imap-errors",
        title: "IMAP Errors",
        sentence: "IMAP connections that were refused, misbehaved or broke off.",
        scopes: SDU,
        services: None,
        columns: &[
            sum("blocked_connections", "Blocked Connections", &measure::IMAP_BLOCKED),
            sum("bad_commands", "Bad Commands", &measure::IMAP_BAD_COMMANDS),
            sum("terminations", "Terminations", &measure::IMAP_TERMINATIONS),
            extra(sum("auth_failed", "Failed Log-ins", &measure::IMAP_AUTH_FAILED)),
        ],
    },
    Report {
        group: "Filters",
        id: "spamassassin-servers",
        title: "SpamAssassin Servers",
        sentence: "Connections to each SpamAssassin server, and those that failed.",
        scopes: S,
        services: Some(crate::subject::ServiceKind::SpamAssassin),
        columns: &[
            mean("active_connections", "Avg. Active Connections", &measure::SPAMASSASSIN_ACTIVE),
            sum("connections", "Connections", &measure::SPAMASSASSIN_CONNECTIONS),
            sum("failed_connections", "Failed Connections", &measure::SPAMASSASSIN_FAILED),
        ],
    },
    Report {
        group: "Filters",
        id: "clamav",
        title: "ClamAV",
        sentence: "Scans of each ClamAV server, and attempts to reach it that failed.",
        scopes: S,
        services: Some(crate::subject::ServiceKind::ClamAv),
        columns: &[
            mean("active_connections", "Avg. Active Connections", &measure::CLAMAV_ACTIVE),
            sum("connections", "Connections", &measure::CLAMAV_CONNECTIONS),
            sum("failed_connections", "Failed Connections", &measure::CLAMAV_FAILED),
        ],
    },
];

#[cfg(test)]
mod tests;
