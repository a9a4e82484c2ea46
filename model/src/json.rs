//! Reads the wire's JSON from bytes, straight into the types of [`crate::wire`]: one pass, nothing kept that is not asked
//! for.
//!
//! The app reads with this. serde_json would write a reader of its own for each type, which is a tenth of what a browser
//! loads, and reads a long list of numbers at half the speed. The server writes with serde; a property holds that what it
//! writes is read here as serde reads it. Knows JSON and nothing of what is said in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::names::Names;
use crate::numbers::Numbers;

mod parts;

pub(crate) use parts::reads_in_parts;
pub use parts::{Parts, Reader};

/// Lists in lists: an answer has three levels, and a reader that calls itself must end before its stack does.
const MAX_DEPTH: u32 = 32;

/// Why bytes could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadJson {
    pub at: usize,
    pub expected: &'static str,
}

impl fmt::Display for BadJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected at byte {}", self.expected, self.at)
    }
}

impl std::error::Error for BadJson {}

/// A type that the wire carries.
#[diagnostic::on_unimplemented(
    message = "the app cannot read `{Self}` from JSON",
    note = "write `reads!({Self} {{ its fields }});` below it in model/src/wire.rs"
)]
pub trait FromJson: Sized {
    fn from_json(json: &mut Json) -> Result<Self, BadJson>;

    /// A list of them; numbers have a quicker way.
    fn list(json: &mut Json) -> Result<Vec<Self>, BadJson> {
        let mut items = Vec::new();
        json.array(|json| {
            items.push(Self::from_json(json)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// What an object means that does not say it; only an optional value may be missing.
    fn missing() -> Option<Self> {
        None
    }
}

/// Reads all of `bytes` as one value.
pub fn read<T: FromJson>(bytes: &[u8]) -> Result<T, BadJson> {
    let mut json = Json::new(bytes);
    let value = T::from_json(&mut json)?;
    json.end()?;
    Ok(value)
}

/// `reads!(Account { name, root })`: an object with these keys, each the field of that name; other keys are passed over.
///
/// Inline, which compiles it with those who call it: the app for size, where this crate is compiled for the speed of its
/// loops.
macro_rules! reads {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::json::FromJson for $type {
            #[inline]
            fn from_json(json: &mut $crate::json::Json) -> Result<$type, $crate::json::BadJson> {
                $(let mut $field = None;)*
                json.object(|key, json| {
                    match key {
                        $(stringify!($field) => $field = Some($crate::json::FromJson::from_json(json)?),)*
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                Ok($type { $($field: json.present($field, stringify!($field))?,)* })
            }
        }
    };
}
pub(crate) use reads;

/// `reads_word!(By, By::from_id)`: a text that a function knows.
macro_rules! reads_word {
    ($type:ty, $known:expr) => {
        impl $crate::json::FromJson for $type {
            #[inline]
            fn from_json(json: &mut $crate::json::Json) -> Result<$type, $crate::json::BadJson> {
                let word = json.text()?;
                $known(&word).ok_or_else(|| json.error(concat!("one of ", stringify!($type))))
            }
        }
    };
}
pub(crate) use reads_word;

/// A place in the bytes.
pub struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    /// The length of the last list of numbers: the lists of an answer are of one length, so the next gets its room at once.
    rows: usize,
}

impl<'a> Json<'a> {
    fn new(bytes: &'a [u8]) -> Json<'a> {
        Json { bytes, at: 0, depth: 0, rows: 0 }
    }

    fn end(&mut self) -> Result<(), BadJson> {
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error("the end")) }
    }

    /// The key of the next member of an object that is all there is to read; `None` behind the last one. Its value must be read
    /// before the next.
    fn next_key(&mut self) -> Result<Option<Cow<'a, str>>, BadJson> {
        let is_first = self.depth == 0;
        if is_first {
            self.expect(b'{', "an object")?;
            self.depth = 1;
        }
        if self.takes(b'}') {
            return Ok(None);
        }
        if !is_first {
            self.expect(b',', "a comma")?;
        }
        let key = self.text()?;
        self.expect(b':', "a colon")?;
        Ok(Some(key))
    }

    /// Calls `member` with each key; it must read or [`Json::skip`] the value.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&str, &mut Json<'a>) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.each(b'{', b'}', "an object", &mut |json| {
            let key = json.text()?;
            json.expect(b':', "a colon")?;
            member(&key, json)
        })
    }

