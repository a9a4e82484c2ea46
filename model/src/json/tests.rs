use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::account::{AccountList, AccountRow, AuditLog, AuditRow, MadeToken, Means, Status, TokenList, TokenRow};
use crate::coverage::Covered;
use crate::few::Few;
use crate::measure::Family;
use crate::time::{Span, Time};
use crate::wire::{
    Account, Answer, AnswerParts, By, CountedSpan, EventPage, EventRow, EventTotal, Finding, FoundJump, Health,
    HostGap, Overage, OverageRow, ProgramHealth, Rules, Session, SourceHealth, Unusual, WhyNot,
};
use crate::{Basis, Numbers, Step, Subject};

fn texts() -> impl Strategy<Value = String> {
    // Quotes, backslashes, controls and characters outside the first plane among plain ones.
    prop_oneof![any::<String>(), "[a-z\"\\\\/\u{1}\n\u{e9}\u{1f4e8}]{0,12}", "[a-z]{0,20}"]
}

fn times() -> impl Strategy<Value = Time> {
    any::<i64>().prop_map(Time)
}

fn covered() -> impl Strategy<Value = Covered> {
    let any = (times(), times(), any::<u32>());
    any.prop_map(|(from, until, missing_hosts)| Covered { span: Span::new(from, until), missing_hosts })
}

fn by_family<T: fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Few<Family, T>> {
    prop::collection::btree_map(prop::sample::select(&Family::ALL[..]), of, 0..4)
        .prop_map(|map| map.into_iter().collect())
}

fn few_by_name<T: fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Few<String, T>> {
    by_name(of).prop_map(|map| map.into_iter().collect())
}

fn by_name<T: fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = BTreeMap<String, T>> {
    prop::collection::btree_map(texts(), of, 0..4)
}

fn subjects() -> impl Strategy<Value = Subject> {
    "(\\(server\\))|([a-z]{1,8}(@[a-z]{1,8}\\.example)?)|(clamav:[a-z ]{1,8})"
        .prop_map(|name| name.parse().expect("a name of a subject"))
}

/// Narrow lists and wide ones, and such as turn wide at their end.
fn numbers() -> impl Strategy<Value = Numbers> {
    let list = prop_oneof![0..1000_u64, 0..1_u64 << 17, 0..1_u64 << 33, any::<u64>()]
        .prop_flat_map(|most| prop::collection::vec(0..=most, 0..20));
    (list, any::<Option<u64>>()).prop_map(|(list, last)| list.into_iter().chain(last).collect())
}

prop_compose! {
    fn answers()(
        subject in subjects(),
        by in prop::sample::select(&By::ALL[..]),
        (from, until, read_until) in (times(), times(), prop::option::of(times())),
        coverage in by_family(prop::collection::vec(covered(), 0..4)),
        basis in few_by_name(prop::sample::select(&Basis::ALL[..])),
        (report, subjects) in (texts(), prop::collection::vec(texts(), 0..5)),
        slot in prop::collection::vec(any::<i32>(), 0..20),
        subject_index in prop::collection::vec(any::<u32>(), 0..20),
        values in few_by_name(numbers()),
        totals in few_by_name(any::<u64>()),
    ) -> Answer {
        let (slot_seconds, subjects) = (crate::SLOT_SECS, subjects.into_iter().collect());
        Answer {
            report, subject, by, from, until, slot_seconds, read_until, coverage, basis, subjects, slot, subject_index,
            values, totals,
        }
    }
}

prop_compose! {
    fn event_rows()(
        (id, time, kind, host) in (any::<u64>(), times(), texts(), texts()),
        subjects in prop::collection::vec(texts(), 0..3),
        (peer, bytes, duration_ms) in (prop::option::of(texts()), any::<Option<u64>>(), any::<Option<u64>>()),
        (sender, why) in (prop::option::of(texts()), prop::option::of(texts())),
        (counts, detail, is_withheld) in (by_name(any::<i64>()), texts(), any::<bool>()),
    ) -> EventRow {
        EventRow { id, time, kind, host, subjects, peer, sender, bytes, duration_ms, counts, detail, why, is_withheld }
    }
}

