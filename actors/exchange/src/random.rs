//! Random numbers that are the same on every machine: ChaCha8, one stream per purpose.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

#[derive(Clone, Debug)]
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// Streams of one seed are independent of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// In the open interval (0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// In the open interval (0, 1), in steps of 2^-32: where there are many to draw.
    pub(super) fn coarse(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / (1_u64 << 32) as f64
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// Standard normal, by Marsaglia's polar form of Box and Muller.
    pub(super) fn normal(&mut self) -> f64 {
        let (u, w) = self.disc();
        u * (-2.0 * w.ln() / w).sqrt()
    }

    /// Student's t with 4 degrees of freedom (Bailey 1994, polar), scaled to unit variance and cut at
    /// 12: as fat-tailed as daily returns are.
    pub(super) fn fat(&mut self) -> f64 {
        let (u, w) = self.disc();
        let t = u * (4.0 * (1.0 / w.sqrt() - 1.0) / w).sqrt();
        (t / 2.0_f64.sqrt()).clamp(-12.0, 12.0)
    }

    /// One coordinate of a point in the unit disc, and its squared distance from the centre.
    fn disc(&mut self) -> (f64, f64) {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let w = u * u + v * v;
            if w < 1.0 {
                return (u, w);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1, 0);
        let n = 200_000_u32;
        let mut draw = |f: fn(&mut Random) -> f64| -> (f64, f64, f64) {
            let x: Vec<f64> = (0..n).map(|_| f(&mut random)).collect();
            let moment = |power| x.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(n);
            (moment(1), moment(2), moment(4))
        };
        let (mean, variance, fourth) = draw(Random::normal);
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02 && (fourth - 3.0).abs() < 0.1);
        let (mean, variance, fourth) = draw(Random::fat);
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.05 && fourth > 6.0);
        let (mean, square, _) = draw(Random::uniform);
        assert!((mean - 0.5).abs() < 0.01 && (square - 1.0 / 3.0).abs() < 0.01);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, stream| Random::new(seed, stream).uniform();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
