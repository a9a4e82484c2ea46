//! The events that are kept: found, filtered, paged, forgotten, and the sums they make.

use super::*;

/// A POP session of ann's, from its beginning for so long.
fn session(time: i64, secs: u64, peer: &str) -> Event {
    Event {
        time: Time(time),
        host: "mx1".into(),
        subjects: [subject("ann@example.com"), subject("example.com")].into(),
        peer: Some(peer.into()),
        bytes: Some(1_000 + secs),
        duration_ms: Some(secs * 1_000),
        detail: "".into(),
        kind: Kind::MailboxSession {
            protocol: crate::event::Protocol::Pop,
            has_start: true,
            is_login: true,
            is_blocked: false,
            bad_commands: 0,
            auth_failed: 0,
            end: Some(crate::event::End::Clean),
            why: None,
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

// FAULTS 73
#[test]
fn a_retention_forgets_events_and_keeps_numbers() {
    let (dir, mut store) = store();
    let event = |time: i64| Event {
        time: Time(time),
        host: "mx1".into(),
        subjects: [subject("example.com")].into(),
        peer: None,
        bytes: None,
        duration_ms: None,
        detail: "".into(),
        kind: Kind::SmtpSession {
            has_start: true,
            is_inferred: false,
            is_blocked: true,
            bad_commands: 0,
            is_terminated: false,
            why: None,
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
fn events_are_filtered_by_kind_and_text() {
    let mut other = session(700, 1, "198.51.100.7");
    other.detail = "Aborted login (<SCRIPT>)".into();
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

#[test]
fn the_peers_that_most_came_from_are_named() {
    let peers = (1..=7).flat_map(|peer| vec![format!("192.0.2.{peer}"); peer]);
    let dir = store_of(peers.map(|peer| session(600, 1, &peer)).collect::<Vec<_>>());
    let reader = Reader::open(dir.path()).unwrap();
    let ask = |text: Option<&str>| {
        let query = EventQuery { text: text.map(str::to_owned), ..events_of(&measure::POP_CONNECTIONS, slots(0, 4)) };
        let total = reader.events(&query, |_| true).unwrap().total.unwrap();
        (total.peers.into_iter().map(|(peer, events)| format!("{peer} {events}")).collect::<Vec<_>>(), total.more_peers)
    };
    assert_eq!(ask(None), ((3..=7).map(|peer| format!("192.0.2.{peer} {peer}")).collect(), 2));
    assert_eq!(ask(Some("192.0.2.6")), (vec!["192.0.2.6 6".to_owned()], 0));
}

#[test]
fn what_there_is_of_each_kind_is_said_whichever_is_asked_for() {
    let of_kind = |kind| Event { kind, ..session(600, 1, "192.0.2.1") };
    let from = crate::event::Sender { address: "bob@example.org".into(), whose: None };
    let delivery = Kind::Delivery { class: crate::event::Class::Normal, is_spam: false, from: Some(from) };
    let dir = store_of([of_kind(Kind::Bounce), of_kind(delivery), of_kind(Kind::Bounce)]);
    let reader = Reader::open(dir.path()).unwrap();
    let ask = |kind: Option<&str>, text: Option<&str>| {
        let (kind, text) = (kind.map(str::to_owned), text.map(str::to_owned));
        let all = events_of(&measure::BOUNCES, slots(0, 4));
        let query = EventQuery { kind, text, measures: Vec::new(), ..all };
        let page = reader.events(&query, |_| true).unwrap();
        let total = page.total.unwrap();
        let kinds: Vec<(String, u64)> = total.kinds.into_iter().collect();
        (total.events, kinds)
    };
    let kinds = |kinds: &[(&str, u64)]| kinds.iter().map(|(kind, of)| ((*kind).to_owned(), *of)).collect::<Vec<_>>();
    let both = kinds(&[("bounce", 2), ("delivery", 1)]);
    assert_eq!(ask(None, None), (3, both.clone()));
    assert_eq!(ask(Some("delivery"), None), (1, both.clone()));
    assert_eq!(ask(Some("pop-session"), None), (0, both));
    // The sender is one of its words.
    assert_eq!(ask(None, Some("BOB@")), (1, kinds(&[("delivery", 1)])));
    assert_eq!(ask(None, Some("nothing")), (0, Vec::new()));
}

/// Before schema 6 an event had a row for each subject.
#[test]
fn events_of_an_older_file_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let older = schema::make_older(&dir.path().join(FILE), 5);
    older.execute_batch("INSERT INTO name VALUES (3, 'example.com', 1, 1), (4, 'ann@example.com', 3, 1)").unwrap();
    let kind = serde_json::to_string(&session(0, 0, "").kind).unwrap();
    // In one quarter hour and in three, numbered in another order than that of time.
    for (time, id) in [(600, 7), (600, 9), (601, 3), (899, 8), (900, 2), (2_700, 1)] {
        let moved = measure::POP_CONNECTIONS.number.to_le_bytes();
        let names = r#"["ann@example.com","example.com"]"#;
        let event = "INSERT INTO event VALUES (?1, ?2, ?3, ?4, 'mx1', ?5, '192.0.2.1', 5, 0, '')";
        older.execute(event, rusqlite::params![time, id, moved, kind, names]).unwrap();
        for subject in [3, 4] {
            let entry = "INSERT INTO event_subject VALUES (?1, ?2, ?3, ?4)";
            older.execute(entry, rusqlite::params![subject, time, id, moved]).unwrap();
        }
    }
    drop(older);
    let mut store = Store::open(dir.path()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let found = |name: &str, measures: Vec<u16>| {
        let query = EventQuery { subject: subject(name), measures, ..events_of(&measure::POP_BYTES, slots(0, 4)) };
        reader.events(&query, |_| true).unwrap().events.iter().map(|event| event.id).collect::<Vec<_>>()
    };
    for name in ["ann@example.com", "example.com", "(server)"] {
        assert_eq!(found(name, Vec::new()), [1, 2, 8, 3, 9, 7], "{name}");
        assert_eq!(found(name, vec![measure::POP_CONNECTIONS.number]), [1, 2, 8, 3, 9, 7], "{name}");
        assert_eq!(found(name, vec![measure::IMAP_CONNECTIONS.number]), [0_u64; 0], "{name}");
    }
    // What is forgotten is whole quarter hours.
    assert_eq!(store.prune_events(Time(899)).unwrap(), 0);
    assert_eq!(store.prune_events(Time(900)).unwrap(), 4);
    assert_eq!(found("ann@example.com", Vec::new()), [1, 2]);
    assert_eq!(found("(server)", Vec::new()), [1, 2]);
}

/// Events whose numbers are neighbours are one row, whichever batch brings them; samples of the host, which a recount leaves
/// alone, are in rows of their own.
#[test]
fn events_of_several_batches_and_blocks_are_found_in_the_order_of_time() {
    let (dir, mut store) = store();
    let mut expected = Vec::new();
    // Every second number first, so that the next batch writes into blocks that are there.
    for first in [0, 1] {
        let mut batch = Batch { known: vec![subject("ann@example.com")], ..Batch::default() };
        for id in (first..200).step_by(2) {
            let time = 900 + (id * 37 % 1_000) as i64;
            let mut event = session(time, 0, "192.0.2.1");
            if id % 10 == 7 {
                (event.kind, event.subjects) = (Kind::HostSample(Box::default()), [].into());
            }
            expected.push((time, id));
            batch.book(Update { id: EventId(id), before: None, after: Arc::new(event) });
        }
        store.commit(&batch).unwrap();
    }
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let reader = Reader::open(dir.path()).unwrap();
    let found = |name: &str| {
        let all = EventQuery {
            subject: subject(name),
            measures: Vec::new(),
            limit: MAX_EVENTS_PAGE,
            ..events_of(&measure::POP_BYTES, slots(0, 9))
        };
        let page = reader.events(&all, |_| true).unwrap();
        page.events.iter().map(|event| (event.time.0, event.id)).collect::<Vec<_>>()
    };
    assert_eq!(found("(server)"), expected);
    let of_logs = |(_, id): &(i64, u64)| id % 10 != 7;
    assert_eq!(found("ann@example.com"), expected.iter().copied().filter(of_logs).collect::<Vec<_>>());
    let file = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    let rows = |sql| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    // Seven blocks of 32 numbers, of either kind.
    assert_eq!(rows("SELECT count(*) FROM event WHERE block >= 0 AND slot = 1"), 7);
    assert_eq!(rows("SELECT count(*) FROM event WHERE block < 0 AND slot = 1"), 7);
    assert_eq!(store.prune_events(Time(1_800)).unwrap(), expected.iter().filter(|(time, _)| *time < 1_800).count());
    expected.retain(|(time, _)| *time >= 1_800);
    assert_eq!(found("(server)"), expected);
}

/// An event that is given out again stands where it is now, for whom it touches now, once.
#[test]
fn a_revised_event_is_found_once() {
    let dir = store_of([session(600, 1, "192.0.2.1"), session(700, 1, "192.0.2.1")]);
    let before = Arc::new(session(600, 1, "192.0.2.1"));
    let mut store = Store::open(dir.path()).unwrap();
    let revise = |store: &mut Store, before: &Arc<Event>, after: Event| {
        let mut batch = Batch::default();
        let after = Arc::new(after);
        batch.book(Update { id: EventId(1), before: Some(Arc::clone(before)), after: Arc::clone(&after) });
        store.commit(&batch).unwrap();
        after
    };
    let reader = Reader::open(dir.path()).unwrap();
    let found = |name: &str| {
        let all =
            EventQuery { subject: subject(name), measures: Vec::new(), ..events_of(&measure::POP_BYTES, slots(0, 9)) };
        let page = reader.events(&all, |_| true).unwrap();
        page.events.iter().map(|event| (event.id, event.time.0)).collect::<Vec<_>>()
    };
    let longer = revise(&mut store, &before, session(600, 1_800, "192.0.2.1"));
    assert_eq!(found("ann@example.com"), [(2, 700), (1, 600)]);
    let moved = revise(&mut store, &longer, session(1_900, 1, "192.0.2.1"));
    assert_eq!(found("ann@example.com"), [(1, 1_900), (2, 700)]);
    assert_eq!(found("(server)"), [(1, 1_900), (2, 700)]);
    revise(&mut store, &moved, Event { subjects: [subject("example.com")].into(), ..session(1_900, 1, "192.0.2.1") });
    assert_eq!(found("ann@example.com"), [(2, 700)]);
    assert_eq!(found("example.com"), [(1, 1_900), (2, 700)]);
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
                query.after = crate::store::events::cursor(&cursor);
                let page = reader.events(&query, |_| true).unwrap();
                prop_assert!(!page.events.is_empty());
                seen += page.events.len() as u64;
                next = page.next;
            }
            prop_assert_eq!(seen, total.events);
        }
    }
}
