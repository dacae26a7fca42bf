//! What happened, in the venue's words and in ours.

use crate::{Date, ModelRef, PortfolioExposures, Price, Shares, Symbol, Usd};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub symbol: Symbol,
    /// Signed: negative is short.
    pub quantity: Shares,
    /// Average entry price.
    pub average: Price,
    /// Last price: what the holding is valued at.
    pub mark: Price,
}

/// The venue's statement after the close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReported {
    pub cash: Usd,
    pub equity: Usd,
    /// Ascending by symbol.
    pub positions: Vec<Holding>,
}

/// A movement of cash that no fill made, as the venue reports it (Alpaca: account activities). Nothing
/// computed by ourselves is ever said in this message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// The venue's own id of it: hearing of it twice says it once.
    pub activity: String,
    pub date: Date,
    pub kind: BookedKind,
    /// `None`: of the whole account.
    pub symbol: Option<Symbol>,
    /// Into the account; negative where the account pays.
    pub amount: Usd,
    /// The venue's words.
    pub description: String,
    /// The cash that the session opened with holds it already.
    pub before_open: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookedKind {
    /// Regulatory fees, commissions.
    Fee,
    /// For stock that was sold short.
    Borrow,
    /// Received, or paid on a short.
    Dividend,
    Interest,
    /// A deposit or a withdrawal: no return of anything that was traded.
    Transfer,
}

/// One session's account from fills alone, after it was found equal to the venue's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayReported {
    pub session: Date,
    /// Equity before and after, and the cash in it.
    pub nav_open: Usd,
    pub nav_close: Usd,
    pub cash: Usd,
    /// Simple return of the session, net of all costs.
    pub daily_return: f64,
    /// Sum of absolute traded value.
    pub traded: Usd,
    /// Implementation shortfall: what fills cost against the close that their orders were sized with
    /// (`Order::reference`), positive is a cost. It holds the overnight move as well as spread and
    /// impact: the journal does not know the opening price, so they can't be told apart here.
    pub slippage: Usd,
    /// Of the book after the close, at closing marks.
    pub exposures: PortfolioExposures,
    pub expected: u32,
    pub covered: u32,
    pub orders: u32,
    pub fills: u32,
    pub rejects: u32,
    pub denied: u32,
    /// Ascending by symbol, after the close.
    pub positions: Vec<Holding>,
}

/// A model has passed into the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelPublished {
    pub model: ModelRef,
    pub whitelist_sha256: String,
    /// Mean daily rank IC on sessions the model has not seen, and how many there were.
    pub oof_ic: f64,
    pub oof_ic_t: f64,
    pub oof_sessions: u32,
    /// `edge not established`, or what was.
    pub label: String,
}
