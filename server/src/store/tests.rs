//! The store's laws, held against a toy that is a map.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use mailtally_model::coverage::Covered;
use mailtally_model::wire::{Answer, By};
use mailtally_model::{Basis, Family, Slot, Span, Subject, Time, catalogue, measure};
use proptest::prelude::*;

use super::*;
use crate::batch::{Batch, COPIED, LineCounts, SeenLines};
use crate::event::{Event, EventId, Kind, Update};

const MEASURE: u16 = 110;
const MEASURE_ID: &str = "pop.connections";

fn subject(name: &str) -> Subject {
    name.parse().unwrap()
}

/// What an event would add: the same amount at every level.
fn add(batch: &mut Batch, name: &str, slot: i64, amount: i64) {
    let mut at = Some(subject(name));
    while let Some(subject) = at {
        at = subject.parent();
        batch.counters.add(&subject, MEASURE, Slot(slot), amount);
    }
}

fn slots(from: i64, until: i64) -> Span {
    Span::new(Slot(from).start(), Slot(until).start())
}

fn covered(from: i64, until: i64) -> Vec<(Family, String, Span)> {
    Family::LOGS.iter().map(|family| (*family, "mx1".to_owned(), slots(from, until))).collect()
}

fn question(name: &str, by: By, span: Span) -> Question {
    let report = catalogue::find("pop-sessions").unwrap();
    Question { report, subject: subject(name), by, span, edges: None, throttling: false, if_absent: IfAbsent::Refuse }
}

fn ask(dir: &tempfile::TempDir, name: &str, by: By, span: Span) -> Answer {
    Reader::open(dir.path()).unwrap().answer(&question(name, by, span)).unwrap()
}

/// The rows of a Mode, for the one measure.
fn rows(answer: &Answer) -> BTreeMap<String, u64> {
    answer.subjects.iter().cloned().zip(answer.values[MEASURE_ID].iter().copied()).collect()
}

