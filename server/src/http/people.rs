//! `/api/accounts`: the accounts below whoever asks; `/api/audit`: what became of them. An account elsewhere is as if
//! absent.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mailtally_model::account::{AccountChange, AccountList, AccountRow, AuditLog, AuditRow, NewAccount};
use mailtally_model::{Scope, Subject};

use super::App;
use super::asker::Asker;
use super::body::Body;
use super::client::Client;
use super::error::Refusal;
use super::params::{self, AuditParams, InPath, bad};
use crate::account::password::Password;
use crate::account::{self, Account, AccountError};
use crate::collect;

pub async fn list(State(app): State<Arc<App>>, asker: Asker) -> Result<Json<AccountList>, Refusal> {
    let all = app.with_accounts(|accounts| Ok(accounts.all()?)).await?;
    let accounts = all.into_iter().filter(|account| asker.manages(account)).map(row).collect();
    Ok(Json(AccountList { accounts }))
}

pub async fn add(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<AccountRow>), Refusal> {
    let by = asker.standing().ok_or(Refusal::NotFound)?;
    let root = account::root(&new.root).ok_or(AccountError::BadRoot)?;
    let name = account::canonical_name(&new.name).ok_or(AccountError::BadName)?;
    if !asker.sees(&root) {
        return Err(Refusal::NotFound);
    }
    if asker.account().root.scope() != Scope::Server && !is_named_within(&name, &asker) {
        // Names are the whole server's: who tried one out must not learn which of another domain's are taken.
        return Err(bad(format!("the name of an account here is an address of {}", asker.account().root)));
    }
    let hash = app.hashing.hash(Password::chosen(&new.password, &name)?).await?;
    let wanted = name.clone();
    let made = app
        .with_accounts(move |accounts| {
            accounts.by(&by).add(&wanted, &root, &hash, collect::now())?;
            accounts.find(&wanted)?.ok_or(Refusal::NotFound)
        })
        .await?;
    app.note("account-added", said(&name, &asker), &client).await;
    Ok((StatusCode::CREATED, Json(row(made))))
}

pub async fn change(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
    InPath(name): InPath,
    Body(change): Body<AccountChange>,
) -> Result<Json<AccountRow>, Refusal> {
    let by = asker.standing().ok_or(Refusal::NotFound)?;
    let account = managed(&app, &asker, name).await?;
    let is_self = account.name == asker.account().name;
    if is_self && change.is_disabled == Some(true) {
        return Err(bad("nobody disables the account they are signed in with"));
    }
    if is_self && change.password.is_some() {
        return Err(bad("change a password of your own with the old one"));
    }
    let name = account.name.clone();
    if let Some(password) = &change.password {
        let hash = app.hashing.hash(Password::chosen(password, &name)?).await?;
        let (name, by) = (name.clone(), by.clone());
        app.with_accounts(move |accounts| Ok(accounts.by(&by).set_password(&name, &hash)?)).await?;
        app.note("password-set", said(&account.name, &asker), &client).await;
    }
    if let Some(is_disabled) = change.is_disabled {
        let name = name.clone();
        app.with_accounts(move |accounts| Ok(accounts.by(&by).set_disabled(&name, is_disabled)?)).await?;
        let what = if is_disabled { "account-disabled" } else { "account-enabled" };
        app.note(what, said(&account.name, &asker), &client).await;
    }
    Ok(Json(row(managed(&app, &asker, name).await?)))
}

pub async fn remove(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
    InPath(name): InPath,
) -> Result<StatusCode, Refusal> {
    let by = asker.standing().ok_or(Refusal::NotFound)?;
    let account = managed(&app, &asker, name).await?;
    if account.name == asker.account().name {
        return Err(bad("nobody removes the account they are signed in with"));
    }
    let name = account.name.clone();
    app.with_accounts(move |accounts| Ok(accounts.by(&by).remove(&name)?)).await?;
    app.note("account-removed", said(&account.name, &asker), &client).await;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn audit(
    State(app): State<Arc<App>>,
    query: Result<Query<AuditParams>, QueryRejection>,
) -> Result<Json<AuditLog>, Refusal> {
    let AuditParams { text, after, limit } = params::parsed(query)?;
    let (text, limit) = (text.unwrap_or_default(), params::limit(limit)?);
    let before = after.map(|id| id.parse().map_err(|_| bad("after must be the `next` of the page before")));
    let before = before.transpose()?;
    let entries = app.with_accounts(move |accounts| Ok(accounts.audit(&text, before, limit)?)).await?;
    // A full page may have another behind it.
    let next = entries.last().filter(|_| entries.len() == limit).map(|entry| entry.id.to_string());
    let row = |entry: account::audit::Entry| AuditRow {
        time: entry.time,
        what: entry.what,
        name: entry.name,
        address: entry.address,
    };
    Ok(Json(AuditLog { entries: entries.into_iter().map(row).collect(), next }))
}

/// The account of a name, where whoever asks has it below them.
async fn managed(app: &App, asker: &Asker, name: String) -> Result<Account, Refusal> {
    let found = app.with_accounts(move |accounts| Ok(accounts.find(&name)?)).await?;
    found.filter(|account| asker.manages(account)).ok_or(Refusal::NotFound)
}

fn is_named_within(name: &str, asker: &Asker) -> bool {
    matches!(name.parse(), Ok(mailbox @ Subject::Mailbox(_)) if asker.sees(&mailbox))
}

/// Whose account, and by whom.
fn said(name: &str, asker: &Asker) -> String {
    format!("{name} by {}", asker.account().name)
}

fn row(account: Account) -> AccountRow {
    AccountRow {
        name: account.name,
        root: account.root,
        is_disabled: account.is_disabled,
        made: account.made,
        last_login: account.last_login,
    }
}
