//! What the person is looking at, and the URL that says it: the URL is the state, a link restores the view.
//!
//! Parsed leniently (an unknown word is the default), written minimally (a default is not written). Knows no router,
//! no signal and no clock; the moves between views (dig in, climb, sort) are functions here, so they are tested natively.

use std::collections::BTreeSet;

use form_urlencoded::{Serializer, parse};
use mailtally_model::catalogue::{self, Report};
use mailtally_model::{By, Column, Scope, Step, Subject, Time};

use crate::chart::ChartKind;
use crate::compare::Compare;
use crate::range::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct ViewState {
    pub report: &'static Report,
    /// `None` is the root of the account that asks.
    pub subject: Option<Subject>,
    pub by: By,
    pub range: Range,
    /// `None` is the one that suits the range.
    pub step: Option<Step>,
    /// `None` is the first kind that suits the Mode.
    pub chart: Option<ChartKind>,
    /// `None` is the natural order: by time or by name.
    pub sort: Option<SortBy>,
    /// Columns that the chart leaves out, by id.
    pub hidden: BTreeSet<String>,
    /// Columns that are shown though they are extra, or left out though they are not, by id.
    pub columns: BTreeSet<String>,
    /// What a Mode's names must hold; empty for all.
    pub filter: String,
    pub compare: Compare,
    /// Whether the period compared with is drawn, too.
    pub overlay: bool,
    pub zone: ZoneChoice,
    /// The day of the finding that led here, if one did: its words stand above the report.
    pub found: Option<Time>,
}

/// Which column orders the rows, by id: ids outlive the columns on screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortBy {
    /// `None` is the first column: the step or the name.
    pub column: Option<String>,
    pub descending: bool,
}

/// Whose wall clock decides what a day is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ZoneChoice {
    #[default]
    Browser,
    Server,
    /// `UTC` or another IANA name.
    Named(String),
}

/// The id of the first column in `sort=`; no column of the catalogue may have it.
const FIRST_COLUMN: &str = "row";
const YES: &str = "yes";
/// Of which a word that says nothing is told.
const KEYS: [&str; 6] = ["by", "range", "step", "chart", "sort", "compare"];
/// What may be said of them though it goes without saying.
const DEFAULTS: [&str; 3] = ["time", "last-90-days", "previous"];
/// The longest name that a log can hold, in characters.
const MAX_FILTER: usize = 320;

impl ViewState {
    pub fn new(report: &'static Report) -> ViewState {
        ViewState {
            report,
            subject: None,
            by: By::Time,
            range: Range::default(),
            step: None,
            chart: None,
            sort: None,
            hidden: BTreeSet::new(),
            columns: BTreeSet::new(),
            filter: String::new(),
            compare: Compare::default(),
            overlay: false,
            zone: ZoneChoice::default(),
            found: None,
        }
    }

    /// Reads a URL's last path segment and its query without the `?`; `None` when there is no such report.
    pub fn parse(report: &str, search: &str) -> Option<ViewState> {
        let mut state = ViewState::new(catalogue::find(report)?);
        for (key, word) in parse(search.as_bytes()) {
            state.read(&key, &word);
        }
        Some(state)
    }

    /// What of an address means nothing, and is left out: `range=2026-11-31`.
    pub fn misread(report: &'static Report, search: &str) -> Option<String> {
        let is_odd = |key: &str, word: &str| {
            let mut one = ViewState::new(report);
            one.read(key, word);
            KEYS.contains(&key) && !word.is_empty() && !DEFAULTS.contains(&word) && one == ViewState::new(report)
        };
        let mut words = parse(search.as_bytes());
        words.find(|(key, word)| is_odd(key, word)).map(|(key, word)| format!("{key}={word}"))
    }

