//! One message, through the parser of each daemon.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailtally_server::postfix::{self, Speaker};
use mailtally_server::{amavis, clamav, dovecot, exim, policy, rspamd, spamassassin};

fuzz_target!(|message: &[u8]| {
    for daemon in ["smtpd", "cleanup", "qmgr", "pickup", "smtp", "lmtp", "local", "pipe", "bounce", "postscreen"] {
        let program = format!("postfix/{daemon}");
        let speaker = Speaker::parse(program.as_bytes()).expect("a daemon of Postfix");
        let _ = postfix::parse(&speaker, message);
    }
    let _ = postfix::parse(&Speaker::parse(b"postfix").expect("an instance"), message);
    let _ = (dovecot::parse(message), exim::parse(message), rspamd::parse(message), amavis::parse(message));
    let _ = (clamav::clamd(message), clamav::clamav_milter(message));
    let _ = (spamassassin::spamd(message), spamassassin::spamc(message));
    let _ = (policy::policyd(message), policy::mailscanner(message));
});
