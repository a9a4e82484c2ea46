//! Asking the server: one GET, aborted when nobody waits for it any more, with the last answers kept in memory.
//!
//! Knows the wire and nothing of what the answers mean.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use gloo_net::http::{Request, Response};
use leptos::prelude::{StoredValue, WithValue, on_cleanup};
use mailtally_model::json::{self, FromJson};
use mailtally_model::wire::ApiError;
use web_sys::{AbortController, AbortSignal};

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

/// Answers kept in memory, as they were read: Back and a second look cost a 304, and no reading. Answers are bounded by the
/// server, so their number is the bound that is needed here.
const KEPT_ANSWERS: usize = 12;

struct Kept {
    url: String,
    etag: String,
    /// What was asked for under this address; one address has answers of one type.
    answer: Arc<dyn Any + Send + Sync>,
}

thread_local! {
    static KEPT: RefCell<VecDeque<Kept>> = RefCell::default();
}

/// What the wire carries to the app.
pub trait Answered: FromJson + Send + Sync + 'static {}
impl<T: FromJson + Send + Sync + 'static> Answered for T {}

/// A GET that is given up when the reactive owner that asked is cleaned up (another question, or another page).
pub fn get<T: Answered>(url: String) -> impl Future<Output = Result<Arc<T>, Failure>> {
    let controller = StoredValue::new_local(AbortController::new().ok());
    on_cleanup(move || {
        controller.try_with_value(|controller| controller.as_ref().map(AbortController::abort));
    });
    let signal = controller.with_value(|controller| controller.as_ref().map(AbortController::signal));
    async move {
        let answer = fetch(url, signal, &|body| Ok(Arc::new(json::read::<T>(body)?))).await?;
        answer.downcast().map_err(|_| Failure::Unreadable("an answer of another type".to_owned()))
    }
}

type Read = dyn Fn(&[u8]) -> Result<Arc<dyn Any + Send + Sync>, json::BadJson>;

/// Not generic, so that there is one of it.
async fn fetch(url: String, signal: Option<AbortSignal>, read: &Read) -> Result<Arc<dyn Any + Send + Sync>, Failure> {
    let kept = kept(&url);
    let mut request = Request::get(&url).abort_signal(signal.as_ref());
    if let Some((etag, _)) = &kept {
        request = request.header("If-None-Match", etag);
    }
    let response = request.send().await.map_err(|_| Failure::Unreachable)?;
    if let (304, Some((_, answer))) = (response.status(), kept) {
        return Ok(answer);
    }
    if !response.ok() {
        return Err(refusal(&response).await);
    }
    let body = response.binary().await.map_err(|_| Failure::Unreachable)?;
    let answer = read(&body).map_err(|error| Failure::Unreadable(error.to_string()))?;
    if let Some(etag) = response.headers().get("etag") {
        keep(Kept { url, etag, answer: answer.clone() });
    }
    Ok(answer)
}

async fn refusal(response: &Response) -> Failure {
    let body = response.binary().await.unwrap_or_default();
    match json::read::<ApiError>(&body) {
        Ok(error) => Failure::Refused(error),
        Err(_) => Failure::Unreadable(format!("{} {}", response.status(), response.status_text())),
    }
}

fn kept(url: &str) -> Option<(String, Arc<dyn Any + Send + Sync>)> {
    let of_url = |all: &VecDeque<Kept>| {
        all.iter().find(|kept| kept.url == url).map(|kept| (kept.etag.clone(), kept.answer.clone()))
    };
    KEPT.with_borrow(of_url)
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