    fn read(&mut self, key: &str, word: &str) {
        match key {
            // A name that cannot be one is nobody's, and the server says so; it is not the root's.
            "subject" if word.is_empty() => self.subject = None,
            "subject" => self.subject = Some(word.parse().unwrap_or_else(|_| Subject::Domain(word.to_owned()))),
            "by" => self.by = By::from_id(word).unwrap_or(By::Time),
            "range" => self.range = Range::parse(word).unwrap_or_default(),
            "step" => self.step = Step::from_id(word),
            "chart" => self.chart = ChartKind::from_id(word),
            "sort" => self.sort = SortBy::parse(word, self.report),
            "hidden" => self.hidden = known_columns(word, self.report),
            "columns" => self.columns = known_columns(word, self.report),
            "filter" => self.filter = word.chars().take(MAX_FILTER).collect(),
            "compare" => self.compare = Compare::from_id(word).unwrap_or_default(),
            "overlay" => self.overlay = word == YES,
            "zone" => self.zone = ZoneChoice::parse(word),
            "found" => self.found = word.parse().ok().map(Time),
            _ => {}
        }
    }

    /// The path and query that [`ViewState::parse`] reads.
    pub fn url(&self) -> String {
        let mut query = Serializer::new(String::new());
        let mut write = |key: &str, word: Option<String>| {
            if let Some(word) = word {
                query.append_pair(key, &word);
            }
        };
        write("subject", self.subject.as_ref().map(Subject::to_string));
        write("by", (self.by != By::Time).then(|| self.by.id().to_owned()));
        write("range", (self.range != Range::default()).then(|| self.range.id()));
        write("step", self.step.map(|step| step.id().to_owned()));
        write("chart", self.chart.map(|kind| kind.id().to_owned()));
        write("sort", self.sort.as_ref().map(SortBy::id));
        write("hidden", joined(&self.hidden));
        write("columns", joined(&self.columns));
        write("filter", (!self.filter.is_empty()).then(|| self.filter.clone()));
        write("compare", (self.compare != Compare::default()).then(|| self.compare.id().to_owned()));
        write("overlay", self.overlay.then(|| YES.to_owned()));
        write("zone", self.zone.id());
        write("found", self.found.map(|day| day.0.to_string()));
        let query = query.finish();
        let separator = if query.is_empty() { "" } else { "?" };
        format!("/reports/{}{separator}{query}", self.report.id)
    }

    /// Whether going from `self` to `other` is a step that Back should undo.
    pub fn is_another_place(&self, other: &ViewState) -> bool {
        self.report != other.report
            || self.subject != other.subject
            || self.by != other.by
            || self.range != other.range
            || self.step != other.step
    }

    /// The same subject and time in another report; where that report does not know the subject, the nearest one above.
    pub fn in_report(&self, report: &'static Report) -> ViewState {
        let mut subject = self.subject.clone();
        while let Some(at) = subject.take_if(|at| !report.exists_for(at)) {
            subject = at.parent().filter(|above| *above != Subject::Server);
        }
        let by = if subject == self.subject && report.services.is_none() { self.by } else { By::Time };
        ViewState {
            subject,
            by: if by == By::Services { By::Time } else { by },
            range: self.range,
            step: self.step,
            compare: self.compare,
            overlay: self.overlay,
            zone: self.zone.clone(),
            ..ViewState::new(report)
        }
    }

    /// Digs into a child of the subject: a domain shows its users, a mailbox or a service its own Trend.
    pub fn dig(&self, child: &Subject) -> ViewState {
        let by = match child.scope() {
            Scope::Domain if self.report.modes(child).contains(&By::Users) => By::Users,
            _ => By::Time,
        };
        ViewState { subject: Some(child.clone()), found: None, ..self.with_rows_of(by) }
    }

    /// Climbs to a subject above, to the list in which the one left behind is a row.
    pub fn climb(&self, to: Option<Subject>) -> ViewState {
        let above = to.clone().unwrap_or(Subject::Server);
        let by = self.report.modes(&above).into_iter().find(|by| *by != By::Time).unwrap_or(By::Time);
        ViewState { subject: to, found: None, ..self.with_rows_of(by) }
    }

    /// The Mode's rows are of another kind: what belonged to the old rows goes.
    pub fn with_mode(&self, by: By) -> ViewState {
        if by == self.by { self.clone() } else { self.with_rows_of(by) }
    }

