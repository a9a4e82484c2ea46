//! The whole permission system: an account is rooted at a subject and sees that subject's subtree, nothing else.

use mailtally_model::wire::Account;
use mailtally_model::{Report, Subject, catalogue};

use super::error::Refusal;

/// Whoever asks.
#[derive(Clone, Debug)]
pub struct Asker {
    account: Account,
}

impl Asker {
    pub fn admin() -> Asker {
        Asker { account: Account { name: "admin".to_owned(), root: Subject::Server } }
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whether a subject may be seen, or so much as named.
    pub fn sees(&self, subject: &Subject) -> bool {
        subject.is_within(&self.account.root)
    }

    /// The subject of a request: the root if none is named. One outside the root is as if absent.
    pub fn subject(&self, name: Option<&str>) -> Result<Subject, Refusal> {
        let Some(name) = name else { return Ok(self.account.root.clone()) };
        let subject = name.parse().map_err(|_| Refusal::NotFound)?;
        if self.sees(&subject) { Ok(subject) } else { Err(Refusal::NotFound) }
    }

    /// A report, where it exists for a subject.
    pub fn report(&self, id: &str, subject: &Subject) -> Result<&'static Report, Refusal> {
        catalogue::find(id).filter(|report| report.exists_for(subject)).ok_or(Refusal::NotFound)
    }

    /// Ids of the reports that exist somewhere in the subtree, in menu order.
    pub fn reports(&self) -> Vec<String> {
        let root = self.account.root.scope();
        let within = |report: &&Report| report.scopes.iter().any(|scope| *scope >= root);
        catalogue::REPORTS.iter().filter(within).map(|report| report.id.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooted(name: &str) -> Asker {
        let root = name.parse().expect("a subject");
        Asker { account: Account { name: "someone".to_owned(), root } }
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
        assert_eq!(Asker::admin().reports().len(), 19);
        let ids = rooted("example.com").reports();
        assert!(!ids.contains(&"server-status".to_owned()) && ids.contains(&"smtp-in-errors".to_owned()));
        assert!(!rooted("ann@example.com").reports().contains(&"smtp-in-errors".to_owned()));
    }
}
