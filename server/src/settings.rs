//! One TOML file; every key has a default; an unknown key is an error that names it.

/// What the tracker must know of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {}
