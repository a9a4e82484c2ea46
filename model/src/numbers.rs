//! A list of sums, as narrow as all of them allow: two bytes each, four or eight.
//!
//! Nearly all that an answer holds are such lists, so their width is what a page with a million rows weighs, and what
//! reading and folding it cost. Whoever uses one need not know which it is. Knows nothing of what is counted.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Equal lists may differ in width.
#[derive(Clone, Debug)]
pub enum Numbers {
    Short(Vec<u16>),
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers::Short(Vec::new())
    }
}

impl Numbers {
    pub fn len(&self) -> usize {
        match self {
            Numbers::Short(list) => list.len(),
            Numbers::Narrow(list) => list.len(),
            Numbers::Wide(list) => list.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let (short, narrow, wide): (&[u16], &[u32], &[u64]) = match self {
            Numbers::Short(list) => (list, &[], &[]),
            Numbers::Narrow(list) => (&[], list, &[]),
            Numbers::Wide(list) => (&[], &[], list),
        };
        let narrow = narrow.iter().map(|number| u64::from(*number));
        short.iter().map(|number| u64::from(*number)).chain(narrow).chain(wide.iter().copied())
    }

    /// The sum of those at `positions`, as far as there are any. Saturating: a wrong number must not become a small one by
    /// wrapping.
    pub fn sum(&self, positions: Range<usize>) -> u64 {
        match self {
            Numbers::Short(list) => sum(list.get(positions).unwrap_or_default()),
            Numbers::Narrow(list) => sum(list.get(positions).unwrap_or_default()),
            Numbers::Wide(list) => sum_of_wide(list.get(positions).unwrap_or_default()),
        }
    }

    /// The sums of `rows` rows, where `row_of_each` says to which row each number belongs. Saturating, as [`Numbers::sum`].
    pub fn sums_by_row(&self, row_of_each: &RowOfEach, rows: usize) -> Vec<u64> {
        match self {
            // So many of four bytes or two as would pass 2^64 do not fit any memory.
            Numbers::Short(list) => row_of_each.sums(list, rows, |sum, number| sum + u64::from(number)),
            Numbers::Narrow(list) => row_of_each.sums(list, rows, |sum, number| sum + u64::from(number)),
            Numbers::Wide(list) => row_of_each.sums(list, rows, u64::saturating_add),
        }
    }
}

/// To which row each number of some lists belongs.
pub enum RowOfEach {
    /// There are so few rows that any byte is the place of a sum: a million numbers of a hundred domains are added in half
    /// the time, since no place need be checked.
    Few(Vec<u8>),
    Many(Vec<u32>),
    /// The first number is that of the first row, and so on to so many, as the server sends them: there is nothing to add.
    Own(usize),
}

/// The places that a byte can name.
const FEW: usize = 256;

impl RowOfEach {
    /// Each is below `rows`.
    pub fn new(row_of_each: impl Iterator<Item = u32>, rows: usize) -> RowOfEach {
        if rows <= FEW {
            return RowOfEach::Few(row_of_each.map(|row| row as u8).collect());
        }
        let row_of_each: Vec<u32> = row_of_each.collect();
        let is_own = row_of_each.iter().zip(0..).all(|(row, number)| *row == number);
        if is_own { RowOfEach::Own(row_of_each.len()) } else { RowOfEach::Many(row_of_each) }
    }

