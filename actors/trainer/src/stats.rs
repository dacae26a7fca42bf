//! What is left of a Sharpe ratio when one knows how many were tried (METHODS.md §3).

use crate::ic::mean;
use reporting::metrics::{Returns, probabilistic_sharpe};
use reporting::normal_cdf;
use scoring::{pearson, ranks};
use std::f64::consts::E;

const EULER: f64 = 0.577_215_664_901_532_9;

/// Blocks that the trials' returns are split into for the probability of overfitting.
pub(crate) const PBO_BLOCKS: usize = 16;

/// The Sharpe ratio that the best of `trials` skill-less trials is expected to show, where their
/// Sharpe ratios have this variance (Bailey and López de Prado 2014). Zero for a single trial.
pub fn expected_best_sharpe(variance: f64, trials: f64) -> f64 {
    if trials <= 1.0 {
        return 0.0;
    }
    let quantile = |p: f64| normal_quantile(1.0 - p);
    variance.sqrt()
        * ((1.0 - EULER) * quantile(1.0 / trials) + EULER * quantile(1.0 / (trials * E)))
}

/// Probability that the true Sharpe ratio (per period) is above what the best of `trials` trials
/// without skill would show. `None` where the returns do not vary.
pub fn deflated_sharpe(returns: &Returns, variance: f64, trials: f64) -> Option<f64> {
    returns.probabilistic_sharpe(expected_best_sharpe(variance, trials))
}

/// As [`deflated_sharpe`], from moments: Sharpe ratio per period, periods, skewness, kurtosis (normal: 3).
pub fn deflated_sharpe_of(
    sharpe: f64,
    periods: f64,
    skewness: f64,
    kurtosis: f64,
    best: f64,
) -> Option<f64> {
    probabilistic_sharpe(sharpe, best, periods, skewness, kurtosis)
}

/// Effective number of trials whose returns correlate by `correlation` on average.
pub fn effective_trials(trials: f64, correlation: f64) -> f64 {
    trials * (1.0 - correlation) + correlation
}

/// Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein,
/// López de Prado, Zhu 2015): how often the best half-sample trial is no better than the median in
/// the other half. `trials` are columns of equal length; `None` with fewer than two, or with fewer
/// than two periods to a block.
pub fn overfitting_probability(trials: &[Vec<f64>], blocks: usize) -> Option<f64> {
    let logits = overfitting_logits(trials, blocks)?;
    let overfit = logits.iter().filter(|logit| **logit <= 0.0).count();
    Some(overfit as f64 / logits.len() as f64)
}

/// λ = ln(ω/(1−ω)) per way of choosing half of the blocks, ω the relative out-of-sample rank of the
/// trial that was best in sample.
pub fn overfitting_logits(trials: &[Vec<f64>], blocks: usize) -> Option<Vec<f64>> {
    let periods = trials.first()?.len();
    if trials.len() < 2 || blocks < 2 || periods < 2 * blocks {
        return None;
    }
    assert!(trials.iter().all(|trial| trial.len() == periods), "trials over the same periods");
    // The first blocks take the remainder, one each.
    let bounds: Vec<usize> = (0..=blocks).map(|b| block_start(periods, blocks, b)).collect();
    let sums: Vec<Vec<Moments>> = trials
        .iter()
        .map(|trial| bounds.windows(2).map(|b| Moments::of(&trial[b[0]..b[1]])).collect())
        .collect();
    let halves = (0_u32..1 << blocks).filter(|half| half.count_ones() as usize == blocks / 2);
    Some(halves.map(|half| logit(&sums, half)).collect())
}

fn block_start(periods: usize, blocks: usize, block: usize) -> usize {
    block * (periods / blocks) + block.min(periods % blocks)
}

fn logit(sums: &[Vec<Moments>], half: u32) -> f64 {
    let sharpe = |inside: bool| -> Vec<f64> {
        let chosen = |block: &usize| (half >> block & 1 == 1) == inside;
        sums.iter()
            .map(|blocks| {
                let picked = (0..blocks.len()).filter(chosen).map(|block| blocks[block]);
                picked.fold(Moments::default(), Moments::with).sharpe()
            })
            .collect()
    };
    let (inside, outside) = (sharpe(true), sharpe(false));
    let best =
        (0..inside.len()).fold(0, |best, at| if inside[at] > inside[best] { at } else { best });
    let share = ranks(&outside)[best] / (outside.len() + 1) as f64;
    (share / (1.0 - share)).ln()
}

