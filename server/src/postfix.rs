//! Postfix: a message of one of its daemons → a [`Fact`], or nothing of consequence, or not understood.
//!
//! Knows lines of Postfix 3.5 to 3.11 and nothing of counting. The wording is that of the daemons' sources;
//! where versions differ, the comment names the version that brought the change.

mod delivery;
mod nameless;
mod postscreen;
mod smtpd;

use crate::queue_id::QueueId;
use crate::text::{self, Parsed, address, address_field, leading_number, number, split};

pub use delivery::{Delays, Delivery, SUSPENDED, Status, Trouble, is_of_lmtp, is_of_smtp, queued_as};
pub use postscreen::Screened;

/// A client or a next hop: `mail.outside.example[203.0.113.10]`, with `:25` where ports are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer<'a> {
    pub name: &'a [u8],
    pub ip: &'a [u8],
    pub port: Option<u16>,
}

impl<'a> Peer<'a> {
    /// The peer at the start and the bytes after it.
    pub fn leading(bytes: &'a [u8]) -> Option<(Peer<'a>, &'a [u8])> {
        let (name, after) = bytes.split_at(memchr::memchr2(b'[', b' ', bytes)?);
        let after = after.strip_prefix(b"[")?;
        let (ip, rest) = after.split_at(memchr::memchr(b']', after)?);
        let rest = &rest[1..];
        let port = rest.strip_prefix(b":").and_then(leading_number);
        Some(match port.and_then(|(port, rest)| Some((u16::try_from(port).ok()?, rest))) {
            Some((port, rest)) => (Peer { name, ip, port: Some(port) }, rest),
            None => (Peer { name, ip, port: None }, rest),
        })
    }

