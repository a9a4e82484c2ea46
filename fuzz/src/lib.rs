//! What is fuzzed: everything that reads bytes of which we know nothing. Each target is a function of bytes that panics
//! where something is wrong with what came of them.
//!
//! cargo-fuzz drives them for hours, on nightly, through `fuzz_targets/`. The server's tests take this very file in and
//! drive it briefly in each run, on stable (`server/tests/corpora/fuzzed.rs`); hence nothing here but the standard library
//! and ours.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use mailtally_model::catalogue::{self, Column};
use mailtally_model::csv::{self, CsvOptions};
use mailtally_model::json::{self, FromJson};
use mailtally_model::wire::{self, Answer, By};
use mailtally_model::{Span, Step, Time, Zone, table};
use mailtally_server::batch::OpenState;
use mailtally_server::settings::{MailSettings, Settings};
use mailtally_server::setup::{self, Found};
use mailtally_server::source::position::Cursor;
use mailtally_server::source::unpack::Unpacked;
use mailtally_server::source::{files, journal, lines};
use mailtally_server::syslog::{Envelope, Line, YearScan};
use mailtally_server::track::Tracker;
use mailtally_server::{amavis, clamav, dovecot, exim, policy, postfix, rspamd, spamassassin};

/// A target takes no more: what is slow on a few kilobytes shows there, and a fuzzer gets nowhere with more.
const MAX_BYTES: usize = 64 * 1024;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 9] = [
    Target { name: "line", run: line },
    Target { name: "message", run: message },
    Target { name: "stamps", run: stamps },
    Target { name: "settings", run: settings },
    Target { name: "setup", run: setup },
    Target { name: "journal", run: journal },
    Target { name: "wire", run: wire },
    Target { name: "csv", run: csv },
    Target { name: "pieces", run: pieces },
];

/// A whole log: envelopes, parsers, tracker and counters, with the open state put away and taken back in the middle. No
/// stored sum may be below zero at the end.
pub fn line(log: &[u8]) {
    let settings = MailSettings::default();
    let mut envelope = Envelope::new(Zone::utc(), "mx1");
    envelope.set_year(2026);
    let mut tracker = Tracker::restore(&settings, std::iter::empty()).expect("an empty state");
    let mut sums: BTreeMap<(u16, String, i64), i64> = BTreeMap::new();
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').take(200).collect();
    for (number, bytes) in lines.iter().enumerate() {
        if number == lines.len() / 2 {
            let mut changes = OpenState::default();
            tracker.take_changes(&mut changes);
            let open = changes.iter().filter_map(|(key, value)| Some((key.to_vec(), value?.to_vec())));
            tracker = Tracker::restore(&settings, open).expect("what was put away can be taken back");
        }
        let Ok(line) = envelope.parse(bytes) else { continue };
        let line = Line { times: line.times.min(3), ..line };
        let mut updates = Vec::new();
        tracker.line(&line, &mut updates, &mut Vec::new());
        for update in updates {
            for (event, sign) in update.before.iter().map(|event| (event, -1)).chain([(&update.after, 1)]) {
                event.counters(&mut |measure, subject, slot, amount| {
                    let sum = sums.entry((measure.number, subject.to_string(), slot.0)).or_default();
                    *sum = sum.saturating_add(sign * amount);
                });
            }
        }
    }
    let negative: Vec<_> = sums.into_iter().filter(|(_, sum)| *sum < 0).collect();
    assert!(negative.is_empty(), "{negative:?}");
}

/// One message, through the parser of each daemon: whatever program a line names, each may meet it.
pub fn message(message: &[u8]) {
    for daemon in ["smtpd", "cleanup", "qmgr", "pickup", "smtp", "lmtp", "local", "pipe", "bounce", "postscreen"] {
        let program = format!("postfix/{daemon}");
        let speaker = postfix::Speaker::parse(program.as_bytes()).expect("a daemon of Postfix");
        let _ = postfix::parse(&speaker, message);
    }
    let _ = postfix::parse(&postfix::Speaker::parse(b"postfix").expect("an instance"), message);
    let _ = (dovecot::parse(message), exim::parse(message), rspamd::parse(message), amavis::parse(message));
    let _ = (clamav::clamd(message), clamav::clamav_milter(message));
    let _ = (spamassassin::spamd(message), spamassassin::spamc(message));
    let _ = (policy::policyd(message), policy::mailscanner(message));
}

