//! `mailtally recount`: the real binary, on logs of real daemons.

use std::collections::BTreeMap;

use mailtally_model::Subject;
use mailtally_model::wire::EventRow;
use mailtally_server::store::events::cursor;
use mailtally_server::store::{EventQuery, IfAbsent, MAX_EVENTS_PAGE, sums};

use super::*;

/// Settings that change what these logs count: an unusual delimiter, a filter by its transport, no trusted client, a realm.
const OTHER_SETTINGS: &str = r#"
[mail]
own_domains = ["added.example"]
recipient_delimiter = ""
trusted_relays = []
default_realm = "realm.example"
[mail.transport_roles]
smtp = "local"
"#;

/// Runs the binary; stdout and whether it ended well.
fn mailtally(args: &[&str]) -> (String, String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtally"));
    command.args(args).env("MAILTALLY_LOG", "error").env("TZ", "UTC").stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.success())
}

impl Site {
    fn settings(&self, text: &str) -> String {
        let path = self.dir.path().join("mailtally.toml");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn import_by_binary(&self, settings: &str) {
        let (config, data) = (self.settings(settings), self.data().display().to_string());
        let files: Vec<String> = self.files.iter().map(|path| path.display().to_string()).collect();
        let mut args = vec!["--config", &config, "import", "--data", &data, "--log-zone", "UTC"];
        args.extend(files.iter().map(String::as_str));
        let (_, stderr, is_well) = mailtally(&args);
        assert!(is_well, "{stderr}");
    }

    /// What it says.
    pub fn recount(&self, settings: &str, more: &[&str]) -> String {
        let (config, data) = (self.settings(settings), self.data().display().to_string());
        let args = [&["--config", &config, "recount", "--data", &data, "--log-zone", "UTC"], more].concat();
        let (stdout, stderr, is_well) = mailtally(&args);
        assert!(is_well, "{stderr}");
        stdout
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let db = rusqlite::Connection::open(self.data().join(mailtally_server::store::FILE)).unwrap();
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// The sums of whole days of all children, by parent.
    fn days(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.data().join(mailtally_server::store::FILE)).unwrap();
        let mut statement = db.prepare("SELECT id, subject FROM name").unwrap();
        let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let names: BTreeMap<i64, String> = names.map(Result::unwrap).collect();
        let mut statement =
            db.prepare("SELECT parent, measure, utc_day, block * 4096, children FROM counter_day").unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut days = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let (parent, measure, utc_day): (i64, u16, i64) =
                (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            let first: i64 = row.get(3).unwrap();
            let each = |place: u16, sum: i64| {
                let child = &names[&(first + i64::from(place))];
                days.push(format!("day {} {child} {measure} {utc_day} {sum}", names[&parent]));
            };
            sums::each(row.get_ref(4).unwrap().as_blob().unwrap(), each).unwrap();
        }
        days.sort();
        days
    }

    /// Events of the server and what they count, whatever their numbers are.
    fn events(&self) -> Vec<String> {
        let reader = Reader::open(&self.data()).unwrap();
        let mut query = EventQuery {
            subject: Subject::Server,
            measures: Vec::new(),
            span: reader.stored().unwrap().unwrap(),
            kind: None,
            text: None,
            after: None,
            limit: MAX_EVENTS_PAGE,
            if_absent: IfAbsent::Refuse,
        };
        let mut events = Vec::new();
        loop {
            let page = reader.events(&query, |_| true).unwrap();
            events.extend(page.events.iter().map(|event| {
                let EventRow { time, kind, subjects, counts, .. } = event;
                format!("event {} {kind} {subjects:?} {counts:?}", time.0)
            }));
            let Some(next) = page.next else { break };
            query.after = cursor(&next);
        }
        events.sort();
        events
    }

    /// Counters, coverage, sums of days, events by what they moved, what is ours and what is open.
    fn everything(&self) -> Vec<String> {
        let mut all = self.numbers();
        all.extend(self.days());
        all.extend(self.rows("SELECT subject FROM name WHERE known = 1 ORDER BY 1"));
        all.extend(self.events());
        all.extend(self.rows("SELECT 'open ' || hex(key) FROM open_state ORDER BY 1"));
        all.extend(self.rows(
            "SELECT program || ' ' || sum(understood) || ' ' || sum(ignored) || ' ' || sum(unparsed) FROM health
             GROUP BY program ORDER BY 1",
        ));
        all
    }
}

#[track_caller]
fn same(recounted: &[String], fresh: &[String]) {
    let missing: Vec<_> = fresh.iter().filter(|row| !recounted.contains(row)).collect();
    let too_much: Vec<_> = recounted.iter().filter(|row| !fresh.contains(row)).collect();
    assert!(missing.is_empty() && too_much.is_empty(), "missing {missing:#?}, too much {too_much:#?}");
}

/// A corpus as a log of three pieces, one of them packed.
fn rotated(name: &str) -> Site {
    let pieces = pieces_of_whole_seconds(&corpus(name), 3);
    site().with("mail.log.2.gz", &packed(&pieces[0])).with("mail.log.1", &pieces[1]).with("mail.log", &pieces[2])
}

#[test]
fn recounted_with_other_settings_is_imported_with_other_settings() {
    let mut changed = 0;
    for name in CORPORA {
        let (recounted, fresh) = (rotated(name), rotated(name));
        recounted.import_by_binary("");
        fresh.import_by_binary(OTHER_SETTINGS);
        let before = recounted.everything();
        let said = recounted.recount(OTHER_SETTINGS, &["--dry-run"]);
        assert_eq!(recounted.everything(), before, "a dry run stored something");
        assert!(said.ends_with("dry run: nothing was stored\n"), "{said}");
        changed += usize::from(before != fresh.everything());

        assert_eq!(format!("{}dry run: nothing was stored\n", recounted.recount(OTHER_SETTINGS, &[])), said);
        assert!(said.contains("ours now: added.example") && !said.contains("kept as it was"), "{said}");
        same(&recounted.everything(), &fresh.everything());
        // The same lines and rules again.
        let said = recounted.recount(OTHER_SETTINGS, &[]);
        assert!(said.ends_with("nothing changed\n"), "{said}");
        same(&recounted.everything(), &fresh.everything());
    }
    assert_eq!(changed, CORPORA.len(), "settings that change nothing test nothing");
}

/// Days of the same lines, each under its own date and with ids of its own.
fn days(name: &str, count: u32) -> Vec<Vec<u8>> {
    let text = String::from_utf8(iso_corpus(name)).unwrap();
    let date = &text[..10];
    (0..count).map(|day| text.replace(date, &format!("2026-10-{:02}", day + 1)).into_bytes()).collect()
}

#[test]
fn log_time_whose_lines_are_gone_keeps_its_numbers_and_is_named() {
    let days = days("dovecot", 6);
    let with = |settings: &str| {
        let mut site = site();
        for (n, day) in days.iter().enumerate() {
            site.put(&format!("mail.log.{}", 9 - n), day);
        }
        site.import_by_binary(settings);
        site
    };
    let (recounted, before, after) = (with(""), with("").numbers(), with(OTHER_SETTINGS).numbers());
    // The third day is gone, and of the first one a half remains.
    fs::remove_file(recounted.dir.path().join("mail.log.7")).unwrap();
    let first = recounted.dir.path().join("mail.log.9");
    let half = days[0].iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(200).unwrap().0 + 1;
    fs::write(&first, &days[0][half..]).unwrap();
    let said = recounted.recount(OTHER_SETTINGS, &[&first.display().to_string()]);
    assert!(said.contains("kept as it was"), "{said}");
    for date in ["2026-10-01", "2026-10-03"] {
        assert!(said.contains(date), "{date} is not named: {said}");
    }
    let numbers = recounted.numbers();
    // A slot is a whole number of one of the two: those beside what is lost the old, the others the new.
    let slot_of = |row: &str| row.split(' ').rev().nth(1).unwrap().parse::<i64>().unwrap();
    let in_days = |rows: &[String], wanted: &[i64]| -> Vec<String> {
        let day =
            |row: &&String| wanted.contains(&(slot_of(row).div_euclid(96) - Time(1_790_812_800).slot().0 / 96 + 1));
        rows.iter()
            .filter(|row| row.split(' ').count() == 4 && row.contains(|c: char| c.is_ascii_digit()))
            .filter(day)
            .cloned()
            .collect()
    };
    same(&in_days(&numbers, &[1, 3]), &in_days(&before, &[1, 3]));
    same(&in_days(&numbers, &[5, 6]), &in_days(&after, &[5, 6]));
    assert!(!in_days(&numbers, &[5, 6]).is_empty() && !in_days(&numbers, &[1, 3]).is_empty());
    // The lines that came in a file of their own, the remaining half, were counted before: nothing is counted twice.
    let there: Vec<PathBuf> = recounted.files.iter().filter(|path| path.exists()).cloned().collect();
    let again = recounted.import_some(&there);
    assert_eq!(again.files.iter().map(|file| file.lines - file.held_back).sum::<u64>(), 0, "{again:?}");
    assert_eq!(recounted.numbers(), numbers);
}

#[test]
fn a_log_that_grew_is_counted_anew_as_far_as_it_was_counted() {
    let pieces = pieces_of_whole_seconds(&corpus("rejects"), 2);
    let mut site = site().with("mail.log", &pieces[0]);
    site.import_by_binary("");
    site.put("mail.log", &corpus("rejects"));
    let said = site.recount("", &[]);
    assert!(said.ends_with("nothing changed\n"), "{said}");
    site.import_by_binary("");
    check(&site, &expected(&corpus("rejects")));
}

// FAULTS 1: the moment of the kill is the one thing that no condition can tell.
#[test]
fn a_recount_that_is_killed_leaves_the_old_numbers() {
    let (site, fresh) = (rotated("rejects"), rotated("rejects"));
    site.import_by_binary("");
    fresh.import_by_binary(OTHER_SETTINGS);
    let (old, new) = (site.everything(), fresh.everything());
    let (config, data) = (site.settings(OTHER_SETTINGS), site.data().display().to_string());
    let mut kills = 0;
    for millis in (0..).step_by(7) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailtally"));
        command.args(["--config", &config, "recount", "--data", &data, "--log-zone", "UTC"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = site.everything();
        if now == new {
            break;
        }
        same(&now, &old);
        kills += 1;
    }
    assert!(kills > 3, "{kills} kills test nothing");
    site.recount(OTHER_SETTINGS, &[]);
    same(&site.everything(), &new);
    let left = fs::read_dir(site.data()).unwrap().filter(|name| name.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(left, 0, "what killed runs worked in is still there");
}

// FAULTS 10
#[test]
fn a_recount_needs_the_data_directory_for_itself() {
    let site = rotated("dovecot");
    site.import_by_binary("");
    let writer = Store::open(&site.data()).unwrap();
    let (config, data) = (site.settings(OTHER_SETTINGS), site.data().display().to_string());
    let (_, stderr, is_well) = mailtally(&["--config", &config, "recount", "--data", &data]);
    assert!(!is_well && stderr.contains("stop the server first"), "{stderr}");
    // A dry run looks on.
    let said = site.recount(OTHER_SETTINGS, &["--dry-run"]);
    assert!(said.contains("dry run"), "{said}");
    drop(writer);
}
