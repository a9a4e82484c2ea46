//! Chance that can be had again: the same seed gives the same year on every machine and for ever.
//! Ours because no crate promises its sequence across versions. Not for secrets.

use std::ops::RangeInclusive;

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, passes the usual batteries, five lines.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A sequence of its own for each part of the story, so that a change to one part leaves the others as they were.
    pub fn of(seed: u64, parts: &[u64]) -> Rng {
        let mut rng = Rng(seed);
        for part in parts {
            rng = Rng(rng.next() ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Evenly from the range. The bias of the remainder is below one in 2^40 for the small ranges used here.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        low + self.next() % (high - low + 1)
    }

    /// Mostly small, at times ten times as much: how sizes and lengths of stay are spread.
    pub fn skewed(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        let unit = self.within(0..=999_999) as f64 / 1e6;
        low + ((high - low) as f64 * unit.powi(4)) as u64
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    /// A whole number whose mean is `mean`.
    pub fn about(&mut self, mean: f64) -> u64 {
        let spread = mean * (0.85 + 0.3 * (self.within(0..=1000) as f64 / 1000.0));
        spread as u64 + u64::from((self.within(0..=999_999) as f64) < spread.fract() * 1e6)
    }

    /// One of the choices, each as likely. A list of the story is never empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.within(0..=choices.len() as u64 - 1) as usize]
    }

    /// The position of one of the weights, by weight.
    pub fn by_weight(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut left = self.within(1..=total);
        for (position, weight) in weights.enumerate() {
            match left.checked_sub(u64::from(weight)) {
                Some(0) | None => return position,
                Some(rest) => left = rest,
            }
        }
        0
    }

    /// Letters of an alphabet, for the ids that daemons give.
    pub fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence() {
        let take = |mut rng: Rng| (0..5).map(|_| rng.next()).collect::<Vec<_>>();
        assert_eq!(take(Rng::of(1, &[2, 3])), take(Rng::of(1, &[2, 3])));
        assert_ne!(take(Rng::of(1, &[2, 3])), take(Rng::of(1, &[3, 2])));
        assert_ne!(take(Rng::of(1, &[2, 3])), take(Rng::of(2, &[2, 3])));
    }

    #[test]
    fn weights_weigh() {
        let mut rng = Rng::of(7, &[]);
        let mut seen = [0; 3];
        for _ in 0..10_000 {
            seen[rng.by_weight([1, 0, 9].into_iter())] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((8_700..9_300).contains(&seen[2]), "{seen:?}");
    }

    #[test]
    fn about_keeps_the_mean_of_small_numbers() {
        let mut rng = Rng::of(7, &[]);
        let sum: u64 = (0..10_000).map(|_| rng.about(0.25)).sum();
        assert!((2_300..2_700).contains(&sum), "{sum}");
    }
}