#[derive(Copy, Clone, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let (sum, squares) = values.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
        Self { n: values.len() as f64, sum, squares }
    }

    fn with(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    /// Of returns that do not vary, the sign decides.
    fn sharpe(self) -> f64 {
        let mean = self.sum / self.n;
        let variance = ((self.squares - self.n * mean * mean) / (self.n - 1.0)).max(0.0);
        if variance > 1e-24 { mean / variance.sqrt() } else { mean.signum() * 1e12 }
    }
}

/// Pearson correlation averaged over all pairs of trials; zero for fewer than two.
pub(crate) fn mean_correlation(trials: &[Vec<f64>]) -> f64 {
    let pairs = (0..trials.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let known: Vec<f64> = pairs.filter_map(|(a, b)| pearson(&trials[a], &trials[b])).collect();
    if known.is_empty() { 0.0 } else { mean(known.into_iter()) }
}

/// The inverse of Φ by bisection, to the last digits that Φ itself has.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if normal_cdf(middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PBO_LOGITS: [f64; 6] = [
        0.693_147_180_559_945_2,
        1.609_437_912_434_100_7,
        1.609_437_912_434_100_7,
        1.609_437_912_434_100_7,
        1.609_437_912_434_100_7,
        0.0,
    ];
    const PBO: f64 = 0.166_666_666_666_666_66;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
    }

    /// design/methods/vectors.json, `dsr_paper_example`: the paper prints .1132 and .9004.
    #[test]
    fn the_papers_example_comes_out() {
        let best = expected_best_sharpe(0.5 / 250.0, 100.0);
        close(best, 0.113_172_001_865_132_14, 1e-12);
        let sharpe = 2.5 / 250_f64.sqrt();
        let deflated = deflated_sharpe_of(sharpe, 1250.0, -3.0, 10.0, best).unwrap();
        close(deflated, 0.900_396_834_449_390_3, 1e-12);
        for (trials, z) in [
            (10.0, 1.574_598_301_345_75),
            (45.0, 2.235_640_177_766_405_2),
            (100.0, 2.530_602_893_201_684_6),
            (1000.0, 3.255_121_513_652_723),
        ] {
            close(expected_best_sharpe(1.0, trials), z, 1e-11);
        }
        assert_eq!(expected_best_sharpe(1.0, 1.0), 0.0);
    }

    /// design/methods/vectors.json, `psr` and `returns`.
    #[test]
    fn one_trial_is_deflated_by_nothing() {
        let returns = [
            0.01, -0.005, 0.003, 0.0, -0.012, 0.008, 0.004, -0.002, 0.006, -0.015, 0.011, 0.002,
            -0.004, 0.007, -0.001, 0.005, -0.006, 0.009, -0.003, 0.001,
        ];
        let returns = Returns::new(returns.to_vec()).unwrap();
        close(deflated_sharpe(&returns, 0.0, 1.0).unwrap(), 0.703_279_764_946_355_5, 1e-12);
    }

    /// design/methods/vectors.json, `pbo`: M[t][j] = sin(1.7 t + 0.9 j) + 0.05 j, 4 blocks.
    #[test]
    fn overfitting_agrees_with_the_vector() {
        let value = |t: usize, j: usize| (1.7 * t as f64 + 0.9 * j as f64).sin() + 0.05 * j as f64;
        let trials: Vec<Vec<f64>> =
            (0..5).map(|j| (0..32).map(|t| value(t, j)).collect()).collect();
        let mut logits = overfitting_logits(&trials, 4).unwrap();
        logits.sort_by(f64::total_cmp);
        let mut expected = PBO_LOGITS;
        expected.sort_by(f64::total_cmp);
        for (found, expected) in logits.iter().zip(expected) {
            close(*found, expected, 1e-12);
        }
        assert_eq!(overfitting_probability(&trials, 4), Some(PBO));
        assert_eq!(overfitting_probability(&trials[..1], 4), None);
        assert_eq!(overfitting_probability(&trials, 32), None);
    }

    #[test]
    fn a_trial_that_is_always_best_is_not_overfitted() {
        let trials: Vec<Vec<f64>> = (0..4)
            .map(|j| (0..64).map(|t| f64::from(j) + (f64::from(t) * 0.7).sin()).collect())
            .collect();
        assert_eq!(overfitting_probability(&trials, PBO_BLOCKS), Some(0.0));
    }

    #[test]
    fn trials_that_go_together_count_less() {
        close(effective_trials(10.0, 0.0), 10.0, 1e-15);
        close(effective_trials(10.0, 1.0), 1.0, 1e-15);
        let a = vec![1.0, 2.0, 4.0, 3.0];
        close(mean_correlation(&[a.clone(), a.clone()]), 1.0, 1e-12);
        assert_eq!(mean_correlation(&[a]), 0.0);
    }
}
