//! The only source of randomness: ChaCha20 (RFC 8439 block function, 20 rounds) seeded by the operating
//! system. Everything that samples takes `&mut Random`, so that a test can replay a run from a seed.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Infallible, Rng, SeedableRng, TryCryptoRng, TryRng};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// What can go wrong when a generator is made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RandomError {
    /// The operating system refused to give entropy.
    #[error("the operating system gave no entropy: {reason}")]
    NoEntropy {
        /// What the operating system said.
        reason: String,
    },
}

/// A cryptographically secure generator; its state is erased when it is dropped.
pub struct Random(ChaCha20Rng);

impl ZeroizeOnDrop for Random {}

impl Random {
    /// A generator with a fresh 256-bit seed from the operating system.
    pub fn from_os() -> Result<Self, RandomError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        // Without entropy there is no generator: nothing weaker may take its place.
        getrandom::fill(seed.as_mut()).map_err(|error| RandomError::NoEntropy {
            reason: error.to_string(),
        })?;
        Ok(Self::from_seed(&seed))
    }

    /// A reproducible generator, for tests and simulations only.
    #[cfg(any(test, feature = "seeded"))]
    pub fn seeded(seed: u64) -> Self {
        let mut bytes = Zeroizing::new([0u8; 32]);
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self::from_seed(&bytes)
    }

    /// The stream of a given 256-bit seed; also expands public seeds into public polynomials.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(*seed))
    }

    /// An independent generator seeded from this one, so that parallel work stays reproducible.
    pub fn fork(&mut self) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        self.fill(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// Overwrites `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A uniform 64-bit number.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform number in `0..bound` without bias (Lemire, 2019); 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // The low halves under `2^64 mod bound` are the ones that would be hit once too often.
        let biased = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.u64()) * u128::from(bound);
            if product as u64 >= biased {
                return (product >> 64) as u64;
            }
        }
    }

    /// Permutes `items` uniformly (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // Not a remainder: its bias would make some orders likelier than others.
            let chosen = self.below(last as u64 + 1) as usize;
            items.swap(last, chosen);
        }
    }

    /// A uniform multiple of 2^-53 in `[0, 1)`.
    pub fn uniform_f64(&mut self) -> f64 {
        // 53 bits are what a double holds exactly; with more the cast could round up to 1.
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number (Box-Muller). For statistics; not a sampler for differential privacy.
    pub fn normal_f64(&mut self) -> f64 {
        // 1 - u lies in (0, 1], which keeps the logarithm finite.
        let radius = (-2.0 * (1.0 - self.uniform_f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform_f64()).cos()
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for Random {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_other_seeds_differ() {
        let draw = |seed| {
            let mut random = Random::seeded(seed);
            (random.u64(), random.u64())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_operating_system_never_seeds_the_same_twice() {
        assert_ne!(
            Random::from_os().unwrap().u64(),
            Random::from_os().unwrap().u64()
        );
    }

    #[test]
    fn a_fork_differs_from_its_parent() {
        let mut parent = Random::seeded(1);
        let mut child = parent.fork();
        assert_ne!(parent.u64(), child.u64());
    }

    #[test]
    fn below_stays_below_and_is_even() {
        let mut random = Random::seeded(2);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[random.below(6) as usize] += 1;
        }
        // Standard deviation about 91: five of them.
        assert!(
            counts.iter().all(|&count| count.abs_diff(10_000) < 460),
            "{counts:?}"
        );
        assert_eq!(random.below(1), 0);
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn shuffle_keeps_every_item_and_moves_them() {
        let mut random = Random::seeded(3);
        let mut items: Vec<u32> = (0..1000).collect();
        random.shuffle(&mut items);
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn reals_have_the_right_moments() {
        let mut random = Random::seeded(4);
        let count = 100_000;
        let uniform: Vec<f64> = (0..count).map(|_| random.uniform_f64()).collect();
        let normal: Vec<f64> = (0..count).map(|_| random.normal_f64()).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let square = |values: &[f64]| {
            values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
        };
        assert!(uniform.iter().all(|value| (0.0..1.0).contains(value)));
        assert!(
            (mean(&uniform) - 0.5).abs() < 0.006 && (square(&uniform) - 1.0 / 3.0).abs() < 0.006
        );
        assert!(mean(&normal).abs() < 0.02 && (square(&normal) - 1.0).abs() < 0.03);
    }
}
