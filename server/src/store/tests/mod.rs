//! The store's laws, held against a toy that is a map. The faults of its file and the events behind its numbers have
//! files of their own, which ask with what is here.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use mailtally_model::coverage::Covered;
use mailtally_model::wire::{Answer, By, WhyNot};
use mailtally_model::{Basis, Family, Slot, Span, Subject, Time, catalogue, measure};
use proptest::prelude::*;

use super::*;
use crate::batch::{Batch, COPIED, LineCounts, SeenAs, SeenLines};
use crate::event::{Event, EventId, Kind, Update};

mod events;
mod file;

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
    answer.subjects.iter().map(str::to_owned).zip(answer.values[MEASURE_ID].iter()).collect()
}

/// The rows of a Trend: slot → value.
fn trend(answer: &Answer) -> BTreeMap<i64, u64> {
    let mut slot = 0;
    let slots = answer.slot.iter().map(|distance| {
        slot += i64::from(*distance);
        slot
    });
    slots.zip(answer.values[MEASURE_ID].iter()).collect()
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
fn health_tells_of_what_reports_call_not_observed() {
    let (dir, mut store) = store();
    let hours = |from: i64, until: i64| Span::new(Time(from * 3_600), Time(until * 3_600));
    let read = |family, (from, until)| (family, "a".to_owned(), hours(from, until));
    let logs = |at| Family::LOGS.map(|family| read(family, at));
    store.commit(&Batch { coverage: logs((0, 10)).to_vec(), silence_gap_secs: 6 * 3_600, ..Batch::default() }).unwrap();
    // Ten hours of silence, then lines that are known to be lost; the sampler stood still for another hour.
    let coverage = [logs((20, 40)).to_vec(), vec![read(Family::Host, (0, 30)), read(Family::Host, (31, 40))]].concat();
    let gaps = vec![("a".to_owned(), hours(25, 26))];
    store.commit(&Batch { coverage, gaps, silence_gap_secs: 6 * 3_600, ..Batch::default() }).unwrap();
    let told = Reader::open(dir.path()).unwrap().health().unwrap().gaps;
    let told: Vec<(Span, WhyNot)> = told.iter().map(|gap| (gap.span, gap.why)).collect();
    assert_eq!(
        told,
        [(hours(30, 31), WhyNot::Unsampled), (hours(25, 26), WhyNot::Lost), (hours(10, 20), WhyNot::Silent)]
    );
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
    assert_eq!(basis("clamav", false, "clamav.active_connections"), Basis::NotAvailable, "no log says it");

    // The sampler runs, and finds no mail service: that it holds no mail is known, what it takes is not.
    let sampled = (Family::Host, "a".to_owned(), slots(0, 96));
    store.commit(&Batch { coverage: vec![sampled], ..Batch::default() }).unwrap();
    assert_eq!(basis("server-status", false, "host.threads"), Basis::NotAvailable);
    assert_eq!(basis("server-status", false, "host.cpu"), Basis::NotAvailable);
    assert_eq!(basis("server-status", false, "host.spool_count"), Basis::Exact);
    let mut batch = Batch::default();
    batch.counters.add(&Subject::Server, measure::HOST_THREADS.number, Slot(3), 1);
    store.commit(&batch).unwrap();
    assert_eq!(basis("server-status", false, "host.cpu"), Basis::Exact);
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
    batch.open.put(b"a", b"1");
    batch.open.put(b"b", b"3");
    // As after a commit that failed.
    batch.open.put(b"b", b"2");
    let lines =
        |of_sources: &[u64], counted: &[u64]| SeenLines { of_sources: of_sources.into(), counted: counted.into() };
    let (of_a_source, earlier) = (SeenAs::Keyed(u64::MAX), SeenAs::Blake3);
    batch.seen.insert((Slot(4), of_a_source), lines(&[u64::MAX], &[7]));
    let line = |text: &str| vec![text.to_owned()];
    let counts = LineCounts { understood: 5, ignored: 2, unparsed: 1, examples: line("what?") };
    batch.health.entry(source.id).or_default().insert("dovecot".to_owned(), counts);
    let copies = LineCounts { ignored: 4, ..LineCounts::default() };
    batch.health.entry(source.id).or_default().insert(COPIED.to_owned(), copies);
    store.commit(&batch).unwrap();
    let mut batch = Batch::default();
    batch.open.take_out(b"a");
    batch.seen.insert((Slot(4), earlier), lines(&[8], &[]));
    let counts = LineCounts { unparsed: 1, examples: line("why?"), ..LineCounts::default() };
    batch.health.entry(source.id).or_default().insert("dovecot".to_owned(), counts);
    store.commit(&batch).unwrap();

    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.open_state().unwrap(), [(b"b".to_vec(), b"2".to_vec())]);
    assert_eq!(store.sources().unwrap(), [source]);
    let seen = [(of_a_source, lines(&[u64::MAX], &[7])), (earlier, lines(&[8], &[]))];
    assert_eq!(store.reader().unwrap().seen(Slot(4)).unwrap(), seen);
    let health = Reader::open(dir.path()).unwrap().health().unwrap();
    let dovecot = health.programs.iter().find(|program| program.program == "dovecot").unwrap();
    assert_eq!((dovecot.understood, dovecot.unparsed), (5, 2));
    assert_eq!(dovecot.examples, ["what?", "why?"]);
    let of_source = &health.sources[0];
    assert_eq!((of_source.position, of_source.understood, of_source.unparsed, of_source.duplicates), (7, 5, 2, 4));
    assert_eq!(of_source.programs[0].examples, ["what?", "why?"]);
    assert_eq!(of_source.gaps, [slots(0, 1)]);
}

/// (mailbox 0..4, slot, amount): some mailboxes share a domain.
fn amounts() -> impl Strategy<Value = Vec<(usize, i64, i64)>> {
    prop::collection::vec((0..4_usize, -300..300_i64, 1..50_i64), 0..60)
}

const MAILBOXES: [&str; 4] = ["a@one.example", "b@one.example", "a@two.example", "b@two.example"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// FAULTS 73. Whatever the batches, a Mode is the sum of its children's slots, whole days or not, and so are edges.
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
