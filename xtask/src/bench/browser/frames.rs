//! How long a script keeps the page from painting at a hundred thousand rows, by what a person does.

use std::path::Path;

use anyhow::{Context, Result};

use super::product::Product;
use crate::bench::document::Table;

/// A browser paints sixty times a second.
const FRAME_MS: f64 = 1000.0 / 60.0;

pub fn table(folder: &Path, product: &Product) -> Result<String> {
    let measured: Vec<(String, Vec<f64>)> =
        serde_json::from_slice(&product.seen_by("frames.mjs", folder)?).context("the frames are not JSON")?;
    let mut table = Table::new(&["at 100,000 rows", "longest script, CPU ms", "loads", "under a frame"]);
    for (what, mut times) in measured {
        times.sort_unstable_by(f64::total_cmp);
        let middle = times.get(times.len() / 2).copied().context("nothing was measured")?;
        let verdict = if middle < FRAME_MS { "held" } else { "missed" };
        table.row([what, format!("{middle:.1}"), times.len().to_string(), verdict.to_owned()]);
    }
    Ok(table.markdown())
}
