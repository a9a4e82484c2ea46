//! Asking the server: one GET, aborted when nobody waits for it any more, with the last answers kept in memory.
//!
//! Knows the wire and nothing of what the answers mean.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

use gloo_net::http::{Request, Response};
use leptos::prelude::{GetValue, SetValue, StoredValue, WithValue, on_cleanup};
use mailtally_model::account::{AccountList, AuditLog, Status, TokenList};
use mailtally_model::json::{self, BadJson, FromJson, Reader};
use mailtally_model::wire::{AnswerParts, ApiError, EventPage, Health, Overage, Session, Unusual};
use mailtally_model::{Answer, Time};
use web_sys::{AbortController, AbortSignal};

use crate::awaited::Awaited;
use crate::{intl, later, text};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered: the server is down or the network is.
    Unreachable,
    /// The server said no, and why.
    Refused(ApiError),
    /// An answer came that is not ours to read.
    Unreadable(String),
    /// A part of the app's own code did not come.
    NotLoaded,
}

impl Failure {
    /// Whether nobody is signed in any more.
    pub fn is_signed_out(&self) -> bool {
        matches!(self, Failure::Refused(error) if error.error == "signed-out")
    }

    /// Whether there is no such thing, or none for who asks.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Failure::Refused(error) if error.error == "not-found")
    }

    /// What happened, in two words.
    pub fn head(&self) -> &'static str {
        match self {
            Failure::Unreachable => text::UNREACHABLE_HEAD,
            Failure::Refused(_) if self.is_not_found() => text::NOTHING_HERE_HEAD,
            Failure::Refused(_) | Failure::Unreadable(_) => text::REFUSED_HEAD,
            Failure::NotLoaded => text::NOT_LOADED_HEAD,
        }
    }

    /// The words for a person.
    pub fn sentence(&self) -> String {
        match self {
            Failure::Unreachable => text::UNREACHABLE.to_owned(),
            Failure::Refused(error) => text::as_sentence(&error.detail),
            Failure::Unreadable(why) => format!("{} ({why})", text::UNREADABLE),
            Failure::NotLoaded => text::NOT_LOADED.to_owned(),
        }
    }
}

/// Answers kept in memory, as they were read: Back and a second look cost nothing or a 304, and no reading. Enough for the
/// overview, which is an answer for each report, and what was looked at before it.
const KEPT_ANSWERS: usize = 48;
/// The largest answers are megabytes: of those, fewer are kept. The last one always is.
const KEPT_BYTES: usize = 24 << 20;

/// Reading so many takes a few milliseconds.
const LARGE_BYTES: usize = 400 << 10;

/// Up to which age an answer is taken for what the server would say again: a page asks as often by itself.
const FRESH_SECS: i64 = 60;

struct Kept {
    url: String,
    etag: String,
    /// When the server last gave or confirmed it.
    confirmed: Time,
    /// As it was sent.
    bytes: usize,
    /// What was asked for under this address; one address has answers of one type.
    answer: Arc<dyn Any + Send + Sync>,
}

thread_local! {
    static KEPT: RefCell<VecDeque<Kept>> = RefCell::default();
}

/// What the wire carries to the app.
pub trait Answered: FromJson + Send + Sync + 'static {
    const READ: Read = Read::AtOnce(read_as::<Self>);
}

/// Megabytes, where a report has a hundred thousand rows.
impl Answered for Answer {
    const READ: Read = Read::InSteps;
}

impl Answered for AccountList {}
impl Answered for AuditLog {}
impl Answered for EventPage {}
impl Answered for Health {}
impl Answered for Overage {}
impl Answered for Session {}
impl Answered for Status {}
impl Answered for TokenList {}
impl Answered for Unusual {}

/// Something that was read, whatever it is.
type Anything = Arc<dyn Any + Send + Sync>;
type AnyAnswer = Result<Anything, Failure>;

#[derive(Clone, Copy)]
pub enum Read {
    AtOnce(fn(&[u8]) -> Result<Anything, BadJson>),
    /// An [`Answer`]: so many bytes at a time, between which the browser may paint.
    InSteps,
}

impl Read {
    async fn read(self, body: &[u8]) -> Result<Anything, BadJson> {
        let mut reader = match self {
            Read::AtOnce(read) => return read(body),
            Read::InSteps => Reader::<AnswerParts>::new(body),
        };
        loop {
            match reader.read_on(LARGE_BYTES)? {
                Some(answer) => return Ok(Arc::new(answer)),
                None => later::turn().await,
            }
        }
    }
}

fn read_as<T: Answered>(body: &[u8]) -> Result<Anything, BadJson> {
    Ok(Arc::new(json::read::<T>(body)?))
}

fn known_as<T: Answered>(answer: AnyAnswer) -> Result<Arc<T>, Failure> {
    answer?.downcast().map_err(|_| Failure::Unreadable("an answer of another type".to_owned()))
}

