//! The formulas (METHODS.md §1), by family. Each gives its features in the order of
//! [`crate::whitelist::SPECS`]; NaN where a window says too little.

mod market;
mod oscillators;
mod returns;
mod volatility;
mod volume;

pub(crate) use market::{regression, residuals, sector_momentum, vasicek};
pub(crate) use oscillators::oscillators;
pub(crate) use returns::{log_return_between, returns};
pub(crate) use volatility::volatility;
pub(crate) use volume::volume;

/// Trading days a year.
pub(crate) const YEAR: f64 = 252.0;
