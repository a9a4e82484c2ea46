//! What goes over HTTP. The server writes these with serde, the app reads them with [`crate::json`]; both from this file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::Means;
use crate::basis::Basis;
use crate::catalogue::Column;
use crate::coverage::Covered;
use crate::few::Few;
use crate::json::{reads, reads_in_parts, reads_word};
use crate::measure::Family;
use crate::names::Names;
use crate::numbers::Numbers;
use crate::step::Step;
use crate::subject::Subject;
use crate::time::{Span, Time};

/// What the rows are: slots of time, or the children of the viewed subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Time,
    Domains,
    Users,
    Services,
}

impl By {
    pub const ALL: [By; 4] = [By::Time, By::Domains, By::Users, By::Services];

    /// The word in URLs and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            By::Time => "time",
            By::Domains => "domains",
            By::Users => "users",
            By::Services => "services",
        }
    }

    /// The word on the screen.
    pub fn label(self) -> &'static str {
        match self {
            By::Time => "Trend",
            By::Domains => "Domains",
            By::Users => "Users",
            By::Services => "Services",
        }
    }

    #[inline]
    pub fn from_id(id: &str) -> Option<By> {
        By::ALL.into_iter().find(|by| by.id() == id)
    }
}

reads_word!(By, By::from_id);

/// `GET /api/reports`: who is asking, and what they may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub account: Account,
    /// How whoever asks was let in.
    pub means: Means,
    /// Ids of the reports this account has, in menu order.
    pub reports: Vec<String>,
    /// Columns, as `report.column`, that the settings keep from this account.
    pub hidden_columns: Vec<String>,
    /// Whether the data is made up by `mailtally demo`.
    pub demo: bool,
    /// IANA name of the server's zone.
    pub zone: String,
    /// The span of all that is stored, `None` while nothing is.
    pub stored: Option<(Time, Time)>,
    /// Up to when any log was read.
    pub read_until: Option<Time>,
    pub version: String,
}

reads!(Session { account, means, reports, hidden_columns, demo, zone, stored, read_until, version });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub name: String,
    /// The subject it is rooted at: it sees that subject's subtree and nothing else.
    pub root: Subject,
}

reads!(Account { name, root });

/// `GET /api/reports/{id}?subject=&by=&from=&until=[&edges=]`: one report's counters, by columns.
///
/// With `by=time` there is a row for each slot that holds anything, in order, and `subjects` is empty. With any other
/// `by` there is a row for each child, in name order, and `slot` is empty. `values` and `totals` hold every measure of
/// the report's columns at this scope whose basis has values; each list is as long as there are rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub report: String,
    pub subject: Subject,
    pub by: By,
    pub from: Time,
    pub until: Time,
    pub slot_seconds: i64,
    /// Up to when the sources were read; later is not observed. `None`: nothing was read yet.
    pub read_until: Option<Time>,
    /// By family, sorted and disjoint, cut to the span.
    pub coverage: Few<Family, Vec<Covered>>,
    /// The worst basis in the span, by measure id.
    pub basis: Few<String, Basis>,
    /// Names of the rows of a Mode, `(other)` last where there is one.
    pub subjects: Names,
    /// The first slot's number, then the distance of each to the one before. Where the server summed between edges,
    /// the slot that begins at the edge.
    pub slot: Vec<i32>,
    /// Row to position in `subjects`.
    pub subject_index: Vec<u32>,
    pub values: Few<String, Numbers>,
    /// The viewed subject's own sums over the whole span, by measure id: never the sum of the rows.
    pub totals: Few<String, u64>,
}

impl Answer {
    /// Whether a column is in it: one that is kept from the asker is not.
    pub fn has(&self, column: &Column) -> bool {
        self.basis.contains_key(column.measure().id)
    }
}

reads_in_parts!(Answer, AnswerParts {
    report: String,
    subject: Subject,
    by: By,
    from: Time,
    until: Time,
    slot_seconds: i64,
    read_until: Option<Time>,
    coverage: Few<Family, Vec<Covered>>,
    basis: Few<String, Basis>,
    subjects: Names,
    slot: Vec<i32>,
    subject_index: Vec<u32>,
    values: Few<String, Numbers>,
    totals: Few<String, u64>,
});

