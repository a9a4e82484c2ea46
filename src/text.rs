//! Every word of the screen that is not the catalogue's, in one place, so that other languages can follow.

use mailtally_model::wire::WhyNot;
use mailtally_model::{Basis, Subject};

use crate::format;

pub const BRAND: &str = "Mailtally";
pub const SKIP: &str = "Skip to the report";
pub const MENU: &str = "Reports";
pub const MENU_SHOW: &str = "Show the list of reports";
pub const MENU_DATA: &str = "Data";
pub const HEALTH: &str = "Data health";
pub const WHOLE_SERVER: &str = "Whole server";
pub const BREADCRUMB: &str = "Where you are";
pub const RETRY: &str = "Try again";
pub const CANCEL: &str = "Cancel";

pub const DASH: &str = "–";
pub const NOT_OBSERVED: &str = "not observed";

/// Why a number is not there.
pub fn no_value(basis: Basis) -> &'static str {
    match basis {
        Basis::NotConfigured | Basis::NotAvailable => basis.label(),
        Basis::Exact | Basis::LowerBound | Basis::Estimate => NOT_OBSERVED,
    }
}

pub const OF_THE_SERVER: &str = "known for the whole server alone";
pub const PARTIAL_CLIPPED: &str = "in part";
pub const PARTIAL_GAP: &str = "partly observed";
pub const TOTAL: &str = "Total";
pub const MEAN: &str = "Average";
pub const TOTAL_SHOWN: &str = "Total, filtered";
pub const NOT_ADDED_UP: &str = "not added up: what serves two names counts for each, and means have no sum";
pub const TOTAL_OF_ALL: &str = "Total, unfiltered";

pub const THEME: &str = "Light or dark";
pub const DEMO_HEAD: &str = "This is a demo";
pub const DEMO: &str = "Names and numbers are made up; they went through the real readers.";

pub const STEP: &str = "Step";
pub const STEP_OF_TREND: &str = "Steps divide a Trend: a Mode shows sums of the whole range.";
pub const MODE: &str = "Mode";
pub const EARLIER: &str = "Earlier";
pub const LATER: &str = "Later";
pub const LATER_ENDS: &str = "The range ends today";
pub const RANGE: &str = "Range";
pub const PRESETS: &str = "Presets";
pub const FROM: &str = "From";
pub const UNTIL: &str = "To";
pub const APPLY: &str = "Show";
pub const CALENDAR_HINT: &str = "Choose the first day";
pub const CALENDAR_HINT_LAST: &str = "Choose the last day";
pub const MONTH_EARLIER: &str = "Month before";
pub const MONTH_LATER: &str = "Month after";
pub const ZONE: &str = "Days begin at midnight in";
pub const ZONE_BROWSER: &str = "Your zone";
pub const ZONE_SERVER: &str = "Server’s zone";
pub const CHART_KIND: &str = "Chart";
pub const COLUMNS: &str = "Columns";
pub const COLUMNS_HINT: &str = "Columns of the table, the tiles and the chart";
pub const COMPARE: &str = "Compare";
pub const COMPARE_DRAW: &str = "Draw it in the chart";
pub const COMPARE_DRAW_SAYS: &str = "As thin pale lines, for hours, days and weeks.";
pub const CHANGE_NONE: &str = "±0 %";
pub const NONE_BEFORE: &str = "none before, either";
pub const CHANGE_NEW: &str = "new";
pub const ZOOM_OUT: &str = "Zoom out";
pub const FILTER: &str = "Filter by name";

pub const EXPORT: &str = "Export";
pub const EXPORT_HEAD: &str = "Export as CSV";
pub const EXPORT_SAYS: &str =
    "The rows, order and columns on screen, with raw numbers: bytes as bytes, times with their offset.";
