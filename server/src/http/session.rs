//! Log-in and log-out: `/api/session`, `/api/sessions`, `/api/setup`, and `/api/status` for whoever is not in yet.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mailtally_model::Subject;
use mailtally_model::account::{LogIn, NewPassword, SetUp, Status};
use mailtally_model::wire;

use super::App;
use super::asker::Asker;
use super::body::Body;
use super::client::Client;
use super::cookie;
use super::error::Refusal;
use crate::account::password::Password;
use crate::account::{Account, Accounts, Link, MAX_NAME_BYTES, Secret};
use crate::collect;

/// A refused log-in answers at whole multiples of this, so that its time does not tell a name that is known from one
/// that is not. A password is looked at within it.
const REFUSED_AT: Duration = Duration::from_millis(500);
/// The same where the mail server is asked, too: Dovecot takes two seconds to say no.
const REFUSED_AT_WITH_MAILBOX: Duration = Duration::from_secs(4);

/// Who was let in.
enum Entrant {
    /// With the hash of the password that was looked at, if any was.
    Account(Account, Option<String>),
    Mailbox(String, Subject),
}

pub async fn status(State(app): State<Arc<App>>) -> Result<Json<Status>, Refusal> {
    let demo = app.readers.read(|reader| Ok(reader.is_demo()?)).await?;
    let set_up = app.with_accounts(|accounts| Ok(accounts.has_system_admin()?)).await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(Status { version, demo, set_up, mailbox: app.mailbox.is_some() }))
}

pub async fn log_in(
    State(app): State<Arc<App>>,
    client: Client,
    before: Option<Asker>,
    Body(body): Body<LogIn>,
) -> Result<Response, Refusal> {
    let entrant = match body {
        LogIn { name: Some(name), password: Some(password), link: None } => {
            by_password(&app, &client, &name, &password).await?
        }
        LogIn { name: None, password: None, link: Some(link) } => by_link(&app, link).await?,
        _ => return Err(Refusal::BadRequest("a log-in is a name and a password, or a link".to_owned())),
    };
    enter(&app, &client, before, entrant).await
}

/// Makes the first account, with the link that the console showed, and lets it in.
pub async fn set_up(State(app): State<Arc<App>>, client: Client, Body(body): Body<SetUp>) -> Result<Response, Refusal> {
    let now = collect::now();
    let password = Password::chosen(&body.password, &body.name)?;
    let link = body.link.clone();
    let looked = app.with_accounts(move |accounts| Ok(accounts.look_at_link(&link, now)?)).await?;
    if looked != Some(Link::SetUp) {
        return Err(Refusal::LinkVoid);
    }
    let hash = app.hashing.hash(password).await?;
    let made = app
        .with_accounts(move |accounts| {
            if accounts.find(&body.name)?.is_some() {
                return Err(Refusal::NameTaken);
            }
            if crate::account::canonical_name(&body.name).is_none() {
                return Err(crate::account::AccountError::BadName.into());
            }
            // Of two who try at once, one gets the link.
            if accounts.use_link(&body.link, now)? != Some(Link::SetUp) {
                return Err(Refusal::LinkVoid);
            }
            accounts.unasked().add(&body.name, &Subject::Server, &hash, now)?;
            accounts.find(&body.name)?.ok_or(Refusal::NotFound)
        })
        .await?;
    app.note("account-set-up", made.name.clone(), &client).await;
    enter(&app, &client, None, Entrant::Account(made, None)).await
}

pub async fn log_out(State(app): State<Arc<App>>, client: Client, asker: Asker) -> Result<Response, Refusal> {
    let session = asker.session().cloned().ok_or(Refusal::NotFound)?;
    app.with_accounts(move |accounts| Ok(accounts.end_session(&session.digest)?)).await?;
    app.note("log-out", asker.account().name.clone(), &client).await;
    Ok(gone(&client))
}

pub async fn log_out_everywhere(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
) -> Result<Response, Refusal> {
    let session = asker.session().cloned().ok_or(Refusal::NotFound)?;
    app.with_accounts(move |accounts| Ok(accounts.end_sessions_like(&session)?)).await?;
    app.note("log-out-everywhere", asker.account().name.clone(), &client).await;
    Ok(gone(&client))
}

