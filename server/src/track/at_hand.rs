//! Answers to questions that lines ask again and again, in front of the tables that know all: a handful of programs, of
//! clients. To hash a short text takes longer than to compare it with the one that stands where it would.

use crate::text::is_same;

/// By a text of a line. Whoever chooses texts can drive others out of their places, and no more than that.
#[derive(Debug)]
pub struct AtHand<V> {
    places: Box<[Place<V>; PLACES]>,
}

/// A text and its answer.
type Place<V> = Option<(Box<[u8]>, V)>;

/// More than programs that log much, and clients that are busy.
const PLACES: usize = 256;

/// Longer texts are no names of programs and no addresses, and would fill memory.
const MAX_BYTES: usize = 64;

impl<V> Default for AtHand<V> {
    fn default() -> AtHand<V> {
        AtHand { places: Box::new(std::array::from_fn(|_| None)) }
    }
}

impl<V: Copy> AtHand<V> {
    pub fn get(&self, text: &[u8]) -> Option<V> {
        let (known, value) = self.places[place(text)].as_ref()?;
        is_same(known, text).then_some(*value)
    }

    /// In place of what stood there.
    pub fn put(&mut self, text: &[u8], value: V) {
        if text.len() <= MAX_BYTES {
            self.places[place(text)] = Some((text.into(), value));
        }
    }
}

/// By length and last letters, in which the names of one host's programs differ, and addresses of clients.
fn place(text: &[u8]) -> usize {
    let last = text.last_chunk::<4>().map_or(0, |last| u32::from_le_bytes(*last));
    let spread = last.wrapping_add(text.len() as u32).wrapping_mul(0x9e37_79b1);
    spread as usize >> (u32::BITS - PLACES.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_hand_is_what_was_put_there() {
        let texts: Vec<Vec<u8>> = (0..2_000).map(|nth| format!("{nth}").into_bytes()).collect();
        let mut at_hand = AtHand::default();
        for (nth, text) in texts.iter().enumerate() {
            at_hand.put(text, nth);
            assert_eq!(at_hand.get(text), Some(nth));
        }
        let kept: Vec<bool> = (0..).zip(&texts).filter_map(|(nth, text)| Some(at_hand.get(text)? == nth)).collect();
        assert!(kept.len() > PLACES / 2 && kept.iter().all(|is_right| *is_right), "{}", kept.len());
        assert_eq!(at_hand.get(b"unknown"), None);
    }
}
