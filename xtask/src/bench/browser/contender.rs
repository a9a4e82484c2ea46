//! Builds examples/contender as a module that the harness loads: compiled, cut and finished as the app is, so that the whole
//! page loads what a report does.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::app::{self, Bundle, Profile};
use crate::asset;
use crate::root::root;

/// What parts of the code look like: as the app has it, and here.
const APART: &str = "part-sheet";
const SHEET: &str = "apart.css";

pub fn build(place: &Path) -> Result<()> {
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    let linked = app::compile(["--example", "contender"], "examples/contender.wasm", Profile::Wasm)?;
    let linked = fs::read(&linked).with_context(|| format!("cannot read {}", linked.display()))?;
    let part = |name: &str, code: &[u8]| {
        let file = format!("{name}.wasm");
        fs::write(place.join(&file), code).map(|()| file).context("cannot write a part")
    };
    let Bundle { glue, code, .. } =
        app::bundled("ours", linked, Profile::Wasm, place, SHEET, |apart, code| part(&apart.name, code))?;
    part("ours", &code)?;
    let examples = root().join("examples/contender");
    let whole = examples.join("whole.js");
    let whole = fs::read_to_string(&whole).with_context(|| format!("cannot read {}", whole.display()))?;
    // In one file, as the app's glue and what starts it are.
    fs::write(place.join("whole.js"), format!("{glue}\n{whole}")).context("cannot write the page's script")?;
    fs::write(place.join("ours.js"), glue).context("cannot write the glue")?;

    for name in ["contender.js", "whole.html"] {
        let file = examples.join(name);
        fs::copy(&file, place.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    for (sheet, name) in [("mailtally", "ours.css"), (APART, SHEET)] {
        fs::copy(asset::built(sheet, "css")?, place.join(name)).context("cannot copy a sheet")?;
    }
    Ok(())
}
