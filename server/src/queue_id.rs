//! The name that a mail server gives a message in its queue: Postfix' queue-ids, short and long, and Exim's message ids.
//! Knows how they are spelled and nothing of the messages.

/// The letters themselves, packed 6 bits each behind a leading 1: names are compared at every line. Aligned as
/// what stands beside them: tables of names that are aligned to their size are a quarter larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
#[repr(Rust, packed(8))]
pub struct QueueId(u128);

impl From<QueueId> for String {
    fn from(id: QueueId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for QueueId {
    type Error = &'static str;

    fn try_from(letters: String) -> Result<QueueId, &'static str> {
        let letters = letters.as_bytes();
        QueueId::parse(letters).or_else(|| QueueId::parse_exim(letters)).ok_or("not the name of a queue file")
    }
}

impl QueueId {
    /// 21 letters fill 127 bits. Postfix makes 11 to 20, Exim 14 or 21.
    pub const MAX_LETTERS: usize = 21;
    /// The bit that is left tells Exim's ids, whose hyphens are not kept.
    const EXIM: u128 = 1 << 127;
    /// Letters between the hyphens of Exim's ids: since 4.97 the second part is longer.
    const EXIM_PARTS: [[usize; 3]; 2] = [[6, 6, 2], [6, 11, 4]];

    /// Postfix': hexadecimal, or since 2.9 digits and consonants (`enable_long_queue_ids`).
    pub fn parse(bytes: &[u8]) -> Option<QueueId> {
        if !(LEAST_SHORT..=QueueId::MAX_LETTERS).contains(&bytes.len()) {
            return None;
        }
        let mut may_be = SHORT | if bytes.len() >= LEAST_LONG { LONG } else { 0 };
        // Ten letters fit a register, which is where they are packed.
        let packed = bytes.chunks(10).fold(1, |packed, letters| {
            let ten = letters.iter().fold(0, |ten, byte| {
                let letter = LETTERS[usize::from(*byte)];
                may_be &= letter & !CODE;
                ten << 6 | u64::from(letter & CODE)
            });
            packed << (6 * letters.len()) | u128::from(ten)
        });
        (may_be != 0).then_some(QueueId(packed))
    }

    /// Postfix' at the start of a message, which a colon and a space end, and what stands behind them: read in one pass, since
    /// each line is asked. Lines without a name are known by their second letter.
    pub fn leading(message: &[u8]) -> Option<(QueueId, &[u8])> {
        let mut may_be = SHORT | LONG;
        let mut packed = 1;
        for (at, byte) in message.iter().enumerate().take(QueueId::MAX_LETTERS + 1) {
            let letter = LETTERS[usize::from(*byte)];
            if may_be & letter == 0 {
                let rest = message[at..].strip_prefix(b": ")?;
                let is_name = at >= LEAST_LONG || at >= LEAST_SHORT && may_be & SHORT != 0;
                return is_name.then_some((QueueId(packed), rest));
            }
            may_be &= letter;
            packed = packed << 6 | u128::from(letter & CODE);
        }
        None
    }

