//! Asking the server: one GET, aborted when nobody waits for it any more, with the last answers kept in memory.
//!
//! Knows the wire and nothing of what the answers mean.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use gloo_net::http::{Request, Response};
use leptos::prelude::{StoredValue, WithValue, on_cleanup};
use mailtally_model::wire::ApiError;
use serde::de::DeserializeOwned;
use web_sys::AbortController;

use crate::text;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered: the server is down or the network is.
    Unreachable,
    /// The server said no, and why.
    Refused(ApiError),
    /// An answer came that is not ours to read.
    Unreadable(String),
}

impl Failure {
    /// What happened, in two words.
    pub fn head(&self) -> &'static str {
        match self {
            Failure::Unreachable => text::UNREACHABLE_HEAD,
            Failure::Refused(error) if error.error == "not-found" => text::NOTHING_HERE_HEAD,
            Failure::Refused(_) | Failure::Unreadable(_) => text::REFUSED_HEAD,
        }
    }

    /// The words for a person.
    pub fn sentence(&self) -> String {
        match self {
            Failure::Unreachable => text::UNREACHABLE.to_owned(),
            Failure::Refused(error) => text::as_sentence(&error.detail),
            Failure::Unreadable(why) => format!("{} ({why})", text::UNREADABLE),
        }
    }
}

/// Answers kept in memory: Back and a second look cost a 304. Answers are bounded by the server, so their number is the
/// bound that is needed here.
const KEPT_ANSWERS: usize = 12;

struct Kept {
    url: String,
    etag: String,
    body: Rc<str>,
}

thread_local! {
    static KEPT: RefCell<VecDeque<Kept>> = RefCell::default();
}

/// A GET that is given up when the reactive owner that asked is cleaned up (another question, or another page).
pub fn get<T: DeserializeOwned>(url: String) -> impl Future<Output = Result<Arc<T>, Failure>> {
    let controller = StoredValue::new_local(AbortController::new().ok());
    on_cleanup(move || {
        controller.try_with_value(|controller| controller.as_ref().map(AbortController::abort));
    });
    let signal = controller.with_value(|controller| controller.as_ref().map(AbortController::signal));
    async move {
        let body = fetch(&url, signal.as_ref()).await?;
        let value = serde_json::from_str(&body).map_err(|error| Failure::Unreadable(error.to_string()))?;
        Ok(Arc::new(value))
    }
}

async fn fetch(url: &str, signal: Option<&web_sys::AbortSignal>) -> Result<Rc<str>, Failure> {
    let kept = kept(url);
    let mut request = Request::get(url).abort_signal(signal);
    if let Some((etag, _)) = &kept {
        request = request.header("If-None-Match", etag);
    }
    let response = request.send().await.map_err(|_| Failure::Unreachable)?;
    if let (304, Some((_, body))) = (response.status(), kept) {
        return Ok(body);
    }
    if !response.ok() {
        return Err(refusal(&response).await);
    }
    let body: Rc<str> = response.text().await.map_err(|_| Failure::Unreachable)?.into();
    if let Some(etag) = response.headers().get("etag") {
        keep(Kept { url: url.to_owned(), etag, body: body.clone() });
    }
    Ok(body)
}

async fn refusal(response: &Response) -> Failure {
    match response.json::<ApiError>().await {
        Ok(error) => Failure::Refused(error),
        Err(_) => Failure::Unreadable(format!("{} {}", response.status(), response.status_text())),
    }
}

fn kept(url: &str) -> Option<(String, Rc<str>)> {
    KEPT.with_borrow(|all| all.iter().find(|kept| kept.url == url).map(|kept| (kept.etag.clone(), kept.body.clone())))
}

fn keep(answer: Kept) {
    KEPT.with_borrow_mut(|all| {
        all.retain(|kept| kept.url != answer.url);
        all.push_back(answer);
        if all.len() > KEPT_ANSWERS {
            all.pop_front();
        }
    });
}
