//! Asking the server: one GET, aborted when nobody waits for it any more, with the last answers kept in memory.
//!
//! Knows the wire and nothing of what the answers mean.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

use gloo_net::http::{Request, Response};
use leptos::prelude::{Get, LocalResource, StoredValue, WithValue, on_cleanup};
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

/// An answer as it was read, whatever it is.
type AnyAnswer = Result<Arc<dyn Any + Send + Sync>, Failure>;
type Read = fn(&[u8]) -> Result<Arc<dyn Any + Send + Sync>, json::BadJson>;

fn read_as<T: Answered>(body: &[u8]) -> Result<Arc<dyn Any + Send + Sync>, json::BadJson> {
    Ok(Arc::new(json::read::<T>(body)?))
}

fn known_as<T: Answered>(answer: AnyAnswer) -> Result<Arc<T>, Failure> {
    answer?.downcast().map_err(|_| Failure::Unreadable("an answer of another type".to_owned()))
}

/// A question that a page asks when it is opened, and again when what its address is made of changes.
///
/// The resource below it is one for all that the wire carries: each type of its own would bring the app some six kilobytes.
pub struct Asked<T> {
    answer: LocalResource<AnyAnswer>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Asked<T> {
        *self
    }
}

impl<T> Copy for Asked<T> {}

impl<T: Answered> Asked<T> {
    /// Asks what is at `url`; the signals that it reads are tracked.
    pub fn new(url: impl Fn() -> String + 'static) -> Asked<T> {
        Asked { answer: resource(Box::new(url), read_as::<T>), of: PhantomData }
    }

    /// `None` until there is an answer, or the reason why there is none.
    pub fn get(self) -> Option<Result<Arc<T>, Failure>> {
        self.answer.get().map(known_as)
    }

    pub fn again(self) {
        self.answer.refetch();
    }
}

/// Not generic, so that there is one of it.
fn resource(url: Box<dyn Fn() -> String>, read: Read) -> LocalResource<AnyAnswer> {
    LocalResource::new(move || fetch_while_wanted(url(), read))
}

/// A GET that is given up when the reactive owner that asked is cleaned up (another question, or another page).
pub fn get<T: Answered>(url: String) -> impl Future<Output = Result<Arc<T>, Failure>> {
    let answer = fetch_while_wanted(url, read_as::<T>);
    async move { known_as(answer.await) }
}

fn fetch_while_wanted(url: String, read: Read) -> impl Future<Output = AnyAnswer> {
    let controller = StoredValue::new_local(AbortController::new().ok());
    on_cleanup(move || {
        controller.try_with_value(|controller| controller.as_ref().map(AbortController::abort));
    });
    let signal = controller.with_value(|controller| controller.as_ref().map(AbortController::signal));
    fetch(url, signal, read)
}

async fn fetch(url: String, signal: Option<AbortSignal>, read: Read) -> AnyAnswer {
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
