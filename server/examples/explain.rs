#![allow(clippy::unwrap_used)]
//! Scratch: each line, its verdict, and what it booked.
use mailtally_model::Zone;
use mailtally_server::batch::Batch;
use mailtally_server::settings::MailSettings;
use mailtally_server::syslog::Envelope;
use mailtally_server::track::Tracker;
fn main() {
    let mut verbose = false;
    let mut settings = MailSettings::default();
    for path in std::env::args().skip(1) {
        if path == "-v" {
            verbose = true;
            continue;
        }
        if let Some(p) = path.strip_prefix("-c=") {
            settings = toml::from_str(&std::fs::read_to_string(p).unwrap()).unwrap();
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let mut tracker = Tracker::restore(&settings, std::iter::empty()).unwrap();
        let mut envelope = Envelope::new(Zone::utc(), "mx1");
        envelope.set_year(2026);
        let mut batch = Batch::default();
        let (mut n, mut by) = (0, std::collections::BTreeMap::<String, u32>::new());
        let mut last = None;
        for raw in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            n += 1;
            let line = match envelope.parse(raw) {
                Ok(line) => line,
                Err(e) => {
                    *by.entry(format!("{e:?}")).or_default() += 1;
                    println!("{e:?}\t{}", String::from_utf8_lossy(raw));
                    continue;
                }
            };
            let mut updates = Vec::new();
            let v = tracker.line(&line, &mut updates, &mut batch.known);
            last = Some((line.host.to_owned(), line.time));
            *by.entry(format!("{v:?}")).or_default() += 1;
            if verbose || format!("{v:?}") == "Unparsed" {
                println!("{v:?}\t{}", String::from_utf8_lossy(raw));
            }
            for u in updates {
                if verbose {
                    println!(
                        "      {}{:?} {:?} bytes={:?} {}",
                        if u.before.is_some() { "~" } else { "+" },
                        u.after.kind,
                        u.after.subjects.iter().map(ToString::to_string).collect::<Vec<_>>(),
                        u.after.bytes,
                        u.after.duration_ms.unwrap_or(0)
                    );
                }
                batch.book(u);
            }
        }
        if let Some((host, t)) = last {
            let mut updates = Vec::new();
            tracker.advance(&host, t, &mut updates);
            updates.into_iter().for_each(|u| batch.book(u));
        }
        println!("== {path}: {n} lines {by:?}");
        if std::env::var("SUMS").is_ok() {
            let mut sums = std::collections::BTreeMap::new();
            for (s, m, _, a) in batch.counters.iter() {
                let m = mailtally_model::catalogue::measures().into_iter().find(|k| k.number == m).unwrap();
                *sums.entry((s.to_string(), m.id)).or_insert(0) += a;
            }
            let level = std::env::var("SUMS").unwrap();
            for ((s, m), a) in sums {
                if a != 0 && (level == "all" || s == "(server)") {
                    println!("{s}\t{m}\t{a}");
                }
            }
        }
    }
}
