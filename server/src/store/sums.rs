//! Several sums as bytes, by small numbers in order: the slots of a UTC day, or the children of a parent on a day.
//!
//! A day of quarter hours is one row: a year of one series is 365 rows and not 35,040, which is what makes both the
//! import and the reading of a span cheap. The same holds of the children of a parent, which are read together. Numbers
//! are varints and sums zigzag varints (as in Protocol Buffers): most take a byte or two.

use mailtally_model::SLOT_SECS;
use mailtally_model::time::DAY_SECS;
use rusqlite::Error;
use rusqlite::types::Type;

use super::MAX_VALUE;

pub const SLOTS_A_DAY: i64 = DAY_SECS / SLOT_SECS;

/// Bytes that are no sums.
#[derive(Debug, thiserror::Error)]
#[error("stored sums cannot be read")]
pub struct Malformed;

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Error {
        Error::FromSqlConversionFailure(0, Type::Blob, Box::new(malformed))
    }
}

/// Appends a sum, its number higher than all before it. Zero is left out: absent is zero.
pub fn push(sums: &mut Vec<u8>, number: u16, sum: i64) {
    if sum == 0 {
        return;
    }
    push_varint(sums, u64::from(number));
    push_varint(sums, (sum << 1 ^ sum >> 63) as u64);
}

pub fn push_varint(bytes: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// The sums and their numbers, in order.
pub fn each(sums: &[u8], mut each: impl FnMut(u16, i64)) -> Result<(), Malformed> {
    let mut rest = sums;
    while let Some((number, sum, after)) = next(rest)? {
        each(number, sum);
        rest = after;
    }
    Ok(())
}

/// Two of the same numbers added up; a sum that reaches [`MAX_VALUE`] stays there.
pub fn merged(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut sums = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a, b);
    // What comes later has higher numbers, most often, so that one is whole before the other: what only one has is taken as
    // it is.
    while let (Some((of_a, ..)), Some((of_b, ..))) = (next(a)?, next(b)?) {
        a = take_below(of_b.into(), a, &mut sums)?;
        b = take_below(of_a.into(), b, &mut sums)?;
        if of_a == of_b
            && let (Some((number, sum, after_a)), Some((_, amount, after_b))) = (next(a)?, next(b)?)
        {
            push(&mut sums, number, sum.saturating_add(amount).min(MAX_VALUE));
            (a, b) = (after_a, after_b);
        }
    }
    take_below(u32::MAX, a, &mut sums)?;
    take_below(u32::MAX, b, &mut sums)?;
    Ok(sums)
}

/// Appends the first sums, those with numbers below a limit; gives the others.
fn take_below<'a>(limit: u32, from: &'a [u8], sums: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    let mut rest = from;
    while let Some((number, _, after)) = next(rest)?
        && u32::from(number) < limit
    {
        rest = after;
    }
    sums.extend_from_slice(&from[..from.len() - rest.len()]);
    Ok(rest)
}

/// A number, its sum and the bytes after it.
type Next<'a> = (u16, i64, &'a [u8]);

/// The first; `None` at the end.
fn next(sums: &[u8]) -> Result<Option<Next<'_>>, Malformed> {
    if sums.is_empty() {
        return Ok(None);
    }
    let (number, rest) = varint(sums)?;
    let (folded, rest) = varint(rest)?;
    let number = u16::try_from(number).map_err(|_| Malformed)?;
    Ok(Some((number, (folded >> 1) as i64 ^ -((folded & 1) as i64), rest)))
}

pub fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    // Most are small.
    if let [byte @ 0..0x80, rest @ ..] = bytes {
        return Ok((u64::from(*byte), rest));
    }
    let (mut rest, mut value) = (bytes, 0_u64);
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Malformed)?;
        rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Sums = BTreeMap<u16, i64>;

    fn packed(sums: &Sums) -> Vec<u8> {
        let mut bytes = Vec::new();
        sums.iter().for_each(|(number, sum)| push(&mut bytes, *number, *sum));
        bytes
    }

    fn unpacked(bytes: &[u8]) -> Sums {
        let mut sums = Sums::new();
        each(bytes, |number, sum| assert_eq!(sums.insert(number, sum), None, "a number twice")).expect("sums");
        sums
    }

    fn some() -> impl Strategy<Value = Sums> {
        prop::collection::btree_map(0..4_096_u16, -MAX_VALUE..=MAX_VALUE, 0..96)
    }

    proptest! {
        #[test]
        fn sums_come_back_and_two_add_up(a in some(), b in some()) {
            let mut sum = a.clone();
            for (number, amount) in &b {
                let cell = sum.entry(*number).or_insert(0);
                *cell = (*cell + amount).min(MAX_VALUE);
            }
            sum.retain(|_, amount| *amount != 0);
            prop_assert_eq!(unpacked(&merged(&packed(&a), &packed(&b)).expect("two")), sum);
        }

        /// A damaged file is refused, and never a panic.
        #[test]
        fn any_bytes_are_sums_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = each(&bytes, |_, _| ());
        }
    }

    #[test]
    fn cut_sums_are_malformed() {
        let mut day = Vec::new();
        push(&mut day, 95, 300);
        assert_eq!(day, [95, 0xd8, 0x04]);
        assert!(each(&day[..2], |_, _| ()).is_err() && merged(&day[..1], &[]).is_err());
    }
}
