//! Established connections on the mail ports, from the kernel's own tables: no walk over processes.

use std::fs;
use std::path::Path;

/// `TCP_ESTABLISHED` in the kernel's `tcp_states.h`.
const ESTABLISHED: &str = "01";

/// `None` when neither table can be read.
pub fn established(proc: &Path, ports: &[u16]) -> Option<u64> {
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(proc.join("net").join(table)).ok());
    if tables.iter().all(Option::is_none) {
        return None;
    }
    Some(tables.iter().flatten().map(|table| count(table, ports)).sum())
}

/// `sl local_address rem_address st …`, addresses as `0100007F:0019`.
fn count(table: &str, ports: &[u16]) -> u64 {
    let ours = |line: &&str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let port = fields.next().and_then(|local| u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok());
        fields.nth(1) == Some(ESTABLISHED) && port.is_some_and(|port| ports.contains(&port))
    };
    table.lines().skip(1).filter(ours).count() as u64
}
