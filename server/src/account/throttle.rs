//! Log-ins that fail are made to wait: by account and by address, longer with each failure, never for good.
//!
//! In memory alone: after a restart everyone may try afresh. Works on the monotonic clock, which nobody sets.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures on one account that cost nothing: typing errors.
const FREE_BY_ACCOUNT: u32 = 5;
/// Failures from one address that cost nothing: an office has many people behind one address.
const FREE_BY_ADDRESS: u32 = 20;
/// The longest wait for an account: a guesser gets sixty tries an hour, and the owner is back within a minute.
const LONGEST_BY_ACCOUNT: Duration = Duration::from_secs(60);
/// The longest wait for an address.
const LONGEST_BY_ADDRESS: Duration = Duration::from_secs(15 * 60);
/// Without another failure for this long, what was is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Keys that are remembered: a few megabytes.
const MAX_KEYS: usize = 50_000;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    /// An account from an address that it was let in from before: a flood from elsewhere does not hold up its owner.
    Owner(String, IpAddr),
    Address(IpAddr),
}

impl Key {
    fn bounds(&self) -> (u32, Duration) {
        match self {
            Key::Account(_) | Key::Owner(..) => (FREE_BY_ACCOUNT, LONGEST_BY_ACCOUNT),
            Key::Address(_) => (FREE_BY_ADDRESS, LONGEST_BY_ADDRESS),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    /// Tries since the last success.
    count: u32,
    last: Instant,
}

#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<Key, Tries>>);

impl Throttle {
    /// Lets a try through, and counts it as failed until [`Throttle::succeeded`] says otherwise, so that many at once
    /// are many; or says how long to wait.
    pub fn admit(&self, name: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(&all, name, address);
        let wait = keys.iter().filter_map(|key| wait(key, *all.get(key)?, now)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        if all.len() + keys.len() > MAX_KEYS {
            make_room(&mut all, now);
        }
        for key in keys {
            let tries = all.entry(key).or_insert(Tries { count: 0, last: now });
            if now.duration_since(tries.last) > FORGOTTEN_AFTER {
                tries.count = 0;
            }
            *tries = Tries { count: tries.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// An account was let in from this address before, as others know who remember longer: a flood from elsewhere does not
    /// hold it up. What it fails itself counts on.
    pub fn recognise(&self, name: &str, address: IpAddr, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(Key::Owner(name.to_owned(), network(address))).or_insert(Tries { count: 0, last: now });
    }

    /// Forgets those who have not failed for long.
    pub fn forget(&self, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, tries| now.duration_since(tries.last) <= FORGOTTEN_AFTER);
    }

    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.0.lock().expect("nobody panicked").len()
    }

    /// A try was not looked at after all: it is no failure.
    pub fn forgive(&self, name: &str, address: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(&all, name, address) {
            if let Some(tries) = all.get_mut(&key) {
                tries.count = tries.count.saturating_sub(1);
            }
        }
    }

    /// Someone was let in: their account and this address begin anew. The address keeps what it failed on others, or
    /// whoever has one account could guess at all the rest.
    pub fn succeeded(&self, name: &str, address: IpAddr, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        all.remove(&Key::Account(name.to_owned()));
        all.insert(Key::Owner(name.to_owned(), address), Tries { count: 0, last: now });
        if let Some(tries) = all.get_mut(&Key::Address(address)) {
            tries.count = tries.count.saturating_sub(1);
        }
    }
}

fn keys(all: &HashMap<Key, Tries>, name: &str, address: IpAddr) -> [Key; 2] {
    let address = network(address);
    let owner = Key::Owner(name.to_owned(), address);
    let account = if all.contains_key(&owner) { owner } else { Key::Account(name.to_owned()) };
    [account, Key::Address(address)]
}

/// How long a key must still wait, if so.
fn wait(key: &Key, tries: Tries, now: Instant) -> Option<Duration> {
    let (free, longest) = key.bounds();
    let over = tries.count.checked_sub(free)?;
    let pause = Duration::from_secs(1 << over.min(12)).min(longest);
    pause.checked_sub(now.duration_since(tries.last)).filter(|wait| !wait.is_zero())
}

/// Forgets what costs nothing yet, and then whatever is oldest; who waits longest is kept longest.
fn make_room(all: &mut HashMap<Key, Tries>, now: Instant) {
    let costs = |key: &Key, tries: &Tries| tries.count >= key.bounds().0;
    all.retain(|key, tries| now.duration_since(tries.last) <= FORGOTTEN_AFTER && costs(key, tries));
    if all.len() > MAX_KEYS / 2 {
        let mut times: Vec<Instant> = all.values().map(|tries| tries.last).collect();
        times.sort_unstable();
        let middle = times[times.len() / 2];
        all.retain(|_, tries| tries.last > middle);
    }
}

/// Whoever has one address of IPv6 has its /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    #[test]
    fn one_account_from_many_addresses_waits_and_its_owner_does_not() {
        // FAULTS 79
        let (throttle, start) = (Throttle::default(), Instant::now());
        let home = address(0);
        throttle.admit("ann", home, start).expect("the first try");
        throttle.succeeded("ann", home, start);
        for attacker in 1..=FREE_BY_ACCOUNT {
            throttle.admit("ann", address(attacker), start).expect("within what is free");
        }
        let wait = throttle.admit("ann", address(99), start).expect_err("the next one waits");
        assert_eq!(wait, Duration::from_secs(1));
        throttle.admit("ann", home, start).expect("the owner, from home");
        throttle.admit("ben", address(99), start).expect("another account");
        // Each failure doubles the wait, up to a minute.
        let mut now = start;
        let mut waits = Vec::new();
        for attacker in 100..110 {
            let wait = throttle.admit("ann", address(attacker), now).expect_err("too early");
            waits.push(wait.as_secs());
            now += wait;
            throttle.admit("ann", address(attacker), now).expect("after the wait");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        // The owner from an address that is remembered elsewhere, as after a restart.
        assert!(throttle.admit("ann", address(400), now).is_err());
        throttle.recognise("ann", address(400), now);
        throttle.admit("ann", address(400), now).expect("the owner");
        // The owner from a new address: a minute at most, however long the attack.
        assert!(throttle.admit("ann", address(500), now).expect_err("too early") <= LONGEST_BY_ACCOUNT);
        throttle.admit("ann", address(500), now + LONGEST_BY_ACCOUNT).expect("back within a minute");
    }

    #[test]
    fn a_try_that_was_not_looked_at_is_no_failure() {
        // FAULTS 79
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..10 * FREE_BY_ADDRESS {
            throttle.admit("ann", address(1), start).expect("nothing has failed");
            throttle.forgive("ann", address(1));
        }
    }

    #[test]
    fn many_accounts_from_one_address_wait() {
        // FAULTS 79
        let (throttle, start) = (Throttle::default(), Instant::now());
        for account in 0..FREE_BY_ADDRESS {
            throttle.admit(&format!("name{account}"), address(1), start).expect("within what is free");
        }
        assert!(throttle.admit("another", address(1), start).is_err());
        assert!(throttle.admit("another", address(2), start).is_ok());
        let six = |text: &str| text.parse::<IpAddr>().expect("an address");
        for account in 0..FREE_BY_ADDRESS {
            let address = six(&format!("2001:db8:0:1::{account:x}"));
            throttle.admit(&format!("six{account}"), address, start).expect("within what is free");
        }
        assert!(
            throttle.admit("another", six("2001:db8:0:1:ffff::"), start).is_err(),
            "one network of IPv6 is one client"
        );
        let later = start + FORGOTTEN_AFTER + LONGEST_BY_ADDRESS;
        throttle.forget(later);
        assert_eq!(throttle.remembered(), 0);
        assert!(throttle.admit("another", address(1), later).is_ok());
    }

    #[test]
    fn a_flood_of_names_does_not_grow_it_nor_free_who_waits() {
        // FAULTS 79
        let (throttle, start) = (Throttle::default(), Instant::now());
        for attacker in 0..FREE_BY_ACCOUNT + 1 {
            let _ = throttle.admit("ann", address(attacker), start);
        }
        for number in 0..2 * MAX_KEYS as u32 {
            let _ = throttle.admit(&format!("name{number}"), address(1_000 + number), start);
        }
        assert!(throttle.remembered() <= MAX_KEYS);
        assert!(throttle.admit("ann", address(999), start).is_err());
    }
}
