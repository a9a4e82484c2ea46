//! A real mail server: Debian's Postfix and Dovecot in a directory of their own, on loopback, with mailboxes of their
//! own, and ended when dropped. Nothing of it leaves this machine, and nothing of the machine's own mail is touched.
//!
//! Its users are `ann@alpha.example`, `abe@alpha.example` and `bob@beta.example`, all with [`PASSWORD`];
//! `team@beta.example` is an alias of ann and bob. Any other domain is at [`Outside`].

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::outside::{Outside, SpamFilter};

/// Of every mailbox.
pub const PASSWORD: &str = "correct horse";

/// The addresses that clients come from; what the server does for each stands beside it.
pub mod client {
    use std::net::Ipv4Addr;

    pub const USUAL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
    /// Refused by an access table.
    pub const UNWANTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
    /// To go over the limit of [`super::MESSAGES_A_MINUTE`] with.
    pub const BUSY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
    /// The same, and nobody knows who it is.
    pub const HASTY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
    pub const USER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 21);

    /// A user who gets the password wrong: Dovecot makes an address wait longer after each failure.
    pub fn forgetful(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 1, number)
    }
}

/// `smtpd_client_message_rate_limit`.
pub const MESSAGES_A_MINUTE: u32 = 8;

/// Starting takes two seconds, on a busy machine longer.
const WITHIN: Duration = Duration::from_secs(60);

pub struct MailServer {
    folder: TempDir,
    is_running: bool,
    pub smtp: u16,
    pub submission: u16,
    pub imap: u16,
    /// IMAP with TLS from the first byte.
    pub imaps: u16,
    pub pop: u16,
    pub outside: Outside,
}

/// Why no mail server can be started here; none where one can.
pub fn missing() -> Option<String> {
    let is_root = || Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    if !cfg!(target_os = "linux") {
        return Some("this is not Linux".to_owned());
    }
    for (program, package) in [("postfix", "postfix"), ("dovecot", "dovecot-imapd dovecot-pop3d dovecot-lmtpd")] {
        if sbin(program).is_none() {
            return Some(format!("{program} is not installed (Debian: `apt-get install {package}`)"));
        }
    }
    let version = Command::new("dovecot").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    if !version.starts_with(b"2.3") {
        return Some(format!(
            "its Dovecot is {}, and 2.3 is configured here",
            String::from_utf8_lossy(&version).trim()
        ));
    }
    (!is_root()).then(|| "Postfix' master must be started by root".to_owned())
}

pub(crate) fn sbin(program: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/local/sbin", "/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.is_file())
}

impl MailServer {
    pub fn start() -> Result<MailServer> {
        let folder = tempfile::Builder::new().prefix("mailtally-mail-").tempdir()?;
        // Its daemons change to users of their own and must be able to reach it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let [smtp, submission, imap, imaps, pop] = free_ports()?;
        let mut server =
            MailServer { folder, is_running: false, smtp, submission, imap, imaps, pop, outside: Outside::start()? };
        let filter = SpamFilter::start()?;
        server.configure_dovecot()?;
        server.configure_postfix(filter.port)?;
        // A child that keeps our pipe would make us wait for ever, so the daemons get none.
        server.is_running = true;
        server.run("dovecot", &["-c", &server.path("dovecot.conf")])?;
        server.run("postfix", &["-c", &server.path("postfix"), "start"])?;
        for port in [smtp, submission, imap, pop] {
            wait(&format!("port {port}"), || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        }
        Ok(server)
    }

    /// Both logs: Postfix' by postlogd with its traditional stamp, and Dovecot's own file.
    pub fn logs(&self) -> [PathBuf; 2] {
        ["mail.log", "dovecot.log"].map(|name| self.folder.path().join(name))
    }

    /// Waits until nothing is in the queue but what other servers put off.
    pub fn settle(&self) -> Result<()> {
        let config = self.path("postfix");
        wait("an empty queue", || {
            let output = Command::new("postqueue").args(["-c", &config, "-j"]).output();
            output.is_ok_and(|output| {
                let queue = String::from_utf8_lossy(&output.stdout).into_owned();
                output.status.success() && queue.lines().all(|line| line.contains("\"queue_name\": \"deferred\""))
            })
        })
    }

    /// Ends it, with every line in the logs.
    pub fn stop(&mut self) -> Result<()> {
        self.is_running = false;
        self.run("postfix", &["-c", &self.path("postfix"), "stop"])?;
        self.run("doveadm", &["-c", &self.path("dovecot.conf"), "stop"])?;
        let pid = self.folder.path().join("dovecot/master.pid");
        wait("Dovecot's end", || !pid.exists())
    }

    /// The authority that signed the certificate of 127.0.0.1, in PEM.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let said = self.folder.path().join("said.txt");
        let file = fs::File::create(&said)?;
        let program = sbin(program).unwrap_or_else(|| Path::new("/usr/bin").join(program));
        let status = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()
            .with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(status.success(), "{} {arguments:?}: {}", program.display(), fs::read_to_string(said)?);
        Ok(())
    }

