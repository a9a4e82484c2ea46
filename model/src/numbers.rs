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
            Numbers::Short(list) => sum_of_short(list.get(positions).unwrap_or_default()),
            Numbers::Narrow(list) => sum_of_narrow(list.get(positions).unwrap_or_default()),
            Numbers::Wide(list) => sum_of_wide(list.get(positions).unwrap_or_default()),
        }
    }

    /// The sums of `rows` rows, where `row_of_each` says to which row each number belongs; beyond them it counts nowhere.
    /// Those of `beside`, too, where the two can be summed at once. Saturating, as [`Numbers::sum`].
    pub fn sums_by_row(
        &self,
        beside: Option<&Numbers>,
        row_of_each: &[u32],
        rows: usize,
    ) -> (Vec<u64>, Option<Vec<u64>>) {
        match (self, beside) {
            (Numbers::Short(list), Some(Numbers::Short(beside))) if list.len() == beside.len() => {
                let (sums, besides) = sums_of_two(list, beside, row_of_each, rows);
                (sums, Some(besides))
            }
            // Beside itself, which takes no longer than alone.
            (Numbers::Short(list), _) => (sums_of_two(list, list, row_of_each, rows).0, None),
            // So many of four bytes as would pass 2^64 do not fit any memory.
            (Numbers::Narrow(list), _) => {
                (sums_of_one(list, row_of_each, rows, |sum, number| sum + u64::from(number)), None)
            }
            (Numbers::Wide(list), _) => (sums_of_one(list, row_of_each, rows, u64::saturating_add), None),
        }
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

fn sums_of_one<T: Copy>(list: &[T], row_of_each: &[u32], rows: usize, add: impl Fn(u64, T) -> u64) -> Vec<u64> {
    let mut sums = vec![0; rows];
    for (number, row) in list.iter().zip(row_of_each) {
        if let Some(sum) = sums.get_mut(*row as usize) {
            *sum = add(*sum, *number);
        }
    }
    sums
}

/// So many numbers of two bytes are no more in one sum than four bytes hold.
const STRETCH: usize = 1 << 16;

/// Two lists of equal length at once: a row's sums of a stretch are the halves of one word, so that to find it, to read it
/// and to write it back, which is most of the time, is done once for both.
#[inline(never)]
fn sums_of_two(first: &[u16], second: &[u16], row_of_each: &[u32], rows: usize) -> (Vec<u64>, Vec<u64>) {
    let (mut of_first, mut of_second) = (vec![0; rows], vec![0; rows]);
    let stretches = first.chunks(STRETCH).zip(second.chunks(STRETCH)).zip(row_of_each.chunks(STRETCH));
    for ((first, second), row_of_each) in stretches {
        let mut of_both = vec![0; rows];
        for ((first, second), row) in first.iter().zip(second).zip(row_of_each) {
            if let Some(both) = of_both.get_mut(*row as usize) {
                *both += u64::from(*first) << 32 | u64::from(*second);
            }
        }
        for ((first, second), both) in of_first.iter_mut().zip(&mut of_second).zip(of_both) {
            *first += both >> 32;
            *second += both & u64::from(u32::MAX);
        }
    }
    (of_first, of_second)
}

/// In the browser several at a time: every one that runs WebAssembly at all and is kept up to date can (since 2023). Of two
/// bytes no more in one sum than four bytes hold, so that four are added at once and not two.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn sum_of_short(list: &[u16]) -> u64 {
    let sum = |stretch: &[u16]| stretch.iter().map(|number| u32::from(*number)).sum::<u32>();
    list.chunks(STRETCH).map(|stretch| u64::from(sum(stretch))).sum()
}

#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn sum_of_narrow(list: &[u32]) -> u64 {
    list.iter().map(|number| u64::from(*number)).sum()
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
        let sums = |row_of_each: &[u32]| wide.sums_by_row(None, row_of_each, 2).0;
        assert_eq!(sums(&[0, 1, 0, 1]), [7, u64::MAX]);
        assert_eq!(sums(&[0, 1, 2, u32::MAX]), [3, u64::MAX], "two of no row");
        assert_eq!(sums(&[]), [0, 0]);
        assert_eq!((wide.sum(0..4), wide.sum(2..4), wide.sum(2..5)), (u64::MAX, 9, 0));
        for most in [u64::from(u16::MAX), u64::from(u32::MAX)] {
            let list = numbers(&[most; 6]);
            assert_eq!(list.sums_by_row(None, &[1; 6], 2), (vec![0, 6 * most], None));
            assert_eq!(list.sum(1..6), 5 * most);
        }
    }

    #[test]
    fn two_lists_at_once_have_the_sums_that_each_has_alone() {
        // A row may fill its half of a word in each stretch, and the last stretch is a short one.
        let count = 2 * STRETCH + 77;
        let up_to = |most: u64| (0..count as u64).map(move |nth| most - nth % 3).collect::<Numbers>();
        let short = u64::from(u16::MAX);
        let lists = [
            numbers(&vec![short; count]),
            up_to(short),
            up_to(7),
            up_to(short + 9),
            numbers(&[5; 100]),
            up_to(u64::MAX),
        ];
        let of_many: Vec<u32> = (0..count as u32).map(|nth| nth.wrapping_mul(2_654_435_761) % 11).collect();
        for (row_of_each, rows) in [(&vec![1; count], 2), (&of_many, 10), (&of_many, 70_000), (&of_many, 0)] {
            let plainly = |list: &Numbers| {
                let mut sums = vec![0_u64; rows];
                for (number, row) in list.iter().zip(row_of_each) {
                    if let Some(sum) = sums.get_mut(*row as usize) {
                        *sum = sum.saturating_add(number);
                    }
                }
                sums
            };
            for list in &lists {
                for beside in &lists {
                    let (sums, besides) = list.sums_by_row(Some(beside), row_of_each, rows);
                    assert_eq!(sums, plainly(list));
                    assert!(besides.is_none_or(|besides| besides == plainly(beside)));
                }
            }
            assert!(lists[0].sums_by_row(Some(&lists[1]), row_of_each, rows).1.is_some(), "two short lists");
        }
    }
}
