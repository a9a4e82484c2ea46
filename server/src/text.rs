//! Reading bytes from left to right: what the parsers of all daemons share. Knows no daemon.
//!
//! Much of a log line was chosen by strangers, so nothing here searches a line for a word that a stranger could
//! have put there: a field is found after the one before it, and an address ends where its quotes allow (FAULTS 46).

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr3, memrchr_iter};

/// Longest text kept of a line in an event: enough to recognise it by, too little to fill a disk with.
pub const MAX_DETAIL_BYTES: usize = 200;

/// A text that a row, the event made of it and the batch hold together: a copy takes no room and hardly time.
pub type Text = arcstr::ArcStr;

/// What a parser of a daemon's lines says of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    Fact(T),
    /// Known and of no consequence for any report.
    Ignored,
    Unparsed,
}

impl<T> Parsed<T> {
    pub fn of(fact: Option<T>) -> Parsed<T> {
        fact.map_or(Parsed::Unparsed, Parsed::Fact)
    }
}

/// Whether two texts are the same. For names that are compared at every line: nearly all are short, and are compared as two
/// numbers that may overlap, where to call the comparison of any texts takes longer than to compare these.
#[inline]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    fn is_same_at_ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
        one.first_chunk::<N>() == other.first_chunk::<N>() && one.last_chunk::<N>() == other.last_chunk::<N>()
    }
    one.len() == other.len()
        && match one.len() {
            2..=3 => is_same_at_ends::<2>(one, other),
            4..=7 => is_same_at_ends::<4>(one, other),
            8..=15 => is_same_at_ends::<8>(one, other),
            16..=32 => is_same_at_ends::<16>(one, other),
            _ => one == other,
        }
}

/// The bytes before the first `separator` and those after it.
pub fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(bytes, separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

/// Where `part` first stands. A line is short: what a search of long texts prepares would cost more than to look at each
/// place where it may begin.
pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let (first, rest) = part.split_first()?;
    memchr_iter(*first, bytes).find(|at| bytes[at + 1..].starts_with(rest))
}

/// Where `part` last stands, sought as [`find`] seeks.
pub fn rfind(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let (first, rest) = part.split_first()?;
    memrchr_iter(*first, bytes).find(|at| bytes[at + 1..].starts_with(rest))
}

/// Without regard to ASCII case; `part` is in lower case.
pub fn contains_ignoring_case(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// A whole number of digits only; none for what is empty, signed or does not fit (FAULTS 50).
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The number at the start and the bytes after it.
pub fn leading_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some((number(&bytes[..length])?, &bytes[length..]))
}

/// Seconds such as `0.31` or `4.5` in whole milliseconds.
pub fn millis(seconds: &[u8]) -> Option<u64> {
    let (whole, fraction) = match memchr(b'.', seconds) {
        None => (seconds, &b""[..]),
        Some(at) => (&seconds[..at], &seconds[at + 1..]),
    };
    let thousandths = (0..3).try_fold(0, |value, place| {
        let digit = fraction.get(place).map_or(Some(0), |byte| byte.checked_sub(b'0').filter(|digit| *digit < 10))?;
        Some(value * 10 + u64::from(digit))
    })?;
    number(whole)?.checked_mul(1000)?.checked_add(thousandths)
}

/// An address after its `<`: up to the first `>` outside quotes that one of `ends` follows, and the bytes from
/// that end on. Postfix before 3.5 does not quote, so an address may hold a `>` itself.
pub fn address<'a>(bytes: &'a [u8], ends: &[&[u8]]) -> Option<(&'a [u8], &'a [u8])> {
    address_by_quotes(bytes, ends, true).or_else(|| address_by_quotes(bytes, ends, false))
}

