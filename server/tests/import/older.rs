//! Data files that earlier versions wrote: opened, brought to the schema of now, and gone on with.
//!
//! Each file of fixtures/data-files is what the version with that schema made of the first half of two corpora. When the
//! schema changes, the next is added by UPDATE_FIXTURES=1 cargo test -p mailtally-server --test import earlier_schema.

use std::{env, fs};

use mailtally_server::store;

use super::*;

/// What went into the files: the logs and their corpora.
const LOGS: [(&str, &str); 2] = [("mail.log", "delivery-bounce-defer-expire"), ("dovecot.log", "dovecot")];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data-files")
}

/// A site whose logs are the whole corpora, or their first halves.
fn logs(is_whole: bool) -> Site {
    let mut site = site();
    for (name, of) in LOGS {
        let bytes = corpus(of);
        site.put(name, &if is_whole { bytes } else { pieces(&bytes, 2).remove(0) });
    }
    site
}

/// The same lines in another file, as a syslog daemon writes them that keeps the priority.
fn copy_with_priorities(file: &Path) -> PathBuf {
    let lines = fs::read_to_string(file).unwrap();
    let copy = file.with_file_name(format!("copy-of-{}", file.file_name().unwrap().to_str().unwrap()));
    fs::write(&copy, lines.lines().map(|line| format!("<22>{line}\n")).collect::<String>()).unwrap();
    copy
}

fn schema(data: &Path) -> i32 {
    let db = rusqlite::Connection::open(data.join(store::FILE)).unwrap();
    db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// Puts a site's data file beside those of earlier schemas.
fn keep(site: &Site) {
    let bytes = fs::read(site.data().join(store::FILE)).unwrap();
    let name = format!("schema-{}.sqlite.zst", schema(&site.data()));
    fs::write(folder().join(name), zstd::encode_all(&bytes[..], 19).unwrap()).unwrap();
}

// FAULTS 12
#[test]
fn a_data_file_of_an_earlier_schema_goes_on_where_it_was() {
    let half = logs(false);
    half.import();
    if env::var_os("UPDATE_FIXTURES").is_some() {
        keep(&half);
    }
    let whole = logs(true);
    whole.import();
    let mut schemas = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let site = logs(false);
        fs::create_dir(site.data()).unwrap();
        let bytes = zstd::decode_all(File::open(&path).unwrap()).unwrap();
        fs::write(site.data().join(store::FILE), bytes).unwrap();
        schemas.push(schema(&site.data()));

        // What was read is known as read, and counts what it counted.
        let again = site.import();
        assert_eq!(again.lines, 0, "{}", path.display());
        check(&site, &half.numbers());
        // So are its lines, whatever other file brings them.
        let copied = logs(false);
        let copies: Vec<PathBuf> = copied.files.iter().map(|file| copy_with_priorities(file)).collect();
        fs::rename(site.data(), copied.data()).unwrap();
        let again = copied.import_some(&copies);
        assert_eq!(again.files.iter().map(|file| file.lines - file.held_back).sum::<u64>(), 0, "{}", path.display());
        assert!(again.lines > 0);
        check(&copied, &half.numbers());
        // Messages and sessions that were open are closed by the lines that came since.
        let grown = logs(true);
        fs::rename(copied.data(), grown.data()).unwrap();
        grown.import();
        check(&grown, &whole.numbers());
        assert_eq!(schema(&grown.data()), schema(&whole.data()));
        // All of it can be counted anew: lines of both versions are known again.
        let said = grown.recount("", &[]);
        assert!(said.starts_with("counted anew") && !said.contains("kept as it was"), "{}: {said}", path.display());
        check(&grown, &whole.numbers());
    }
    schemas.sort_unstable();
    assert_eq!(
        schemas.last(),
        Some(&schema(&whole.data())),
        "a file of the newest schema is missing: UPDATE_FIXTURES=1"
    );
}

#[test]
fn an_import_leaves_one_file() {
    let site = logs(true);
    site.import();
    let mut names: Vec<_> = fs::read_dir(site.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["mailtally.lock", store::FILE]);
}