pub const EXPORT_NAME: &str = "File name";
pub const EXPORT_OBSERVED: &str = "Say in a column which steps were observed whole, in part or not at all";
/// Behind the rule of a column.
pub const OVERLAPS: &str = " What concerns several domains or mailboxes is in the row of each, and what names none of them in the total alone.";
pub const EXPORT_LINK: &str = "A link that shows the same to others: these dates, in this zone";
pub const EXPORT_ROWS_ALONE: &str = "Leave out the total, so that a sum over a column is right";
pub const EXPORT_BOM: &str = "For Excel: mark the file as UTF-8 (byte order mark)";
pub const EXPORT_DOWNLOAD: &str = "Download";
pub const EXPORT_PNG: &str = "Save the chart as PNG";
pub const EXPORT_PRINT: &str = "Print the page";
pub const EXPORT_FAILED: &str = "The browser refused to save the file.";

/// Below a table that is too long for paper.
pub fn printed_rows(printed: &str, all: &str) -> String {
    format!("The first {printed} of {all} rows are printed, in the order on screen. The CSV has them all.")
}

pub const HELP: &str = "Keys and display";
pub const HELP_TITLE: &str = "Keys and display (?)";
pub const CLOSE: &str = "Close";
pub const KEYS_ON: &str = "Single keys do what this sheet says";
pub const LOCALE: &str = "Numbers and dates as in";
pub const LOCALE_BROWSER: &str = "this browser";
/// Groups of keys, as the help sheet shows them; caps are parted by spaces.
pub const KEYS: &[(&str, &[(&str, &str)])] = &[
    (
        "Range",
        &[
            ("T Y", "Today, yesterday"),
            ("7 8 9", "Last 7, 28, 90 days"),
            ("M L", "This month, last month"),
            ("Q P", "This quarter, last quarter"),
            ("A", "This year"),
            ("[ ]", "Earlier, later"),
            ("R", "Choose dates and zone"),
            ("Z", "Zoom out"),
        ],
    ),
    (
        "Report",
        &[
            ("1 – 5", "Step: hour to quarter"),
            ("V", "Next Mode"),
            ("U", "Up to what it belongs to"),
            ("C", "Next chart type"),
            ("X", "Next comparison"),
            ("/", "Filter by name"),
            ("E", "Export"),
        ],
    ),
    (
        "Everywhere",
        &[
            ("O", "Overview"),
            ("G", "List of reports"),
            ("N", "Light or dark"),
            ("?", "This sheet"),
            ("Esc", "Close what is open"),
            ("Tab", "To the next control; in charts and tables, arrows move along"),
            ("⏎", "In the chart: zoom to the step, or to those chosen with Shift and arrows"),
        ],
    ),
];

pub const OVERVIEW: &str = "Overview";
pub const OVERVIEW_SAYS: &str = "What has become worse stands first.";

/// Which weeks the overview shows, beside which.
pub fn overview_of(now: &str, before: &str) -> String {
    format!("{now}, compared with {before}, without days that were not observed whole in both.")
}

pub const LOG_IN: &str = "Sign in";
pub const LOG_IN_SAYS: &str = "With the account that your administrator made for you.";
pub const LOG_IN_MAILBOX: &str = "With your mail address and its password, or with an account.";
pub const LOG_IN_NOT_SET_UP: &str = "There is no account yet. The server’s console shows a link that makes the first one; `mailtally account setup-link` prints another.";
pub const LINK_VOID: &str = "This link was used already, or is too old.";
pub const SET_UP: &str = "The first account";
pub const SET_UP_SAYS: &str =
    "It sees the whole server and makes the other accounts. Its password has eight characters at least.";
