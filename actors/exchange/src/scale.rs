//! Prices and sizes as whole numbers, so that sums are exact.

use super::asset::AssetClass;
use rust_decimal::Decimal;

impl AssetClass {
    /// Prices of the class count `10^-scale` dollars. Alpaca quotes shares to six decimals at most, coins
    /// to nine.
    pub(super) fn price_scale(self) -> u32 {
        match self {
            Self::UsEquity => 6,
            Self::Crypto => 9,
        }
    }

    /// The nearest there is; `None` if it is not finite, not positive or too large.
    pub(super) fn price_units(self, dollars: f64) -> Option<i64> {
        let units = (dollars * 10_f64.powi(self.price_scale() as i32)).round();
        (units > 0.0 && units < 9e15).then_some(units as i64)
    }

    /// A session's volume and its scale; `None` if it rounds to nothing. Shares are whole, unless there
    /// are fewer than a bar has prices; coins have as many decimals, up to nine, as 64 bits leave room for.
    pub(super) fn volume_units(self, volume: f64) -> Option<(i64, u32)> {
        let whole = volume.round();
        let scale = match self {
            Self::UsEquity if whole >= 4.0 => 0,
            Self::UsEquity => 4,
            Self::Crypto => (0..=9).rev().find(|scale| volume * 10_f64.powi(*scale) < 1e15)?,
        };
        let volume = if self == Self::UsEquity { whole } else { volume };
        let units = (volume * 10_f64.powi(scale)).round();
        // A path has four trades at least, each with something in it.
        (units >= 4.0).then_some((units as i64, scale as u32))
    }
}

/// `units * 10^-scale`, without trailing zeros.
pub(super) fn decimal(units: i64, scale: u32) -> Decimal {
    // Most are whole shares or cents, for which there is no need to normalise.
    if scale == 0 {
        return Decimal::from(units);
    }
    if scale == 6 && units % 10_000 == 0 && units % 100_000 != 0 {
        return Decimal::new(units / 10_000, 2);
    }
    Decimal::new(units, scale).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_whole_shares_and_exact_coins() {
        let shares = |volume| AssetClass::UsEquity.volume_units(volume);
        assert_eq!(shares(1_234.4), Some((1_234, 0)));
        assert_eq!(shares(4.0), Some((4, 0)));
        assert_eq!(shares(3.0), Some((30_000, 4)));
        assert_eq!(shares(0.4), None);
        let coins = |volume| AssetClass::Crypto.volume_units(volume);
        assert_eq!(coins(0.039_443_456), Some((39_443_456, 9)));
        assert_eq!(coins(1e12), Some((100_000_000_000_000, 2)));
        assert_eq!(coins(0.0), None);
        assert_eq!(coins(f64::NAN), None);
    }

    #[test]
    fn decimals_have_no_trailing_zeros() {
        for (units, scale, text) in [
            (123_450_000, 6, "123.45"),
            (123_400_000, 6, "123.4"),
            (7, 6, "0.000007"),
            (30, 0, "30"),
        ] {
            assert_eq!(decimal(units, scale).to_string(), text);
        }
        assert_eq!(AssetClass::UsEquity.price_units(f64::NAN), None);
        assert_eq!(AssetClass::Crypto.price_units(1.23e-5), Some(12_300));
    }
}
