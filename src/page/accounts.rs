//! Accounts: one's own, and those below, for whoever answers for a server or a domain.

use gloo_net::http::Method;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use mailtally_model::account::{AccountList, AccountRow, Means};
use mailtally_model::{Scope, Zone};

use super::frame::Frame;
use crate::account::{self, object};
use crate::api::{Asked, Failure};
use crate::context::Host;
use crate::{format, text};

pub const PATH: &str = "/accounts";

type List = Asked<AccountList>;

/// What the last change came to; `None` is nothing to say.
type Said = RwSignal<Option<Result<&'static str, Failure>>>;

#[component]
pub fn AccountsPage() -> impl IntoView {
    Effect::new(|_| document().set_title(&format!("{} · {}", text::ACCOUNTS, text::BRAND)));
    let host = Host::get();
    let manages = Memo::new(move |_| host.session().is_some() && host.root().scope() != Scope::Mailbox);
    view! {
        <Frame>
            <h1 class="title">{text::ACCOUNTS}</h1>
            <p class="sentence">{text::ACCOUNTS_SAYS}</p>
            <Show when=move || manages.get()><Below/></Show>
            <Own/>
        </Frame>
    }
    .into_any()
}

/// The accounts below whoever looks.
#[component]
fn Below() -> impl IntoView {
    let list: List = Asked::new(|| "/api/accounts".to_owned());
    let said: Said = RwSignal::new(None);
    let own = move || Host::get().session().map(|session| session.account.name.clone());
    let rows = move || {
        let accounts = list.get().and_then(Result::ok).map(|list| list.accounts.clone()).unwrap_or_default();
        accounts
            .into_iter()
            .map(|row| view! { <Row is_own=own().as_ref() == Some(&row.name) row list said/> })
            .collect_view()
    };
    view! {
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::ACCOUNTS>
            <table class="report-table account-list">
                <thead><tr>{text::ACCOUNT_HEADS.map(|head| view! { <th scope="col">{head}</th> })}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <Saying said/>
        <Add list said/>
    }
}

#[component]
fn Row(row: AccountRow, is_own: bool, list: List, said: Said) -> impl IntoView {
    let url = format!("/api/accounts/{}", js_sys::encode_uri_component(&row.name));
    let url = StoredValue::new(url);
    let disable = !row.is_disabled;
    let switch = move |_| {
        let body = format!("{{\"is_disabled\":{disable}}}");
        run(list, said, async move { account::change(Method::PATCH, &url.get_value(), Some(body)).await });
    };
    let remove = move |_| run(list, said, async move { account::change(Method::DELETE, &url.get_value(), None).await });
    let last = row.last_login.map_or_else(|| text::NEVER.to_owned(), |t| format::date_and_clock(t, &Zone::utc()));
    view! {
        <tr>
            <th scope="row">{row.name}</th>
            <td>{text::subject_name(&row.root)}</td>
            <td>{last}</td>
            <td>{if disable { text::ACCOUNT_ON } else { text::ACCOUNT_OFF }}</td>
            <td>
                // Nobody locks themselves out.
                {(!is_own).then(|| view! {
                    <div class="account-buttons">
                        <button type="button" class="link" on:click=switch>
                            {if disable { text::ACCOUNT_DISABLE } else { text::ACCOUNT_ENABLE }}
                        </button>
                        <button type="button" class="link" on:click=remove>{text::ACCOUNT_REMOVE}</button>
                    </div>
                })}
            </td>
        </tr>
    }
}

#[component]
fn Add(list: List, said: Said) -> impl IntoView {
    let fields = [(); 3].map(|()| NodeRef::<html::Input>::new());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let [name, root, password] = fields.map(value);
        let body = object(&[("name", &name), ("root", &root), ("password", &password)]);
        run(list, said, async move { account::change(Method::POST, "/api/accounts", Some(body)).await });
        clear(fields[2]);
    };
    let [name, root, password] = fields;
    view! {
        <h2 class="part-title">{text::ACCOUNT_ADD}</h2>
        <form class="card account-form" on:submit=submit>
            <label class="field">
                <span>{text::NAME}</span>
                <input type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required node_ref=name/>
            </label>
            <label class="field">
                <span>{text::ACCOUNT_ROOT}</span>
                <input type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required node_ref=root/>
            </label>
            <label class="field">
                <span>{text::PASSWORD}</span>
                <input type="password" autocomplete="new-password" required node_ref=password/>
            </label>
            <button type="submit" class="button primary">{text::ACCOUNT_ADD_DO}</button>
        </form>
    }
}

/// Password and log-out.
#[component]
fn Own() -> impl IntoView {
    let host = Host::get();
    let means = Memo::new(move |_| host.session().map(|session| session.means));
    let said: Said = RwSignal::new(None);
    let fields = [(); 2].map(|()| NodeRef::<html::Input>::new());
    let change = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let [old, new] = fields.map(value);
        fields.into_iter().for_each(clear);
        spawn_local(async move {
            let body = object(&[("old", &old), ("new", &new)]);
            let done = account::change(Method::PUT, "/api/password", Some(body)).await;
            said.set(Some(done.map(|()| text::PASSWORD_CHANGED)));
        });
    };
    let [old, new] = fields;
    view! {
        <h2 class="part-title">{text::OWN_ACCOUNT}</h2>
        <Show when=move || means.get() == Some(Means::Account)>
            <form class="card account-form" on:submit=change>
                <p class="sentence">{text::PASSWORD_CHANGE}". "{text::PASSWORD_CHANGE_SAYS}</p>
                <label class="field">
                    <span>{text::PASSWORD_OLD}</span>
                    <input type="password" autocomplete="current-password" required node_ref=old/>
                </label>
                <label class="field">
                    <span>{text::PASSWORD_NEW}</span>
                    <input type="password" autocomplete="new-password" required node_ref=new/>
                </label>
                <button type="submit" class="button">{text::PASSWORD_CHANGE}</button>
            </form>
        </Show>
        <Saying said/>
        <Show when=move || matches!(means.get(), Some(Means::Account | Means::Mailbox))>
            <p class="account-form">
                <button type="button" class="button" on:click=move |_| leave("/api/session")>{text::LOG_OUT}</button>
                <button type="button" class="button" on:click=move |_| leave("/api/sessions")>
                    {text::LOG_OUT_EVERYWHERE}
                </button>
            </p>
        </Show>
    }
}

#[component]
fn Saying(said: Said) -> impl IntoView {
    move || {
        said.get().map(|said| match said {
            Ok(sentence) => view! { <p class="note" role="status">{sentence}</p> }.into_any(),
            Err(failure) => view! { <p class="note note-warn" role="alert">{failure.sentence()}</p> }.into_any(),
        })
    }
}

/// Makes a change, and shows the list as it is afterwards.
fn run(list: List, said: Said, change: impl Future<Output = Result<(), Failure>> + 'static) {
    spawn_local(async move {
        said.set(change.await.err().map(Err));
        list.again();
    });
}

/// Signs out, and begins anew at the log-in page.
fn leave(url: &'static str) {
    spawn_local(async move {
        let _ = account::change(Method::DELETE, url, None).await;
        account::restart_at("/");
    });
}

fn value(field: NodeRef<html::Input>) -> String {
    field.get_untracked().map(|field| field.value()).unwrap_or_default()
}

fn clear(field: NodeRef<html::Input>) {
    if let Some(field) = field.get_untracked() {
        field.set_value("");
    }
}