    pub fn whole(bytes: &'a [u8]) -> Option<Peer<'a>> {
        Peer::leading(bytes).filter(|(_, rest)| rest.is_empty()).map(|(peer, _)| peer)
    }
}

/// Something that one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    Connect(Peer<'a>),
    /// How many unknown commands the client gave, good or not.
    Disconnect {
        client: Peer<'a>,
        unknown_commands: u32,
    },
    /// A message begins; no id before a before-queue filter (`NOQUEUE: client=`).
    Client {
        id: Option<QueueId>,
        client: Peer<'a>,
        sasl_username: Option<&'a [u8]>,
        /// By XFORWARD: the queue file that a filter got, and who had sent it.
        orig_queue_id: Option<QueueId>,
        orig_client: Option<Peer<'a>>,
    },
    Reject(Reject<'a>),
    /// The message grew beyond what is taken, at its end.
    TooLarge {
        id: QueueId,
    },
    /// A before-queue filter took the message and knows it as `queued_as`.
    ProxyAccept {
        queued_as: QueueId,
    },
    /// anvil's limits: refused once per line (LOG-LINES trap 22).
    OverLimit {
        what: AnvilLimit,
        client: Peer<'a>,
    },
    LoginFailed {
        client: Peer<'a>,
        user: Option<&'a [u8]>,
    },
    BadCommand {
        client: Peer<'a>,
        /// Text that is no command at all, upon which smtpd hangs up.
        is_not_smtp: bool,
    },
    BrokenOff {
        how: BrokenOff,
        client: Peer<'a>,
        /// Bytes of data that had come.
        bytes: Option<u64>,
    },
    MilterDown {
        address: &'a [u8],
    },
    MessageId {
        id: QueueId,
        message_id: &'a [u8],
    },
    /// `header_checks` with INFO.
    Header {
        id: QueueId,
        header: &'a [u8],
    },
    Pickup {
        id: QueueId,
        uid: u32,
        sender: &'a [u8],
        orig_id: Option<QueueId>,
    },
    Active {
        id: QueueId,
        sender: &'a [u8],
        size: Option<u64>,
    },
    Expired {
        id: QueueId,
    },
    /// The queue file is gone: done, or never to be done.
    Removed {
        id: QueueId,
    },
    Delivery(Delivery<'a>),
    /// `connect to HOST[ip]:port: reason`: the text after `connect to `.
    ConnectFailed {
        text: &'a [u8],
        host: Peer<'a>,
    },
    /// A next hop failed and another one is tried: no `to=` line is written for it.
    HopFailed {
        id: QueueId,
        host: Peer<'a>,
        response: &'a [u8],
    },
    /// This server wrote a notification, as a message of its own.
    Notification {
        id: QueueId,
        child: QueueId,
        is_non_delivery: bool,
    },
    /// postscreen, by the client's address and port.
    Screen {
        client: Peer<'a>,
        what: Screened<'a>,
    },
    /// master started or ended: no session goes on.
    Restart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnvilLimit {
    Connections,
    Messages,
    Recipients,
    Logins,
    TlsSessions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenOff {
    /// Within a mail transaction, by time, by too many errors, or in the TLS handshake.
    Terminated,
    /// Before a transaction began: mostly scanners, kept apart.
    Early,
}

/// A refusal of smtpd, cleanup, a milter or postscreen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject<'a> {
    /// None for NOQUEUE.
    pub id: Option<QueueId>,
    pub stage: Stage,
    /// None where a header's text stands before it.
    pub client: Option<Peer<'a>>,
    /// `550 5.1.1 <nobody@alpha.example>: Recipient address rejected: …`
    pub reply: &'a [u8],
    pub recipient: Option<&'a [u8]>,
    pub sender: Option<&'a [u8]>,
    /// Since 3.10.
    pub sasl_username: Option<&'a [u8]>,
    /// By a milter or a before-queue filter.
    pub is_by_filter: bool,
    /// A refusal of the client as such: DNS list, client access map, missing name (1.2, report 8).
    pub is_of_client: bool,
    /// 5xx, or 5.x.x where cleanup writes no code.
    pub is_permanent: bool,
}

impl Reject<'_> {
    /// For lines that end in LF alone: what the client sent is no SMTP.
    pub fn is_of_bare_lf(&self) -> bool {
        self.reply == smtpd::BARE_LF
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Connect,
    /// HELO, EHLO, STARTTLS, AUTH, VRFY and other commands that carry no mail.
    Command,
    Mail,
    Rcpt,
    Data,
    EndOfMessage,
    /// header_checks and body_checks.
    Content,
}

/// Who of Postfix speaks: `postfix-mx-in/submission/smtpd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker<'a> {
    /// `postfix`, or the instance's own name.
    pub instance: &'a [u8],
    /// All of the program's name: two services of one daemon are told apart by it.
    pub program: &'a [u8],
    pub daemon: &'a [u8],
}

impl<'a> Speaker<'a> {
    pub fn parse(program: &'a [u8]) -> Option<Speaker<'a>> {
        // Names are too short for a search that prepares itself.
        let end = program.iter().rposition(|byte| *byte == b'/');
        let Some(end) = end else {
            return program.starts_with(b"postfix").then_some(Speaker { instance: program, program, daemon: b"" });
        };
        let instance = &program[..program.iter().position(|byte| *byte == b'/')?];
        let daemon = &program[end + 1..];
        (instance.starts_with(b"postfix") || DAEMONS.contains(&daemon)).then_some(Speaker { instance, program, daemon })
    }

    /// Whether the daemon takes mail from users: `postfix/submission/smtpd`, `postfix/smtps/smtpd`.
    pub fn is_submission(&self) -> bool {
        let mut parts = self.program.split(|byte| *byte == b'/').skip(1);
        parts.any(|part| part.starts_with(b"submission") || part == b"smtps" || part == b"465" || part == b"587")
    }
}

/// Daemons that a site may run under a `syslog_name` without "postfix" in it.
const DAEMONS: &[&[u8]] = &[
    b"smtpd",
    b"cleanup",
    b"qmgr",
    b"nqmgr",
    b"pickup",
    b"smtp",
    b"lmtp",
    b"local",
    b"virtual",
    b"pipe",
    b"bounce",
    b"postscreen",
    b"master",
    b"error",
    b"discard",
    b"anvil",
    b"postfix-script",
];

/// Daemons and tools whose lines move nothing.
const SILENT: &[&[u8]] = &[
    b"anvil",
    b"scache",
    b"tlsproxy",
    b"tlsmgr",
    b"verify",
    b"dnsblog",
    b"proxymap",
    b"proxywrite",
    b"postlogd",
    b"showq",
    b"flush",
    b"trivial-rewrite",
    b"postfix-script",
    b"sendmail",
    b"postdrop",
    b"postqueue",
    b"postalias",
    b"postmap",
    b"postconf",
    b"spawn",
    b"nbdb_reindexd",
    b"qmqpd",
    b"postmulti",
    b"postlog",
    b"postcat",
];

/// Reads one message.
pub fn parse<'a>(speaker: &Speaker<'a>, message: &'a [u8]) -> Parsed<Fact<'a>> {
    match speaker.daemon {
        b"smtpd" => smtpd::parse(message),
        b"cleanup" => cleanup(message),
        b"qmgr" | b"nqmgr" | b"oqmgr" => qmgr(message),
        b"pickup" => pickup(message),
        b"smtp" | b"lmtp" | b"local" | b"virtual" | b"pipe" | b"error" | b"discard" | b"retry" => {
            delivery::parse(speaker.daemon, message)
        }
        b"bounce" | b"defer" | b"trace" => bounce(message),
        b"postscreen" => postscreen::parse(message),
        b"master" => master(message),
        b"postsuper" => postsuper(message),
        b"" => nameless::parse(message),
        daemon if SILENT.contains(&daemon) => Parsed::Ignored,
        _ => Parsed::Unparsed,
    }
}

/// `4F2A: rest` → the id and the rest; `NOQUEUE: rest` → no id and the rest; else no id and all.
fn split_id(message: &[u8]) -> (Option<QueueId>, &[u8]) {
    match QueueId::leading(message) {
        Some((id, rest)) => (Some(id), rest),
        None => (None, message.strip_prefix(b"NOQUEUE: ").unwrap_or(message)),
    }
}

fn cleanup(message: &[u8]) -> Parsed<Fact<'_>> {
    let (Some(id), rest) = split_id(message) else {
        // Of mail that no smtpd took, it asks the milters.
        return match message.strip_prefix(b"warning: connect to Milter service ") {
            Some(rest) => smtpd::milter_down(rest),
            None => other(message),
        };
    };
    if let Some(message_id) = rest.strip_prefix(b"message-id=") {
        return Parsed::Fact(Fact::MessageId { id, message_id });
    }
    if let Some(header) = rest.strip_prefix(b"info: header ") {
        return Parsed::Fact(Fact::Header { id, header });
    }
    if rest.starts_with(b"reject: ") || rest.starts_with(b"milter-reject: ") {
        return Parsed::of(smtpd::reject(Some(id), rest).map(Fact::Reject));
    }
    // 3.10: `removed (canceled)`.
    if rest.starts_with(b"canceled") || rest.starts_with(b"removed") {
        return Parsed::Fact(Fact::Removed { id });
    }
    // header_checks refuse what was handed in on this host: nobody was there to be told so at once.
    if rest.starts_with(b"to=") {
        return delivery::parse(b"cleanup", message);
    }
    // warning, hold, discard, filter, redirect, prepend, replace, resent-message-id, milter-hold and the like:
    // what they do to the message shows in its later lines, or in their absence (LOG-LINES trap 14).
    Parsed::Ignored
}

fn qmgr(message: &[u8]) -> Parsed<Fact<'_>> {
    let (Some(id), rest) = split_id(message) else { return other(message) };
    // 3.10 says why: `removed (canceled)`, `removed (discarded)`.
    if rest == b"removed" || rest.starts_with(b"removed (") || rest == b"canceled" {
        return Parsed::Fact(Fact::Removed { id });
    }
    // What it puts off itself, such as for a transport that does not answer.
    if rest.starts_with(b"to=") {
        return delivery::parse(b"qmgr", message);
    }
    let Some(rest) = rest.strip_prefix(b"from=") else { return other(rest) };
    let Some((sender, rest)) = address_field(rest, &[b", size=", b", status="]) else { return Parsed::Unparsed };
    if let Some(rest) = rest.strip_prefix(b", size=") {
        let Some((size, _nrcpt)) = split(rest, b", nrcpt=") else { return Parsed::Unparsed };
        return Parsed::Fact(Fact::Active { id, sender, size: number(size) });
    }
    match rest.strip_prefix(b", status=") {
        Some(status) if status.starts_with(b"expired") || status.starts_with(b"force-expired") => {
            Parsed::Fact(Fact::Expired { id })
        }
        _ => Parsed::Unparsed,
    }
}

fn pickup(message: &[u8]) -> Parsed<Fact<'_>> {
    let (Some(id), rest) = split_id(message) else { return other(message) };
    let fact = || {
        let (uid, rest) = leading_number(rest.strip_prefix(b"uid=")?)?;
        let (sender, rest) = address(rest.strip_prefix(b" from=<")?, &[b"", b" orig_id="])?;
        let orig_id = rest.strip_prefix(b" orig_id=").and_then(QueueId::parse);
        Some(Fact::Pickup { id, uid: u32::try_from(uid).ok()?, sender, orig_id })
    };
    Parsed::of(fact())
}