    fn sums<T: Copy>(&self, list: &[T], rows: usize, add: impl Fn(u64, T) -> u64) -> Vec<u64> {
        let mut sums = match self {
            RowOfEach::Own(count) => {
                let mut sums: Vec<u64> = list.iter().take(*count).map(|number| add(0, *number)).collect();
                sums.resize(rows, 0);
                return sums;
            }
            RowOfEach::Few(row_of_each) => {
                let mut sums = [[0; FEW]; 2];
                let [before, after] = &mut sums;
                for_each_of_halves(row_of_each, list, |half, row, number| {
                    let sum = if half == 0 { &mut before[usize::from(row)] } else { &mut after[usize::from(row)] };
                    *sum = add(*sum, number);
                });
                sums.map(|half| half[..rows.min(FEW)].to_vec())
            }
            RowOfEach::Many(row_of_each) => {
                let mut sums = [vec![0; rows], vec![0; rows]];
                for_each_of_halves(row_of_each, list, |half, row, number| {
                    let sum = &mut sums[half][row as usize];
                    *sum = add(*sum, number);
                });
                sums
            }
        };
        let [sums, of_after] = &mut sums;
        for (sum, of_after) in sums.iter_mut().zip(of_after) {
            *sum = sum.saturating_add(*of_after);
        }
        std::mem::take(sums)
    }
}

impl FromIterator<u64> for Numbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Numbers {
        let wide: Vec<u64> = numbers.into_iter().collect();
        let most = wide.iter().copied().max().unwrap_or_default();
        if most <= u64::from(u16::MAX) {
            Numbers::Short(wide.into_iter().map(|number| number as u16).collect())
        } else if most <= u64::from(u32::MAX) {
            Numbers::Narrow(wide.into_iter().map(|number| number as u32).collect())
        } else {
            Numbers::Wide(wide)
        }
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
            Numbers::Short(list) => list.serialize(serializer),
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

/// Calls with each row and number, of the list's two halves in turn: neighbours are often of one row, and adding to a sum
/// waits until it was added to before, so each half has sums of its own.
#[inline(always)]
fn for_each_of_halves<R: Copy, T: Copy>(row_of_each: &[R], list: &[T], mut add: impl FnMut(usize, R, T)) {
    let length = list.len().min(row_of_each.len());
    let (rows_before, rows_after) = row_of_each[..length].split_at(length / 2);
    let (before, after) = list[..length].split_at(length / 2);
    let halves = rows_before.iter().zip(before).zip(rows_after.iter().zip(after));
    for ((row_before, number_before), (row_after, number_after)) in halves {
        add(0, *row_before, *number_before);
        add(1, *row_after, *number_after);
    }
    // The halves of an odd number differ by one.
    if let (Some(row), Some(number)) = (rows_after.get(before.len()), after.get(before.len())) {
        add(1, *row, *number);
    }
}

/// In the browser several at a time: every one that runs WebAssembly at all and is kept up to date can (since 2023).
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn sum<T: Copy + Into<u64>>(list: &[T]) -> u64 {
    list.iter().map(|number| (*number).into()).sum()
}

fn sum_of_wide(list: &[u64]) -> u64 {
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
        let (two, four) = (u64::from(u16::MAX), u64::from(u32::MAX));
        assert!(matches!(numbers(&[0, two]), Numbers::Short(_)));
        assert!(matches!(numbers(&[0, two + 1, 7]), Numbers::Narrow(_)));
        assert!(matches!(numbers(&[0, four]), Numbers::Narrow(_)));
        assert!(matches!(numbers(&[0, four + 1, 7]), Numbers::Wide(_)));
        for list in [&[][..], &[0, two], &[3, four, 7], &[four + 1, 0], &[u64::MAX]] {
            assert_eq!(numbers(list).iter().collect::<Vec<_>>(), list);
            assert_eq!(numbers(list).len(), list.len());
            assert_eq!(serde_json::to_vec(&numbers(list)).expect("JSON"), serde_json::to_vec(list).expect("JSON"));
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
        // As many rows as a byte can name, and one more.
        for rows in [FEW, FEW + 1] {
            let sums = |row_of_each: &[u32]| {
                let sums = wide.sums_by_row(&RowOfEach::new(row_of_each.iter().copied(), rows), rows);
                assert_eq!(sums.len(), rows);
                (sums[0], sums[1], sums[rows - 1])
            };
            let last = rows as u32 - 1;
            assert_eq!(sums(&[0, 1, 0, 1]), (7, u64::MAX, 0));
            assert_eq!(sums(&[0, 1, last]), (3, u64::MAX, 4));
            assert_eq!(sums(&[]), (0, 0, 0));
        }
        assert_eq!((wide.sum(0..4), wide.sum(2..4), wide.sum(2..5)), (u64::MAX, 9, 0));
        for most in [u64::from(u16::MAX), u64::from(u32::MAX)] {
            let list = numbers(&[most; 6]);
            assert_eq!(list.sums_by_row(&RowOfEach::Few(vec![1; 6]), 2), [0, 6 * most]);
            assert_eq!(list.sum(1..6), 5 * most);
        }
    }
}
