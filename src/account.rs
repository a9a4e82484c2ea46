//! Changing something on the server: log-in, log-out, accounts. Each is one request, and says what came of it.
//!
//! Knows the wire of accounts and nothing of how it looks.

use gloo_net::http::{Method, RequestBuilder};
use leptos::task::spawn_local;
use mailtally_model::account::Means;
use mailtally_model::json::{self, FromJson};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::api::{self, Failure};

/// Sends a change; the browser says by itself which page it comes from.
pub async fn send<T: FromJson>(method: Method, url: &str, body: Option<String>) -> Result<T, Failure> {
    let bytes = answer(method, url, body).await?;
    json::read(&bytes).map_err(|error| Failure::Unreadable(error.to_string()))
}

/// Sends a change whose answer says nothing but that it was done.
pub async fn change(method: Method, url: &str, body: Option<String>) -> Result<(), Failure> {
    answer(method, url, body).await.map(drop)
}

async fn answer(method: Method, url: &str, body: Option<String>) -> Result<Vec<u8>, Failure> {
    let request = RequestBuilder::new(url).method(method);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body),
        None => request.build(),
    };
    let response = request.map_err(|_| Failure::Unreachable)?.send().await.map_err(|_| Failure::Unreachable)?;
    api::body(&response).await
}

/// Whether there is a session to end: a proxy signs its people out itself.
pub fn may_leave(means: Option<Means>) -> bool {
    matches!(means, Some(Means::Account | Means::Mailbox))
}

/// Signs out, and begins anew at the log-in page.
pub fn leave(url: &'static str) {
    spawn_local(async move {
        let _ = change(Method::DELETE, url, None).await;
        restart_at("/");
    });
}

/// An object of texts as JSON.
pub fn object(pairs: &[(&str, &str)]) -> String {
    let object = js_sys::Object::new();
    for (key, value) in pairs {
        // A plain object takes any key.
        let _ = js_sys::Reflect::set(&object, &JsValue::from(*key), &JsValue::from(*value));
    }
    js_sys::JSON::stringify(&object).map(String::from).unwrap_or_default()
}

/// Waits for the link that style/first.js is signing in with, if there is one; whether it was good.
pub async fn link_used() -> Option<bool> {
    let promise = js_sys::Reflect::get(&js_sys::global(), &JsValue::from("mailtallyLink")).ok()?;
    let promise: js_sys::Promise = promise.dyn_into().ok()?;
    Some(JsFuture::from(promise).await.is_ok_and(|good| good.is_truthy()))
}

/// What stands behind the `#`: the secret of a set-up link.
pub fn fragment() -> String {
    let hash = web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// Begins anew at an address: nothing that was kept for one account is shown to the next.
pub fn restart_at(url: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().replace(url);
    }
}