    /// What belonged to the rows of before goes; the chart's kind stays where the new rows can be drawn so.
    fn with_rows_of(&self, by: By) -> ViewState {
        let chart = self.chart.filter(|kind| ChartKind::of_mode(by).contains(kind));
        ViewState { by, sort: None, chart, filter: String::new(), ..self.clone() }
    }

    /// A click on a column's header: descending, then ascending, then natural order again. A Trend's natural order is that
    /// of its steps, the newest first: already descending.
    pub fn sorted_by(&self, column: Option<&str>) -> ViewState {
        let sort = match &self.sort {
            None if column.is_none() && self.by == By::Time => Some(SortBy { column: None, descending: false }),
            Some(sort) if column.is_none() && self.by == By::Time && sort.column.is_some() => None,
            Some(sort) if sort.column.as_deref() == column && sort.descending => {
                Some(SortBy { descending: false, ..sort.clone() })
            }
            Some(sort) if sort.column.as_deref() == column => None,
            _ => Some(SortBy { column: column.map(str::to_owned), descending: true }),
        };
        ViewState { sort, ..self.clone() }
    }

    /// Shows or hides a column in the chart.
    pub fn toggle_series(&mut self, column: &str) {
        toggle(&mut self.hidden, column);
    }

    /// Whether the table has a column: extra ones where chosen, the others unless left out.
    pub fn shows(&self, column: &Column) -> bool {
        self.columns.contains(column.id) == column.extra
    }

    /// Shows or hides a column.
    pub fn toggle_column(&mut self, column: &str) {
        toggle(&mut self.columns, column);
    }
}

impl SortBy {
    fn id(&self) -> String {
        let sign = if self.descending { "-" } else { "" };
        format!("{sign}{}", self.column.as_deref().unwrap_or(FIRST_COLUMN))
    }

    fn parse(word: &str, report: &Report) -> Option<SortBy> {
        let (id, descending) = word.strip_prefix('-').map_or((word, false), |id| (id, true));
        if id == FIRST_COLUMN {
            return Some(SortBy { column: None, descending });
        }
        let known = report.columns.iter().any(|column| column.id == id);
        known.then(|| SortBy { column: Some(id.to_owned()), descending })
    }
}

impl ZoneChoice {
    pub fn utc() -> ZoneChoice {
        ZoneChoice::Named("UTC".to_owned())
    }

    /// The word in URLs; nothing for the default.
    pub fn id(&self) -> Option<String> {
        match self {
            ZoneChoice::Browser => None,
            ZoneChoice::Server => Some("server".to_owned()),
            ZoneChoice::Named(name) => Some(name.clone()),
        }
    }

    /// What the address of any page says, in its query without the `?`.
    pub fn of_search(search: &str) -> ZoneChoice {
        let word = parse(search.as_bytes()).find(|(key, _)| key == "zone");
        word.map_or_else(ZoneChoice::default, |(_, word)| ZoneChoice::parse(&word))
    }

    /// A path without a query, in this zone.
    pub fn keep_in(&self, path: &str) -> String {
        let Some(id) = self.id() else { return path.to_owned() };
        Serializer::for_suffix(format!("{path}?"), path.len() + 1).append_pair("zone", &id).finish()
    }

    pub fn parse(word: &str) -> ZoneChoice {
        let is_name = !word.is_empty()
            && word.len() <= 64
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
        match word {
            "server" => ZoneChoice::Server,
            name if is_name => ZoneChoice::Named(name.to_owned()),
            _ => ZoneChoice::Browser,
        }
    }
}

fn known_columns(word: &str, report: &Report) -> BTreeSet<String> {
    let known = |id: &&str| report.columns.iter().any(|column| column.id == *id);
    // Taken one by one: a set that is collected brings a sort of its own.
    let mut columns = BTreeSet::new();
    columns.extend(word.split(',').filter(known).map(str::to_owned));
    columns
}

fn joined(ids: &BTreeSet<String>) -> Option<String> {
    (!ids.is_empty()).then(|| ids.iter().map(String::as_str).collect::<Vec<_>>().join(","))
}

