//! What the server's answers cost, beside a static file and a bare axum handler of the same bytes and beside SQLite that steps
//! out the same rows. Two years of counters are written through the store itself, at a hundredth and a tenth of the size first, so
//! that it shows which questions cost more where more is stored. Run by `cargo xtask bench native`; prints Markdown. Numbers
//! after `--` are other sizes, in domains.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use mailtally_model::time::DAY_SECS;
use mailtally_model::wire::By;
use mailtally_model::{Family, Measure, Report, Slot, Span, Subject, Time, catalogue};
use mailtally_server::account::{Accounts, password};
use mailtally_server::batch::Batch;
use mailtally_server::http::{self, App, Assets};
use mailtally_server::settings::Settings;
use mailtally_server::store::{IfAbsent, Question, Reader, Store};
use rusqlite::Connection;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tower_http::services::ServeFile;

const DAYS: i64 = 730;
/// Domains at the usual size, at a tenth and at a hundredth of it; each has twenty mailboxes.
const SIZES: [i64; 3] = [10, 100, 1_000];
const MAILBOXES: i64 = 20;
/// A tenth of the mailboxes is used on a day.
const RESTS: i64 = 10;
/// Days in a commit.
const AT_A_TIME: i64 = 10;
/// Each figure is the median of so many, after a first one that warms up.
const RUNS: usize = 21;
/// The first second of the data: 1 January 2025.
const BEGINNING: Time = Time(1_735_689_600);
const REPORT: &str = "pop-sessions";
const PASSWORD: &str = "kettle-orbit-mango-17";
const WRK_SECS: u64 = 5;

fn main() {
    println!("| domains | mailboxes | counters | file, bytes | bytes a counter | counters stored a second |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    let given: Vec<i64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    let sites: Vec<Site> = sizes.into_iter().map(Site::made).collect();
    println!();
    println!(
        "| question | domains stored | bytes | answer, ms | first byte, ms | not modified, ms | static file, ms | bare axum, ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let asked: Vec<Vec<Asked>> = questions()
        .iter()
        .map(|(name, question)| sites.iter().map(|site| site.ask(name, question)).collect())
        .collect();
    println!();
    let site = sites.last().unwrap();
    let hundred_thousand = site.beside_sqlite();
    site.under_load();
    goals(&asked, &hundred_thousand, site);
}

/// What is asked of the largest site, and whether it holds.
fn goals(asked: &[Vec<Asked>], hundred_thousand: &HundredThousand, site: &Site) {
    println!("\n| asked at {} domains | measured | at most | result |", site.domains);
    println!("| --- | ---: | ---: | ---: |");
    let goal = |what: &str, measured: f64, at_most: f64| {
        let verdict = if measured <= at_most { "held" } else { "missed" };
        println!("| {what} | {measured:.2} | {at_most} | {verdict} |");
    };
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    let largest = || asked.iter().filter_map(|sizes| sizes.last());
    let trend = &asked[0].last().unwrap();
    goal("first byte of a 90-day Trend, ms above a static file", millis(trend.first) - millis(trend.file), 5.0);
    goal("100,000 counters, answer beside stepping SQLite's rows", hundred_thousand.beside_sqlite, 2.0);
    goal("100,000 counters, asked again beside a static file", hundred_thousand.again, 1.5);
    let again = largest().map(|asked| ratio(asked.again, asked.file)).fold(0.0, f64::max);
    goal("any question, asked again beside a static file", again, 1.5);
    // A Mode over all domains has ten times the rows.
    let of_same_rows = asked.iter().filter(|sizes| sizes.iter().all(|asked| asked.bytes == sizes[0].bytes));
    let grown = of_same_rows.filter_map(|sizes| Some(ratio(sizes.last()?.answer, sizes.iter().rev().nth(1)?.answer)));
    goal("an answer of as many rows, beside a tenth of the data", grown.fold(0.0, f64::max), 1.3);
    goal("a Mode over all domains and 90 days, ms", millis(asked[asked.len() - 1].last().unwrap().first), 20.0);
    goal("bytes a counter", site.bytes_a_counter, 32.0);
}

fn report() -> &'static Report {
    catalogue::find(REPORT).unwrap()
}

/// What is stored of each domain and mailbox: a report's measures, each once.
fn measures() -> Vec<&'static Measure> {
    let mut measures: Vec<&'static Measure> = report().columns.iter().map(|column| column.measure()).collect();
    measures.dedup();
    measures
}

