/// Paid on top of the half-spread in the opening auction, basis points.
const AUCTION_BP: f64 = 1.0;
/// Prefactor of the square-root law, to be calibrated on own fills.
const IMPACT: f64 = 0.8;
/// Half a tick in dollars: no half-spread is smaller.
const HALF_TICK: f64 = 0.005;

/// Predicted cost of trading `traded` dollars, in basis points of them (METHODS.md §5): half-spread, auction
/// and square-root impact; regulatory fees are the venue's to charge.
///
/// `adv` in dollars, `price` in dollars, `sigma_daily` as a fraction. Where sigma is unknown the impact term
/// is left out, which is why nothing is *opened* in such a name.
pub fn cost_bp(traded: f64, price: f64, adv: f64, sigma_daily: Option<f64>) -> f64 {
    if traded <= 0.0 {
        return 0.0;
    }
    let half_spread = half_spread_bp(adv).max(HALF_TICK / price * 1e4);
    let impact = sigma_daily.map_or(0.0, |sigma| IMPACT * sigma * (traded / adv).sqrt() * 1e4);
    half_spread + AUCTION_BP + impact
}

/// Below $5m METHODS.md is silent; the doubling from bucket to bucket goes on.
fn half_spread_bp(adv: f64) -> f64 {
    match adv {
        adv if adv > 500e6 => 1.0,
        adv if adv > 100e6 => 2.0,
        adv if adv > 20e6 => 4.0,
        adv if adv > 5e6 => 8.0,
        _ => 16.0,
    }
}

#[cfg(test)]
mod tests {
    use super::cost_bp;

    /// The vectors of METHODS.md §5 (half-spread 2 bp, sigma 1.6 %), plus the auction's basis point.
    #[test]
    fn agrees_with_the_published_vectors() {
        for (share, expected) in [(0.001, 6.05), (0.01, 14.8), (0.05, 30.6)] {
            let adv = 200e6;
            let cost = cost_bp(share * adv, 100.0, adv, Some(0.016));
            assert!((cost - 1.0 - expected).abs() < 0.05, "{share}: {cost}");
        }
    }

    #[test]
    fn a_cheap_share_pays_at_least_half_a_tick() {
        assert_eq!(cost_bp(1.0, 1.0, 1e9, None), 51.0);
    }

    #[test]
    fn nothing_traded_costs_nothing() {
        assert_eq!(cost_bp(0.0, 100.0, f64::NAN, None), 0.0);
    }
}
