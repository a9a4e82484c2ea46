//! A list of sums, four bytes each where all of them fit, eight where one does not.
//!
//! Nearly all that an answer holds are such lists, so their width is what a page with a million rows weighs, and what
//! reading and folding it cost. Whoever uses one need not know which it is. Knows nothing of what is counted.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Equal lists may differ in width: one that was cut out of a wide list stays wide.
#[derive(Clone, Debug)]
pub enum Numbers {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers::Narrow(Vec::new())
    }
}

impl Numbers {
    pub fn len(&self) -> usize {
        match self {
            Numbers::Narrow(list) => list.len(),
            Numbers::Wide(list) => list.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let (narrow, wide): (&[u32], &[u64]) = match self {
            Numbers::Narrow(list) => (list, &[]),
            Numbers::Wide(list) => (&[], list),
        };
        narrow.iter().map(|number| u64::from(*number)).chain(wide.iter().copied())
    }

    /// The sum of those at `positions`, as far as there are any. Saturating: a wrong number must not become a small one by
    /// wrapping.
    pub fn sum(&self, positions: std::ops::Range<usize>) -> u64 {
        match self {
            Numbers::Narrow(list) => sum_of_narrow(list.get(positions).unwrap_or_default()),
            Numbers::Wide(list) => sum(list.get(positions).unwrap_or_default()),
        }
    }

    /// The sums of `rows` rows, where `row_of_each` says to which row each number belongs. Saturating, as [`Numbers::sum`].
    pub fn sums_by_row(&self, row_of_each: &[usize], rows: usize) -> Vec<u64> {
        match self {
            // So many narrow numbers as would pass 2^64 do not fit any memory.
            Numbers::Narrow(list) => sums_by_row(row_of_each, list, rows, |sum, number| sum + u64::from(number)),
            Numbers::Wide(list) => sums_by_row(row_of_each, list, rows, u64::saturating_add),
        }
    }
}

impl FromIterator<u64> for Numbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Numbers {
        let mut numbers = numbers.into_iter();
        let mut narrow = Vec::with_capacity(numbers.size_hint().0);
        while let Some(number) = numbers.next() {
            match u32::try_from(number) {
                Ok(fits) => narrow.push(fits),
                Err(_) => {
                    let before = narrow.into_iter().map(u64::from);
                    return Numbers::Wide(before.chain([number]).chain(numbers).collect());
                }
            }
        }
        Numbers::Narrow(narrow)
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Numbers) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<const N: usize> PartialEq<[u64; N]> for Numbers {
    fn eq(&self, other: &[u64; N]) -> bool {
        self.iter().eq(other.iter().copied())
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Numbers::Narrow(list) => list.serialize(serializer),
            Numbers::Wide(list) => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Numbers, D::Error> {
        Vec::<u64>::deserialize(deserializer).map(Numbers::from_iter)
    }
}

/// The list's two halves at once, each into sums of its own: neighbours are often of one row, and adding to a sum waits until
/// it was added to before.
fn sums_by_row<T: Copy>(row_of_each: &[usize], list: &[T], rows: usize, add: impl Fn(u64, T) -> u64) -> Vec<u64> {
    let length = list.len().min(row_of_each.len());
    let (rows_before, rows_after) = row_of_each[..length].split_at(length / 2);
    let (before, after) = list[..length].split_at(length / 2);
    let (mut sums, mut of_after) = (vec![0; rows], vec![0; rows]);
    let halves = rows_before.iter().zip(before).zip(rows_after.iter().zip(after));
    for ((row_before, number_before), (row_after, number_after)) in halves {
        sums[*row_before] = add(sums[*row_before], *number_before);
        of_after[*row_after] = add(of_after[*row_after], *number_after);
    }
    // The halves of an odd number differ by one.
    if let (Some(row), Some(number)) = (rows_after.get(before.len()), after.get(before.len())) {
        of_after[*row] = add(of_after[*row], *number);
    }
    for (sum, of_after) in sums.iter_mut().zip(of_after) {
        *sum = sum.saturating_add(of_after);
    }
    sums
}

/// In the browser four at a time: every one that runs WebAssembly at all and is kept up to date can (since 2023).
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn sum_of_narrow(list: &[u32]) -> u64 {
    list.iter().map(|number| u64::from(*number)).sum()
}

/// Saturating, as sums of a year's bytes may be wide and are seldom that many.
fn sum(list: &[u64]) -> u64 {
    list.iter().fold(0, |sum, number| sum.saturating_add(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(list: &[u64]) -> Numbers {
        list.iter().copied().collect()
    }

    #[test]
    fn a_list_is_as_narrow_as_its_numbers() {
        let fits = u64::from(u32::MAX);
        assert!(matches!(numbers(&[0, fits]), Numbers::Narrow(_)));
        assert!(matches!(numbers(&[0, fits + 1, 7]), Numbers::Wide(_)));
        for list in [&[][..], &[0, fits], &[3, fits + 1, 7], &[u64::MAX]] {
            assert_eq!(numbers(list).iter().collect::<Vec<_>>(), list);
            assert_eq!(numbers(list).len(), list.len());
        }
    }

    #[test]
    fn width_is_no_difference() {
        assert_eq!(numbers(&[1, 2]), Numbers::Wide(vec![1, 2]));
        assert_ne!(numbers(&[1, 2]), Numbers::Wide(vec![1, 2, 3]));
    }

    #[test]
    fn sums_end_at_the_highest_number() {
        let wide = numbers(&[3, u64::MAX, 4, 5]);
        assert_eq!(wide.sums_by_row(&[0, 1, 0, 1], 3), [7, u64::MAX, 0]);
        assert_eq!(wide.sums_by_row(&[0, 1, 0], 3), [7, u64::MAX, 0]);
        assert_eq!(wide.sums_by_row(&[], 1), [0]);
        assert_eq!((wide.sum(0..4), wide.sum(2..4), wide.sum(2..5)), (u64::MAX, 9, 0));
        let narrow = numbers(&[u64::from(u32::MAX); 6]);
        assert_eq!(narrow.sums_by_row(&[1; 6], 2), [0, 6 * u64::from(u32::MAX)]);
        assert_eq!(narrow.sum(1..6), 5 * u64::from(u32::MAX));
    }
}