fn last_days(days: i64) -> Span {
    Span::new(BEGINNING.plus_secs((DAYS - days) * DAY_SECS), BEGINNING.plus_secs(DAYS * DAY_SECS))
}

fn question(subject: Subject, by: By, days: i64) -> Question {
    let span = last_days(days);
    Question { report: report(), subject, by, span, edges: None, throttling: false, if_absent: IfAbsent::Refuse }
}

fn questions() -> Vec<(&'static str, Question)> {
    let (domain, mailbox) = (Subject::Domain("d7.example".to_owned()), Subject::Mailbox("user3@d7.example".to_owned()));
    vec![
        ("Trend of the server, 90 days", question(Subject::Server, By::Time, 90)),
        ("Trend of a domain, 90 days", question(domain.clone(), By::Time, 90)),
        ("Trend of a mailbox, 90 days", question(mailbox, By::Time, 90)),
        ("its users, 90 days", question(domain, By::Users, 90)),
        ("all domains, 90 days", question(Subject::Server, By::Domains, 90)),
    ]
}

/// What one question cost.
struct Asked {
    bytes: usize,
    answer: Duration,
    first: Duration,
    again: Duration,
    file: Duration,
}

/// What as many counters cost as ratios to their peers.
struct HundredThousand {
    beside_sqlite: f64,
    again: f64,
}

/// A data directory that is served.
struct Site {
    dir: tempfile::TempDir,
    domains: i64,
    bytes_a_counter: f64,
    address: SocketAddr,
    token: String,
    runtime: Runtime,
}

