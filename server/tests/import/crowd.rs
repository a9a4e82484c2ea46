//! A server with few file descriptors, and more clients than that.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;

use super::*;

/// Fewer than the clients that come; a server without any needs about twenty.
const DESCRIPTORS: u32 = 48;
const CLIENTS: usize = 100;

struct Crowded {
    process: Child,
    address: SocketAddr,
    said: BufReader<std::process::ChildStderr>,
}

impl Drop for Crowded {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn crowded(site: &Site) -> Crowded {
    let config = site.dir.path().join("mailtally.toml");
    fs::write(&config, "listen = '127.0.0.1:0'\n[collect]\nfiles = []\n[host]\nsample = false\n").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_mailtally")]);
    shell.arg("--config").arg(config).args(["serve", "--data"]).arg(site.data());
    let mut process = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let said = BufReader::new(process.stderr.take().unwrap());
    Crowded { process, address, said }
}

#[test]
fn without_file_descriptors_it_says_so_and_goes_on_afterwards() {
    // FAULTS 16
    let site = site();
    let mut server = crowded(&site);
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let mut line = String::new();
    while !line.contains("cannot accept a connection") {
        line.clear();
        assert_ne!(server.said.read_line(&mut line).unwrap(), 0, "it ended");
    }
    drop(clients);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"GET /api/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
