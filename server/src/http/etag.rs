//! Tags of answers and files, and whether what the client has is still good.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A weak tag: compression changes an answer's bytes, not what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of all that decides what an answer says.
    pub fn of(parts: &[&[u8]]) -> ETag {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let hash = hasher.finalize().to_hex();
        ETag(format!("W/\"{}\"", &hash[..32]))
    }

    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a quoted hexadecimal number is a header's text")
    }

    /// Whether the client names this tag in If-None-Match. A star, which fits whatever there is, is not heeded: whether
    /// there is anything is not known yet where tags are compared.
    pub fn is_held_by(&self, headers: &HeaderMap) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let listed = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        listed.flat_map(|list| list.split(',')).any(|tag| opaque(tag) == opaque(&self.0))
    }

    pub fn not_modified(&self) -> Response {
        (StatusCode::NOT_MODIFIED, [(header::ETAG, self.header())]).into_response()
    }
}
