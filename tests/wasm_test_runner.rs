//! cargo's runner for tests that were built for the browser: wasm-bindgen's own, built from the locked sources.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
