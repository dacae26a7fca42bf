//! Covariance from few observations: Ledoit and Wolf (2004), shrunk towards a multiple of the identity.

/// Square, by rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    pub covariance: Vec<f64>,
    /// 0: the sample's; 1: the mean variance on the diagonal and nothing else.
    pub shrinkage: f64,
}

/// Of `n` series with an observation of each per row, population moments (METHODS.md §4); `None` for fewer than two
/// rows or a series that is not finite.
///
/// # Panics
/// If a row is not `n` long.
pub fn ledoit_wolf(rows: &[Vec<f64>], n: usize) -> Option<Shrunk> {
    assert!(rows.iter().all(|row| row.len() == n), "a row is as long as there are series");
    let t = rows.len() as f64;
    if rows.len() < 2 || n == 0 || rows.iter().flatten().any(|x| !x.is_finite()) {
        return None;
    }
    let mean: Vec<f64> = (0..n).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / t).collect();
    let centred: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().zip(&mean).map(|(x, mean)| x - mean).collect()).collect();
    let mut sample = vec![0.0; n * n];
    for row in &centred {
        for (i, a) in row.iter().enumerate() {
            for (j, b) in row.iter().enumerate() {
                sample[i * n + j] += a * b / t;
            }
        }
    }
    let size = n as f64;
    let trace = |at: usize| sample[at * n + at];
    let mu = (0..n).map(trace).sum::<f64>() / size;
    let target = |at: usize| if at / n == at % n { mu } else { 0.0 };
    let squared = |difference: f64| difference * difference;
    let distance =
        sample.iter().enumerate().map(|(at, s)| squared(s - target(at))).sum::<f64>() / size;
    let off = |row: &Vec<f64>| -> f64 {
        let cells = sample.iter().enumerate();
        cells.map(|(at, s)| squared(row[at / n] * row[at % n] - s)).sum()
    };
    let noise = centred.iter().map(off).sum::<f64>() / (size * t * t);
    // Without any distance the sample is the target.
    let shrinkage = if distance > 0.0 { (noise / distance).min(1.0) } else { 1.0 };
    let shrunk = |(at, s): (usize, &f64)| shrinkage * target(at) + (1.0 - shrinkage) * s;
    Some(Shrunk { covariance: sample.iter().enumerate().map(shrunk).collect(), shrinkage })
}

#[cfg(test)]
mod tests {
    use super::ledoit_wolf;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// `ledoit_wolf_identity` in methods/vectors.json.
    #[test]
    fn the_vector_holds() {
        let rows = [
            [0.01, 0.02, -0.01],
            [0.0, -0.01, 0.02],
            [-0.02, 0.01, 0.0],
            [0.03, 0.02, 0.01],
            [-0.01, -0.03, 0.01],
            [0.02, 0.0, -0.02],
        ];
        let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.to_vec()).collect();
        let shrunk = ledoit_wolf(&rows, 3).unwrap();
        assert!((shrunk.shrinkage - 0.981_633_673_979_847_9).abs() < 1e-12);
        let expected = [
            [0.000_262_581_224_474_671_2, 2.601_896_186_188_212_4e-6, -1.071_369_017_842_205_5e-6],
            [2.601_896_186_188_212_4e-6, 0.000_262_989_365_052_896_75, -1.581_544_740_624_207_5e-6],
            [
                -1.071_369_017_842_205_5e-6,
                -1.581_544_740_624_207_5e-6,
                0.000_260_540_521_583_543_14,
            ],
        ];
        for (got, expected) in shrunk.covariance.iter().zip(expected.as_flattened()) {
            assert!((got - expected).abs() < 1e-15, "{got} {expected}");
        }
    }

    #[test]
    fn nothing_comes_of_too_little() {
        assert_eq!(ledoit_wolf(&[], 2), None);
        assert_eq!(ledoit_wolf(&[vec![1.0, 2.0]], 2), None);
        assert_eq!(ledoit_wolf(&[vec![1.0, 2.0], vec![f64::NAN, 1.0]], 2), None);
        let constant = ledoit_wolf(&[vec![1.0], vec![1.0]], 1).unwrap();
        assert_eq!(constant.covariance, [0.0]);
    }

    proptest! {
        /// Symmetric, and no book has a negative variance.
        #[test]
        fn positive_semidefinite(
            rows in vec(vec(-0.1..0.1_f64, 5), 2..40),
            book in vec(-1.0..1.0_f64, 5),
        ) {
            let c = ledoit_wolf(&rows, 5).unwrap().covariance;
            let variance: f64 = (0..25).map(|at| book[at / 5] * c[at] * book[at % 5]).sum();
            prop_assert!(variance >= -1e-15, "{variance}");
            prop_assert!((0..25).all(|at| c[at].to_bits() == c[at % 5 * 5 + at / 5].to_bits()));
        }
    }
}
