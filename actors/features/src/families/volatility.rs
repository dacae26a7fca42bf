use super::YEAR;
use crate::exact::Stretch;
use crate::lanes::Lanes;
use crate::series::Series;
use crate::window::min;
use std::f64::consts::LN_2;

/// Volatility and the shape of the return distribution.
#[inline(always)]
pub(crate) fn volatility(s: &Series, b: usize) -> [Lanes; 9] {
    let (bars_21, pairs_21) = (s.bars.enough(b, 21), s.pairs.enough(b, 21));
    let month = s.log_return.last(b, 21);
    let sd_21 = s.sd(b, 21);
    let parkinson = (s.range_squared.sum(b, 21) / bars_21 / (4.0 * LN_2)).sqrt();
    let (skew_63, kurt_63) = shape(s, b);

    let vol_21 = sd_21 * YEAR.sqrt();
    let vol_ratio = (sd_21.positive() / s.sd(b, 126).positive()).ln();
    let range_ratio_21 = (parkinson.positive() / sd_21.positive()).ln();
    let semivol_63 = downside_share(s, b).sqrt();
    let max5_21 = mean_of_five_largest(month).where_known(pairs_21);
    let min_21 = min(month).where_known(pairs_21);
    let atr_14 = s.true_range.sum(b, 14) / s.pairs.enough(b, 14) / s.close[b];
    [vol_21, vol_ratio, range_ratio_21, semivol_63, skew_63, kurt_63, max5_21, min_21, atr_14]
}

/// Σ min(r,0)²/Σ r² over 63 sessions.
#[inline(always)]
fn downside_share(s: &Series, b: usize) -> Lanes {
    let squares = s.returns_and_volume.window(b, Stretch::last(63)).squares_x();
    (s.downside.sum(b, 63) / squares.positive()).where_known(s.pairs.enough(b, 63))
}

/// Skewness and excess kurtosis (population) of 63 returns, from their sums of powers.
#[inline(always)]
fn shape(s: &Series, b: usize) -> (Lanes, Lanes) {
    let n = s.pairs.enough(b, 63);
    let window = s.returns_and_volume.window(b, Stretch::last(63));
    let mean = window.x() / n;
    let m2 = (window.scatter_xx() / n.squared()).positive();
    let (second, third) = (window.squares_x() / n, s.cubes.sum(b, 63) / n);
    let fourth = s.fourth_powers.sum(b, 63) / n;
    let m3 = third - mean * second * 3.0 + mean * mean * mean * 2.0;
    let m4 =
        fourth - mean * third * 4.0 + mean * mean * second * 6.0 - (mean * mean).squared() * 3.0;
    (m3 / (m2 * m2.sqrt()), m4 / m2.squared() - Lanes::all(3.0))
}

#[inline(always)]
fn mean_of_five_largest(window: &[Lanes]) -> Lanes {
    let mut largest = [Lanes::all(f64::NEG_INFINITY); 5];
    for &r in window {
        let mut rest = r.or(f64::NEG_INFINITY);
        for place in &mut largest {
            (*place, rest) = (place.max(rest), rest.min(*place));
        }
    }
    largest.into_iter().fold(Lanes::ZERO, |sum, r| sum + r) / 5.0
}
