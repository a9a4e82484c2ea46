//! Bytes of a batch, one value after the other, in pieces of one size.
//!
//! As one vector they are megabytes that are copied as they grow and that leave gaps which little else fits into. On a busy
//! day so much is freed all the time that the allocator hardly gets to give the gaps back.

/// A size that an allocator has as it is: what one batch frees the next one takes again.
const PIECE_BYTES: usize = 64 << 10;
/// A piece with less room is full: nearly all values are smaller, and a larger one makes its piece longer.
const LEAST_ROOM: usize = 1 << 10;

#[derive(Debug, Default)]
pub struct Pieces {
    pieces: Vec<Vec<u8>>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    piece: u32,
    from: u32,
    until: u32,
}

impl Pieces {
    /// Keeps what is written.
    pub fn keep(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Place {
        if self.pieces.last().is_none_or(|piece| piece.len() + LEAST_ROOM > PIECE_BYTES) {
            self.pieces.push(Vec::with_capacity(PIECE_BYTES));
        }
        let at = self.pieces.len() - 1;
        let piece = &mut self.pieces[at];
        let from = piece.len();
        write(piece);
        let number = |count: usize| u32::try_from(count).expect("a value is smaller than 4 GB, as are all of a batch");
        Place { piece: number(at), from: number(from), until: number(piece.len()) }
    }

    /// What was kept there.
    pub fn get(&self, Place { piece, from, until }: Place) -> &[u8] {
        &self.pieces[piece as usize][from as usize..until as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back() {
        let mut pieces = Pieces::default();
        let values: Vec<Vec<u8>> = (0..600_usize).map(|nth| vec![nth as u8; nth * 997 % 3_000]).collect();
        let (large, empty) = (vec![7; 3 * PIECE_BYTES], Vec::new());
        let mut places: Vec<Place> =
            values.iter().map(|value| pieces.keep(|bytes| bytes.extend_from_slice(value))).collect();
        places.push(pieces.keep(|bytes| bytes.extend_from_slice(&large)));
        places.push(pieces.keep(|_| {}));
        let expected = values.iter().chain([&large, &empty]);
        assert!(places.iter().zip(expected).all(|(place, value)| pieces.get(*place) == value));
        assert!(pieces.pieces.len() > 10);
    }
}
