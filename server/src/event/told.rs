//! What of an event is told to whom. Its numbers are told to everyone for whom they are counted; its words, which come
//! from the log and may name anyone, only to those whose affair they are.
//!
//! One message concerns several: whoever is sent to sees that something came, and not from which address at home another
//! domain's user sent it, nor who else got a copy.

use std::borrow::Cow;

use mailtally_model::Subject;

use super::{Event, Kind, Refused, Sender};

/// Stands where an address was.
const MASK: &str = "…";

/// The words of an event that someone may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<'a> {
    pub peer: Option<&'a str>,
    /// Who sent the message, as its envelope has it.
    pub sender: Option<&'a str>,
    pub detail: Cow<'a, str>,
    /// What the log said that made it count.
    pub why: Option<Cow<'a, str>>,
    /// Something is not told: it is another's.
    pub is_withheld: bool,
}

impl Event {
    /// What may be read by whoever `sees` these subjects.
    pub fn words(&self, sees: &impl Fn(&Subject) -> bool) -> Words<'_> {
        let peer = self.peer.as_deref();
        let sender = self.sender().map(|sender| &*sender.address);
        let whole = Cow::Borrowed(&*self.detail);
        if sees(&Subject::Server) {
            let why = self.why().map(Cow::Borrowed);
            return Words { peer, sender, detail: whole, why, is_withheld: false };
        }
        if !self.affair().is_some_and(|whose| are_seen(whose, sees)) {
            return Words { peer: None, sender: None, detail: Cow::Borrowed(""), why: None, is_withheld: true };
        }
        let detail = if self.quotes_a_line() { masked(&self.detail, sees) } else { whole };
        let why = self.why().map(|why| masked(why, sees));
        let is_masked = matches!(detail, Cow::Owned(_)) || matches!(why, Some(Cow::Owned(_)));
        if self.tells_who_sent_it(sees) {
            return Words { peer, sender, detail, why, is_withheld: is_masked };
        }
        Words { peer: None, sender: None, detail, why, is_withheld: is_masked || sender.is_some() }
    }

    fn sender(&self) -> Option<&Sender> {
        match &self.kind {
            Kind::Delivery { from, .. } => from.as_ref(),
            _ => None,
        }
    }

    fn why(&self) -> Option<&str> {
        match &self.kind {
            Kind::SmtpSession { why, .. } | Kind::MailboxSession { why, .. } => why.as_deref(),
            _ => None,
        }
    }

    /// Whether one whose affair a delivery is may know from whom and where it came. The header of what came from elsewhere
    /// says so. What one of ours sent is told here as the event of the message itself tells it: to them alone.
    fn tells_who_sent_it(&self, sees: &impl Fn(&Subject) -> bool) -> bool {
        let Kind::Delivery { from, .. } = &self.kind else { return true };
        let Some(from) = from else { return false };
        from.whose.as_ref().is_none_or(|whose| !whose.is_empty() && are_seen(whose, sees))
    }

    /// Those of the subjects whose affair its words are. `None` where that is none of them.
    fn affair(&self) -> Option<&[Subject]> {
        match &self.kind {
            // Its sender's: the others only learn that it came. One from elsewhere is anyone's who gets it; one of a log-in that
            // is no mailbox is nobody's below the server.
            Kind::Message { is_outgoing: true, owners: 0, .. } => None,
            Kind::Message { owners, .. } => self.subjects.get(..usize::from(*owners)),
            // That of who logged in.
            Kind::SmtpSession { .. } if !self.detail.is_empty() => {
                let login = self.subjects.iter().position(|subject| is_log_in_of(&self.detail, subject));
                login.map_or(Some(&*self.subjects), |at| self.subjects.get(at..=at))
            }
            // Of the recipient's domain, which learns what a stranger tried and not what another's user did.
            Kind::Refused { has_login: true, .. } => None,
            _ => Some(&self.subjects),
        }
    }

    /// Whether its detail is a daemon's line or reply as it stands, with whatever names are in it.
    fn quotes_a_line(&self) -> bool {
        matches!(
            self.kind,
            // One recipient's refusal names them and who sends; a message's may name all it goes to.
            Kind::Refused { what: Refused::Message, .. }
                | Kind::SpamBlocked { .. }
                | Kind::Throttled { .. }
                | Kind::SpamConnection
                | Kind::SpamScan { .. }
                | Kind::VirusScan { .. }
                | Kind::FilterFailed(_)
        )
    }
}