/// Another password of one's own: every session ends, and this browser gets a fresh one.
pub async fn change_password(
    State(app): State<Arc<App>>,
    client: Client,
    asker: Asker,
    Body(body): Body<NewPassword>,
) -> Result<Response, Refusal> {
    let name = asker.account().name.clone();
    let (_, by) = asker.account_id().zip(asker.standing()).ok_or(Refusal::NotFound)?;
    let Entrant::Account(account, _) = by_password_of_account(&app, &client, &name, &body.old).await? else {
        return Err(Refusal::NotFound);
    };
    let hash = app.hashing.hash(Password::chosen(&body.new, &name)?).await?;
    app.with_accounts(move |accounts| Ok(accounts.by(&by).set_password(&name, &hash)?)).await?;
    app.note("password-changed", account.name.clone(), &client).await;
    enter(&app, &client, None, Entrant::Account(account, None)).await
}

async fn by_link(app: &Arc<App>, link: String) -> Result<Entrant, Refusal> {
    let used = app.with_accounts(move |accounts| {
        let Some(Link::SignIn(id)) = accounts.look_at_link(&link, collect::now())? else { return Ok(None) };
        let used = accounts.use_link(&link, collect::now())?;
        let account = accounts.all()?.into_iter().find(|account| account.id == id && !account.is_disabled);
        Ok(used.and(account))
    });
    used.await?.map(|account| Entrant::Account(account, None)).ok_or(Refusal::LinkVoid)
}

async fn by_password(app: &Arc<App>, client: &Client, name: &str, password: &str) -> Result<Entrant, Refusal> {
    let judge = |typed| judge(app, name, typed);
    admitted(app, client, name, password, judge).await
}

async fn by_password_of_account(
    app: &Arc<App>,
    client: &Client,
    name: &str,
    password: &str,
) -> Result<Entrant, Refusal> {
    let judge = |typed| async move {
        let entrant = account_that_fits(app, name, typed).await?.1;
        Ok(Judged { entrant, asked: None })
    };
    admitted(app, client, name, password, judge).await
}

/// What came of looking at a password.
struct Judged {
    entrant: Option<Entrant>,
    /// When the IMAP server's turn came, after waiting for others' log-ins.
    asked: Option<Instant>,
}

/// Looks at a password where the throttle lets it through, and answers a wrong one no sooner than any other.
async fn admitted<F>(
    app: &Arc<App>,
    client: &Client,
    name: &str,
    password: &str,
    judge: impl FnOnce(Option<Password>) -> F,
) -> Result<Entrant, Refusal>
where
    F: Future<Output = Result<Judged, Refusal>>,
{
    let key = throttle_key(name);
    let began = Instant::now();
    if let Err(wait) = app.throttle.admit(&key, client.address, began) {
        let (name, address) = (key.clone(), client.address);
        let was_let_in = move |accounts: &Accounts| Ok(accounts.was_let_in(&name, address, collect::now())?);
        if !app.with_accounts(was_let_in).await? {
            return Err(Refusal::TooMany(wait));
        }
        app.throttle.recognise(&key, client.address, began);
        app.throttle.admit(&key, client.address, began).map_err(Refusal::TooMany)?;
    }
    let judged = judge(Password::typed(password)).await;
    let Judged { entrant, asked } = judged.inspect_err(|_| app.throttle.forgive(&key, client.address))?;
    if let Some(entrant) = entrant {
        app.throttle.succeeded(&key, client.address, Instant::now());
        return Ok(entrant);
    }
    app.note("log-in-failed", key, client).await;
    let every = if app.mailbox.is_some() { REFUSED_AT_WITH_MAILBOX } else { REFUSED_AT };
    tokio::time::sleep(until_multiple(asked.unwrap_or(began).elapsed(), every)).await;
    Err(Refusal::LogInFailed)
}

/// Whether someone may come in: with their account's password, or with that of their mailbox.
async fn judge(app: &Arc<App>, name: &str, typed: Option<Password>) -> Result<Judged, Refusal> {
    let (is_known, entrant) = account_that_fits(app, name, typed.clone()).await?;
    let Some(login) = app.mailbox.as_ref().filter(|_| entrant.is_none()) else {
        return Ok(Judged { entrant, asked: None });
    };
    // All stand in one queue, those too for whom nobody is asked: who waits does not tell a name that has an account.
    let place = login.place().await?;
    let asked = Some(Instant::now());
    let mailbox = login.mailbox(name).filter(|_| !is_known);
    let Some((mailbox, typed)) = mailbox.zip(typed) else { return Ok(Judged { entrant: None, asked }) };
    let entrant = match login.fits(&place, &mailbox, &typed).await {
        Ok(true) => login.root(&mailbox).map(|root| Entrant::Mailbox(mailbox, root)),
        Ok(false) => None,
        Err(error) => {
            // Said here alone: the client gets the answer that an unknown name gets.
            tracing::warn!(error = %format!("{error:#}").escape_debug(), "a mailbox's password was not looked at");
            None
        }
    };
    Ok(Judged { entrant, asked })
}

