//! The whole permission system: an account is rooted at a subject and sees that subject's subtree, nothing else. Every
//! question about who may see what ends in [`Asker::sees`].

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use mailtally_model::account::Means;
use mailtally_model::wire::{self, Answer};
use mailtally_model::{Column, Measure, Report, Scope, Subject, catalogue};

use super::error::Refusal;
use crate::account::{Account, Session, Standing};
use crate::settings::AccountSettings;
use crate::store::IfAbsent;

/// Whoever asks. There is one only after the gate has let someone in.
#[derive(Clone, Debug)]
pub struct Asker {
    account: wire::Account,
    entry: Entry,
    hidden: Vec<String>,
}

/// How they were let in.
#[derive(Clone, Debug)]
pub enum Entry {
    /// With a session, of an account or of a mailbox.
    Session(Session),
    /// By a trusted proxy; with the account, if the name has one.
    Proxy(Option<i64>),
    /// With a token, which reads and changes nothing, of an account that is rooted here.
    Token(Subject),
}

impl Asker {
    pub fn new(name: String, root: Subject, entry: Entry, settings: &AccountSettings) -> Asker {
        let mut hidden = hidden_from(settings, &root).to_vec();
        // A token shows no more than its account sees, however it is narrowed.
        if let Entry::Token(account_root) = &entry {
            let more = hidden_from(settings, account_root).iter().filter(|id| !hidden.contains(id));
            let more: Vec<String> = more.cloned().collect();
            hidden.extend(more);
        }
        Asker { account: wire::Account { name, root }, entry, hidden }
    }

    pub fn account(&self) -> &wire::Account {
        &self.account
    }

    pub fn means(&self) -> Means {
        match &self.entry {
            Entry::Session(session) if session.account.is_some() => Means::Account,
            Entry::Session(_) => Means::Mailbox,
            Entry::Proxy(_) => Means::Proxy,
            Entry::Token(_) => Means::Token,
        }
    }

    pub fn session(&self) -> Option<&Session> {
        match &self.entry {
            Entry::Session(session) => Some(session),
            Entry::Proxy(_) | Entry::Token(_) => None,
        }
    }

    /// The account behind whoever asks, where they may change it.
    pub fn account_id(&self) -> Option<i64> {
        match &self.entry {
            Entry::Session(session) => session.account.as_ref().map(|(id, _)| *id),
            Entry::Proxy(account) => *account,
            Entry::Token(_) => None,
        }
    }

    /// What a change is held against when it is made. `None` where nothing may be changed.
    pub fn standing(&self) -> Option<Standing> {
        match &self.entry {
            Entry::Session(session) => Some(Standing::Session(session.digest)),
            Entry::Proxy(account) => account.map(Standing::Account),
            Entry::Token(_) => None,
        }
    }

    /// Whether a subject may be seen, or so much as named. This is the permission rule; all else asks it.
    pub fn sees(&self, subject: &Subject) -> bool {
        subject.is_within(&self.account.root)
    }

    /// Whether an account may be seen and changed: whoever has accounts below them has them in their subtree.
    pub fn manages(&self, account: &Account) -> bool {
        self.manages_any() && self.sees(&account.root)
    }

    /// Whether whoever asks may have accounts below them at all: a person who answers for a server or a domain.
    pub fn manages_any(&self) -> bool {
        matches!(self.account.root.scope(), Scope::Server | Scope::Domain) && self.means() != Means::Token
    }

    /// The subject of a request: the root if none is named. One outside the root is as if absent.
    pub fn subject(&self, name: Option<&str>) -> Result<Subject, Refusal> {
        let Some(name) = name else { return Ok(self.account.root.clone()) };
        let subject = name.parse().map_err(|_| Refusal::NotFound)?;
        if self.sees(&subject) { Ok(subject) } else { Err(Refusal::NotFound) }
    }

    /// What a question about a subject comes to of which nothing is known: to be told that there is nothing about
    /// oneself tells nothing of anyone.
    pub fn if_absent(&self, subject: &Subject) -> IfAbsent {
        if *subject == self.account.root { IfAbsent::BeEmpty } else { IfAbsent::Refuse }
    }