/// `GET /api/unusual?from=&until=[&subject=&skip=&limit=]`: what stood out of its own past, most unusual first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusual {
    pub findings: Vec<Finding>,
    /// On all pages.
    pub total: usize,
    /// IANA name of the zone whose days were compared.
    pub zone: String,
    /// Up to when any log was read; `null` before the first line.
    pub read_until: Option<Time>,
}

reads!(Unusual { findings, total, zone, read_until });

/// A subject's day that stands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub subject: Subject,
    /// When the day began.
    pub day: Time,
    /// The most unusual count first; there is at least one.
    pub jumps: Vec<FoundJump>,
}

reads!(Finding { subject, day, jumps });

/// A count of the day, or of an hour of it, and what is usual for that weekday and hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundJump {
    pub measure: String,
    pub step: Step,
    pub from: Time,
    pub until: Time,
    pub value: u64,
    pub low: u64,
    pub high: u64,
    pub score: u64,
}

reads!(FoundJump { measure, step, from, until, value, low, high, score });

/// `GET /api/overage?from=&until=[&subject=]`: what was used of each allowance, furthest over first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overage {
    /// Stands before prices.
    pub currency: String,
    /// Whether the settings have any allowance.
    pub is_set_up: bool,
    pub rows: Vec<OverageRow>,
    /// Rows beyond the limit of an answer.
    pub left_out: usize,
    /// The sum of all prices, as it is written; `None` where nothing has one.
    pub price: Option<String>,
    /// Up to when the logs were read.
    pub read_until: Option<Time>,
    /// Seconds of the span that were observed.
    pub observed_secs: i64,
}

reads!(Overage { currency, is_set_up, rows, left_out, price, read_until, observed_secs });

/// One allowance of one subject. Over is what was used beyond it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverageRow {
    pub subject: Subject,
    /// As [`crate::overage::Counts::id`] spells it.
    pub counts: String,
    /// Messages or bytes.
    pub allowance: u64,
    pub used: u64,
    pub over: u64,
    /// As it is written, without the currency; `None` without a rate.
    pub price: Option<String>,
}

reads!(OverageRow { subject, counts, allowance, used, over, price });

/// `GET /api/events`: the raw events behind a number, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPage {
    pub events: Vec<EventRow>,
    /// Pass as `after=` for the next page; `None` at the end.
    pub next: Option<String>,
    /// What the events of all pages come to; on the first page alone.
    pub total: Option<EventTotal>,
}

reads!(EventPage { events, next, total });

/// What the events behind a number come to, beside the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTotal {
    pub events: u64,
    /// The sum of what they moved, where one measure is asked for.
    pub amount: i64,
    /// Whether these are all: a busy span has more events than are added up.
    pub is_all: bool,
    /// The stored sum of the one measure: what the report shows.
    pub counted: Option<u64>,
    /// When the oldest event of all that are kept happened: older ones are forgotten, their numbers are not.
    pub kept_from: Option<Time>,
    /// Up to when any log was read.
    pub read_until: Option<Time>,
    /// How many there are of each kind, whichever kind is asked for.
    pub kinds: BTreeMap<String, u64>,
    /// The peers that most of the events that are asked for came from, and how many of each.
    pub peers: BTreeMap<String, u64>,
    /// How many other peers there are.
    pub more_peers: u64,
}

reads!(EventTotal { events, amount, is_all, counted, kept_from, read_until, kinds, peers, more_peers });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    pub id: u64,
    pub time: Time,
    pub kind: String,
    pub host: String,
    pub subjects: Vec<String>,
    pub peer: Option<String>,
    /// Of a delivery, who sent the message: empty for a notification.
    pub sender: Option<String>,
    pub bytes: Option<u64>,
    pub duration_ms: Option<u64>,
    /// What moved for the subject that was asked about: measure id → how much.
    pub counts: BTreeMap<String, i64>,
    pub detail: String,
    /// What the log said that made it count as blocked, bad or ended otherwise than well.
    pub why: Option<String>,
    /// Peer, sender and words are left out, or addresses in them masked: they name others than the account sees.
    pub is_withheld: bool,
}

reads!(EventRow { id, time, kind, host, subjects, peer, sender, bytes, duration_ms, counts, detail, why, is_withheld });

