//! Accounts below whoever answers for a server or a domain: who may sign in, and what they see.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use mailtally_model::Scope;
use mailtally_model::account::{AccountList, AccountRow};

use super::frame::{self, Frame};
use crate::account::{self, object};
use crate::api::{Asked, Failure};
use crate::context::Host;
use crate::memo::Memo;
use crate::parts::card::cell;
use crate::parts::form::{PasswordField, Said, Saying, Word, clear, value};
use crate::parts::show::Show;
use crate::request::Method;
use crate::{anew, format, text, view};

pub const PATH: &str = "/accounts";

type List = Asked<AccountList>;

#[component]
pub fn AccountsPage() -> impl IntoView {
    frame::entitle(text::ACCOUNTS);
    let host = Host::get();
    let is_known = move || host.session().is_some();
    let manages = Memo::new(move |_| is_known() && host.root().scope() != Scope::Mailbox);
    view! {
        <Frame>
            <h1 class="title">{text::ACCOUNTS}</h1>
            <p class="sentence">{text::ACCOUNTS_SAYS}</p>
            <Show when=move || manages.get()><Below/></Show>
            <Show when=move || is_known() && !manages.get()>
                <p class="note" role="status">{text::ACCOUNTS_NOT_YOURS}</p>
            </Show>
        </Frame>
    }
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
    let heads = text::ACCOUNT_HEADS
        .map(|head| view! { <th scope="col" class:account-change=head == text::ACCOUNT_CHANGE>{head}</th> });
    view! {
        <div class="card table-scroll" tabindex="0" role="region" aria-label=text::ACCOUNTS>
            <table class="report-table account-list stacked">
                <thead><tr>{heads}</tr></thead>
                <tbody>{anew(rows)}</tbody>
            </table>
        </div>
        <Saying said/>
        <div class:is-coming=move || list.get().is_none()><Add list said/></div>
    }
}

#[component]
fn Row(row: AccountRow, is_own: bool, list: List, said: Said) -> impl IntoView {
    let url = format!("/api/accounts/{}", js_sys::encode_uri_component(&row.name));
    let url = StoredValue::new(url);
    let disable = !row.is_disabled;
    let switch = move |_| {
        let body = format!("{{\"is_disabled\":{disable}}}");
        run(list, said, None, async move { account::change(Method::Patch, &url.get_value(), Some(body)).await });
    };
    // Nothing brings an account back: the first click asks, the second does it.
    let is_sure = RwSignal::new(false);
    let remove = move |_| match is_sure.get_untracked() {
        false => is_sure.set(true),
        true => run(list, said, None, async move { account::change(Method::Delete, &url.get_value(), None).await }),
    };
    // A forgotten password is replaced by another, which the owner is told by whatever way is safe.
    let (is_setting, password) = (RwSignal::new(false), NodeRef::<html::Input>::new());
    let set = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let body = object(&[("password", &value(password))]);
        let set = async move { account::change(Method::Patch, &url.get_value(), Some(body)).await };
        run(list, said, Some(text::ACCOUNT_PASSWORD_SET), set);
    };
    let form = move || {
        is_setting.get().then(|| {
            view! {
                <tr>
                    <td class="account-password" colspan=text::ACCOUNT_HEADS.len()>
                        <form class="account-form" on:submit=set>
                            <PasswordField label=text::ACCOUNT_PASSWORD_NEW node=password/>
                            <button type="submit" class="button primary">{text::ACCOUNT_PASSWORD_SAVE}</button>
                        </form>
                    </td>
                </tr>
            }
        })
    };
    let remove_says = move || if is_sure.get() { text::ACCOUNT_REMOVE_SURE } else { text::ACCOUNT_REMOVE };
    let heads = text::ACCOUNT_HEADS;
    let last =
        row.last_login.map_or_else(|| text::NEVER.to_owned(), |t| format::date_and_clock(t, &Host::get().zone_at(t)));
    view! {
        <tr>
            <th scope="row">{row.name}</th>
            {cell(heads[1], text::subject_name(&row.root))}
            {cell(heads[2], last)}
            {cell(heads[3], if disable { text::ACCOUNT_ON } else { text::ACCOUNT_OFF }.to_owned())}
            <td>
                // Nobody locks themselves out.
                {(!is_own).then(|| view! {
                    <div class="account-buttons">
                        <button type="button" class="link" on:click=switch>
                            {if disable { text::ACCOUNT_DISABLE } else { text::ACCOUNT_ENABLE }}
                        </button>
                        <button
                            type="button"
                            class="link"
                            aria-expanded=move || is_setting.get().to_string()
                            on:click=move |_| is_setting.update(|is| *is = !*is)
                        >
                            {text::ACCOUNT_PASSWORD_DO}
                        </button>
                        <button type="button" class="link" on:click=remove on:blur=move |_| is_sure.set(false)>
                            {anew(remove_says)}
                        </button>
                    </div>
                })}
            </td>
        </tr>
        {anew(form)}
    }
}

#[component]
fn Add(list: List, said: Said) -> impl IntoView {
    let fields = [(); 3].map(|()| NodeRef::<html::Input>::new());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let [name, root, password] = fields.map(value);
        let body = object(&[("name", &name), ("root", &root), ("password", &password)]);
        let added = async move {
            let added = account::change(Method::Post, "/api/accounts", Some(body)).await;
            if added.is_ok() {
                fields.into_iter().for_each(clear);
            }
            added
        };
        run(list, said, Some(text::ACCOUNT_ADDED), added);
    };
    let [name, root, password] = fields;
    view! {
        <h2 class="part-title">{text::ACCOUNT_ADD}</h2>
        <form class="card account-form" on:submit=submit>
            <Word label=text::NAME node=name/>
            <Word label=text::ACCOUNT_ROOT node=root/>
            <PasswordField label=text::PASSWORD node=password/>
            <button type="submit" class="button primary">{text::ACCOUNT_ADD_DO}</button>
        </form>
    }
}

/// Makes a change, and shows the list as it is afterwards. What was refused changed nothing, and what was typed stays.
fn run(
    list: List,
    said: Said,
    done: Option<&'static str>,
    change: impl Future<Output = Result<(), Failure>> + 'static,
) {
    spawn_local(async move {
        let changed = change.await;
        let is_another = changed.as_ref().map_or_else(Failure::is_not_found, |()| true);
        said.set(changed.map_or_else(|failure| Some(Err(failure)), |()| done.map(Ok)));
        if is_another {
            list.again();
        }
    });
}
