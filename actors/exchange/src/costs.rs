//! How costs get into a fill's price.

use costs::{CostModel, Liquidity};
use messages::Side;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// What an order meets.
#[derive(Copy, Clone, Debug)]
pub(super) struct Fillable {
    pub(super) price: Decimal,
    pub(super) liquidity: Liquidity,
    pub(super) auction: bool,
    pub(super) coins: bool,
}

impl Fillable {
    /// Basis points for `dollars` more, after `before` dollars went the same way in the same session.
    pub(super) fn bp(&self, model: &CostModel, before: f64, dollars: f64) -> f64 {
        // Half a cent of spread is for shares; at this price it is nothing.
        let price =
            if self.coins { f64::INFINITY } else { self.price.to_f64().unwrap_or(f64::NAN) };
        model.bp(self.liquidity, price, self.auction, before, dollars)
    }

    /// That a price is rounded to.
    pub(super) fn decimals(&self) -> u32 {
        if self.coins && self.price < Decimal::ONE { 9 } else { 4 }
    }
}

/// `price` made worse by `bp` basis points, rounded against the trader.
pub(super) fn against(side: Side, price: Decimal, bp: f64, decimals: u32) -> Decimal {
    /// What a product of floats may be off by without a step being charged for it.
    const SLACK: f64 = 1e-6;
    /// Two decimals more than are kept.
    const FINER: f64 = 100.0;
    let scale = Decimal::from(10_i64.pow(decimals + 2));
    let fine = (price * scale).trunc().to_f64().unwrap_or(f64::NAN);
    let steps = fine * (1.0 + side.sign() as f64 * bp / 1e4) / FINER;
    let rounded = match side {
        Side::Buy => (steps - SLACK).ceil(),
        Side::Sell => (steps + SLACK).floor().max(1.0),
    };
    Decimal::new(rounded as i64, decimals).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_against_the_trader() {
        let price = Decimal::from(100);
        let cents = |hundredths: i64| Decimal::new(hundredths, 4).normalize();
        assert_eq!(against(Side::Buy, price, 1.0, 4), cents(1_000_100));
        assert_eq!(against(Side::Sell, price, 1.0, 4), cents(999_900));
        assert_eq!(against(Side::Buy, price, 1.003, 4), cents(1_000_101));
        assert_eq!(against(Side::Sell, price, 1.003, 4), cents(999_899));
        assert_eq!(against(Side::Sell, price, 2e4, 4), cents(1));
        let coin = Decimal::new(12_345, 9);
        assert_eq!(against(Side::Buy, coin, 1.0, 9), Decimal::new(12_347, 9));
    }
}