/// Stamps of a log, in two zones, with their years given and found. Those with an offset mean the same wherever they are
/// read; a line that is read again where it was left, too.
pub fn stamps(log: &[u8]) {
    let log = &log[..log.len().min(MAX_BYTES)];
    // A zone that turns its clock back in each autumn, by an hour.
    let years = Span::new(Time(0), Time(4_102_444_800));
    let autumn = Zone::probe("Test", years, |t| if t.0.rem_euclid(31_557_600) < 15_000_000 { 7_200 } else { 3_600 });
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    let mut scan = YearScan::default();
    lines.iter().for_each(|line| scan.line(line));
    let mut read: Vec<Vec<Option<Time>>> = Vec::new();
    for zone in [Zone::utc(), autumn] {
        let year = scan.first_year(&zone, Time(1_795_392_000));
        assert!(year.is_none_or(|year| year <= 2026), "{year:?} is not over yet");
        let mut envelope = Envelope::new(zone.clone(), "mx1");
        year.into_iter().for_each(|year| envelope.set_year(year));
        let mut times = Vec::new();
        for line in &lines {
            let before = envelope.clone();
            let parsed = envelope.parse(line).ok().map(|line| line.time);
            assert_eq!(
                before.clone().parse(line).ok().map(|line| line.time),
                parsed,
                "the same line in the same place"
            );
            times.push(parsed);
        }
        read.push(times);
    }
    for (line, (utc, local)) in lines.iter().zip(read[0].iter().zip(&read[1])) {
        if is_with_offset(line) && utc.is_some() && local.is_some() {
            assert_eq!(utc, local, "{}", String::from_utf8_lossy(line));
        }
    }
}

/// `2026-11-22T00:13:48Z `: what names its offset.
fn is_with_offset(line: &[u8]) -> bool {
    line.get(10) == Some(&b'T') && line.get(19) == Some(&b'Z')
}

/// A settings file, and what is derived from it.
pub fn settings(text: &[u8]) {
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_BYTES)]);
    match Settings::parse(&text) {
        Ok(settings) => {
            let _ = (settings.overage.allowances(), settings.mail.own_subjects(), settings.zone_name());
            assert!(
                Tracker::restore(&settings.mail, std::iter::empty()).is_ok(),
                "settings that were taken can be used"
            );
        }
        Err(error) => assert!(!format!("{error:#}").is_empty(), "what is refused is refused in words"),
    }
}

/// What `postconf -n` and `doveconf -n` print; the settings proposed from it are settings.
pub fn setup(printed: &[u8]) {
    let text = String::from_utf8_lossy(&printed[..printed.len().min(MAX_BYTES)]);
    let found =
        Found { postconf: Some(text.clone().into_owned()), doveconf: Some(text.into_owned()), ..Found::default() };
    let proposed = setup::propose(&found, &|_| None).text();
    if let Err(error) = Settings::parse(&proposed) {
        panic!("{error:#} in what was proposed:\n{proposed}");
    }
}

/// An entry of the journal. It is one line, as if a syslog daemon had written it.
pub fn journal(json: &[u8]) {
    if let Some(entry) = journal::parse(json) {
        assert!(!entry.message.contains(&b'\n'), "a line holds no other");
    }
}

/// What a browser reads: whatever can be read is written as the server does, and read back as the same.
pub fn wire(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
    reads_back::<Answer>(bytes);
    reads_back::<wire::Session>(bytes);
    reads_back::<Vec<wire::Account>>(bytes);
    reads_back::<wire::Unusual>(bytes);
    reads_back::<wire::Overage>(bytes);
    reads_back::<wire::EventPage>(bytes);
    reads_back::<wire::ApiError>(bytes);
    reads_back::<wire::Health>(bytes);
}

fn reads_back<T: FromJson + serde::Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(value) = json::read::<T>(bytes) else { return };
    let written = serde_json::to_vec(&value).expect("the wire's types are plain values");
    assert_eq!(json::read::<T>(&written).as_ref(), Ok(&value), "{}", String::from_utf8_lossy(&written));
}