/// The rows of a Trend: slot → value.
fn trend(answer: &Answer) -> BTreeMap<i64, u64> {
    let mut slot = 0;
    let slots = answer.slot.iter().map(|distance| {
        slot += distance;
        slot
    });
    slots.zip(answer.values[MEASURE_ID].iter().copied()).collect()
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn two_commits_add_up_and_a_revision_takes_away() {
    let (dir, mut store) = store();
    let mut batch = Batch { known: vec![subject("ann@example.com")], coverage: covered(0, 200), ..Batch::default() };
    add(&mut batch, "ann@example.com", 100, 3);
    store.commit(&batch).unwrap();
    store.commit(&batch).unwrap();
    let mut revision = Batch::default();
    add(&mut revision, "ann@example.com", 100, -2);
    add(&mut revision, "ann@example.com", 101, 2);
    store.commit(&revision).unwrap();

    for name in ["(server)", "example.com", "ann@example.com"] {
        let answer = ask(&dir, name, By::Time, slots(0, 200));
        assert_eq!(trend(&answer), BTreeMap::from([(100, 4), (101, 2)]), "{name}");
        assert_eq!(answer.totals[MEASURE_ID], 6);
        assert_eq!(answer.basis[MEASURE_ID], Basis::Exact);
    }
    let domains = ask(&dir, "(server)", By::Domains, slots(101, 192));
    assert_eq!(rows(&domains), BTreeMap::from([("example.com".to_owned(), 2)]));
}

#[test]
fn names_are_folded_until_evidence_comes_and_lines_before_it_count_then() {
    let (dir, mut store) = store();
    let mut batch = Batch { coverage: covered(0, 96), ..Batch::default() };
    add(&mut batch, "ann@example.com", 5, 1);
    add(&mut batch, "eve@stranger.example", 5, 2);
    add(&mut batch, "bob@other-stranger.example", 6, 4);
    store.commit(&batch).unwrap();
    let domains = ask(&dir, "(server)", By::Domains, slots(0, 96));
    assert_eq!(rows(&domains), BTreeMap::from([("(other)".to_owned(), 7)]));
    let reader = Reader::open(dir.path()).unwrap();
    let unknown = reader.answer(&question("example.com", By::Users, slots(0, 96)));
    assert!(matches!(unknown, Err(ReadError::NotFound)));

    store.commit(&Batch { known: vec![subject("example.com")], ..Batch::default() }).unwrap();
    let domains = ask(&dir, "(server)", By::Domains, slots(0, 96));
    assert_eq!(domains.subjects, ["example.com", "(other)"]);
    assert_eq!(domains.values[MEASURE_ID], [1, 6]);
    assert_eq!(domains.totals[MEASURE_ID], 7);
    // The mailbox is not known: left to (unattributed).
    let users = ask(&dir, "example.com", By::Users, slots(0, 96));
    assert!(users.subjects.is_empty());
    assert_eq!(users.totals[MEASURE_ID], 1);
}

#[test]
fn strangers_beyond_the_cap_are_booked_as_other() {
    // FAULTS 68
    let (dir, mut store) = store();
    store.cap_names(2);
    for index in 0..10 {
        let mut batch = Batch { coverage: covered(0, 96), ..Batch::default() };
        add(&mut batch, &format!("u@d{index}.example"), index, 1);
        store.commit(&batch).unwrap();
    }
    let domains = ask(&dir, "(server)", By::Domains, slots(0, 96));
    assert_eq!(rows(&domains), BTreeMap::from([("(other)".to_owned(), 10)]));
    let names: i64 = rusqlite::Connection::open(dir.path().join(FILE))
        .unwrap()
        .query_row("SELECT count(*) FROM name", [], |row| row.get(0))
        .unwrap();
    assert!(names <= 5, "{names} names");
    // Evidence still counts.
    let mut batch = Batch { known: vec![subject("ann@ours.example")], ..Batch::default() };
    add(&mut batch, "ann@ours.example", 20, 5);
    store.commit(&batch).unwrap();
    assert_eq!(rows(&ask(&dir, "ours.example", By::Users, slots(0, 96)))["ann@ours.example"], 5);
}

#[test]
fn coverage_joins_gaps_cut_and_hosts_are_missed() {
    let (dir, mut store) = store();
    let read = |host: &str, from, until| (Family::Dovecot, host.to_owned(), Span::new(Time(from), Time(until)));
    let hour = 3_600;
    store.commit(&Batch { coverage: vec![read("a", 0, 10 * hour)], ..Batch::default() }).unwrap();
    store.commit(&Batch { coverage: vec![read("a", 10 * hour, 40 * hour)], ..Batch::default() }).unwrap();
    let gaps = vec![("a".to_owned(), Span::new(Time(20 * hour), Time(30 * hour)))];
    store.commit(&Batch { gaps, ..Batch::default() }).unwrap();
    store.commit(&Batch { coverage: vec![read("b", 5 * hour, 45 * hour)], ..Batch::default() }).unwrap();

    let all = Span::new(Time(0), Time(100 * hour));
    let answer = ask(&dir, "(server)", By::Time, all);
    let stretch =
        |from, until, missing_hosts| Covered { span: Span::new(Time(from * hour), Time(until * hour)), missing_hosts };
    // Before b was first read it is not missing; five hours after its end, a is not missing yet.
    assert_eq!(answer.coverage[&Family::Dovecot], [stretch(0, 20, 0), stretch(20, 30, 1), stretch(30, 45, 0)]);
    assert_eq!(answer.basis[MEASURE_ID], Basis::LowerBound);
    assert_eq!(answer.read_until, Some(Time(45 * hour)));
    let before = ask(&dir, "(server)", By::Time, Span::new(Time(0), Time(10 * hour)));
    assert_eq!(before.basis[MEASURE_ID], Basis::Exact);

    // The lost stretch turns up in another file.
    store.commit(&Batch { coverage: vec![read("a", 20 * hour, 30 * hour)], ..Batch::default() }).unwrap();
    let answer = ask(&dir, "(server)", By::Time, all);
    assert_eq!(answer.coverage[&Family::Dovecot], [stretch(0, 45, 0)]);
    assert_eq!(answer.basis[MEASURE_ID], Basis::Exact);
}

#[test]
fn a_short_silence_is_a_true_zero_and_a_loss_is_not() {
    let (dir, mut store) = store();
    let hour = 3_600;
    let mut read = |from: i64, until: i64, gaps: &[(i64, i64)]| {
        let span = |(from, until): (i64, i64)| Span::new(Time(from * hour), Time(until * hour));
        let batch = Batch {
            coverage: vec![(Family::Dovecot, "a".to_owned(), span((from, until)))],
            gaps: gaps.iter().map(|gap| ("a".to_owned(), span(*gap))).collect(),
            silence_gap_secs: 6 * hour,
            ..Batch::default()
        };
        store.commit(&batch).unwrap();
    };
    let stretches = || -> Vec<(i64, i64)> {
        let answer = ask(&dir, "(server)", By::Time, Span::new(Time(0), Time(100 * hour)));
        let stretches = answer.coverage[&Family::Dovecot].iter();
        stretches.map(|covered| (covered.span.from.0 / hour, covered.span.until.0 / hour)).collect()
    };
    read(0, 10, &[]);
    read(14, 20, &[(16, 18)]);
    assert_eq!(stretches(), [(0, 16), (18, 20)]);
    read(30, 40, &[]);
    assert_eq!(stretches(), [(0, 16), (18, 20), (30, 40)]);
    read(22, 26, &[]);
    assert_eq!(stretches(), [(0, 16), (18, 40)]);
}

#[test]
fn what_no_source_was_ever_set_up_for_is_not_configured() {
    let (dir, mut store) = store();
    let coverage = covered(0, 96);
    store.commit(&Batch { coverage, ..Batch::default() }).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let basis = |report: &str, throttling: bool, measure: &str| {
        let report = catalogue::find(report).unwrap();
        let question = Question { report, throttling, ..question("(server)", By::Time, slots(0, 96)) };
        let answer = reader.answer(&question).unwrap();
        assert_eq!(answer.values.contains_key(measure), answer.basis[measure].has_values());
        answer.basis[measure]
    };
    assert_eq!(basis("server-status", false, "host.threads"), Basis::NotConfigured);
    assert_eq!(basis("throttle-traffic", false, "throttle.messages_sent"), Basis::NotConfigured);
    assert_eq!(basis("throttle-traffic", true, "throttle.messages_sent"), Basis::Exact);
    let mut batch = Batch::default();
    batch.counters.add(&Subject::Server, measure::VIOLATION_MESSAGES.number, Slot(3), 1);
    store.commit(&batch).unwrap();
    assert_eq!(basis("throttle-traffic", false, "throttle.messages_sent"), Basis::Exact);
}

/// Exim's connections where its log names none: as many at least as its other lines show.
#[test]
fn connections_known_from_other_lines_are_a_lower_bound() {
    let (dir, mut store) = store();
    let mut batch = Batch { coverage: covered(0, 192), ..Batch::default() };
    batch.counters.add(&Subject::Server, measure::SMTP_IN_CONNECTIONS.number, Slot(3), 2);
    batch.counters.add(&Subject::Server, measure::SMTP_IN_INFERRED.number, Slot(3), 1);
    batch.counters.add(&Subject::Server, measure::SMTP_IN_CONNECTIONS.number, Slot(100), 2);
    store.commit(&batch).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let basis = |span| {
        let report = catalogue::find("smtp-in-usage").unwrap();
        let answer = reader.answer(&Question { report, ..question("(server)", By::Time, span) }).unwrap();
        answer.basis[measure::SMTP_IN_CONNECTIONS.id]
    };
    assert_eq!(basis(slots(0, 96)), Basis::LowerBound);
    assert_eq!(basis(slots(96, 192)), Basis::Exact);
}

#[test]
fn sums_saturate_below_two_to_the_53_and_say_so() {
    // FAULTS 72
    let (dir, mut store) = store();
    let mut batch = Batch { coverage: covered(0, 96), ..Batch::default() };
    add(&mut batch, "example.com", 3, i64::MAX);
    for _ in 0..3 {
        store.commit(&batch).unwrap();
    }
    let answer = ask(&dir, "(server)", By::Time, slots(0, 96));
    assert_eq!(answer.values[MEASURE_ID], [MAX_VALUE as u64]);
    assert_eq!(answer.totals[MEASURE_ID], MAX_VALUE as u64);
    assert_eq!(answer.basis[MEASURE_ID], Basis::LowerBound);
}

#[test]
fn only_commits_in_a_span_touch_it() {
    let (dir, mut store) = store();
    store.commit(&Batch { coverage: covered(0, 960), ..Batch::default() }).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let touched = |from, until| reader.version(slots(from, until)).unwrap();
    let (old, new) = (touched(0, 96), touched(480, 576));
    let mut batch = Batch::default();
    add(&mut batch, "example.com", 500, 1);
    store.commit(&batch).unwrap();
    assert_eq!(touched(0, 96), old);
    assert!(touched(480, 576) > new);
    // A name that becomes known shows in every span.
    store.commit(&Batch { known: vec![subject("example.com")], ..Batch::default() }).unwrap();
    assert!(touched(0, 96) > old);
}

#[test]
fn open_state_sources_health_and_lines_come_back() {
    let (dir, mut store) = store();
    let source = crate::source::SourceState {
        id: u64::MAX,
        path: "/var/log/mail.log".to_owned(),
        ladder: vec![(1024, "hash".to_owned())],
        tail: "tail".to_owned(),
        position: 7,
        lines: 2,
        first: Some(Time(1)),
        last: Some(Time(2)),
        year: Some(2026),
        follows: vec![3],
        gaps: vec![slots(0, 1)],
        damage: Some("it ends in the middle".to_owned()),
        cursor: None,
    };
    let mut batch = Batch { sources: vec![source.clone()], ..Batch::default() };
    batch.open.insert(b"a".to_vec(), Some(b"1".to_vec()));
    batch.open.insert(b"b".to_vec(), Some(b"2".to_vec()));
    batch.seen.insert(Slot(4), SeenLines { of_sources: vec![u64::MAX], counted: vec![7] });
    let line = |text: &str| vec![text.to_owned()];
    let counts = LineCounts { understood: 5, ignored: 2, unparsed: 1, examples: line("what?") };
    batch.health.entry(source.id).or_default().insert("dovecot".to_owned(), counts);
    let copies = LineCounts { ignored: 4, ..LineCounts::default() };
    batch.health.entry(source.id).or_default().insert(COPIED.to_owned(), copies);
    store.commit(&batch).unwrap();
    let mut batch = Batch::default();
    batch.open.insert(b"a".to_vec(), None);
    batch.seen.insert(Slot(4), SeenLines { of_sources: vec![8], counted: Vec::new() });
    let counts = LineCounts { unparsed: 1, examples: line("why?"), ..LineCounts::default() };
    batch.health.entry(source.id).or_default().insert("dovecot".to_owned(), counts);
    store.commit(&batch).unwrap();

    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.open_state().unwrap(), [(b"b".to_vec(), b"2".to_vec())]);
    assert_eq!(store.sources().unwrap(), [source]);
    assert_eq!(store.reader().unwrap().seen(Slot(4)).unwrap(), [u64::MAX, 7, 8]);
    let health = Reader::open(dir.path()).unwrap().health().unwrap();
    let dovecot = health.programs.iter().find(|program| program.program == "dovecot").unwrap();
    assert_eq!((dovecot.understood, dovecot.unparsed), (5, 2));
    assert_eq!(dovecot.examples, ["what?", "why?"]);
    let of_source = &health.sources[0];
    assert_eq!((of_source.position, of_source.understood, of_source.unparsed, of_source.duplicates), (7, 5, 2, 4));
    assert_eq!(of_source.programs[0].examples, ["what?", "why?"]);
    assert_eq!(of_source.gaps, [slots(0, 1)]);
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    // FAULTS 10
    let (dir, store) = store();
    let refusal = Store::open(dir.path()).map(|_| ()).unwrap_err().to_string();
    assert!(refusal.contains("another mailtally is writing"), "{refusal}");
    assert_eq!(Reader::open(dir.path()).unwrap().stored().unwrap(), None);
    drop(store);
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_newer_file_is_refused_and_left_untouched() {
    // FAULTS 13
    let (dir, store) = store();
    drop(store);
    let path = dir.path().join(FILE);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    let refusal = format!("{:#}", Store::open(dir.path()).map(|_| ()).unwrap_err());
    assert!(refusal.contains("newer mailtally (schema 99") && refusal.contains(FILE), "{refusal}");
    assert!(Reader::open(dir.path()).is_err());
    assert!(before == fs::read(&path).unwrap(), "the file changed");
    // So is one from before the first release, whose rows mean something else.
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 1).unwrap();
    let refusal = format!("{:#}", Store::open(dir.path()).map(|_| ()).unwrap_err());
    assert!(refusal.contains("before the first release (schema 1") && refusal.contains(FILE), "{refusal}");
}