fn bounce(message: &[u8]) -> Parsed<Fact<'_>> {
    let (Some(id), rest) = split_id(message) else { return other(message) };
    let Some((kind, child)) = split(rest, b" notification: ") else { return other(rest) };
    let Some(child) = QueueId::parse(child) else { return Parsed::Unparsed };
    let is_non_delivery = kind == b"sender non-delivery";
    Parsed::Fact(Fact::Notification { id, child, is_non_delivery })
}

fn master(message: &[u8]) -> Parsed<Fact<'_>> {
    if message.starts_with(b"daemon started") || message.starts_with(b"terminating on signal") {
        return Parsed::Fact(Fact::Restart);
    }
    Parsed::Ignored
}

fn postsuper(message: &[u8]) -> Parsed<Fact<'_>> {
    match split_id(message) {
        (Some(id), b"removed") => Parsed::Fact(Fact::Removed { id }),
        _ => Parsed::Ignored,
    }
}

/// Diagnostics of any daemon.
fn other<'a>(message: &'a [u8]) -> Parsed<Fact<'a>> {
    const WORDS: &[&[u8]] = &[
        b"warning: ",
        b"fatal: ",
        b"panic: ",
        b"error: ",
        b"statistics: ",
        b"skipped, ",
        b"using backwards-compatible",
        b"table ",
        b"name_mask",
        b"dict_",
        b"initializing ",
        b"setting up TLS",
        b"Issuing session ticket",
        b"SSL_",
        b"certificate ",
        b"CA certificate ",
        b"save session ",
        b"reusing session",
        b"process exit",
        b"reload ",
        b"enabling PIX ",
        b"breaking line",
        b"Cannot start TLS",
        b"sender delivery status",
        b"watchdog",
        b"host ",
        b"lost connection with ",
        b"conversation with ",
        // The recipient's own line follows.
        b"SASL ",
        b"TLS is required, ",
        // smtp_header_checks.
        b"replace: ",
        b"prepend: ",
        b"message-id=",
        b"resent-message-id=",
        // A bounce that could not be written is tried again.
        b"status=deferred (bounce failed)",
        // Of the TLS and SASL libraries, and of what they are told of a peer.
        b"Host offered STARTTLS",
        b"discarding EHLO keywords: ",
        b"Verified: ",
        b"Unverified: ",
        b"Trusted: ",
        b"Untrusted: ",
        b"looking for plugins ",
        b"cannot load ",
        b"unable to ",
        b"Used TLS for ",
        b"Peer verification: ",
        b"Peer certificate could not ",
        b"Server certificate could not ",
        b"verify error:",
        b"cert has expired",
        b"issuer=",
        // Of Cyrus SASL and its SQL plug-in.
        b"sql plugin ",
        b"sql auxprop plugin ",
        b"begin transaction",
        b"commit transaction",
        b"OTP unavailable ",
        // Of the resolver.
        b"gethostby",
    ];
    // The second is of certificates that clients showed: `mail.example[192.0.2.1]: Trusted: subject_CN=…`.
    let is_tls =
        || text::contains(message, b"TLS connection established ") || text::contains(message, b": subject_CN=");
    if WORDS.iter().any(|word| message.starts_with(word)) || is_tls() { Parsed::Ignored } else { Parsed::Unparsed }
}

#[cfg(test)]
mod tests;
