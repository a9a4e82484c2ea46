//! The browser half: from an answer to what a person sees.

use anyhow::Result;

use super::Depth;
use crate::app;
use crate::progress::Progress;

/// The steps of [`run`].
pub const STEPS: usize = 3;

pub fn run(progress: &mut Progress, _depth: Depth) -> Result<String> {
    app::build(app::Profile::Wasm, progress)?;
    Ok(String::new())
}
