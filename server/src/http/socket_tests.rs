//! The listener over real sockets: what is no proper request, who is too slow, who leaves, TLS. Where a time-out is
//! waited for, the clock is the test's own: it goes on by itself when nothing else is left to do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::tests::{PASSWORD, Site, site, site_of};
use super::*;
use crate::account::{Limits, Session};

/// A site that listens, ended when dropped.
struct Served {
    address: SocketAddr,
    cookie: String,
    site: Site,
    serving: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn served() -> Served {
    served_with(&Settings::default(), site()).await
}

async fn served_with(settings: &Settings, site: Site) -> Served {
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..settings.clone() };
    let listening = bind(&settings).await.unwrap();
    let address = listening.address().unwrap();
    let serving = tokio::spawn(listen::serve(listening, site.router.clone(), std::future::pending()));
    Served { address, cookie: site.cookie.clone(), site, serving }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// All that comes back for these bytes until the server closes.
    async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // A server that has refused already need not take the rest.
        let _ = stream.write_all(bytes.as_ref()).await;
        read(&mut stream).await
    }

    fn head(&self) -> String {
        format!("host: {}\r\ncookie: {}\r\n", self.address, self.cookie)
    }
}

/// To the end, however it ends.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut said = Vec::new();
    if let Err(error) = stream.read_to_end(&mut said).await {
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof), "{error}");
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn statuses(said: &str) -> Vec<&str> {
    said.match_indices("HTTP/1.1 ").map(|(at, head)| &said[at + head.len()..at + head.len() + 3]).collect()
}

