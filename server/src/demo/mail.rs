//! What happens to a message in the queue, whoever it is from: it becomes active, is delivered to a mailbox of ours,
//! leaves the queue, or comes back to its sender. In the words of Postfix 3.7 and Dovecot 2.3.

use std::fmt;

use super::page::Moment;
use super::scribe::Scribe;

/// The full name of our server.
pub const OUR_NAME: &str = "mx1.example.com";

/// A message in the queue.
#[derive(Debug)]
pub struct Letter {
    pub id: String,
    pub message_id: String,
    /// Empty for a notification.
    pub from: String,
    pub size: u64,
}

/// Postfix's four delays of a delivery: before the queue manager, in it, setting up the connection, transmission.
#[derive(Clone, Copy, Debug)]
pub struct Delays(pub [u64; 4]);

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0.map(Seconds);
        write!(f, "delay={}, delays={a}/{b}/{c}/{d}", Seconds(self.0.iter().sum()))
    }
}

/// Milliseconds as Postfix writes delays: two digits that matter, none below 10 ms.
#[derive(Clone, Copy)]
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 as f64 / 1000.0;
        let text = match self.0 {
            0..10 => return f.write_str("0"),
            10..1_000 => format!("{seconds:.2}"),
            1_000..10_000 => format!("{seconds:.1}"),
            _ => return write!(f, "{seconds:.0}"),
        };
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

pub fn activate(s: &mut Scribe, at: Moment, letter: &Letter, recipients: usize) {
    let Letter { id, from, size, .. } = letter;
    s.qmgr(at, format_args!("{id}: from=<{from}>, size={size}, nrcpt={recipients} (queue active)"));
}

pub fn remove(s: &mut Scribe, at: Moment, letter: &Letter) {
    s.qmgr(at, format_args!("{}: removed", letter.id));
}

/// Dovecot's LMTP stores a copy for one mailbox; returns when it is done.
pub fn deliver_here(s: &mut Scribe, at: Moment, letter: &Letter, mailbox: &str, alias: Option<&str>) -> Moment {
    let (lmtp, server) = (s.pid(), s.pid());
    let Letter { id, message_id, .. } = letter;
    // An open connection is often used again.
    let fresh = !s.rng.one_in(3);
    let mut at = s.later(at, 5, 30);
    if fresh {
        s.dovecot(at, format_args!("lmtp({server}): Connect from local"));
    }
    let session = format!("{}AAMzN6MA", s.session_id());
    at = s.later(at, 5, 40);
    s.dovecot(at, format_args!("lmtp({mailbox})<{server}><{session}>: msgid=<{message_id}>: saved mail to INBOX"));
    at = s.later(at, 1, 3);
    if fresh {
        s.dovecot(at, format_args!("lmtp({server}): Disconnect from local: Logged out (state=READY)"));
    }
    let delays = Delays([s.rng.within(10..=900), s.rng.within(0..=20), s.rng.within(0..=20), s.rng.within(10..=60)]);
    let orig_to = Maybe(alias.map(|alias| format!("orig_to=<{alias}>, ")));
    let reuse = Maybe((!fresh).then(|| "conn_use=2, ".to_owned()));
    at = s.later(at, 1, 3);
    s.postfix(
        at,
        "lmtp",
        lmtp,
        format_args!(
            "{id}: to=<{mailbox}>, {orig_to}relay={OUR_NAME}[private/dovecot-lmtp], {reuse}{delays}, dsn=2.0.0, \
             status=sent (250 2.0.0 <{mailbox}> {session} Saved)"
        ),
    );
    at
}

/// Tells the sender that the letter could not be delivered: a message of its own, from nobody.
pub fn notify_sender(s: &mut Scribe, at: Moment, letter: &Letter) -> Moment {
    let mut at = s.later(at, 4, 20);
    let (cleanup, bounce) = (s.pid(), s.pid());
    let id = s.queue_id(at);
    let date = chrono::DateTime::from_timestamp(at.time().0, 0).map(|at| at.format("%Y%m%d%H%M%S").to_string());
    let message_id = format!("{}.{id}@{OUR_NAME}", date.unwrap_or_default());
    let notice = Letter { id, message_id, from: String::new(), size: letter.size.min(50_000) + 2_400 };
    s.postfix(at, "cleanup", cleanup, format_args!("{}: message-id=<{}>", notice.id, notice.message_id));
    at = s.later(at, 2, 9);
    s.postfix(at, "bounce", bounce, format_args!("{}: sender non-delivery notification: {}", letter.id, notice.id));
    at = s.later(at, 2, 9);
    activate(s, at, &notice, 1);
    at = deliver_here(s, at, &notice, &letter.from, None);
    at = s.later(at, 1, 5);
    remove(s, at, &notice);
    at
}

/// cron's daily mail to root, which is an alias of the administrator.
pub fn cron_report(s: &mut Scribe, at: Moment) {
    let (pickup, cleanup) = (s.pid(), s.pid());
    let id = s.queue_id(at);
    let message_id = format!("{:x}.{id}@{OUR_NAME}", at.time().0);
    let letter = Letter { id, message_id, from: format!("root@{OUR_NAME}"), size: s.rng.within(900..=4_000) };
    s.postfix(at, "pickup", pickup, format_args!("{}: uid=0 from=<root>", letter.id));
    let at = s.later(at, 3, 9);
    s.postfix(at, "cleanup", cleanup, format_args!("{}: message-id=<{}>", letter.id, letter.message_id));
    let at = s.later(at, 3, 9);
    activate(s, at, &letter, 1);
    let at = deliver_here(s, at, &letter, "admin@example.com", Some("root"));
    let at = s.later(at, 1, 5);
    remove(s, at, &letter);
}

/// Text that may be absent.
pub struct Maybe(pub Option<String>);

impl fmt::Display for Maybe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or_default())
    }
}

/// The line that Postfix writes for a TLS session with a client.
pub fn tls(s: &mut Scribe, at: Moment, service: &str, pid: u32, client: &str) {
    s.postfix(
        at,
        service,
        pid,
        format_args!(
            "Anonymous TLS connection established from {client}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) \
             key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256"
        ),
    );
}

/// The daemons start: what a log shows first.
pub fn start_up(s: &mut Scribe, at: Moment) {
    s.postfix(at, "postfix-script", 1_120, format_args!("starting the Postfix mail system"));
    s.postfix(
        at.after_ms(14),
        "master",
        1_125,
        format_args!("daemon started -- version 3.7.11, configuration /etc/postfix"),
    );
    s.dovecot(
        at.after_ms(420),
        format_args!("master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, pop3, lmtp (core dumps disabled)"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_read_as_postfix_writes_them() {
        assert_eq!(Delays([110, 80, 85, 30]).to_string(), "delay=0.3, delays=0.11/0.08/0.09/0.03");
        assert_eq!(Delays([2_400, 4, 30_000, 0]).to_string(), "delay=32, delays=2.4/0/30/0");
    }
}