/// Whether all are seen: themselves, or as the domain of one that is. A service is no one's secret.
fn are_seen(subjects: &[Subject], sees: &impl Fn(&Subject) -> bool) -> bool {
    let has_seen_below = |above: &Subject| subjects.iter().any(|below| below.is_within(above) && sees(below));
    subjects.iter().all(|subject| matches!(subject, Subject::Service(..)) || has_seen_below(subject))
}

/// A log-in is the mailbox's address, or its local part alone.
fn is_log_in_of(login: &str, subject: &Subject) -> bool {
    let Subject::Mailbox(address) = subject else { return false };
    let local = address.rsplit_once('@').map_or(address.as_str(), |(local, _)| local);
    login.eq_ignore_ascii_case(address) || login.eq_ignore_ascii_case(local)
}

/// The text without the addresses that are not seen.
fn masked<'a>(text: &'a str, sees: &impl Fn(&Subject) -> bool) -> Cow<'a, str> {
    let mut told = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices('@') {
        // Within what was masked already: a second sign in one address.
        if at < done {
            continue;
        }
        let from = done + start_of_local_part(&text[done..at]);
        let until = at + 1 + text[at + 1..].find(is_delimiter).unwrap_or(text.len() - at - 1);
        let address = text[from..until].trim_end_matches('.');
        if address.parse().is_ok_and(|subject| sees(&subject)) {
            continue;
        }
        told.push_str(&text[done..from]);
        told.push_str(MASK);
        done = from + address.len();
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    told.push_str(&text[done..]);
    Cow::Owned(told)
}

/// Where the local part begins that ends this text: it may stand in quotes.
fn start_of_local_part(text: &str) -> usize {
    if let Some(quoted) = text.strip_suffix('"') {
        return quoted.rfind('"').unwrap_or(0);
    }
    text.rfind(is_delimiter).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8))
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "<>()[]{},;:\"'\\".contains(c)
}

#[cfg(test)]
mod tests {
    use mailtally_model::Time;

    use super::super::{Class, Limit};
    use super::*;

    fn subjects(names: &[&str]) -> Vec<Subject> {
        names.iter().map(|name| name.parse().expect("a subject")).collect()
    }

    fn event(kind: Kind, names: &[&str], detail: &str) -> Event {
        Event {
            time: Time(0),
            host: "mx1".into(),
            subjects: subjects(names).into(),
            peer: Some("home.example.net[192.0.2.7]".into()),
            bytes: None,
            duration_ms: None,
            detail: detail.into(),
            kind,
        }
    }

    /// What the account of a root reads.
    fn read(event: &Event, root: &str) -> (Option<String>, String, bool) {
        let root: Subject = root.parse().expect("a root");
        let words = event.words(&|subject: &Subject| subject.is_within(&root));
        (words.peer.map(str::to_owned), words.detail.into_owned(), words.is_withheld)
    }

    fn is_told(event: &Event, root: &str) -> bool {
        let (peer, detail, is_withheld) = read(event, root);
        let is_all = (peer.as_deref(), &*detail) == (event.peer.as_deref(), &*event.detail);
        assert!(is_withheld != is_all && (is_all || (peer, detail) == (None, String::new())), "{root}");
        is_all
    }

    const BOTH: [&str; 4] = ["ann@alfa.example", "alfa.example", "bob@bravo.example", "bravo.example"];

