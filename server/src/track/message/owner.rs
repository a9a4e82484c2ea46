//! Whose message it is (SEMANTICS R9, R10), and its priority class (1.4).

use std::sync::Arc;

use super::{Message, Origin};
use crate::event::{Class, Sender, Subjects};
use crate::settings::MailSettings;
use crate::text::{Text, around_at};
use crate::track::names::{Mailbox, Ours, unwound};

/// Users that are no person on any system; where the number is logged, the settings say below which.
const DAEMONS: &[&str] = &[
    "root",
    "daemon",
    "bin",
    "sys",
    "mail",
    "news",
    "uucp",
    "www-data",
    "apache",
    "nginx",
    "backup",
    "list",
    "nobody",
    "Debian-exim",
    "exim",
    "mailnull",
    "postgres",
    "mysql",
    "logcheck",
];

/// Whose message it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Mailbox(Mailbox),
    /// A domain of ours that sent on what another one wrote (SRS).
    Forwarder(Subjects),
    /// One of ours, without a name that is a mailbox: `(unattributed)`.
    Unattributed,
    /// It came in from outside, or was made here.
    None,
}

impl Message {
    pub fn owner(&self, settings: &MailSettings, ours: &Ours) -> Owner {
        let local_sender = || {
            let sender = self.sender_mailbox(settings, ours).filter(|sender| ours.has(sender.domain()))?;
            Some(match self.sender().and_then(unwound) {
                Some(_) => Owner::Forwarder(Arc::clone(sender.domain_subjects())),
                None => Owner::Mailbox(sender),
            })
        };
        // A user of the system whose address is not known.
        let of_this_host = |name: &str| {
            let of_host = || Mailbox::of_login(name.as_bytes(), Some(&self.host)).map(Owner::Mailbox);
            ours.has(&self.host).then(of_host).flatten().unwrap_or(Owner::Unattributed)
        };
        match &self.origin {
            Origin::Smtp { user: Some(user), .. } => {
                ours.logged_in(user.as_bytes(), settings).map_or(Owner::Unattributed, Owner::Mailbox)
            }
            Origin::Pickup { .. } | Origin::Local { .. } if self.is_null_sender() => Owner::None,
            Origin::Pickup { uid } => local_sender().unwrap_or_else(|| of_this_host(&format!("uid:{uid}"))),
            Origin::Local { login } => local_sender().unwrap_or_else(|| of_this_host(login)),
            Origin::Smtp { ip, .. } if ours.trusts(ip, settings) => local_sender().unwrap_or(Owner::None),
            Origin::Smtp { .. } | Origin::Unknown => Owner::None,
        }
    }

    /// Who sent it, for the events of those whom it reached.
    pub fn from(&self, settings: &MailSettings, ours: &Ours) -> Option<Sender> {
        let address = Text::clone(self.sender_text()?);
        let whose = match self.owner(settings, ours) {
            // No line says who handed it in: it is for whose address it bears, who may be one of ours.
            Owner::None if self.origin == Origin::Unknown && !self.is_null_sender() => {
                let sender = self.sender_mailbox(settings, ours);
                Some(sender.map(|sender| Arc::clone(sender.subjects())).unwrap_or_default())
            }
            Owner::None => None,
            owner => Some(owner_subjects(&owner)),
        };
        Some(Sender { address, whose })
    }

    /// The domain whose being ours would change the owner.
    pub fn awaited_domain(&self, settings: &MailSettings, ours: &Ours) -> Option<String> {
        self.sender()?;
        let depends = match &self.origin {
            Origin::Pickup { .. } | Origin::Local { .. } => true,
            Origin::Smtp { ip, user: None, .. } => ours.trusts(ip, settings),
            _ => false,
        };
        if !depends {
            return None;
        }
        let sender = self.sender_mailbox(settings, ours)?;
        (!ours.has(sender.domain())).then(|| sender.domain().to_owned())
    }

    fn sender_mailbox(&self, settings: &MailSettings, ours: &Ours) -> Option<Mailbox> {
        ours.addressed(self.sender()?.as_bytes(), settings)
    }

    /// Ordered rules, the first that matches (1.4); from facts that are known at the first activation.
    pub fn class(&self, settings: &MailSettings) -> Class {
        let sender = self.sender().unwrap_or("?");
        let local = around_at(sender).map_or(sender, |(local, _)| local);
        let is_daemon = match &self.origin {
            Origin::Pickup { uid } => *uid < settings.first_person_uid,
            Origin::Local { login } => DAEMONS.contains(&&**login),
            _ => false,
        };
        if sender.is_empty() || is_daemon || local.eq_ignore_ascii_case("mailer-daemon") || local == "double-bounce" {
            return Class::System;
        }
        if self.is_bulk || is_list_sender(settings, sender, local) {
            return Class::Lists;
        }
        match &self.origin {
            Origin::Smtp { user: Some(_), .. } if self.is_urgent => Class::Urgent,
            Origin::Smtp { user, is_submission, .. } if user.is_some() || *is_submission => Class::Submission,
            Origin::Pickup { .. } | Origin::Local { .. } => Class::Submission,
            _ => Class::Normal,
        }
    }
}

pub fn owner_subjects(owner: &Owner) -> Subjects {
    match owner {
        Owner::Mailbox(owner) => Arc::clone(owner.subjects()),
        Owner::Forwarder(domain) => Arc::clone(domain),
        Owner::Unattributed | Owner::None => Subjects::default(),
    }
}

/// `owner-list@`, `list-bounces@`, VERP (`list-bounces+ann=outside.example@`), and what the settings list.
fn is_list_sender(settings: &MailSettings, sender: &str, local: &str) -> bool {
    // Nearly all are people's, and asked no further: each of these forms has one of the two signs.
    let may_be_list = local.bytes().any(|byte| byte == b'-' || byte == b'=');
    let begins = |with: &str| local.get(..with.len()).is_some_and(|part| part.eq_ignore_ascii_case(with));
    let ends = |with: &str| {
        let at = local.len().checked_sub(with.len());
        at.and_then(|at| local.get(at..)).is_some_and(|part| part.eq_ignore_ascii_case(with))
    };
    let is_listed = || {
        settings.list_senders.iter().any(|entry| match entry.strip_prefix('@') {
            Some(domain) => sender.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain)),
            None => entry.eq_ignore_ascii_case(sender),
        })
    };
    let is_verp = || local.contains('=') && (local.contains('+') || local.contains('-')) && !begins("srs");
    may_be_list && (begins("owner-") || ends("-owner") || ends("-bounces") || is_verp()) || is_listed()
}
