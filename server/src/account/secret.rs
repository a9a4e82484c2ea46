//! Random secrets that are shown once, and the digests that are kept of them.

use std::fmt;

/// 256 bits: nobody guesses one, so a fast hash of it is enough.
const SECRET_BYTES: usize = 32;

/// A session's, token's or link's secret, as lower-case hexadecimal. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What is stored of a [`Secret`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Secret {
    /// A fresh one.
    pub fn random() -> Secret {
        let bytes = random_bytes::<SECRET_BYTES>();
        Secret(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// For the one moment in which it is shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Digest {
    /// Of what someone claims to be a secret.
    pub fn of(claimed: &str) -> Digest {
        Digest(*blake3::hash(claimed.as_bytes()).as_bytes())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// From the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).expect("every system that we run on has randomness");
    bytes
}