#[tokio::test(start_paused = true)]
async fn no_request_hides_in_another() {
    // FAULTS 86
    let served = served().await;
    let head = served.head();
    let smuggled = "GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let post = "POST /api/session HTTP/1.1";
    let length = smuggled.len();
    for (what, request) in [
        (
            "both lengths",
            format!("{post}\r\n{head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        ("two lengths", format!("{post}\r\n{head}content-length: 0\r\ncontent-length: {length}\r\n\r\n{smuggled}")),
        ("a list of lengths", format!("{post}\r\n{head}content-length: 0, {length}\r\n\r\n{smuggled}")),
        ("a signed length", format!("{post}\r\n{head}content-length: +{length}\r\n\r\n{smuggled}")),
        ("a length below nothing", format!("{post}\r\n{head}content-length: -1\r\n\r\n{smuggled}")),
        ("chunked in another word", format!("{post}\r\n{head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}")),
        (
            "chunked not last",
            format!("{post}\r\n{head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        ("a blank before the colon", format!("{post}\r\n{head}content-length : {length}\r\n\r\n{smuggled}")),
        ("a folded line", format!("{post}\r\n{head}x: a\r\n content-length: {length}\r\n\r\n{smuggled}")),
        ("a lone carriage return", format!("{post}\r\n{head}x: a\rcontent-length: {length}\r\n\r\n{smuggled}")),
        ("a NUL", format!("{post}\r\n{head}x: a\0b\r\n\r\n{smuggled}")),
        ("no version", format!("GET /api/health\r\n{head}\r\n{smuggled}")),
        ("another version", format!("GET /api/health HTTP/3.0\r\n{head}\r\n{smuggled}")),
        ("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03".to_owned()),
    ] {
        let said = served.say(request).await;
        // One refusal at most, and the connection ends with it: what is behind is not a request of anyone's.
        let refused = statuses(&said);
        assert!(refused.len() <= 1 && refused.iter().all(|status| *status == "400"), "{what}: {said}");
    }
    let origin = format!("origin: http://{}\r\ncontent-type: application/json\r\n", served.address);
    for bad in ["zz\r\n", "-1\r\n", "ffffffffffffffff1\r\n", "5;\n"] {
        let chunked = format!("{post}\r\n{head}{origin}transfer-encoding: chunked\r\n\r\n{bad}{smuggled}");
        let said = served.say(chunked).await;
        let refused = statuses(&said);
        assert!(refused.len() <= 1 && refused.iter().all(|status| status.starts_with('4')), "{bad:?}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_path_leads_to_the_table_of_files_or_nowhere() {
    // FAULTS 86
    let served = served().await;
    fs::write(served.site.dir().join("secret.txt"), "a file beside the app").unwrap();
    let page = "<!doctype html>app";
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "//secret.txt",
        "/secret.txt%00.wasm",
        "/assets/%00",
        "/.git/config",
        "/accounts.sqlite",
        "/api/../secret.txt",
        "/%2fetc%2fpasswd.",
        "/index.html/../secret.txt",
    ] {
        let said = served.say(format!("GET {path} HTTP/1.1\r\n{}connection: close\r\n\r\n", served.head())).await;
        let status = statuses(&said);
        let is_page = said.ends_with(page) && status == ["200"];
        assert!(is_page || matches!(status.as_slice(), ["400" | "404"]), "{path}: {said}");
        assert!(!said.contains("a file beside the app") && !said.contains("SQLite"), "{path}: {said}");
    }
    // A path that only looks like the API's is not, whatever it is decoded to, and nobody's data is behind it.
    for path in ["/api%2freports", "/%61pi/reports", "/API/reports", "//api/reports", "/api/%2e%2e/api/reports"] {
        let said = served.say(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await;
        assert!(!said.contains("\"account\""), "{path}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_not_ours_is_answered_nothing() {
    // FAULTS 86
    let served = served().await;
    let (address, cookie) = (served.address, format!("cookie: {}\r\nconnection: close\r\n\r\n", served.cookie));
    let answered = async |line: &str, host: &str| {
        let said = served.say(format!("{line} HTTP/1.1\r\n{host}{cookie}")).await;
        statuses(&said).join(" ")
    };
    let ours = format!("host: {address}\r\n");
    assert_eq!(answered("GET /api/health", &ours).await, "200");
    assert_eq!(answered(&format!("GET http://{address}/api/health"), &ours).await, "200");
    for (line, host) in [
        ("GET /api/health", "host: evil.example\r\n"),
        ("GET /api/health", "host: evil.example@127.0.0.1\r\n"),
        ("GET /api/health", "host: 127.0.0.1#.evil.example\r\n"),
        ("GET /api/health", "host: 127.0.0.1/evil.example\r\n"),
        ("GET /api/health", "host: [::1].evil.example\r\n"),
        ("GET /api/health", "host: localhost:80:evil.example\r\n"),
        ("GET /api/health", "host: localhost evil.example\r\n"),
        ("GET /api/health", "host: localhost\r\nhost: evil.example\r\n"),
        ("GET /api/health", "host: \r\n"),
        ("GET /api/health", ""),
        ("GET http://evil.example/api/health", "host: localhost\r\n"),
        ("GET http://evil.example/api/health", ""),
        ("CONNECT localhost:25", "host: localhost\r\n"),
    ] {
        assert_eq!(answered(line, host).await, "400", "{line} {host:?}");
    }
}

#[tokio::test]
async fn a_change_whose_body_comes_after_the_end_of_its_session_is_not_made() {
    // FAULTS 78
    let served = served().await;
    let accounts = Arc::clone(&served.site.accounts);
    let origin = format!("origin: http://{}\r\ncontent-type: application/json\r\n", served.address);
    let account = r#"{"name":"late@example.com","root":"example.com","password":"correct horse"}"#;
    let token = r#"{"label":"late"}"#;
    let password = format!(r#"{{"old":"{PASSWORD}","new":"battery staple"}}"#);
    type End = fn(&Accounts, &str, &Session);
    let ends: [(&str, End); 4] = [
        ("disabled", |accounts, name, _| accounts.unasked().set_disabled(name, true).unwrap()),
        ("removed", |accounts, name, _| accounts.unasked().remove(name).unwrap()),
        ("given a password", |accounts, name, _| accounts.unasked().set_password(name, "no hash").unwrap()),
        ("signed out", |accounts, _, session| accounts.end_session(&session.digest).unwrap()),
    ];
    let limits = Limits { idle_secs: 3_600, absolute_secs: 3_600 };
    for (nth, (how, end)) in ends.into_iter().enumerate() {
        for (line, body) in [
            ("POST /api/accounts", account),
            ("PATCH /api/accounts/ann@example.com", r#"{"is_disabled":true}"#),
            ("POST /api/tokens", token),
            ("PUT /api/password", &password),
        ] {
            let name = format!("dora{nth}@example.com");
            let _ = accounts.unasked().remove("ann@example.com");
            let _ = accounts.unasked().remove(&name);
            served.site.sign_in("ann@example.com", "ann@example.com");
            let cookie = served.site.sign_in(&name, "example.com");
            let secret = cookie.split('=').next_back().unwrap();
            let session = accounts.session(secret, limits, crate::collect::now()).unwrap().unwrap();
            let mut stream = served.connect().await;
            let head = format!("host: {}\r\ncookie: {cookie}\r\n{origin}expect: 100-continue\r\n", served.address);
            let request =
                format!("{line} HTTP/1.1\r\n{head}connection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(request.as_bytes()).await.unwrap();
            // Said when the body is asked for: by then it is known whose session it is.
            let mut said = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
            stream.read_exact(&mut said).await.unwrap();
            end(&accounts, &name, &session);
            stream.write_all(body.as_bytes()).await.unwrap();
            let said = read(&mut stream).await;
            assert_eq!(statuses(&said), ["401"], "{how}, {line}: {said}");
            assert!(!accounts.find("ann@example.com").unwrap().unwrap().is_disabled, "{how}");
            assert!(accounts.find("late@example.com").unwrap().is_none(), "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_not_waited_for() {
    // FAULTS 87
    let served = served().await;
    let began = tokio::time::Instant::now();
    // Nothing at all, and a head that never ends: closed when its time is over.
    assert_eq!(served.say("").await, "");
    let mut drip = served.connect().await;
    drip.write_all(b"GET /api/status HTTP/1.1\r\n").await.unwrap();
    let (mut taken, mut given) = drip.split();
    let dripping = async {
        for number in 0.. {
            // A line a second: each byte comes in time, the head does not.
            tokio::time::sleep(Duration::from_secs(1)).await;
            if given.write_all(format!("x-{number}: y\r\n").as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let ended = async {
        let said = read(&mut taken).await;
        assert!(statuses(&said).iter().all(|status| *status == "408"), "{said}");
    };
    tokio::select! { () = dripping => {}, () = ended => {} }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());

    // A body that does not come is refused in words.
    let began = tokio::time::Instant::now();
    let head = format!(
        "POST /api/session HTTP/1.1\r\n{}origin: http://{}\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{{",
        served.head(),
        served.address
    );
    let said = served.say(head).await;
    assert_eq!(statuses(&said), ["408"], "{said}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());

    // A connection that is kept open without a request is closed, too.
    let said = served.say(format!("GET /api/status HTTP/1.1\r\n{}\r\n", served.head())).await;
    assert_eq!(statuses(&said), ["200"], "{said}");
}

/// Tells when it is dropped.
struct Tells(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_worked_for_no_longer() {
    // FAULTS 71
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let (dropped, was_dropped) = tokio::sync::oneshot::channel();
    let told = Arc::new(std::sync::Mutex::new(Some((began, Tells(Some(dropped))))));
    let work = axum::routing::get(async move || {
        let (began, _tells) = told.lock().unwrap().take().unwrap();
        began.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    let listening = bind(&Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() }).await.unwrap();
    let address = listening.address().unwrap();
    let router = Router::new().route("/", work);
    let serving = tokio::spawn(listen::serve(listening, router, std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    has_begun.await.unwrap();
    drop(stream);
    was_dropped.await.unwrap();
    serving.abort();
}

/// An answer that tells when it is given up.
struct Large(Vec<u8>, #[expect(dead_code, reason = "it tells by being dropped")] Tells);

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_answer_is_given_up() {
    // FAULTS 87
    let (dropped, was_dropped) = tokio::sync::oneshot::channel();
    let told = Arc::new(std::sync::Mutex::new(Some(Tells(Some(dropped)))));
    let work = axum::routing::get(async move || {
        let tells = told.lock().unwrap().take().unwrap();
        // More than all buffers on the way hold.
        axum::body::Bytes::from_owner(Large(vec![0; 32 << 20], tells))
    });
    let listening = bind(&Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() }).await.unwrap();
    let address = listening.address().unwrap();
    let serving = tokio::spawn(listen::serve(listening, Router::new().route("/", work), std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let began = tokio::time::Instant::now();
    was_dropped.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    drop(stream);
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn one_address_has_no_more_than_its_share() {
    // FAULTS 70, 87
    let served = served().await;
    let mut idle = Vec::new();
    for _ in 0..listen::MAX_OF_ONE_ADDRESS {
        let mut stream = served.connect().await;
        stream.write_all(b"GET /api/status HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        idle.push(stream);
    }
    let said = served.say("").await;
    assert!(statuses(&said) == ["503"] && said.contains("retry-after: 2\r\n"), "{said}");
    // They are idle, so their time comes, and then there is room again.
    for mut stream in idle {
        read(&mut stream).await;
    }
    let said = served.say("GET /api/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!(statuses(&said), ["200"]);
}

/// An authority, and what it signed for `names`, as files.
struct Papers {
    authority: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Papers {
    fn new() -> Papers {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let papers = Papers { authority, dir: tempfile::tempdir().unwrap() };
        papers.sign("mail.example.com");
        papers
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes another certificate and key, in place of those before.
    fn sign(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let names = vec![name.to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.authority).unwrap();
        fs::write(self.path("certificate.pem"), certificate.pem()).unwrap();
        private(&self.path("key.pem"), &key.serialize_pem());
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.http.certificate = Some(self.path("certificate.pem"));
        settings.http.key = Some(self.path("key.pem"));
        settings.http.names = vec!["mail.example.com".to_owned()];
        settings
    }

    /// A browser that trusts this authority, and speaks these protocols.
    async fn shake_hands(
        &self,
        address: SocketAddr,
        name: &str,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let config =
            ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    read(&mut stream).await
}

#[tokio::test]
async fn it_speaks_tls_with_its_own_certificate() {
    // FAULTS 83, 85
    let papers = Papers::new();
    let settings = papers.settings();
    let served = served_with(&settings, site_of(settings.clone(), &[("ann", "ann@example.com")])).await;
    let stream = papers.shake_hands(served.address, "mail.example.com", &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let body = format!(r#"{{"name":"ann","password":"{PASSWORD}"}}"#);
    let said = exchange(
        stream,
        &format!(
            "POST /api/session HTTP/1.1\r\nhost: mail.example.com\r\norigin: https://mail.example.com\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
    .await;
    assert_eq!(statuses(&said), ["200"], "{said}");
    let cookie = said.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    for part in ["__Host-mailtally=", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(said.contains("strict-transport-security: max-age=31536000\r\n"), "{said}");

    // A client that trusts others, means another name, or speaks HTTP/2 alone.
    assert!(Papers::new().shake_hands(served.address, "mail.example.com", &[]).await.is_err());
    assert!(papers.shake_hands(served.address, "evil.example", &[]).await.is_err());
    assert!(papers.shake_hands(served.address, "mail.example.com", &["h2"]).await.is_err());
    // One that speaks no TLS is told so.
    let said = served.say("GET /api/status HTTP/1.1\r\nhost: mail.example.com\r\n\r\n").await;
    assert!(statuses(&said) == ["400"] && said.ends_with("use https://\n"), "{said}");
    assert!(!said.contains("set-cookie"));
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let papers = Papers::new();
    let settings = papers.settings();
    let served = served_with(&settings, site()).await;
    let of = async |name: &str| papers.shake_hands(served.address, name, &[]).await.is_ok();
    tokio::time::pause();
    assert!(of("mail.example.com").await);
    papers.sign("new.example.com");
    let written = fs::File::options().append(true).open(papers.path("certificate.pem")).unwrap();
    written.set_modified(std::time::SystemTime::now() + Duration::from_secs(5)).unwrap();
    assert!(!of("new.example.com").await, "not looked at yet");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(of("new.example.com").await);
    fs::write(papers.path("certificate.pem"), "half a file").unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(of("new.example.com").await, "the one before goes on");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let papers = Papers::new();
    let refused = async |papers: &Papers| {
        let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..papers.settings() };
        match bind(&settings).await {
            Ok(_) => panic!("it listens"),
            Err(error) => format!("{error:#}"),
        }
    };
    let (certificate, key) = (papers.path("certificate.pem"), papers.path("key.pem"));
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    private(&papers.path("key.pem"), &KeyPair::generate().unwrap().serialize_pem());
    let said = refused(&papers).await;
    assert!(said.contains(&certificate) && said.contains(&key), "a key of another certificate: {said}");
    private(&papers.path("key.pem"), "no key");
    assert!(refused(&papers).await.contains(&key));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = refused(&papers).await;
    assert!(said.contains(&key) && said.contains("everyone"), "{said}");
    fs::remove_file(&key).unwrap();
    assert!(refused(&papers).await.contains(&key));
    papers.sign("mail.example.com");
    fs::write(&certificate, "no certificate").unwrap();
    assert!(refused(&papers).await.contains(&certificate));
    fs::remove_file(&certificate).unwrap();
    assert!(refused(&papers).await.contains(&certificate));
}
