//! What risk wants to hold.

use crate::{Date, Price, Shares, Symbol, Usd};
use serde::{Deserialize, Serialize};

/// The book to hold after the next open. All figures are of the *rounded* shares, at `mark`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// Session whose close the targets were computed from.
    pub signal_session: Date,
    pub nav: Usd,
    /// Every symbol that is held or shall be, ascending.
    pub targets: Vec<Target>,
    pub exposures: PortfolioExposures,
    /// Share of the way from the current to the wished book, 0 to 1: what the limits allowed.
    pub theta: f64,
    /// Limits that held something back, with their sizes: `ADV AAPL 120000`.
    pub binding: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub symbol: Symbol,
    /// Wished share of NAV before rounding.
    pub weight: f64,
    pub quantity: Shares,
    pub held: Shares,
    pub mark: Price,
    /// Predicted cost of getting there, basis points of the traded value.
    pub cost_bp: f64,
}

/// As fractions of NAV; long positive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PortfolioExposures {
    pub gross: f64,
    pub net: f64,
    /// `None` in a session without features: nobody knows the betas then.
    pub beta: Option<f64>,
    /// Ascending by sector.
    pub sectors: Vec<SectorNet>,
    /// Largest single name, absolute.
    pub name_largest: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectorNet {
    pub sector: String,
    pub net: f64,
}
