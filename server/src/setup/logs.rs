//! Which logs hold the same lines: syslog daemons write one line into several files.

use rustc_hash::FxHashSet;

/// Pairs of logs whose ends share a line, the larger part first: `(log, copy of some of it)`. `logs` are names and ends.
pub fn copies(logs: &[(String, Vec<u8>)]) -> Vec<(String, String)> {
    let lines: Vec<FxHashSet<&[u8]>> = logs.iter().map(|(_, end)| mail_lines(end)).collect();
    let mut copies = Vec::new();
    let mut is_copy = vec![false; logs.len()];
    for (one, (name, _)) in logs.iter().enumerate() {
        for (other, (copy, _)) in logs.iter().enumerate() {
            let is_first = (lines[other].len(), one) < (lines[one].len(), other);
            if one != other && is_first && !is_copy[one] && !is_copy[other] && !lines[one].is_disjoint(&lines[other]) {
                is_copy[other] = true;
                copies.push((name.clone(), copy.clone()));
            }
        }
    }
    copies
}

/// Whole lines of mail daemons. The first one may be cut.
fn mail_lines(end: &[u8]) -> FxHashSet<&[u8]> {
    let is_mail = |line: &&[u8]| {
        [&b"postfix"[..], b"dovecot", b"exim", b"spamd", b"amavis", b"rspamd", b"opendkim"]
            .iter()
            .any(|program| memchr::memmem::find(line, program).is_some())
    };
    end.split(|byte| *byte == b'\n').skip(1).filter(is_mail).collect()
}