/// A question that a page asks when it is opened, and again when what its address is made of changes.
///
/// What is below it is one for all that the wire carries.
pub struct Asked<T> {
    answer: Awaited<AnyAnswer>,
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
        Asked { answer: resource(Box::new(url), T::READ, Memory::Unused), of: PhantomData }
    }

    /// The same for numbers, which nothing that a person does here changes: those of a moment ago are good enough, until
    /// asked again.
    pub fn numbers(url: String) -> Asked<T> {
        Asked { answer: resource(Box::new(move || url.clone()), T::READ, Memory::Fresh), of: PhantomData }
    }

    /// `None` until there is an answer, or the reason why there is none.
    pub fn get(self) -> Option<Result<Arc<T>, Failure>> {
        self.answer.get().map(known_as)
    }

    pub fn again(self) {
        self.answer.again();
    }
}

/// Which answers in memory are good enough, so that nobody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Unused,
    /// Those that the server gave or confirmed a moment ago.
    Fresh,
    /// Those of any age.
    Any,
}

/// Not generic, so that there is one of it.
fn resource(url: Box<dyn Fn() -> String>, read: Read, memory: Memory) -> Awaited<AnyAnswer> {
    let is_again = StoredValue::new(false);
    Awaited::new(move || {
        let memory = if is_again.get_value() { Memory::Unused } else { memory };
        is_again.set_value(true);
        fetch_while_wanted(url(), read, memory)
    })
}

/// A GET that is given up when the reactive owner that asked is cleaned up (another question, or another page); none where
/// memory has an answer that is good enough.
pub fn get<T: Answered>(url: String, memory: Memory) -> impl Future<Output = Result<Arc<T>, Failure>> {
    let answer = fetch_while_wanted(url, T::READ, memory);
    async move { known_as(answer.await) }
}

/// An answer that is in memory, whatever its age: what can be shown at once.
pub fn known<T: Answered>(url: &str) -> Option<Arc<T>> {
    kept(url)?.1.downcast().ok()
}

/// Whether there is an answer in memory that the server confirmed too long ago.
pub fn is_old(url: &str) -> bool {
    let since = intl::now().plus_secs(-FRESH_SECS);
    KEPT.with_borrow(|all| all.iter().any(|kept| kept.url == url && kept.confirmed < since))
}

/// Puts an answer with its last part brought up to date in the place of the one in memory. Their tag stays: as long as the
/// server would confirm the old one, both say the same.
pub fn renew<T: Answered>(url: &str, answer: &Arc<T>) {
    let answer: Arc<dyn Any + Send + Sync> = answer.clone();
    confirm(url, &answer);
}

fn confirm(url: &str, answer: &Arc<dyn Any + Send + Sync>) {
    KEPT.with_borrow_mut(|all| {
        if let Some(kept) = all.iter_mut().find(|kept| kept.url == url) {
            kept.answer = answer.clone();
            kept.confirmed = intl::now();
        }
    });
}

fn fetch_while_wanted(url: String, read: Read, memory: Memory) -> impl Future<Output = AnyAnswer> {
    let known = match memory {
        Memory::Unused => None,
        Memory::Fresh if is_old(&url) => None,
        Memory::Fresh | Memory::Any => kept(&url),
    };
    let controller = StoredValue::new_local(AbortController::new().ok());
    on_cleanup(move || {
        controller.try_with_value(|controller| controller.as_ref().map(AbortController::abort));
    });
    let signal = controller.with_value(|controller| controller.as_ref().map(AbortController::signal));
    async move {
        match known {
            Some((_, answer)) => Ok(answer),
            None => fetch(url, signal, read).await,
        }
    }
}

async fn fetch(url: String, signal: Option<AbortSignal>, read: Read) -> AnyAnswer {
    let kept = kept(&url);
    let mut request = Request::get(&url).abort_signal(signal.as_ref());
    if let Some((etag, _)) = &kept {
        request = request.header("If-None-Match", etag);
    }
    let response = request.send().await.map_err(|_| Failure::Unreachable)?;
    if let (304, Some((_, answer))) = (response.status(), kept) {
        confirm(&url, &answer);
        return Ok(answer);
    }
    let body = body(&response).await?;
    // To receive, to read and to show a large answer are moments of their own, between which the browser may paint.
    let is_large = body.len() > LARGE_BYTES;
    if is_large {
        later::turn().await;
    }
    let answer = read.read(&body).await.map_err(|error| Failure::Unreadable(error.to_string()))?;
    if is_large {
        later::turn().await;
    }
    if let Some(etag) = response.headers().get("etag") {
        keep(Kept { url, etag, confirmed: intl::now(), bytes: body.len(), answer: answer.clone() });
    }
    Ok(answer)
}

/// The whole of what came back, or why the server said no.
pub async fn body(response: &Response) -> Result<Vec<u8>, Failure> {
    let body = response.binary().await.map_err(|_| Failure::Unreachable)?;
    if response.ok() {
        return Ok(body);
    }
    Err(match json::read::<ApiError>(&body) {
        Ok(error) => Failure::Refused(error),
        Err(_) => Failure::Unreadable(format!("{} {}", response.status(), response.status_text())),
    })
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
        let mut bytes: usize = all.iter().map(|kept| kept.bytes).sum();
        while all.len() > KEPT_ANSWERS || bytes > KEPT_BYTES && all.len() > 1 {
            bytes -= all.pop_front().map_or(0, |kept| kept.bytes);
        }
    });
}
