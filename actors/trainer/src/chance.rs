use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Seeded, and so the same on every machine.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// Each `purpose` has a sequence of its own.
    pub(crate) fn new(seed: u32, purpose: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(u64::from(seed));
        chance.set_stream(purpose);
        Self(chance)
    }

    /// In [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In 0..n.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n.saturating_sub(1))
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