/// An address behind `to=` or `from=`, up to one of `ends`, and the bytes from that end on. A site's log daemon may have
/// taken its brackets off.
pub fn address_field<'a>(bytes: &'a [u8], ends: &[&[u8]]) -> Option<(&'a [u8], &'a [u8])> {
    match bytes.strip_prefix(b"<") {
        Some(bytes) => address(bytes, ends),
        None => {
            let end = ends.iter().filter_map(|end| memchr::memmem::find(bytes, end)).min()?;
            Some(bytes.split_at(end))
        }
    }
}

fn address_by_quotes<'a>(bytes: &'a [u8], ends: &[&[u8]], heeds_quotes: bool) -> Option<(&'a [u8], &'a [u8])> {
    let mut is_quoted = false;
    let mut at = 0;
    loop {
        // Of nearly every address, its end.
        at += memchr3(b'>', b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'\\' if is_quoted => at += 1,
            b'"' if heeds_quotes => is_quoted = !is_quoted,
            b'>' if !is_quoted => {
                let after = &bytes[at + 1..];
                if ends.iter().any(|end| if end.is_empty() { after.is_empty() } else { after.starts_with(end) }) {
                    return Some((&bytes[..at], after));
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where `part` first stands outside `<…>` and quotes.
pub fn find_outside_brackets(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| *byte == first || *byte == b'<')?;
        if bytes[at..].starts_with(part) {
            return Some(at);
        }
        if bytes[at] == b'<' {
            at += end_of_brackets(&bytes[at..])?;
        }
        at += 1;
    }
}

/// Where the bracket closes that the bytes begin with; quotes may hold one.
fn end_of_brackets(bytes: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if is_quoted => at += 1,
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Bytes as text; what is no UTF-8 is replaced. Nearly all is, and to look at the whole takes less than letter by letter.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Bytes of a line for an event's words, cut at a length that recognises them.
pub fn quoted(bytes: &[u8]) -> Cow<'_, str> {
    let cut = bytes.len().min(MAX_DETAIL_BYTES);
    lossy(&bytes[..cut])
}

/// The same where it is written: of words that nobody reads nothing is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Quote<'a>(pub &'a [u8]);

impl std::fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&quoted(self.0))
    }
}

/// What stands before the last `@` of an address and behind it.
pub fn around_at(address: &str) -> Option<(&str, &str)> {
    let at = address.bytes().rposition(|byte| byte == b'@')?;
    Some((&address[..at], &address[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_if_each_byte_is() {
        for length in 0..70 {
            let text: Vec<u8> = (0..length).collect();
            assert!(is_same(&text, &text.clone()));
            assert!(!is_same(&text, &[&text[..], b"x"].concat()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 0x20;
                assert!(!is_same(&text, &other), "{length}, {at}");
            }
        }
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "-1", "+1", "1e99", "18446744073709551616", " 1"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(millis(b"4.5"), Some(4500));
        assert_eq!(millis(b"0.026"), Some(26));
        assert_eq!(millis(b"300"), Some(300_000));
        assert_eq!(millis(b"1.x"), None);
    }

    /// FAULTS 46.
    #[test]
    fn an_address_ends_where_its_quotes_allow() {
        let forged = br#""x>, relay=y, status=sent (ok"@d>, relay=real"#;
        assert_eq!(
            address(forged, &[b", relay="]),
            Some((&br#""x>, relay=y, status=sent (ok"@d"#[..], &b", relay=real"[..]))
        );
        let unquoted = b"x> to=<y@outside.example>, relay=mx";
        assert_eq!(address(unquoted, &[b", relay="]), Some((&b"x> to=<y@outside.example"[..], &b", relay=mx"[..])));
        assert_eq!(address(b"a\"b@x>, relay=", &[b", relay="]), Some((&b"a\"b@x"[..], &b", relay="[..])));
        assert_eq!(address(b"never ends", &[b", relay="]), None);
    }

    #[test]
    fn a_part_inside_brackets_is_not_found() {
        assert_eq!(find_outside_brackets(b"<a; from=<b>>: x; from=<c>", b"; from=<"), Some(16));
    }
}
