//! The story that the demo tells, and what the product makes of it.

#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use mailtally_model::catalogue::REPORTS;
use mailtally_model::{By, Scope, Span, Subject, Time, Zone};
use mailtally_server::collect::{self, Collector, Reading};
use mailtally_server::demo::{self, Incidents, Plan, Year};
use mailtally_server::settings::Settings;
use mailtally_server::source::files;
use mailtally_server::source::lines::LastLine;
use mailtally_server::store::{IfAbsent, Question, Reader, Store};

/// Sunday 2026-11-22T02:23:00Z.
const UNTIL: Time = Time(1_795_314_180);

/// Small enough for a debug build, large enough for every kind of happening.
fn plan() -> Plan {
    Plan { seed: 1, lines: 30_000, until: UNTIL }
}

fn story(plan: Plan) -> String {
    let mut text = String::new();
    Year::new(plan).tell_until(plan.until, &mut text);
    text
}

/// The seconds of a line's stamp.
fn time(line: &str) -> i64 {
    let stamp = line.split(' ').next().unwrap();
    chrono::DateTime::parse_from_rfc3339(stamp).unwrap().timestamp()
}

#[test]
fn the_same_plan_is_the_same_story() {
    let small = Plan { lines: 2_000, ..plan() };
    assert_eq!(story(small), story(small));
    assert_ne!(story(small), story(Plan { seed: 2, ..small }));
}

#[test]
fn a_story_told_in_pieces_is_the_same() {
    let small = Plan { lines: 2_000, ..plan() };
    let mut year = Year::new(small);
    let mut pieces = String::new();
    for days_before in [300, 200, 100, 1, 0] {
        year.tell_until(UNTIL.plus_secs(-days_before * 86_400), &mut pieces);
    }
    assert_eq!(pieces, story(small));
}

#[test]
fn lines_are_in_order_of_time_and_end_now() {
    let text = story(plan());
    let times: Vec<i64> = text.lines().map(time).collect();
    assert!(times.is_sorted());
    let (first, last) = (times[0], times[times.len() - 1]);
    assert!(last < UNTIL.0 && last > UNTIL.0 - 3600, "ends at {last}");
    assert!((365..366).contains(&((last - first) / 86_400)), "spans {} days", (last - first) / 86_400);
    assert!((24_000..40_000).contains(&times.len()), "{} lines", times.len());
}

#[test]
fn working_days_are_fuller_than_weekends_and_days_than_nights() {
    let text = story(plan());
    let mut by_weekday = [0u32; 7];
    let mut by_hour = [0u32; 24];
    for line in text.lines().filter(|line| !line.contains("mailtally-sample")) {
        let time = time(line);
        // 1970-01-01 was a Thursday.
        by_weekday[((time / 86_400 + 3) % 7) as usize] += 1;
        by_hour[(time / 3600 % 24) as usize] += 1;
    }
    assert!(by_weekday[5].max(by_weekday[6]) * 3 < by_weekday[2] * 2, "{by_weekday:?}");
    assert!(by_hour[3] * 2 < by_hour[10], "{by_hour:?}");
}

#[test]
fn the_lost_log_leaves_no_line() {
    let lost = Incidents::before(UNTIL).lost_log;
    let text = story(plan());
    assert!(!text.lines().any(|line| lost.contains(Time(time(line)))));
}

#[test]
fn the_log_is_kept_as_debian_keeps_it_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { lines: 2_000, ..plan() };
    let mut written = demo::write(plan, dir.path(), |_| ()).unwrap();
    let names: Vec<_> = written.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names.len(), 54);
    assert_eq!(
        (names[0], names[51], names[52], names[53]),
        ("mail.log.53.gz", "mail.log.2.gz", "mail.log.1", "mail.log")
    );
    let mut text = String::new();
    for path in &written.files {
        let file = std::fs::File::open(path).unwrap();
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let mut reader: Box<dyn std::io::Read> =
            if packed { Box::new(flate2::read::GzDecoder::new(file)) } else { Box::new(file) };
        reader.read_to_string(&mut text).unwrap();
    }
    assert_eq!(text, story(plan));
    assert_eq!(text.lines().count() as u64, written.lines);

    let live = written.files[53].clone();
    let before = std::fs::read_to_string(&live).unwrap();
    written.append_until(UNTIL.plus_secs(60)).unwrap();
    let after = std::fs::read_to_string(&live).unwrap();
    let fresh = after.strip_prefix(&before).unwrap();
    assert!(fresh.lines().filter(|line| line.contains("mailtally-sample: period_ms=10000 ")).count() >= 5, "{fresh}");
    assert!(fresh.lines().all(|line| (UNTIL.0..UNTIL.0 + 60).contains(&time(line))), "{fresh}");
}

/// Ninety days lie in so many of the weekly files.
const WEEKS: usize = 14;

/// Imports the end of a story into a data directory below `dir`.
fn counted(plan: Plan, dir: &std::path::Path) -> Reader {
    let logs = dir.join("logs");
    std::fs::create_dir(&logs).unwrap();
    let written = demo::write(plan, &logs, |_| ()).unwrap();
    let last = &written.files[written.files.len() - WEEKS..];
    let files: Vec<_> = last.iter().map(|path| files::look(path).unwrap()).collect();
    let settings: Settings = toml::from_str(demo::SITE).unwrap();
    let reading = Reading {
        zone: Zone::utc(),
        year: None,
        host: "mx1".to_owned(),
        silence_gap_secs: 6 * 3600,
        keeps_events: true,
        now: plan.until,
        last_line: LastLine::HoldBack,
        batch_lines: 50_000,
    };
    let data = dir.join("data");
    let mut collector = Collector::into_store(Store::open(&data).unwrap(), &settings.mail, &reading).unwrap();
    let imported = collect::import(&files, &mut collector, &reading, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(imported.is_whole());
    Reader::open(&data).unwrap()
}

#[test]
fn every_line_is_understood_and_every_report_shows_something() {
    let dir = tempfile::tempdir().unwrap();
    let reader = counted(Plan { lines: 80_000, ..plan() }, dir.path());

    for program in reader.health().unwrap().programs {
        assert_eq!(program.unparsed, 0, "{}: {:#?}", program.program, program.examples);
    }
    // No log shows these of this site: clamd logs no time that a scan took, each message's size is known, limits meet its
    // own senders alone and say what they stop, and Postfix logs each connect.
    let never = [
        "message-data size_unknown",
        "throttle-traffic size_unknown",
        "throttle-traffic inbound_throttled",
        "smtp-in-usage inferred_connections",
        "clamav active_connections",
    ];
    // The default range of the page.
    let span = Span::new(Time(UNTIL.0 / 86_400 * 86_400 - 90 * 86_400), UNTIL.slot().span().until);
    let mut empty = Vec::new();
    for report in REPORTS {
        let question = Question {
            report,
            subject: Subject::Server,
            by: By::Time,
            span,
            edges: None,
            throttling: true,
            if_absent: IfAbsent::Refuse,
        };
        let answer = reader.answer(&question).unwrap();
        for column in report.columns_at(Scope::Server) {
            if answer.totals.get(column.measure().id).copied().unwrap_or(0) == 0 {
                empty.push(format!("{} {}", report.id, column.id));
            }
        }
    }
    assert_eq!(empty, never);
}
