//! What must hold for every zone, span and set of counters: the laws that the folding and the files rest on.

use proptest::prelude::*;

use crate::catalogue::{self, Report};
use crate::csv::{self, CsvOptions};
use crate::report_json::Number;
use crate::step::Step;
use crate::subject::{Subject, in_order};
use crate::table::{Row, Sort, Table, build};
use crate::testing::{answer, columns, utc};
use crate::time::{DAY_SECS, SLOT_SECS, Slot, Span, Time};
use crate::wire::{Answer, By};
use crate::zone::Zone;

/// Quarter hours of the two years that the counters and ranges of these tests lie in.
const SLOTS: i64 = 2 * 365 * DAY_SECS / SLOT_SECS;

fn first() -> Slot {
    utc("2025-06-01T00:00:00Z").slot()
}

fn report() -> &'static Report {
    catalogue::find("pop-usage").expect("a report")
}

/// A zone of no country: any offset of whole slots, changed by up to two hours every few weeks or months.
fn zones() -> impl Strategy<Value = Zone> {
    let changes = prop::collection::vec((20_i64 * 96..200 * 96, -8_i32..=8), 0..8);
    (-48_i32..=56, changes).prop_map(|(offset, changes)| {
        let mut table = vec![(i64::MIN, offset)];
        let mut at = first().0;
        for (distance, change) in changes {
            at += distance;
            table.push((Slot(at).start().0, (offset + change).clamp(-48, 56)));
        }
        let span = Span::new(first().start(), Slot(first().0 + SLOTS).start());
        Zone::probe("Test", span, |t| {
            let position = table.partition_point(|(from, _)| *from <= t.0) - 1;
            table[position].1 * SLOT_SECS as i32
        })
    })
}

fn spans() -> impl Strategy<Value = Span> {
    (0..SLOTS, 1..200_i64 * 96).prop_map(|(from, slots)| {
        let from = first().0 + from;
        Span::new(Slot(from).start(), Slot((from + slots).min(first().0 + SLOTS)).start())
    })
}