impl Site {
    fn made(domains: i64) -> Site {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let counters = fill(dir.path(), domains);
        let taken = began.elapsed().as_secs_f64();
        let bytes = fs::metadata(dir.path().join("mailtally.sqlite")).unwrap().len();
        let each = bytes as f64 / counters as f64;
        let rate = counters as f64 / taken;
        println!("| {domains} | {} | {counters} | {bytes} | {each:.1} | {rate:.0} |", domains * MAILBOXES);
        let token = token(dir.path());
        let runtime = Runtime::new().unwrap();
        let settings = Settings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Settings::default() };
        let listening = runtime.block_on(http::bind(&settings)).unwrap();
        let address = listening.address().unwrap();
        let app = App::new(dir.path(), Assets::built_in().unwrap(), &settings).unwrap();
        runtime.spawn(http::serve(listening, Arc::new(app), future::pending()));
        Site { dir, domains, bytes_a_counter: each, address, token, runtime }
    }

    fn ask(&self, name: &str, question: &Question) -> Asked {
        let reader = Reader::open(self.dir.path()).unwrap();
        let answer = median(|| timed(|| serde_json::to_vec(&reader.answer(question).unwrap()).unwrap()));
        let whole = get_once(self.address, &self.request(question, None));
        let first = median(|| get_once(self.address, &self.request(question, None)).first_byte);
        let again = self.again(question, &whole);
        let body = whole.body();
        let bytes = body.len();
        let file = self.file(&body);
        let bare = first_byte_of(self.bare(body));
        println!(
            "| {name} | {} | {bytes} | {} | {} | {} | {} | {} |",
            self.domains,
            ms(answer),
            ms(first),
            ms(again),
            ms(file),
            ms(bare)
        );
        Asked { bytes, answer, first, again, file }
    }

    /// The first byte when the browser holds the answer already.
    fn again(&self, question: &Question, held: &Got) -> Duration {
        let tag = header(&held.text, "etag");
        median(|| get_once(self.address, &self.request(question, Some(&tag))).first_byte)
    }

    /// A hundred thousand counters as JSON, beside as many plain rows in the order of their key that are only stepped;
    /// and asked for again.
    fn beside_sqlite(&self) -> HundredThousand {
        let reader = Reader::open(self.dir.path()).unwrap();
        let days = 100_000 / 96 / measures().len() as i64;
        let question = question(Subject::Server, By::Time, days);
        let counters: u64 = reader.answer(&question).unwrap().values.values().map(|values| values.len() as u64).sum();
        let answer = median(|| timed(|| serde_json::to_vec(&reader.answer(&question).unwrap()).unwrap()));
        let rows = Connection::open_in_memory().unwrap();
        rows.execute_batch(
            "CREATE TABLE plain (subject, measure, slot, value, PRIMARY KEY (subject, measure, slot)) WITHOUT ROWID",
        )
        .unwrap();
        rows.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
             INSERT INTO plain SELECT 1, i / 20000, i, i % 977 FROM n",
            [counters as i64],
        )
        .unwrap();
        let stepped = median(|| timed(|| step(&rows)));
        let whole = get_once(self.address, &self.request(&question, None));
        let (again, file) = (self.again(&question, &whole), self.file(&whole.body()));
        println!(
            "{counters} counters as JSON: {} ms; as many plain rows stepped out of SQLite: {} ms. Asked again: {} ms; a static \
             file of the same {} bytes: {} ms.\n",
            ms(answer),
            ms(stepped),
            ms(again),
            whole.body().len(),
            ms(file)
        );
        HundredThousand {
            beside_sqlite: answer.as_secs_f64() / stepped.as_secs_f64(),
            again: again.as_secs_f64() / file.as_secs_f64(),
        }
    }

    /// Throughput and the slowest hundredth, beside a bare handler.
    fn under_load(&self) {
        let question = question(Subject::Domain("d7.example".to_owned()), By::Time, 30);
        let whole = get_once(self.address, &self.request(&question, None));
        let tag = header(&whole.text, "etag");
        let bare = self.bare(whole.body());
        let path = path(&question);
        let auth = format!("Authorization: Bearer {}", self.token);
        println!("| 16 clients, {} bytes | answers a second | p99 |", whole.body().len());
        println!("| --- | ---: | ---: |");
        for (name, address, path, headers) in [
            ("Trend of a domain, 30 days", self.address, path.as_str(), vec![auth.clone()]),
            ("the same, not modified", self.address, &path, vec![auth, format!("If-None-Match: {tag}")]),
            ("bare axum handler, same bytes", bare, "/", Vec::new()),
        ] {
            match wrk(address, path, &headers) {
                Some((rate, p99)) => println!("| {name} | {rate} | {p99} |"),
                None => println!("| {name} | wrk is not installed | |"),
            }
        }
    }

    fn request(&self, question: &Question, tag: Option<&str>) -> String {
        let held = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{held}Connection: close\r\n\r\n",
            path(question),
            self.address,
            self.token
        )
    }

    /// Another server, with nothing but these bytes.
    fn bare(&self, body: Vec<u8>) -> SocketAddr {
        self.serve(Router::new().route("/", get(move || future::ready(body.clone()))))
    }

    /// The first byte of a file with these bytes.
    fn file(&self, body: &[u8]) -> Duration {
        let path = self.dir.path().join("static.json");
        fs::write(&path, body).unwrap();
        first_byte_of(self.serve(Router::new().route_service("/", ServeFile::new(path))))
    }

    fn serve(&self, router: Router) -> SocketAddr {
        self.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
            tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
            address
        })
    }
}

fn path(question: &Question) -> String {
    let Span { from, until } = question.span;
    let (subject, by) = (question.subject.to_string(), question.by.id());
    let subject = subject.replace('(', "%28").replace(')', "%29").replace('@', "%40");
    format!("/api/reports/{REPORT}?subject={subject}&by={by}&from={}&until={}", from.0, until.0)
}

