//! The way in: the log-in page, which stands at every address while nobody is signed in, and the set-up page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use mailtally_model::account::Status;

use super::frame::entitle;
use crate::account::{self, object};
use crate::api::{Asked, Failure};
use crate::parts::icon::{self, Icon};
use crate::request::Method;
use crate::text;
use crate::view;

/// Where the console's set-up link leads.
pub const SET_UP_PATH: &str = "/setup";

/// Name and password. What follows is the address that was asked for.
#[component]
pub fn LogInPage(
    /// Whether a link was tried that is good no more.
    link_void: bool,
) -> impl IntoView {
    entitle(text::LOG_IN);
    let status = Asked::<Status>::new(|| "/api/status".to_owned());
    let status = move || status.get().and_then(Result::ok);
    let says = move || match status() {
        Some(status) if !status.set_up => text::LOG_IN_NOT_SET_UP,
        Some(status) if status.mailbox => text::LOG_IN_MAILBOX,
        _ => text::LOG_IN_SAYS,
    };
    let send = move |name: String, password: String| async move {
        let body = object(&[("name", &name), ("password", &password)]);
        account::change(Method::Post, "/api/session", Some(body)).await?;
        let here = window().location();
        account::restart_at(&format!("{}{}", here.pathname().unwrap_or_default(), here.search().unwrap_or_default()));
        Ok(())
    };
    let first = link_void.then_some(text::LINK_VOID);
    view! {
        <Entry head=text::LOG_IN says=Signal::derive(move || says().to_owned()) first>
            <Credentials button=text::LOG_IN is_new=false send=Callback::new(move |(name, password)| Outcome::of(send(name, password)))/>
        </Entry>
    }
}

/// Makes the first account, with the link from the console.
#[component]
pub fn SetUpPage() -> impl IntoView {
    entitle(text::SET_UP);
    let link = StoredValue::new(account::fragment());
    let send = move |name: String, password: String| async move {
        let body = object(&[("link", &link.get_value()), ("name", &name), ("password", &password)]);
        account::change(Method::Post, "/api/setup", Some(body)).await?;
        account::restart_at("/");
        Ok(())
    };
    view! {
        <Entry head=text::SET_UP says=text::SET_UP_SAYS.to_owned() first=None>
            <Credentials button=text::SET_UP_DO is_new=true send=Callback::new(move |(name, password)| Outcome::of(send(name, password)))/>
        </Entry>
    }
}

/// What sending came to, once it has; nothing while it is on its way.
#[derive(Clone, Copy)]
struct Outcome(RwSignal<Option<Result<(), Failure>>>);

impl Outcome {
    fn of(sending: impl Future<Output = Result<(), Failure>> + 'static) -> Outcome {
        let outcome = RwSignal::new(None);
        spawn_local(async move { outcome.set(Some(sending.await)) });
        Outcome(outcome)
    }
}

/// The card in the middle of an otherwise empty page.
#[component]
fn Entry(
    head: &'static str,
    #[prop(into)] says: Signal<String>,
    /// What is said before anything was tried.
    first: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    view! {
        <main id="main" class="entry">
            <div class="card entry-card">
                <p class="brand"><Icon path=icon::TALLY/><span>{text::BRAND}</span></p>
                <h1 class="title">{head}</h1>
                <p class="sentence">{move || says.get()}</p>
                {first.map(|sentence| view! { <p class="note note-warn" role="alert">{sentence}</p> })}
                {children()}
            </div>
        </main>
    }
}

#[component]
fn Credentials(button: &'static str, is_new: bool, send: Callback<(String, String), Outcome>) -> impl IntoView {
    let (name, password) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let outcome = RwSignal::new(None::<Outcome>);
    let is_sending = move || outcome.get().is_some_and(|Outcome(outcome)| outcome.read().is_none());
    let failed = move || outcome.get().and_then(|Outcome(outcome)| outcome.get()?.err());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = |field: NodeRef<html::Input>| field.get_untracked().map(|field| field.value()).unwrap_or_default();
        outcome.set(Some(send.run((value(name), value(password)))));
    };
    let autocomplete = if is_new { "new-password" } else { "current-password" };
    view! {
        <form class="entry-form" on:submit=submit>
            <label class="field">
                <span>{text::NAME}</span>
                <input type="text" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus node_ref=name/>
            </label>
            <label class="field">
                <span>{text::PASSWORD}</span>
                <input type="password" name="password" autocomplete=autocomplete required node_ref=password/>
            </label>
            {move || failed().map(|failure| view! { <p class="note note-warn" role="alert">{failure.sentence()}</p> })}
            <button type="submit" class="button primary" disabled=is_sending>{button}</button>
        </form>
    }
}