    /// A report, where it exists for a subject and is not kept from whoever asks.
    pub fn report(&self, id: &str, subject: &Subject) -> Result<&'static Report, Refusal> {
        let has = |report: &&Report| report.exists_for(subject) && !self.is_hidden(report.id);
        catalogue::find(id).filter(has).ok_or(Refusal::NotFound)
    }

    /// Ids of the reports that exist somewhere in the subtree, in menu order.
    pub fn reports(&self) -> Vec<String> {
        let root = self.account.root.scope();
        let within = |report: &&Report| report.scopes.iter().any(|scope| *scope >= root) && !self.is_hidden(report.id);
        catalogue::REPORTS.iter().filter(within).map(|report| report.id.to_owned()).collect()
    }

    /// The columns of a report for a subject that are not kept from whoever asks.
    pub fn columns(&self, report: &'static Report, subject: &Subject) -> impl Iterator<Item = &'static Column> {
        report.columns_for(subject).filter(|column| !self.is_hidden(&format!("{}.{}", report.id, column.id)))
    }

    /// Every measure that some report shows to whoever asks.
    pub fn measures(&self) -> Vec<&'static Measure> {
        let reports = catalogue::REPORTS.iter().filter(|report| !self.is_hidden(report.id));
        let columns = reports.flat_map(|report| report.columns.iter().map(move |column| (report, column)));
        let shown = columns.filter(|(report, column)| !self.is_hidden(&format!("{}.{}", report.id, column.id)));
        let shown: Vec<&str> = shown.map(|(_, column)| column.measure().id).collect();
        catalogue::measures().into_iter().filter(|measure| shown.contains(&measure.id)).collect()
    }

    /// Takes out of an answer what is kept from whoever asks.
    pub fn narrow(&self, report: &'static Report, answer: &mut Answer) {
        if self.hidden.is_empty() {
            return;
        }
        let shown: Vec<&str> = self.columns(report, &answer.subject).map(|column| column.measure().id).collect();
        answer.values.retain(|measure| shown.contains(&measure.as_str()));
        answer.totals.retain(|measure| shown.contains(&measure.as_str()));
        answer.basis.retain(|measure| shown.contains(&measure.as_str()));
    }

    /// Reports and columns (`report.column`) that the settings keep from whoever asks.
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    fn is_hidden(&self, id: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == id)
    }
}

fn hidden_from<'a>(settings: &'a AccountSettings, root: &Subject) -> &'a [String] {
    match root.scope() {
        Scope::Server => &[],
        Scope::Domain | Scope::Service => &settings.hidden_from_domains,
        Scope::Mailbox => &settings.hidden_from_mailboxes,
    }
}

/// A handler that takes an `Asker` is reached by those alone who are signed in.
impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asker, Refusal> {
        parts.extensions.get::<Asker>().cloned().ok_or(Refusal::SignedOut)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Asker>, Refusal> {
        Ok(parts.extensions.get::<Asker>().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooted_with(name: &str, narrowing: AccountSettings) -> Asker {
        let root = name.parse().expect("a subject");
        Asker::new("someone".to_owned(), root, Entry::Proxy(None), &narrowing)
    }

    fn rooted(name: &str) -> Asker {
        rooted_with(name, AccountSettings::default())
    }

    #[test]
    fn a_domain_admin_sees_the_domain_and_nothing_beside_it() {
        // FAULTS 76
        let asker = rooted("example.com");
        for name in ["example.com", "EXAMPLE.com", "ann@example.com", "ann@Example.COM"] {
            assert!(asker.subject(Some(name)).is_ok(), "{name}");
        }
        let strange =
            ["(server)", "example.org", "sub.example.com", "ann@example.org", "clamav:mx1", "(other)", "", "@"];
        for name in strange {
            assert!(matches!(asker.subject(Some(name)), Err(Refusal::NotFound)), "{name}");
        }
        assert_eq!(
            asker.subject(None).expect("the root"),
            *"example.com".parse::<Subject>().as_ref().expect("a domain")
        );
    }

    #[test]
    fn reports_of_the_server_alone_are_not_a_domain_admins() {
        // FAULTS 77
        assert_eq!(rooted("(server)").reports().len(), catalogue::REPORTS.len());
        let ids = rooted("example.com").reports();
        assert!(!ids.contains(&"server-status".to_owned()) && ids.contains(&"smtp-in-errors".to_owned()));
        assert!(!rooted("ann@example.com").reports().contains(&"smtp-in-errors".to_owned()));
    }

    #[test]
    fn what_the_settings_hide_is_as_if_absent() {
        let settings = AccountSettings {
            hidden_from_domains: vec!["pop-usage".to_owned(), "pop-sessions.new_connections".to_owned()],
            ..AccountSettings::default()
        };
        let domain: Subject = "example.com".parse().expect("a domain");
        let asker = rooted_with("example.com", settings.clone());
        assert!(matches!(asker.report("pop-usage", &domain), Err(Refusal::NotFound)));
        assert!(!asker.reports().contains(&"pop-usage".to_owned()));
        let report = asker.report("pop-sessions", &domain).expect("a report");
        let columns: Vec<&str> = asker.columns(report, &domain).map(|column| column.id).collect();
        assert_eq!(columns, ["blocked_connections", "bad_commands", "terminations", "bandwidth"]);
        let admin = rooted_with("(server)", settings.clone());
        assert!(admin.report("pop-usage", &domain).is_ok() && admin.hidden().is_empty());
        // A domain admin's token for one mailbox shows no more of it than the domain admin sees.
        let mailbox: Subject = "ann@example.com".parse().expect("a mailbox");
        assert!(rooted_with("ann@example.com", settings.clone()).report("pop-usage", &mailbox).is_ok());
        let token = Asker::new("dora".to_owned(), mailbox.clone(), Entry::Token(domain), &settings);
        assert!(matches!(token.report("pop-usage", &mailbox), Err(Refusal::NotFound)));
    }
}
