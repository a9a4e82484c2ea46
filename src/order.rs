//! What stands in which order. One sort for all that pages put in order: each type that is sorted would bring its own.

use std::cmp::Ordering;

/// The things as `compare` orders them, equal ones as they stand.
pub fn sorted<T>(things: &[T], compare: impl Fn(&T, &T) -> Ordering) -> impl Iterator<Item = &T> {
    places(things.len(), &|a, b| compare(&things[a], &things[b])).into_iter().map(|place| &things[place])
}

/// Sorted by merging neighbours, ever longer ones: a few lines, where the library's sort for speed is a kilobyte and a half.
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut length = 1;
    while length < count {
        let mut merged = Vec::with_capacity(count);
        for pair in places.chunks(2 * length) {
            let (mut left, mut right) = pair.split_at(length.min(pair.len()));
            while let (Some((first, rest)), Some((second, behind))) = (left.split_first(), right.split_first()) {
                if compare(*first, *second).is_le() {
                    merged.push(*first);
                    left = rest;
                } else {
                    merged.push(*second);
                    right = behind;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        places = merged;
        length *= 2;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::sorted;

    #[test]
    fn equal_things_stay_as_they_stand() {
        let words = ["bb", "a", "aa", "b"];
        let by_length: Vec<_> = sorted(&words, |a, b| a.len().cmp(&b.len())).copied().collect();
        assert_eq!(by_length, ["a", "b", "bb", "aa"]);
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_a_stable_sort(things: Vec<(u8, u16)>) {
            let mut plain = things.clone();
            plain.sort_by_key(|(key, _)| *key);
            prop_assert!(sorted(&things, |a, b| a.0.cmp(&b.0)).eq(&plain));
        }
    }
}
