use crate::series::Series;
use crate::window::{correlation, count_and_mean, is_enough, positive, sums, sums_of_pairs};

/// Oscillators and trend, all over finite windows with simple means: a recursive (Wilder or
/// exponential) mean would depend on where history starts.
pub(crate) fn oscillators(s: &Series) -> [f64; 7] {
    let close = s.close.today();
    let (high_14, low_14) = (s.high.max(14), s.low.min(14));
    let rsi_14 = 100.0 * s.close.last(15).map_or(f64::NAN, gain_share);
    let ppo_hist = s.ppo.today() - s.ppo.mean(9);
    let bb_z_20 = s.close.last(20).map_or(f64::NAN, bollinger_z);
    let stoch_14 = (close - low_14) / positive(high_14 - low_14);
    let sma_dist_50 = (close / s.close.mean(50)).ln();
    let sma_dist_200 = (close / s.close.mean(200)).ln();
    let trend_r_63 = s.log_close.last(63).map_or(f64::NAN, |window| correlation(window, &CLOCK));
    [rsi_14, ppo_hist, bb_z_20, stoch_14, sma_dist_50, sma_dist_200, trend_r_63]
}

/// 0, 1, … 62.
const CLOCK: [f64; 63] = {
    let mut clock = [0.0; 63];
    let mut t = 0;
    while t < 63 {
        clock[t] = t as f64;
        t += 1;
    }
    clock
};

/// Cutler's RSI: gains over gains and losses, from session to session. `closes`: one more than changes.
fn gain_share(closes: &[f64]) -> f64 {
    let changes = closes.len() - 1;
    let [count, gains, moves] = sums_of_pairs(&closes[1..], &closes[..changes], |now, before| {
        [1.0, (now - before).max(0.0), (now - before).abs()]
    });
    if is_enough(count, changes) { gains / positive(moves) } else { f64::NAN }
}

/// Distance of the last close from the mean, in standard deviations (ddof 0).
fn bollinger_z(closes: &[f64]) -> f64 {
    let Some((count, mean)) = count_and_mean(closes) else { return f64::NAN };
    let [squares] = sums(closes, |close| [(close - mean) * (close - mean)]);
    (closes[closes.len() - 1] - mean) / positive((squares / count).sqrt())
}
