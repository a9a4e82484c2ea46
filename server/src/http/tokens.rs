//! `/api/tokens`: one's own tokens for scripts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mailtally_model::account::{MadeToken, NewToken, TokenList, TokenRow};

use super::App;
use super::asker::Asker;
use super::body::Body;
use super::client::Client;
use super::error::Refusal;
use super::params::{InPath, bad};
use crate::account::{self, AccountError, Token};
use crate::collect;

pub async fn list(State(app): State<Arc<App>>, asker: Asker) -> Result<Json<TokenList>, Refusal> {
    let account = asker.account_id().ok_or(Refusal::NotFound)?;
    let tokens = app.with_accounts(move |accounts| Ok(accounts.tokens(account)?)).await?;
    Ok(Json(TokenList { tokens: tokens.into_iter().map(row).collect() }))
}

/// Shown once, here.
pub async fn make(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Refusal> {
    let (account, by) = asker.account_id().zip(asker.standing()).ok_or(Refusal::NotFound)?;
    if new.label.trim().is_empty() {
        return Err(bad("a token has a label, so that it is known again"));
    }
    let root = match &new.root {
        Some(root) => account::root(root).ok_or(AccountError::BadRoot)?,
        None => asker.account().root.clone(),
    };
    if !asker.sees(&root) {
        return Err(Refusal::NotFound);
    }
    let make = move |accounts: &account::Accounts| {
        Ok(accounts.by(&by).make_token(account, new.label.trim(), &root, collect::now())?)
    };
    let (id, secret) = app.with_accounts(make).await?;
    app.note("token-made", format!("{}, number {id}", asker.account().name), &client).await;
    Ok((StatusCode::CREATED, Json(MadeToken { id, secret: secret.reveal().to_owned() })))
}

pub async fn revoke(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
    InPath(id): InPath,
) -> Result<StatusCode, Refusal> {
    let (account, by) = asker.account_id().zip(asker.standing()).ok_or(Refusal::NotFound)?;
    let id: i64 = id.parse().map_err(|_| Refusal::NotFound)?;
    let was_there = app.with_accounts(move |accounts| Ok(accounts.by(&by).revoke_token(account, id)?)).await?;
    if !was_there {
        return Err(Refusal::NotFound);
    }
    app.note("token-revoked", format!("{}, number {id}", asker.account().name), &client).await;
    Ok(StatusCode::NO_CONTENT)
}

fn row(token: Token) -> TokenRow {
    TokenRow { id: token.id, label: token.label, root: token.root, made: token.made, used: token.used }
}