    /// Calls `item` at each item; it must read or [`Json::skip`] it.
    pub fn array(&mut self, mut item: impl FnMut(&mut Json<'a>) -> Result<(), BadJson>) -> Result<(), BadJson> {
        self.each(b'[', b']', "a list", &mut item)
    }

    /// Not generic, so that there is one of it.
    fn each(
        &mut self,
        open: u8,
        close: u8,
        expected: &'static str,
        item: &mut dyn FnMut(&mut Json<'a>) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.expect(open, expected)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("less depth"));
        }
        if !self.takes(close) {
            loop {
                item(self)?;
                if self.takes(close) {
                    break;
                }
                self.expect(b',', "a comma")?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// A text, borrowed where nothing in it is escaped.
    #[inline(never)]
    pub fn text(&mut self) -> Result<Cow<'a, str>, BadJson> {
        self.expect(b'"', "a text")?;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.rest();
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let plain = plain.ok_or_else(|| self.error("the end of a text"))?;
            let piece = str::from_utf8(&rest[..plain]).map_err(|_| self.error("UTF-8"))?;
            if text.is_empty() {
                text = Cow::Borrowed(piece)
            } else {
                text.to_mut().push_str(piece)
            }
            self.at += plain + 1;
            match rest[plain] {
                b'"' => return Ok(text),
                b'\\' => text.to_mut().push(self.escaped()?),
                _ => return Err(self.error("no bare control character")),
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<char, BadJson> {
        let letter = *self.rest().first().ok_or_else(|| self.error("an escape"))?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let second = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
                    self.at += 2;
                    Some(self.unit()?)
                } else {
                    None
                };
                let mut decoded = char::decode_utf16([first].into_iter().chain(second));
                match (decoded.next(), decoded.next()) {
                    (Some(Ok(character)), None) => character,
                    _ => return Err(self.error("a whole character")),
                }
            }
            _ => return Err(self.error("an escape")),
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, BadJson> {
        let digits = self.rest().get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.error("four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }

    #[inline(never)]
    pub fn boolean(&mut self) -> Result<bool, BadJson> {
        if self.takes_word("true") {
            Ok(true)
        } else if self.takes_word("false") {
            Ok(false)
        } else {
            Err(self.error("true or false"))
        }
    }

    /// Whether there is `null` here, which is then read.
    #[inline(never)]
    pub fn null(&mut self) -> bool {
        self.takes_word("null")
    }

    /// A whole number, the wire has no others, made from its digits and whether a minus is before them.
    fn number<T>(&mut self, made: impl Fn(u64, bool) -> Option<T>) -> Result<T, BadJson> {
        let negative = self.takes(b'-');
        let size = self.digits()?;
        made(size, negative).ok_or_else(|| self.error("a number in range"))
    }

    /// The digits from here on. Refused are none, a zero before others, a fraction, and more than 64 bits.
    fn digits(&mut self) -> Result<u64, BadJson> {
        let rest = self.rest();
        let (mut number, mut length) = eight_digits(rest);
        if length == 8 {
            // Up to 19 digits fit whatever they are; more are looked at below.
            while let Some(digit) = rest.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
                number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
                length += 1;
            }
        }
        if length == 0 || (length > 1 && rest[0] == b'0') || matches!(rest.get(length), Some(b'.' | b'e' | b'E')) {
            return Err(self.error("a whole number"));
        }
        if length > 19 {
            let digits = str::from_utf8(&rest[..length]).unwrap_or_default();
            number = digits.parse().map_err(|_| self.error("a smaller number"))?;
        }
        self.at += length;
        Ok(number)
    }

    /// A list of numbers: nearly all bytes of an answer are in such lists, so this is what reading it costs.
    ///
    /// The same as [`Json::array`] of [`Json::number`], with room made at once, and without a call for each that is as most
    /// are: some digits and a comma.
    fn numbers<T>(&mut self, made: impl Fn(u64, bool) -> Option<T>) -> Result<Vec<T>, BadJson> {
        self.expect(b'[', "a list of numbers")?;
        if self.takes(b']') {
            return Ok(Vec::new());
        }
        let mut list = Vec::with_capacity(self.room_for_numbers());
        loop {
            let mut rest = self.rest();
            while let Some((number, length)) = short_number(rest).or_else(|| long_number(rest)) {
                let Some(number) = made(number, false) else { break };
                list.push(number);
                rest = &rest[length + 1..];
            }
            self.at = self.bytes.len() - rest.len();
            list.push(self.number(&made)?);
            if self.takes(b']') {
                break;
            }
            self.expect(b',', "a comma")?;
        }
        self.rows = list.len();
        Ok(list)
    }

    /// How many numbers the list that begins here may hold: as many as the last one had, since those of an answer are of
    /// one length. The first one's commas are counted, so that no list grows while it is read.
    fn room_for_numbers(&mut self) -> usize {
        let most = self.rest().len() / 2 + 1;
        if self.rows > 0 {
            return self.rows.min(most);
        }
        self.rows = commas_in_list(self.rest()) + 1;
        self.rows
    }

    /// A list of so many numbers.
    pub fn tuple<const N: usize>(&mut self) -> Result<[i64; N], BadJson> {
        // A list within lists: the room that the next list of numbers gets is not its affair.
        let rows = self.rows;
        let list = i64::list(self)?;
        self.rows = rows;
        list.try_into().map_err(|_| self.error("a list of another length"))
    }

    /// Passes over a value, whatever it is.
    #[inline(never)]
    pub fn skip(&mut self) -> Result<(), BadJson> {
        self.space();
        match self.rest().first() {
            Some(b'{') => self.object(|_, json| json.skip()),
            Some(b'[') => self.array(Json::skip),
            Some(b'"') => self.text().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') if self.null() => Ok(()),
            Some(b'-' | b'0'..=b'9') => {
                let is_numeric = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                self.at += self.rest().iter().take_while(is_numeric).count();
                Ok(())
            }
            _ => Err(self.error("a value")),
        }
    }

    /// A member's value: as it was read, or what its absence means.
    pub fn present<T: FromJson>(&self, value: Option<T>, name: &'static str) -> Result<T, BadJson> {
        value.or_else(T::missing).ok_or_else(|| self.error(name))
    }

    /// The error of finding something else here.
    pub fn error(&self, expected: &'static str) -> BadJson {
        BadJson { at: self.at, expected }
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn space(&mut self) {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.rest().iter().take_while(blank).count();
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let takes = self.rest().first() == Some(&byte);
        self.at += usize::from(takes);
        takes
    }

    #[inline(never)]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), BadJson> {
        if self.takes(byte) { Ok(()) } else { Err(self.error(expected)) }
    }

    #[inline(never)]
    fn takes_word(&mut self, word: &str) -> bool {
        self.space();
        let takes = self.rest().starts_with(word.as_bytes());
        self.at += if takes { word.len() } else { 0 };
        takes
    }
}

/// A number as most are, up to seven digits and a comma: its value, and how many digits it has.
///
/// Most of what an answer is read with, so its only branch is whether there is one here at all: how many digits the next
/// number has is what a processor cannot guess.
#[inline(always)]
fn short_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let (number, length) = digits_and_comma(bytes)?;
    ((length == 1) | (length > 1) & (bytes[0] != b'0')).then_some((number, length))
}

/// A number as nearly all others are, times above all: eight to fifteen digits and a comma.
fn long_number(bytes: &[u8]) -> Option<(u64, usize)> {
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
fn commas_in_list(bytes: &[u8]) -> usize {
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
fn eight_digits(bytes: &[u8]) -> (u64, usize) {
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

impl FromJson for String {
    fn from_json(json: &mut Json) -> Result<String, BadJson> {
        json.text().map(Cow::into_owned)
    }
}

impl FromJson for Names {
    fn from_json(json: &mut Json) -> Result<Names, BadJson> {
        let mut names = Names::default();
        json.array(|json| {
            names.push(&json.text()?);
            Ok(())
        })?;
        Ok(names)
    }
}

impl FromJson for bool {
    fn from_json(json: &mut Json) -> Result<bool, BadJson> {
        json.boolean()
    }
}

/// `integers! { u32: |size, negative| …; }`: made from the digits and whether a minus is before them.
macro_rules! integers {
    ($($type:ty: $made:expr;)*) => {
        $(impl FromJson for $type {
            #[inline(never)]
            fn from_json(json: &mut Json) -> Result<$type, BadJson> {
                json.number($made)
            }

            fn list(json: &mut Json) -> Result<Vec<$type>, BadJson> {
                json.numbers($made)
            }
        })*
    };
}

integers! {
    u64: |size, negative| (!negative).then_some(size);
    u16: |size, negative| u16::try_from(size).ok().filter(|_| !negative);
    u32: |size, negative| u32::try_from(size).ok().filter(|_| !negative);
    usize: |size, negative| usize::try_from(size).ok().filter(|_| !negative);
    i64: signed;
    i32: |size, negative| signed(size, negative).and_then(|number| i32::try_from(number).ok());
}

/// As narrow as it goes, and anew from its beginning where a number of it is wider: lists of bytes begin with such a one,
/// and hardly another list has any.
impl FromJson for Numbers {
    fn from_json(json: &mut Json) -> Result<Numbers, BadJson> {
        let start = json.at;
        if let Ok(short) = u16::list(json) {
            return Ok(Numbers::Short(short));
        }
        json.at = start;
        if let Ok(narrow) = u32::list(json) {
            return Ok(Numbers::Narrow(narrow));
        }
        json.at = start;
        u64::list(json).map(Numbers::Wide)
    }
}

/// Zero has no minus: that one is a fraction's.
fn signed(size: u64, negative: bool) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(size).filter(|number| *number < 0) } else { i64::try_from(size).ok() }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &mut Json) -> Result<Option<T>, BadJson> {
        if json.null() { Ok(None) } else { T::from_json(json).map(Some) }
    }

    fn missing() -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &mut Json) -> Result<Vec<T>, BadJson> {
        T::list(json)
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(json: &mut Json) -> Result<(A, B), BadJson> {
        let (mut first, mut second) = (None, None);
        json.array(|json| {
            if first.is_none() {
                first = Some(A::from_json(json)?);
            } else if second.is_none() {
                second = Some(B::from_json(json)?);
            } else {
                return Err(json.error("the end of a pair"));
            }
            Ok(())
        })?;
        first.zip(second).ok_or_else(|| json.error("a pair"))
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(json: &mut Json) -> Result<BTreeMap<String, T>, BadJson> {
        let mut members = BTreeMap::new();
        json.object(|key, json| {
            members.insert(key.to_owned(), T::from_json(json)?);
            Ok(())
        })?;
        Ok(members)
    }
}

#[cfg(test)]
mod tests;
