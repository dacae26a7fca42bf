use crate::exact::Stretch;
use crate::lanes::Lanes;
use crate::series::Series;
use crate::window::{max, min, squares_about};

/// Oscillators and trend, all over finite windows with simple means: a recursive (Wilder or
/// exponential) mean would depend on where history starts.
#[inline(always)]
pub(crate) fn oscillators(s: &Series, b: usize) -> [Lanes; 7] {
    let close = s.close[b];
    let bars_14 = s.bars.enough(b, 14);
    let high_14 = max(s.high.last(b, 14)).where_known(bars_14);
    let low_14 = min(s.low.last(b, 14)).where_known(bars_14);
    // Cutler's: gains over gains and losses
    let gain_share = s.gain.sum(b, 14) / s.change.sum(b, 14).positive();
    let rsi_14 = gain_share.where_known(s.pairs.enough(b, 14)) * 100.0;
    let ppo_hist = s.ppo.today(b) - s.ppo.sum(b, 9) / 9.0;
    let bb_z_20 = bollinger_z(s, b);
    let stoch_14 = (close - low_14) / (high_14 - low_14).positive();
    let sma_dist_50 = (close / s.mean_close(b, 50)).ln();
    let sma_dist_200 = (close / s.mean_close(b, 200)).ln();
    let trend_r_63 = trend(s, b);
    [rsi_14, ppo_hist, bb_z_20, stoch_14, sma_dist_50, sma_dist_200, trend_r_63]
}

/// Distance of the last close from the mean of 20, in standard deviations (ddof 0). Reckoned from the last
/// close, so that a flat price has no deviation at all instead of rounding noise.
#[inline(always)]
fn bollinger_z(s: &Series, b: usize) -> Lanes {
    let (n, close) = (s.bars.enough(b, 20), s.close[b]);
    let window = s.close_20.last(b, 20);
    let above = window.iter().fold(Lanes::ZERO, |sum, c| sum + (*c - close).or(0.0)) / n;
    let squares = squares_about(window, close + above);
    -above / (squares / n).sqrt().positive()
}

/// Pearson correlation of ln C with time over 63 sessions.
#[inline(always)]
fn trend(s: &Series, b: usize) -> Lanes {
    let window = s.log_close_over_time.window(b, Stretch::last(63));
    let n = s.bars.enough(b, 63);
    let (xx, yy) = (window.scatter_xx(), window.scatter_yy());
    let enough = ((xx / n).map(|xx| if xx > 1e-18 { xx } else { f64::NAN })) * yy * n;
    window.scatter_xy() / enough.sqrt()
}
