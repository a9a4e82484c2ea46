//! A list that nearly always has one entry, kept where it stands: an index has one for each queue file, and a list of its
//! own on the heap for each would be most of the index.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use rustc_hash::FxHashMap;

#[derive(Clone, Debug)]
pub enum Few<V> {
    One(V),
    More(Vec<V>),
}

impl<V> Few<V> {
    pub fn push(&mut self, value: V) {
        match self {
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
    let Entry::Occupied(mut known) = index.entry(key) else { return };
    let is_empty = match known.get_mut() {
        Few::One(only) => only == value,
        Few::More(values) => {
            values.retain(|other| other != value);
            values.is_empty()
        }
    };
    if is_empty {
        known.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