pub const SET_UP_DO: &str = "Make it";
pub const NAME: &str = "Name";
pub const PASSWORD: &str = "Password";
pub const LOG_OUT: &str = "Sign out";
pub const LOG_OUT_EVERYWHERE: &str = "Sign out everywhere";
pub const OWN_ACCOUNT: &str = "Your account";
pub const ACCOUNTS: &str = "Accounts";
pub const ACCOUNTS_NOT_YOURS: &str = "There are none below yours: a mailbox has no other accounts to manage.";
pub const ACCOUNTS_SAYS: &str = "Who may sign in, and what they see: one subject and all that is below it.";
pub const ACCOUNT_HEADS: [&str; 5] = ["Name", "Sees", "Last sign-in", "State", ACCOUNT_CHANGE];
pub const ACCOUNT_CHANGE: &str = "Change";
pub const ACCOUNT_ADD: &str = "Add an account";
pub const ACCOUNT_ADDED: &str = "The account was added: it stands in the list.";
pub const ACCOUNT_ADD_DO: &str = "Add";
pub const ACCOUNT_ROOT: &str = "Sees: (server), a domain or a mailbox";
pub const ACCOUNT_ENABLE: &str = "Enable";
pub const ACCOUNT_DISABLE: &str = "Disable";
pub const ACCOUNT_PASSWORD_DO: &str = "Set a password";
pub const ACCOUNT_PASSWORD_SAVE: &str = "Set it";
pub const ACCOUNT_PASSWORD_NEW: &str = "New password, which ends all sessions";
pub const ACCOUNT_PASSWORD_SET: &str =
    "The password was set, and whoever was signed in with the old one is so no more.";
pub const ACCOUNT_REMOVE: &str = "Remove";
pub const ACCOUNT_REMOVE_SURE: &str = "Remove for good";
pub const ACCOUNT_ON: &str = "may sign in";
pub const ACCOUNT_OFF: &str = "disabled";
pub const TOKENS: &str = "Tokens for scripts";
pub const TOKENS_SAY: &str =
    "A script that sends one (Authorization: Bearer …) reads what you see, or less, and changes nothing.";
pub const TOKEN_HEADS: [&str; 4] = ["For", "Reads", "Last used", "Change"];
pub const TOKEN_LABEL: &str = "What it is for";
pub const TOKEN_ROOT: &str = "Reads: a domain or a mailbox";
pub const TOKEN_MAKE: &str = "Make a token";
pub const TOKEN_MADE: &str = "Copy it now, it is shown this once:";
pub const TOKEN_REVOKE: &str = "Revoke";
pub const OPTIONAL: &str = "all that you see";
pub const AUDIT: &str = "Audit log";
pub const AUDIT_SAYS: &str = "Who was let in, who was not, and what became of accounts.";
pub const AUDIT_HEADS: [&str; 4] = ["Time", "What", "Account", "From"];
pub const AUDIT_NONE: &str = "Nothing here.";

/// An entry's word as words: `log-in-failed` is log in failed.
pub fn audit_what(what: &str) -> String {
    what.replace('-', " ")
}

/// Whose page it is.
pub fn signed_in(name: &str, root: &str) -> String {
    format!("Signed in as {name}, who sees {root} and all that is below.")
}

pub const PASSWORD_CHANGE: &str = "Change your password";
pub const PASSWORD_CHANGE_DO: &str = "Change it";
pub const PASSWORD_CHANGE_SAYS: &str = "Every other browser that you are signed in with is signed out.";
pub const PASSWORD_OLD: &str = "Password now";
pub const PASSWORD_NEW: &str = "New password";
pub const PASSWORD_CHANGED: &str = "The password is changed.";
pub const NEVER: &str = "never";

pub const LOADING: &str = "Loading";
pub const LOADING_LONG: &str =
    "Still waiting for the server. A long range of a large server takes its time; any link, or Back, leaves it.";
pub const UNREACHABLE: &str = "The Mailtally server did not answer. It may be restarting, or the connection is lost.";
pub const NOT_LOADED_HEAD: &str = "Not loaded";
pub const NOT_LOADED: &str = "A part of this page did not come from the Mailtally server. It may be restarting, or the connection is lost; if it was updated, load the page anew.";
pub const UNREADABLE: &str = "The server’s answer could not be read.";
pub const UNREACHABLE_HEAD: &str = "No answer";
pub const OF_SERVER: &str = "This page is about the whole server, and for those alone who see all of it.";
pub const NOTHING_HERE_HEAD: &str = "Nothing here";
pub const NOTHING_HERE: &str = "Either nothing of this name was ever seen in the logs, or it is not yours to see.";
pub const TO_THE_ROOT: &str = "Show this report of all that you see";
pub const REFUSED_HEAD: &str = "The question failed";