#[test]
fn a_damaged_or_foreign_file_is_refused_in_words() {
    // FAULTS 11
    let refusal = |damage: &dyn Fn(&mut Vec<u8>)| {
        let (dir, store) = store();
        drop(store);
        let path = dir.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        format!("{:#}", Store::open(dir.path()).map(|_| ()).unwrap_err())
    };
    let zeroed = refusal(&|bytes| bytes[..100].fill(0));
    assert!(zeroed.contains("damaged") && zeroed.contains(FILE), "{zeroed}");
    let torn = refusal(&|bytes| bytes[4096..12_288].fill(0xff));
    assert!(torn.contains("damaged") && torn.contains("restore"), "{torn}");
    let foreign = refusal(&|bytes| bytes[68..72].fill(0));
    assert!(foreign.contains("not a data file of mailtally"), "{foreign}");
}

#[test]
fn a_file_that_was_killed_while_it_was_made_is_made_anew() {
    // FAULTS 1: the journal's mode is written before the first table.
    let dir = tempfile::tempdir().unwrap();
    let half = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    half.pragma_update(None, "journal_mode", "wal").unwrap();
    drop(half);
    assert!(fs::metadata(dir.path().join(FILE)).unwrap().len() > 0);
    let mut store = Store::open(dir.path()).unwrap();
    let mut batch = Batch { coverage: covered(0, 96), ..Batch::default() };
    add(&mut batch, "(server)", 3, 1);
    store.commit(&batch).unwrap();
    assert_eq!(trend(&ask(&dir, "(server)", By::Time, slots(0, 96))), BTreeMap::from([(3, 1)]));
}