/// Every error that the API answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// A stable word: `bad-request`, `too-large`, `signed-out`, `log-in-failed`, `not-found`, `refused`, `name-taken`,
    /// `too-many`, `busy`, `internal`.
    pub error: String,
    /// A sentence for a person.
    pub detail: String,
}

reads!(ApiError { error, detail });

/// `GET /api/health`: what was read, and how its lines fared. For the whole server alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is wrong now, in sentences: a log that cannot be read, a disk that is full.
    pub problems: Vec<String>,
    /// Newest first.
    pub sources: Vec<SourceHealth>,
    /// Sources that are older than those listed.
    pub older_sources: u64,
    /// All sources together.
    pub programs: Vec<ProgramHealth>,
    /// Log time of hosts that was not observed, newest first.
    pub gaps: Vec<HostGap>,
    /// By which rules lines are counted now.
    pub rules: Rules,
    /// By which rules log time was counted, newest first. What was counted by two stands twice.
    pub counted: Vec<CountedSpan>,
    /// A line that is older than the newest of its log by more is too late to be counted.
    pub late_window_secs: i64,
    /// How long events are kept; 0 where none is.
    pub keep_days: u32,
}

reads!(Health { problems, sources, older_sources, programs, gaps, rules, counted, late_window_secs, keep_days });

/// By which rules lines were counted: numbers of two versions may differ for the same lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rules {
    /// Rises with each change of a rule; 0 for what was counted before this was written down.
    pub version: u32,
    /// A fingerprint of the settings that change numbers.
    pub settings: String,
}

/// A stretch of log time and the rules that counted its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedSpan {
    pub span: Span,
    pub rules: Rules,
}

reads!(Rules { version, settings });
reads!(CountedSpan { span, rules });

/// One log, however often it was rotated, renamed and compressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHealth {
    /// Where it was last seen.
    pub path: String,
    /// Bytes read, decompressed.
    pub position: u64,
    /// The lag: bytes that were there at the last look and are not read. `None` for what is not followed now.
    pub unread_bytes: Option<u64>,
    pub lines: u64,
    /// The log time of its first line.
    pub first: Option<Time>,
    /// The log time that it was read to.
    pub last: Option<Time>,
    /// The year given to the first stamp, where stamps have none.
    pub year: Option<i32>,
    pub understood: u64,
    /// Known and of no consequence for any report.
    pub ignored: u64,
    /// Not understood: never guessed.
    pub unparsed: u64,
    /// Lines that another source had brought already: skipped.
    pub duplicates: u64,
    /// Stretches of log time that were lost, oldest first: overwritten before they were read.
    pub gaps: Vec<Span>,
    /// What is wrong with its bytes: a packed file that ends in the middle.
    pub damage: Option<String>,
    /// Those that counted log time that it holds lines of.
    pub rules: Vec<Rules>,
    pub programs: Vec<ProgramHealth>,
}

/// Log time of a host that was not observed, between two times that it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostGap {
    pub host: String,
    pub span: Span,
    pub why: WhyNot,
}

/// Why log time was not observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhyNot {
    /// Lines are known to be lost: dropped by the syslog daemon, or overwritten before they were read.
    Lost,
    /// There was no line for longer than a log that is written to is silent.
    Silent,
    /// The sampler of host figures did not run.
    Unsampled,
}
reads_word!(WhyNot, WhyNot::from_id);

impl WhyNot {
    /// The word on the wire.
    pub fn from_id(id: &str) -> Option<WhyNot> {
        match id {
            "lost" => Some(WhyNot::Lost),
            "silent" => Some(WhyNot::Silent),
            "unsampled" => Some(WhyNot::Unsampled),
            _ => None,
        }
    }
}

reads!(SourceHealth {
    path,
    position,
    unread_bytes,
    lines,
    first,
    last,
    year,
    understood,
    ignored,
    unparsed,
    duplicates,
    gaps,
    damage,
    rules,
    programs,
});

reads!(HostGap { host, span, why });

/// How the lines of one program fared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramHealth {
    pub program: String,
    pub understood: u64,
    /// Known and of no consequence for any report.
    pub ignored: u64,
    /// Not understood: never guessed.
    pub unparsed: u64,
    /// A few lines that were not understood, escaped and cut.
    pub examples: Vec<String>,
}

reads!(ProgramHealth { program, understood, ignored, unparsed, examples });