prop_compose! {
    fn sources()(
        (path, position, lines) in (texts(), any::<u64>(), any::<u64>()),
        (first, last, year) in (prop::option::of(times()), prop::option::of(times()), any::<Option<i32>>()),
    ) -> SourceHealth {
        let gaps = first.zip(last).map(|(from, until)| Span { from, until }).into_iter().collect();
        let programs = vec![ProgramHealth { program: path.clone(), ..ProgramHealth::default() }];
        let (unread_bytes, damage) = (year.map(|_| position), year.map(|_| path.clone()));
        let (understood, ignored, unparsed, duplicates) = (lines, 1, 2, 3);
        let rules = year.map(|_| Rules { version: 3, settings: path.clone() }).into_iter().collect();
        SourceHealth {
            path, position, unread_bytes, lines, first, last, year, understood, ignored, unparsed, duplicates, gaps, damage,
            rules, programs,
        }
    }
}

/// Read here as serde reads it, written tightly and with spaces; cut off anywhere, it is refused.
fn check<T: Serialize + DeserializeOwned + FromJson + PartialEq + fmt::Debug>(value: &T) {
    let tight = serde_json::to_vec(value).expect("memory takes it");
    let spaced = serde_json::to_vec_pretty(value).expect("memory takes it");
    for bytes in [&tight, &spaced] {
        assert_eq!(read::<T>(bytes).as_ref(), Ok(value));
        let by_serde: T = serde_json::from_slice(bytes).expect("serde reads what it writes");
        assert_eq!(&by_serde, value);
    }
    for end in 0..tight.len() {
        read::<T>(&tight[..end]).expect_err("half of it is not it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_answer_is_read_as_it_was_written(answer in answers()) {
        check(&answer);
    }

    #[test]
    fn events_are_read_as_they_were_written(
        events in prop::collection::vec(event_rows(), 0..4), next in any::<Option<String>>(),
        (amount, is_all, counted) in any::<(i64, bool, Option<u64>)>(), has_total: bool, kinds in by_name(any::<u64>()), peers in by_name(any::<u64>()),
    ) {
        let kept_from = counted.map(|_| Time(amount));
        let total =
            EventTotal { events: 7, amount, is_all, counted, kept_from, read_until: None, kinds, peers, more_peers: 3 };
        check(&EventPage { events, next, total: has_total.then_some(total) });
    }

    #[test]
    fn what_is_unusual_is_read_as_it_was_written(
        subject in subjects(), (measure, step) in (texts(), prop::sample::select(&Step::ALL[..])),
        (from, until, value) in (times(), times(), any::<u64>()), total: usize,
    ) {
        let jump = FoundJump { measure, step, from, until, value, low: 0, high: value / 2, score: 3 };
        let finding = Finding { subject, day: from, jumps: vec![jump.clone(), jump] };
        check(&Unusual { findings: vec![finding], total, zone: "UTC".to_owned(), read_until: (total > 0).then_some(until) });
    }

    #[test]
    fn overage_is_read_as_it_was_written(
        subject in subjects(), (counts, price) in (texts(), prop::option::of(texts())),
        (read_until, used, left_out) in (prop::option::of(times()), any::<u64>(), any::<usize>()), is_set_up: bool,
    ) {
        let row = OverageRow { subject, counts: counts.clone(), allowance: 1, used, over: used / 2, price: price.clone() };
        let rows = vec![row.clone(), row];
        check(&Overage { currency: counts, is_set_up, rows, left_out, price, read_until, observed_secs: -1 });
    }

    #[test]
    fn the_rest_of_the_wire_is_read_as_it_was_written(
        sources in prop::collection::vec(sources(), 0..3),
        (program, understood, examples) in (texts(), any::<u64>(), prop::collection::vec(texts(), 0..3)),
        (root, name, stored) in (subjects(), texts(), prop::option::of((times(), times()))),
        why in prop::sample::select(&[WhyNot::Lost, WhyNot::Silent, WhyNot::Unsampled][..]),
    ) {
        let program = ProgramHealth { program, understood, ignored: 0, unparsed: 7, examples };
        let gaps = stored.map(|(from, until)| HostGap { host: name.clone(), span: Span { from, until }, why });
        let (problems, gaps) = (vec![name.clone()], gaps.into_iter().collect());
        let rules = Rules { version: 2, settings: name.clone() };
        let counted = stored.map(|(from, until)| CountedSpan { span: Span { from, until }, rules: rules.clone() });
        let (counted, programs) = (counted.into_iter().collect(), vec![program]);
        let (late_window_secs, keep_days) = (3_600, 30);
        check(&Health {
            problems, sources, older_sources: understood, programs, gaps, rules, counted, late_window_secs, keep_days,
        });
        let (reports, hidden_columns) = (vec![name.clone()], vec![name.clone()]);
        let row = AccountRow {
            name: name.clone(),
            root: root.clone(),
            is_disabled: true,
            made: Time(7),
            last_login: stored.map(|(from, _)| from),
        };
        check(&AccountList { accounts: vec![row.clone(), row] });
        let token =
            TokenRow { id: 3, label: name.clone(), root: root.clone(), made: Time(7), used: stored.map(|(_, until)| until) };
        check(&TokenList { tokens: vec![token] });
        let entry = AuditRow { time: Time(-7), what: name.clone(), name: name.clone(), address: name.clone() };
        check(&AuditLog { entries: vec![entry], next: Some(name.clone()) });
        check(&MadeToken { id: -1, secret: name.clone() });
        check(&Status { version: name.clone(), demo: false, set_up: true, mailbox: false });
        let (zone, version, account) = (name.clone(), name.clone(), Account { name, root });
        let read_until = stored.map(|(_, until)| until);
        check(&Session { account, means: Means::Mailbox, reports, hidden_columns, demo: true, zone, stored, read_until, version });
    }

    /// In steps of any length it is what it is at once.
    #[test]
    fn an_answer_is_read_in_steps(answer in answers(), step in 1_usize..200, end in 0.0..1.0_f64) {
        let bytes = serde_json::to_vec_pretty(&answer).expect("memory takes it");
        let in_steps = |bytes| {
            let mut reader = Reader::<AnswerParts>::new(bytes);
            loop {
                if let Some(answer) = reader.read_on(step)? {
                    return Ok::<Answer, BadJson>(answer);
                }
            }
        };
        prop_assert_eq!(in_steps(&bytes), Ok(answer));
        let cut = &bytes[..(end * bytes.len() as f64) as usize];
        prop_assert_eq!(in_steps(cut), read(cut));
    }

    /// Whatever the bytes are, there is an answer or an error, and no number is read other than serde reads it.
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..64), digits in "-?[0-9]{0,22}[.e]?[0-9]?") {
        let _ = read::<Answer>(&bytes);
        prop_assert_eq!(read::<u64>(digits.as_bytes()).ok(), serde_json::from_str(&digits).ok());
        prop_assert_eq!(read::<i64>(digits.as_bytes()).ok(), serde_json::from_str(&digits).ok());
        prop_assert_eq!(read::<u32>(digits.as_bytes()).ok(), serde_json::from_str(&digits).ok());
        // The second as the server writes lists, in which most is read by words of eight bytes.
        let zeros = "0,".repeat(10);
        for list in [format!("[1,{digits} ,2 , {digits}]"), format!("[{digits},{digits},{zeros}{digits}]")] {
            prop_assert_eq!(read::<Vec<u64>>(list.as_bytes()).ok(), serde_json::from_str(&list).ok());
        }
    }
}