#[test]
fn a_write_ahead_log_cut_anywhere_opens_at_a_commit() {
    // FAULTS 4
    let (dir, mut store) = store();
    for number in 0..6 {
        let mut batch = Batch { known: vec![subject("ann@example.com")], coverage: covered(0, 96), ..Batch::default() };
        add(&mut batch, "ann@example.com", number, 1);
        store.commit(&batch).unwrap();
    }
    // As the files are when the power goes: the writer is still there and has closed nothing.
    let wal = format!("{FILE}-wal");
    let (main, log) = (fs::read(dir.path().join(FILE)).unwrap(), fs::read(dir.path().join(&wal)).unwrap());
    assert!(log.len() > 20 * 512);
    for cut in (0..=log.len()).step_by(512) {
        let after = tempfile::tempdir().unwrap();
        fs::write(after.path().join(FILE), &main).unwrap();
        fs::write(after.path().join(&wal), &log[..cut]).unwrap();
        let opened = Store::open(after.path()).map(drop).and_then(|()| Reader::open(after.path()));
        // The very first commit made the file; before it there is none.
        let Ok(reader) = opened else { continue };
        let sums = |name: &str| -> Vec<u64> {
            reader
                .answer(&question(name, By::Time, slots(0, 96)))
                .map_or(Vec::new(), |answer| answer.values.get(MEASURE_ID).cloned().unwrap_or_default())
        };
        let (server, mailbox) = (sums("(server)"), sums("ann@example.com"));
        assert!(server.iter().all(|sum| *sum == 1) && server == mailbox, "cut at {cut}: {server:?} {mailbox:?}");
    }
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    // FAULTS 8. To root nothing is forbidden, so it is a place where nobody can make a directory.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for place in [file.join("data"), file.clone(), "/proc/mailtally".into()] {
        let refusal = format!("{:#}", Store::open(&place).map(drop).unwrap_err());
        assert!(refusal.contains(&place.display().to_string()), "{refusal}");
    }
}