    /// Exim's: `1xUvBf-00038z-1J`, since 4.97 `1xUvBf-000000038zN-1abc`.
    pub fn parse_exim(bytes: &[u8]) -> Option<QueueId> {
        let parts = QueueId::EXIM_PARTS.iter().find(|parts| bytes.len() == parts.iter().sum::<usize>() + 2)?;
        let (first, second) = (parts[0], parts[0] + 1 + parts[1]);
        let is_well_formed = bytes.iter().enumerate().all(|(at, byte)| match at {
            at if at == first || at == second => *byte == b'-',
            _ => byte.is_ascii_alphanumeric(),
        });
        let letters = bytes.iter().filter(|byte| **byte != b'-');
        let pack = |packed, byte: &u8| packed << 6 | u128::from(code(*byte));
        is_well_formed.then(|| QueueId(letters.fold(1, pack) | QueueId::EXIM))
    }
}

impl std::fmt::Display for QueueId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let packed = self.0 & !QueueId::EXIM;
        let letters = (127 - packed.leading_zeros()) as usize / 6;
        let parts = QueueId::EXIM_PARTS.iter().find(|parts| parts.iter().sum::<usize>() == letters);
        let parts = parts.filter(|_| self.0 & QueueId::EXIM != 0);
        // From its end, where the last letter is at hand.
        let mut text = [0; QueueId::MAX_LETTERS + 2];
        let mut from = text.len();
        let mut rest = packed;
        for at in (0..letters).rev() {
            let code = (rest & 63) as u8;
            rest >>= 6;
            from -= 1;
            text[from] = match code {
                0..=9 => b'0' + code,
                10..=35 => b'A' + code - 10,
                _ => b'a' + code - 36,
            };
            if parts.is_some_and(|parts| at == parts[0] || at == parts[0] + parts[1]) {
                from -= 1;
                text[from] = b'-';
            }
        }
        f.write_str(str::from_utf8(&text[from..]).expect("letters, digits and hyphens are ASCII"))
    }
}

/// What each byte is to Postfix: which names it may stand in, and its six bits. Each line has a name, so a letter is looked
/// at once.
static LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let letter = byte as u8;
        if letter.is_ascii_alphanumeric() {
            let is_short = matches!(letter, b'0'..=b'9' | b'A'..=b'F');
            let is_long = !matches!(letter.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u');
            letters[byte] = code(letter) | if is_short { SHORT } else { 0 } | if is_long { LONG } else { 0 };
        }
        byte += 1;
    }
    letters
};
/// It may stand in a short name, or in a long one; below them is its code.
const SHORT: u8 = 1 << 7;
const LONG: u8 = 1 << 6;
const CODE: u8 = LONG - 1;
/// So many letters a short name has at least, and a long one.
const LEAST_SHORT: usize = 5;
const LEAST_LONG: usize = 10;

/// The six bits of a letter or digit.
const fn code(byte: u8) -> u8 {
    let before = if byte <= b'9' {
        b'0'
    } else if byte <= b'Z' {
        b'A' - 10
    } else {
        b'a' - 36
    };
    byte.wrapping_sub(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_they_were_read() {
        for id in ["06728B44C1", "4jX8hq0gXbz5XsS", "1xUvBf-00038z-1J", "1xUvBf-000000038zN-1abc"] {
            let parsed = QueueId::try_from(id.to_owned()).unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(parsed.to_string(), id);
        }
        for text in ["", "NOQUEUE", "warning", "1234", "1xUvBf-00038z-1", "1xUvBf_00038z_1J", "connect"] {
            assert!(QueueId::try_from(text.to_owned()).is_err(), "{text}");
        }
        for (name, rest) in [
            ("06728B44C1", "x"),
            ("4jX8hq0gXbz5XsS", ""),
            ("06728", "x"),
            ("0672", "x"),
            ("4jX8hq0gX", "x"),
            ("4jX8hq0gXb", "x"),
            ("0123456789ABCDEF01234", "x"),
            ("0123456789ABCDEF012345", "x"),
            ("NOQUEUE", "x"),
            ("connect from", "x"),
            ("", "x"),
        ] {
            let expected = QueueId::parse(name.as_bytes()).map(|id| (id, rest.as_bytes()));
            assert_eq!(QueueId::leading(format!("{name}: {rest}").as_bytes()), expected, "{name}");
            assert_eq!(QueueId::leading(format!("{name}:{rest}").as_bytes()), None, "{name}");
            assert_eq!(QueueId::leading(name.as_bytes()), None, "{name}");
        }
        // One and the same letters are two names where two programs give them.
        assert_ne!(QueueId::parse(b"1xBvBf00038z1J"), QueueId::parse_exim(b"1xBvBf-00038z-1J"));
    }
}
