//! Lists and sets that nearly always have one entry, kept where they stand: an index has one for each queue file, and a list
//! of its own on the heap for each would be most of the index.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Debug)]
pub enum Few<V> {
    One(V),
    /// None, too.
    More(Vec<V>),
}

impl<V> Default for Few<V> {
    fn default() -> Few<V> {
        Few::More(Vec::new())
    }
}

impl<V> Few<V> {
    pub fn push(&mut self, value: V) {
        match self {
            Few::More(values) if values.is_empty() => *self = Few::One(value),
            Few::More(values) => values.push(value),
            Few::One(_) => {
                let Few::One(first) = std::mem::replace(self, Few::More(Vec::with_capacity(2))) else { return };
                if let Few::More(values) = self {
                    values.extend([first, value]);
                }
            }
        }
    }
}

impl<V> FromIterator<V> for Few<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Few<V> {
        let mut few = Few::default();
        values.into_iter().for_each(|value| few.push(value));
        few
    }
}

impl<V> IntoIterator for Few<V> {
    type Item = V;
    type IntoIter = std::iter::Chain<std::option::IntoIter<V>, std::vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, more) = match self {
            Few::One(value) => (Some(value), Vec::new()),
            Few::More(values) => (None, values),
        };
        one.into_iter().chain(more)
    }
}

/// As a list.
impl<V: Serialize> Serialize for Few<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize(serializer)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Few<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Few<V>, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

impl<V> Deref for Few<V> {
    type Target = [V];

    fn deref(&self) -> &[V] {
        match self {
            Few::One(value) => std::slice::from_ref(value),
            Few::More(values) => values,
        }
    }
}

impl<V> DerefMut for Few<V> {
    fn deref_mut(&mut self) -> &mut [V] {
        match self {
            Few::One(value) => std::slice::from_mut(value),
            Few::More(values) => values,
        }
    }
}

/// An index of what few stand under each key.
pub type Index<K, V> = FxHashMap<K, Few<V>>;

/// Puts a value into the list of a key, unless it is there.
pub fn put<K: Eq + Hash, V: PartialEq>(index: &mut Index<K, V>, key: K, value: V) {
    match index.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(Few::One(value));
        }
        Entry::Occupied(known) if known.get().contains(&value) => {}
        Entry::Occupied(mut known) => known.get_mut().push(value),
    }
}

/// Takes a value out of the list of a key, and the list if it is empty then.
pub fn take_out<K: Eq + Hash, V: PartialEq>(index: &mut Index<K, V>, key: K, value: &V) {
    take_out_if(index, key, |other| other == value);
}

/// The same of what this says of.
pub fn take_out_if<K: Eq + Hash, V>(index: &mut Index<K, V>, key: K, is_it: impl Fn(&V) -> bool) {
    let Entry::Occupied(mut known) = index.entry(key) else { return };
    let is_empty = match known.get_mut() {
        Few::One(only) => is_it(only),
        Few::More(values) => {
            values.retain(|other| !is_it(other));
            values.is_empty()
        }
    };
    if is_empty {
        known.remove();
    }
}

/// What most rows have nothing in: then it takes a word of the row and no memory of its own. Written as what it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Seldom<T>(Option<Box<T>>);

impl<T> Default for Seldom<T> {
    fn default() -> Seldom<T> {
        Seldom(None)
    }
}

impl<T: Default> Seldom<T> {
    /// To be filled.
    pub fn make(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }

    /// To be changed, if there is anything.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// What it holds; nothing is left.
    pub fn take(&mut self) -> T {
        self.0.take().map_or_else(T::default, |value| *value)
    }
}

impl<V> Seldom<Vec<V>> {
    pub fn push(&mut self, value: V) {
        self.make().push(value);
    }

    pub fn append(&mut self, mut more: Seldom<Vec<V>>) {
        if let Some(more) = more.get_mut() {
            self.make().append(more);
        }
    }
}

impl<V> Deref for Seldom<Vec<V>> {
    type Target = [V];

    fn deref(&self) -> &[V] {
        self.0.as_deref().map_or(&[], |values| values)
    }
}

impl<V> DerefMut for Seldom<Vec<V>> {
    fn deref_mut(&mut self) -> &mut [V] {
        self.0.as_deref_mut().map_or(&mut [], |values| values)
    }
}

impl<T: Default + PartialEq> From<T> for Seldom<T> {
    fn from(value: T) -> Seldom<T> {
        Seldom((value != T::default()).then(|| Box::new(value)))
    }
}

impl<T: Default + Serialize> Serialize for Seldom<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => T::default().serialize(serializer),
        }
    }
}

impl<'de, T: Default + PartialEq + Deserialize<'de>> Deserialize<'de> for Seldom<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seldom<T>, D::Error> {
        T::deserialize(deserializer).map(Seldom::from)
    }
}

/// A set of hashes, written as a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FewHashes {
    #[default]
    None,
    One(u64),
    /// Apart, since it is larger than most of a row and seldom there.
    More(Box<FxHashSet<u64>>),
}