pub const NO_DATA_HEAD: &str = "No data yet";
pub const NOTHING_READ: &str = "No log has been read so far, so there is nothing to show.";
pub const NO_DATA: &str = "No log has been read so far, so there is nothing to show. Name your mail log first:";
/// Typed where the data is; what stands behind `#` says what for.
pub const FIRST_STEPS: &str = "mailtally import /var/log/mail.log*          # what is there already, packed pieces too
mailtally serve --log '/var/log/mail.log*'   # from now on
mailtally setup                              # proposes settings from Postfix's and Dovecot's";
pub const UNOBSERVED_HEAD: &str = "Not observed";
pub const NOTHING_HEAD: &str = "Nothing happened";
pub const NOTHING: &str = "Nothing that this report counts is in what was read of this range: a true zero.";
pub const NO_SOURCE_HEAD: &str = "Not configured";
pub const NO_SOURCE: &str = "No source for this report is set up, so there is nothing to count.";
/// Of a word in the address.
pub fn misread(word: &str) -> String {
    format!("“{word}” in the address means nothing, and is left out of what is shown.")
}

pub const NO_ROWS_HEAD: &str = "No names in this range";
pub const NO_ROWS: &str = "Nothing in this range belongs to a name below this one.";
pub const SHOW_STORED: &str = "Show what is stored";

pub const NOT_FOUND_HEAD: &str = "No such page";
pub const NOT_FOUND: &str = "The address names no report and no page of Mailtally. The menu leads to all of them.";
pub const NOT_FOUND_WAY: &str = "To the overview";

pub const HEALTH_SAYS: &str = "What was read, and until when. A number is only as good as the log behind it.";
pub const HEALTH_SOURCES: &str = "Logs";
pub const HEALTH_SOURCE_HEADS: [&str; 10] = [
    "Log",
    "From",
    "Read to",
    "Not read yet",
    "Lines",
    "Understood",
    "Of no consequence",
    HEALTH_UNPARSED,
    "Duplicates skipped",
    "Counted by",
];
pub const HEALTH_UNPARSED: &str = "Not understood";

/// Where all logs of the list are.
pub fn logs_in(folder: &str) -> String {
    format!("In {folder}")
}

pub const FACT_READ_TO: &str = "Read to";
pub const FACT_UNREAD: &str = "Not read yet";
pub const NOTHING_UNREAD: &str = "nothing";
pub const FACT_UNDERSTOOD: &str = "Understood";
pub const FACT_IGNORED: &str = "Known, of no consequence";
pub const FACT_DUPLICATES: &str = "Duplicates skipped";
pub const FACT_TOO_LATE: &str = "Too late to be counted";
pub const HEALTH_LOST: &str = "Not observed";
pub const HEALTH_LOST_HEADS: [&str; 5] = ["Host", "From", "To", "Length", "Why"];
pub const NOTHING_LOST: &str =
    "Everything was observed from the first line on: no log was silent for long, and none is known to have lost lines.";

pub fn why_not(why: WhyNot) -> &'static str {
    match why {
        WhyNot::Lost => "Lines are known to be lost",
        WhyNot::Silent => "No line was read",
        WhyNot::Unsampled => "No host figures were sampled",
    }
}

pub const HEALTH_COUNTED: &str = "Counted by";
pub const HEALTH_COUNTED_HEADS: [&str; 3] = ["Log time", "Rules", "Settings"];
pub const RULES_OF_NOW: &str = "as now";
pub const RECOUNT: &str = "Some log time was counted by other rules or settings than those of now. Where its logs are still there, this counts it anew and says what changed:";
pub const HEALTH_PROGRAMS: &str = "Lines by program";
pub const HEALTH_PROGRAM_HEADS: [&str; 4] = ["Program", "Understood", "Of no consequence", "Not understood"];

pub const READ_TO_SAYS: &str = "The newest line read of the logs that this page counts. Numbers go up to here.";

pub fn month_of(zone: &str) -> String {
    format!("Months by the clock of {zone}.")
}

pub fn times_are_of(zone: &str) -> String {
    format!("Times are those of {zone}.")
}

pub fn read_long_ago(hours: i64) -> String {
    let hours = if hours == 1 { "an hour".to_owned() } else { format!("{hours} hours") };
    format!(
        "No newer line of these logs came for {hours}: nothing happened, or they are not read. Data health says more."
    )
}