#[test]
fn a_list_is_given_room_for_its_numbers() {
    for length in [1, 7, 127, 128, 129, 254, 255, 256, 5_000] {
        let list = vec!["10"; length].join(",");
        assert_eq!(commas_in_list(format!("{list}],[1,2]").as_bytes()), length - 1);
        assert_eq!(commas_in_list(list.as_bytes()), length - 1, "without an end");
    }
}

#[test]
fn what_a_newer_server_adds_is_passed_over() {
    let account: Account =
        read(br#"{"new":[{"a":"\"]"},-1.5e3,null,true],"name":"ann","root":"(server)"}"#).expect("read");
    assert_eq!(account.name, "ann");
}

#[test]
fn an_error_says_what_is_missing_and_where() {
    let error = read::<Account>(br#"{"name":"ann"}"#).expect_err("no root");
    assert_eq!(error.to_string(), "root expected at byte 14");
    let deep = "[".repeat(100_000);
    assert_eq!(read::<Account>(format!("{{\"x\":{deep}").as_bytes()).expect_err("too deep").expected, "less depth");
}

#[test]
fn zeros_before_a_number_are_none_of_json() {
    for number in ["00", "012", "0123456", "01234567", "012345678", "000000000000001"] {
        let list = format!("[{number},1,2,3,4,5,6,7,8,9]");
        assert_eq!(read::<Vec<u64>>(list.as_bytes()).map_err(|error| error.at), Err(1), "{list}");
    }
}
