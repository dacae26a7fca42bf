//! How costs get into a fill's price.

use costs::{CostModel, Liquidity};
use messages::{Price, Side};

/// What an order meets at the open.
#[derive(Copy, Clone, Debug)]
pub(super) struct Fillable {
    pub(super) price: Price,
    pub(super) liquidity: Liquidity,
    pub(super) auction: bool,
}

impl Fillable {
    /// Basis points for `dollars` more, after `before` dollars went the same way in the same session.
    pub(super) fn bp(&self, model: &CostModel, before: f64, dollars: f64) -> f64 {
        model.bp(self.liquidity, self.price.to_f64(), self.auction, before, dollars)
    }
}

/// `price` made worse by `bp` basis points, rounded to $0.0001 against the trader.
pub(super) fn against(side: Side, price: Price, bp: f64) -> Price {
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

    #[test]
    fn rounding_is_against_the_trader() {
        let price = Price(100_000_000);
        assert_eq!(against(Side::Buy, price, 1.0), Price(100_010_000));
        assert_eq!(against(Side::Sell, price, 1.0), Price(99_990_000));
        assert_eq!(against(Side::Buy, price, 1.003), Price(100_010_100));
        assert_eq!(against(Side::Sell, price, 1.003), Price(99_989_900));
        assert_eq!(against(Side::Sell, price, 2e4), Price(100));
    }
}
