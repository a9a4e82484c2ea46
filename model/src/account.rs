//! What goes over HTTP about accounts. The server writes these, the app reads them, and the other way round.

use serde::{Deserialize, Serialize};

use crate::json::{reads, reads_word};
use crate::subject::Subject;
use crate::time::Time;

/// `GET /api/status`: what there is to know without being signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    /// Whether the data is made up by `mailtally demo`.
    pub demo: bool,
    /// Whether the first account is made.
    pub set_up: bool,
    /// Whether the password of one's mailbox is good here, too.
    pub mailbox: bool,
}
reads!(Status { version, demo, set_up, mailbox });

/// How whoever asks was let in, which decides what they may change of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// With an account's password.
    #[default]
    Account,
    /// With the password of their mailbox.
    Mailbox,
    /// By a proxy that knows them.
    Proxy,
    /// A script, with a token.
    Token,
}
reads_word!(Means, Means::from_id);

impl Means {
    /// The word on the wire.
    pub fn from_id(id: &str) -> Option<Means> {
        match id {
            "account" => Some(Means::Account),
            "mailbox" => Some(Means::Mailbox),
            "proxy" => Some(Means::Proxy),
            "token" => Some(Means::Token),
            _ => None,
        }
    }
}

/// `POST /api/session`: a name and a password, or a link.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// `POST /api/setup`: the first account, a system admin.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    pub link: String,
    pub name: String,
    pub password: String,
}

/// `PUT /api/password`: another password of one's own.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    pub old: String,
    pub new: String,
}

/// `GET /api/accounts`: the accounts below whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountList {
    pub accounts: Vec<AccountRow>,
}
reads!(AccountList { accounts });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    pub name: String,
    pub root: Subject,
    pub is_disabled: bool,
    pub made: Time,
    pub last_login: Option<Time>,
}
reads!(AccountRow { name, root, is_disabled, made, last_login });

/// `POST /api/accounts`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    pub name: String,
    /// A subject as a person types it: a domain may have umlauts.
    pub root: String,
    pub password: String,
}

/// `PATCH /api/accounts/{name}`: what is absent stays.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_disabled: Option<bool>,
}

/// `GET /api/tokens`: one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    pub tokens: Vec<TokenRow>,
}
reads!(TokenList { tokens });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    pub id: i64,
    pub label: String,
    pub root: Subject,
    pub made: Time,
    pub used: Option<Time>,
}
reads!(TokenRow { id, label, root, made, used });

/// `POST /api/tokens`. Without a root it reads what its account sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
}

/// A token as it is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeToken {
    pub id: i64,
    pub secret: String,
}
reads!(MadeToken { id, secret });

/// `GET /api/audit`: who was let in, who was not, and what became of accounts; the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLog {
    pub entries: Vec<AuditRow>,
    /// What to ask for as `after` to get the page behind this one.
    pub next: Option<String>,
}
reads!(AuditLog { entries, next });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub time: Time,
    pub what: String,
    pub name: String,
    pub address: String,
}
reads!(AuditRow { time, what, name, address });
