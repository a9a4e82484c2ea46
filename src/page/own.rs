//! One's own account: the password, the tokens of one's scripts, and the way out.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use mailtally_model::account::{MadeToken, Means, TokenList, TokenRow};

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

pub const PATH: &str = "/account";

#[component]
pub fn OwnPage() -> impl IntoView {
    frame::entitle(text::OWN_ACCOUNT);
    let host = Host::get();
    let means = Memo::new(move |_| host.session().map(|session| session.means));
    let who = move || {
        host.session().map(|session| text::signed_in(&session.account.name, &text::subject_name(&session.account.root)))
    };
    view! {
        <Frame>
            <h1 class="title">{text::OWN_ACCOUNT}</h1>
            <p class="sentence">{anew(who)}</p>
            <Show when=move || means.get() == Some(Means::Account)><Password/></Show>
            // Whoever has an account has its tokens; the password of a mailbox is no account.
            <Show when=move || matches!(means.get(), Some(Means::Account | Means::Proxy))><Tokens/></Show>
            <Show when=move || account::may_leave(means.get())>
                <p class="account-form">
                    <button type="button" class="button" on:click=|_| account::leave("/api/session")>{text::LOG_OUT}</button>
                    <button type="button" class="button" on:click=|_| account::leave("/api/sessions")>
                        {text::LOG_OUT_EVERYWHERE}
                    </button>
                </p>
            </Show>
        </Frame>
    }
}

#[component]
fn Password() -> impl IntoView {
    let said: Said = RwSignal::new(None);
    let fields = [(); 2].map(|()| NodeRef::<html::Input>::new());
    let change = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let [old, new] = fields.map(value);
        fields.into_iter().for_each(clear);
        spawn_local(async move {
            let body = object(&[("old", &old), ("new", &new)]);
            let done = account::change(Method::Put, "/api/password", Some(body)).await;
            said.set(Some(done.map(|()| text::PASSWORD_CHANGED)));
        });
    };
    let [old, new] = fields;
    view! {
        <h2 class="part-title">{text::PASSWORD_CHANGE}</h2>
        <form class="card account-form" on:submit=change>
            <p class="sentence">{text::PASSWORD_CHANGE_SAYS}</p>
            <PasswordField label=text::PASSWORD_OLD node=old is_old=true/>
            <PasswordField label=text::PASSWORD_NEW node=new/>
            <button type="submit" class="button">{text::PASSWORD_CHANGE_DO}</button>
        </form>
        <Saying said/>
    }
}

/// Tokens for scripts: each reads below one subject, and changes nothing.
#[component]
fn Tokens() -> impl IntoView {
    let list = Asked::<TokenList>::new(|| "/api/tokens".to_owned());
    let said: Said = RwSignal::new(None);
    // Shown this once: it is kept nowhere.
    let made = RwSignal::new(None::<Arc<str>>);
    let [label, root] = [(); 2].map(|()| NodeRef::<html::Input>::new());
    let make = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let (words, reads) = (value(label), value(root));
        let mut pairs = vec![("label", words.as_str())];
        if !reads.is_empty() {
            pairs.push(("root", &reads));
        }
        let body = object(&pairs);
        spawn_local(async move {
            let answer = account::send::<MadeToken>(Method::Post, "/api/tokens", Some(body)).await;
            if answer.is_ok() {
                [label, root].into_iter().for_each(clear);
            }
            made.set(answer.as_ref().ok().map(|token| token.secret.as_str().into()));
            said.set(answer.err().map(Err));
            list.again();
        });
    };
    let revoke = Callback::new(move |id: i64| {
        spawn_local(async move {
            let done: Result<(), Failure> = account::change(Method::Delete, &format!("/api/tokens/{id}"), None).await;
            said.set(done.err().map(Err));
            list.again();
        });
    });
    let rows =
        move || {
            let tokens = list.get().and_then(Result::ok).map(|list| list.tokens.clone()).unwrap_or_default();
            let rows = tokens.into_iter().map(|token| row(token, revoke)).collect_view();
            (!rows.is_empty()).then(|| view! {
            <div class="card table-scroll" tabindex="0" role="region" aria-label=text::TOKENS>
                <table class="report-table account-list stacked">
                    <thead><tr>{text::TOKEN_HEADS.map(|head| view! { <th scope="col">{head}</th> })}</tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        })
        };
    view! {
        <h2 class="part-title">{text::TOKENS}</h2>
        <p class="sentence">{text::TOKENS_SAY}</p>
        {rows}
        <form class="card account-form" on:submit=make>
            <Word label=text::TOKEN_LABEL node=label/>
            <Word label=text::TOKEN_ROOT node=root is_optional=true/>
            <button type="submit" class="button">{text::TOKEN_MAKE}</button>
        </form>
        <Saying said/>
        {move || made.get().map(|secret| view! {
            <p class="note" role="status">{text::TOKEN_MADE}" "<code class="secret">{secret.to_string()}</code></p>
        })}
    }
}

fn row(token: TokenRow, revoke: Callback<i64>) -> impl IntoView {
    let used =
        token.used.map_or_else(|| text::NEVER.to_owned(), |t| format::date_and_clock(t, &Host::get().zone_at(t)));
    let label = format::visible(&token.label);
    let says = format!("{} {label}", text::TOKEN_REVOKE);
    view! {
        <tr>
            <th scope="row"><bdi>{label}</bdi></th>
            {cell(text::TOKEN_HEADS[1], text::subject_name(&token.root))}
            {cell(text::TOKEN_HEADS[2], used)}
            <td>
                <div class="account-buttons">
                    <button type="button" class="link" aria-label=says on:click=move |_| revoke.run(token.id)>
                        {text::TOKEN_REVOKE}
                    </button>
                </div>
            </td>
        </tr>
    }
}
