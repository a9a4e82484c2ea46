//! People reading their mail: POP3 and IMAP sessions from log-in to the end, in the words of Dovecot 2.3.

use super::cast::{MAILBOXES, Mailbox, Reads};
use super::outbound::place_of;
use super::page::Moment;
use super::scribe::Scribe;

/// The address that Dovecot listens on.
pub const OUR_ADDRESS: &str = "192.0.2.25";

/// A user of a protocol, by how much mail there is to read.
fn reader(s: &mut Scribe, reads: Reads) -> &'static Mailbox {
    let weights = MAILBOXES.iter().map(|mailbox| if mailbox.reads == reads { 2 + mailbox.receives } else { 0 });
    &MAILBOXES[s.rng.by_weight(weights)]
}

/// One POP3 connection of a user.
pub fn pop(s: &mut Scribe, at: Moment) {
    let user = reader(s, Reads::Pop);
    let place = place_of(s, user);
    let (session, pid) = (s.session_id(), s.pid());
    let address = user.address;
    let ends = match s.rng.within(0..=199) {
        0..4 => return wrong_password(s, at, "pop3-login", address, &format!("198.51.100.{place}"), 1),
        4..6 => return too_many_connections(s, at, "pop3-login", address, place),
        6..8 => "Disconnected: Too many bad commands",
        8..14 => "Disconnected: Connection closed",
        14..18 => "Disconnected: Inactivity - no input for 600 secs",
        _ => "Disconnected: Logged out",
    };
    s.dovecot(
        at,
        format_args!(
            "pop3-login: Login: user=<{address}>, method=PLAIN, rip=198.51.100.{place}, lip={OUR_ADDRESS}, mpid={pid}, TLS, session=<{session}>"
        ),
    );
    let messages = s.rng.within(0..=40);
    let fetched = if s.rng.one_in(3) { s.rng.within(1..=6) } else { 0 };
    let bytes: u64 = (0..fetched).map(|_| s.rng.skewed(2_300..=900_000)).sum();
    let size = messages * s.rng.within(9_000..=60_000) + bytes;
    let deleted = if s.rng.one_in(2) { fetched } else { 0 };
    let end = if ends.contains("Inactivity") { at.after_secs(600) } else { s.later(at, 300, 4_000 + bytes / 100) };
    s.dovecot(
        end,
        format_args!(
            "pop3({address})<{pid}><{session}>: {ends} top=0/0, retr={fetched}/{bytes}, del={deleted}/{}, size={size}",
            messages + fetched
        ),
    );
}

/// One IMAP connection of a user: a look at the telephone, or a mail program open all morning.
pub fn imap(s: &mut Scribe, at: Moment) {
    let user = reader(s, Reads::Imap);
    let place = place_of(s, user);
    let (session, pid) = (s.session_id(), s.pid());
    let address = user.address;
    let (ends, seconds) = match s.rng.within(0..=199) {
        0..4 => return wrong_password(s, at, "imap-login", address, &format!("198.51.100.{place}"), 1),
        4..6 => return too_many_connections(s, at, "imap-login", address, place),
        6..8 => ("Disconnected: Too many invalid IMAP commands.", 40),
        8..14 => ("Disconnected: Inactivity - no input for 1800 secs", 1_800),
        14..18 => ("Disconnected: Server shutting down.", s.rng.within(20..=600)),
        18..80 => (
            "Disconnected: Connection closed (IDLE running for 0.001 + waiting input for 0.001 secs, 2 B in + 10 B out, state=wait-input)",
            s.rng.skewed(20..=9_000),
        ),
        _ => ("Disconnected: Logged out", s.rng.skewed(4..=7_000)),
    };
    s.dovecot(
        at,
        format_args!(
            "imap-login: Login: user=<{address}>, method=PLAIN, rip=198.51.100.{place}, lip={OUR_ADDRESS}, mpid={pid}, TLS, session=<{session}>"
        ),
    );
    let bodies = s.rng.skewed(0..=30);
    let body_bytes: u64 = (0..bodies).map(|_| s.rng.skewed(2_300..=900_000)).sum();
    let heads = s.rng.within(0..=60);
    let head_bytes = heads * s.rng.within(400..=900);
    let (got, gave) = (s.rng.within(120..=900) + heads * 20, s.rng.within(700..=9_000) + head_bytes + body_bytes);
    let end = at.after_secs(seconds.max(1)).after_micros(s.rng.within(0..=999_999));
    s.dovecot(
        end,
        format_args!(
            "imap({address})<{pid}><{session}>: {ends} in={got} out={gave} deleted=0 expunged=0 trashed=0 \
             hdr_count={heads} hdr_bytes={head_bytes} body_count={bodies} body_bytes={body_bytes}"
        ),
    );
}

/// A log-in that fails; `service` is `pop3-login` or `imap-login`.
pub fn wrong_password(s: &mut Scribe, at: Moment, service: &str, user: &str, address: &str, attempts: u64) {
    let session = s.session_id();
    let seconds = attempts * 2 + attempts * (attempts - 1);
    s.dovecot(at.after_ms(200), format_args!("auth: passwd-file({user},{address},<{session}>): Password mismatch"));
    s.dovecot(
        at.after_secs(seconds).after_ms(210),
        format_args!(
            "{service}: Disconnected: Aborted login by logging out (auth failed, {attempts} attempts in {seconds} secs): \
             user=<{user}>, method=PLAIN, rip={address}, lip={OUR_ADDRESS}, TLS, session=<{session}>"
        ),
    );
}

/// A program that opens one connection more than a user may have.
pub fn too_many_connections(s: &mut Scribe, at: Moment, service: &str, user: &str, place: usize) {
    let session = s.session_id();
    s.dovecot(
        at,
        format_args!(
            "{service}: Disconnected: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10): \
             user=<{user}>, method=PLAIN, rip=198.51.100.{place}, lip={OUR_ADDRESS}, TLS, session=<{session}>"
        ),
    );
}

/// Somebody knocks at a log-in service and knows nothing to say.
pub fn knock(s: &mut Scribe, at: Moment) {
    let session = s.session_id();
    let address = format!("192.0.2.{}", s.rng.within(30..=250));
    let (service, ends) = *s.rng.pick(&[
        ("imap-login", "Disconnected: Connection closed (no auth attempts in 0 secs)"),
        ("pop3-login", "Disconnected: Connection closed (no auth attempts in 1 secs)"),
        ("imap-login", "Disconnected: Too many invalid commands (no auth attempts in 0 secs)"),
        ("pop3-login", "Disconnected: Disconnected: Too many bad commands (no auth attempts in 0 secs)"),
        ("imap-login", "Disconnected: Inactivity (no auth attempts in 180 secs)"),
    ]);
    s.dovecot(at, format_args!("{service}: {ends}: user=<>, rip={address}, lip={OUR_ADDRESS}, session=<{session}>"));
}
