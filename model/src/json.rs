//! Reads the wire's JSON from bytes, straight into the types of [`crate::wire`]: one pass, nothing kept that is not asked
//! for.
//!
//! The app reads with this. serde_json would write a reader of its own for each type, which is a tenth of what a browser
//! loads, and reads a long list of numbers at half the speed. The server writes with serde; a property holds that what it
//! writes is read here as serde reads it. Knows JSON and nothing of what is said in it.

use std::borrow::Cow;
use std::fmt;

mod digits;
mod parts;
mod types;

pub(crate) use parts::reads_in_parts;
pub use parts::{Parts, Reader};

use digits::{commas_in_list, eight_digits, long_number, short_number};

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

#[cfg(test)]
mod tests;
