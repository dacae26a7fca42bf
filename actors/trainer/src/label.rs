//! What the model learns to rank by: y = ln(O[t+1+h] / O[t+1]), clipped, ranked and made neutral to
//! beta and sectors with the exposures of day t (METHODS.md §3).

use features::transform::{self, Neutral, Norm};
use messages::{Bars, Features, Symbol};

/// Log return from the open of `entry` to the open of `exit` per symbol, NaN where either has no
/// usable open.
pub(crate) fn forward_returns(symbols: &[Symbol], entry: &Bars, exit: &Bars) -> Vec<f64> {
    let open = |bars: &Bars, symbol: &Symbol| {
        let open = bars.row(symbol).map(|row| bars.open[row]);
        open.filter(|open| open.is_finite() && *open > 0.0).unwrap_or(f64::NAN)
    };
    symbols.iter().map(|symbol| (open(exit, symbol) / open(entry, symbol)).ln()).collect()
}

/// Per row of `features`, whose sectors (as [`features::sector_codes`]) these are; NaN where ineligible or without a return.
pub(crate) fn neutral(features: &Features, sectors: &[usize], returns: &[f64]) -> Vec<f64> {
    let eligible: Vec<bool> = features
        .eligible
        .iter()
        .zip(returns)
        .map(|(eligible, value)| *eligible && value.is_finite())
        .collect();
    let beta = &features.exposures.beta;
    transform::cross_section(returns, &eligible, beta, sectors, Norm::Rank, Neutral::MarketSector)
}