pub fn read_to(clock: &str) -> String {
    format!("read to {clock}")
}

pub fn until(clock: &str) -> String {
    format!("until {clock}")
}

/// What the server says in lower case without a stop, as messages of programs are, as a sentence of the page.
pub fn as_sentence(detail: &str) -> String {
    let mut letters = detail.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}

/// The viewed subject, for titles and alternatives: as everything from a log, with nothing in it that is not seen.
pub fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Server => WHOLE_SERVER.to_owned(),
        Subject::Service(_, name) => format::visible(name),
        other => format::visible(&other.to_string()),
    }
}

pub fn sort_by(label: &str) -> String {
    format!("Sort by {label}")
}

pub fn how_counted(label: &str) -> String {
    format!("How {label} is counted")
}

/// The sentence after a rule of counting, for a basis that is not exact.
pub fn basis_says(basis: Basis) -> Option<&'static str> {
    match basis {
        Basis::Exact => None,
        Basis::LowerBound => Some("A lower bound: at least this much, some of it leaves no trace in the logs."),
        Basis::Estimate => Some("An estimate, derived from figures that stand for it."),
        Basis::NotAvailable => Some("Not available: the source does not log it."),
        Basis::NotConfigured => Some("Not configured: no source for it is set up."),
    }
}

/// The mark of a basis beside a column's name.
pub fn basis_mark(basis: Basis) -> Option<&'static str> {
    match basis {
        Basis::Exact => None,
        Basis::LowerBound => Some("≥"),
        Basis::Estimate => Some("≈"),
        Basis::NotAvailable | Basis::NotConfigured => Some("∅"),
    }
}

pub fn compare(compare: crate::compare::Compare) -> &'static str {
    use crate::compare::Compare;
    match compare {
        Compare::Previous => "Previous period, weekdays aligned",
        Compare::Year => "Same weeks a year before",
        Compare::Nothing => "Nothing",
    }
}

/// `on 46,357`, after a change.
pub fn on_before(value: &str) -> String {
    format!("on {value}")
}

/// What is compared with what, and how much of it is left out.
pub fn compared_with(dates: &str, left_out: Option<&str>) -> String {
    let left_out = left_out.map(|hours| format!("; {hours} that were not observed are left out of both"));
    format!("Compared with {dates}, as far as this period was read{}.", left_out.unwrap_or_default())
}

/// Where a change would stand.
pub fn not_compared(missing: crate::compare::Missing) -> &'static str {
    use crate::compare::Missing;
    match missing {
        Missing::NotObserved => "not observed then",
        Missing::Partly => "partly observed then",
        Missing::PartlyHere => PARTIAL_GAP,
        Missing::TooLong => "too long to compare",
        Missing::NoAnswer => "no answer to compare",
    }
}

/// The same with the dates that are meant.
pub fn why_not_compared(missing: crate::compare::Missing, dates: &str) -> String {
    use crate::compare::Missing;
    match missing {
        Missing::NotObserved => format!("{dates} was not observed: there is nothing to compare with."),
        Missing::Partly => format!("{dates} was observed only in part: too little to compare with."),
        Missing::PartlyHere => format!("Too little was observed to compare it with {dates}."),
        Missing::TooLong => "Not compared: more than three years are too long to.".to_owned(),
        Missing::NoAnswer => format!("Not compared: the server did not answer for {dates}."),
    }
}

/// The same of a part: the other part was not observed then.
pub fn part_on_before(part: &str, before: &str) -> String {
    format!("{part} on {before}")
}

/// Whose value a change is held against, at the crosshair.
pub fn tip_against(step: &str) -> String {
    format!("compared with {step}")
}

pub const NOT_DRAWN_STACKED: &str = "It is not drawn over stacks.";
pub const NOT_DRAWN_MONTHS: &str = "It is not drawn by month or quarter, which are no whole weeks.";

/// What steps of a kind show, beside one that stands out.
pub fn usually(low: &str, high: &str) -> String {
    if low == high { format!("usually {low}") } else { format!("usually {low} to {high}") }
}

