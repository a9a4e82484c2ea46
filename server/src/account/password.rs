//! Passwords: which are taken, how they are kept (argon2id), and how many are hashed at once.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use super::secret::random_bytes;

/// Shorter ones are guessed (NIST SP 800-63B, 5.1.1.2).
pub const MIN_CHARS: usize = 8;
/// Longer ones only cost time.
pub const MAX_CHARS: usize = 1_024;
/// OWASP's parameters for argon2id with one pass: 46 MiB, one lane.
const MEMORY_KIB: u32 = 46 * 1024;
const PASSES: u32 = 1;
const LANES: u32 = 1;
/// Hashed at a time: 92 MiB, and no more than two cores.
const MAX_RUNNING: usize = 2;
/// Hashed or waiting: beyond it clients are sent away for a moment. A hash takes about a tenth of a second.
const MAX_ADMITTED: usize = 32;

/// The passwords of at least eight characters that leaks show most often, in lower case (from the lists of zxcvbn, MIT).
static COMMON: LazyLock<std::collections::HashSet<&str>> =
    LazyLock::new(|| include_str!("common-passwords.txt").lines().collect());

/// A password as it was typed, in one spelling (NFC, RFC 8265). Never printed.
#[derive(Clone)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    #[error("a password has at least {MIN_CHARS} characters")]
    Short,
    #[error("a password has at most {MAX_CHARS} characters")]
    Long,
    #[error("a password has no control characters")]
    Control,
    #[error("this password is one of those that are tried first")]
    Common,
    #[error("a password is not the account's name")]
    Name,
}

impl Password {
    /// As typed at a log-in. One that is longer than any that was taken fits nothing, and is not cut.
    pub fn typed(text: &str) -> Option<Password> {
        let normal: String = text.nfc().take(MAX_CHARS + 1).collect();
        let count = normal.chars().count();
        (count > 0 && count <= MAX_CHARS && !normal.contains('\0')).then_some(Password(normal))
    }

    /// As chosen for an account.
    pub fn chosen(text: &str, name: &str) -> Result<Password, Weak> {
        let normal: String = text.nfc().take(MAX_CHARS + 1).collect();
        let count = normal.chars().count();
        if count < MIN_CHARS {
            return Err(Weak::Short);
        }
        if count > MAX_CHARS {
            return Err(Weak::Long);
        }
        if normal.contains(char::is_control) {
            return Err(Weak::Control);
        }
        let lower = normal.to_lowercase();
        let local = name.split('@').next().unwrap_or(name);
        if lower == name.to_lowercase() || lower == local.to_lowercase() {
            return Err(Weak::Name);
        }
        if is_common(&lower) { Err(Weak::Common) } else { Ok(Password(normal)) }
    }