/// Whether a name is an account's, and who comes in if the password is its own. The work is the same for either.
async fn account_that_fits(
    app: &Arc<App>,
    name: &str,
    typed: Option<Password>,
) -> Result<(bool, Option<Entrant>), Refusal> {
    let name = name.to_owned();
    let found = app.with_accounts(move |accounts| Ok(accounts.with_hash(&name)?)).await?;
    let (account, hash) = found.unzip();
    let is_typed = typed.is_some();
    let typed = typed.or_else(|| Password::typed("none")).ok_or(Refusal::LogInFailed)?;
    let fits = app.hashing.fits(typed, hash.clone()).await? && is_typed;
    let is_known = account.is_some();
    let entrant = account.filter(|account| fits && !account.is_disabled);
    Ok((is_known, entrant.map(|account| Entrant::Account(account, hash))))
}

/// Begins a session, in place of the one that the browser had: what someone slipped in before is worth nothing after.
async fn enter(app: &Arc<App>, client: &Client, before: Option<Asker>, entrant: Entrant) -> Result<Response, Refusal> {
    let now = collect::now();
    let account = match &entrant {
        Entrant::Account(account, _) => wire::Account { name: account.name.clone(), root: account.root.clone() },
        Entrant::Mailbox(mailbox, root) => wire::Account { name: mailbox.clone(), root: root.clone() },
    };
    let begin = move |accounts: &Accounts| -> Result<Secret, Refusal> {
        if let Some(session) = before.as_ref().and_then(Asker::session) {
            accounts.end_session(&session.digest)?;
        }
        let begun = match &entrant {
            Entrant::Account(account, hash) => accounts.begin_session(account.id, hash.as_deref(), now),
            Entrant::Mailbox(mailbox, _) => accounts.begin_mailbox_session(mailbox, now),
        };
        // Disabled, or given another password, between two breaths.
        begun.map_err(|error| match Refusal::from(error) {
            Refusal::NotFound => Refusal::LogInFailed,
            other => other,
        })
    };
    let secret = app.with_accounts(begin).await?;
    app.note("log-in", account.name.clone(), client).await;
    let cookie = cookie::set(&secret, client.is_secure, app.session_limits().absolute_secs);
    Ok(([(header::SET_COOKIE, cookie)], Json(account)).into_response())
}

fn gone(client: &Client) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::remove(client.is_secure))]).into_response()
}

/// A name as the throttle and the audit log know it: cut, in lower case, a name or not.
fn throttle_key(name: &str) -> String {
    name.chars().take(MAX_NAME_BYTES).collect::<String>().to_lowercase()
}

/// From `elapsed` to the next multiple of `every`.
fn until_multiple(elapsed: Duration, every: Duration) -> Duration {
    let passed = elapsed.as_nanos() % every.as_nanos();
    every - Duration::from_nanos(u64::try_from(passed).unwrap_or_default())
}

impl App {
    /// Runs `work` on the file of accounts, on a thread that may block.
    pub(super) async fn with_accounts<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Accounts) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let accounts = Arc::clone(&self.accounts);
        tokio::task::spawn_blocking(move || work(&accounts)).await.map_err(anyhow::Error::new)?
    }

    /// Writes the audit log, and one line of our own whatever the name contains.
    pub(super) async fn note(&self, what: &'static str, name: String, client: &Client) {
        let address: IpAddr = client.address;
        tracing::info!(what, name = %name.escape_debug(), %address, "account");
        let note = move |accounts: &Accounts| {
            accounts.note(what, &name, &address.to_string(), collect::now());
            Ok(())
        };
        if let Err(error) = self.with_accounts(note).await {
            tracing::error!(?error, "cannot write the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_at_multiples() {
        // FAULTS 80
        let (ms, every) = (Duration::from_millis, REFUSED_AT);
        for (elapsed, wait) in [(0, 500), (1, 499), (499, 1), (500, 500), (1_250, 250)] {
            assert_eq!(until_multiple(ms(elapsed), every), ms(wait), "{elapsed}");
        }
    }
}
