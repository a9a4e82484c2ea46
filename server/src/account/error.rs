//! Why something about an account cannot be done.

/// The sentences are for whoever asked; what is behind `Store` is for the log.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("an account's name has letters, digits and . - _ + @ = ~ alone, at most 320 bytes of them")]
    BadName,
    #[error("an account is rooted at (server), a domain or a mailbox")]
    BadRoot,
    #[error("there is an account of this name already")]
    NameTaken,
    #[error("there is no account of this name")]
    NoSuchAccount,
    #[error("there are {} tokens already: remove one first", super::MAX_TOKENS)]
    TooManyTokens,
    #[error("whoever asked is signed out by now")]
    SignedOut,
    #[error("cannot use the file of accounts")]
    Store(#[source] anyhow::Error),
}

impl From<rusqlite::Error> for AccountError {
    fn from(error: rusqlite::Error) -> AccountError {
        AccountError::Store(error.into())
    }
}
