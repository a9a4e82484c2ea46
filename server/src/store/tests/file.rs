//! What the store does when its file, its room or its place is not as it should be.

use std::fs;

use super::*;
use crate::batch::LineKey;

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
    for version in [1, 13] {
        rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        let before = fs::read(&path).unwrap();
        let refusal = format!("{:#}", Store::open(dir.path()).map(|_| ()).unwrap_err());
        let words = format!("before the first release (schema {version},");
        assert!(refusal.contains(&words) && refusal.contains(FILE), "{refusal}");
        assert!(before == fs::read(&path).unwrap(), "the file changed");
    }
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
    let torn = refusal(&|bytes| bytes[16_384..49_152].fill(0xff));
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
            reader.answer(&question(name, By::Time, slots(0, 96))).map_or(Vec::new(), |answer| {
                answer.values.get(MEASURE_ID).map(|values| values.iter().collect()).unwrap_or_default()
            })
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
fn an_absent_file_is_said_to_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = Reader::open(dir.path()).map(|_| ()).unwrap_err().to_string();
    assert!(refusal.starts_with("nothing is stored yet"), "{refusal}");
}

/// Before schema 9 a key was shorter. What was hashed by it is known again; a file that has hashed nothing gets the longer one.
#[test]
fn lines_are_hashed_as_they_were_before() {
    for (steps, is_new_kind) in [(7, true), (8, false), (9, true)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let older = schema::make_older(&path, steps);
        let key = |file: &rusqlite::Connection| {
            let bytes: Vec<u8> = file.query_row("SELECT key FROM line_key", [], |row| row.get(0)).unwrap();
            LineKey::of(&bytes).unwrap()
        };
        let before = (steps > 7).then(|| key(&older));
        if steps > 7 {
            older
                .execute("INSERT INTO seen (slot, hashes, counted, source) VALUES (0, x'', x'0102030405060708', 1)", [])
                .unwrap();
        }
        drop(older);
        let store = Store::open(dir.path()).unwrap();
        let now = store.reader().unwrap().line_key().unwrap();
        assert_eq!(now.xxh3.is_some(), is_new_kind, "after step {steps}");
        assert!(before.is_none_or(|before| before == now), "after step {steps}");
        drop(store);
        // Another file whose lines are held against these gets the same.
        let other = tempfile::tempdir().unwrap();
        let other = schema::make_older(&other.path().join(FILE), 9);
        seen::hash_as(&other, &rusqlite::Connection::open(&path).unwrap()).unwrap();
        assert!(key(&other) == now, "after step {steps}");
    }
}

#[test]
fn what_is_no_key_is_an_error() {
    let (dir, store) = store();
    drop(store);
    let file = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    for bytes in [&[][..], &[7; 15], &[7; 17], &[7; 207], &[7; 209]] {
        file.execute("UPDATE line_key SET key = ?1", [bytes]).unwrap();
        assert!(Reader::open(dir.path()).unwrap().line_key().is_err(), "{} bytes", bytes.len());
    }
}
