//! `cargo xtask run`: the product on demo data, from nothing, in one command.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::progress::{Progress, say};
use crate::{app, root, shell, tools};

/// Where the demo is if nothing else is said.
const PORT: u16 = 8321;

pub fn run(listen: Option<SocketAddr>) -> Result<()> {
    let listen = address(listen)?;
    let mut progress = Progress::new(app::STEPS + 1);
    app::build(app::Profile::Wasm, &mut progress)?;
    progress.step("compile the server", || {
        tools::ensure_make()?;
        shell::run(&mut shell::cargo(["build", "--release", "--package", "mailtally-server"]))
    })?;
    say(&format!("── built in {}; starting the demo (Ctrl-C ends it)", progress.elapsed()));
    // This process becomes the server, so that a signal reaches it and nothing is left behind.
    let server = root::cargo_target().join("release/mailtally");
    let error = Command::new(&server).args(["demo", "--listen", &listen.to_string()]).current_dir(root::root()).exec();
    Err(error).with_context(|| format!("cannot start {}", server.display()))
}

/// The address that was asked for, else the usual one, else one with a free port. Tried before the long build.
fn address(asked: Option<SocketAddr>) -> Result<SocketAddr> {
    if let Some(asked) = asked {
        TcpListener::bind(asked).with_context(|| format!("cannot listen on {asked}"))?;
        return Ok(asked);
    }
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    if TcpListener::bind(usual).is_ok() {
        return Ok(usual);
    }
    let Ok(free) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { bail!("no port is free on {}", usual.ip()) };
    let free = free.local_addr().context("cannot tell which port is free")?;
    say(&format!("{usual} is taken, using {free} instead"));
    Ok(free)
}
