//! What stands in which order. One sort for all that pages put in order: each type that is sorted would bring its own.

use std::cmp::Ordering;

/// The things as `compare` orders them, equal ones as they stand.
pub fn sorted<T>(things: &[T], compare: impl Fn(&T, &T) -> Ordering) -> impl Iterator<Item = &T> {
    places(things.len(), &|a, b| compare(&things[a], &things[b])).into_iter().map(|place| &things[place])
}

fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn equal_things_stay_as_they_stand() {
        let words = ["bb", "a", "aa", "b"];
        let by_length: Vec<_> = sorted(&words, |a, b| a.len().cmp(&b.len())).copied().collect();
        assert_eq!(by_length, ["a", "b", "bb", "aa"]);
    }
}