/// Counters of two columns in slots anywhere in the two years, so that some lie outside any span.
fn answers() -> impl Strategy<Value = Answer> {
    let rows = prop::collection::btree_map(0..SLOTS, (0_u64..1000, 0_u64..1_000_000), 0..300);
    rows.prop_map(|rows| {
        let all = Span::new(first().start(), Slot(first().0 + SLOTS).start());
        let mut answer = answer(report(), "(server)", By::Time, all);
        let mut before = 0;
        for slot in rows.keys() {
            let slot = first().0 + slot;
            answer.slot.push((slot - before) as i32);
            before = slot;
        }
        answer.values.insert("pop.connections".to_owned(), rows.values().map(|(count, _)| *count).collect());
        answer.values.insert("pop.bandwidth".to_owned(), rows.values().map(|(_, bytes)| *bytes).collect());
        answer
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop::sample::select(Step::ALL.as_slice())
}

fn fold(answer: &Answer, span: Span, step: Step, zone: &Zone) -> Table {
    build(report(), &columns(report(), &["connections", "bandwidth"]), answer, span, step, zone)
}

/// What the counters in `span` add up to, without any folding.
fn sum_of(answer: &Answer, measure: &str, span: Span) -> f64 {
    let mut slot = 0;
    let mut sum = 0;
    for (distance, value) in answer.slot.iter().zip(answer.values[measure].iter()) {
        slot += i64::from(*distance);
        if span.contains(Slot(slot).start()) {
            sum += value;
        }
    }
    sum as f64
}

fn row_span(row: &Row) -> Span {
    match row {
        Row::Step { span, .. } => *span,
        Row::Child(_) | Row::Rest(_) => unreachable!("a Trend has steps only"),
    }
}

proptest! {
    // Each case folds up to five thousand hours: enough cases in a second or two.
    #![proptest_config(ProptestConfig::with_cases(64))]

    // FAULTS 65
    #[test]
    fn every_step_conserves_sums(answer in answers(), span in spans(), step in steps(), zone in zones()) {
        let table = fold(&answer, span, step, &zone);
        for (column, measure) in table.columns.iter().zip(["pop.connections", "pop.bandwidth"]) {
            let expected = sum_of(&answer, measure, span);
            prop_assert_eq!(column.total, Some(expected));
            prop_assert_eq!(column.cells.iter().flatten().sum::<f64>(), expected);
        }
    }

    /// Hours summed by day are the days; days summed by quarter are the quarters.
    #[test]
    fn folding_is_associative(answer in answers(), span in spans(), zone in zones()) {
        let coarser = [(Step::Hour, Step::Day), (Step::Day, Step::Week), (Step::Day, Step::Month), (Step::Month, Step::Quarter)];
        for (fine, coarse) in coarser {
            let (fine, coarse) = (fold(&answer, span, fine, &zone), fold(&answer, span, coarse, &zone));
            let position = |t: Time| fine.rows.partition_point(|row| row_span(row).from < t);
            for (column, fine_column) in coarse.columns.iter().zip(&fine.columns) {
                for (row, cell) in coarse.rows.iter().zip(&column.cells) {
                    let inside = position(row_span(row).from)..position(row_span(row).until);
                    let refolded: f64 = fine_column.cells[inside].iter().flatten().sum();
                    prop_assert_eq!(cell.unwrap_or_default(), refolded);
                }
            }
        }
    }

    /// Steps follow each other without a hole, begin on slots, and hold what `start` and `next` say.
    #[test]
    fn steps_are_a_partition(span in spans(), step in steps(), zone in zones(), at in 0_i64..10_000) {
        let edges = step.edges(span, &zone);
        prop_assert!(edges[0] <= span.from && span.until <= *edges.last().expect("an end"));
        prop_assert!(edges.windows(2).all(|edge| edge[0] < edge[1]));
        prop_assert!(edges.iter().all(|edge| edge.0 % SLOT_SECS == 0));
        let t = Time(span.from.0 + at * span.secs() / 10_000);
        let position = edges.partition_point(|edge| *edge <= t);
        prop_assert_eq!((step.start(t, &zone), step.next(t, &zone)), (edges[position - 1], edges[position]));
        let mut keys: Vec<String> = edges.iter().map(|edge| step.key(*edge, &zone)).collect();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len(), edges.len(), "no two steps share a key");
    }

    /// The wall clock shows a time no earlier than the instant it was asked for, and not before that instant.
    #[test]
    fn an_instant_is_the_first_that_shows_its_time(span in spans(), zone in zones()) {
        let local = zone.local(span.from);
        let t = zone.instant(local);
        prop_assert!(t <= span.from && zone.local(t) >= local);
        prop_assert!(zone.local(Time(t.0 - 1)) < local);
    }

    #[test]
    fn an_order_is_a_permutation(
        answer in answers(), span in spans(), step in steps(),
        column in prop::option::of(0_usize..2), descending: bool,
    ) {
        let table = fold(&answer, span, step, &Zone::utc());
        let order = table.order(Some(Sort { column, descending }));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, table.order(None));
        if let Some(column) = column {
            let cells: Vec<f64> = order.iter().filter_map(|row| table.columns[column].cells[*row as usize]).collect();
            let in_order = |pair: &[f64]| if descending { pair[0] >= pair[1] } else { pair[0] <= pair[1] };
            prop_assert!(cells.windows(2).all(in_order));
        }
    }

    #[test]
    fn csv_reads_back_as_the_table(answer in answers(), span in spans(), step in steps(), zone in zones()) {
        let table = fold(&answer, span, step, &zone);
        let file = csv::write(&table, &table.order(None), &zone, CsvOptions::default());
        let mut reader = ::csv::Reader::from_reader(file.as_slice());
        let heads = reader.headers().expect("a head").len();
        let records: Vec<::csv::StringRecord> = reader.records().map(|record| record.expect("a line")).collect();
        prop_assert_eq!(records.len(), table.rows.len() + 1);
        for (position, record) in records[..table.rows.len()].iter().enumerate() {
            prop_assert_eq!(&record[0], table.key(&table.rows[position]));
            for (column, cell) in table.columns.iter().zip(record.iter().skip(heads - table.columns.len())) {
                prop_assert_eq!(column.cells[position], cell.parse().ok());
            }
        }
    }

    /// Any name at all comes back from a file, guarded or as it was.
    #[test]
    fn csv_takes_any_name(local in "[^@]{1,30}") {
        let name = format!("{local}@example.com");
        let span = Span::new(first().start(), Slot(first().0 + 96).start());
        let mut answer = answer(report(), "example.com", By::Users, span);
        answer.subjects.push(&name);
        answer.subject_index.push(0);
        answer.values.insert("pop.connections".to_owned(), [7].into_iter().collect());
        let table = fold(&answer, span, Step::Day, &Zone::utc());
        let file = csv::write(&table, &table.order(None), &Zone::utc(), CsvOptions::default());
        let mut reader = ::csv::Reader::from_reader(file.as_slice());
        let record = reader.records().next().expect("a row").expect("a line");
        prop_assert_eq!(&record[0], csv::guard(&name));
    }

    /// Ours are the very bytes that the `csv` crate writes, whatever the names and numbers are.
    #[test]
    fn csv_is_quoted_as_the_csv_crate_does(
        names in prop::collection::vec("[a-z \",;'\r\n=\\\\#-]{1,6}", 1..8),
        values in prop::collection::vec(prop_oneof![any::<u64>(), 0..100_u64, Just(3_999_999_999), Just(4_000_000_000)], 8),
    ) {
        let span = Span::new(first().start(), Slot(first().0 + 96).start());
        let mut answer = answer(report(), "example.com", By::Users, span);
        answer.subject_index.extend(0..names.len() as u32);
        answer.subjects.extend(names.iter().map(|name| format!("{name}@example.com")));
        answer.values.insert("pop.connections".to_owned(), values[..names.len()].iter().copied().collect());
        answer.values.insert("pop.active_connections".to_owned(), values[..names.len()].iter().copied().collect());
        let table = build(report(), &columns(report(), &["connections", "active_connections"]), &answer, span, Step::Day, &Zone::utc());
        let file = csv::write(&table, &table.order(None), &Zone::utc(), CsvOptions::default());

        let mut plain = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
        let number = |value: Option<f64>| value.map(|value| Number(value).to_string()).unwrap_or_default();
        let head = std::iter::once("User".to_owned()).chain(table.columns.iter().map(|column| column.column.label.to_owned()));
        plain.write_record(head).expect("memory takes it");
        for (position, row) in table.rows.iter().enumerate() {
            let name = csv::guard(&table.key(row)).into_owned();
            let cells = table.columns.iter().map(|column| number(column.cells[position]));
            plain.write_record(std::iter::once(name).chain(cells)).expect("memory takes it");
        }
        let totals = table.columns.iter().map(|column| number(column.total));
        plain.write_record(std::iter::once("Total".to_owned()).chain(totals)).expect("memory takes it");
        let plain = plain.into_inner().expect("memory takes it");
        prop_assert_eq!(String::from_utf8_lossy(&file), String::from_utf8_lossy(&plain));
    }

    /// The order by the beginnings of names is the order of subjects.
    #[test]
    fn names_are_in_the_order_of_subjects(
        names in prop::collection::vec("(clamav:|spamassassin:)?[a\u{e9}\u{0}]{1,18}(@[ab]{1,3})?|\\(server\\)|\\(other\\)", 0..40),
    ) {
        let subjects: Vec<Option<Subject>> = names.iter().map(|name| name.parse().ok()).collect();
        let mut plain: Vec<u32> = (0..subjects.len() as u32).filter(|at| subjects[*at as usize].is_some()).collect();
        plain.sort_by(|a, b| subjects[*a as usize].cmp(&subjects[*b as usize]));
        prop_assert_eq!(in_order(&subjects), plain);
    }

    #[test]
    fn a_subject_is_parsed_as_it_is_printed(name in "(\\(|clamav:|ClamAV:)?(server|other|[!-~]{1,20})\\)?\\.{0,2}(@[a-zA-Z0-9.-]{1,20})?") {
        if let Ok(subject) = name.parse::<Subject>() {
            prop_assert_eq!(subject.to_string().parse::<Subject>(), Ok(subject));
        }
    }
}
