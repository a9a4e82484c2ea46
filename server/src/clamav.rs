//! ClamAV: lines of clamd, by syslog or from its own file, and of clamav-milter → a [`Fact`].

use crate::text::{Parsed, contains, split};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    Scanned {
        is_infected: bool,
    },
    /// A client could not reach clamd, at the address it tried.
    Failed {
        address: Option<&'a [u8]>,
    },
}

/// `instream(local): OK`, `/var/lib/clam/tmp/clamav-….tmp (deleted): Eicar-Test-Signature.UNOFFICIAL(…) FOUND`.
/// Clean ones only with LogClean.
pub fn clamd(message: &[u8]) -> Parsed<Fact<'_>> {
    if message.ends_with(b": OK") {
        return Parsed::Fact(Fact::Scanned { is_infected: false });
    }
    if message.ends_with(b" FOUND") && contains(message, b": ") {
        return Parsed::Fact(Fact::Scanned { is_infected: true });
    }
    // Start, reload of the database, limits: what clamd says of itself.
    Parsed::Ignored
}

pub fn clamav_milter(message: &[u8]) -> Parsed<Fact<'_>> {
    if message.starts_with(b"Clean message ") {
        return Parsed::Fact(Fact::Scanned { is_infected: false });
    }
    if message.starts_with(b"Message ") && contains(message, b" infected by ") {
        return Parsed::Fact(Fact::Scanned { is_infected: true });
    }
    // `WARNING: Failed to connect to socket 'unix:/run/clamd.ctl'`, `ERROR: Can't connect to …`; and for each message
    // while no clamd answers `ERROR: Failed to initiate streaming/fdpassing` (clamav-milter/clamfi.c), without an address.
    let is_trouble = message.starts_with(b"WARNING: ") || message.starts_with(b"ERROR: ") || message.starts_with(b"^");
    let failures: [&[u8]; 3] = [b"ailed to connect", b"an't connect", b"ailed to initiate streaming"];
    if is_trouble && failures.iter().any(|failure| contains(message, failure)) {
        let address = split(message, b"'").and_then(|(_, rest)| split(rest, b"'")).map(|(address, _)| address);
        return Parsed::Fact(Fact::Failed { address });
    }
    Parsed::Ignored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans() {
        let infected = Parsed::Fact(Fact::Scanned { is_infected: true });
        let clean = Parsed::Fact(Fact::Scanned { is_infected: false });
        assert_eq!(clamd(b"/tmp/a.tmp (deleted): Eicar-Test-Signature.UNOFFICIAL(0be6:267) FOUND"), infected);
        assert_eq!(clamd(b"/tmp/a.tmp (deleted): OK"), clean);
        assert_eq!(clamd(b"Loaded 2 signatures."), Parsed::Ignored);
        assert_eq!(clamav_milter(b"Clean message A1983B4471 from <ann@outside.example> to <a@b>"), clean);
        assert_eq!(
            clamav_milter(b"Message F0A88B4471 from <a@b> to <c@d> with subject 'x' infected by Eicar"),
            infected
        );
    }

    #[test]
    fn each_message_that_finds_no_clamd_is_a_failure() {
        let failed = Parsed::Fact(Fact::Failed { address: None });
        assert_eq!(clamav_milter(b"ERROR: Failed to initiate streaming/fdpassing"), failed);
        assert_eq!(clamav_milter(b"WARNING: No clamd server appears to be available"), Parsed::Ignored);
    }
}
