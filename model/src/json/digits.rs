//! Digits, eight of them at a time: all that a long list of numbers is read with. Knows bytes and nothing of JSON but the comma
//! behind a number and the bracket that ends a list.

/// A number as most are, up to seven digits and a comma: its value, and how many digits it has.
///
/// Most of what an answer is read with, so its only branch is whether there is one here at all: how many digits the next
/// number has is what a processor cannot guess.
#[inline(always)]
pub(super) fn short_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let (number, length) = digits_and_comma(bytes)?;
    ((length == 1) | (length > 1) & (bytes[0] != b'0')).then_some((number, length))
}

/// A number as nearly all others are, times above all: eight to fifteen digits and a comma.
pub(super) fn long_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = u64::from_le_bytes(*bytes.first_chunk()?) ^ ZEROS;
    let (last, length) = digits_and_comma(&bytes[8..])?;
    let is_one = (digits_of(first) == 8) & (bytes[0] != b'0');
    is_one.then(|| (value_of(first) * TENS[length] + last, 8 + length))
}

/// Up to seven digits before a comma, none of them and zeros before others too: their value, and how many they are.
#[inline(always)]
fn digits_and_comma(bytes: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let digits = word ^ ZEROS;
    let length = digits_of(digits) & 7;
    let has_comma = (word >> (8 * length)) as u8 == b',';
    // In two steps, since no word can be moved by all of its bits.
    has_comma.then(|| (value_of((digits << 8) << (56 - 8 * length)), length as usize))
}

/// How often there is a comma before the end of the list.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(super) fn commas_in_list(bytes: &[u8]) -> usize {
    let count = |stretch: &[u8], wanted| stretch.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>();
    let mut commas = 0;
    // As long as a byte can count.
    for stretch in bytes.chunks(usize::from(u8::MAX)) {
        if count(stretch, b']') > 0 {
            let list = stretch.split(|byte| *byte == b']').next().unwrap_or_default();
            return commas + usize::from(count(list, b','));
        }
        commas += usize::from(count(stretch, b','));
    }
    commas
}

/// The value of the digits that `bytes` begins with, and how many they are, up to eight.
pub(super) fn eight_digits(bytes: &[u8]) -> (u64, usize) {
    let Some(word) = bytes.first_chunk() else { return few_digits(bytes) };
    let digits = u64::from_le_bytes(*word) ^ ZEROS;
    let length = digits_of(digits);
    (if length == 0 { 0 } else { value_of(digits << (64 - 8 * length)) }, length as usize)
}

/// One in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Eight times the digit zero: taken away from eight bytes, digits are below ten.
const ZEROS: u64 = EACH * 0x30;

/// The powers of ten that fit seven digits.
const TENS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// How many of eight bytes are below ten before the first that is not.
///
/// All are looked at in one word: a loop over them would leave at another place for each number, which costs more than all
/// the arithmetic does.
fn digits_of(digits: u64) -> u32 {
    // The highest bit of each byte that is ten or more. A carry may reach into the bytes above it, which come later.
    let others = (digits.wrapping_add(EACH * 0x76) | digits) & (EACH * 0x80);
    others.trailing_zeros() / 8
}

/// The value of eight digits: neighbours are joined to pairs, fours and eight.
fn value_of(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

/// The same where fewer than eight bytes are left.
fn few_digits(bytes: &[u8]) -> (u64, usize) {
    let digits = bytes.iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit < 10);
    digits.fold((0, 0), |(number, length), digit| (number * 10 + u64::from(digit), length + 1))
}
