use super::YEAR;
use crate::series::Series;
use crate::window::{is_enough, moments, positive, sums};
use std::f64::consts::LN_2;

/// Volatility and the shape of the return distribution.
pub(crate) fn volatility(s: &Series) -> [f64; 9] {
    let r = &s.log_return;
    let sd_21 = r.sd(21);
    let parkinson = (s.range_squared.mean(21) / (4.0 * LN_2)).sqrt();
    let [_, m2, m3, m4] = r.last(63).map_or([f64::NAN; 4], moments);
    let m2 = positive(m2);

    let vol_21 = sd_21 * YEAR.sqrt();
    let vol_ratio = (positive(sd_21) / positive(r.sd(126))).ln();
    let range_ratio_21 = (positive(parkinson) / positive(sd_21)).ln();
    let semivol_63 = r.last(63).map_or(f64::NAN, downside_share).sqrt();
    let skew_63 = m3 / m2.powf(1.5);
    let kurt_63 = m4 / (m2 * m2) - 3.0;
    let max5_21 = r.last(21).map_or(f64::NAN, mean_of_five_largest);
    let min_21 = r.min(21);
    let atr_14 = s.true_range.mean(14) / s.close.today();
    [vol_21, vol_ratio, range_ratio_21, semivol_63, skew_63, kurt_63, max5_21, min_21, atr_14]
}

/// Σ min(r,0)²/Σ r².
fn downside_share(window: &[f64]) -> f64 {
    let [count, down, all] = sums(window, |r| [1.0, r.min(0.0) * r.min(0.0), r * r]);
    if is_enough(count, window.len()) { down / positive(all) } else { f64::NAN }
}

fn mean_of_five_largest(window: &[f64]) -> f64 {
    let [count] = sums(window, |_| [1.0]);
    if !is_enough(count, window.len()) {
        return f64::NAN;
    }
    let mut largest = [f64::NEG_INFINITY; 5];
    for &r in window {
        let mut rest = r; // NaN is larger than nothing
        for place in &mut largest {
            if rest > *place {
                std::mem::swap(place, &mut rest);
            }
        }
    }
    largest.iter().sum::<f64>() / 5.0
}