/// Names from outside as a file for a spreadsheet: each comes back, guarded or as it was, and no cell is a formula.
pub fn csv(names: &[u8]) {
    let names = &names[..names.len().min(MAX_BYTES)];
    let names: Vec<String> =
        names.split(|byte| *byte == 0).take(200).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let span = Span::new(Time(1_795_305_600), Time(1_795_392_000));
    let columns: Vec<&'static Column> =
        catalogue::find("pop-usage").map_or(Vec::new(), |report| report.columns.iter().collect());
    let mut answer: Answer = json::read(EMPTY_ANSWER.as_bytes()).expect("an answer");
    answer.by = By::Users;
    (answer.from, answer.until) = (span.from, span.until);
    answer.subject_index = (0..names.len() as u32).collect();
    answer.subjects = names.into_iter().collect();
    let report = catalogue::find("pop-usage").expect("a report");
    let table = table::build(report, &columns, &answer, span, Step::Day, &Zone::utc());
    let file = csv::write(&table, &table.order(None), &Zone::utc(), CsvOptions::default());
    let records = records(&file);
    assert_eq!(records.len(), table.rows.len() + 2, "a head, a line for each row and the totals");
    for (record, row) in records[1..].iter().zip(&table.rows) {
        assert_eq!(record[0], csv::guard(&table.key(row)).into_owned());
        assert!(!record[0].starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']), "{:?}", record[0]);
        assert_eq!(record.len(), records[0].len());
    }
}

const EMPTY_ANSWER: &str = r#"{"report":"pop-usage","subject":"example.com","by":"users","from":0,"until":0,
    "slot_seconds":900,"read_until":null,"coverage":{},"basis":{},"subjects":[],"slot":[],"subject_index":[],
    "values":{},"totals":{}}"#;

/// RFC 4180 read back, as a spreadsheet does.
fn records(file: &[u8]) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = file.iter().copied().peekable();
    let mut quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => cell.extend(bytes.next()),
            b'"' => quoted = !quoted,
            b',' if !quoted => record.push(text(&mut cell)),
            b'\r' if !quoted => {}
            b'\n' if !quoted => {
                record.push(text(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            other => cell.push(other),
        }
    }
    assert!(!quoted && cell.is_empty() && record.is_empty(), "a file ends with a line");
    records
}

fn text(cell: &mut Vec<u8>) -> String {
    String::from_utf8(std::mem::take(cell)).expect("names are UTF-8")
}

/// A file that lies beside a log: its name (the first line), and its bytes, plain or packed. However it is read, it gives
/// the same bytes as far as it is whole, and lines that are no longer than a line may be.
pub fn pieces(file: &[u8]) {
    let file = &file[..file.len().min(MAX_BYTES)];
    let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
    let (name, bytes) = (String::from_utf8_lossy(&file[..end]), file.get(end + 1..).unwrap_or_default());
    let path = PathBuf::from("/var/log").join(name.as_ref());
    let log = files::rotation(&path).log;
    assert!(log.as_os_str().len() <= path.as_os_str().len(), "{} of {}", log.display(), path.display());
    let _ = files::without_packed_suffix(Path::new(name.as_ref()));

    let mut whole = Vec::new();
    let Some(mut unpacked) = unpacked(bytes) else { return };
    unpacked.read_to_end(&mut whole).expect("damage is no error");
    let mut slow: Vec<u8> = Vec::new();
    let mut again = self::unpacked(bytes).expect("it was one");
    let mut few = [0; 7];
    while let Ok(n @ 1..) = again.read(&mut few) {
        slow.extend(&few[..n]);
    }
    assert_eq!(again.damage(), unpacked.damage());
    // Where a packed file is damaged, how much of what stands before comes out hangs on how it is read.
    let is_whole = unpacked.damage().is_none_or(|damage| !damage.loses_lines());
    assert!(slow == whole || !is_whole && (slow.starts_with(&whole) || whole.starts_with(&slow)));

    let mut lines = lines::Lines::new(self::unpacked(bytes).expect("it was one"), Cursor::default());
    let mut taken = 0;
    while let Some(line) = lines.peek(lines::LastLine::Take).expect("damage is no error") {
        assert!(line.len() <= lines::MAX_LINE_BYTES && !line.contains(&b'\n'));
        lines.take();
        taken += 1;
    }
    let place = lines.cursor().position();
    assert!(place <= whole.len().max(slow.len()) as u64, "no place behind the end");
    let whole_lines = whole.iter().filter(|byte| **byte == b'\n').count();
    assert!(!is_whole || (whole_lines..=whole_lines + 1).contains(&taken), "{taken} lines of {whole_lines}");
}

fn unpacked(bytes: &[u8]) -> Option<Unpacked> {
    let mut file: File = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    // A packing that is known and not read is refused by name.
    Unpacked::new(file).ok()
}