#[test]
fn a_commit_that_found_no_room_changes_nothing_and_succeeds_later() {
    // FAULTS 5, 6
    let (dir, mut store) = store();
    let mut small = Batch { known: vec![subject("ann@example.com")], coverage: covered(0, 96), ..Batch::default() };
    add(&mut small, "ann@example.com", 3, 1);
    store.commit(&small).unwrap();
    let mut large = Batch { coverage: covered(96, 192), ..Batch::default() };
    for mailbox in 0..2_000 {
        large.known.push(subject(&format!("u{mailbox}@large.example")));
        add(&mut large, &format!("u{mailbox}@large.example"), 100, 1);
    }
    store.limit_pages(1);
    let error = format!("{:#}", store.commit(&large).unwrap_err());
    assert!(error.contains("no space left") && error.contains(FILE), "{error}");
    let answer = ask(&dir, "(server)", By::Domains, slots(0, 192));
    assert_eq!(rows(&answer), BTreeMap::from([("example.com".to_owned(), 1)]));
    assert_eq!(answer.read_until, Some(Slot(96).start()));

    store.limit_pages(1 << 30);
    store.commit(&large).unwrap();
    let answer = ask(&dir, "(server)", By::Domains, slots(0, 192));
    let expected = [("example.com", 1), ("large.example", 2_000)].map(|(name, sum)| (name.to_owned(), sum));
    assert_eq!(rows(&answer), BTreeMap::from(expected));
}

