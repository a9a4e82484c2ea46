//! The real binary as a server of what a site has counted, on a port of its own; ended when dropped.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr};

use super::*;

pub struct Served {
    process: Child,
    pub address: SocketAddr,
    /// What it says to whoever runs it.
    pub said: BufReader<ChildStderr>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    /// `program` is the binary, or what runs the binary with the arguments that follow.
    pub fn start(mut program: Command, site: &Site) -> Served {
        let config = site.dir.path().join("mailtally.toml");
        fs::write(&config, "listen = '127.0.0.1:0'\n[collect]\nfiles = []\n[host]\nsample = false\n").unwrap();
        program.arg("--config").arg(config).args(["serve", "--data"]).arg(site.data());
        let mut process = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        Served { process, address, said }
    }

    /// The whole answer to a GET of someone without a session.
    pub fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}