/// How many of a Mode's rows a filter leaves.
pub fn filtered(shown: &str, all: &str) -> String {
    format!("{shown} of {all}")
}

pub fn only_for_server(title: &str) -> String {
    format!("{title}: leads up to the nearest subject that has this report")
}

pub fn table_caption(title: &str, subject: &str, first_label: &str) -> String {
    format!("{title} of {subject}, by {}", first_label.to_ascii_lowercase())
}

pub fn unobserved(stored: Option<(String, String)>) -> String {
    match stored {
        Some((from, until)) => format!(
            "No log of this range was read, so the numbers are unknown rather than zero. What is stored reaches from {from} to {until}."
        ),
        None => "No log of this range was read, so the numbers are unknown rather than zero.".to_owned(),
    }
}

pub fn fact_lines(logs: u64) -> String {
    format!("Lines in {logs} {}", if logs == 1 { "log" } else { "logs" })
}

pub fn fact_unparsed(share: &str) -> String {
    format!("Not understood ({share})")
}

pub fn older_logs(count: u64) -> String {
    format!("And {count} older logs.")
}

pub fn and_more(count: u64) -> String {
    format!("And {count} more.")
}

pub fn overwritten(stretch: &str) -> String {
    format!("overwritten before it was read: {stretch}")
}

pub fn year_inferred(year: i32) -> String {
    format!("its stamps have no year: {year} at its beginning")
}

pub fn rules(version: u32) -> String {
    if version == 0 { "rules of before".to_owned() } else { format!("rules {version}") }
}

pub fn rules_and_settings(version: u32, settings: &str) -> String {
    if settings.is_empty() { rules(version) } else { format!("{}, settings {settings}", rules(version)) }
}

pub fn limits(late_window_secs: i64, keep_days: u32) -> String {
    let late = late_window_secs / 86_400;
    let kept = match keep_days {
        0 => "No event is kept as evidence; the sums stay for good.".to_owned(),
        days => format!("Events are kept as evidence for {days} days; the sums stay for good."),
    };
    format!("A line that is more than {late} days older than the newest of its log is too late to be counted. {kept}")
}

pub fn not_understood(program: &str) -> String {
    format!("Lines of {program} that were not understood")
}

pub fn preset(preset: crate::range::Preset) -> &'static str {
    use crate::range::Preset;
    match preset {
        Preset::Today => "Today",
        Preset::Yesterday => "Yesterday",
        Preset::Last7Days => "Last 7 days",
        Preset::Last28Days => "Last 28 days",
        Preset::Last90Days => "Last 90 days",
        Preset::ThisMonth => "This month",
        Preset::LastMonth => "Last month",
        Preset::ThisQuarter => "This quarter",
        Preset::LastQuarter => "Last quarter",
        Preset::ThisYear => "This year",
    }
}

pub const SERIES: &str = "Series";
pub const RIGHT_AXIS: &str = "right axis";
pub const RIGHT_AXIS_LINE: &str = "line, right axis";
pub const CHART_VALUES: &str = "Values: the arrow keys move along the chart";
pub const CHART_NO_VALUE: &str = "none chosen";
pub const CHART_NO_ROWS: &str = "No name holds what the filter says.";
pub const CHART_ALL_HIDDEN: &str = "Every series is hidden. Choose one above the chart to draw it.";
pub const CHART_NOT_OBSERVED: &str = "Nothing of this range was observed, so there is nothing to draw.";
pub const CHART_NOT_AVAILABLE: &str = "The logs do not say this, so there is nothing to draw.";
pub const CHART_NOT_CONFIGURED: &str = "No source for these figures is set up, so there is nothing to draw.";
pub const CHART_NO_SHARES: &str = "Nothing happened in this range, so there are no shares to draw.";
pub const CHART_TABLE_HAS_ALL: &str = "The table below has every value.";

pub fn chart_failed(why: &str) -> String {
    format!("The chart cannot be drawn: {why}. The table has every value.")
}

pub fn chart_other_unit(names: &str) -> String {
    format!("Not drawn: {names} (another unit; hide a series to make room).")
}

