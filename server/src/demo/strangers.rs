//! Who comes to the SMTP ports without mail for anyone here: listed senders, guessers of addresses and passwords,
//! broken programs, and those that come too often. In the words of Postfix 3.7.

use super::cast::{MAILBOXES, OUTSIDERS};
use super::page::Moment;
use super::scribe::Scribe;

/// A client without a name, from the range where strangers live.
fn stranger(s: &mut Scribe) -> String {
    format!("unknown[192.0.2.{}]", s.rng.within(30..=250))
}

/// One visit of somebody.
pub fn visit(s: &mut Scribe, at: Moment) {
    match s.rng.within(0..=99) {
        0..34 => listed(s, at),
        34..56 => unknown_user(s, at),
        56..66 => relay_attempt(s, at),
        66..78 => password_guess(s, at),
        78..84 => web_browser(s, at),
        84..89 => unknown_commands(s, at),
        89..94 => breaks_off(s, at),
        94..97 => too_many_errors(s, at),
        97..99 => pipelining(s, at),
        _ => too_often(s, at),
    }
}

struct Visit {
    at: Moment,
    smtpd: u32,
    client: String,
}

fn connect(s: &mut Scribe, at: Moment, client: String) -> Visit {
    let smtpd = s.pid();
    s.postfix(at, "smtpd", smtpd, format_args!("connect from {client}"));
    Visit { at: s.later(at, 100, 900), smtpd, client }
}

impl Visit {
    fn say(&mut self, s: &mut Scribe, message: std::fmt::Arguments<'_>) {
        s.postfix(self.at, "smtpd", self.smtpd, message);
        self.at = s.later(self.at, 60, 600);
    }

    /// A refused recipient.
    fn refuse(&mut self, s: &mut Scribe, reply: &str, to: &str) {
        let from = format!("{}@bulk.example", s.rng.pick(OUTSIDERS));
        let client = self.client.clone();
        self.say(
            s,
            format_args!(
                "NOQUEUE: reject: RCPT from {client}: {reply}; from=<{from}> to=<{to}> proto=ESMTP helo=<mail.bulk.example>"
            ),
        );
    }

    fn disconnect(mut self, s: &mut Scribe, counts: &str) {
        let client = self.client.clone();
        self.say(s, format_args!("disconnect from {client} {counts}"));
    }
}

fn listed(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let address = client.trim_start_matches("unknown[").trim_end_matches(']').to_owned();
    let mut visit = connect(s, at, client);
    let to = s.rng.pick(MAILBOXES).address;
    let reply = format!(
        "554 5.7.1 Service unavailable; Client host [{address}] blocked using zen.rbl.example; https://rbl.example/query/{address}"
    );
    visit.refuse(s, &reply, to);
    visit.disconnect(s, "ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4");
}

fn unknown_user(s: &mut Scribe, at: Moment) {
    let client = format!("mx{}.bulk.example[203.0.113.{}]", s.rng.within(1..=4), s.rng.within(150..=160));
    let mut visit = connect(s, at, client);
    let domain = s.rng.pick(MAILBOXES).domain();
    let guesses = s.rng.within(1..=3);
    for _ in 0..guesses {
        let to = format!("{}@{domain}", s.rng.pick(OUTSIDERS));
        let reply = format!("550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table");
        visit.refuse(s, &reply, &to);
    }
    visit.disconnect(s, &format!("ehlo=1 mail=1 rcpt=0/{guesses} quit=1 commands=3/{}", 3 + guesses));
}

fn relay_attempt(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let mut visit = connect(s, at, client);
    let to = format!("{}@elsewhere.example", s.rng.pick(OUTSIDERS));
    visit.refuse(s, &format!("554 5.7.1 <{to}>: Relay access denied"), &to);
    visit.disconnect(s, "ehlo=1 mail=1 rcpt=0/1 rset=1 quit=1 commands=4/5");
}

fn password_guess(s: &mut Scribe, at: Moment) {
    const SERVICE: &str = "submission/smtpd";
    let (smtpd, client) = (s.pid(), stranger(s));
    let user = s.rng.pick(MAILBOXES).address;
    s.postfix(at, SERVICE, smtpd, format_args!("connect from {client}"));
    let at = s.later(at, 900, 2_400);
    s.postfix(
        at,
        SERVICE,
        smtpd,
        format_args!("warning: {client}: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username={user}"),
    );
    let at = s.later(at, 40, 90);
    s.postfix(at, SERVICE, smtpd, format_args!("disconnect from {client} ehlo=1 auth=0/1 quit=1 commands=2/3"));
}

fn web_browser(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let mut visit = connect(s, at, client.clone());
    visit.say(s, format_args!("warning: non-SMTP command from {client}: GET / HTTP/1.1"));
    visit.disconnect(s, "unknown=0/1 commands=0/1");
}

fn unknown_commands(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let visit = connect(s, at, client);
    visit.disconnect(s, "ehlo=1 quit=1 unknown=0/2 commands=2/4");
}

fn breaks_off(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let mut visit = connect(s, at, client.clone());
    let (ends, counts) = *s.rng.pick(&[
        ("lost connection after RCPT from", "ehlo=1 mail=1 rcpt=1 commands=3"),
        ("timeout after DATA (2113 bytes) from", "ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4"),
        ("lost connection after DATA (417 bytes) from", "ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4"),
        ("lost connection after EHLO from", "ehlo=1 commands=1"),
    ]);
    visit.say(s, format_args!("{ends} {client}"));
    visit.disconnect(s, counts);
}

fn too_many_errors(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let mut visit = connect(s, at, client.clone());
    visit.say(s, format_args!("too many errors after UNKNOWN from {client}"));
    visit.disconnect(s, "ehlo=1 unknown=0/20 commands=1/21");
}

fn pipelining(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let mut visit = connect(s, at, client.clone());
    visit.say(
        s,
        format_args!("improper command pipelining after EHLO from {client}: MAIL FROM:<a@bulk.example>\\r\\nRCPT TO:<b@example.com>\\r\\n"),
    );
    visit.disconnect(s, "ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4");
}

fn too_often(s: &mut Scribe, at: Moment) {
    let client = stranger(s);
    let mut at = at;
    for count in 31..=30 + s.rng.within(2..=6) {
        let mut visit = connect(s, at, client.clone());
        visit.say(s, format_args!("warning: Connection rate limit exceeded: {count} from {client} for service smtp"));
        at = visit.at;
        visit.disconnect(s, "commands=0/0");
    }
}
