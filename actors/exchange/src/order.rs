//! What is asked of the exchange and what it says back, without any wire format.

use messages::{Price, Shares, Side, Symbol, Time, TimeInForce, Usd};
use std::fmt;
use thiserror::Error;

/// An order somebody wants to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// One is made up where it is absent.
    pub client_order_id: Option<String>,
    pub symbol: Symbol,
    pub side: Side,
    /// Positive.
    pub quantity: Shares,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OrderKind {
    Market,
    Limit(Price),
}

/// An order the exchange took, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub id: String,
    pub client_order_id: String,
    pub asset_id: String,
    pub symbol: Symbol,
    pub side: Side,
    pub quantity: Shares,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub status: Status,
    /// Opened a position or added to one, when it was placed.
    pub opens: bool,
    pub filled: Shares,
    /// Sum of price times shares over its executions; positive.
    pub filled_value: Usd,
    pub created_at: Time,
    pub updated_at: Time,
    pub filled_at: Option<Time>,
    pub canceled_at: Option<Time>,
    pub expired_at: Option<Time>,
    /// The close of its session, for a day order.
    pub expires_at: Option<Time>,
}

impl OrderState {
    pub fn is_open(&self) -> bool {
        !matches!(self.status, Status::Filled | Status::Canceled | Status::Expired)
    }

    pub fn remaining(&self) -> Shares {
        self.quantity - self.filled
    }

    /// Average price of what was filled, rounded to $0.000001.
    pub fn average(&self) -> Option<Price> {
        (self.filled.0 > 0).then(|| average(self.filled_value, self.filled))
    }
}

/// In Alpaca's words.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Taken while the exchange was closed; routed at the next open.
    Accepted,
    /// Taken while the exchange was open; `New` an instant later.
    PendingNew,
    New,
    PartiallyFilled,
    Filled,
    Canceled,
    Expired,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Accepted => "accepted",
            Status::PendingNew => "pending_new",
            Status::New => "new",
            Status::PartiallyFilled => "partially_filled",
            Status::Filled => "filled",
            Status::Canceled => "canceled",
            Status::Expired => "expired",
        })
    }
}

/// Something happened to an order. There is no `rejected`: what the exchange will not take, it refuses
/// when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeUpdate {
    pub event: Event,
    pub at: Time,
    /// Of this event: unique, ascending from 1.
    pub number: u64,
    /// The order after it.
    pub order: OrderState,
    /// For `Fill` and `PartialFill`.
    pub execution: Option<Fill>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Accepted,
    New,
    PartialFill,
    Fill,
    Canceled,
    Expired,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Event::Accepted => "accepted",
            Event::New => "new",
            Event::PartialFill => "partial_fill",
            Event::Fill => "fill",
            Event::Canceled => "canceled",
            Event::Expired => "expired",
        })
    }
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub id: String,
    pub order_id: String,
    pub symbol: Symbol,
    pub side: Side,
    /// Of this execution; positive.
    pub quantity: Shares,
    /// All costs included.
    pub price: Price,
    /// Filled of the order so far, this execution included.
    pub cumulative: Shares,
    /// What the order still lacks after it.
    pub leaves: Shares,
    /// The position after it, signed.
    pub position: Shares,
    pub at: Time,
}

/// Why the exchange did not do as it was asked: Alpaca's HTTP status, code and words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    pub status: u16,
    pub code: u32,
    pub message: String,
    /// Further fields of the error's body.
    pub extras: Vec<(&'static str, String)>,
}

impl Refusal {
    pub const NOT_FOUND: u32 = 40_410_000;
    pub const FORBIDDEN: u32 = 40_310_000;
    pub const INVALID: u32 = 42_210_000;
    pub const MALFORMED: u32 = 40_010_001;

    pub fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), extras: Vec::new() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, Self::NOT_FOUND, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, Self::FORBIDDEN, message)
    }

    /// A sound request for something that can't be had.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, Self::INVALID, message)
    }

    /// A request that is not well-formed.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(422, Self::MALFORMED, message)
    }

    pub(super) fn with(mut self, field: &'static str, value: &impl ToString) -> Self {
        self.extras.push((field, value.to_string()));
        self
    }
}

/// Which orders to list, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub scope: Scope,
    /// Empty: all.
    pub symbols: Vec<Symbol>,
    pub side: Option<Side>,
    /// Placed strictly after, strictly before.
    pub after: Option<Time>,
    pub until: Option<Time>,
    /// Placed strictly after, strictly before the order of this id.
    pub after_order: Option<String>,
    pub before_order: Option<String>,
    /// Oldest first; newest first otherwise.
    pub ascending: bool,
    pub limit: Option<usize>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Open,
    Closed,
    All,
}

/// `value` per share, rounded half away from zero.
pub(super) fn average(value: Usd, quantity: Shares) -> Price {
    let (value, quantity) = (i128::from(value.0), i128::from(quantity.0));
    let doubled = 2 * value.abs() + quantity.abs();
    let size = doubled / (2 * quantity.abs());
    Price(i64::try_from(size).expect("an average lies within its prices"))
}
