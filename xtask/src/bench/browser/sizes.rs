//! What a browser loads before the first report, and what comes later: every file of the app, as it is and as it goes over
//! the wire.

use anyhow::Result;

use crate::asset;
use crate::bench::document::Table;

pub fn table() -> Result<String> {
    let mut table = Table::new(&["file", "bytes", "brotli"]);
    let files = asset::sizes()?;
    let (later, first): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.comes_later());
    for (name, files) in [("before the first report", &first), ("later", &later)] {
        for file in files {
            table.row([file.name.clone(), file.raw.to_string(), file.packed.to_string()]);
        }
        let (raw, packed) = asset::total(files.iter().copied());
        table.row([name.to_owned(), raw.to_string(), packed.to_string()]);
    }
    let (raw, packed) = asset::total(&files);
    table.row(["all".to_owned(), raw.to_string(), packed.to_string()]);
    Ok(table.markdown())
}
