//! What trading costs: half the spread, and an impact that grows with the square root of the share
//! of the day's volume (METHODS.md §5; Tóth et al. 2011, BARRA 1997). All costs are inside the fill
//! price; fees are not (they are booked apart, by date).

use messages::{Price, Side};

/// The parameters of the model.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct CostModel {
    /// Y: impact in daily standard deviations of an order as large as the average day's volume.
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
    /// Basis points for `dollars` more, after `before` dollars went the same way in the same session.
    ///
    /// The impact of all that went is spread as if it had been one order, so that cutting an order in
    /// pieces neither saves nor costs anything.
    pub(super) fn bp(&self, market: &Fillable, before: f64, dollars: f64) -> f64 {
        let Liquidity { adv, sigma_daily } = market.liquidity;
        let impact_of = |total: f64| total * cost_bp(0.0, self.impact, sigma_daily, total / adv);
        let impact = (impact_of(before + dollars) - impact_of(before)) / dollars;
        let spread = half_spread_bp(adv, market.price.to_f64());
        spread + impact + if market.auction { self.auction_bp } else { 0.0 }
    }
}

/// What an order meets at the open.
#[derive(Copy, Clone, Debug)]
pub(super) struct Fillable {
    pub(super) price: Price,
    pub(super) liquidity: Liquidity,
    pub(super) auction: bool,
}

/// `price` made worse by `bp` basis points, rounded to $0.0001 against the trader.
pub fn against(side: Side, price: Price, bp: f64) -> Price {
    const STEP: f64 = 100.0;
    /// What a product of floats may be off by without a step being charged for it.
    const SLACK: f64 = 1e-6;
    let steps = price.0 as f64 * (1.0 + side.sign() as f64 * bp / 1e4) / STEP;
    let rounded = match side {
        Side::Buy => (steps - SLACK).ceil(),
        Side::Sell => (steps + SLACK).floor().max(1.0),
    };
    Price((rounded * STEP) as i64)
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
    fn rounding_is_against_the_trader() {
        let price = Price(100_000_000);
        assert_eq!(against(Side::Buy, price, 1.0), Price(100_010_000));
        assert_eq!(against(Side::Sell, price, 1.0), Price(99_990_000));
        assert_eq!(against(Side::Buy, price, 1.003), Price(100_010_100));
        assert_eq!(against(Side::Sell, price, 1.003), Price(99_989_900));
        assert_eq!(against(Side::Sell, price, 2e4), Price(100));
    }

    #[test]
    fn pieces_cost_what_the_whole_costs() {
        let liquidity = Liquidity { adv: 1e8, sigma_daily: 0.02 };
        let market = Fillable { price: Price(50_000_000), liquidity, auction: false };
        let model = CostModel::default();
        let whole = model.bp(&market, 0.0, 3e6) * 3e6;
        let pieces = model.bp(&market, 0.0, 1e6) * 1e6 + model.bp(&market, 1e6, 2e6) * 2e6;
        assert!((whole - pieces).abs() < 1e-6 * whole, "{whole} {pieces}");
    }
}
