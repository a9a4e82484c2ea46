//! A map of a few entries, which stand sorted by key in one list: what an answer has for each measure, or for each family.
//!
//! A `BTreeMap` does the same for any number of them, and brings a kilobyte of code for each kind to the browser.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Index;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::{BadJson, FromJson, Json};
use crate::measure::Family;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Few<K, V> {
    #[inline]
    pub fn new() -> Few<K, V> {
        Few(Vec::new())
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    #[inline]
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    #[inline]
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    #[inline]
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub fn retain(&mut self, mut keeps: impl FnMut(&K) -> bool) {
        self.0.retain(|(key, _)| keeps(key));
    }
}

impl<K: Ord, V> Few<K, V> {
    #[inline]
    pub fn get<Q: Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.iter().find(|(known, _)| known.borrow() == key).map(|(_, value)| value)
    }

    #[inline]
    pub fn get_mut<Q: Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.iter_mut().find(|(known, _)| known.borrow() == key).map(|(_, value)| value)
    }

    #[inline]
    pub fn contains_key<Q: Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, which is made where it has none.
    #[inline]
    pub fn get_or_make(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = self.place(&key);
        if self.0.get(place).is_none_or(|(known, _)| *known != key) {
            self.0.insert(place, (key, make()));
        }
        &mut self.0[place].1
    }

    /// A value that the key had before is gone.
    #[inline]
    pub fn insert(&mut self, key: K, value: V) {
        let place = self.place(&key);
        match self.0.get_mut(place) {
            Some((known, old)) if *known == key => *old = value,
            _ => self.0.insert(place, (key, value)),
        }
    }

    /// Where a key stands, or would.
    #[inline]
    fn place(&self, key: &K) -> usize {
        self.0.iter().position(|(known, _)| known >= key).unwrap_or(self.0.len())
    }
}

impl<'a, K, V> IntoIterator for &'a Few<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<K, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Few<K, V> {
        Few::new()
    }
}

impl<K: Borrow<Q> + Ord, V, Q: Eq + ?Sized> Index<&Q> for Few<K, V> {
    type Output = V;

    #[inline]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("an entry of this key")
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Few<K, V> {
        let mut few = Few::new();
        entries.into_iter().for_each(|(key, value)| few.insert(key, value));
        few
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Few<K, V> {
    fn from(entries: [(K, V); N]) -> Few<K, V> {
        entries.into_iter().collect()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Few<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Few<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Few<K, V>, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

impl<T: FromJson> FromJson for Few<String, T> {
    #[inline]
    fn from_json(json: &mut Json) -> Result<Few<String, T>, BadJson> {
        let mut members = Few::new();
        json.object(|key, json| {
            members.insert(key.to_owned(), T::from_json(json)?);
            Ok(())
        })?;
        Ok(members)
    }
}

/// The keys of an answer's coverage.
impl<T: FromJson> FromJson for Few<Family, T> {
    #[inline]
    fn from_json(json: &mut Json) -> Result<Few<Family, T>, BadJson> {
        let mut members = Few::new();
        json.object(|key, json| {
            let family = Family::from_id(key).ok_or_else(|| json.error("a family"))?;
            members.insert(family, T::from_json(json)?);
            Ok(())
        })?;
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Few;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(entries: Vec<(u8, u8)>, key: u8) {
            let (few, map): (Few<_, _>, BTreeMap<_, _>) =
                (entries.iter().copied().collect(), entries.iter().copied().collect());
            prop_assert!(few.iter().eq(map.iter()));
            prop_assert_eq!(few.get(&key), map.get(&key));
        }
    }
}