#[test]
fn a_retention_forgets_events_and_keeps_numbers() {
    let (dir, mut store) = store();
    let event = |time: i64| Event {
        time: Time(time),
        host: "mx1".to_owned(),
        subjects: vec![subject("example.com")],
        peer: None,
        bytes: None,
        duration_ms: None,
        detail: String::new(),
        kind: Kind::SmtpSession {
            has_start: true,
            is_inferred: false,
            is_blocked: true,
            bad_commands: 0,
            is_terminated: false,
        },
    };
    let mut batch = Batch { coverage: covered(0, 96), ..Batch::default() };
    for id in 0..10 {
        batch.book(Update { id: EventId(id), before: None, after: Arc::new(event(id as i64 * 900)) });
    }
    store.commit(&batch).unwrap();
    assert_eq!(store.prune_events(Time(4_500)).unwrap(), 5);
    let reader = Reader::open(dir.path()).unwrap();
    let all = EventQuery {
        subject: Subject::Server,
        measures: Vec::new(),
        span: slots(0, 96),
        kind: None,
        text: None,
        after: None,
        limit: MAX_EVENTS_PAGE,
        if_absent: IfAbsent::Refuse,
    };
    let page = reader.events(&all, |_| true).unwrap();
    assert_eq!(page.events.iter().map(|event| event.id).collect::<Vec<_>>(), [9, 8, 7, 6, 5]);
    let report = catalogue::find("smtp-in-usage").unwrap();
    let answer = reader.answer(&Question { report, ..question("(server)", By::Time, slots(0, 96)) }).unwrap();
    // The counters of all ten, as a recount of the events that were kept gave them.
    assert_eq!(answer.totals[measure::SMTP_IN_BLOCKED.id], 10);
}

#[test]
fn an_absent_file_is_said_to_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = Reader::open(dir.path()).map(|_| ()).unwrap_err().to_string();
    assert!(refusal.starts_with("nothing is stored yet"), "{refusal}");
}

