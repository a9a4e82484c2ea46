//! `mailtally account …`: who may sign in, and what they see. Works beside a running server, which heeds it at the next
//! request. A password is read from stdin, never from an argument: what is typed as one stands in every process list.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use mailtally_model::{Subject, Time};

use super::{Usage, escape};
use crate::account::password::{self, MAX_CHARS, Password};
use crate::account::{self, Account, AccountError, Accounts, Link, SETUP_LINK_SECS};
use crate::collect;
use crate::settings::Settings;
use crate::store::{IfAbsent, ReadError, Reader};

/// The longest password in the longest encoding; more of stdin is not read.
const MAX_PASSWORD_BYTES: u64 = 4 * MAX_CHARS as u64 + 2;
/// The name in the audit log of whoever has this command.
const AT_THE_CONSOLE: &str = "the command line";

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add an account
    Add(AddArgs),
    /// List all accounts
    List(DataArgs),
    /// Set an account's password; its sessions end
    Passwd(PasswordArgs),
    /// Let an account in no more, until it is enabled again; its sessions end
    Disable(NameArgs),
    /// Let a disabled account in again
    Enable(NameArgs),
    /// Remove an account with its sessions and tokens
    Remove(NameArgs),
    /// Make a token for a script, and print it this once
    Token(TokenArgs),
    /// List an account's tokens
    Tokens(NameArgs),
    /// Revoke a token by its number in `tokens`
    Revoke(RevokeArgs),
    /// Print a link that makes a system admin's account in the browser: good once, for a day
    SetupLink(LinkArgs),
    /// Print the newest entries of the audit log: log-ins, failures, changes of accounts
    Audit(AuditArgs),
}

#[derive(Args, Debug)]
pub struct DataArgs {
    /// Data directory [default: from the settings]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct NameArgs {
    /// The account's name
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub struct PasswordArgs {
    #[command(flatten)]
    account: NameArgs,
    /// Take the password from the first line of stdin without asking
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args, Debug)]
pub struct AddArgs {
    #[command(flatten)]
    account: PasswordArgs,
    /// What it sees: `(server)`, a domain or a mailbox, with all that is below
    #[arg(long, value_name = "SUBJECT")]
    root: String,
}

#[derive(Args, Debug)]
pub struct TokenArgs {
    #[command(flatten)]
    account: NameArgs,
    /// What it is for, so that it is known again
    #[arg(long, default_value = "script")]
    label: String,
    /// What it reads, inside what the account sees [default: all of that]
    #[arg(long, value_name = "SUBJECT")]
    root: Option<String>,
}

#[derive(Args, Debug)]
pub struct RevokeArgs {
    #[command(flatten)]
    account: NameArgs,
    /// The token's number
    number: i64,
}

#[derive(Args, Debug)]
pub struct LinkArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The address that browsers open [default: the one of the settings]
    #[arg(long, value_name = "URL")]
    address: Option<String>,
}

#[derive(Args, Debug)]
pub struct AuditArgs {
    #[command(flatten)]
    data: DataArgs,
    /// How many
    #[arg(long, default_value_t = 50)]
    last: usize,
}

pub fn run(command: &AccountCommand, settings: &Settings) -> Result<()> {
    let now = collect::now();
    match command {
        AccountCommand::Add(args) => add(args, settings, now),
        AccountCommand::List(args) => list(&open(args, settings)?),
        AccountCommand::Passwd(args) => set_password(args, settings, now),
        AccountCommand::Disable(args) => set_disabled(args, true, settings, now),
        AccountCommand::Enable(args) => set_disabled(args, false, settings, now),
        AccountCommand::Remove(args) => {
            let accounts = open(&args.data, settings)?;
            accounts.unasked().remove(&args.name)?;
            note(&accounts, "account-removed", &args.name, now);
            Ok(())
        }
        AccountCommand::Token(args) => make_token(args, settings, now),
        AccountCommand::Tokens(args) => list_tokens(args, settings),
        AccountCommand::Revoke(args) => revoke(args, settings, now),
        AccountCommand::SetupLink(args) => {
            let accounts = open(&args.data, settings)?;
            let scheme = if settings.http.certificate.is_some() { "https" } else { "http" };
            let address = args.address.clone().unwrap_or_else(|| format!("{scheme}://{}", settings.listen));
            print(&make_set_up_link(&accounts, &address)?)
        }
        AccountCommand::Audit(args) => audit(args, settings),
    }
}

/// A link that makes the first account. What follows the `#` is not sent when it is opened, so it is in no log.
pub fn make_set_up_link(accounts: &Accounts, address: &str) -> Result<String> {
    let link = accounts.make_link(Link::SetUp, collect::now().plus_secs(SETUP_LINK_SECS))?;
    Ok(format!("{}/setup#{}", address.trim_end_matches('/'), link.reveal()))
}

fn add(args: &AddArgs, settings: &Settings, now: Time) -> Result<()> {
    let NameArgs { name, data } = &args.account.account;
    let Some(root) = account::root(&args.root) else {
        bail!(Usage(format!("--root: {} is not (server), a domain or a mailbox", args.root)));
    };
    if account::canonical_name(name).is_none() {
        bail!(Usage(AccountError::BadName.to_string()));
    }
    let password = ask_password(&args.account)?;
    let accounts = open(data, settings)?;
    accounts.unasked().add(name, &root, &password::hash(&password), now)?;
    note(&accounts, "account-added", name, now);
    say_if_unknown(&root, data, settings);
    Ok(())
}

