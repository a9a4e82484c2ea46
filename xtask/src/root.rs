//! Where things are in the repository. No other file spells a path of it twice.

use std::env;
use std::path::{Path, PathBuf};

/// The top of the repository: this package stands one folder below it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ stands in the repository")
}

/// Where cargo puts what it builds.
pub fn cargo_target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The browser app, ready to be served or embedded. The server's sources name this place too.
pub fn app() -> PathBuf {
    root().join("target/app")
}

/// Where the one binary goes. Scripts outside the project rely on it.
pub fn dist() -> PathBuf {
    root().join("target/dist")
}