fn toggle(ids: &mut BTreeSet<String>, id: &str) {
    if !ids.remove(id) {
        ids.insert(id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::{Dates, Preset};
    use mailtally_model::catalogue::REPORTS;
    use proptest::prelude::*;

    fn at(url: &str) -> ViewState {
        let path = url.strip_prefix("/reports/").expect("a report's path");
        let (report, search) = path.split_once('?').unwrap_or((path, ""));
        ViewState::parse(report, search).expect(url)
    }

    #[test]
    fn a_default_is_not_written() {
        assert_eq!(at("/reports/pop-sessions").url(), "/reports/pop-sessions");
        let explicit = "/reports/pop-sessions?by=time&range=last-90-days&compare=previous";
        assert_eq!(at(explicit).url(), "/reports/pop-sessions");
    }

    #[test]
    fn what_is_not_understood_is_the_default() {
        let odd =
            "/reports/pop-sessions?by=moon&range=soon&step=fortnight&chart=pie&sort=-nothing&hidden=x,,y&zone=a b&z";
        assert_eq!(at(odd), ViewState::new(at(odd).report));
        assert_eq!(ViewState::parse("no-such-report", ""), None);
    }

    #[test]
    fn what_means_nothing_is_told() {
        let report = at("/reports/pop-sessions").report;
        let told = |search: &str| ViewState::misread(report, search);
        assert_eq!(told("step=week&range=2026-11-01..2026-11-31"), Some("range=2026-11-01..2026-11-31".to_owned()));
        assert_eq!(told("sort=zzz"), Some("sort=zzz".to_owned()));
        for fine in
            ["", "by=time&range=last-90-days&compare=previous", "step=day&sort=-bandwidth", "utm_source=x&range="]
        {
            assert_eq!(told(fine), None, "{fine}");
        }
        // What cannot be a name is not everything.
        assert_eq!(at("/reports/pop-sessions?subject=@@").subject, Some(Subject::Domain("@@".to_owned())));
    }

    #[test]
    fn a_zone_goes_from_page_to_page() {
        for choice in ["", "server", "UTC", "Etc/GMT+1"] {
            let zone = ZoneChoice::parse(choice);
            let path = zone.keep_in("/health");
            assert_eq!(ZoneChoice::of_search(path.trim_start_matches("/health").trim_start_matches('?')), zone);
        }
        assert_eq!(ZoneChoice::default().keep_in("/"), "/");
    }

    #[test]
    fn a_name_digs_in_and_the_breadcrumb_climbs_back() {
        let server = at("/reports/pop-sessions?by=domains&sort=-bandwidth&range=today");
        let domain = server.dig(&Subject::Domain("example.com".into()));
        assert_eq!(domain.url(), "/reports/pop-sessions?subject=example.com&by=users&range=today");
        let mailbox = domain.dig(&Subject::Mailbox("ann@example.com".into()));
        assert_eq!(mailbox.url(), "/reports/pop-sessions?subject=ann%40example.com&range=today");
        assert_eq!(mailbox.climb(domain.subject.clone()), domain);
        assert_eq!(domain.climb(None).url(), "/reports/pop-sessions?by=domains&range=today");
    }

    #[test]
    fn the_chart_stays_as_long_as_it_can() {
        let server = at("/reports/message-traffic?by=domains&chart=share");
        let domain = server.dig(&Subject::Domain("example.com".into()));
        assert_eq!(domain.url(), "/reports/message-traffic?subject=example.com&by=users&chart=share");
        assert_eq!(domain.climb(None), server);
        let mailbox = domain.dig(&Subject::Mailbox("ann@example.com".into()));
        assert_eq!(mailbox.url(), "/reports/message-traffic?subject=ann%40example.com");
    }

    #[test]
    fn a_report_without_users_shows_a_domain_as_a_trend() {
        let errors = at("/reports/smtp-in-errors?by=domains").dig(&Subject::Domain("example.com".into()));
        assert_eq!(errors.url(), "/reports/smtp-in-errors?subject=example.com");
    }

    #[test]
    fn the_menu_keeps_the_subject_where_the_report_knows_it() {
        let ann = at("/reports/pop-sessions?subject=ann%40example.com&step=week");
        let go = |id: &str| ann.in_report(catalogue::find(id).expect(id)).url();
        assert_eq!(go("imap-usage"), "/reports/imap-usage?subject=ann%40example.com&step=week");
        assert_eq!(go("smtp-in-errors"), "/reports/smtp-in-errors?subject=example.com&step=week");
        assert_eq!(go("server-status"), "/reports/server-status?step=week");
    }

    #[test]
    fn a_header_sorts_down_up_and_back() {
        let natural = at("/reports/pop-sessions");
        let down = natural.sorted_by(Some("bandwidth"));
        assert_eq!(down.url(), "/reports/pop-sessions?sort=-bandwidth");
        let up = down.sorted_by(Some("bandwidth"));
        assert_eq!(up.url(), "/reports/pop-sessions?sort=bandwidth");
        assert_eq!(up.sorted_by(Some("bandwidth")), natural);
        // Steps stand with the newest first as it is.
        assert_eq!(down.sorted_by(None), natural);
        assert_eq!(natural.sorted_by(None).url(), "/reports/pop-sessions?sort=row");
        assert_eq!(natural.sorted_by(None).sorted_by(None), natural);
        let users = at("/reports/pop-sessions?by=users&sort=-bandwidth");
        assert_eq!(users.sorted_by(None).url(), "/reports/pop-sessions?by=users&sort=-row");
    }

    #[test]
    fn no_column_is_called_as_the_first_one() {
        for column in REPORTS.iter().flat_map(|report| report.columns) {
            assert_ne!(column.id, FIRST_COLUMN);
        }
    }

    fn any_state() -> impl Strategy<Value = ViewState> {
        let report = (0..REPORTS.len()).prop_map(|i| &REPORTS[i]);
        let subject = proptest::option::of(prop_oneof![
            Just(Subject::Server),
            "[a-z0-9-]{1,12}(\\.[a-z]{2,5}){1,2}".prop_map(Subject::Domain),
            "[A-Za-z0-9+&=% ._-]{1,12}@[a-z]{1,8}\\.de".prop_map(Subject::Mailbox),
        ]);
        let range = prop_oneof![
            (0..Preset::ALL.len()).prop_map(|i| Range::Preset(Preset::ALL[i])),
            (400i64..20_000, 0i64..4_000).prop_map(|(first, days)| {
                let date = |day| crate::range::date_at(day * 86_400).expect("a date");
                Range::Dates(Dates::new(date(first), date(first + days)).expect("within the years"))
            }),
        ];
        let zone = prop_oneof![
            Just(ZoneChoice::Browser),
            Just(ZoneChoice::Server),
            Just(ZoneChoice::utc()),
            Just(ZoneChoice::Named("America/Argentina/Buenos_Aires".into())),
        ];
        let places = (report, subject, 0..By::ALL.len(), range, 0..=Step::ALL.len(), zone);
        let looks = (0..=ChartKind::ALL.len(), any::<u32>(), any::<u32>(), any::<u8>(), any::<bool>());
        let rest = ("[a-z0-9@=<& .-]{0,12}", 0..Compare::ALL.len(), any::<bool>());
        (places, looks, rest).prop_map(
            |(
                (report, subject, by, range, step, zone),
                (chart, hidden, extra, sort, descending),
                (filter, compare, overlay),
            )| {
                let pick = |bits: u32| {
                    let chosen = report.columns.iter().enumerate().filter(move |(i, _)| bits >> i & 1 == 1);
                    chosen.map(|(_, column)| column.id.to_owned()).collect()
                };
                let column = report.columns.get(usize::from(sort % 12)).map(|column| column.id.to_owned());
                ViewState {
                    report,
                    subject,
                    by: By::ALL[by],
                    range,
                    step: Step::ALL.get(step).copied(),
                    chart: ChartKind::ALL.get(chart).copied(),
                    sort: (sort < 200).then_some(SortBy { column, descending }),
                    hidden: pick(hidden),
                    columns: pick(extra),
                    filter,
                    compare: Compare::ALL[compare],
                    overlay,
                    found: (sort % 3 == 0).then_some(Time(i64::from(sort) * 86_400)),
                    zone,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_link_restores_the_view(state in any_state()) {
            prop_assert_eq!(at(&state.url()), state);
        }
    }
}