/// A root without a mail is right for a new domain, and it is what a slip of the finger looks like.
fn say_if_unknown(root: &Subject, args: &DataArgs, settings: &Settings) {
    // Before the first log was read, there is nothing of anybody.
    let Ok(reader) = Reader::open(directory(args, settings)) else { return };
    if let Err(ReadError::NotFound) = reader.look_for(root, IfAbsent::Refuse) {
        eprintln!("{root}: nothing is stored of it yet, so its reports are empty");
    }
}

fn list(accounts: &Accounts) -> Result<()> {
    for Account { name, root, is_disabled, last_login, .. } in accounts.all()? {
        let seen = last_login.map_or_else(|| "never".to_owned(), instant);
        let state = if is_disabled { "disabled" } else { "" };
        print(format!("{name:<32} {root:<32} {seen:<20} {state}").trim_end())?;
    }
    Ok(())
}

fn set_password(args: &PasswordArgs, settings: &Settings, now: Time) -> Result<()> {
    let NameArgs { name, data } = &args.account;
    let accounts = open(data, settings)?;
    find(&accounts, name)?;
    let password = ask_password(args)?;
    accounts.unasked().set_password(name, &password::hash(&password))?;
    note(&accounts, "password-set", name, now);
    Ok(())
}

fn set_disabled(args: &NameArgs, is_disabled: bool, settings: &Settings, now: Time) -> Result<()> {
    let accounts = open(&args.data, settings)?;
    accounts.unasked().set_disabled(&args.name, is_disabled)?;
    note(&accounts, if is_disabled { "account-disabled" } else { "account-enabled" }, &args.name, now);
    Ok(())
}

fn make_token(args: &TokenArgs, settings: &Settings, now: Time) -> Result<()> {
    let accounts = open(&args.account.data, settings)?;
    let account = find(&accounts, &args.account.name)?;
    let root: Subject = match &args.root {
        None => account.root.clone(),
        Some(typed) => match account::root(typed).filter(|root| root.is_within(&account.root)) {
            Some(root) => root,
            None => bail!(Usage(format!("--root: {typed} is not within {}", account.root))),
        },
    };
    let (id, secret) = accounts.unasked().make_token(account.id, &args.label, &root, now)?;
    note(&accounts, "token-made", &format!("{}, number {id}", account.name), now);
    print(secret.reveal())
}

fn list_tokens(args: &NameArgs, settings: &Settings) -> Result<()> {
    let accounts = open(&args.data, settings)?;
    for token in accounts.tokens(find(&accounts, &args.name)?.id)? {
        let used = token.used.map_or_else(|| "never".to_owned(), instant);
        print(&format!("{:>6} {:<32} {used:<20} {}", token.id, token.root, escape(&token.label)))?;
    }
    Ok(())
}

fn revoke(args: &RevokeArgs, settings: &Settings, now: Time) -> Result<()> {
    let accounts = open(&args.account.data, settings)?;
    let account = find(&accounts, &args.account.name)?;
    if !accounts.unasked().revoke_token(account.id, args.number)? {
        bail!("{} has no token {}", account.name, args.number);
    }
    note(&accounts, "token-revoked", &format!("{}, number {}", account.name, args.number), now);
    Ok(())
}

fn audit(args: &AuditArgs, settings: &Settings) -> Result<()> {
    let mut entries = open(&args.data, settings)?.audit("", None, args.last)?;
    entries.reverse();
    for entry in entries {
        print(&format!("{} {:<20} {} {}", instant(entry.time), entry.what, escape(&entry.name), entry.address))?;
    }
    Ok(())
}

fn open(args: &DataArgs, settings: &Settings) -> Result<Accounts> {
    Accounts::open(directory(args, settings))
}

fn directory<'a>(args: &'a DataArgs, settings: &'a Settings) -> &'a Path {
    args.data.as_deref().unwrap_or(&settings.data)
}

fn find(accounts: &Accounts, name: &str) -> Result<Account> {
    Ok(accounts.find(name)?.ok_or(AccountError::NoSuchAccount)?)
}

fn note(accounts: &Accounts, what: &'static str, name: &str, now: Time) {
    accounts.note(what, &format!("{name} by {AT_THE_CONSOLE}"), "", now);
}

/// Typed at the terminal, where it does not show, or the first line of stdin.
fn ask_password(args: &PasswordArgs) -> Result<Password> {
    let typed = if args.password_stdin || !io::stdin().is_terminal() {
        let mut line = String::new();
        let mut stdin = io::stdin().lock().take(MAX_PASSWORD_BYTES);
        stdin.read_line(&mut line).context("cannot read a password from stdin")?;
        line.strip_suffix('\n').map_or(line.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned()
    } else {
        rpassword::prompt_password("Password: ").context("cannot read a password from the terminal")?
    };
    Password::chosen(&typed, &args.account.name).map_err(|weak| Usage(weak.to_string()).into())
}

fn instant(t: Time) -> String {
    chrono::DateTime::from_timestamp(t.0, 0).map_or_else(String::new, |t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn print(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot print")
}
