//! Builds examples/contender as a module that the harness loads.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::root::{self, root};
use crate::{asset, paths, shell};

pub fn build(place: &Path) -> Result<()> {
    let target = "wasm32-unknown-unknown";
    let package = ["build", "--package", "mailtally-app", "--example", "contender", "--target", target];
    shell::run(shell::cargo(package).args(["--profile", "wasm"]).args(paths::short()?))?;
    let built = root::cargo_target().join(target).join("wasm/examples/contender.wasm");
    let code = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;

    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.typescript(false).omit_default_module_path(true);
    let mut output = bindgen.input_bytes("ours", code).generate_output().context("wasm-bindgen failed")?;
    output.emit(place).with_context(|| format!("cannot write {}", place.display()))?;
    fs::rename(place.join("ours_bg.wasm"), place.join("ours.wasm")).context("wasm-bindgen has written no code")?;

    for name in ["contender.js", "whole.html", "whole.js"] {
        let file = root().join("examples/contender").join(name);
        fs::copy(&file, place.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    fs::copy(asset::built("mailtally", "css")?, place.join("ours.css")).context("cannot copy the sheet")?;
    Ok(())
}
