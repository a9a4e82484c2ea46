//! A request to the server as the browser sends it, and what comes back of it. Four kilobytes less to load than `gloo-net`,
//! which knows all methods, headers and queries there are.
//!
//! Knows nothing of what is asked, or why.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use leptos::prelude::window;
use mailtally_model::json;
use mailtally_model::wire::ApiError;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, RequestInit, Response};

use crate::api::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// What is sent besides an address. None needs more than one header.
pub struct Request<'a> {
    pub method: Method,
    pub header: Option<(&'a str, &'a str)>,
    pub body: Option<&'a str>,
    pub signal: Option<&'a AbortSignal>,
}

impl Request<'_> {
    /// Sends it; what comes back is waited for with [`reply`].
    pub fn send(&self, url: &str) -> Promise {
        let init = RequestInit::new();
        init.set_method(self.method.name());
        init.set_signal(self.signal);
        if let Some((name, value)) = self.header {
            let headers = Object::new();
            // A plain object takes any key.
            let _ = Reflect::set(&headers, &JsValue::from(name), &JsValue::from(value));
            init.set_headers(&headers);
        }
        if let Some(body) = self.body {
            init.set_body(&JsValue::from(body));
        }
        window().fetch_with_str_and_init(url, &init)
    }
}

/// The head of what comes back, whether the server said yes or no.
pub async fn reply(sent: Promise) -> Result<Response, Failure> {
    JsFuture::from(sent).await.map(JsCast::unchecked_into).map_err(|_| Failure::Unreachable)
}

/// The whole of what comes back.
pub async fn body(reply: &Response) -> Result<Vec<u8>, Failure> {
    let body = reply.array_buffer().map_err(|_| Failure::Unreachable)?;
    let body = JsFuture::from(body).await.map_err(|_| Failure::Unreachable)?;
    Ok(Uint8Array::new(&body).to_vec())
}

/// Why the server said no.
pub fn refusal(reply: &Response, body: &[u8]) -> Failure {
    match json::read::<ApiError>(body) {
        Ok(error) => Failure::Refused(error),
        Err(_) => Failure::Unreadable(format!("{} {}", reply.status(), reply.status_text())),
    }
}