    #[test]
    fn a_message_s_words_are_its_sender_s() {
        // FAULTS 76
        let sent = |is_outgoing, owners| Kind::Message {
            class: Class::Normal,
            is_outgoing,
            is_over_smtp: true,
            is_spam: false,
            owners,
        };
        let from_ann = event(sent(true, 2), &BOTH, "4XYZ from <ann@alfa.example>");
        for root in ["(server)", "alfa.example", "ann@alfa.example"] {
            assert!(is_told(&from_ann, root), "{root}");
        }
        for root in ["bravo.example", "bob@bravo.example", "eve@alfa.example"] {
            assert!(!is_told(&from_ann, root), "{root}");
        }
        let from_elsewhere = event(sent(false, 0), &BOTH, "4XYZ from <x@elsewhere.example>");
        assert!(is_told(&from_elsewhere, "bob@bravo.example"));
        let from_no_mailbox = event(sent(true, 0), &BOTH, "4XYZ from <backup@alfa.example>");
        assert!(is_told(&from_no_mailbox, "(server)") && !is_told(&from_no_mailbox, "bob@bravo.example"));
    }

    #[test]
    fn who_sent_a_delivery_is_told_to_whom_it_reached_unless_it_is_another_s_affair() {
        // FAULTS 76
        let delivery = |from| {
            let kind = Kind::Delivery { class: Class::Normal, is_spam: false, from };
            event(kind, &["bob@bravo.example", "bravo.example"], "4XYZ to <bob@bravo.example>: 250 Saved")
        };
        let from = |address: &str, whose: Option<&[&str]>| {
            Some(Sender { address: address.into(), whose: whose.map(|whose| subjects(whose).into()) })
        };
        let read = |event: &Event, root: &str| {
            let root: Subject = root.parse().expect("a root");
            let words = event.words(&|subject: &Subject| subject.is_within(&root));
            assert!(words.detail.starts_with("4XYZ"), "{root} knows of what it got");
            assert_eq!(words.peer.is_some(), words.sender.is_some(), "the client is told with the sender");
            (words.sender.map(str::to_owned), words.is_withheld)
        };
        let told = |address: &str| (Some(address.to_owned()), false);

        let from_elsewhere = delivery(from("x@elsewhere.example", None));
        let from_ann = delivery(from("ann@alfa.example", Some(&["ann@alfa.example", "alfa.example"])));
        let from_someone_here = delivery(from("ann@alfa.example", Some(&[])));
        for root in ["bob@bravo.example", "bravo.example"] {
            assert_eq!(read(&from_elsewhere, root), told("x@elsewhere.example"), "{root}");
            assert_eq!(read(&from_ann, root), (None, true), "{root}");
            assert_eq!(read(&from_someone_here, root), (None, true), "{root}");
        }
        assert_eq!(read(&from_ann, "(server)"), told("ann@alfa.example"));
        assert_eq!(read(&from_someone_here, "(server)"), told("ann@alfa.example"));
        let from_a_colleague = delivery(from("al@bravo.example", Some(&["al@bravo.example", "bravo.example"])));
        assert_eq!(read(&from_a_colleague, "bravo.example"), told("al@bravo.example"));
        assert_eq!(read(&from_a_colleague, "bob@bravo.example"), (None, true));
        // Whose affair it is to have sent it does not learn more of whom it reached.
        assert!(!is_told(&from_ann, "ann@alfa.example"));

        // As it was kept before it said who sent it.
        let before = Event { peer: None, ..delivery(None) };
        assert_eq!(read(&before, "bob@bravo.example"), (None, false));
    }

    #[test]
    fn the_words_upon_which_a_session_counts_are_told_with_it() {
        let why = "4.7.1 <bob@bravo.example>: Recipient address rejected: try <ann@alfa.example>";
        let kind = Kind::SmtpSession {
            has_start: true,
            is_inferred: false,
            is_blocked: true,
            bad_commands: 0,
            is_terminated: false,
            why: Some(why.into()),
        };
        let session = event(kind, &["ann@alfa.example", "alfa.example"], "");
        let read = |root: &str| {
            let root: Subject = root.parse().expect("a root");
            let words = session.words(&|subject: &Subject| subject.is_within(&root));
            (words.why.map(Cow::into_owned), words.is_withheld)
        };
        assert_eq!(read("(server)"), (Some(why.to_owned()), false));
        let masked = why.replace("bob@bravo.example", MASK);
        assert_eq!(read("ann@alfa.example"), (Some(masked), true));
        assert_eq!(read("bravo.example"), (None, true));
    }

