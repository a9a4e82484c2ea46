//! The sums of one UTC day as bytes: for each slot that holds anything its number in the day and its sum.
//!
//! A day of quarter hours is one row: a year of one series is 365 rows and not 35,040, which is what makes both the
//! import and the reading of a span cheap. Sums are zigzag varints (as in Protocol Buffers): most take a byte or two.

use mailtally_model::SLOT_SECS;
use mailtally_model::time::DAY_SECS;
use rusqlite::Error;
use rusqlite::types::Type;

use super::MAX_VALUE;

pub const SLOTS_A_DAY: i64 = DAY_SECS / SLOT_SECS;

/// Bytes that are no day.
#[derive(Debug, thiserror::Error)]
#[error("the sums of a day cannot be read")]
pub struct Malformed;

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Error {
        Error::FromSqlConversionFailure(0, Type::Blob, Box::new(malformed))
    }
}

/// Appends a slot of the day, `0..SLOTS_A_DAY`, later than all before it. Zero is left out: absent is zero.
pub fn push(day: &mut Vec<u8>, slot: u8, sum: i64) {
    if sum == 0 {
        return;
    }
    day.push(slot);
    let mut rest = (sum << 1 ^ sum >> 63) as u64;
    while rest >= 0x80 {
        day.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    day.push(rest as u8);
}

/// The slots of a day and their sums, in order.
pub fn each(day: &[u8], mut each: impl FnMut(u8, i64)) -> Result<(), Malformed> {
    let mut rest = day;
    while let Some((slot, sum, after)) = next(rest)? {
        each(slot, sum);
        rest = after;
    }
    Ok(())
}

/// Two days added up; a sum that reaches [`MAX_VALUE`] stays there.
pub fn merged(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut day = Vec::with_capacity(a.len() + b.len());
    let mut sides = [next(a)?, next(b)?];
    while let Some(slot) = sides.iter().flatten().map(|(slot, ..)| *slot).min() {
        let mut sum = 0_i64;
        for side in &mut sides {
            if let Some((_, amount, after)) = side.filter(|(at, ..)| *at == slot) {
                sum = sum.saturating_add(amount);
                *side = next(after)?;
            }
        }
        push(&mut day, slot, sum.min(MAX_VALUE));
    }
    Ok(day)
}

/// A slot, its sum and the bytes after it.
type Next<'a> = (u8, i64, &'a [u8]);

/// The first of a day; `None` at the end.
fn next(day: &[u8]) -> Result<Option<Next<'_>>, Malformed> {
    let Some((slot, mut rest)) = day.split_first() else { return Ok(None) };
    let mut folded = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Malformed)?;
        rest = after;
        folded |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let sum = (folded >> 1) as i64 ^ -((folded & 1) as i64);
            return Ok(Some((*slot, sum, rest)));
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Day = BTreeMap<u8, i64>;

    fn packed(day: &Day) -> Vec<u8> {
        let mut bytes = Vec::new();
        day.iter().for_each(|(slot, sum)| push(&mut bytes, *slot, *sum));
        bytes
    }

    fn unpacked(bytes: &[u8]) -> Day {
        let mut day = Day::new();
        each(bytes, |slot, sum| assert_eq!(day.insert(slot, sum), None, "a slot twice")).expect("a day");
        day
    }

    fn days() -> impl Strategy<Value = Day> {
        prop::collection::btree_map(0..96_u8, -MAX_VALUE..=MAX_VALUE, 0..96)
    }

    proptest! {
        #[test]
        fn a_day_comes_back_and_two_add_up(a in days(), b in days()) {
            let mut sum = a.clone();
            for (slot, amount) in &b {
                let cell = sum.entry(*slot).or_insert(0);
                *cell = (*cell + amount).min(MAX_VALUE);
            }
            sum.retain(|_, amount| *amount != 0);
            prop_assert_eq!(unpacked(&merged(&packed(&a), &packed(&b)).expect("two days")), sum);
        }

        /// A damaged file is refused, and never a panic.
        #[test]
        fn any_bytes_are_a_day_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = each(&bytes, |_, _| ());
        }
    }

    #[test]
    fn a_cut_day_is_malformed() {
        let mut day = Vec::new();
        push(&mut day, 95, 300);
        assert_eq!(day, [95, 0xd8, 0x04]);
        assert!(each(&day[..2], |_, _| ()).is_err() && merged(&day[..1], &[]).is_err());
    }
}
