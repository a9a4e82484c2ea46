//! One file of the built app: a name that changes with its content, and compressed copies beside it.
//!
//! A name with a hash in it can be cached for ever; the copies are made once, at the best level, so that the
//! server only hands out bytes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;
use brotli::enc::backward_references::BrotliEncoderMode;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::root;

/// Only unoptimised code is larger, in bytes: it is for a quick look, and would take a minute to compress.
const PACKED_UP_TO: usize = 8 << 20;

/// `first` and `js` become `first-1a2b3c4d5e.js`.
pub fn hashed_name(stem: &str, extension: &str, content: &[u8]) -> String {
    let hash = blake3::hash(content).to_hex();
    format!("{stem}-{}.{extension}", &hash[..10])
}

/// Writes a file and, where that saves something, its `.br` and `.gz` beside it.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    write_one(path, content)?;
    if content.len() > PACKED_UP_TO {
        return Ok(());
    }
    let is_code = path.extension().is_some_and(|extension| extension == "wasm");
    for (extension, packed) in [("br", brotli(content, is_code)?), ("gz", gzip(content)?)] {
        if packed.len() < content.len() {
            write_one(&with_suffix(path, extension), &packed)?;
        }
    }
    Ok(())
}

/// What the names of files begin with that a report can be looked at without.
pub const APART: &str = "part-";

/// One file of the built app.
pub struct Size {
    pub name: String,
    pub raw: u64,
    /// As it goes over the wire: with brotli, where that saves something.
    pub packed: u64,
}

impl Size {
    /// Whether a report stands before this is asked for.
    pub fn comes_later(&self) -> bool {
        self.name.starts_with(APART)
    }
}

/// What a browser loads, by name.
pub fn sizes() -> Result<Vec<Size>> {
    let folder = root::app().join("assets");
    let listed = || format!("cannot list {}", folder.display());
    let mut sizes = Vec::new();
    for file in fs::read_dir(&folder).with_context(listed)? {
        let path = file.with_context(listed)?.path();
        let is_packed = path.extension().is_none_or(|extension| extension == "br" || extension == "gz");
        if is_packed {
            continue;
        }
        let length = |path: &Path| fs::metadata(path).map(|file| file.len());
        let raw = length(&path).with_context(|| format!("cannot measure {}", path.display()))?;
        let packed = length(&with_suffix(&path, "br")).unwrap_or(raw);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        sizes.push(Size { name, raw, packed });
    }
    sizes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(sizes)
}

/// The bytes of all of them, as they are and over the wire.
pub fn total<'a>(sizes: impl IntoIterator<Item = &'a Size>) -> (u64, u64) {
    sizes.into_iter().fold((0, 0), |(raw, packed), size| (raw + size.raw, packed + size.packed))
}

/// The built file whose name begins and ends like this.
pub fn built(stem: &str, extension: &str) -> Result<PathBuf> {
    let of = |size: &Size| size.name.starts_with(stem) && size.name.ends_with(&format!(".{extension}"));
    let file = sizes()?.into_iter().find(of).with_context(|| format!("the app has no {stem}….{extension}"))?;
    Ok(root::app().join("assets").join(file.name))
}

/// `a/b.js` and `br` become `a/b.js.br`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn write_one(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn brotli(mut content: &[u8], is_code: bool) -> Result<Vec<u8>> {
    // What comes next is told from the upper bits of the byte before in WebAssembly, whose numbers go on where the highest is
    // set. Left to itself, the encoder takes it for text, since most of its bytes are below 128.
    let mode = if is_code { BrotliEncoderMode::BROTLI_FORCE_MSB_PRIOR } else { BrotliEncoderMode::BROTLI_MODE_GENERIC };
    // Quality 11 and the largest window that every browser takes.
    let settings = BrotliEncoderParams { mode, quality: 11, lgwin: 24, size_hint: content.len(), ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut content, &mut packed, &settings).context("cannot compress with brotli")?;
    Ok(packed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).context("cannot compress with gzip")?;
    encoder.finish().context("cannot compress with gzip")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_content() {
        assert_eq!(hashed_name("start", "js", b"a"), hashed_name("start", "js", b"a"));
        assert_ne!(hashed_name("start", "js", b"a"), hashed_name("start", "js", b"b"));
        assert_eq!(hashed_name("start", "js", b"a").len(), "start-0123456789.js".len());
    }

    #[test]
    fn a_compressed_copy_stands_beside_the_file() {
        assert_eq!(with_suffix(Path::new("a/b.js"), "br"), Path::new("a/b.js.br"));
    }
}
