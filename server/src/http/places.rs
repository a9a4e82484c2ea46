//! How many of something each of many has now, so that one does not take what is there for all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of those who have any.
#[derive(Debug)]
pub struct Places<K>(Arc<Mutex<HashMap<K, usize>>>);

/// One of them, counted until it is dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    places: Places<K>,
    whose: K,
}

impl<K> Clone for Places<K> {
    fn clone(&self) -> Places<K> {
        Places(Arc::clone(&self.0))
    }
}

impl<K> Default for Places<K> {
    fn default() -> Places<K> {
        Places(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// One more, unless `whose` has `most` already.
    pub fn take(&self, whose: K, most: usize) -> Option<Place<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(whose.clone()).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), whose })
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_places_and_gives_them_back() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..3).map(|_| places.take("one", 3).expect("room")).collect();
        assert!(places.take("one", 3).is_none() && places.take("other", 3).is_some());
        taken.pop();
        assert!(places.take("one", 3).is_some());
        drop(taken);
        assert!(places.is_empty());
    }
}
