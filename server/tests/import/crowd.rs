//! A server with few file descriptors, and more clients than that.

use std::io::BufRead;
use std::net::TcpStream;

use super::served::Served;
use super::*;

/// Fewer than the clients that come; a server without any needs about twenty.
const DESCRIPTORS: u32 = 48;
const CLIENTS: usize = 100;

#[test]
fn without_file_descriptors_it_says_so_and_goes_on_afterwards() {
    // FAULTS 16
    let site = site();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_mailtally")]);
    let mut server = Served::start(shell, &site);
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let mut line = String::new();
    while !line.contains("cannot accept a connection") {
        line.clear();
        assert_ne!(server.said.read_line(&mut line).unwrap(), 0, "it ended");
    }
    drop(clients);
    let answer = server.ask("/api/status");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
