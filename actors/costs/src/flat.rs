//! Costs as most backtesters take them: the same basis points of every trade, whatever its size.

use messages::{Price, Shares, Side, Usd};

/// Basis points of the price (slippage, inside the fill) and of the traded value (commission, beside it).
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct FlatCosts {
    pub commission_bp: f64,
    pub slippage_bp: f64,
}

/// What a trade comes to: `price` to the nearest micro-dollar, `rounding` what its value has beyond price times
/// quantity, so that the value itself is exact to the micro-dollar.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Dealt {
    pub price: Price,
    pub rounding: Usd,
}

impl FlatCosts {
    /// `quantity` shares (positive) at `price × (1 ± slippage)`, which is rounded to no tick. `None` where that is no
    /// price, or the value exceeds what money can be.
    pub fn deal(&self, side: Side, quantity: Shares, price: f64) -> Option<Dealt> {
        let dealt = price * (1.0 + side.sign() as f64 * (self.slippage_bp / 1e4));
        let shown = Price::from_f64(dealt)?;
        let value = Usd::from_f64(quantity.0 as f64 * dealt)?;
        Some(Dealt { price: shown, rounding: rounding(value, shown, quantity)? })
    }

    /// Of a day's traded value, to the nearest micro-dollar.
    pub fn commission(&self, traded: Usd) -> Usd {
        Usd((traded.0 as f64 * (self.commission_bp / 1e4)).round() as i64)
    }
}

/// A mark for `quantity` shares (signed) at `price`, as [`Dealt`] is for a trade.
pub fn mark(quantity: Shares, price: f64) -> Option<Dealt> {
    let shown = Price::from_f64(price)?;
    let value = Usd::from_f64(quantity.0 as f64 * price)?;
    Some(Dealt { price: shown, rounding: rounding(value, shown, quantity)? })
}

fn rounding(value: Usd, price: Price, quantity: Shares) -> Option<Usd> {
    Some(value - Usd(price.0.checked_mul(quantity.0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: FlatCosts = FlatCosts { commission_bp: 5.0, slippage_bp: 5.0 };

    /// By hand: 3 × 43.81 × 1.0005 = 131.495715, a third of it 43.831905; 43.8100014 × 0.9995 = 43.7880963993.
    #[test]
    fn values_are_exact_where_prices_are_not() {
        let deal = |side, quantity, price| COSTS.deal(side, Shares(quantity), price).unwrap();
        assert_eq!(deal(Side::Buy, 3, 43.81), Dealt { price: Price(43_831_905), rounding: Usd(0) });
        let fine = deal(Side::Sell, 1_000_000, 43.810_001_4);
        assert_eq!(fine, Dealt { price: Price(43_788_096), rounding: Usd(399_300) });
        let short = Dealt { price: Price(333_333), rounding: Usd(-1) };
        assert_eq!(mark(Shares(-3), 0.333_333_4), Some(short), "-1.0000002 to the micro-dollar");
        assert_eq!(COSTS.commission(Usd(131_495_715)), Usd(65_748));
    }

    #[test]
    fn what_is_no_price_deals_nothing() {
        for price in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10] {
            assert_eq!(COSTS.deal(Side::Buy, Shares(1), price), None, "{price}");
        }
        let all = FlatCosts { slippage_bp: 1e4, ..COSTS };
        assert_eq!(all.deal(Side::Sell, Shares(1), 5.0), None, "nothing is left");
        assert_eq!(COSTS.deal(Side::Buy, Shares(i64::MAX), 5.0), None);
    }
}