impl FewHashes {
    /// Whether it was not there before.
    pub fn insert(&mut self, hash: u64) -> bool {
        match self {
            FewHashes::None => {
                *self = FewHashes::One(hash);
                true
            }
            FewHashes::One(only) if *only == hash => false,
            FewHashes::One(only) => {
                *self = FewHashes::More(Box::new([*only, hash].into_iter().collect()));
                true
            }
            FewHashes::More(hashes) => hashes.insert(hash),
        }
    }

    pub fn contains(&self, hash: u64) -> bool {
        match self {
            FewHashes::None => false,
            FewHashes::One(only) => *only == hash,
            FewHashes::More(hashes) => hashes.contains(&hash),
        }
    }

    pub fn remove(&mut self, hash: u64) {
        match self {
            FewHashes::One(only) if *only == hash => *self = FewHashes::None,
            FewHashes::None | FewHashes::One(_) => {}
            FewHashes::More(hashes) => {
                hashes.remove(&hash);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            FewHashes::None => true,
            FewHashes::One(_) => false,
            FewHashes::More(hashes) => hashes.is_empty(),
        }
    }

    pub fn absorb(&mut self, other: FewHashes) {
        match other {
            FewHashes::None => {}
            FewHashes::One(only) => {
                self.insert(only);
            }
            FewHashes::More(hashes) => hashes.into_iter().for_each(|hash| {
                self.insert(hash);
            }),
        }
    }
}

impl Serialize for FewHashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FewHashes::None => serializer.collect_seq::<[u64; 0]>([]),
            FewHashes::One(only) => serializer.collect_seq([only]),
            FewHashes::More(hashes) => serializer.collect_seq(&**hashes),
        }
    }
}

impl<'de> Deserialize<'de> for FewHashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FewHashes, D::Error> {
        let mut hashes = FewHashes::default();
        Vec::<u64>::deserialize(deserializer)?.into_iter().for_each(|hash| {
            hashes.insert(hash);
        });
        Ok(hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As rows of earlier versions have it, a set's sequence.
    #[test]
    fn a_set_of_hashes_is_a_set_and_is_written_as_one() {
        for all in [&[][..], &[7], &[7, 3], &[7, 3, u64::MAX]] {
            let mut few = FewHashes::default();
            let fresh: Vec<bool> = all.iter().chain(all).map(|hash| few.insert(*hash)).collect();
            assert_eq!(fresh, [vec![true; all.len()], vec![false; all.len()]].concat());
            let set: FxHashSet<u64> = all.iter().copied().collect();
            let packed = rmp_serde::to_vec(&few).expect("plain data");
            assert_eq!(rmp_serde::from_slice::<FxHashSet<u64>>(&packed).expect("a set"), set);
            let of_set = rmp_serde::to_vec(&set).expect("plain data");
            assert_eq!(rmp_serde::from_slice::<FewHashes>(&of_set).expect("hashes"), few);
            let mut joined = FewHashes::One(5);
            joined.absorb(few);
            assert!(all.iter().chain(&[5]).all(|hash| joined.contains(*hash)));
            all.iter().chain(&[5, 6]).for_each(|hash| joined.remove(*hash));
            assert!(joined.is_empty());
        }
    }

    /// As rows of earlier versions have it.
    #[test]
    fn what_is_seldom_there_is_written_as_if_it_always_were() {
        for list in [vec![], vec![7, 3]] {
            let seldom = Seldom::from(list.clone());
            assert_eq!((&seldom[..], seldom.0.is_some()), (&list[..], !list.is_empty()));
            let packed = rmp_serde::to_vec(&list).expect("plain data");
            assert_eq!(rmp_serde::to_vec(&seldom).expect("plain data"), packed);
            assert_eq!(rmp_serde::from_slice::<Seldom<Vec<u64>>>(&packed).expect("a list"), seldom);
            let mut joined = Seldom::from(vec![5]);
            joined.append(seldom);
            assert_eq!(joined.take(), [&[5], &list[..]].concat());
            assert!(joined.is_empty() && joined.get_mut().is_none());
        }
    }

    /// As rows of earlier versions have it.
    #[test]
    fn few_are_written_as_a_list() {
        for list in [vec![], vec![7], vec![7, 3], vec![7, 3, 5]] {
            let few: Few<u64> = list.iter().copied().collect();
            let packed = rmp_serde::to_vec(&list).expect("plain data");
            assert_eq!(rmp_serde::to_vec(&few).expect("plain data"), packed);
            let read: Few<u64> = rmp_serde::from_slice(&packed).expect("few");
            assert_eq!((&read[..], few.into_iter().collect::<Vec<_>>()), (&list[..], list.clone()));
        }
    }

    #[test]
    fn a_list_keeps_its_order_and_goes_when_it_is_empty() {
        let mut index = Index::default();
        for value in [7, 3, 7, 5] {
            put(&mut index, 'a', value);
        }
        assert_eq!(index[&'a'][..], [7, 3, 5]);
        take_out(&mut index, 'a', &3);
        take_out(&mut index, 'a', &4);
        assert_eq!(index[&'a'][..], [7, 5]);
        for value in [5, 7, 7] {
            take_out(&mut index, 'a', &value);
        }
        assert!(index.is_empty());
        put(&mut index, 'a', 1);
        take_out(&mut index, 'a', &2);
        assert_eq!(index[&'a'][..], [1]);
    }
}
