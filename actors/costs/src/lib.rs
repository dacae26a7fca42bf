//! What trading costs: half the spread, and an impact that grows with the square root of the share of
//! the day's volume (METHODS.md §5; Tóth et al. 2011, BARRA 1997).
//!
//! One model: risk predicts with it what a target will cost, the simulated exchange charges by it.
//! Fees are not in it; they are booked apart, by date: see [`DayFees`] and [`borrow`]. A user who brings weights of
//! his own may be charged flat basis points instead: [`FlatCosts`].

mod fees;
mod flat;

pub use fees::{BORROW_LOT, DayFees, EASY_TO_BORROW, Fee, UnknownRate, borrow};
pub use flat::{Dealt, FlatCosts, mark};

/// The parameters of the model.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct CostModel {
    /// Y: impact in daily standard deviations of an order as large as the average day's volume; to be
    /// calibrated on own fills.
    pub impact: f64,
    /// Basis points on top for a fill in the opening auction.
    pub auction_bp: f64,
}

impl Default for CostModel {
    fn default() -> Self {
        Self { impact: 0.8, auction_bp: 1.0 }
    }
}

/// What the sessions before say about a symbol.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Liquidity {
    /// Mean dollar volume.
    pub adv: f64,
    /// Standard deviation of daily log returns.
    pub sigma_daily: f64,
}

/// Basis points that an order of `adv_share` times the average daily dollar volume costs against the
/// price it meets.
pub fn cost_bp(half_spread_bp: f64, impact: f64, sigma_daily: f64, adv_share: f64) -> f64 {
    half_spread_bp + impact * sigma_daily * adv_share.sqrt() * 1e4
}

/// Permanent impact and cost of an order in basis points by Almgren and others (2005), for comparison with ours:
/// `volume_share` of the day's volume, traded over `days`; `turnover_days` is shares outstanding over daily volume.
pub fn almgren_bp(
    sigma_daily: f64,
    volume_share: f64,
    turnover_days: f64,
    days: f64,
) -> (f64, f64) {
    const GAMMA: f64 = 0.314;
    const ETA: f64 = 0.142;
    let permanent = GAMMA * sigma_daily * volume_share * turnover_days.powf(0.25);
    let temporary = ETA * sigma_daily * (volume_share / days).powf(0.6);
    (permanent * 1e4, (permanent / 2.0 + temporary) * 1e4)
}

/// Half of the quoted spread in basis points, by average dollar volume; half a tick ($0.005) at least.
///
/// METHODS.md ends at $5m a day; below that we go on doubling (16 bp).
pub fn half_spread_bp(adv: f64, price: f64) -> f64 {
    let by_volume = match adv {
        adv if adv > 500e6 => 1.0,
        adv if adv > 100e6 => 2.0,
        adv if adv > 20e6 => 4.0,
        adv if adv > 5e6 => 8.0,
        _ => 16.0,
    };
    f64::max(by_volume, 0.005 / price * 1e4)
}

impl CostModel {
    /// Basis points for trading `dollars` at `price`, after `before` dollars went the same way in the
    /// same session; zero for nothing.
    ///
    /// The impact of all that went is spread as if it had been one order, so that cutting an order in
    /// pieces neither saves nor costs anything.
    pub fn bp(
        &self,
        liquidity: Liquidity,
        price: f64,
        auction: bool,
        before: f64,
        dollars: f64,
    ) -> f64 {
        if dollars <= 0.0 {
            return 0.0;
        }
        let Liquidity { adv, sigma_daily } = liquidity;
        let impact_of = |total: f64| total * cost_bp(0.0, self.impact, sigma_daily, total / adv);
        let impact = (impact_of(before + dollars) - impact_of(before)) / dollars;
        half_spread_bp(adv, price) + impact + if auction { self.auction_bp } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of METHODS.md §5: half-spread 2 bp, sigma 1.6 %, Y 0.8.
    #[test]
    fn a_tenth_a_whole_and_five_percent_of_volume() {
        for (share, bp) in [(0.001, 6.05), (0.01, 14.8), (0.05, 30.6)] {
            let got = cost_bp(2.0, 0.8, 0.016, share);
            assert!((got - bp).abs() < 0.05, "{share}: {got}");
            let liquidity = Liquidity { adv: 200e6, sigma_daily: 0.016 };
            let order = CostModel::default().bp(liquidity, 100.0, true, 0.0, share * 200e6);
            assert!((order - 1.0 - bp).abs() < 0.05, "{share}: {order}");
        }
    }

    /// `almgren_2005` in methods/vectors.json, and the table of the paper.
    #[test]
    fn almgrens_table() {
        for (days, cost) in [
            (0.1, 32.223_850_955_926_26),
            (0.2, 24.638_405_637_311_713),
            (0.5, 18.417_863_137_872_62),
        ] {
            let (permanent, got) = almgren_bp(0.0157, 0.1, 1_728.0 / 6.561, days);
            assert!((permanent - 19.859_701_911_852_525).abs() < 1e-9, "{permanent}");
            assert!((got - cost).abs() < 1e-9, "{days}: {got}");
        }
    }

    #[test]
    fn spreads_widen_as_volume_falls_and_never_below_half_a_tick() {
        let got: Vec<f64> =
            [6e8, 2e8, 5e7, 1e7, 1e6].iter().map(|adv| half_spread_bp(*adv, 100.0)).collect();
        assert_eq!(got, [1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(half_spread_bp(6e8, 10.0), 5.0);
    }

    #[test]
    fn nothing_traded_costs_nothing() {
        let unknown = Liquidity { adv: f64::NAN, sigma_daily: f64::NAN };
        assert_eq!(CostModel::default().bp(unknown, 100.0, true, 0.0, 0.0), 0.0);
    }

    #[test]
    fn pieces_cost_what_the_whole_costs() {
        let liquidity = Liquidity { adv: 1e8, sigma_daily: 0.02 };
        let cost = |before: f64, dollars: f64| {
            CostModel::default().bp(liquidity, 50.0, false, before, dollars) * dollars
        };
        let (whole, pieces) = (cost(0.0, 3e6), cost(0.0, 1e6) + cost(1e6, 2e6));
        assert!((whole - pieces).abs() < 1e-6 * whole, "{whole} {pieces}");
    }
}
