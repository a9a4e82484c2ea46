//! Open state of the tracker that changed, packed one after the other.
//!
//! A commit of a busy server has tens of thousands of rows of it. As a table of keys and values with memory of their own
//! they took three times their bytes, just when an import is largest.

use super::pieces::{Pieces, Place};

/// Key → value, or no value for what is gone. Of a key that comes twice the later counts.
#[derive(Debug, Default)]
pub struct OpenState {
    bytes: Pieces,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    /// Its key, and behind it its value.
    place: Place,
    key_bytes: u8,
    is_gone: bool,
}

impl OpenState {
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.pack(key, |bytes| bytes.extend_from_slice(value));
    }

    /// The same of a value that is written where it is kept.
    pub fn pack(&mut self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.change(key, false, write);
    }

    pub fn take_out(&mut self, key: &[u8]) {
        self.change(key, true, |_| {});
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// In the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.changes.iter().map(|change| {
            let (key, value) = self.bytes.get(change.place).split_at(usize::from(change.key_bytes));
            (key, (!change.is_gone).then_some(value))
        })
    }

    fn change(&mut self, key: &[u8], is_gone: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let place = self.bytes.keep(|bytes| {
            bytes.extend_from_slice(key);
            write(bytes);
        });
        let key_bytes = u8::try_from(key.len()).expect("a key is a few bytes");
        self.changes.push(Change { place, key_bytes, is_gone });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_as_they_came() {
        let mut open = OpenState::default();
        assert!(open.is_empty());
        open.put(b"a", b"one");
        open.take_out(b"bb");
        open.put(b"c", b"");
        open.put(b"a", b"two");
        let changes: Vec<_> = open.iter().collect();
        let (one, two, none) = (&b"one"[..], &b"two"[..], &b""[..]);
        let expected = [(&b"a"[..], Some(one)), (b"bb", None), (b"c", Some(none)), (b"a", Some(two))];
        assert_eq!(changes, expected);
    }
}