/// (mailbox 0..4, slot, amount): some mailboxes share a domain.
fn amounts() -> impl Strategy<Value = Vec<(usize, i64, i64)>> {
    prop::collection::vec((0..4_usize, -300..300_i64, 1..50_i64), 0..60)
}

const MAILBOXES: [&str; 4] = ["a@one.example", "b@one.example", "a@two.example", "b@two.example"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the batches, a Mode is the sum of its children's slots, whole days or not, and so are edges.
    #[test]
    fn modes_edges_and_trends_agree_with_a_map(
        batches in prop::collection::vec(amounts(), 1..4),
        spans in prop::collection::vec((-310..310_i64, 1..400_i64, prop::collection::btree_set(-310..310_i64, 0..6)), 1..8),
    ) {
        let (dir, mut store) = store();
        let known: Vec<Subject> = MAILBOXES.iter().map(|name| subject(name)).collect();
        let mut toy: BTreeMap<(Subject, i64), u64> = BTreeMap::new();
        for amounts in batches {
            let mut batch = Batch { known: known.clone(), coverage: covered(-400, 800), ..Batch::default() };
            for (mailbox, slot, amount) in amounts {
                add(&mut batch, MAILBOXES[mailbox], slot, amount);
            }
            for (subject, _, slot, amount) in batch.counters.iter() {
                *toy.entry((subject.clone(), slot.0)).or_insert(0) += amount as u64;
            }
            store.commit(&batch).unwrap();
        }
        for (from, length, edges) in spans {
            let until = from + length;
            let sum = |of: &Subject, from: i64, until: i64| -> u64 {
                toy.iter().filter(|((s, slot), _)| s == of && (from..until).contains(slot)).map(|(_, sum)| sum).sum()
            };
            for (parent, by) in [("(server)", By::Domains), ("one.example", By::Users), ("two.example", By::Users)] {
                let answer = ask(&dir, parent, by, slots(from, until));
                let mut children: Vec<Subject> = known.iter().chain(known.iter().filter_map(Subject::parent).collect::<Vec<_>>().iter()).cloned().collect();
                children.sort();
                children.dedup();
                let expected: BTreeMap<String, u64> = children.iter()
                    .filter(|child| child.parent() == Some(subject(parent)))
                    .map(|child| (child.to_string(), sum(child, from, until)))
                    .filter(|(_, sum)| *sum > 0)
                    .collect();
                prop_assert_eq!(rows(&answer), expected);
                prop_assert_eq!(answer.totals[MEASURE_ID], sum(&subject(parent), from, until));

                let answer = ask(&dir, parent, By::Time, slots(from, until));
                let expected: BTreeMap<i64, u64> = (from..until)
                    .map(|slot| (slot, sum(&subject(parent), slot, slot + 1)))
                    .filter(|(_, sum)| *sum > 0)
                    .collect();
                prop_assert_eq!(trend(&answer), expected);
            }
            let starts: Vec<i64> = std::iter::once(from).chain(edges.iter().copied().filter(|e| from < *e && *e < until)).collect();
            let question = Question {
                edges: Some(starts.iter().map(|slot| Slot(*slot).start()).collect()),
                ..question("(server)", By::Time, slots(from, until))
            };
            let answer = Reader::open(dir.path()).unwrap().answer(&question).unwrap();
            let ends = starts.iter().copied().skip(1).chain([until]);
            let expected: BTreeMap<i64, u64> = starts.iter().copied().zip(ends)
                .map(|(start, end)| (start, sum(&Subject::Server, start, end)))
                .filter(|(_, sum)| *sum > 0)
                .collect();
            prop_assert_eq!(trend(&answer), expected);
        }
    }
}

/// A POP session of ann's, from its beginning for so long.
fn session(time: i64, secs: u64, peer: &str) -> Event {
    Event {
        time: Time(time),
        host: "mx1".to_owned(),
        subjects: vec![subject("ann@example.com"), subject("example.com")],
        peer: Some(peer.to_owned()),
        bytes: Some(1_000 + secs),
        duration_ms: Some(secs * 1_000),
        detail: String::new(),
        kind: Kind::MailboxSession {
            protocol: crate::event::Protocol::Pop,
            has_start: true,
            is_login: true,
            is_blocked: false,
            bad_commands: 0,
            auth_failed: 0,
            end: Some(crate::event::End::Clean),
        },
    }
}