/// Two years: the server in each quarter hour, domains in each second hour, mailboxes twice on a tenth of the days. Says
/// how many counters that is.
fn fill(dir: &Path, domains: i64) -> u64 {
    let mut store = Store::open(dir).unwrap();
    let measures = measures();
    let subjects: Vec<(Subject, Vec<Subject>)> = (0..domains)
        .map(|domain| {
            let name = format!("d{domain}.example");
            let mailboxes = (0..MAILBOXES).map(|user| Subject::Mailbox(format!("user{user}@{name}"))).collect();
            (Subject::Domain(name), mailboxes)
        })
        .collect();
    let mut counters = 0;
    for first in (0..DAYS).step_by(AT_A_TIME as usize) {
        let mut batch = Batch { silence_gap_secs: 3_600, ..Batch::default() };
        let days = first..(first + AT_A_TIME).min(DAYS);
        let at = |day: i64| BEGINNING.plus_secs(day * DAY_SECS);
        let span = Span::new(at(days.start), at(days.end));
        batch.coverage = Family::LOGS.iter().map(|family| (*family, "mx1".to_owned(), span)).collect();
        if first == 0 {
            batch.known = subjects.iter().flat_map(|(_, mailboxes)| mailboxes.clone()).collect();
        }
        for day in days {
            let midnight = at(day).slot().0;
            for measure in &measures {
                let mut add = |subject: &Subject, quarter: i64| {
                    let amount = (midnight + quarter) % 977 * i64::from(measure.number % 7 + 1) + 1;
                    batch.counters.add(subject, measure.number, Slot(midnight + quarter), amount);
                };
                (0..96).for_each(|quarter| add(&Subject::Server, quarter));
                for (nth, (domain, mailboxes)) in subjects.iter().enumerate() {
                    (0..96).step_by(8).for_each(|quarter| add(domain, quarter + nth as i64 % 8));
                    for (user, mailbox) in mailboxes.iter().enumerate() {
                        if (nth as i64 + user as i64 + day) % RESTS == 0 {
                            [36, 60].into_iter().for_each(|quarter| add(mailbox, quarter));
                        }
                    }
                }
            }
        }
        counters += batch.counters.len() as u64;
        store.commit(&batch).unwrap();
    }
    counters
}

fn token(dir: &Path) -> String {
    let accounts = Accounts::open(dir).unwrap();
    let hash = password::hash(&password::Password::typed(PASSWORD).unwrap());
    accounts.unasked().add("bench", &Subject::Server, &hash, BEGINNING).unwrap();
    let account = accounts.find("bench").unwrap().unwrap();
    accounts.unasked().make_token(account.id, "bench", &Subject::Server, BEGINNING).unwrap().1.reveal().to_owned()
}

struct Got {
    text: Vec<u8>,
    first_byte: Duration,
}

impl Got {
    /// What follows the head; a body in chunks is joined.
    fn body(&self) -> Vec<u8> {
        let at = self.text.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let mut rest = &self.text[at..];
        if header(&self.text, "transfer-encoding") != "chunked" {
            return rest.to_vec();
        }
        let mut body = Vec::new();
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let length = usize::from_str_radix(str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            if length == 0 {
                break;
            }
            body.extend_from_slice(&rest[line + 2..line + 2 + length]);
            rest = &rest[line + 2 + length + 2..];
        }
        body
    }
}

/// A request on a connection that stands, up to the answer's end.
fn get_once(address: SocketAddr, request: &str) -> Got {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_nodelay(true).unwrap();
    let began = Instant::now();
    connection.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 1];
    connection.read_exact(&mut first).unwrap();
    let first_byte = began.elapsed();
    let mut text = first.to_vec();
    connection.read_to_end(&mut text).unwrap();
    let status = String::from_utf8_lossy(&text[..12]);
    assert!(status.ends_with("200") || status.ends_with("304"), "{}", String::from_utf8_lossy(&text));
    Got { text, first_byte }
}

/// The first byte of what another server has at its root.
fn first_byte_of(server: SocketAddr) -> Duration {
    median(|| get_once(server, "GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n").first_byte)
}

fn header(response: &[u8], name: &str) -> String {
    let head = String::from_utf8_lossy(&response[..response.len().min(4_096)]).into_owned();
    let mut lines = head.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn step(rows: &Connection) -> i64 {
    let mut statement = rows.prepare_cached("SELECT slot, value FROM plain WHERE subject = 1").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut sum = 0;
    while let Some(row) = rows.next().unwrap() {
        sum += row.get::<_, i64>(0).unwrap() ^ row.get::<_, i64>(1).unwrap();
    }
    sum
}

fn wrk(address: SocketAddr, path: &str, headers: &[String]) -> Option<(String, String)> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t2", "-c16", "--latency", &format!("-d{WRK_SECS}s")]);
    wrk.args(headers.iter().flat_map(|header| ["-H", header]));
    let said = String::from_utf8_lossy(&wrk.arg(format!("http://{address}{path}")).output().ok()?.stdout).into_owned();
    let field = |name: &str| {
        let line = said.lines().find(|line| line.trim_start().starts_with(name))?;
        Some(line.trim_start().strip_prefix(name)?.trim().to_owned())
    };
    Some((field("Requests/sec:")?, field("99%")?))
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    std::hint::black_box(run());
    began.elapsed()
}

fn median(mut run: impl FnMut() -> Duration) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}
