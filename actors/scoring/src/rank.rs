//! Correlation of orders.

/// Spearman's rank correlation, ties averaged; `None` if either side is constant or too short.
///
/// # Panics
/// If there are more of one than of the other.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "pairs");
    pearson(&ranks(a), &ranks(b))
}

/// 1-based ranks, ties sharing their mean. Values must be finite.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let ties = order[start..].iter().take_while(|i| values[**i] == value).count();
        let shared = start as f64 + (ties + 1) as f64 / 2.0;
        for i in &order[start..start + ties] {
            ranks[*i] = shared;
        }
        start += ties;
    }
    ranks
}

pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - mean_a) * (y - mean_b);
        aa += (x - mean_a).powi(2);
        bb += (y - mean_b).powi(2);
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    /// design/methods/vectors.json, `spearman_ties`: made with scipy.
    #[test]
    fn spearman_averages_ties_as_scipy_does() {
        let a = [0.1, 0.2, 0.2, 0.4, -0.3, 0.0];
        let b = [0.01, 0.03, -0.02, 0.05, -0.04, 0.03];
        close(spearman(&a, &b).unwrap(), 0.632_352_941_176_470_6);
        close(pearson(&a, &b).unwrap(), 0.719_622_917_128_924_3);
    }

    #[test]
    fn zeros_of_either_sign_tie() {
        assert_eq!(ranks(&[0.0, -0.0, 1.0]), [1.5, 1.5, 3.0]);
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }
}