pub fn chart_no_whole(names: &str) -> String {
    format!("Not drawn: {names} (rows that do not add up to a whole).")
}

pub fn chart_first_rows(drawn: usize, all: usize) -> String {
    format!("{drawn} of {all} rows: the largest, or the first as the table is sorted.")
}

pub fn chart_others(count: usize) -> String {
    if count > 0 { format!("others ({count})") } else { "others".to_owned() }
}

/// What a chart is, for those who do not see it: title, subject, kind.
pub fn chart_is(title: &str, subject: &str, kind: &str) -> String {
    format!("{title} of {subject}, {} chart.", kind.to_ascii_lowercase())
}

pub fn chart_from_to(first: &str, last: &str) -> String {
    format!("From {first} to {last}.")
}

pub fn chart_rows(count: usize) -> String {
    if count == 1 { "1 row.".to_owned() } else { format!("{count} rows.") }
}

pub fn chart_highest(label: &str, value: &str, row: &str) -> String {
    format!("Highest {label}: {value}, {row}.")
}

pub const MORE: &str = "Show more";

pub const UNUSUAL: &str = "Unusual activity";
pub const UNUSUAL_SAYS: &str = "Domains and mailboxes whose counts stand out of their own past: each day against the same weekday, each hour against the same weekday and hour, of the eight weeks before. The most unusual first.";
pub const UNUSUAL_WEEK: &str = "Last 7 days";
pub const UNUSUAL_FOUR_WEEKS: &str = "Last 28 days";
pub const UNUSUAL_QUARTER: &str = "Last 90 days";
pub const UNUSUAL_YEAR: &str = "Last year";
pub const UNUSUAL_DOMAIN: &str = " as a whole";
pub const SEE_EVENTS: &str = "See the events";
pub const UNUSUAL_ALSO: &str = "On the same day";
pub const UNUSUAL_NONE_HEAD: &str = "Nothing unusual";
pub const UNUSUAL_NONE: &str = "Nobody stood out of their own past. A name is compared once four of the same weekdays were read; smaller numbers than 30 are not told.";
pub const USUALLY_NONE: &str = "usually none";

pub fn on_day(day: &str) -> String {
    format!("on {day}")
}

pub fn between(day: &str, from: &str, until: &str) -> String {
    format!("on {day} between {from} and {until}")
}

pub fn unusual_all(total: usize) -> String {
    format!("All {total} of the last 28 days")
}

pub const EVENTS: &str = "Events";
/// What a column of the events is called; those of numbers are the fifth and the sixth.
pub const EVENT_HEADS: [&str; 7] = ["Time", "What", "Whose", "From, peer", "Size", "Lasted", "What the log says"];
pub const EVENT_KIND: &str = "What";
pub const EVENT_ANY: &str = "Everything";
pub const EVENT_TEXT: &str = "Holds the text";
pub const EVENT_APPLY: &str = "Narrow down";
pub const EVENT_ALL: &str = "Show all";
pub const EVENT_FACTS: &str = "Facts";
pub const EVENT_HOST: &str = "Logged by";
pub const EVENT_SAID: &str = "What the log says";
pub const EVENT_USER: &str = "User name";
pub const EVENT_SENDER: &str = "Sender";
pub const EVENT_NO_SENDER: &str = "<> (a notification)";
/// Of those that are listed, which may be fewer than there are.
pub fn events_csv(listed: &str) -> String {
    format!("The {listed} listed as CSV")
}

pub const EVENT_WITHHELD: &str = "What concerns others is left out.";
pub const EVENT_UTC: &str = "Time in UTC";
pub const EVENT_COUNTED: &str = "Counted";
pub const EVENT_NUMBER: &str = "Event no.";
pub const EVENTS_NONE: &str = "No event is kept here.";
pub const EVENTS_NO_MATCH: &str = "Nothing matches here.";

