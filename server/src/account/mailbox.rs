//! Log-in with the mailbox: a name and password that the site's own IMAP server takes are good here, too.
//!
//! Asks with AUTHENTICATE PLAIN (RFC 9051, RFC 4616) over TLS, from the first byte or after STARTTLS, or in the clear on
//! this very machine, and reads nothing: no mailbox is opened.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mailtally_model::Subject;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::password::Password;
use crate::settings::MailboxLoginSettings;

/// The server has this long for the whole conversation. Dovecot waits two seconds before it says no.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// A longer line is no answer.
const MAX_LINE_BYTES: u64 = 8 * 1024;
/// Untagged lines before an answer: greeting, capabilities, alerts.
const MAX_LINES: usize = 64;
/// Conversations at a time: the mail server has other things to do.
const MAX_RUNNING: usize = 8;

/// The site's IMAP server, as a judge of passwords.
pub struct MailboxLogin {
    host: String,
    port: u16,
    way: Way,
    settings: MailboxLoginSettings,
    running: Semaphore,
}

/// Leave to ask the server, until it is dropped.
pub struct Place<'a>(#[expect(dead_code, reason = "held, not read")] SemaphorePermit<'a>);

/// How it is spoken with.
enum Way {
    /// TLS from the first byte (993).
    Tls(TlsConnector),
    /// TLS after a word in the clear (143).
    StartTls(TlsConnector),
    /// Only on a loopback address.
    Plain,
}

