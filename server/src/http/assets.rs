//! The app's files: a table made at start, from the binary or from a folder. A path is looked up in it and never on the
//! disk, so that none leads elsewhere.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, header};

use super::etag::ETag;

/// The page that every route of the app begins with.
const INDEX: &str = "index.html";
/// Files here have a hash of their content in their name.
const HASHED: &str = "assets/";
/// A name with a hash never means anything else.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Shown where there is no app.
#[cfg(not(feature = "embed"))]
const NO_APP: &str = include_str!("no-app.html");

/// What is built into the binary by `cargo xtask dist`.
#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../target/app/"]
struct Embedded;

pub struct Assets(HashMap<String, Asset>);

struct Asset {
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    mime: HeaderValue,
    tag: ETag,
}

impl Assets {
    /// The app inside the binary. A binary without one looks for the app that `cargo xtask` built in the workspace, and
    /// else has a page that says how to build it.
    #[cfg(feature = "embed")]
    pub fn built_in() -> Result<Assets> {
        let file = |path: std::borrow::Cow<'static, str>| {
            let file = Embedded::get(&path)?;
            Some((path.into_owned(), Bytes::from(file.data.into_owned())))
        };
        Ok(Assets::of(Embedded::iter().filter_map(file).collect()))
    }

    #[cfg(not(feature = "embed"))]
    pub fn built_in() -> Result<Assets> {
        let built = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/app"));
        if built.join(INDEX).is_file() {
            return Assets::in_folder(built);
        }
        Ok(Assets::of(HashMap::from([(INDEX.to_owned(), Bytes::from_static(NO_APP.as_bytes()))])))
    }

    /// The app in a folder, as `cargo xtask` builds it in target/app.
    pub fn in_folder(folder: &Path) -> Result<Assets> {
        let mut files = HashMap::new();
        collect(folder, "", &mut files).with_context(|| format!("cannot read the app in {}", folder.display()))?;
        anyhow::ensure!(files.contains_key(INDEX), "there is no app in {}: no {INDEX}", folder.display());
        Ok(Assets::of(files))
    }

    fn of(mut files: HashMap<String, Bytes>) -> Assets {
        let names: Vec<String> = files.keys().filter(|name| !is_packed(name)).cloned().collect();
        let mut assets = HashMap::new();
        for name in names {
            let Some(plain) = files.remove(&name) else { continue };
            let asset = Asset {
                brotli: files.remove(&format!("{name}.br")),
                gzip: files.remove(&format!("{name}.gz")),
                mime: mime(&name),
                tag: ETag::of(&[&plain]),
                plain,
            };
            assets.insert(name, asset);
        }
        Assets(assets)
    }

    /// The file at a path of a request; for a path without a dot, which is a route of the app, the page.
    pub fn respond(&self, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let name = path.trim_start_matches('/');
        let name = if name.contains('.') { name } else { INDEX };
        let asset = self.0.get(name)?;
        let mut response = if asset.tag.is_held_by(headers) { asset.tag.not_modified() } else { asset.send(headers) };
        let cache = if name.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
        response.headers_mut().insert(header::CACHE_CONTROL, cache);
        Some(response)
    }
}

impl Asset {
    fn send(&self, headers: &HeaderMap) -> Response<Body> {
        let packed = [("br", &self.brotli), ("gzip", &self.gzip)];
        let taken = packed.into_iter().find_map(|(coding, bytes)| {
            bytes.as_ref().filter(|_| takes(headers, coding)).map(|bytes| (coding, bytes.clone()))
        });
        let (coding, bytes) = taken.map_or((None, self.plain.clone()), |(coding, bytes)| (Some(coding), bytes));
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.mime.clone());
        headers.insert(header::ETAG, self.tag.header());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// Whether the client takes a coding: it names it, and not with a weight of zero.
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|entry| {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse().unwrap_or(0.0_f32);
        name.trim().eq_ignore_ascii_case(coding) && weight > 0.0
    })
}

fn is_packed(name: &str) -> bool {
    name.ends_with(".br") || name.ends_with(".gz")
}

fn mime(name: &str) -> HeaderValue {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let charset = if guess.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    HeaderValue::from_str(&format!("{}{charset}", guess.essence_str())).expect("a media type is a header's text")
}

fn collect(folder: &Path, prefix: &str, files: &mut HashMap<String, Bytes>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(format!("{prefix}{name}"), Bytes::from(bytes));
        }
    }
    Ok(())
}
