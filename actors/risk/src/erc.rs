//! Weights of which each bears the same part of the risk (Maillard, Roncalli, Teïletche 2010), by cyclic coordinate
//! descent (Griveau-Billion, Richard, Roncalli 2013). For comparison: a book without any view, and no target of ours.

/// Changes of a weight, relative, below which it has settled.
const SETTLED: f64 = 1e-14;
const ROUNDS_MAX: u32 = 10_000;

/// Long weights that sum to 1 and contribute equally to the variance under `covariance`, `n × n` row by row.
///
/// `None`: not square, a variance that is not positive, or nothing settles (no covariance is such).
pub fn equal_risk_contribution(covariance: &[f64]) -> Option<Vec<f64>> {
    let n = covariance.len().isqrt();
    let variance = |i: usize| covariance[i * n + i];
    if n == 0 || n * n != covariance.len() || !(0..n).all(|i| variance(i) > 0.0) {
        return None;
    }
    // The minimum of half the variance less the mean of the logarithms: there all weights times their marginal
    // variance are 1/n. Each coordinate's own minimum is the root of a quadratic.
    let mut x: Vec<f64> = (0..n).map(|i| 1.0 / variance(i).sqrt()).collect();
    for _ in 0..ROUNDS_MAX {
        let mut moved = 0.0_f64;
        for i in 0..n {
            let row = &covariance[i * n..(i + 1) * n];
            let others: f64 = row.iter().zip(&x).map(|(c, x)| c * x).sum::<f64>() - row[i] * x[i];
            let root = (others * others + 4.0 * row[i] / n as f64).sqrt();
            // Without cancellation, whatever the sign of the others.
            let best = if others > 0.0 {
                2.0 / (n as f64 * (others + root))
            } else {
                (root - others) / (2.0 * row[i])
            };
            moved = moved.max((best / x[i] - 1.0).abs());
            x[i] = best;
        }
        if !moved.is_finite() {
            return None;
        }
        if moved < SETTLED {
            let total: f64 = x.iter().sum();
            return Some(x.into_iter().map(|x| x / total).collect());
        }
    }
    None
}

/// Each weight's part of the variance; they sum to 1.
pub fn risk_contributions(weights: &[f64], covariance: &[f64]) -> Vec<f64> {
    let n = weights.len();
    let marginal = |i: usize| -> f64 {
        covariance[i * n..(i + 1) * n].iter().zip(weights).map(|(c, w)| c * w).sum()
    };
    let parts: Vec<f64> = weights.iter().enumerate().map(|(i, w)| w * marginal(i)).collect();
    let total: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: &[f64], expected: &[f64], off: f64) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < off;
        assert!(got.iter().zip(expected).all(near), "{got:?} is not {expected:?}");
    }

    /// `erc_minvar` in methods/vectors.json.
    #[test]
    fn the_vectors_hold() {
        let covariance = [0.04, 0.006, 0.002, 0.006, 0.0225, 0.003, 0.002, 0.003, 0.01];
        let weights = equal_risk_contribution(&covariance).unwrap();
        close(
            &weights,
            &[0.234_114_154_743_357_9, 0.297_657_535_769_926_26, 0.468_228_309_486_715_8],
            1e-12,
        );
        close(&risk_contributions(&weights, &covariance), &[1.0 / 3.0; 3], 1e-12);
    }

    #[test]
    fn what_is_no_covariance_has_no_weights() {
        for covariance in [&[][..], &[1.0, 0.0], &[1.0, 0.0, 0.0, 0.0], &[1.0, 0.0, 0.0, f64::NAN]]
        {
            assert_eq!(equal_risk_contribution(covariance), None, "{covariance:?}");
        }
    }

    proptest! {
        /// Whatever moves together, and however (loadings of both signs): long, whole, and equal in risk.
        #[test]
        fn everybody_bears_the_same(
            names in prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64, 0.05..1.0_f64), 1..12)
        ) {
            let n = names.len();
            let mut covariance = vec![0.0; n * n];
            for (i, a) in names.iter().enumerate() {
                for (j, b) in names.iter().enumerate() {
                    covariance[i * n + j] = a.0 * b.0 + a.1 * b.1 + if i == j { a.2 } else { 0.0 };
                }
            }
            let weights = equal_risk_contribution(&covariance).unwrap();
            prop_assert!(weights.iter().all(|weight| *weight > 0.0));
            prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for part in risk_contributions(&weights, &covariance) {
                prop_assert!((part - 1.0 / n as f64).abs() < 1e-9, "{part}");
            }
        }
    }
}
