//! T7: the app's report as a page beside pages of its peers, from the question to the second frame after it is drawn.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::samples::Samples;
use crate::root::root;
use crate::shell;

const RESULTS: &str = "results/ours-pages.json";

/// The whole of it with a million rows, and the empty one: the cost of an app's own code.
const SIZES: [&str; 2] = ["0", "1000000"];

/// Cold loads of each page, with two more reports asked for in each. Six gave another winner each time.
const LOADS: &str = "12";

pub fn run(folder: &Path, samples: &mut Samples) -> Result<()> {
    write_answers(folder, &SIZES)?;
    let (server, address) = serve(folder)?;
    let url = format!("{address}/ours/whole.html?n={{n}}");
    let what = ["run-e2e.mjs", "--reps", LOADS, "--warm", "2", "--sizes", &SIZES.join(","), "--out", RESULTS];
    let who = ["--only", "uplot-lean,arquero-uplot", "--url", &url, "--name", "ours"];
    let done = shell::run(Command::new("node").args(what).args(who).current_dir(folder));
    drop(server);
    done?;
    samples.add_pages(&folder.join(RESULTS))
}

/// The benchmark's rows as answers of the server.
pub fn write_answers(folder: &Path, sizes: &[&str]) -> Result<()> {
    let script = root().join("examples/contender/answers.mjs");
    shell::run(Command::new("node").arg(script).arg(folder).args(sizes))
}

/// The harness's own server on a free port, until it is dropped.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// It, and its address.
pub fn serve(folder: &Path) -> Result<(Server, String)> {
    // It takes 0 for a port that it knows better.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.context("no port is free")?.port();
    let mut server = Command::new("node");
    server.args(["src/server.mjs", &port.to_string()]).current_dir(folder).stdout(Stdio::piped());
    let mut server = Server(server.spawn().context("cannot start the harness's server")?);
    let said = server.0.stdout.take().context("the harness's server has no output")?;
    let mut address = String::new();
    BufReader::new(said).read_line(&mut address).context("the harness's server says no address")?;
    Ok((server, address.trim().to_owned()))
}