/// Kinds of events by their id on the wire, and what they are to a person.
pub const EVENT_KINDS: [(&str, &str); 17] = [
    ("message", "Message accepted"),
    ("delivery", "Delivery to a mailbox"),
    ("bounce", "Bounce made here"),
    ("spam-blocked", "Spam refused"),
    ("smtp-session", "SMTP connection in"),
    ("refused-recipient", "Recipient refused"),
    ("refused-message", "Message refused"),
    ("smtp-login-failed", "SMTP log-in failed"),
    ("throttled", "Limit reached"),
    ("smtp-attempt", "SMTP transfer out"),
    ("pop-session", "POP session"),
    ("imap-session", "IMAP session"),
    ("spam-connection", "Connection to SpamAssassin"),
    ("spam-scan", "Spam scan"),
    ("virus-scan", "Virus scan"),
    ("filter-failed", "Filter not reached"),
    ("host-sample", "Host figures"),
];

/// What a kind is to a person; one that this build does not know keeps its id.
pub fn event_kind(id: &str) -> String {
    let known = EVENT_KINDS.iter().find(|(known, _)| *known == id);
    known.map_or_else(|| id.to_owned(), |(_, words)| (*words).to_owned())
}

/// A kind and how many there are of it.
pub fn event_kinds(kind: &str, count: u64) -> String {
    format!("{kind} ({})", crate::intl::number(count as f64, 0))
}

pub fn events_behind(label: &str) -> String {
    format!("Events behind {label}")
}

pub fn events_count(count: u64) -> String {
    let number = crate::intl::number(count as f64, 0);
    if count == 1 { "1 event".to_owned() } else { format!("{number} events") }
}

pub fn events_make(count: u64, whole: &str) -> String {
    let make = if count == 1 { "makes" } else { "make" };
    format!("{}, which {make} {whole}: the number in the report.", events_count(count))
}

pub const MOST_CAME_FROM: &str = "From";

/// After those that are named.
pub fn more_peers(count: u64) -> String {
    match count {
        1 => " and another address.".to_owned(),
        _ => format!(" and {} other addresses.", crate::intl::number(count as f64, 0)),
    }
}

pub fn events_mean(events: &str) -> String {
    format!("{events}. The report shows a mean over the time observed.")
}

pub fn events_match(events: &str) -> String {
    format!("{events} match.")
}

pub fn events_match_more(events: &str) -> String {
    format!("More than {events} match.")
}

pub fn events_more(events: &str, whole: &str) -> String {
    format!("More than {events}, too many to add up here; the report counts {whole}.")
}

pub fn events_forgotten(events: &str, amount: &str, whole: &str, kept: &str) -> String {
    format!(
        "{events}, which make {amount} of {whole}. Events are kept since {kept}: older ones are forgotten, their numbers are not."
    )
}

pub fn events_fewer(events: &str, amount: &str, whole: &str) -> String {
    format!("{events}, which make {amount} of {whole}. The others are not kept one by one.")
}

pub const OVERAGE: &str = "Overage";
pub const OVERAGE_SAYS: &str = "What each domain and mailbox used of its monthly allowance. The numbers are those of Message Traffic and Message Data.";
pub const OVERAGE_CSV: &str = "Export as CSV";
pub const OVERAGE_HEADS: [&str; 5] = ["Name", "Allowance of", "Allowance", "Used", "Over"];
pub const OVERAGE_UNSET_HEAD: &str = "Not configured";
pub const OVERAGE_UNSET: &str =
    "No allowance is set up. Allowances and prices stand in the settings file, in the section [overage].";
pub const OVERAGE_UNOBSERVED: &str = "Nothing of this month was observed: no log of it was read.";
pub const OVERAGE_NONE: &str = "Nobody used anything of an allowance in this month.";

pub fn overage_price(currency: &str) -> String {
    format!("Price ({currency})")
}

pub fn overage_until(clock: &str) -> String {
    format!("The month is not over or not read to its end: the logs are read to {clock}.")
}

pub fn overage_missing(time: &str) -> String {
    format!("{time} of the month were not observed: the numbers are at least these.")
}

/// Below a list of which only the first rows are on the page.
pub fn first_rows(shown: &str, all: &str) -> String {
    format!("The first {shown} of {all} rows, as they are sorted. The CSV has them all.")
}

pub fn overage_left_out(rows: usize) -> String {
    format!("{rows} further rows, with less over, are not shown.")
}