    fn configure_dovecot(&self) -> Result<()> {
        let base = self.path("");
        let (imap, imaps, pop) = (self.imap, self.imaps, self.pop);
        self.certify()?;
        let text = format!(
            "protocols = imap pop3 lmtp
base_dir = {base}dovecot
state_dir = {base}dovecot-state
log_path = {base}dovecot.log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{base}certificate.pem
ssl_key = <{base}key.pem
disable_plaintext_auth = no
auth_failure_delay = 0 secs
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {base}users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={base}mail/%d/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {base}lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {base}auth {{
    mode = 0666
  }}
}}
"
        );
        let users = ["ann@alpha.example", "abe@alpha.example", "bob@beta.example"];
        let users: String = users.iter().map(|user| format!("{user}:{PASSWORD}\n")).collect();
        self.write("dovecot.conf", &text)?;
        self.write("users", &users)?;
        let mail = self.folder.path().join("mail");
        fs::create_dir(&mail)?;
        fs::set_permissions(mail, fs::Permissions::from_mode(0o777))?;
        Ok(())
    }

    /// A certificate of 127.0.0.1, by an authority that exists for this test alone.
    fn certify(&self) -> Result<()> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
        self.write("authority.pem", &authority.pem())?;
        self.write("certificate.pem", &certificate.pem())?;
        self.write("key.pem", &key.serialize_pem())
    }

    fn configure_postfix(&self, filter: u16) -> Result<()> {
        let base = self.path("");
        for name in ["postfix", "spool", "postfix-data"] {
            fs::create_dir(self.folder.path().join(name))?;
        }
        // The queue's owner is the system's own user for it.
        let chown = Command::new("chown").args(["postfix", &self.path("postfix-data")]).status()?;
        ensure!(chown.success(), "there is no user postfix");
        let outside = self.outside.port;
        let unwanted = client::UNWANTED;
        let main = format!(
            "compatibility_level = 3.6
queue_directory = {base}spool
data_directory = {base}postfix-data
maillog_file = {base}mail.log
maillog_file_prefixes = {base}
myhostname = mx1.alpha.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks = 127.255.255.255/32
alias_maps =
alias_database =
local_recipient_maps =
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
virtual_mailbox_domains = alpha.example, beta.example
virtual_mailbox_maps = inline:{{ann@alpha.example=1, abe@alpha.example=1, bob@beta.example=1}}
virtual_alias_maps = inline:{{ {{team@beta.example = ann@alpha.example, bob@beta.example}} }}
virtual_transport = lmtp:unix:{base}lmtp
default_transport = outside:[127.0.0.1]:{outside}
smtpd_sasl_type = dovecot
smtpd_sasl_path = {base}auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_client_access inline:{{ {{{unwanted} = REJECT unwanted here}} }}
smtpd_client_event_limit_exceptions =
smtpd_client_message_rate_limit = {MESSAGES_A_MINUTE}
smtpd_milters = inet:127.0.0.1:{filter}
milter_default_action = accept
"
        );
        let (smtp, submission) = (self.smtp, self.submission);
        let mut master = format!(
            "postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
outside unix - - n - - smtp
  -o syslog_name=postfix/outside
pickup unix n - n 60 1 pickup
qmgr unix n - n 300 1 qmgr
"
        );
        let quiet = ["smtp", "retry", "lmtp", "proxymap", "scache", "anvil", "error", "discard", "showq"];
        let other = [
            ("rewrite", "trivial-rewrite"),
            ("bounce", "bounce"),
            ("defer", "bounce"),
            ("trace", "bounce"),
            ("verify", "verify"),
            ("flush", "flush"),
            ("cleanup", "cleanup"),
        ];
        for (name, program) in quiet.iter().map(|name| (*name, *name)).chain(other) {
            let is_public = if matches!(name, "flush" | "cleanup" | "showq") { "n" } else { "-" };
            let program = if program == "retry" { "error" } else { program };
            let limit = if matches!(name, "anvil" | "scache" | "verify") { "1" } else { "-" };
            let limit = if matches!(name, "bounce" | "defer" | "trace" | "flush" | "cleanup") { "0" } else { limit };
            master.push_str(&format!("{name} unix {is_public} - n - {limit} {program}\n"));
        }
        self.write("postfix/main.cf", &main)?;
        self.write("postfix/master.cf", &master)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.folder.path().join(name), text).with_context(|| format!("cannot write {name}"))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if self.is_running {
            // A test that failed leaves no daemon behind; why it failed is said already.
            let _ = self.stop();
        }
    }
}

/// Ports that nothing listens on now, each another one.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(listeners) {
        *port = listener.context("no port is free")?.local_addr()?.port();
    }
    Ok(ports)
}

/// Waits for a condition of another process, which tells no one when it comes true.
pub(crate) fn wait(what: &str, mut is_true: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_true() {
        if began.elapsed() > WITHIN {
            bail!("waited {} s for {what}", WITHIN.as_secs());
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