    #[test]
    fn a_session_s_words_are_of_who_logged_in() {
        // FAULTS 76
        let kind = || Kind::SmtpSession {
            why: None,
            has_start: true,
            is_inferred: false,
            is_blocked: false,
            bad_commands: 0,
            is_terminated: false,
        };
        for login in ["ann@alfa.example", "ANN@alfa.example", "ann"] {
            let session = event(kind(), &BOTH, login);
            assert!(is_told(&session, "ann@alfa.example") && is_told(&session, "alfa.example"), "{login}");
            assert!(!is_told(&session, "bravo.example") && !is_told(&session, "bob@bravo.example"), "{login}");
        }
        // A log-in that is none of the subjects, and a client without one that served both.
        for login in ["carl@charlie.example", ""] {
            let session = event(kind(), &BOTH, login);
            assert!(is_told(&session, "(server)") && !is_told(&session, "alfa.example"), "{login}");
        }
        assert!(is_told(&event(kind(), &BOTH[..2], ""), "ann@alfa.example"));
    }

    #[test]
    fn what_another_s_user_was_refused_is_not_told() {
        // FAULTS 76
        let refused = |has_login| Kind::Refused { what: Refused::Recipient, in_blocked_session: false, has_login };
        let reply = "553 5.7.1 <ann@alfa.example>: Sender address rejected: not owned by user bob@bravo.example";
        assert!(is_told(&event(refused(false), &["alfa.example"], reply), "alfa.example"));
        assert!(!is_told(&event(refused(true), &["alfa.example"], reply), "alfa.example"));
        assert!(is_told(&event(refused(true), &["alfa.example"], reply), "(server)"));
        let message = Kind::Refused { what: Refused::Message, in_blocked_session: false, has_login: false };
        let by_milter = event(message, &["alfa.example"], "5.7.1 Spam message rejected for bob@bravo.example");
        assert_eq!(read(&by_milter, "alfa.example").1, "5.7.1 Spam message rejected for …");
    }

    #[test]
    fn a_quoted_line_is_told_without_others_addresses() {
        // FAULTS 76
        let line = "Blocked SPAM, [192.0.2.9] <s@bulk.test> -> <ann@alfa.example>,<\"b o b\"@bravo.example>, \
                    <bob@bravo.example.>,bob=bravo.example@srs.test, a@b@c, <ann@ALFA.example>, @, Hits: 17";
        let blocked = event(Kind::SpamBlocked { is_outgoing: false }, &["ann@alfa.example", "alfa.example"], line);
        let (_, detail, is_withheld) = read(&blocked, "alfa.example");
        assert_eq!(
            detail,
            "Blocked SPAM, [192.0.2.9] <…> -> <ann@alfa.example>,<…>, <….>,…, …, <ann@ALFA.example>, …, Hits: 17"
        );
        assert!(is_withheld);
        assert_eq!(read(&blocked, "(server)"), (blocked.peer.as_deref().map(str::to_owned), line.to_owned(), false));
        assert!(!is_told(&blocked, "bravo.example"));

        let limit = Kind::Throttled { limit: Limit::MessagesSent, is_traffic: true, is_violation: true };
        let throttled =
            event(limit, &["ann@alfa.example", "alfa.example"], "quota of ann@alfa.example, Ümlaut@ö.example");
        assert_eq!(read(&throttled, "ann@alfa.example").1, "quota of ann@alfa.example, …");
        let service = event(Kind::SpamConnection, &["spamassassin:mx1", "ann@alfa.example"], "connection");
        assert!(is_told(&service, "ann@alfa.example"));
    }
}
