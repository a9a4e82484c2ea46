//! The parts of the way from a line to an answer, by themselves, with what they allocate. Run by `cargo xtask bench native`.

#![allow(clippy::unwrap_used)]

use std::fs;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use mailtally_model::csv::{self, CsvOptions};
use mailtally_model::table::{self, Sort};
use mailtally_model::wire::By;
use mailtally_model::{Column, Family, Slot, Span, Step, Subject, Table, Zone, catalogue};
use mailtally_server::batch::Batch;
use mailtally_server::postfix::Speaker;
use mailtally_server::settings::MailSettings;
use mailtally_server::store::{IfAbsent, Question, Reader, Store};
use mailtally_server::syslog::Envelope;
use mailtally_server::track::Tracker;
use mailtally_server::{dovecot, postfix};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Lines of a real Postfix and a real Dovecot.
fn lines() -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/corpora/dovecot/mail.log");
    fs::read(path).unwrap().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn envelope() -> Envelope {
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    envelope
}

#[divan::bench]
fn envelopes(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let mut envelope = envelope();
    bencher
        .counter(ItemsCount::new(lines.len()))
        .bench_local(|| lines.iter().filter(|line| envelope.parse(line).is_ok()).count());
}

/// Envelope and message, as facts.
#[divan::bench]
fn facts(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let mut envelope = envelope();
    bencher.counter(ItemsCount::new(lines.len())).bench_local(|| {
        for line in &lines {
            let Ok(line) = envelope.parse(line) else { continue };
            if line.program == b"dovecot" {
                divan::black_box(dovecot::parse(line.message));
            } else if let Some(speaker) = Speaker::parse(line.program) {
                divan::black_box(postfix::parse(&speaker, line.message));
            }
        }
    });
}

/// Lines to counters and events in memory.
#[divan::bench]
fn track_and_count(bencher: Bencher<'_, '_>) {
    let lines = lines();
    bencher.counter(ItemsCount::new(lines.len())).bench_local(|| {
        let mut tracker = Tracker::restore(&MailSettings::default(), std::iter::empty()).unwrap();
        let (mut envelope, mut batch, mut updates) = (envelope(), Batch::default(), Vec::new());
        for line in &lines {
            let Ok(line) = envelope.parse(line) else { continue };
            tracker.line(&line, &mut updates, &mut batch.known);
            updates.drain(..).for_each(|update| batch.book(update));
        }
        batch
    });
}

const DOMAINS: i64 = 100;
const DAYS: i64 = 90;
const SLOTS: i64 = DAYS * 96;

/// POP sessions of a hundred domains over ninety days, a sum in each fourth quarter hour.
fn counters() -> Batch {
    let measure = catalogue::find("pop-sessions").unwrap().columns[0].measure().number;
    let mut batch = Batch { silence_gap_secs: 3600, ..Batch::default() };
    let span = Span::new(Slot(0).start(), Slot(SLOTS).start());
    batch.coverage = Family::LOGS.iter().map(|family| (*family, "mx1".to_owned(), span)).collect();
    for domain in 0..DOMAINS {
        let subject = Subject::Domain(format!("d{domain}.example"));
        batch.known.push(subject.clone());
        for slot in (domain % 4..SLOTS).step_by(4) {
            batch.counters.add(&subject, measure, Slot(slot), slot % 50 + 1);
            batch.counters.add(&Subject::Server, measure, Slot(slot), slot % 50 + 1);
        }
    }
    batch
}

/// A batch of counters into a fresh file.
#[divan::bench(sample_count = 5)]
fn store_counters(bencher: Bencher<'_, '_>) {
    let batch = counters();
    bencher
        .counter(ItemsCount::new(batch.counters.len()))
        .with_inputs(|| tempfile::tempdir().unwrap())
        .bench_local_refs(|dir| Store::open(dir.path()).unwrap().commit(&batch).unwrap());
}

struct Stored {
    _dir: tempfile::TempDir,
    reader: Reader,
}

fn stored() -> Stored {
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path()).unwrap().commit(&counters()).unwrap();
    Stored { reader: Reader::open(dir.path()).unwrap(), _dir: dir }
}

fn question(by: By) -> Question {
    let span = Span::new(Slot(0).start(), Slot(SLOTS).start());
    let report = catalogue::find("pop-sessions").unwrap();
    Question { report, subject: Subject::Server, by, span, edges: None, throttling: false, if_absent: IfAbsent::Refuse }
}

#[divan::bench(args = [By::Time, By::Domains])]
fn answer(bencher: Bencher<'_, '_>, by: By) {
    let stored = stored();
    bencher.bench_local(|| stored.reader.answer(&question(by)).unwrap());
}

#[divan::bench]
fn answer_as_json(bencher: Bencher<'_, '_>) {
    let answer = stored().reader.answer(&question(By::Time)).unwrap();
    bencher.bench_local(|| serde_json::to_vec(&answer).unwrap());
}

fn folded(reader: &Reader, by: By) -> Table {
    let question = question(by);
    let columns: Vec<&'static Column> = question.report.columns_for(&question.subject).collect();
    let answer = reader.answer(&question).unwrap();
    table::build(question.report, &columns, &answer, question.span, Step::Day, &Zone::utc())
}

/// An answer of ninety days to a row a day.
#[divan::bench]
fn fold(bencher: Bencher<'_, '_>) {
    let stored = stored();
    let question = question(By::Time);
    let columns: Vec<&'static Column> = question.report.columns_for(&question.subject).collect();
    let answer = stored.reader.answer(&question).unwrap();
    let zone = Zone::utc();
    bencher.bench_local(|| table::build(question.report, &columns, &answer, question.span, Step::Day, &zone));
}

#[divan::bench]
fn sort(bencher: Bencher<'_, '_>) {
    let table = folded(&stored().reader, By::Domains);
    bencher.bench_local(|| table.order(Some(Sort { column: Some(0), descending: true })));
}

#[divan::bench]
fn csv(bencher: Bencher<'_, '_>) {
    let table = folded(&stored().reader, By::Time);
    let (order, zone) = (table.order(None), Zone::utc());
    bencher.bench_local(|| csv::write(&table, &order, &zone, CsvOptions::default()));
}