    /// For the IMAP server that is asked whether it fits.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

/// On the list, with or without a few digits or signs behind it, or a run such as `aaaaaaaa` or `23456789`.
fn is_common(lower: &str) -> bool {
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    let steps: Vec<i64> =
        lower.chars().zip(lower.chars().skip(1)).map(|(a, b)| i64::from(b as u32) - i64::from(a as u32)).collect();
    let is_run = steps.first().is_some_and(|first| first.abs() <= 1 && steps.iter().all(|step| step == first));
    COMMON.contains(lower) || COMMON.contains(bare) || is_run
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash that is kept, with its salt and parameters.
pub fn hash(password: &Password) -> String {
    let salt = SaltString::encode_b64(&random_bytes::<16>()).expect("sixteen bytes are a salt");
    argon2().hash_password(password.0.as_bytes(), &salt).expect("a password within the bounds is hashed").to_string()
}

/// Whether a password is the one that was hashed.
pub fn fits(password: &Password, hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    argon2().verify_password(password.0.as_bytes(), &parsed).is_ok()
}

/// Hashes on threads that may block, a few at a time.
pub struct Hashing {
    running: Semaphore,
    admitted: Semaphore,
    nobodys: OnceLock<String>,
}

/// Too many passwords wait to be looked at.
#[derive(Debug)]
pub struct Crowded;

impl Default for Hashing {
    fn default() -> Hashing {
        Hashing {
            running: Semaphore::new(MAX_RUNNING),
            admitted: Semaphore::new(MAX_ADMITTED),
            nobodys: OnceLock::new(),
        }
    }
}

impl Hashing {
    pub async fn hash(&self, password: Password) -> Result<String, Crowded> {
        self.run(move || hash(&password)).await
    }

    /// Whether a password fits. Without a hash, which is an unknown name, the work is the same and the answer is no.
    pub async fn fits(&self, password: Password, hash: Option<String>) -> Result<bool, Crowded> {
        let is_known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self.nobodys().await?,
        };
        Ok(self.run(move || fits(&password, &hash)).await? && is_known)
    }

    /// A hash of what nobody knows, made at the first need.
    async fn nobodys(&self) -> Result<String, Crowded> {
        if let Some(hash) = self.nobodys.get() {
            return Ok(hash.clone());
        }
        let random = random_bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let made = self.run(move || hash(&Password(random))).await?;
        Ok(self.nobodys.get_or_init(|| made).clone())
    }

    /// Makes the hash that unknown names are held against, so that the first of them takes no longer.
    pub async fn prepare(&self) {
        let _ = self.nobodys().await;
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Crowded> {
        let _admitted = self.admitted.try_acquire().map_err(|_| Crowded)?;
        let _running = self.running.acquire().await.map_err(|_| Crowded)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Crowded)
    }

    #[cfg(test)]
    pub fn occupy_all(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.admitted.try_acquire_many(MAX_ADMITTED as u32).expect("nobody else hashes in this test")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_as_a_password() {
        // FAULTS 82
        let taken = |text: &str| Password::chosen(text, "ann@example.com").map(|_| ());
        assert_eq!(taken("seven77"), Err(Weak::Short));
        assert_eq!(taken("eight 88"), Ok(()));
        assert_eq!(taken("äöüßéñø€"), Ok(()), "characters are counted, not bytes");
        assert_eq!(taken(&"correct horse ".repeat(5)), Ok(()));
        let long: String = ('a'..='z').cycle().take(1_024).collect::<String>().replacen('b', "7", 1);
        assert_eq!(taken(&long), Ok(()));
        assert_eq!(taken(&format!("{long}x")), Err(Weak::Long));
        assert_eq!(taken("nul\0inside"), Err(Weak::Control));
        for common in ["password", "Password1!", "PASSW0RD", "12345678", "aaaaaaaaaaaa", "qwertyuiop", "abcdefghij"] {
            assert_eq!(taken(common), Err(Weak::Common), "{common}");
        }
        assert_eq!(taken("ANN@example.com"), Err(Weak::Name));
        assert_eq!(Password::chosen("longname", "longname").map(|_| ()), Err(Weak::Name));
    }

    #[test]
    fn a_password_fits_in_every_spelling_and_is_never_cut() {
        // FAULTS 82
        let composed = hash(&Password::chosen("caf\u{e9} society", "ann").expect("a password"));
        assert!(composed.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{composed}");
        let typed = |text: &str| Password::typed(text).is_some_and(|password| fits(&password, &composed));
        assert!(typed("cafe\u{301} society") && !typed("cafe society") && !typed("caf\u{e9} societ"));
        assert!(Password::typed(&"x".repeat(1_025)).is_none() && Password::typed("nul\0").is_none());
        assert!(!fits(&Password::typed("anything").expect("short enough"), "not a hash"));
    }

    #[test]
    fn a_password_is_not_printed() {
        // FAULTS 90
        let password = Password::typed("correct horse").expect("short enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[tokio::test]
    async fn a_crowd_is_sent_away() {
        // FAULTS 81
        let hashing = Hashing::default();
        let all = hashing.occupy_all();
        let password = Password::typed("correct horse").expect("short enough");
        assert!(hashing.fits(password.clone(), None).await.is_err());
        drop(all);
        assert!(!hashing.fits(password, None).await.expect("room again"));
    }
}