fn store_of(events: impl IntoIterator<Item = Event>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut batch = Batch { known: vec![subject("ann@example.com")], coverage: covered(0, 400), ..Batch::default() };
    for (id, after) in events.into_iter().enumerate() {
        batch.book(Update { id: EventId(id as u64 + 1), before: None, after: Arc::new(after) });
    }
    Store::open(dir.path()).unwrap().commit(&batch).unwrap();
    dir
}

fn events_of(measure: &mailtally_model::Measure, span: Span) -> EventQuery {
    EventQuery {
        subject: subject("ann@example.com"),
        measures: vec![measure.number],
        span,
        kind: None,
        text: None,
        after: None,
        limit: 10,
        if_absent: IfAbsent::Refuse,
    }
}

#[test]
fn what_is_counted_at_the_end_is_found_where_it_is_counted() {
    let dir = store_of([session(600, 1_800, "192.0.2.1")]);
    let reader = Reader::open(dir.path()).unwrap();
    let amounts = |measure| {
        let page = |slot| reader.events(&events_of(measure, slots(slot, slot + 1)), |_| true).unwrap();
        (0..4).map(|slot| page(slot).total.unwrap().amount).collect::<Vec<_>>()
    };
    assert_eq!(amounts(&measure::POP_CONNECTIONS), [1, 0, 0, 0]);
    assert_eq!(amounts(&measure::POP_BYTES), [0, 0, 2_800, 0]);
}

#[test]
fn events_are_filtered_by_kind_and_text() {
    let mut other = session(700, 1, "198.51.100.7");
    other.detail = "Aborted login (<SCRIPT>)".to_owned();
    let dir = store_of([session(600, 1, "192.0.2.1"), other]);
    let reader = Reader::open(dir.path()).unwrap();
    let count = |kind: Option<&str>, text: Option<&str>| {
        let all = events_of(&measure::POP_CONNECTIONS, slots(0, 4));
        let query = EventQuery { kind: kind.map(str::to_owned), text: text.map(str::to_owned), ..all };
        reader.events(&query, |_| true).unwrap().total.unwrap().events
    };
    assert_eq!(count(None, None), 2);
    assert_eq!((count(Some("pop-session"), None), count(Some("imap-session"), None)), (2, 0));
    assert_eq!((count(None, Some("198.51")), count(None, Some("<script>")), count(None, Some("nothing"))), (1, 1, 0));
    assert_eq!(count(None, Some("ANN@")), 2);
}

proptest! {
    // Each case is a file.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_events_behind_a_number_make_the_number(
        sessions in proptest::collection::vec((0_i64..90_000, 0_u64..90_000), 1..30),
        from in 0_i64..200,
        length in 1_i64..40,
    ) {
        let dir = store_of(sessions.iter().map(|(time, secs)| session(*time, *secs, "192.0.2.1")));
        let reader = Reader::open(dir.path()).unwrap();
        for measure in [&measure::POP_CONNECTIONS, &measure::POP_BYTES, &measure::POP_LOGINS] {
            let mut query = events_of(measure, slots(from, from + length));
            let first = reader.events(&query, |_| true).unwrap();
            let total = first.total.unwrap();
            prop_assert_eq!(Some(total.amount), total.counted.map(|counted| counted as i64));
            prop_assert!(total.is_all);
            // The pages hold each of them once.
            let (mut seen, mut next) = (first.events.len() as u64, first.next);
            while let Some(cursor) = next {
                query.after = events::cursor(&cursor);
                let page = reader.events(&query, |_| true).unwrap();
                prop_assert!(!page.events.is_empty());
                seen += page.events.len() as u64;
                next = page.next;
            }
            prop_assert_eq!(seen, total.events);
        }
    }
}