impl MailboxLogin {
    /// `None` where the settings name no IMAP server.
    pub fn new(settings: &MailboxLoginSettings) -> Result<Option<MailboxLogin>> {
        let Some(server) = &settings.imap else { return Ok(None) };
        let (host, port) =
            server.rsplit_once(':').with_context(|| format!("accounts.mailbox.imap: no port in {server:?}"))?;
        let port = port.parse().with_context(|| format!("accounts.mailbox.imap: no port in {server:?}"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let way = match (settings.plain, settings.starttls) {
            (false, false) => Way::Tls(connector(settings)?),
            (false, true) => Way::StartTls(connector(settings)?),
            (true, false) => Way::Plain,
            (true, true) => bail!("accounts.mailbox: `plain` and `starttls` cannot both be meant"),
        };
        Ok(Some(MailboxLogin { host, port, way, settings: settings.clone(), running: Semaphore::new(MAX_RUNNING) }))
    }

    /// The mailbox that a log-in name means, in its one spelling; `None` for what is no mailbox here.
    pub fn mailbox(&self, name: &str) -> Option<String> {
        let name = super::canonical_name(name).filter(|lower| self.settings.lower_case || name == *lower)?;
        let Ok(Subject::Mailbox(mailbox)) = name.parse() else { return None };
        let domain = Subject::Mailbox(mailbox.clone()).parent()?.to_string();
        let domains = &self.settings.domains;
        (domains.is_empty() || domains.iter().any(|known| known.eq_ignore_ascii_case(&domain))).then_some(mailbox)
    }

    /// What a mailbox's owner sees: the mailbox, or the domain that the settings grant them.
    pub fn root(&self, mailbox: &str) -> Option<Subject> {
        root(&self.settings.grants, mailbox)
    }

    /// Waits until the server may be asked.
    pub async fn place(&self) -> Result<Place<'_>> {
        Ok(Place(self.running.acquire().await.context("no more log-ins")?))
    }

    /// Whether the server takes this password for this mailbox. An error is a server that was not able to say.
    pub async fn fits(&self, _place: &Place<'_>, mailbox: &str, password: &Password) -> Result<bool> {
        timeout(ANSWERS_WITHIN, self.ask(mailbox, password))
            .await
            .with_context(|| format!("{}:{} did not answer in time", self.host, self.port))?
            .with_context(|| format!("cannot ask the IMAP server {}:{}", self.host, self.port))
    }

    async fn ask(&self, mailbox: &str, password: &Password) -> Result<bool> {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect();
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        let name = || ServerName::try_from(self.host.clone()).context("not the name of a server");
        match &self.way {
            Way::Tls(tls) => {
                let mut stream = BufReader::new(tls.connect(name()?, stream).await?);
                greeted(&mut stream).await?;
                converse(stream, mailbox, password).await
            }
            Way::StartTls(tls) => {
                let stream = tls.connect(name()?, start_tls(stream).await?).await?;
                converse(BufReader::new(stream), mailbox, password).await
            }
            Way::Plain => {
                ensure!(stream.peer_addr()?.ip().is_loopback(), "it is not on this machine, and asked without TLS");
                let mut stream = BufReader::new(stream);
                greeted(&mut stream).await?;
                converse(stream, mailbox, password).await
            }
        }
    }
}

pub fn root(grants: &BTreeMap<String, String>, mailbox: &str) -> Option<Subject> {
    match grants.iter().find(|(granted, _)| granted.eq_ignore_ascii_case(mailbox)) {
        Some((_, domain)) => super::root(domain),
        None => mailbox.parse().ok(),
    }
}

/// Trusts what this machine trusts, or the one file that the settings name.
fn connector(settings: &MailboxLoginSettings) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match &settings.authorities {
        Some(path) => {
            let mut read = || -> Result<()> {
                for certificate in CertificateDer::pem_file_iter(path)? {
                    roots.add(certificate?)?;
                }
                Ok(())
            };
            read().with_context(|| format!("accounts.mailbox.authorities: cannot read {}", path.display()))?;
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    ensure!(
        !roots.is_empty(),
        "accounts.mailbox: this machine trusts no certificate authority; name one in `authorities`"
    );
    let config = ClientConfig::builder_with_provider(crate::http::tls_provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn greeted(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<()> {
    let greeting = line(stream).await?;
    ensure!(greeting.starts_with("* OK"), "it greets with {greeting:?}");
    Ok(())
}

/// Brings a server that speaks in the clear to where TLS begins. A server without it is not asked: whoever stands between
/// could have taken the offer out.
async fn start_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Result<S> {
    let mut stream = BufReader::new(stream);
    greeted(&mut stream).await?;
    stream.write_all(b"s STARTTLS\r\n").await?;
    stream.flush().await?;
    let answered = answer(&mut stream).await?;
    ensure!(answered.to_ascii_uppercase().starts_with("S OK"), "it begins no TLS: {answered:?}");
    // What came before TLS must not be read as if it came within (RFC 9051, 6.2.1).
    ensure!(stream.buffer().is_empty(), "it says more before TLS than it was asked");
    Ok(stream.into_inner())
}

/// A conversation of three lines. The password is in base64, so nothing in it can be another command.
async fn converse(
    mut stream: impl AsyncBufReadExt + AsyncWrite + Unpin,
    mailbox: &str,
    password: &Password,
) -> Result<bool> {
    stream.write_all(b"a AUTHENTICATE PLAIN\r\n").await?;
    stream.flush().await?;
    let asked = answer(&mut stream).await?;
    ensure!(asked.starts_with('+'), "it takes no passwords: {asked:?}");
    let mut reply = BASE64_STANDARD.encode(format!("\0{mailbox}\0{}", password.reveal()));
    reply.push_str("\r\n");
    stream.write_all(reply.as_bytes()).await?;
    stream.flush().await?;
    let verdict = answer(&mut stream).await?;
    let verdict = verdict.to_ascii_uppercase();
    if verdict.starts_with("A OK") {
        // Out again, so that the session leaves a log-out in the log.
        let _ = stream.write_all(b"b LOGOUT\r\n").await;
        let _ = stream.flush().await;
        let _ = answer(&mut stream).await;
        return Ok(true);
    }
    // RFC 5530: not able to say, as opposed to no.
    if verdict.starts_with("A NO [UNAVAILABLE]") || verdict.starts_with("A NO [SERVERBUG]") {
        bail!("it cannot look at passwords now");
    }
    ensure!(verdict.starts_with("A NO"), "it answers {verdict:?}");
    Ok(false)
}

/// The next line that is not untagged.
async fn answer(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<String> {
    for _ in 0..MAX_LINES {
        let line = line(stream).await?;
        if !line.starts_with('*') {
            return Ok(line);
        }
    }
    bail!("it does not come to the point")
}

async fn line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<String> {
    let mut bytes = Vec::new();
    stream.take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes).await?;
    ensure!(bytes.ends_with(b"\n"), "it broke off");
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(settings: MailboxLoginSettings) -> MailboxLogin {
        let settings = MailboxLoginSettings { imap: Some("127.0.0.1:143".to_owned()), plain: true, ..settings };
        MailboxLogin::new(&settings).expect("good settings").expect("a server")
    }

    /// A conversation with a server that says these lines, and what it was told.
    async fn with(server: &str) -> (Result<bool>, String) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (mut from_us, mut to_us) = tokio::io::split(theirs);
        to_us.write_all(server.as_bytes()).await.expect("room for the script");
        to_us.shutdown().await.expect("an end");
        let password = Password::typed("p\"ss\r\nb LOGIN").expect("short enough");
        let verdict = async {
            let mut ours = BufReader::new(ours);
            greeted(&mut ours).await?;
            converse(ours, "ann@example.com", &password).await
        };
        let verdict = verdict.await;
        let mut told = String::new();
        from_us.read_to_string(&mut told).await.expect("text");
        (verdict, told)
    }

    #[tokio::test]
    async fn only_a_clear_yes_is_a_yes() {
        let (verdict, told) = with("* OK hi\r\n+ \r\n* CAPABILITY IMAP4rev1\r\na OK in\r\n").await;
        assert!(verdict.expect("an answer"));
        let reply = BASE64_STANDARD.encode("\0ann@example.com\0p\"ss\r\nb LOGIN");
        assert_eq!(told, format!("a AUTHENTICATE PLAIN\r\n{reply}\r\nb LOGOUT\r\n"));
        let (verdict, _) = with("* OK hi\r\n+ \r\na NO [AUTHENTICATIONFAILED] no\r\n").await;
        assert!(!verdict.expect("an answer"));
        let bad = [
            "",
            "* BYE full\r\n",
            "* PREAUTH welcome\r\n+ \r\na OK in\r\n",
            "* OK hi\r\na NO disabled\r\n",
            "* OK hi\r\n+ \r\na NO [UNAVAILABLE] later\r\n",
            "* OK hi\r\n+ \r\na BAD what\r\n",
            "* OK hi\r\n+ \r\nb OK in\r\n",
            "* OK hi\r\n+ \r\na OK",
        ];
        for script in bad {
            assert!(with(script).await.0.is_err(), "{script:?}");
        }
    }

    #[tokio::test]
    async fn tls_begins_where_the_server_says_so_and_with_nothing_before_it() {
        let begun = async |server: &str| {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            theirs.write_all(server.as_bytes()).await.expect("room for the script");
            start_tls(ours).await.map(drop)
        };
        assert!(begun("* OK hi\r\n* CAPABILITY IMAP4rev1\r\ns OK begin\r\n").await.is_ok());
        for script in [
            "* OK hi\r\ns BAD what\r\n",
            "* OK hi\r\ns NO not now\r\n",
            "* PREAUTH hi\r\ns OK begin\r\n",
            "* OK hi\r\ns OK begin\r\n* OK slipped in\r\n",
        ] {
            assert!(begun(script).await.is_err(), "{script:?}");
        }
        let both = MailboxLoginSettings { starttls: true, ..MailboxLoginSettings::default() };
        let both = MailboxLoginSettings { imap: Some("127.0.0.1:143".to_owned()), plain: true, ..both };
        assert!(MailboxLogin::new(&both).is_err());
    }

    #[tokio::test]
    async fn beyond_this_machine_nothing_is_asked_in_the_clear() {
        // An address that is this machine's and no loopback one; where there is none, nobody can be asked anyway.
        let Ok(probe) = std::net::UdpSocket::bind("0.0.0.0:0") else { return };
        if probe.connect("192.0.2.1:9").is_err() {
            return;
        }
        let own = probe.local_addr().expect("an address").ip();
        let listener = tokio::net::TcpListener::bind((own, 0)).await.expect("a socket");
        let imap = Some(listener.local_addr().expect("an address").to_string());
        let settings = MailboxLoginSettings { imap, plain: true, ..MailboxLoginSettings::default() };
        let login = MailboxLogin::new(&settings).expect("good settings").expect("a server");
        let password = Password::typed("correct horse").expect("short enough");
        let place = login.place().await.expect("a place");
        let (asked, accepted) = tokio::join!(login.fits(&place, "ann@example.com", &password), listener.accept());
        assert!(format!("{:#}", asked.expect_err("it is not on loopback")).contains("without TLS"));
        let mut told = Vec::new();
        accepted.expect("a connection").0.read_to_end(&mut told).await.expect("an end");
        assert!(told.is_empty());
    }

    #[test]
    fn a_mailbox_is_an_address_of_the_domains_that_may() {
        let all = login(MailboxLoginSettings::default());
        assert_eq!(all.mailbox("Ann@Example.COM"), Some("ann@example.com".to_owned()));
        for name in
            ["ann", "example.com", "ann@", "(server)", "ann*master@example.com", "a b@example.com", "@example.com"]
        {
            assert_eq!(all.mailbox(name), None, "{name}");
        }
        let some = login(MailboxLoginSettings { domains: vec!["Example.com".to_owned()], ..Default::default() });
        assert!(some.mailbox("ann@example.com").is_some() && some.mailbox("ann@example.org").is_none());
        let cased = login(MailboxLoginSettings { lower_case: false, ..Default::default() });
        assert!(cased.mailbox("Ann@example.com").is_none() && cased.mailbox("ann@example.com").is_some());
    }

    #[test]
    fn the_root_is_the_mailbox_or_what_was_granted() {
        let grants = [("ann@example.com".to_owned(), "example.com".to_owned())];
        let granted = login(MailboxLoginSettings { grants: grants.into(), ..Default::default() });
        assert_eq!(granted.root("ann@example.com"), Some(Subject::Domain("example.com".to_owned())));
        assert_eq!(granted.root("ben@example.com"), Some(Subject::Mailbox("ben@example.com".to_owned())));
    }
}
