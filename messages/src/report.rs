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
    /// What the value has beyond mark times quantity, a fraction of a millionth of a dollar a share: a simulation may
    /// mark at finer prices than a venue's, and keeps its money exact.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub rounding: Usd,
}

impl Holding {
    /// At the mark; negative for a short.
    pub fn value(&self) -> Usd {
        self.mark.times(self.quantity) + self.rounding
    }
}

/// The venue's statement after the close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReported {
    pub cash: Usd,
    pub equity: Usd,
    /// Ascending by symbol.
    pub positions: Vec<Holding>,
}

/// The account at a moment of the open market when nothing was under way: cash and shares are our books', prices the
/// venue's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    pub equity: Usd,
    /// Of what is held, ascending by symbol.
    pub prices: Vec<(Symbol, Price)>,
}

/// A movement of cash or shares that no fill made, as the venue reports it (Alpaca: account activities). Nothing
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
    /// Into the holding of `symbol`, signed: what a corporate action made of it.
    #[serde(default, skip_serializing_if = "Shares::is_zero")]
    pub shares: Shares,
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
    /// More or fewer shares of the same name, which cost what the old ones cost; the amount is for fractions.
    Split,
    /// Shares of one name for those of another, or for cash: a change of symbol, a merger, a spin-off.
    Reorganisation,
}

impl BookedKind {
    pub fn name(self) -> &'static str {
        match self {
            BookedKind::Fee => "fee",
            BookedKind::Borrow => "borrow",
            BookedKind::Dividend => "dividend",
            BookedKind::Interest => "interest",
            BookedKind::Transfer => "transfer",
            BookedKind::Split => "split",
            BookedKind::Reorganisation => "reorganisation",
        }
    }

    /// What a holding is, or how many shares it has, changes: orders of that day were sized with another world.
    pub fn is_corporate_action(self) -> bool {
        matches!(self, BookedKind::Split | BookedKind::Reorganisation)
    }
}

/// A named human takes the venue's word where it differs from our books: what differs is nobody's profit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    pub operator: String,
    pub reason: String,
    /// The last session that came before; later ones go on from the statement.
    pub through: Option<Date>,
    /// What our books become.
    pub statement: AccountReported,
    /// Ids of all activities that the statement holds and that a later reading of the venue may list again.
    pub activities: Vec<String>,
    /// What was different, a row each: for people.
    pub differences: Vec<String>,
}

/// One session's account from fills alone, after it was found equal to the venue's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayReported {
    pub session: Date,
    /// Equity before and after, and the cash in it.
    pub nav_open: Usd,
    pub nav_close: Usd,
    pub cash: Usd,
    /// Simple return of the session, net of all costs; deposits and withdrawals are none of it.
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
